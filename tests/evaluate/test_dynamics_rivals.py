"""The baselines of an emulator, on systems that each of them knows."""

from __future__ import annotations

import numpy as np
import pytest

from elman.evaluate.dynamics_rivals import RIVALS, AnalogStates, LinearSteps


def linear_system(rng: np.random.Generator, steps: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """States of a damped rotation that is pushed, and what is beside them."""
    force = rng.standard_normal((steps, 1))
    states = np.empty((steps, 2))
    states[0] = rng.standard_normal(2)
    turn = 0.97 * np.array([[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]])
    for step in range(steps - 1):
        push = [0.0, 0.2 * force[step, 0] + 0.1 * force[step + 1, 0]]
        states[step + 1] = turn @ states[step] + push
    return states, np.concatenate([force[:-1], force[1:]], axis=1)


def test_the_linear_map_knows_a_linear_system():
    rng = np.random.default_rng(0)
    paths = [linear_system(rng) for _ in range(5)]
    rival = LinearSteps([one for one, _ in paths], [around for _, around in paths], 4)
    states, beside = linear_system(rng)
    for history in (10, 4, 2):  # a shorter history is filled up with its first state
        past = states[None, :history]
        ahead = rival.rollout(past, beside[None], 60 - history)
        error = np.abs(ahead[0] - states[history:]).max()
        assert error < (1e-3 if history >= 4 else 2.0)


def test_an_analog_finds_what_it_has_seen():
    rng = np.random.default_rng(1)
    paths = [linear_system(rng) for _ in range(5)]
    rival = AnalogStates([one for one, _ in paths], [around for _, around in paths], 3)
    states, beside = paths[2]
    past, around = states[None, 5:15], beside[None, 5:]
    ahead = rival.rollout(past, around, 40)
    assert np.allclose(ahead[0], states[15:55])
    beyond = rival.rollout(past, np.concatenate([around, around], axis=1), 80)
    assert np.allclose(beyond[0, :45], states[15:]) and np.isfinite(beyond).all()


@pytest.mark.parametrize("name", RIVALS)
def test_all_of_them_stay_finite_and_in_shape(name):
    rng = np.random.default_rng(2)
    paths = [rng.standard_normal((30, 3)).cumsum(axis=0) for _ in range(3)]
    beside = [np.empty((29, 0)) for _ in paths]
    rival = RIVALS[name](paths, beside, 5)
    ahead = rival.rollout(np.stack(paths)[:, :6], np.empty((3, 105, 0)), 100)
    assert ahead.shape == (3, 100, 3) and np.isfinite(ahead).all()
    if name == "persistence":
        assert np.array_equal(ahead[:, 99], np.stack(paths)[:, 5])
    if name == "mean state":
        assert np.allclose(ahead[0, 0], np.concatenate(paths).mean(axis=0))
