"""The recursive network: its gradient, and that free running is what it was trained to do."""

from __future__ import annotations

import numpy as np
import pytest

from differences import central_difference
from elman.cells import CELLS
from elman.losses import MeanSquaredError
from elman.tasks.recursive import (
    RecursiveNetwork,
    RecursiveShape,
    SeriesRows,
    StepWindows,
)


def rows(missing: bool = False, future: bool = False) -> SeriesRows:
    rng = np.random.default_rng(0)
    observed = None
    if missing:
        observed = (rng.random((40, 2)) > 0.1).astype(float)
    made = SeriesRows(rng.standard_normal((40, 2)), observed, np.array([0, 25]), np.array([25, 15]))
    if future:
        made.future, made.future_starts = rng.standard_normal((40, 1)), made.starts
        made.static = rng.standard_normal((2, 2))
    return made


def network(data: SeriesRows, cell: str = "gru", layers: int = 1) -> RecursiveNetwork:
    shape = RecursiveShape(cell, 5, layers, data.inputs, data.channels)
    return RecursiveNetwork(shape, np.random.default_rng(1), np.float64)


@pytest.mark.parametrize("cell", CELLS)
def test_gradient_is_that_of_finite_differences(cell: str) -> None:
    data = rows(missing=True, future=True)
    windows = StepWindows(data, 6, np.array([0, 1, 0]), np.array([9, 7, 20]))
    model, loss = network(data, cell, 2), MeanSquaredError()
    parameters, gradient = model.vectors()
    assert model.layer.cell == cell

    def value(write: bool = False) -> float:
        batch = windows.take(np.arange(3))
        output = model.forward_batch(batch, True, np.random.default_rng(0), None)
        d_output = np.empty_like(output)
        mean, _ = loss(output, batch.target, batch.weight, None, d_output)
        if write:
            gradient[...] = 0.0
            model.backward_batch(d_output)
        return mean

    value(write=True)
    computed = gradient.copy()
    for index in range(0, parameters.size, 7):
        expected = central_difference(value, parameters, index)
        assert computed[index] == pytest.approx(expected, abs=2e-8)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_free_running_equals_feeding_the_outputs_back_by_hand(cell: str, layers: int) -> None:
    data = rows(future=True)
    model = network(data, cell, layers)
    free = model.run_free(StepWindows(data, 6, np.array([0]), np.array([8]), targets=False), 3)
    # The same by reading ever longer windows of the series continued with the forecasts.
    for step in range(3):
        batch = StepWindows(
            data, 6 + step, np.array([0]), np.array([8 + step]), targets=False
        ).take(np.array([0]))
        value = model.forward_batch(batch)[-1, 0]
        np.testing.assert_allclose(free[0, step], value, rtol=1e-12)
        data.values[8 + step] = value


def test_at_first_the_last_value_is_about_repeated() -> None:
    data = rows()
    model = network(data)
    batch = StepWindows(data, 6, np.array([0]), np.array([8])).take(np.array([0]))
    np.testing.assert_allclose(model.forward_batch(batch), batch.x[:, :, :2], atol=0.6)
