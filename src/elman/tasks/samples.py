"""Windows over many series: what a forecasting network reads, gathered batch by batch.

A *row* is one target column of one series; all rows lie end to end in one flat array, and a
window is a row and an origin, the step in its series of the first value to be forecast. Nothing
is copied until a batch is gathered, already normalised and time-major.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from elman.buffers import Buffer
from elman.data.batches import Batch
from elman.tasks.parameters import Array

__all__ = ["NORMALIZATIONS", "ForecastBatch", "Rows", "WindowSet", "WindowShape"]

NORMALIZATIONS = ("last-std", "last", "mean-std", "mean")
"""What is subtracted from a window, and whether it is divided by its deviation."""

DEVIATION_FLOOR = 0.3
"""Added to a window's deviation, in deviations of the series' training part: a flat window must
not blow up what follows it."""


class ForecastBatch(Batch):
    """What a forecasting network reads for a batch of ``B`` windows.

    Attributes:
        x: ``[segments_in, B, segment * inputs]``, the inputs of a step together.
        target: ``[segments_out, B, segment]``, normalised.
        weight: ``None``, or like the target: 0 where the target is missing.
        channel: int64 ``(B,)``, which target column.
        series: int64 ``(B,)``, which series.
        static: ``[B, statics]`` or ``None``.
        future: ``[segments_out, B, segment * futures]`` or ``None``.
    """

    __slots__ = ("channel", "future", "series", "static")

    def __init__(self, rows: Array, x: Array) -> None:
        super().__init__(rows, x)
        self.channel: Array = rows
        self.series: Array = rows
        self.static: Array | None = None
        self.future: Array | None = None


@dataclass
class Rows:
    """All series, scaled, end to end; missing values filled, and marked as such.

    Attributes:
        values: ``(L,)``: every row after the other, missing values filled with the last
            observed one (the first observed one at the beginning).
        observed: ``(L,)``, 1 where a value was observed, 0 where it was filled; ``None`` when
            all were.
        starts: int64 ``(R,)``: where each row begins in ``values``.
        lengths: int64 ``(R,)``: its number of steps.
        series: int64 ``(R,)``: the number of its series.
        channel: int64 ``(R,)``: the number of its target column.
        deviation: ``(R,)``: standard deviation of its training part, 0 for a constant row.
        past: ``(T, P)`` covariates known up to the origin, the series end to end; or ``None``.
        past_starts: int64 ``(S,)``: where each series begins in ``past``.
        future: ``(T', F)`` covariates known ahead; or ``None``.
        future_starts: int64 ``(S,)``: where each series begins in ``future``.
        static: ``(S, K)`` numbers of each series; or ``None``.
        vector: int64 ``(R,)``: which learned vector each row has, where that is not the number
            of its series.
    """

    values: Array
    observed: Array | None
    starts: Array
    lengths: Array
    series: Array
    channel: Array
    deviation: Array
    past: Array | None = None
    past_starts: Array | None = None
    future: Array | None = None
    future_starts: Array | None = None
    static: Array | None = None
    vector: Array | None = None

    @classmethod
    def from_series(
        cls, series: Sequence[Array], deviations: Array, dtype: Any = np.float32
    ) -> Rows:
        """Rows of series ``(T_i, C)``, NaN where missing; ``deviations`` is ``(S, C)``."""
        values, observed, lengths, numbers, channels = [], [], [], [], []
        for number, one in enumerate(series):
            for channel in range(one.shape[1]):
                filled, present = _filled(one[:, channel])
                values.append(filled.astype(dtype))
                observed.append(present.astype(dtype))
                lengths.append(len(filled))
                numbers.append(number)
                channels.append(channel)
        lengths_array = np.array(lengths, np.int64)
        marks = np.concatenate(observed)
        return cls(
            values=np.concatenate(values),
            observed=None if marks.all() else marks,
            starts=np.concatenate([[0], np.cumsum(lengths_array)[:-1]]).astype(np.int64),
            lengths=lengths_array,
            series=np.array(numbers, np.int64),
            channel=np.array(channels, np.int64),
            deviation=np.asarray(deviations, dtype).reshape(-1),
        )

    def __len__(self) -> int:
        return len(self.starts)


@dataclass(frozen=True)
class WindowShape:
    """How a window is cut and normalised.

    Attributes:
        window: Steps before the origin.
        horizon: Steps from the origin on.
        segment: Steps fed at once; divides ``window``.
        normalize: One of :data:`NORMALIZATIONS`, or ``None``.
        marks: Whether missing values are marked by an input of their own.
    """

    window: int
    horizon: int
    segment: int = 1
    normalize: str | None = "last-std"
    marks: bool = False

    @property
    def segments_in(self) -> int:
        """Segments of the window."""
        return self.window // self.segment

    @property
    def segments_out(self) -> int:
        """Segments of the horizon, the last one possibly reaching beyond it."""
        return -(-self.horizon // self.segment)


class WindowSet:
    """Windows over rows, and the batches they are gathered into.

    Args:
        rows: The series.
        shape: How windows are cut.
        row: int64 ``(W,)``: the row of each window.
        origin: int64 ``(W,)``: its first step of the horizon. A window that reaches back before
            its row's first step is padded with the first value, marked as missing.
        batch_size: Windows of a batch.
        targets: Whether batches hold targets.

    Attributes:
        base: ``(W,)``: what was subtracted from each window.
        scale: ``(W,)``: what it was divided by; 0 where the row is constant, so that whatever
            the network says the forecast is the constant.
    """

    def __init__(
        self,
        rows: Rows,
        shape: WindowShape,
        row: Array,
        origin: Array,
        batch_size: int = 32,
        targets: bool = True,
    ) -> None:
        self.rows, self.shape, self.batch_size, self.targets = rows, shape, batch_size, targets
        self.row = np.ascontiguousarray(row, np.int64)
        self.origin = np.ascontiguousarray(origin, np.int64)
        self._first = rows.starts[self.row]
        self._at = self._first + self.origin
        self._padded = bool((self.origin < shape.window).any())
        end = self._first + rows.lengths[self.row]
        self._beyond = bool((self._at + shape.segments_out * shape.segment > end).any())
        self._last = end - 1
        self._weighted = (
            rows.observed is not None
            or shape.segments_out * shape.segment != shape.horizon
            or bool((self._at + shape.horizon > end).any())
        )
        step = np.arange(shape.segment)
        self._back = (
            np.arange(shape.segments_in)[:, None, None] * shape.segment + step - shape.window
        )
        self._ahead = np.arange(shape.segments_out)[:, None, None] * shape.segment + step
        self.base, self.scale = self._normalization()
        self._divisor = np.where(self.scale > 0, self.scale, 1).astype(self.scale.dtype)
        self._buffers: dict[str, Buffer] = {}

    def __len__(self) -> int:
        """Number of batches."""
        return -(-len(self.row) // self.batch_size)

    @property
    def inputs(self) -> int:
        """Channels of one step of the window."""
        rows = self.rows
        past = 0 if rows.past is None else rows.past.shape[1]
        future = 0 if rows.future is None else rows.future.shape[1]
        return 1 + self.shape.marks + past + future

    def epoch(self, generator: np.random.Generator | None = None) -> Iterator[ForecastBatch]:
        """Every window once: shuffled by ``generator``, or in order without one."""
        number = len(self.row)
        order = np.arange(number) if generator is None else generator.permutation(number)
        for start in range(0, number, self.batch_size):
            yield self.take(order[start : start + self.batch_size])

    def take(self, windows: Array) -> ForecastBatch:
        """The batch of the given windows, int64 ``(B,)``; its arrays live until the next one."""
        rows, row = self.rows, self.row[windows]
        base, divisor = self.base[windows][:, None], self._divisor[windows][:, None]
        batch = ForecastBatch(windows, self._inputs(windows, base, divisor))
        series = rows.series[row]
        batch.channel = rows.channel[row]
        batch.series = series if rows.vector is None else rows.vector[row]
        if rows.static is not None:
            batch.static = rows.static[series]
        if rows.future is not None:
            batch.future = self._future(windows, series)
        if self.targets:
            self._set_target(batch, windows, base, divisor)
        return batch

    def truth(self, windows: Array | None = None) -> Array:
        """The scaled values to be forecast ``(W, horizon)``, NaN where missing or unknown."""
        windows = np.arange(len(self.row)) if windows is None else windows
        ahead = np.arange(self.shape.horizon)
        index = self._at[windows][:, None] + ahead
        last = self._last[windows][:, None]
        inside = np.minimum(index, last)
        values = self.rows.values[inside].astype(np.float64)
        known = index <= last
        if self.rows.observed is not None:
            known &= self.rows.observed[inside] > 0
        return np.where(known, values, np.nan)

    def restore(self, outputs: Array, windows: Array | None = None) -> Array:
        """Normalised outputs ``[segments_out, B, segment * Q]`` as scaled ``(B, horizon, Q)``."""
        chosen = slice(None) if windows is None else windows
        ahead, number, width = outputs.shape
        quantiles = width // self.shape.segment
        values = outputs.reshape(ahead, number, self.shape.segment, quantiles)
        values = values.transpose(1, 0, 2, 3).reshape(number, -1, quantiles)
        values = values[:, : self.shape.horizon].astype(np.float64)
        natural: Array = values * self.scale[chosen][:, None, None]
        natural += self.base[chosen][:, None, None]
        return natural

    def _inputs(self, windows: Array, base: Array, divisor: Array) -> Array:
        rows, shape = self.rows, self.shape
        index = self._at[windows][:, None] + self._back
        if self._padded:
            first = self._first[windows][:, None]
            before = index < first
            np.maximum(index, first, out=index)
        channels = self.inputs
        steps, number, segment = index.shape
        x = self._buffer("x", (steps, number, segment * channels))
        parts = x.reshape(steps, number, segment, channels)
        values = parts[:, :, :, 0] if channels > 1 else x
        if channels > 1:
            values[...] = rows.values[index]
        else:
            np.take(rows.values, index, out=values, mode="clip")
        values -= base
        values /= divisor
        if shape.marks:
            marks = parts[:, :, :, 1]
            marks[...] = 1.0 if rows.observed is None else rows.observed[index]
            if self._padded:
                marks[before] = 0.0
        self._add_covariates(parts, windows, 1 + shape.marks)
        return x

    def _add_covariates(self, parts: Array, windows: Array, place: int) -> None:
        rows = self.rows
        series = rows.series[self.row[windows]]
        step = np.maximum(self.origin[windows][:, None] + self._back, 0)
        for values, starts in ((rows.past, rows.past_starts), (rows.future, rows.future_starts)):
            if values is not None and starts is not None:
                width = values.shape[1]
                parts[:, :, :, place : place + width] = values[starts[series][:, None] + step]
                place += width

    def _future(self, windows: Array, series: Array) -> Array:
        rows, shape = self.rows, self.shape
        assert rows.future is not None and rows.future_starts is not None
        step = self.origin[windows][:, None] + np.minimum(self._ahead, shape.horizon - 1)
        # Only windows that are scored reach beyond their series; nothing is compared there.
        np.minimum(step, rows.lengths[self.row[windows]][:, None] - 1, out=step)
        future: Array = rows.future[rows.future_starts[series][:, None] + step]
        return future.reshape(*future.shape[:2], -1)

    def _set_target(
        self, batch: ForecastBatch, windows: Array, base: Array, divisor: Array
    ) -> None:
        index = self._at[windows][:, None] + self._ahead
        if self._beyond:
            last = self._last[windows][:, None]
            within = index <= last
            np.minimum(index, last, out=index)
        target = self._buffer("target", index.shape)
        np.take(self.rows.values, index, out=target, mode="clip")
        target -= base
        target /= divisor
        batch.target = target
        if not self._weighted:
            return
        weight = self._buffer("weight", index.shape)
        weight[...] = 1.0 if self.rows.observed is None else self.rows.observed[index]
        if self._beyond:
            weight[~within] = 0.0
        weight *= self._ahead < self.shape.horizon
        batch.weight = weight

    def _normalization(self) -> tuple[Array, Array]:
        """What to subtract from each window and what to divide it by."""
        number, dtype = len(self.row), self.rows.values.dtype
        base, scale = np.zeros(number, dtype), np.ones(number, dtype)
        if self.shape.normalize is None:
            return base, scale
        chunk = max(1, 4_000_000 // max(1, self.shape.window))
        for start in range(0, number, chunk):
            part = slice(start, start + chunk)
            base[part], scale[part] = self._normalize_part(part)
        return base, scale

    def _normalize_part(self, part: slice) -> tuple[Array, Array]:
        rows, shape = self.rows, self.shape
        index = self._at[part][:, None] + np.arange(-shape.window, 0)
        first = self._first[part][:, None]
        weight = (index >= first).astype(np.float64)
        np.maximum(index, first, out=index)
        values = rows.values[index].astype(np.float64)
        if rows.observed is not None:
            weight *= rows.observed[index]
        # A window without any observed value stands on its filled ones.
        weight[weight.sum(axis=1) == 0] = 1.0
        count = weight.sum(axis=1)
        mean = (values * weight).sum(axis=1) / count
        assert shape.normalize is not None
        base = values[:, -1] if shape.normalize.startswith("last") else mean
        deviation = rows.deviation[self.row[part]].astype(np.float64)
        if not shape.normalize.endswith("std"):
            return base, np.where(deviation > 0, 1.0, 0.0)
        spread = np.sqrt((weight * (values - mean[:, None]) ** 2).sum(axis=1) / count)
        return base, np.where(deviation > 0, spread + DEVIATION_FLOOR * deviation, 0.0)

    def _buffer(self, name: str, shape: tuple[int, ...]) -> Array:
        buffer = self._buffers.get(name)
        if buffer is None:
            buffer = self._buffers[name] = Buffer(self.rows.values.dtype)
        return buffer(shape)


def _filled(values: Array) -> tuple[Array, Array]:
    """Missing values filled with the last observed one (the first, at the beginning)."""
    present = ~np.isnan(values)
    if present.all() or not present.any():
        return np.where(present, values, 0.0), present
    index = np.where(present, np.arange(len(values)), 0)
    index = np.maximum.accumulate(index)
    index[: present.argmax()] = present.argmax()
    return values[index], present
