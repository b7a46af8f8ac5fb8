"""The emulator learns systems, runs free from any state, and says honestly how well."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import elman
from elman import Emulator, InputError
from elman.data.trajectories import Trajectories
from elman.datasets.systems import lorenz, mackey_glass, oscillator
from elman.tasks.emulation_report import beats, verdict

QUICK: dict[str, Any] = {"hidden_size": 12, "epochs": 8, "history": 6, "window": 16}


def pushed(trajectories: int = 12, steps: int = 60) -> Trajectories:
    return oscillator(trajectories, steps, 0.2, seed=3)


@pytest.fixture(scope="module")
def fitted() -> Emulator:
    return Emulator(**QUICK, ensemble=2).fit(pushed())


def ahead(data: Trajectories, number: int, begin: int, steps: int) -> tuple[Any, Any, Any]:
    """History, forcing and parameters of one trajectory, and what is to come."""
    first = max(0, begin - 6)
    return (
        data.states[number][first:begin],
        data.forcing[number][first : begin + steps],
        data.parameters[number],
    )


def test_it_learns_a_driven_oscillator_better_than_every_baseline():
    emulator = Emulator(hidden_size=32, epochs=150, history=8, window=30, learning_rate=0.01)
    emulator.fit(oscillator(40, 80, 0.2, seed=0))
    scores = emulator.scores_
    assert beats(scores) and "the best baseline" in verdict(scores)
    table = scores["table"]
    assert table["network"]["rollout_error"] < 0.15
    assert table["network"]["rollout_error"] < 0.3 * table["linear"]["rollout_error"]
    assert scores["emulated_lyapunov"] is None and scores["unit"] == "time units"
    # the forcing that is told ahead matters
    data = oscillator(1, 80, 0.2, seed=9)
    truth = data.states[0][20:60]
    history, force, own = data.states[0][:20], data.forcing[0][:60], data.parameters[0]
    told = emulator.rollout(history, 40, force, own)
    force = force.copy()
    force[20:] = 0.0
    untold = emulator.rollout(history, 40, force, own)
    assert np.abs(told - truth).mean() < 0.3 * np.abs(untold - truth).mean()


def test_chaos_is_emulated_with_its_exponent():
    emulator = Emulator(hidden_size=32, epochs=60, lyapunov=0.9056, window=24, rollout_steps=8)
    emulator.fit(lorenz(12, 600, seed=1))
    scores = emulator.scores_
    assert scores["unit"] == "Lyapunov times"
    assert scores["table"]["network"]["valid_time"] > 5 * scores["table"]["linear"]["valid_time"]
    exponent, error = scores["emulated_lyapunov"]
    assert abs(exponent - 0.9056) < 0.35 and error < 0.2
    median = np.array(scores["growth"]["network"]["median"])
    assert median[0] < 0.05 < 0.4 < median[-1]


def test_a_rollout_depends_on_no_other_row_and_on_no_batch(fitted):
    data = pushed()
    alone = [fitted.rollout(*_with_steps(ahead(data, n, 20 + n, 15), 15)) for n in range(4)]
    parts = [ahead(data, n, 20 + n, 15) for n in range(4)]
    batch = fitted.rollout(
        [one for one, _, _ in parts], 15, [f for _, f, _ in parts], np.stack([p for *_, p in parts])
    )
    assert batch.shape == (4, 15, 2)
    assert np.allclose(batch, alone, rtol=1e-5, atol=1e-6)


def _with_steps(parts: tuple[Any, Any, Any], steps: int) -> tuple[Any, ...]:
    history, forcing, parameters = parts
    return history, steps, forcing, parameters


def test_histories_may_be_short_long_and_of_unequal_length(fitted):
    data = pushed()
    long = fitted.rollout(data.states[0][:30], 5, data.forcing[0][:35], data.parameters[0])
    last = fitted.rollout(data.states[0][24:30], 5, data.forcing[0][24:35], data.parameters[0])
    assert np.array_equal(long, last)  # the last six are read
    one = fitted.rollout(data.states[0][29:30], 5, data.forcing[0][29:35], data.parameters[0])
    both = fitted.rollout(
        [data.states[0][29:30], data.states[0][24:30]],
        5,
        [data.forcing[0][29:35], data.forcing[0][24:35]],
        np.tile(data.parameters[0], (2, 1)),
    )
    assert np.allclose(both[0], one, atol=1e-6) and np.allclose(both[1], last, atol=1e-6)
    step = fitted.predict_next(data.states[0][:30], data.forcing[0][:31], data.parameters[0])
    assert step.shape == (2,) and np.allclose(step, long[0], atol=1e-6)


def test_only_what_came_before_and_forcing_ahead_moves_a_rollout(fitted):
    data = pushed()
    history, force, own = ahead(data, 1, 20, 10)
    first = fitted.rollout(history, 10, force, own)
    later = force.copy()
    later[12] += 1.0  # step 6 is emulated from forcing at steps 5 and 6
    moved = np.abs(fitted.rollout(history, 10, later, own) - first).max(axis=1) > 1e-9
    assert moved.tolist() == [False] * 6 + [True] * 4


@pytest.mark.parametrize("split", ["trajectories", "time"])
def test_nothing_is_learnt_of_what_is_held_out(split):
    def fit(change: float) -> Emulator:
        data = pushed(10, 80)
        first = Emulator(**QUICK, split=split).fit(data)
        if not change:
            return first
        train = first.judged_.truth  # which states were judged by
        for states in data.states:
            held = np.isin(states, train).all(axis=1)
            states[held] += change * np.sin(np.arange(held.sum()))[:, None]
        return Emulator(**QUICK, split=split).fit(data)

    one, other = fit(0.0), fit(0.3)
    if split == "trajectories":
        tensors, changed = one.model_.tensors(), other.model_.tensors()
        assert all(np.array_equal(tensors[name], changed[name]) for name in tensors)
    assert one.model_.scales.mean.tolist() == other.model_.scales.mean.tolist()
    assert one.scores_["table"]["network"] != other.scores_["table"]["network"]


def test_the_same_seed_gives_the_same_bits_and_is_saved_whole(tmp_path):
    data = pushed()
    one, two = (Emulator(**QUICK, noise=0.01, seed=5).fit(data) for _ in range(2))
    other = Emulator(**QUICK, noise=0.01, seed=6).fit(data)
    arguments = _with_steps(ahead(data, 0, 20, 12), 12)
    assert np.array_equal(one.rollout(*arguments), two.rollout(*arguments))
    assert not np.array_equal(one.rollout(*arguments), other.rollout(*arguments))
    one.save(tmp_path / "model")
    loaded = elman.load(tmp_path / "model")
    assert isinstance(loaded, Emulator) and loaded.get_params() == one.get_params()
    assert np.array_equal(loaded.rollout(*arguments), one.rollout(*arguments))
    assert loaded.scores_ == one.scores_ and loaded.notes_ == one.notes_
    again = loaded.evaluate(data, horizon=20)
    assert set(again["table"]) == {"network", "persistence", "mean state"}
    whole = one.evaluate(data, horizon=20)
    assert again["table"]["network"] == whole["table"]["network"]
    assert again["table"]["mean state"]["one_step"] == pytest.approx(
        whole["table"]["mean state"]["one_step"]
    )


@pytest.mark.parametrize(
    "options",
    [
        {"predict": "states"},
        {"multi_step": "pushforward"},
        {"rollout_steps": 0},
        {"cell": "rnn", "num_layers": 2},
        {"dtype": "float64", "cell": "gru"},
        {"held_out": 0.0},
        {"lyapunov": "estimate"},
    ],
    ids=str,
)
def test_every_way_of_training_gives_finite_rollouts(options):
    data = lorenz(6, 120, 0.05, seed=2)
    emulator = Emulator(**{**QUICK, **options}).fit(data)
    free = emulator.rollout(data.states[0][:8], 30)
    assert free.shape == (30, 3) and np.isfinite(free).all()
    assert (emulator.scores_ is None) == ("held_out" in options)


def test_rollouts_in_training_make_rollouts_better():
    data = mackey_glass(8, 300, 2.0, seed=1)
    options = {"hidden_size": 24, "epochs": 300, "history": 12, "window": 30, "seed": 2}
    options |= {"learning_rate": 0.01, "rollout_share": 0.5}
    table = [
        Emulator(**options, rollout_steps=steps).fit(data).scores_["table"]["network"]
        for steps in (0, 15)
    ]
    assert table[1]["valid_time"] > 1.2 * table[0]["valid_time"]


def test_missing_states_are_refused_or_cut():
    data = pushed(8, 60)
    data.states[2][30, 1] = np.nan
    with pytest.raises(InputError, match=r"'trajectory 3' lacks one \(NaN\) at step 30"):
        Emulator(**QUICK).fit(data)
    emulator = Emulator(**QUICK, missing="cut").fit(data)
    assert any("1 step lacks a state" in note for note in emulator.notes_)
    assert np.isfinite(emulator.scores_["table"]["network"]["rollout_error"])


def test_little_data_is_not_scored_and_said_so():
    with pytest.warns(elman.ElmanWarning, match="too short to be judged"):
        emulator = Emulator(**QUICK).fit(np.sin(np.arange(24.0))[:, None])
    assert emulator.scores_ is None and "lower the history" in verdict(None)
    with pytest.raises(InputError, match="too short to estimate"):
        Emulator(**QUICK, held_out=0.0, lyapunov="estimate").fit(np.sin(np.arange(9.0))[:, None])
    short = [np.sin(np.arange(n / 1.0)) for n in (40, 40, 40, 40, 40, 7)]
    emulator = Emulator(**QUICK).fit(short)
    assert any("1 of 6 trajectories have fewer than 17 steps" in note for note in emulator.notes_)


def test_a_runaway_is_held_and_said_so(fitted):
    wild = elman.Emulator(**QUICK).fit(lorenz(6, 100, seed=0))
    wild.model_.networks[0].flat["head.bias"][...] = 1e3
    with pytest.warns(elman.ElmanWarning, match="left the range"):
        free = wild.rollout(np.ones((3, 3)), 400)
    assert np.isfinite(free).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cell": "transformer"}, "cell: expected one of"),
        ({"predict": "both"}, "predict: expected one of"),
        ({"multi_step": "no"}, "multi_step: expected one of"),
        ({"window": 1}, "window: expected a whole number"),
        ({"noise": -1.0}, "noise: expected a number"),
        ({"held_out": 0.9}, "held_out: expected a number"),
        ({"lyapunov": -1.0}, "lyapunov: expected a number"),
        ({"dtype": "float16"}, "dtype: expected one of"),
        ({"epochs": 0}, "epochs: expected a whole number"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        Emulator(**options).fit(np.zeros((3, 50, 1)))


def test_what_a_rollout_is_given_must_fit(fitted):
    data = pushed()
    history, force, own = ahead(data, 0, 20, 5)
    for arguments, message in (
        ((history, 0, force, own), "steps: expected a whole number"),
        ((history[:, :1], 5, force, own), "history"),
        ((history[:0], 5, force, own), "at least one state"),
        ((history * np.nan, 5, force, own), "history.0.: expected finite"),
        ((history, 5, None, own), "forcing: expected 1 channels"),
        ((history, 5, force[:-1], own), "forcing.0.: expected shape"),
        ((history, 5, force * np.nan, own), "forcing.0.: expected finite"),
        ((history, 5, force, None), "parameters: expected 2"),
        ((history, 5, force, own[:1]), "parameters: expected shape"),
        ((["ab"], 5, force, own), "history"),
    ):
        with pytest.raises(InputError, match=message):
            fitted.rollout(*arguments)
    with pytest.raises(InputError, match=r"dt: expected 0\.2"):
        fitted.evaluate(oscillator(5, 60, 0.1))
    with pytest.raises(InputError, match="channels: expected 2"):
        fitted.evaluate(lorenz(2, 60, 0.2))
    with pytest.raises(InputError, match="horizon: expected no more than 54"):
        fitted.evaluate(data, horizon=55)
    with pytest.raises(elman.NotFittedError):
        Emulator().rollout(history, 5)
    plain = Emulator(**QUICK).fit(lorenz(6, 60, 0.05))
    with pytest.raises(InputError, match="forcing: expected None"):
        plain.rollout(np.zeros((3, 3)), 5, np.zeros((8, 1)))
    with pytest.raises(InputError, match="parameters: expected None"):
        plain.rollout(np.zeros((3, 3)), 5, None, [1.0])


def test_short_trajectories_are_judged_by_rollouts_worth_the_name() -> None:
    trajectories = [np.sin(0.3 * np.arange(steps))[:, None] for steps in (150, 220, 90)]
    emulator = Emulator(history=20, hidden_size=8, epochs=2, seed=1).fit(trajectories)
    scores = emulator.scores_
    assert scores is not None and scores["horizon"] >= 10 and scores["starts"] > 10
    # what is scored lies in the last fifth of each, whatever is read up to it
    late = np.concatenate([one[-max(30, len(one) // 5) :] for one in trajectories])
    assert np.isin(emulator.judged_.truth, late).all()


def test_a_history_longer_than_every_trajectory_is_refused() -> None:
    with pytest.raises(InputError, match="fewer steps than the longest trajectory has, 100"):
        Emulator(**{**QUICK, "history": 5000}).fit(np.zeros((3, 100, 1)))
