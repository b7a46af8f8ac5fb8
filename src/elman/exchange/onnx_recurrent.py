"""The standard's RNN, LSTM and GRU nodes as layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from elman.cells.standard import STANDARD_CELLS
from elman.counting import counted
from elman.errors import InputError
from elman.exchange.onnx_checks import expect_shape, flag
from elman.exchange.onnx_values import Values, attributes, label
from elman.exchange.parts import FROM_ONNX, ONNX_PEEPHOLES, Array, Part, regate
from elman.layers import GRU, LSTM, RNN, OnnxRecurrent

__all__ = ["INPUTS", "Node", "read_recurrent"]

_DIRECTIONS = {"forward": 1, "reverse": 1, "bidirectional": 2}
INPUTS = {"RNN": 6, "LSTM": 8, "GRU": 6}
"""Operators, and how many inputs each has."""

_KNOWN = {
    *("activation_alpha", "activation_beta", "activations", "clip", "direction", "hidden_size"),
    "layout",
}
_OWN = {"RNN": set[str](), "LSTM": {"input_forget"}, "GRU": {"linear_before_reset"}}


class Node(NamedTuple):
    """What a recurrent node says.

    Attributes:
        part: The layer and its weights.
        direction: As the node has it.
        units: Of one direction.
    """

    part: Part
    direction: str
    units: int


def read_recurrent(node: Any, values: Values, states: Sequence[Array | None]) -> Node:
    """The layer of a node.

    Args:
        node: The node.
        values: Of its graph.
        states: The states that every row begins in, ``(directions, H)`` each; ``None`` for zero
            ones or those that are inputs.

    Raises:
        InputError: Naming the node, and the attribute that is not served or the input of a wrong
            shape.
    """
    options, kind = attributes(node), node.op_type
    strange = sorted(set(options) - _KNOWN - _OWN[kind])
    if strange:
        raise InputError(
            f"file: {label(node)}: attribute {strange[0]}={options[strange[0]]!r} is not served"
        )
    direction = options.get("direction", "forward")
    if direction not in _DIRECTIONS:
        raise InputError(f"file: {label(node)}: direction={direction!r} is not served")
    ways = _DIRECTIONS[direction]
    weight = values.required(node, 1, "W")
    recurrent = values.required(node, 2, "R")
    size = recurrent.shape[-1] if recurrent.ndim else 0
    rows = STANDARD_CELLS[kind.lower()].gates * size
    expect_shape(node, "R", recurrent, (ways, rows, size))
    expect_shape(node, "W", weight, (ways, rows, None))
    if weight.dtype != recurrent.dtype:
        raise InputError(
            f"file: {label(node)}: expected W and R of one dtype, got {weight.dtype} and "
            f"{recurrent.dtype}"
        )
    if options.get("hidden_size", size) != size:
        raise InputError(
            f"file: {label(node)}: hidden_size={options['hidden_size']} and R of {size} units"
        )
    bias = _optional(node, 3, values, "B")
    peepholes = _optional(node, 7, values, "P") if kind == "LSTM" else None
    if bias is not None:
        expect_shape(node, "B", bias, (ways, 2 * rows))
    if peepholes is not None:
        expect_shape(node, "P", peepholes, (ways, 3 * size))
    for name, state in zip(("initial_h", "initial_c"), states, strict=False):
        if state is not None and state.shape != (ways, size):
            raise InputError(
                f"file: {label(node)}: expected {name} of {counted(ways, 'direction')} and {size} "
                f"units, got {state.shape[0]} and {state.shape[1]}"
            )
    layer = _layer(node, options, direction, weight.shape[2], size, bias is not None)
    learned = any(one is not None for one in states)
    layer = _with_more(layer, node, peepholes is not None, learned)
    named: dict[str, Array] = {}
    suffixes = {"forward": ["l0"], "reverse": ["l0_reverse"]}.get(direction, ["l0", "l0_reverse"])
    for way, suffix in enumerate(suffixes):
        found = _values(kind, weight[way], recurrent[way], None if bias is None else bias[way])
        if peepholes is not None:
            found["weight_peephole"] = regate(peepholes[way], ONNX_PEEPHOLES)
        if learned:
            for name, state in zip(STANDARD_CELLS[kind.lower()].states, states, strict=True):
                found[f"initial_{name}"] = np.zeros(size) if state is None else state[way]
        named |= {f"{name}_{suffix}": value for name, value in found.items()}
    return Node(Part(layer, named), direction, size)


def _layer(
    node: Any, options: dict[str, Any], direction: str, inputs: int, size: int, bias: bool
) -> Any:
    """The layer but for what only :class:`elman.OnnxRecurrent` has."""
    cell = node.op_type.lower()
    usual = STANDARD_CELLS[cell].defaults
    activations = _activations(node, options, len(usual), _DIRECTIONS[direction])
    after = flag(node, "linear_before_reset")
    plain = tuple(activations) == usual * _DIRECTIONS[direction]
    relu = cell == "rnn" and set(activations) == {"relu"}
    both = direction == "bidirectional"
    if direction != "reverse" and (plain or relu):
        if cell == "rnn":
            return RNN(inputs, size, nonlinearity=activations[0], bias=bias, bidirectional=both)
        if cell == "lstm":
            return LSTM(inputs, size, bias=bias, bidirectional=both)
        return GRU(inputs, size, bias=bias, bidirectional=both, reset_after=after)
    return OnnxRecurrent(
        cell, inputs, size, direction, activations, bias, reset_after=after or cell != "gru"
    )


def _with_more(layer: Any, node: Any, peepholes: bool, learned: bool) -> Any:
    """The layer with clip, input_forget, peepholes and a learned state, if it needs them."""
    clip, forget = attributes(node).get("clip"), flag(node, "input_forget")
    if clip is not None and not 0.0 < clip < np.inf:
        raise InputError(f"file: {label(node)}: clip={clip!r}: expected a number above 0")
    more: dict[str, Any] = {"learned_state": learned}
    if clip is not None or forget or peepholes:
        if not isinstance(layer, OnnxRecurrent):
            cell = type(layer).__name__.lower()
            activations = None
            if isinstance(layer, RNN):
                activations = [layer.nonlinearity] * layer.directions
            layer = OnnxRecurrent(
                cell,
                layer.input_size,
                layer.hidden_size,
                "bidirectional" if layer.bidirectional else "forward",
                activations,
                layer.bias,
                reset_after=getattr(layer, "reset_after", True),
            )
        more |= {
            "clip": clip,
            "input_forget": forget,
            "peepholes": peepholes,
        }
    return layer.clone(**more)


def _activations(node: Any, options: dict[str, Any], number: int, ways: int) -> list[str]:
    given = options.get("activations")
    if given is None:
        return list(STANDARD_CELLS[node.op_type.lower()].defaults * ways)
    names = [name.lower() for name in given]
    for name, spelt in zip(names, given, strict=True):
        if name not in ("tanh", "sigmoid", "relu"):
            raise InputError(
                f"file: {label(node)}: activations: {spelt!r} is not served; expected Tanh, "
                "Sigmoid or Relu"
            )
    if len(names) != number * ways:
        raise InputError(
            f"file: {label(node)}: activations: expected {number * ways} names, got {given}"
        )
    return names


def _optional(node: Any, place: int, values: Values, what: str) -> Array | None:
    if len(node.input) <= place or not node.input[place]:
        return None
    return values.required(node, place, what)


def _values(kind: str, weight: Array, recurrent: Array, bias: Array | None) -> dict[str, Array]:
    """One direction by the cell's names, gates in elman's order."""
    order = FROM_ONNX[kind.lower()]
    named = {"weight_ih": regate(weight, order), "weight_hh": regate(recurrent, order)}
    if bias is not None:
        first, second = np.split(bias, 2)
        named |= {"bias_ih": regate(first, order), "bias_hh": regate(second, order)}
    return named
