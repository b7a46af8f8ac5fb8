"""The figures of an emulation: plain JSON that plotly takes, and what they must show."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest

from elman.plots import THEMES, coloured
from elman.plots.dynamics import (
    attractor_figure,
    growth_figure,
    histogram_figure,
    return_map_figure,
    rollout_figure,
    spectrum_figure,
    valid_time_figure,
)

LEAD = [0.1, 0.2, 0.3]
CURVE = {"median": [0.1, 0.2, 0.4], "low": [0.05, 0.1, 0.2], "high": [0.2, 0.4, 0.8]}
THREE = [[1.0, 2.0, 3.0]] * 3


def figures() -> dict[str, dict[str, Any]]:
    path = ([0.0, 1.0, None, 2.0], [1.0, 2.0, None, 3.0])
    return {
        "rollout": rollout_figure(LEAD, THREE, THREE, ["x", "<y>", "@z"], 0.2, "Lyapunov times"),
        "growth": growth_figure(LEAD, {"network": CURVE, "analog": CURVE, "new": CURVE}, 0.4, "s"),
        "valid": valid_time_figure([0.0, 1.0, 2.0], [3, 4], "s"),
        "attractor": attractor_figure(path, path, ("x", "z")),
        "spectrum": spectrum_figure(LEAD, LEAD, LEAD, "x"),
        "histogram": histogram_figure(LEAD, LEAD, LEAD, "x"),
        "return map": return_map_figure([(1.0, 2.0)], [(1.5, 2.5)], "z"),
    }


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", figures())
def test_they_are_plain_json_that_plotly_takes(name, theme):
    from plotly.graph_objects import Figure

    figure = figures()[name]
    drawn = Figure(coloured(json.loads(json.dumps(figure)), theme))
    assert len(drawn.data) == len(figure["data"])
    assert '"@' not in json.dumps(coloured(figure, theme))


def test_channels_lie_one_above_the_other_and_the_end_is_marked():
    layout = figures()["rollout"]["layout"]
    domains = [layout[axis]["domain"] for axis in ("yaxis", "yaxis2", "yaxis3")]
    assert all(low < high for low, high in domains)
    assert all(upper[0] > lower[1] for upper, lower in pairwise(domains))
    assert layout["yaxis2"]["title"]["text"] == "&lt;y&gt;"
    assert layout["shapes"][0]["x0"] == 0.2
    whole = rollout_figure(LEAD, THREE[:1], THREE[:1], ["x"], None, "s")
    assert "shapes" not in whole["layout"] and len(whole["data"]) == 2


def test_the_network_lies_on_top_with_its_band():
    data = figures()["growth"]["data"]
    assert data[-1]["name"] == "network" and data[-1]["y"] == CURVE["median"]
    assert data[1]["fill"] == "tonexty" and data[1]["y"] == CURVE["high"]
    assert figures()["growth"]["layout"]["yaxis"]["type"] == "log"
