"""Tables from files: CSV and its kin, Parquet, Arrow, JSON lines, read by polars."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from elman.data.delimited import read_delimited
from elman.data.dialect import PLAIN, Dialect
from elman.errors import InputError

__all__ = [
    "READABLE",
    "differs_as_name",
    "is_delimited",
    "is_perhaps_a_name",
    "read_file",
    "read_with_dialect",
    "refuse_dialect",
    "similar_file",
    "with_words",
]

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
_DELIMITED = ("csv", "tsv", "txt")


def read_file(path: str | os.PathLike[str], as_text: bool = False, dialect: Dialect = PLAIN) -> Any:
    """Read a table from a file into a polars frame; the suffix says the format.

    `.csv`, `.tsv` and `.txt` (the delimiter is found: comma, semicolon, tab or bar; between
    semicolons, and tabs or bars where it is plain, decimal commas are understood; lines of
    comment, marked #, may stand before the header; blank lines are skipped), the same with `.gz`,
    `.parquet`, `.arrow`, `.feather`, `.ipc`, and `.jsonl` or `.ndjson`.

    In a delimited file an empty field is missing, and in a column of numbers also `NA`, `N/A`,
    `n/a`, `NaN`, `nan`, `null`, `NULL`, `None` and `-`. In a column of words those are words.

    Args:
        path: The file.
        as_text: Whether every field of a delimited file is text as it stands there (`007`, `NA`,
            `1e3`), and only an empty one is missing; else columns of numbers are found.
        dialect: How a delimited file writes its numbers, where that is not found.

    Raises:
        InputError: No such file, an unknown suffix, an empty or a broken file.
    """
    return read_with_dialect(path, as_text, dialect)[0]


def read_with_dialect(
    path: str | os.PathLike[str], as_text: bool = False, dialect: Dialect = PLAIN
) -> tuple[Any, Dialect]:
    """As `read_file`, and the dialect in which a delimited file turned out to be written."""
    path = _existing(path)
    suffix = path.name.lower().removesuffix(".gz").rpartition(".")[2]
    zipped = path.name.lower().endswith(".gz")
    readers: dict[str, Callable[[Path], Any]] = {
        "parquet": lambda p: _polars().read_parquet(p, hive_partitioning=False),
        "pq": lambda p: _polars().read_parquet(p, hive_partitioning=False),
        "arrow": _read_arrow,
        "feather": _read_arrow,
        "ipc": _read_arrow,
        "jsonl": lambda p: _polars().read_ndjson(p, infer_schema_length=None),
        "ndjson": lambda p: _polars().read_ndjson(p, infer_schema_length=None),
    }
    delimited = suffix in _DELIMITED
    if not delimited and (zipped or suffix not in readers):
        known = ", ".join(READABLE)
        raise InputError(f"{path.name} has no suffix that can be read. Known are {known}.")
    if not delimited:
        refuse_dialect(dialect, path)
    try:
        return (
            read_delimited(path, as_text, dialect) if delimited else (readers[suffix](path), PLAIN)
        )
    except InputError:
        raise
    except Exception as error:  # whatever a parser raises means: the file is broken
        reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise InputError(f"The file {path.name} cannot be read as {suffix}: {reason}") from error


def refuse_dialect(dialect: Dialect, path: Path) -> None:
    """Refuses a dialect for a file that is no delimited text, and would be read without it."""
    if dialect:
        given = next(name for name, value in vars(dialect).items() if value is not None)
        raise InputError(
            f"{given}: expected a table of delimited text (.csv, .tsv, .txt), {path.name} is none "
            "and needs no such word; leave it out"
        )


def is_delimited(path: str | os.PathLike[str]) -> bool:
    """Whether a file's name says that it is delimited text."""
    return Path(path).name.lower().removesuffix(".gz").rpartition(".")[2] in _DELIMITED


def with_words(
    frame: Any,
    path: str | os.PathLike[str],
    names: Sequence[str | None],
    dialect: Dialect = PLAIN,
    texts: Sequence[str | None] = (),
) -> Any:
    """A table whose columns of names are as they stand in the file.

    Among numbers `NA` or `null` is a missing number, and 007 is 7; where a number is a name, an id
    or a class, those are names, and as part of a text it stays as it stands.

    Args:
        frame: What was read from the file.
        path: The file.
        names: The columns of ids and classes; ``None`` among them stands for nothing.
        dialect: As it was read with.
        texts: The columns of texts.
    """
    texts = [one for one in texts if one is not None and frame[one].dtype != _polars().String]
    numbers = [one for one in names if one is not None and is_perhaps_a_name(frame[one])]
    if not (texts or numbers) or not is_delimited(path):
        return frame
    written = read_file(path, as_text=True, dialect=dialect)
    words = [one for one in numbers if differs_as_name(frame[one], written[one])]
    return frame.with_columns(written[one] for one in (*texts, *words))


def is_perhaps_a_name(column: Any) -> bool:
    """Whether a column read as numbers may have lost something of the names that it holds."""
    return bool(column.null_count()) or column.dtype.is_integer()


def differs_as_name(column: Any, written: Any) -> bool:
    """Whether a column holds names that are no numbers: words, or digits after zeros.

    Args:
        column: As it was read.
        written: As it stands in the file.
    """
    zeros = column.dtype.is_integer() and written.str.contains(r"^\s*[-+]?0\d").any()
    return bool(zeros) or written.null_count() < column.null_count()


def _existing(path: str | os.PathLike[str]) -> Path:
    if not os.fspath(path):
        raise InputError("The file name is empty.")
    path = Path(path)
    if not path.exists():
        raise InputError(f"There is no file {str(path)!r}." + _similar(path))
    if path.is_dir():
        raise InputError(f"{str(path)!r} is a folder, expected a file.")
    if path.stat().st_size == 0:
        raise InputError(f"The file {path.name} is empty.")
    return path


def _polars() -> Any:
    import polars

    return polars


def _similar(path: Path) -> str:
    if not path.parent.is_dir():
        return f" There is no folder {str(path.parent)!r} either."
    near = similar_file(path)
    return "" if near is None else f" Did you mean {str(near)!r}?"


def similar_file(path: Path) -> Path | None:
    """The file beside a place where there is none whose name is nearest, if one is near."""
    from difflib import get_close_matches

    if not path.parent.is_dir():
        return None
    there = {p.stem: p.name for p in path.parent.iterdir()}  # by stem: many share the suffix
    near = get_close_matches(path.stem, list(there), n=1)
    return path.with_name(there[near[0]]) if near else None


def _read_arrow(path: Path) -> Any:
    pl = _polars()
    with path.open("rb") as file:
        is_file_format = file.read(6) == b"ARROW1"
    return pl.read_ipc(path) if is_file_format else pl.read_ipc_stream(path)
