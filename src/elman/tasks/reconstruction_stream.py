"""Anomaly detection step by step, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.checks import describe
from elman.errors import InputError
from elman.evaluate.anomalies import Threshold

__all__ = ["DetectionStream", "StepScore"]

Array: TypeAlias = NDArray[Any]


class StepScore(NamedTuple):
    """What is said of a step, once and for all.

    Attributes:
        step: Its number, from 0.
        score: How odd it is; NaN if no value of it was observed.
        alarm: Whether that is above the threshold.
    """

    step: int
    score: float
    alarm: bool


class DetectionStream:
    """Scores a series as it comes in, with the numbers that the batch would give.

    A step's score is final when every window that holds it is complete: up to ``window - 1``
    steps later, or at once with ``aggregate="newest"`` (after the first window). What is kept is
    one window of values and of sums, however long the stream.

    Args:
        score: What windows ``(T, C)`` say of their steps.
        window: Steps of a window.
        stride: Steps between windows.
        channels: Channels of a step.
        newest: Whether a step is scored by the first window that holds it.
        threshold: Above which there is an alarm; it may follow.

    Attributes:
        steps: How many steps came in.
    """

    def __init__(
        self,
        score: Callable[[Sequence[Array]], list[Array]],
        window: int,
        stride: int,
        channels: int,
        newest: bool,
        threshold: Threshold,
    ) -> None:
        self._score, self._window, self._stride = score, window, stride
        self._newest, self._threshold = newest, threshold
        self._level = threshold.value
        self._values = np.full((window, channels), np.nan)  # the latest, oldest first
        self._total, self._count = np.zeros(window), np.zeros(window)  # of the same steps
        self._told = 0  # steps whose score is out
        self._reached = 0  # one past the last step that a window has spoken for
        self._finished = False
        self.steps = 0

    def update(self, x_t: Any) -> list[StepScore]:
        """Takes one step in.

        Args:
            x_t: ``(C,)``, or a number where there is one channel; NaN where missing.

        Returns:
            The steps whose scores are final now, in order; often none or one.

        Raises:
            InputError: If it does not fit, is infinite, or the stream was finished.
        """
        if self._finished:
            raise InputError("update: expected a stream that goes on, but finish was called")
        x = np.atleast_1d(np.asarray(x_t, np.float64))
        if x.shape != self._values.shape[1:] or np.isinf(x).any():
            raise InputError(
                f"x_t: expected {self._values.shape[1]} finite numbers, or NaN where missing, got "
                f"{describe(x_t)}"
            )
        self._values[:-1] = self._values[1:]
        self._values[-1] = x
        for one in (self._total, self._count):
            one[:-1] = one[1:]
            one[-1] = 0.0
        self.steps += 1
        start = self.steps - self._window
        if start < 0 or start % self._stride:
            return []
        self._speak(start)
        if self._newest:
            return self._tell(self.steps)
        return self._tell(start + self._stride)  # no later window holds what lies before

    def finish(self) -> list[StepScore]:
        """Ends the series: the scores of the steps still open, as the batch gives them."""
        if self._finished or not self.steps:
            self._finished = True
            return []
        self._finished = True
        if self.steps < self._window:
            self._speak(0, self.steps)
        elif self._reached < self.steps:
            self._speak(self.steps - self._window)
        return self._tell(self.steps)

    def _speak(self, start: int, length: int | None = None) -> None:
        """Adds what the window that ends now says of its steps."""
        length = self._window if length is None else length
        said = self._score([self._values[self._window - length :].copy()])[0]
        aligned = not start % self._stride and length == self._window
        first = self._reached if self._newest or not aligned else start
        spoken = said[first - start :]
        known = ~np.isnan(spoken)
        place = self._place(first)
        self._total[place:] += np.where(known, spoken, 0.0)
        self._count[place:] += known
        self._reached = self.steps

    def _place(self, step: int) -> int:
        """Where a step stands in the memory, whose last place is the latest step."""
        return step - (self.steps - self._window)

    def _tell(self, end: int) -> list[StepScore]:
        told = []
        for step in range(self._told, end):
            place = self._place(step)
            count = self._count[place]
            score = float(self._total[place] / count) if count else float("nan")
            told.append(StepScore(step, score, bool(score > self._level)))
            self._level = self._threshold.after(self._level, score)
        self._told = max(self._told, end)
        return told
