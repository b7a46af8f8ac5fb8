"""Pairs of sequences of tokens: from what a user passes, as numbers, and in batches.

A row of a batch stands twice: among the sources, longest source first, and among the targets,
longest target first. :attr:`PairBatch.order` leads from the one to the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.checks import one_of
from elman.data.batches import Batch, Batches, Sequences
from elman.data.text import UNITS, split_text
from elman.errors import InputError

__all__ = [
    "END",
    "LISTS",
    "UNKNOWN",
    "Lexicon",
    "PairBatch",
    "PairBatches",
    "Tokens",
    "as_token_rows",
    "join_tokens",
    "source_batches",
]

Array: TypeAlias = NDArray[Any]
Tokens: TypeAlias = list[Any]

UNKNOWN = 0
"""The number of every token that training has not seen."""
END = 1
"""The number that ends a target."""
_FIRST = 2

LISTS = "tokens"
"""The unit of rows that came as lists of tokens."""


def as_token_rows(name: str, data: Any, unit: str) -> tuple[list[Tokens], str]:
    """The rows a user passed, as lists of tokens.

    Args:
        name: Of the argument, for messages.
        data: Texts; or lists of tokens, each a text or a whole number.
        unit: What a token of a text is: ``"characters"`` or ``"words"``.

    Returns:
        The tokens of each row, and what they are: the unit of texts, else ``"tokens"``.

    Raises:
        InputError: If rows are of neither kind, or of both.
    """
    one_of("unit", unit, UNITS)
    if isinstance(data, (str, bytes)) or not hasattr(data, "__iter__"):
        raise InputError(
            f"{name}: expected a list of texts or of lists of tokens, got {data!r:.60}"
        )
    rows = list(data)
    texts = [isinstance(row, str) for row in rows]
    if rows and all(texts):
        return [split_text(str(row), unit) for row in rows], unit
    if any(texts):
        odd = texts.index(not texts[0])
        raise InputError(
            f"{name}: expected texts alone or lists of tokens alone, row 0 is "
            f"{type(rows[0]).__name__} and row {odd} is {type(rows[odd]).__name__}"
        )
    return [_token_list(name, number, row) for number, row in enumerate(rows)], LISTS


def _token_list(name: str, number: int, row: Any) -> Tokens:
    if not isinstance(row, (list, tuple, np.ndarray)):
        raise InputError(
            f"{name}: expected texts or lists of tokens, row {number} is "
            f"{type(row).__name__} {row!r:.40}"
        )
    found = [token.item() if isinstance(token, np.generic) else token for token in row]
    for token in found:
        if isinstance(token, bool) or not isinstance(token, (str, int)):
            raise InputError(
                f"{name}: expected tokens that are texts or whole numbers, row {number} has "
                f"{type(token).__name__} {token!r:.40}"
            )
    return found


def join_tokens(tokens: Sequence[Any], unit: str) -> Any:
    """Tokens as a user reads them: a text, or the list itself.

    Words stand with blanks between; marks of punctuation follow their word at once.
    """
    if unit == "characters":
        return "".join(tokens)
    if unit == LISTS:
        return list(tokens)
    text = ""
    for token in tokens:
        close = token in (".", ",", "!", "?", ";", ":", "%", ")", "]", "}")
        text += token if close or not text or text.endswith(("(", "[", "{")) else f" {token}"
    return text


class Lexicon:
    """Tokens and their numbers: 0 is unknown, 1 is the end, tokens follow.

    Args:
        tokens: In the order of their numbers.
        rare: Tokens that training has met, and yet reads as unknown.

    Attributes:
        tokens: As given.
        rare: As given.
    """

    def __init__(self, tokens: Sequence[Any], rare: Sequence[Any] = ()) -> None:
        self.tokens, self.rare = list(tokens), list(rare)
        self._numbers = {token: number for number, token in enumerate(self.tokens, _FIRST)}

    @classmethod
    def fit(cls, rows: Sequence[Tokens], fewest: int = 1) -> Lexicon:
        """The tokens that occur at least ``fewest`` times; texts and numbers each in order."""
        counts = Counter(token for row in rows for token in row)
        in_order = sorted(counts, key=lambda token: (isinstance(token, str), token))
        often = [token for token in in_order if counts[token] >= fewest]
        return cls(often, [token for token in in_order if counts[token] < fewest])

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return len(self.tokens) + _FIRST

    def encode(self, rows: Sequence[Tokens]) -> list[Array]:
        """The numbers of each row's tokens, int64 ``(T_i,)``."""
        find = self._numbers.get
        return [np.array([find(token, UNKNOWN) for token in row], np.int64) for row in rows]

    def decode(self, numbers: Sequence[int]) -> Tokens:
        """Tokens of numbers; neither the end nor unknown ones are any."""
        return [self.tokens[number - _FIRST] for number in numbers if number >= _FIRST]

    def unseen(self, rows: Sequence[Tokens]) -> Tokens:
        """The tokens of the rows that training has not met, each once, as they come."""
        found = {token: None for row in rows for token in row}
        met = self._numbers.keys() | set(self.rare)
        return [token for token in found if token not in met]


