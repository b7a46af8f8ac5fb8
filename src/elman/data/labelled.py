"""Sequences with a class or a number each: tables, folders, ``.npz``, ``.ts`` of the UEA archive.

a table     one row a step, with columns of id, time (if any), label and numbers;
            or one row a text, with columns of text and label
a folder    a sub-folder for each class with one CSV file for each sequence;
            or a text file for each class with one text a line
.npz        arrays X ``(N, T)`` or ``(N, T, C)``, y ``(N,)`` and perhaps lengths ``(N,)``
.ts         as the UEA and UCR archive of time series has them
"""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.counting import counted
from elman.data.dialect import PLAIN, Dialect
from elman.data.files import read_file, refuse_dialect, with_words
from elman.data.named_columns import (
    VALUES_HINT,
    check_channels,
    find_column,
    ids_of,
    numbers_of,
    ranks_of,
    text_column,
)
from elman.data.rows import Rows, as_rows
from elman.data.ts_files import read_ts
from elman.errors import InputError

__all__ = ["Labelled", "read_labelled", "read_labels"]

Array: TypeAlias = NDArray[Any]


@dataclass
class Labelled:
    """Sequences and what is known of them.

    Attributes:
        rows: The sequences.
        labels: One for each, or ``None``: classes, or numbers (float64).
        names: What each is called.
        channels: Names of the channels; none for texts.
        columns: Of tables, the columns that the values were read from, in order; of texts their
            one column. A file to be answered for is read by these names.
        id: The column that named the sequences of a table of steps, or ``None``.
        time: The column that ordered them, or ``None``.
        notes: What should be known of the reading, in words.
        label: The column or array that held the labels, or ``None``.
        numeric: Whether labels are numbers to be estimated, not classes.
    """

    rows: Rows
    labels: Array | None
    names: list[str]
    channels: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    label: str | None = None
    numeric: bool = False
    columns: list[str] = field(default_factory=list)
    id: str | None = None
    time: str | None = None

    def describe(self) -> str:
        """What was read, in one sentence."""
        number = len(self.rows)
        if self.rows.texts is not None:
            lengths = [len(one) for one in self.rows.texts]
            what = f"{counted(number, 'text')} of {_span(lengths, 'character')}"
        else:
            lengths = [len(one) for one in self.rows.arrays or []]
            channels = self.rows.channels
            what = (
                f"{counted(number, 'sequence')} of {_span(lengths, 'step')} in "
                f"{counted(channels, 'channel')}{_named(self.channels)}"
            )
        if self.labels is None:
            return what
        if self.numeric:
            low, high = self.labels.min(), self.labels.max()
            return f"{what}, targets from {low:.4g} to {high:.4g}"
        return f"{what}, {counted(len(np.unique(self.labels)), 'class', 'classes')}"


def read_labelled(
    source: str | Path,
    label: str | None = None,
    id: str | None = None,
    time: str | None = None,
    text: str | None = None,
    required: bool = True,
    numeric: bool = False,
    channels: Sequence[str] | None = None,
    dialect: Dialect = PLAIN,
) -> Labelled:
    """Reads a file or a folder; its suffix says what it is.

    Args:
        source: The file or folder.
        label: Column, or array, of labels; default: ``label``, ``class``, ``target`` or ``y``.
        id: Column that names the sequences of a table of steps; default: ``id`` or
            ``unique_id``.
        time: Column by which steps are sorted; default: ``time``, ``step``, ``t`` or ``ds``,
            else they stay as they come.
        text: Column of texts; default: ``text``, or the one column of text left.
        required: Whether there must be labels; else only a column that is named holds them.
        numeric: Whether labels are numbers to be estimated, not classes.
        channels: Columns of a table that hold the values, in this order; others are passed over.
            Default: all that are left. ``.npz`` and ``.ts`` have no names: there it is ignored.
        dialect: How delimited files write their numbers, where that is not found.

    Raises:
        InputError: If it cannot be read as one of these, or a column is not there.
    """
    path = Path(source)
    if path.is_dir():
        data = _read_folder(path, channels, dialect)
    elif path.suffix in (".ts", ".npz") and path.is_file():
        refuse_dialect(dialect, path)
        data = _read_ts(path) if path.suffix == ".ts" else _read_npz(path, label, required)
    else:
        frame = read_file(path, dialect=dialect)
        words = partial(with_words, path=path, dialect=dialect)
        data = _read_table(
            frame, words, path.name, label, id, time, text, required, numeric, channels
        )
    data.numeric = numeric
    if data.labels is not None:
        turned = _as_numbers if numeric else _as_classes
        data.labels = turned(data.labels, data.names)
    return data


