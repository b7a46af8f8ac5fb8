"""Figures of a translation, as plain plotly dicts with named colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from elman.plots import drawing
from elman.plots.drawing import Figure

__all__ = ["attention_figure", "length_figure"]


def attention_figure(
    weights: Sequence[Sequence[float]], source: Sequence[str], target: Sequence[str]
) -> Figure:
    """How much each token of a target (row) read each token of its source (column).

    Args:
        weights: From 0 to 1, a row for each token of the target, and one for its end.
        source: Tokens of the source.
        target: Tokens of the target.
    """
    rows = [*(_shown(token) for token in target), "(end)"]
    columns = [_shown(token) for token in source]
    heat = {
        "type": "heatmap",
        "x": list(range(len(columns))),
        "y": list(range(len(rows))),
        "z": [list(row) for row in weights],
        "colorscale": [[0, "@surface"], [1, "@network"]],
        "zmin": 0,
        "zmax": 1,
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
        "customdata": [[f"{row} reads {column}" for column in columns] for row in rows],
        "hovertemplate": "%{customdata}: %{z:.0%}<extra></extra>",
    }
    layout = drawing.layout("source", "answer", legend=False)
    for axis, labels in (("xaxis", columns), ("yaxis", rows)):
        layout[axis].update(
            tickmode="array", tickvals=list(range(len(labels))), ticktext=labels, showgrid=False
        )
    layout["xaxis"]["tickangle"] = 0 if all(len(label) == 1 for label in columns) else 45
    layout["yaxis"]["autorange"] = "reversed"
    return {"data": [heat], "layout": layout}


def length_figure(groups: Sequence[Mapping[str, Any]]) -> Figure:
    """The share of right answers by the length of the source.

    Args:
        groups: ``from``, ``to``, ``rows`` and ``exact_match`` of each.
    """
    names = [
        f"{one['from']}" if one["from"] == one["to"] else f"{one['from']} to {one['to']}"
        for one in groups
    ]
    bars = {
        "type": "bar",
        "x": names,
        "y": [one["exact_match"] for one in groups],
        "marker": {"color": "@network"},
        "text": [f"{one['exact_match']:.0%}" for one in groups],
        "textposition": "auto",
        "customdata": [one["rows"] for one in groups],
        "hovertemplate": "%{x} tokens: %{y:.1%} of %{customdata} rows<extra></extra>",
    }
    layout = drawing.layout("tokens of the source", "share answered exactly", legend=False)
    layout["xaxis"]["type"] = "category"
    layout["yaxis"].update(range=[0, 1.02], tickformat=".0%")
    return {"data": [bars], "layout": layout}


def _shown(token: str) -> str:
    """A token as a label: a blank would not be seen."""
    return "␣" if token.isspace() else drawing.escaped(token)
