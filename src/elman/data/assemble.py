"""From a table to the arrays of a panel: columns by role, rows by series and time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elman.data.calendar import (
    Frequency,
    canonical_zone,
    from_wall,
    parse_frequency,
    to_wall,
)
from elman.data.columns import Column, to_numbers
from elman.data.frames import Table
from elman.data.parts import Names, Parts, shown
from elman.data.regular import choose_reading, fill_gaps, refuse_duplicates, settle_frequency
from elman.data.roles import Roles, find_roles
from elman.data.timestamps import SEVERAL_OFFSETS, Stamps, parse_stamps
from elman.errors import InputError

__all__ = ["parts_from_table"]


def parts_from_table(
    table: Table,
    *,
    target: str | Sequence[str] | None,
    time: str | None,
    id: str | None,
    past: str | Sequence[str],
    future: str | Sequence[str],
    static: str | Sequence[str],
    frequency: str | float | Frequency | None,
    wide: str | None,
    time_format: str | None,
    time_zone: str | None,
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
        stacked=roles.stacked,
        time_format=time_format,
    )
    asked = None if frequency is None else parse_frequency(frequency)
    if stamps.alternatives:
        stamps = choose_reading(codes, stamps, asked, roles.time)
    if time_zone is not None:
        stamps = _in_zone(stamps, time_zone)
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
    refuse_duplicates(parts)
    parts.frequency = settle_frequency(parts, asked)
    if parts.frequency is not None:
        fill_gaps(parts, parts.frequency)
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
        codes, ids = _factorize(table.names_column(roles.id))
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


def _in_zone(stamps: Stamps, time_zone: str) -> Stamps:
    """The stamps in a zone: instants are shown there, stamps without a zone were written there."""
    if stamps.values.dtype.kind != "M":
        raise InputError(f"time_zone={time_zone!r} needs time stamps, but time is whole numbers.")
    to_wall(stamps.values[:1], time_zone)  # an unknown zone is noticed here
    if stamps.time_zone is None:
        stamps = replace(stamps, values=from_wall(stamps.values, time_zone))
    note = "" if SEVERAL_OFFSETS in stamps.note else stamps.note
    return replace(stamps, time_zone=canonical_zone(time_zone), note=note)


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
            f"The static column {column.name!r} has no value for series {shown(ids[lacking[0]])}."
        )
    constant = values[first]
    differs = present[values[present] != constant[codes[present]]]
    if differs.size:
        row = int(differs[0])
        raise InputError(
            f"The static column {column.name!r} must not change within a series, but series "
            f"{shown(ids[codes[row]])} has {shown(constant[codes[row]])} and, in row {row + 1}, "
            f"{shown(values[row])}. Name it as a past or future covariate instead."
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
