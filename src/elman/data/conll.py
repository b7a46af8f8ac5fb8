"""Sentences with labels from files, and labels back into files of the same form.

.conllu         Universal Dependencies: ten columns between tabs, by name (FORM, UPOS, XPOS, FEATS
                ...); comments, ranges such as ``1-2`` and empty nodes such as ``1.1`` are passed
                over and kept
.conll .iob     columns between blanks or tabs, a blank line between sentences, ``-DOCSTART-``
.bio .txt       lines passed over; columns by their number, from 1 or, negative, from the end
.jsonl          a JSON object a line with a list of tokens and a list of labels
.csv and kin    a row a token: columns of sentence, token and label; or of numbers, a row a step
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from elman.data.dialect import PLAIN, Dialect, mostly_numbers
from elman.data.files import read_file, refuse_dialect, with_words
from elman.data.named_columns import (
    VALUES_HINT,
    check_channels,
    check_numeric,
    numbers_of,
    ranks_of,
)
from elman.data.rows import Rows
from elman.data.step_files import FORMS, StepFile, check_writable, form_of, write_steps
from elman.data.tokens import Sentences
from elman.errors import InputError

__all__ = ["COLUMNS", "StepFile", "check_writable", "form_of", "read_steps", "write_steps"]

COLUMNS = ("ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC")
"""The columns of CoNLL-U, https://universaldependencies.org/format.html."""

_LABELS = ("label", "labels", "tags", "tag", "ner_tags", "pos", "upos", "state", "class")
_TOKENS = ("token", "tokens", "word", "words", "form", "text")
_SENTENCES = ("sentence", "sentence_id", "sentence #", "sent_id", "id", "unique_id", "sequence")
_TIMES = ("time", "step", "t", "ds", "position")


def read_steps(
    path: str | Path,
    label: str | None = None,
    token: str | None = None,
    id: str | None = None,
    time: str | None = None,
    required: bool = True,
    channels: Sequence[str] | None = None,
    width: int | None = None,
    dialect: Dialect = PLAIN,
) -> StepFile:
    """Reads a file; its suffix says what it is, see the module.

    Args:
        path: The file, perhaps compressed (``.gz``).
        label: Column of labels, by name or number; default: UPOS of CoNLL-U, the last column of
            others, a column called ``label``, ``labels``, ``tags`` ...
        token: Column of tokens; default: FORM, the first column, a column called ``token`` ...
        id: Column that names the sequences of a table; default: ``sentence``, ``id`` ...
        time: Column by which the steps of a table of numbers are sorted; default: ``time`` ...
        required: Whether there must be labels.
        channels: Columns of a table that hold the numbers, in this order; others are passed over.
            Default: all that are left.
        width: How many columns the text that was trained on had: a text that is to be labelled
            must have as many, or all but that of the labels, or tokens alone.
        dialect: How a delimited table writes its numbers, where that is not found.

    Raises:
        InputError: If it cannot be read so; the line is named where there is one.
    """
    path = Path(path)
    form = form_of(path)
    if path.is_dir():
        raise InputError(f"{str(path)!r} is a folder, expected a file; name one in it")
    if form in ("conllu", "columns", "json"):
        refuse_dialect(dialect, path)
    if form == "conllu":
        return _read_conllu(path, label, token, required)
    if form == "columns":
        return _read_blocks(path, label, token, required, width)
    if form == "json":
        return _read_json_lines(path, label, token, required)
    if form == "table":
        return _read_table(path, label, token, id, time, required, channels, dialect)
    known = ", ".join((".conllu", *FORMS["columns"], ".jsonl", ".csv", ".tsv", ".parquet"))
    raise InputError(f"{path.name} has no suffix that can be read as sequences. Known are {known}.")


# ------------------------------------------------------------------------- texts in columns


