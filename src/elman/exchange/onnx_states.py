"""Where a recurrent node's lengths and initial states come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from elman.errors import InputError
from elman.exchange.onnx_checks import expect_shape, flag
from elman.exchange.onnx_values import Values, label
from elman.exchange.parts import Array

__all__ = ["initial_state", "lengths_input"]


def lengths_input(
    node: Any,
    values: Values,
    probe: Mapping[str, Array],
    sizes: tuple[int, int],
    known: str | None,
) -> str | None:
    """The graph input that a node's ``sequence_lens`` come from.

    Args:
        node: The node.
        values: Of its graph.
        probe: Zeros in the shapes of what flows through the network.
        sizes: Of the input's first two axes in the probe.
        known: The input that other nodes' lengths come from, or ``None``.

    Returns:
        Its name; ``known`` where the node has no lengths, or each is the number of steps.

    Raises:
        InputError: If they are constants, or come from the data or from another input.
    """
    if len(node.input) <= 4 or not node.input[4]:
        return known
    origin = values.origin(node.input[4], probe)
    if origin.flows:
        raise InputError(f"file: {label(node)}: sequence_lens depends on the data")
    if not origin.inputs:
        found = values.evaluate(node.input[4], probe)
        if not origin.shapes or not any((found == one).all() for one in sizes):
            raise InputError(
                f"file: {label(node)}: sequence_lens is a constant; expected an input of the "
                "graph, in whose place predict takes lengths"
            )
        return known
    if len({*origin.inputs, *([known] if known else [])}) > 1:
        raise InputError(
            f"file: {label(node)}: sequence_lens comes from {', '.join(origin.inputs)}; expected "
            "the same input for all nodes"
        )
    return origin.inputs[0]


def initial_state(
    node: Any, place: int, values: Values, probe: Mapping[str, Array]
) -> Array | None:
    """The state that every row begins in, ``(directions, H)``; ``None`` for zeros or an input.

    An input without default becomes a state of the network; so does one with a default, which is
    that state's initial value.

    Args:
        node: The node.
        place: Of the state among its inputs: 5 for ``initial_h``, 6 for ``initial_c``.
        values: Of its graph.
        probe: Zeros in the shapes of what flows through the network.

    Raises:
        InputError: If it depends on the data, or is a constant of another rank or one that differs
            from row to row.
    """
    if len(node.input) <= place or not node.input[place]:
        return None
    what = ("initial_h", "initial_c")[place - 5]
    origin = values.origin(node.input[place], probe)
    if origin.flows:
        raise InputError(f"file: {label(node)}: {what} depends on the data")
    if any(one not in values.initializers for one in origin.inputs):
        return None
    state = values.evaluate(node.input[place], probe)
    expect_shape(node, what, state, (None, None, None))
    if flag(node, "layout"):
        state = state.swapaxes(0, 1)
    if state.shape[1] and (state != state[:, :1]).any():
        raise InputError(
            f"file: {label(node)}: {what} is a constant that differs from row to row; expected the "
            "same for all, or an input of the graph"
        )
    return state[:, 0] if state.any() else None
