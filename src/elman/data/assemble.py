"""From any source to the arrays of a panel: sorted, regular in time, gaps made explicit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elman.data.calendar import (
    ANCHOR_FROM_DATA,
    Frequency,
    from_wall,
    infer_frequency,
    month_anchor,
    parse_frequency,
    to_wall,
)
from elman.data.columns import Column, to_numbers
from elman.data.frames import Table
from elman.data.roles import Roles, find_roles
from elman.data.timestamps import Stamps, parse_stamps
from elman.errors import InputError

__all__ = ["Names", "Parts", "parts_from_arrays", "parts_from_table"]

# Filling gaps may multiply the rows by this much, and always up to this many rows; beyond, the
# frequency or a time stamp is wrong.
_MOST_GROWTH = 20
_ALWAYS_ALLOWED = 10_000


@dataclass(frozen=True)
class Names:
    """The names the columns bore in the source, and bear again in answers.

    `id` is None where the source told no series apart, `time` where it had no time stamps.
    """

    id: str | None = None
    time: str | None = None
    targets: tuple[str, ...] = ("y",)
    past: tuple[str, ...] = ()
    future: tuple[str, ...] = ()
    static: tuple[str, ...] = ()


@dataclass
class Parts:
    """The arrays a panel is made of; see `Panel` for their meaning."""

    values: NDArray[np.float64]
    past: NDArray[np.float64]
    future: NDArray[np.float64]
    static: dict[str, NDArray[Any]]
    stamps: NDArray[Any]
    offsets: NDArray[np.int64]
    ids: NDArray[Any]
    frequency: Frequency | None
    names: Names
    kind: str
    time_zone: str | None = None
    resolution: str = "us"
    notes: list[str] = field(default_factory=list)


# ---------------------------------------------------------------------------------- tables


def parts_from_table(
    table: Table,
    *,
    target: str | Sequence[str] | None,
    time: str | None,
    id: str | None,
    past: str | Sequence[str],
    future: str | Sequence[str],
    static: str | Sequence[str],
    frequency: str | int | Frequency | None,
    wide: str | None,
    time_format: str | None,
) -> Parts:
    """Read a table into the arrays of a panel; arguments as in `Panel.from_any`."""
    roles = find_roles(table, target, time, id, past, future, static, wide)
    read = _read_stacked if roles.stacked else _read_long
    codes, ids, stamps, blocks = read(table, roles, time_format)
    names = Names(
        id=roles.id or ("unique_id" if roles.stacked else None),
        time=roles.time,
        targets=("y",) if roles.stacked else roles.targets,
        past=roles.past,
        future=roles.future,
        static=roles.static,
    )
    asked = None if frequency is None else parse_frequency(frequency)
    if stamps.alternatives:
        stamps = _choose_reading(codes, stamps, asked, roles.time)
    notes = list(roles.notes) + [stamps.note] * bool(stamps.note)
    order, offsets, unsorted = _sort(codes, len(ids), stamps.values)
    if unsorted:
        notes.append(f"sorted {unsorted} unsorted series")
    static_columns = {
        name: _constant_per_series(table.column(name), codes, ids) for name in roles.static
    }
    blocks = [block if order is None else block[order] for block in blocks]
    parts = Parts(
        values=blocks[0],
        past=blocks[1],
        future=blocks[2],
        static=static_columns,
        stamps=stamps.values if order is None else stamps.values[order],
        offsets=offsets,
        ids=ids,
        frequency=None,
        names=names,
        kind=table.kind,
        time_zone=stamps.time_zone,
        resolution=stamps.resolution,
        notes=notes,
    )
    _refuse_duplicates(parts)
    parts.frequency = _settle_frequency(parts, asked)
    if parts.frequency is not None:
        _fill_gaps(parts, parts.frequency)
    if roles.stacked:
        _drop_leading_missing(parts)
    return parts


def _read_long(
    table: Table, roles: Roles, time_format: str | None
) -> tuple[NDArray[np.int64], NDArray[Any], Stamps, list[NDArray[np.float64]]]:
    """Codes, names, stamps and [values, past, future] of a table with a row per observation."""
    if roles.id is None:
        codes, ids = np.zeros(table.rows, np.int64), np.array(["series"], dtype=object)
    else:
        codes, ids = _factorize(table.column(roles.id))
    if roles.time is None:
        stamps = Stamps(_row_numbers(codes, len(ids)), note="no time column: rows are numbered")
    else:
        stamps = parse_stamps(table.column(roles.time), time_format)
    blocks = [
        _matrix(table, roles.targets, "target"),
        _matrix(table, roles.past, "past covariate"),
        _matrix(table, roles.future, "future covariate"),
    ]
    return codes, ids, stamps, blocks


def _read_stacked(
    table: Table, roles: Roles, time_format: str | None
) -> tuple[NDArray[np.int64], NDArray[Any], Stamps, list[NDArray[np.float64]]]:
    """The same where every target column is a series."""
    one = replace(roles, id=None)
    codes, _, stamps, (values, past, future) = _read_long(table, one, time_format)
    number = len(roles.targets)
    ids = np.array(roles.targets, dtype=object)
    codes = np.repeat(np.arange(number), table.rows)
    repeated = replace(
        stamps,
        values=np.tile(stamps.values, number),
        alternatives=tuple(np.tile(other, number) for other in stamps.alternatives),
    )
    blocks = [values.T.reshape(-1, 1), np.tile(past, (number, 1)), np.tile(future, (number, 1))]
    return codes, ids, repeated, blocks


def _matrix(table: Table, names: Sequence[str], role: str) -> NDArray[np.float64]:
    matrix = np.empty((table.rows, len(names)))
    for position, name in enumerate(names):
        matrix[:, position] = to_numbers(table.column(name), role)
    return matrix


def _factorize(column: Column) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Number the names of the series, in the order in which they first appear."""
    missing = column.missing
    if missing.any():
        raise InputError(
            f"The id column {column.name!r} is empty in row {int(missing.argmax()) + 1}. "
            "Every row must say which series it belongs to."
        )
    if column.kind == "time":
        raise InputError(f"The id column {column.name!r} holds time stamps. Name another.")
    values = column.values
    # Rows of a series mostly follow each other: only the heads of runs need a look-up.
    heads = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
    labels = values[heads].tolist()
    numbers = {label: number for number, label in enumerate(dict.fromkeys(labels))}
    run_codes = np.fromiter(map(numbers.__getitem__, labels), np.int64, len(labels))
    codes = np.repeat(run_codes, np.diff(heads, append=len(values)))
    ids = np.array(list(numbers), dtype=object if column.kind == "text" else values.dtype)
    return codes, ids


