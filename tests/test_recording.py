"""Recorded passes: the bits of passes that go through Python, whatever happens in between."""

from __future__ import annotations

import numpy as np
import pytest

import elman
from elman import _core
from elman.backends import kernels
from networks import LOSSES, NETWORKS, inputs, network, targets

pytestmark = pytest.mark.usefixtures("poison")

# dropout draws new numbers in every pass; NumPy spreads and sums a learned state, and pools
NOT_RECORDED = {
    "learned",
    "learned_last",
    "bidirectional_norm",
    *(name for name in NETWORKS if "pool" in name or "repeat" in name),
}


def train(name, loss, recorded, monkeypatch, dtype="float32", on_epoch=None, **options):
    made = network(name, dtype)
    X = inputs(made, rows=23, steps=6)
    y = targets(made, loss, X)
    with monkeypatch.context() as patch:
        if not recorded:
            patch.setattr(elman.Network, "recordable", False)
        options = {"epochs": 4, "batch_size": 5, "clip_norm": 0.7, "clip_value": 0.3, **options}
        hook = None if on_epoch is None else lambda record: on_epoch(made, X)
        history = made.fit(X, y, loss=loss, on_epoch=hook, **options)
    return made.parameters.copy(), history.loss, history.gradient_norm


def assert_same(first, second):
    np.testing.assert_array_equal(first[0], second[0])
    assert first[1:] == second[1:]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NETWORKS)
def test_same_bits_as_without(name, dtype, monkeypatch):
    assert network(name).recordable == (name not in NOT_RECORDED)
    loss = LOSSES["mse"]
    assert_same(*(train(name, loss, on, monkeypatch, dtype) for on in (True, False)))


@pytest.mark.parametrize("loss", LOSSES)
def test_same_bits_for_every_loss(loss, monkeypatch):
    loss = LOSSES[loss]
    assert_same(*(train("lstm", loss, on, monkeypatch) for on in (True, False)))


@pytest.mark.parametrize(
    "options",
    [
        {"truncate": 2},
        {"sample_weight": np.linspace(0.0, 1.0, 23)},
        {"validation_split": 0.3},
        {"shuffle": False},
        {"optimizer": elman.RMSprop(0.01), "schedule": elman.CosineDecay(1)},
        {"batch_size": 100},
    ],
    ids=lambda options: next(iter(options)),
)
def test_same_bits_for_every_option(options, monkeypatch):
    loss = LOSSES["mse"]
    assert_same(*(train("lstm", loss, on, monkeypatch, **options) for on in (True, False)))


def test_buffers_that_grow_in_between_do_no_harm(monkeypatch):
    """A hook that predicts on more and longer rows makes every buffer move."""

    def grow(made, X):
        made.predict(np.tile(X, (40, 3, 1)), batch_size=900)

    results = [
        train("stacked", LOSSES["mse"], True, monkeypatch, on_epoch=hook) for hook in (None, grow)
    ]
    assert_same(*results)


def test_what_is_not_recordable():
    plain = elman.Network([elman.RNN(1, 2), elman.Dropout(0.0), elman.Dense(2, 1)])
    assert plain.recordable
    for layers in (
        [elman.RNN(1, 2), elman.Dropout(0.1), elman.Dense(2, 1)],
        [elman.RNN(1, 2, num_layers=2, dropout=0.1)],
    ):
        assert not elman.Network(layers).recordable
    assert not elman.Network([elman.RNN(1, 2)], backend="reference").recordable


def test_the_reference_backend_trains_as_the_native_one():
    losses = []
    for backend in ("native", "reference"):
        made = elman.Network(NETWORKS["lstm"](), dtype="float64", backend=backend)
        X = inputs(made)
        history = made.fit(X, targets(made, LOSSES["mse"], X), epochs=5, batch_size=2)
        losses.append(history.loss)
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-10)


def test_a_loss_of_ones_own_is_not_recorded(monkeypatch):
    class Twice(elman.MeanSquaredError):
        def __call__(self, output, target, weight=None, live=None, gradient=None):
            value, total = super().__call__(output, target, weight, live, gradient)
            gradient *= 2.0
            return 2.0 * value, total

    assert not Twice().recordable
    assert_same(*(train("lstm", Twice(), on, monkeypatch) for on in (True, False)))


class TestRecording:
    def test_calls_are_made_again_and_reported(self):
        recording = _core.Recording()
        total, addend = np.zeros(3), np.ones(3)
        recording.start()
        kernels.add(total, addend)
        kernels.loss(0, total[None], np.zeros((1, 3)), None, None, np.empty(0), None)
        kernels.clip_gradient(total, 0.0, 0.0)
        recording.stop()
        kernels.add(total, addend)  # not recorded
        assert len(recording) == 3
        assert recording.run() == (9.0, 3.0, pytest.approx(27**0.5))
        np.testing.assert_array_equal(total, [3.0, 3.0, 3.0])

    def test_arrays_live_as_long_as_their_recording(self):
        recording = _core.Recording()
        total = np.zeros(100_000)
        recording.start()
        kernels.add(total, np.ones(100_000))  # nobody else holds it
        recording.stop()
        fresh = [np.full(100_000, np.nan) for _ in range(5)]
        recording.run()
        assert (total == 2.0).all()
        del fresh

    def test_only_one_at_a_time(self):
        first, second = _core.Recording(), _core.Recording()
        first.start()
        try:
            with pytest.raises(RuntimeError, match="on already"):
                second.start()
            with pytest.raises(RuntimeError, match="cannot run"):
                second.run()
        finally:
            first.stop()
        second.start()
        second.stop()
        assert second.run() == (0.0, 0.0, 0.0)

    def test_an_error_on_the_way_ends_it(self):
        made = network("lstm")
        X = inputs(made)
        plain = made.backward_batch
        made.backward_batch = lambda d: 1 / 0
        with pytest.raises(ZeroDivisionError):
            made.fit(X, targets(made, LOSSES["mse"], X))
        made.backward_batch = plain
        recording = _core.Recording()
        recording.start()  # none is on
        recording.stop()


def test_small_helpers_do_as_numpy_does():
    total = np.arange(6.0).reshape(2, 3)
    kernels.add(total, np.ones((2, 3)))
    np.testing.assert_array_equal(total, np.arange(1.0, 7.0).reshape(2, 3))
    kernels.fill_zero(total)
    assert not total.any()
    d_x, d_last = np.full((3, 2, 4), np.nan, np.float32), np.ones((2, 4), np.float32)
    kernels.last_adjoint(d_last, d_x)
    assert not d_x[:2].any()
    np.testing.assert_array_equal(d_x[2], d_last)