def _read_conllu(path: Path, label: str | None, token: str | None, required: bool) -> StepFile:
    wanted = _conllu_column("label", label or "UPOS")
    form = _conllu_column("token", token or "FORM")
    lines = _text_lines(path)
    found = _Blocks(path, lines, tabs=True)
    for number, line in enumerate(lines):
        if not line.strip():
            found.end()
            continue
        if line.startswith("#"):
            if line.partition("=")[0].strip("# ") == "sent_id":
                found.name = line.partition("=")[2].strip()
            continue
        cells = line.split("\t")
        if len(cells) != len(COLUMNS):
            raise InputError(
                f"The file {path.name}, line {number + 1}: expected {len(COLUMNS)} columns between "
                f"tabs, as CoNLL-U has, got {len(cells)}"
            )
        if "-" in cells[0] or "." in cells[0]:
            continue
        value = cells[wanted]
        missing = value == "_" and wanted != COLUMNS.index("FEATS")
        if missing and required:
            raise InputError(
                f"The file {path.name}, line {number + 1}: {COLUMNS[wanted]} is missing (_)"
            )
        found.add(number, cells[form], None if missing else value)
    return found.file(COLUMNS[wanted], wanted, "conllu", None)


def _conllu_column(role: str, name: str) -> int:
    if name.upper() not in COLUMNS:
        raise InputError(f"{role}: expected a column of {', '.join(COLUMNS)}, got {name!r}")
    return COLUMNS.index(name.upper())


def _read_blocks(
    path: Path, label: str | None, token: str | None, required: bool, trained: int | None
) -> StepFile:
    lines = _text_lines(path)
    content = [line for line in lines if line.strip() and not line.startswith("-DOCSTART-")]
    if not content:
        raise InputError(f"The file {path.name} holds no sentence.")
    tabs = all("\t" in line for line in content)
    width = len(content[0].split("\t" if tabs else None))
    form = _place("token", token, 1, width)
    wanted: int | None = None
    if trained is not None:
        _check_width(path, width, trained)
    bare = trained is not None and width < trained
    if not bare and (required or label is None or not label.isdigit() or int(label) <= width):
        wanted = _place("label", label, -1, width)
    if wanted == form:
        if required:
            raise InputError(
                f"label: expected a column beside that of the tokens, {path.name} has {width}"
            )
        wanted = None
    found = _Blocks(path, lines, tabs)
    for number, line in enumerate(lines):
        if not line.strip() or line.startswith("-DOCSTART-"):
            found.end()
            continue
        cells = line.split("\t" if tabs else None)
        if len(cells) != width:
            raise InputError(
                f"The file {path.name}, line {number + 1}: expected {width} columns, as in the "
                f"first sentence, got {len(cells)}"
            )
        if wanted is not None and not cells[wanted].strip():
            raise InputError(f"The file {path.name}, line {number + 1}: the label is missing")
        found.add(number, cells[form], None if wanted is None else cells[wanted])
    return found.file(None if wanted is None else str(wanted + 1), wanted, "columns", width)


def _check_width(path: Path, width: int, trained: int) -> None:
    if width not in (trained, trained - 1, 1):
        raise InputError(
            f"The file {path.name} has {width} columns in its first line, expected one token a "
            f"line with a blank line between sentences, in {trained} columns as the file trained "
            f"on, in {trained - 1} without that of the labels, or alone"
        )


def _place(role: str, name: str | None, usual: int, width: int) -> int:
    """The index of a column that is named by its number, from 1, or from the end, from -1."""
    try:
        number = usual if name is None else int(name)
    except ValueError:
        raise InputError(
            f"{role}: the columns have no names; expected a number from 1 to {width}, or from -1 "
            f"at the end, got {name!r}"
        ) from None
    if not 1 <= abs(number) <= width:
        raise InputError(f"{role}: expected a column from 1 to {width}, got {number}")
    return number - 1 if number > 0 else width + number


