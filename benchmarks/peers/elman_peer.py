"""elman through its public interface: `Network.fit`, `predict`, `step`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import elman
from benchmarks.registry import BATCHES_PER_EPOCH, LEARNING_RATE, StreamCase, TrainingCase

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


def build(case: TrainingCase, weights: dict[str, np.ndarray]) -> Model:
    size = case.size
    network = elman.Network(
        [LAYERS[case.cell](size.inputs, size.hidden), elman.Last(), elman.Dense(size.hidden, 1)]
    )
    network.load_state_dict({name: weights[case_name(name)] for name in network.state_dict()})
    return Model(case, network, *case.data)


def train_steps(model: Model, count: int) -> float:
    history = model.network.fit(
        model.x,
        model.y,
        loss="mse",
        optimizer=elman.Adam(LEARNING_RATE),
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
