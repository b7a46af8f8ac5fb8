"""Layers: gradients against finite differences, values and gradients against torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import elman
from differences import central_difference
from elman.errors import InputError
from elman.layers import LAYERS, Context
from networks import (
    LOSSES,
    NETWORKS,
    gradient,
    inputs,
    network,
    numerical_gradient,
    one_batch,
    targets,
)
from torch_networks import TorchNetwork

pytestmark = pytest.mark.usefixtures("poison")

# torch has no learned initial state and no reset gate before the product
IN_TORCH = sorted(
    name
    for name in NETWORKS
    if not name.startswith(
        (
            "learned",
            "pool",
            "gru_before",
            "regularized",
            "bidirectional_norm",
            "bidirectional_regularized",
        )
    )
)
LENGTHS = {"equal": None, "unequal": [4, 6, 1, 6, 2], "with_empty": [0, 6, 3, 0, 1]}


@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("name", NETWORKS)
def test_gradient_is_that_of_finite_differences(name, lengths):
    made, loss = network(name), LOSSES["mse"]
    X = inputs(made)
    data = made._data(X, targets(made, loss, X), None, LENGTHS[lengths], loss)
    batches = data.batches(len(X))
    _, got = gradient(made, next(iter(batches.epoch())), loss)
    np.testing.assert_allclose(got, numerical_gradient(made, batches, loss), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("lengths", ["equal", "unequal"])
@pytest.mark.parametrize("name", IN_TORCH)
def test_outputs_and_gradients_are_those_of_torch(name, lengths):
    made, loss = network(name), LOSSES["mse"]
    X, live = inputs(made), LENGTHS[lengths]
    y = targets(made, loss, X)
    twin = TorchNetwork(made)
    expected = twin(torch.tensor(X), live)
    np.testing.assert_allclose(
        made.predict(X, lengths=live), expected.detach().numpy(), rtol=1e-11, atol=1e-13
    )
    wrong = (expected - torch.tensor(y)) ** 2
    if made.per_step and live is not None:
        mask = (torch.arange(X.shape[1]) < torch.tensor(live)[:, None])[..., None]
        torch_loss = (wrong * mask).sum() / (mask.sum() * made.output_size)
    else:
        torch_loss = wrong.mean()
    torch_loss.backward()
    value, _ = gradient(made, one_batch(made, X, y, loss, live), loss)
    assert value == pytest.approx(torch_loss.item(), rel=1e-12)
    for key, grad in twin.gradients().items():
        np.testing.assert_allclose(
            made.gradient_dict()[key], grad, rtol=1e-9, atol=1e-12, err_msg=key
        )


@pytest.mark.parametrize("name", ["rnn", "lstm", "bidirectional", "embedding", "softmax"])
def test_float32_stays_close_to_float64(name):
    single, double = network(name, "float32"), network(name, "float64")
    X = inputs(double, rows=9, steps=12)
    np.testing.assert_allclose(single.predict(X), double.predict(X), rtol=2e-5, atol=2e-6)


def test_initial_weights_are_drawn_as_torch_draws_them():
    made = elman.Network([elman.Embedding(50, 30), elman.GRU(30, 64), elman.Dense(64, 100)], seed=3)
    weights = made.state_dict()
    for name, bound in (
        ("1.weight_ih_l0", 1 / 8),
        ("1.bias_hh_l0", 1 / 8),
        ("2.weight", 1 / 8),
        ("2.bias", 1 / 8),
    ):
        assert np.abs(weights[name]).max() <= bound
        assert np.abs(weights[name]).max() > 0.9 * bound
        assert abs(weights[name].mean()) < 0.2 * bound
    assert 0.9 < weights["0.weight"].std() < 1.1


def test_learned_state_is_where_sequences_begin():
    made = network("learned_last")
    state = made.initial_state(2)
    learned = made.state_dict()["0.initial_h_l0"]
    assert np.abs(learned).min() > 0.0
    np.testing.assert_array_equal(state["0.h_l0"], [learned, learned])
    X = inputs(made, rows=2)
    from_default, _ = made.forward(X)
    from_given, _ = made.forward(X, state)
    np.testing.assert_array_equal(from_default, from_given)
    np.testing.assert_array_equal(from_default, made.predict(X))


def test_learned_state_starts_at_zero():
    made = elman.Network([elman.RNN(2, 3, learned_state=True)])
    assert not made.state_dict()["0.initial_h_l0"].any()


def test_bidirectional_is_the_layer_in_both_directions():
    forward = elman.LSTM(2, 3, num_layers=2, bias=False)
    both = elman.Bidirectional(forward)
    assert both.config() == {**forward.config(), "bidirectional": True}
    assert not forward.bidirectional
    with pytest.raises(InputError, match="Bidirectional: layer: expected an RNN, LSTM or GRU"):
        elman.Bidirectional(elman.Dense(2, 3))


class TestRepeat:
    def test_rows_get_their_lengths_back_and_know_where_they_stand(self):
        layer = elman.Repeat(positions=2)
        layer.bind({}, {}, "float64")
        context = Context(live=np.array([2, 2, 1]), lengths=np.array([3, 2]))
        context.steps = 3
        y = layer.forward(np.array([[1.0], [2.0]]), context)
        np.testing.assert_array_equal(y[:, 0, 0], [1, 1, 1])
        np.testing.assert_array_equal(y[:, 1, 0], [2, 2, 0])
        np.testing.assert_allclose(y[:, 0, 1], np.cos(np.pi * np.array([1, 3, 5]) / 6), atol=1e-15)
        np.testing.assert_allclose(y[:2, 1, 2], np.cos(np.pi * np.array([1, 3]) / 2), atol=1e-15)
        assert not y[2, 1].any()

    def test_an_autoencoder_of_unequal_rows_learns_them(self):
        generator = np.random.default_rng(0)
        X = [
            np.sin(np.linspace(0, 3, n))[:, None] * a
            for n, a in zip(generator.integers(4, 9, 64), generator.uniform(-1, 1, 64), strict=True)
        ]
        made = elman.Network(
            [
                elman.GRU(1, 12),
                elman.Last(),
                elman.Dense(12, 2),
                elman.Repeat(2),
                elman.GRU(4, 12),
                elman.Dense(12, 1),
            ],
            seed=0,
        )
        history = made.fit(X, X, epochs=150, optimizer=elman.Adam(0.01), progress=False)
        assert history.loss[-1] < 0.02 * history.loss[0]
        assert [len(one) for one in made.predict(X)] == [len(one) for one in X]

    def test_what_it_cannot_do_is_refused(self):
        with pytest.raises(InputError, match="Repeat expected a vector for each row"):
            elman.Network([elman.GRU(1, 2), elman.Repeat()])
        with pytest.raises(InputError, match="Repeat: positions"):
            elman.Repeat(-1)
        made = elman.Network([elman.GRU(1, 2), elman.Last(), elman.Repeat(), elman.GRU(2, 2)])
        with pytest.raises(InputError, match="Repeat needs the whole sequence"):
            made.step(np.zeros(1))


class TestNoise:
    def made(self, level, kind):
        layer = elman.Noise(level, kind)
        layer.bind({}, {}, "float64")
        return layer

    def test_gaussian_noise_has_its_deviation_and_lets_gradients_through(self):
        layer = self.made(0.5, "gaussian")
        context = Context(training=True, generator=np.random.default_rng(0))
        context.live, context.lengths = np.array([50, 50, 20]), None
        x = np.ones((3, 50, 40))
        y = layer.forward(x, context)
        assert not y[2, 20:].any()
        assert (y[:2] - 1.0).std() == pytest.approx(0.5, rel=0.05)
        d_y = np.ones_like(x)
        np.testing.assert_array_equal(layer.backward(d_y), np.ones_like(x))

    def test_masking_sets_whole_steps_to_zero_and_their_gradients_too(self):
        layer = self.made(0.3, "masking")
        context = Context(training=True, generator=np.random.default_rng(0))
        y = layer.forward(np.ones((30, 40, 3)), context)
        assert set(np.unique(y)) == {0.0, 1.0}
        assert (y.min(axis=2) == y.max(axis=2)).all()
        assert 1.0 - y.mean() == pytest.approx(0.3, abs=0.05)
        np.testing.assert_array_equal(layer.backward(np.ones((30, 40, 3))), y)

    def test_nothing_happens_outside_training(self):
        x = np.ones((2, 3, 1))
        assert self.made(0.5, "gaussian").forward(x, Context()) is x

    def test_what_makes_no_sense_is_refused(self):
        with pytest.raises(InputError, match="Noise: kind"):
            elman.Noise(0.1, "pink")
        with pytest.raises(InputError, match="Noise: level"):
            elman.Noise(1.0, "masking")
        with pytest.raises(InputError, match="Noise: level"):
            elman.Noise(-1.0)


class TestDropout:
    def layer(self, p, dtype="float64"):
        layer = elman.Dropout(p)
        layer.bind({}, {}, dtype)
        return layer

    def test_does_nothing_outside_training(self):
        x = np.ones((4, 5))
        assert self.layer(0.5).forward(x, Context(False)) is x

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_keeps_the_mean_and_drops_the_share(self, dtype):
        layer = self.layer(0.3, dtype)
        x = np.ones((50, 40, 30), dtype)
        y = layer.forward(x, Context(True, generator=np.random.default_rng(0)))
        assert y.dtype == dtype
        np.testing.assert_allclose(np.unique(y), [0.0, 1 / 0.7], rtol=1e-6)
        assert (y == 0.0).mean() == pytest.approx(0.3, abs=0.01)
        d_x = layer.backward(np.full_like(x, 2.0))
        np.testing.assert_array_equal(d_x, 2.0 * y)

    def test_between_stacked_layers_only_in_training(self):
        plain = elman.Network([elman.GRU(2, 6, num_layers=2)], seed=1, dtype="float64")
        dropping = elman.Network(
            [elman.GRU(2, 6, num_layers=2, dropout=0.5)], seed=1, dtype="float64"
        )
        X = inputs(plain)
        np.testing.assert_array_equal(plain.predict(X), dropping.predict(X))
        batch = one_batch(dropping, X, targets(dropping, LOSSES["mse"], X), LOSSES["mse"])
        first = dropping.forward_batch(batch, True, np.random.default_rng(0)).copy()
        second = dropping.forward_batch(batch, True, np.random.default_rng(0)).copy()
        other = dropping.forward_batch(batch, True, np.random.default_rng(1)).copy()
        np.testing.assert_array_equal(first, second)
        assert np.abs(first - other).max() > 1e-3

    def test_gradient_with_the_same_drops(self):
        """Finite differences through dropout, its generator set back before every pass."""
        layers = [elman.GRU(2, 3, num_layers=2, dropout=0.4), elman.Dropout(0.3), elman.Dense(3, 2)]
        made = elman.Network(layers, seed=2, dtype="float64")
        loss = LOSSES["mse"]
        X = inputs(made)
        batch = one_batch(made, X, targets(made, loss, X), loss, [6, 2, 3, 0, 5])

        def value():
            output = made.forward_batch(batch, True, np.random.default_rng(5))
            return loss(output, batch.target, None, batch.live)[0]

        output = made.forward_batch(batch, True, np.random.default_rng(5))
        d_output = np.empty_like(output)
        loss(output, batch.target, None, batch.live, d_output)
        parameters, gradients = made.vectors()
        gradients[...] = 0.0
        made.backward_batch(d_output)
        for index in range(parameters.size):
            expected = central_difference(value, parameters, index)
            assert gradients[index] == pytest.approx(expected, rel=1e-5, abs=1e-8)


def test_last_is_the_last_live_step_of_each_row():
    made = network("last_of_dense")
    X = inputs(made)
    steps = elman.Network(NETWORKS["last_of_dense"]()[:2], dtype="float64")
    steps.load_state_dict(made.state_dict())
    lengths = [3, 6, 0, 1, 2]
    every, last = steps.predict(X, lengths=lengths), made.predict(X, lengths=lengths)
    for row, length in enumerate(lengths):
        expected = every[row, length - 1] if length else np.zeros(4)
        np.testing.assert_array_equal(last[row], expected)


def test_fused_last_gives_the_same_as_last_alone():
    fused = network("lstm_last")
    assert len(fused._pipeline) == 2
    alone = elman.Network(
        [elman.LSTM(1, 3), elman.Dropout(0.0), elman.Last(), elman.Dense(3, 1)], dtype="float64"
    )
    assert len(alone._pipeline) == 4
    alone.set_parameters(fused.parameters)
    X, lengths = inputs(fused), [4, 0, 6, 6, 1]
    np.testing.assert_array_equal(
        fused.predict(X, lengths=lengths), alone.predict(X, lengths=lengths)
    )


@pytest.mark.parametrize("layer", [layers()[0] for layers in NETWORKS.values()], ids=NETWORKS)
def test_a_layer_is_rebuilt_from_its_description(layer):
    again = LAYERS[type(layer).__name__](**layer.config())
    assert again.config() == layer.config()
    assert again.parameter_shapes() == layer.parameter_shapes()
    assert repr(again) == repr(layer)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: elman.RNN(0, 4), "RNN: input_size: expected a whole number, at least 1, got 0"),
        (lambda: elman.LSTM(1, 2.5), "LSTM: hidden_size: expected a whole number"),
        (lambda: elman.GRU(1, True), "GRU: hidden_size: expected a whole number"),
        (lambda: elman.RNN(1, 2, nonlinearity="elu"), "nonlinearity: expected one of 'tanh'"),
        (lambda: elman.GRU(1, 2, dropout=0.1), "expected num_layers of 2 or more"),
        (lambda: elman.GRU(1, 2, 2, dropout=1.0), "dropout: expected a number at least 0 and"),
        (lambda: elman.Dense(3, 2, "gelu"), "Dense: activation: expected one of None, 'tanh'"),
        (lambda: elman.Dropout(-0.1), "Dropout: p: expected"),
        (lambda: elman.Embedding(4, 0), "Embedding: dim: expected"),
    ],
)
def test_bad_arguments_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([], "expected a list of at least one layer"),
        (elman.RNN(1, 2), "expected a list of at least one layer"),
        ([elman.RNN(1, 2), "dense"], "expected layers such as"),
        ([elman.RNN(1, 2), elman.RNN(3, 2)], "RNN expected a sequence of 3 channels, got sequence"),
        ([elman.RNN(1, 2), elman.Last(), elman.RNN(2, 2)], "Last gives one vector a row"),
        ([elman.RNN(1, 2), elman.Last(), elman.Last()], "Last expected a sequence, got vector"),
        ([elman.Embedding(4, 2), elman.Dense(3, 2)], "Dense expected a sequence or a vector of 3"),
        ([elman.RNN(1, 2), elman.Embedding(4, 2)], "an Embedding must be the first layer"),
        ([elman.Dropout(0.1), elman.Last()], "expected a layer that says how many channels"),
    ],
)
def test_layers_that_do_not_fit_are_refused(layers, message):
    with pytest.raises(InputError, match=message):
        elman.Network(layers)


def test_one_layer_twice_is_refused():
    layer = elman.RNN(2, 2)
    with pytest.raises(InputError, match="one of them twice"):
        elman.Network([layer, layer])
    assert elman.Network([layer, layer.clone()]).parameter_count == 2 * 12
