"""Figures of a language model, as plain plotly dicts with named colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from elman.plots import drawing
from elman.plots.colours import ink_on
from elman.plots.drawing import Figure

__all__ = ["learning_figure", "next_symbol_figure", "surprise_figure"]


_RULED_OUT = 0.005
_COLOURS = ("@repeat-last", "@seasonal-naive", "@drift", "@mean")


def learning_figure(
    bits: Sequence[float], training: Sequence[float], rivals: Mapping[str, float]
) -> Figure:
    """Bits a symbol on the watching part by epoch, over those of what it has to beat.

    Args:
        bits: Of the network on the watching part, by epoch.
        training: The same on what it was trained on.
        rivals: Name -> bits on the watching part.
    """
    epochs = list(range(1, len(bits) + 1))
    data = [
        drawing.line("network, while training", epochs, training, "@muted", width=1.4),
        drawing.line("network, held out", epochs, bits, "@network", width=2.2),
    ]
    for (name, level), colour in zip(rivals.items(), _COLOURS, strict=False):
        line = drawing.line(name, [1, max(2, len(bits))], [level, level], colour, width=1.6)
        line["line"]["dash"] = "dash"
        data.append(line)
    for one in data:
        one["hovertemplate"] = (
            "%{y:.3f} bits<extra>" + drawing.escaped(str(one["name"])) + "</extra>"
        )
    layout = drawing.layout("epoch", "bits a symbol")
    ticks = [0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 8, 12]
    layout["yaxis"].update(
        type="log", tickmode="array", tickvals=ticks, ticktext=[f"{one:g}" for one in ticks]
    )
    return {"data": data, "layout": layout}


def surprise_figure(
    symbols: Sequence[str], network: Sequence[float], rival: Sequence[float], name: str
) -> Figure:
    """How surprised the network was by each symbol of a passage, and the best rival.

    Args:
        symbols: As they are shown.
        network: Bits of each.
        rival: The same of what it has to beat.
        name: Of the rival.
    """
    places = list(range(len(symbols)))
    shown = [drawing.escaped(one) for one in symbols]
    bars = {
        "type": "bar",
        "name": "network",
        "x": places,
        "y": [round(one, 4) for one in network],
        "marker": {"color": "@network"},
        "text": shown,
        "textposition": "none",
        "hovertemplate": "%{text}: %{y:.2f} bits<extra>network</extra>",
    }
    line = drawing.line(name, places, [round(one, 4) for one in rival], "@repeat-last", width=1.4)
    line["hovertemplate"] = "%{y:.2f} bits<extra>" + drawing.escaped(name) + "</extra>"
    layout = drawing.layout("", "bits of surprise")
    _name_places(layout, shown)
    return {"data": [bars, line], "layout": layout}


def next_symbol_figure(
    symbols: Sequence[str],
    likeliest: Sequence[Sequence[str]],
    shares: Sequence[Sequence[float]],
    right: Sequence[Sequence[bool]],
) -> Figure:
    """What the network held for most likely before each symbol of a passage.

    Args:
        symbols: Of the passage, as they are shown.
        likeliest: Of each place, from the most likely on.
        shares: Their probabilities.
        right: Whether one is the symbol that came.
    """
    ranks = range(len(likeliest[0]))
    heat = {
        "type": "heatmap",
        "x": list(range(len(symbols))),
        "y": [str(rank + 1) for rank in ranks],
        "z": [[round(one[rank], 4) for one in shares] for rank in ranks],
        "text": [[drawing.escaped(place[rank]) for place in likeliest] for rank in ranks],
        "hovertemplate": "%{text}: %{z:.1%}<extra></extra>",
        "colorscale": [[0, "@surface"], [1, "@network"]],
        "zmin": 0,
        "zmax": 1,
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
    }
    layout = drawing.layout("what came", "likeliest", legend=False)
    layout["yaxis"].update(autorange="reversed", showgrid=False, type="category")
    _name_places(layout, [drawing.escaped(one) for one in symbols])
    letters = [
        (place, str(rank + 1), _written(symbol, share, hit), ink_on(share))
        for place, each in enumerate(zip(likeliest, shares, right, strict=True))
        for rank, (symbol, share, hit) in enumerate(zip(*each, strict=True))
    ]
    return {"data": [heat, drawing.texts_in_fields(letters)], "layout": layout}


def _written(symbol: str, share: float, right: bool) -> str:
    """A symbol in its field: bold if it came, nothing if it was as good as ruled out."""
    if share < _RULED_OUT:
        return ""
    return f"<b>{drawing.escaped(symbol)}</b>" if right else drawing.escaped(symbol)


def _name_places(layout: Figure, shown: Sequence[str]) -> None:
    """Writes each symbol under its place."""
    layout["xaxis"].update(
        tickmode="array",
        tickvals=list(range(len(shown))),
        ticktext=list(shown),
        ticks="",
        tickangle=0,
    )
