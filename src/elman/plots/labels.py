"""Figures of labels at every step, as plain plotly dicts with named colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from elman.plots import drawing
from elman.plots.drawing import Figure

__all__ = ["HUES", "segments_figure"]


HUES = (
    *("@network", "@repeat-last", "@seasonal-naive", "@drift"),
    *("@mean", "@naive2", "@linear", "@good"),
)
"""The colours of labels, in order; more labels begin again."""


def segments_figure(
    values: Sequence[Sequence[float | None]],
    truth: Sequence[int],
    named: Sequence[int],
    labels: Sequence[Any],
    channels: Sequence[str],
) -> Figure:
    """A sequence of numbers, and over it two ribbons: the labels that are true, and those named.

    Args:
        values: Of each of the few channels shown, over the steps.
        truth: The number of the true label of each step.
        named: The number of the label that it was given.
        labels: Their names.
        channels: The names of the channels.
    """
    steps = list(range(1, len(truth) + 1))
    ground = ("@ink", "@muted", "@rule")
    data: list[Figure] = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": drawing.escaped(name),
            "x": steps,
            "y": list(one),
            "line": {"color": colour, "width": 1.6},
        }
        for name, one, colour in zip(channels, values, ground, strict=False)
    ]
    number = max(len(labels), 2)
    colours = [HUES[place % len(HUES)] for place in range(number)]
    scale = [
        [edge / number, colour]
        for place, colour in enumerate(colours)
        for edge in (place, place + 1)
    ]
    data.append(
        {
            "type": "heatmap",
            "x": steps,
            "y": ["named", "truth"],
            "z": [list(named), list(truth)],
            "zmin": -0.5,
            "zmax": number - 0.5,
            "colorscale": scale,
            "showscale": False,
            "ygap": 2,
            "yaxis": "y2",
            "text": [[drawing.escaped(str(labels[one])) for one in row] for row in (named, truth)],
            "hovertemplate": "step %{x}, %{y}: %{text}<extra></extra>",
        }
    )
    for place in sorted({*truth, *named}):  # the legend of the ribbons
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": drawing.escaped(str(labels[place])),
                "x": [None],
                "y": [None],
                "marker": {"color": colours[place], "symbol": "square", "size": 11},
            }
        )
    layout = drawing.layout("step", "value")
    layout["yaxis"]["domain"] = [0, 0.72]
    layout["yaxis2"] = {
        "domain": [0.78, 1],
        "type": "category",
        "showgrid": False,
        "fixedrange": True,
        "automargin": True,
    }
    return {"data": data, "layout": layout}
