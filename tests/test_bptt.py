"""Back-propagation through time: truncated is what cutting by hand gives."""

from __future__ import annotations

import numpy as np
import pytest

import elman
from elman.bptt import Backpropagation
from elman.layers import Context
from networks import LOSSES, gradient, inputs, network, one_batch, targets

LOSS = LOSSES["mse"]


def setting(name, rows=4, steps=11, lengths=None):
    made = network(name)
    X = inputs(made, rows, steps)
    y = targets(made, LOSS, X)
    return made, X, y, one_batch(made, X, y, LOSS, lengths)


def chunked_gradient(made, X, y, tau):
    """Chunks of tau steps, the state carried from one to the next, its gradient not."""
    state, total = made.initial_state(len(X)).parts, 0.0
    _, gradients = made.vectors()
    gradients[...] = 0.0
    for start in range(0, X.shape[1], tau):
        x = np.ascontiguousarray(X[:, start : start + tau].transpose(1, 0, 2))
        goal = np.ascontiguousarray(y[:, start : start + tau].transpose(1, 0, 2))
        final = tuple(np.empty_like(part) for part in state)
        context = Context(True, state=state, final_state=final)
        output = made._pass(x, context)
        d_output = np.empty_like(output)
        value, weight = LOSS(output, goal, gradient=d_output)
        d_output *= weight / y.size  # the mean over all steps, not over the chunk's
        made.backward_batch(d_output)
        total += value * weight
        state = final
    return total / y.size, gradients.copy()


@pytest.mark.parametrize("tau", [1, 3, 4, 11])
@pytest.mark.parametrize("name", ["lstm", "rnn_relu", "gru_before", "tanh", "no_bias"])
def test_truncated_is_chunked_by_hand(name, tau):
    made, X, y, batch = setting(name)
    value, got = gradient(made, batch, LOSS, truncate=tau)
    expected_value, expected = chunked_gradient(made, X, y, tau)
    assert value == pytest.approx(expected_value, rel=1e-12)
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["lstm", "bidirectional", "learned", "gru", "embedding"])
def test_a_chunk_as_long_as_the_sequence_is_no_cut(name):
    made, _, _, batch = setting(name, lengths=[11, 3, 0, 7])
    _, full = gradient(made, batch, LOSS)
    _, whole = gradient(made, batch, LOSS, truncate=11)
    _, longer = gradient(made, batch, LOSS, truncate=1000)
    np.testing.assert_array_equal(full, whole)
    np.testing.assert_array_equal(full, longer)


@pytest.mark.parametrize("name", ["lstm", "gru", "bidirectional", "learned"])
def test_a_short_chunk_changes_the_gradient_not_the_loss(name):
    made, _, _, batch = setting(name)
    value, full = gradient(made, batch, LOSS)
    cut_value, cut = gradient(made, batch, LOSS, truncate=2)
    assert cut_value == value
    assert np.abs(full - cut).max() > 1e-6


def test_gradient_does_not_depend_on_what_was_there_before():
    made, _, _, batch = setting("lstm")
    _, first = gradient(made, batch, LOSS)
    made.vectors()[1][...] = 7.0
    _, second = gradient(made, batch, LOSS)
    np.testing.assert_array_equal(first, second)


def test_only_what_has_parameters_is_walked_back():
    """The gradient of the inputs is nobody's; it is not computed."""
    made = elman.Network([elman.Dropout(0.2), elman.RNN(2, 3), elman.Dense(3, 1)])
    calls = []
    for layer in made._pipeline:
        plain = layer.backward

        def spy(d_y, need_d_x=True, plain=plain, layer=layer):
            calls.append((type(layer).__name__, need_d_x))
            return plain(d_y, need_d_x)

        layer.backward = spy
    X = inputs(made)
    batch = one_batch(made, X, targets(made, LOSS, X), LOSS)
    Backpropagation(made, LOSS, None, np.random.default_rng(0))(batch)
    assert calls == [("Dense", True), ("RNN", False)]


def test_fit_takes_the_chunk_length():
    weights = []
    for tau in (None, 3, 50):
        made = network("lstm")
        X = inputs(made, 8, 12)
        made.fit(X, targets(made, LOSS, X), epochs=2, truncate=tau)
        weights.append(made.parameters.copy())
    np.testing.assert_array_equal(weights[0], weights[2])
    assert np.abs(weights[0] - weights[1]).max() > 1e-9
