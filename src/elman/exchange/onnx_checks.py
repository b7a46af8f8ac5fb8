"""What a node of an ONNX graph must be to be read, and what is said of one that is not."""

from __future__ import annotations

from typing import Any

import numpy as np

from elman.errors import InputError
from elman.exchange.onnx_values import Values, attributes, label
from elman.exchange.parts import Array

__all__ = ["expect_shape", "fitting_bias", "flag", "last_of_slice"]

_TO_THE_END = 2**31 - 1
"""An ``ends`` that no number of steps reaches: exporters write this or the greatest int64."""


def flag(node: Any, name: str) -> bool:
    """An attribute that is 0 or 1, by default 0.

    Raises:
        InputError: If it is anything else.
    """
    value = attributes(node).get(name, 0)
    if value not in (0, 1):
        raise InputError(f"file: {label(node)}: {name}={value!r}: expected 0 or 1")
    return bool(value)


def expect_shape(node: Any, name: str, value: Array, wanted: tuple[int | None, ...]) -> None:
    """Refuses an input of another shape; ``None`` stands for any size.

    Raises:
        InputError: Naming node and input.
    """
    fits = value.ndim == len(wanted) and all(
        one in (None, size) for one, size in zip(wanted, value.shape, strict=True)
    )
    if not fits:
        told = ", ".join("any" if one is None else str(one) for one in wanted)
        raise InputError(
            f"file: {label(node)}: expected {name} of shape ({told}), got {value.shape}"
        )


def fitting_bias(node: Any, bias: Array, outputs: int, rank: int) -> Array:
    """The bias of each output: one number for each, or one for all.

    Args:
        node: That adds it.
        bias: As the graph has it; only its last axis may be longer than one.
        outputs: How many there are.
        rank: How many axes the value has that it is added to.

    Raises:
        InputError: If it differs from row to row or step to step, or does not fit.
    """
    alone = all(one == 1 for one in bias.shape[:-1])
    if bias.ndim > rank or not alone or bias.size not in (1, outputs):
        raise InputError(
            f"file: {label(node)}: expected a bias of {outputs} numbers, one for each channel, "
            f"got shape {bias.shape}"
        )
    return np.broadcast_to(bias.reshape(-1), (outputs,))


def last_of_slice(node: Any, values: Values, sizes: tuple[int, ...]) -> int:
    """The axis of which a ``Slice`` takes the last place, and nothing else.

    Args:
        node: The node; before version 10 of the standard its places are attributes.
        values: Of its graph.
        sizes: Of the axes of what it reads, 0 where they are open.

    Raises:
        InputError: If it takes anything else.
    """
    given = attributes(node)
    if values.version >= 10:
        named = ("starts", "ends", "axes", "steps")
        given = {
            name: values.required(node, place, name).reshape(-1).tolist()
            for place, name in enumerate(named, 1)
            if len(node.input) > place and node.input[place]
        }
    starts, ends = list(given.get("starts", [])), list(given.get("ends", []))
    axes = list(given.get("axes", range(len(starts))))
    one = starts == [-1] and len(ends) == len(axes) == 1 and given.get("steps", [1]) == [1]
    if one:
        size = sizes[axes[0]]
        one = ends[0] >= (size or _TO_THE_END)
    if not one:
        raise InputError(
            f"file: {label(node)}: expected the last step alone, [-1:] in time, got "
            f"{', '.join(f'{name}={value}' for name, value in given.items())}"
        )
    return int(axes[0])
