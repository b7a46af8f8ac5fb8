"""A Keras 3 model as a network: its layers in a row, with their weights."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from elman.checks import describe
from elman.errors import ElmanWarning, InputError
from elman.exchange.parts import KERAS_GRU, Array, Part, fold_activations, network_of, regate
from elman.layers import (
    GRU,
    LSTM,
    RNN,
    Activation,
    Dense,
    Dropout,
    Embedding,
    Ends,
    First,
    Last,
    MaxPool,
    MeanPool,
    Noise,
    OnnxRecurrent,
    RecurrentLayer,
)

if TYPE_CHECKING:
    from elman.network import Network

__all__ = ["from_keras"]

_ACTIVATIONS = ("linear", "tanh", "relu", "sigmoid", "softmax")
# Options that change what a layer computes.
_REFUSED = ("go_backwards", "stateful")
_TRAINING = ("dropout", "recurrent_dropout")


def from_keras(model: Any) -> Network:
    """The network, see :meth:`elman.Network.from_keras`."""
    import keras  # type: ignore[import-untyped, unused-ignore]

    if not isinstance(model, keras.Model):
        raise InputError(f"model: expected a keras.Sequential, got {describe(model)}")
    if not model.built:
        raise InputError("model: expected a built model; call model.build(input_shape) first")
    parts: list[Part] = []
    for layer in _chain(model, keras):
        parts += _parts(layer, keras)
    if not parts:
        raise InputError(f"model: expected layers in it, got {model!r}")
    return network_of(fold_activations(parts), _dtype_of(model))


def _chain(model: Any, keras: Any) -> list[Any]:
    """The layers in order.

    Raises:
        InputError: If one reads anything but the output of the one before it.
    """
    layers = list(model.layers)
    if not isinstance(model, keras.Sequential):
        if type(model) is not keras.models.Model and type(model).__name__ != "Functional":
            raise InputError(
                f"model: {type(model).__name__} has a call of its own; expected a keras.Sequential "
                "or a functional model that is a chain"
            )
        for before, layer in zip([None, *layers], layers, strict=False):
            nodes = layer._inbound_nodes
            parents = [one.operation for node in nodes for one in node.parent_nodes]
            if len(nodes) != 1 or parents != ([] if before is None else [before]):
                raise InputError(f"model: {layer.name} is no link of a chain of layers")
    inner: list[Any] = []
    for layer in layers:
        nested = isinstance(layer, keras.Sequential)
        inner += _chain(layer, keras) if nested else [layer]
    return inner


def _parts(layer: Any, keras: Any) -> list[Part]:
    """The layers of elman's that one of Keras is."""
    kinds = keras.layers
    if isinstance(layer, kinds.InputLayer):
        return []
    if isinstance(layer, kinds.TimeDistributed) and isinstance(layer.layer, kinds.Dense):
        layer = layer.layer
    for kind, make in _READERS.items():
        if isinstance(layer, getattr(kinds, kind)) and _known(layer):
            return make(layer)
    raise InputError(
        f"model: {layer.name} is a {type(layer).__name__}, which elman has no layer for; expected "
        f"{', '.join(_READERS)}"
    )


def _known(layer: Any) -> bool:
    """Whether its class is one of Keras's, or of elman's own that stand in for them."""
    return type(layer).__module__.split(".")[0] in ("keras", "elman")


def _dense(layer: Any) -> list[Part]:
    kernel, bias = _weights(layer, 2)
    activation = _activation(layer, "activation")
    inputs, outputs = kernel.shape
    made = Dense(inputs, outputs, activation=activation, bias=bias is not None)
    return [Part(made, {"weight": kernel.T} | ({} if bias is None else {"bias": bias}))]


def _embedding(layer: Any) -> list[Part]:
    if layer.mask_zero:
        warnings.warn(
            f"{layer.name}: mask_zero: elman has no mask of tokens; give rows their lengths",
            ElmanWarning,
            stacklevel=5,
        )
    (table,) = map(np.asarray, layer.get_weights())
    return [Part(Embedding(*table.shape), {"weight": table})]


def _walk(layer: Any) -> list[Part]:
    if layer.go_backwards:
        return _backwards(layer)
    made, values = _recurrent(layer)
    parts = [Part(made, {f"{name}_l0": value for name, value in values.items()})]
    return parts if layer.return_sequences else [*parts, Part(Last(), {})]


def _backwards(layer: Any) -> list[Part]:
    """A walk from the last step to the first, of which Keras gives the end alone."""
    if layer.return_sequences:
        raise InputError(
            f"model: {layer.name}: go_backwards=True gives its steps in reversed order, which no "
            "layer of elman's does; expected return_sequences=False"
        )
    made, values = _recurrent(layer, backwards=True)
    reverse = OnnxRecurrent(
        made.cell.split("_")[0],
        made.input_size,
        made.hidden_size,
        "reverse",
        [made.nonlinearity] if isinstance(made, RNN) else None,
        made.bias,
        reset_after=getattr(made, "reset_after", True),
    )
    named = {f"{name}_l0_reverse": value for name, value in values.items()}
    return [Part(reverse, named), Part(First(), {})]


def _both_ways(layer: Any) -> list[Part]:
    if layer.merge_mode != "concat":
        raise InputError(
            f"model: {layer.name}: expected merge_mode='concat', got {layer.merge_mode!r}"
        )
    made, values = _recurrent(layer.forward_layer)
    other, others = _recurrent(layer.backward_layer, backwards=True)
    if made.config() != other.config():
        raise InputError(f"model: {layer.name}: expected the same layer in both directions")
    named = {f"{name}_l0": value for name, value in values.items()}
    named |= {f"{name}_l0_reverse": value for name, value in others.items()}
    parts = [Part(made.clone(bidirectional=True), named)]
    return parts if layer.return_sequences else [*parts, Part(Ends(), {})]


