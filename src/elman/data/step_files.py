"""Sequences with a label a step as a file holds them, and the file with other labels."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from elman.counting import counted
from elman.data.tokens import Sentences, Steps, lengths_of
from elman.errors import InputError

__all__ = ["FORMS", "StepFile", "check_writable", "form_of", "write_steps"]

FORMS = {
    "conllu": (".conllu",),
    "columns": (".conll", ".iob", ".iob2", ".bio", ".bioes", ".txt"),
    "json": (".jsonl", ".ndjson"),
    "table": (".csv", ".tsv", ".parquet", ".pq", ".arrow", ".feather", ".ipc"),
}
"""The suffixes of each form of file."""


@dataclass
class StepFile:
    """Sequences with a label a step, and what is needed to write them again.

    Attributes:
        steps: The sequences.
        labels: Of each, one a step; or ``None``.
        names: What each sequence is called.
        label: The column of labels, by its name or its number from 1, or ``None``.
        column: Of a text in columns the place of the labels, from 0, or ``None``.
        channels: Names of the channels of numbers.
        notes: What should be known of the reading, in words.
        lines: The lines of a text in columns, or the objects of JSON lines; else empty.
        places: For each step the index of its line; for JSON lines that of its sequence.
        tabs: Whether columns stand between tabs.
        form: ``"conllu"``, ``"columns"``, ``"json"`` or ``"table"``.
        token: Of a table or JSON lines the column of tokens, or ``None``.
        id: Of a table the column that named the sequences, or ``None``.
        time: Of a table of numbers the column that ordered the steps, or ``None``.
        width: Of a text in columns how many there are, or ``None``.
    """

    steps: Steps
    labels: list[list[Any]] | None
    names: list[str]
    label: str | None = None
    column: int | None = None
    channels: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    lines: list[Any] = field(default_factory=list)
    places: list[list[int]] = field(default_factory=list)
    tabs: bool = False
    form: str = "table"
    token: str | None = None
    id: str | None = None
    time: str | None = None
    width: int | None = None

    def describe(self) -> str:
        """What was read, in one sentence."""
        lengths = lengths_of(self.steps)
        number, total = len(lengths), int(lengths.sum())
        if isinstance(self.steps, Sentences):
            distinct = len({word for words in self.steps.tokens for word in words})
            words = f"{counted(total, 'word')}, {distinct:,} of them different"
            what = f"{counted(number, 'sentence')} of {words}"
        else:
            channels = self.steps.channels
            of = counted(channels, "channel")
            named = f" ({', '.join(self.channels)})" if 0 < len(self.channels) <= 8 else ""
            what = f"{counted(number, 'sequence')}, {counted(total, 'step')} in all, in {of}{named}"
        if self.labels is None:
            return what
        labels = {one for row in self.labels for one in row}
        return f"{what}, {counted(len(labels), 'label')}"


def form_of(path: str | Path) -> str | None:
    """What a file's name says that it holds: a key of the forms known, or ``None``."""
    name = Path(path).name.lower().removesuffix(".gz")
    suffix = name[name.rfind(".") :] if "." in name else ""
    return next((form for form, known in FORMS.items() if suffix in known), None)


def check_writable(read: StepFile, path: str | Path) -> None:
    """Refuses a place where the file cannot be written again with other labels.

    Args:
        read: As for :func:`write_steps`.
        path: As for :func:`write_steps`.

    Raises:
        InputError: If it exists, its suffix is of another form, or ``read`` was a table.
    """
    path = Path(path)
    if path.exists():
        raise InputError(f"{path} exists already; choose another name")
    if not read.lines:
        raise InputError("read: expected a text in columns or JSON lines, got a table")
    if form_of(path) != read.form or path.suffix.lower() == ".gz":
        raise InputError(
            f"out: a file is written in the form that it has, under a name in "
            f"{', '.join(FORMS[read.form])}, or as a table (.csv, .tsv, .parquet); got "
            f"{path.name!r}"
        )


def write_steps(read: StepFile, labels: Sequence[Sequence[Any]], path: str | Path) -> None:
    """Writes the file again with other labels: in their column, or in a new last one.

    Args:
        read: A text in columns or JSON lines, as :func:`read_steps` has read it.
        labels: For each sequence one a step.
        path: The file to write; it must not exist, and have a suffix of the same form.

    Raises:
        InputError: As :func:`check_writable`.
    """
    path = Path(path)
    check_writable(read, path)
    if isinstance(read.lines[0], str):
        written = _lines_with(read, labels)
    else:
        key = read.label or "labels"
        written = [
            json.dumps({**read.lines[place[0]], key: list(row)}, ensure_ascii=False)
            for place, row in zip(read.places, labels, strict=True)
        ]
    path.write_text("\n".join(written) + "\n", encoding="utf-8", newline="\n")


def _lines_with(read: StepFile, labels: Sequence[Sequence[Any]]) -> list[str]:
    lines = [str(line) for line in read.lines]
    for places, row in zip(read.places, labels, strict=True):
        for place, one in zip(places, row, strict=True):
            cells = lines[place].split("\t" if read.tabs else None)
            if read.column is None:
                cells.append(str(one))
            else:
                cells[read.column] = str(one)
            lines[place] = ("\t" if read.tabs else " ").join(cells)
    return lines
