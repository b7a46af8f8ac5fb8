"""Recurrent dropout, zoneout and layer normalisation in the layers and in training."""

from __future__ import annotations

import numpy as np
import pytest

import elman
from elman.data.batches import Batch
from elman.errors import InputError
from elman.layers.base import Context

OPTIONS = {
    "recurrent_dropout": {"recurrent_dropout": 0.4},
    "zoneout": {"zoneout": 0.3},
    "layer_norm": {"layer_norm": True},
    "all": {"recurrent_dropout": 0.4, "zoneout": 0.3, "layer_norm": True},
}
LAYERS = {"rnn": elman.RNN, "lstm": elman.LSTM, "gru": elman.GRU}

options = pytest.mark.parametrize("option", OPTIONS)
layers = pytest.mark.parametrize("layer", LAYERS)


def make(layer, option, dtype="float64", **more):
    described = LAYERS[layer](3, 6, **OPTIONS[option], **more)
    width = described.output_size
    return elman.Network([described, elman.Dense(width, 2)], dtype=dtype, seed=3)


def data(rows=9, steps=7):
    generator = np.random.default_rng(1)
    X = generator.normal(size=(rows, steps, 3))
    return X, generator.normal(size=(rows, steps, 2))


def forward(network, X, rows, generator):
    batch = Batch(np.asarray(rows, np.int64), np.ascontiguousarray(X[rows].swapaxes(0, 1)))
    return network.forward_batch(batch, True, generator).copy()


# ------------------------------------------------------------------------------- what they do


@layers
@options
def test_predictions_are_not_random(layer, option):
    network, (X, _) = make(layer, option), data()
    np.testing.assert_array_equal(network.predict(X), network.predict(X))


