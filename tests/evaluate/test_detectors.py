"""The simple detectors find what each can find."""

from __future__ import annotations

import numpy as np
import pytest

from elman.evaluate.detectors import simple_detectors


@pytest.fixture(scope="module")
def normal():
    generator = np.random.default_rng(0)
    t = np.arange(1200)
    return (np.sin(2 * np.pi * t / 24) + 0.05 * generator.standard_normal(1200))[:, None]


def test_each_sees_its_kind_of_fault(normal):
    detectors = simple_detectors([normal[:800]], 24, 4, stride=2)
    assert set(detectors) == {
        "distance from the mean",
        "moving average",
        "last season",
        "principal components",
    }
    later = normal[800:].copy()
    later[100] += 5.0
    later[200:224] = -later[200:224]  # the cycle upside down: no value is strange by itself
    for name, detector in detectors.items():
        scores = detector([later])[0]
        assert scores.shape == (400,)
        assert np.nanargmax(scores) == 100, name
        quiet = np.nanmedian(scores[300:])
        if name in ("last season", "principal components"):
            assert np.nanmedian(scores[205:220]) > 4 * quiet
        else:
            assert np.nanmedian(scores[205:220]) < 2 * quiet


def test_scores_do_not_look_ahead_where_they_need_not(normal):
    detectors = simple_detectors([normal[:800]], 24, 4)
    changed = normal[800:].copy()
    changed[300:] += 3.0
    for name in ("distance from the mean", "moving average", "last season"):
        before, after = (detectors[name]([one])[0][:300] for one in (normal[800:], changed))
        np.testing.assert_array_equal(before, after)


def test_missing_values_and_noise_without_a_season(normal):
    generator = np.random.default_rng(1)
    noise = generator.standard_normal((300, 2))
    noise[5:9, 0] = np.nan
    noise[50] = np.nan
    detectors = simple_detectors([noise], 16, 3)
    assert "last season" not in detectors
    for detector in detectors.values():
        scores = detector([noise])[0]
        assert np.isnan(scores[50]) and np.isfinite(scores[60:]).all()
