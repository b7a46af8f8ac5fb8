"""Time stamps from text and numbers."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data.calendar import zone_name
from elman.data.columns import column_from_array
from elman.data.timestamps import looks_like_time, parse_stamps
from elman.errors import InputError

MOMENTS = pd.date_range("2023-12-25 13:45:10", periods=30, freq="31h")
DAYS = pd.date_range("2023-12-25", periods=30, freq="D")
MONTHS = pd.date_range("1949-01-01", periods=30, freq="MS")


def parse(values, **options):
    return parse_stamps(column_from_array("when", values), **options)


@pytest.mark.parametrize(
    "written",
    [
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%dT%H:%M:%S",
        "%Y-%m-%dT%H:%M:%S.%f",
        "%Y/%m/%d %H:%M:%S",
        "%Y%m%dT%H%M%S",
        "%d/%m/%Y %H:%M:%S",
        "%m/%d/%Y %H:%M:%S",
        "%d/%m/%y %H:%M:%S",
        "%d.%m.%Y %H:%M:%S",
        "%d-%m-%Y %H:%M:%S",
        "%d %b %Y %H:%M:%S",
        "%d %B %Y %H:%M:%S",
        "%b %d, %Y %I:%M:%S %p",
        "%m/%d/%Y %I:%M:%S %p",
    ],
)
def test_moments(written):
    stamps = parse([moment.strftime(written) for moment in MOMENTS])
    assert np.array_equal(stamps.values, MOMENTS.to_numpy().astype("datetime64[us]"))
    assert stamps.alternatives == ()
    assert stamps.time_zone is None
    assert stamps.resolution == "us"


@pytest.mark.parametrize(
    "written",
    ["%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%y", "%d-%b-%Y"],
)
def test_days(written):
    stamps = parse([day.strftime(written) for day in DAYS])
    assert np.array_equal(stamps.values, DAYS.to_numpy().astype("datetime64[us]"))
    assert stamps.resolution == "D"


@pytest.mark.parametrize(
    "written", ["%Y-%m", "%Y/%m", "%Y%m", "%YM%m", "%m/%Y", "%b %Y", "%B %Y", "%b-%Y", "%Y %b"]
)
def test_months(written):
    stamps = parse([month.strftime(written) for month in MONTHS])
    assert np.array_equal(stamps.values, MONTHS.to_numpy().astype("datetime64[us]"))
    assert stamps.resolution == "D"


@pytest.mark.parametrize("written", ["1990Q1 1990Q2 1990Q4", "1990-Q1 1990-q2 1990 Q4"])
def test_quarters(written):
    values = written.replace("1990 Q4", "1990_Q4").split()
    stamps = parse([v.replace("_", " ") for v in values])
    assert stamps.values.astype("datetime64[M]").astype(str).tolist() == [
        "1990-01",
        "1990-04",
        "1990-10",
    ]


def test_single_digit_day_and_hour():
    stamps = parse(["7/1/16 0:00", "7/1/16 1:00", "7/13/16 10:00"])
    assert stamps.values[2] == np.datetime64("2016-07-13T10:00")


def test_day_or_month_first_keeps_both_readings():
    stamps = parse(["01/02/2024", "01/03/2024"])
    assert len(stamps.alternatives) == 1
    assert {str(stamps.values[1])[:10], str(stamps.alternatives[0][1])[:10]} == {
        "2024-03-01",
        "2024-01-03",
    }


@pytest.mark.parametrize(
    ("values", "zone"),
    [
        (["2024-01-05T10:00:00Z", "2024-01-05T11:00:00Z"], "UTC"),
        (["2024-01-05 11:00:00+01:00", "2024-01-05 12:00:00+01:00"], "Etc/GMT-1"),
        (["2024-01-05 15:30+0530", "2024-01-05 16:30+0530"], "+05:30"),
        (["2024-01-05T10:00:00.000 UTC", "2024-01-05T11:00:00.000 UTC"], "UTC"),
        (["2024-01-05T07:00-03", "2024-01-05T08:00-03"], "Etc/GMT+3"),
    ],
)
def test_offsets(values, zone):
    stamps = parse(values)
    assert stamps.time_zone == zone
    assert np.array_equal(
        stamps.values, np.array(["2024-01-05T10", "2024-01-05T11"], dtype="datetime64[us]")
    )


def test_several_offsets_are_kept_in_utc_with_a_note():
    stamps = parse(["2024-03-31T01:00:00+01:00", "2024-03-31T03:00:00+02:00"])
    assert stamps.time_zone == "UTC"
    assert stamps.values.astype("datetime64[h]").astype(str).tolist() == [
        "2024-03-31T00",
        "2024-03-31T01",
    ]
    assert stamps.note.startswith("several UTC offsets in")


@pytest.mark.parametrize(
    ("minutes", "name"),
    [(0, "UTC"), (60, "Etc/GMT-1"), (-300, "Etc/GMT+5"), (345, "+05:45"), (-570, "-09:30")],
)
def test_zone_name(minutes, name):
    assert zone_name(minutes) == name


def test_integers_stay_integers():
    assert parse([1700, 1701]).values.dtype == np.int64
    assert parse(["1700", "1701"]).values.tolist() == [1700, 1701]
    assert parse([1700.0, 1701.0]).values.tolist() == [1700, 1701]
    assert parse([1.0, 1.5]).values.tolist() == [1.0, 1.5]
    assert parse([20240101, 20240132]).values.tolist() == [20240101, 20240132]
    assert parse([195013, 195014]).values.tolist() == [195013, 195014]


def test_compact_dates_are_dates_with_a_note():
    stamps = parse([20240131, 20240201])
    assert stamps.values.astype("datetime64[D]").astype(str).tolist() == [
        "2024-01-31",
        "2024-02-01",
    ]
    assert "YYYYMMDD" in stamps.note
    assert "YYYYMM" in parse([194912, 195001]).note


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_counts_since_1970_are_stamps_with_a_note(unit):
    days = np.array(["1969-12-31", "1975-01-31", "2010-01-31", "2010-02-28"], "datetime64[D]")
    numbers = days.astype(f"datetime64[{unit}]").astype(np.int64)
    stamps = parse(numbers.tolist())
    np.testing.assert_array_equal(stamps.values, days.astype("datetime64[us]"))
    assert "since 1970" in stamps.note
    assert parse([1264896000, 1267315200]).values.dtype == np.int64  # seconds may be a counter
    seconds = parse([1264896000, 1267315200], time_format="%s").values
    np.testing.assert_array_equal(seconds, days[2:].astype("datetime64[us]"))


def test_time_format():
    stamps = parse(["2024|05", "2024|06"], time_format="%Y|%m")
    assert stamps.values.astype("datetime64[D]").astype(str).tolist() == [
        "2024-05-01",
        "2024-06-01",
    ]
    # Named, an ambiguous date has one reading.
    assert parse(["01/02/2024", "01/03/2024"], time_format="%d/%m/%Y").alternatives == ()


def test_time_format_of_whole_numbers():
    stamps = parse([2024031, 2024032], time_format="%Y%j")
    assert stamps.values.astype("datetime64[D]").astype(str).tolist() == [
        "2024-01-31",
        "2024-02-01",
    ]


def test_time_format_with_offset():
    stamps = parse(["05.01.2024 11:00 +0100"], time_format="%d.%m.%Y %H:%M %z")
    assert stamps.values[0] == np.datetime64("2024-01-05T10:00")
    assert stamps.time_zone == "UTC"


def test_datetime_objects():
    naive = [datetime.datetime(2024, 1, 5, 10), datetime.datetime(2024, 1, 5, 11)]
    assert parse(np.array(naive, dtype=object)).values[0] == np.datetime64("2024-01-05T10")
    dates = np.array([datetime.date(2024, 1, 5), datetime.date(2024, 1, 6)], dtype=object)
    assert parse(dates).resolution == "D"
    utc = datetime.timezone.utc
    aware = np.array([t.replace(tzinfo=utc) for t in naive], dtype=object)
    assert parse(aware).time_zone == "UTC"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["2024-01-05", "soon", "2024-01-07"], r"'when' has 'soon' in row 2"),
        (["2024-01-05"] * 90 + ["2024-02-30"], r"'2024-02-30' in row 91"),
        (["never", "2024-01-06"], r"'never' in row 1"),
        (["24-01-05", "24-01-06"], r"'24-01-05' in row 1"),
        (["2024-01-05", None], r"'when' is empty in row 2"),
        ([1.0, np.nan], r"'when' is empty in row 2"),
        ([1.0, np.inf], r"'when' is infinite in row 2"),
        ([True, False], r"true and false"),
        (
            ["2024-01-05T10:00:00+01:00", "2024-01-05T11:00:00"],
            r"with and without a UTC offset: row 2 holds '2024-01-05T11:00:00'",
        ),
        (
            ["2024-01-05T10:00:00"] * 80 + ["2024-01-05T11:00:00+01:00"],
            r"'2024-01-05T11:00:00\+01:00' in row 81",
        ),
        (np.array(["2024-01-05T00:00:00.000000001"], dtype="datetime64[ns]"), "finer"),
    ],
)
def test_errors(values, message):
    with pytest.raises(InputError, match=message):
        parse(values)


def test_mixed_zones_of_objects():
    utc, plus = datetime.timezone.utc, datetime.timezone(datetime.timedelta(hours=2))
    values = [datetime.datetime(2024, 1, 5, tzinfo=zone) for zone in (utc, plus)]
    with pytest.raises(InputError, match=r"mixes time zones \(UTC, UTC\+02:00\)"):
        parse(np.array(values, dtype=object))
    with pytest.raises(InputError, match=r"mixes time zones \(UTC, none\)"):
        parse(np.array([values[0], datetime.datetime(2024, 1, 5)], dtype=object))


@pytest.mark.parametrize("time_format", ["%Q", "%d/%m/%Y", "%Y-%m"])
def test_time_format_that_does_not_fit(time_format):
    with pytest.raises(InputError, match=f"time_format='{time_format}'.*row 1 holds '2024-01-05'"):
        parse(["2024-01-05"], time_format=time_format)


def test_time_format_that_polars_refuses():
    with pytest.raises(InputError, match="time_format='%Y-%m-%d %H' cannot be used"):
        parse(["2024-01-05 10"], time_format="%Y-%m-%d %H")


@pytest.mark.parametrize(
    ("values", "answer"),
    [
        (["2024-01-05", "x"], False),
        (["2024-01-05"], True),
        (["1949-01", "1949-02"], True),
        (["1", "2"], False),
        (["a", "b"], False),
        ([None, None], False),
        ([1, 2], False),
        (np.array(["2024"], dtype="datetime64[Y]"), True),
    ],
)
def test_looks_like_time(values, answer):
    assert looks_like_time(column_from_array("when", values)) is answer


@given(
    st.lists(
        st.datetimes(datetime.datetime(1000, 1, 1), datetime.datetime(2900, 1, 1)),
        min_size=1,
        max_size=90,
    )
)
@settings(deadline=None, max_examples=40)
def test_iso_round_trip(moments):
    stamps = parse([moment.isoformat(sep=" ", timespec="microseconds") for moment in moments])
    assert np.array_equal(stamps.values, np.array(moments, dtype="datetime64[us]"))
