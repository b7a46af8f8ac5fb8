"""Tables from files: CSV and its kin, Parquet, Arrow, JSON lines, read by polars."""

from __future__ import annotations

import csv
import gzip
import os
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from elman.errors import InputError

__all__ = ["READABLE", "read_file"]

READABLE = (
    ".csv",
    ".tsv",
    ".txt",
    ".csv.gz",
    ".tsv.gz",
    ".parquet",
    ".pq",
    ".arrow",
    ".feather",
    ".ipc",
    ".jsonl",
    ".ndjson",
)
_MISSING = ("", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "-")


def read_file(path: str | os.PathLike[str], as_text: bool = False) -> Any:
    """Read a table from a file into a polars frame; the suffix says the format.

    `.csv`, `.tsv` and `.txt` (the delimiter is found: comma, semicolon, tab or bar; with
    semicolons, decimal commas are understood; lines of comment, marked #, may stand before the
    header; blank lines are skipped), the same with `.gz`, `.parquet`, `.arrow`, `.feather`,
    `.ipc`, and `.jsonl` or `.ndjson`.

    Args:
        path: The file.
        as_text: Whether every field of a delimited file is text as it stands there (`007`, `NA`,
            `1e3`), and only an empty one is missing; else columns of numbers are found, and what
            stands for a missing number is missing.

    Raises:
        InputError: No such file, an unknown suffix, an empty or a broken file.
    """
    if not os.fspath(path):
        raise InputError("The file name is empty.")
    path = Path(path)
    if not path.exists():
        raise InputError(f"There is no file {str(path)!r}." + _similar(path))
    if path.is_dir():
        raise InputError(f"{str(path)!r} is a folder, expected a file.")
    if path.stat().st_size == 0:
        raise InputError(f"The file {path.name} is empty.")
    readers: dict[str, Callable[[Path], Any]] = {
        **dict.fromkeys(("csv", "tsv", "txt"), partial(_read_delimited, as_text=as_text)),
        "parquet": lambda p: _polars().read_parquet(p, hive_partitioning=False),
        "pq": lambda p: _polars().read_parquet(p, hive_partitioning=False),
        "arrow": _read_arrow,
        "feather": _read_arrow,
        "ipc": _read_arrow,
        "jsonl": lambda p: _polars().read_ndjson(p, infer_schema_length=None),
        "ndjson": lambda p: _polars().read_ndjson(p, infer_schema_length=None),
    }
    name = path.name.lower().removesuffix(".gz")
    suffix = name.rpartition(".")[2]
    zipped = path.name.lower().endswith(".gz")
    if suffix not in readers or (zipped and suffix not in ("csv", "tsv", "txt")):
        known = ", ".join(READABLE)
        raise InputError(f"{path.name} has no suffix that can be read. Known are {known}.")
    try:
        return readers[suffix](path)
    except InputError:
        raise
    except Exception as error:  # whatever a parser raises means: the file is broken
        reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise InputError(f"The file {path.name} cannot be read as {suffix}: {reason}") from error


def _polars() -> Any:
    import polars

    return polars


def _similar(path: Path) -> str:
    from difflib import get_close_matches

    if not path.parent.is_dir():
        return f" There is no folder {str(path.parent)!r} either."
    there = {p.stem: p.name for p in path.parent.iterdir()}  # by stem: many share the suffix
    near = get_close_matches(path.stem, list(there), n=1)
    return f" Did you mean {str(path.with_name(there[near[0]]))!r}?" if near else ""


def _read_arrow(path: Path) -> Any:
    pl = _polars()
    with path.open("rb") as file:
        is_file_format = file.read(6) == b"ARROW1"
    return pl.read_ipc(path) if is_file_format else pl.read_ipc_stream(path)


