"""Networks as text."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import Parameter, signature

import numpy as np

from elman.layers.base import Layer, Signal

__all__ = ["summarize"]


def summarize(layers: Sequence[Layer], signals: Sequence[Signal], dtype: str) -> str:
    """A table of layers, what each gives, and how many parameters it has.

    Args:
        layers: The layers.
        signals: What goes into the first, and what comes out of each.
        dtype: Name of the dtype.
    """
    counts = [
        sum(int(np.prod(shape)) for shape in layer.parameter_shapes().values()) for layer in layers
    ]
    rows = [
        (str(index), call_text(layer), shape_text(signal), f"{count:,}")
        for index, (layer, signal, count) in enumerate(
            zip(layers, signals[1:], counts, strict=True)
        )
    ]
    table = _table(("", "layer", "gives", "parameters"), rows)
    return f"{table}\nreads {shape_text(signals[0])}; {sum(counts):,} parameters, {dtype}"


def call_text(layer: Layer) -> str:
    """The layer as its constructor call, without the arguments left at their defaults."""
    words = []
    defaults = signature(type(layer)).parameters
    for name in layer.fields:
        value, default = getattr(layer, name), defaults[name].default
        if default is Parameter.empty:
            words.append(repr(value))
        elif value != default:
            words.append(f"{name}={value!r}")
    return f"{type(layer).__name__}({', '.join(words)})"


def shape_text(signal: Signal) -> str:
    """The shape of a value: ``(rows, steps, 3)``."""
    if signal.kind == "tokens":
        return f"(rows, steps) of {signal.size} tokens"
    size = "channels" if signal.size is None else signal.size
    return f"(rows, steps, {size})" if signal.kind == "sequence" else f"(rows, {size})"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    rule = tuple("-" * width for width in widths)
    lines = []
    for row in (head, rule, *rows):
        cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths[:-1], strict=True)]
        lines.append("  ".join([*cells, row[-1].rjust(widths[-1])]).rstrip())
    return "\n".join(lines)
