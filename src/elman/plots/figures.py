"""The figures of the report, as plain plotly dicts (``data``, ``layout``) with named colours.

They are built without importing plotly, whose figure classes take longer to import than a small
network takes to train; :func:`elman.plots.coloured` makes them ready for
``plotly.graph_objects.Figure``. Values are lists in which None stands for a missing value, times
are numbers or ISO 8601 texts without a zone.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from elman.evaluate import LABELS, autocorrelation
from elman.plots.colours import DASHES, SYMBOLS

__all__ = [
    "autocorrelation_figure",
    "coverage_figure",
    "forecast_figure",
    "horizon_figure",
    "residual_figure",
    "residual_histogram",
    "training_figure",
]

Figure = dict[str, Any]
Values = Sequence[float | None]
Times = Sequence[Any]
Interval = tuple[Values, Values]

_BANDS = ("band-narrow", "band-middle", "band-wide")
_RECENT_HORIZONS = 6  # the first view shows so many horizons of history, or
_RECENT_LEAST = 80  # so many steps if that is more
_MOST_BINS = 40
_FEW_EPOCHS = 10  # each is named
_LOG_RATIO = 30  # a loss that falls by more than this is drawn on a logarithmic axis


def forecast_figure(
    times: Times,
    values: Values,
    forecast_times: Times,
    forecast: Values,
    intervals: Mapping[str, Interval],
    held_out: Sequence[Mapping[str, Any]] = (),
    value_label: str = "",
    time_label: str = "",
) -> Figure:
    """History, forecast and intervals of one series, with earlier held-out forecasts.

    Args:
        times: times of the history.
        values: the history.
        forecast_times: times of the forecast.
        forecast: the forecast; may be empty.
        intervals: level in percent, as text -> lower and upper ends.
        held_out: earlier forecasts of known values: ``times`` and ``forecast`` of each.
        value_label: what is measured, for the axis.
        time_label: what the time is, for an axis of numbers; dates speak for themselves.

    Returns:
        ``data``, ``layout`` and ``views``: names of stretches of time -> their two ends.
    """
    joined_times, joined = _joined(times, values, forecast_times, forecast)
    data: list[Figure] = []
    for level in sorted(intervals, key=float, reverse=True):
        data += _band(level, intervals, forecast_times, times, values)
    data.append(_line("observed", times, values, "@ink", width=1.7))
    alone = _alone(values)
    if alone:
        points = [times[index] for index in alone], [values[index] for index in alone]
        data.append(_points("observed", *points, "@ink", showlegend=False))
    for number, window in enumerate(held_out):
        earlier = _line(
            "earlier forecasts, held out", window["times"], window["forecast"], "@seasonal-naive"
        )
        earlier["line"].update(width=1.8, dash="dot")
        if len(window["forecast"]) == 1:
            earlier.update(mode="markers", marker={"size": 5, "color": "@seasonal-naive"})
        earlier.update(legendgroup="held-out", legendrank=1200, showlegend=number == 0)
        data.append(earlier)
    if len(forecast):
        data.append(_line("forecast", joined_times, joined, "@network", width=2.8))
        if len(forecast) == 1:
            data[-1].update(mode="lines+markers", marker={"size": 8, "color": "@network"})
    layout = _layout(_time_title(times, time_label), value_label, _time_format(times))
    layout["hovermode"] = "x unified"
    layout["xaxis"]["rangeslider"] = {
        "visible": True,
        "thickness": 0.09,
        "bgcolor": "@sunken",
        "bordercolor": "@rule",
        "borderwidth": 1,
    }
    if len(times) and len(forecast):
        layout["shapes"] = [_upright(times[-1])]
    views = _views(times, forecast_times, [window["times"] for window in held_out])
    if views:
        layout["xaxis"]["range"] = views.get("Recent", views["All"])
    return {"data": data, "layout": layout, "views": views}


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
    layout = _layout(_ahead(step), value_label)
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
        line = _line(f"{level} % stated", ends, [stated, stated], colour, width=1.2)
        line["line"]["dash"] = "dash"
        data.append({**line, "hoverinfo": "skip", "showlegend": False})
        observed = [None if share is None else 100 * share for share in shares]
        points = _points(f"{level} % interval", ahead, observed, colour)
        points.update(mode="lines+markers", line={"color": colour, "width": 1.8})
        points["marker"]["symbol"] = list(SYMBOLS.values())[number % len(SYMBOLS)]
        points["marker"]["size"] = 6 if len(shares) > 1 else 11
        points["hovertemplate"] = f"%{{y:.0f}} % inside, {level} % stated<extra></extra>"
        data.append(points)
    layout = _layout(_ahead(step), "held-out values inside, %")
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
    points = _points("residual", times, residuals, "@network")
    points["marker"]["size"] = 6 if len(residuals) <= 300 else 4
    points["showlegend"] = False
    layout = _layout(_time_title(times, time_label), value_label, _time_format(times), legend=False)
    layout["yaxis"].update(zeroline=True)
    return {"data": [points], "layout": layout}


def residual_histogram(residuals: Values, value_label: str = "") -> Figure:
    """How often residuals of each size occur; binned here, so that the page need not."""
    present = np.array([one for one in residuals if one is not None], dtype=np.float64)
    if not len(present):
        return {"data": [], "layout": _layout(value_label, "windows", legend=False)}
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
    layout = _layout(value_label, "windows", legend=False)
    layout["xaxis"].update(zeroline=True, zerolinecolor="@muted", zerolinewidth=1)
    layout["bargap"] = 0
    return {"data": [bars], "layout": layout}


def autocorrelation_figure(residuals: Values, step: str = "step") -> Figure:
    """Autocorrelation of residuals, beside the 95 % limits of white noise."""
    values = np.array([np.nan if one is None else one for one in residuals], dtype=np.float64)
    count = int(np.isfinite(values).sum())
    correlation, _ = autocorrelation(values, min(30, max(1, count // 3)), detrend=False)
    layout = _layout(f"lag, {step}s", "autocorrelation", legend=False)
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
        {**_line("limit", ends, [edge, edge], "@muted", width=1), "hoverinfo": "skip"}
        for edge in (-limit, limit)
    ]
    for edge in band:
        edge["line"]["dash"] = "dash"
        edge["showlegend"] = False
    extent = max(1.15 * limit, 1.1 * float(np.abs(correlation[1:]).max()), 0.3)
    layout["yaxis"].update(range=[-min(extent, 1.05), min(extent, 1.05)])
    _whole_steps(layout, len(lags))
    return {"data": [bars, *band], "layout": layout}


def training_figure(history: Sequence[Mapping[str, Any]]) -> Figure:
    """Loss on training and validation part over the epochs, with the best epoch marked.

    Args:
        history: one record an epoch with ``loss`` and, where there was a validation part,
            ``validation_loss``; ``epoch`` counts from 1 by default.
    """
    epochs = [one.get("epoch", number) for number, one in enumerate(history, start=1)]
    data: list[Figure] = []
    shown: list[float] = []
    curves = (("loss", "training", "@muted"), ("validation_loss", "validation", "@network"))
    for key, name, colour in curves:
        losses = [one.get(key) for one in history]
        present = [one for one in losses if one is not None]
        if not present:
            continue
        shown += present
        if name == "training" and all(one.get("validation_loss") is None for one in history):
            colour = "@network"
        curve = _line(name, epochs, losses, colour, width=2)
        if len(epochs) == 1:
            curve.update(mode="markers", marker={"color": colour, "size": 8})
        data.append(curve)
    layout = _layout("epoch", "loss")
    layout["hovermode"] = "x unified"
    if len(epochs) <= _FEW_EPOCHS:
        layout["xaxis"].update(dtick=1, tickformat="d")
    if shown and min(shown) > 0 and max(shown) > _LOG_RATIO * min(shown):
        layout["yaxis"].update(type="log", dtick=1)
    best = best_epoch(history)
    if best is not None:
        layout["shapes"] = [_upright(best)]
        late = best > (epochs[0] + epochs[-1]) / 2
        layout["annotations"] = [
            {
                "x": best,
                "y": 1,
                "yref": "paper",
                "yanchor": "top",
                "xanchor": "right" if late else "left",
                "xshift": -5 if late else 5,
                "text": f"kept: epoch {best}",
                "showarrow": False,
                "font": {"color": "@muted", "size": 12},
            }
        ]
    return {"data": data, "layout": layout}


def best_epoch(history: Sequence[Mapping[str, Any]]) -> int | None:
    """The epoch with the lowest validation loss; None where there was no validation."""
    scored = [
        (one["validation_loss"], one.get("epoch", number))
        for number, one in enumerate(history, start=1)
        if one.get("validation_loss") is not None
    ]
    return min(scored)[1] if scored else None


def _layout(x_title: str, y_title: str, x_format: str | None = None, legend: bool = True) -> Figure:
    axis: Figure = {
        "showgrid": False,
        "zeroline": False,
        "linecolor": "@rule",
        "tickcolor": "@rule",
        "ticks": "outside",
        "ticklen": 5,
        "automargin": True,
        "title": {"text": _escaped(x_title), "standoff": 8, "font": {"size": 13}},
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
            "title": {"text": _escaped(y_title), "standoff": 10, "font": {"size": 13}},
        },
    }


def _escaped(text: str) -> str:
    """Text that plotly shows as it is: it reads some HTML, and a leading @ would name a colour."""
    plain = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"&#64;{plain[1:]}" if plain.startswith("@") else plain


def _time_format(times: Times) -> str | None:
    """Whole-number times (years, counters) are written without thousands separators."""
    return "d" if len(times) and all(isinstance(one, int) for one in times) else None


def _time_title(times: Times, label: str) -> str:
    """An axis of dates needs no title; one of numbers is named."""
    return "" if len(times) and isinstance(times[0], str) else label


def _ahead(step: str) -> str:
    return f"{step}s ahead"


def _line(name: str, x: Times, y: Values, colour: str, width: float = 2.0) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": list(x),
        "y": list(y),
        "line": {"color": colour, "width": width},
    }


def _points(name: str, x: Times, y: Values, colour: str, showlegend: bool = True) -> Figure:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": list(x),
        "y": list(y),
        "marker": {"color": colour, "size": 5},
        "showlegend": showlegend,
    }


def _upright(x: Any) -> Figure:
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


def _joined(
    times: Times, values: Values, forecast_times: Times, forecast: Values
) -> tuple[list[Any], list[float | None]]:
    """The forecast, setting out from the last value if that is observed."""
    if len(values) and values[-1] is not None:
        return [times[-1], *forecast_times], [values[-1], *forecast]
    return list(forecast_times), list(forecast)


def _band(
    level: str,
    intervals: Mapping[str, Interval],
    forecast_times: Times,
    times: Times,
    values: Values,
) -> list[Figure]:
    """The two ends of one interval with the space between them filled, the narrowest darkest."""
    order = sorted(intervals, key=float).index(level)
    lower, upper = intervals[level]
    x, low = _joined(times, values, forecast_times, lower)
    _, high = _joined(times, values, forecast_times, upper)
    fill = f"@{_BANDS[min(order, len(_BANDS) - 1)]}"
    none: Figure = {"color": fill, "width": 0}
    bottom = {**_line(f"{level} % from", x, low, fill), "line": none, "showlegend": False}
    top = {**_line(f"{level} % interval", x, high, fill), "line": none}
    name = f"{level} % interval"
    bottom.update(legendgroup=level, hoverinfo="skip")
    top.update(
        legendgroup=level,
        legendrank=1100 + order,
        fill="tonexty",
        fillcolor=fill,
        customdata=low,
        hovertemplate=f"%{{customdata:.4~g}} to %{{y:.4~g}}<extra>{name}</extra>",
    )
    if len(x) == 1:  # one step ahead and nothing to join it to: a bar instead of a band
        top["mode"] = bottom["mode"] = "markers"
        for end in (bottom, top):
            end["marker"] = {"symbol": "line-ew-open", "size": 14, "color": "@network"}
    return [bottom, top]


def _alone(values: Values) -> list[int]:
    """Observed values between missing ones, which a line would not show."""
    present = np.array([one is not None for one in values], dtype=bool)
    framed = np.concatenate([[False], present, [False]])
    alone = np.flatnonzero(present & ~framed[:-2] & ~framed[2:])
    return [int(index) for index in alone]


def _views(
    times: Times, forecast_times: Times, held_out: Sequence[Times] = ()
) -> dict[str, list[Any]]:
    """Stretches of time worth a button: name -> first and last time.

    Without a forecast, as in a backtest, the earlier forecasts are what is recent.
    """
    everything = [*times, *forecast_times]
    if not everything:
        return {}
    ends = {"All": [everything[0], everything[-1]]}
    recent = max(_RECENT_HORIZONS * len(forecast_times), _RECENT_LEAST)
    if len(forecast_times):
        if len(times) > recent:
            ends["Recent"] = [times[-recent], everything[-1]]
        shown = min(len(times), len(forecast_times))
        ends["Forecast"] = [everything[len(times) - shown], everything[-1]]
    elif held_out:
        begin = bisect_left(times, min(one[0] for one in held_out))
        recent = max(round(1.3 * (len(times) - begin)), _RECENT_LEAST)
        if len(times) > recent:
            ends["Recent"] = [times[-recent], everything[-1]]
    return ends


def _horizon_line(name: str, errors: Values, judged: bool) -> Figure:
    colour = "@network" if judged else "@" + name.replace("_", "-")
    ahead = list(range(1, len(errors) + 1))
    line = _line(LABELS.get(name, name), ahead, errors, colour, width=3 if judged else 1.6)
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
    layout = _layout(value_label, "", legend=False)
    layout["yaxis"].update(autorange="reversed", showgrid=False)
    layout["xaxis"].update(showgrid=True, gridcolor="@grid")
    return {"data": [bars], "layout": layout}


def _whole_steps(layout: Figure, count: int) -> None:
    """Label an axis of the steps 1 to ``count`` at whole numbers only."""
    layout["xaxis"].update(
        range=[0.5, count + 0.5], dtick=max(1, math.ceil(count / 12)), tick0=1, tickformat="d"
    )
