"""Baselines beside an emulator, all run free from the same history: what costs next to nothing.

All of them work on scaled states ``(T, C)``; ``beside`` ``(T - 1, K)`` is what is read at each
step beside the state: forcing at both ends of the step, and parameters.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["RIVALS", "AnalogStates", "LinearSteps", "MeanState", "Rival", "SameState"]

Array: TypeAlias = NDArray[Any]

_CHUNK = 20_000  # windows at a time
_MOST_ANALOGS = 50_000
_LIMIT = 10.0  # scaled states beyond this are held there: a linear map may run away


class Rival(Protocol):
    """A baseline, fitted."""

    def rollout(self, history: Array, beside: Array, steps: int) -> Array:
        """States ``(N, steps, C)`` after histories ``(N, k, C)``; ``beside`` ``(N, k - 1 +
        steps, K)``.
        """


class SameState:
    """Persistence: the last state for ever.

    Args:
        states: ``(T_i, C)`` each.
        beside: ``(T_i - 1, K)`` each.
        lags: Steps of history that may be read.
    """

    def __init__(self, states: list[Array], beside: list[Array], lags: int) -> None:
        pass

    def rollout(self, history: Array, beside: Array, steps: int) -> Array:
        """See :class:`Rival`."""
        return np.repeat(history[:, -1:], steps, axis=1)


class MeanState:
    """Climatology: the mean state.

    Args:
        states: ``(T_i, C)`` each.
        beside: ``(T_i - 1, K)`` each.
        lags: Steps of history that may be read.
    """

    def __init__(self, states: list[Array], beside: list[Array], lags: int) -> None:
        self._mean = np.concatenate(states).mean(axis=0)

    def rollout(self, history: Array, beside: Array, steps: int) -> Array:
        """See :class:`Rival`."""
        return np.tile(self._mean, (len(history), steps, 1))


class LinearSteps:
    """A linear map of the last states and what is beside them to the next increment.

    Args:
        states: ``(T_i, C)`` each.
        beside: ``(T_i - 1, K)`` each.
        lags: States that it reads, fewer where trajectories are short.
        penalty: Of the squared weights, for each row learnt from.
    """

    def __init__(
        self, states: list[Array], beside: list[Array], lags: int, penalty: float = 1e-8
    ) -> None:
        self.lags = max(1, min(lags, min(map(len, states)) - 1))
        size = self.lags * states[0].shape[1] + beside[0].shape[1] + 1
        gram, moment = np.zeros((size, size)), np.zeros((size, states[0].shape[1]))
        number = 0
        for one, around in zip(states, beside, strict=True):
            windows = np.lib.stride_tricks.sliding_window_view(one[:-1], self.lags, axis=0)
            ahead = np.diff(one, axis=0)[self.lags - 1 :]
            for begin in range(0, len(windows), _CHUNK):
                part = slice(begin, begin + _CHUNK)
                inputs = self._features(windows[part], around[self.lags - 1 :][part])
                gram += inputs.T @ inputs
                moment += inputs.T @ ahead[part]
            number += len(windows)
        gram += penalty * number * np.eye(size)
        self._weights = np.linalg.solve(gram, moment)

    @staticmethod
    def _features(windows: Array, around: Array) -> Array:
        flat = windows.reshape(len(windows), -1)
        return np.concatenate([flat, around, np.ones((len(flat), 1))], axis=1)

    def rollout(self, history: Array, beside: Array, steps: int) -> Array:
        """See :class:`Rival`."""
        missing = max(0, self.lags - history.shape[1])
        window = np.concatenate([np.repeat(history[:, :1], missing, axis=1), history], axis=1)
        window, reach = window[:, -self.lags :], history.shape[1] - 1
        result = np.empty((len(history), steps, history.shape[2]))
        ones = np.ones((len(history), 1))
        for step in range(steps):
            flat = window.transpose(0, 2, 1).reshape(len(window), -1)
            inputs = np.concatenate([flat, beside[:, reach + step], ones], axis=1)
            value = window[:, -1] + inputs @ self._weights
            result[:, step] = np.clip(value, -_LIMIT, _LIMIT)
            window = np.concatenate([window[:, 1:], result[:, step : step + 1]], axis=1)
        return result


class AnalogStates:
    """Analogs: what followed the past state most like this one, moved to set out from here.

    Args:
        states: ``(T_i, C)`` each.
        beside: ``(T_i - 1, K)`` each: forcing and parameters count in likeness.
        lags: States that are compared.

    Source: E. N. Lorenz, "Atmospheric predictability as revealed by naturally occurring
    analogues", Journal of the Atmospheric Sciences 26 (1969) 636-646.
    """

    def __init__(self, states: list[Array], beside: list[Array], lags: int) -> None:
        self.lags = max(1, min(lags, min(map(len, states)) - 1))
        self._steps = [np.diff(one, axis=0) for one in states]
        every = -(-sum(map(len, self._steps)) // _MOST_ANALOGS)  # of very many, some will do
        past, owner, at = [], [], []
        for number, (one, around) in enumerate(zip(states, beside, strict=True)):
            windows = np.lib.stride_tricks.sliding_window_view(one[:-1], self.lags, axis=0)
            chosen = np.arange(0, len(windows), every)
            past.append(self._likeness(windows[chosen], around[self.lags - 1 :][chosen]))
            owner.append(np.full(len(chosen), number))
            at.append(chosen + self.lags - 1)
        self._past, self._owner = np.concatenate(past), np.concatenate(owner)
        self._at = np.concatenate(at)
        self._squares = (self._past**2).sum(axis=1)

    def _likeness(self, windows: Array, around: Array) -> Array:
        flat = windows.reshape(len(windows), -1) / np.sqrt(self.lags)
        return np.concatenate([flat, around], axis=1)

    def rollout(self, history: Array, beside: Array, steps: int) -> Array:
        """See :class:`Rival`; at a trajectory's end the next analog is looked for."""
        missing = max(0, self.lags - history.shape[1])
        padded = np.concatenate([np.repeat(history[:, :1], missing, axis=1), history], axis=1)
        result = np.empty((len(history), steps, history.shape[2]))
        for row, past in enumerate(padded):
            path, step = past[-self.lags :], 0
            while step < steps:
                around = beside[row, history.shape[1] - 1 + step]
                flat = path[-self.lags :].T.reshape(-1) / np.sqrt(self.lags)
                wanted = np.concatenate([flat, around])
                near = int((self._squares - 2.0 * (self._past @ wanted)).argmin())
                follow = self._steps[self._owner[near]][self._at[near] :]
                follow = follow[: steps - step]
                # what followed, as it was: increments from here on keep it near at first
                ahead = path[-1] + np.cumsum(follow, axis=0)
                result[row, step : step + len(follow)] = np.clip(ahead, -_LIMIT, _LIMIT)
                path = np.concatenate([path, result[row, step : step + len(follow)]])
                step += len(follow)
        return result


RIVALS: dict[str, Any] = {
    "persistence": SameState,
    "mean state": MeanState,
    "linear": LinearSteps,
    "analog": AnalogStates,
}
"""Every baseline by its name, with the arguments ``(states, beside, lags)``."""
