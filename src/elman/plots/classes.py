"""Figures of a classification, as plain plotly dicts with named colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from elman.counting import counted
from elman.plots import drawing
from elman.plots.colours import ink_on
from elman.plots.drawing import Figure

__all__ = ["confusion_figure", "relevance_figure", "reliability_figure"]


_BARS_SHARE = 0.3  # of the height, for the bars under a sequence
_FEW_ROWS = 5  # a share of fewer says little: no line goes there


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
            data += _reliability(name, colour, points)
    layout = drawing.layout("probability of the class named", "share that were right", ".0%")
    layout["xaxis"]["range"], layout["yaxis"]["range"] = [0, 1.02], [0, 1.04]
    layout["yaxis"]["tickformat"] = ".0%"
    return {"data": data, "layout": layout}


def _reliability(name: str, colour: str, points: Sequence[Mapping[str, float]]) -> list[Figure]:
    """A line through the bins, and faint points for those of so few rows that they jump about."""
    most = max(one["rows"] for one in points)
    parts = (
        ("lines+markers", 1.0, [one for one in points if one["rows"] >= _FEW_ROWS]),
        ("markers", 0.35, [one for one in points if one["rows"] < _FEW_ROWS]),
    )
    return [
        {
            "type": "scatter",
            "mode": mode,
            "name": name,
            "legendgroup": name,
            "showlegend": mode != "markers" or not parts[0][2],
            "opacity": opacity,
            "x": [one["confidence"] for one in shown],
            "y": [one["accuracy"] for one in shown],
            "line": {"color": colour, "width": 2},
            "marker": {
                "color": colour,
                "size": [5 + 11 * (one["rows"] / most) ** 0.5 for one in shown],
            },
            "text": [counted(int(one["rows"]), "row") for one in shown],
            "hovertemplate": "%{x:.0%} sure, %{y:.0%} right (%{text})<extra></extra>",
        }
        for mode, opacity, shown in parts
        if shown
    ]


def confusion_figure(matrix: Sequence[Sequence[int]], classes: Sequence[Any]) -> Figure:
    """Which class (row) was taken for which (column), as shares of the row."""
    names = [drawing.escaped(str(one)) for one in classes]
    totals = [max(sum(row), 1) for row in matrix]
    shares = [[cell / total for cell in row] for row, total in zip(matrix, totals, strict=True)]
    heat = {
        "type": "heatmap",
        "x": names,
        "y": names,
        "z": shares,
        "customdata": [list(row) for row in matrix],
        "hovertemplate": "%{y} taken for %{x}: %{customdata} (%{z:.0%})<extra></extra>",
        "colorscale": [[0, "@surface"], [1, "@network"]],
        "zmin": 0,
        "zmax": 1,
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
    }
    figures = _figures_in(names, matrix, shares) if len(classes) <= 12 else []
    layout = drawing.layout("named", "truth", legend=False)
    layout["yaxis"].update(autorange="reversed", showgrid=False, type="category")
    layout["xaxis"].update(type="category")
    return {"data": [heat, *figures], "layout": layout}


def _figures_in(
    names: Sequence[str], matrix: Sequence[Sequence[int]], shares: Sequence[Sequence[float]]
) -> list[Figure]:
    """The numbers in the fields, in a colour that can be read there."""
    fields = [
        (names[column], names[row], str(cell), ink_on(shares[row][column]))
        for row, cells in enumerate(matrix)
        for column, cell in enumerate(cells)
        if cell
    ]
    return [drawing.texts_in_fields(fields)] if fields else []


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
    above, below = _two_names(bars)
    data: list[Figure] = [
        {
            "type": "bar",
            "name": name,
            "x": steps,
            "y": [one if sign * one > 0 else None for one in total],
            "yaxis": "y2",
            "marker": {"color": colour},
            "hovertemplate": f"step %{{x}}: %{{y:.2f}}<extra>{name}</extra>",
        }
        for name, colour, sign in ((above, "@network", 1.0), (below, "@bad", -1.0))
        if any(sign * one > 0 for one in total)
    ]
    for name, one, colour in zip(channels, values, colours, strict=False):
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": drawing.escaped(name),
                "x": steps,
                "y": list(one),
                "line": {"color": colour, "width": 1.8},
            }
        )
    layout = drawing.layout("step", "value")
    layout["yaxis"]["domain"] = [_BARS_SHARE + 0.06, 1.0]
    layout["yaxis2"] = {
        "domain": [0.0, _BARS_SHARE],
        "anchor": "x",
        "showgrid": False,
        "zeroline": True,
        "zerolinecolor": "@muted",
        "showticklabels": False,
        "fixedrange": True,
    }
    layout["xaxis"]["anchor"] = "y2"
    layout["barmode"], layout["bargap"] = "relative", 0.1
    return {"data": data, "layout": layout}


def _two_names(bars: str) -> tuple[str, str]:
    """``"spoke for (or against)"`` -> ``"spoke for"`` and ``"spoke against"``, and the like."""
    first, _, rest = bars.partition(" (or ")
    other, _, tail = rest.partition(")")
    if not other:
        return bars, bars
    head = first.rpartition(" ")[0]
    return f"{first}{tail}", f"{head} {other}{tail}".strip()
