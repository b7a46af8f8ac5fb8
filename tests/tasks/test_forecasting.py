"""The forecaster as a user meets it: from any kind of data to forecasts, and what is refused."""

from __future__ import annotations

import warnings
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import elman
from elman.errors import ElmanWarning, InputError, NotFittedError
from sample_series import FAST, covariate_table, monthly, several, wave

# ------------------------------------------------------------------------------------- kinds


def test_pandas_in_pandas_out_with_month_ends_kept() -> None:
    forecaster = elman.Forecaster(**FAST).fit(monthly())
    frame = forecaster.predict()
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns) == ["ds", "y", "y-lo-80", "y-hi-80", "y-lo-95", "y-hi-95"]
    assert [str(day.date()) for day in frame["ds"]] == [
        "2020-01-31",
        "2020-02-29",
        "2020-03-31",
        "2020-04-30",
    ]
    inner = (frame["y-lo-80"] <= frame["y"]) & (frame["y"] <= frame["y-hi-80"])
    outer = (frame["y-lo-95"] <= frame["y-lo-80"]) & (frame["y-hi-80"] <= frame["y-hi-95"])
    assert inner.all() and outer.all()


def test_pyarrow_in_pyarrow_out() -> None:
    import pyarrow as pa

    table = pa.Table.from_pandas(monthly())
    assert isinstance(elman.Forecaster(**FAST).fit(table).predict(), pa.Table)


def test_several_series_of_unequal_length_in_polars() -> None:
    forecaster = elman.Forecaster(**FAST).fit(several())
    frame = forecaster.predict()
    assert isinstance(frame, pl.DataFrame)
    assert frame["unique_id"].to_list() == [f"s{n}" for n in range(3) for _ in range(4)]
    ends = several().group_by("unique_id").agg(pl.col("ds").max())
    first = frame.group_by("unique_id").agg(pl.col("ds").min())
    joined = first.join(ends, on="unique_id", suffix="_end")
    assert (joined["ds"] - joined["ds_end"] == timedelta(hours=1)).all()
    assert forecaster.plan_.season == 24


@pytest.mark.parametrize(
    ("data", "shape"),
    [
        (wave(), (4,)),
        (np.stack([wave(), 2 * wave()], axis=1), (4, 2)),
        (np.stack([wave(), 2 * wave()])[:, :, None], (2, 4, 1)),
    ],
)
def test_arrays_come_back_in_their_own_shape(data: np.ndarray, shape: tuple[int, ...]) -> None:
    forecaster = elman.Forecaster(**FAST).fit(data)
    assert forecaster.predict().shape == shape
    low, high = forecaster.predict_intervals()[95.0]
    assert low.shape == high.shape == shape
    assert (low <= high).all()


def test_a_list_of_arrays_comes_back_as_a_list() -> None:
    forecaster = elman.Forecaster(**FAST).fit([wave(80), wave(100)])
    answer = forecaster.predict()
    assert [one.shape for one in answer] == [(4,), (4,)]


def test_several_targets_are_forecast_together() -> None:
    frame = monthly().assign(z=lambda f: 100 - f["y"])
    forecaster = elman.Forecaster(**FAST).fit(frame, target=["y", "z"])
    answer = forecaster.predict()
    assert {"y", "z", "y-lo-80", "z-hi-95"} <= set(answer.columns)
    assert set(forecaster.scores_.by_series) == {"y", "z"}
    assert answer["z"].between(80, 100).all()


def test_quantiles_asked_for_are_given() -> None:
    answer = elman.Forecaster(**FAST, quantiles=(0.25, 0.75), levels=()).fit(monthly()).predict()
    assert list(answer.columns) == ["ds", "y", "y-q-0.25", "y-q-0.75"]
    assert (answer["y-q-0.25"] <= answer["y-q-0.75"]).all()


