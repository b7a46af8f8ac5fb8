"""The optimizers' updates in NumPy: the oracle of the native ones.

All vectors are flat and of one dtype; everything is in place. The semantics, the order of the
operations included, are those of ``torch.optim``.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["adam", "clip_gradient", "rmsprop", "sgd"]

Array: TypeAlias = NDArray[Any]


def clip_gradient(gradient: Array, clip_norm: float, clip_value: float) -> float:
    """Limits the gradient and returns the Euclidean norm it had before.

    Args:
        gradient: Flat; scaled so that its norm is at most ``clip_norm``, then each element
            limited to ``[-clip_value, clip_value]``.
        clip_norm: 0 for no limit.
        clip_value: 0 for no limit.
    """
    norm = math.sqrt(float(np.square(gradient, dtype=np.float64).sum()))
    if clip_norm > 0.0 and norm > clip_norm:
        gradient *= clip_norm / norm
    if clip_value > 0.0:
        np.clip(gradient, -clip_value, clip_value, out=gradient)
    return norm


def sgd(
    parameters: Array,
    gradient: Array,
    velocity: Array,
    step: int,
    rate: float,
    momentum: float,
    nesterov: bool,
    weight_decay: float,
) -> None:
    """``v = momentum v + g``; ``p -= rate v``, or with Nesterov ``rate (g + momentum v)``."""
    g = gradient + weight_decay * parameters if weight_decay else gradient
    if momentum:
        velocity *= momentum if step > 1 else 0.0
        velocity += g
        g = g + momentum * velocity if nesterov else velocity
    parameters -= rate * g


def rmsprop(
    parameters: Array,
    gradient: Array,
    square: Array,
    velocity: Array,
    rate: float,
    alpha: float,
    epsilon: float,
    momentum: float,
    weight_decay: float,
) -> None:
    """``s = alpha s + (1 - alpha) g^2``; ``p -= rate g / (sqrt(s) + epsilon)``."""
    g = gradient + weight_decay * parameters if weight_decay else gradient
    square *= alpha
    square += (1.0 - alpha) * g * g
    step = g / (np.sqrt(square) + epsilon)
    if momentum:
        velocity *= momentum
        velocity += step
        step = velocity
    parameters -= rate * step


def adam(
    parameters: Array,
    gradient: Array,
    mean: Array,
    square: Array,
    step: int,
    rate: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    weight_decay: float,
    decoupled: bool,
) -> None:
    """Adam, or AdamW where the decay is ``decoupled`` from the gradient."""
    g = gradient
    if weight_decay and decoupled:
        parameters *= 1.0 - rate * weight_decay
    elif weight_decay:
        g = g + weight_decay * parameters
    mean += (1.0 - beta1) * (g - mean)
    square *= beta2
    square += (1.0 - beta2) * g * g
    correction1 = 1.0 - beta1**step
    correction2 = math.sqrt(1.0 - beta2**step)
    parameters -= (rate / correction1) * mean / (np.sqrt(square) / correction2 + epsilon)
