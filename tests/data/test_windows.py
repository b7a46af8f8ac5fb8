"""Windows: which there are, what they hold, and that nothing looks ahead."""

from __future__ import annotations

import time as clock
from itertools import chain, pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data.panel import Panel
from elman.data.windows import TimeRange, Windows, split_in_time
from elman.errors import InputError

NAN = np.nan


def panel_of(*series):
    return Panel.from_any([np.asarray(one, dtype=float) for one in series])


def ranges(begin, end):
    return TimeRange(np.asarray(begin), np.asarray(end))


def full_panel():
    """Two series, two targets, past and future covariates, some values missing."""
    rng = np.random.default_rng(0)
    lengths = (14, 9)
    columns = {
        "unique_id": np.repeat(["a", "b"], lengths),
        "ds": np.concatenate([np.arange(n) for n in lengths]),
    }
    for name in ("y", "z", "p", "f", "g"):
        columns[name] = rng.normal(size=sum(lengths))
        columns[name][rng.integers(0, sum(lengths), 3)] = NAN
    return Panel.from_any(columns, target=["y", "z"], past="p", future=["f", "g"])


def by_hand(panel, series, origin, window, horizon):
    """One window, row by row."""
    rows = panel.rows(series)
    table = np.concatenate([panel.values, panel.past, panel.future], axis=1)[rows]
    inputs, marks = np.zeros((window, table.shape[1])), np.zeros((window, table.shape[1]))
    last = np.zeros(table.shape[1])
    for row in range(origin):
        known = ~np.isnan(table[row])
        last = np.where(known, table[row], last)
        if row >= origin - window:
            inputs[row - origin + window] = last
            marks[row - origin + window] = known
    targets = table[origin : origin + horizon, : panel.n_targets]
    future = table[origin : origin + horizon, panel.n_targets + panel.past.shape[1] :]
    return inputs, marks, targets, future


# ------------------------------------------------------------------------------------ split


def test_split_by_series():
    panel = panel_of(np.arange(100), np.arange(10))
    split = split_in_time(panel, validation=0.2, calibration=5, test=0.1)
    assert split.train.end.tolist() == [65, 2]
    assert split.validation.begin.tolist() == [65, 2]
    assert split.validation.end.tolist() == [85, 4]
    assert split.calibration.end.tolist() == [90, 9]
    assert split.test.end.tolist() == [100, 10]
    assert split.test.lengths.tolist() == [10, 1]
    assert split.train.begin.tolist() == [0, 0]


def test_split_by_time():
    columns = {
        "unique_id": ["a"] * 10 + ["b"] * 4 + ["c"] * 6,
        "ds": [*range(10), *range(6, 10), *range(6)],
        "y": np.zeros(20),
    }
    split = split_in_time(Panel.from_any(columns), validation=3, test=0.2, by="time")
    assert split.train.end.tolist() == [5, 0, 5]
    assert split.validation.end.tolist() == [8, 2, 6]
    assert split.calibration.lengths.tolist() == [0, 0, 0]
    assert split.test.end.tolist() == [10, 4, 6]


def test_split_without_parts_is_all_training():
    split = split_in_time(panel_of(np.arange(7)))
    assert split.train.lengths.tolist() == [7]
    assert split.test.lengths.tolist() == [0]
    by_time = split_in_time(panel_of(np.arange(7)), by="time")
    assert by_time.train.lengths.tolist() == [7]


@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=5),
    st.floats(0, 0.4),
    st.integers(0, 3),
    st.floats(0, 0.4),
    st.sampled_from(["series", "time"]),
)
@settings(deadline=None, max_examples=60)
def test_parts_follow_each_other(lengths, validation, calibration, test, by):
    panel = panel_of(*(np.arange(n) for n in lengths))
    try:
        split = split_in_time(panel, validation, calibration, test, by)
    except InputError as error:
        assert "leave no rows to train on" in str(error)
        return
    parts = [split.train, split.validation, split.calibration, split.test]
    assert not parts[0].begin.any()
    assert np.array_equal(parts[-1].end, panel.lengths)
    for part, later in pairwise(parts):
        assert np.array_equal(part.end, later.begin)
        assert (part.lengths >= 0).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"validation": -1}, "validation must be .* got -1"),
        ({"test": 1.5}, "test must be .* got 1.5"),
        ({"calibration": True}, "calibration must be .* got True"),
        ({"by": "rows"}, "by must be 'series' or 'time', got 'rows'"),
        ({"validation": 7}, r"validation=7, calibration=0.0, test=0.0 leave no rows to train on"),
    ],
)
def test_split_errors(options, message):
    with pytest.raises(InputError, match=message):
        split_in_time(panel_of(np.arange(7)), **options)


