"""The text format ``.ts`` of the UEA and UCR archive of time series, version 1.0 as sktime has it.

A header of ``@key value`` lines up to ``@data``; then a line for each sequence: its channels and,
where the header says so, its class or target, between colons. A channel is a list of numbers
between commas, or with ``@timeStamps true`` of pairs ``(stamp,value)``, ``?`` where missing. Stamps
are numbers or dates; they order the steps and tell which values of several channels belong to one
step. Text after ``#`` at the start of a line is a comment.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.errors import InputError

__all__ = ["TsFile", "read_ts"]

Array: TypeAlias = NDArray[Any]

_MISSING = ("?", "NaN", "nan")
_BETWEEN_CHANNELS = re.compile(r":(?![^()]*\))")
"""A colon that stands in no pair, where it may belong to a time of day."""
_PAIR = re.compile(r"\(([^()]*),([^(),]*)\)")


@dataclass
class TsFile:
    """What a file holds.

    Attributes:
        arrays: ``(T_i, C)`` float64 each, NaN where missing.
        answers: The class or target of each, as text; ``None`` if the header says there are none.
        stamped: Whether steps had time stamps.
    """

    arrays: list[Array]
    answers: list[str] | None
    stamped: bool


def read_ts(path: Path) -> TsFile:
    """Reads a file.

    Args:
        path: The file.

    Raises:
        InputError: If it is empty, or a line is not what the header announces.
    """
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    begun, header = _header(path, lines)
    reader = _Lines(path.name, header)
    for number, line in enumerate(lines[begun:], start=begun + 1):
        if line.strip() and not line.startswith("#"):
            reader.read(number, line.strip())
    if not reader.arrays:
        raise InputError(f"The file {path.name} is empty: there is nothing after @data.")
    answers = reader.answers if reader.answered else None
    return TsFile(reader.arrays, answers, reader.stamped)


def _header(path: Path, lines: Sequence[str]) -> tuple[int, dict[str, list[str]]]:
    """Where the data begin, and the words after each key (in lower case)."""
    header: dict[str, list[str]] = {}
    for number, raw in enumerate(lines, start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if not line.startswith("@"):
            raise InputError(
                f"The file {path.name}, line {number}: expected a line of the header such as "
                f"'@timeStamps false', or '@data' before the sequences, got {line!r:.40}"
            )
        key, *words = line[1:].split()
        header[key.lower()] = words
        if key.lower() == "data":
            return number, header
    raise InputError(f"The file {path.name} is empty: there is no line @data.")


class _Lines:
    """Reads the lines after ``@data``, one sequence each."""

    def __init__(self, name: str, header: dict[str, list[str]]) -> None:
        self._name = name
        self.stamped = _flag(name, header, "timestamps", False)
        classes = _flag(name, header, "classlabel", "targetlabel" not in header)
        self.answered = classes or _flag(name, header, "targetlabel", False)
        self._classes = header.get("classlabel", [])[1:] if classes else []
        self._channels = _count(name, header, "dimensions")
        if self._channels is None and _flag(name, header, "univariate", False):
            self._channels = 1
        self.arrays: list[Array] = []
        self.answers: list[str] = []

    def read(self, number: int, line: str) -> None:
        where = f"The file {self._name}, line {number}"
        parts = [one.strip() for one in _BETWEEN_CHANNELS.split(line)]
        if self.answered:
            answer = parts.pop()
            if not answer:
                raise InputError(f"{where}: expected a class or target after the last colon")
            if self._classes and answer not in self._classes:
                named = ", ".join(self._classes[:8]) + (" ..." if len(self._classes) > 8 else "")
                raise InputError(
                    f"{where}: expected a class of the header ({named}) after the last colon, got "
                    f"{answer!r:.40}"
                )
            self.answers.append(answer)
        if not parts or len(parts) != (self._channels or len(parts)):
            raise InputError(
                f"{where}: expected {self._channels or 'at least one'} channels between colons, "
                f"as in the header, got {len(parts)}"
            )
        self.arrays.append(_stamped(where, parts) if self.stamped else _plain(where, parts))
        if self.arrays[-1].shape[1] != self.arrays[0].shape[1]:
            raise InputError(
                f"{where}: expected {self.arrays[0].shape[1]} channels, as before, got {len(parts)}"
            )


def _plain(where: str, channels: Sequence[str]) -> Array:
    values = [[_value(where, one) for one in part.split(",")] if part else [] for part in channels]
    if len({len(one) for one in values}) > 1:
        raise InputError(
            f"{where}: expected channels of one length, got {[len(one) for one in values]}; write "
            "? where a value is missing"
        )
    table: Array = np.array(values, np.float64).reshape(len(channels), -1).T
    return table


def _stamped(where: str, channels: Sequence[str]) -> Array:
    """The values of all channels at the stamps that any of them has, in order."""
    found = [_pairs(where, part) for part in channels]
    try:
        stamps = sorted({stamp for one in found for stamp in one})
    except TypeError:
        raise InputError(f"{where}: expected time stamps of one kind, got several") from None
    rows = {stamp: row for row, stamp in enumerate(stamps)}
    table = np.full((len(stamps), len(channels)), np.nan)
    for channel, one in enumerate(found):
        for stamp, value in one.items():
            table[rows[stamp], channel] = value
    return table


def _pairs(where: str, text: str) -> dict[Any, float]:
    """Stamp -> value. Pairs of which nothing is known may be written as ``?`` alone."""
    rest = _PAIR.sub("", text)
    if rest.replace(",", "").replace("?", "").strip():
        raise InputError(
            f"{where}: the header says @timeStamps true; expected pairs (stamp,value) between "
            f"commas, got {text!r:.60}"
        )
    pairs: dict[Any, float] = {}
    for stamp, value in _PAIR.findall(text):
        at = _stamp(where, stamp.strip())
        if at in pairs:
            raise InputError(f"{where}: the time stamp {stamp.strip()!r} stands twice in a channel")
        pairs[at] = _value(where, value)
    return pairs


def _stamp(where: str, text: str) -> float | datetime:
    for kind in (float, datetime.fromisoformat):
        try:
            stamp = kind(text.replace("/", "-"))
        except ValueError:
            continue
        if stamp == stamp:  # not NaN, which has no place in time
            return stamp
    raise InputError(
        f"{where}: expected a time stamp, a number or a date such as 2004-10-01 00:00:00, got "
        f"{text!r:.40}"
    )


def _value(where: str, text: str) -> float:
    text = text.strip()
    if text in _MISSING:
        return np.nan
    try:
        return float(text)
    except ValueError:
        if text.startswith("("):
            raise InputError(
                f"{where}: pairs (stamp,value) need the line '@timeStamps true' in the header"
            ) from None
        raise InputError(
            f"{where}: expected numbers, or ? where missing, got {text!r:.40}"
        ) from None


def _flag(name: str, header: dict[str, list[str]], key: str, default: bool) -> bool:
    if key not in header:
        return default
    word = header[key][0].lower() if header[key] else ""
    if word not in ("true", "false"):
        raise InputError(f"The file {name}: expected true or false after @{key}, got {word!r}")
    return word == "true"


def _count(name: str, header: dict[str, list[str]], key: str) -> int | None:
    if key not in header:
        return None
    word = header[key][0] if header[key] else ""
    if not word.isdigit() or int(word) < 1:
        raise InputError(f"The file {name}: expected a whole number after @{key}, got {word!r}")
    return int(word)
