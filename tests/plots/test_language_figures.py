"""Figures of a language model: what stands where."""

from __future__ import annotations

import pytest

from elman.plots.colours import ink_on
from elman.plots.language import learning_figure, next_symbol_figure, surprise_figure


def test_the_learning_curve_stands_among_its_rivals():
    figure = learning_figure([2.0, 1.5], [2.5, 1.4], {"5-gram": 1.7, "unigram": 4.2})
    names = [one["name"] for one in figure["data"]]
    assert names == ["network, while training", "network, held out", "5-gram", "unigram"]
    assert list(figure["data"][1]["y"]) == [2.0, 1.5]
    assert list(figure["data"][2]["y"]) == [1.7, 1.7]
    assert figure["layout"]["yaxis"]["type"] == "log"


def test_surprise_names_every_place():
    figure = surprise_figure(["a", "<", "⏎"], [0.5, 3.0, 0.1], [1.0, 2.0, 0.2], "5-gram")
    bars, line = figure["data"]
    assert bars["y"] == [0.5, 3.0, 0.1] and list(line["y"]) == [1.0, 2.0, 0.2]
    assert figure["layout"]["xaxis"]["ticktext"] == ["a", "&lt;", "⏎"]


def test_what_may_come_next_ranks_and_marks_what_came():
    figure = next_symbol_figure(
        ["b", "a"],
        [["a", "b"], ["a", "c"]],
        [[0.6, 0.4], [0.999, 0.001]],
        [[False, True], [True, False]],
    )
    heat, letters = figure["data"]
    assert heat["text"] == [["a", "a"], ["b", "c"]]
    assert letters["text"] == ["a", "<b>b</b>", "<b>a</b>", ""]
    assert letters["textfont"]["color"] == [ink_on(one) for one in (0.6, 0.4, 0.999, 0.001)]
    assert heat["z"] == [pytest.approx([0.6, 0.999]), pytest.approx([0.4, 0.001])]
    assert figure["layout"]["yaxis"]["autorange"] == "reversed"
