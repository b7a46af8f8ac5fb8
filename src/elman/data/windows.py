"""Windows over a panel: pairs of a series and an origin; nothing is copied until one is read.

A window of series `i` with origin `o` reads the rows `o - window ... o - 1` and is to forecast the
rows `o ... o + horizon - 1`, counted from the first row of the series. The parts of a time-ordered
split are ranges of rows that the *forecast* rows must lie in; what a window reads may reach back
before its part, as it would in use, never ahead.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elman.data.panel import Panel
from elman.data.parts import shown
from elman.errors import InputError

__all__ = ["Split", "TimeRange", "WindowBatch", "Windows", "split_in_time"]

Array = NDArray[Any]


# ----------------------------------------------------------------------------------- split


@dataclass(frozen=True)
class TimeRange:
    """Rows `begin[i] ... end[i] - 1` of every series `i`, int64 `(series,)` each."""

    begin: NDArray[np.int64]
    end: NDArray[np.int64]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Rows in the range, for each series."""
        return self.end - self.begin


@dataclass(frozen=True)
class Split:
    """A panel's rows in the order of time: train, validation, calibration, test."""

    train: TimeRange
    validation: TimeRange
    calibration: TimeRange
    test: TimeRange


def split_in_time(
    panel: Panel,
    validation: float = 0.0,
    calibration: float = 0.0,
    test: float = 0.0,
    by: str = "series",
) -> Split:
    """Cut a panel into parts that follow each other in time.

    Args:
        panel: The series.
        validation: Size of the part that follows the training part: a number of rows (int), or a
            share of the rows (float below 1).
        calibration: Size of the next part, likewise.
        test: Size of the last part, likewise.
        by: `"series"` cuts every series at its own end, so that each has all parts. `"time"` cuts
            all of them at the same time stamps, counted back from the last stamp of all; a share
            is then one of the distinct stamps. It leaves a series without training rows if it
            began late.

    Returns:
        The four ranges; together they are all rows, and none overlap.

    Raises:
        InputError: A size is negative, or together they leave no training rows at all.
    """
    sizes = {"validation": validation, "calibration": calibration, "test": test}
    if by not in ("series", "time"):
        raise InputError(f"by must be 'series' or 'time', got {by!r}.")
    if by == "series":
        total = panel.lengths
        ends = _cuts(sizes, total)
    else:
        distinct = np.unique(panel.stamps)
        cuts = _cuts(sizes, np.array([len(distinct)]))[:, 0]
        ends = np.stack([_counts_before(panel, distinct, int(cut)) for cut in cuts])
    if not ends[0].any():
        listed = ", ".join(f"{name}={size}" for name, size in sizes.items())
        raise InputError(
            f"{listed} leave no rows to train on: the longest series has "
            f"{int(panel.lengths.max())} rows."
        )
    begins = np.concatenate([np.zeros_like(ends[:1]), ends[:-1]])
    parts = [TimeRange(begin, end) for begin, end in zip(begins, ends, strict=True)]
    return Split(*parts)


def _cuts(sizes: dict[str, float], total: NDArray[np.int64]) -> NDArray[np.int64]:
    """Ends of the four parts, `(4, n)`, for totals `(n,)`."""
    rows = []
    for name, size in sizes.items():
        whole = isinstance(size, (int, np.integer)) and not isinstance(size, bool)
        if size < 0 or (not whole and size >= 1):
            raise InputError(
                f"{name} must be a number of rows or a share from 0 up to 1, got {size!r}."
            )
        rows.append(np.full_like(total, size) if whole else np.round(total * size).astype(np.int64))
    ends = [total]
    for part in reversed(rows):
        ends.append(np.maximum(ends[-1] - part, 0))
    return np.stack(ends[::-1])


def _counts_before(panel: Panel, distinct: Array, cut: int) -> NDArray[np.int64]:
    """How many rows of each series lie before the cut-th of all time stamps."""
    if cut >= len(distinct):
        return panel.lengths
    before = panel.stamps < distinct[cut]
    total = np.concatenate([[0], np.cumsum(before)])
    return np.asarray(np.diff(total[panel.offsets]))


# --------------------------------------------------------------------------------- windows


