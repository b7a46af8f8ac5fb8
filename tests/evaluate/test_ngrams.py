"""N-grams with interpolated Kneser-Ney smoothing, held against the definition written out."""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict

import numpy as np
import pytest

from elman.errors import InputError, NotFittedError
from elman.evaluate.ngrams import NGrams, best_ngrams


def written_out(texts, order, symbols):
    """The probability of a symbol after a context: equation 25 of Chen and Goodman, in loops."""
    grams = [Counter() for _ in range(order + 1)]
    for text in texts:
        for n in range(1, order + 1):
            grams[n].update(tuple(text[i : i + n]) for i in range(len(text) - n + 1))
    counts = {order: grams[order]}
    for n in range(1, order):
        before = defaultdict(set)
        for gram in grams[n + 1]:
            before[gram[1:]].add(gram[0])
        counts[n] = {gram: len(before[gram]) for gram in grams[n]}
    discount = {}
    for n, table in counts.items():
        once, twice = (sum(c == k for c in table.values()) for k in (1, 2))
        discount[n] = once / (once + 2 * twice) if once and twice else 0.5

    def probability(context, symbol):
        if context is None:
            return 1.0 / symbols
        n = len(context) + 1
        lower = probability(context[1:] if context else None, symbol)
        after = {g[-1]: c for g, c in counts[n].items() if g[:-1] == context and c > 0}
        total = sum(after.values())
        if not total:
            return lower
        kept = max(after.get(symbol, 0) - discount[n], 0.0) / total
        return kept + discount[n] * len(after) / total * lower

    return probability


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_probabilities_are_those_of_the_definition(order):
    rng = np.random.default_rng(order)
    texts = [rng.integers(0, 4, n) ** 2 % 5 for n in (40, 3, 25, 1, 0)]
    probability = written_out([text.tolist() for text in texts], order, 5)
    fitted = NGrams(order, 5).fit(texts)
    for text in (rng.integers(0, 5, 30), texts[0]):
        wanted = [
            math.log(probability(tuple(text[max(0, i - order + 1) : i].tolist()), int(text[i])))
            for i in range(1, len(text))
        ]
        np.testing.assert_allclose(fitted.log_probabilities(text), wanted, rtol=1e-10)


def test_probabilities_sum_to_one_after_every_context():
    rng = np.random.default_rng(0)
    fitted = NGrams(3, 4).fit([rng.integers(0, 3, 50)])
    for context in itertools.product(range(4), repeat=2):
        each = [np.exp(fitted.log_probabilities(np.array([*context, one]))[-1]) for one in range(4)]
        assert sum(each) == pytest.approx(1.0, abs=1e-12)


def test_no_gram_reaches_from_text_to_text():
    joined, apart = NGrams(2, 3).fit([[0, 1, 2, 0]]), NGrams(2, 3).fit([[0, 1], [2, 0]])
    pair = np.array([1, 2])
    assert joined.log_probabilities(pair)[0] > apart.log_probabilities(pair)[0]


def test_the_order_is_chosen_on_other_texts():
    rng = np.random.default_rng(0)
    text = [0, 1]
    for _ in range(3000):  # each symbol depends on the last two
        text.append((text[-1] + text[-2] + (rng.random() < 0.1)) % 3)
    chosen = best_ngrams([text[:2000]], [np.array(text[2000:])], 3, (2, 3, 4, 6))
    assert chosen.order == 3
    assert best_ngrams([text], [np.array([1])], 3, (2, 3)).order == 2


def test_what_does_not_fit_is_refused():
    with pytest.raises(InputError, match="at least one token"):
        NGrams(2, 3).fit([])
    with pytest.raises(InputError, match="below 3, got 2 tokens from 1 to 3"):
        NGrams(2, 3).fit([[1, 3]])
    with pytest.raises(NotFittedError):
        NGrams(2, 3).log_probabilities([1, 2])
    with pytest.raises(InputError, match="order"):
        NGrams(0, 3)
