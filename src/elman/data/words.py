"""Sentences as a network reads them: words, their characters and their shapes.

Each distinct word of the data, its *form*, is spelled once: its number in the vocabulary, that of
its shape, and the numbers of its characters. A sentence is then a row of numbers of forms, and a
batch knows which distinct forms occur in it, so that what is made of their characters is made
once for each.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.data.batches import Batch, Batches, Sequences
from elman.errors import InputError

__all__ = [
    "MOST_CHARACTERS",
    "SHAPES",
    "Forms",
    "WordBatch",
    "WordBatches",
    "WordEncoder",
    "shape_of",
]

Array: TypeAlias = NDArray[Any]

SHAPES = (
    *("nothing", "lower case", "Capitalised", "UPPER CASE", "mIxed case"),
    *("digits", "with digits", "punctuation", "other"),
)
"""What a word may look like."""

MOST_CHARACTERS = 64
"""Of a longer word, that many from both of its ends together."""


def shape_of(word: str) -> int:
    """The number of a word's shape in :data:`SHAPES`."""
    if not word:
        return 0
    if any(one.isdigit() for one in word):
        return 5 if all(one.isdigit() or one in ".,:/-" for one in word) else 6
    if not any(one.isalpha() for one in word):
        return 7
    if word.islower():
        return 1
    if word.isupper():
        return 3 if len(word) > 1 else 2
    if word[0].isupper() and word[1:].islower():
        return 2
    return 4 if word.isalpha() else 8


@dataclass(frozen=True)
class Forms:
    """The distinct words of some sentences, each spelled once; number 0 is no word at all.

    Attributes:
        words: The number of each in the vocabulary, int64 ``(F,)``.
        shapes: The number of its shape, int64 ``(F,)``.
        characters: Its characters, one int64 channel.
    """

    words: Array
    shapes: Array
    characters: Sequences


class WordEncoder:
    """What training has learnt of its words, fitted on the sentences trained on alone.

    Args:
        words: Known words, in the order of their numbers from 1; 0 is for all others.
        characters: Known characters, the same way.
        rare: Words that training has met, but too seldom to know them.
        lowercase: Whether words are known by their form in lower case.
        counts: How often training has met each known word.
    """

    def __init__(
        self,
        words: Sequence[str],
        characters: Sequence[str],
        rare: Sequence[str],
        lowercase: bool,
        counts: Sequence[int],
    ) -> None:
        self.words, self.characters, self.rare = list(words), list(characters), list(rare)
        self.lowercase, self.counts = bool(lowercase), [int(one) for one in counts]
        self._words = {one: number for number, one in enumerate(self.words, start=1)}
        self._characters = {one: number for number, one in enumerate(self.characters, start=1)}

    @classmethod
    def fit(
        cls, sentences: Sequence[Sequence[str]], lowercase: bool = True, min_count: int = 2
    ) -> WordEncoder:
        """Learns which words and characters there are.

        Args:
            sentences: To learn from.
            lowercase: Whether words are known by their form in lower case.
            min_count: How often a word must occur to be known; the rest are read as one unknown
                word, so that training meets it too. Characters must occur twice.
        """
        forms = Counter(word for sentence in sentences for word in sentence)
        words: Counter[str] = Counter()
        characters: Counter[str] = Counter()
        for form, number in forms.items():
            words[_plain(form, lowercase)] += number
            for one in form:
                characters[one] += number
        known = sorted(one for one, number in words.items() if number >= min_count)
        return cls(
            known,
            sorted(one for one, number in characters.items() if number > 1),
            sorted(one for one, number in words.items() if number < min_count),
            lowercase,
            [words[one] for one in known],
        )

    def unknown_chance(self, rate: float) -> Array:
        """How likely each word is read as unknown in training: ``rate / (rate + count)``.

        Rare words teach what to do without a vector of one's own; common ones lose little.

        Returns:
            ``(words + 1,)``, 0 for the unknown word itself.

        Source: E. Kiperwasser and Y. Goldberg, "Simple and accurate dependency parsing using
        bidirectional LSTM feature representations", TACL 4 (2016), section 4.
        """
        counts = np.array([np.inf, *self.counts])
        return np.asarray(rate / (rate + counts)) if rate else np.zeros(len(counts))

    def unseen(self, sentences: Sequence[Sequence[str]]) -> list[str]:
        """The words of the sentences that training has not met, each once, as they come."""
        met = self._words.keys() | set(self.rare)
        found = dict.fromkeys(word for sentence in sentences for word in sentence)
        return [word for word in found if _plain(word, self.lowercase) not in met]

    def encode(self, sentences: Sequence[Sequence[str]]) -> tuple[Sequences, Forms]:
        """The sentences as numbers of forms, one int64 channel, and the forms."""
        numbers: dict[str, int] = {}
        rows = [
            np.array([numbers.setdefault(word, len(numbers) + 1) for word in sentence], np.int64)
            for sentence in sentences
        ]
        find, spell = self._words.get, self._characters.get
        words = [0, *(find(_plain(form, self.lowercase), 0) for form in numbers)]
        shapes = [0, *map(shape_of, numbers)]
        spelled = [
            np.array([spell(one, 0) for one in _ends(form)], np.int64)[:, None] for form in numbers
        ]
        characters = Sequences.from_list([np.zeros((0, 1), np.int64), *spelled], 1, np.int64)
        forms = Forms(np.array(words, np.int64), np.array(shapes, np.int64), characters)
        return Sequences.from_list([row[:, None] for row in rows], 1, np.int64), forms

    def description(self) -> dict[str, Any]:
        """As plain values, for a saved model."""
        return {
            "words": self.words,
            "characters": self.characters,
            "rare": self.rare,
            "lowercase": self.lowercase,
            "counts": self.counts,
        }

    @classmethod
    def of_description(cls, record: Mapping[str, Any]) -> WordEncoder:
        """Back from :meth:`description`."""
        for name in ("words", "characters", "rare"):
            if not all(isinstance(one, str) for one in record[name]):
                raise InputError(f"path: the saved vocabulary is damaged: {name}")
        if len(record["counts"]) != len(record["words"]):
            raise InputError("path: the saved vocabulary is damaged: counts")
        return cls(
            record["words"],
            record["characters"],
            record["rare"],
            record["lowercase"],
            record["counts"],
        )


