"""Panels: what is read, guessed, sorted, filled and refused, and how answers come back."""

from __future__ import annotations

import time as clock

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data.panel import Panel
from elman.errors import InputError

LONG = {
    "unique_id": ["b", "b", "b", "a", "a"],
    "ds": ["2024-01-01", "2024-01-02", "2024-01-03", "2024-02-01", "2024-02-02"],
    "y": [1.0, 2.0, 3.0, 10.0, 20.0],
}


def days(start, periods, **options):
    return pd.date_range(start, periods=periods, **options)


def make(kind, columns):
    if kind == "polars":
        return pl.DataFrame(columns)
    if kind == "pandas":
        return pd.DataFrame(columns)
    if kind == "pyarrow":
        return pa.table(columns)
    return {name: np.asarray(values) for name, values in columns.items()}


KINDS = ["polars", "pandas", "pyarrow", "dict"]


# ------------------------------------------------------------------------------ what is read


@pytest.mark.parametrize("kind", KINDS)
def test_long_format_of_every_kind(kind):
    panel = Panel.from_any(make(kind, LONG))
    assert panel.kind == kind
    assert panel.ids.tolist() == ["b", "a"]  # in the order of their appearance
    assert panel.lengths.tolist() == [3, 2]
    assert panel.values.tolist() == [[1.0], [2.0], [3.0], [10.0], [20.0]]
    assert panel.stamps.astype("datetime64[D]").astype(str).tolist() == LONG["ds"]
    assert panel.frequency.name == "day"
    assert panel.notes == ()
    assert (panel.n_series, panel.n_rows, panel.n_targets, len(panel)) == (2, 5, 1, 2)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_long_format_of_files(tmp_path, suffix):
    path = tmp_path / f"data{suffix}"
    frame = pl.DataFrame(LONG)
    frame.write_csv(path) if suffix == ".csv" else frame.write_parquet(path)
    panel = Panel.from_any(str(path))
    assert panel.kind == "path"
    assert panel.values[:, 0].tolist() == LONG["y"]


@pytest.mark.parametrize("kind", KINDS)
def test_long_table_round_trip(kind):
    panel = Panel.from_any(make(kind, LONG))
    again = Panel.from_any(panel.to_frame())
    assert type(panel.to_frame()) is type(make(kind, LONG))
    assert np.array_equal(again.values, panel.values)
    assert np.array_equal(again.stamps, panel.stamps)
    assert again.ids.tolist() == panel.ids.tolist()
    assert again.names == panel.names


def test_named_columns():
    columns = {
        "when": LONG["ds"],
        "shop": LONG["unique_id"],
        "sales": LONG["y"],
        "visitors": [5, 6, 7, 8, 9],
        "holiday": [True, False, False, True, False],
        "size": [3, 3, 3, 4, 4],
        "city": ["x", "x", "x", "y", "y"],
        "remark": ["", "", "", "", ""],
    }
    panel = Panel.from_any(
        columns,
        target="sales",
        time="when",
        id="shop",
        past="visitors",
        future=["holiday"],
        static=("size", "city"),
    )
    assert panel.past[:, 0].tolist() == [5, 6, 7, 8, 9]
    assert panel.future[:, 0].tolist() == [1, 0, 0, 1, 0]
    assert panel.static["size"].tolist() == [3, 4]
    assert panel.static["city"].tolist() == ["x", "y"]
    assert panel.notes == ("ignored column remark",)
    frame = panel.to_frame("polars")
    assert frame.columns == ["shop", "when", "sales", "visitors", "holiday", "size", "city"]
    again = Panel.from_any(frame, **panel.roles())
    assert again.names == panel.names
    assert np.array_equal(again.values, panel.values)


def test_several_targets():
    columns = LONG | {"z": [5.0, 4.0, 3.0, 2.0, 1.0]}
    panel = Panel.from_any(columns, target=["z", "y"])
    assert panel.values.tolist()[0] == [5.0, 1.0]
    assert panel.names.targets == ("z", "y")


def test_numeric_ids_keep_their_type():
    panel = Panel.from_any(LONG | {"unique_id": [7, 7, 7, 3, 3]})
    assert panel.ids.dtype == np.int64
    assert panel.to_frame("polars")["unique_id"].to_list() == [7, 7, 7, 3, 3]
    assert panel.number(3) == 1
    assert panel.label(1) == "3"
    assert Panel.from_any(LONG).label(0) == "'b'"


def test_a_panel_is_returned_as_it_is():
    panel = Panel.from_any(LONG)
    assert Panel.from_any(panel) is panel


# ------------------------------------------------------------------------------------ guesses


def test_time_is_the_first_column_of_stamps():
    panel = Panel.from_any({"price": [1.0, 2.0], "Day": ["2024-01-01", "2024-01-02"]})
    assert (panel.names.time, panel.names.targets, panel.names.id) == ("Day", ("price",), None)


