"""Tables from delimited text: CSV and its kin, as programs and spreadsheets of any country write.

polars parses; what is found here is the delimiter, the decimal mark, comments before the header,
blank lines, and which words are missing numbers and which are words.
"""

from __future__ import annotations

import csv
import gzip
import re
import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from elman.counting import counted
from elman.data.dialect import MISSING_WORDS, PLAIN, Dialect
from elman.errors import ElmanWarning, InputError

__all__ = ["read_delimited"]

_LOOK = 10_000
"""Rows that tell what a column holds. To look at all takes several times as long as to read."""
_SEPARATORS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}


def read_delimited(path: Path, as_text: bool, dialect: Dialect = PLAIN) -> tuple[Any, Dialect]:
    """A delimited file as a polars frame, and the dialect in which it is written.

    Args:
        path: The file, perhaps compressed (``.gz``).
        as_text: Whether every field is text as it stands there, and only an empty one is missing.
            Else columns of numbers are found, and in those what stands for a missing number is
            missing; columns of words keep such words.
        dialect: What is known of how it is written.

    Raises:
        InputError: It is no text, is empty, has no header, two columns of one name, or rows with
            more or fewer fields than the header.
    """
    data = gzip.decompress(path.read_bytes()) if path.suffix.lower() == ".gz" else path.read_bytes()
    text = _even_lines(_utf8(path, data))
    data, said = _from_the_header_on(text)
    before = text.count(b"\n") - data.count(b"\n")
    head = data[:65536].decode("utf-8", errors="ignore")
    lines = [line for line in head.split("\n")[:200] if line.strip()]
    if not lines:
        raise InputError(f"The file {path.name} is empty.")
    separator = dialect.separator or said or _find_separator(lines)
    header = next(csv.reader(head.splitlines(keepends=True), delimiter=separator))
    _check_header(path, header, lines[0], dialect)
    decimal = dialect.decimal or ("," if _uses_decimal_comma(lines[1:], separator) else ".")
    found = replace(dialect, separator=separator, decimal=decimal)
    if separator == ";" and decimal == "." and dialect.decimal is None and not as_text:
        _warn_of_thousands(path, header, lines[1:])
    try:
        frame = _parse(data, found, as_text)
    except _polars().exceptions.PolarsError:
        _refuse_ragged(path, data, separator, len(header), before)
        frame = _read(data, found, as_text=True, missing=MISSING_WORDS)  # it found no such numbers
    if frame.height and frame.to_series(-1).null_count():
        _refuse_ragged(path, data, separator, len(header), before)
    if not as_text:
        frame = _with_words(frame, data, found)
        frame = frame.with_columns(_spelt_numbers(frame, found))
    return _named(frame, header), found


def _polars() -> Any:
    import polars

    return polars


def _parse(data: bytes, dialect: Dialect, as_text: bool) -> Any:
    """The table; without blank lines where it is text, whose fields alone show which are."""
    if as_text:
        frame = _read(data, dialect, as_text=True, missing=[""])
        return _without_blank_lines(frame, _is_blank(frame))
    # polars knows no mark between thousands: such numbers are read as text and then turned
    return _read(data, dialect, as_text=dialect.thousands is not None, missing=MISSING_WORDS)


def _read(data: bytes, dialect: Dialect, as_text: bool, missing: Sequence[str]) -> Any:
    pl = _polars()
    read = partial(
        pl.read_csv,
        data,
        separator=dialect.separator,
        null_values=list(missing),
        infer_schema=not as_text,
        decimal_comma=dialect.decimal == ",",
    )
    try:
        return read(infer_schema_length=_LOOK)
    except pl.exceptions.PolarsError:  # a later row is of another kind than the first ones
        return read(infer_schema_length=None)


def _named(frame: Any, header: Sequence[str]) -> Any:
    """The table under the names of its header, in which polars leaves doubled quotes."""
    names = dict(zip(frame.columns, (name.strip() for name in header), strict=False))
    return frame.rename(names)


def _is_blank(frame: Any) -> Any:
    """Which rows hold nothing; of one column every empty line is a missing value."""
    pl = _polars()
    if frame.width == 1:
        return pl.repeat(False, frame.height, eager=True)
    blank = frame.select(pl.all_horizontal(pl.all().is_null())).to_series()
    first = frame.to_series(0)
    if first.dtype != pl.String:
        return blank
    others = frame.select(pl.all_horizontal(pl.exclude(first.name).is_null())).to_series()
    return blank | (others & (first.str.strip_chars() == "").fill_null(False))


def _without_blank_lines(frame: Any, blank: Any) -> Any:
    """Also without the empty column that a delimiter at every line's end makes."""
    last = frame.columns[-1]
    if frame.width > 1 and not last.strip() and frame[last].null_count() == frame.height:
        frame = frame.drop(last)
    return frame.filter(~blank)


def _with_words(frame: Any, data: bytes, dialect: Dialect) -> Any:
    """The table with what looks like a missing number but is a word, and without blank lines.

    Columns of text keep such words; a row of them alone is no blank line. Only where there are
    any, the fields are read a second time, as they stand.
    """
    pl = _polars()
    blank = _is_blank(frame)
    texts = [one.name for one in frame if one.dtype == pl.String]
    lacking = [name for name in texts if 0 < frame[name].null_count() < frame.height]
    if not lacking and not blank.any():
        return _without_blank_lines(frame, blank)
    written = _read(data, dialect, as_text=True, missing=[""])
    blank = _is_blank(written)
    return _without_blank_lines(frame.with_columns(written[name] for name in lacking), blank)