def test_quantiles_that_are_also_the_ends_of_an_interval_or_the_median_are_given() -> None:
    forecaster = elman.Forecaster(**FAST, quantiles=(0.9, 0.5, 0.1), levels=(80,))
    answer = forecaster.fit(monthly()).predict()
    assert list(answer.columns)[-3:] == ["y-q-0.1", "y-q-0.5", "y-q-0.9"]
    np.testing.assert_array_equal(answer["y-q-0.5"], answer["y"])
    assert (answer["y-q-0.1"] <= answer["y-q-0.9"]).all()


def test_new_data_are_forecast_from_their_own_end() -> None:
    forecaster = elman.Forecaster(**FAST).fit(monthly(100))
    assert str(forecaster.predict(monthly(110))["ds"].iloc[0].date()) == "2019-03-31"
    pd.testing.assert_frame_equal(forecaster.predict(), forecaster.predict(monthly(100)))


def test_a_new_series_is_forecast_without_series_vectors() -> None:
    forecaster = elman.Forecaster(**FAST, series_vectors=False).fit(several())
    other = several((60,)).with_columns(unique_id=pl.lit("new"), y=pl.col("y") * 50)
    answer = forecaster.predict(other)
    assert answer["y"].is_between(250, 750).all()
    with_vectors = elman.Forecaster(**FAST).fit(several())
    with pytest.raises(InputError, match="series 'new' was not seen in training"):
        with_vectors.predict(other)


# ------------------------------------------------------------------------------- covariates


def test_a_covariate_known_ahead_is_used() -> None:
    table = covariate_table()
    options = {**FAST, "horizon": 6, "epochs": 60}
    forecaster = elman.Forecaster(**options).fit(
        table, target="y", past="other", future="promotion"
    )
    answer = forecaster.predict()["y"].to_numpy()
    expected = 5 + 4 * table["promotion"].to_numpy()[-6:]
    assert np.abs(answer - expected).mean() < 0.8
    assert str(forecaster.predict()["ds"].iloc[0].date()) == "2024-06-03"


def test_covariates_ahead_can_come_in_a_table_of_their_own() -> None:
    table = covariate_table()
    known, ahead = table.iloc[:-6], table.iloc[-6:]
    forecaster = elman.Forecaster(**{**FAST, "horizon": 6}).fit(
        known, target="y", future="promotion"
    )
    given = forecaster.predict(future=ahead[["ds", "promotion"]])
    both = elman.Forecaster(**{**FAST, "horizon": 6}).fit(table, target="y", future="promotion")
    np.testing.assert_allclose(given["y"], both.predict()["y"], rtol=1e-6)
    with pytest.raises(InputError, match="'promotion' is unknown"):
        forecaster.predict()
    with pytest.raises(InputError, match=r"'promotion' is unknown.*2024-06-06"):
        forecaster.predict(future=ahead.iloc[:3])


def test_static_columns_are_read() -> None:
    frame = several().with_columns(
        kind=pl.col("unique_id").replace({"s0": "a", "s1": "b", "s2": "a"})
    )
    forecaster = elman.Forecaster(**FAST, series_vectors=False).fit(frame, static="kind")
    assert forecaster.model_.encoder.statics == 2
    assert len(forecaster.predict()) == 12


def test_a_table_ahead_is_refused_where_there_are_no_such_covariates() -> None:
    forecaster = elman.Forecaster(**FAST).fit(monthly())
    with pytest.raises(InputError, match="trained without covariates known ahead"):
        forecaster.predict(future=monthly())


# -------------------------------------------------------------------------- odd series


def test_missing_values_and_short_series_are_handled() -> None:
    frame = several((90, 110, 9)).with_columns(
        y=pl.when(pl.int_range(pl.len()) % 17 == 5).then(None).otherwise(pl.col("y"))
    )
    forecaster = elman.Forecaster(**FAST).fit(frame)
    answer = forecaster.predict()
    assert np.isfinite(answer["y"].to_numpy()).all()
    assert np.isfinite(answer["y-lo-95"].to_numpy()).all()


