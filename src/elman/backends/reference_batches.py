"""What happens to batches on their way, in NumPy: the oracle of the compiled versions."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "activate",
    "activation_adjoint",
    "arrange",
    "embed",
    "embed_adjoint",
    "gather",
    "zero_dead",
]

Array: TypeAlias = NDArray[Any]


def gather(values: Array, starts: Array, lengths: Array | None, rows: Array, out: Array) -> None:
    """Rows of a flat array into a time-major batch.

    ``out[t, b] = values[starts[rows[b]] + t]``, zero from ``lengths[rows[b]]`` on.

    Args:
        values: ``[L, C]``.
        starts: int64 ``[N]``.
        lengths: int64 ``[N]``, or ``None`` where rows fill ``out``.
        rows: int64 ``[B]``.
        out: ``[T, B, C]``, written.
    """
    out[...] = 0
    for b, row in enumerate(rows):
        count = out.shape[0] if lengths is None else min(lengths[row], out.shape[0])
        out[:count, b] = values[starts[row] : starts[row] + count]


def arrange(
    lengths: Array, rows: Array, sorted_rows: Array, sorted_lengths: Array, live: Array
) -> int:
    """Sorts rows by length, longest first and else in their order, and counts who lives when.

    Args:
        lengths: int64 ``[N]``.
        rows: int64 ``[B]``.
        sorted_rows: ``[B]``, written.
        sorted_lengths: ``[B]``, written.
        live: At least as many elements as the longest row has steps; element ``t`` is written
            with the number of rows longer than ``t``.

    Returns:
        The length of the longest row.
    """
    chosen = lengths[rows]
    order = np.argsort(-chosen, kind="stable")
    sorted_rows[...], sorted_lengths[...] = rows[order], chosen[order]
    steps = int(chosen.max(initial=0))
    live[:steps] = [np.count_nonzero(chosen > t) for t in range(steps)]
    return steps


def zero_dead(y: Array, live: Array) -> None:
    """Writes zeros at the dead positions of ``y`` ``[T, B, C]``."""
    for t, count in enumerate(live):
        y[t, count:] = 0


def last_adjoint(d_last: Array, d_x: Array) -> None:
    """``d_x = 0`` ``[T, B, C]``, but ``d_last`` ``[B, C]`` at the last step."""
    d_x[...] = 0.0
    d_x[-1:] = d_last


def embed(weight: Array, tokens: Array, y: Array) -> None:
    """``y[p] = weight[tokens[p]]``."""
    y[...] = weight[tokens]


def embed_adjoint(d_weight: Array, tokens: Array, d_y: Array) -> None:
    """``d_weight[tokens[p]] += d_y[p]``."""
    np.add.at(d_weight, tokens, d_y)


def activate(activation: str, y: Array) -> None:
    """``y = phi(y)``, in place; softmax over the last axis."""
    if activation == "tanh":
        y[...] = np.tanh(y)
    elif activation == "relu":
        y[...] = np.maximum(y, 0.0)
    elif activation == "sigmoid":
        # 1 / (1 + exp(-a)) = (1 + tanh(a / 2)) / 2, which overflows nowhere
        y[...] = 0.5 * (1.0 + np.tanh(0.5 * y))
    else:
        power = np.exp(y - y.max(axis=-1, keepdims=True))
        y[...] = power / power.sum(axis=-1, keepdims=True)


def activation_adjoint(activation: str, y: Array, d_y: Array) -> None:
    """Turns the gradient of ``y = phi(a)`` into that of ``a``, in place."""
    if activation == "tanh":
        d_y *= 1.0 - y * y
    elif activation == "relu":
        d_y *= y > 0.0
    elif activation == "sigmoid":
        d_y *= y * (1.0 - y)
    else:
        # a_k reaches every y_j: d_a_k = y_k (d_y_k - sum_j d_y_j y_j)
        d_y[...] = y * (d_y - (d_y * y).sum(axis=-1, keepdims=True))
