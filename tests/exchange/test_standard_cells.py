"""OnnxRecurrent: as the compiled cells where these serve, and right gradients elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import elman
from differences import central_difference
from elman import GRU, LSTM, RNN, Dense, Ends, InputError, Network, OnnxRecurrent

LENGTHS = np.array([6, 0, 2, 4])


@pytest.mark.parametrize(
    ("native", "cell", "options"),
    [
        (RNN(3, 5, bidirectional=True), "rnn", {}),
        (RNN(3, 5, nonlinearity="relu", bidirectional=True), "rnn", {"activations": ["relu"] * 2}),
        (LSTM(3, 5, bidirectional=True, learned_state=True), "lstm", {"learned_state": True}),
        (GRU(3, 5, bidirectional=True, bias=False), "gru", {"bias": False}),
        (GRU(3, 5, bidirectional=True, reset_after=False), "gru", {"reset_after": False}),
    ],
    ids=["rnn", "relu", "lstm", "gru", "gru_reset_before"],
)
def test_plain_options_are_the_compiled_cells(native: Any, cell: str, options: Any) -> None:
    x = np.random.default_rng(0).standard_normal((4, 6, 3))
    first = Network([native, Ends(), Dense(10, 2)], dtype="float64")
    other = OnnxRecurrent(cell, 3, 5, "bidirectional", **options)
    second = Network([other, Ends(), Dense(10, 2)], dtype="float64")
    first.set_parameters(0.5 * np.random.default_rng(1).standard_normal(first.parameter_count))
    second.load_state_dict(first.state_dict())
    ours, state = second.forward(x, lengths=LENGTHS)
    theirs, expected = first.forward(x, lengths=LENGTHS)
    assert np.abs(ours - theirs).max() < 1e-12
    for name, part in expected.items():
        assert np.abs(state[name] - part).max() < 1e-12
    for network in (first, second):
        network.fit(x, theirs + 1.0, lengths=LENGTHS, epochs=2, shuffle=False)
    for name, value in first.state_dict().items():
        assert np.abs(second.state_dict()[name] - value).max() < 1e-9


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize(
    ("cell", "activations", "options"),
    [
        ("lstm", ("sigmoid", "tanh", "relu"), {"clip": 1.5, "peepholes": True}),
        ("lstm", ("tanh", "sigmoid", "tanh"), {"input_forget": True, "learned_state": True}),
        ("gru", ("sigmoid", "relu"), {"clip": 1.0, "reset_after": False, "learned_state": True}),
        ("gru", ("tanh", "tanh"), {"bias": False}),
        ("rnn", ("sigmoid",), {"clip": 1.0}),
    ],
    ids=["peepholes", "input_forget", "reset_before", "no_bias", "rnn"],
)
def test_gradients_are_the_slopes(
    direction: str, cell: str, activations: tuple[str, ...], options: dict[str, Any]
) -> None:
    ways = 2 if direction == "bidirectional" else 1
    layer = OnnxRecurrent(cell, 2, 2, direction, activations * ways, **options)
    network = Network([layer], dtype="float64")
    generator = np.random.default_rng(2)
    network.set_parameters(0.7 * generator.standard_normal(network.parameter_count))
    x = generator.standard_normal((4, 6, 2))
    live = np.arange(6)[None, :, None] < LENGTHS[:, None, None]
    weights = generator.standard_normal((4, 6, network.output_size)) * live
    before = network.parameters.copy()

    def value() -> float:
        network.set_parameters(before)
        return float((network.predict(x, lengths=LENGTHS) * weights).sum())

    slopes = [central_difference(value, before, one) for one in range(len(before))]
    slopes_x = [central_difference(value, x, one) for one in np.ndindex(x.shape)]
    value()
    found_x = network.input_gradients(x, weights, lengths=LENGTHS)
    assert np.abs(found_x.reshape(-1) - slopes_x).max() < 1e-7
    found = parameter_gradient(network, x, weights)
    assert np.abs(found - slopes).max() < 1e-7


def parameter_gradient(network: Network, x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    from elman.data.batches import Batches

    sequences = network._form.inputs(x, LENGTHS, None)
    (batch,) = Batches(sequences, batch_size=len(x)).epoch()
    network._gradients[...] = 0.0
    network.forward_batch(batch, True)
    seeds = weights[batch.rows].transpose(1, 0, 2)[: len(batch.x)]
    network.backward_batch(np.ascontiguousarray(seeds))
    return network.gradients.copy()


def test_it_is_saved_and_read_back(tmp_path: Any) -> None:
    layer = OnnxRecurrent("lstm", 2, 3, "reverse", ("sigmoid", "relu", "tanh"), clip=2.0)
    network = Network([layer, Dense(3, 1)])
    network.save(tmp_path / "network")
    back = elman.load(tmp_path / "network")
    x = np.random.default_rng(0).standard_normal((2, 5, 2))
    assert (back.predict(x) == network.predict(x)).all()
    assert "clip=2.0" in network.summary()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("tanh", 2, 3), "cell: expected one of"),
        (("lstm", 2, 3, "up"), "direction"),
        (("lstm", 2, 3, "forward", ("tanh",)), "expected 3"),
        (("gru", 2, 3, "forward", ("tanh", "elu")), "activations"),
    ],
)
def test_what_does_not_fit_is_refused(arguments: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        OnnxRecurrent(*arguments)


def test_it_neither_streams_nor_truncates() -> None:
    network = Network([OnnxRecurrent("gru", 2, 3)])
    with pytest.raises(InputError, match="does not stream"):
        network.step(np.zeros((1, 2)))
    with pytest.raises(InputError, match="truncate"):
        network.fit(np.zeros((2, 6, 2)), np.zeros((2, 6, 3)), truncate=2, epochs=1)
    with pytest.raises(InputError, match="peepholes"):
        OnnxRecurrent("gru", 2, 3, peepholes=True)


@pytest.mark.parametrize("name", ["tanh", "relu", "sigmoid", "softmax"])
def test_an_activation_is_that_of_a_dense_layer(name: str) -> None:
    x = np.random.default_rng(0).standard_normal((3, 5, 2))
    lengths = [5, 0, 3]
    one = Network([elman.GRU(2, 4), Dense(4, 3, name)], seed=1)
    other = Network([elman.GRU(2, 4), Dense(4, 3), elman.Activation(name)], seed=1)
    target = np.abs(one.predict(x, lengths=lengths)) + 0.1
    assert (one.predict(x, lengths=lengths) == other.predict(x, lengths=lengths)).all()
    for network in (one, other):
        network.fit(x, target, lengths=lengths, epochs=3, loss="mse", shuffle=False)
    assert np.abs(one.parameters - other.parameters).max() < 1e-6
