"""A chain of labels in ONNX: the best one and the marginals, see :mod:`elman.layers.crf`.

The standard has no operator for it. Its loop ``Scan`` walks the recursions of Viterbi and of
forward and backward in double precision, with the lengths of the rows: past its end a row keeps
what it has, and so the last step of every row is where the walk ends.
"""

from __future__ import annotations

import numpy as np

from elman.exchange.onnx_build import Graph, Held
from elman.layers.crf import Potentials

__all__ = ["write_chain"]


def write_chain(graph: Graph, potentials: Potentials, emissions: str, live: str) -> tuple[str, str]:
    """Adds the recursions.

    Args:
        graph: Where to.
        potentials: Of the chain.
        emissions: ``(T, N, K)``, float64.
        live: Whether each step lives, ``(T, N, 1)``.

    Returns:
        The number of each step's label ``(T, N)``, and the probability of each ``(T, N, K)``;
        anything past a row's length.
    """
    best, alpha, back, alphas = _forward(graph, potentials, emissions, live)
    end = graph.constant(potentials.end, np.float64)
    paths = _path(graph, graph.op("Add", best, end), back)
    ends = graph.op("Expand", end, graph.op("Shape", alpha))
    betas = _backward(graph, potentials, emissions, live, ends)
    return paths, graph.op("Softmax", graph.op("Add", alphas, betas), axis=-1)


def _forward(graph: Graph, potentials: Potentials, emissions: str, live: str) -> list[str]:
    """The scores of the best chain and of all chains up to each label, and where from."""
    transitions = graph.constant(potentials.transitions[None], np.float64)
    start = graph.constant(potentials.start, np.float64)
    sizes = ("rows", len(potentials.start))
    itself = graph.constant(np.arange(len(potentials.start))[None])
    zeros = graph.op("Mul", _first_step(graph, emissions), graph.constant(np.float64(0.0)))
    steps = graph.op("Squeeze", graph.size(emissions, 0))
    order = graph.op("Range", graph.constant(np.int64(0)), steps, graph.constant(np.int64(1)))

    def step(inner: Graph, states: list[str], here: list[str]) -> tuple[list[str], list[Held]]:
        best, alpha = states
        emission, alive, number = here
        first = inner.op("Equal", number, inner.constant(np.int64(0)))
        begin = inner.op("Add", start, emission)
        column, rows = inner.integers(2), inner.integers(1)
        through = inner.op("Add", inner.op("Unsqueeze", best, column), transitions)
        top = inner.op("ReduceMax", through, rows, keepdims=0)
        origin = inner.op("ArgMax", through, axis=1, keepdims=0)
        walked = inner.op("Add", inner.op("Unsqueeze", alpha, column), transitions)
        total = inner.op("ReduceLogSumExp", walked, rows, keepdims=0)
        found = []
        for before, after in ((best, top), (alpha, total)):
            after = inner.op("Where", first, begin, inner.op("Add", after, emission))
            found.append(inner.op("Where", alive, after, before))
        moved = inner.op("And", alive, inner.op("Not", first))
        back = inner.op("Where", moved, origin, itself)
        return found, [Held(back, np.int64, sizes), Held(found[1], np.float64, sizes)]

    return graph.scan(
        [Held(zeros, np.float64, sizes)] * 2,
        [(emissions, np.float64), (live, np.bool_), (order, np.int64)],
        step,
    )


def _path(graph: Graph, scores: str, back: str) -> str:
    """The labels of the best chain, from where it ends back to where it begins."""
    last = graph.op("ArgMax", scores, axis=1, keepdims=1)

    def step(inner: Graph, states: list[str], here: list[str]) -> tuple[list[str], list[Held]]:
        before = inner.op("GatherElements", here[0], states[0], axis=1)
        return [before], [Held(inner.op("Identity", states[0]), np.int64, ("rows", 1))]

    _, paths = graph.scan(
        [Held(last, np.int64, ("rows", 1))], [(back, np.int64)], step, reverse=True
    )
    return graph.op("Squeeze", paths, graph.integers(2))


def _backward(graph: Graph, potentials: Potentials, emissions: str, live: str, ends: str) -> str:
    """The scores of all chains after each label."""
    sizes = ("rows", len(potentials.end))
    transitions = graph.constant(potentials.transitions[None], np.float64)

    def step(inner: Graph, states: list[str], here: list[str]) -> tuple[list[str], list[Held]]:
        emission, alive = here
        after = inner.op("Unsqueeze", inner.op("Add", emission, states[0]), inner.integers(1))
        walked = inner.op("Add", transitions, after)
        total = inner.op("ReduceLogSumExp", walked, inner.integers(2), keepdims=0)
        before = inner.op("Where", alive, total, states[0])
        return [before], [Held(inner.op("Identity", states[0]), np.float64, sizes)]

    _, betas = graph.scan(
        [Held(ends, np.float64, sizes)],
        [(emissions, np.float64), (live, np.bool_)],
        step,
        reverse=True,
    )
    return betas


def _first_step(graph: Graph, emissions: str) -> str:
    return graph.op("Gather", emissions, graph.constant(np.int64(0)), axis=0)