@pytest.mark.parametrize("name", ["year", "YEAR", "t", "index", "Unnamed: 0", ""])
def test_time_is_whole_numbers_under_a_usual_name(name):
    panel = Panel.from_any({"price": [1.0, 2.0], name: [1700, 1701]})
    assert panel.names.time == name
    assert panel.stamps.tolist() == [1700, 1701]


def test_years_are_integer_time_called_years():
    panel = Panel.from_any({"YEAR": [1700.0, 1701.0, 1702.0], "spots": [5.0, 11.0, 16.0]})
    assert panel.frequency.unit == "integer"
    assert panel.frequency.name == "year"
    assert panel.future_stamps(0, 2).tolist() == [1703, 1704]


@pytest.mark.parametrize("decimals", [2, 3, 12])
def test_fractional_time_is_even(decimals):
    time = np.linspace(0, 100, 500)
    kept = np.delete(np.arange(500), [4, 5, 200])
    columns = {"t": time.round(decimals)[kept], "y": np.sin(time)[kept]}
    panel = Panel.from_any(columns)
    assert panel.frequency.unit == "number"
    assert panel.frequency.step == pytest.approx(100 / 499, rel=1e-4)
    assert panel.n_rows == 500
    assert np.allclose(panel.stamps, time, atol=10.0**-decimals)
    assert np.allclose(np.diff(panel.stamps), 100 / 499, rtol=1e-3)
    assert panel.future_stamps(0, 2)[1] == pytest.approx(100 + 2 * 100 / 499, abs=0.05)
    assert panel.frequency.name in ("0.200401", "0.2004")
    again = Panel.from_any(panel.to_frame("polars"), **panel.roles())
    assert np.array_equal(again.stamps, panel.stamps)


def test_fractional_time_of_several_trajectories():
    columns = {"t": [0.0, 0.01, 0.02, 0.5, 0.51], "run": [1, 1, 1, 2, 2], "x": np.arange(5.0)}
    panel = Panel.from_any(columns, id="run")
    assert panel.future_stamps(None, 2).tolist() == [[0.03, 0.04], [0.52, 0.53]]
    assert panel.show(panel.stamps[1]) == "0.01"
    named = Panel.from_any(columns, id="run", frequency=0.005)
    assert named.lengths.tolist() == [5, 3]
    covered = Panel.from_any(columns | {"y": np.arange(5.0)}, id="run", target="y", future="x")
    ahead = {"t": [0.02, 0.03, 0.52], "run": [1, 1, 2], "x": [7, 8, 9]}
    assert covered.future_covariates(1, ahead)[:, 0, 0].tolist() == [8, 9]
    with pytest.raises(InputError, match="neither whole numbers nor evenly spaced"):
        Panel.from_any({"t": [0.0, 1.0, 1.7], "y": np.arange(3.0)})
    with pytest.raises(InputError, match=r"frequency='0.3' does not fit.* from 0 to 0.01"):
        Panel.from_any(columns, id="run", frequency=0.3)


def test_flags_and_written_row_numbers_are_no_targets():
    columns = {"Unnamed: 0": [0, 1], "ds": [5, 6], "y1": [1.0, 2.0], "holiday": [True, False]}
    panel = Panel.from_any(columns)
    assert panel.names.targets == ("y1",)
    assert panel.notes == ("ignored columns Unnamed: 0, holiday",)


def test_rows_are_numbered_without_a_time_column():
    panel = Panel.from_any({"unique_id": ["a", "b", "a"], "y": [1.0, 2.0, 3.0]})
    assert panel.stamps.tolist() == [0, 1, 0]
    assert panel.values[:, 0].tolist() == [1.0, 3.0, 2.0]
    assert "no time column: rows are numbered" in panel.notes
    assert panel.to_frame("polars").columns == ["unique_id", "ds", "y"]


def test_a_text_column_names_series_when_stamps_repeat():
    columns = {"ds": [1, 1, 2, 2], "shop": ["a", "b", "a", "b"], "y": [1.0, 2.0, 3.0, 4.0]}
    panel = Panel.from_any(columns)
    assert panel.names.id == "shop"
    assert panel.values[:, 0].tolist() == [1.0, 3.0, 2.0, 4.0]


def test_a_category_is_no_name_of_a_series():
    columns = {"ds": [1, 2, 3, 4], "sky": ["sun", "rain", "sun", "rain"], "y": [1.0, 2.0, 3.0, 4.0]}
    panel = Panel.from_any(columns)
    assert panel.names.id is None
    assert panel.notes == ("ignored column sky",)


