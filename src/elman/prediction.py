"""Rows through a network outside training, and their outputs in the form they came in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.data.batches import Batch, Batches, Sequences
from elman.data.dataset import Form
from elman.layers import Context, Layer
from elman.layers.feedforward import Disturbance
from elman.recording import RecordedOutputs

__all__ = ["Predictor", "as_came"]

Array: TypeAlias = NDArray[Any]
State: TypeAlias = tuple[Array, ...]

RECORDED_STEPS = 1024
"""Steps of all rows together up to which a pass is recorded: beyond, Python takes no time of it."""


class Predictor:
    """A network's layers, run over rows outside training.

    Args:
        layers: The layers as they run.
        form: What the network reads and gives.
        run: A batch's way through the layers, time-major.
    """

    def __init__(
        self, layers: Sequence[Layer], form: Form, run: Callable[[Array, Context], Array]
    ) -> None:
        self._form, self._run = form, run
        self._recorded: RecordedOutputs | None = None
        if all(layer.recordable or isinstance(layer, Disturbance) for layer in layers):
            self._recorded = RecordedOutputs(lambda x, version: run(x, Context(version=version)))

    def __call__(
        self, sequences: Sequences, state: State, batch_size: int, version: int
    ) -> tuple[Array, State]:
        """The outputs of all rows, and, if a state is given, their final states.

        Args:
            sequences: The inputs.
            state: Where the rows begin, ``(N, H)`` for each state; empty for the initial state.
            batch_size: Rows at a time.
            version: See :mod:`elman.sequence`.

        Returns:
            ``(N, K)``, or ``(N, T, K)`` if there is an output for every step; new arrays.
        """
        array, rows = sequences.array, len(sequences)
        few = 0 < rows * sequences.steps <= RECORDED_STEPS and rows <= batch_size
        if few and array is not None and self._recorded is not None and not state and version >= 0:
            x = array.transpose(1, 0, 2)
            y = self._recorded(x[:, :, 0] if self._form.tokens else x, version)
            return (y.transpose(1, 0, 2) if self._form.per_step else y).copy(), ()
        return self._in_batches(sequences, state, batch_size, version)

    def _in_batches(
        self, sequences: Sequences, state: State, batch_size: int, version: int
    ) -> tuple[Array, State]:
        form, rows = self._form, len(sequences)
        shape = (rows, sequences.steps, form.size_out) if form.per_step else (rows, form.size_out)
        output = np.zeros(shape, form.dtype)
        finals = tuple(np.empty_like(part) for part in state)
        for batch in Batches(sequences, batch_size=batch_size, tokens=form.tokens).epoch():
            y, ends = self._run_batch(batch, state, version)
            if form.per_step:
                output[batch.rows, : y.shape[0]] = y.transpose(1, 0, 2)
            else:
                output[batch.rows] = y
            for final, end in zip(finals, ends, strict=True):
                final[batch.rows] = end
        return (sequences.spread(output) if form.per_step else output), finals

    def _run_batch(self, batch: Batch, state: State, version: int) -> tuple[Array, State]:
        """The outputs of a batch, in memory of the layers, and its final states."""
        context = Context(live=batch.live, lengths=batch.lengths, version=version)
        if not state:
            return self._run(batch.x, context), ()
        begin = tuple(part[batch.rows] for part in state)
        ends = tuple(np.empty_like(part) for part in begin)
        context.state, context.final_state = begin, ends
        return self._run(batch.x, context), ends


def as_came(output: Array, sequences: Sequences, as_list: bool) -> Any:
    """The outputs ``(N, T, K)``, or a list of ``(T_i, K)``."""
    if not as_list:
        return output
    lengths = sequences.lengths
    steps = [sequences.steps] * len(output) if lengths is None else lengths
    return [row[:length] for row, length in zip(output, steps, strict=True)]
