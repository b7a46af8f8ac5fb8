"""Figures of a forecast: the history before it, its intervals, and earlier forecasts."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from elman.plots import drawing
from elman.plots.drawing import Figure, Times, Values

__all__ = ["forecast_figure"]

Interval = tuple[Values, Values]

_BANDS = ("band-narrow", "band-middle", "band-wide")
_RECENT_HORIZONS = 6  # the first view shows so many horizons of history, or
_RECENT_LEAST = 80  # so many steps if that is more


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
    data.append(drawing.line("observed", times, values, "@ink", width=1.7))
    alone = _alone(values)
    if alone:
        points = [times[index] for index in alone], [values[index] for index in alone]
        data.append(drawing.points("observed", *points, "@ink", showlegend=False))
    for number, window in enumerate(held_out):
        earlier = drawing.line(
            "earlier forecasts, held out", window["times"], window["forecast"], "@seasonal-naive"
        )
        earlier["line"].update(width=1.8, dash="dot")
        if len(window["forecast"]) == 1:
            earlier.update(mode="markers", marker={"size": 5, "color": "@seasonal-naive"})
        earlier.update(legendgroup="held-out", legendrank=1200, showlegend=number == 0)
        data.append(earlier)
    if len(forecast):
        data.append(drawing.line("forecast", joined_times, joined, "@network", width=2.8))
        if len(forecast) == 1:
            data[-1].update(mode="lines+markers", marker={"size": 8, "color": "@network"})
    layout = drawing.time_layout(times, time_label, value_label)
    layout["hovermode"] = "x unified"
    layout["xaxis"]["rangeslider"] = {
        "visible": True,
        "thickness": 0.09,
        "bgcolor": "@sunken",
        "bordercolor": "@rule",
        "borderwidth": 1,
    }
    if len(times) and len(forecast):
        layout["shapes"] = [drawing.upright(times[-1])]
    views = _views(times, forecast_times, [window["times"] for window in held_out])
    if views:
        layout["xaxis"]["range"] = views.get("Recent", views["All"])
    return {"data": data, "layout": layout, "views": views}


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
    bottom = {**drawing.line(f"{level} % from", x, low, fill), "line": none, "showlegend": False}
    top = {**drawing.line(f"{level} % interval", x, high, fill), "line": none}
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