def test_numeric_columns_of_a_wide_table_are_series():
    columns = {"ds": ["2024-01-01", "2024-01-02"], "north": [1.0, 2.0], "south": [3, 4]}
    panel = Panel.from_any(columns)
    assert panel.ids.tolist() == ["north", "south"]
    assert panel.values[:, 0].tolist() == [1, 2, 3, 4]
    assert panel.names.targets == ("y",)
    assert panel.to_frame("polars").columns == ["unique_id", "ds", "y"]
    again = Panel.from_any(columns, **panel.roles())
    assert again.ids.tolist() == panel.ids.tolist()
    assert np.array_equal(again.values, panel.values)
    together = Panel.from_any(columns, wide="targets")
    assert together.values.tolist() == [[1, 3], [2, 4]]
    assert together.names.targets == ("north", "south")
    named = Panel.from_any(columns, target=["south", "north"])
    assert named.values.tolist() == [[3, 1], [4, 2]]
    chosen = Panel.from_any(columns, target=["south"], wide="series")
    assert chosen.ids.tolist() == ["south"]


def test_wide_series_begin_with_their_first_value():
    nan = np.nan
    columns = {"ds": [1, 2, 3, 4], "a": [nan, nan, 3.0, 4.0], "b": [1.0, nan, 3.0, nan]}
    panel = Panel.from_any(columns | {"c": [nan] * 4}, future=[])
    assert panel.lengths.tolist() == [2, 4, 4]  # one that is missing throughout stays whole
    assert panel.stamps.tolist() == [3, 4, 1, 2, 3, 4, 1, 2, 3, 4]
    assert "1 series begin later than the first row" in panel.notes


def test_wide_series_share_their_covariates():
    columns = {"ds": [1, 2], "a": [1.0, 2.0], "b": [3.0, 4.0], "temperature": [7, 8]}
    panel = Panel.from_any(columns, future="temperature")
    assert panel.ids.tolist() == ["a", "b"]
    assert panel.future[:, 0].tolist() == [7, 8, 7, 8]


# -------------------------------------------------------------------------- order and gaps


def test_unsorted_series_are_sorted_with_a_note():
    columns = {
        "unique_id": ["a", "b", "a", "b", "c"],
        "ds": [2, 1, 1, 2, 1],
        "y": [20.0, 1.0, 10.0, 2.0, 5.0],
        "x": [2, 11, 1, 12, 21],
    }
    panel = Panel.from_any(columns, target="y", past="x")
    assert panel.notes == ("sorted 1 unsorted series",)
    assert panel.values[:, 0].tolist() == [10.0, 20.0, 1.0, 2.0, 5.0]
    assert panel.past[:, 0].tolist() == [1, 2, 11, 12, 21]


def test_gaps_become_missing_rows():
    columns = {
        "unique_id": ["a"] * 4 + ["b"] * 2,
        "ds": ["2024-01-01", "2024-01-02", "2024-01-05", "2024-01-06", "2024-03-01", "2024-03-03"],
        "y": [1.0, 2.0, 5.0, 6.0, 1.0, 3.0],
        "x": [1.0, 2.0, 5.0, 6.0, 1.0, 3.0],
    }
    panel = Panel.from_any(columns, target="y", future="x")
    nan = np.nan
    expected = [1, 2, nan, nan, 5, 6, 1, nan, 3]
    assert np.array_equal(panel.values[:, 0], expected, equal_nan=True)
    assert np.array_equal(panel.future[:, 0], expected, equal_nan=True)
    assert panel.lengths.tolist() == [6, 3]
    assert panel.stamps.astype("datetime64[D]").astype(str).tolist() == [
        *(f"2024-01-0{day}" for day in range(1, 7)),
        *(f"2024-03-0{day}" for day in range(1, 4)),
    ]
    assert panel.notes == ("made 2 gaps explicit (3 missing rows)", "3 of 9 values are missing")
    assert panel.has_missing


@pytest.mark.parametrize(
    "alias", ["s", "15min", "h", "D", "B", "W-SUN", "MS", "ME", "BME", "QE", "YS", "YE"]
)
@pytest.mark.parametrize("zone", [None, "Europe/Amsterdam"])
def test_gaps_on_every_calendar(alias, zone):
    stamps = days("2010-03-01", 80, freq=alias, tz=zone)
    frame = pd.DataFrame({"ds": stamps, "y": np.arange(80.0)})
    kept = frame.drop(index=[5, 6, 30, 31, 32])
    panel = Panel.from_any(kept)
    back = panel.to_frame()
    assert pd.Index(back["ds"]).equals(pd.Index(frame["ds"]))
    assert np.isnan(back["y"]).sum() == 5
    ahead = days("2010-03-01", 90, freq=alias, tz=zone)[80:]
    future = panel.frame(np.zeros(10, int), panel.future_stamps(0, 10), {})
    assert pd.Index(future["ds"]).equals(pd.Index(ahead.astype(frame["ds"].dtype)))