def read_labels(
    path: str | Path,
    data: Labelled,
    label: str | None,
    id: str | None,
    dialect: Dialect = PLAIN,
) -> Array:
    """Labels from a file of their own: by the names of the sequences, or one a row in order.

    Args:
        path: A table.
        data: The sequences.
        label: Its column of labels; default: as :func:`read_labelled`, or the only one.
        id: Its column of names; without one, rows are in the order of the sequences.
        dialect: How a delimited file writes its numbers, where that is not found.

    Raises:
        InputError: If a label is missing or no number where numbers are wanted, or there are more
            or fewer than sequences.
    """
    frame = read_file(path, dialect=dialect)
    name = find_column(frame, "label", label, _LABELS, required=len(frame.columns) > 1)
    by = find_column(frame, "id", id, _IDS, required=False)
    classes = None if data.numeric else name or frame.columns[0]
    frame = with_words(frame, path, [by, classes], dialect)
    labels = np.asarray(frame[name or frame.columns[0]].to_list(), dtype=object)
    if by is not None:
        found = dict(zip(map(str, frame[by].to_list()), labels.tolist(), strict=True))
        missing = [one for one in data.names if one not in found]
        if missing:
            raise InputError(f"labels: expected one for every sequence, {missing[0]!r} has none")
        labels = np.array([found[one] for one in data.names], dtype=object)
    if len(labels) != len(data.rows):
        raise InputError(
            f"labels: expected one for each of {len(data.rows)} sequences, got {len(labels)} in "
            f"{Path(path).name}"
        )
    return (_as_numbers if data.numeric else _as_classes)(labels, data.names)


_LABELS = ("label", "class", "target", "y")
_IDS = ("id", "unique_id")
_TIMES = ("time", "step", "t", "ds")


def _read_table(
    frame: Any,
    words: Callable[..., Any],
    file: str,
    label: str | None,
    id: str | None,
    time: str | None,
    text: str | None,
    required: bool,
    numeric: bool,
    channels: Sequence[str] | None,
) -> Labelled:
    if not frame.height:
        raise InputError(f"The file {file} has a header and no rows.")
    check_channels(frame, channels, file)
    label = find_column(frame, "label", label, _LABELS if required else (), required)
    by = find_column(frame, "id", id, _IDS, required=False)
    if by is not None and text is None:
        when = find_column(frame, "time", time, _TIMES, False)
        frame = words(frame, names=[by, None if numeric else label])
        return _long_table(frame, file, label, by, when, channels)
    others = list(channels or (name for name in frame.columns if name not in (label, by)))
    chosen = text_column(frame, text, others)
    frame = words(frame, names=[by, None if numeric else label], texts=[chosen])
    labels = None if label is None else np.asarray(frame[label].to_list(), dtype=object)
    numbered = range(1, frame.height + 1)
    names = list(map(str, numbered)) if by is None else ids_of(frame, by, file)
    if chosen is not None:
        values = [one or "" for one in frame[chosen].cast(str).to_list()]
        return Labelled(Rows(None, values, 0), labels, names, label=label, columns=[chosen])
    if not others:
        raise InputError(f"The file {file} has no column beside the label.")
    rows = as_rows(numbers_of(frame, others, file, VALUES_HINT))
    columns = counted(len(others), "column")
    note = f"one row a sequence, {columns} its steps (name id for a table of steps)"
    return Labelled(rows, labels, names, ["value"], [note], label, columns=others)


