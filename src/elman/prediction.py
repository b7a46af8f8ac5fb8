"""Rows through a pipeline outside training, and their outputs in the form they came in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.data.batches import Batch, Batches, Sequences
from elman.data.dataset import Form
from elman.layers import Context

__all__ = ["as_came", "run_rows"]

Array: TypeAlias = NDArray[Any]
State: TypeAlias = tuple[Array, ...]
Pass: TypeAlias = Callable[[Array, Context], Array]


def run_rows(
    run: Pass,
    form: Form,
    sequences: Sequences,
    state: State,
    batch_size: int,
    version: int,
) -> tuple[Array, State]:
    """The outputs of all rows, and, if a state is given, their final states.

    Args:
        run: A batch's way through the layers, time-major.
        form: What they read and give.
        sequences: The inputs.
        state: Where the rows begin, ``(N, H)`` for each state; empty for the initial state.
        batch_size: Rows at a time.
        version: See :mod:`elman.sequence`.

    Returns:
        ``(N, K)``, or ``(N, T, K)`` if the layers give an output for every step; new arrays.
    """
    batches = Batches(sequences, batch_size=batch_size, tokens=form.tokens)
    if batches.equal and len(batches) == 1:
        # whole rows, in their order: what comes out is all there is
        y, finals = _run_batch(run, next(batches.epoch()), state, version)
        return (y.transpose(1, 0, 2) if form.per_step else y).copy(), finals
    rows, size = len(sequences), form.size_out
    shape = (rows, sequences.steps, size) if form.per_step else (rows, size)
    output = np.zeros(shape, form.dtype)
    finals = tuple(np.empty_like(part) for part in state)
    for batch in batches.epoch():
        y, ends = _run_batch(run, batch, state, version)
        if form.per_step:
            output[batch.rows, : y.shape[0]] = y.transpose(1, 0, 2)
        else:
            output[batch.rows] = y
        for final, part in zip(finals, ends, strict=True):
            final[batch.rows] = part
    return (sequences.spread(output) if form.per_step else output), finals


def as_came(output: Array, sequences: Sequences, as_list: bool) -> Any:
    """The outputs ``(N, T, K)``, or a list of ``(T_i, K)``."""
    if not as_list:
        return output
    lengths = sequences.lengths
    steps = [sequences.steps] * len(output) if lengths is None else lengths
    return [row[:length] for row, length in zip(output, steps, strict=True)]


def _run_batch(run: Pass, batch: Batch, state: State, version: int) -> tuple[Array, State]:
    """The outputs of a batch, in memory of the layers, and its final states, in new memory."""
    context = Context(live=batch.live, lengths=batch.lengths, version=version)
    if not state:
        return run(batch.x, context), ()
    ends = tuple(np.empty((len(batch.rows), *part.shape[1:]), part.dtype) for part in state)
    context.state = tuple(part[batch.rows] for part in state)
    context.final_state = ends
    return run(batch.x, context), ends