def test_clocks_forward_and_back():
    spring = days("2024-03-30 12:00", 40, freq="h", tz="Europe/Amsterdam")
    panel = Panel.from_any(pd.DataFrame({"ds": spring, "y": np.arange(40.0)}))
    assert panel.notes == ()
    assert panel.time_zone == "Europe/Amsterdam"
    daily = days("2024-10-24", 6, freq="D", tz="Europe/Amsterdam")
    panel = Panel.from_any(pd.DataFrame({"ds": daily[:3], "y": [1.0, 2.0, 3.0]}))
    assert panel.frequency.name == "day"
    ahead = panel.frame(np.zeros(3, int), panel.future_stamps(0, 3), {})
    assert ahead["ds"].dt.hour.tolist() == [0, 0, 0]
    assert ahead["ds"].dt.tz_convert("UTC").dt.hour.tolist() == [22, 23, 23]
    assert panel.show(panel.future_stamps(0, 1)[0]) == "2024-10-27 (Europe/Amsterdam)"


def test_iso_text_with_offsets(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("ds,y\n2024-01-01T00:00:00+01:00,1\n2024-01-01T01:00:00+01:00,2\n")
    panel = Panel.from_any(path)
    assert panel.time_zone == "Etc/GMT-1"
    assert panel.to_frame()["ds"].dt.hour().to_list() == [0, 1]
    assert panel.stamps[0] == np.datetime64("2023-12-31T23:00")


def test_time_zone_is_named():
    zone = "Europe/Amsterdam"
    stamps = days("2024-03-28", 6, tz=zone)
    expected = stamps.tz_convert("UTC").tz_localize(None).to_numpy()
    y = np.arange(6.0)
    written = {"ds": [stamp.isoformat() for stamp in stamps], "y": y}
    with pytest.raises(InputError, match="UTC offsets differ: name their zone, `time_zone="):
        Panel.from_any(written)
    for source in (
        written,
        {"ds": stamps.tz_localize(None).astype(str).tolist(), "y": y},
        pd.DataFrame({"ds": stamps.tz_convert("Asia/Tokyo"), "y": y}),
    ):
        panel = Panel.from_any(source, time_zone=zone)
        assert np.array_equal(panel.stamps, expected)
        assert (panel.time_zone, panel.frequency.name, panel.notes) == (zone, "day", ())
    with pytest.raises(InputError, match="time zone 'Mars' is not known; expected a name such"):
        Panel.from_any(written, time_zone="Mars")
    with pytest.raises(InputError, match="time_zone='UTC' needs time stamps"):
        Panel.from_any({"ds": [1, 2], "y": [1.0, 2.0]}, time_zone="UTC")


def test_hours_with_several_offsets_are_regular_in_utc():
    stamps = days("2024-03-30 20:00", 12, freq="h", tz="Europe/Amsterdam")
    panel = Panel.from_any({"ds": [str(stamp) for stamp in stamps], "y": np.arange(12.0)})
    assert panel.time_zone == "UTC"
    assert panel.frequency.name == "hour"
    assert panel.notes == ("several UTC offsets in 'ds': time is kept in UTC",)


def test_day_first_or_month_first_is_told_by_regularity():
    stamps = days("1949-01-01", 30, freq="MS")
    for written in ("%d/%m/%Y", "%m/%d/%Y"):
        panel = Panel.from_any({"ds": stamps.strftime(written).tolist(), "y": np.arange(30.0)})
        assert panel.frequency.name == "month"
        assert panel.n_rows == 30
    for written in ("%d/%m/%Y", "%m/%d/%Y"):
        daily = days("2024-02-04", 12).strftime(written).tolist()
        panel = Panel.from_any({"ds": daily, "y": np.arange(12.0)})
        assert panel.frequency.name == "day"


def test_day_first_or_month_first_cannot_be_told():
    with pytest.raises(InputError, match=r"'ds' can be read with the day first or.*time_format="):
        Panel.from_any({"ds": ["01/02/2024", "02/03/2024"], "y": [1.0, 2.0]})
    panel = Panel.from_any(
        {"ds": ["01/02/2024", "01/03/2024"], "y": [1.0, 2.0]}, time_format="%d/%m/%Y"
    )
    assert panel.frequency.name == "month"


def test_named_frequency():
    columns = {"ds": ["2024-01-01", "2024-01-03", "2024-01-05"], "y": [1.0, 2.0, 3.0]}
    assert Panel.from_any(columns).n_rows == 3
    assert Panel.from_any(columns, frequency="D").n_rows == 5
    assert Panel.from_any(columns, frequency="2D").n_rows == 3
    single = {"ds": ["2024-01-31"], "y": [1.0]}
    assert (
        str(Panel.from_any(single, frequency="month").future_stamps(0, 1)[0])[:10] == "2024-02-29"
    )
    numbered = {"ds": [0, 10], "y": [1.0, 2.0]}
    assert Panel.from_any(numbered, frequency=5).stamps.tolist() == [0, 5, 10]


def test_single_rows():
    panel = Panel.from_any({"ds": ["2024-01-31"], "y": [1.0]})
    assert panel.frequency is None
    assert panel.notes == ("a single row tells no frequency: give `frequency=`",)
    with pytest.raises(InputError, match="single row does not tell how time goes on"):
        panel.future_stamps(0, 1)
    assert Panel.from_any({"ds": [4], "y": [1.0]}).future_stamps(0, 2).tolist() == [5, 6]


def test_business_days_and_month_ends_beyond_the_end():
    panel = Panel.from_any({"ds": days("2024-01-01", 5, freq="B"), "y": np.arange(5.0)})
    assert panel.frequency.name == "day"  # one week from Monday to Friday does not tell
    panel = Panel.from_any({"ds": days("2024-01-01", 10, freq="B"), "y": np.arange(10.0)})
    assert panel.future_stamps(0, 2).astype("datetime64[D]").astype(str).tolist() == [
        "2024-01-15",
        "2024-01-16",
    ]
    columns = {
        "unique_id": ["a", "a", "b", "b"],
        "ds": ["2023-12-31", "2024-01-31", "2023-01-31", "2023-02-28"],
        "y": [1.0, 2.0, 3.0, 4.0],
    }
    panel = Panel.from_any(columns)
    assert panel.future_stamps(None, 2).astype("datetime64[D]").astype(str).tolist() == [
        ["2024-02-29", "2024-03-31"],
        ["2023-03-31", "2023-04-30"],
    ]


# ------------------------------------------------------------------------------------- arrays


def test_arrays():
    one = Panel.from_any(np.arange(4.0))
    assert (one.n_series, one.n_rows, one.names.id) == (1, 4, None)
    assert one.frequency.name == "integer step"
    listed = Panel.from_any([1, 2, np.nan])
    assert listed.lengths.tolist() == [3]
    wide = Panel.from_any(np.arange(6.0).reshape(3, 2))
    assert wide.ids.tolist() == [0, 1]
    assert wide.values[:, 0].tolist() == [0, 2, 4, 1, 3, 5]
    targets = Panel.from_any(np.arange(6.0).reshape(3, 2), wide="targets")
    assert targets.values.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert targets.names.targets == ("y0", "y1")
    cube = Panel.from_any(np.arange(12).reshape(2, 3, 2))
    assert cube.lengths.tolist() == [3, 3]
    assert cube.series(1).tolist() == [[6, 7], [8, 9], [10, 11]]
    ragged = Panel.from_any([np.arange(3.0), np.arange(5.0)])
    assert ragged.lengths.tolist() == [3, 5]
    assert ragged.stamps.tolist() == [0, 1, 2, 0, 1, 2, 3, 4]
    assert [one.shape for one in ragged] == [(3, 1), (5, 1)]
    tensor = Panel.from_any([np.ones((3, 2), np.float32), np.ones((4, 2), np.int16)])
    assert tensor.values.dtype == np.float64
    assert tensor.to_frame("polars").columns == ["unique_id", "ds", "y0", "y1"]
    assert Panel.from_any(np.ones((3, 2)), **targets.roles()).n_targets == 2
    objects = Panel.from_any(np.array([[1, 2], [3, None]], dtype=object))
    assert np.array_equal(objects.values[:, 0], [1, 3, 2, np.nan], equal_nan=True)


def test_masked_values_are_missing():
    masked = np.ma.masked_equal([1, 2, 3, 4], 3)
    for source in (masked, [masked, masked], masked[:, None]):
        values = Panel.from_any(source).values[:4, 0]
        assert type(values) is np.ndarray
        assert np.array_equal(values, [1, 2, np.nan, 4], equal_nan=True)


def test_numbered_columns_of_a_frame():
    frame = pd.DataFrame({0: [1, 2, 3], 1: [4.0, 5.0, 6.0], 2: ["a"] * 3})
    panel = Panel.from_any(frame, time=0, target=1, id=np.int64(2))
    assert (panel.names.time, panel.names.targets, panel.names.id) == ("0", ("1",), "2")
    with pytest.raises(InputError, match="target='7': there is no such column"):
        Panel.from_any(frame, target=7)


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        (np.ones((2, 2, 2, 2)), {}, r"got shape \(2, 2, 2, 2\)"),
        (np.array([]), {}, "series 0 has none"),
        ([], {}, "there are none"),
        ([np.ones(3), np.ones(0)], {}, "series 1 has none"),
        ([np.ones((3, 2)), np.ones(3)], {}, r"same number of targets, at least 1, got \[1, 2\]"),
        ([np.ones((1, 1, 1))], {}, r"Series 0 must be \(T,\) or \(T, targets\)"),
        (np.array(["a", "b"]), {}, "must hold numbers, got an array of type <U1"),
        (np.ones(2, complex), {}, "must hold numbers, got an array of type complex128"),
        (np.array(["2024"], dtype="datetime64[D]"), {}, "must hold numbers"),
        (np.array([{}, {}]), {}, "must hold numbers, got an array of type object"),
        (np.array([1.0, np.inf]), {}, "Series 0 is infinite in row 2"),
        ([np.ones(2), np.array([1, 2, -np.inf])], {}, "Series 1 is infinite in row 3"),
        (np.ones(3), {"target": "y"}, "target='y' names a column, but arrays have no column"),
        (np.ones(3), {"frequency": "D"}, "frequency='D' needs time stamps"),
        (np.ones(3), {"wide": "both"}, "wide must be 'series' or 'targets', got 'both'"),
    ],
)
def test_arrays_refused(source, options, message):
    with pytest.raises(InputError, match=message):
        Panel.from_any(source, **options)