class WordBatch(Batch):
    """Sentences, with the spelling of the words in them.

    Attributes:
        words: Numbers of words, int64 ``[T, B]``; 0 at dead positions.
        shapes: Numbers of shapes, int64 ``[T, B]``.
        spelled: The characters of the ``W`` distinct forms, longest first: a batch of tokens.
        position: Where in ``spelled`` each word stands, int64 ``[T, B]``.
    """

    __slots__ = ("position", "shapes", "spelled", "words")

    words: Array
    shapes: Array
    spelled: Batch
    position: Array


class WordBatches(Batches):
    """Batches of sentences; arguments as of :class:`~elman.data.batches.Batches`, and the forms.

    Args:
        forms: The words of the sentences.
        inputs: Numbers of forms, one int64 channel.
        targets: Numbers of labels, or ``None``.
        batch_size: Sentences of a batch.
        by_length: Whether sentences of like length share a batch when they are shuffled.
    """

    def __init__(
        self,
        forms: Forms,
        inputs: Sequences,
        targets: Sequences | None = None,
        batch_size: int = 32,
        by_length: bool = False,
    ) -> None:
        super().__init__(
            inputs, targets, None, batch_size, per_step=True, tokens=True, by_length=by_length
        )
        self._forms = forms
        self._spellings = Batches(forms.characters, tokens=True)
        self._where = np.zeros(len(forms.words), np.int64)

    def take(self, rows: Array) -> WordBatch:
        """The batch of the given rows, int64 ``(B,)``."""
        plain = super().take(rows)
        batch = WordBatch(plain.rows, plain.x)
        batch.target, batch.live, batch.lengths = plain.target, plain.live, plain.lengths
        number = np.ascontiguousarray(plain.x)
        batch.words, batch.shapes = self._forms.words[number], self._forms.shapes[number]
        found = np.unique(number)
        batch.spelled = self._spellings.take(found[found > 0])
        self._where[batch.spelled.rows] = np.arange(len(batch.spelled.rows))
        batch.position = self._where[number]
        return batch


def _plain(word: str, lowercase: bool) -> str:
    """A word as the vocabulary knows it: any digit as 0."""
    return re.sub(r"\d", "0", word.lower() if lowercase else word)


def _ends(word: str) -> str:
    half = MOST_CHARACTERS // 2
    return word if len(word) <= MOST_CHARACTERS else word[:half] + word[-half:]
