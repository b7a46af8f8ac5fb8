"""Figures of estimated numbers, as plain plotly dicts with named colours."""

from __future__ import annotations

from collections.abc import Sequence

from elman.plots import drawing
from elman.plots.drawing import Figure

__all__ = ["estimates_figure", "residuals_figure"]


_BINS = 24


def estimates_figure(
    truth: Sequence[float],
    estimates: Sequence[float],
    intervals: Sequence[tuple[str, float]] = (),
) -> Figure:
    """Each estimate against its truth; on the diagonal it is right.

    Args:
        truth: Of each row.
        estimates: Of each row.
        intervals: Name of an interval, and how far it reaches to either side of an estimate.
    """
    low, high = min(*truth, *estimates), max(*truth, *estimates)
    room = 0.03 * (high - low or 1.0)
    ends = [low - room, high + room]
    data: list[Figure] = []
    widest_first = sorted(intervals, key=lambda one: -one[1])
    for number, (name, reach) in enumerate(widest_first):
        colour = "@band-wide" if number < len(widest_first) - 1 else "@band-narrow"
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": name,
                "x": [*ends, *reversed(ends)],
                "y": [ends[0] - reach, ends[1] - reach, ends[1] + reach, ends[0] + reach],
                "fill": "toself",
                "fillcolor": colour,
                "line": {"width": 0, "color": colour},
                "hoverinfo": "skip",
            }
        )
    data.append(
        {
            "type": "scatter",
            "mode": "lines",
            "name": "right",
            "x": ends,
            "y": ends,
            "line": {"color": "@muted", "width": 1, "dash": "dash"},
            "hoverinfo": "skip",
        }
    )
    data.append(
        {
            "type": "scatter",
            "mode": "markers",
            "name": "held-out sequences",
            "x": list(truth),
            "y": list(estimates),
            "marker": {"color": "@network", "size": 6, "opacity": 0.75},
            "hovertemplate": "truth %{x:.4g}, estimate %{y:.4g}<extra></extra>",
        }
    )
    return {"data": data, "layout": drawing.layout("truth", "estimate")}


def residuals_figure(residuals: Sequence[float]) -> Figure:
    """How the errors (estimate less truth) are spread."""
    reach = max(map(abs, residuals), default=0.0) or 1.0
    histogram = {
        "type": "histogram",
        "x": list(residuals),
        "xbins": {"start": -reach, "end": reach * 1.0001, "size": 2 * reach / _BINS},
        "marker": {"color": "@network", "line": {"color": "@surface", "width": 1}},
        "hovertemplate": "%{x}: %{y} sequences<extra></extra>",
    }
    return {
        "data": [histogram],
        "layout": drawing.layout("estimate less truth", "sequences", legend=False),
    }
