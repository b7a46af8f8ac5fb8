"""The autoencoder: codes, reconstruction, anomaly scores, streams, saving."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import elman
from elman.errors import ElmanWarning, InputError, NotFittedError

STEPS = 1200


def wave(seed=0, steps=STEPS):
    generator = np.random.default_rng(seed)
    t = np.arange(steps)
    return np.sin(2 * np.pi * t / 25) + 0.05 * generator.standard_normal(steps)


def waves(rows=120, seed=0, shortest=12, longest=24):
    generator = np.random.default_rng(seed)
    made = []
    for _ in range(rows):
        t = np.arange(generator.integers(shortest, longest + 1))
        made.append(generator.uniform(0.5, 1.5) * np.sin(0.4 * t + generator.uniform(0, 6)))
    return made


@pytest.fixture(scope="module")
def watcher():
    return elman.SequenceAutoencoder(window=25, code_size=4, epochs=25).fit(wave())


@pytest.fixture(scope="module")
def squeezer():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ElmanWarning)  # few rows for the rate, tested elsewhere
        return elman.SequenceAutoencoder(code_size=3, epochs=40).fit(waves())


@pytest.fixture(scope="module")
def faulty():
    series = wave(seed=9)
    series[300] += 2.0
    series[600:640] = series[600]
    return series


class TestCodes:
    def test_it_gives_back_what_it_squeezed(self, squeezer):
        rows = waves(seed=5, rows=30)
        assert squeezer.score(rows) > 0.8
        assert squeezer.scores_["table"]["network"]["explained"] > 0.8
        codes = squeezer.transform(rows)
        assert codes.shape == (30, 3)
        back = squeezer.inverse_transform(codes, [len(one) for one in rows])
        for one, given, again in zip(rows, back, squeezer.reconstruct(rows), strict=True):
            assert given.shape == (len(one), 1)
            np.testing.assert_allclose(given, again, atol=1e-6)

    def test_segments_of_rows_that_they_do_not_divide(self):
        rows = waves(seed=8, rows=60)
        made = elman.SequenceAutoencoder(code_size=3, segment=5, epochs=120, false_alarm=0.1)
        made.fit(rows)
        assert made.score(rows) > 0.8
        lengths = [len(one) for one in rows]
        assert len({length % 5 for length in lengths}) > 2
        codes, given = made.transform(rows), made.reconstruct(rows)
        for number, one in enumerate(made.inverse_transform(codes, lengths)):
            np.testing.assert_allclose(one, given[number], atol=1e-6)
            np.testing.assert_array_equal(made.transform([rows[number]])[0], codes[number])

    def test_a_row_s_answer_depends_on_no_other_row(self, squeezer):
        rows = waves(seed=6, rows=9)
        codes, scores = squeezer.transform(rows), squeezer.anomaly_score(rows)
        for number, one in enumerate(rows):
            np.testing.assert_array_equal(squeezer.transform([one])[0], codes[number])
            assert squeezer.anomaly_score([one])[0] == scores[number]

    def test_padding_lengths_and_masks_change_nothing(self, squeezer):
        rows = waves(seed=7, rows=5)
        lengths = [len(one) for one in rows]
        padded = np.full((5, 30), 99.0)
        for number, one in enumerate(rows):
            padded[number, : len(one)] = one
        padded = padded[:, :, None]
        mask = np.arange(30) < np.array(lengths)[:, None]
        expected = squeezer.transform(rows)
        np.testing.assert_array_equal(squeezer.transform(padded, lengths=lengths), expected)
        np.testing.assert_array_equal(squeezer.transform(padded, mask=mask), expected)

    def test_the_dense_one_on_a_table_of_features(self):
        generator = np.random.default_rng(0)
        hidden = generator.standard_normal((400, 2))
        X = np.tanh(hidden @ generator.standard_normal((2, 9))) * np.logspace(-2, 3, 9)
        made = elman.SequenceAutoencoder(cell="dense", code_size=2, false_alarm=0.02).fit(X)
        table = made.scores_["table"]
        assert table["network"]["explained"] > 0.97
        assert table["network"]["rmse"] < table["2 principal components"]["rmse"]
        assert made.transform(X).shape == (400, 2)
        assert made.inverse_transform(made.transform(X[:1]))[0].shape == (9, 1)
        odd = X[:1].copy()
        odd[0, 0] *= -1
        odd[0, 8] *= -1
        assert made.predict(odd)[0] == -1 and (made.predict(X) == 1).mean() > 0.95

    @pytest.mark.parametrize("noise_kind", ["gaussian", "masking"])
    def test_a_denoising_one_takes_noise_out(self, noise_kind):
        generator = np.random.default_rng(0)
        t = np.arange(20)
        clean = np.stack([np.sin(0.4 * t + phase) for phase in generator.uniform(0, 6, 300)])
        made = elman.SequenceAutoencoder(
            cell="dense", code_size=2, noise=0.3, noise_kind=noise_kind, false_alarm=0.05
        ).fit(clean)
        noisy = clean + 0.3 * generator.standard_normal(clean.shape)
        given = np.stack(made.reconstruct(noisy))[:, :, 0]
        assert ((given - clean) ** 2).mean() < 0.3 * ((noisy - clean) ** 2).mean()

    def test_in_a_pipeline_codes_are_features(self):
        rows = np.array([one[:12] for one in waves(rows=200)])
        labels = (rows.mean(axis=1) > 0.0).astype(int)
        coder = elman.SequenceAutoencoder(code_size=4, epochs=15, false_alarm=0.05)
        pipeline = make_pipeline(coder, LogisticRegression())
        pipeline.fit(rows[:150], labels[:150])
        assert pipeline.score(rows[150:], labels[150:]) > 0.9
        assert coder.get_feature_names_out().tolist() == ["code0", "code1", "code2", "code3"]


class TestScores:
    def test_faults_score_high_and_are_found(self, watcher, faulty):
        scores = watcher.score_steps(faulty)[0]
        assert scores.shape == (STEPS,)
        assert scores[300] > 3 * watcher.threshold_.value
        found = watcher.detect(faulty)
        assert any(one.start <= 300 < one.end and one.peak == 300 for one in found)
        assert any(one.start < 640 and one.end > 600 for one in found)
        calm = wave(seed=11)
        assert (watcher.score_steps(calm)[0] > watcher.threshold_.value).mean() < 0.05

    def test_scores_of_a_single_row_are_those_among_others(self, watcher, faulty):
        alone = watcher.score_steps(faulty)[0]
        together = watcher.score_steps([wave(seed=3), faulty, wave(seed=4, steps=10)])
        np.testing.assert_array_equal(together[1], alone)
        assert together[2].shape == (10,)

    def test_the_rate_on_the_calibrated_part_is_the_stated_one(self, watcher):
        steps = watcher.calibration_["steps"]
        assert watcher.threshold_.count == len(steps)
        rate = (steps > watcher.threshold_.value).mean()
        assert rate <= 0.01 and rate >= 0.01 - 2 / len(steps)

    def test_as_sklearn_has_it(self, watcher, faulty):
        rows = [wave(seed=2)[:25], faulty[290:315]]
        assert watcher.predict(rows).tolist() == [1, -1]
        decision = watcher.decision_function(rows)
        assert decision[0] > 0 > decision[1]
        np.testing.assert_array_equal(watcher.score_samples(rows), -watcher.anomaly_score(rows))
        p = watcher.p_values(rows)
        assert p[1] == pytest.approx(1 / (1 + watcher.window_threshold_.count)) and p[0] > 0.05

    @pytest.mark.parametrize("focus", ["step", "window", "both"])
    def test_what_the_focus_does(self, focus, faulty):
        made = elman.SequenceAutoencoder(window=25, code_size=4, epochs=8, focus=focus, seed=1)
        scores = made.fit(wave()).score_steps(faulty)[0]
        beside = scores[310] / scores[300]
        assert {"step": beside < 0.4, "window": beside > 0.4, "both": beside < 0.8}[focus]

    def test_nothing_fitted_depends_on_later_values(self):
        """The thresholds and the network are of the normal part alone; scores look no further
        than a window ahead."""
        before, after = wave(seed=4), wave(seed=4)
        after[700:] += 5.0
        made = elman.SequenceAutoencoder(window=25, epochs=3).fit(before[:600])
        first, second = made.score_steps(before)[0], made.score_steps(after)[0]
        np.testing.assert_array_equal(first[:675], second[:675])

    def test_the_held_out_end_trains_nothing(self):
        series = wave()
        changed = series.copy()
        changed[int(0.7 * STEPS) :] *= 3.0
        options = {"window": 25, "epochs": 2, "held_out": 0.3}
        first = elman.SequenceAutoencoder(**options).fit(series)
        second = elman.SequenceAutoencoder(**options).fit(changed)
        np.testing.assert_array_equal(first.model_.encoder.mean, second.model_.encoder.mean)
        assert first.history_.loss == second.history_.loss
        assert second.threshold_.value != first.threshold_.value


class TestStream:
    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"stride": 7},
            {"stride": 25},
            {"aggregate": "newest"},
            {"threshold": "adaptive", "false_alarm": 0.2},
            {"cell": "dense", "stride": 3},
        ],
        ids=str,
    )
    @pytest.mark.parametrize("steps", [25, 26, 130])
    def test_the_numbers_are_those_of_the_batch(self, options, steps, faulty):
        made = elman.SequenceAutoencoder(window=25, code_size=2, epochs=1, **options).fit(wave())
        stream, told = made.stream(), []
        series = faulty[250 : 250 + steps]
        for value in series:
            told += stream.update(value)
        told += stream.finish()
        assert [one.step for one in told] == list(range(steps))
        expected = made.score_steps(series)[0]
        np.testing.assert_array_equal([one.score for one in told], expected)
        levels = made.threshold_.along(expected)
        assert [one.alarm for one in told] == (expected > levels).tolist()
        assert stream.finish() == []

    def test_scores_come_as_soon_as_they_can(self, watcher):
        made = elman.SequenceAutoencoder(window=25, epochs=1, aggregate="newest").fit(wave())
        stream = made.stream()
        series = wave(seed=5)
        for step in range(60):
            told = stream.update(series[step])
            assert len(told) == (0 if step < 24 else 25 if step == 24 else 1)
        waiting = watcher.stream()
        seen = 0
        for step in range(200):
            seen += len(waiting.update(series[step]))
            assert step + 1 - seen <= 25

    def test_short_streams_and_missing_values(self, watcher):
        stream = watcher.stream()
        series = wave(seed=5)[:9]
        series[4] = np.nan
        told = [one for value in series for one in stream.update(value)] + stream.finish()
        with pytest.warns(ElmanWarning, match="values are missing"):
            expected = watcher.score_steps(series)[0]
        np.testing.assert_array_equal([one.score for one in told], expected)
        assert np.isnan(told[4].score) and not told[4].alarm
        assert watcher.stream().finish() == []

    def test_memory_is_bounded(self, watcher):
        stream = watcher.stream()
        size = stream._values.size + stream._total.size
        for value in wave(seed=5):
            stream.update(value)
        assert stream._values.size + stream._total.size == size

    def test_what_does_not_fit_is_refused(self, watcher, squeezer):
        stream = watcher.stream()
        with pytest.raises(InputError, match="x_t: expected 1 finite numbers"):
            stream.update([1.0, 2.0])
        with pytest.raises(InputError, match="x_t: expected 1 finite"):
            stream.update(np.inf)
        stream.finish()
        with pytest.raises(InputError, match="finish was called"):
            stream.update(1.0)
        with pytest.raises(InputError, match="window=None takes whole rows"):
            squeezer.stream()
        made = elman.SequenceAutoencoder(window=25, epochs=1, aggregate="median").fit(wave())
        with pytest.raises(InputError, match="got 'median'"):
            made.stream()


class TestData:
    def test_channels_and_several_series(self):
        generator = np.random.default_rng(0)
        made = elman.SequenceAutoencoder(window=20, code_size=3, epochs=10)
        series = [np.column_stack([wave(n), 100 * wave(n + 9)])[:500] for n in range(3)]
        made.fit(series)
        assert made.model_.channels == 2 and len(made.channel_errors_) == 2
        odd = [one + 0.0 for one in series]
        odd[1][200:210, 1] += 200 * generator.uniform(0.5, 1, 10)
        highest = max(made.detect(odd), key=lambda one: one.score)
        assert highest.row == 1 and 190 <= highest.peak < 220
        codes, windows = made.transform(series), made.windows(series)
        assert len(codes) == len(windows) and windows.rows[-1] == 2

    def test_a_panel_is_its_series(self, watcher, faulty):
        panel = elman.Panel.from_any({"t": np.arange(STEPS), "y": faulty}, target="y", time="t")
        np.testing.assert_array_equal(watcher.score_steps(panel)[0], watcher.score_steps(faulty)[0])

    def test_missing_values_are_marked_and_judged_by_nothing(self):
        series = wave()
        series[::17] = np.nan
        made = elman.SequenceAutoencoder(window=25, code_size=4, epochs=15).fit(series)
        assert made.model_.encoder.marked
        scores = made.score_steps(series)[0]
        assert np.isnan(scores[::17]).all() and np.isfinite(np.delete(scores, np.s_[::17])).all()
        filled = made.reconstruct(series)[0][:, 0]
        truth = np.sin(2 * np.pi * np.arange(STEPS) / 25)
        assert np.abs(filled - truth)[::17].mean() < 0.3

    def test_rows_without_a_value_get_no_score(self, squeezer):
        rows = [np.zeros(0), np.full(6, np.nan), waves()[0]]
        with pytest.warns(ElmanWarning, match="2 of 3 rows are empty or fully missing"):
            scores = squeezer.anomaly_score(rows)
        assert np.isnan(scores[:2]).all() and np.isfinite(scores[2])
        with pytest.warns(ElmanWarning):
            assert squeezer.predict(rows).tolist()[:2] == [1, 1]
        with pytest.warns(ElmanWarning):
            assert squeezer.transform(rows).shape == (3, 3)
        with pytest.warns(ElmanWarning, match="1 of 121 rows are empty"):
            elman.SequenceAutoencoder(epochs=1, false_alarm=0.1).fit([*waves(), np.zeros(0)])

    def test_same_seed_same_bits_and_threads_do_not_matter(self):
        first = elman.SequenceAutoencoder(window=25, epochs=2, dropout=0.1, noise=0.1).fit(wave())
        before = elman.get_num_threads()
        try:
            elman.set_num_threads(3)
            second = first.clone().fit(wave())
        finally:
            elman.set_num_threads(before)
        np.testing.assert_array_equal(
            first.model_.network.parameters, second.model_.network.parameters
        )
        assert first.threshold_ == second.threshold_


class TestSaving:
    @pytest.mark.parametrize("cell", ["gru", "dense"])
    def test_back_from_disk_all_is_the_same(self, cell, tmp_path, faulty):
        made = elman.SequenceAutoencoder(cell=cell, window=25, code_size=2, epochs=2).fit(wave())
        made.save(tmp_path / "model")
        loaded = elman.load(tmp_path / "model")
        assert isinstance(loaded, elman.SequenceAutoencoder)
        assert loaded.get_params() == made.get_params()
        assert loaded.threshold_ == made.threshold_ and loaded.scores_ == made.scores_
        np.testing.assert_array_equal(loaded.score_steps(faulty)[0], made.score_steps(faulty)[0])
        np.testing.assert_array_equal(loaded.transform(faulty), made.transform(faulty))
        np.testing.assert_array_equal(
            loaded.inverse_transform(made.transform(faulty)[:2])[1],
            made.inverse_transform(made.transform(faulty)[:2])[1],
        )
        assert loaded.detect(faulty) == made.detect(faulty)


class TestRefused:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"cell": "transformer"}, "cell: expected one of"),
            ({"code_size": 0}, "code_size"),
            ({"window": 1}, "window: expected a whole number, at least 2"),
            ({"window": 10, "stride": 11}, "stride: expected at most the window"),
            ({"aggregate": "newest", "stride": 2}, "stride: expected 1"),
            ({"aggregate": "sum"}, "aggregate"),
            ({"focus": "all"}, "focus"),
            ({"threshold": "guess"}, "threshold"),
            ({"false_alarm": 0.0}, "false_alarm"),
            ({"noise": 1.0, "noise_kind": "masking"}, "noise"),
            ({"loss": "pinball"}, "loss"),
            ({"held_out": 0.6}, "held_out"),
        ],
        ids=str,
    )
    def test_arguments_that_make_no_sense(self, options, message):
        with pytest.raises(InputError, match=message):
            elman.SequenceAutoencoder(**options).fit(wave())

    def test_data_that_do_not_fit(self, watcher):
        made = elman.SequenceAutoencoder()
        with pytest.raises(InputError, match="every row is empty or missing"):
            made.fit([np.full(5, np.nan)])
        with pytest.raises(InputError, match="expected sequences of numbers, got texts"):
            made.fit(["some", "texts"])
        with pytest.raises(InputError, match="windows of one length, got 12 to"):
            elman.SequenceAutoencoder(cell="dense").fit(waves())
        with pytest.raises(InputError, match="expected 1 channels, as in fit, got 2"):
            watcher.score_steps([np.zeros((30, 2))])
        with pytest.raises(InputError, match="finite"):
            watcher.score_steps(np.full(30, np.inf))
        with pytest.raises(InputError, match=r"codes: expected finite numbers \(rows, 4\)"):
            watcher.inverse_transform(np.zeros((2, 3)))

    def test_lengths_must_be_told_where_they_were_several(self, squeezer, watcher):
        with pytest.raises(InputError, match="lengths: expected the steps of each sequence"):
            squeezer.inverse_transform(np.zeros((1, 3)))
        assert watcher.inverse_transform(np.zeros((1, 4)))[0].shape == (25, 1)
        dense = elman.SequenceAutoencoder(cell="dense", window=25, epochs=1).fit(wave())
        with pytest.raises(InputError, match="reads windows of 25 steps"):
            dense.score_steps(wave()[:9])

    def test_before_fit(self):
        made = elman.SequenceAutoencoder(window=5)
        for call in (made.transform, made.score_steps, made.detect, made.predict, made.score):
            with pytest.raises(NotFittedError):
                call(wave())
        with pytest.raises(NotFittedError):
            made.stream()

    def test_too_few_data_to_state_a_rate_are_said_to_be_so(self):
        with pytest.warns(ElmanWarning, match="held-out steps are too few"):
            made = elman.SequenceAutoencoder(window=10, epochs=1).fit(wave(steps=200))
        assert not made.threshold_.sufficient
        with pytest.warns(ElmanWarning, match="too few to hold some out"):
            made = elman.SequenceAutoencoder(epochs=1).fit(waves(rows=5))
        with pytest.warns(ElmanWarning, match="nothing is held out"):
            elman.SequenceAutoencoder(epochs=1, held_out=0.0, false_alarm=0.1).fit(waves())
        assert made.scores_ is None
        assert "more false alarms than stated" in " ".join(made.notes_)
