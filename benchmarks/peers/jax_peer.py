"""JAX: the whole training step jitted, `lax.scan` over time, optax Adam, donated buffers.

The input's product is taken for all steps at once before the scan, and weights are kept as
`(inputs, outputs)`, as a practised user would.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.registry import BATCHES_PER_EPOCH, TrainingCase

Parameters = dict[str, jax.Array]


def rnn_tanh(p: Parameters, x: jax.Array, h: jax.Array) -> tuple[jax.Array, jax.Array]:
    projected = x @ p["weight_ih_l0"] + (p["bias_ih_l0"] + p["bias_hh_l0"])

    def step(h: jax.Array, projected: jax.Array) -> tuple[jax.Array, None]:
        return jnp.tanh(projected + h @ p["weight_hh_l0"]), None

    return jax.lax.scan(step, h, projected)[0]


def gru(p: Parameters, x: jax.Array, h: jax.Array) -> jax.Array:
    projected = x @ p["weight_ih_l0"] + p["bias_ih_l0"]

    def step(h: jax.Array, projected: jax.Array) -> tuple[jax.Array, None]:
        recurrent = h @ p["weight_hh_l0"] + p["bias_hh_l0"]
        input_r, input_z, input_n = jnp.split(projected, 3, axis=-1)
        state_r, state_z, state_n = jnp.split(recurrent, 3, axis=-1)
        r, z = jax.nn.sigmoid(input_r + state_r), jax.nn.sigmoid(input_z + state_z)
        n = jnp.tanh(input_n + r * state_n)
        return (1 - z) * n + z * h, None

    return jax.lax.scan(step, h, projected)[0]


def lstm(p: Parameters, x: jax.Array, h: jax.Array) -> jax.Array:
    projected = x @ p["weight_ih_l0"] + (p["bias_ih_l0"] + p["bias_hh_l0"])

    def step(state: tuple[jax.Array, jax.Array], projected: jax.Array) -> Any:
        h, c = state
        i, f, g, o = jnp.split(projected + h @ p["weight_hh_l0"], 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

    return jax.lax.scan(step, (h, h), projected)[0][0]


CELLS = {"rnn_tanh": rnn_tanh, "gru": gru, "lstm": lstm}


def predict(parameters: Parameters, x: jax.Array, cell: str, hidden: int) -> jax.Array:
    """Outputs `(batch, 1)` of inputs `(batch, steps, inputs)`."""
    start = jnp.zeros((x.shape[0], hidden), x.dtype)
    last = CELLS[cell](parameters, jnp.swapaxes(x, 0, 1), start)
    return last @ parameters["head.weight"] + parameters["head.bias"]


def mean_squared_error(parameters: Parameters, x: jax.Array, y: jax.Array, **kind: Any) -> Any:
    return jnp.mean((predict(parameters, x, **kind) - y) ** 2)


@partial(jax.jit, donate_argnums=(0, 1), static_argnames=("cell", "hidden", "batch", "rate"))
def train_step(
    parameters: Parameters,
    moments: Any,
    x: jax.Array,
    y: jax.Array,
    order: jax.Array,
    position: Any,
    cell: str,
    hidden: int,
    batch: int,
    rate: float,
) -> Any:
    rows = jax.lax.dynamic_slice_in_dim(order, position * batch, batch)
    loss, gradient = jax.value_and_grad(mean_squared_error)(
        parameters, x[rows], y[rows], cell=cell, hidden=hidden
    )
    updates, moments = optax.adam(rate).update(gradient, moments, parameters)
    return optax.apply_updates(parameters, updates), moments, loss


@dataclass
class Model:
    """What a training loop needs; the parameters and moments are replaced at each step."""

    case: TrainingCase
    kind: dict[str, Any]
    parameters: Parameters
    moments: Any
    x: jax.Array
    y: jax.Array
    generator: np.random.Generator


def build(case: TrainingCase, weights: dict[str, np.ndarray]) -> Model:
    parameters = {name: jnp.array(value.T) for name, value in weights.items()}
    x, y = (jnp.array(part) for part in case.data)
    moments = optax.adam(case.learning_rate).init(parameters)
    kind = {"cell": case.cell, "hidden": case.size.hidden}
    generator = np.random.default_rng(0)
    return Model(case, kind, parameters, moments, x, y, generator)


def train_steps(model: Model, count: int) -> float:
    loss: Any = None
    for step in range(count):
        position = step % BATCHES_PER_EPOCH
        if position == 0:
            order = jnp.array(model.generator.permutation(len(model.x)))
        model.parameters, model.moments, loss = train_step(
            model.parameters,
            model.moments,
            model.x,
            model.y,
            order,
            position,
            batch=model.case.size.batch,
            rate=model.case.learning_rate,
            **model.kind,
        )
    return float(loss)


def forward(model: Model) -> np.ndarray:
    x, _ = model.case.first_batch
    compiled = jax.jit(partial(predict, **model.kind))
    return np.asarray(compiled(model.parameters, x), np.float64)


def gradients(model: Model) -> dict[str, np.ndarray]:
    x, y = model.case.first_batch
    compiled = jax.jit(jax.grad(partial(mean_squared_error, **model.kind)))
    gradient = compiled(model.parameters, x, y)
    return {name: np.asarray(value, np.float64).T for name, value in gradient.items()}


def versions() -> dict[str, str]:
    return {"jax": jax.__version__, "optax": optax.__version__}