# ------------------------------------------------------------------------------ enumeration


def test_every_window_of_every_series():
    windows = Windows(panel_of(np.arange(10), np.arange(6)), 3, 2)
    assert len(windows) == 6 + 2
    assert windows.series.tolist() == [0] * 6 + [1] * 2
    assert windows.origins.tolist() == [3, 4, 5, 6, 7, 8, 3, 4]
    assert windows.without.tolist() == []
    assert "8 of 3 + 2 rows" in repr(windows)


def test_stride_and_range():
    panel = panel_of(np.arange(20), np.arange(8))
    windows = Windows(panel, 3, 2, stride=4, within=ranges([5, 0], [15, 8]))
    assert windows.origins.tolist() == [5, 9, 13, 3]
    whole = Windows(panel, 3, 2, within=ranges([12, 6], [99, 99]))
    assert whole.origins.tolist() == [12, 13, 14, 15, 16, 17, 18, 6]


def test_etth1_protocol_counts():
    panel = panel_of(np.zeros(17420))
    test = ranges([11520], [14400])
    assert len(Windows(panel, 336, 96, within=test)) == 2785
    assert len(Windows(panel, 336, 720, within=test)) == 2161


def test_windows_without_a_known_target_are_left_out():
    panel = panel_of([1, 2, 3, NAN, NAN, NAN, 7, 8])
    assert Windows(panel, 2, 2).origins.tolist() == [2, 5, 6]
    everything = panel_of([1, 2, NAN, NAN, NAN])
    with pytest.raises(InputError, match="No window has a known target"):
        Windows(everything, 2, 2)


def test_short_series_are_padded_down_to_the_minimum():
    panel = panel_of(np.arange(20), np.arange(1, 6), [1.0, 2.0])
    windows = Windows(panel, 8, 2, minimum=2)
    assert windows.origins[windows.series == 0].min() == 8  # the long one has whole windows
    assert windows.origins[windows.series == 1].tolist() == [2, 3]
    assert windows.without.tolist() == [2]
    batch = windows.gather([len(windows) - 1])
    assert batch.inputs[:, 0, 0].tolist() == [0, 0, 0, 0, 0, 1, 2, 3]
    assert batch.observed[:, 0, 0].tolist() == [0, 0, 0, 0, 0, 1, 1, 1]
    assert batch.targets[:, 0, 0].tolist() == [4, 5]
    assert batch.targets_observed is None


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((0, 1), {}, "window must be a positive whole number, got 0"),
        ((1, 1.5), {}, "horizon must be a positive whole number, got 1.5"),
        ((1, 1), {"stride": -2}, "stride must be a positive whole number, got -2"),
        ((4, 1), {"minimum": 5}, "minimum must be from 1 to window=4, got 5"),
        ((6, 3), {}, "window=6 and horizon=3 need 9 rows .* longest series has 8"),
        ((9, 3), {"minimum": 6}, "need 9 rows for one window, but the longest series has 8"),
        ((2, 3), {"within": ranges([6], [8])}, "part of the series has 2 rows, fewer than horizon"),
    ],
)
def test_windows_refused(arguments, options, message):
    with pytest.raises(InputError, match=message):
        Windows(panel_of(np.arange(8)), *arguments, **options)


