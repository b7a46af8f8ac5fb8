"""Measures of dynamics on systems whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest

from elman import InputError
from elman.evaluate.dynamics import (
    climate_distance,
    growth_curve,
    largest_lyapunov,
    lyapunov_from_data,
    normalised_error,
    power_spectrum,
    successive_maxima,
    valid_steps,
)


def test_the_normalised_error_of_the_mean_and_of_strangers():
    rng = np.random.default_rng(0)
    scale = np.array([3.0, 0.1])
    truth = rng.standard_normal((4000, 1, 2)) * scale
    other = rng.standard_normal((4000, 1, 2)) * scale

    def size(forecast: np.ndarray) -> float:
        return float(np.sqrt((normalised_error(forecast, truth, scale) ** 2).mean()))

    assert size(truth) == 0.0
    assert abs(size(np.zeros_like(truth)) - 1.0) < 0.03
    assert abs(size(other) - np.sqrt(2.0)) < 0.04


def test_valid_steps_end_at_the_first_error_above():
    errors = np.array([[0.1, 0.5, 0.1], [0.1, 0.2, 0.3], [0.9, 0.1, 0.1], [0.1, np.nan, 0.1]])
    assert valid_steps(errors, 0.4).tolist() == [1, 3, 0, 1]
    with pytest.raises(InputError, match="threshold"):
        valid_steps(errors, 0.0)


def test_growth_curves_are_quantiles_over_the_starts():
    curve = growth_curve(np.arange(11.0)[:, None] * np.ones((1, 2)))
    assert curve == {"median": [5.0, 5.0], "low": [1.0, 1.0], "high": [9.0, 9.0]}


def test_benettin_finds_the_exponents_of_maps():
    def stretch(states: np.ndarray) -> np.ndarray:
        return states * np.array([1.5, 0.5])

    exponent, error = largest_lyapunov(stretch, np.zeros((4, 2)), 0.5, 60, skip=20)
    assert exponent == pytest.approx(np.log(1.5) / 0.5, rel=1e-6) and error < 1e-6

    def logistic(states: np.ndarray) -> np.ndarray:
        return 4.0 * states * (1.0 - states)

    start = np.random.default_rng(0).uniform(0.1, 0.9, (200, 1))
    exponent, error = largest_lyapunov(logistic, start, 1.0, 300)
    assert abs(exponent - np.log(2.0)) < 4 * error + 0.01


def test_an_estimate_from_data_comes_near():
    value, path = 0.3, []
    for _ in range(3000):
        value = 4.0 * value * (1.0 - value)
        path.append([value])
    estimate = lyapunov_from_data([np.array(path)], 1.0, fit=4, exclude=5)
    assert abs(estimate - np.log(2.0)) < 0.15
    with pytest.raises(InputError, match="series: expected a trajectory of more than"):
        lyapunov_from_data([np.zeros((20, 1))], 1.0)


def test_welch_keeps_the_variance_and_finds_the_peak():
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((20_000, 2)) * [1.0, 3.0]
    frequency, density = power_spectrum([noise[:9000], noise[9000:]], 0.1, 128)
    spacing = frequency[1] - frequency[0]
    assert np.allclose(density.sum(axis=0) * spacing, [1.0, 9.0], rtol=0.05)
    wave = np.sin(2 * np.pi * 1.25 * 0.1 * np.arange(2000))[:, None]
    frequency, density = power_spectrum([wave], 0.1, 128)
    assert frequency[density[:, 0].argmax()] == pytest.approx(1.25, abs=0.08)
    with pytest.raises(InputError, match="no longer than a trajectory"):
        power_spectrum([wave[:50]], 0.1, 128)


def test_climates_that_agree_and_that_do_not():
    rng = np.random.default_rng(0)
    one, other = rng.standard_normal((2, 20_000, 2))
    assert climate_distance(one, one) == 0.0
    assert climate_distance(one, other) < 0.03
    assert climate_distance(one + 100.0, one) > 0.99  # everything in the outermost bin


def test_successive_maxima_of_a_decaying_wave():
    time = 0.05 * np.arange(2000)
    wave = (np.exp(-0.01 * time) * np.cos(time))[:, None]
    pairs = successive_maxima([wave], 0)
    assert len(pairs) == 14
    assert np.allclose(pairs[:, 1] / pairs[:, 0], np.exp(-0.01 * 2 * np.pi), rtol=1e-4)
    assert successive_maxima([], 0).shape == (0, 2)