@dataclass
class WindowBatch:
    """Some windows, time-major; `B` windows, `K` targets, `P` past and `F` future covariates.

    Attributes:
        series: int64 `(B,)`: number of the series.
        origins: int64 `(B,)`: row of the first step to be forecast.
        inputs: `[window, B, K + P + F]`: targets, past and future covariates before the origin;
            what is missing has the last value observed before it, or 0 where there is none.
        observed: `[window, B, K + P + F]`: 1 where observed, 0 where missing or padded; None when
            nothing is missing in the whole panel and nothing is padded.
        targets: `[horizon, B, K]`, 0 where missing; None in windows for prediction.
        targets_observed: `[horizon, B, K]`, 1 or 0; None when nothing is missing.
        future: `[horizon, B, F]`: future covariates of the steps to be forecast; None if `F` is 0
            or, in prediction, none were given.
    """

    series: NDArray[np.int64]
    origins: NDArray[np.int64]
    inputs: Array
    observed: Array | None
    targets: Array | None
    targets_observed: Array | None
    future: Array | None


class Windows:
    """All windows of a panel whose forecast rows lie in a range.

    Args:
        panel: The series.
        window: Rows that a window reads, at least 1.
        horizon: Rows that it is to forecast, at least 1.
        stride: Distance between the origins of neighbouring windows of a series.
        within: Range of rows that the forecast rows must lie in; None for all rows.
        minimum: How many rows a window must really have before its origin. If this is less than
            `window`, series too short for a whole window are padded in front, as missing.
            Default: `window`, no padding.
        dtype: Type of what is gathered: float32 or float64.

    Attributes:
        series: int64 `(n,)`: number of the series of each window.
        origins: int64 `(n,)`: row of its first step to be forecast.
        without: Numbers of the series that have no window.

    Windows in which no target is known are left out.

    Raises:
        InputError: A size is not positive, or no series is long enough for one window.
    """

    def __init__(
        self,
        panel: Panel,
        window: int,
        horizon: int,
        *,
        stride: int = 1,
        within: TimeRange | None = None,
        minimum: int | None = None,
        dtype: Any = np.float32,
    ) -> None:
        for name, value in (("window", window), ("horizon", horizon), ("stride", stride)):
            if value < 1 or value != int(value):
                raise InputError(f"{name} must be a positive whole number, got {value!r}.")
        minimum = window if minimum is None else minimum
        if not 1 <= minimum <= window:
            raise InputError(f"minimum must be from 1 to window={window}, got {minimum!r}.")
        self.panel, self.window, self.horizon = panel, int(window), int(horizon)
        self.minimum, self.dtype = int(minimum), np.dtype(dtype)
        within = within or TimeRange(np.zeros_like(panel.lengths), panel.lengths)
        self._table = _Table(panel, self.dtype)
        self.series, self.origins = self._find(within, int(stride))
        self._drop_unknown()
        if not len(self.series):
            raise self._too_short(within)
        present = np.bincount(self.series, minlength=panel.n_series)
        self.without: NDArray[np.int64] = np.flatnonzero(present == 0)
        self.padded = bool((self.origins < self.window).any())

    def __len__(self) -> int:
        return len(self.series)

    def __repr__(self) -> str:
        return f"Windows({len(self)} of {self.window} + {self.horizon} rows)"

    # ------------------------------------------------------------------------- enumeration

    def _find(self, within: TimeRange, stride: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        end = np.minimum(within.end, self.panel.lengths) - self.horizon + 1
        whole = np.maximum(within.begin, self.window)
        padded = np.maximum(within.begin, self.minimum)
        begin = np.where(whole < end, whole, padded)
        counts = np.maximum(-(-(end - begin) // stride), 0)
        series = np.repeat(np.arange(self.panel.n_series), counts)
        first = np.repeat(np.cumsum(counts) - counts, counts)
        origins = np.repeat(begin, counts) + (np.arange(len(series)) - first) * stride
        return series, origins

    def _drop_unknown(self) -> None:
        """Leave out the windows none of whose targets is known."""
        marks = self._table.target_marks
        if marks is None:
            return
        known = np.concatenate([[0], np.cumsum(marks.any(axis=1))])
        at = self.panel.offsets[self.series] + self.origins
        some = known[at + self.horizon] > known[at]
        self.series, self.origins = self.series[some], self.origins[some]

    def _too_short(self, within: TimeRange) -> InputError:
        longest = int(np.minimum(within.end, self.panel.lengths).max(initial=0))
        needed = self.minimum + self.horizon
        if longest < needed:
            return InputError(
                f"window={self.window} and horizon={self.horizon} need {needed} rows for one "
                f"window, but the longest series has {longest}. Choose smaller ones."
            )
        if not np.any(within.lengths >= self.horizon):
            return InputError(
                f"The part of the series has {int(within.lengths.max(initial=0))} rows, fewer "
                f"than horizon={self.horizon}. Make it longer."
            )
        return InputError("No window has a known target: all the values are missing.")

    # ----------------------------------------------------------------------------- reading

    def allocate(self, size: int) -> WindowBatch:
        """A batch of `size` windows that `gather` can write into, again and again."""
        targets, columns = self.panel.n_targets, self._table.width
        futures = self.panel.future.shape[1]
        marked = self._table.marks is not None or self.padded

        def empty(steps: int, width: int) -> Array:
            return np.empty((steps, size, width), self.dtype)

        return WindowBatch(
            series=np.empty(size, np.int64),
            origins=np.empty(size, np.int64),
            inputs=empty(self.window, columns),
            observed=empty(self.window, columns) if marked else None,
            targets=empty(self.horizon, targets),
            targets_observed=(
                empty(self.horizon, targets) if self._table.target_marks is not None else None
            ),
            future=empty(self.horizon, futures) if futures else None,
        )

    def gather(self, windows: ArrayLike, out: WindowBatch | None = None) -> WindowBatch:
        """Read windows, by their number.

        Args:
            windows: int `(B,)`: numbers from 0 to `len(self) - 1`, in any order.
            out: A batch from `allocate(B)` to write into; a new one by default.

        Raises:
            InputError: `out` was allocated for another number of windows.
        """
        windows = np.asarray(windows, dtype=np.int64)
        if out is None:
            out = self.allocate(len(windows))
        elif len(out.series) != len(windows):
            raise InputError(f"out holds {len(out.series)} windows, got {len(windows)}.")
        out.series[...] = self.series[windows]
        out.origins[...] = self.origins[windows]
        self._read_inputs(out)
        table, at = self._table, self.panel.offsets[out.series] + out.origins
        index = at + np.arange(self.horizon)[:, None]
        _take(table.target_values, index, out.targets)
        _take(table.target_marks, index, out.targets_observed)
        _take(table.future_values, index, out.future)
        return out

    def _read_inputs(self, out: WindowBatch) -> None:
        begin = self.panel.offsets[out.series]
        index = begin + out.origins + np.arange(-self.window, 0)[:, None]
        if self.padded:
            index[index < begin] = self.panel.n_rows  # the row that is missing throughout
        _take(self._table.values, index, out.inputs)
        if self._table.marks is not None:
            _take(self._table.marks, index, out.observed)
        elif out.observed is not None:
            np.not_equal(index[:, :, None], self.panel.n_rows, out=out.observed, casting="unsafe")

    def batches(
        self, size: int, generator: np.random.Generator | None = None
    ) -> Iterator[WindowBatch]:
        """All windows in batches of `size`, shuffled if there is a generator.

        The arrays are reused: each batch overwrites the one before.
        """
        order = np.arange(len(self)) if generator is None else generator.permutation(len(self))
        out = self.allocate(min(size, len(self)))
        for start in range(0, len(self), size):
            part = order[start : start + size]
            yield self.gather(part, out if len(part) == len(out.series) else None)

    def arrays(self) -> tuple[Array, Array]:
        """All windows as batch-first arrays, for `Network.fit`.

        Returns:
            `X` `(n, window, K + P + F)`, missing values filled as in `WindowBatch.inputs`, and `y`
            `(n, horizon, K)`, NaN where missing.
        """
        batch = self.gather(np.arange(len(self)))
        assert batch.targets is not None
        if batch.targets_observed is not None:
            batch.targets[batch.targets_observed == 0] = np.nan
        inputs = np.ascontiguousarray(batch.inputs.transpose(1, 0, 2))
        return inputs, np.ascontiguousarray(batch.targets.transpose(1, 0, 2))

    @classmethod
    def last(
        cls,
        panel: Panel,
        window: int,
        horizon: int,
        *,
        future: Array | None = None,
        minimum: int = 1,
        dtype: Any = np.float32,
    ) -> WindowBatch:
        """The last window of every series, whose forecast lies beyond the end.

        Args:
            panel: The series.
            window: Rows to read; shorter series are padded in front, as missing.
            horizon: Rows to forecast.
            future: Future covariates of the steps to be forecast, `(series, horizon, F)`.
            minimum: Rows a series must have.
            dtype: Type of the arrays.

        Returns:
            One window for each series, in order, without targets.

        Raises:
            InputError: A series is shorter than `minimum` (it is named), or `future` is missing
                where the panel has future covariates, or has the wrong shape.
        """
        short = np.flatnonzero(panel.lengths < max(minimum, 1))
        if short.size:
            raise InputError(
                f"Series {shown(panel.ids[short[0]])} has {int(panel.lengths[short[0]])} rows; at "
                f"least {max(minimum, 1)} are needed to forecast it."
            )
        expected = (panel.n_series, horizon, panel.future.shape[1])
        if expected[2] and (future is None or future.shape != expected):
            got = "none" if future is None else str(future.shape)
            raise InputError(
                f"future must hold the future covariates {', '.join(panel.names.future)} of the "
                f"steps to be forecast, of shape {expected}, got {got}."
            )
        self = cls.__new__(cls)
        self.panel, self.window, self.horizon = panel, window, horizon
        self.minimum, self.dtype = minimum, np.dtype(dtype)
        self._table = _Table(panel, self.dtype)
        self.series, self.origins = np.arange(panel.n_series), panel.lengths
        self.padded = bool((self.origins < window).any())
        out = self.allocate(panel.n_series)
        out.series[...], out.origins[...] = self.series, self.origins
        out.targets = out.targets_observed = None
        self._read_inputs(out)
        if future is not None and out.future is not None:
            out.future[...] = future.transpose(1, 0, 2)
        return out


class _Table:
    """A panel's columns side by side, filled, with a last row that is missing throughout.

    `values` and `marks` hold targets, past and future covariates; `marks` and `target_marks` are
    None when nothing is missing.
    """

    def __init__(self, panel: Panel, dtype: np.dtype[Any]) -> None:
        targets, futures = panel.n_targets, panel.future.shape[1]
        columns = np.concatenate([panel.values, panel.past, panel.future], axis=1)
        self.width = columns.shape[1]
        present = ~np.isnan(columns)
        complete = bool(present.all())
        if not complete:
            columns = _fill_forward(columns, present, panel)
        self.values = np.zeros((len(columns) + 1, self.width), dtype)
        self.values[:-1] = columns
        self.marks: Array | None = None
        if not complete:
            self.marks = np.zeros_like(self.values)
            self.marks[:-1] = present
        alone = targets == self.width
        self.target_values = self.values if alone else self.values[:, :targets].copy()
        self.target_marks: Array | None = None
        if not present[:, :targets].all():
            assert self.marks is not None
            self.target_marks = self.marks if alone else self.marks[:, :targets].copy()
            self.target_values = self.target_values * self.target_marks
            self.target_marks = self.target_marks[:-1]
        self.future_values = self.values[:, self.width - futures :].copy() if futures else None


def _fill_forward(columns: Array, present: Array, panel: Panel) -> Array:
    """Give what is missing the last value observed before it in its series, else 0."""
    row = np.arange(len(columns))[:, None]
    last = np.maximum.accumulate(np.where(present, row, -1), axis=0)
    begin = np.repeat(panel.offsets[:-1], panel.lengths)[:, None]
    filled = np.take_along_axis(columns, np.maximum(last, 0), axis=0)
    filled[last < begin] = 0.0
    return filled


def _take(source: Array | None, index: NDArray[np.int64], out: Array | None) -> None:
    if source is not None and out is not None:
        # "clip" lets NumPy write straight into `out`; the index is within bounds.
        np.take(source, index, axis=0, out=out, mode="clip")
