"""Frequencies: inferred, named, counted and continued on the calendar."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data.calendar import (
    Frequency,
    from_wall,
    infer_frequency,
    month_anchor,
    parse_frequency,
    to_wall,
)
from elman.errors import InputError

# pandas alias -> the name that elman gives such stamps
ALIASES = {
    "us": "microsecond",
    "ms": "millisecond",
    "s": "second",
    "30s": "30 seconds",
    "min": "minute",
    "15min": "15 minutes",
    "h": "hour",
    "6h": "6 hours",
    "D": "day",
    "3D": "3 days",
    "B": "business day",
    "W-SUN": "week",
    "W-WED": "week",
    "2W": "2 weeks",
    "MS": "month",
    "ME": "month end",
    "BME": "month end (last business day)",
    "QS": "quarter",
    "QE": "quarter end",
    "6MS": "6 months",
    "YS": "year",
    "YE": "year end",
    "2YS": "2 years",
    "YE-MAR": "year end",
}


def stamps_of(alias: str, periods: int, start: str = "2019-11-05 00:00") -> np.ndarray:
    return pd.date_range(start, periods=periods, freq=alias).to_numpy().astype("datetime64[us]")


def heads(*lengths: int) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths)[:-1]])


@pytest.mark.parametrize(("alias", "name"), ALIASES.items())
def test_inferred_and_continued_as_pandas_does(alias, name):
    stamps = stamps_of(alias, 40)
    frequency = infer_frequency(stamps[:30], heads(30))
    assert frequency is not None
    assert frequency.name == name == str(frequency)
    assert np.array_equal(frequency.advance(stamps[29], np.arange(1, 11)), stamps[30:])
    steps, exact = frequency.count(stamps[:-1], stamps[1:])
    assert exact.all()
    assert (steps == 1).all()


@pytest.mark.parametrize("alias", ALIASES)
def test_gaps_do_not_hide_the_frequency(alias):
    stamps = stamps_of(alias, 60)
    kept = np.delete(stamps, [3, 4, 17, 40])
    frequency = infer_frequency(kept, heads(len(kept)))
    assert frequency == infer_frequency(stamps, heads(60))
    steps, exact = frequency.count(kept[:-1], kept[1:])
    assert exact.all()
    assert steps.sum() == 59
    assert sorted(steps)[-3:] == [2, 2, 3]


def test_monday_to_friday_of_one_week_is_daily():
    week = stamps_of("D", 5, "2024-01-01")
    assert infer_frequency(week, heads(5)).name == "day"
    # A gap in the middle of the week is no weekend.
    assert infer_frequency(np.delete(week, [1, 2]), heads(3)).name == "day"


def test_thirtieth_of_the_month_is_clipped_in_february():
    days = np.array(
        ["2023-11-30", "2023-12-30", "2024-01-30", "2024-02-29"], dtype="datetime64[us]"
    )
    frequency = infer_frequency(days, heads(4))
    assert frequency == Frequency("month", 1, 30)
    after = frequency.advance(days[-1], np.array([1, 2, 12]))
    assert after.astype("datetime64[D]").astype(str).tolist() == [
        "2024-03-30",
        "2024-04-30",
        "2025-02-28",
    ]


def test_four_weeks_are_not_a_month():
    stamps = stamps_of("28D", 6, "2023-01-10")
    assert infer_frequency(stamps, heads(6)) == Frequency("day", 28)


@pytest.mark.parametrize("step", [1, 5, 100])
def test_integer_time(step):
    stamps = np.array([0, 1, 2, 5, 0, 2]) * step
    frequency = infer_frequency(stamps, heads(4, 2))
    assert frequency == Frequency("integer", step)
    assert frequency.advance(np.array([7]), 2).tolist() == [7 + 2 * step]
    assert frequency.name == ("integer step" if step == 1 else f"{step} integer steps")


def test_irregular_and_single_rows_have_no_frequency():
    assert infer_frequency(np.array([0, 2, 5]), heads(3)) is None
    hours = np.array(["2024-01-01T00", "2024-01-01T02", "2024-01-01T05"], dtype="datetime64[us]")
    assert infer_frequency(hours, heads(3)) is None
    days = np.array(["2024-01-01", "2024-01-03", "2024-01-06"], dtype="datetime64[us]")
    assert infer_frequency(days, heads(3)) is None
    assert infer_frequency(days, heads(1, 1, 1)) is None


def test_series_with_unlike_anchors_are_not_monthly():
    first = stamps_of("MS", 6, "2024-01-01")
    last = stamps_of("ME", 6, "2024-01-01")
    assert infer_frequency(np.concatenate([first, last]), heads(6, 6)) is None


def test_off_grid_is_reported():
    monthly = Frequency("month", 1, 31)
    first = np.array(["2024-01-31", "2024-01-31"], dtype="datetime64[us]")
    second = np.array(["2024-02-29", "2024-02-28"], dtype="datetime64[us]")
    assert monthly.count(first, second)[1].tolist() == [True, False]
    working = Frequency("business day", 1)
    friday, saturday = np.array(["2024-01-05", "2024-01-06"], dtype="datetime64[us]")
    assert not working.count(friday, saturday)[1]


@pytest.mark.parametrize(
    ("text", "frequency"),
    [
        ("h", Frequency("fixed", 3_600_000_000)),
        ("hourly"[:4], Frequency("fixed", 3_600_000_000)),
        ("15min", Frequency("fixed", 900_000_000)),
        ("15 minutes", Frequency("fixed", 900_000_000)),
        ("ms", Frequency("fixed", 1000)),
        ("MS", Frequency("month", 1, 1)),
        ("ME", Frequency("month", 1, 31)),
        ("month end", Frequency("month", 1, 31)),
        ("QE-DEC", Frequency("month", 3, 31)),
        ("quarters", Frequency("month", 3, -1)),
        ("W-SUN", Frequency("day", 7)),
        ("2 weeks", Frequency("day", 14)),
        ("B", Frequency("business day", 1)),
        ("business day", Frequency("business day", 1)),
        (5, Frequency("integer", 5)),
        (2.0, Frequency("integer", 2)),
        (0.25, Frequency("number", 0.25)),
        (Frequency("day", 2), Frequency("day", 2)),
    ],
)
def test_parse_frequency(text, frequency):
    assert parse_frequency(text) == frequency


@pytest.mark.parametrize("text", ["fortnight", "", "0h", "-1D", 0, -3, None, np.inf, np.nan, True])
def test_parse_frequency_refuses(text):
    with pytest.raises(InputError, match="frequency"):
        parse_frequency(text)


@pytest.mark.parametrize(
    ("frequency", "seasons"),
    [
        (parse_frequency("h"), (24, 168, 8766)),
        (parse_frequency("15min"), (4, 96, 672, 35064)),
        (parse_frequency("D"), (7, 365)),
        (parse_frequency("B"), (5, 261)),
        (parse_frequency("W"), (52,)),
        (parse_frequency("MS"), (12,)),
        (parse_frequency("QS"), (4,)),
        (parse_frequency("YS"), ()),
        (parse_frequency(1), ()),
    ],
)
def test_seasons(frequency, seasons):
    assert frequency.seasons == seasons


@given(st.sampled_from(list(ALIASES)), st.integers(2, 40), st.integers(1, 30))
@settings(deadline=None, max_examples=60)
def test_counting_undoes_advancing(alias, periods, ahead):
    stamps = stamps_of(alias, periods + 1)
    frequency = infer_frequency(stamps, heads(periods + 1))
    forward = frequency.advance(stamps, ahead)
    steps, exact = frequency.count(stamps, forward)
    assert exact.all()
    assert (steps == ahead).all()
    assert Frequency.from_dict(frequency.to_dict()) == frequency


def test_month_anchor_of_unlike_days_is_none():
    days = np.array(["2024-01-03", "2024-02-04"], dtype="datetime64[D]")
    assert month_anchor(days) is None


@pytest.mark.parametrize(
    "zone", ["UTC", "Europe/Amsterdam", "America/New_York", "Asia/Kolkata", "+05:30", "UTC-03:00"]
)
def test_wall_clock_as_pandas_shows_it(zone):
    utc = pd.date_range("2024-03-30", periods=24 * 220, freq="h", tz="UTC")
    stamps = utc.tz_localize(None).to_numpy().astype("datetime64[us]")
    wall = utc.tz_convert(zone).tz_localize(None).to_numpy().astype("datetime64[us]")
    assert np.array_equal(to_wall(stamps, zone), wall)
    once = ~pd.Index(wall).duplicated(keep=False)
    assert np.array_equal(from_wall(wall[once], zone), stamps[once])


def test_clock_changes():
    skipped = np.array(["2024-03-31T02:30"], dtype="datetime64[us]")
    assert from_wall(skipped, "Europe/Amsterdam")[0] == np.datetime64("2024-03-31T01:30")
    double = np.array(["2024-10-27T02:30"], dtype="datetime64[us]")
    assert from_wall(double, "Europe/Amsterdam")[0] == np.datetime64("2024-10-27T00:30")
    assert to_wall(skipped, None) is skipped


def test_unknown_zone():
    with pytest.raises(InputError, match="Mars/Phobos"):
        to_wall(np.array(["2024-03-31"], dtype="datetime64[us]"), "Mars/Phobos")
