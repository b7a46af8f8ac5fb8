"""Texts to learn a language from: given as they are, or in files that may be larger than memory."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.data.symbols import Symbols
from elman.errors import InputError

__all__ = ["Corpus", "cut"]

Array: TypeAlias = NDArray[Any]

PART = 1 << 20
"""Characters of a file that are read at a time, up to the next end of line."""
IN_MEMORY = 1 << 28
"""Numbers of symbols are kept in a temporary file beyond so many bytes of text."""


class Corpus:
    """One text or several, in order, read part by part.

    Args:
        texts: A text; a :class:`pathlib.Path` of a file of one (UTF-8); or a list of either.
        binary: Whether files may hold bytes that are no UTF-8.

    Attributes:
        sources: The texts and files.
        single: Whether there is one, which is not taken to end anywhere.
        characters: How many there are.

    Raises:
        InputError: If it is none of these, a file cannot be read, or there is nothing in them.
    """

    def __init__(self, texts: Any, binary: bool = False) -> None:
        alone = isinstance(texts, (str, os.PathLike))
        listed = [texts] if alone else texts
        if not isinstance(listed, (list, tuple, np.ndarray)) or not len(listed):
            raise InputError(
                "X: expected a text, a pathlib.Path of a text file, or a list of them, got "
                f"{texts!r:.60}"
            )
        self._errors = "surrogateescape" if binary else "strict"
        self._encoding = "utf-8" if binary else "utf-8-sig"  # the byte order's mark is no symbol
        self.sources = [self._source(number, one) for number, one in enumerate(listed)]
        self.single = len(self.sources) == 1
        self.characters = sum(len(part) for part in self.parts())
        if not self.characters:
            raise InputError("X: expected text to learn from, got none: it is empty")

    def parts(self, stop: int | None = None) -> Iterator[str]:
        """The first ``stop`` characters of all texts, or all of them, part by part."""
        left = stop
        for source in self.sources:
            for part in self._parts(source):
                yield part if left is None else part[:left]
                if left is not None:
                    left -= len(part)
                    if left <= 0:
                        return

    def encode(self, symbols: Symbols, marks: Sequence[int] = ()) -> tuple[list[Array], list[int]]:
        """The numbers of the symbols of each text.

        Each begins with the edge of a text; where there are several, each ends with it too. Beyond
        :data:`IN_MEMORY` they are mapped from temporary files, which go when the arrays do.

        Args:
            symbols: The symbols.
            marks: Places in all texts, counted in characters, in ascending order.

        Returns:
            The numbers, and each mark counted in symbols that are predicted: all but the first of
            each text.
        """
        arrays, places = list[Array](), list[int]()
        characters = predicted = 0
        for source in self.sources:
            store = _Store(symbols.dtype, self.characters > IN_MEMORY)
            store.add(np.array([symbols.edge]))
            for part in self._parts(source):
                for piece in _pieces(part, [mark - characters for mark in marks]):
                    numbers = symbols.encode(piece)
                    store.add(numbers)
                    characters += len(piece)
                    predicted += len(numbers)
                    places += [predicted] * (marks[len(places) :].count(characters))
            if not self.single:
                store.add(np.array([symbols.edge]))
                predicted += 1
            arrays.append(store.array())
        return arrays, places

    def _source(self, number: int, given: Any) -> str | Path:
        if isinstance(given, str):
            return str(given)
        if not isinstance(given, os.PathLike):
            raise InputError(
                f"X[{number}]: expected a text or a pathlib.Path, got {type(given).__name__}"
            )
        path = Path(given)
        if not path.is_file():
            raise InputError(f"X[{number}]: there is no file {path}")
        return path

    def _parts(self, source: str | Path) -> Iterator[str]:
        if isinstance(source, str):
            yield source
            return
        try:
            with source.open(encoding=self._encoding, errors=self._errors, newline="") as file:
                while part := file.read(PART):
                    yield part + file.readline(PART)
        except UnicodeDecodeError as error:
            raise InputError(
                f"X: {source} is no text in UTF-8 ({error.reason} at byte {error.start} of a "
                "part); write it anew in UTF-8, or learn from its bytes with unit='bytes'"
            ) from error
        except OSError as error:
            raise InputError(f"X: {source} cannot be read: {error.strerror}") from error


def _pieces(text: str, marks: Sequence[int]) -> list[str]:
    """A text cut at those of the marks that lie within it."""
    inner = sorted({mark for mark in marks if 0 < mark < len(text)})
    return [text[a:b] for a, b in zip([0, *inner], [*inner, len(text)], strict=True)]


class _Store:
    """Numbers that are added to, in memory or in a temporary file."""

    def __init__(self, dtype: Any, mapped: bool) -> None:
        self._dtype, self._parts = dtype, list[Array]()
        self._file = tempfile.TemporaryFile() if mapped else None  # noqa: SIM115

    def add(self, numbers: Array) -> None:
        part = numbers.astype(self._dtype)
        if self._file is None:
            self._parts.append(part)
        else:
            part.tofile(self._file)

    def array(self) -> Array:
        if self._file is None:
            return np.concatenate(self._parts)
        self._file.flush()
        return np.memmap(self._file, self._dtype, "r")


def cut(texts: Sequence[Array], begin: int, end: int) -> list[Array]:
    """What lies between two places of texts that follow each other.

    A place counts the symbols that are predicted: all but the first of each text. Every part
    begins with the symbol before its first predicted one.
    """
    found, place = [], 0
    for text in texts:
        steps = len(text) - 1
        first, last = max(begin - place, 0), min(end - place, steps)
        if first < last:
            found.append(text[first : last + 1])
        place += steps
    return found
