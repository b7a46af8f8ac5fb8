"""The figure of a training: its losses over the epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from elman.plots import drawing
from elman.plots.drawing import Figure

__all__ = ["best_epoch", "training_figure"]

_FEW_EPOCHS = 10  # each is named
_LOG_RATIO = 30  # a loss that falls by more than this is drawn on a logarithmic axis


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
        curve = drawing.line(name, epochs, losses, colour, width=2)
        if len(epochs) == 1:
            curve.update(mode="markers", marker={"color": colour, "size": 8})
        data.append(curve)
    layout = drawing.layout("epoch", "loss")
    layout["hovermode"] = "x unified"
    if len(epochs) <= _FEW_EPOCHS:
        layout["xaxis"].update(dtick=1, tickformat="d")
    if shown and min(shown) > 0 and max(shown) > _LOG_RATIO * min(shown):
        layout["yaxis"].update(type="log", dtick=1)
    best = best_epoch(history)
    if best is not None:
        layout["shapes"] = [drawing.upright(best)]
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