class _Blocks:
    """The sentences of a text in columns, in the making."""

    def __init__(self, path: Path, lines: list[str], tabs: bool) -> None:
        self.path, self.lines, self.tabs, self.name = path, lines, tabs, ""
        self.tokens: list[list[str]] = []
        self.labels: list[list[str | None]] = []
        self.places: list[list[int]] = []
        self.names: list[str] = []
        self.open = False

    def add(self, number: int, token: str, label: str | None) -> None:
        if not self.open:
            self.open = True
            self.tokens.append([])
            self.labels.append([])
            self.places.append([])
            self.names.append(self.name or str(len(self.tokens)))
        self.tokens[-1].append(token)
        self.labels[-1].append(label)
        self.places[-1].append(number)

    def end(self) -> None:
        self.open, self.name = False, ""

    def file(self, label: str | None, column: int | None, form: str, width: int | None) -> StepFile:
        if not self.tokens:
            raise InputError(f"The file {self.path.name} holds no sentence.")
        complete = label is not None and all(one is not None for row in self.labels for one in row)
        labels: list[list[Any]] | None = [list(row) for row in self.labels] if complete else None
        return StepFile(
            Sentences(self.tokens),
            labels,
            self.names,
            label,
            column,
            lines=self.lines,
            places=self.places,
            tabs=self.tabs,
            form=form,
            width=width,
        )


def _text_lines(path: Path) -> list[str]:
    if not path.is_file():
        raise InputError(f"There is no file {str(path)!r}.")
    data = path.read_bytes()
    try:
        data = gzip.decompress(data) if path.suffix.lower() == ".gz" else data
        text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InputError(f"The file {path.name} is not UTF-8 text: {error}") from error
    if not text.strip():
        raise InputError(f"The file {path.name} is empty.")
    return text.replace("\r\n", "\n").removesuffix("\n").split("\n")


# --------------------------------------------------------------------------- JSON and tables