def _row_numbers(codes: NDArray[np.int64], number: int) -> NDArray[np.int64]:
    """0, 1, 2, ... within every series, in the order of the rows."""
    order = np.argsort(codes, kind="stable")
    counts = np.bincount(codes, minlength=number)
    begins = np.repeat(np.cumsum(counts) - counts, counts)
    rows = np.empty(len(codes), np.int64)
    rows[order] = np.arange(len(codes)) - begins
    return rows


def _constant_per_series(
    column: Column, codes: NDArray[np.int64], ids: NDArray[Any]
) -> NDArray[Any]:
    """The one value that a static column has in every series."""
    if column.kind == "time":
        raise InputError(f"The static column {column.name!r} holds time stamps.")
    values, missing = column.values, column.missing
    present = np.flatnonzero(~missing)
    first = np.full(len(ids), len(values), np.int64)
    np.minimum.at(first, codes[present], present)
    lacking = np.flatnonzero(first == len(values))
    if lacking.size:
        raise InputError(
            f"The static column {column.name!r} has no value for series {ids[lacking[0]]!r}."
        )
    constant = values[first]
    differs = present[values[present] != constant[codes[present]]]
    if differs.size:
        row = int(differs[0])
        raise InputError(
            f"The static column {column.name!r} must not change within a series, but series "
            f"{ids[codes[row]]!r} has {constant[codes[row]]!r} and, in row {row + 1}, "
            f"{values[row]!r}. Name it as a past or future covariate instead."
        )
    return constant if column.kind == "text" else constant.astype(np.float64)


# ------------------------------------------------------------------------------------ order


def _sort(
    codes: NDArray[np.int64], number: int, stamps: NDArray[Any]
) -> tuple[NDArray[np.int64] | None, NDArray[np.int64], int]:
    """The order of rows by series and time (None if they lie so), offsets, and series unsorted."""
    counts = np.bincount(codes, minlength=number)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    grouped = bool(np.all(codes[1:] >= codes[:-1]))
    order = None if grouped else np.argsort(codes, kind="stable")
    time = stamps if order is None else stamps[order]
    sorted_codes = codes if order is None else codes[order]
    backwards = (time[1:] < time[:-1]) & (sorted_codes[1:] == sorted_codes[:-1])
    unsorted = len(np.unique(sorted_codes[1:][backwards]))
    if unsorted:
        order = np.lexsort((stamps, codes))
    return order, offsets, unsorted


