import json

import numpy as np
import pytest

from elman import evaluate
from elman.errors import InputError
from elman.evaluate import Baselines, Scores, score_forecasts

HORIZON = 5


def seasonal_panel(count=2, length=80, season=4):
    generator = np.random.default_rng(0)
    pattern = np.tile(generator.normal(size=season) * 5, length // season)
    return [20 + 10 * n + pattern + generator.normal(size=length) for n in range(count)]


def windows(count=2, first=60, last=75):
    origins = np.arange(first, last)
    return np.repeat(np.arange(count), len(origins)), np.tile(origins, count)


@pytest.fixture
def setting():
    series = seasonal_panel()
    numbers, origins = windows()
    baselines = Baselines(series, season=4, training=[60, 60])
    y = baselines.targets(numbers, origins, HORIZON)
    forecast = y + np.random.default_rng(1).normal(size=y.shape) * 0.1
    return series, numbers, origins, baselines, y, forecast


def test_the_table_agrees_with_the_plain_measures(setting):
    series, numbers, origins, baselines, y, forecast = setting
    scores = score_forecasts(forecast, baselines, numbers, origins, ids=["a", "b"])
    scales = [evaluate.naive_scale(one[:60], 4) for one in series]
    for name, row in scores.table.items():
        guess = (
            forecast if name == "network" else baselines.forecast(name, numbers, origins, HORIZON)
        )
        for measure in ("mae", "rmse", "mse", "bias", "smape"):
            assert row[measure] == pytest.approx(getattr(evaluate, measure)(y, guess))
        each = [evaluate.mase(y[numbers == n], guess[numbers == n], scales[n]) for n in range(2)]
        assert row["mase"] == pytest.approx(np.mean(each))
        assert scores.by_series["b"][name]["mase"] == pytest.approx(each[1])
        assert scores.by_horizon["mae"][name] == pytest.approx(np.abs(guess - y).mean(axis=0))
    assert list(scores.table) == [
        "network", "repeat_last", "seasonal_naive", "drift", "mean", "naive2",
    ]  # fmt: skip
    assert scores.table["naive2"]["owa"] == pytest.approx(1.0)
    assert (scores.windows, scores.values) == (30, 150)


def test_scores_survive_json(setting):
    *_, numbers, origins, baselines, _, forecast = setting
    scores = score_forecasts(
        forecast, baselines, numbers, origins, intervals={80: (forecast - 1, forecast + 1)}
    )
    text = json.dumps(scores.to_dict(), allow_nan=False)
    assert Scores.from_dict(json.loads(text)) == scores
    with pytest.raises(InputError, match="missing \\['verdict'\\]"):
        Scores.from_dict({k: v for k, v in scores.to_dict().items() if k != "verdict"})


def test_intervals_are_scored(setting):
    *_, numbers, origins, baselines, y, forecast = setting
    lower, upper = y - 1.0, y + 2.0
    upper[:, 0] = y[:, 0] - 0.5  # nothing inside one step ahead
    scores = score_forecasts(
        forecast, baselines, numbers, origins, intervals={95: (lower, upper), 80.5: (y, y)}
    )
    assert list(scores.intervals) == ["80.5", "95"]
    got = scores.intervals["95"]
    assert got["nominal"] == 0.95
    assert got["coverage"] == pytest.approx(0.8)
    assert got["coverage_by_horizon"] == [0.0, 1.0, 1.0, 1.0, 1.0]
    assert got["width"] == pytest.approx(np.mean(upper - lower))
    assert scores.intervals["80.5"]["pinball"] == 0.0
    assert scores.table["network"]["pinball"] == pytest.approx(got["pinball"] / 2)
    with pytest.raises(InputError, match="levels in percent"):
        score_forecasts(forecast, baselines, numbers, origins, intervals={0: (y, y)})


def test_the_verdict_says_when_every_baseline_is_beaten(setting):
    *_, numbers, origins, baselines, _, forecast = setting
    scores = score_forecasts(forecast, baselines, numbers, origins)
    assert all(scores.beats.values())
    assert scores.basis == "mase"  # several series of unlike size
    assert scores.verdict.startswith("The network beats every baseline on 30 held-out windows")
    assert "% below the best of them (" in scores.verdict


def test_few_windows_and_shares_close_to_all_are_not_overstated():
    values = np.arange(60.0) % 7
    baselines = Baselines([values], season=7, training=[40])
    origins = np.arange(40, 52)
    truth = np.stack([values[one : one + 2] for one in origins])
    noisy = Baselines([values + np.sin(np.arange(60.0) ** 2)], season=7, training=[40])
    near = noisy.targets(np.zeros(12, int), origins, 2) + 1e-4
    many = score_forecasts(near, noisy, np.zeros(12, int), origins)
    assert "more than 99 % below" in many.verdict and "So few" not in many.verdict
    few = score_forecasts(truth[:9], baselines, np.zeros(9, int), origins[:9])
    assert few.verdict.endswith(" So few windows may mislead.")


def test_the_verdict_says_plainly_when_the_network_loses(setting):
    *_, numbers, origins, baselines, _, forecast = setting
    scores = score_forecasts(forecast + 100, baselines, numbers, origins)
    assert not any(scores.beats.values())
    assert "does not beat" in scores.verdict
    assert "The simple forecast is the better one here." in scores.verdict
    assert "does beat" not in scores.verdict


def test_other_forecasts_stand_among_the_baselines(setting):
    *_, numbers, origins, baselines, y, forecast = setting
    better = y + 0.01
    scores = score_forecasts(forecast, baselines, numbers, origins, rivals={"linear": better})
    assert scores.table["linear"]["mae"] == pytest.approx(0.01)
    assert scores.table["linear"]["owa"] is not None
    assert scores.beats["linear"] is False
    assert "does not beat linear" in scores.verdict
    assert "linear" not in score_forecasts(forecast, baselines, numbers, origins).table


def test_the_verdict_names_what_is_beaten_and_what_is_not(setting):
    *_, numbers, origins, baselines, _, _ = setting
    almost = baselines.forecast("repeat_last", numbers, origins, HORIZON) * 1.001 + 0.5
    scores = score_forecasts(almost, baselines, numbers, origins)
    lost = {name for name, beaten in scores.beats.items() if not beaten}
    assert "seasonal_naive" in lost
    assert lost < set(scores.beats)
    assert "does not beat" in scores.verdict
    assert "The network does beat" in scores.verdict


def test_a_tie_is_called_a_tie(setting):
    *_, numbers, origins, baselines, _, _ = setting
    best = baselines.forecast("seasonal_naive", numbers, origins, HORIZON)
    scores = score_forecasts(best, baselines, numbers, origins)
    assert "no better than the best baseline" in scores.verdict
    assert not scores.beats["seasonal_naive"]


def test_a_single_series_is_judged_in_its_own_unit(setting):
    series, *_ = setting
    numbers, origins = windows(count=1)
    baselines = Baselines(series[:1], season=4, training=[60])
    forecast = baselines.targets(numbers, origins, HORIZON)
    scores = score_forecasts(forecast, baselines, numbers, origins)
    assert scores.basis == "mae"
    assert "mean absolute error is 0" in scores.verdict


def test_constant_training_series_leave_mase_undefined_with_a_reason():
    values = [np.concatenate([np.ones(20), [2.0, 3.0, 2.0]])]
    baselines = Baselines(values, training=[20])
    scores = score_forecasts(np.full((3, 1), 2.0), baselines, [0, 0, 0], [20, 21, 22])
    assert scores.table["network"]["mase"] is None
    assert scores.table["network"]["owa"] is None
    assert "the training part is constant" in scores.undefined["mase"]
    assert scores.undefined["owa"] == "MASE is undefined"
    assert scores.table["network"]["mae"] == pytest.approx(1 / 3)


def test_one_constant_series_among_several_is_named_and_left_out_of_mase():
    series = [*seasonal_panel(1), np.ones(80)]
    numbers, origins = windows()
    baselines = Baselines(series, season=4, training=[60, 60])
    forecast = baselines.targets(numbers, origins, HORIZON) + 1.0
    scores = score_forecasts(forecast, baselines, numbers, origins, ids=["fine", "flat"])
    assert scores.by_series["flat"]["network"]["mase"] is None
    assert scores.table["network"]["mase"] == scores.by_series["fine"]["network"]["mase"]
    assert "1 series (such as 'flat')" in scores.undefined["mase"]
    assert scores.basis == "mae"


def test_windows_without_history_are_left_out_with_a_note():
    values = [np.array([np.nan, np.nan, 1.0, 2.0, 3.0])]
    baselines = Baselines(values)
    scores = score_forecasts(np.full((3, 1), 9.0), baselines, [0, 0, 0], [0, 2, 4])
    assert (scores.windows, scores.values) == (1, 1)
    assert "2 of 3 windows have no observed value before them." in scores.notes
    assert scores.table["network"]["mae"] == 6.0
    assert scores.table["repeat_last"]["mae"] == 1.0


def test_nothing_to_score_is_said():
    values = [np.array([1.0, 2.0, np.nan, np.nan])]
    scores = score_forecasts([[0.0, 0.0]], Baselines(values), [0], [2])
    assert scores.table["network"] == dict.fromkeys(evaluate.METRICS)
    assert "no value was observed" in scores.undefined["mae"]
    assert "cannot be judged" in scores.verdict
    json.dumps(scores.to_dict(), allow_nan=False)


def test_a_perfect_baseline_is_not_beaten_and_divides_nothing_by_zero():
    values = [np.full(30, 7.0)]
    scores = score_forecasts(np.full((5, 2), 7.5), Baselines(values), [0] * 5, range(20, 25))
    assert not any(scores.beats.values())
    assert "does not beat" in scores.verdict
    json.dumps(scores.to_dict(), allow_nan=False)
    level = score_forecasts(np.full((5, 2), 7.0), Baselines(values), [0] * 5, range(20, 25))
    assert "no better than" in level.verdict


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"forecast": [1.0]}, "forecast: expected shape"),
        ({"forecast": [[1.0], [1.0]]}, "forecast: expected shape"),
        ({"forecast": [[np.nan]]}, "not finite"),
        ({"ids": ["a", "b"]}, "ids"),
    ],
)
def test_bad_input_is_refused(arguments, match):
    good = {"forecast": [[1.0]], "series": [0], "origins": [2]}
    with pytest.raises(InputError, match=match):
        score_forecasts(baselines=Baselines([[1.0, 2.0, 3.0]]), **{**good, **arguments})


def test_scores_show_as_a_table():
    values = np.arange(40.0) % 7
    baselines = Baselines([values], season=7, training=[30])
    scores = score_forecasts(np.ones((3, 2)), baselines, [0, 0, 0], [30, 31, 32])
    lines = repr(scores).splitlines()
    assert lines[0].split() == ["mae", "rmse", "smape", "mase", "owa", "bias"]
    assert lines[1].split()[0] == "network" and lines[1].split()[4] == "-"
    assert lines[3].split()[:2] == ["seasonal-naive", "0"]
    assert lines[-1] == scores.verdict
