import numpy as np
import pytest

from elman.errors import InputError
from elman.evaluate import BASELINES, Baselines

HORIZON = 7


def slow_forecast(name, values, origin, horizon, season):
    """The definitions, one value at a time."""
    known = values[:origin]
    steps = np.flatnonzero(~np.isnan(known))
    if not len(steps):
        return np.full(horizon, np.nan)
    first, last = steps[0], steps[-1]
    out = []
    for target in range(origin, origin + horizon):
        if name == "repeat_last":
            out.append(known[last])
        elif name == "mean":
            out.append(np.nanmean(known))
        elif name == "drift":
            slope = (known[last] - known[first]) / (last - first) if last > first else 0.0
            out.append(known[last] + slope * (target - last))
        else:
            place = target
            while place >= 0 and (place >= origin or np.isnan(known[place])):
                place -= season
            out.append(known[place] if place >= 0 else known[last])
    return np.array(out)


def ragged_panel():
    generator = np.random.default_rng(0)
    series = [generator.normal(size=length).cumsum() for length in (30, 1, 12, 0, 25, 4)]
    series[0][[0, 1, 7, 8, 9, 20]] = np.nan
    series[2][:] = np.nan
    series[4][10:] = np.nan
    return series


@pytest.mark.parametrize("season", [1, 4, 9])
@pytest.mark.parametrize("name", BASELINES)
def test_every_window_matches_the_slow_definition(name, season):
    series = ragged_panel()
    baselines = Baselines(series, season=season)
    windows = [(n, o) for n, one in enumerate(series) for o in range(len(one) + 1)]
    numbers, origins = np.array(windows).T
    got = baselines.forecast(name, numbers, origins, HORIZON)
    for row, (number, origin) in zip(got, windows, strict=True):
        expected = slow_forecast(name, series[number], origin, HORIZON, season)
        np.testing.assert_allclose(row, expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(
        baselines.has_history(numbers, origins), ~np.isnan(got).any(axis=1)
    )


@pytest.mark.parametrize("name", [*BASELINES, "naive2"])
def test_nothing_at_or_after_the_origin_is_read(name):
    generator = np.random.default_rng(1)
    values = 10 + np.tile([0.0, 3.0, 1.0, 5.0], 15) + generator.normal(size=60)
    changed = values.copy()
    changed[40:] = generator.normal(size=20) * 1e6
    before, after = (
        Baselines([one], season=4, training=[40]).forecast(name, [0], [40], 9)
        for one in (values, changed)
    )
    np.testing.assert_array_equal(before, after)
    changed[39] += 50
    assert (before != Baselines([changed], 4, [40]).forecast(name, [0], [40], 9)).any()


def test_targets_are_the_truth_and_missing_after_the_end():
    baselines = Baselines([[1.0, 2.0, 3.0], [4.0, np.nan]])
    expected = [[2.0, 3.0, np.nan], [4.0, np.nan, np.nan], [np.nan] * 3]
    np.testing.assert_array_equal(baselines.targets([0, 1, 0], [1, 0, 3], 3), expected)


def test_naive2_recovers_a_multiplicative_season():
    indices = np.array([0.5, 1.0, 2.0, 0.5])
    values = np.linspace(10, 20, 48) * np.tile(indices, 12)
    baselines = Baselines([values], season=4)
    assert baselines.naive2_differs()
    got = baselines.forecast("naive2", [0], [48], 4)[0]
    np.testing.assert_allclose(got, 20 * indices, rtol=0.02)


def test_naive2_adds_where_values_are_not_positive():
    indices = np.array([-3.0, 0.0, 5.0, -2.0])
    values = np.tile(indices, 12)
    got = Baselines([values], season=4).forecast("naive2", [0], [46], 4)[0]
    np.testing.assert_allclose(got, [5.0, -2.0, -3.0, 0.0], atol=1e-12)


def test_naive2_is_repeat_last_without_a_season():
    noise = np.random.default_rng(2).normal(size=40)
    for values, season in ((noise, 4), (noise, 1), (np.tile([1.0, 2.0, 5.0, 9.0], 2), 4)):
        baselines = Baselines([values], season=season)
        assert not baselines.naive2_differs()
        np.testing.assert_array_equal(
            baselines.forecast("naive2", [0], [len(values)], 3),
            baselines.forecast("repeat_last", [0], [len(values)], 3),
        )


def test_a_scale_rests_on_a_whole_season_of_pairs():
    values = np.array([1.0, 5, 9, 1.01, 6, 11])
    scales = Baselines([values[:4], values[:5], values], season=3).scales()
    assert scales == [None, None, pytest.approx((0.01 + 1 + 2) / 3)]


def test_scales_come_from_the_training_part_only():
    values = np.array([1.0, 2.0, 3.0, 4.0, 100.0])
    assert Baselines([values, np.ones(5)], training=[4, 4]).scales() == [1.0, None]


@pytest.mark.parametrize(
    ("keyword", "match"),
    [
        ({"values": [np.ones((2, 2))]}, "values: expected series of shape"),
        ({"values": [[1.0, np.inf]]}, "infinity"),
        ({"values": [[1.0]], "season": 0}, "season"),
        ({"values": [[1.0]], "training": [2]}, "training"),
        ({"values": [[1.0]], "training": [1, 1]}, "training"),
    ],
)
def test_bad_series_are_refused(keyword, match):
    with pytest.raises(InputError, match=match):
        Baselines(**keyword)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (("median", [0], [1], 1), "name: expected one of repeat_last"),
        (("mean", [0], [1], 0), "horizon"),
        (("mean", [0, 0], [1], 1), "origins: expected one for each of the 2 windows"),
        (("mean", [1], [1], 1), "series: expected numbers from 0 to 0"),
        (("mean", [0], [4], 1), "origins"),
        (("mean", [0], [-1], 1), "origins"),
    ],
)
def test_bad_windows_are_refused(arguments, match):
    with pytest.raises(InputError, match=match):
        Baselines([[1.0, 2.0, 3.0]]).forecast(*arguments)