# ------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"target": "Y1"},
            r"target='Y1': there is no such column in the mapping\. It has unique_id, ds, y\.",
        ),
        ({"id": "unique_ids"}, r"Did you mean 'unique_id'\?"),
        ({"past": "z"}, "past='z'"),
        ({"target": "y", "past": ["y"]}, "'y' is named twice, as target and past"),
        ({"target": ["y", "y"]}, "'y' is named twice, as target"),
        ({"wide": "long"}, "wide must be 'series' or 'targets', got 'long'"),
        ({"wide": "series", "id": "unique_id"}, "wide='series' makes every target column"),
        ({"target": "unique_id"}, "'unique_id' must be numeric, but row 1 holds 'b'"),
        ({"target": "ds", "time": "y"}, "'ds' must be numeric, but row 1 holds '2024-01-01'"),
        ({"time": "unique_id", "id": "ds"}, "'unique_id' has 'b' in row 1"),
        ({"frequency": "month"}, "frequency='month' does not fit: .* same day of the month"),
        ({"frequency": "MS"}, "frequency='month' does not fit: series 'b' goes from 2024-01-01"),
        ({"frequency": 2}, "does not fit the time column of time stamps"),
        ({"frequency": "sometimes"}, "frequency='sometimes' is not understood"),
    ],
)
def test_arguments_refused(options, message):
    with pytest.raises(InputError, match=message):
        Panel.from_any(LONG, **options)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ds": ["2024-01-01"] * 2 + ["2024-01-03"] * 3}, r"'b' has two rows for 2024-01-01 \(and"),
        ({"ds": [1, 2, 3, 4, 4]}, r"Series 'a' has two rows for 4\. Keep one row"),
        ({"ds": ["2024-01-01", "2024-01-02", "2024-13-03"] * 2}, "'2024-13-03' in row 3"),
        ({"ds": ["2024-01-01", None] * 3}, "'ds' is empty in row 2"),
        ({"unique_id": ["a", None] * 3}, "id column 'unique_id' is empty in row 2"),
        ({"y": [1, 2, 3, np.inf, 1]}, "'y' is infinite in row 4"),
        ({"y": ["1", "2", "three", "4", "5"]}, "row 3 holds 'three'"),
        ({"ds": [1, 3, 6, 1, 2]}, None),
        (
            {"ds": [1, 4, 6, 1, 3]},
            r"not regular: from 4 to 6 is the smallest.*'b' goes from 1 to 4",
        ),
    ],
)
def test_tables_refused(changes, message):
    length = len(next(iter(changes.values())))
    columns = {name: (values * 2)[:length] for name, values in LONG.items()} | changes
    if message is None:
        assert Panel.from_any(columns).n_rows == 8
        return
    with pytest.raises(InputError, match=message):
        Panel.from_any(columns)


