"""The direct network of a forecaster in ONNX: the equations of :mod:`elman.tasks.direct`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from elman.cells import CELLS
from elman.exchange.onnx_build import Graph
from elman.exchange.onnx_windows import Windows
from elman.exchange.parts import TO_ONNX, regate
from elman.tasks.direct import DirectNetwork

__all__ = ["write_cell", "write_direct"]


def write_direct(
    graph: Graph, network: DirectNetwork, windows: Windows, segment: int, prefix: str
) -> str:
    """Adds the network.

    Args:
        graph: Where to.
        network: The network.
        windows: What it reads.
        segment: Steps fed at once.
        prefix: Before the names of its weights.

    Returns:
        Normalised outputs ``[R, segments_out * segment, Q]``, float32.
    """
    shape, weights = network.shape, network.flat.state_dict()
    size, ahead = shape.hidden_size, shape.segments_out

    def dense(x: str, name: str) -> str:
        named = f"{prefix}{name}"
        y = graph.op("MatMul", x, graph.constant(weights[f"{name}.weight"].T, name=f"{named}.w"))
        bias = weights.get(f"{name}.bias")
        return y if bias is None else graph.op("Add", y, graph.constant(bias, name=f"{named}.b"))

    value = graph.op("Relu", dense(windows.inputs, "embed"))
    finals = []
    for level in range(shape.num_layers):
        value, *states = write_cell(
            graph, shape, weights, level, value, [], f"{prefix}reads{level}"
        )
        finals.append(states)
    queries = graph.op("Unsqueeze", graph.constant(weights["position"]), graph.integers(1))
    rows = graph.op("Concat", graph.integers(ahead), windows.count, graph.integers(size), axis=0)
    queries = graph.op("Expand", queries, rows)
    for name, numbers in (("channel", windows.channel), ("series", windows.series)):
        if name in weights:
            vectors = graph.op("Gather", graph.constant(weights[name]), numbers, axis=0)
            queries = graph.op("Add", queries, vectors)
    if windows.static is not None:
        queries = graph.op("Add", queries, dense(windows.static, "static"))
    if windows.future is not None:
        queries = graph.op("Add", queries, dense(windows.future, "future"))
    value = graph.op("Reshape", queries, graph.integers(1, -1, size))
    for level, states in enumerate(finals):
        begin = [
            graph.op("Reshape", graph.op("Expand", one, rows), graph.integers(1, -1, size))
            for one in states
        ]
        value = write_cell(graph, shape, weights, level, value, begin, f"{prefix}says{level}")[0]
    outputs = dense(value, "head")  # [1, J R, segment Q]
    apart = graph.integers(ahead, -1, segment * shape.outputs)
    by_row = graph.op("Transpose", graph.op("Reshape", outputs, apart), perm=[1, 0, 2])
    values = graph.op("Reshape", by_row, graph.integers(-1, ahead * segment, shape.outputs))
    if network.shortcut is None:
        return values
    shortcut = graph.constant(np.ascontiguousarray(network.shortcut), np.float32)
    linear = graph.op("MatMul", windows.values, shortcut)
    return graph.op("Add", values, graph.op("Unsqueeze", linear, graph.integers(2)))


def write_cell(
    graph: Graph,
    shape: Any,
    weights: Mapping[str, Any],
    level: int,
    x: str,
    initial: Sequence[str],
    name: str,
) -> list[str]:
    """A cell over time: its outputs ``[T, R, H]``, and each final state ``[1, R, H]``.

    Args:
        graph: Where to.
        shape: Of a network: its ``cell`` and ``hidden_size``.
        weights: Those of level 0 are called ``cell0.weight_ih`` and so on.
        level: Which one.
        x: What it reads, time-major.
        initial: Each initial state ``[1, R, H]``; empty for zeros.
        name: Of the node.
    """
    cell = shape.cell
    kind = cell.split("_")[0]
    options: dict[str, Any] = {"hidden_size": shape.hidden_size}
    if kind == "rnn":
        options["activations"] = ["Relu" if cell == "rnn_relu" else "Tanh"]
    if kind == "gru":
        options["linear_before_reset"] = int(cell == "gru")
    parts = {
        one: regate(weights[f"cell{level}.{one}"], TO_ONNX[kind])
        for one in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    }
    bias = np.concatenate([parts["bias_ih"], parts["bias_hh"]])
    inputs = [
        x,
        graph.constant(parts["weight_ih"][None]),
        graph.constant(parts["weight_hh"][None]),
        graph.constant(bias[None]),
        *(["", *initial] if initial else []),
    ]
    outputs = graph.ops(kind.upper(), 1 + len(CELLS[cell].states), *inputs, name=name, **options)
    return [graph.op("Squeeze", outputs[0], graph.integers(1)), *outputs[1:]]
