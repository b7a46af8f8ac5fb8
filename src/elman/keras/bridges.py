"""The walk as a differentiable function of each of Keras's backends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, NamedTuple

from elman.errors import BackendUnavailable
from elman.keras.plan import Plan

__all__ = ["Bridge", "bridge"]


class Bridge(NamedTuple):
    """That of one backend.

    Attributes:
        run: Takes a plan and tensors in its order; gives the outputs and the final states.
        why_not: ``None`` if the kernels serve such inputs; else what stands against it.
    """

    run: Callable[[Plan, Sequence[Any]], Sequence[Any]]
    why_not: Callable[[Any], str | None]


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
    module = import_module(f"elman.keras.on_{name}")
    return Bridge(module.run, module.why_not)
