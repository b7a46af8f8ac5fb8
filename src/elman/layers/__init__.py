"""The layers of a network: recurrent ones, and those that come before and after them."""

from __future__ import annotations

from elman.layers.activation import Activation
from elman.layers.base import Context, Layer, Signal, bind_layers
from elman.layers.feedforward import Dense, Dropout, Embedding
from elman.layers.missing import MarkMissing
from elman.layers.noise import Noise
from elman.layers.pooling import AttentionPool, Ends, First, Last, MaxPool, MeanPool
from elman.layers.recurrent import GRU, LSTM, RNN, Bidirectional, RecurrentLayer
from elman.layers.repeat import Repeat
from elman.layers.standard import OnnxRecurrent
from elman.layers.tokens import OneHot, TiedDense

__all__ = [
    "GRU",
    "LAYERS",
    "LSTM",
    "RNN",
    "Activation",
    "AttentionPool",
    "Bidirectional",
    "Context",
    "Dense",
    "Dropout",
    "Embedding",
    "Ends",
    "First",
    "Last",
    "Layer",
    "MarkMissing",
    "MaxPool",
    "MeanPool",
    "Noise",
    "OneHot",
    "OnnxRecurrent",
    "RecurrentLayer",
    "Repeat",
    "Signal",
    "TiedDense",
    "bind_layers",
]

LAYERS: dict[str, type[Layer]] = {
    layer.__name__: layer
    for layer in (
        *(RNN, LSTM, GRU, Dense, Activation, Dropout, Embedding, OneHot, TiedDense, MarkMissing),
        *(Last, First, Ends, MeanPool, MaxPool, AttentionPool, Repeat, Noise, OnnxRecurrent),
    )
}
"""Every layer by its name."""
