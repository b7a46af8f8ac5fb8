"""What figures are drawn with: axes, lines, points and texts, as plain plotly dicts.

They are built without importing plotly, whose figure classes take longer to import than a small
network takes to train; :func:`elman.plots.coloured` makes them ready for
``plotly.graph_objects.Figure``. Values are lists in which None stands for a missing value, times
are numbers or ISO 8601 texts without a zone. Colours are named, after an @.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = [
    "Figure",
    "Times",
    "Values",
    "escaped",
    "layout",
    "line",
    "points",
    "texts_in_fields",
    "time_layout",
    "upright",
]

Figure = dict[str, Any]
Values = Sequence[float | None]
Times = Sequence[Any]


def layout(x_title: str, y_title: str, x_format: str | None = None, legend: bool = True) -> Figure:
    """The layout of a figure with one pair of axes.

    Args:
        x_title: what the horizontal axis shows.
        y_title: what the vertical axis shows.
        x_format: how plotly writes the numbers of the horizontal axis.
        legend: whether there is room for a legend.
    """
    axis: Figure = {
        "showgrid": False,
        "zeroline": False,
        "linecolor": "@rule",
        "tickcolor": "@rule",
        "ticks": "outside",
        "ticklen": 5,
        "automargin": True,
        "title": {"text": escaped(x_title), "standoff": 8, "font": {"size": 13}},
    }
    if x_format is not None:
        axis.update(tickformat=x_format, hoverformat=x_format)
    return {
        "autosize": True,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 56, "r": 12, "t": 34 if legend else 14, "b": 44},
        "showlegend": legend,
        "font": {"color": "@muted", "size": 13},
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": "@muted", "activecolor": "@network"},
        "hoverlabel": {
            "bgcolor": "@surface",
            "bordercolor": "@rule",
            "font": {"color": "@ink", "size": 13},
        },
        "legend": {
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": 1.02,
            "yanchor": "bottom",
            "bgcolor": "rgba(0,0,0,0)",
            "font": {"color": "@ink", "size": 13},
        },
        "xaxis": axis,
        "yaxis": {
            "gridcolor": "@grid",
            "zeroline": False,
            "zerolinecolor": "@muted",
            "zerolinewidth": 1,
            "automargin": True,
            "ticks": "",
            "title": {"text": escaped(y_title), "standoff": 10, "font": {"size": 13}},
        },
    }


def time_layout(times: Times, label: str, y_title: str, legend: bool = True) -> Figure:
    """The layout of a figure over time: dates speak for themselves, numbers are named.

    Whole numbers (years, counters) are written without thousands separators.
    """
    dates = len(times) and isinstance(times[0], str)
    counted = len(times) and all(isinstance(one, int) for one in times)
    return layout("" if dates else label, y_title, "d" if counted else None, legend)


def line(name: str, x: Times, y: Values, colour: str, width: float = 2.0) -> Figure:
    """A line through values, broken where one is missing."""
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": list(x),
        "y": list(y),
        "line": {"color": colour, "width": width},
    }


def points(name: str, x: Times, y: Values, colour: str, showlegend: bool = True) -> Figure:
    """Values as points."""
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": list(x),
        "y": list(y),
        "marker": {"color": colour, "size": 5},
        "showlegend": showlegend,
    }


def texts_in_fields(fields: Sequence[tuple[Any, Any, str, str]]) -> Figure:
    """Texts over a heat map.

    Args:
        fields: Of each field its places on the two axes, the text, and its colour.
    """
    return {
        "type": "scatter",
        "mode": "text",
        "x": [x for x, _, _, _ in fields],
        "y": [y for _, y, _, _ in fields],
        "text": [text for _, _, text, _ in fields],
        "textfont": {"size": 13, "color": [colour for _, _, _, colour in fields]},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def upright(x: Any) -> Figure:
    """A dotted line from bottom to top at one x."""
    return {
        "type": "line",
        "x0": x,
        "x1": x,
        "y0": 0,
        "y1": 1,
        "yref": "paper",
        "line": {"color": "@muted", "width": 1, "dash": "dot"},
    }


def escaped(text: str) -> str:
    """Text that plotly shows as it is: it reads some HTML, and a leading @ would name a colour."""
    plain = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"&#64;{plain[1:]}" if plain.startswith("@") else plain
