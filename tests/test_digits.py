"""The digits that a forecast is written with."""

from __future__ import annotations

import numpy as np

from elman.digits import resolved


def test_digits_follow_the_spread_of_what_is_known() -> None:
    values = np.array([103.98142371234, -0.12345678912345])
    assert resolved(values, np.array([0.0, 190.0, np.nan])).tolist() == [103.98142, -0.12346]
    assert resolved(values * 1e-9, np.array([0.0, 1e-9])).tolist() == [
        1.0398142371e-07,
        -1.2345679e-10,
    ]


def test_a_small_spread_on_a_high_level_keeps_its_digits() -> None:
    level = 1_700_000_000.0
    found = resolved(np.array([level + 3.14159265]), np.array([level, level + 10]))
    assert abs(found[0] - level - 3.14159265) < 1e-6


def test_a_constant_and_nothing_known() -> None:
    assert resolved(np.array([[1 / 3]]), np.array([7.0, 7.0])).tolist() == [[0.33333333]]
    assert resolved(np.array([0.0]), np.array([np.nan])).tolist() == [0.0]
    assert resolved(np.array([1e300]), np.array([0.0, 1e306])).tolist() == [1e300]


def test_there_is_no_negative_zero() -> None:
    assert str(resolved(np.array([-1e-12]), np.array([0.0, 1.0]))[0]) == "0.0"


def test_rounding_is_finer_than_single_precision() -> None:
    values = np.random.default_rng(0).normal(5.0, 2.0, 1000)
    assert np.abs(resolved(values, values) - values).max() < np.ptp(values) * 2.0**-24
