"""A network of elman's rebuilt from torch's modules, with its weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import elman

torch.set_num_threads(1)  # these networks are tiny

_MODULES = {elman.RNN: torch.nn.RNN, elman.LSTM: torch.nn.LSTM, elman.GRU: torch.nn.GRU}
_ACTIVATIONS = {
    None: lambda y: y,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "softmax": lambda y: torch.softmax(y, -1),
}


class TorchNetwork(torch.nn.Module):
    """The same layers, the same weights; without learned states and without ``reset_before``."""

    def __init__(self, network: elman.Network) -> None:
        super().__init__()
        self.layers = network.layers
        self.parts = torch.nn.ModuleList([self._part(layer) for layer in network.layers])
        for layer, part in zip(self.layers, self.parts, strict=True):
            if isinstance(layer, elman.TiedDense):
                part.weight = self.parts[0].weight  # one parameter, under the embedding's name
        self.to(torch.float64 if network.dtype == np.float64 else torch.float32)
        state = {f"parts.{k}": torch.tensor(v) for k, v in network.state_dict().items()}
        state |= {
            f"parts.{number}.weight": state["parts.0.weight"]
            for number, layer in enumerate(network.layers)
            if isinstance(layer, elman.TiedDense)
        }
        self.load_state_dict(state)

    def _part(self, layer: Any) -> torch.nn.Module:
        if isinstance(layer, elman.Dense):
            return torch.nn.Linear(layer.input_size, layer.output_size, bias=layer.bias)
        if isinstance(layer, elman.Embedding):
            return torch.nn.Embedding(layer.num, layer.dim)
        if type(layer) in _MODULES:
            options = {"nonlinearity": layer.nonlinearity} if isinstance(layer, elman.RNN) else {}
            return _MODULES[type(layer)](
                layer.input_size,
                layer.hidden_size,
                layer.num_layers,
                bias=layer.bias,
                bidirectional=layer.bidirectional,
                batch_first=True,
                **options,
            )
        return torch.nn.Identity()

    def forward(self, x: torch.Tensor, lengths: Any = None) -> torch.Tensor:
        rows, steps = x.shape[:2]
        lengths = torch.full((rows,), steps) if lengths is None else torch.as_tensor(lengths)
        live = (torch.arange(steps) < lengths[:, None])[..., None]
        for layer, part in zip(self.layers, self.parts, strict=True):
            if type(layer) in _MODULES:
                packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
                x = pad_packed_sequence(part(packed)[0], batch_first=True, total_length=steps)[0]
            elif isinstance(layer, elman.OneHot):
                x = torch.nn.functional.one_hot(x, layer.num).to(next(self.parameters()).dtype)
            elif isinstance(layer, elman.Last):
                x = x[torch.arange(rows), lengths - 1]
            elif isinstance(layer, elman.Repeat):
                x = self._repeated(x, layer.positions, steps, lengths)
            else:
                x = part(x)
                if isinstance(layer, elman.Dense):
                    x = _ACTIVATIONS[layer.activation](x)
            if x.ndim == 3:
                x = x * live
        return x

    @staticmethod
    def _repeated(x: torch.Tensor, positions: int, steps: int, lengths: Any) -> torch.Tensor:
        share = (torch.arange(steps) + 0.5) / lengths[:, None].to(x.dtype)
        order = torch.arange(1, positions + 1)
        cosines = torch.cos(torch.pi * share[..., None] * order)
        return torch.cat([x[:, None].expand(-1, steps, -1), cosines], dim=-1)

    def gradients(self) -> dict[str, np.ndarray[Any, Any]]:
        """By elman's names."""
        return {
            name.removeprefix("parts."): parameter.grad.numpy()
            for name, parameter in self.named_parameters()
        }
