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
from elman.keras.plan import Plan

__all__ = ["run", "why_not"]


def why_not(x: Any) -> str | None:
    """``None`` if the kernels serve such an input; else what stands against it."""
    device = jax.config.jax_default_device
    platform = getattr(device, "platform", device) or jax.default_backend()
    if platform != "cpu":
        return f"on {platform}"
    return None if _foreign() else f"jax {jax.__version__}, before 0.5"


def run(plan: Plan, tensors: Sequence[Any]) -> Sequence[Any]:
    """The outputs and the final states."""
    found: Sequence[Any] = _walk(plan, tuple(tensors))
    return found


@cache
def _foreign() -> Any:
    """``jax.ffi``, which from then on knows the walks of the core; ``None`` if there is none."""
    try:
        from jax import ffi
    except ImportError:
        return None
    for name, handler in _core.xla_handlers.items():
        ffi.register_ffi_target(name, handler, platform="cpu")
    return ffi


@jax.tree_util.register_static
@dataclass(frozen=True)
class _Asked:
    """What is known of a backward pass before it is compiled.

    Attributes:
        shapes: Of the gradients of ``x``, the states, the kernels and the bias; ``(0,)`` for those
            that nobody asks for.
        others: How many tensors follow that have no gradient.
        units: ``H``.
    """

    shapes: tuple[tuple[int, ...], ...]
    others: int
    units: int


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _walk(plan: Plan, tensors: tuple[Any, ...]) -> tuple[Any, ...]:
    results, _ = _called(plan, False, tensors)
    return results


def _forward(plan: Plan, primals: tuple[Any, ...]) -> tuple[tuple[Any, ...], Any]:
    tensors = tuple(one.value for one in primals)
    results, kept = _called(plan, True, tensors)
    others = int(plan.recurrent_dropout) + int(plan.masked)
    shapes = tuple(
        one.value.shape if one.perturbed else (0,) for one in primals[: len(primals) - others]
    )
    mask = tensors[-1:] if plan.masked else ()
    return results, (tensors[0], *mask, kept, _Asked(shapes, others, tensors[1].shape[1]))


def _called(plan: Plan, training: bool, tensors: tuple[Any, ...]) -> tuple[tuple[Any, ...], Any]:
    """The results, and the block that a backward pass needs: without training it is empty."""
    x, state = tensors[0], tensors[1]
    elements = 0
    if training:
        count = _core.keras_kept64 if x.dtype == np.float64 else _core.keras_kept32
        elements = count(plan, [*x.shape, state.shape[1]])
    output = (*x.shape[:2], state.shape[1]) if plan.all_outputs else state.shape
    shapes = [output, *(state.shape for _ in range(plan.states)), (elements,)]
    *results, kept = _call("elman_walk_forward", shapes, tensors, **plan._asdict())
    return tuple(results), kept


def _backward(plan: Plan, kept: Any, d_results: tuple[Any, ...]) -> tuple[tuple[Any, ...]]:
    *given, asked = kept
    place, block = len(given) - 1, given[-1]
    zero = np.empty(0, given[0].dtype)
    given += [zero if isinstance(one, SymbolicZero) else one for one in d_results]
    units = np.int64(asked.units)
    # The core works over the block, so it is a result too, in the same place. XLA makes a copy of
    # it first where it has other uses.
    *found, _ = _call(
        "elman_walk_backward",
        (*asked.shapes, block.shape),
        given,
        {place: len(asked.shapes)},
        **plan._asdict(),
        units=units,
    )
    gradients = [
        one if shape != (0,) else None for one, shape in zip(found, asked.shapes, strict=True)
    ]
    return ((*gradients, *(None for _ in range(asked.others))),)


_walk.defvjp(_forward, _backward, symbolic_zeros=True)


def _call(
    name: str,
    shapes: Sequence[tuple[int, ...]],
    tensors: Sequence[Any],
    aliases: dict[int, int] | None = None,
    **attributes: Any,
) -> Sequence[Any]:
    """The arrays of these shapes that a walk of the core makes of the tensors.

    Args:
        name: Of the core's function.
        shapes: Of the results.
        tensors: Its arguments.
        aliases: The places of arguments that are overwritten by results, and those of the results.
        attributes: The plan and what else the function reads.
    """
    results = [jax.ShapeDtypeStruct(shape, tensors[0].dtype) for shape in shapes]
    call = _foreign().ffi_call(
        name, results, vmap_method="sequential", input_output_aliases=aliases
    )
    found: Sequence[Any] = call(*tensors, **attributes)
    return found
