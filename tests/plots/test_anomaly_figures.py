"""Figures of anomalies: what they hold, and that plotly takes them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import plotly.graph_objects as go
import pytest

from elman.plots import coloured
from elman.plots.anomalies import close_up_figure, code_figure, score_histogram, watch_figure


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_plotly_takes_them_all(theme):
    times = [f"2024-01-01T{hour:02d}:00:00" for hour in range(10)]
    values = [1.0, None, *range(8)]
    figures = [
        watch_figure(
            times,
            {"a": values, "b": values},
            values,
            [2.0] * 10,
            [(times[3], times[5])],
            [(times[4], times[6])],
            times[2],
        ),
        close_up_figure(times, values, values, (times[2], times[4]), "a"),
        code_figure({"normal": ([0.0], [1.0]), "odd": ([2.0], [3.0])}, ("x", "y")),
        score_histogram([0.5, 1.0, 1.5], [0.7, 9.0, None], 2.0),
    ]
    for figure in figures:
        drawn = go.Figure(coloured(figure, theme))
        assert "@" not in drawn.to_json()


def test_each_channel_has_its_band_and_stretches_are_shaded():
    figure = watch_figure(
        [0, 1, 2, 3],
        {"a": [1, 2, 3, 4], "b": [4, 3, 2, 1]},
        [0, 0, 5, 0],
        [2.0] * 4,
        [(2, 2)],
        [(1, 2)],
        1,
    )
    layout = figure["layout"]
    bands = [layout[name]["domain"] for name in ("yaxis", "yaxis3", "yaxis2")]
    assert all(low[1] <= high[0] for low, high in pairwise(bands))
    rectangles = [one for one in layout["shapes"] if one["type"] == "rect"]
    assert [(one["x0"], one["x1"]) for one in rectangles] == [(1, 2), (2, 2)]
    assert next(one for one in figure["data"] if one["name"] == "threshold")["y"] == [2.0] * 4
    assert "labelled" not in {
        one.get("name") for one in watch_figure([0], {"a": [1]}, [0], [1.0], [])["data"]
    }


def test_a_histogram_holds_shares():
    figure = score_histogram(list(np.linspace(0.5, 2, 50)), [1.0, 4.0], 1.9)
    for one in figure["data"]:
        assert sum(one["y"]) == pytest.approx(1.0)


def test_labels_lie_above_every_channel_and_findings_over_all_of_them():
    figure = watch_figure([0, 1], {"a": [1, 2]}, [0, 1], [2.0] * 2, [(0, 1)], [(0, 1)])
    label, found = [one for one in figure["layout"]["shapes"] if one["type"] == "rect"]
    top = figure["layout"]["yaxis2"]["domain"][1]
    assert label["y0"] >= top and found["y0"] == 0.0 and found["y1"] >= top
    assert [one["text"] for one in figure["layout"]["annotations"]] == ["<b>score</b>", "<b>a</b>"]


def test_a_logarithmic_axis_has_several_round_ticks():
    ticks = score_histogram([0.5, 1.0, 1.5], [0.7, 6.0], 2.0)["layout"]["xaxis"]["ticktext"]
    assert len(ticks) >= 3 and "1" in ticks and "5" in ticks
