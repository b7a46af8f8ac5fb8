"""Figures of an emulated system, as plain plotly dicts with named colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from elman.plots import drawing
from elman.plots.drawing import Figure

__all__ = [
    "attractor_figure",
    "growth_figure",
    "histogram_figure",
    "return_map_figure",
    "rollout_figure",
    "spectrum_figure",
    "valid_time_figure",
]

Values = Sequence[float]

_RIVAL_STYLES = {
    "persistence": ("@repeat-last", "dash"),
    "mean state": ("@mean", "longdash"),
    "linear": ("@linear", "5px,2px"),
    "analog": ("@seasonal-naive", "dot"),
}
_GAP = 0.09  # between panels one above the other, as a share of the height


def rollout_figure(
    times: Values,
    truth: Sequence[Values],
    emulated: Sequence[Values],
    channels: Sequence[str],
    valid: float | None,
    unit: str,
) -> Figure:
    """Truth and rollout of a few channels, one above the other, over the lead time.

    Args:
        times: Lead times.
        truth: Of each channel.
        emulated: The same.
        channels: Their names.
        valid: Lead time up to which the rollout is right, marked; ``None`` for none.
        unit: Of the times.
    """
    number = len(channels)
    layout = drawing.layout(f"lead time, {unit}", "")
    height = (1.0 - _GAP * (number - 1)) / number
    data: list[Figure] = []
    template = layout.pop("yaxis")
    for place, (name, true, own) in enumerate(zip(channels, truth, emulated, strict=True)):
        axis = "y" if not place else f"y{place + 1}"
        top = 1.0 - place * (height + _GAP)
        title = {**template["title"], "text": drawing.escaped(name)}
        domain = [max(0.0, top - height), top]
        key = "yaxis" if not place else f"yaxis{place + 1}"
        axes = {"title": title, "domain": domain, "fixedrange": True, "nticks": 4}
        layout[key] = {**template, **axes}
        for label, values, colour, width in (
            ("truth", true, "@muted", 4.5),
            ("emulated", own, "@network", 1.6),
        ):
            line = drawing.line(label, times, values, colour, width)
            line.update(yaxis=axis, legendgroup=label, showlegend=not place)
            line["opacity"] = 0.4 if label == "truth" else 1.0
            data.append(line)
    layout["xaxis"]["anchor"] = "y" if number == 1 else f"y{number}"
    layout["hovermode"] = "x unified"
    if valid is not None:
        layout["shapes"] = [drawing.upright(valid)]
    return {"data": data, "layout": layout}


def growth_figure(
    lead: Values, growth: Mapping[str, Mapping[str, Values]], threshold: float, unit: str
) -> Figure:
    """The normalised error against the lead time, on a logarithmic axis.

    Args:
        lead: Lead times.
        growth: Name -> median, and tenth and ninetieth percentile, over many starts; the first is
            the network, drawn with its band.
        threshold: Up to which a rollout is right.
        unit: Of the times.
    """
    own, *rivals = growth
    band = growth[own]
    none = {"color": "@band-middle", "width": 0}
    low = {
        **drawing.line("low", lead, band["low"], "@band-middle"),
        "line": none,
        "hoverinfo": "skip",
    }
    low["showlegend"] = False
    high = {**drawing.line("8 of 10 starts", lead, band["high"], "@band-middle"), "line": none}
    high.update(fill="tonexty", fillcolor="@band-middle", hoverinfo="skip")
    data = [low, high]
    for name in rivals:
        colour, dash = _RIVAL_STYLES.get(name, ("@drift", "dashdot"))
        line = drawing.line(name, lead, growth[name]["median"], colour, 1.7)
        line["line"]["dash"] = dash
        data.append(line)
    data.append(drawing.line(own, lead, band["median"], "@network", 2.8))
    layout = drawing.layout(f"lead time, {unit}", "normalised error, median")
    layout["yaxis"].update(type="log", tickformat="~g", dtick=1)
    layout["hovermode"] = "x unified"
    layout["shapes"] = [
        {
            "type": "line",
            "xref": "paper",
            "x0": 0,
            "x1": 1,
            "y0": threshold,
            "y1": threshold,
            "line": {"color": "@muted", "width": 1, "dash": "dot"},
        }
    ]
    return {"data": data, "layout": layout}


def valid_time_figure(edges: Values, counts: Sequence[int], unit: str) -> Figure:
    """How many rollouts were right for how long.

    Args:
        edges: Of the bars, one more than there are.
        counts: Rollouts in each.
        unit: Of the times.
    """
    bars = {
        "type": "bar",
        "x": [(a + b) / 2 for a, b in pairwise(edges)],
        "y": list(counts),
        "width": [b - a for a, b in pairwise(edges)],
        "marker": {"color": "@network", "line": {"color": "@surface", "width": 1}},
        "hovertemplate": "%{y} rollouts, about %{x:.3~g}<extra></extra>",
    }
    layout = drawing.layout(f"valid time, {unit}", "rollouts", legend=False)
    layout["bargap"] = 0
    return {"data": [bars], "layout": layout}


def attractor_figure(
    truth: tuple[Values, Values], emulated: tuple[Values, Values], names: tuple[str, str]
) -> Figure:
    """Two channels against each other: truth on the left, emulated on the right.

    Args:
        truth: Values of the two channels; None parts one stretch from the next.
        emulated: The same.
        names: Of the channels.
    """
    layout = drawing.layout(drawing.escaped(names[0]), names[1])
    data = []
    for place, (label, (x, y), colour) in enumerate(
        (("truth", truth, "@ink"), ("emulated, free-running", emulated, "@network"))
    ):
        line = drawing.line(label, x, y, colour, 0.7)
        line.update(xaxis="x" if not place else "x2", hoverinfo="skip", connectgaps=False)
        data.append(line)
    layout["xaxis2"] = {**layout["xaxis"], "domain": [0.53, 1.0], "matches": "x"}
    layout["xaxis"]["domain"] = [0.0, 0.47]
    return {"data": data, "layout": layout}


def spectrum_figure(
    frequency: Values, truth: Values, emulated: Values, name: str, dt_unit: str = "a unit of time"
) -> Figure:
    """Power spectra of one channel, both axes logarithmic.

    Args:
        frequency: In cycles.
        truth: Density at each frequency.
        emulated: The same.
        name: Of the channel.
        dt_unit: What the cycles are counted in.
    """
    data = [
        drawing.line("truth", frequency, truth, "@ink", 1.8),
        drawing.line("emulated", frequency, emulated, "@network", 2.2),
    ]
    data[1]["line"]["dash"] = "dash"
    layout = drawing.layout(f"cycles in {dt_unit}", f"power density of {name}")
    layout["xaxis"].update(type="log", tickformat="~g", nticks=6)
    layout["yaxis"].update(type="log", tickformat=".0e", nticks=8)
    return {"data": data, "layout": layout}


def histogram_figure(centres: Values, truth: Values, emulated: Values, name: str) -> Figure:
    """How often each value of one channel occurs.

    Args:
        centres: Of the bins.
        truth: Share of each bin.
        emulated: The same.
        name: Of the channel.
    """
    data = [
        drawing.line("truth", centres, truth, "@ink", 1.8),
        drawing.line("emulated", centres, emulated, "@network", 2.2),
    ]
    for one in data:
        one["line"]["shape"] = "hvh"
    data[0].update(fill="tozeroy", fillcolor="@sunken")
    layout = drawing.layout(name, "share of the time")
    layout["yaxis"].update(tickformat=".0%", rangemode="tozero")
    return {"data": data, "layout": layout}


def return_map_figure(
    truth: Sequence[tuple[float, float]], emulated: Sequence[tuple[float, float]], name: str
) -> Figure:
    """Each maximum of a channel against the one before: Lorenz's return map.

    Args:
        truth: Pairs of successive maxima.
        emulated: The same.
        name: Of the channel.
    """
    data = []
    for label, pairs, colour, size, opacity, rank in (
        ("emulated", emulated, "@network", 9, 0.35, 2),
        ("truth", truth, "@ink", 3.5, 0.9, 1),
    ):
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": label,
                "x": [one for one, _ in pairs],
                "y": [other for _, other in pairs],
                "marker": {"color": colour, "size": size, "opacity": opacity},
                "legendrank": rank,
                "hoverinfo": "skip",
            }
        )
    layout = drawing.layout(f"maximum of {drawing.escaped(name)}", "the next maximum")
    return {"data": data, "layout": layout}
