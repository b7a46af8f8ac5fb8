"""Backtests: cutoffs, tables, scores and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

import elman
from elman.errors import InputError
from sample_series import FAST, monthly, several, wave


def test_rolling_cutoffs_without_and_with_refit() -> None:
    forecaster = elman.Forecaster(**FAST)
    result = forecaster.backtest(monthly(), windows=3, step=2)
    assert (result.cutoffs, result.refits) == (3, 1)
    frame = result.frame
    assert list(frame.columns[:4]) == ["ds", "cutoff", "y", "y-forecast"]
    assert [str(day.date()) for day in frame["cutoff"].unique()] == [
        "2019-04-30",
        "2019-06-30",
        "2019-08-31",
    ]
    truth = monthly().set_index("ds")["y"]
    np.testing.assert_allclose(frame["y"], truth[frame["ds"]])
    refitted = forecaster.backtest(monthly(), windows=3, step=2, refit=True)
    assert refitted.refits == 3
    first = frame["cutoff"] == frame["cutoff"].iloc[0]
    np.testing.assert_array_equal(
        frame.loc[first, "y-forecast"], refitted.frame.loc[first, "y-forecast"]
    )
    assert not np.array_equal(frame["y-forecast"], refitted.frame["y-forecast"])
    assert not hasattr(forecaster, "model_")


def test_scores_are_those_of_the_table() -> None:
    result = elman.Forecaster(**FAST).backtest(monthly(), windows=4, step=4)
    frame, scores = result.frame, result.scores
    error = (frame["y-forecast"] - frame["y"]).abs()
    assert scores.table["network"]["mae"] == pytest.approx(error.mean())
    inside = (frame["y-lo-80"] <= frame["y"]) & (frame["y"] <= frame["y-hi-80"])
    assert scores.intervals["80"]["coverage"] == pytest.approx(inside.mean())
    assert len(scores.by_horizon["mae"]["network"]) == 4
    for measure in ("mae", "rmse", "smape", "mase", "owa", "pinball"):
        assert scores.table["network"][measure] is not None


def test_by_series_and_polars() -> None:
    result = elman.Forecaster(**FAST).backtest(several(), windows=2)
    assert isinstance(result.frame, pl.DataFrame)
    assert set(result.scores.by_series) == {"s0", "s1", "s2"}
    assert result.frame.height == 2 * 3 * 4


def test_series_that_begin_after_the_first_cutoff_are_left_out() -> None:
    result = elman.Forecaster(**FAST).backtest(several((8, 90, 110)), windows=2)
    assert result.notes[0] == "Left out 1 of 3 series ('s0') without values at the first cutoff."
    assert set(result.scores.by_series) == {"s1", "s2"}
    assert result.panel.ids.tolist() == ["s1", "s2"]
    both = elman.Forecaster(**FAST).backtest(several((8, 90, 110))[8:], windows=2)
    assert result.frame.equals(both.frame)


def test_given_cutoffs_of_dates_and_of_whole_numbers() -> None:
    result = elman.Forecaster(**FAST).backtest(monthly(), cutoffs=["2018-12-31", "2019-06-30"])
    assert result.cutoffs == 2
    yearly = pd.DataFrame({"year": np.arange(1900, 2020), "y": wave(120)})
    result = elman.Forecaster(**FAST).backtest(yearly, cutoffs=[2010])
    assert result.frame["year"].tolist() == [2011, 2012, 2013, 2014]


def test_cutoffs_in_a_time_zone() -> None:
    stamps = pd.date_range("2024-03-25", periods=200, freq="h", tz="Europe/Berlin")
    frame = pd.DataFrame({"ds": stamps, "y": wave(200, 24)})
    for cutoff in ("2024-04-01 10:00", pd.Timestamp("2024-04-01 10:00", tz="Europe/Berlin")):
        result = elman.Forecaster(**FAST).backtest(frame, cutoffs=[cutoff])
        first = result.frame.iloc[0]
        assert str(first["ds"]) == "2024-04-01 11:00:00+02:00"
        assert str(first["cutoff"]) == "2024-04-01 10:00:00+02:00"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"windows": 40, "step": 4}, "leave .* of 120 rows to train on"),
        ({"windows": 0}, "windows"),
        ({"step": 0}, "step"),
        ({"cutoffs": []}, "cutoffs: expected time stamps"),
        ({"cutoffs": ["soon"]}, "cutoffs: expected time stamps such as"),
        ({"cutoffs": ["1990-01-01"]}, "before the first row"),
        ({"cutoffs": ["2030-01-01"]}, "leaves no later value"),
        ({"cutoffs": ["2018-01-31"], "step": 2}, "not both"),
    ],
)
def test_refusals(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        elman.Forecaster(**FAST).backtest(monthly(), **options)
