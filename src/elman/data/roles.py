"""Which column of a table is the time, the series' name, the target, a covariate."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import pairwise
from typing import Any

import numpy as np

from elman.data.columns import Column
from elman.data.dialect import mostly_numbers, odd_word, reads
from elman.data.frames import Table
from elman.data.timestamps import looks_like_time
from elman.errors import InputError

__all__ = ["Roles", "find_roles"]

# Names under which whole numbers are taken for time; "" and "Unnamed: 0" are written indexes.
# fmt: off
_TIME_NAMES = frozenset([
    "", "unnamed:_0", "ds", "date", "dates", "time", "datetime", "date_time", "timestamp", "t",
    "year", "month", "day", "week", "hour", "step", "period", "index",
])
# fmt: on
_FRACTIONAL_TIME_NAMES = frozenset(["t", "time", "timestamp"])
_DATE = re.compile(r"\b\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}\b|\b\d{1,2}:\d{2}\b")
_SAMPLE = 50
_ID_NAMES = frozenset(["unique_id", "id", "series", "series_id", "item", "item_id"])


@dataclass(frozen=True)
class Roles:
    """Column names by role; `time` and `id` are None where the table has none.

    `stacked` says that every target column is a series of its own.
    """

    time: str | None
    id: str | None
    targets: tuple[str, ...]
    past: tuple[str, ...]
    future: tuple[str, ...]
    static: tuple[str, ...]
    stacked: bool
    notes: tuple[str, ...]


def find_roles(
    table: Table,
    target: str | Sequence[str] | None,
    time: str | None,
    id: str | None,
    past: str | Sequence[str],
    future: str | Sequence[str],
    static: str | Sequence[str],
    wide: str | None,
) -> Roles:
    """Give every column its role; those not named by the user are guessed.

    The guesses: time is the column `ds`, else the first that holds time stamps, else numbers
    under a usual name (`year`, `step`, `index` ..., fractional ones under `t` or `time`). The
    series' name is `unique_id`, else
    the first text column whose values repeat and that is needed to tell the series apart. The
    target is `y`, else every other numeric column; true and false, and the row numbers that
    pandas writes ("Unnamed: 0"), are not taken for targets.

    Raises:
        InputError: A named column is missing or named twice, or there is no target.
    """
    if wide not in (None, "series", "targets"):
        raise InputError(f"wide must be 'series' or 'targets', got {wide!r}.")
    targets = None if target is None else _names(target)
    past, future, static = _names(past), _names(future), _names(static)
    time, id = (None if name is None else _names(name)[0] for name in (time, id))
    named = [("time", time), ("id", id)]
    for role, group in (
        ("target", targets),
        ("past", past),
        ("future", future),
        ("static", static),
    ):
        named += [(role, name) for name in group or ()]
    taken = _check(table, [(role, name) for role, name in named if name is not None])
    if time is None:
        time = _guess_time(table, taken)
        taken |= {time} - {None}  # type: ignore[arg-type]
    if id is None and wide != "series":
        id = _guess_id(table, taken, time)
        taken |= {id} - {None}  # type: ignore[arg-type]
    if wide == "series" and id is not None:
        raise InputError(
            f"wide='series' makes every target column a series, but id={id!r} already tells the "
            "series apart. Leave out one of the two."
        )
    guessed = targets is None
    if targets is None:
        targets = _guess_targets(table, taken, wide)
    stacked = wide == "series" or (wide is None and guessed and id is None and len(targets) > 1)
    ignored = [n for n in table.names if n not in taken and n not in targets]
    shown = ", ".join(name or "without a name" for name in ignored)
    notes = (f"ignored column{'s' * (len(ignored) > 1)} {shown}",) if ignored else ()
    return Roles(time, id, targets, past, future, static, stacked, notes)


def _names(group: str | Sequence[str]) -> tuple[str, ...]:
    """One name or several; a frame's numbered columns are known by their numbers as text."""
    names: Sequence[Any] = (group,) if np.ndim(group) == 0 else group
    return tuple(str(name) if isinstance(name, (int, np.integer)) else name for name in names)


