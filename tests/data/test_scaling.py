"""Scalers of series and of windows."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from elman.data.panel import Panel
from elman.data.scaling import (
    SCALERS,
    SeriesScaler,
    StaticEncoder,
    WindowScale,
    normalize_window,
)
from elman.errors import InputError, NotFittedError

NAN = np.nan


def panel_of(*series):
    return Panel.from_any([np.asarray(one, dtype=float) for one in series])


def series_numbers(panel):
    return np.repeat(np.arange(panel.n_series), panel.lengths)


def test_standard():
    panel = panel_of([1, 2, 3, NAN], [10, 30])
    scaler = SeriesScaler("standard").fit(panel)
    assert scaler.center[:, 0].tolist() == [2, 20]
    assert np.allclose(scaler.scale[:, 0], [np.sqrt(2 / 3), 10])
    scaled = scaler.transform(panel)
    assert np.allclose(scaled.series(1)[:, 0], [-1, 1])
    assert np.isnan(scaled.series(0)[3, 0])


def test_minmax():
    panel = panel_of([NAN, 1, 5, 3], [10, 30])
    scaled = SeriesScaler("minmax").fit(panel).transform(panel)
    assert np.allclose(scaled.values[:, 0], [NAN, 0, 1, 0.5, 0, 1], equal_nan=True)


def test_log1p_and_none():
    panel = panel_of([0, np.e - 1])
    assert np.allclose(SeriesScaler("log1p").fit(panel).transform(panel).values[:, 0], [0, 1])
    same = SeriesScaler("none").fit(panel).transform(panel).values
    assert np.array_equal(same, panel.values)


def test_standard_as_scikit_learn():
    from sklearn.preprocessing import MinMaxScaler, StandardScaler

    values = np.random.default_rng(0).normal(5, 3, size=(40, 3))
    values[::7, 1] = NAN
    panel = Panel.from_any(values, wide="targets")
    for name, theirs in (("standard", StandardScaler()), ("minmax", MinMaxScaler())):
        ours = SeriesScaler(name).fit(panel, 30).transform(panel).values
        assert np.allclose(ours, theirs.fit(values[:30]).transform(values), equal_nan=True)


@pytest.mark.parametrize("name", SCALERS)
def test_nothing_after_the_training_part_matters(name):
    rng = np.random.default_rng(1)
    panel = panel_of(rng.uniform(0, 9, 30), rng.uniform(0, 9, 20))
    counts = np.array([20, 5])
    later = np.arange(panel.n_rows) - np.repeat(panel.offsets[:-1], panel.lengths) >= np.repeat(
        counts, panel.lengths
    )
    changed = panel.values.copy()
    changed[later] = 1e6
    before = SeriesScaler(name).fit(panel, counts).to_dict()
    after = SeriesScaler(name).fit(panel.with_values(changed), counts).to_dict()
    assert np.array_equal(before["center"], after["center"])
    assert np.array_equal(before["scale"], after["scale"])


@pytest.mark.parametrize("name", SCALERS)
@pytest.mark.parametrize("level", [0.0, 0.1, -0.3, 123456.789])
def test_constant_and_missing_series_are_safe(name, level):
    panel = panel_of([level] * 7, [NAN, NAN], [level])
    scaler = SeriesScaler(name).fit(panel)
    scaled = scaler.transform(panel)
    assert np.isfinite(scaled.values[[*range(7), 9]]).all()
    assert np.isnan(scaled.series(1)).all()
    assert np.isfinite(scaler.center).all()
    assert np.isfinite(scaler.scale).all()
    if name in ("standard", "minmax"):
        assert np.abs(scaled.series(0)).max() < 1e-9
    back = scaler.inverse_transform(scaled.values, series_numbers(panel))
    assert np.allclose(back, panel.values, equal_nan=True)


@given(
    st.sampled_from(SCALERS),
    st.lists(
        hnp.arrays(np.float64, st.integers(1, 8), elements=st.floats(-0.5, 1e6)),
        min_size=1,
        max_size=4,
    ),
)
@settings(deadline=None, max_examples=60)
def test_round_trip(name, series):
    panel = panel_of(*series)
    scaler = SeriesScaler(name).fit(panel)
    scaled = scaler.transform(panel).values
    back = scaler.inverse_transform(scaled, series_numbers(panel))
    assert np.allclose(back, panel.values, rtol=1e-9, atol=1e-6)


def test_training_rows_may_be_none():
    panel = panel_of([1, 2, 3], [4, 5, 6], [7, 8, 10])
    scaler = SeriesScaler("standard").fit(panel, np.array([0, 3, 0]))
    assert scaler.center[:, 0].tolist() == [0, 5, 0]
    assert scaler.scale[[0, 2], 0].tolist() == [1, 1]
    assert SeriesScaler("minmax").fit(panel, np.array([0, 3, 0])).scale[:, 0].tolist() == [1, 2, 1]


def test_inverse_of_forecasts_and_quantiles():
    panel = Panel.from_any(np.random.default_rng(0).normal(3, 2, size=(3, 20, 2)))
    scaler = SeriesScaler("standard").fit(panel)
    series = np.array([2, 0])
    forecast = np.ones((2, 5, 2))
    back = scaler.inverse_transform(forecast, series)
    assert np.allclose(back[1, 3], scaler.center[0] + scaler.scale[0])
    quantiles = np.ones((2, 5, 2, 9))
    back = scaler.inverse_transform(quantiles, series, channel_axis=2)
    assert np.allclose(back[0, 4, 1], scaler.center[2, 1] + scaler.scale[2, 1])


def test_state_round_trip():
    panel = panel_of([1, 2, 3], [4, 6])
    scaler = SeriesScaler("minmax").fit(panel)
    state = scaler.to_dict()
    plain = json.loads(
        json.dumps({k: getattr(v, "tolist", lambda v=v: v)() for k, v in state.items()})
    )
    again = SeriesScaler.from_dict(plain)
    assert np.array_equal(again.transform(panel).values, scaler.transform(panel).values)
    one = scaler.select(np.array([1]))
    assert one.center[:, 0].tolist() == [4]


def test_scaler_errors():
    panel = panel_of([1, 2], [3, -1])
    with pytest.raises(InputError, match="must be one of standard, minmax, log1p, none, got 'z'"):
        SeriesScaler("z")
    with pytest.raises(InputError, match="series 1 has -1 in row 2"):
        SeriesScaler("log1p").fit(panel)
    scaler = SeriesScaler("log1p").fit(panel, 1)
    with pytest.raises(InputError, match="series 1 has -1 in row 2"):
        scaler.transform(panel)
    with pytest.raises(InputError, match="fitted on 2 series with 1 targets, got 1 with 1"):
        scaler.transform(panel_of([1, 2]))
    with pytest.raises(NotFittedError):
        SeriesScaler().transform(panel)
    with pytest.raises(InputError, match=r"name, center and scale, got \['name'\]"):
        SeriesScaler.from_dict({"name": "none"})
    with pytest.raises(InputError, match="differ in shape"):
        SeriesScaler.from_dict({"name": "none", "center": [[1.0]], "scale": [[1.0], [2.0]]})


# ------------------------------------------------------------------------------- windows


def test_window_by_hand():
    values = np.array([[1.0, 5.0], [3.0, 5.0], [8.0, 5.0]])[:, :, None]  # [T=3, B=2, C=1]
    normal, scale = normalize_window(values)
    deviation = np.std([1, 3, 8])
    assert np.allclose(normal[:, 0, 0], np.array([-7, -5, 0]) / deviation)
    assert normal[:, 1, 0].tolist() == [0, 0, 0]
    assert scale.level[0, :, 0].tolist() == [8, 5]
    assert scale.spread[0, 1, 0] == 1  # a constant window is divided by 1
    assert np.allclose(scale.invert(normal), values)
    assert np.allclose(scale.apply(values), normal)


def test_window_floor():
    values = np.array([[1.0], [1.0], [1.1]])[:, :, None]
    _, scale = normalize_window(values, floor=0.5)
    assert scale.spread.ravel().tolist() == [0.5]
    _, scale = normalize_window(np.ones((3, 1, 2)), floor=np.array([0.25, 0.0]))
    assert scale.spread.ravel().tolist() == [0.25, 1.0]


def test_window_missing():
    values = np.array([[NAN, 2.0, NAN], [4.0, 4.0, NAN], [NAN, 7.0, NAN]])[:, :, None]
    observed = np.array([[0, 1, 0], [1, 1, 0], [0, 0, 0]])[:, :, None]
    normal, scale = normalize_window(values, observed)
    assert scale.level.ravel().tolist() == [4, 4, 0]
    assert scale.spread.ravel().tolist() == [1, 1, 1]
    assert normal[:, :, 0].T.tolist() == [[0, 0, 0], [-2, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("axis", [0, 1, -2])
def test_window_axes_types_and_in_place(dtype, axis):
    values = np.random.default_rng(0).normal(7, 2, size=(6, 4, 3)).astype(dtype)
    normal, scale = normalize_window(values.copy(), axis=axis)
    assert normal.dtype == scale.level.dtype == scale.spread.dtype == dtype
    last = np.take(values, [-1], axis=axis)
    expected = (values - last) / values.std(axis=axis, keepdims=True)
    assert np.allclose(normal, expected, rtol=1e-4, atol=1e-5)
    same = values.copy()
    assert normalize_window(same, axis=axis, out=same)[0] is same
    assert np.array_equal(same, normal)


def test_window_scale_of_quantiles():
    scale = WindowScale(np.array([[[1.0], [2.0]]]), np.array([[[10.0], [100.0]]]))
    quantiles = np.arange(2 * 2 * 1 * 3, dtype=float).reshape(2, 2, 1, 3)
    back = scale.invert(quantiles)
    assert back.shape == quantiles.shape
    assert back[1, 1, 0, 2] == quantiles[1, 1, 0, 2] * 100 + 2


@given(
    hnp.arrays(np.float64, (5, 2, 2), elements=st.floats(-1e3, 1e3)),
    st.floats(-1e3, 1e3),
    st.floats(0.01, 100),
)
@settings(deadline=None, max_examples=60)
def test_window_ignores_level_and_unit(values, shift, unit):
    # Well away from rounding: a spread below it is taken for a constant window.
    values = np.where(np.ptp(values, axis=0) > 1, values, np.arange(5.0)[:, None, None])
    normal, _ = normalize_window(values)
    moved, scale = normalize_window(values * unit + shift)
    assert np.allclose(normal, moved, atol=1e-6)
    assert np.allclose(scale.invert(moved), values * unit + shift, atol=1e-6)


# -------------------------------------------------------------------------------- static


def test_static_encoder():
    columns = {
        "unique_id": ["a", "b", "c"],
        "ds": [1, 1, 1],
        "y": [1.0, 2.0, 3.0],
        "size": [1.0, 2.0, 3.0],
        "same": [4, 4, 4],
        "city": ["x", "z", "x"],
    }
    panel = Panel.from_any(columns, target="y", static=["size", "same", "city"])
    encoder = StaticEncoder().fit(panel)
    assert encoder.width == 4
    numbers = encoder.transform(panel)
    assert np.allclose(numbers[:, 0], np.array([-1, 0, 1]) / np.std([1, 2, 3]))
    assert numbers[:, 1].tolist() == [0, 0, 0]
    assert numbers[:, 2:].tolist() == [[1, 0], [0, 1], [1, 0]]
    again = StaticEncoder.from_dict(json.loads(json.dumps(encoder.to_dict())))
    assert np.array_equal(again.transform(panel), numbers)
    new = Panel.from_any(
        columns | {"city": ["w", "z", "x"]}, static=["size", "same", "city"], target="y"
    )
    assert encoder.transform(new)[0, 2:].tolist() == [0, 0]
    with pytest.raises(InputError, match="expected 'city' to hold text, got no such column"):
        encoder.transform(Panel.from_any(columns, target="y", static=["size", "same"]))
    text = columns | {"size": ["s", "m", "l"]}
    with pytest.raises(InputError, match="expected 'size' to hold numbers, got object values"):
        encoder.transform(Panel.from_any(text, target="y", static=["size", "same", "city"]))


def test_no_static_columns():
    panel = panel_of([1, 2])
    assert StaticEncoder().fit(panel).transform(panel).shape == (1, 0)
