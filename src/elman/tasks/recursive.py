"""The recursive network: one step ahead at every step, then free with its own output as input.

    h_t     = cell(z_t, h_{t-1})                     z_t: values, marks, covariates of step t + 1
    y_{t+1} = y_t + W h_t + b                        many-to-many: a target at every step

Training compares every y_{t+1} with the truth (teacher forcing: R. J. Williams and D. Zipser,
"A learning algorithm for continually running fully recurrent neural networks", Neural Computation
1 (1989) 270-280). To forecast, the network reads the window, then runs free: each output is the
next input, and the state goes on. All target columns are read and forecast together, as the state
of one dynamical system.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from elman.buffers import Buffer
from elman.data.batches import Batch
from elman.layers import Dense
from elman.layers.base import Context, bind_layers
from elman.layers.recurrent import CellLayer
from elman.tasks.parameters import Array

__all__ = ["RecursiveNetwork", "RecursiveShape", "SeriesRows", "StepWindows"]


@dataclass
class SeriesRows:
    """All series, scaled, end to end, every target column beside the others.

    Attributes:
        values: ``(L, C)``, missing values filled with the last observed one.
        observed: ``(L, C)``, 1 where observed, 0 where filled; ``None`` when all were.
        starts: int64 ``(S,)``: where each series begins.
        lengths: int64 ``(S,)``: its number of steps.
        future: ``(L', F)`` covariates known ahead, or ``None``.
        future_starts: int64 ``(S,)``: where each series begins in ``future``.
        static: ``(S, K)`` numbers of each series, or ``None``.
    """

    values: Array
    observed: Array | None
    starts: Array
    lengths: Array
    future: Array | None = None
    future_starts: Array | None = None
    static: Array | None = None

    @property
    def channels(self) -> int:
        """Target columns."""
        return int(self.values.shape[1])

    @property
    def inputs(self) -> int:
        """Channels that the network reads at a step."""
        future = 0 if self.future is None else self.future.shape[1]
        static = 0 if self.static is None else self.static.shape[1]
        return self.channels * (1 + (self.observed is not None)) + future + static


class StepWindows:
    """Stretches of series, each step with the next one as its target.

    Args:
        rows: The series.
        window: Steps of a stretch.
        series: int64 ``(W,)``: the series of each stretch.
        origin: int64 ``(W,)``: the step after its last input; that input's target.
        batch_size: Stretches of a batch.
        targets: Whether batches hold targets.
    """

    def __init__(
        self,
        rows: SeriesRows,
        window: int,
        series: Array,
        origin: Array,
        batch_size: int = 32,
        targets: bool = True,
    ) -> None:
        self.rows, self.window, self.batch_size, self.targets = rows, window, batch_size, targets
        self.series = np.ascontiguousarray(series, np.int64)
        self.origin = np.ascontiguousarray(origin, np.int64)
        self._back = np.arange(-window, 0)[:, None]
        dtype = rows.values.dtype
        self._x, self._target, self._weight = Buffer(dtype), Buffer(dtype), Buffer(dtype)

    def __len__(self) -> int:
        """Number of batches."""
        return -(-len(self.series) // self.batch_size)

    def epoch(self, generator: np.random.Generator | None = None) -> Iterator[Batch]:
        """Every stretch once: shuffled by ``generator``, or in order without one."""
        number = len(self.series)
        order = np.arange(number) if generator is None else generator.permutation(number)
        for start in range(0, number, self.batch_size):
            yield self.take(order[start : start + self.batch_size])

    def take(self, windows: Array) -> Batch:
        """The batch of the given stretches, int64 ``(B,)``."""
        rows, series = self.rows, self.series[windows]
        step = self.origin[windows] + self._back
        index = rows.starts[series] + step
        x = self._x((*index.shape, rows.inputs))
        write_inputs(x, rows, rows.values[index], index, series, step + 1)
        batch = Batch(windows, x)
        if self.targets:
            target = self._target((*index.shape, rows.channels))
            target[...] = rows.values[index + 1]
            batch.target = target
            if rows.observed is not None:
                weight = self._weight(target.shape)
                weight[...] = rows.observed[index + 1]
                batch.weight = weight
        return batch


def write_inputs(
    x: Array, rows: SeriesRows, values: Array, index: Array | None, series: Array, ahead: Array
) -> None:
    """Writes ``[T, B, inputs]``: values, their marks, covariates of step ``ahead``, statics.

    ``index`` ``[T, B]`` says where the values stand in ``rows``; ``None`` means that they are
    the network's own, hence not missing.
    """
    place = rows.channels
    x[:, :, :place] = values
    if rows.observed is not None:
        x[:, :, place : 2 * place] = 1.0 if index is None else rows.observed[index]
        place *= 2
    if rows.future is not None:
        assert rows.future_starts is not None
        width = rows.future.shape[1]
        # Only windows that are scored reach beyond their series; nothing is compared there.
        step = np.minimum(ahead, rows.lengths[series] - 1)
        x[:, :, place : place + width] = rows.future[rows.future_starts[series] + step]
        place += width
    if rows.static is not None:
        x[:, :, place:] = rows.static[series]


@dataclass(frozen=True)
class RecursiveShape:
    """All sizes of a recursive network.

    Attributes:
        cell: A name in :data:`elman.cells.CELLS`.
        hidden_size: Units.
        num_layers: How many cells are stacked.
        inputs: Channels read at a step, the target columns first.
        channels: Target columns.
    """

    cell: str
    hidden_size: int
    num_layers: int
    inputs: int
    channels: int


class RecursiveNetwork:
    """The network of the module's equations.

    Args:
        shape: All sizes.
        rng: Source of the initial values.
        dtype: float32 or float64.
        backend: See :mod:`elman.sequence`.
    """

    def __init__(
        self,
        shape: RecursiveShape,
        rng: np.random.Generator,
        dtype: Any = np.float32,
        backend: str = "auto",
    ) -> None:
        self.shape, self.dtype = shape, np.dtype(dtype)
        self.layer = CellLayer(shape.cell, shape.inputs, shape.hidden_size, shape.num_layers)
        self.head = Dense(shape.hidden_size, shape.channels)
        bound = bind_layers([self.layer, self.head], self.dtype, rng, backend)
        self._parameters, self._gradients, self._views, _ = bound
        # At first the network repeats the last value.
        self._views["1.weight"][...] *= 0.1
        self._output = Buffer(self.dtype)

    def vectors(self) -> tuple[Array, Array]:
        """The flat vector of all parameters, and that of their gradients."""
        return self._parameters, self._gradients

    def state_dict(self) -> dict[str, Array]:
        """Copies of all parameters by name."""
        return {name: view.copy() for name, view in self._views.items()}

    def views(self) -> dict[str, Array]:
        """All parameters by name, writeable."""
        return self._views

    def forward_batch(
        self,
        batch: Batch,
        training: bool = False,
        generator: np.random.Generator | None = None,
        truncate: int | None = None,
    ) -> Array:
        """The next value at every step, ``[T, B, channels]``."""
        context = Context(training=training, generator=generator, truncate=truncate)
        return self._step(batch.x, context)

    def backward_batch(self, d_output: Array) -> None:
        """Adds the gradient of every parameter, after ``forward_batch`` in training."""
        d_hidden = self.head.backward(d_output)
        assert d_hidden is not None
        self.layer.backward(d_hidden, need_d_x=False)

    def run_free(self, windows: StepWindows, horizon: int) -> Array:
        """Reads each window, then feeds itself.

        Args:
            windows: Stretches that end before the first step to be forecast.
            horizon: Steps to run.

        Returns:
            ``(W, horizon, channels)``, scaled, float64.
        """
        number = len(windows.series)
        result = np.empty((number, horizon, self.shape.channels))
        for start in range(0, number, 1024):
            chunk = np.arange(start, min(start + 1024, number))
            result[chunk] = self._run_chunk(windows, chunk, horizon)
        return result

    def _run_chunk(self, windows: StepWindows, chunk: Array, horizon: int) -> Array:
        rows, series = windows.rows, windows.series[chunk]
        state = tuple(
            np.zeros((len(chunk), size), self.dtype) for size in self.layer.state_sizes().values()
        )
        context = Context(state=tuple(part.copy() for part in state), final_state=state)
        value = self._step(windows.take(chunk).x, context)[-1:]
        forecast = np.empty((len(chunk), horizon, self.shape.channels))
        forecast[:, 0] = value[0]
        x = np.empty((1, len(chunk), self.shape.inputs), self.dtype)
        for step in range(1, horizon):
            write_inputs(x, rows, value.copy(), None, series, windows.origin[chunk][None] + step)
            context = Context(state=tuple(part.copy() for part in state), final_state=state)
            value = self._step(x, context)
            forecast[:, step] = value[0]
        return forecast

    def _step(self, x: Array, context: Context) -> Array:
        change = self.head.forward(self.layer.forward(x, context), context)
        output = self._output(change.shape)
        np.add(change, x[:, :, : self.shape.channels], out=output)
        return output
