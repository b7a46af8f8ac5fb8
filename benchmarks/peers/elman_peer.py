"""elman through its public interface: `Network.fit`, `predict`, `step`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

import elman
from benchmarks.registry import BATCHES_PER_EPOCH, StreamCase, TrainingCase
from elman.cells import CELLS

LAYERS = {"rnn_tanh": elman.RNN, "gru": elman.GRU, "lstm": elman.LSTM}
NAMES = {"0.": "", "2.": "head."}
"""The layers' places in the network, and the prefixes of their names in a case's weights."""


@dataclass
class Model:
    """The network and its data."""

    case: TrainingCase
    network: elman.Network
    x: np.ndarray
    y: np.ndarray


def case_name(name: str) -> str:
    """`0.weight_ih_l0` to `weight_ih_l0`, `2.bias` to `head.bias`."""
    return NAMES[name[:2]] + name[2:]


def build(case: TrainingCase, weights: dict[str, np.ndarray], backend: str = "auto") -> Model:
    """The case's network; gains and shifts of layer normalisation stay as they begin."""
    size = case.size
    layer = LAYERS[case.cell](size.inputs, size.hidden, **case.options)
    network = elman.Network([layer, elman.Last(), elman.Dense(size.hidden, 1)], backend=backend)
    begin = network.state_dict()
    network.load_state_dict({name: weights.get(case_name(name), begin[name]) for name in begin})
    return Model(case, network, *case.data)


def train_steps(model: Model, count: int) -> float:
    history = model.network.fit(
        model.x,
        model.y,
        loss="mse",
        optimizer=elman.Adam(model.case.learning_rate),
        epochs=-(-count // BATCHES_PER_EPOCH),
        batch_size=model.case.size.batch,
    )
    return history.loss[-1]


def forward(model: Model) -> np.ndarray:
    x, _ = model.case.first_batch
    return np.asarray(model.network.predict(x), np.float64)


def gradients(model: Model) -> dict[str, np.ndarray]:
    """What `fit` leaves behind after one step too small to move a weight."""
    model.network.fit(
        *model.case.first_batch,
        loss="mse",
        optimizer=elman.SGD(1e-30),
        epochs=1,
        batch_size=model.case.size.batch,
        shuffle=False,
    )
    found = model.network.gradient_dict()
    return {case_name(name): value.astype(np.float64) for name, value in found.items()}


def kernel_times(model: Model, repeats: int) -> tuple[float, float]:
    """Seconds of one walk forward and of one walk backward of the recurrent layer alone.

    The kernels are called as a training step calls them, weights packed anew each time; what a
    step takes beyond the two is gathering, the dense layer, the loss, Adam and Python.
    """
    from elman.backends import native
    from elman.backends.regularization import Noise

    case, size = model.case, model.case.size
    layer: Any = model.network.layers[0]
    own, regularization = model.network.state_dict(), layer.regularization
    names = CELLS[case.cell].parameter_names(layer.layer_norm)
    weights = tuple(own[f"0.{name}_l0"].copy() for name in names)
    gradients = tuple(np.zeros_like(weight) for weight in weights)
    noise = Noise(np.ones(1, np.uint64)) if regularization.random else None
    x = np.ascontiguousarray(case.first_batch[0].transpose(1, 0, 2))
    output = np.empty((size.steps, size.batch, size.hidden), np.float32)
    states = len(CELLS[case.cell].states)
    final = tuple(np.empty((size.batch, size.hidden), np.float32) for _ in range(states))
    d_final = tuple(np.full_like(part, 0.1) for part in final)
    workspace = native.create_workspace(
        case.cell, size.inputs, size.hidden, True, "f4", False, regularization
    )
    spent = [0.0, 0.0]
    for repeat in range(repeats + 1):
        start = time.perf_counter()
        native.forward(workspace, weights, x, None, None, output, final, True, noise=noise)
        middle = time.perf_counter()
        native.backward(workspace, weights, x, None, d_final, None, None, gradients, None)
        end = time.perf_counter()
        if repeat:
            spent[0] += middle - start
            spent[1] += end - middle
    return spent[0] / repeats, spent[1] / repeats


@dataclass
class Stream:
    """The network and the state between calls."""

    network: elman.Network
    x: np.ndarray
    state: Any


def build_stream(case: StreamCase, weights: dict[str, np.ndarray]) -> Stream:
    network = elman.Network([elman.LSTM(case.inputs, case.hidden)])
    network.load_state_dict({f"0.{name}": value for name, value in weights.items()})
    return Stream(network, case.input, None)


def stream_steps(stream: Stream, count: int) -> np.ndarray:
    step, x, state = stream.network.step, stream.x, stream.state
    for _ in range(count):
        output, state = step(x, state)
    stream.state = state
    return output.astype(np.float64)


def versions() -> dict[str, str]:
    return {"elman": elman.__version__}
