"""Windows: what they hold, how they are normalised, padded and given back."""

from __future__ import annotations

import numpy as np
import pytest

from elman.tasks.samples import DEVIATION_FLOOR, Rows, WindowSet, WindowShape


def make(values: np.ndarray, shape: WindowShape, origin: list[int], **options: object) -> WindowSet:
    rows = Rows.from_series([values[:, None]], np.array([[values[~np.isnan(values)].std()]]), float)
    return WindowSet(rows, shape, np.zeros(len(origin), int), np.array(origin), **options)


def test_a_batch_holds_the_steps_before_and_after_the_origin_by_segments() -> None:
    values = np.arange(20.0)
    windows = make(values, WindowShape(6, 4, 2, None), [6, 11])
    batch = windows.take(np.array([1, 0]))
    assert batch.x.shape == (3, 2, 2)
    np.testing.assert_array_equal(batch.x[:, 0].ravel(), np.arange(5, 11))
    np.testing.assert_array_equal(batch.x[:, 1].ravel(), np.arange(0, 6))
    np.testing.assert_array_equal(batch.target[:, 0].ravel(), np.arange(11, 15))
    assert batch.weight is None


@pytest.mark.parametrize("normalize", ["last-std", "last", "mean-std", "mean"])
def test_normalisation_is_that_of_its_name_and_is_undone(normalize: str) -> None:
    rng = np.random.default_rng(0)
    values = rng.standard_normal(30).cumsum()
    windows = make(values, WindowShape(8, 3, 1, normalize), [10, 20])
    batch = windows.take(np.array([0, 1]))
    past = values[2:10]
    base = past[-1] if normalize.startswith("last") else past.mean()
    scale = past.std() + DEVIATION_FLOOR * values.std() if normalize.endswith("std") else 1.0
    np.testing.assert_allclose(batch.x[:, 0, 0], (past - base) / scale)
    np.testing.assert_allclose(batch.target[:, 0, 0], (values[10:13] - base) / scale)
    restored = windows.restore(batch.target.copy())
    np.testing.assert_allclose(restored[:, :, 0], [values[10:13], values[20:23]])


def test_missing_values_are_filled_marked_and_weigh_nothing() -> None:
    values = np.arange(12.0)
    values[[4, 8]] = np.nan
    windows = make(values, WindowShape(4, 3, 1, None, marks=True), [6, 7])
    batch = windows.take(np.array([0, 1]))
    np.testing.assert_array_equal(batch.x[:, 0], [[2, 1], [3, 1], [3, 0], [5, 1]])
    np.testing.assert_array_equal(batch.weight[:, 0, 0], [1, 1, 0])
    np.testing.assert_array_equal(batch.weight[:, 1, 0], [1, 0, 1])


def test_a_window_before_the_first_row_is_padded_and_marked() -> None:
    windows = make(np.arange(5.0, 15.0), WindowShape(4, 2, 1, None, marks=True), [2])
    batch = windows.take(np.array([0]))
    np.testing.assert_array_equal(batch.x[:, 0], [[5, 0], [5, 0], [5, 1], [6, 1]])


def test_targets_beyond_the_end_weigh_nothing() -> None:
    windows = make(np.arange(10.0), WindowShape(4, 3, 1, None), [8])
    batch = windows.take(np.array([0]))
    np.testing.assert_array_equal(batch.target[:, 0, 0], [8, 9, 9])
    np.testing.assert_array_equal(batch.weight[:, 0, 0], [1, 1, 0])


def test_a_horizon_that_is_no_multiple_of_the_segment_weighs_its_own_steps_only() -> None:
    windows = make(np.arange(20.0), WindowShape(6, 4, 3, None), [6])
    batch = windows.take(np.array([0]))
    np.testing.assert_array_equal(batch.weight[:, 0], [[1, 1, 1], [1, 0, 0]])
    assert windows.restore(batch.target.copy()).shape == (1, 4, 1)


def test_a_constant_row_is_forecast_to_stay_whatever_the_network_says() -> None:
    rows = Rows.from_series([np.full((10, 1), 7.0)], np.zeros((1, 1)), float)
    windows = WindowSet(rows, WindowShape(4, 2), np.zeros(1, int), np.array([8]))
    noise = np.random.default_rng(0).standard_normal((2, 1, 3))
    np.testing.assert_array_equal(windows.restore(noise), np.full((1, 2, 3), 7.0))


def test_an_epoch_holds_every_window_once_in_a_seeded_order() -> None:
    windows = make(np.arange(40.0), WindowShape(4, 2, 1, None), list(range(4, 30)), batch_size=7)
    seen = [batch.rows.copy() for batch in windows.epoch(np.random.default_rng(3))]
    again = [batch.rows.copy() for batch in windows.epoch(np.random.default_rng(3))]
    assert len(seen) == len(windows) == 4
    assert sorted(np.concatenate(seen)) == list(range(26))
    np.testing.assert_array_equal(np.concatenate(seen), np.concatenate(again))
    assert not np.array_equal(np.concatenate(seen), np.arange(26))
