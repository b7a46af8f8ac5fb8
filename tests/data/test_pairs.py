"""Pairs of token sequences: what is read as tokens, their numbers, their batches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from elman.data.pairs import END, Lexicon, PairBatches, as_token_rows, join_tokens
from elman.errors import InputError


def test_texts_and_lists_become_tokens() -> None:
    assert as_token_rows("X", ["ab", ""], "characters") == ([["a", "b"], []], "characters")
    assert as_token_rows("X", ("Go, now!",), "words") == ([["go", ",", "now", "!"]], "words")
    lists = [["a", 3], (), np.array([1, 2])]
    assert as_token_rows("X", lists, "words") == ([["a", 3], [], [1, 2]], "tokens")
    assert as_token_rows("X", [], "words") == ([], "tokens")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("text", "expected a list of texts"),
        (3, "expected a list of texts"),
        (["a", ["b"]], "row 0 is str and row 1 is list"),
        ([["b"], "a"], "row 0 is list and row 1 is str"),
        ([3, 4], "row 0 is int"),
        ([["a", 1.5]], "row 0 has float 1.5"),
        ([["a"], [True]], "row 1 has bool"),
        ([["a"], None], "row 1 is NoneType"),
    ],
)
def test_what_is_neither_is_refused(rows: Any, message: str) -> None:
    with pytest.raises(InputError, match=f"^X: .*{message}"):
        as_token_rows("X", rows, "characters")


def test_tokens_are_joined_as_they_are_read() -> None:
    assert join_tokens(["a", " ", "b"], "characters") == "a b"
    assert join_tokens(["go", "(", "now", ")", ",", "please", "."], "words") == "go (now), please."
    assert join_tokens((1, "b"), "tokens") == [1, "b"]


def test_a_lexicon_numbers_tokens_from_two() -> None:
    lexicon = Lexicon.fit([["b", "a", 7], ["b"], ["c", 7]], 2)
    assert lexicon.tokens == [7, "b"] and lexicon.rare == ["a", "c"] and lexicon.size == 4
    assert [one.tolist() for one in lexicon.encode([["b", "z", 7], []])] == [[3, 0, 2], []]
    assert lexicon.decode([3, 0, 2, END]) == ["b", 7]
    assert lexicon.unseen([["z", "a", "b"], ["z", "y"]]) == ["z", "y"]


@pytest.mark.parametrize("size", [1, 3, 50])
def test_every_pair_is_in_an_epoch_once_with_its_own_target(size: int) -> None:
    rng = np.random.default_rng(0)
    sources = [rng.integers(2, 9, n) for n in rng.integers(0, 7, 40)]
    targets = [rng.integers(2, 9, n) for n in rng.integers(0, 5, 40)]
    batches = PairBatches(sources, targets, 9, size)
    seen: list[int] = []
    for batch in batches.epoch(np.random.default_rng(1)):
        seen += batch.rows.tolist()
        for place, row in enumerate(batch.rows.tolist()):
            said = len(targets[row])
            assert batch.x[: said + 1, place].tolist() == [9, *targets[row]]
            assert batch.target[: said + 1, place, 0].tolist() == [*targets[row], END]
            among = batch.order[place]
            assert batch.source.rows[among] == row
            length = len(sources[row])
            assert batch.source.x[:length, among].tolist() == sources[row].tolist()
    assert sorted(seen) == list(range(40)) and len(batches) == -(-40 // size)


def test_shuffled_batches_hold_pairs_of_like_length() -> None:
    rng = np.random.default_rng(0)
    sources = [np.full(n, 2) for n in rng.integers(1, 30, 400)]
    targets = [np.full(n, 2) for n in rng.integers(1, 30, 400)]
    batches = PairBatches(sources, targets, 9, 20)
    spreads = []
    for batch in batches.epoch(rng):
        lengths = [len(sources[row]) for row in batch.rows]
        spreads.append(max(lengths) - min(lengths))
    assert np.mean(spreads) < 3
    orders = [[b.rows.tolist() for b in batches.epoch(np.random.default_rng(s))] for s in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]
