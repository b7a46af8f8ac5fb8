"""Layers in a row: checked against each other, and made ready to run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from elman.errors import InputError
from elman.layers.base import Layer, Signal
from elman.layers.feedforward import Embedding
from elman.layers.missing import MarkMissing
from elman.layers.pooling import Last
from elman.layers.recurrent import RecurrentLayer
from elman.layers.tokens import OneHot, tie

__all__ = ["clone_layers", "connect", "fuse"]


def clone_layers(layers: Any) -> tuple[Layer, ...]:
    """Unbound copies of the layers a user passed.

    Raises:
        InputError: If that is no list of layers, or one of them stands there twice.
    """
    if isinstance(layers, Layer) or not isinstance(layers, Sequence) or not len(layers):
        raise InputError(f"layers: expected a list of at least one layer, got {layers!r}")
    for layer in layers:
        if not isinstance(layer, Layer):
            raise InputError(f"layers: expected layers such as elman.LSTM(1, 16), got {layer!r}")
    if len({id(layer) for layer in layers}) < len(layers):
        raise InputError(
            "layers: expected a different object for each layer, got one of them twice; layers "
            "do not share weights, use layer.clone()"
        )
    return tuple(layer.clone() for layer in layers)


def connect(layers: Sequence[Layer]) -> list[Signal]:
    """What goes into the first layer, and what comes out of each.

    Raises:
        InputError: If a layer cannot read what the one before it gives.
    """
    first = layers[0]
    if isinstance(first, (Embedding, OneHot)):
        signals = [Signal("tokens", first.num)]
    else:
        sizes = [layer.input_size for layer in layers if layer.input_size is not None]
        if not sizes:
            raise InputError(
                "layers: expected a layer that says how many channels it reads, such as "
                f"elman.LSTM(1, 16), got {list(layers)!r}"
            )
        signals = [Signal("sequence", sizes[0])]
    for number, layer in enumerate(layers):
        if number and isinstance(layer, MarkMissing):
            raise InputError(
                "layers: expected MarkMissing as the first layer, where values can be missing, "
                f"got it as number {number + 1}"
            )
        signals.append(layer.connect(signals[-1]))
    tie(list(layers))
    return signals


def fuse(layers: Sequence[Layer]) -> list[Layer]:
    """The layers to run.

    A recurrent layer before :class:`Last` gives its final output alone, and ``Last`` is left
    out: so the gradient of all other outputs, which is zero, is never written or read.
    """
    pipeline: list[Layer] = []
    for layer in layers:
        before = pipeline[-1] if pipeline else None
        fits = isinstance(before, RecurrentLayer) and not before.bidirectional
        if fits and isinstance(layer, Last):
            before.last_only = True  # type: ignore[union-attr]
        else:
            pipeline.append(layer)
    return pipeline
