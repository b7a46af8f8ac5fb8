"""Passes that run through Python once and are then made again by the core in a single call.

In training, a small network's step is a dozen calls of microseconds each, and the Python around
them takes as long as they do. But every step of one shape makes the same calls on the same
buffers. So the first one is recorded (:class:`elman._core.Recording`) and the others replay it:
the same functions, the same arguments, the same bits. So is a prediction for a few short rows.

That holds only if nothing else touches the arrays on the way. Layers say so themselves
(:attr:`elman.layers.base.Layer.recordable`); dropout, for one, draws new numbers in every step.
Where the core makes the random numbers itself, only their seed is new: it is drawn before a replay.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from elman.backends.kernels import Recording
from elman.data.batches import Batch, Batches

__all__ = ["RecordedBatches", "RecordedOutputs", "RecordedPasses"]

Array: TypeAlias = NDArray[Any]
Report: TypeAlias = tuple[float, float, float]  # loss, sum of its weights, gradient norm

_Result = TypeVar("_Result")


class RecordedPasses:
    """One pass over rows of a data set, recorded for each number of rows.

    Args:
        batches: Where rows come from, all of one length.
        run: A pass over a batch that calls nothing but the core: gradients and their clipping.
        redraw: Draws what the pass draws, before it is made again.
    """

    def __init__(
        self, batches: Batches, run: Callable[[Batch], Report], redraw: Callable[[], None] | None
    ) -> None:
        self._batches, self._run, self._redraw = batches, run, redraw
        self._recorded: dict[int, tuple[Array, Callable[[], Report]]] = {}

    def __call__(self, rows: Array) -> Report:
        """The pass over these rows, int64 ``(B,)``."""
        recorded = self._recorded.get(len(rows))
        if recorded is None:
            return self._record(rows)
        own_rows, replay = recorded
        own_rows[...] = rows
        if self._redraw is not None:
            self._redraw()
        return replay()

    def _record(self, rows: Array) -> Report:
        own_rows = np.array(rows, np.int64)  # where the replays look for theirs
        report, replay = _record(lambda: self._run(self._batches.take(own_rows)))
        self._recorded[len(rows)] = own_rows, replay
        return report


class RecordedBatches:
    """Passes over batches that come in order, those that lie in the same memory recorded once.

    Args:
        run: A pass over a batch that calls nothing but the core.
        redraw: Draws what the pass draws, before it is made again.
    """

    def __init__(self, run: Callable[[Batch], Report], redraw: Callable[[], None] | None) -> None:
        self._run, self._redraw = run, redraw
        self._recorded: tuple[Batch, Callable[[], Report]] | None = None

    def __call__(self, batch: Batch) -> Report:
        """The pass over this batch."""
        if not batch.stays:
            return self._run(batch)
        if self._recorded is None or self._recorded[0] is not batch:
            report, replay = _record(lambda: self._run(batch))
            self._recorded = batch, replay
            return report
        if self._redraw is not None:
            self._redraw()
        return self._recorded[1]()


class RecordedOutputs:
    """Passes outside training, recorded for each shape of what is read.

    Args:
        run: A pass that calls nothing but the core, over the values it is given, of parameters
            that the version it is given stands for, see :mod:`elman.sequence`.
    """

    _KEPT = 16  # shapes; each holds on to the memory that it was recorded in

    def __init__(self, run: Callable[[Array, int], Array]) -> None:
        self._run, self._version = run, -1
        self._recorded: dict[tuple[int, ...], tuple[Array, Array, Callable[[], Report]]] = {}

    def __call__(self, x: Array, version: int) -> Array:
        """The outputs, which the next call overwrites.

        Args:
            x: ``[T, B, C]``, or ``[T, B]`` of tokens; in any order in memory.
            version: Of the parameters, at least 0.
        """
        recorded = self._recorded.get(x.shape) if version == self._version else None
        if recorded is None:
            return self._record(x, version)
        own_x, output, replay = recorded
        own_x[...] = x
        replay()
        return output

    def _record(self, x: Array, version: int) -> Array:
        if version != self._version or len(self._recorded) >= self._KEPT:
            self._recorded.clear()
            self._version = version
        own_x = np.array(x, order="C")  # where the replays look for theirs
        output, replay = _record(lambda: self._run(own_x, version))
        self._recorded[x.shape] = own_x, output, replay
        return output


def _record(run: Callable[[], _Result]) -> tuple[_Result, Callable[[], Report]]:
    """What a pass came to, and what makes its calls again."""
    recording = Recording()
    recording.start()
    try:
        result = run()
    finally:
        recording.stop()
    return result, recording.run
