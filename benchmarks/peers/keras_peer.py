"""Keras 3 through `Model.fit`, on the backend that `KERAS_BACKEND` names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from benchmarks.registry import BATCHES_PER_EPOCH, TrainingCase

BIASES = ("bias_ih_l0", "bias_hh_l0")


@dataclass
class Model:
    """The compiled model and its data."""

    case: TrainingCase
    network: Any
    x: np.ndarray
    y: np.ndarray


def reordered(cell: str, rows: np.ndarray) -> np.ndarray:
    """PyTorch's gate order to that of Keras, or back: a GRU swaps its first two gates."""
    if cell != "gru":
        return rows
    r, z, n = np.split(rows, 3)
    return np.concatenate([z, r, n])


def build(case: TrainingCase, weights: dict[str, np.ndarray]) -> Model:
    hidden = case.size.hidden
    layers = {
        "rnn_tanh": keras.layers.SimpleRNN,
        "gru": keras.layers.GRU,
        "lstm": keras.layers.LSTM,
    }
    network = keras.Sequential(
        [
            keras.Input((case.size.steps, case.size.inputs)),
            layers[case.cell](hidden),
            keras.layers.Dense(1),
        ]
    )
    first, second = (reordered(case.cell, weights[name]) for name in BIASES)
    bias = np.stack([first, second]) if case.cell == "gru" else first + second
    network.set_weights(
        [
            reordered(case.cell, weights["weight_ih_l0"]).T,
            reordered(case.cell, weights["weight_hh_l0"]).T,
            bias,
            weights["head.weight"].T,
            weights["head.bias"],
        ]
    )
    network.compile(optimizer=keras.optimizers.Adam(case.learning_rate), loss="mse")
    return Model(case, network, *case.data)


def train_steps(model: Model, count: int) -> float:
    epochs = -(-count // BATCHES_PER_EPOCH)
    history = model.network.fit(
        model.x, model.y, batch_size=model.case.size.batch, epochs=epochs, verbose=0
    )
    return float(history.history["loss"][-1])


def forward(model: Model) -> np.ndarray:
    x, _ = model.case.first_batch
    output = keras.ops.convert_to_numpy(model.network(x, training=False))
    return np.asarray(output, np.float64)


def gradients(model: Model) -> dict[str, np.ndarray]:
    x, y = model.case.first_batch
    values = GRADIENTS[keras.backend.backend()](model.network, x, y)
    kernel, recurrent, bias, head, head_bias = (np.asarray(v, np.float64) for v in values)
    cell = model.case.cell
    first, second = bias if cell == "gru" else (bias, bias)
    return {
        "weight_ih_l0": reordered(cell, kernel.T),
        "weight_hh_l0": reordered(cell, recurrent.T),
        "bias_ih_l0": reordered(cell, first),
        "bias_hh_l0": reordered(cell, second),
        "head.weight": head.T,
        "head.bias": head_bias,
    }


def _loss(network: Any, x: Any, y: Any) -> Any:
    return keras.ops.mean((network(x, training=True) - y) ** 2)


def _torch_gradients(network: Any, x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
    network.zero_grad()
    x, y = (keras.ops.convert_to_tensor(part) for part in (x, y))
    _loss(network, x, y).backward()
    return [weight.value.grad.numpy().copy() for weight in network.trainable_weights]


def _jax_gradients(network: Any, x: np.ndarray, y: np.ndarray) -> list[Any]:
    import jax

    fixed = [variable.value for variable in network.non_trainable_variables]

    def loss(weights: Any) -> Any:
        output, _ = network.stateless_call(weights, fixed, x, training=True)
        return keras.ops.mean((output - y) ** 2)

    return list(jax.grad(loss)([variable.value for variable in network.trainable_variables]))


def _tensorflow_gradients(network: Any, x: np.ndarray, y: np.ndarray) -> list[Any]:
    import tensorflow

    with tensorflow.GradientTape() as tape:
        loss = _loss(network, x, y)
    return list(tape.gradient(loss, [variable.value for variable in network.trainable_variables]))


GRADIENTS = {
    "torch": _torch_gradients,
    "jax": _jax_gradients,
    "tensorflow": _tensorflow_gradients,
}


def versions() -> dict[str, str]:
    return {"keras": keras.__version__, "keras backend": keras.backend.backend()}
