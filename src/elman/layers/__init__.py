"""The layers of a network: recurrent ones, and those that come before and after them."""

from __future__ import annotations

from elman.layers.base import Context, Layer, Signal, bind_layers
from elman.layers.feedforward import Dense, Dropout, Embedding
from elman.layers.missing import MarkMissing
from elman.layers.noise import Noise
from elman.layers.pooling import AttentionPool, Ends, Last, MaxPool, MeanPool
from elman.layers.recurrent import GRU, LSTM, RNN, Bidirectional, RecurrentLayer
from elman.layers.repeat import Repeat
from elman.layers.tokens import OneHot, TiedDense

__all__ = [
    "GRU",
    "LAYERS",
    "LSTM",
    "RNN",
    "AttentionPool",
    "Bidirectional",
    "Context",
    "Dense",
    "Dropout",
    "Embedding",
    "Ends",
    "Last",
    "Layer",
    "MarkMissing",
    "MaxPool",
    "MeanPool",
    "Noise",
    "OneHot",
    "RecurrentLayer",
    "Repeat",
    "Signal",
    "TiedDense",
    "bind_layers",
]

LAYERS: dict[str, type[Layer]] = {
    layer.__name__: layer
    for layer in (
        *(RNN, LSTM, GRU, Dense, Dropout, Embedding, OneHot, TiedDense, MarkMissing),
        *(Last, Ends, MeanPool, MaxPool, AttentionPool, Repeat, Noise),
    )
}
"""Every layer by its name."""
