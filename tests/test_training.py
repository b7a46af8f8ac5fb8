"""The training loop: what is recorded, kept, stopped, interrupted, refused."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch

import elman
from elman.errors import InputError, TrainingError
from elman.training import mean_loss
from networks import LOSSES, inputs, network, targets
from torch_networks import TorchNetwork


def sine(rows=96, steps=12):
    series = np.sin(np.linspace(0.0, 30.0, rows + steps)).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(series, steps)[:rows]
    return windows[:, :, None], series[steps : steps + rows]


def small(seed=0, **options):
    layers = [elman.RNN(1, 8), elman.Last(), elman.Dense(8, 1)]
    return elman.Network(layers, seed=seed, **options)


OPTIMIZERS = {
    "sgd": (elman.SGD(0.05, 0.9), lambda p: torch.optim.SGD(p, 0.05, 0.9)),
    "adam": (elman.Adam(0.01), lambda p: torch.optim.Adam(p, 0.01)),
    "adamw": (elman.AdamW(0.01), lambda p: torch.optim.AdamW(p, 0.01)),
    "rmsprop": (elman.RMSprop(0.01), lambda p: torch.optim.RMSprop(p, 0.01)),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", ["rnn", "lstm", "gru", "stacked", "bidirectional", "embedding"])
def test_ten_steps_land_where_torch_lands(name, optimizer):
    made = network(name)
    X = inputs(made, rows=12)
    y = targets(made, LOSSES["mse"], X)
    ours, theirs = OPTIMIZERS[optimizer]
    twin = TorchNetwork(made)
    steps = theirs(twin.parameters())
    for _ in range(5):
        for rows in (slice(0, 8), slice(8, 12)):
            steps.zero_grad()
            loss = ((twin(torch.tensor(X[rows])) - torch.tensor(y[rows])) ** 2).mean()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(twin.parameters(), 0.5)
            steps.step()
    made.fit(X, y, optimizer=ours, epochs=5, batch_size=8, shuffle=False, clip_norm=0.5)
    for key, weight in twin.state_dict().items():
        np.testing.assert_allclose(
            made.state_dict()[key.removeprefix("parts.")], weight.numpy(), rtol=1e-5, atol=1e-6
        )


class TestHistory:
    def test_is_plain_records(self):
        X, y = sine()
        history = small().fit(X, y, epochs=3, validation_split=0.25, optimizer=elman.Adam(0.01))
        assert len(history) == 3
        assert list(history.records()[0]) == [
            "epoch",
            "loss",
            "validation_loss",
            "gradient_norm",
            "learning_rate",
            "seconds",
        ]
        assert [record["epoch"] for record in history.records()] == [1, 2, 3]
        assert history.learning_rate == [0.01] * 3
        assert history.loss == [record["loss"] for record in history.records()]
        assert history.loss[2] < history.loss[0]
        assert all(norm > 0.0 for norm in history.gradient_norm)
        assert all(seconds > 0.0 for seconds in history.seconds)
        kept = json.loads(json.dumps(history.to_dict()))["epochs"]
        assert [{**one, "seconds": 1.0} for one in kept] == [
            {**one, "seconds": 1.0} for one in history.records()
        ]
        assert all("seconds" not in one for one in kept)
        assert not history.interrupted
        assert not history.stopped_early

    def test_in_a_line(self):
        X, y = sine()
        history = small().fit(X, y, epochs=2, validation_split=0.25)
        text = (
            f"History(2 epochs, loss {history.loss[1]:.4g}, validation loss "
            f"{history.validation_loss[1]:.4g}, best epoch {history.best_epoch})"
        )
        assert repr(history) == text
        assert repr(elman.History(interrupted=True)) == (
            "History(no epoch complete, interrupted=True)"
        )

    def test_loss_is_the_mean_over_rows_before_their_update(self):
        X, y = sine(20)
        made = small(dtype="float64")
        before = made.evaluate(X, y)["loss"]
        history = made.fit(X, y, batch_size=20, epochs=1)
        assert history.loss[0] == pytest.approx(before, rel=1e-12)

    def test_batches_of_unequal_size_are_weighed_by_their_rows(self):
        X, y = sine(25)
        made = small(dtype="float64")
        before = made.evaluate(X, y)["loss"]
        # so small a rate that the weights hardly move
        history = made.fit(X, y, batch_size=8, optimizer=elman.SGD(1e-12), epochs=1)
        assert history.loss[0] == pytest.approx(before, rel=1e-8)

    def test_without_validation_there_is_no_validation_loss(self):
        X, y = sine()
        history = small().fit(X, y, epochs=2)
        assert history.validation_loss == [None, None]
        assert history.best_epoch == 2

    def test_gradient_norm_is_that_before_clipping(self):
        X, y = sine(16)
        free = small().fit(X, y, epochs=1, batch_size=16)
        clipped = small().fit(X, y, epochs=1, batch_size=16, clip_norm=1e-3, clip_value=1e-5)
        assert clipped.gradient_norm == free.gradient_norm


class TestReproducible:
    def fitted(self, seed=0, **options):
        X, y = sine()
        layers = [elman.GRU(1, 8, 2, dropout=0.2), elman.Last(), elman.Dense(8, 1)]
        made = elman.Network(layers, seed=seed)
        history = made.fit(X, y, epochs=3, batch_size=16, **options)
        return made.parameters.copy(), history.loss

    def test_same_seed_same_bits(self):
        first, second = self.fitted(), self.fitted()
        np.testing.assert_array_equal(first[0], second[0])
        assert first[1] == second[1]

    def test_other_seeds_other_weights(self):
        assert (self.fitted(0)[0] != self.fitted(1)[0]).any()

    def test_no_global_seed_is_read_or_set(self):
        np.random.seed(3)  # noqa: NPY002
        before = np.random.get_state()[1].copy()  # noqa: NPY002
        first, _ = self.fitted()
        np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
        np.random.seed(4)  # noqa: NPY002
        np.testing.assert_array_equal(first, self.fitted()[0])

    def test_same_bits_for_any_number_of_threads(self):
        """Big enough that threads are worth waking."""
        generator = np.random.default_rng(0)
        X = generator.normal(size=(96, 40, 16)).astype(np.float32)
        y = generator.normal(size=(96, 2)).astype(np.float32)
        weights, threads = [], elman.get_num_threads()
        try:
            for number in (1, 2, 3):
                elman.set_num_threads(number)
                layers = [elman.GRU(16, 96), elman.Last(), elman.Dense(96, 2)]
                made = elman.Network(layers, seed=0)
                made.fit(X, y, epochs=2, batch_size=64)
                weights.append(made.parameters.copy())
        finally:
            elman.set_num_threads(threads)
        np.testing.assert_array_equal(weights[0], weights[1])
        np.testing.assert_array_equal(weights[0], weights[2])

    def test_shuffling_can_be_left_out(self):
        plain, _ = self.fitted(shuffle=False)
        assert (plain != self.fitted()[0]).any()

    def test_a_generator_can_be_given(self):
        made = small(np.random.default_rng(5))
        np.testing.assert_array_equal(made.parameters, small(5).parameters)


class TestLearningRate:
    def test_schedules_run(self):
        X, y = sine(32)
        options = {"epochs": 4, "batch_size": 8, "optimizer": elman.SGD(0.1)}
        history = small().fit(X, y, schedule=elman.StepDecay(2, 0.5), **options)
        assert history.learning_rate == pytest.approx([0.1, 0.1, 0.05, 0.05])
        history = small().fit(X, y, schedule=elman.CosineDecay(warmup=1), **options)
        assert history.learning_rate[0] == pytest.approx(0.1 * 3.5 / 4)
        assert history.learning_rate[1:] == sorted(history.learning_rate[1:], reverse=True)
        assert history.learning_rate[-1] < 0.001

    def test_plateau_watches_the_validation_loss(self):
        X, y = sine(40)
        noise = np.random.default_rng(0).normal(size=8).astype(np.float32)
        history = small().fit(
            X,
            y,
            epochs=12,
            optimizer=elman.Adam(0.05),
            schedule=elman.ReduceOnPlateau(0.5, patience=0),
            validation_data=(X[:8], noise),
        )
        worse = sum(
            now > min(history.validation_loss[: epoch + 1])
            for epoch, now in enumerate(history.validation_loss[1:-1])
        )
        assert worse > 0
        assert history.learning_rate[-1] == pytest.approx(0.05 * 0.5**worse)

    def test_clipping_shortens_the_step(self):
        X, y = sine(16)
        options = {"epochs": 1, "batch_size": 16, "optimizer": elman.SGD(1.0)}
        start = small().parameters.copy()
        made = small()
        norm = made.fit(X, y, clip_norm=0.01, **options).gradient_norm[0]
        assert norm > 0.01
        assert np.linalg.norm(made.parameters - start) == pytest.approx(0.01, rel=1e-4)
        made = small()
        made.fit(X, y, clip_value=0.001, **options)
        assert np.abs(made.parameters - start).max() == pytest.approx(0.001, rel=1e-3)


class TestBestWeights:
    def overfitting(self, **options):
        """The validation part is noise, so its loss has a best epoch and then rises."""
        X, y = sine(48)
        noise = np.random.default_rng(1).normal(size=12).astype(np.float32)
        made = small()
        losses = []

        def spy(record):
            losses.append((record.validation_loss, made.parameters.copy()))

        history = made.fit(
            X,
            y,
            epochs=30,
            optimizer=elman.Adam(0.03),
            validation_data=(X[:12], noise),
            on_epoch=spy,
            **options,
        )
        return made, history, losses

    def test_are_put_back_at_the_end(self):
        made, history, losses = self.overfitting()
        best = int(np.argmin([loss for loss, _ in losses]))
        assert best < len(losses) - 1
        assert history.best_epoch == best + 1
        np.testing.assert_array_equal(made.parameters, losses[best][1])

    def test_are_not_put_back_if_not_wanted(self):
        made, _, losses = self.overfitting(keep_best=False)
        np.testing.assert_array_equal(made.parameters, losses[-1][1])

    def test_early_stopping_waits_its_patience(self):
        made, history, losses = self.overfitting(early_stopping=4)
        best = int(np.argmin([loss for loss, _ in losses]))
        assert history.stopped_early
        assert len(history) == best + 1 + 4 + 1
        np.testing.assert_array_equal(made.parameters, losses[best][1])

    def test_small_gains_do_not_count_but_are_kept(self):
        made, history, losses = self.overfitting(
            early_stopping=elman.EarlyStopping(patience=3, min_delta=10.0)
        )
        assert len(history) == 5  # the first epoch counts, then patience runs out
        best = int(np.argmin([loss for loss, _ in losses]))
        np.testing.assert_array_equal(made.parameters, losses[best][1])

    def test_without_validation_the_last_weights_stay(self):
        X, y = sine(32)
        made, kept = small(), []
        made.fit(X, y, epochs=3, on_epoch=lambda _: kept.append(made.parameters.copy()))
        np.testing.assert_array_equal(made.parameters, kept[-1])


class TestValidationPart:
    def parts(self, made, X, y, **options):
        return made.fit(X, y, epochs=2, shuffle=False, batch_size=8, keep_best=False, **options)

    def test_is_the_last_rows(self):
        X, y = sine(50)
        first, second = small(), small()
        by_split = self.parts(first, X, y, validation_split=0.3)
        by_hand = self.parts(second, X[:35], y[:35], validation_data=(X[35:], y[35:]))
        assert by_split.loss == by_hand.loss
        assert by_split.validation_loss == by_hand.validation_loss
        np.testing.assert_array_equal(first.parameters, second.parameters)

    def test_no_held_out_row_is_ever_trained_on(self):
        X, y = sine(50)
        changed_X, changed_y = X.copy(), y.copy()
        changed_X[40:], changed_y[40:] = 9.0, -9.0
        first, second = small(), small()
        losses = [
            self.parts(made, a, b, validation_split=0.2).loss
            for made, a, b in ((first, X, y), (second, changed_X, changed_y))
        ]
        assert losses[0] == losses[1]
        np.testing.assert_array_equal(first.parameters, second.parameters)

    def test_random_rows_on_request(self):
        X, y = sine(50)
        last = self.parts(small(), X, y, validation_split=0.3)
        drawn = self.parts(small(), X, y, validation_split=0.3, validation_rows="random")
        assert drawn.validation_loss != last.validation_loss

    def test_sample_weights_go_with_their_rows(self):
        X, y = sine(50)
        weight = np.ones(50)
        weight[40:] = 0.0
        history = self.parts(small(), X, y, validation_split=0.2, sample_weight=weight)
        assert history.validation_loss == [0.0, 0.0]

    @pytest.mark.parametrize("share", [0.001, 0.99])
    def test_must_leave_rows_on_both_sides(self, share):
        X, y = sine(10)
        with pytest.raises(InputError, match="leaves rows on both sides"):
            small().fit(X, y, validation_split=share)


class TestInterrupt:
    def interrupted(self, at, **options):
        X, y = sine()
        made, kept = small(), []
        start = made.parameters.copy()

        def stop(record):
            kept.append((record.validation_loss, made.parameters.copy()))
            if record.epoch == at:
                raise KeyboardInterrupt

        history = made.fit(X, y, epochs=9, on_epoch=stop, optimizer=elman.Adam(0.05), **options)
        return made, history, kept, start

    def test_ends_training_with_the_best_weights_so_far(self):
        made, history, kept, _ = self.interrupted(4, validation_split=0.3)
        assert history.interrupted
        assert len(history) == 4
        best = int(np.argmin([loss for loss, _ in kept]))
        np.testing.assert_array_equal(made.parameters, kept[best][1])

    def test_in_the_middle_of_an_epoch(self, monkeypatch):
        X, y = sine()
        made, calls = small(), []
        plain = made.backward_batch

        def stop(d_output):
            calls.append(made.parameters.copy())
            if len(calls) == 8:
                raise KeyboardInterrupt
            plain(d_output)

        monkeypatch.setattr(made, "backward_batch", stop)
        monkeypatch.setattr(elman.Network, "recordable", False)  # every batch comes by
        history = made.fit(X, y, epochs=5, batch_size=32, keep_best=False)
        assert history.interrupted
        assert len(history) == 2
        assert history.best_epoch == 2
        np.testing.assert_array_equal(made.parameters, calls[6])  # as they were after epoch 2

    def test_in_the_first_epoch_keeps_what_was_learned(self, monkeypatch):
        X, y = sine()
        made, calls = small(), []
        start, plain = made.parameters.copy(), made.backward_batch

        def stop(d_output):
            calls.append(made.parameters.copy())
            if len(calls) == 3:
                raise KeyboardInterrupt
            plain(d_output)

        monkeypatch.setattr(made, "backward_batch", stop)
        monkeypatch.setattr(elman.Network, "recordable", False)  # every batch comes by
        history = made.fit(X, y, epochs=5, batch_size=16)
        assert history.interrupted
        assert len(history) == history.best_epoch == 0
        assert (made.parameters != start).any()
        np.testing.assert_array_equal(made.parameters, calls[-1])

    @pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for a single process")
    def test_a_real_signal_in_a_real_process(self):
        script = """
