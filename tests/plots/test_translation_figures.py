"""Figures of a translation."""

from __future__ import annotations

from elman.plots.translation import attention_figure, length_figure


def test_attention_has_a_row_for_each_token_and_the_end() -> None:
    weights = [[0.25, 0.75, 0.0], [0.0, 0.5, 0.5], [1.0, 0.0, 0.0]]
    figure = attention_figure(weights, ["a", " ", "<b>"], ["x", "y"])
    (heat,) = figure["data"]
    assert heat["z"] == weights
    assert figure["layout"]["yaxis"]["ticktext"] == ["x", "y", "(end)"]
    assert figure["layout"]["yaxis"]["autorange"] == "reversed"
    shown = figure["layout"]["xaxis"]["ticktext"]
    assert shown[:2] == ["a", "␣"] and "<b>" not in shown[2]
    assert heat["customdata"][1][0] == "y reads a"


def test_lengths_are_named_by_their_span() -> None:
    groups = [
        {"from": 3, "to": 3, "rows": 4, "exact_match": 1.0},
        {"from": 4, "to": 7, "rows": 8, "exact_match": 0.5},
    ]
    (bars,) = length_figure(groups)["data"]
    assert bars["x"] == ["3", "4 to 7"] and bars["y"] == [1.0, 0.5]
    assert bars["text"] == ["100%", "50%"] and bars["customdata"] == [4, 8]
