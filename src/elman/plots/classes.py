"""Figures of a classification, as plain plotly dicts with named colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from elman.plots.figures import _escaped, _layout

__all__ = ["confusion_figure", "relevance_figure", "reliability_figure"]

Figure = dict[str, Any]


def reliability_figure(
    bins: Sequence[Mapping[str, float]], before: Sequence[Mapping[str, float]] = ()
) -> Figure:
    """Share of right answers against how sure they were; the diagonal is honest.

    Args:
        bins: ``confidence``, ``accuracy`` and ``rows`` of each bin.
        before: The same before calibration.
    """
    data: list[Figure] = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": "honest",
            "x": [0, 1],
            "y": [0, 1],
            "line": {"color": "@muted", "width": 1, "dash": "dash"},
            "hoverinfo": "skip",
        }
    ]
    for name, colour, points in (
        ("before calibration", "@repeat-last", before),
        ("calibrated", "@network", bins),
    ):
        if points:
            most = max(one["rows"] for one in points)
            data.append(
                {
                    "type": "scatter",
                    "mode": "lines+markers",
                    "name": name,
                    "x": [one["confidence"] for one in points],
                    "y": [one["accuracy"] for one in points],
                    "line": {"color": colour, "width": 2},
                    "marker": {
                        "color": colour,
                        "size": [5 + 11 * (one["rows"] / most) ** 0.5 for one in points],
                    },
                    "text": [f"{one['rows']} rows" for one in points],
                    "hovertemplate": "%{x:.0%} sure, %{y:.0%} right (%{text})<extra></extra>",
                }
            )
    layout = _layout("probability of the class named", "share that were right", ".0%")
    layout["xaxis"]["range"], layout["yaxis"]["range"] = [0, 1.02], [0, 1.04]
    layout["yaxis"]["tickformat"] = ".0%"
    return {"data": data, "layout": layout}


def confusion_figure(matrix: Sequence[Sequence[int]], classes: Sequence[Any]) -> Figure:
    """Which class (row) was taken for which (column), as shares of the row."""
    names = [_escaped(str(one)) for one in classes]
    totals = [max(sum(row), 1) for row in matrix]
    heat = {
        "type": "heatmap",
        "x": names,
        "y": names,
        "z": [[cell / total for cell in row] for row, total in zip(matrix, totals, strict=True)],
        "customdata": [list(row) for row in matrix],
        "hovertemplate": "%{y} taken for %{x}: %{customdata} (%{z:.0%})<extra></extra>",
        "colorscale": [[0, "@surface"], [1, "@network"]],
        "zmin": 0,
        "zmax": 1,
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
    }
    if len(classes) <= 12:
        heat["text"] = [[str(cell) if cell else "" for cell in row] for row in matrix]
        heat["texttemplate"] = "%{text}"
    layout = _layout("named", "truth", legend=False)
    layout["yaxis"].update(autorange="reversed", showgrid=False, type="category")
    layout["xaxis"].update(type="category")
    return {"data": [heat], "layout": layout}


def relevance_figure(
    values: Sequence[Sequence[float | None]],
    relevance: Sequence[Sequence[float]],
    channels: Sequence[str],
    bars: str = "spoke for (or against)",
) -> Figure:
    """A sequence, and under it how much each step spoke for the class that was named.

    Args:
        values: Of each of the few channels shown, over the steps.
        relevance: The same shape; summed over the channels for the bars.
        channels: Their names.
        bars: What the bars are called.
    """
    colours = ("@ink", "@repeat-last", "@seasonal-naive", "@drift")
    steps = list(range(1, len(values[0]) + 1))
    total = [sum(parts) for parts in zip(*relevance, strict=True)]
    data: list[Figure] = [
        {
            "type": "bar",
            "name": bars,
            "x": steps,
            "y": total,
            "yaxis": "y2",
            "marker": {"color": ["@network" if one >= 0 else "@bad" for one in total]},
            "opacity": 0.45,
        }
    ]
    for name, one, colour in zip(channels, values, colours, strict=False):
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": _escaped(name),
                "x": steps,
                "y": list(one),
                "line": {"color": colour, "width": 1.8},
            }
        )
    layout = _layout("step", "value")
    layout["yaxis2"] = {
        "overlaying": "y",
        "side": "right",
        "showgrid": False,
        "zeroline": True,
        "zerolinecolor": "@rule",
        "showticklabels": False,
        "fixedrange": True,
    }
    return {"data": data, "layout": layout}
