"""The symbols that texts are written with, as numbers: there and back again without loss."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.checks import one_of
from elman.data.text import UNKNOWN, Vocabulary
from elman.errors import InputError

__all__ = ["SYMBOL_UNITS", "Symbols", "Writer"]

Array: TypeAlias = NDArray[Any]

SYMBOL_UNITS = {"characters": "characters", "bytes": "bytes", "words": "pieces"}
"""What a symbol is -> how :func:`elman.data.text.split_text` calls it."""


class Symbols:
    """The symbols of a language model: those that training met, one for all others, and an end.

    0 is for what training met once or never, 1 and up are the symbols, and the last number is the
    edge of a text: where it begins and where it ends. Every byte is a symbol, met or not.

    Args:
        vocabulary: The symbols.
        unit: ``"characters"``, ``"bytes"`` or ``"words"``: words with the space before them,
            punctuation marks and other white space, which joined are the text again.
    """

    def __init__(self, vocabulary: Vocabulary, unit: str) -> None:
        self.vocabulary = vocabulary
        self.unit = str(one_of("unit", unit, SYMBOL_UNITS))
        self.edge = vocabulary.size
        self._texts = ["\N{REPLACEMENT CHARACTER}", *vocabulary.tokens, ""]

    @classmethod
    def fit(cls, texts: Iterable[str], unit: str, most: int | None = None) -> Symbols:
        """The symbols of texts, which are gone through once.

        Args:
            texts: The texts, or parts of them.
            unit: See the class.
            most: Keep no more than so many, the most frequent; ``None`` for all.
        """
        one_of("unit", unit, SYMBOL_UNITS)
        if unit == "bytes":
            return cls(Vocabulary([chr(number) for number in range(256)], "bytes"), unit)
        return cls(Vocabulary.fit(texts, SYMBOL_UNITS[unit], most=most), unit)

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return self.vocabulary.size + 1

    @property
    def dtype(self) -> Any:
        """The smallest dtype that holds them."""
        return np.min_scalar_type(self.size - 1)

    def encode(self, text: str) -> Array:
        """The numbers of a text's symbols, without its edges."""
        return self.vocabulary.encode([text])[0]

    def check(self, name: str, text: Any) -> str:
        """A text whose symbols training met.

        Raises:
            InputError: If it is none, or one was not met.
        """
        if not isinstance(text, str):
            raise InputError(f"{name}: expected a text, got {text!r:.60}")
        strange = self.vocabulary.unseen([text])
        if strange:
            listed = ", ".join(map(repr, strange[:5])) + (" ..." if len(strange) > 5 else "")
            raise InputError(
                f"{name}: expected {self.unit} that training has met, got {listed}; pass "
                "unseen='unknown' to read them all as one"
            )
        return text

    def decode(self, numbers: Sequence[int] | Array) -> str:
        """The text of symbols; what is unknown is a replacement character, edges are nothing."""
        writer = Writer(self)
        return "".join(writer.text(int(number)) for number in numbers) + writer.rest()

    def text(self, number: int) -> str:
        """What a symbol stands for; of a byte the character of that number."""
        return self._texts[number]

    def shown(self, number: int) -> str:
        """A symbol as it is shown to a reader."""
        if number == self.edge:
            return "(end)"
        if number == UNKNOWN:
            return "(?)"
        text = self._texts[number]
        if self.unit == "bytes" and not text.isascii():
            return f"0x{ord(text):02x}"
        return {" ": "␣", "\n": "⏎", "\t": "⇥", "\r": "␍"}.get(text, text)

    def description(self) -> dict[str, Any]:
        """Plain values."""
        kept = [] if self.unit == "bytes" else self.vocabulary.tokens
        return {"unit": self.unit, "tokens": kept, "rare": self.vocabulary.rare}

    @classmethod
    def of_description(cls, record: Mapping[str, Any]) -> Symbols:
        """Back from :meth:`description`."""
        if record["unit"] == "bytes":
            return cls.fit((), "bytes")
        split = SYMBOL_UNITS[record["unit"]]
        return cls(Vocabulary(record["tokens"], split, record["rare"]), record["unit"])


class Writer:
    """Puts symbols together to text, one by one.

    Args:
        symbols: The symbols.
    """

    def __init__(self, symbols: Symbols) -> None:
        self._symbols = symbols
        self._bytes = None
        if symbols.unit == "bytes":
            self._bytes = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def text(self, number: int) -> str:
        """What a symbol adds to the text; a byte may add nothing until its character is whole."""
        text = self._symbols._texts[number]
        if self._bytes is None or number == UNKNOWN:
            return text
        return self._bytes.decode(text.encode("latin-1"))

    def rest(self) -> str:
        """What is left of a character that was not finished."""
        return "" if self._bytes is None else self._bytes.decode(b"", final=True)
