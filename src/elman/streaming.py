"""One time step of a network at a time, with as little as possible around the arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.backends.kernels import first_not_finite
from elman.checks import describe
from elman.data.dataset import Form
from elman.errors import InputError
from elman.layers import Layer, RecurrentLayer
from elman.state import NetworkState, check_state

__all__ = ["Stepper"]

Array: TypeAlias = NDArray[Any]


class Stepper:
    """A network's layers, run for one step.

    Args:
        layers: The layers as they run.
        form: What the network reads and gives.
        sizes: Name and width of every state.
        initial_state: The state that so many rows begin in.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        form: Form,
        sizes: Mapping[str, int],
        initial_state: Callable[[int], NetworkState],
    ) -> None:
        self._layers: list[tuple[Any, slice | None]] = []
        for layer in layers:
            if isinstance(layer, RecurrentLayer):
                first = layer.state_offset
                own = slice(first, first + len(layer.state_sizes()))
                self._layers.append((layer.walk_step, own))
            else:
                self._layers.append((layer.step, None))
        self._form, self._sizes, self._initial_state = form, dict(sizes), initial_state
        self._names = initial_state(1).names
        self._dtype = np.dtype(np.int64) if form.tokens else np.dtype(form.dtype)
        self._tokens = form.tokens
        self._width = () if form.tokens else (form.size_in,)  # shape of a single row
        self._axes = len(self._width)
        self._bidirectional = any(
            isinstance(layer, RecurrentLayer) and layer.bidirectional for layer in layers
        )

    def __call__(
        self, x_t: Any, state: NetworkState | None, version: int
    ) -> tuple[Array, NetworkState]:
        """The outputs of the step and the new state, see :meth:`elman.Network.step`."""
        x = self._checked_tokens(x_t) if self._tokens else np.asarray(x_t, self._dtype, "C")
        single = x.ndim == self._axes
        if single:
            x = x[None]
        # a state that came from this network fits if it has the right number of rows
        if type(state) is not NetworkState or state._names is not self._names:
            state = self._checked_state(state, x, x_t)
        before = state._parts
        if (
            x.shape[1:] != self._width
            or self._bidirectional
            or (before and len(before[0]) != len(x))
            or (not self._tokens and first_not_finite(x) >= 0 and not self._excused(x))
        ):
            self._refuse(x, x_t, before)
        y, after = x, ()
        for step, own in self._layers:
            if own is None:
                y = step(y)
            else:
                y, state_after = step(y, before[own], version)
                after += state_after
        y = (y[0] if single else y).copy()
        new = NetworkState.__new__(NetworkState)  # unchecked: it came from here
        new._names, new._parts = self._names, after
        return y, new

    def _excused(self, x: Array) -> bool:
        """Whether what is not finite is declared to be missing."""
        return self._form.missing and not np.isinf(x).any()

    def _refuse(self, x: Array, x_t: Any, state: tuple[Array, ...]) -> None:
        """Says what does not fit."""
        if self._bidirectional:
            raise InputError(
                "step: a bidirectional layer needs the whole sequence; call predict instead"
            )
        if x.shape[1:] != self._width:
            size = self._form.size_in
            raise InputError(f"x_t: expected (rows, {size}) or ({size},), got {describe(x_t)}")
        if state and len(state[0]) != len(x):
            raise InputError(
                f"state: expected as many rows as x_t has, {len(x)}, got {len(state[0])}"
            )
        raise InputError(f"x_t: expected finite numbers, got {x_t!r}")

    def _checked_tokens(self, x_t: Any) -> Array:
        x, number = np.asarray(x_t), self._form.size_in
        fits = x.dtype.kind in "iub" and x.ndim <= 1
        if not fits or (x.size and not (x.min() >= 0 and x.max() < number)):
            raise InputError(
                f"x_t: expected a token, or an array (rows,) of tokens, whole numbers from 0 to "
                f"{number - 1}, got {x_t!r}"
            )
        return x.astype(np.int64)

    def _checked_state(self, state: Any, x: Array, x_t: Any) -> NetworkState:
        if x.shape[1:] != self._width:
            self._refuse(x, x_t, ())
        if state is None:
            state = self._initial_state(len(x))
        else:
            state = check_state(state, self._sizes, len(x), self._form.dtype)
        return NetworkState.of_parts(self._names, state.parts)
