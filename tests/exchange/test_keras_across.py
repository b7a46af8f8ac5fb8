"""Networks to Keras and back, and Keras's own models in; on one of its backends."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from networks_across import further_layers, inputs_of, make, shared_layers

import keras_backend  # noqa: F401  # before Keras itself is imported
from elman import ElmanWarning, InputError, Network

keras: Any = pytest.importorskip("keras")
SHARED = shared_layers()


def run(model: Any, x: np.ndarray) -> np.ndarray:
    output: np.ndarray = keras.ops.convert_to_numpy(model(x))
    return output


@pytest.mark.parametrize("name", SHARED)
def test_the_model_computes_the_same(name: str) -> None:
    network = make(SHARED[name])
    x = inputs_of(network)
    assert np.abs(run(network.to_keras(), x) - network.predict(x)).max() < 2e-6


def test_double_stays_double() -> None:
    network = make(SHARED["gru"], "float64")
    if keras.backend.backend() == "jax":
        with pytest.raises(InputError, match="jax_enable_x64"):
            network.to_keras()
        return
    found = run(network.to_keras(), inputs_of(network))
    assert found.dtype == np.float64
    assert np.abs(found - network.predict(inputs_of(network))).max() < 1e-6


@pytest.mark.parametrize("name", SHARED)
def test_there_and_back_gives_the_same(name: str) -> None:
    network = make(SHARED[name])
    back = Network.from_keras(network.to_keras())
    x = inputs_of(network)
    assert np.abs(back.predict(x) - network.predict(x)).max() < 2e-6
    assert back.dtype == network.dtype


@pytest.mark.parametrize("kind", ["SimpleRNN", "LSTM", "GRU"])
@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("sequences", [False, True])
def test_models_of_keras(kind: str, both: bool, sequences: bool) -> None:
    layer = getattr(keras.layers, kind)(4, return_sequences=sequences, bias_initializer="uniform")
    layers = [
        keras.Input((None, 3)),
        keras.layers.Bidirectional(layer) if both else layer,
        keras.layers.Dense(2, "tanh"),
    ]
    model = keras.Sequential(layers)
    x = np.random.default_rng(0).standard_normal((2, 5, 3)).astype(np.float32)
    assert np.abs(Network.from_keras(model).predict(x) - run(model, x)).max() < 2e-6


@pytest.mark.parametrize("kind", ["SimpleRNN", "LSTM", "GRU"])
def test_a_walk_backwards_is_read(kind: str) -> None:
    layer = getattr(keras.layers, kind)(4, go_backwards=True, bias_initializer="uniform")
    model = keras.Sequential([keras.Input((None, 3)), layer, keras.layers.Dense(2)])
    network = Network.from_keras(model)
    assert [type(one).__name__ for one in network.layers] == ["OnnxRecurrent", "First", "Dense"]
    x = np.random.default_rng(0).standard_normal((2, 5, 3)).astype(np.float32)
    assert np.abs(network.predict(x) - run(model, x)).max() < 2e-6


def test_a_functional_chain_is_read_and_a_branch_is_refused() -> None:
    first = keras.Input((None, 3))
    walked = keras.layers.GRU(4, reset_after=False)(first)
    chain = keras.Model(first, keras.layers.Dense(2)(walked))
    kinds = [type(layer).__name__ for layer in Network.from_keras(chain).layers]
    assert kinds == ["GRU", "Last", "Dense"]
    other = keras.layers.LSTM(4)(first)
    branched = keras.Model(first, keras.layers.Add()([walked, other]))
    with pytest.raises(InputError, match="no link of a chain"):
        Network.from_keras(branched)


def sequential(*layers: Any) -> Any:
    return keras.Sequential([keras.Input((None, 3)), *layers])


@pytest.mark.parametrize(
    ("make_layers", "message"),
    [
        (lambda k: [k.LSTM(4, activation="relu")], "activation='relu': expected tanh"),
        (lambda k: [k.GRU(4, recurrent_activation="hard_sigmoid")], "recurrent_activation"),
        (lambda k: [k.LSTM(4, go_backwards=True, return_sequences=True)], "reversed order"),
        (lambda k: [k.LSTM(4, unroll=True), k.Dropout(0.1), k.Flatten()], "is a Flatten"),
        (lambda k: [k.Bidirectional(k.LSTM(4), merge_mode="sum")], "merge_mode='concat'"),
        (lambda k: [k.Conv1D(4, 2)], "is a Conv1D"),
        (lambda k: [k.Dense(4, "gelu")], "activation='gelu'"),
        (lambda k: [k.GRU(4), k.Softmax(axis=0)], "axis=-1"),
    ],
)
def test_what_has_no_counterpart_is_refused_by_name(make_layers: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Network.from_keras(sequential(*make_layers(keras.layers)))


def test_a_class_of_ones_own_is_refused() -> None:
    class Strange(keras.layers.Dense):  # type: ignore[misc]
        def call(self, inputs: Any, training: Any = None) -> Any:
            return -super().call(inputs)

    with pytest.raises(InputError, match="is a Strange"):
        Network.from_keras(sequential(Strange(4)))


def test_a_model_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match=r"expected a keras\.Sequential"):
        Network.from_keras("model.keras")
    with pytest.raises(InputError, match="built"):
        Network.from_keras(keras.Sequential([keras.layers.LSTM(3)]))


def test_dropout_inside_a_layer_is_left_out_with_a_warning() -> None:
    model = sequential(keras.layers.LSTM(4, dropout=0.3, recurrent_dropout=0.2))
    with pytest.warns(ElmanWarning, match="dropout and recurrent_dropout act in training only"):
        network = Network.from_keras(model)
    x = np.random.default_rng(0).standard_normal((2, 5, 3)).astype(np.float32)
    assert np.abs(network.predict(x) - run(model, x)).max() < 2e-6


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("learned", "learned_state"),
        ("attention", "AttentionPool: Keras has none"),
        ("both_last", "Last: Keras has it only right after"),
        ("missing", "MarkMissing"),
    ],
)
def test_layers_that_keras_has_not_are_refused(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make(further_layers()[name]).to_keras()


def tanh(x: Any) -> Any:
    return 100 * x


@pytest.mark.parametrize("kind", ["LSTM", "SimpleRNN", "Dense"])
def test_a_function_of_ones_own_is_not_known_by_its_name(kind: str) -> None:
    model = sequential(getattr(keras.layers, kind)(4, activation=tanh))
    with pytest.raises(InputError, match="a function called tanh that is not Keras's own"):
        Network.from_keras(model)
