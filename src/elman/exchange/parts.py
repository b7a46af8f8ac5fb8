"""What every exchange shares: layers with their values, and the ways gates are stacked.

elman stacks gates as PyTorch does: LSTM i, f, g, o; GRU r, z, n. Keras has i, f, g, o and
z, r, n; ONNX i, o, f, g and z, r, n.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.errors import BackendUnavailable, ElmanWarning, InputError
from elman.layers import (
    Activation,
    Dense,
    Ends,
    First,
    Last,
    Layer,
    MaxPool,
    MeanPool,
    RecurrentLayer,
    TiedDense,
)
from elman.network import Network

__all__ = [
    "FINAL",
    "FROM_ONNX",
    "KERAS_GRU",
    "ONNX_PEEPHOLES",
    "POOLS",
    "TO_ONNX",
    "Part",
    "fold_activations",
    "network_of",
    "package",
    "refuse_unserved",
    "regate",
    "weights_of",
]

Array: TypeAlias = NDArray[Any]

TO_ONNX = {"rnn": (0,), "lstm": (0, 3, 1, 2), "gru": (1, 0, 2)}
"""Of each kind, the places among elman's gates of those of ONNX: i, o, f, g and z, r, n."""

FROM_ONNX = {kind: tuple(np.argsort(order).tolist()) for kind, order in TO_ONNX.items()}
"""The other way about."""

ONNX_PEEPHOLES = (0, 2, 1)
"""Peepholes i, o, f from i, f, o, and the other way about."""

KERAS_GRU = (1, 0, 2)
"""z, r, n from r, z, n, and the other way about."""

POOLS: dict[str, type[Layer]] = {
    kind.__name__: kind for kind in (Last, Ends, First, MeanPool, MaxPool)
}
"""Layers without options that make a vector of a sequence, by the name that all sides give them."""

FINAL: dict[str, type[Layer]] = {"forward": Last, "reverse": First, "bidirectional": Ends}
"""What the final state of a walk is of its outputs, by the direction of the walk."""

# Options of recurrent layers that all sides have, and those that act in training alone.
_SERVED = {
    *("input_size", "hidden_size", "num_layers", "bias", "dropout", "bidirectional"),
    *("learned_state", "nonlinearity", "reset_after"),
}
_TRAINING = ("recurrent_dropout",)


class Part(NamedTuple):
    """A layer and the values of its parameters, by the layer's own names."""

    layer: Layer
    values: Mapping[str, Array]


def network_of(parts: Sequence[Part], dtype: Any) -> Network:
    """The network of the parts, in order.

    Raises:
        InputError: If there is none, two neighbours do not fit, or a number is not finite.
    """
    if not parts:
        raise InputError("expected at least one layer, found none")
    network = Network([part.layer for part in parts], dtype=dtype)
    network.load_state_dict(
        {
            f"{number}.{name}": value
            for number, part in enumerate(parts)
            for name, value in part.values.items()
        }
    )
    return network


def fold_activations(parts: Sequence[Part]) -> list[Part]:
    """A dense layer without activation takes on the one that follows it, as elman writes it."""
    folded: list[Part] = []
    for part in parts:
        before = folded[-1].layer if folded else None
        plain = type(before) is Dense and before.activation is None
        if plain and isinstance(part.layer, Activation) and before is not None:
            changed = before.clone(activation=part.layer.activation)
            folded[-1] = Part(changed, folded[-1].values)
        else:
            folded.append(part)
    return folded


def weights_of(network: Any, number: int) -> dict[str, Array]:
    """Copies of a layer's parameters by the layer's own names, and a weight that it shares.

    Args:
        network: A network, or another that numbers its ``layers`` and their parameters so.
        number: Of the layer.
    """
    prefix, state = f"{number}.", network.state_dict()
    found = {
        name.removeprefix(prefix): np.array(value)
        for name, value in state.items()
        if name.startswith(prefix)
    }
    if isinstance(network.layers[number], TiedDense):
        found["weight"] = np.array(state["0.weight"])
    return found


def regate(value: Array, order: Sequence[int]) -> Array:
    """Blocks of rows in another order: block ``k`` of the result is block ``order[k]``."""
    blocks = np.split(np.asarray(value), len(order))
    return np.concatenate([blocks[one] for one in order])


def refuse_unserved(layer: Layer, number: int, target: str, trains: bool = True) -> None:
    """Refuses a recurrent layer with an option that the other side has no word for.

    Args:
        layer: Of any kind.
        number: Its place in the network.
        target: What it is to be told in.
        trains: Whether it may be trained there, so that what acts in training alone is missed.

    Raises:
        InputError: Naming the layer and the option.
    """
    if not isinstance(layer, RecurrentLayer):
        return
    for name, value in layer.config().items():
        if name in _TRAINING and value:
            if trains:
                warnings.warn(
                    f"layer {number}, {type(layer).__name__}: {name} acts in training only and is "
                    "left out; predictions are the same",
                    ElmanWarning,
                    stacklevel=5,
                )
        elif name not in _SERVED and np.any(value):
            raise InputError(
                f"layer {number}, {type(layer).__name__}: {target} has no {name}={value!r}"
            )


def package(name: str, extra: str) -> Any:
    """An optional package.

    Raises:
        BackendUnavailable: If it is not installed.
        InputError: If it is, and refuses its own settings.
    """
    try:
        return import_module(name)
    except ValueError as error:  # Keras's word for a backend that it does not know
        raise InputError(f"{name} cannot be imported: {error}") from error
    except ImportError as error:
        raise BackendUnavailable(
            f"{name} is needed and cannot be imported ({error}); pip install 'elman[{extra}]'"
        ) from error
