"""The linear shortcut: what it finds, and what it does not look at."""

from __future__ import annotations

import numpy as np

from elman.tasks.linear import PENALTIES, fit_shortcut, leftover_quantiles
from elman.tasks.samples import Rows, WindowSet, WindowShape


def windows(values: np.ndarray, horizon: int = 4, segment: int = 1) -> WindowSet:
    rows = Rows.from_series([values[:, None]], np.array([[values.std()]]), np.float64)
    shape = WindowShape(12, horizon, segment)
    origin = np.arange(12, len(values) - horizon + 1)
    return WindowSet(rows, shape, np.zeros(len(origin), int), origin)


def test_a_sine_is_forecast_almost_exactly() -> None:
    data = windows(np.sin(np.arange(200) * 0.4))
    weights, penalty = fit_shortcut(data)
    batch = data.take(np.arange(len(data.row)))
    forecast = batch.x[:, :, 0].T @ weights
    error = np.abs(forecast - batch.target[:, :, 0].T).mean()
    assert error < 0.05 * np.abs(batch.target).mean()
    assert penalty == min(PENALTIES)


def test_noise_is_shrunk() -> None:
    data = windows(np.random.default_rng(0).standard_normal(120).cumsum())
    weights, penalty = fit_shortcut(data)
    assert penalty > min(PENALTIES)
    assert np.abs(weights).max() < 0.5


def test_steps_beyond_the_horizon_get_nothing() -> None:
    weights, _ = fit_shortcut(windows(np.sin(np.arange(100) * 0.4), horizon=4, segment=3))
    assert weights.shape == (12, 6)
    assert not weights[:, 4:].any()


def test_the_quantiles_of_what_is_left_over() -> None:
    data = windows(np.random.default_rng(0).standard_normal(400).cumsum(), horizon=4, segment=2)
    batch = data.take(np.arange(len(data.row)))
    found = leftover_quantiles(data, None, (0.1, 0.5, 0.9))
    expected = np.quantile(batch.target, (0.1, 0.5, 0.9), axis=(0, 1)).T
    np.testing.assert_allclose(found, expected, atol=1e-12)
    weights, _ = fit_shortcut(data)
    narrower = leftover_quantiles(data, weights, (0.1, 0.5, 0.9))
    assert (narrower[:, 2] - narrower[:, 0] <= found[:, 2] - found[:, 0]).all()
