"""The walk for Keras on JAX, under ``jit`` and ``grad`` too."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from elman.keras import walk
from elman.keras.walk import Plan

__all__ = ["run"]


def run(plan: Plan, tensors: Sequence[Any]) -> Sequence[Any]:
    """The outputs and the final states."""
    found: Sequence[Any] = _walk(plan, tuple(tensors))
    return found


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _walk(plan: Plan, tensors: tuple[Any, ...]) -> tuple[Any, ...]:
    *results, _ = _called(plan, False, tensors)
    return tuple(results)


def _forward(plan: Plan, tensors: tuple[Any, ...]) -> tuple[tuple[Any, ...], Any]:
    *results, ticket = _called(plan, True, tensors)
    return tuple(results), (ticket, tensors)


def _backward(plan: Plan, kept: Any, d_results: tuple[Any, ...]) -> tuple[tuple[Any, ...]]:
    ticket, tensors = kept
    given = tensors[:-1] if plan.masked else tensors
    shapes = tuple(jax.ShapeDtypeStruct(one.shape, one.dtype) for one in given)
    found = jax.pure_callback(
        lambda *arrays: _as_numpy(walk.backward(plan, *map(np.asarray, arrays))),
        shapes,
        ticket,
        *tensors,
        *d_results,
    )
    if plan.masked:  # a mask has no gradient
        found = (*found, np.zeros(tensors[-1].shape, jax.dtypes.float0))
    return (tuple(found),)


_walk.defvjp(_forward, _backward)


def _called(plan: Plan, training: bool, tensors: tuple[Any, ...]) -> Any:
    x, state = tensors[0], tensors[1]
    output = (*x.shape[:2], state.shape[1]) if plan.all_outputs else state.shape
    shapes = (
        jax.ShapeDtypeStruct(output, x.dtype),
        *(jax.ShapeDtypeStruct(state.shape, x.dtype) for _ in range(plan.states)),
        jax.ShapeDtypeStruct((), jnp.int32),
    )
    return jax.pure_callback(
        lambda *arrays: _as_numpy(walk.forward(plan, training, *map(np.asarray, arrays))),
        shapes,
        *tensors,
    )


def _as_numpy(arrays: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(np.asarray(one) for one in arrays)
