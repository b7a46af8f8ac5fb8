"""Columns of a table by the part that they play: found by name, and read as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.data.columns import Column
from elman.data.dialect import mostly_numbers, odd_word
from elman.data.rows import check_magnitude
from elman.data.timestamps import looks_like_time, plain_stamps
from elman.errors import InputError

__all__ = [
    "VALUES_HINT",
    "check_channels",
    "check_numeric",
    "find_column",
    "ids_of",
    "numbers_of",
    "ranks_of",
    "text_column",
]

Array: TypeAlias = NDArray[Any]


def find_column(
    frame: Any, role: str, name: str | None, usual: Sequence[str], required: bool
) -> str | None:
    """The column of a role: the one named, or the one that is called so.

    Args:
        frame: The table.
        role: What the message calls it.
        name: As the user named it, or ``None``.
        usual: What such a column is called, in small letters.
        required: Whether there must be one.

    Raises:
        InputError: If there is no such column.
    """
    if name is not None:
        if name not in frame.columns:
            raise InputError(
                f"{role}: there is no column {name!r}; there are {', '.join(frame.columns)}"
            )
        return name
    found = next((one for word in usual for one in frame.columns if one.lower() == word), None)
    if found is None and required:
        raise InputError(
            f"{role}: no column is called {', '.join(usual)}; name one of "
            f"{', '.join(frame.columns)}"
        )
    return found


def text_column(frame: Any, text: str | None, others: Sequence[str]) -> str | None:
    """The column that holds the texts, or ``None`` in a table of numbers.

    Args:
        frame: The table.
        text: As the user named it, or ``None``.
        others: The columns beside label and id.

    Raises:
        InputError: If it is not there, or cannot be told.
    """
    if text is not None:
        return find_column(frame, "text", text, (), required=True)
    if "text" in others:  # whatever it holds: texts of digits are texts
        return "text"
    texts = [name for name in others if str(frame[name].dtype) in ("String", "Utf8")]
    if not texts:
        return None
    for name in texts:
        if mostly_numbers(frame[name].to_list()):
            check_numeric(frame[name], hint=" Name the column of texts with text=NAME.")
    if len(texts) > 1:
        raise InputError(
            f"text: expected one column of text beside the label, got {', '.join(texts)}; name "
            f"it (text={texts[0]!r}), or name the sequences of a table of steps "
            f"(id={texts[0]!r})"
        )
    if len(others) > 1 and frame[texts[0]].n_unique() < frame.height:
        raise InputError(
            f"id: column {texts[0]!r} repeats its texts beside columns of numbers; if it names "
            f"the sequences of a table of steps say so (id={texts[0]!r}), if it holds the texts "
            f"to be read name it too (text={texts[0]!r})"
        )
    return texts[0]


def check_channels(frame: Any, channels: Sequence[str] | None, file: str) -> None:
    """Refuses a table without one of the columns of values; the others may be there or not.

    Args:
        frame: The table.
        channels: The columns wanted, or ``None``.
        file: Its name, for the message.
    """
    missing = [name for name in channels or () if name not in frame.columns]
    if missing:
        raise InputError(
            f"channel: {file} has no column {missing[0]!r}; expected {', '.join(channels or ())}, "
            f"there are {', '.join(frame.columns)}"
        )


def check_numeric(column: Any, file: str = "", hint: str = "") -> None:
    """Refuses a column that holds no numbers, with the first row that holds none.

    Args:
        column: Of a table.
        file: The table's name, for the message.
        hint: What to do where all of it is words, a sentence after a blank.

    Raises:
        InputError: If it holds words, dates, lists ...
    """
    kind = column.dtype
    if kind.is_numeric() or str(kind) == "Boolean" or column.null_count() == len(column):
        return
    said = f"The column {column.name!r}{f' of {file}' if file else ''} must hold numbers, but"
    if str(kind) not in ("String", "Categorical"):
        raise InputError(f"{said} it holds values of type {kind}.{hint}")
    words = column.to_list()
    row, word, mark = odd_word(words)
    if not mark and mostly_numbers(words):
        mark = " Leave a field empty where its value is missing."
    if looks_like_time(Column(column.name, "text", np.array(words, dtype=object))):
        mark = f" If it is the time, say so with time={column.name!r}."
    raise InputError(f"{said} row {row + 1} holds {word!r}.{mark or hint}")


VALUES_HINT = " If it is none of the values, name the columns that are with channel=NAME."


def numbers_of(frame: Any, names: Sequence[str], file: str = "", hint: str = "") -> Array:
    """Columns as float64 ``(rows, columns)``, NaN where missing.

    Args:
        frame: The table.
        names: The columns, in order.
        file: Its name, for the message.
        hint: As for :func:`check_numeric`.

    Raises:
        InputError: If one holds no numbers, or an infinite one.
    """
    for name in names:
        check_numeric(frame[name], file, hint)
    columns: list[Array] = [
        frame[name].cast(float, strict=False).fill_null(np.nan).to_numpy() for name in names
    ]
    table: Array = np.stack(columns, axis=1)
    if np.isinf(table).any():
        row, column = np.argwhere(np.isinf(table))[0].tolist()
        where = f" of {file}" if file else ""
        raise InputError(
            f"The column {names[column]!r}{where} is infinite in row {row + 1} "
            f"({table[row, column]}). Expected finite numbers; leave missing values empty."
        )
    for name, values in zip(names, columns, strict=True):
        check_magnitude(f"The column {name!r}{f' of {file}' if file else ''}:", values)
    return table


def ranks_of(frame: Any, time: str, file: str) -> Array:
    """The place of each row in time, equal times alike.

    Args:
        frame: The table.
        time: The column of times.
        file: The table's name, for the message.

    Raises:
        InputError: If a time is missing or infinite, or text that is no date.
    """
    stamps = frame[time]
    missing = stamps.is_null()
    if missing.any():
        row = int(missing.arg_max()) + 1
        raise InputError(f"time: expected a time for every step, column {time!r} lacks row {row}")
    if stamps.dtype.is_numeric():
        numbers_of(frame, [time], file)
    elif str(stamps.dtype) == "String":
        dates = Column(time, "text", np.array(stamps.to_list(), dtype=object))
        return np.asarray(plain_stamps(dates, lambda one: np.unique(one, return_inverse=True)[1]))
    ranks: Array = stamps.rank("dense").to_numpy()
    return ranks


def ids_of(frame: Any, name: str, file: str) -> list[str]:
    """The names of the sequences, a row each, as text.

    Args:
        frame: The table.
        name: The column of names.
        file: The table's name, for the message.

    Raises:
        InputError: If a row has none.
    """
    column = frame[name]
    missing = column.is_null()
    if missing.any():
        raise InputError(
            f"The id column {name!r} of {file} is empty in row {int(missing.arg_max()) + 1}. Every "
            "row must say which sequence it belongs to."
        )
    return [str(one) for one in column.to_list()]
