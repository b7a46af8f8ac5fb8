"""Measures of labels and spans against what conlleval prints, and against hand counts."""

from __future__ import annotations

import itertools

import pytest

from elman.evaluate.labels import label_measures, scheme_of, span_measures, spans_of
from elman.evaluate.taggers import FrequentLabel, most_frequent


@pytest.mark.parametrize(
    ("labels", "spans"),
    [
        ("O O", []),
        ("B-x I-x O", [(0, 2, "x")]),
        ("I-x I-x O", [(0, 2, "x")]),  # IOB1
        ("I-x B-x I-x", [(0, 1, "x"), (1, 3, "x")]),  # IOB1: B parts two of a kind
        ("B-x B-x", [(0, 1, "x"), (1, 2, "x")]),
        ("B-x I-y I-y", [(0, 1, "x"), (1, 3, "y")]),  # the type changes
        ("O I-x", [(1, 2, "x")]),
        ("S-x S-x B-y E-y", [(0, 1, "x"), (1, 2, "x"), (2, 4, "y")]),
        ("B-x E-x I-x", [(0, 2, "x"), (2, 3, "x")]),  # after an end another begins
        ("B-x I-x E-x E-x", [(0, 3, "x"), (3, 4, "x")]),
        ("U-x B-y L-y", [(0, 1, "x"), (1, 3, "y")]),  # BILOU
        ("B-a-b I-a-b", [(0, 2, "a-b")]),
        ("what B-x", [(1, 2, "x")]),
        ("", []),
    ],
)
def test_spans_as_conlleval_reads_them(labels: str, spans: list[tuple[int, int, str]]) -> None:
    assert spans_of(labels.split()) == spans


def conlleval(truth: list[str], named: list[str]) -> tuple[int, int, int]:
    """Correct, in truth, and found, by the rules of conlleval's own loop over the tokens."""

    def parts(label: str) -> tuple[str, str]:
        mark, _, kind = label.partition("-")
        return mark, kind

    def ends(before: tuple[str, str], after: tuple[str, str]) -> bool:
        (mark, kind), (next_mark, next_kind) = before, after
        if mark in "ES" and mark != "O":
            return True
        if mark in ("B", "I") and next_mark in ("B", "S", "O"):
            return True
        return mark != "O" and kind != next_kind

    def starts(before: tuple[str, str], after: tuple[str, str]) -> bool:
        (mark, kind), (next_mark, next_kind) = before, after
        if next_mark in ("B", "S"):
            return True
        if mark in ("E", "S", "O") and next_mark in ("E", "I"):
            return True
        return next_mark != "O" and kind != next_kind

    correct = actual = found = 0
    inside = False
    last = last_named = ("O", "")
    for one, other in itertools.chain(zip(truth, named, strict=True), [("O", "O")]):
        now, now_named = parts(one), parts(other)
        if inside:
            end, end_named = ends(last, now), ends(last_named, now_named)
            if end and end_named:
                correct, inside = correct + (last[1] == last_named[1]), False
            elif end != end_named or now[1] != now_named[1]:
                inside = False
        start, start_named = starts(last, now), starts(last_named, now_named)
        if start and start_named and now[1] == now_named[1]:
            inside = True
        actual, found = actual + start, found + start_named
        last, last_named = now, now_named
    return correct, actual, found


@pytest.mark.parametrize("marks", ["BI", "BIES"])
def test_counts_are_those_of_conlleval_on_everything_short(marks: str) -> None:
    labels = ["O", *(f"{mark}-{kind}" for mark in marks for kind in "xy")][:7]
    for truth in itertools.product(labels[:5], repeat=3):
        for named in itertools.product(labels, repeat=3):
            found = span_measures([truth], [named])
            expected = conlleval(list(truth), list(named))
            assert (found["right"], found["support"], found["named"]) == expected, (truth, named)


def test_schemes() -> None:
    assert scheme_of(["O", "B-x", "I-x"]) == "IOB"
    assert scheme_of(["O", "I-x"]) == "IOB"
    assert scheme_of(["O", "B-x", "E-x", "S-y"]) == "BIOES"
    assert scheme_of(["O", "B-x", "L-x", "U-x"]) == "BIOES"
    for labels in (["NOUN", "VERB"], ["O"], [0, 1], ["O", "B-"], ["B-x", "NOUN"], [True, False]):
        assert scheme_of(labels) is None


def test_measures_by_hand() -> None:
    truth = [["B-x", "I-x", "O", "B-y"], ["O", "B-x"]]
    named = [["B-x", "I-x", "O", "O"], ["B-x", "B-x"]]
    found = label_measures(truth, named)
    assert found["accuracy"] == pytest.approx(4 / 6)
    assert found["sequences"] == 0.0
    spans = found["spans"]
    assert (spans["right"], spans["support"], spans["named"]) == (2, 3, 3)
    assert spans["f1"] == found["span_f1"] == pytest.approx(2 / 3)
    of = {one["label"]: one for one in spans["types"]}
    assert of["y"]["recall"] == 0.0 and of["y"]["precision"] == 0.0 and of["y"]["f1"] == 0.0
    assert of["x"]["precision"] == pytest.approx(2 / 3) and of["x"]["recall"] == 1.0
    each = {one["label"]: one for one in found["labels"]}
    assert each["O"]["precision"] == pytest.approx(1 / 2) and each["O"]["support"] == 2
    f1 = [each[one]["f1"] for one in ("B-x", "I-x", "O", "B-y")]
    assert found["macro_f1"] == pytest.approx(sum(f1) / 4)


def test_empty_sequences_count_nothing_and_plain_labels_have_no_spans() -> None:
    found = label_measures([[], ["a"], ["b"]], [[], ["a"], ["b"]])
    assert found["sequences"] == 1.0 and found["spans"] is None and found["span_f1"] is None


def test_the_most_frequent_label_of_a_word_and_of_all() -> None:
    rival = FrequentLabel([["a", "b", "a"], ["a", "b"]], [["x", "y", "z"], ["x", "y"]])
    assert rival.predict([["b", "a", "new"]]) == [["y", "x", "x"]]
    assert most_frequent([["y"], ["x", "y"]]) == "y"
