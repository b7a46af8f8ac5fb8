"""Text as numbers: tokens, and the vocabulary that training gives them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.checks import one_of
from elman.errors import InputError

__all__ = ["UNITS", "WRITTEN_UNITS", "Vocabulary", "split_text"]

Array: TypeAlias = NDArray[Any]

UNITS = ("characters", "words")
"""What a text to be read is taken apart into."""

WRITTEN_UNITS = ("bytes", "characters", "pieces")
"""What a text to be written is put together from: joined, the tokens are the text again."""

UNKNOWN = 0
"""The number of every token that training has not seen, or only once."""


def split_text(text: str, unit: str, lowercase: bool = False) -> list[str]:
    """The tokens of a text.

    Args:
        text: The text.
        unit: ``"characters"``; ``"words"``: words and punctuation marks in lower case;
            ``"pieces"``: words, each with the space before it, punctuation marks and other white
            space, as they are; or ``"bytes"``: those of UTF-8, each as the character of its number.
        lowercase: Whether characters are made small letters too.
    """
    if unit == "characters":
        return [one.lower() for one in text] if lowercase else list(text)
    if unit == "bytes":
        return list(text.encode("utf-8", "surrogateescape").decode("latin-1"))
    if unit == "pieces":
        return re.findall(r" ?\w+| ?[^\w\s]|\s", text)
    return re.findall(r"\w+|[^\w\s]", text.lower())


class Vocabulary:
    """The tokens that training knows, each with a number from 1; 0 is for all others.

    Args:
        tokens: In the order of their numbers.
        unit: One of :data:`UNITS` or :data:`WRITTEN_UNITS`, see :func:`split_text`.
        rare: Tokens that training has met, but too rarely: read as unknown, though not unseen.
        lowercase: Whether characters are made small letters (words always are).
    """

    def __init__(
        self,
        tokens: Sequence[str],
        unit: str,
        rare: Sequence[str] = (),
        lowercase: bool = False,
    ) -> None:
        self.tokens, self.rare, self.lowercase = list(tokens), list(rare), bool(lowercase)
        self.unit = str(one_of("unit", unit, dict.fromkeys(UNITS + WRITTEN_UNITS)))
        self._numbers = {token: number for number, token in enumerate(self.tokens, start=1)}

    @classmethod
    def fit(
        cls, texts: Iterable[str], unit: str, lowercase: bool = False, most: int | None = None
    ) -> Vocabulary:
        """The tokens of the texts, each of which occurs at least twice, sorted.

        A token that occurs once is left unknown, so that training meets unknown tokens too.

        Args:
            texts: They are gone through once.
            unit: See the class.
            lowercase: See the class.
            most: Keep no more than so many tokens, the most frequent; ``None`` for all.
        """
        counts = Counter(token for text in texts for token in split_text(text, unit, lowercase))
        kept = counts.most_common(most)
        often = sorted(token for token, number in kept if number > 1)
        return cls(often, unit, sorted(counts.keys() - set(often)), lowercase)

    @property
    def size(self) -> int:
        """How many numbers there are, that of unknown tokens included."""
        return len(self.tokens) + 1

    def encode(self, texts: Sequence[str]) -> list[Array]:
        """The numbers of each text's tokens, int64 ``(T_i,)``."""
        find = self._numbers.get
        return [
            np.array([find(token, UNKNOWN) for token in self._split(text)], np.int64)
            for text in texts
        ]

    def unseen(self, texts: Sequence[str]) -> list[str]:
        """The tokens of the texts that training has not met, each once, as they come."""
        found = {token: None for text in texts for token in self._split(text)}
        met = self._numbers.keys() | set(self.rare)
        return [token for token in found if token not in met]

    def _split(self, text: str) -> list[str]:
        return split_text(text, self.unit, self.lowercase)


def check_texts(name: str, data: Any) -> list[str]:
    """A list of texts.

    Raises:
        InputError: If one of them is no text.
    """
    texts = list(data)
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise InputError(
                f"{name}: expected texts, or sequences of numbers, not both; row {row} is "
                f"{type(text).__name__} {text!r:.40}"
            )
    return [str(text) for text in texts]
