"""The walk as a differentiable function of each of Keras's backends.

Each bridge takes a :class:`elman.keras.plan.Plan` and tensors in its order; it gives
the outputs and the final states.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, TypeAlias

from elman.errors import BackendUnavailable
from elman.keras.plan import Plan

__all__ = ["Bridge", "bridge"]

Bridge: TypeAlias = Callable[[Plan, Sequence[Any]], Sequence[Any]]


def bridge() -> Bridge:
    """That of the backend which Keras runs on.

    Raises:
        BackendUnavailable: If it is none of TensorFlow, JAX and PyTorch.
    """
    import keras

    name = keras.backend.backend()
    if name not in ("tensorflow", "jax", "torch"):
        raise BackendUnavailable(
            f"elman.keras runs on Keras's backends tensorflow, jax and torch, not on {name!r}"
        )
    run: Bridge = import_module(f"elman.keras.on_{name}").run
    return run
