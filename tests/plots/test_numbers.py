"""Figures of estimated numbers."""

from __future__ import annotations

from elman.plots.numbers import estimates_figure, residuals_figure


def test_estimates_lie_about_the_diagonal_inside_their_bands() -> None:
    figure = estimates_figure([1.0, 2.0], [1.5, 1.8], [("80 %", 0.3), ("95 %", 0.7)])
    wide, narrow, right, points = figure["data"]
    assert [wide["name"], narrow["name"]] == ["95 %", "80 %"]  # the narrow one lies on top
    assert right["x"] == right["y"] and right["x"][0] < 1.0 and right["x"][1] > 2.0
    lower, upper = narrow["y"][:2], narrow["y"][:1:-1]
    for low, high, at in zip(lower, upper, right["x"], strict=True):
        assert (low, high) == (at - 0.3, at + 0.3)
    assert points["x"] == [1.0, 2.0] and points["y"] == [1.5, 1.8]


def test_figures_of_one_row_and_of_no_error() -> None:
    line = estimates_figure([3.0], [3.0])["data"][0]
    assert line["x"][0] < 3.0 < line["x"][1]
    bins = residuals_figure([0.0])["data"][0]["xbins"]
    assert bins["size"] > 0 and bins["start"] < 0 < bins["end"]


def test_every_error_has_a_bin() -> None:
    errors = [-2.0, -0.1, 0.0, 1.9]
    bins = residuals_figure(errors)["data"][0]["xbins"]
    assert bins["start"] <= min(errors) and max(errors) < bins["end"]