class PairBatch(Batch):
    """Rows of sources and of targets, ready for a pass through an encoder and a decoder.

    As a :class:`~elman.data.batches.Batch` it holds the decoder's side: ``x`` ``[T, B]`` what it
    reads (a start, then the target), ``target`` ``[T, B, 1]`` what it is to answer (the target,
    then the end), longest target first.

    Attributes:
        source: The encoder's side: ``x`` ``[S, B]``, longest source first.
        order: int64 ``(B,)``: where each row stands among the sources.
    """

    __slots__ = ("order", "source")

    source: Batch
    order: Array


class PairBatches:
    """All pairs in batches, of like lengths when they are shuffled.

    Args:
        sources: Numbers of the tokens of each source, int64 ``(S_i,)``.
        targets: The same of the targets, without start and end.
        start: The number that the decoder reads first.
        batch_size: Rows of a batch.
    """

    _STRETCH = 50
    """So many batches of rows drawn at random are sorted by length together."""

    def __init__(
        self, sources: Sequence[Array], targets: Sequence[Array], start: int, batch_size: int
    ) -> None:
        self.batch_size = batch_size
        self._lengths = np.array([(len(s), len(t)) for s, t in zip(sources, targets, strict=True)])
        read = [np.concatenate([[start], target]) for target in targets]
        answer = [np.concatenate([target, [END]]) for target in targets]
        self._sources = source_batches(sources, batch_size)
        self._targets = Batches(
            _sequences(read), _sequences(answer), batch_size=batch_size, per_step=True, tokens=True
        )

    def __len__(self) -> int:
        """Number of batches."""
        return -(-len(self._lengths) // self.batch_size)

    def epoch(self, generator: np.random.Generator | None = None) -> Iterator[PairBatch]:
        """Every pair once: shuffled by ``generator``, or in order without one."""
        number, size = len(self._lengths), self.batch_size
        starts = np.arange(0, number, size)
        if generator is None:
            order = np.arange(number)
        else:
            order = generator.permutation(number)
            for begin in range(0, number, self._STRETCH * size):
                part = order[begin : begin + self._STRETCH * size]
                sources, targets = self._lengths[part].T
                order[begin : begin + len(part)] = part[np.lexsort((targets, sources))]
            generator.shuffle(starts)
        for first in starts.tolist():
            yield self.take(order[first : first + size])

    def take(self, rows: Array) -> PairBatch:
        """The batch of the given rows, int64 ``(B,)``."""
        source, target = self._sources.take(rows), self._targets.take(rows)
        batch = PairBatch(target.rows, target.x)
        batch.target, batch.live, batch.lengths = target.target, target.live, target.lengths
        batch.source = source
        by_row = np.argsort(source.rows)
        batch.order = by_row[np.searchsorted(source.rows, target.rows, sorter=by_row)]
        return batch


def source_batches(sources: Sequence[Array], batch_size: int) -> Batches:
    """Sources alone in batches, for an encoder."""
    return Batches(_sequences(sources), batch_size=batch_size, tokens=True)


def _sequences(rows: Sequence[Array]) -> Sequences:
    return Sequences.from_list([row[:, None] for row in rows], 1, np.int64)
