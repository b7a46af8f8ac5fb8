"""The losses in NumPy float64: slow, obvious, the oracle of the native ones.

Every function here takes ``output`` and ``target`` as ``[positions, channels]`` and returns
``(loss, slope)``: the loss of every element and its derivative in the output.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["LOSSES", "loss"]

Array: TypeAlias = NDArray[Any]


def squared(output: Array, target: Array, constants: Array) -> tuple[Array, Array]:
    """``(y - t)^2``."""
    error = output - target
    return error**2, 2.0 * error


def absolute(output: Array, target: Array, constants: Array) -> tuple[Array, Array]:
    """``|y - t|``, of slope 0 where they are equal."""
    error = output - target
    return np.abs(error), np.sign(error)


def huber(output: Array, target: Array, constants: Array) -> tuple[Array, Array]:
    """``e^2 / 2`` up to ``|e| = delta``, then ``delta (|e| - delta / 2)``."""
    (delta,) = constants
    error = output - target
    size = np.abs(error)
    value = np.where(size <= delta, 0.5 * error**2, delta * (size - 0.5 * delta))
    return value, np.clip(error, -delta, delta)


def pinball(output: Array, target: Array, constants: Array) -> tuple[Array, Array]:
    """``max(q (t - y), (q - 1) (t - y))`` for each quantile ``q``, their mean.

    The output's channels are the quantiles of the target's first channel, then those of its
    second, and so on. The loss has the target's channels, the slope the output's.
    """
    number = len(constants)
    quantiles = output.reshape(len(output), -1, number)
    error = target[:, :, None] - quantiles
    value = np.maximum(constants * error, (constants - 1.0) * error).mean(axis=2)
    slope = np.where(error > 0.0, -constants, np.where(error < 0.0, 1.0 - constants, 0.0))
    return value, (slope / number).reshape(output.shape)


def cross_entropy(output: Array, target: Array, constants: Array) -> tuple[Array, Array]:
    """``log sum_k exp(y_k) - y_t``: ``y`` are logits, ``t`` is the number of a class."""
    shifted = output - output.max(axis=1, keepdims=True)
    exponential = np.exp(shifted)
    total = exponential.sum(axis=1, keepdims=True)
    label = target.astype(np.int64)
    value = np.log(total) - np.take_along_axis(shifted, label, axis=1)
    slope = exponential / total
    np.put_along_axis(slope, label, np.take_along_axis(slope, label, axis=1) - 1.0, axis=1)
    return value, slope


def binary_cross_entropy(output: Array, target: Array, constants: Array) -> tuple[Array, Array]:
    """``log(1 + exp(y)) - t y``: ``y`` is a logit, ``t`` a probability."""
    value = np.maximum(output, 0.0) - output * target + np.log1p(np.exp(-np.abs(output)))
    return value, 0.5 * (1.0 + np.tanh(0.5 * output)) - target


LOSSES: dict[str, Callable[[Array, Array, Array], tuple[Array, Array]]] = {
    "squared": squared,
    "absolute": absolute,
    "huber": huber,
    "pinball": pinball,
    "cross_entropy": cross_entropy,
    "binary_cross_entropy": binary_cross_entropy,
}
"""Every loss by the name that the native core knows it under."""


def loss(
    kind: str,
    output: Array,
    target: Array,
    weight: Array | None,
    live: Array | None,
    constants: Array,
    gradient: Array | None,
) -> tuple[float, float]:
    """The weighted mean over live positions, and its gradient.

    Args:
        kind: A name in :data:`LOSSES`.
        output: ``[T, B, K]`` or ``[B, K]``.
        target: ``[T, B, C]`` or ``[B, C]``.
        weight: ``None``, or like the target, or like it with one channel.
        live: ``None`` or int64 ``(T,)``, for ``[T, B, K]`` only.
        constants: float64: quantiles, or delta, or nothing.
        gradient: ``None``, or shaped as ``output``, written; zero at dead positions.

    Returns:
        The mean, and the sum of the weights (of the live elements, without weights). Both are
        0 when nothing lives or all weights are 0. Elements of weight 0 are never read.
    """
    positions = int(np.prod(output.shape[:-1]))
    flat = output.reshape(positions, output.shape[-1]).astype(np.float64)
    goal = target.reshape(positions, target.shape[-1]).astype(np.float64)
    share = np.ones_like(goal)
    if weight is not None:
        share *= weight.reshape(positions, weight.shape[-1])
    if live is not None:
        share *= (np.arange(output.shape[1]) < live[:, None]).reshape(positions, 1)
    # what has no weight may hold anything, NaN included
    goal = np.where(share > 0.0, goal, 0.0)
    flat = np.where((share > 0.0).any(axis=1, keepdims=True), flat, 0.0)
    total = float(share.sum())
    if total == 0.0:
        if gradient is not None:
            gradient[...] = 0.0
        return 0.0, 0.0
    value, slope = LOSSES[kind](flat, goal, constants)
    if gradient is not None:
        share_of_output = np.repeat(share, slope.shape[1] // share.shape[1], axis=1)
        gradient[...] = (slope * share_of_output / total).reshape(output.shape)
    return float((value * share).sum()) / total, total
