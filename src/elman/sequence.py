"""A cell over time: picks the backend and keeps the buffers that its walks reuse."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from elman.backends import reference
from elman.cells import CELLS, Parameters, State

__all__ = ["Recurrence"]

Array: TypeAlias = NDArray[Any]


class Recurrence:
    """One cell of one size, walked over time in one direction."""

    def __init__(
        self,
        cell: str,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        reverse: bool = False,
        dtype: DTypeLike = np.float32,
        backend: str = "auto",
    ) -> None:
        self._dtype = np.dtype(dtype)
        self._hidden_size = hidden_size
        self._number = len(CELLS[cell].states)
        self._workspace = reference.create_workspace(
            cell, input_size, hidden_size, bias, self._dtype, reverse
        )

    def forward(
        self,
        parameters: Parameters,
        x: Array,
        state: State | None = None,
        live: Array | None = None,
        training: bool = False,
        output: Array | None = None,
    ) -> tuple[Array, State]:
        """Outputs ``[T, B, H]`` and the final state, a tuple of ``[B, H]``."""
        steps, rows = x.shape[:2]
        if output is None:
            output = np.empty((steps, rows, self._hidden_size), self._dtype)
        final = self._states(rows)
        reference.forward(self._workspace, parameters, x, state, live, output, final, training)
        return output, final

    def backward(
        self,
        parameters: Parameters,
        x: Array,
        d_output: Array | None,
        d_final_state: State | None = None,
        gradients: Parameters | None = None,
        need_d_x: bool = True,
        truncate: int | None = None,
    ) -> tuple[Array | None, State]:
        """The gradients in ``x`` and in the initial state; adds to ``gradients``."""
        d_x = np.empty_like(x) if need_d_x else None
        d_state = self._states(x.shape[1])
        assert gradients is not None
        reference.backward(
            self._workspace,
            parameters,
            x,
            d_output,
            d_final_state,
            d_x,
            d_state,
            gradients,
            truncate,
        )
        return d_x, d_state

    def _states(self, rows: int) -> State:
        shape = (rows, self._hidden_size)
        return tuple(np.empty(shape, self._dtype) for _ in range(self._number))
