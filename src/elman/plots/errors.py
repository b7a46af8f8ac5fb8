"""Figures of the errors of forecasts: by horizon, inside the intervals, and what is left."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from elman.evaluate import LABELS, autocorrelation
from elman.plots import drawing
from elman.plots.colours import DASHES, SYMBOLS
from elman.plots.drawing import Figure, Times, Values

__all__ = [
    "autocorrelation_figure",
    "coverage_figure",
    "horizon_figure",
    "residual_figure",
    "residual_histogram",
]

_MOST_BINS = 40


def horizon_figure(
    steps: Mapping[str, Values], value_label: str = "", step: str = "step"
) -> Figure:
    """Error of each forecaster at each step ahead; forecasters that coincide are drawn once.

    Args:
        steps: forecaster -> its error one step ahead, two steps ahead, ...; the first is the one
            that is judged.
        value_label: the error's name and unit.
        step: what one step is called.
    """
    if max((len(errors) for errors in steps.values()), default=0) == 1:
        return _single_step_figure(steps, value_label)
    data: list[Figure] = []
    drawn: list[list[float | None]] = []
    for number, (name, errors) in enumerate(steps.items()):
        if list(errors) in drawn:
            continue
        drawn.append(list(errors))
        data.append(_horizon_line(name, errors, judged=number == 0))
    data.reverse()  # the judged one lies on top
    layout = drawing.layout(_ahead(step), value_label)
    layout["yaxis"]["rangemode"] = "tozero"
    layout["legend"]["traceorder"] = "reversed"
    _whole_steps(layout, max((len(errors) for errors in steps.values()), default=0))
    return {"data": data, "layout": layout}


def coverage_figure(intervals: Mapping[str, Mapping[str, Any]], step: str = "step") -> Figure:
    """Share of held-out values inside each interval at each step ahead, beside the stated share.

    Args:
        intervals: ``Scores.intervals``: level -> ``nominal`` and ``coverage_by_horizon``.
        step: what one step is called.
    """
    data: list[Figure] = []
    colours = ("@network", "@repeat-last", "@seasonal-naive", "@drift")
    longest = 0
    for number, level in enumerate(sorted(intervals, key=float, reverse=True)):
        shares = intervals[level]["coverage_by_horizon"]
        longest = max(longest, len(shares))
        colour = colours[number % len(colours)]
        ahead = list(range(1, len(shares) + 1))
        stated = 100 * float(intervals[level]["nominal"])
        ends = [0.5, len(shares) + 0.5]
        line = drawing.line(f"{level} % stated", ends, [stated, stated], colour, width=1.2)
        line["line"]["dash"] = "dash"
        data.append({**line, "hoverinfo": "skip", "showlegend": False})
        observed = [None if share is None else 100 * share for share in shares]
        points = drawing.points(f"{level} % interval", ahead, observed, colour)
        points.update(mode="lines+markers", line={"color": colour, "width": 1.8})
        points["marker"]["symbol"] = list(SYMBOLS.values())[number % len(SYMBOLS)]
        points["marker"]["size"] = 6 if len(shares) > 1 else 11
        points["hovertemplate"] = f"%{{y:.0f}} % inside, {level} % stated<extra></extra>"
        data.append(points)
    layout = drawing.layout(_ahead(step), "held-out values inside, %")
    shares = [v for one in intervals.values() for v in one["coverage_by_horizon"] if v is not None]
    promised = [float(one["nominal"]) for one in intervals.values()]
    least = min([100 * share for share in [*shares, *promised]] or [50.0])
    layout["yaxis"].update(range=[max(-3.0, least - 8), 103], tickformat="d")
    _whole_steps(layout, longest)
    return {"data": data, "layout": layout}


def residual_figure(
    times: Times, residuals: Values, value_label: str = "", time_label: str = ""
) -> Figure:
    """Residuals (truth minus forecast) over time."""
    points = drawing.points("residual", times, residuals, "@network")
    points["marker"]["size"] = 6 if len(residuals) <= 300 else 4
    points["showlegend"] = False
    layout = drawing.time_layout(times, time_label, value_label, legend=False)
    layout["yaxis"].update(zeroline=True)
    return {"data": [points], "layout": layout}


def residual_histogram(residuals: Values, value_label: str = "") -> Figure:
    """How often residuals of each size occur; binned here, so that the page need not."""
    present = np.array([one for one in residuals if one is not None], dtype=np.float64)
    if not len(present):
        return {"data": [], "layout": drawing.layout(value_label, "windows", legend=False)}
    edges = np.histogram_bin_edges(present, bins="auto")
    if len(edges) > _MOST_BINS + 1:
        edges = np.linspace(present.min(), present.max(), _MOST_BINS + 1)
    counts, edges = np.histogram(present, bins=edges)
    bars = {
        "type": "bar",
        "x": ((edges[1:] + edges[:-1]) / 2).tolist(),
        "y": counts.tolist(),
        "width": np.diff(edges).tolist(),
        "marker": {"color": "@network", "line": {"color": "@surface", "width": 1}},
        "customdata": np.stack([edges[:-1], edges[1:]], axis=1).tolist(),
        "hovertemplate": "%{customdata[0]:.4~g} to %{customdata[1]:.4~g}: %{y}<extra></extra>",
        "showlegend": False,
    }
    layout = drawing.layout(value_label, "windows", legend=False)
    layout["xaxis"].update(zeroline=True, zerolinecolor="@muted", zerolinewidth=1)
    layout["bargap"] = 0
    return {"data": [bars], "layout": layout}


def autocorrelation_figure(residuals: Values, step: str = "step") -> Figure:
    """Autocorrelation of residuals, beside the 95 % limits of white noise."""
    values = np.array([np.nan if one is None else one for one in residuals], dtype=np.float64)
    count = int(np.isfinite(values).sum())
    correlation, _ = autocorrelation(values, min(30, max(1, count // 3)), detrend=False)
    layout = drawing.layout(f"lag, {step}s", "autocorrelation", legend=False)
    if correlation is None or len(correlation) < 2:
        return {"data": [], "layout": layout}
    lags = list(range(1, len(correlation)))
    limit = 1.96 / math.sqrt(count)
    bars = {
        "type": "bar",
        "x": lags,
        "y": correlation[1:].tolist(),
        "width": [0.35] * len(lags),
        "marker": {"color": "@network"},
        "hovertemplate": "lag %{x}: %{y:.2f}<extra></extra>",
        "showlegend": False,
    }
    ends = [0.4, len(lags) + 0.6]
    band = [
        {**drawing.line("limit", ends, [edge, edge], "@muted", width=1), "hoverinfo": "skip"}
        for edge in (-limit, limit)
    ]
    for edge in band:
        edge["line"]["dash"] = "dash"
        edge["showlegend"] = False
    extent = max(1.15 * limit, 1.1 * float(np.abs(correlation[1:]).max()), 0.3)
    layout["yaxis"].update(range=[-min(extent, 1.05), min(extent, 1.05)])
    _whole_steps(layout, len(lags))
    return {"data": [bars, *band], "layout": layout}


def _horizon_line(name: str, errors: Values, judged: bool) -> Figure:
    colour = "@network" if judged else "@" + name.replace("_", "-")
    ahead = list(range(1, len(errors) + 1))
    line = drawing.line(LABELS.get(name, name), ahead, errors, colour, width=3 if judged else 1.6)
    line["line"]["dash"] = "solid" if judged else DASHES.get(name, "dot")
    line["hovertemplate"] = f"{LABELS.get(name, name)}: %{{y:.4~g}}<extra></extra>"
    if len(errors) <= 40:
        symbol = SYMBOLS["network"] if judged else SYMBOLS.get(name, "circle-open")
        line.update(
            mode="lines+markers",
            marker={"color": colour, "symbol": symbol, "size": 7 if judged else 6},
        )
    return line


def _single_step_figure(steps: Mapping[str, Values], value_label: str) -> Figure:
    """Errors one step ahead, where lines over the steps would be single points: bars."""
    names = list(steps)
    colours = ["@network", *("@" + name.replace("_", "-") for name in names[1:])]
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": [steps[name][0] for name in names],
        "y": [LABELS.get(name, name) for name in names],
        "marker": {"color": colours},
        "width": [0.6] * len(names),
        "hovertemplate": "%{y}: %{x:.4~g}<extra></extra>",
    }
    layout = drawing.layout(value_label, "", legend=False)
    layout["yaxis"].update(autorange="reversed", showgrid=False)
    layout["xaxis"].update(showgrid=True, gridcolor="@grid")
    return {"data": [bars], "layout": layout}


def _whole_steps(layout: Figure, count: int) -> None:
    """Label an axis of the steps 1 to ``count`` at whole numbers only."""
    layout["xaxis"].update(
        range=[0.5, count + 0.5], dtick=max(1, math.ceil(count / 12)), tick0=1, tickformat="d"
    )


def _ahead(step: str) -> str:
    return f"{step}s ahead"
