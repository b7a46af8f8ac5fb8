"""Calibration: that intervals cover, also where the held-out windows depend on each other."""

from __future__ import annotations

import numpy as np
import pytest

import elman
from elman.tasks.calibration import _among_dependent, _autocorrelation_time
from sample_series import FAST, several, wave


def autoregression(number: int, memory: float, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal((number, 1))
    for step in range(1, number):
        noise[step] = memory * noise[step - 1] + np.sqrt(1 - memory**2) * noise[step]
    return noise


def test_independent_windows_count_whole_and_dependent_ones_less() -> None:
    # An AR(1) process has the integrated autocorrelation time (1 + a) / (1 - a).
    assert _autocorrelation_time([autoregression(4000, 0.0, 0)]) == pytest.approx(1, abs=0.1)
    assert _autocorrelation_time([autoregression(4000, 0.8, 1)]) == pytest.approx(9, rel=0.2)
    assert _among_dependent(0.8, [autoregression(4000, 0.0, 0)]) == pytest.approx(0.8, abs=1e-3)
    asked = [_among_dependent(0.8, [autoregression(100, 0.8, seed)]) for seed in range(20)]
    assert 0.83 < np.mean(asked) < 0.9


def test_the_share_asked_of_dependent_scores_covers_new_ones_as_stated() -> None:
    """A hundred dependent scores, then a new one far from them; many times over."""
    plain = corrected = 0
    for seed in range(400):
        scores = autoregression(160, 0.85, seed)
        past, new = scores[:100], scores[-1, 0]
        asked = _among_dependent(0.8, [past])
        plain += new <= np.quantile(past, 0.8)
        corrected += new <= np.quantile(past, min(asked, 1.0))
    assert plain / 400 < 0.78
    assert corrected / 400 == pytest.approx(0.8, abs=0.05)


def test_missing_scores_and_constant_ones_are_no_obstacle() -> None:
    scores = autoregression(50, 0.5, 0)
    scores[::7] = np.nan
    assert 1 <= _autocorrelation_time([scores, scores[:3]]) < 10
    assert _autocorrelation_time([np.zeros((5, 2))]) == 1.0


def test_every_level_covers_its_share_of_held_out_values() -> None:
    forecaster = elman.Forecaster(**{**FAST, "folds": 4, "epochs": 20}).fit(wave(400))
    for level, one in forecaster.scores_.intervals.items():
        assert one["coverage"] == pytest.approx(float(level) / 100, abs=0.1)


def test_a_restless_series_gets_wider_intervals_than_a_quiet_one() -> None:
    forecaster = elman.Forecaster(**FAST).fit(several())
    low, high = forecaster.predict_intervals()[80.0]
    width = (high - low).mean(axis=(1, 2))
    assert width[0] < width[1] < width[2]