def _read_json_lines(path: Path, label: str | None, token: str | None, required: bool) -> StepFile:
    records, numbers = [], []
    for number, line in enumerate(_text_lines(path), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            raise InputError(f"The file {path.name}, line {number}: {error}") from error
        if not isinstance(record, dict):
            raise InputError(f"The file {path.name}, line {number}: expected a JSON object")
        records.append(record)
        numbers.append(number)
    keys = list(records[0])
    words = _column("token", keys, token, _TOKENS, True)
    wanted = _column("label", keys, label, _LABELS, required)
    lists = list(_json_lists(path, records, numbers, str(words), wanted))
    labels = None if wanted is None else [one for _, one in lists]
    return StepFile(
        Sentences([one for one, _ in lists]),
        labels,
        [str(record.get("id", row + 1)) for row, record in enumerate(records)],
        wanted,
        lines=records,
        places=[[row] for row in range(len(records))],
        form="json",
        token=words,
    )


def _json_lists(
    path: Path, records: list[dict[str, Any]], numbers: list[int], words: str, wanted: str | None
) -> Iterator[tuple[list[str], list[Any]]]:
    for record, number in zip(records, numbers, strict=True):
        where = f"The file {path.name}, line {number}"
        tokens = record.get(words)
        if not isinstance(tokens, list) or not all(isinstance(one, str) for one in tokens):
            raise InputError(f"{where}: expected {words!r} to be a list of tokens")
        labels: Any = [] if wanted is None else record.get(wanted)
        if not isinstance(labels, list) or any(one is None for one in labels):
            raise InputError(f"{where}: expected {wanted!r} to be a list of labels")
        if wanted is not None and len(labels) != len(tokens):
            raise InputError(
                f"{where}: expected a label for each of {len(tokens)} tokens, got {len(labels)}"
            )
        yield tokens, labels


def _read_table(
    path: Path,
    label: str | None,
    token: str | None,
    id: str | None,
    time: str | None,
    required: bool,
    channels: Sequence[str] | None,
    dialect: Dialect,
) -> StepFile:
    frame = read_file(path, dialect=dialect)
    if not frame.height:
        raise InputError(f"The file {path.name} has a header and no rows.")
    check_channels(frame, channels, path.name)
    columns = list(frame.columns)
    by = _column("id", columns, id, _SENTENCES, False)
    wanted = _column("label", columns, label, _LABELS, required)
    frame = with_words(frame, path, [by, wanted], dialect)
    others = [one for one in columns if one not in (by, wanted)]
    when = _column("time", columns, time, _TIMES, False)
    free = [one for one in others if one != when or one == token]
    words = None if channels else _token_column(frame, free, token, by)
    when = None if words else when  # words stand in their order
    rows = _groups(frame, by, when, path.name)
    names = [name for name, _ in rows]
    labels = None if wanted is None else _step_labels(path, frame[wanted].to_list(), rows)
    if words is not None:
        if str(frame[words].dtype) != "String" or frame[words].null_count():
            frame = read_file(path, as_text=True, dialect=dialect)  # a token may be 007, NA or -
        found = ["" if one is None else str(one) for one in frame[words].to_list()]
        tokens = [[found[row] for row in places] for _, places in rows]
        return StepFile(Sentences(tokens), labels, names, wanted, token=words, id=by)
    shown = list(channels or (one for one in others if one != when))
    if not shown:
        raise InputError(f"The file {path.name} has no column of tokens or numbers beside these.")
    table = numbers_of(frame, shown, path.name, VALUES_HINT)
    arrays = [table[np.array(places)] for _, places in rows]
    notes = [] if by else ["no column names the sequences: the whole file is one"]
    steps = Rows(arrays, None, len(shown))
    return StepFile(steps, labels, names, wanted, channels=shown, notes=notes, id=by, time=when)


def _token_column(
    frame: Any, others: Sequence[str], token: str | None, by: str | None
) -> str | None:
    """The column of tokens, or ``None`` in a table of numbers."""
    words = _column("token", others, token, _TOKENS, False)
    texts = [one for one in others if str(frame[one].dtype) == "String"]
    if words is not None or not texts:
        return words
    for name in texts:
        if mostly_numbers(frame[name].to_list()):
            check_numeric(frame[name])
    sequences = "" if by else f", or, if it names the sequences, with id={texts[0]!r}"
    raise InputError(
        f"token: no column is called {', '.join(_TOKENS)}; name one of {', '.join(texts)} as that "
        f"of the tokens{sequences}"
    )


def _step_labels(
    path: Path, values: list[Any], rows: list[tuple[str, list[int]]]
) -> list[list[Any]]:
    if any(one is None for one in values):
        line = next(row for row, one in enumerate(values) if one is None) + 2
        raise InputError(f"The file {path.name}, line {line}: the label is missing")
    return [[values[row] for row in places] for _, places in rows]


def _groups(frame: Any, by: str | None, when: str | None, file: str) -> list[tuple[str, list[int]]]:
    """The rows of each sequence, in order; sequences as they come."""
    if by is None:
        groups: dict[str, list[int]] = {"1": list(range(frame.height))}
    else:
        groups = {}
        keys = frame[by].fill_null(strategy="forward").to_list()  # as spreadsheets leave it out
        for row, key in enumerate(keys):
            groups.setdefault(str(key), []).append(row)
    if when is not None:
        rank = ranks_of(frame, when, file).tolist()
        groups = {key: sorted(rows, key=rank.__getitem__) for key, rows in groups.items()}
    return list(groups.items())


def _column(
    role: str, columns: Sequence[str], name: str | None, usual: Sequence[str], required: bool
) -> str | None:
    if name is not None:
        if name not in columns and role == "label" and not required:
            return None
        if name not in columns:
            raise InputError(f"{role}: there is no column {name!r}; there are {', '.join(columns)}")
        return name
    found = next((one for word in usual for one in columns if one.lower() == word), None)
    if found is None and required:
        raise InputError(
            f"{role}: no column is called {', '.join(usual)}; name one of {', '.join(columns)}"
        )
    return found