# ---------------------------------------------------------------------------------- reading


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gathered_as_by_hand(dtype):
    panel = full_panel()
    windows = Windows(panel, 5, 3, minimum=2, dtype=dtype)
    order = np.random.default_rng(1).permutation(len(windows))
    batch = windows.gather(order)
    assert batch.inputs.shape == (5, len(order), 5)
    assert batch.inputs.dtype == dtype
    for place, number in enumerate(order):
        series, origin = int(windows.series[number]), int(windows.origins[number])
        assert (batch.series[place], batch.origins[place]) == (series, origin)
        inputs, marks, targets, future = by_hand(panel, series, origin, 5, 3)
        assert np.allclose(batch.inputs[:, place], inputs)
        assert np.array_equal(batch.observed[:, place], marks)
        known = ~np.isnan(targets)
        assert np.array_equal(batch.targets_observed[:, place], known)
        assert np.allclose(batch.targets[:, place], np.where(known, targets, 0))
        sure = ~np.isnan(future)
        assert np.allclose(batch.future[:, place][sure], future[sure])


def test_complete_panel_has_no_marks():
    windows = Windows(panel_of(np.arange(9)), 4, 2)
    batch = windows.gather([1])
    assert batch.observed is None
    assert batch.targets_observed is None
    assert batch.future is None
    assert batch.inputs[:, 0, 0].tolist() == [1, 2, 3, 4]
    assert batch.targets[:, 0, 0].tolist() == [5, 6]


def test_gather_writes_into_the_given_batch():
    windows = Windows(full_panel(), 4, 2)
    out = windows.allocate(3)
    arrays = {name: value for name, value in vars(out).items() if value is not None}
    for value in arrays.values():
        value.fill(77)  # whatever was there must not matter
    got = windows.gather([4, 0, 2], out)
    assert got is out
    fresh = windows.gather([4, 0, 2])
    for name, value in arrays.items():
        assert getattr(got, name) is value
        assert np.array_equal(value, getattr(fresh, name)), name
    with pytest.raises(InputError, match="out holds 3 windows, got 2"):
        windows.gather([1, 2], out)


def test_batches_cover_all_windows_once():
    windows = Windows(panel_of(np.arange(30)), 3, 2)
    for generator in (None, np.random.default_rng(0)):
        origins = [batch.origins.tolist() for batch in windows.batches(7, generator)]
        assert [len(part) for part in origins] == [7, 7, 7, 5]
        assert sorted(chain.from_iterable(origins)) == windows.origins.tolist()
    first = [b.origins.tolist() for b in windows.batches(7, np.random.default_rng(3))]
    second = [b.origins.tolist() for b in windows.batches(7, np.random.default_rng(3))]
    assert first == second != [b.origins.tolist() for b in windows.batches(7)]


def test_arrays_are_batch_first():
    x, y = Windows(panel_of([1, 2, 3, NAN, 5]), 2, 2).arrays()
    assert x[:, :, 0].tolist() == [[1, 2], [2, 3]]
    assert np.array_equal(y[:, :, 0], [[3, NAN], [NAN, 5]], equal_nan=True)
    assert x.flags.c_contiguous
    assert x.dtype == np.float32


def test_a_sine_cut_in_time():
    sine = np.sin(np.linspace(0, 100, 500))
    panel = Panel.from_any(sine)
    split = split_in_time(panel, test=0.2)
    x, y = Windows(panel, 20, 1, within=split.train).arrays()
    assert x.shape == (380, 20, 1)
    assert np.allclose(y[:, 0, 0], sine[20:400])
    assert len(Windows(panel, 20, 1, within=split.test)) == 100


# ------------------------------------------------------------------------------- prediction


def test_last_windows():
    panel = full_panel()
    future = np.random.default_rng(2).normal(size=(2, 3, 2))
    batch = Windows.last(panel, 10, 3, future=future)
    assert batch.targets is None
    assert batch.targets_observed is None
    assert batch.origins.tolist() == [14, 9]
    assert np.allclose(batch.future.transpose(1, 0, 2), future)
    for series in range(2):
        inputs, marks, _, _ = by_hand(panel, series, int(panel.lengths[series]), 10, 3)
        assert np.allclose(batch.inputs[:, series], inputs)
        assert np.array_equal(batch.observed[:, series], marks)


def test_last_windows_refuse():
    with pytest.raises(InputError, match="Series 1 has 2 rows; at least 3 are needed"):
        Windows.last(panel_of(np.arange(5), np.arange(2)), 4, 1, minimum=3)
    with pytest.raises(InputError, match=r"covariates f, g .* of shape \(2, 3, 2\), got none"):
        Windows.last(full_panel(), 4, 3)
    with pytest.raises(InputError, match=r"got \(2, 2, 2\)"):
        Windows.last(full_panel(), 4, 3, future=np.ones((2, 2, 2)))