def _recurrent(layer: Any, backwards: bool = False) -> tuple[RecurrentLayer, dict[str, Array]]:
    """A recurrent layer of one direction, and its values by the cell's names."""
    _check_options(layer, backwards)
    kernel, recurrent, bias = _weights(layer, 3)
    kind = type(layer).__name__
    _expect(layer, "activation", ("tanh", "relu") if kind == "SimpleRNN" else ("tanh",))
    size, units, has = len(kernel), layer.units, bias is not None
    blocks = _blocks(kernel.T, recurrent.T, bias)
    made: RecurrentLayer
    if kind == "SimpleRNN":
        nonlinearity = _activation(layer, "activation") or ""
        made = RNN(size, units, nonlinearity=nonlinearity, bias=has)
    elif kind == "LSTM":
        _expect(layer, "recurrent_activation", ("sigmoid",))
        made = LSTM(size, units, bias=has)
    elif kind == "GRU":
        _expect(layer, "recurrent_activation", ("sigmoid",))
        made = GRU(size, units, bias=has, reset_after=bool(layer.reset_after))
        blocks = {name: regate(value, KERAS_GRU) for name, value in blocks.items()}
    else:
        raise InputError(
            f"model: {layer.name} is a {kind}; expected SimpleRNN, LSTM or GRU in Bidirectional"
        )
    return made, blocks


def _blocks(weight_ih: Array, weight_hh: Array, bias: Array | None) -> dict[str, Array]:
    """By elman's names; one bias is that of the input, two are those of both products."""
    values = {"weight_ih": weight_ih, "weight_hh": weight_hh}
    if bias is not None:
        first, second = bias if bias.ndim == 2 else (bias, np.zeros_like(bias))
        values |= {"bias_ih": first, "bias_hh": second}
    return values


def _check_options(layer: Any, backwards: bool) -> None:
    for name in _REFUSED:
        if getattr(layer, name, False) and not (backwards and name == "go_backwards"):
            raise InputError(f"model: {layer.name}: {name}=True: elman has none")
    dropped = [name for name in _TRAINING if getattr(layer, name, 0)]
    if dropped:
        warnings.warn(
            f"{layer.name}: {' and '.join(dropped)} act in training only and are left out; "
            "predictions are the same",
            ElmanWarning,
            stacklevel=6,
        )


def _expect(layer: Any, attribute: str, served: Sequence[str]) -> None:
    name = _name(layer, attribute)
    if name not in served:
        raise InputError(
            f"model: {layer.name}: {attribute}={name!r}: expected {' or '.join(served)}"
        )


def _name(layer: Any, attribute: str) -> str:
    """What Keras calls the function; one of a user's own may bear such a name too."""
    from keras import activations  # type: ignore[import-untyped, unused-ignore]

    function = getattr(layer, attribute)
    name = str(getattr(function, "__name__", function))
    if name in _ACTIVATIONS and function is not activations.get(name):
        return f"a function called {name} that is not Keras's own"
    return name


def _activation(layer: Any, attribute: str) -> str | None:
    _expect(layer, attribute, _ACTIVATIONS)
    name = _name(layer, attribute)
    return None if name == "linear" else name


def _weights(layer: Any, most: int) -> list[Any]:
    """The layer's arrays; ``None`` in the place of the bias that it may lack."""
    arrays: list[Any] = [np.asarray(one) for one in layer.get_weights()]
    return [*arrays, *[None] * (most - len(arrays))]


def _dtype_of(model: Any) -> str:
    found = {str(one.dtype) for one in model.weights}
    if not found <= {"float32", "float64"} or len(found) > 1:
        raise InputError(
            f"model: expected weights of one dtype, float32 or float64, got {sorted(found)}"
        )
    return found.pop() if found else "float32"


_READERS: dict[str, Callable[[Any], list[Part]]] = {
    "SimpleRNN": _walk,
    "LSTM": _walk,
    "GRU": _walk,
    "Bidirectional": _both_ways,
    "Dense": _dense,
    "Embedding": _embedding,
    "Dropout": lambda layer: [Part(Dropout(layer.rate), {})],
    "GaussianNoise": lambda layer: [Part(Noise(layer.stddev), {})],
    "Activation": lambda layer: _plain(_activation(layer, "activation")),
    "ReLU": lambda layer: _relu(layer),
    "Softmax": lambda layer: _softmax(layer),
    "GlobalAveragePooling1D": lambda layer: _pool(layer, MeanPool()),
    "GlobalMaxPooling1D": lambda layer: _pool(layer, MaxPool()),
}


def _plain(activation: str | None) -> list[Part]:
    return [] if activation is None else [Part(Activation(activation), {})]


def _relu(layer: Any) -> list[Part]:
    options = (layer.max_value, layer.negative_slope, layer.threshold)
    if options[0] is not None or any(options[1:]):
        raise InputError(f"model: {layer.name}: expected a ReLU without options, got {options}")
    return _plain("relu")


def _softmax(layer: Any) -> list[Part]:
    if layer.axis not in (-1, 2):
        raise InputError(f"model: {layer.name}: expected axis=-1, the channels, got {layer.axis}")
    return _plain("softmax")


def _pool(layer: Any, made: MeanPool | MaxPool) -> list[Part]:
    if layer.data_format != "channels_last" or layer.keepdims:
        raise InputError(
            f"model: {layer.name}: expected data_format='channels_last' and keepdims=False"
        )
    return [Part(made, {})]
