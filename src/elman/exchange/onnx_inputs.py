"""How raw sequences of numbers become what networks read, in nodes of an ONNX graph."""

from __future__ import annotations

from typing import Any

import numpy as np

from elman.exchange.onnx_build import Graph

__all__ = ["encoded", "live_steps", "read_scaled", "scaled"]

_FINITE = 1e6
"""Bound of scaled values, as :class:`elman.data.encoding.Encoder` has it."""


def read_scaled(graph: Graph, x: str, encoder: Any, steps: str, lengths: str) -> tuple[str, str]:
    """What the networks read, float32, and which rows have anything to read, ``(N, 1)``.

    Args:
        graph: Where to.
        x: Raw values, time-major ``(T, N, C)``, float64.
        encoder: Of numbers.
        steps: Value of the number of steps.
        lengths: Value of the lengths.
    """
    missing = graph.op("IsNaN", x)
    inputs = encoded(graph, scaled(graph, x, encoder), missing, encoder)
    live = graph.op("Unsqueeze", live_steps(graph, steps, lengths), graph.integers(2))
    seen = graph.op("And", graph.op("Not", missing), live)
    total = graph.op("ReduceMax", graph.cast(seen, np.float32), graph.integers(0, 2), keepdims=0)
    found = graph.op("Greater", total, graph.constant(np.float32(0.0)))
    return inputs, graph.op("Unsqueeze", found, graph.integers(1))


def scaled(graph: Graph, x: str, encoder: Any) -> str:
    """Raw values in deviations about the mean, within bounds, float64; NaN stays."""
    apart = graph.op("Sub", x, graph.constant(encoder.mean, np.float64))
    apart = graph.op("Div", apart, graph.constant(encoder.deviation, np.float64))
    bounds = [graph.constant(np.float64(one)) for one in (-_FINITE, _FINITE)]
    return graph.op("Clip", apart, *bounds)


def encoded(graph: Graph, scaled: str, missing: str, encoder: Any) -> str:
    """What a network reads of scaled values: zero where missing, and marks of that; float32."""
    known = graph.op("Where", missing, graph.constant(np.float64(0.0)), scaled)
    inputs = graph.cast(known, np.float32)
    if not encoder.marked:
        return inputs
    return graph.op("Concat", inputs, graph.cast(missing, np.float32), axis=2)


def live_steps(graph: Graph, steps: str, lengths: str) -> str:
    """Whether each step lives, ``(T, N)``."""
    counted = [graph.constant(np.int64(one)) for one in (0, 1)]
    order = graph.op("Range", counted[0], graph.op("Squeeze", steps), counted[1])
    return graph.op("Less", graph.op("Unsqueeze", order, graph.integers(1)), lengths)
