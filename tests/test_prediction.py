"""Predictions of a few short rows: recorded, and the bits of those that go through Python."""

from __future__ import annotations

import numpy as np
import pytest

import elman
from elman import prediction
from networks import NETWORKS, inputs, network

pytestmark = pytest.mark.usefixtures("poison")

SHAPES = ((1, 1), (1, 6), (4, 1), (3, 6))


def plain(made: elman.Network, X: np.ndarray) -> np.ndarray:
    """What a network predicts when nothing is recorded."""
    recorded, made._predictor._recorded = made._predictor._recorded, None
    try:
        return made.predict(X)
    finally:
        made._predictor._recorded = recorded


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NETWORKS)
def test_same_bits_as_without(name: str, dtype: str) -> None:
    made = network(name, dtype)
    for seed in range(3):  # the first of each shape is recorded, the others are replayed
        for rows, steps in SHAPES:
            X = inputs(made, rows, steps, seed)
            np.testing.assert_array_equal(made.predict(X), plain(made, X))


def test_new_parameters_are_seen() -> None:
    made = network("gru", "float32")
    X = inputs(made, 2, 5)
    targets = np.ones((2, made.output_size), np.float32)
    changes = (
        lambda: made.set_parameters(0.5 * made.parameters),
        lambda: made.load_state_dict({name: -part for name, part in made.state_dict().items()}),
        lambda: made.fit(X, targets, epochs=1, progress=False),
        lambda: made.vectors()[0].__imul__(0.5),  # from now on others may change them unseen
        lambda: made.vectors()[0].__imul__(0.5),
    )
    for change in changes:
        before = made.predict(X)
        change()
        after = made.predict(X)
        assert not np.array_equal(before, after)
        np.testing.assert_array_equal(after, plain(made, X))


def test_other_passes_in_between_do_no_harm() -> None:
    made = network("stacked", "float32")
    X = inputs(made, 1, 6)
    expected = made.predict(X)
    state = made.initial_state()
    for between in (
        lambda: made.predict(inputs(made, 40, 30)),
        lambda: made.forward(inputs(made, 3, 4), lengths=[1, 4, 2]),
        lambda: made.step(X[:, 0], state),
        lambda: made.input_gradients(X, np.ones((1, 2))),
    ):
        between()
        np.testing.assert_array_equal(made.predict(X), expected)


def test_results_are_the_callers_own() -> None:
    for name in ("lstm", "lstm_last"):
        made = network(name)
        X = inputs(made, 1, 5)
        first = made.predict(X)
        kept = first.copy()
        made.predict(X + 1.0)
        np.testing.assert_array_equal(first, kept)
        first[...] = 0.0
        np.testing.assert_array_equal(made.predict(X), kept)


def test_what_does_not_fit_is_refused_after_a_recording_too() -> None:
    made = elman.Network([elman.GRU(2, 3)])
    X = np.zeros((1, 4, 2), np.float32)
    made.predict(X)
    for wrong in (np.full_like(X, np.nan), np.full_like(X, np.inf), X[:, :, :1], X[0]):
        with pytest.raises(elman.InputError, match=r"^X: expected"):
            made.predict(wrong)
    with pytest.raises(elman.InputError, match=r"^batch_size: expected"):
        made.predict(X, batch_size=0)


@pytest.mark.parametrize(
    "view", [lambda X: X[::-1, ::-1, :2], lambda X: X[:, :, ::2], lambda X: X.T[:4, :, :2]]
)
def test_arrays_of_any_layout_and_type(view) -> None:
    made = elman.Network([elman.GRU(2, 3)])
    values = np.random.default_rng(0).normal(size=(4, 4, 4))
    for dtype in (np.float64, np.float32, ">f4", np.int8):
        other = view(values.astype(dtype))
        packed = np.ascontiguousarray(other, np.float32)
        np.testing.assert_array_equal(made.predict(other), made.predict(packed))


def test_what_is_recorded() -> None:
    dropout = elman.Network([elman.GRU(1, 2), elman.Dropout(0.5), elman.Dense(2, 1)])
    kept = dropout._predictor._recorded
    assert kept is not None  # it draws nothing outside training
    for steps in range(1, 40):
        dropout.predict(np.zeros((1, steps)))
        assert len(kept._recorded) <= kept._KEPT
    shapes = list(kept._recorded)
    dropout.predict(np.zeros((2, prediction.RECORDED_STEPS)))  # so long that nobody would notice
    dropout.predict(np.zeros((2, 5)), batch_size=1)
    dropout.predict(np.zeros((2, 5)), lengths=[3, 5])
    assert list(kept._recorded) == shapes
    for layers in ([elman.RNN(1, 2, learned_state=True)], [elman.GRU(1, 2), elman.MeanPool()]):
        assert elman.Network(layers)._predictor._recorded is None
    assert elman.Network([elman.RNN(1, 2)], backend="reference")._predictor._recorded is None
