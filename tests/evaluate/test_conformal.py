import numpy as np
import pytest

from elman.errors import InputError
from elman.evaluate import apply_adjustment, conformal_adjustment, coverage, nest_intervals


def test_the_adjustment_is_the_stated_order_statistic():
    y = np.arange(1.0, 10.0)[:, None]  # scores over [0, 0] are 1..9
    zeros = np.zeros_like(y)
    for level, expected in ((0.5, 5.0), (0.8, 8.0), (0.9, 9.0)):
        got = conformal_adjustment(zeros, zeros, y, level)
        assert got.adjustment == [expected]
        assert got.sufficient.all()
        assert got.count == [9]


def test_too_few_values_for_the_guarantee_are_reported():
    y = np.arange(1.0, 10.0)[:, None]
    got = conformal_adjustment(np.zeros_like(y), np.zeros_like(y), y, 0.95)
    assert got.adjustment == [9.0]
    assert not got.sufficient.any()


def test_intervals_that_are_too_wide_shrink():
    y = np.linspace(-1, 1, 99)[:, None]
    got = conformal_adjustment(np.full_like(y, -5.0), np.full_like(y, 5.0), y, 0.8)
    assert got.adjustment[0] < -4


def test_each_step_ahead_has_its_own_adjustment_and_missing_values_count_nowhere():
    generator = np.random.default_rng(0)
    y = generator.normal(size=(200, 3)) * [1.0, 3.0, 9.0]
    zeros = np.zeros_like(y)
    whole = conformal_adjustment(zeros, zeros, y, 0.9)
    assert whole.adjustment[0] < whole.adjustment[1] < whole.adjustment[2]
    y[50:, 1] = np.nan
    holes = conformal_adjustment(zeros, zeros, y, 0.9)
    assert list(holes.count) == [200, 50, 200]
    np.testing.assert_array_equal(holes.adjustment[[0, 2]], whole.adjustment[[0, 2]])
    first = conformal_adjustment(zeros[:50], zeros[:50], y[:50], 0.9)
    assert holes.adjustment[1] == first.adjustment[1]


def test_pooling_takes_the_neighbours_scores():
    y = np.array([[1.0, 10.0, 100.0], [2.0, 20.0, 200.0]])
    zeros = np.zeros_like(y)
    got = conformal_adjustment(zeros, zeros, y, 0.5, pool=1)
    assert list(got.count) == [4, 6, 4]
    np.testing.assert_array_equal(got.adjustment, [10.0, 20.0, 100.0])


@pytest.mark.parametrize("level", [0.5, 0.8, 0.95])
def test_coverage_is_met_on_new_data_whatever_the_quantiles(level):
    generator = np.random.default_rng(4)
    got = []
    for _ in range(300):
        y = generator.standard_t(3, size=(60, 1))
        lower, upper = y * 0 - 0.3, y * 0 + 0.1  # poor quantiles
        adjustment = conformal_adjustment(lower[:40], upper[:40], y[:40], level).adjustment
        ends = apply_adjustment(lower[40:], upper[40:], adjustment)
        got.append(coverage(y[40:], *ends))
    # Between the level and level + 1 / (n + 1), give or take the noise of 6,000 draws.
    assert level - 0.015 <= np.mean(got) <= level + 1 / 41 + 0.015


def test_an_interval_never_turns_inside_out():
    lower, upper = apply_adjustment([[0.0, 0.0]], [[2.0, 2.0]], [-5.0, 1.0])
    np.testing.assert_array_equal(lower, [[1.0, -1.0]])
    np.testing.assert_array_equal(upper, [[1.0, 3.0]])


def test_wider_levels_hold_narrower_ones_and_the_point():
    def ends(low, high):
        return np.array([low]), np.array([high])

    got = nest_intervals({95: ends(-1.0, 1.0), 80: ends(-2.0, 0.5)}, point=[0.7])
    assert list(got) == [95, 80]
    assert got[80] == ends(-2.0, 0.7)
    assert got[95] == ends(-2.0, 1.0)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"coverage": 80}, "coverage"),
        ({"pool": -1}, "pool"),
        ({"y": [1.0]}, "y: expected shape"),
        ({"y": [[np.nan]]}, "1 steps ahead"),
        ({"lower": [[np.nan]]}, "not finite"),
        ({"upper": [[1.0, 2.0]]}, "shape"),
    ],
)
def test_bad_input_is_refused(change, match):
    good = {"lower": [[0.0]], "upper": [[1.0]], "y": [[0.5]], "coverage": 0.8}
    with pytest.raises(InputError, match=match):
        conformal_adjustment(**{**good, **change})