# -------------------------------------------------------------------------------- frequency


def _choose_reading(
    codes: NDArray[np.int64], stamps: Stamps, asked: Frequency | None, name: str | None
) -> Stamps:
    """Of dates with the day or the month first, the reading that leaves fewer gaps."""
    readings = [stamps.values, *stamps.alternatives]
    gaps = [_missing_rows(codes, reading, stamps.time_zone, asked) for reading in readings]
    best = min(gaps)
    if gaps.count(best) > 1:
        raise InputError(
            f"The dates in {name!r} can be read with the day first or with the month first. "
            "Say which with `time_format='%d/%m/%Y'` or `time_format='%m/%d/%Y'`."
        )
    chosen = readings[gaps.index(best)]
    return replace(stamps, values=chosen, alternatives=())


def _missing_rows(
    codes: NDArray[np.int64], stamps: NDArray[Any], time_zone: str | None, asked: Frequency | None
) -> float:
    """How many rows this reading lacks; infinite where it is not regular or has duplicates."""
    order = np.lexsort((stamps, codes))
    time, heads = stamps[order], np.flatnonzero(np.diff(codes[order], prepend=-1))
    frequency = asked or _infer(time, heads, time_zone)
    if frequency is None or frequency.unit == "integer":
        return np.inf
    wall = to_wall(time, time_zone) if frequency.on_wall_clock else time
    steps, exact = frequency.count(wall[:-1], wall[1:])
    steps, exact = np.delete(steps, heads[1:] - 1), np.delete(exact, heads[1:] - 1)
    return float(np.sum(steps - 1)) if exact.all() and (steps > 0).all() else np.inf


def _infer(
    stamps: NDArray[Any], heads: NDArray[np.int64], time_zone: str | None
) -> Frequency | None:
    if stamps.dtype.kind != "M" or time_zone is None:
        return infer_frequency(stamps, heads)
    on_wall = infer_frequency(to_wall(stamps, time_zone), heads)
    # Less than a day is elapsed time, which is regular in UTC whatever the clocks do.
    return (
        on_wall if on_wall is not None and on_wall.on_wall_clock else infer_frequency(stamps, heads)
    )


def _settle_frequency(parts: Parts, asked: Frequency | None) -> Frequency | None:
    """The frequency asked for, checked, or the one inferred; None where nothing tells."""
    stamps, heads = parts.stamps, parts.offsets[:-1]
    if asked is not None and (asked.unit == "integer") != (stamps.dtype.kind != "M"):
        held = "whole numbers" if stamps.dtype.kind != "M" else "time stamps"
        raise InputError(f"frequency={asked.name!r} does not fit the time column of {held}.")
    frequency = asked or _infer(stamps, heads, parts.time_zone)
    if frequency is not None and frequency.day == ANCHOR_FROM_DATA:
        anchor = month_anchor(to_wall(stamps, parts.time_zone))
        frequency = None if anchor is None else replace(frequency, day=anchor)
    if frequency is None:
        if np.all(np.diff(parts.offsets) <= 1):
            if stamps.dtype.kind != "M":
                return Frequency("integer", 1)
            parts.notes.append("a single row tells no frequency: give `frequency=`")
            return None
        raise _irregular(parts)
    if frequency.unit == "integer":
        return replace(frequency, label=_integer_label(parts.names.time))
    return frequency


def _integer_label(name: str | None) -> str:
    word = (name or "").strip().lower().removesuffix("s")
    return word if word in ("year", "month", "week", "day", "hour") else ""


def _irregular(parts: Parts) -> InputError:
    """Name the first neighbours whose distance is no multiple of the smallest."""
    distances = np.diff(parts.stamps).astype(np.int64)
    inside = np.ones(len(distances), np.bool_)
    inside[parts.offsets[1:-1] - 1] = False
    smallest = distances[inside].min()
    row = int(np.flatnonzero(inside & (distances % smallest != 0))[0])
    series = parts.ids[np.searchsorted(parts.offsets, row, side="right") - 1]
    kept = int(np.flatnonzero(inside & (distances == smallest))[0])
    return InputError(
        f"The time stamps are not regular: {_between(parts, kept)} is the smallest step, but "
        f"series {series!r} goes {_between(parts, row)}, which is no whole number of such steps. "
        "Resample the series, give `frequency=`, or number the rows as integer time."
    )


def _between(parts: Parts, row: int) -> str:
    first, second = (show_stamp(parts.stamps[r], parts.time_zone) for r in (row, row + 1))
    return f"from {first} to {second}"