def test_a_constant_series_among_others_stays_constant() -> None:
    frame = several((90, 110, 70)).with_columns(
        y=pl.when(pl.col("unique_id") == "s1").then(3.0).otherwise(pl.col("y"))
    )
    forecaster = elman.Forecaster(**FAST).fit(frame)
    answer = forecaster.predict().filter(pl.col("unique_id") == "s1")
    assert answer["y"].to_list() == [3.0] * 4
    assert answer["y-lo-95"].to_list() == [3.0] * 4
    assert any("Constant series ('s1')" in note for note in forecaster.notes_)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.full(60, 4.0), "every series is constant"),
        (np.full(60, np.nan), "missing"),
        (np.array([1.0]), "at least"),
        (np.arange(5.0), "expected a series of at least 16 observed steps.*got 5"),
        (np.r_[np.arange(10.0), np.inf], "infinit"),
    ],
)
def test_what_cannot_be_forecast_is_refused(values: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        elman.Forecaster(**FAST).fit(values)


def test_all_missing_series_is_named() -> None:
    frame = several().with_columns(
        y=pl.when(pl.col("unique_id") == "s2").then(None).otherwise(pl.col("y"))
    )
    with pytest.raises(InputError, match="all values of 'y' of series 's2' are missing"):
        elman.Forecaster(**FAST).fit(frame)


def test_a_short_series_without_a_window_given_gets_a_smaller_one() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ElmanWarning)
        forecaster = elman.Forecaster(horizon=3, epochs=2).fit(wave(14))
    assert forecaster.plan_.window <= 6
    assert np.isfinite(forecaster.predict()).all()


def test_too_short_to_calibrate_is_said() -> None:
    with pytest.warns(ElmanWarning, match="too short to calibrate"):
        forecaster = elman.Forecaster(horizon=6, epochs=2).fit(wave(18))
    assert np.isfinite(forecaster.predict()).all()
    with pytest.warns(ElmanWarning, match="without folds nothing calibrates"):
        forecaster = elman.Forecaster(horizon=3, epochs=2, folds=0).fit(wave(30))
    assert forecaster.scores_ is None
    assert forecaster.predict_intervals() == {}
    with pytest.raises(InputError, match="nothing was held out"):
        forecaster.score()


def test_a_season_longer_than_the_past_is_said() -> None:
    forecaster = elman.Forecaster(**FAST, season=400).fit(wave())
    assert any(note.startswith("A season of 400 steps is longer") for note in forecaster.notes_)
    table = forecaster.scores_.table
    assert table["seasonal_naive"]["mae"] == table["repeat_last"]["mae"]
    assert not any(
        "season" in one for one in elman.Forecaster(**FAST, season=12).fit(wave()).notes_
    )


def test_a_fit_that_fails_leaves_the_forecaster_as_it_was() -> None:
    forecaster = elman.Forecaster(**FAST, scaling="log1p").fit(wave())
    before = forecaster.predict()
    with pytest.raises(InputError, match="log1p"):
        forecaster.fit(np.stack([wave(), -wave()], axis=1))
    np.testing.assert_array_equal(forecaster.predict(), before)


def test_coverage_that_could_not_be_measured_is_said() -> None:
    options = {**FAST, "horizon": 6, "calibration": 6}
    forecaster = elman.Forecaster(**options).fit(wave())
    assert forecaster.calibration_ is not None and forecaster.scores_.intervals == {}
    assert any("coverage of the intervals was not measured" in one for one in forecaster.notes_)
    longer = elman.Forecaster(**{**options, "calibration": 18}).fit(wave())
    assert longer.scores_.intervals["80"]["coverage"] > 0
    assert not any("not measured" in one for one in longer.notes_)


@pytest.mark.parametrize("horizon", [1, 30, 60])
def test_long_and_short_horizons_are_calibrated_at_every_step(horizon: int) -> None:
    options = {**FAST, "window": None, "horizon": horizon}
    forecaster = elman.Forecaster(**options).fit(wave(200))
    low, high = forecaster.predict_intervals()[95.0]
    assert low.shape == (horizon,) and (low < high).all()


