"""Figures of anomalies in series, as plain plotly dicts with named colours."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from elman.plots import drawing
from elman.plots.drawing import Figure, Values

__all__ = ["close_up_figure", "code_figure", "score_histogram", "watch_figure"]

Span = tuple[Any, Any]

_GAP = 0.035  # between the bands of a figure, of its height
_SCORE_SHARE = 0.3  # of the height, for the score
_RIBBON = 0.06  # of the height, for what is labelled
_MOST_BINS = 60


def watch_figure(
    times: Sequence[Any],
    channels: Mapping[str, Values],
    scores: Values,
    threshold: Values,
    found: Sequence[Span],
    labelled: Sequence[Span] = (),
    normal_until: Any = None,
    time_label: str = "",
) -> Figure:
    """A series, channel under channel, with what looks odd in it; below, the score of each step.

    Args:
        times: Of the steps: numbers or ISO 8601 texts.
        channels: Name -> values, few of them.
        scores: Of the steps.
        threshold: At each step; above it there is an alarm.
        found: First and last time of each stretch that looks odd.
        labelled: The same of each that is labelled.
        normal_until: Where the part taken as normal ends, or ``None``.
        time_label: What the time is, for an axis of numbers.
    """
    ribbon = _RIBBON if labelled else 0.0
    height = (1.0 - ribbon - _SCORE_SHARE) / len(channels)
    layout = drawing.layout(time_label, "")
    names = [_over("score", _SCORE_SHARE - _GAP)]
    layout["xaxis"].update(anchor="y", domain=[0, 1])
    layout["yaxis"].update(domain=[0, _SCORE_SHARE - _GAP], rangemode="tozero")
    score = drawing.line("score", times, scores, "@network", width=1.4)
    score["hovertemplate"] = "%{x}: score %{y:.3~g}<extra></extra>"
    limit = drawing.line("threshold", times, threshold, "@bad", width=1.5)
    limit["line"]["dash"] = "dash"
    data = [score, limit]
    for number, (name, values) in enumerate(channels.items()):
        axis = f"y{number + 2}"
        top = 1.0 - ribbon - number * height
        layout[f"yaxis{number + 2}"] = {
            **layout["yaxis"],
            "domain": [top - height + _GAP / 2, top],
            "anchor": "x",
            "rangemode": "normal",
            "title": {"text": ""},
            "nticks": 4,
        }
        names.append(_over(name, top))
        line = drawing.line(name, times, values, "@ink", width=1.2)
        data.append({**line, "yaxis": axis, "showlegend": False})
    data += [
        _key("looks odd", "@repeat-last", 0.30),
        *([_key("labelled", "@seasonal-naive", 0.30)] if labelled else []),
    ]
    shapes = [drawing.upright(normal_until)] if normal_until is not None else []
    shapes += [_shade(one, "@seasonal-naive", 0.75, 1.0 - 0.7 * ribbon, 1.0) for one in labelled]
    shapes += [_shade(one, "@repeat-last", 0.30, 0.0, 1.0 - ribbon) for one in found]
    layout["shapes"], layout["annotations"] = shapes, names
    return {"data": data, "layout": layout}


def _over(name: str, top: float) -> Figure:
    """The name of a band, written in its upper left corner: there is room at any width."""
    return {
        "text": f"<b>{drawing.escaped(name)}</b>",
        "xref": "paper",
        "yref": "paper",
        "x": 0.005,
        "y": top,
        "xanchor": "left",
        "yanchor": "top",
        "showarrow": False,
        "bgcolor": "@surface",
        "opacity": 0.85,
        "font": {"size": 12},
    }


def close_up_figure(
    times: Sequence[Any],
    truth: Values,
    reconstruction: Values,
    found: Span,
    value_label: str,
    time_label: str = "",
) -> Figure:
    """Around one anomaly: what was measured beside what the network gives back.

    Args:
        times: Of the steps shown.
        truth: What was measured.
        reconstruction: What the network gives back.
        found: First and last time of the stretch.
        value_label: The channel.
        time_label: What the time is, for an axis of numbers.
    """
    layout = drawing.layout(time_label, value_label)
    layout["shapes"] = [_shade(found, "@repeat-last", 0.22, 0.0, 1.0)]
    return {
        "data": [
            drawing.line("measured", times, truth, "@ink", width=1.8),
            drawing.line("given back", times, reconstruction, "@network", width=2.0),
        ],
        "layout": layout,
    }


def code_figure(groups: Mapping[str, tuple[Values, Values]], axes: tuple[str, str]) -> Figure:
    """The codes of windows in the plane where they spread most, by kind of window.

    Args:
        groups: ``"normal"``, ``"later"`` and ``"odd"``, in this order: the two coordinates.
        axes: Titles of the axes.
    """
    looks = {
        "normal": ("@muted", "circle", 0.35),
        "later": ("@network", "circle", 0.55),
        "odd": ("@repeat-last", "diamond", 0.9),
    }
    data = []
    for name, (x, y) in groups.items():
        colour, symbol, opacity = looks.get(name, looks["later"])
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": name,
                "x": list(x),
                "y": list(y),
                "marker": {"color": colour, "symbol": symbol, "size": 6, "opacity": opacity},
                "hovertemplate": f"{name}<extra></extra>",
            }
        )
    return {"data": data, "layout": drawing.layout(*axes)}


def score_histogram(normal: Values, later: Values, threshold: float) -> Figure:
    """Scores of held-out normal steps, and of those judged, on a logarithmic axis.

    Args:
        normal: Those the threshold rests on.
        later: Those judged with it.
        threshold: Above it there is an alarm.
    """
    groups = {
        name: np.log10([max(one, 1e-6) for one in values if one is not None] or [0.0])
        for name, values in (("held-out normal", normal), ("judged", later))
    }
    joined = np.concatenate([*groups.values(), [math.log10(max(threshold, 1e-6))]])
    edges = np.linspace(joined.min(), joined.max() + 1e-9, _MOST_BINS + 1)
    centers = 10 ** ((edges[:-1] + edges[1:]) / 2)
    data = []
    for (name, values), colour in zip(groups.items(), ("@muted", "@network"), strict=True):
        share = np.histogram(values, edges)[0] / len(values)
        bars = drawing.line(name, [_short(one) for one in centers], share.tolist(), colour)
        bars["line"]["shape"] = "hvh"
        bars["fill"] = "tozeroy"
        bars["hovertemplate"] = f"{name}: %{{y:.1%}} near %{{x:.3~g}}<extra></extra>"
        data.append(bars)
    layout = drawing.layout("score", "share of the steps")
    layout["xaxis"].update(type="log", tickmode="array", **_round_ticks(edges[0], edges[-1]))
    layout["yaxis"].update(tickformat=".0%", rangemode="tozero")
    layout["shapes"] = [{**drawing.upright(threshold), "line": {"color": "@bad", "width": 1.5}}]
    return {"data": data, "layout": layout}


def _round_ticks(low: float, high: float) -> Figure:
    """Round numbers to write along a logarithmic axis between two decimal logarithms."""
    wide = high - low > 2.5
    digits = (1,) if wide else (1, 2, 5) if high - low > 0.8 else (1, 1.5, 2, 3, 4, 5, 6, 8)
    places = range(math.floor(low), math.ceil(high) + 1)
    values = [_short(digit * 10.0**place) for place in places for digit in digits]
    values = [one for one in values if 10**low <= one <= 10**high]
    return {"tickvals": values, "ticktext": [f"{one:g}" for one in values]}


def _short(value: float) -> float:
    return float(f"{value:.4g}")


def _shade(span: Span, colour: str, opacity: float, low: float, high: float) -> Figure:
    """A stretch of time, coloured over a part of the height."""
    return {
        "type": "rect",
        "layer": "below",
        "x0": span[0],
        "x1": span[1],
        "y0": low,
        "y1": high,
        "yref": "paper",
        "fillcolor": colour,
        "opacity": opacity,
        "line": {"width": 1.5, "color": colour},
    }


def _key(name: str, colour: str, opacity: float) -> Figure:
    """An entry of the legend for what is drawn as a shape."""
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [None],
        "y": [None],
        "marker": {"color": colour, "symbol": "square", "size": 12, "opacity": opacity + 0.2},
    }
