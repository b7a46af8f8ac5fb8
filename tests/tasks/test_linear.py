"""The linear shortcut: what it finds, and what it does not look at."""

from __future__ import annotations

import numpy as np

from elman import Forecaster, Panel
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


def test_the_linear_part_alone_stands_beside_the_network() -> None:
    values = 10 + np.sin(np.arange(240) * 0.4) + 0.1 * np.random.default_rng(3).standard_normal(240)
    forecaster = Forecaster(horizon=6, window=24, season=None, epochs=3, folds=2).fit(values)
    scores = forecaster.scores_
    linear, network = scores.table["linear"]["mae"], scores.table["network"]["mae"]
    assert linear is not None and network is not None and linear != network
    assert linear < scores.table["repeat_last"]["mae"]

    model = forecaster.model_
    panel = Panel.from_any(values)
    where = np.array([0]), np.array([200]), panel.lengths
    alone = model.linear_forecast(panel, *where)
    assert np.ptp(alone.quantiles, axis=-1).max() == 0.0  # the same in all quantiles
    for name in ("head.weight", "head.bias"):
        model.network.flat[name][...] = 0.0  # a silent network leaves the linear part alone
    np.testing.assert_allclose(model.forecast(panel, *where).quantiles, alone.quantiles)


def test_without_a_linear_part_there_is_no_such_row() -> None:
    values = np.sin(np.arange(160) * 0.4)
    forecaster = Forecaster(horizon=4, window=16, epochs=1, folds=1, shortcut=False).fit(values)
    assert "linear" not in forecaster.scores_.table
    assert "repeat_last" in forecaster.scores_.table