def _read_delimited(path: Path, as_text: bool) -> Any:
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    data = _without_comments(_utf8(path, data))
    head = data[:65536].decode("utf-8", errors="ignore")
    lines = [line for line in head.splitlines()[:200] if line.strip()]
    if not lines:
        raise InputError(f"The file {path.name} is empty.")
    delimiter = _find_delimiter(lines)
    header = next(csv.reader([lines[0]], delimiter=delimiter))
    _check_header(path, header)
    pl = _polars()
    try:
        frame = pl.read_csv(
            data,
            separator=delimiter,
            null_values=[""] if as_text else _MISSING,
            infer_schema=not as_text,
            infer_schema_length=None,
            decimal_comma=delimiter == ";" and _uses_decimal_comma(lines[1:], delimiter),
        )
    except pl.exceptions.PolarsError:
        _refuse_ragged(path, data, delimiter, len(header))
        raise
    if frame.height and frame.to_series(-1).null_count():
        _refuse_ragged(path, data, delimiter, len(header))
    return _tidy(frame)


def _without_comments(data: bytes) -> bytes:
    """The file from its header on: lines that begin with # may stand before it."""
    while data.startswith(b"#"):
        data = data.partition(b"\n")[2]
    return data


def _refuse_ragged(path: Path, data: bytes, delimiter: str, width: int) -> None:
    """Raise an InputError naming the first line that has more or fewer fields than the header."""
    rows = csv.reader(data.decode("utf-8").splitlines(keepends=True), delimiter=delimiter)
    for row in rows:
        if row and len(row) != width:
            named, found = _fields(width), _fields(len(row))
            raise InputError(
                f"The file {path.name} is ragged: the header has {named}, line {rows.line_num} "
                f"has {found}."
            )


def _fields(number: int) -> str:
    return "1 field" if number == 1 else f"{number} fields"


def _tidy(frame: Any) -> Any:
    """Without blank lines, without the empty column that a delimiter at every line's end makes."""
    pl = _polars()
    frame = frame.rename({name: name.strip() for name in frame.columns})
    if frame.width > 1:
        last = frame.columns[-1]
        if last == "" and frame[last].null_count() == frame.height:
            frame = frame.drop(last)
        frame = frame.filter(~pl.all_horizontal(pl.all().is_null()))
    return frame


def _utf8(path: Path, data: bytes) -> bytes:
    """The bytes as UTF-8: spreadsheets also write UTF-16; anything else is refused."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16").encode()
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"The file {path.name} is not UTF-8 text: byte 0x{data[error.start]:02x} in line "
            f"{line}. Save it as UTF-8."
        ) from error
    if b"\0" in data[:4096]:
        raise InputError(f"The file {path.name} holds binary data, not text.")
    return data


def _find_delimiter(lines: Sequence[str]) -> str:
    """The delimiter that splits the first lines into equally many fields, at least two."""
    best, fields = ",", 1
    for delimiter in ",;\t|":
        counts = {len(row) for row in csv.reader(lines[:50], delimiter=delimiter)}
        if len(counts) == 1 and counts != {1} and max(counts) > fields:
            best, fields = delimiter, max(counts)
    if fields > 1:
        return best
    header = lines[0]
    return max(",;\t|", key=header.count) if any(c in header for c in ",;\t|") else ","


def _check_header(path: Path, header: Sequence[str]) -> None:
    names = [name.strip() for name in header]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"The file {path.name} has two columns called {twice[0]!r}.")
    if len(names) > 1 and all(re.fullmatch(r"[-+]?\d+([.,]\d+)?([eE][-+]?\d+)?", n) for n in names):
        raise InputError(
            f"The first line of {path.name} must name the columns, but holds numbers: "
            f"{', '.join(names[:5])}."
        )


def _uses_decimal_comma(lines: Sequence[str], delimiter: str) -> bool:
    cells = [cell.strip() for row in csv.reader(lines, delimiter=delimiter) for cell in row]
    comma = any(re.fullmatch(r"[-+]?\d+,\d+", cell) for cell in cells)
    point = any(re.fullmatch(r"[-+]?\d+\.\d+", cell) for cell in cells)
    return comma and not point
