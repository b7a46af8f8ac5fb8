"""A PyTorch module as a network: its recognised modules in order, with their weights.

A module of a class that is not known here has a ``forward`` of its own, which may do anything.
It is taken for its children in order, and for nothing before it was run: on random inputs the
network must give what the module gives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import nn

from elman.checks import describe
from elman.errors import InputError
from elman.exchange import torch_modules as modules
from elman.exchange.parts import Array, Part, fold_activations, network_of
from elman.exchange.torch_readings import agreeing
from elman.layers import (
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
    Layer,
    MarkMissing,
    MaxPool,
    MeanPool,
    Noise,
    OneHot,
    RecurrentLayer,
    Repeat,
    TiedDense,
)

if TYPE_CHECKING:
    from elman.network import Network

__all__ = ["from_torch"]

_ACTIVATIONS: dict[type[nn.Module], str] = {
    nn.Tanh: "tanh",
    nn.ReLU: "relu",
    nn.Sigmoid: "sigmoid",
    nn.Softmax: "softmax",
}
_POOLS: dict[type[nn.Module], type[Layer]] = {
    modules.Last: Last,
    modules.Ends: Ends,
    modules.First: First,
    modules.MeanPool: MeanPool,
    modules.MaxPool: MaxPool,
}
_CONTAINERS = (nn.Sequential, nn.ModuleList)
# What modules of elman's own may have beside torch's options.
_EXTRAS = ("recurrent_dropout", "zoneout", "layer_norm")


class _Walked(NamedTuple):
    """What stood in a module: its parts, and whether a class of unknown ``forward`` was met."""

    parts: list[Part]
    foreign: list[str]


def from_torch(module: Any) -> Network:
    """The network, see :meth:`elman.Network.from_torch`."""
    if not isinstance(module, nn.Module):
        raise InputError(f"module: expected a torch.nn.Module, got {describe(module)}")
    walked = _Walked([], [])
    _walk(module, type(module).__name__, walked)
    if not walked.parts:
        raise InputError(
            f"module: expected recurrent, linear or embedding modules in it, got {module}"
        )
    dtype = _dtype_of(module)
    if not walked.foreign:
        return network_of(fold_activations(walked.parts), dtype)
    return agreeing(module, walked.parts, walked.foreign[0], dtype)


def _walk(module: nn.Module, name: str, walked: _Walked) -> None:
    """Adds a module's parts, its children's in order if it is none itself."""
    if isinstance(module, nn.Identity):
        return
    part = _part(module, name, walked)
    if part is not None:
        walked.parts.append(part)
        return
    children = list(module.named_children())
    if not children and not isinstance(module, _CONTAINERS):
        raise InputError(
            f"module: {name} is a {type(module).__name__}, which elman has no layer for; expected "
            "RNN, LSTM, GRU, Linear, Embedding, Dropout, Tanh, ReLU, Sigmoid, Softmax, or those "
            "of elman.exchange.torch_modules"
        )
    if not isinstance(module, _CONTAINERS):
        own = [one for one, _ in module.named_parameters(recurse=False)]
        if own:
            raise InputError(f"module: {name} has the parameter {own[0]!r} beside its children")
        walked.foreign.append(name)
    for child, inner in children:
        _walk(inner, f"{name}.{child}", walked)


def _part(module: nn.Module, name: str, walked: _Walked) -> Part | None:
    """The layer that a module is, with its weights; ``None`` if it is none."""
    if isinstance(module, (nn.RNNBase, modules.ResetBeforeGRU)):
        return Part(_recurrent(module, name), _values(module))
    if isinstance(module, nn.Linear):
        activation = getattr(module, "activation", None)
        layer = Dense(module.in_features, module.out_features, activation, module.bias is not None)
        return Part(layer, _values(module))
    if isinstance(module, nn.Embedding):
        if module.max_norm is not None:
            raise InputError(f"module: {name}: max_norm={module.max_norm}: elman has none")
        return Part(Embedding(module.num_embeddings, module.embedding_dim), _values(module))
    if isinstance(module, nn.Dropout):
        return Part(Dropout(module.p), {})
    if isinstance(module, modules.AttentionPool):
        hidden, size = module.weight.shape
        return Part(AttentionPool(size, hidden), _values(module))
    if isinstance(module, modules.TiedDense):
        table = module._shared[0].weight
        return Part(
            TiedDense(table.shape[1], table.shape[0], module.bias is not None), _values(module)
        )
    if isinstance(module, modules.MarkMissing):
        return Part(MarkMissing(module.input_size), {})
    if isinstance(module, modules.OneHot):
        return Part(OneHot(len(module.get_buffer("rows"))), {})
    if isinstance(module, modules.Noise):
        return Part(Noise(module.level, module.kind), {})
    if isinstance(module, modules.Repeat):
        return Part(Repeat(module.positions), {})
    for kind, activation in _ACTIVATIONS.items():
        if isinstance(module, kind):
            if isinstance(module, nn.Softmax) and not _over_channels(module, walked):
                raise InputError(f"module: {name}: expected dim=-1, the channels, got {module.dim}")
            return Part(Activation(activation), {})
    for pool, layer_of in _POOLS.items():
        if isinstance(module, pool):
            return Part(layer_of(), {})
    return None


def _over_channels(module: nn.Softmax, walked: _Walked) -> bool:
    """Whether a softmax is over the channels: 1 is time, or the channels of a row's vector."""
    pooled = any(isinstance(part.layer, (*_POOLS.values(), AttentionPool)) for part in walked.parts)
    run = bool(walked.foreign)  # then it will show
    return module.dim in (-1, 2) or (module.dim == 1 and (pooled or run))


def _recurrent(module: Any, name: str) -> RecurrentLayer:
    if getattr(module, "proj_size", 0):
        raise InputError(
            f"module: {name}: proj_size={module.proj_size}: elman's LSTM has no projection"
        )
    kinds: dict[str, Any] = {"L": LSTM, "G": GRU, "R": RNN}
    kind = kinds[getattr(module, "mode", "GRU")[0]]
    options: dict[str, Any] = {
        "bias": module.bias,
        # of a single layer torch warns of it and drops nothing
        "dropout": module.dropout if module.num_layers > 1 else 0.0,
        "bidirectional": module.bidirectional,
        "learned_state": bool(getattr(module, "learned_state", False)),
    }
    if kind is RNN:
        options["nonlinearity"] = module.mode.removeprefix("RNN_").lower()
    if kind is GRU:
        options["reset_after"] = getattr(module, "_cell", "gru") != "gru_reset_before"
    for extra in _EXTRAS:
        value = getattr(module, extra, None)
        if value:
            if extra not in kind.fields:
                raise InputError(
                    f"module: {name}: {extra}={value!r}: elman's {kind.__name__} has none"
                )
            options[extra] = value
    layer: RecurrentLayer = kind(
        module.input_size, module.hidden_size, module.num_layers, **options
    )
    return layer


def _values(module: nn.Module) -> dict[str, Array]:
    return {name: value.detach().cpu().numpy() for name, value in module.named_parameters()}


def _dtype_of(module: nn.Module) -> str:
    dtypes = {value.dtype for value in module.parameters()}
    names = {torch.float32: "float32", torch.float64: "float64"}
    strange = [str(one) for one in dtypes if one not in names]
    if strange or len(dtypes) > 1:
        raise InputError(
            "module: expected parameters of one dtype, float32 or float64, got "
            f"{', '.join(sorted(map(str, dtypes)))}; call module.float() first"
        )
    return names[dtypes.pop()] if dtypes else "float32"