def _long_table(
    frame: Any,
    file: str,
    label: str | None,
    by: str,
    time: str | None,
    wanted: Sequence[str] | None,
) -> Labelled:
    channels = list(wanted or (one for one in frame.columns if one not in (label, by, time)))
    if not channels:
        raise InputError("The table has no column of numbers beside id, time and label.")
    keys = ids_of(frame, by, file)
    number: dict[str, int] = {}
    row_of = np.array([number.setdefault(key, len(number)) for key in keys], np.int64)
    values = numbers_of(frame, channels, file, VALUES_HINT)
    order = np.argsort(row_of, kind="stable")
    notes = []
    if time is not None:
        ranks = ranks_of(frame, time, file)
        order = np.lexsort((ranks, row_of))
        same = (np.diff(ranks[order]) == 0) & (np.diff(row_of[order]) == 0)
        if same.any():
            steps = counted(int(same.sum()), "step has", "steps have")
            notes.append(f"{steps} the same time as the one before: in the order of the file")
    ends = np.searchsorted(row_of[order], np.arange(1, len(number)))
    arrays = np.split(values[order], ends)
    labels = None
    if label is not None:
        found = np.asarray(frame[label].to_list(), dtype=object)[order]
        labels = _one_each(number, np.split(found, ends))
    rows = Rows(arrays, None, len(channels))
    return Labelled(rows, labels, list(number), channels, notes, label, False, channels, by, time)


def _one_each(names: Iterable[str], parts: Sequence[Array]) -> Array:
    """The one label that all steps of a sequence have."""
    for key, part in zip(names, parts, strict=True):
        if len(set(part.tolist())) > 1:
            raise InputError(
                f"label: expected one label for each sequence, {key!r} has "
                f"{sorted(map(str, set(part.tolist())))}"
            )
    return np.array([part[0] for part in parts], dtype=object)


def _read_folder(path: Path, channels: Sequence[str] | None, dialect: Dialect) -> Labelled:
    classes = sorted(one for one in path.iterdir() if one.is_dir() and not one.name.startswith("."))
    if classes:
        return _folder_of_tables(path, classes, channels, dialect)
    files = sorted(path.glob("*.txt"))
    if not files:
        raise InputError(
            f"The folder {path} holds neither sub-folders, one a class with CSV files, nor text "
            "files, one a class."
        )
    texts: list[str] = []
    labels: list[str] = []
    for file in files:
        try:
            lines = file.read_text(encoding="utf-8-sig").splitlines()
        except UnicodeDecodeError as error:
            raise InputError(
                f"The file {file.name} is not UTF-8 text. Save it as UTF-8."
            ) from error
        found = [line.strip() for line in lines if line.strip()]
        texts += found
        labels += [file.stem] * len(found)
    if not texts:
        raise InputError(f"The text files in {path} are empty.")
    return Labelled(Rows(None, texts, 0), np.array(labels), _numbered(len(texts)))


def _folder_of_tables(
    path: Path, classes: Sequence[Path], wanted: Sequence[str] | None, dialect: Dialect
) -> Labelled:
    arrays: list[Array] = []
    labels: list[str] = []
    names: list[str] = []
    channels: list[str] | None = None if wanted is None else list(wanted)
    for folder in classes:
        for file in sorted(one for one in folder.iterdir() if one.suffix in (".csv", ".tsv")):
            frame = read_file(file, dialect=dialect)
            if channels is None:
                channels = [name for name in frame.columns if name.lower() not in _TIMES]
            missing = [name for name in channels if name not in frame.columns]
            extra = len(frame.columns) - len([c for c in frame.columns if c.lower() in _TIMES])
            if missing or (wanted is None and extra != len(channels)):
                raise InputError(
                    f"The file {folder.name}/{file.name} has columns {', '.join(frame.columns)}, "
                    f"expected {', '.join(channels)} as in the others."
                )
            arrays.append(numbers_of(frame, channels, f"{folder.name}/{file.name}"))
            labels.append(folder.name)
            names.append(f"{folder.name}/{file.stem}")
    if not arrays:
        raise InputError(f"The folders in {path} hold no CSV files.")
    found = channels or []
    rows = Rows(arrays, None, len(found))
    return Labelled(rows, np.array(labels), names, found, columns=found)


