"""A network as a PyTorch module with the same parameters under the same names."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from elman.cells import CELLS
from elman.errors import InputError
from elman.exchange import torch_modules as modules
from elman.exchange.parts import POOLS, refuse_unserved
from elman.layers import (
    RNN,
    Activation,
    AttentionPool,
    Dense,
    Dropout,
    Embedding,
    Layer,
    MarkMissing,
    Noise,
    OneHot,
    RecurrentLayer,
    Repeat,
    TiedDense,
)

if TYPE_CHECKING:
    from elman.network import Network

__all__ = ["to_torch"]

_WALKS: dict[str, Any] = {
    "rnn_tanh": modules.RNN,
    "rnn_relu": modules.RNN,
    "lstm": modules.LSTM,
    "gru": modules.GRU,
    "gru_reset_before": modules.ResetBeforeGRU,
}
_MODULES: dict[type[Layer], Callable[[Any], nn.Module]] = {
    Dense: lambda layer: modules.Dense(
        layer.input_size, layer.output_size, layer.activation, layer.bias
    ),
    Embedding: lambda layer: nn.Embedding(layer.num, layer.dim),
    Dropout: lambda layer: nn.Dropout(layer.p),
    Activation: lambda layer: type(modules.ACTIVATIONS[layer.activation])(
        *([-1] if layer.activation == "softmax" else [])
    ),
    AttentionPool: lambda layer: modules.AttentionPool(layer.input_size, layer.hidden_size),
    MarkMissing: lambda layer: modules.MarkMissing(layer.input_size),
    OneHot: lambda layer: modules.OneHot(layer.num),
    Noise: lambda layer: modules.Noise(layer.level, layer.kind),
    Repeat: lambda layer: modules.Repeat(layer.positions),
    **dict.fromkeys(POOLS.values(), lambda layer: getattr(modules, type(layer).__name__)()),
}


def to_torch(network: Network) -> modules.Stack:
    """The module, see :meth:`elman.Network.to_torch`."""
    made: list[nn.Module] = []
    for number, layer in enumerate(network.layers):
        if isinstance(layer, TiedDense):
            table: Any = made[0]  # a network refuses it after anything but an embedding
            made.append(modules.TiedDense(table, layer.bias))
        else:
            made.append(_module(layer, number))
    stack = modules.Stack(*made)
    stack.to(torch.float64 if network.dtype == np.float64 else torch.float32)
    # the names are the same on both sides: "0.weight_ih_l0"
    stack.load_state_dict(
        {name: torch.from_numpy(np.array(value)) for name, value in network.state_dict().items()}
    )
    return stack.eval()


def _module(layer: Layer, number: int) -> nn.Module:
    if isinstance(layer, RecurrentLayer):
        return _walk(layer, number)
    make = _MODULES.get(type(layer))
    if make is None:
        raise InputError(f"layer {number}, {type(layer).__name__}: PyTorch has none like it")
    return make(layer)


def _walk(layer: RecurrentLayer, number: int) -> nn.Module:
    refuse_unserved(layer, number, "torch.nn")
    options: dict[str, Any] = {
        "bias": layer.bias,
        "dropout": layer.dropout,
        "bidirectional": layer.bidirectional,
    }
    if layer.cell != "gru_reset_before":
        options["batch_first"] = True
    if isinstance(layer, RNN):
        options["nonlinearity"] = layer.nonlinearity
    made = _WALKS[layer.cell](layer.input_size, layer.hidden_size, layer.num_layers, **options)
    if layer.learned_state:
        suffixes = [one for level in range(layer.num_layers) for one in layer._suffixes(level)]
        made.learn_state(CELLS[layer.cell].states, suffixes, layer.hidden_size)
    walk: nn.Module = made
    return walk