def show_stamp(stamp: Any, time_zone: str | None) -> str:
    """A stamp as a person writes it, on the wall clock."""
    if not isinstance(stamp, np.datetime64):
        return str(int(stamp))
    wall = to_wall(np.array([stamp]), time_zone)[0]
    text = str(wall.astype("datetime64[s]") if wall == wall.astype("datetime64[s]") else wall)
    text = text.replace("T", " ").removesuffix(" 00:00:00")
    return f"{text} ({time_zone})" if time_zone else text


def _refuse_duplicates(parts: Parts) -> None:
    same = parts.stamps[1:] == parts.stamps[:-1]
    same[parts.offsets[1:-1] - 1] = False
    if not same.any():
        return
    row = int(same.argmax())
    series = parts.ids[np.searchsorted(parts.offsets, row, side="right") - 1]
    stamp = show_stamp(parts.stamps[row], parts.time_zone)
    where = f"Series {series!r}" if parts.names.id else "The series"
    others = int(same.sum()) - 1
    more = f" (and {others} more)" if others else ""
    advice = "Keep one row for each stamp"
    if not parts.names.id:
        advice += ", or name the column that tells the series apart with `id=`"
    elif parts.stamps.dtype.kind == "M" and parts.time_zone is None:
        advice += "; where the clocks went back, give the stamps a UTC offset"
    raise InputError(f"{where} has two rows for {stamp}{more}. {advice}.")


# ------------------------------------------------------------------------------------ gaps


def _fill_gaps(parts: Parts, frequency: Frequency) -> None:
    """Put in the missing steps, as rows that are missing (NaN) throughout."""
    wall = to_wall(parts.stamps, parts.time_zone) if frequency.on_wall_clock else parts.stamps
    steps, exact = frequency.count(wall[:-1], wall[1:])
    steps[parts.offsets[1:-1] - 1], exact[parts.offsets[1:-1] - 1] = 1, True
    if not exact.all() or steps.min(initial=1) < 1:
        raise _off_grid(parts, frequency, int((~exact | (steps < 1)).argmax()))
    gaps = int(np.count_nonzero(steps > 1))
    if not gaps:
        return
    rows = int(steps.sum()) + 1
    if rows > max(_ALWAYS_ALLOWED, _MOST_GROWTH * len(steps)):
        widest = int(steps.argmax())
        raise InputError(
            f"At one row for each {frequency.name} there would be {rows} rows instead of "
            f"{len(steps) + 1}: the widest gap goes {_between(parts, widest)}. Check that time "
            "stamp, or give the true `frequency=`."
        )
    position = np.concatenate([[0], np.cumsum(steps)])
    parts.stamps = _stamps_between(parts, frequency, wall, steps)
    parts.values = _spread(parts.values, position, rows)
    parts.past = _spread(parts.past, position, rows)
    parts.future = _spread(parts.future, position, rows)
    parts.offsets = np.concatenate([[0], position[parts.offsets[1:] - 1] + 1])
    made = "gap" if gaps == 1 else "gaps"
    added = rows - len(position)
    parts.notes.append(f"made {gaps} {made} explicit ({added} missing rows)")


def _stamps_between(
    parts: Parts, frequency: Frequency, wall: NDArray[Any], steps: NDArray[np.int64]
) -> NDArray[Any]:
    """Every row's stamp: those that were there, and those of the missing steps after each."""
    repeats = np.append(steps, 1)
    begin = np.repeat(np.cumsum(repeats) - repeats, repeats)
    ahead = np.arange(begin.size) - begin
    stamps = np.repeat(parts.stamps, repeats)
    new = np.flatnonzero(ahead)
    continued = frequency.advance(np.repeat(wall, repeats)[new], ahead[new])
    stamps[new] = from_wall(continued, parts.time_zone) if frequency.on_wall_clock else continued
    return stamps


def _spread(
    block: NDArray[np.float64], position: NDArray[np.int64], rows: int
) -> NDArray[np.float64]:
    spread = np.full((rows, block.shape[1]), np.nan)
    spread[position] = block
    return spread


def _off_grid(parts: Parts, frequency: Frequency, row: int) -> InputError:
    series = parts.ids[np.searchsorted(parts.offsets, row, side="right") - 1]
    return InputError(
        f"frequency={frequency.name!r} does not fit: series {series!r} goes "
        f"{_between(parts, row)}, which is no whole number of steps."
    )


