"""The direct network: its gradient, its shapes, its independence of the batch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from differences import central_difference
from elman.errors import InputError
from elman.losses import Pinball
from elman.tasks.direct import DirectNetwork, DirectShape
from elman.tasks.samples import Rows, WindowSet, WindowShape

CELLS = ("rnn_tanh", "rnn_relu", "lstm", "gru", "gru_reset_before")


def windows(missing: bool = False, covariates: bool = False, batch_size: int = 5) -> WindowSet:
    rng = np.random.default_rng(0)
    series = [rng.standard_normal((30, 2)), rng.standard_normal((24, 2))]
    if missing:
        series[0][[3, 17], 0] = np.nan
    rows = Rows.from_series(series, np.ones((2, 2)), np.float64)
    if covariates:
        rows.past = rng.standard_normal((54, 2))
        rows.past_starts = np.array([0, 30])
        rows.future = rng.standard_normal((60, 1))
        rows.future_starts = np.array([0, 33])
        rows.static = rng.standard_normal((2, 3))
    shape = WindowShape(window=6, horizon=4, segment=3, marks=missing)
    row = np.array([0, 0, 1, 2, 3, 3, 0])
    origin = np.array([6, 20, 7, 9, 20, 12, 26])
    return WindowSet(rows, shape, row, origin, batch_size)


def network(data: WindowSet, cell: str = "gru", **changes: object) -> DirectNetwork:
    shape = DirectShape(
        cell=cell,
        hidden_size=4,
        num_layers=1,
        segment=3,
        inputs=data.inputs,
        segments_in=2,
        segments_out=2,
        outputs=3,
        channels=2,
    )
    shape = replace(shape, **changes)  # type: ignore[arg-type]
    return DirectNetwork(shape, np.random.default_rng(1), np.float64)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("layers", [1, 2])
def test_gradient_is_that_of_finite_differences(cell: str, layers: int) -> None:
    data = windows(missing=True, covariates=True)
    model = network(data, cell, num_layers=layers, series=2, statics=3, futures=1)
    model.shortcut = np.random.default_rng(2).standard_normal((6, 6))
    check_gradient(model, data)


def test_gradient_with_dropout() -> None:
    data = windows()
    check_gradient(network(data, dropout=0.4), data)


def check_gradient(model: DirectNetwork, data: WindowSet) -> None:
    loss, (parameters, gradient) = Pinball((0.1, 0.5, 0.8)), model.vectors()

    def value(write: bool = False) -> float:
        batch = data.take(np.arange(5))
        output = model.forward_batch(batch, True, np.random.default_rng(7))
        d_output = np.empty_like(output)
        mean, _ = loss(output, batch.target, batch.weight, None, d_output)
        if write:
            gradient[...] = 0.0
            model.backward_batch(d_output)
        return mean

    value(write=True)
    computed = gradient.copy()
    for index in range(parameters.size):
        expected = central_difference(value, parameters, index)
        assert computed[index] == pytest.approx(expected, abs=2e-8)


def test_a_window_does_not_depend_on_its_batch() -> None:
    data = windows()
    model = network(data)
    together = model.forward_batch(data.take(np.arange(7))).copy()
    alone = model.forward_batch(data.take(np.array([3])))
    np.testing.assert_array_equal(together[:, 3:4], alone)


def test_covariates_and_vectors_change_the_forecast() -> None:
    data = windows(covariates=True)
    model = network(data, series=2, statics=3, futures=1)
    before = model.forward_batch(data.take(np.array([0]))).copy()
    rows = data.rows
    for name in ("past", "future", "static"):
        kept = getattr(rows, name)
        setattr(rows, name, kept + 1.0)
        assert np.abs(model.forward_batch(data.take(np.array([0]))) - before).max() > 1e-6
        setattr(rows, name, kept)


def test_state_dict_round_trip_and_refusals() -> None:
    data = windows()
    model, other = network(data), network(data)
    other.vectors()[0][...] = 0.0
    other.flat.load_state_dict(model.flat.state_dict())
    np.testing.assert_array_equal(other.vectors()[0], model.vectors()[0])
    state = model.flat.state_dict()
    del state["position"]
    with pytest.raises(InputError, match="missing: position; unknown: none"):
        other.flat.load_state_dict(state)
    state = model.flat.state_dict() | {"position": np.zeros((1, 1))}
    with pytest.raises(InputError, match=r"expected position of shape \(2, 4\), got \(1, 1\)"):
        other.flat.load_state_dict(state)
