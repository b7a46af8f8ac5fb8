import json

import numpy as np
import pytest
import samples

from elman.errors import InputError
from elman.report import ForecastReport, HeldOut, SeriesView
from elman.report.content import plain_times, plain_values


@pytest.mark.parametrize("make", [samples.single, samples.several, samples.bare])
def test_a_report_survives_json(make):
    report = make()
    text = json.dumps(report.to_dict(), allow_nan=False)
    again = ForecastReport.from_dict(json.loads(text))
    assert json.dumps(again.to_dict()) == text


def test_records_that_are_no_report_are_refused():
    record = samples.bare().to_dict()
    with pytest.raises(InputError, match="content version 1, got 2"):
        ForecastReport.from_dict({**record, "content_version": 2})
    with pytest.raises(InputError, match="content version"):
        ForecastReport.from_dict({})
    with pytest.raises(InputError, match="mystery"):
        ForecastReport.from_dict({**record, "mystery": 1})
    with pytest.raises(InputError, match="title"):
        ForecastReport.from_dict({k: v for k, v in record.items() if k != "title"})


def test_values_keep_seven_digits_and_mark_what_is_missing():
    given = np.array([1 / 3, -12345678.9, 0.0, 1e-12, 5e30, np.nan, np.inf, np.float32(0.1)])
    assert plain_values(given) == [0.3333333, -12345680.0, 0.0, 1e-12, 5e30, None, None, 0.1]
    assert plain_values([1, None, 2.5]) == [1.0, None, 2.5]
    assert plain_values(np.array([1.0, 2.0], dtype=np.float32)) == [1.0, 2.0]
    assert plain_values([1.0, float("nan")]) == [1.0, None]
    assert plain_values([]) == []


def test_times_are_numbers_or_iso_texts():
    assert plain_times(np.arange(3)) == [0, 1, 2]
    assert plain_times(np.array(["2020-01", "2020-02"], "M8[M]")) == ["2020-01-01", "2020-02-01"]
    assert plain_times(np.array(["2020-01-01T10:00"], "M8[us]")) == ["2020-01-01T10:00:00"]
    assert plain_times(["2020-01-01"]) == ["2020-01-01"]


@pytest.mark.parametrize(
    "fields",
    [
        {"times": [0, 1], "values": [1.0]},
        {"forecast_times": [2], "forecast": []},
        {"forecast_times": [2], "forecast": [1.0], "intervals": {80: ([1.0], [])}},
        {"residual_times": [2], "residuals": []},
    ],
)
def test_columns_of_unlike_length_are_refused(fields):
    with pytest.raises(InputError, match="'x' has columns of unlike length"):
        SeriesView(**{"id": "x", "times": [], "values": [], **fields})
    with pytest.raises(InputError, match="held_out"):
        HeldOut([1], [])


def test_levels_are_named_alike_whatever_they_are():
    view = SeriesView("x", [], [], [1], [1.0], {80.0: ([1.0], [1.0]), "95": ([1.0], [1.0])})
    assert list(view.intervals) == ["80", "95"]


def test_long_histories_are_thinned_but_keep_extremes_gaps_and_the_end():
    values = np.sin(np.arange(50_000) / 700)
    values[12_345], values[23_456] = 9.0, -9.0
    values[30_000:31_000] = np.nan
    view = SeriesView("x", np.arange(50_000), values)
    thin = view.thinned(4000)
    assert len(thin.values) <= 4000
    assert thin.values[-1000:] == view.values[-1000:]
    assert (max(v for v in thin.values if v), min(v for v in thin.values if v)) == (9.0, -9.0)
    assert thin.times == sorted(thin.times)
    assert any(
        v is None and 30_000 <= t < 31_000 for t, v in zip(thin.times, thin.values, strict=True)
    )
    assert all(view.values[t] == v for t, v in zip(thin.times, thin.values, strict=True))
    assert view.thinned(50_000) is view


def test_a_page_holds_a_limited_number_of_series_and_says_so():
    report = samples.several()
    few = report.limited(most_series=2)
    assert [one.id for one in few.series] == samples.NASTY_IDS[:2]
    assert list(few.scores.by_series) == samples.NASTY_IDS[:2]
    assert few.scores.table == report.scores.table
    assert "The page shows the first 2 of 1,214 series; the scores are those of all." in few.notes
    assert report.notes == samples.several().notes
    whole = samples.single()
    assert whole.limited().to_dict() == whole.to_dict()