# --------------------------------------------------------------------------------- no leaks


@given(st.integers(0, 30), st.integers(1, 5), st.integers(1, 4), st.integers(1, 3))
@settings(deadline=None, max_examples=50)
def test_future_values_move_nothing_earlier(seed, window, horizon, stride):
    """Every value from a moment on is changed: windows that end before it stay the same."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(window + horizon, 25, 2)
    columns = {
        "unique_id": np.repeat(["a", "b"], lengths),
        "ds": np.concatenate([np.arange(n) for n in lengths]),
    }
    for name in ("y", "p", "f"):
        columns[name] = np.where(
            rng.random(lengths.sum()) < 0.2, NAN, rng.normal(size=lengths.sum())
        )
    columns["y"][columns["ds"] >= window] = rng.normal(size=(columns["ds"] >= window).sum())
    roles = {"target": "y", "past": "p", "future": "f"}
    moment = int(rng.integers(1, 25))
    later = columns["ds"] >= moment
    changed = {n: np.where(later, 1e6 + v, v) if n in "ypf" else v for n, v in columns.items()}
    before = Windows(Panel.from_any(columns, **roles), window, horizon, stride=stride)
    after = Windows(Panel.from_any(changed, **roles), window, horizon, stride=stride)
    assert np.array_equal(before.origins, after.origins)
    one, two = (w.gather(np.arange(len(w))) for w in (before, after))
    inputs = one.origins <= moment  # they end before the moment
    assert np.array_equal(one.inputs[:, inputs], two.inputs[:, inputs])
    marks = [b.observed if b.observed is not None else np.ones_like(b.inputs) for b in (one, two)]
    assert np.array_equal(marks[0][:, inputs], marks[1][:, inputs])
    whole = one.origins + horizon <= moment
    assert np.array_equal(one.targets[:, whole], two.targets[:, whole])
    assert np.array_equal(one.future[:, whole], two.future[:, whole])
    # And the change is really seen by those that reach beyond it.
    beyond = one.origins + horizon > moment
    assert not beyond.any() or not np.array_equal(one.targets[:, beyond], two.targets[:, beyond])


@given(st.integers(20, 60), st.integers(1, 6), st.integers(1, 5))
@settings(deadline=None, max_examples=40)
def test_training_windows_end_before_validation_begins(rows, window, horizon):
    panel = panel_of(np.arange(rows), np.arange(rows - 5))
    split = split_in_time(panel, validation=0.3, test=0.2)
    for part in (split.train, split.validation, split.test):
        try:
            windows = Windows(panel, window, horizon, within=part)
        except InputError:
            assert ((part.end - np.maximum(part.begin, window)) < horizon).all()
            continue
        batch = windows.gather(np.arange(len(windows)))
        # The values are the row numbers: what is forecast lies within the part ...
        assert (batch.targets[0, :, 0] >= part.begin[batch.series]).all()
        assert (batch.targets[-1, :, 0] < part.end[batch.series]).all()
        # ... and what is read lies right before it.
        assert (batch.inputs[-1, :, 0] + 1 == batch.targets[0, :, 0]).all()


# ------------------------------------------------------------------------------------ speed


def test_a_csv_of_17420_by_7_is_read_and_cut_quickly(tmp_path):
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({f"c{i}": rng.normal(size=17420).round(3) for i in range(7)})
    stamps = np.datetime64("2016-07-01", "us") + np.arange(17420).astype("timedelta64[h]").astype(
        "timedelta64[us]"
    )
    frame.insert_column(0, pl.Series("date", stamps).dt.strftime("%Y-%m-%d %H:%M:%S"))
    frame.write_csv(tmp_path / "data.csv")

    def work():
        panel = Panel.from_any(tmp_path / "data.csv")
        return len(Windows(panel, 336, 96))

    seconds = []
    for _ in range(5):
        begin = clock.perf_counter()
        assert work() == 7 * (17420 - 336 - 96 + 1)
        seconds.append(clock.perf_counter() - begin)
    # About 0.08 s; the bound leaves room for a busy machine.
    assert min(seconds) < 0.3