def test_hints_for_duplicates():
    twice = {"ds": ["2024-10-27 01:00", "2024-10-27 02:00", "2024-10-27 02:00"], "y": [1.0, 2, 3]}
    with pytest.raises(
        InputError, match=r"with `id=`; where the clocks went back, give the stamps"
    ):
        Panel.from_any(twice)
    with pytest.raises(InputError, match=r"The series has two rows for 1.*with `id=`"):
        Panel.from_any({"t": [1, 1], "y": [1.0, 2.0]})
    doubled = ["2024-10-27 02:00", "2024-10-27 02:00"]
    with pytest.raises(InputError, match="where the clocks went back, give the stamps a UTC"):
        Panel.from_any({"unique_id": ["a", "a"], "ds": doubled, "y": [1.0, 2.0]})


def test_no_numeric_column():
    with pytest.raises(InputError, match=r"no column of numbers in .*: it has ds, name"):
        Panel.from_any({"ds": ["2024-01-01", "2024-01-02"], "name": ["a", "b"]})


def test_static_columns_refused():
    with pytest.raises(InputError, match=r"'y' must not change within a series, but series 'b'"):
        Panel.from_any(LONG | {"z": [1] * 5}, target="z", static="y")
    lacking = LONG | {"city": [None, None, None, "x", "x"]}
    with pytest.raises(InputError, match=r"'city' has no value for series 'b'"):
        Panel.from_any(lacking, static="city")
    partly = LONG | {"city": [None, "w", None, "x", "x"]}
    assert Panel.from_any(partly, static="city").static["city"].tolist() == ["w", "x"]