def test_empty_rows_at_the_end_are_what_is_to_be_forecast() -> None:
    frame = monthly()
    frame.loc[117:, "y"] = np.nan
    answer = elman.Forecaster(**FAST).fit(frame).predict()
    assert str(answer["ds"].iloc[0].date()) == "2019-10-31"


def test_too_little_history_at_prediction_is_refused() -> None:
    forecaster = elman.Forecaster(**FAST).fit(monthly())
    with pytest.raises(InputError, match="has 5 rows before the forecast, expected at least 12"):
        forecaster.predict(monthly(5))


def test_missing_values_in_the_window_are_refused_by_a_network_that_never_saw_any() -> None:
    forecaster = elman.Forecaster(**FAST).fit(monthly())
    frame = monthly()
    frame.loc[115, "y"] = np.nan
    with pytest.raises(InputError, match="misses values in the window"):
        forecaster.predict(frame)


# ------------------------------------------------------------------------------- arguments


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("horizon", 0, "horizon: expected a whole number, at least 1, got 0"),
        ("horizon", 2.5, "horizon"),
        ("window", -3, "window"),
        ("cell", "transformer", "cell: expected one of 'rnn_tanh', 'rnn_relu', 'lstm', 'gru'"),
        ("strategy", "both", "strategy: expected one of 'direct', 'recursive', got 'both'"),
        ("segment", 5, "segment: expected a divisor of the window"),
        ("segment", "large", "segment"),
        ("levels", (80, 120), "levels: expected percents between 0 and 100"),
        ("levels", (80, 80), "each once"),
        ("levels", (0.8,), "percents from 1 up, .* got 0.8; for that share of the values give 80"),
        ("series_vectors", "yes", "series_vectors: expected one of True, False"),
        ("levels", "80", "levels"),
        ("quantiles", (0.5, 1.5), "quantiles: expected numbers between 0 and 1"),
        ("season", 0, "season: expected 'auto', None or a whole number"),
        ("loss", "l1", "loss: expected one of 'pinball'"),
        ("scaling", "robust", "scaling: expected one of 'standard'"),
        ("normalize", "median", "normalize"),
        ("dropout", 1.0, "dropout: expected a number at least 0 and less than 1"),
        ("learning_rate", 0.0, "learning_rate"),
        ("folds", -1, "folds"),
        ("calibration", 1, "calibration"),
        ("calibration", 1.5, "calibration"),
        ("calibration", 3, r"calibration: expected from 4 \(the horizon\) to 114 steps"),
        ("calibration", 118, "calibration: expected from 4"),
        ("ensemble", 0, "ensemble"),
        ("refit", "maybe", "refit"),
        ("seed", -1, "seed"),
        ("backend", "cuda", "backend"),
    ],
)
def test_arguments_are_checked_before_any_work(name: str, value: Any, message: str) -> None:
    forecaster = elman.Forecaster(**{**FAST, name: value})
    with pytest.raises(InputError, match=message):
        forecaster.fit(wave())
    assert not hasattr(forecaster, "model_")


def test_quantiles_are_refused_where_the_point_alone_is_trained() -> None:
    with pytest.raises(InputError, match="quantiles: expected None, since loss='mae'"):
        elman.Forecaster(**FAST, loss="mae", quantiles=(0.9,)).fit(wave())
    elman.Forecaster(**FAST, loss="mae", quantiles=()).plan(wave())