def _check(table: Table, named: list[tuple[str, str]]) -> set[str]:
    """Check that named columns exist, and that none has two roles; return their names."""
    roles: dict[str, str] = {}
    for role, name in named:
        if name not in table.columns:
            near = get_close_matches(str(name), table.names, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            present = ", ".join(table.names)
            raise InputError(
                f"{role}={name!r}: there is no such column in {table.source}.{hint} "
                f"It has {present}."
            )
        if name in roles:
            both = role if roles[name] == role else f"{roles[name]} and {role}"
            raise InputError(f"The column {name!r} is named twice, as {both}.")
        roles[name] = role
    return set(roles)


def _guess_time(table: Table, taken: set[str]) -> str | None:
    free = [name for name in table.names if name not in taken]
    if "ds" in free:
        return "ds"
    for name in free:
        if looks_like_time(table.column(name)):
            return name
    for name in free:
        known = name.strip().lower().replace(" ", "_")
        if known in _TIME_NAMES and _whole(table.column(name)):
            return name
        if known in _FRACTIONAL_TIME_NAMES and table.column(name).kind == "number":
            return name
    # Dates that no one way of writing reads shall be refused, not left out.
    return next((name for name in free if _has_dates(table.column(name))), None)


def _has_dates(column: Column) -> bool:
    """Whether most values of a text column are dates or times of day, in whatever writing."""
    if column.kind != "text":
        return False
    sample = [one for one in column.values[:_SAMPLE].tolist() if one is not None]
    return bool(sample) and 2 * sum(map(bool, map(_DATE.search, sample))) >= len(sample)


def _whole(column: Column) -> bool:
    if column.kind != "number" or column.values.dtype.kind == "b":
        return False
    values = column.values
    return bool(np.all(values == np.floor(values)))


def _guess_id(table: Table, taken: set[str], time: str | None) -> str | None:
    free = [name for name in table.names if name not in taken]
    if "unique_id" in free:
        return "unique_id"
    for name in free:
        if name.strip().lower() in _ID_NAMES and _whole(table.column(name)):
            return name
    for name in free:
        column = table.column(name)
        if column.kind == "text" and _tells_series_apart(table, column, time):
            return name
    return None


def _tells_series_apart(table: Table, column: Column, time: str | None) -> bool:
    """Whether a text column names series: its values repeat, and in blocks or over equal stamps.

    A category such as the weather repeats too, but neither in blocks nor over equal stamps.
    """
    labels = column.values.tolist()
    distinct = set(labels)
    if None in distinct or len(distinct) == len(labels) > 1:
        return False
    try:
        for label in labels[:1]:
            float(label)
        return False  # a number spelt as text is a value, not a name
    except ValueError:
        pass
    blocks = 1 + sum(a != b for a, b in pairwise(labels))
    if blocks == len(distinct):
        return True
    return time is not None and len(set(table.column(time).values.tolist())) < len(labels)


def _may_be_target(column: Column) -> bool:
    written_index = column.name.strip().lower() in ("", "unnamed: 0") and _whole(column)
    number = column.kind == "number" and column.values.dtype.kind != "b"
    return number and not written_index


def _guess_targets(table: Table, taken: set[str], wide: str | None) -> tuple[str, ...]:
    free = [name for name in table.names if name not in taken]
    if "y" in free and wide is None:
        return ("y",)
    numeric = tuple(n for n in free if _may_be_target(table.column(n)))
    for name in free:
        _refuse_words_among_numbers(table, table.column(name))
    if numeric:
        return numeric
    present = ", ".join(table.names)
    empty = [name for name in free if table.column(name).missing.all()]
    if empty:
        raise InputError(f"The column {empty[0]!r} of {table.source} has no value in any row.")
    raise InputError(
        f"There is no column of numbers in {table.source}: it has {present}. Name one with "
        "`target=`."
    )


def _refuse_words_among_numbers(table: Table, column: Column) -> None:
    """A column that is numbers but for a word or two is meant to be read; it is not left out."""
    if column.kind != "text":
        return
    texts = column.values.tolist()
    if not mostly_numbers(texts):
        return
    if all(reads(one, column.dialect) for one in texts):
        return  # numbers as text in a file that knows numbers: codes
    row, word, hint = odd_word(texts, column.dialect)
    raise InputError(
        f"The column {column.name!r} of {table.source} holds numbers, but {word!r} in row "
        f"{row + 1}.{hint or ' Leave a field empty where its value is missing.'} To leave the "
        "column out, name those that you want with `target=`."
    )
