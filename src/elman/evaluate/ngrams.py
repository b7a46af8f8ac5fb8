"""What a language model has to beat: symbols counted in contexts of a fixed length.

Interpolated Kneser-Ney smoothing: each order gives away a discount of every count to the order
below, whose counts are those of the different contexts that a symbol was met in, not of its
occurrences. Everything is counted and looked up in whole arrays, without a loop over the text.

Sources: R. Kneser and H. Ney, "Improved backing-off for m-gram language modeling", ICASSP 1995;
S. F. Chen and J. Goodman, "An empirical study of smoothing techniques for language modeling",
Computer Speech and Language 13 (1999) 359-394, section 2.7 and equation 25.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.checks import whole
from elman.errors import InputError, NotFittedError

__all__ = ["NGrams", "best_ngrams"]

Array: TypeAlias = NDArray[Any]

_UNKNOWN = -1


@dataclass
class _Level:
    """The grams of one length.

    Attributes:
        keys: Sorted: number of the gram but for its last symbol, times the symbols, plus that.
        counts: Of each gram; for all but the longest, of the symbols met before it.
        totals: By the number of the shorter gram: sum of the counts of what followed it.
        types: And how many different symbols followed it.
        discount: Taken off every count.
    """

    keys: Array
    counts: Array
    totals: Array
    types: Array
    discount: float


class NGrams:
    """The probability of each symbol given the ``order - 1`` before it.

    Args:
        order: Symbols of a gram; 1 looks at no context.
        symbols: How many different symbols there are: tokens are below this.

    Raises:
        InputError: If a number does not fit.
    """

    def __init__(self, order: int, symbols: int) -> None:
        self.order = whole("NGrams: order", order)
        self.symbols = whole("NGrams: symbols", symbols)
        self._levels: list[_Level] = []

    def fit(self, texts: Sequence[Array]) -> NGrams:
        """Counts.

        Args:
            texts: Tokens, ``(T_i,)`` whole numbers; no gram reaches from one into the next.

        Returns:
            The n-grams themselves.

        Raises:
            InputError: If there is no token, or one is out of range.
        """
        arrays = [np.asarray(text, np.int64) for text in texts]
        tokens = np.concatenate([np.empty(0, np.int64), *arrays])
        if not tokens.size or tokens.min() < 0 or tokens.max() >= self.symbols:
            raise InputError(
                f"texts: expected at least one token, whole numbers below {self.symbols}, got "
                f"{tokens.size} tokens"
                + (f" from {tokens.min()} to {tokens.max()}" if tokens.size else "")
            )
        place = np.concatenate([np.arange(len(text)) for text in texts])
        self._levels = []
        numbers = np.zeros(len(tokens), np.int64)  # of the gram that ends at each token
        shorter: tuple[Array, Array] | None = None
        for length in range(1, self.order + 1):
            here = place >= length - 1
            before = np.roll(numbers, 1) if length > 1 else numbers
            keys, first, numbered, counts = np.unique(
                before[here] * self.symbols + tokens[here],
                return_index=True,
                return_inverse=True,
                return_counts=True,
            )
            if shorter is not None:  # each longer gram is one more context of the shorter one
                contexts = np.bincount(numbers[here][first], minlength=len(shorter[0]))
                self._levels.append(self._level(shorter[0], contexts))
            numbers = np.zeros(len(tokens), np.int64)
            numbers[here] = numbered.reshape(-1)
            shorter = keys, counts
        self._levels.append(self._level(*shorter))  # type: ignore[misc]
        return self

    def _level(self, keys: Array, counts: Array) -> _Level:
        contexts = keys // self.symbols
        number = int(contexts.max(initial=0)) + 1
        once, twice = np.count_nonzero(counts == 1), np.count_nonzero(counts == 2)
        discount = once / (once + 2 * twice) if once and twice else 0.5
        met = counts > 0
        totals = np.bincount(contexts, counts, minlength=number)
        types = np.bincount(contexts, met, minlength=number)
        return _Level(keys, counts, totals, types, discount)

    def log_probabilities(self, tokens: Array) -> Array:
        """The natural logarithm of the probability of each token but the first.

        Args:
            tokens: ``(T,)``, whole numbers below ``symbols``.

        Returns:
            ``(T - 1,)``. The first few have shorter contexts.

        Raises:
            NotFittedError: Before :meth:`fit`.
        """
        if not self._levels:
            raise NotFittedError("These NGrams are not fitted; call fit first")
        tokens = np.asarray(tokens, np.int64)
        probability = np.full(len(tokens), 1.0 / self.symbols)
        numbers = np.zeros(len(tokens), np.int64)  # of the gram before each token
        for length, level in enumerate(self._levels, start=1):
            if length > 1:
                numbers = np.roll(numbers, 1)
                numbers[: length - 1] = _UNKNOWN
            known = (numbers >= 0) & (numbers < len(level.totals))
            known[known] = level.totals[numbers[known]] > 0
            context = numbers[known]
            place, count = self._find(level, context * self.symbols + tokens[known])
            total = level.totals[context]
            kept = np.maximum(count - level.discount, 0.0) / total
            spread = level.discount * level.types[context] / total
            probability[known] = kept + spread * probability[known]
            numbers = np.full(len(tokens), _UNKNOWN)
            numbers[known] = place
        result: Array = np.log(probability[1:])
        return result

    @staticmethod
    def _find(level: _Level, keys: Array) -> tuple[Array, Array]:
        """The number of each gram, -1 where it was not met, and its count."""
        place = np.searchsorted(level.keys, keys)
        found = place < len(level.keys)
        found[found] = level.keys[place[found]] == keys[found]
        counts = np.where(found, level.counts[np.where(found, place, 0)], 0)
        return np.where(found, place, _UNKNOWN), counts


def best_ngrams(
    texts: Sequence[Array], watched: Sequence[Array], symbols: int, orders: Sequence[int]
) -> NGrams:
    """The n-grams of the order that suits other texts best.

    Args:
        texts: To count.
        watched: To choose by; where they hold nothing to predict, the smallest order is taken.
        symbols: How many different symbols there are.
        orders: Those to choose from; it stops at the first that is worse than the one before.
    """
    best: NGrams | None = None
    least = np.inf
    for order in orders:
        one = NGrams(order, symbols).fit(texts)
        nats = -sum(float(one.log_probabilities(text).sum()) for text in watched)
        if best is not None and (nats >= least or not nats):
            break
        best, least = one, nats
    if best is None:
        raise InputError("orders: expected at least one, got none")
    return best
