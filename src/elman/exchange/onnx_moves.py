"""Nodes of an ONNX graph that move the axes of a value and compute nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from elman.errors import InputError
from elman.exchange.onnx_axes import Axes, reshaped
from elman.exchange.onnx_values import Values, attributes, label
from elman.exchange.parts import Array

__all__ = ["MOVES", "moved_axes"]

MOVES = ("Transpose", "Squeeze", "Unsqueeze", "Reshape")
"""The operators."""


def moved_axes(
    node: Any, axes: Axes, values: Values, probe: Callable[[], Mapping[str, Array]]
) -> Axes:
    """The axes that come out of a node.

    Args:
        node: One of :data:`MOVES`.
        axes: Those that go in.
        values: Of its graph.
        probe: Zeros in the shapes of what flows, for what is computed from shapes.

    Raises:
        InputError: If it does more than reorder axes, add and drop ones, and join the ways.
    """
    if node.op_type == "Transpose":
        return axes.permuted(attributes(node).get("perm", range(len(axes.names))[::-1]))
    if node.op_type == "Squeeze":
        return _squeezed(node, axes, _places(node, values))
    if node.op_type == "Unsqueeze":
        added = _places(node, values) or []
        total = len(axes.names) + len(added)
        for one in sorted(place % total for place in added):
            axes = axes.with_one(one)
        return axes
    target = values.evaluate(node.input[1], probe()).tolist()
    found = reshaped(axes, target)
    if found is None:
        raise InputError(f"file: {label(node)}: to {target} mixes axes of the sequences")
    return found


def _squeezed(node: Any, axes: Axes, places: list[int] | None) -> Axes:
    if places is None:
        places = [place for place, name in enumerate(axes.names) if name == "one"]
    places = [one % len(axes.names) for one in places]
    if any(axes.names[one] != "one" for one in places):
        raise InputError(f"file: {label(node)}: expected axes of size 1")
    for one in sorted(places, reverse=True):
        axes = axes.without(one)
    return axes


def _places(node: Any, values: Values) -> list[int] | None:
    """The axes that a node names, in its attribute or its second input."""
    given = attributes(node).get("axes")
    if given is None and len(node.input) > 1 and node.input[1]:
        given = values.required(node, 1, "axes").reshape(-1).tolist()
    return None if given is None else list(given)
