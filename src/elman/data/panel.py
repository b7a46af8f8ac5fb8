"""The panel: any number of series of unequal length, validated once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elman.counting import counted
from elman.data.assemble import parts_from_table
from elman.data.calendar import Frequency, from_wall, to_wall
from elman.data.dialect import PLAIN, Dialect
from elman.data.frames import build_frame, read_table
from elman.data.from_arrays import parts_from_arrays
from elman.data.parts import Names, Parts, shown
from elman.data.regular import show_stamp
from elman.errors import InputError

__all__ = ["Names", "Panel"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Panel:
    """Series of unequal length in one block of memory, series after series, sorted and regular.

    Build one with `Panel.from_any`. Rows `offsets[i]:offsets[i + 1]` belong to series `i`; within
    a series, rows are one step of `frequency` apart and increasing in time.

    Attributes:
        values: The targets, float64 `(rows, targets)`; NaN where missing.
        past: Covariates known up to now, float64 `(rows, past)`; NaN where missing.
        future: Covariates known in advance, float64 `(rows, future)`.
        static: Columns that are constant in a series: name -> `(series,)` float64 or objects (str).
        stamps: Time of each row: datetime64[us], in UTC where there is a `time_zone`, or int64,
            or float64 where time is fractional and evenly spaced.
        offsets: int64 `(series + 1,)`.
        ids: Names of the series `(series,)`.
        frequency: Distance from row to row; None if a single row is all there is.
        names: The column names of the source.
        kind: The kind of table the source was, hence of answers: `"pandas"`, `"polars"`,
            `"pyarrow"`, `"dict"`, `"path"` (a file) or `"numpy"`.
        time_zone: Time zone of the stamps, or None.
        resolution: Unit of the stamps in the source; `"D"` for dates.
        notes: What was done to the source: "sorted 3 unsorted series".
    """

    values: NDArray[np.float64]
    past: NDArray[np.float64]
    future: NDArray[np.float64]
    static: Mapping[str, NDArray[Any]]
    stamps: NDArray[Any]
    offsets: NDArray[np.int64]
    ids: NDArray[Any]
    frequency: Frequency | None
    names: Names
    kind: str
    time_zone: str | None = None
    resolution: str = "us"
    notes: tuple[str, ...] = ()

    # ------------------------------------------------------------------------ construction

    @classmethod
    def from_any(
        cls,
        source: Any,
        target: str | Sequence[str] | None = None,
        time: str | None = None,
        id: str | None = None,
        past: str | Sequence[str] = (),
        future: str | Sequence[str] = (),
        static: str | Sequence[str] = (),
        frequency: str | float | Frequency | None = None,
        wide: str | None = None,
        time_format: str | None = None,
        time_zone: str | None = None,
        dialect: Dialect = PLAIN,
    ) -> Panel:
        """Read series from a file, a data frame, arrays or a mapping of columns.

        Args:
            source: A path (CSV, TSV, Parquet, Arrow/Feather, JSON lines), a pandas, polars or
                pyarrow frame or series, a mapping of column names to arrays, a NumPy array
                (`(T,)` one series, `(T, series)`, `(series, T, targets)`), a list of `(T_i,)` or
                `(T_i, targets)` arrays, or a Panel, which is returned as it is.
            target: Column or columns to forecast. Guessed: `y`, else all other numeric columns.
            time: Column of time stamps or numbers; fractional ones must be evenly spaced. Guessed:
                `ds`, else the first column of time stamps, else numbers under a usual name;
                without any, rows are numbered.
            id: Column that names the series. Guessed: `unique_id`, else the first text column
                that repeats in blocks or over equal time stamps.
            past: Covariates known up to the present.
            future: Covariates known in advance (holidays, prices that are set).
            static: Columns constant within a series: numbers, or text for categories.
            frequency: Distance from row to row, inferred if None; see `parse_frequency`.
            wide: What several target columns are: `"series"` (each a series of its own, told
                apart by its column's name) or `"targets"` (forecast together). By default targets
                that are named, or that stand beside an id, are forecast together; numeric columns
                that were merely found in a table without an id are series of their own, and so
                are the columns of a 2-D array.
            time_format: How time stamps in text are written, in the notation of `strftime`.
            time_zone: Zone of the time stamps, such as "Europe/Amsterdam": stamps without one were
                written there; instants (with a UTC offset or another zone) are shown there.
            dialect: How a delimited file writes its numbers, where that is not found: separator,
                decimal mark, mark between thousands.

        Raises:
            InputError: The source cannot be read, a column is missing, a target is no number or
                infinite, a time stamp is missing, unreadable or double, or time is not regular.
        """
        if isinstance(source, Panel):
            return source
        if _is_arrays(source):
            _refuse_column_names(
                target=target, time=time, id=id, past=past, future=future, static=static
            )
            parts = parts_from_arrays(_joined_targets(source, wide), frequency)
        else:
            parts = parts_from_table(
                read_table(source, dialect),
                target=target,
                time=time,
                id=id,
                past=past,
                future=future,
                static=static,
                frequency=frequency,
                wide=wide,
                time_format=time_format,
                time_zone=time_zone,
            )
        return cls._from_parts(parts)

    @classmethod
    def _from_parts(cls, parts: Parts) -> Panel:
        fields = dict(vars(parts))
        missing = np.isnan(parts.values).sum()
        notes = list(parts.notes)
        if missing:
            are = "is" if missing == 1 else "are"
            notes.append(f"{missing} of {counted(parts.values.size, 'value')} {are} missing")
        fields["notes"] = tuple(notes)
        return cls(**fields)

    # ------------------------------------------------------------------------------- shape

    @property
    def n_series(self) -> int:
        """Number of series."""
        return len(self.ids)

    @property
    def n_rows(self) -> int:
        """Number of rows of all series together, missing ones included."""
        return len(self.values)

    @property
    def n_targets(self) -> int:
        """Number of target columns."""
        return int(self.values.shape[1])

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Rows of each series, `(series,)`."""
        return np.diff(self.offsets)

    @property
    def has_missing(self) -> bool:
        """Whether any target value is missing."""
        return bool(np.isnan(self.values).any())

    def __len__(self) -> int:
        return self.n_series

    def __iter__(self) -> Iterator[NDArray[np.float64]]:
        """The targets of each series, `(T_i, targets)` views."""
        return (self.series(i) for i in range(self.n_series))

    def rows(self, series: int) -> slice:
        """The rows of a series, by its number."""
        return slice(int(self.offsets[series]), int(self.offsets[series + 1]))

    def series(self, series: int) -> NDArray[np.float64]:
        """The targets of a series, by its number: a `(T_i, targets)` view."""
        return self.values[self.rows(series)]

    def number(self, id: Any) -> int:
        """The number of a series.

        Args:
            id: Its name, as in the data.

        Raises:
            InputError: There is none.
        """
        found = np.flatnonzero(self.ids == id)
        if not found.size:
            raise InputError(f"There is no series {id!r}; there are {_listed(self.ids.tolist())}.")
        return int(found[0])

    def label(self, series: int) -> str:
        """The name of a series, by its number, as messages show it: `'north'`, `7`."""
        return shown(self.ids[series])

    def __repr__(self) -> str:
        shape = f"{self.n_series} series, {self.n_rows} rows"
        frequency = "no frequency" if self.frequency is None else f"every {self.frequency.name}"
        return f"Panel({shape}, {', '.join(map(str, self.names.targets))}, {frequency})"

    # ------------------------------------------------------------------------------- parts

    def take(self, counts: NDArray[np.int64] | int) -> Panel:
        """Only the first `counts` rows of every series (a number, or one for each series)."""
        counts = np.broadcast_to(np.asarray(counts, dtype=np.int64), (self.n_series,))
        counts = np.clip(counts, 0, self.lengths)
        return self._keep_rows(self.offsets[:-1], self.offsets[:-1] + counts)

    def until(self, cutoff: Any) -> Panel:
        """Only the rows whose stamp is not after `cutoff` (a stamp as in `stamps`)."""
        return self.take(self.counts_until(cutoff))

    def counts_until(self, cutoff: Any) -> NDArray[np.int64]:
        """How many rows of each series are not after `cutoff`."""
        return np.array(
            [np.searchsorted(self.stamps[self.rows(i)], cutoff, "right") for i in range(len(self))]
        )

    def _keep_rows(self, begin: NDArray[np.int64], end: NDArray[np.int64]) -> Panel:
        lengths = end - begin
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        row = np.arange(offsets[-1]) + np.repeat(begin - offsets[:-1], lengths)
        return replace(
            self,
            values=self.values[row],
            past=self.past[row],
            future=self.future[row],
            stamps=self.stamps[row],
            offsets=offsets,
        )

    def select(self, series: Sequence[int] | NDArray[np.int64]) -> Panel:
        """Only these series, by number, in this order."""
        chosen = np.asarray(series, dtype=np.int64)
        picked = self._keep_rows(self.offsets[:-1][chosen], self.offsets[1:][chosen])
        static = {name: column[chosen] for name, column in self.static.items()}
        return replace(picked, ids=self.ids[chosen], static=static)

    def with_values(self, values: NDArray[np.float64]) -> Panel:
        """The same panel with other targets, ``values``, of the same number of rows."""
        if len(values) != self.n_rows:
            raise InputError(f"values must have {self.n_rows} rows, got {len(values)}.")
        return replace(self, values=values)

    def as_kind(self, kind: str) -> Panel:
        """The same panel, whose answers are tables of another ``kind``."""
        return replace(self, kind=kind)

    # ------------------------------------------------------------------------------- time

    def future_stamps(self, series: int | None, horizon: int) -> NDArray[Any]:
        """Continue the time stamps beyond the end.

        Month ends stay month ends, business days skip weekends, and days keep their hour on the
        wall clock when the clocks change.

        Args:
            series: Number of a series, or None for all of them.
            horizon: How many steps.

        Returns:
            `(horizon,)`, or `(series, horizon)` for all, of the type of `stamps`.

        Raises:
            InputError: The panel has no frequency.
        """
        last = self.stamps[self.offsets[1:] - 1]
        every = self.stamps_after(last, horizon)
        return every if series is None else every[series]

    def stamps_after(self, last: NDArray[Any], horizon: int) -> NDArray[Any]:
        """The `horizon` stamps that follow each of `last` `(n,)`: `(n, horizon)`."""
        frequency = self.frequency
        if frequency is None:
            raise InputError(
                "A single row does not tell how time goes on. Give `frequency=`, for example 'day'."
            )
        steps = np.arange(1, horizon + 1)
        if not frequency.on_wall_clock:
            return frequency.advance(last[:, None], steps)
        wall = to_wall(last, self.time_zone)
        return from_wall(frequency.advance(wall[:, None], steps), self.time_zone)

    def future_covariates(
        self, horizon: int, source: Any = None, counts: Array | None = None
    ) -> NDArray[np.float64]:
        """The future covariates of the steps to be forecast.

        Args:
            horizon: How many steps.
            source: Where the panel's own rows end, the rest is looked up here, by series and time
                stamp: a table with the panel's time and future columns (and its id column;
                without one, all series share the same rows), or another panel.
            counts: How many rows of each series lie before the forecast, int64 `(series,)`; by
                default all.

        Returns:
            float64 `(series, horizon, future)`.

        Raises:
            InputError: A covariate of one of the steps is unknown; names series, stamp, column.
        """
        counts = self.lengths if counts is None else np.asarray(counts)
        last = self.stamps[self.offsets[:-1] + np.maximum(counts, 1) - 1]
        wanted = self.stamps_after(last, horizon)
        known = _look_up(self, np.arange(self.n_series), wanted)
        if source is not None:
            other = self._read_ahead(source)
            shared = other.names.id is None
            numbers = {id: number for number, id in enumerate(other.ids.tolist())}
            series = [0 if shared else numbers.get(id, -1) for id in self.ids.tolist()]
            found = _look_up(other, np.array(series), wanted)
            known = np.where(np.isnan(known), found, known)
        if np.isnan(known).any():
            number, step, column = (int(i) for i in np.argwhere(np.isnan(known))[0])
            which = "" if self.names.id is None else f" for series {shown(self.ids[number])}"
            raise InputError(
                f"The future covariate {self.names.future[column]!r} is unknown{which} at "
                f"{self.show(wanted[number, step])}. Append a row "
                f"for each of the {horizon} steps to be forecast, with the covariate and an empty "
                "target, or give a trained model these rows as a table of their own (`elman "
                "predict RUN --future FILE`; in Python the argument future of forecast)."
            )
        return known

    def _read_ahead(self, source: Any) -> Panel:
        if isinstance(source, Panel):
            return source
        table = read_table(source)
        id = self.names.id if self.names.id in table.columns else None
        # Only these columns: any other, such as a static text, could pass for the series' names.
        wanted = {self.names.time, id, *self.names.future}
        columns = {name: raw for name, raw in table.columns.items() if name in wanted}
        table = replace(table, columns=columns, _read={})
        parts = parts_from_table(
            table,
            target=(),
            time=self.names.time,
            id=id,
            past=(),
            future=self.names.future,
            static=(),
            frequency=self.frequency,
            wide=None,
            time_format=self.names.time_format,
            time_zone=self.time_zone,
        )
        return Panel._from_parts(parts)

    def show(self, stamp: Any) -> str:
        """A stamp of this panel as text, on the wall clock of its time zone."""
        return show_stamp(stamp, self.time_zone)

    # ----------------------------------------------------------------------------- answers

    def frame(
        self,
        series: NDArray[np.int64],
        stamps: NDArray[Any],
        columns: Mapping[str, NDArray[Any]],
        kind: str | None = None,
    ) -> Any:
        """Build a table about this panel's series: one row for each entry of `series`.

        The id and time columns bear their names in the source, time stamps their zone; there is
        no id column where the source had none.

        Args:
            series: Number of the series of each row, `(n,)`.
            stamps: Time of each row `(n,)`, of the type of `Panel.stamps`.
            columns: Further columns, `(n,)` each.
            kind: Kind of table, by default that of the source; a file and NumPy arrays are
                answered with polars frames.
        """
        kind = kind or self.kind
        kind = "polars" if kind in ("path", "numpy") else kind
        table: dict[str, NDArray[Any]] = {}
        if self.names.id is not None:
            table[self.names.id] = self.ids[series]
        time = self.names.time or "ds"
        dated = stamps.dtype.kind == "M"
        if dated and self.resolution == "D" and _all_midnight(stamps):
            stamps = stamps.astype("datetime64[D]")
        elif dated and self.resolution in ("ns", "ms", "s"):
            stamps = stamps.astype(f"datetime64[{self.resolution}]")
        table[time] = stamps
        table |= dict(columns)
        zones = {n: self.time_zone for n, column in table.items() if column.dtype.kind == "M"}
        return build_frame(table, kind, zones)

    def to_frame(self, kind: str | None = None) -> Any:
        """The whole panel as a long table: id, time, targets, covariates, static columns.

        Args:
            kind: Of table, as in :meth:`frame`; default: the kind that came in.
        """
        codes = np.repeat(np.arange(self.n_series), self.lengths)
        columns: dict[str, NDArray[Any]] = {}
        blocks = ((self.values, "targets"), (self.past, "past"), (self.future, "future"))
        for block, role in blocks:
            columns |= {n: block[:, i] for i, n in enumerate(getattr(self.names, role))}
        columns |= {name: column[codes] for name, column in self.static.items()}
        return self.frame(codes, self.stamps, columns, kind)

    def roles(self) -> dict[str, Any]:
        """The arguments of `from_any` that read another source of the same columns alike."""
        names = self.names
        if self.kind == "numpy":
            return {"wide": "targets" if self.n_targets > 1 else "series"}
        return {
            "target": [str(id) for id in self.ids] if names.stacked else list(names.targets),
            "time": names.time,
            "id": None if names.stacked else names.id,
            "past": list(names.past),
            "future": list(names.future),
            "static": list(names.static),
            "frequency": self.frequency,
            "wide": "series" if names.stacked else "targets",
            "time_format": names.time_format,
            "time_zone": self.time_zone,
        }

    def summary(self) -> dict[str, Any]:
        """What was read, as plain values: for a printout or a configuration file."""
        lengths = self.lengths
        return {
            "series": self.n_series,
            "rows": self.n_rows,
            "shortest": int(lengths.min()),
            "longest": int(lengths.max()),
            "missing": int(np.isnan(self.values).sum()),
            "frequency": None if self.frequency is None else self.frequency.name,
            "first": self.show(self.stamps.min()),
            "last": self.show(self.stamps.max()),
            "time_zone": self.time_zone,
            "targets": list(self.names.targets),
            "past": list(self.names.past),
            "future": list(self.names.future),
            "static": list(self.names.static),
            "notes": list(self.notes),
        }


def _look_up(panel: Panel, series: NDArray[np.int64], wanted: NDArray[Any]) -> NDArray[np.float64]:
    """Future covariates of `series` `(n,)` (-1: none) at `wanted` `(n, steps)`; NaN if unknown."""
    found = np.full((*wanted.shape, panel.future.shape[1]), np.nan)
    # Fractional time is compared up to a tenth of a step, other time exactly.
    step = 0.0 if panel.frequency is None else panel.frequency.step
    early: Any = {"f": step / 10, "M": np.timedelta64(0, "us")}.get(wanted.dtype.kind, 0)
    for place, number in enumerate(series):
        if number < 0:
            continue
        rows = panel.rows(int(number))
        stamps = panel.stamps[rows]
        index = np.minimum(np.searchsorted(stamps, wanted[place] - early), len(stamps) - 1)
        there = np.abs(stamps[index] - wanted[place]) <= early
        found[place, there] = panel.future[rows][index[there]]
    return found


def _is_arrays(source: Any) -> bool:
    if isinstance(source, np.ndarray):
        return source.dtype.names is None
    return isinstance(source, (list, tuple))


def _joined_targets(source: Any, wide: str | None) -> Any:
    """A 2-D array whose columns are targets of one series is a 3-D array of one series."""
    if wide not in (None, "series", "targets"):
        raise InputError(f"wide must be 'series' or 'targets', got {wide!r}.")
    if wide == "targets" and isinstance(source, np.ndarray) and source.ndim == 2:
        return source[None]
    return source


def _refuse_column_names(**named: Any) -> None:
    for argument, value in named.items():
        if value:
            raise InputError(
                f"{argument}={value!r} names a column, but arrays have no column names. Give a "
                "mapping {name: array} or a data frame."
            )


def _all_midnight(stamps: NDArray[Any]) -> bool:
    return bool(np.array_equal(stamps, stamps.astype("datetime64[D]")))


def _listed(names: list[Any], most: int = 5) -> str:
    shown = ", ".join(map(repr, names[:most]))
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")
