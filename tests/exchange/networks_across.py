"""Networks of every layer that crosses to another library, with weights that are no small ones."""

from __future__ import annotations

import numpy as np

from elman import (
    GRU,
    LSTM,
    RNN,
    Activation,
    AttentionPool,
    Dense,
    Dropout,
    Embedding,
    Ends,
    First,
    Last,
    MarkMissing,
    MaxPool,
    MeanPool,
    Network,
    Noise,
    OneHot,
    Repeat,
    TiedDense,
)
from elman.layers import Layer

CHANNELS, TOKENS = 3, 7


def shared_layers() -> dict[str, list[Layer]]:
    """What all three libraries can be told."""
    return {
        "rnn": [RNN(CHANNELS, 5), Dense(5, 2)],
        "rnn_relu": [RNN(CHANNELS, 4, nonlinearity="relu"), Last(), Dense(4, 2, "tanh")],
        "lstm": [LSTM(CHANNELS, 5, 2, dropout=0.2), Dropout(0.3), Dense(5, 2, "sigmoid")],
        "lstm_no_bias": [LSTM(CHANNELS, 5, bias=False), Last(), Dense(5, 3, bias=False)],
        "gru": [GRU(CHANNELS, 5, bidirectional=True), Dense(10, 4, "softmax")],
        "gru_ends": [GRU(CHANNELS, 4, 2, bidirectional=True), Ends(), Dense(8, 2, "relu")],
        "gru_reset_before": [GRU(CHANNELS, 5, reset_after=False), MeanPool(), Dense(5, 1)],
        "both_reset_before": [
            GRU(CHANNELS, 3, 2, bidirectional=True, reset_after=False),
            MaxPool(),
        ],
        "tokens": [Embedding(TOKENS, 4), LSTM(4, 5), Last(), Dense(5, 2)],
        "activation": [RNN(CHANNELS, 4), Activation("sigmoid"), GRU(4, 3), Activation("tanh")],
        "noise": [Noise(0.2), LSTM(CHANNELS, 4), Dense(4, 2)],
        "last_late": [LSTM(CHANNELS, 4), Dropout(0.1), Dense(4, 3, "relu"), Last(), Dense(3, 2)],
    }


def further_layers() -> dict[str, list[Layer]]:
    """What PyTorch and ONNX can be told beside these."""
    return {
        "learned": [LSTM(CHANNELS, 4, 2, bidirectional=True, learned_state=True), Last()],
        "learned_reset_before": [GRU(CHANNELS, 4, learned_state=True, reset_after=False)],
        "attention": [GRU(CHANNELS, 4), AttentionPool(4, 3), Dense(4, 2)],
        "tied": [Embedding(TOKENS, 4), LSTM(4, 4), TiedDense(4, TOKENS)],
        "one_hot": [OneHot(TOKENS), GRU(TOKENS, 4), Dense(4, TOKENS)],
        "repeat": [GRU(CHANNELS, 4), MeanPool(), Repeat(3), RNN(7, 4), Dense(4, 2)],
        "repeat_alone": [GRU(CHANNELS, 4), Last(), Repeat(), RNN(4, 4)],
        "dense_ends": [GRU(CHANNELS, 4, bidirectional=True), Dense(8, 4), Ends()],
        "both_last": [LSTM(CHANNELS, 4, bidirectional=True), Last()],
        "dense_alone": [Dense(CHANNELS, 4, "tanh"), MaxPool()],
        "first": [GRU(CHANNELS, 4, bidirectional=True), First(), Dense(8, 2)],
        "missing": [MarkMissing(CHANNELS), GRU(2 * CHANNELS, 4), Last()],
    }


def make(layers: list[Layer], dtype: str = "float32") -> Network:
    """A network with random weights."""
    network = Network(layers, dtype=dtype)
    generator = np.random.default_rng(5)
    network.set_parameters(0.6 * generator.standard_normal(network.parameter_count))
    return network


def inputs_of(network: Network, rows: int = 5, steps: int = 6) -> np.ndarray:
    """Random inputs for a network, NaN among them where it reads these."""
    generator = np.random.default_rng(6)
    if network.reads_tokens:
        return generator.integers(0, TOKENS, (rows, steps))
    x = generator.standard_normal((rows, steps, network.input_size)).astype(network.dtype)
    if isinstance(network.layers[0], MarkMissing):
        x[generator.random(x.shape) < 0.2] = np.nan
    return x


LENGTHS = np.array([6, 0, 3, 1, 6])
