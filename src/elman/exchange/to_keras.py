"""A network as a ``keras.Sequential`` of Keras's own layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from elman.errors import InputError
from elman.exchange.parts import KERAS_GRU, Array, refuse_unserved, regate, weights_of
from elman.layers import (
    GRU,
    RNN,
    Activation,
    Dense,
    Dropout,
    Embedding,
    Ends,
    Last,
    Layer,
    MaxPool,
    MeanPool,
    Noise,
    RecurrentLayer,
)

if TYPE_CHECKING:
    from elman.network import Network

__all__ = ["to_keras"]

_KINDS = {"rnn_tanh": "SimpleRNN", "rnn_relu": "SimpleRNN", "lstm": "LSTM"}


def to_keras(network: Network) -> Any:
    """The model, see :meth:`elman.Network.to_keras`."""
    import keras  # type: ignore[import-untyped, unused-ignore]

    layers = _last_first(network.layers)
    model = keras.Sequential()
    shape = (None,) if network.reads_tokens else (None, network.input_size)
    dtype = "int32" if network.reads_tokens else network.dtype.name
    model.add(keras.Input(shape, dtype=dtype))
    pending: list[tuple[Any, list[Array]]] = []
    for place, (number, layer) in enumerate(layers):
        following = layers[place + 1][1] if place + 1 < len(layers) else None
        pending += _made(layer, number, following, network, keras)
    for made, _ in pending:
        model.add(made)
    for made, values in pending:
        if values:
            made.set_weights(values)
    found = {str(keras.ops.convert_to_numpy(one).dtype) for one in model.weights}
    if found - {network.dtype.name}:
        raise InputError(
            f"network: it computes in {network.dtype.name}, and Keras on "
            f"{keras.backend.backend()} has made {', '.join(found)} of it; set jax_enable_x64, or "
            "export a float32 network"
        )
    return model


def _last_first(layers: tuple[Layer, ...]) -> list[tuple[int, Layer]]:
    """Numbered layers, ``Last`` moved before those that treat each step on its own.

    Keras takes the last step within a recurrent layer. A dense layer, an activation or dropout
    between the two gives the same on the last step alone.
    """
    numbered = list(enumerate(layers))
    pool = next((n for n, layer in numbered if isinstance(layer, Last)), None)
    if pool is None:
        return numbered
    place = pool
    while place and isinstance(layers[place - 1], (Dense, Activation, Dropout)):
        place -= 1
    return [*numbered[:place], numbered[pool], *numbered[place:pool], *numbered[pool + 1 :]]


def _made(
    layer: Layer, number: int, following: Layer | None, network: Network, keras: Any
) -> list[tuple[Any, list[Array]]]:
    """Keras's layers for one of elman's, each with its weights in Keras's order."""
    kinds, dtype = keras.layers, network.dtype.name
    values = weights_of(network, number)
    if isinstance(layer, RecurrentLayer):
        return _levels(layer, number, following, values, keras, dtype)
    if isinstance(layer, Dense):
        made = kinds.Dense(layer.output_size, layer.activation, use_bias=layer.bias, dtype=dtype)
        return [(made, [values["weight"].T, *([values["bias"]] if layer.bias else [])])]
    if isinstance(layer, Embedding):
        return [(kinds.Embedding(layer.num, layer.dim, dtype=dtype), [values["weight"]])]
    if isinstance(layer, Dropout):
        return [(kinds.Dropout(layer.p, dtype=dtype), [])]
    if isinstance(layer, Noise) and layer.kind == "gaussian":
        return [(kinds.GaussianNoise(layer.level, dtype=dtype), [])]
    if isinstance(layer, Activation):
        return [(kinds.Activation(layer.activation, dtype=dtype), [])]
    if isinstance(layer, MeanPool):
        return [(kinds.GlobalAveragePooling1D(dtype=dtype), [])]
    if isinstance(layer, MaxPool):
        return [(kinds.GlobalMaxPooling1D(dtype=dtype), [])]
    if isinstance(layer, (Last, Ends)):
        before = network.layers[number - 1] if number else None
        if _takes_its_end(_recurrent_before(network.layers, number), layer):
            return []  # return_sequences=False of the layer before
        raise InputError(
            f"layer {number}, {type(layer).__name__}: Keras has it only right after a recurrent "
            f"layer (Last after one direction, Ends after both), got it after {before!r}"
        )
    raise InputError(f"layer {number}, {type(layer).__name__}: Keras has none like it")


def _recurrent_before(layers: tuple[Layer, ...], number: int) -> Layer | None:
    """The layer that a pool reads once those that treat each step on its own are passed over."""
    place = number - 1
    while place >= 0 and isinstance(layers[place], (Dense, Activation, Dropout)):
        place -= 1
    return layers[place] if place >= 0 else None


def _takes_its_end(layer: Layer | None, pool: Layer | None) -> bool:
    """Whether Keras's ``return_sequences=False`` of the layer is what the pool gives."""
    if not isinstance(layer, RecurrentLayer):
        return False
    return isinstance(pool, Ends if layer.bidirectional else Last)


def _levels(
    layer: RecurrentLayer,
    number: int,
    following: Layer | None,
    values: dict[str, Array],
    keras: Any,
    dtype: str,
) -> list[tuple[Any, list[Array]]]:
    refuse_unserved(layer, number, "Keras")
    if layer.learned_state:
        raise InputError(
            f"layer {number}, {type(layer).__name__}: Keras has no learned_state in a layer"
        )
    found: list[tuple[Any, list[Array]]] = []
    for level in range(layer.num_layers):
        top = level == layer.num_layers - 1
        sequences = not (top and _takes_its_end(layer, following))
        made = _walk(layer, sequences, keras, dtype)
        suffixes = layer._suffixes(level)
        if layer.bidirectional:
            made = keras.layers.Bidirectional(made, merge_mode="concat", dtype=dtype)
        arrays = [one for suffix in suffixes for one in _arrays(layer, values, suffix)]
        found.append((made, arrays))
        if layer.dropout and not top:
            found.append((keras.layers.Dropout(layer.dropout, dtype=dtype), []))
    return found


def _walk(layer: RecurrentLayer, sequences: bool, keras: Any, dtype: str) -> Any:
    options: dict[str, Any] = {
        "use_bias": layer.bias,
        "return_sequences": sequences,
        "dtype": dtype,
    }
    if isinstance(layer, RNN):
        options["activation"] = layer.nonlinearity
    if isinstance(layer, GRU):
        options["reset_after"] = layer.reset_after
    kind = getattr(keras.layers, _KINDS.get(layer.cell, "GRU"))
    return kind(layer.hidden_size, **options)


def _arrays(layer: RecurrentLayer, values: dict[str, Array], suffix: str) -> list[Array]:
    """Kernel, recurrent kernel and bias of one direction, as Keras stacks them."""
    order = KERAS_GRU if isinstance(layer, GRU) else tuple(range(4 if layer.cell == "lstm" else 1))

    def named(name: str) -> Array:
        return regate(values[f"{name}_{suffix}"], order)

    arrays = [named("weight_ih").T, named("weight_hh").T]
    if not layer.bias:
        return arrays
    first, second = named("bias_ih"), named("bias_hh")
    if isinstance(layer, GRU) and layer.reset_after:
        return [*arrays, np.stack([first, second])]
    return [*arrays, first + second]
