"""Sources and targets from files: tables with a column of each, or two texts line by line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from elman.counting import counted
from elman.data.dialect import PLAIN, Dialect
from elman.data.files import READABLE, read_file
from elman.errors import InputError

__all__ = ["PairData", "read_pairs", "read_parallel", "read_sources"]

_SOURCES = ("source", "src", "input", "question", "text", "x")
_TARGETS = ("target", "tgt", "output", "answer", "translation", "label", "y")


@dataclass
class PairData:
    """Sources, and their targets where they are known.

    Attributes:
        sources: Texts, or lists of tokens.
        targets: The same, or ``None``.
        notes: What should be known of the reading, in words.
        columns: The columns of source and target, where it was a table.
    """

    sources: list[Any]
    targets: list[Any] | None
    notes: list[str] = field(default_factory=list)
    columns: tuple[str | None, str | None] = (None, None)

    def describe(self) -> str:
        """What was read, in one sentence."""
        number = len(self.sources)
        what = counted(number, "source" if self.targets is None else "pair")
        text = f"{what}: sources {_span(self.sources)}"
        return text if self.targets is None else f"{text}, targets {_span(self.targets)}"


def read_pairs(
    path: str | Path,
    source: str | None = None,
    target: str | None = None,
    dialect: Dialect = PLAIN,
) -> PairData:
    """Reads a table with a column of sources and one of targets.

    Fields are taken as text, as they stand there; in Parquet, Arrow and JSON lines they may be
    lists of tokens. Rows that lack either are left out, with a note.

    Args:
        path: The table.
        source: Column of sources; default: ``source``, ``src``, ``input``, ``question``, ``text``
            or ``x``, else the first of two columns.
        target: Column of targets; default: ``target``, ``tgt``, ``output``, ``answer``,
            ``translation``, ``label`` or ``y``, else the other of two columns.
        dialect: What separates the fields of a delimited file, where that is not found.

    Raises:
        InputError: If it cannot be read, a column is not there, or holds neither texts nor lists.
    """
    frame = _table(path, dialect)
    one = _column(frame, "source", source, _SOURCES, other=target)
    two = _column(frame, "target", target, _TARGETS, other=one)
    if one is None or two is None or one == two:
        named = ", ".join(frame.columns)
        role = "source" if one is None else "target"
        raise InputError(
            f"{role}: expected a column of sources and another of targets, there are {named}; "
            "name both"
        )
    sources, targets = _values(frame, "source", one), _values(frame, "target", two)
    return _complete(PairData(sources, targets, columns=(one, two)))


def read_sources(path: str | Path, source: str | None = None, dialect: Dialect = PLAIN) -> PairData:
    """Reads sources alone: a column of a table, or a text file with one a line.

    Args:
        path: A table; or a file of any other suffix, or ``.txt`` whose first line is not the name
            of the column: one source a line.
        source: Column of sources; default: as :func:`read_pairs`, else the only column.
        dialect: As for :func:`read_pairs`.

    Raises:
        InputError: If it cannot be read, or the column is not there.
    """
    path = Path(path)
    suffixes = "".join(path.suffixes[-2:]).lower()
    if path.suffix.lower() == ".txt" or not suffixes.endswith(READABLE):
        return PairData(_lines("FILE", path), None)
    frame = _table(path, dialect)
    name = _column(frame, "source", source, _SOURCES, other=None, alone=True)
    if name is None:
        raise InputError(
            f"source: no column is called {', '.join(_SOURCES)}; name one of "
            f"{', '.join(frame.columns)}"
        )
    values = _values(frame, "source", name)
    return PairData(["" if one is None else one for one in values], None, columns=(name, None))


def read_parallel(sources: str | Path, targets: str | Path) -> PairData:
    """Reads two text files, the target of each line of the one at the same line of the other.

    Args:
        sources: One source a line.
        targets: One target a line.

    Raises:
        InputError: If a file cannot be read, is empty, or has more lines than the other.
    """
    one, two = _lines("--source-file", Path(sources)), _lines("--target-file", Path(targets))
    if len(one) != len(two):
        raise InputError(
            f"--target-file: expected a line for each of {len(one):,} lines of "
            f"{Path(sources).name}, got {len(two):,} in {Path(targets).name}"
        )
    return _complete(PairData([line or None for line in one], [line or None for line in two]))


def _complete(data: PairData) -> PairData:
    """Without the rows that lack source or target."""
    assert data.targets is not None
    kept = [
        row
        for row, (source, target) in enumerate(zip(data.sources, data.targets, strict=True))
        if source is not None and target is not None
    ]
    missing = len(data.sources) - len(kept)
    if not kept:
        raise InputError("source: expected rows with a source and a target, every row lacks one")
    if missing:
        rows = "row lacks" if missing == 1 else "rows lack"
        data.notes.append(f"{missing:,} {rows} a source or a target: left out")
        data.sources = [data.sources[row] for row in kept]
        data.targets = [data.targets[row] for row in kept]
    return data


def _table(path: str | Path, dialect: Dialect) -> Any:
    frame = read_file(path, as_text=True, dialect=dialect)
    if not frame.height:
        raise InputError(f"The file {Path(path).name} has a header and no rows.")
    return frame


def _column(
    frame: Any,
    role: str,
    name: str | None,
    usual: Sequence[str],
    other: str | None,
    alone: bool = False,
) -> str | None:
    """The column of a role: the one named, the one that is called so, or the one that is left."""
    columns: list[str] = frame.columns
    if name is not None:
        if name not in columns:
            raise InputError(f"{role}: there is no column {name!r}; there are {', '.join(columns)}")
        return name
    free = [one for one in columns if one != other]
    found = next((one for word in usual for one in free if one.lower() == word), None)
    if found is not None:
        return found
    left = free[:1] if role == "source" and len(columns) == 2 else free
    return left[0] if len(left) == 1 and len(columns) == (1 if alone else 2) else None


def _values(frame: Any, role: str, name: str) -> list[Any]:
    """Texts, lists of tokens, and ``None`` where there is nothing."""
    column = frame[name]
    kind = str(column.dtype)
    if kind in ("String", "Utf8", "Categorical") or kind.startswith("Enum"):
        return list(column.cast(str).to_list())
    if kind.startswith("List("):
        return list(column.to_list())
    if kind.startswith(("Int", "UInt")):
        return [None if one is None else str(one) for one in column.to_list()]
    raise InputError(
        f"{role}: expected a column of texts or of lists of tokens, {name!r} holds {kind}"
    )


def _lines(argument: str, path: Path) -> list[str]:
    if not path.is_file():
        raise InputError(f"{argument}: there is no file {str(path)!r}")
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise InputError(f"{argument}: the file {path.name} is not UTF-8 text") from error
    if lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise InputError(f"{argument}: the file {path.name} is empty")
    return [line.strip() for line in lines]


def _span(rows: Sequence[Any]) -> str:
    """Lengths of rows: ``of 3 to 12 characters``."""
    lengths = np.array([len(one) for one in rows] or [0])
    unit = "character" if isinstance(next(iter(rows), ""), str) else "token"
    low, high = int(lengths.min()), int(lengths.max())
    return f"of {'' if low == high else f'{low:,} to '}{counted(high, unit)}"