def test_a_wrong_stamp_does_not_fill_the_memory():
    columns = {"ds": ["2024-01-01 00:00:00", "2024-01-01 00:00:01", "9024-01-01 00:00:00"]}
    with pytest.raises(InputError, match=r"rows instead of 3: the widest gap goes from 2024-01-01"):
        Panel.from_any(columns | {"y": [1.0, 2.0, 3.0]})


def test_unknown_series():
    with pytest.raises(InputError, match="no series 'q'; there are 'b', 'a'"):
        Panel.from_any(LONG).number("q")


# -------------------------------------------------------------------------------------- parts


def test_take_until_and_select():
    columns = LONG | {"city": ["x", "x", "x", "z", "z"], "x": [1, 2, 3, 4, 5]}
    panel = Panel.from_any(columns, target="y", past="x", static="city")
    first = panel.take([2, 9])
    assert first.lengths.tolist() == [2, 2]
    assert first.values[:, 0].tolist() == [1, 2, 10, 20]
    assert first.past[:, 0].tolist() == [1, 2, 4, 5]
    assert panel.take(1).lengths.tolist() == [1, 1]
    cut = panel.until(np.datetime64("2024-01-02"))
    assert cut.lengths.tolist() == [2, 0]
    swapped = panel.select([1, 0])
    assert swapped.ids.tolist() == ["a", "b"]
    assert swapped.static["city"].tolist() == ["z", "x"]
    assert swapped.series(0)[:, 0].tolist() == [10, 20]
    doubled = panel.with_values(panel.values * 2)
    assert doubled.values[0, 0] == 2
    assert panel.values[0, 0] == 1
    with pytest.raises(InputError, match="must have 5 rows, got 2"):
        panel.with_values(np.ones((2, 1)))


def test_summary_is_plain():
    import json

    summary = Panel.from_any(LONG).summary()
    assert json.loads(json.dumps(summary)) == summary
    assert summary["first"] == "2024-01-01"
    assert summary["frequency"] == "day"
    assert "2 series, 5 rows" in repr(Panel.from_any(LONG))


# ------------------------------------------------------------------------------------ answers


@pytest.mark.parametrize(
    ("kind", "zone"),
    [(kind, None) for kind in KINDS] + [(kind, "Europe/Amsterdam") for kind in KINDS[:3]],
)
def test_answers_come_back_as_the_kind_that_went_in(kind, zone):
    frame = pd.DataFrame({"when": days("2024-01-01", 3, freq="h", tz=zone), "y": [1.0, 2.0, 3.0]})
    source = {
        "pandas": frame,
        "polars": pl.from_pandas(frame),
        "pyarrow": pa.Table.from_pandas(frame, preserve_index=False),
        "dict": {name: frame[name].to_numpy() for name in frame},
    }[kind]
    panel = Panel.from_any(source)
    answer = panel.frame(np.zeros(2, int), panel.future_stamps(0, 2), {"y": np.array([4.0, 5.0])})
    assert type(answer) is type(source)
    again = Panel.from_any(answer)
    assert again.names == panel.names
    assert np.array_equal(again.stamps, panel.future_stamps(0, 2))
    assert again.time_zone == zone
    if kind == "pandas":
        assert answer.dtypes["when"] == source.dtypes["when"]
    elif kind == "polars":
        assert answer.schema["when"] == source.schema["when"]


def test_stamps_keep_their_type():
    frame = pl.DataFrame({"ds": days("2024-01-01", 3).date.tolist(), "y": [1.0, 2.0, 3.0]})
    assert Panel.from_any(frame).to_frame().schema["ds"] == pl.Date
    nano = frame.with_columns(pl.col("ds").cast(pl.Datetime("ns")))
    assert Panel.from_any(nano).to_frame().schema["ds"] == pl.Datetime("ns")
    whole = pl.DataFrame({"ds": [1, 2], "y": [1.0, 2.0]})
    assert Panel.from_any(whole).to_frame().schema["ds"] == pl.Int64


# ------------------------------------------------------------------------- future covariates