@layers
@pytest.mark.parametrize("option", ["recurrent_dropout", "zoneout", "all"])
def test_training_draws_and_a_seed_repeats_it(layer, option):
    network, (X, _) = make(layer, option), data()
    rows = np.arange(9)
    first, again, other = (forward(network, X, rows, np.random.default_rng(s)) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert (first != forward(network, X, rows, None)).any()


@layers
def test_a_row_draws_the_same_wherever_it_stands(layer):
    network, (X, _) = make(layer, "all"), data()
    rows = np.array([7, 2, 5, 0])
    whole = forward(network, X, np.arange(9), np.random.default_rng(4))
    part = forward(network, X, rows, np.random.default_rng(4))
    np.testing.assert_array_equal(part, whole[:, rows])


def test_walks_of_a_layer_draw_on_their_own():
    network, (X, _) = make("lstm", "zoneout", num_layers=2, bidirectional=True), data()
    forward(network, X, np.arange(9), np.random.default_rng(0))
    walks = [walk for level in network.layers[0]._levels for walk in level]
    assert len({int(walk.seed[0]) for walk in walks}) == 4


@layers
@options
def test_a_stream_steps_as_the_sequence(layer, option):
    network, (X, _) = make(layer, option, num_layers=2), data()
    expected, state = network.predict(X), None
    for t in range(X.shape[1]):
        y, state = network.step(X[:, t], state)
        np.testing.assert_allclose(y, expected[:, t], rtol=0, atol=1e-12)


@layers
@options
def test_chunks_carry_the_state(layer, option):
    network, (X, _) = make(layer, option), data()
    whole, _ = network.forward(X)
    first, state = network.forward(X[:, :3])
    second, _ = network.forward(X[:, 3:], state)
    np.testing.assert_allclose(np.concatenate([first, second], 1), whole, rtol=0, atol=1e-12)


@layers
@options
def test_backends_agree_in_training(layer, option):
    X, y = data()
    trained = []
    for backend in ("native", "reference"):
        described = LAYERS[layer](3, 6, bidirectional=True, learned_state=True, **OPTIONS[option])
        network = elman.Network(
            [described, elman.Dense(12, 2)], dtype="float64", seed=3, backend=backend
        )
        network.fit(
            [row[: 7 - i % 4] for i, row in enumerate(X)],
            [row[: 7 - i % 4] for i, row in enumerate(y)],
            epochs=3,
            batch_size=4,
            progress=False,
        )
        trained.append(network.parameters.copy())
    np.testing.assert_allclose(*trained, rtol=0, atol=1e-7)


# ------------------------------------------------------------------- as all layers: kept, shown


@layers
@options
def test_training_goes_on_after_saving_as_without(layer, option, tmp_path):
    X, y = data()
    network = make(layer, option)
    network.fit(X, y, epochs=2, batch_size=4, progress=False)
    network.save(tmp_path / "saved")
    loaded = elman.load(tmp_path / "saved")
    assert loaded.layers[0].config() == network.layers[0].config()
    for one in (network, loaded):
        one.fit(X, y, epochs=2, batch_size=4, progress=False)
    np.testing.assert_array_equal(network.parameters, loaded.parameters)


def test_a_pair_of_rates_is_kept_as_a_pair(tmp_path):
    network = elman.Network([elman.LSTM(1, 2, zoneout=(0.5, 0.05)), elman.Dense(2, 1)])
    network.save(tmp_path / "saved")
    assert elman.load(tmp_path / "saved").layers[0].zoneout == (0.5, 0.05)
    assert network.layers[0].regularization.zoneout == (0.05, 0.5)  # of h, and of c


def test_names_and_initial_values():
    network = elman.Network([elman.LSTM(2, 3, num_layers=2, bidirectional=True, layer_norm=True)])
    values = network.state_dict()
    for name, size in {"ih": 12, "hh": 12, "c": 3}.items():
        for suffix in ("l0", "l0_reverse", "l1", "l1_reverse"):
            np.testing.assert_array_equal(values[f"0.weight_ln_{name}_{suffix}"], np.ones(size))
            np.testing.assert_array_equal(values[f"0.bias_ln_{name}_{suffix}"], np.zeros(size))
    assert "0.weight_ln_c_l0" not in elman.Network([elman.GRU(2, 3, layer_norm=True)]).state_dict()


def test_what_is_on_stands_in_the_summary():
    network = make("gru", "all")
    assert "GRU(3, 6, recurrent_dropout=0.4, zoneout=0.3, layer_norm=True)" in network.summary()
    assert "zoneout" not in make("gru", "layer_norm").summary()


def test_options_add_no_parameters_but_normalization():
    plain = elman.Network([elman.LSTM(3, 6), elman.Dense(6, 2)]).parameter_count
    assert make("lstm", "zoneout").parameter_count == plain
    assert make("lstm", "all").parameter_count == plain + 4 * 24 + 2 * 6


def test_without_noise_nothing_of_a_plain_network_changes():
    X, _ = data()
    plain = elman.Network([elman.LSTM(3, 6), elman.Dense(6, 2)], dtype="float64", seed=3)
    dropped = make("lstm", "recurrent_dropout")
    np.testing.assert_array_equal(dropped.predict(X), plain.predict(X))


@pytest.mark.parametrize(
    ("layer", "arguments", "message"),
    [
        (elman.RNN, {"recurrent_dropout": 1.0}, "recurrent_dropout: expected a number"),
        (elman.LSTM, {"recurrent_dropout": -0.1}, "recurrent_dropout: expected a number"),
        (elman.GRU, {"zoneout": 1.0}, "zoneout: expected a number"),
        (elman.LSTM, {"zoneout": (0.1, 2.0)}, "zoneout: expected a number"),
        (elman.LSTM, {"zoneout": (0.1, 0.1, 0.1)}, "zoneout: expected one probability or a pair"),
        (elman.GRU, {"zoneout": (0.1, 0.1)}, "zoneout: expected one probability, got"),
        (elman.RNN, {"zoneout": "0.1"}, "zoneout: expected a number"),
    ],
)
def test_what_does_not_fit_is_refused_at_once(layer, arguments, message):
    with pytest.raises(InputError, match=message):
        layer(3, 4, **arguments)


# --------------------------------------------------------------------------------- they serve


def test_normalization_trains_where_the_scale_of_the_inputs_is_wrong():
    """Inputs of a thousand saturate a plain cell; a normalised one does not see their scale."""
    generator = np.random.default_rng(0)
    X = generator.normal(size=(256, 12, 3))
    y = X.sum(axis=(1, 2))[:, None] / 6.0
    losses = []
    for layer_norm in (False, True):
        network = elman.Network(
            [elman.GRU(3, 24, layer_norm=layer_norm), elman.Last(), elman.Dense(24, 1)]
        )
        options = {"epochs": 25, "optimizer": elman.Adam(0.01), "progress": False}
        losses.append(network.fit(1000.0 * X, y, **options).loss[-1])
    assert losses[1] < 0.5 * losses[0]


def test_a_context_draws_only_in_training_with_a_generator():
    generator = np.random.default_rng(0)
    assert Context(training=True, generator=generator).randomness is generator
    assert Context(training=True).randomness is None
    assert Context(generator=generator).randomness is None
