"""Gradients in the inputs: against differences, of the network as it predicts."""

from __future__ import annotations

import numpy as np
import pytest

import elman
from networks import NETWORKS, inputs, network

DISTURBED = {
    "dropout": lambda: [elman.Dropout(0.4), elman.RNN(2, 3), elman.Dropout(0.4), elman.Dense(3, 2)],
    "noise": lambda: [elman.Noise(0.4), elman.RNN(2, 3), elman.Dense(3, 2)],
    "masking": lambda: [elman.Noise(0.4, "masking"), elman.RNN(2, 3), elman.Last()],
    "between_levels": lambda: [elman.GRU(2, 3, num_layers=2, dropout=0.4), elman.Dense(3, 2)],
    "within": lambda: [elman.LSTM(2, 3, recurrent_dropout=0.4, zoneout=(0.2, 0.3))],
}
READING_NUMBERS = [name for name in NETWORKS if not network(name).reads_tokens]


def check(made: elman.Network, X: np.ndarray) -> None:
    """A gradient along a random direction is the difference along it, and leaves no trace."""
    generator = np.random.default_rng(3)
    weights = generator.normal(size=made.predict(X).shape)
    before = made.gradients.copy()
    slope = made.input_gradients(X, weights, batch_size=2)
    np.testing.assert_array_equal(made.gradients, before)
    direction, step = generator.normal(size=X.shape), 1e-6
    ends = [(weights * made.predict(X + sign * step * direction)).sum() for sign in (1, -1)]
    assert (slope * direction).sum() == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-5)


@pytest.mark.parametrize("name", READING_NUMBERS)
def test_they_are_the_differences(name: str) -> None:
    made = network(name)
    check(made, inputs(made))


@pytest.mark.parametrize("name", DISTURBED)
def test_what_disturbs_training_does_not_disturb_them(name: str) -> None:
    made = elman.Network(DISTURBED[name](), dtype="float64", seed=1)
    X = inputs(made)
    made.fit(X, made.predict(X), epochs=1, progress=False)  # leaves masks behind
    check(made, X)
