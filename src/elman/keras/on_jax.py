"""The walk for Keras on JAX: calls that XLA makes into the core, under ``jit`` and ``grad`` too.

There is no Python between XLA and the core. What the backward pass needs of the forward pass is an
array like all others, so that JAX keeps it, makes it again or drops it as it sees fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from typing import Any

import jax
import numpy as np

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


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _walk(plan: Plan, tensors: tuple[Any, ...]) -> tuple[Any, ...]:
    results, _ = _called(plan, False, tensors)
    return results


def _forward(plan: Plan, tensors: tuple[Any, ...]) -> tuple[tuple[Any, ...], Any]:
    results, kept = _called(plan, True, tensors)
    return results, (tensors, kept)


def _called(plan: Plan, training: bool, tensors: tuple[Any, ...]) -> tuple[tuple[Any, ...], Any]:
    """The results, and the block that a backward pass needs: without training it is empty."""
    x, state = tensors[0], tensors[1]
    output = (*x.shape[:2], state.shape[1]) if plan.all_outputs else state.shape
    elements = _kept_elements(plan, x, state) if training else 0
    shapes = [output, *(state.shape for _ in range(plan.states)), (elements,)]
    *results, kept = _foreign().ffi_call(
        "elman_walk_forward",
        [jax.ShapeDtypeStruct(shape, x.dtype) for shape in shapes],
        vmap_method="sequential",
    )(*tensors, **_attributes(plan))
    return tuple(results), kept


def _backward(plan: Plan, kept: Any, d_results: tuple[Any, ...]) -> tuple[tuple[Any, ...]]:
    tensors, block = kept
    given = tensors[:-1] if plan.masked else tensors
    # The core works on the block itself, so it is a result too, in the same place: where the block
    # has other uses, XLA makes a copy for them.
    *found, _ = _foreign().ffi_call(
        "elman_walk_backward",
        [jax.ShapeDtypeStruct(one.shape, one.dtype) for one in (*given, block)],
        vmap_method="sequential",
        input_output_aliases={len(tensors): len(given)},
    )(*tensors, block, *d_results, **_attributes(plan))
    if plan.masked:  # a mask has no gradient
        found.append(np.zeros(tensors[-1].shape, jax.dtypes.float0))
    return (tuple(found),)


_walk.defvjp(_forward, _backward)


def _attributes(plan: Plan) -> dict[str, Any]:
    """The plan as the core reads it; the cell says how many states there are."""
    attributes = plan._asdict()
    del attributes["states"]
    return attributes


def _kept_elements(plan: Plan, x: Any, state: Any) -> int:
    return _core.xla_kept_elements(
        plan.cell,
        plan.masked,
        plan.all_outputs,
        *x.shape,
        state.shape[1],
        x.dtype == np.float64,
    )
