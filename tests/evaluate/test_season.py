from importlib import resources

import numpy as np
import pytest

from elman.errors import InputError
from elman.evaluate import autocorrelation, infer_season


def record(name):
    """The value column of a record shipped with the package."""
    text = (resources.files("elman") / "datasets" / f"{name}.csv").read_text("utf-8")
    rows = [line for line in text.splitlines() if line and not line.startswith("#")]
    return np.array([float(row.rsplit(",", 1)[1]) for row in rows[1:]])


@pytest.mark.parametrize(
    ("frequency", "season"),
    [
        ("M", 12), ("MS", 12), ("ME", 12), ("1mo", 12), ("monthly", 12), ("3mo", 4),
        ("Q", 4), ("QS-OCT", 4), ("1q", 4), ("D", 7), ("1d", 7), ("B", 5), ("W-SUN", 52),
        ("1w", 52), ("7d", 52), ("h", 24), ("1h", 24), ("2h", 12), ("30min", 48),
        ("15min", 96), ("15m", 96), ("1m", 60), ("min", 60), ("s", 60), ("24h", 7),
    ],
)  # fmt: skip
def test_the_frequency_decides_first(frequency, season):
    noise = np.random.default_rng(0).normal(size=400)
    assert infer_season(noise, frequency) == season


@pytest.mark.parametrize("frequency", ["Y", "YE-DEC", "1y", "ms", "5d", "unheard-of", "", "D7"])
def test_a_frequency_without_a_season_asks_the_data(frequency):
    wave = np.sin(2 * np.pi * np.arange(120) / 10)
    assert infer_season(wave, frequency) == 10
    assert infer_season(np.random.default_rng(0).normal(size=120), frequency) == 1


def test_a_season_longer_than_half_the_series_or_the_limit_is_not_used():
    noise = np.random.default_rng(0).normal(size=100)
    assert infer_season(noise[:23], "MS") == 1
    assert infer_season(noise[:24], "MS") == 12
    assert infer_season(noise, "W", longest=60) == 1
    assert infer_season(np.sin(np.arange(100) * 2 * np.pi / 20), longest=10) == 1


def test_the_records_have_their_known_seasons():
    sunspots = record("sunspots")
    assert infer_season(sunspots) == 11
    assert infer_season(sunspots[: int(0.8 * len(sunspots))], "YS") in (10, 11)
    airline = record("airline")
    assert infer_season(airline) == infer_season(np.log(airline)) == 12
    # 500 points on [0, 100]: a period of 2 pi is 31.35 steps.
    assert infer_season(np.sin(np.linspace(0, 100, 500))) == 31


@pytest.mark.parametrize("period", [2, 3, 7, 12, 24])
def test_a_repeated_pattern_in_noise_and_trend_is_found(period):
    generator = np.random.default_rng(period)
    pattern = 3 * np.tile(generator.permutation(period), 20)
    values = pattern + generator.normal(size=len(pattern)) + 0.05 * np.arange(len(pattern))
    assert infer_season(values) == period
    values[generator.random(len(values)) < 0.1] = np.nan
    assert infer_season(values) == period


@pytest.mark.parametrize("cycles", [4, 5, 8])
@pytest.mark.parametrize("period", [7, 12, 24])
def test_four_clear_cycles_are_enough(period, cycles):
    time = np.arange(period * cycles)
    noise = 0.1 * np.random.default_rng(cycles).normal(size=len(time))
    assert infer_season(np.sin(2 * np.pi * time / period) + noise) == period


@pytest.mark.parametrize(
    ("coefficient", "share"), [(0.0, 0.05), (0.5, 0.05), (0.95, 0.05), (1.0, 0.05), (-0.5, 0.1)]
)
@pytest.mark.parametrize("length", [30, 150])
def test_noise_seldom_shows_a_season(coefficient, share, length):
    generator = np.random.default_rng(3)
    found = 0
    for _ in range(100):
        values = np.zeros(length)
        for step, shock in enumerate(generator.normal(size=length - 1), start=1):
            values[step] = coefficient * values[step - 1] + shock
        found += infer_season(values) > 1
    assert found <= 100 * share


@pytest.mark.parametrize(
    "values", [[], [1.0], [1.0, 2.0, 1.0, 2.0], np.ones(50), np.arange(50.0), np.full(50, np.nan)]
)
def test_series_that_tell_nothing_have_no_season(values):
    assert infer_season(values) == 1


def test_most_series_of_a_list_decide():
    tens, sevens = (np.sin(2 * np.pi * np.arange(140) / period) for period in (10, 7))
    assert infer_season([tens, sevens, tens]) == 10
    assert infer_season([]) == 1


def test_a_table_is_refused():
    with pytest.raises(InputError, match="values: expected series"):
        infer_season(np.ones((5, 2, 3)))


def test_autocorrelation_by_hand():
    values = np.array([1.0, 3.0, 2.0, 6.0])
    centred = values - values.mean()
    expected = [1.0, (centred[:-1] * centred[1:]).sum() / (centred**2).sum()]
    got, pairs = autocorrelation(values, 1, detrend=False)
    np.testing.assert_allclose(got, expected)
    np.testing.assert_array_equal(pairs, [4, 3])
