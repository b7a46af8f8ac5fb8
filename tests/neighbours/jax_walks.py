"""The walk in Keras's layout written with JAX's own operations: what on_jax must give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from elman.keras.plan import Plan

CELL_NAMES = ("rnn_tanh", "rnn_relu", "lstm", "gru", "gru_reset_before")
GATES = {"rnn_tanh": 1, "rnn_relu": 1, "lstm": 4, "gru": 3, "gru_reset_before": 3}
Arrays = tuple[Any, ...]


def plan(cell: str, **options: bool) -> Plan:
    """Of a cell with bias, outputs of all steps and no mask, unless the options say otherwise."""
    usual = {
        "bias": True,
        "go_backwards": False,
        "all_outputs": True,
        "masked": False,
        "zero_masked": False,
        "begins": True,
        "recurrent_dropout": False,
    }
    return Plan(cell, **{**usual, **options})


def operands(plan: Plan, batch: int = 3, steps: int = 6, dtype: str = "float64") -> Arrays:
    """Random arrays for a walk over 2 inputs and 5 units."""
    rng = np.random.default_rng(0)
    inputs, units, gates = 2, 5, 5 * GATES[plan.cell]

    def random(*shape: int) -> Any:
        return rng.standard_normal(shape).astype(dtype)

    found = [random(batch, steps, inputs), *(random(batch, units) for _ in range(plan.states))]
    found += [random(inputs, gates), 0.5 * random(units, gates)]
    if plan.bias:
        found.append(random(2, gates) if plan.cell == "gru" else random(gates))
    if plan.recurrent_dropout:
        found.append(1.5 * (rng.random((batch, units)) < 0.7).astype(dtype))
    if plan.masked:
        mask = rng.random((batch, steps)) < 0.6
        mask[0, 0], mask[1] = False, False  # begins masked; never observed
        found.append(mask)
    return tuple(found)


def walk(plan: Plan, tensors: Arrays) -> Arrays:
    """The outputs and the final states."""
    x, *rest = tensors
    state, rest = tuple(rest[: plan.states]), rest[plan.states :]
    mask = rest.pop() if plan.masked else jnp.ones(x.shape[:2], bool)
    factors = rest.pop() if plan.recurrent_dropout else 1.0
    kernel, recurrent, *bias = rest
    gates = kernel.shape[1]
    first, second = (*jnp.atleast_2d(bias[0]), 0.0)[:2] if bias else (0.0, 0.0)
    step = _STEPS[plan.cell]

    def move(carried: Any, now: Any) -> Any:
        state, output = carried
        inputs, observed = now[0], now[1][:, None]
        new = step(inputs @ kernel + first, state, state[0] * factors, recurrent, second)
        state = tuple(jnp.where(observed, a, b) for a, b in zip(new, state, strict=True))
        output = jnp.where(observed, new[0], 0.0 if plan.zero_masked else output)
        return (state, output), output

    assert gates == state[0].shape[1] * GATES[plan.cell]
    before = state[0] if plan.begins else jnp.zeros_like(state[0])
    sequence = (jnp.swapaxes(x, 0, 1), jnp.swapaxes(mask, 0, 1))
    if plan.go_backwards:
        sequence = tuple(one[::-1] for one in sequence)
    (state, last), outputs = jax.lax.scan(move, (state, before), sequence)
    return jnp.swapaxes(outputs, 0, 1) if plan.all_outputs else last, *state


def _rnn(activation: Callable[[Any], Any]) -> Any:
    def step(z: Any, state: Arrays, read: Any, recurrent: Any, _: Any) -> Arrays:
        return (activation(z + read @ recurrent),)

    return step


def _lstm(z: Any, state: Arrays, read: Any, recurrent: Any, _: Any) -> Arrays:
    i, f, g, o = jnp.split(z + read @ recurrent, 4, axis=1)
    c = jax.nn.sigmoid(f) * state[1] + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


def _gru(z: Any, state: Arrays, read: Any, recurrent: Any, second: Any) -> Arrays:
    update, reset, new = jnp.split(z, 3, axis=1)
    own = jnp.split(read @ recurrent + second, 3, axis=1)
    update, reset = jax.nn.sigmoid(update + own[0]), jax.nn.sigmoid(reset + own[1])
    return (update * state[0] + (1 - update) * jnp.tanh(new + reset * own[2]),)


def _gru_reset_before(z: Any, state: Arrays, read: Any, recurrent: Any, _: Any) -> Arrays:
    update, reset, new = jnp.split(z, 3, axis=1)
    first, second, third = jnp.split(recurrent, 3, axis=1)
    update, reset = jax.nn.sigmoid(update + read @ first), jax.nn.sigmoid(reset + read @ second)
    return (update * state[0] + (1 - update) * jnp.tanh(new + (reset * read) @ third),)


_STEPS = {
    "rnn_tanh": _rnn(jnp.tanh),
    "rnn_relu": _rnn(jax.nn.relu),
    "lstm": _lstm,
    "gru": _gru,
    "gru_reset_before": _gru_reset_before,
}