def test_other_refusals() -> None:
    forecaster = elman.Forecaster(**FAST)
    with pytest.raises(NotFittedError, match="call fit"):
        forecaster.predict()
    with pytest.raises(InputError, match="y: expected None"):
        forecaster.fit(wave(), wave())
    with pytest.raises(InputError, match="'horizont' is no parameter"):
        forecaster.set_params(horizont=3)
    forecaster.fit(monthly())
    with pytest.raises(InputError, match="forecasts 4 steps at once, got 9"):
        forecaster.predict(horizon=9)
    with pytest.raises(InputError, match="calibrated for 80, 95, got 50"):
        forecaster.predict(levels=(50,))
    with pytest.raises(InputError, match=r"levels: expected percents .* got 'wide'"):
        forecaster.predict(levels="wide")
    with pytest.raises(InputError, match=r"levels: .* each once"):
        forecaster.predict(levels=(80, 80))
    with pytest.raises(InputError, match="trained on named columns"):
        forecaster.predict(wave())
    assert len(forecaster.predict(horizon=2)) == 2
    assert "y-lo-95" not in forecaster.predict(levels=(80,)).columns


def test_log1p_refuses_values_of_minus_one_and_below() -> None:
    with pytest.raises(InputError, match="log1p"):
        elman.Forecaster(**FAST, scaling="log1p").fit(wave() - 20)


@pytest.mark.parametrize("scaling", ["standard", "minmax", "log1p", "none"])
def test_every_scaling_gives_forecasts_in_the_unit_of_the_data(scaling: str) -> None:
    forecaster = elman.Forecaster(**FAST, scaling=scaling).fit(wave())
    assert (np.abs(forecaster.predict() - 10) < 8).all()


@pytest.mark.parametrize("cell", ["rnn", "rnn_relu", "lstm", "gru_reset_before"])
def test_every_cell_and_two_layers(cell: str) -> None:
    forecaster = elman.Forecaster(**FAST, cell=cell, num_layers=2).fit(wave())
    assert np.isfinite(forecaster.predict()).all()


@pytest.mark.parametrize("loss", ["mae", "mse", "huber"])
def test_point_losses_calibrate_on_held_out_errors(loss: str) -> None:
    forecaster = elman.Forecaster(**FAST, loss=loss).fit(wave())
    low, high = forecaster.predict_intervals()[80.0]
    point = forecaster.predict()
    np.testing.assert_allclose(high - point, point - low, rtol=1e-6)
    assert (high > low).all()


# ------------------------------------------------------------------- same bits, no leaks


def test_same_seed_same_bits_and_another_seed_others() -> None:
    first, again = (elman.Forecaster(**FAST).fit(wave()).predict() for _ in range(2))
    np.testing.assert_array_equal(first, again)
    other = elman.Forecaster(**FAST, seed=1).fit(wave()).predict()
    assert not np.array_equal(first, other)


def test_the_number_of_threads_changes_no_bit() -> None:
    threads = elman.get_num_threads()
    try:
        found = []
        for number in (1, 2, 3):
            elman.set_num_threads(number)
            found.append(elman.Forecaster(**{**FAST, "hidden_size": 32}).fit(several()).predict())
    finally:
        elman.set_num_threads(threads)
    assert found[0].equals(found[1]) and found[0].equals(found[2])


def test_nothing_before_the_cutoff_depends_on_what_comes_after() -> None:
    frame = monthly()
    changed = frame.copy()
    changed.loc[100:, "y"] = 1000 + np.arange(20) ** 2
    cutoff = [frame["ds"][99]]
    options = {**FAST, "normalize": "last-std"}
    one = elman.Forecaster(**options).backtest(frame, cutoffs=cutoff).frame
    two = elman.Forecaster(**options).backtest(changed, cutoffs=cutoff).frame
    forecast = [name for name in one.columns if name.startswith("y-")]
    pd.testing.assert_frame_equal(one[forecast], two[forecast])
    assert not np.array_equal(one["y"], two["y"])


def test_held_out_folds_do_not_see_their_windows() -> None:
    changed = wave()
    changed[-3:] += 50  # inside the last fold
    one = elman.Forecaster(**FAST).fit(wave()).held_out_
    two = elman.Forecaster(**FAST).fit(changed).held_out_
    np.testing.assert_array_equal(one.folds[0].values, two.folds[0].values)
    early = one.folds[1].origin <= 117
    np.testing.assert_array_equal(one.folds[1].values[early], two.folds[1].values[early])


