"""A PyTorch module as a network: its recognised modules in order, with their weights.

A module of a class that is not known here has a ``forward`` of its own, which may do anything.
It is taken for its children in order, and for nothing before it was run: on random inputs the
network must give what the module gives.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import nn

from elman.checks import describe
from elman.errors import ElmanWarning, InputError
from elman.exchange import torch_modules as modules
from elman.exchange.parts import POOLS, Array, Part, fold_activations, network_of
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

__all__ = ["from_torch"]

_CONTAINERS = (nn.Sequential, nn.ModuleList)
# What modules of elman's own may have beside torch's options.
_EXTRAS = ("recurrent_dropout", "zoneout", "layer_norm")


class _Walked(NamedTuple):
    """What stood in a module: its parts, classes of unknown ``forward``, walks time first."""

    parts: list[Part]
    foreign: list[str]
    time_first: list[str]


def from_torch(module: Any) -> Network:
    """The network, see :meth:`elman.Network.from_torch`."""
    if not isinstance(module, nn.Module):
        what = (
            f"a mapping of {len(module)} entries" if isinstance(module, dict) else describe(module)
        )
        raise InputError(f"module: expected a torch.nn.Module, got {what}")
    dtype = _dtype_of(module)
    walked = _Walked([], [], [])
    _walk(module, type(module).__name__, walked)
    if not walked.parts:
        raise InputError(
            f"module: expected recurrent, linear or embedding modules in it, got {module}"
        )
    if not walked.foreign:
        if walked.time_first:
            warnings.warn(
                f"module: {walked.time_first[0]} reads time first (batch_first=False), the network "
                "rows first: give it x.transpose(0, 1)",
                ElmanWarning,
                stacklevel=3,
            )
        return network_of(fold_activations(walked.parts), dtype)
    return agreeing(module, walked.parts, walked.foreign[0], dtype)


def _walk(module: nn.Module, name: str, walked: _Walked) -> None:
    """Adds a module's parts, its children's in order if it is none itself."""
    if isinstance(module, nn.Identity):
        return
    part = None if hasattr(module, "parametrizations") else _part(module, name, walked)
    if part is not None:
        walked.parts.append(part)
        return
    weights: Any = getattr(module, "parametrizations", None)
    if weights is not None:
        raise InputError(
            f"module: {name} has parametrized weights ({', '.join(weights)}); "
            "expected plain ones: call torch.nn.utils.parametrize.remove_parametrizations first"
        )
    # a module that stands here twice is run twice; named_children names it once
    children = [(child, inner) for child, inner in module._modules.items() if inner is not None]
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
    if isinstance(module, nn.Embedding) and module.max_norm is not None:
        raise InputError(f"module: {name}: max_norm={module.max_norm}: elman has none")
    if isinstance(module, nn.Softmax) and not _over_channels(module, walked):
        raise InputError(f"module: {name}: expected dim=-1, the channels, got {module.dim}")
    if isinstance(module, (nn.RNNBase, modules.ResetBeforeGRU)):
        if not getattr(module, "batch_first", True):
            walked.time_first.append(name)
        return Part(_recurrent(module, name), _values(module))
    for kind, make in _LAYERS.items():
        if isinstance(module, kind):
            return Part(make(module), _values(module))
    for name, pool in POOLS.items():
        if isinstance(module, getattr(modules, name)):
            return Part(pool(), {})
    return None


def _dense(module: Any) -> Layer:
    activation = getattr(module, "activation", None)
    return Dense(module.in_features, module.out_features, activation, module.bias is not None)


def _tied(module: Any) -> Layer:
    number, size = module._shared[0].weight.shape
    return TiedDense(size, number, module.bias is not None)


_LAYERS: dict[type[nn.Module], Callable[[Any], Layer]] = {
    nn.Linear: _dense,
    nn.Embedding: lambda module: Embedding(module.num_embeddings, module.embedding_dim),
    nn.Dropout: lambda module: Dropout(module.p),
    nn.Tanh: lambda module: Activation("tanh"),
    nn.ReLU: lambda module: Activation("relu"),
    nn.Sigmoid: lambda module: Activation("sigmoid"),
    nn.Softmax: lambda module: Activation("softmax"),
    modules.AttentionPool: lambda module: AttentionPool(*module.weight.shape[::-1]),
    modules.TiedDense: _tied,
    modules.MarkMissing: lambda module: MarkMissing(module.input_size),
    modules.OneHot: lambda module: OneHot(len(module.get_buffer("rows"))),
    modules.Noise: lambda module: Noise(module.level, module.kind),
    modules.Repeat: lambda module: Repeat(module.positions),
}


def _over_channels(module: nn.Softmax, walked: _Walked) -> bool:
    """Whether a softmax is over the channels: 1 is time, or the channels of a row's vector."""
    pooled = any(isinstance(part.layer, (*POOLS.values(), AttentionPool)) for part in walked.parts)
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
    if any(value.is_meta for value in module.parameters()):
        raise InputError(
            "module: its parameters are on the meta device and hold no values; load them first"
        )
    dtypes = {value.dtype for value in module.parameters()}
    names = {torch.float32: "float32", torch.float64: "float64"}
    strange = [str(one) for one in dtypes if one not in names]
    if strange or len(dtypes) > 1:
        raise InputError(
            "module: expected parameters of one dtype, float32 or float64, got "
            f"{', '.join(sorted(map(str, dtypes)))}; call module.float() first"
        )
    return names[dtypes.pop()] if dtypes else "float32"