def _spelt_numbers(frame: Any, dialect: Dialect) -> list[Any]:
    """Columns of text that are numbers after all, with blanks around them or between thousands.

    Where a blank follows every separator it is no part of the words either.
    """
    pl = _polars()
    turned = []
    for column in frame:
        if column.dtype != pl.String or column.null_count() == frame.height:
            continue
        numbers = dialect.numbers(column)
        if numbers is not None:
            turned.append(numbers)
        elif column.drop_nulls().str.starts_with(" ").all():
            turned.append(column.str.strip_chars_start(" "))
    return turned


def _even_lines(data: bytes) -> bytes:
    """Lines that end in one way, whatever mixture of systems has written them."""
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in data else data


def _from_the_header_on(data: bytes) -> tuple[bytes, str | None]:
    """The file from its header on, and the separator if a line before it says so.

    Blank lines, comments marked #, and the ``sep=;`` of spreadsheets may stand there.
    """
    separator = None
    while True:
        line, _, rest = data.partition(b"\n")
        found = re.fullmatch(rb'"?sep=(.)"?[,;\t]*', line, re.IGNORECASE)
        if found is not None:
            separator = found[1].decode()
        elif not data or (line.strip() and not line.startswith(b"#")):
            return data, separator
        data = rest


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


def _find_separator(lines: Sequence[str]) -> str:
    """What splits the first lines into equally many fields, at least two."""
    best, fields = ",", 1
    for separator in _SEPARATORS:
        counts = {len(row) for row in csv.reader(lines[:50], delimiter=separator)}
        if len(counts) == 1 and counts != {1} and max(counts) > fields:
            best, fields = separator, max(counts)
    if fields > 1:
        return best
    header = lines[0]
    return max(_SEPARATORS, key=header.count) if any(c in header for c in _SEPARATORS) else ","


def _check_header(path: Path, header: Sequence[str], line: str, dialect: Dialect) -> None:
    names = [name.strip() for name in header]
    others = [one for one in _SEPARATORS if one != dialect.separator and one in line]
    if dialect.separator is not None and len(names) == 1 and others:
        raise InputError(
            f"separator: expected {dialect.separator!r} between the names of columns in the first "
            f"line of {path.name}, which has {others[0]!r}: {line.strip()[:60]!r}; leave it out, "
            "and it is found"
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        places = [str(place) for place, name in enumerate(names, 1) if name == twice[0]]
        called = f"two columns called {twice[0]!r}" if twice[0] else "columns without a name"
        raise InputError(
            f"The file {path.name} has {called} (columns {' and '.join(places)}). Give every "
            "column a name of its own in the first line."
        )
    if len(names) > 1 and all(re.fullmatch(r"[-+]?\d+([.,]\d+)?([eE][-+]?\d+)?", n) for n in names):
        raise InputError(
            f"The first line of {path.name} must name the columns, but holds numbers: "
            f"{', '.join(names[:5])}. Put a line of names above it."
        )


def _uses_decimal_comma(lines: Sequence[str], separator: str) -> bool:
    """Whether the numbers of the first lines have decimal commas, and none a decimal point.

    Spreadsheets set semicolons where the comma is the decimal mark. Between tabs and bars a comma
    before three digits may stand between thousands, which is left to be said.
    """
    if separator == ",":
        return False
    cells = [cell.strip() for row in csv.reader(lines, delimiter=separator) for cell in row]
    point = any(re.fullmatch(r"[-+]?\d+\.\d+", cell) for cell in cells)
    commas = [cell for cell in cells if re.fullmatch(r"[-+]?\d*,\d+", cell)]
    if separator != ";":
        commas = [one for one in commas if not re.fullmatch(r"[-+]?\d{1,3},\d{3}", one)]
    return bool(commas) and not point


def _warn_of_thousands(path: Path, header: Sequence[str], lines: Sequence[str]) -> None:
    """Says so where points stand as between thousands, in a file as of a country where they do."""
    rows = [row for row in csv.reader(lines, delimiter=";") if len(row) == len(header)]
    for name, *cells in zip(header, *rows, strict=True):
        present = [cell.strip() for cell in cells if cell.strip() not in MISSING_WORDS]
        points = [one for one in present if re.fullmatch(r"[-+]?[1-9]\d{0,2}\.\d{3}", one)]
        whole = [one for one in present if re.fullmatch(r"[-+]?\d{1,3}", one)]
        if len(points) > 1 and len(points) + len(whole) == len(present):
            warnings.warn(
                f"in column {name.strip()!r} of {path.name} {points[0]} is read with a decimal "
                "point; if the point stands between thousands, say so with thousands='.', if not, "
                "with decimal='.'",
                ElmanWarning,
                stacklevel=2,
            )


def _refuse_ragged(path: Path, data: bytes, separator: str, width: int, before: int) -> None:
    """Raise an InputError naming the first line that has more or fewer fields than the header.

    ``before`` is how many lines stand before the header.
    """
    rows = csv.reader(data.decode("utf-8").splitlines(keepends=True), delimiter=separator)
    line = before
    for row in rows:
        first, line = line + 1, rows.line_num + before
        if len(row) == width or not "".join(row).strip():
            continue
        what = _SEPARATORS.get(separator, repr(separator))
        other = ";" if separator == "," else ","
        expected, found = counted(width, "field"), counted(len(row), "field")
        if line > first:
            raise InputError(
                f"The file {path.name} is ragged: a quotation mark that is opened in line {first} "
                f"is closed in line {line} or nowhere, which makes {found} where the header has "
                f"{expected}. Close it in its line, or double it if it is part of the text."
            )
        raise InputError(
            f"The file {path.name} is ragged: the header has {expected}, line {line} has {found}. "
            f"The separator is {what}: a field that holds it stands in quotes; if it is another, "
            f"say so with separator={other!r}."
        )