def _arrays(path: Path) -> dict[str, Array]:
    """The arrays of an archive by name."""
    if not path.stat().st_size:
        raise InputError(f"The file {path.name} is empty.")
    try:
        archive = np.load(path, allow_pickle=False)
        if isinstance(archive, np.ndarray):
            raise ValueError("it holds a single array; write it with numpy.savez")
        with archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"The file {path.name} cannot be read as npz: {error}") from error


def _read_npz(path: Path, label: str | None, required: bool) -> Labelled:
    found = _arrays(path)
    inputs = next((name for name in ("X", "x") if name in found), None)
    guessed = next((name for name in _LABELS if name in found), None) if required else None
    labels = label or guessed
    if inputs is None or (required and (labels is None or labels not in found)):
        missing = "X" if inputs is None else labels or "y"
        raise InputError(
            f"The file {path.name} has no array {missing!r}; expected X, y and perhaps lengths, "
            f"got {', '.join(found)}."
        )
    rows = as_rows(found[inputs], found.get("lengths"))
    names = _numbered(len(rows))
    values = found[labels].reshape(-1) if labels in found else None
    if values is not None and len(values) != len(rows):
        raise InputError(
            f"label: expected one for each of {len(rows)} sequences, got {len(values)} in "
            f"{labels!r}"
        )
    return Labelled(
        rows, values, names, [f"channel {c + 1}" for c in range(rows.channels)], label=labels
    )


def _read_ts(path: Path) -> Labelled:
    found = read_ts(path)
    rows = as_rows(found.arrays)
    names = _numbered(len(rows))
    channels = [f"channel {c + 1}" for c in range(rows.channels)]
    notes = []
    if found.stamped:
        notes.append("time stamps order the steps; how far they lie apart is not read")
    labels = None if found.answers is None else np.array(found.answers, dtype=object)
    return Labelled(rows, labels, names, channels, notes)


def _numbered(number: int) -> list[str]:
    """Names of sequences that have none: their places, from 1."""
    return [str(one) for one in range(1, number + 1)]


def _as_classes(labels: Array, names: Sequence[str]) -> Array:
    """Labels as whole numbers where all are, else as text; an array of numbers as it is."""
    values = _none_missing(labels, names)
    if labels.dtype.kind in "biuf":
        return labels
    if all(isinstance(one, (int, np.integer)) for one in values):
        return np.array(values)
    return np.array([str(one) for one in values])


def _as_numbers(labels: Array, names: Sequence[str]) -> Array:
    """Labels as float64; none may be missing or be no number."""
    numbers = []
    for one in _none_missing(labels, names):
        try:
            numbers.append(float(one))
            if math.isinf(numbers[-1]):
                raise ValueError("infinite")
        except (TypeError, ValueError):
            raise InputError(
                f"target: expected a number for every sequence, got {one!r}; for classes use "
                "elman classify"
            ) from None
    return np.array(numbers, np.float64)


def _none_missing(labels: Array, names: Sequence[str]) -> list[Any]:
    values: list[Any] = labels.tolist()
    missing = [row for row, one in enumerate(values) if one is None or one != one]
    if missing:
        raise InputError(
            f"label: expected a label for every sequence, {len(missing)} of {len(values)} have "
            f"none, the first is {names[missing[0]]}; leave them out"
        )
    return values


def _span(lengths: Sequence[int], word: str) -> str:
    low, high = min(lengths, default=0), max(lengths, default=0)
    return counted(high, word) if low == high else f"{low:,} to {counted(high, word)}"


def _named(channels: Sequence[str]) -> str:
    """The names of a table's channels, behind their number."""
    if not channels or channels[0] in ("value", "channel 1"):
        return ""
    more = f" and {len(channels) - 8} more" if len(channels) > 8 else ""
    return f" ({', '.join(channels[:8])}{more})"
