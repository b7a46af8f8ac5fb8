"""Measures of translations, and the baselines beside them."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.errors import InputError
from elman.evaluate import translation
from elman.evaluate.translation import (
    NearestSource,
    by_length,
    edit_distance,
    most_frequent,
    text_measures,
    token_measures,
)

WORDS = st.text("abc", max_size=7)


@pytest.mark.parametrize(
    ("one", "other", "edits"),
    [("", "", 0), ("", "abc", 3), ("kitten", "sitting", 3), ("flaw", "lawn", 2), ("ab", "ab", 0)],
)
def test_edit_distances_that_are_known(one: str, other: str, edits: int) -> None:
    assert edit_distance(one, other) == edits


@given(WORDS, WORDS, WORDS)
def test_edit_distance_is_a_distance(one: str, two: str, three: str) -> None:
    assert edit_distance(one, two) == edit_distance(two, one)
    assert (edit_distance(one, two) == 0) == (one == two)
    assert edit_distance(one, three) <= edit_distance(one, two) + edit_distance(two, three)
    assert abs(len(one) - len(two)) <= edit_distance(one, two) <= max(len(one), len(two))


def test_token_measures_by_hand() -> None:
    found = token_measures([list("abc"), list("xb"), []], [list("abc"), list("abcd"), list("z")])
    assert found == pytest.approx(
        {"exact_match": 1 / 3, "token_accuracy": (3 + 1 + 0) / 8, "token_error_rate": 4 / 8}
    )


def test_bleu_and_chrf_are_those_of_sacrebleu() -> None:
    sacrebleu = pytest.importorskip("sacrebleu")
    answers, truth = ["the cat sat on the mat", "a b c d e"], ["the cat sat on a mat", "a b d e f"]
    found = text_measures(answers, truth, "words")
    assert found["bleu"] == pytest.approx(sacrebleu.corpus_bleu(answers, [truth]).score)
    assert found["chrf"] == pytest.approx(sacrebleu.corpus_chrf(answers, [truth]).score)
    by_letter = text_measures(["2019-01-02"], ["2019-01-03"], "characters")["bleu"]
    assert by_letter is not None and 50 < by_letter < 100
    short = text_measures(["317"], ["317"], "characters")
    assert short["bleu"] is None and short["chrf"] == 100.0


def test_without_sacrebleu_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(translation, "find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    with pytest.raises(InputError, match=r"pip install \"elman\[translate\]\""):
        text_measures(["a"], ["a"], "words")


def test_groups_by_length_hold_every_row_once() -> None:
    rng = np.random.default_rng(0)
    lengths, exact = rng.integers(1, 40, 300), rng.random(300) < 0.5
    groups = by_length(exact, lengths)
    assert len(groups) <= 8 and sum(one["rows"] for one in groups) == 300
    assert sum(one["rows"] * one["exact_match"] for one in groups) == pytest.approx(exact.sum())
    ends = [end for one in groups for end in (one["from"], one["to"])]
    assert ends == sorted(ends)
    few = by_length(np.array([True, False, True]), np.array([3, 3, 5]))
    assert few == [
        {"from": 3, "to": 3, "rows": 2, "exact_match": 0.5},
        {"from": 5, "to": 5, "rows": 1, "exact_match": 1.0},
    ]


def test_the_most_frequent_target_is_the_first_of_equals() -> None:
    assert most_frequent([["b"], ["a"], ["a"], ["b"]]) == ["b"]
    assert most_frequent([["b"], ["a"], ["a"]]) == ["a"]


def test_the_nearest_source_is_the_one_that_shares_most() -> None:
    sources = ["5 March 2019", "7 April 1999", "aaaa", "aa", ""]
    nearest = NearestSource([list(s) for s in sources], [[n] for n in range(5)])
    for asked, best in (("5 march 2018", 0), ("17 April 1999", 1), ("aaaaa", 2), ("aa", 3)):
        assert nearest.answer(list(asked)) == [best]
    assert nearest.answer([]) == [4]
    assert NearestSource([["a"], ["b"]], [["first"], ["second"]], most=1).answer(["b"]) == ["first"]
