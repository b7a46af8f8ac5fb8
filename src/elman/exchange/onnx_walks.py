"""Cells with layer normalisation or zoneout over time, in ONNX.

The standard's recurrent operators have neither, so its loop ``Scan`` walks the equations of
:mod:`elman.cells`, one function a cell: the product with the input, the states and the product with
the state, to the new states. Outside training a state under zoneout is the mean of old and new.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from elman.cells.base import EPSILON
from elman.exchange.onnx_build import Graph, Held
from elman.exchange.parts import Array

__all__ = ["Walk", "write_walk"]

Product: TypeAlias = Callable[[str, slice], str]
"""Of a state, some gates of ``norm(W_hh h + b_hh)``."""
Seen: TypeAlias = Callable[[str], str]
"""What the output sees of the memory."""
Step: TypeAlias = Callable[[Graph, str, Sequence[str], Product, Seen], list[str]]
_ALL = slice(None)


class Walk(NamedTuple):
    """One direction of one level.

    Attributes:
        cell: A name in :data:`elman.cells.CELLS`.
        values: Its parameters by the cell's own names.
        size: Units.
        zoneout: Of each state, in the cell's order; empty for none.
        reverse: Whether each row is walked from its last live step to its first.
        dtype: Of the arithmetic.
    """

    cell: str
    values: Mapping[str, Array]
    size: int
    zoneout: tuple[float, ...]
    reverse: bool
    dtype: Any


def write_walk(
    graph: Graph, walk: Walk, x: str, initial: Sequence[str], live: str
) -> tuple[str, list[str]]:
    """Adds the walk.

    Args:
        graph: Where to.
        walk: What is walked.
        x: What it reads, ``(T, N, D)``.
        initial: Each state that it begins in, ``(N, H)``.
        live: Whether each step lives, ``(T, N, 1)``.

    Returns:
        The outputs ``(T, N, H)``, zero past a row's length, and each final state ``(N, H)``.
    """
    shape = ("rows", walk.size)
    read = _normed(graph, walk, "ih", _linear(graph, walk, "ih", x, _ALL), _ALL)

    def step(inner: Graph, states: list[str], here: list[str]) -> tuple[list[str], list[Held]]:
        projected, alive = here

        def product(h: str, gates: slice) -> str:
            ends = [None if one is None else one * walk.size for one in (gates.start, gates.stop)]
            part = slice(*ends)
            return _normed(inner, walk, "hh", _linear(inner, walk, "hh", h, part), part)

        def seen(memory: str) -> str:
            return _normed(inner, walk, "c", memory, _ALL)

        new = _STEPS[walk.cell](inner, projected, states, product, seen)
        if walk.zoneout:
            new = [_mixed(inner, walk, *one) for one in zip(walk.zoneout, states, new, strict=True)]
        said = inner.op("Where", alive, new[0], inner.constant(np.zeros((), walk.dtype)))
        kept = [
            inner.op("Where", alive, after, before)
            for after, before in zip(new, states, strict=True)
        ]
        return kept, [Held(said, walk.dtype, shape)]

    begin = [Held(one, walk.dtype, shape) for one in initial]
    walked = [(read, walk.dtype), (live, np.bool_)]
    *finals, outputs = graph.scan(begin, walked, step, walk.reverse)
    return outputs, finals


def _linear(graph: Graph, walk: Walk, name: str, x: str, part: slice) -> str:
    weight = walk.values[f"weight_{name}"][part]
    y = graph.op("MatMul", x, graph.constant(weight.T, walk.dtype))
    bias = walk.values.get(f"bias_{name}")
    return y if bias is None else graph.op("Add", y, graph.constant(bias[part], walk.dtype))


def _normed(graph: Graph, walk: Walk, name: str, y: str, part: slice) -> str:
    """A product, or a state, normalised where the cell has a normalisation of that name."""
    gain = walk.values.get(f"weight_ln_{name}")
    if gain is None:
        return y
    shift = walk.values[f"bias_ln_{name}"]
    scales = [graph.constant(one[part], walk.dtype) for one in (gain, shift)]
    return graph.op("LayerNormalization", y, *scales, axis=-1, epsilon=EPSILON)


def _mixed(graph: Graph, walk: Walk, rate: float, old: str, new: str) -> str:
    parts = [
        graph.op("Mul", one, graph.constant(np.asarray(share, walk.dtype)))
        for one, share in ((old, rate), (new, 1.0 - rate))
    ]
    return graph.op("Add", *parts)


def _gates(graph: Graph, value: str, number: int) -> list[str]:
    return graph.ops("Split", number, value, axis=-1, num_outputs=number)


def _rnn(activation: str) -> Step:
    def step(
        graph: Graph, x: str, states: Sequence[str], product: Product, seen: Seen
    ) -> list[str]:
        return [graph.op(activation, graph.op("Add", x, product(states[0], _ALL)))]

    return step


def _lstm(graph: Graph, x: str, states: Sequence[str], product: Product, seen: Seen) -> list[str]:
    h, c = states
    i, f, g, o = _gates(graph, graph.op("Add", x, product(h, _ALL)), 4)
    i, f, o = (graph.op("Sigmoid", one) for one in (i, f, o))
    learnt = graph.op("Mul", i, graph.op("Tanh", g))
    memory = graph.op("Add", graph.op("Mul", f, c), learnt)
    return [graph.op("Mul", o, graph.op("Tanh", seen(memory))), memory]


def _gru(graph: Graph, x: str, states: Sequence[str], product: Product, seen: Seen) -> list[str]:
    (h,) = states
    x_r, x_z, x_n = _gates(graph, x, 3)
    h_r, h_z, h_n = _gates(graph, product(h, _ALL), 3)
    r, z = (_sum_sigmoid(graph, *one) for one in ((x_r, h_r), (x_z, h_z)))
    n = graph.op("Tanh", graph.op("Add", x_n, graph.op("Mul", r, h_n)))
    return [_between(graph, z, n, h)]


def _gru_reset_before(
    graph: Graph, x: str, states: Sequence[str], product: Product, seen: Seen
) -> list[str]:
    (h,) = states
    x_r, x_z, x_n = _gates(graph, x, 3)
    h_r, h_z = _gates(graph, product(h, slice(0, 2)), 2)
    r, z = (_sum_sigmoid(graph, *one) for one in ((x_r, h_r), (x_z, h_z)))
    n = graph.op("Tanh", graph.op("Add", x_n, product(graph.op("Mul", r, h), slice(2, None))))
    return [_between(graph, z, n, h)]


def _sum_sigmoid(graph: Graph, a: str, b: str) -> str:
    return graph.op("Sigmoid", graph.op("Add", a, b))


def _between(graph: Graph, z: str, n: str, h: str) -> str:
    """``(1 - z) n + z h``."""
    return graph.op("Add", n, graph.op("Mul", z, graph.op("Sub", h, n)))


_STEPS: dict[str, Step] = {
    "rnn_tanh": _rnn("Tanh"),
    "rnn_relu": _rnn("Relu"),
    "lstm": _lstm,
    "gru": _gru,
    "gru_reset_before": _gru_reset_before,
}
