"""One direction of one level of a recurrent layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from elman.backends import kernels
from elman.backends.regularization import Noise, Regularization
from elman.buffers import Buffer
from elman.cells import CELLS, Parameters
from elman.layers.base import Array, Context
from elman.sequence import Recurrence

__all__ = ["Walk"]


class Walk:
    """One direction of one level: a recurrence with its parameters and its initial state.

    Args:
        cell: A name in :data:`elman.cells.CELLS`.
        input_size: Channels read.
        hidden_size: Units.
        bias: Whether there are biases.
        learned_state: Whether the initial state is a parameter.
        suffix: What the names of its parameters end in: ``l0``, ``l0_reverse`` ...
        parameters: Views by name.
        gradients: Views by name.
        dtype: float32 or float64.
        backend: See :mod:`elman.sequence`.
        regularization: Recurrent dropout, zoneout and layer normalisation.

    Attributes:
        seed: uint64 ``(1,)``: of the random numbers of the next pass in training.
        offset: Where its states begin among those of its layer.
        final_state: That of the latest ``forward``.
    """

    def __init__(
        self,
        cell: str,
        input_size: int,
        hidden_size: int,
        bias: bool,
        learned_state: bool,
        suffix: str,
        parameters: Mapping[str, Array],
        gradients: Mapping[str, Array],
        dtype: Any,
        backend: str,
        regularization: Regularization,
    ) -> None:
        reverse = suffix.endswith("reverse")
        self.recurrence = Recurrence(
            cell, input_size, hidden_size, bias, reverse, dtype, backend, regularization
        )
        names = CELLS[cell].parameter_names(regularization.layer_norm)
        self.parameters: Parameters = tuple(parameters.get(f"{name}_{suffix}") for name in names)
        self.gradients: Parameters = tuple(gradients.get(f"{name}_{suffix}") for name in names)
        self.random = regularization.random
        self.seed = np.zeros(1, np.uint64)
        states = CELLS[cell].states if learned_state else ()
        self.learned = [parameters[f"initial_{state}_{suffix}"] for state in states]
        self.d_learned = [gradients[f"initial_{state}_{suffix}"] for state in states]
        self.number = len(CELLS[cell].states)
        self.offset = 0
        self._initial = [Buffer(dtype) for _ in range(self.number)]
        self._d_rest = Buffer(dtype)
        self.final_state: tuple[Array, ...] = ()

    def forward(self, x: Array, layer_offset: int, context: Context, output: Array | None) -> Array:
        """``[T, B, input_size]`` to ``[T, B, H]``, written to ``output`` if it is given."""
        self._x = x
        first = layer_offset + self.offset
        last = first + self.number
        state: Any = None
        if context.state is not None:
            state = context.state[first:last]
        elif self.learned:
            state = self._learned_state(x.shape[1])
        noise = None
        if self.random and context.randomness is not None:
            noise = Noise(self.seed, context.rows)
        final: Any = context.final_state
        result, self.final_state = self.recurrence.forward(
            self.parameters,
            x,
            state,
            context.live,
            context.training,
            output,
            context.version,
            None if final is None else final[first:last],
            noise,
        )
        return result

    def backward(
        self,
        d_output: Array | None,
        d_final_state: tuple[Array, ...] | None,
        need_d_x: bool,
        context: Context,
    ) -> Array | None:
        """Adds to the gradients; returns that of the input, if it is wanted."""
        d_x, d_state = self.recurrence.backward(
            self.parameters,
            self._x,
            d_output,
            d_final_state,
            self.gradients,
            need_d_x,
            context.truncate,
        )
        if self.learned and (context.state is None or context.begins is not None):
            for d_learned, part in zip(self.d_learned, d_state, strict=True):
                own = part if context.state is None else part[context.begins]
                d_learned += own.sum(axis=0)
        return d_x

    def backward_last(self, d_y: Array, need_d_x: bool, context: Context) -> Array | None:
        """Backward when only the final output was used."""
        if context.lengths is not None:
            d_y[np.count_nonzero(context.lengths) :] = 0.0  # their output was a constant
        if self.number == 1:
            return self.backward(None, (d_y,), need_d_x, context)
        rest = self._d_rest(d_y.shape)
        kernels.fill_zero(rest)
        return self.backward(None, (d_y, rest), need_d_x, context)

    def _learned_state(self, batch_size: int) -> tuple[Array, ...]:
        state = []
        for buffer, vector in zip(self._initial, self.learned, strict=True):
            part = buffer((batch_size, vector.size))
            part[...] = vector
            state.append(part)
        return tuple(state)
