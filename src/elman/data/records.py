"""Records too long to be held or walked at once, read in order, some steps at a time.

A record's inputs, targets and weights are arrays in memory, arrays on disk (``numpy.memmap`` or
``.npy`` files, which are mapped and never loaded whole), or what a function's iterator yields part
by part. Whatever they are, a reader copies the next steps into the memory of a batch.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.checks import describe
from elman.errors import InputError

__all__ = [
    "ArrayRecord",
    "Column",
    "PartsRecord",
    "Reader",
    "Record",
    "open_records",
    "side_by_side",
]

Array: TypeAlias = NDArray[Any]

_BLOCK = 1 << 16
"""Numbers that are checked at a time."""


@dataclass(frozen=True)
class Column:
    """What the inputs, the targets or the weights of every record must be.

    Attributes:
        name: What messages call them.
        dtype: As the batches hold them.
        channels: Of a step.
        number: For tokens and classes: they are whole numbers below this one.
        positive: Whether numbers below 0 are refused.
        missing: Whether NaN may stand there, for a value that is missing.
    """

    name: str
    dtype: Any
    channels: int
    number: int | None = None
    positive: bool = False
    missing: bool = False

    def view(self, record: str, data: Any) -> Array:
        """The data as ``(steps, channels)``, without a copy of what is an array already.

        Raises:
            InputError: If its shape or its type does not fit.
        """
        array = data if isinstance(data, np.ndarray) else np.asarray(data)
        steps_alone = array.ndim == 1 and self.channels == 1
        fits = steps_alone or (array.ndim == 2 and array.shape[1] == self.channels)
        kinds = "fiub" if self.number is None else "iub"
        if not fits or (array.dtype.kind not in kinds and array.size):
            what = "whole numbers" if self.number is not None else "numbers"
            shape = f"(steps, {self.channels})" + (" or (steps,)" if self.channels == 1 else "")
            raise InputError(
                f"{record}: {self.name}: expected {what}, an array {shape}, got "
                f"{describe(array)} of dtype {array.dtype}"
            )
        return array[:, None] if steps_alone else array

    def check(self, record: str, part: Array, first: int, counts: Array | None = None) -> None:
        """Refuses numbers that are out of range or not finite.

        Args:
            record: What messages call the record.
            part: From :meth:`view`.
            first: The number of its first step.
            counts: Weights ``(steps, 1)``: where they are 0, anything may stand.

        Raises:
            InputError: If there is one, with its place.
        """
        size = max(1, _BLOCK // self.channels)
        for begin in range(0, len(part), size):
            block = part[begin : begin + size]
            if self.number is None:
                bad = np.isinf(block) if self.missing else ~np.isfinite(block)
                if self.positive:
                    bad |= block < 0
            else:
                bad = (block < 0) | (block >= self.number)
            if counts is not None:
                bad &= counts[begin : begin + size] > 0
            if bad.any():
                step, channel = np.argwhere(bad)[0]
                self._refuse(record, first + begin + step, block[step, channel])

    def _refuse(self, record: str, step: int, value: Any) -> None:
        if self.number is not None:
            expected = f"whole numbers from 0 to {self.number - 1}"
        else:
            expected = "finite numbers of at least 0" if self.positive else "finite numbers"
        raise InputError(f"{record}: {self.name}: expected {expected}, got {value} at step {step}")


class Reader(Protocol):
    """A place in a record."""

    remaining: int

    def skip(self, steps: int) -> None:
        """Goes on by ``steps``."""

    def read(self, steps: int, into: Sequence[Array]) -> None:
        """Copies the next ``steps``, no more than remain, into one array for each column."""


class Record(Protocol):
    """A record that can be read from its beginning, as often as there are epochs."""

    steps: int
    width: int  # how many columns it has

    def open(self) -> Reader:
        """A reader at its first step."""


class ArrayRecord:
    """A record whose columns are arrays, in memory or mapped from disk.

    Args:
        columns: One array ``(steps, channels)`` for each.

    Attributes:
        columns: The arrays.
        steps: How many there are.
        width: How many columns.
    """

    def __init__(self, columns: Sequence[Array]) -> None:
        self.columns = tuple(columns)
        self.steps, self.width = len(self.columns[0]), len(self.columns)

    def open(self) -> Reader:
        """A reader at its first step."""
        return _ArrayReader(self)

    def pieces(self, length: int) -> list[ArrayRecord]:
        """Records of so many steps each, the last one of what is left; no copies."""
        return [
            ArrayRecord([column[begin : begin + length] for column in self.columns])
            for begin in range(0, self.steps, length)
        ]


def side_by_side(pieces: Sequence[ArrayRecord]) -> list[Array]:
    """The columns of a record's equal pieces as one view ``(pieces, steps, channels)`` each.

    It has as many steps as the last piece, which may be shorter than the others.
    """
    length, last = pieces[0].steps, pieces[-1].steps
    views = []
    for column in pieces[0].columns:
        strides = (length * column.strides[0], *column.strides)
        shape = (len(pieces), last, column.shape[1])
        views.append(np.lib.stride_tricks.as_strided(column, shape, strides, writeable=False))
    return views


class _ArrayReader:
    def __init__(self, record: ArrayRecord) -> None:
        self._columns, self._place = record.columns, 0
        self.remaining = record.steps

    def read(self, steps: int, into: Sequence[Array]) -> None:
        place = self._place
        for column, out in zip(self._columns, into, strict=True):
            out[...] = column[place : place + steps]
        self.skip(steps)

    def skip(self, steps: int) -> None:
        self._place += steps
        self.remaining -= steps


class PartsRecord:
    """A record that a function yields part by part, in parts of any length.

    It is read through once at the beginning, to be checked and counted.

    Args:
        name: What messages call it.
        make: Makes the iterator of parts, afresh for every pass.
        columns: What a part holds.
        next_step: Whether a part is the inputs alone, and targets are the inputs a step later.

    Attributes:
        steps: How many steps there are.
    """

    def __init__(
        self, name: str, make: Callable[[], Any], columns: Sequence[Column], next_step: bool
    ) -> None:
        self.name, self._make, self._columns, self._next = name, make, columns, next_step
        self.steps, self.width = 0, len(columns)
        for part in self.parts():
            both = [part[0], columns[1].view(name, part[0])] if next_step else part
            _check_part(name, both, columns, self.steps)
            self.steps += len(part[0])
        if next_step:
            self.steps = max(0, self.steps - 1)  # the last one has no next

    def parts(self) -> Iterator[list[Array]]:
        """What the function yields, each part as arrays ``(steps, channels)``."""
        source = _iterable(self.name, self._make)
        wanted = self._columns[:1] if self._next else self._columns
        for part in source:
            given = part if isinstance(part, tuple) else (part,)
            if len(given) != len(wanted):
                raise InputError(
                    f"{self.name}: expected parts of {len(wanted)} arrays, as the first one has, "
                    f"got one of {len(given)}"
                )
            yield _views(self.name, given, wanted)

    def open(self) -> Reader:
        """A reader at its first step."""
        return _PartsReader(self, self.parts(), self._next)


class _PartsReader:
    def __init__(self, record: PartsRecord, parts: Iterator[list[Array]], next_step: bool) -> None:
        self._record, self._parts, self._next = record, parts, next_step
        self._held: list[Array] | None = None  # what was yielded and not yet read
        self.remaining = record.steps

    def skip(self, steps: int) -> None:
        self.read(steps, [])

    def read(self, steps: int, into: Sequence[Array]) -> None:
        wanted = steps + 1 if self._next else steps
        held = self._fill(wanted)
        given = [held[0], held[0][1:]] if self._next else held
        for column, out in zip(given, into, strict=False):
            out[...] = column[:steps]
        self._held = [column[steps:] for column in held]
        self.remaining -= steps
        if not self.remaining and (len(self._held[0]) > self._next or self._more()):
            self._refuse("more")

    def _fill(self, wanted: int) -> list[Array]:
        gathered = [] if self._held is None else [self._held]
        number = sum(len(part[0]) for part in gathered)
        while number < wanted:
            part = next(self._parts, None)
            if part is None:
                self._refuse("fewer")
            else:
                gathered.append(part)
                number += len(part[0])
        if len(gathered) == 1:
            return gathered[0]
        return [np.concatenate(parts) for parts in zip(*gathered, strict=True)]

    def _more(self) -> bool:
        return any(len(part[0]) for part in self._parts)

    def _refuse(self, how: str) -> None:
        raise InputError(
            f"{self._record.name}: expected a function that yields the same steps in every pass, "
            f"got {how} than the {self._record.steps} that were counted in the first"
        )


def open_records(records: Any, columns: Sequence[Column]) -> list[Record]:
    """What a user passed as records, checked: every number of them is looked at once.

    Args:
        records: One record or a list: each ``(x, y)``, ``(x, y, weight)``, or ``x`` alone, whose
            targets are its next steps; or a function, see :class:`elman.Stream`.
        columns: Of the inputs, the targets and the weights.

    Returns:
        The records that have a step to learn from.

    Raises:
        InputError: If something does not fit, or no record has a step.
    """
    alone = isinstance(records, (np.ndarray, tuple, str, os.PathLike)) or callable(records)
    listed = [records] if alone else records
    if not isinstance(listed, Sequence):
        raise InputError(f"records: expected a record or a list of records, got {records!r}")
    opened = [_open(f"records[{i}]", record, columns) for i, record in enumerate(listed)]
    if len({record.width for record in opened}) > 1:
        raise InputError("records: expected weights with all of them or with none, got both")
    found = [record for record in opened if record.steps]
    if not found:
        raise InputError(
            f"records: expected at least one step with a target, got {len(listed)} records that "
            "have none"
        )
    return found


def _open(name: str, record: Any, columns: Sequence[Column]) -> Record:
    if isinstance(record, Iterator):
        raise InputError(
            f"{name}: expected something that can be read in every epoch, got an iterator, which "
            "can be read once; pass the function that makes it"
        )
    if callable(record):
        first = next(iter(_iterable(name, record)), None)
        many = len(first) if isinstance(first, tuple) else 1
        return PartsRecord(name, record, columns[: max(2, many)], next_step=many == 1)
    given = record if isinstance(record, tuple) else (record,)
    arrays = [_load(name, one) for one in given]
    if len(arrays) > 1:
        views = _views(name, arrays, columns)
    else:
        inputs = columns[0].view(name, arrays[0])
        views = [inputs[:-1], columns[1].view(name, arrays[0])[1:]]
    _check_part(name, views, columns, 0)
    return ArrayRecord(views)


def _load(name: str, data: Any) -> Any:
    """An array, or a file of one, mapped."""
    if not isinstance(data, (str, os.PathLike)):
        return data
    path = Path(data)
    if path.suffix != ".npy" or not path.is_file():
        raise InputError(f"{name}: expected an array or a file of one (.npy), got {str(path)!r}")
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        raise InputError(f"{name}: {path} is not a readable .npy file: {error}") from error


def _views(name: str, given: Sequence[Any], columns: Sequence[Column]) -> list[Array]:
    if len(given) > len(columns):
        raise InputError(f"{name}: expected inputs, targets and weights, got {len(given)} arrays")
    views = [column.view(name, one) for column, one in zip(columns, given, strict=False)]
    steps = [len(view) for view in views]
    if len(set(steps)) > 1:
        named = ", ".join(f"{n} of {c.name}" for n, c in zip(steps, columns, strict=False))
        raise InputError(f"{name}: expected as many steps of each, got {named}")
    return views


def _check_part(name: str, views: Sequence[Array], columns: Sequence[Column], first: int) -> None:
    weights = views[2] if len(views) > 2 else None
    for index, (view, column) in enumerate(zip(views, columns, strict=False)):
        column.check(name, view, first, weights if index == 1 else None)


def _iterable(name: str, make: Callable[[], Any]) -> Iterable[Any]:
    source = make()
    if not isinstance(source, Iterable):
        raise InputError(
            f"{name}: expected a function that gives an iterator of parts, such as a generator "
            f"function, got one that gives {describe(source)}"
        )
    return source