import sys, numpy as np, elman
network = elman.Network([elman.GRU(1, 8), elman.Last(), elman.Dense(8, 1)])
X = np.random.default_rng(0).normal(size=(500, 20, 1))
def tell(record):
    if record.epoch == 2:
        print("going", flush=True)
history = network.fit(X, X[:, -1], epochs=10**7, validation_split=0.2, on_epoch=tell)
print(history.interrupted, len(history) >= 2, np.isfinite(network.predict(X)).all())
"""
        process = subprocess.Popen(
            [sys.executable, "-c", script],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout.readline() == "going\n"
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
        assert (process.returncode, output, errors) == (0, "True True True\n", "")

    def test_an_epoch_hook_can_end_training(self):
        X, y = sine()
        history = small().fit(X, y, epochs=9, on_epoch=lambda record: record.epoch == 3)
        assert len(history) == 3
        assert not history.interrupted


class TestNotFinite:
    def test_says_where_and_what_to_try(self):
        X, y = sine()
        made = small()
        with pytest.raises(TrainingError) as caught:
            made.fit(X * 50, y * 1e18, epochs=9, optimizer=elman.SGD(1e6), batch_size=32)
        message = str(caught.value)
        for part in ("epoch 1", "of 3", "gradient norm", "lower learning rate", "clip_norm"):
            assert part in message
        assert "from before the training" in message
        np.testing.assert_array_equal(made.parameters, small().parameters)

    def test_the_last_finite_best_is_put_back(self):
        X, y = sine()
        made, kept = small(), []

        def poison(record):
            kept.append(made.parameters.copy())
            if record.epoch == 3:
                made._parameters[3] = np.nan

        with pytest.raises(TrainingError, match=r"epoch 4, batch 1 of 3.*those of epoch 3"):
            made.fit(X, y, epochs=9, on_epoch=poison)
        np.testing.assert_array_equal(made.parameters, kept[2])
        assert np.isfinite(made.predict(X)).all()

    def test_weights_are_not_moved_by_a_gradient_that_is_not_finite(self, monkeypatch):
        X, y = sine(32)
        made = small()
        plain = made.backward_batch

        def spoil(d_output):
            plain(d_output)
            made._gradients[0] = np.inf

        monkeypatch.setattr(made, "backward_batch", spoil)
        with pytest.raises(TrainingError, match="the gradient is not finite in epoch 1, batch 1"):
            made.fit(X, y)
        np.testing.assert_array_equal(made.parameters, small().parameters)

    def test_in_the_validation_part(self):
        X, y = sine(32)
        huge = np.full(4, 1e30, np.float32)
        with pytest.raises(TrainingError, match="not finite in epoch 1, the validation"):
            small().fit(X, y, validation_data=(X[:4], huge))


class TestProgress:
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    def slow(self, monkeypatch, stream, **options):
        from elman.progress import Progress

        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setattr(Progress, "_DELAY", 0.0)
        X, y = sine(32)
        small().fit(X, y, epochs=3, batch_size=4, **options)
        return stream.getvalue()

    def test_on_a_terminal(self, monkeypatch):
        assert "epoch" in self.slow(monkeypatch, self.Terminal())

    def test_not_elsewhere(self, monkeypatch):
        assert self.slow(monkeypatch, io.StringIO()) == ""

    def test_not_if_switched_off(self, monkeypatch):
        assert self.slow(monkeypatch, self.Terminal(), progress=False) == ""

    def test_not_before_a_second_has_passed(self, monkeypatch):
        stream = self.Terminal()
        monkeypatch.setattr(sys, "stderr", stream)
        X, y = sine(32)
        small().fit(X, y, epochs=2)
        assert stream.getvalue() == ""


class TestSampleWeights:
    def test_of_zero_leave_a_row_out(self):
        X, y = sine(40)
        weight = np.ones(40)
        weight[30:] = 0.0
        missing = y.copy()
        missing[30:] = np.nan  # never read
        first, second = small(dtype="float64"), small(dtype="float64")
        # the batch without weight has no gradient; Adam's moments would move on, SGD has none
        options = {"epochs": 3, "batch_size": 10, "shuffle": False, "optimizer": elman.SGD(0.1)}
        a = first.fit(X, missing, sample_weight=weight, **options)
        b = second.fit(X[:30], y[:30], **options)
        np.testing.assert_array_equal(first.parameters, second.parameters)
        assert a.loss == pytest.approx(b.loss, rel=1e-14)

    def test_of_steps(self):
        made = network("lstm")
        X = inputs(made)
        y = targets(made, LOSSES["mse"], X)
        weight = np.zeros(X.shape[:2])
        weight[2, 3] = 5.0
        got = made.evaluate(X, y, loss="mse", sample_weight=weight)
        expected = ((made.predict(X)[2, 3] - y[2, 3]) ** 2).mean()
        assert got["loss"] == pytest.approx(expected, rel=1e-12)


def test_mean_loss_of_nothing_is_zero():
    made = small()
    X, y = sine(4)
    data = made._data(X[:0], y[:0], None, None, LOSSES["mse"])
    assert mean_loss(made, data.batches(8), LOSSES["mse"]) == 0.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs: expected a whole number, at least 1"),
        ({"batch_size": 2.0}, "batch_size: expected"),
        ({"validation_split": 1.0}, "validation_split: expected"),
        ({"validation_rows": "first"}, "validation_rows: expected one of 'last', 'random'"),
        ({"validation_data": 3}, r"validation_data: expected \(X, y\)"),
        ({"clip_norm": 0.0}, "clip_norm: expected a number greater than 0"),
        ({"clip_value": -1.0}, "clip_value: expected"),
        ({"early_stopping": -1}, "early_stopping: expected"),
        ({"truncate": 0}, "truncate: expected"),
        ({"loss": "rmse"}, "loss: expected one of"),
        ({"optimizer": "lion"}, "optimizer: expected one of"),
        ({"schedule": 3}, "schedule: expected one of"),
        ({"sample_weight": [1.0]}, "sample_weight: expected"),
    ],
)
def test_bad_arguments_are_refused_before_any_work(options, message):
    X, y = sine(16)
    made = small()
    with pytest.raises(InputError, match=message):
        made.fit(X, y, **options)
    np.testing.assert_array_equal(made.parameters, small().parameters)
    assert made.loss is None


def test_both_kinds_of_validation_are_refused():
    X, y = sine(16)
    with pytest.raises(InputError, match="expected 0 beside validation_data"):
        small().fit(X, y, validation_split=0.5, validation_data=(X, y))


def test_no_rows_are_refused():
    with pytest.raises(InputError, match="at least one row"):
        small().fit(np.zeros((0, 5, 1)), np.zeros(0))