def test_future_covariates():
    columns = {
        "unique_id": ["a"] * 4 + ["b"] * 4,
        "ds": [1, 2, 3, 4] * 2,
        "y": [1.0, 2.0, np.nan, np.nan, 1.0, 2.0, 3.0, np.nan],
        "promo": [0, 1, 1, 0, 1, 0, 0, 1],
    }
    panel = Panel.from_any(columns, target="y", future="promo")
    known = np.array([2, 3])
    # From its own rows, where they go on.
    assert panel.future_covariates(1, counts=known)[:, :, 0].tolist() == [[1], [1]]
    ahead = {
        "unique_id": ["b", "b", "a", "a"],
        "ds": [6, 5, 5, 6],
        "promo": [60, 50, 51, 61],
        "y": [None] * 4,
    }
    both = panel.future_covariates(3, ahead, known)[:, :, 0]
    assert both.tolist() == [[1, 0, 51], [1, 50, 60]]
    assert panel.future_covariates(2, ahead)[:, :, 0].tolist() == [[51, 61], [50, 60]]
    # One calendar for all series.
    shared = {"ds": [5, 6], "promo": [7, 8]}
    assert panel.future_covariates(2, shared)[:, :, 0].tolist() == [[7, 8], [7, 8]]
    assert panel.future_covariates(2, pl.DataFrame(shared))[:, :, 0].tolist() == [[7, 8], [7, 8]]
    whole = panel.future_covariates(1, panel, counts=known)
    assert whole[:, :, 0].tolist() == [[1], [1]]
    # A column that the panel does not know is not taken for the names of series.
    named = shared | {"region": ["south", "south"]}
    assert panel.future_covariates(2, named)[:, :, 0].tolist() == [[7, 8], [7, 8]]


def test_future_covariates_missing():
    columns = {"ds": days("2024-01-01", 3), "y": [1.0, 2.0, 3.0], "x": [1, 2, 3]}
    panel = Panel.from_any(columns, target="y", future="x")
    with pytest.raises(InputError, match=r"'x' is unknown at 2024-01-04"):
        panel.future_covariates(2)
    ahead = {"ds": days("2024-01-04", 1), "x": [4]}
    with pytest.raises(InputError, match=r"at 2024-01-05\. Append a row for each of the 2 steps"):
        panel.future_covariates(2, ahead)
    with pytest.raises(InputError, match="future='x': there is no such column"):
        panel.future_covariates(2, {"ds": days("2024-01-04", 1)})


# ----------------------------------------------------------------------------- round trips


@st.composite
def panels(draw):
    alias = draw(st.sampled_from(["min", "h", "D", "B", "W-SUN", "MS", "ME", "QE", "YS"]))
    zone = draw(st.sampled_from([None, "UTC", "America/New_York"]))
    lengths = draw(st.lists(st.integers(12, 30), min_size=1, max_size=4))
    parts = []
    for number, length in enumerate(lengths):
        start = draw(st.integers(0, 2000))
        stamps = pd.date_range("2015-01-01", periods=start % 60 + length, freq=alias, tz=zone)
        parts.append(pd.DataFrame({"unique_id": f"s{number}", "ds": stamps[-length:]}))
    frame = pd.concat(parts, ignore_index=True)
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    frame["y"] = rng.normal(size=len(frame)).round(6)
    return frame, draw(st.integers(0, 1000))


@given(panels())
@settings(deadline=None, max_examples=30)
def test_shuffled_rows_give_the_same_panel(drawn):
    frame, seed = drawn
    panel = Panel.from_any(frame)
    assert panel.notes == ()
    shuffled = Panel.from_any(frame.sample(frac=1.0, random_state=seed))
    order = [shuffled.number(id) for id in panel.ids]
    again = shuffled.select(order)
    assert np.array_equal(again.values, panel.values)
    assert np.array_equal(again.stamps, panel.stamps)
    assert again.frequency == panel.frequency
    for kind in ("polars", "pandas", "pyarrow"):
        back = Panel.from_any(panel.to_frame(kind))
        assert np.array_equal(back.values, panel.values)
        assert np.array_equal(back.stamps, panel.stamps)
        assert back.frequency == panel.frequency
        assert back.time_zone == panel.time_zone


@given(panels())
@settings(deadline=None, max_examples=20)
def test_csv_round_trip(tmp_path_factory, drawn):
    frame, _ = drawn
    panel = Panel.from_any(frame)
    path = tmp_path_factory.mktemp("csv") / "data.csv"
    frame.to_csv(path, index=False)
    back = Panel.from_any(path, time_zone=panel.time_zone)
    assert np.array_equal(back.values, panel.values)
    assert np.array_equal(back.stamps, panel.stamps)


# -------------------------------------------------------------------------------------- speed


def best_of(repeats, work):
    seconds = []
    for _ in range(repeats):
        begin = clock.perf_counter()
        work()
        seconds.append(clock.perf_counter() - begin)
    return min(seconds)


def test_ten_thousand_series_in_a_second():
    number, rows = 10_000, 100
    frame = pl.DataFrame(
        {
            "unique_id": np.repeat([f"s{i}" for i in range(number)], rows),
            "ds": np.tile(np.datetime64("2020-01-01") + np.arange(rows), number),
            "y": np.random.default_rng(0).normal(size=number * rows),
        }
    )
    assert best_of(3, lambda: Panel.from_any(frame)) < 1.0
    interleaved = frame.sort("ds", maintain_order=True)
    assert best_of(3, lambda: Panel.from_any(interleaved)) < 1.0