def test_the_season_is_not_read_from_the_held_out_part() -> None:
    series = wave(300)
    changed = series.copy()
    time = np.arange(200, 300)
    options = {"horizon": 6, "window": 24, "hidden_size": 4, "epochs": 2, "calibration": 100}
    changed[200:] = 10 + (time - 199) * np.sin(2 * np.pi * time / 7)
    assert elman.Forecaster(**{**options, "folds": 0}, levels=()).plan(changed).season == 7
    one = elman.Forecaster(**options).fit(series)
    two = elman.Forecaster(**options).fit(np.append(changed, [np.nan] * 9))  # unknown yet
    assert one.plan_.season == two.plan_.season == 12
    first, again = one.held_out_.folds[0], two.held_out_.folds[0]
    np.testing.assert_array_equal(first.values[0], again.values[0])


# -------------------------------------------------------------------------- recursive


def test_recursive_runs_beyond_its_horizon_and_says_what_it_widens() -> None:
    options = {**FAST, "epochs": 40, "strategy": "recursive", "hidden_size": 16}
    forecaster = elman.Forecaster(**options).fit(wave())
    assert forecaster.plan_.loss == "mse" and forecaster.plan_.normalize is None
    with pytest.warns(ElmanWarning, match="beyond 4 steps are not calibrated"):
        free = forecaster.predict(horizon=12)
    np.testing.assert_array_equal(free[:4], forecaster.predict())
    truth = 10 + 3 * np.sin(2 * np.pi * np.arange(120, 132) / 12)
    assert np.abs(free - truth).mean() < 1.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"segment": 3}, "feeds one step at a time"),
        ({"normalize": "last"}, "a recursive forecaster reads the series as scaled"),
        ({"quantiles": (0.9,)}, "quantiles: expected None, since a recursive network"),
        ({"dropout": 0.1}, "dropout: expected None, a recursive network has none"),
        ({"shortcut": True}, "shortcut: expected 'auto' or False"),
    ],
)
def test_recursive_refuses_what_has_no_meaning(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        elman.Forecaster(**FAST, strategy="recursive", **options).fit(wave())


def test_recursive_refuses_past_covariates() -> None:
    table = covariate_table(ahead=0)
    with pytest.raises(InputError, match="knows no past covariates"):
        elman.Forecaster(**FAST, strategy="recursive").fit(table, target="y", past="other")


def test_recursive_with_several_targets_and_covariates_ahead() -> None:
    table = covariate_table().assign(z=lambda f: f["y"] * 2)
    forecaster = elman.Forecaster(**FAST, strategy="recursive")
    forecaster.fit(table, target=["y", "z"], future="promotion")
    answer = forecaster.predict()
    assert np.isfinite(answer[["y", "z"]].to_numpy()).all()


# --------------------------------------------------------------------------- judging


def test_scores_stand_beside_the_baselines_on_the_same_windows() -> None:
    forecaster = elman.Forecaster(**{**FAST, "epochs": 30}).fit(wave(200))
    table = forecaster.scores_.table
    assert {"network", "repeat_last", "seasonal_naive", "drift", "mean"} <= set(table)
    assert table["network"]["mae"] < table["repeat_last"]["mae"]
    best = min(row["mae"] for name, row in table.items() if name != "network")
    assert forecaster.score() == pytest.approx(1 - table["network"]["mae"] / best)


def test_new_rows_are_scored_from_where_the_training_ended() -> None:
    forecaster = elman.Forecaster(**FAST).fit(monthly(100))
    scores = forecaster.evaluate(monthly(110))
    assert scores.windows == 10
    assert isinstance(forecaster.score(monthly(110)), float)
    with pytest.raises(InputError, match="go on beyond the end of the training"):
        forecaster.score(monthly(100))


def test_one_fold_on_long_data_keeps_its_network() -> None:
    forecaster = elman.Forecaster(**{**FAST, "folds": 1}, refit=False).fit(wave(200))
    assert forecaster.model_ is forecaster.held_out_.folds[0].model
    assert any("all but the last" in note for note in forecaster.notes_)
    assert set(forecaster.scores_.intervals) == {"80", "95"}


def test_verbose_prints_what_was_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    elman.Forecaster(**FAST, verbose=True).fit(wave())
    printed = capsys.readouterr().out
    assert "windows of 12" in printed and "trained" in printed and "epochs" in printed
    elman.Forecaster(**FAST).fit(wave())
    assert capsys.readouterr().out == ""


def interrupt_after(batches: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets Ctrl-C come while the given batch is gathered for training."""
    from elman.tasks.samples import WindowSet

    take, count = WindowSet.take, [0]

    def gathered(self: WindowSet, windows: np.ndarray) -> Any:
        count[0] += self.targets
        if self.targets and count[0] == batches:
            raise KeyboardInterrupt
        return take(self, windows)

    monkeypatch.setattr(WindowSet, "take", gathered)


def test_ctrl_c_in_the_final_training_keeps_the_best_weights(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options = {**FAST, "folds": 0, "levels": (), "epochs": 50, "shortcut": False}
    interrupt_after(10, monkeypatch)
    forecaster = elman.Forecaster(**options).fit(wave())
    assert forecaster.history_.interrupted
    assert len(forecaster.history_) == 2  # four batches an epoch
    assert any("interrupted in epoch 3 of 50" in note for note in forecaster.notes_)
    assert np.isfinite(forecaster.predict()).all()


def test_ctrl_c_ends_a_backtest_with_the_cutoffs_done(monkeypatch: pytest.MonkeyPatch) -> None:
    forecaster = elman.Forecaster(**{**FAST, "folds": 0}, levels=(), shortcut=False)
    whole = forecaster.backtest(wave(), windows=3, step=4, refit=True)
    assert (whole.cutoffs, whole.refits, len(whole.frame)) == (3, 3, 12)
    interrupt_after(12, monkeypatch)  # six or seven batches a network
    begun = forecaster.backtest(wave(), windows=3, step=4, refit=True)
    assert (begun.cutoffs, begun.refits, len(begun.frame)) == (1, 1, 4)
    assert "Interrupted: scored are the first 1 of 3 cutoffs." in begun.notes
    interrupt_after(3, monkeypatch)
    first = forecaster.backtest(wave(), windows=3, step=4)
    assert (first.cutoffs, first.refits) == (3, 1)
    assert any("Training was interrupted in epoch 1" in note for note in first.notes)
    interrupt_after(3, monkeypatch)
    alone = forecaster.backtest(wave(), windows=3, step=4, refit=True)
    assert (alone.cutoffs, alone.refits) == (1, 1)
    assert "Interrupted: scored are the first 1 of 3 cutoffs." in alone.notes


def test_no_coverage_is_stated_of_intervals_that_are_not_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    interrupt_after(21, monkeypatch)
    with pytest.warns(ElmanWarning, match="since training was interrupted"):
        forecaster = elman.Forecaster(**{**FAST, "folds": 5}, shortcut=False).fit(wave())
    assert forecaster.scores_ is not None and not forecaster.scores_.intervals
    assert forecaster.forecast().intervals == {}


def test_ctrl_c_in_a_fold_ends_everything_cleanly(monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt_after(6, monkeypatch)
    with pytest.warns(ElmanWarning, match="since training was interrupted"):
        forecaster = elman.Forecaster(**FAST, shortcut=False).fit(wave())
    assert forecaster.calibration_ is None and forecaster.scores_ is None
    assert np.isfinite(forecaster.predict()).all()


def test_an_array_the_wrong_way_round_is_said() -> None:
    with pytest.raises(InputError, match=r"here 2 steps of 120 series: transpose it"):
        elman.Forecaster(horizon=4).fit(np.stack([wave(), wave()]))