def _drop_leading_missing(parts: Parts) -> None:
    """Let every series of a wide table begin with its first value."""
    lengths = np.diff(parts.offsets)
    codes = np.repeat(np.arange(len(lengths)), lengths)
    present = np.flatnonzero(~np.isnan(parts.values[:, 0]))
    first = parts.offsets[:-1].copy()
    heads = np.unique(codes[present], return_index=True)
    first[heads[0]] = present[heads[1]]
    keep = np.arange(len(codes)) >= np.repeat(first, lengths)
    if keep.all():
        return
    later = int(np.count_nonzero(first > parts.offsets[:-1]))
    parts.notes.append(f"{later} series begin later than the first row")
    parts.values, parts.past, parts.future = (
        block[keep] for block in (parts.values, parts.past, parts.future)
    )
    parts.stamps = parts.stamps[keep]
    counts = np.bincount(codes[keep], minlength=len(lengths))
    parts.offsets = np.concatenate([[0], np.cumsum(counts)])


# ---------------------------------------------------------------------------------- arrays


def parts_from_arrays(source: Any, frequency: str | int | Frequency | None = None) -> Parts:
    """Read arrays without time stamps: steps are numbered 0, 1, 2, ...

    Args:
        source: 1-D (one series), 2-D `(T, series)`, 3-D `(series, T, targets)`, or a list of 1-D
            `(T_i,)` or 2-D `(T_i, targets)` arrays of unequal length.
        frequency: None or 1: there are no time stamps that could have another one.

    Raises:
        InputError: Another frequency, another shape, no numbers, infinite values, or a series without rows.
    """
    if frequency is not None and parse_frequency(frequency) != Frequency("integer", 1):
        raise InputError(
            f"frequency={frequency!r} needs time stamps, which arrays do not have. Give a mapping "
            "{name: array} or a data frame with a time column."
        )
    arrays, ids = _split_arrays(source)
    lengths = np.array([len(a) for a in arrays])
    if not arrays or lengths.min() == 0:
        which = f"series {int(lengths.argmin())} has" if arrays else "there are"
        raise InputError(f"Every series needs at least one row, but {which} none.")
    widths = {a.shape[1] for a in arrays}
    if len(widths) > 1 or widths == {0}:
        raise InputError(
            f"All series must have the same number of targets, at least 1, got {sorted(widths)}."
        )
    values = np.concatenate(arrays)
    infinite = np.isinf(values).any(axis=1)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    if infinite.any():
        row = int(infinite.argmax())
        series = int(np.searchsorted(offsets, row, side="right")) - 1
        raise InputError(
            f"Series {series} is infinite in row {row - offsets[series] + 1}. Expected finite "
            "numbers; NaN stands for missing values."
        )
    targets = ("y",) if values.shape[1] == 1 else tuple(f"y{i}" for i in range(values.shape[1]))
    empty = np.empty((len(values), 0))
    return Parts(
        values=values,
        past=empty,
        future=empty.copy(),
        static={},
        stamps=np.arange(len(values)) - np.repeat(offsets[:-1], lengths),
        offsets=offsets,
        ids=ids,
        frequency=Frequency("integer", 1),
        names=Names(id="unique_id" if len(ids) > 1 else None, targets=targets),
        kind="numpy",
    )


def _split_arrays(source: Any) -> tuple[list[NDArray[np.float64]], NDArray[Any]]:
    """A list of (T_i, targets) arrays, and the names of the series."""
    if isinstance(source, np.ndarray) and source.dtype != object:
        array = _number_array(source)
        if array.ndim == 1:
            arrays = [array[:, None]]
        elif array.ndim == 2:
            arrays = [np.ascontiguousarray(column)[:, None] for column in array.T]
        elif array.ndim == 3:
            arrays = list(array)
        else:
            raise InputError(
                "An array of series must be 1-D (T,), 2-D (T, series) or 3-D "
                f"(series, T, targets), got shape {array.shape}."
            )
        return arrays, np.arange(len(arrays))
    if all(np.ndim(item) == 0 for item in source):
        return [_number_array(np.asarray(source))[:, None]], np.arange(1)
    arrays = []
    for position, item in enumerate(source):
        array = _number_array(np.asarray(item))
        if array.ndim not in (1, 2):
            raise InputError(
                f"Series {position} must be (T,) or (T, targets), got shape {array.shape}."
            )
        arrays.append(array[:, None] if array.ndim == 1 else array)
    return arrays, np.arange(len(arrays))


def _number_array(array: NDArray[Any]) -> NDArray[np.float64]:
    if array.dtype.kind not in "fiub":
        try:
            return array.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise InputError(
                f"A series must hold numbers, got an array of type {array.dtype}."
            ) from error
    return array.astype(np.float64)
