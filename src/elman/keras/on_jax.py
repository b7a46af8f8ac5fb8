"""The walk for Keras on JAX: calls that XLA makes into the core, under ``jit`` and ``grad`` too.

There is no Python between XLA and the core. What the backward pass needs of the forward pass is an
array like all others, so that JAX keeps it, makes it again or drops it as it sees fit. An array of
shape ``(0,)`` stands for a gradient that is zero, or that nobody wants.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import jax
import numpy as np
from jax.custom_derivatives import SymbolicZero

from elman import _core
from elman.errors import BackendUnavailable
from elman.keras.walk import Plan

__all__ = ["run"]


def run(plan: Plan, tensors: Sequence[Any]) -> Sequence[Any]:
    """The outputs and the final states.

    Raises:
        BackendUnavailable: If this JAX has no ``jax.ffi``, or does not run on the CPU.
    """
    device = jax.config.jax_default_device
    platform = getattr(device, "platform", device) or jax.default_backend()
    if platform != "cpu":
        raise BackendUnavailable(
            f"elman.keras on JAX runs on the CPU, not on {platform!r}: set JAX_PLATFORMS=cpu, or"
            ' work within jax.default_device(jax.devices("cpu")[0])'
        )
    found: Sequence[Any] = _walk(plan, tuple(tensors))
    return found


@cache
def _foreign() -> Any:
    """``jax.ffi``, which from then on knows the walks of the core."""
    try:
        from jax import ffi
    except ImportError as error:
        raise BackendUnavailable(
            f"elman.keras on JAX needs jax 0.5 or later, this is {jax.__version__}:"
            " pip install --upgrade jax"
        ) from error
    for name, handler in _core.xla_handlers.items():
        ffi.register_ffi_target(name, handler, platform="cpu")
    return ffi


@jax.tree_util.register_static
@dataclass(frozen=True)
class _Wanted:
    """Which of the tensors have a gradient that somebody asks for."""

    each: tuple[bool, ...]


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _walk(plan: Plan, tensors: tuple[Any, ...]) -> tuple[Any, ...]:
    results, _ = _called(plan, False, tensors)
    return results


def _forward(plan: Plan, primals: tuple[Any, ...]) -> tuple[tuple[Any, ...], Any]:
    tensors = tuple(one.value for one in primals)
    results, kept = _called(plan, True, tensors)
    return results, (tensors, kept, _Wanted(tuple(one.perturbed for one in primals)))


def _called(plan: Plan, training: bool, tensors: tuple[Any, ...]) -> tuple[tuple[Any, ...], Any]:
    """The results, and the block that a backward pass needs: without training it is empty."""
    x, state = tensors[0], tensors[1]
    output = (*x.shape[:2], state.shape[1]) if plan.all_outputs else state.shape
    elements = _kept_elements(plan, tensors) if training else 0
    shapes = [output, *(state.shape for _ in range(plan.states)), (elements,)]
    *results, kept = _foreign().ffi_call(
        "elman_walk_forward",
        [jax.ShapeDtypeStruct(shape, x.dtype) for shape in shapes],
        vmap_method="sequential",
    )(*tensors, **_attributes(plan))
    return tuple(results), kept


def _backward(plan: Plan, kept: Any, d_results: tuple[Any, ...]) -> tuple[tuple[Any, ...]]:
    tensors, block, wanted = kept
    x = tensors[0]
    weights = 1 + plan.states  # the first of them: x and the states come before
    others = weights + (3 if plan.bias else 2)  # the mask and the factors have no gradient
    shapes = [
        one.shape if asked or place >= weights else (0,)
        for place, (one, asked) in enumerate(zip(tensors[:others], wanted.each, strict=False))
    ]
    given = [np.empty(0, x.dtype) if isinstance(d, SymbolicZero) else d for d in d_results]
    found = _foreign().ffi_call(
        "elman_walk_backward",
        [jax.ShapeDtypeStruct(shape, x.dtype) for shape in shapes],
        vmap_method="sequential",
    )(*tensors, block, *given, **_attributes(plan))
    gradients = [one if asked else None for one, asked in zip(found, wanted.each, strict=False)]
    return ((*gradients, *(None for _ in tensors[others:])),)


_walk.defvjp(_forward, _backward, symbolic_zeros=True)


def _attributes(plan: Plan) -> dict[str, Any]:
    """The plan as the core reads it; the cell says how many states there are."""
    attributes = plan._asdict()
    del attributes["states"]
    attributes.setdefault("recurrent_dropout", False)
    return attributes


def _kept_elements(plan: Plan, tensors: tuple[Any, ...]) -> int:
    x, state = tensors[0], tensors[1]
    two_biases = plan.bias and tensors[3 + plan.states].ndim == 2
    core_plan = _core.KerasPlan(**_attributes(plan), two_biases=two_biases)
    count = _core.keras_kept64 if x.dtype == np.float64 else _core.keras_kept32
    return count(core_plan, [*x.shape, state.shape[1]])
