"""The built-in systems: integrated to the order that is claimed, chaotic as published."""

from __future__ import annotations

import numpy as np
import pytest

from elman import InputError
from elman.datasets.systems import (
    DESCRIPTIONS,
    LYAPUNOV,
    delay_steps,
    load_system,
    lorenz,
    lorenz_field,
    mackey_glass,
    oscillator,
    rk4_step,
)
from elman.evaluate.dynamics import largest_lyapunov


@pytest.mark.parametrize("description", DESCRIPTIONS, ids=lambda one: one.name)
def test_the_built_in_sets_are_as_described(description):
    data = load_system(description.name)
    assert len(data) == description.rows
    assert f"{data.describe().partition(' steps')[0]} steps".replace(",", "") in description.title
    assert all(np.isfinite(one).all() for one in data.states)
    with pytest.raises(InputError, match="There is no built-in system"):
        load_system("pendulum")


@pytest.mark.parametrize("make", [lorenz, oscillator, mackey_glass])
def test_a_seed_gives_the_same_trajectories_again(make):
    one, again, other = (make(2, 3, substeps=1, seed=seed).states for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    assert not np.array_equal(one[0], one[1]) and not np.array_equal(one[0], other[0])


def test_runge_kutta_is_of_fourth_order():
    def error(steps: int) -> float:
        state = np.array([1.0, 0.0])
        for _ in range(steps):
            state = rk4_step(lambda y: np.stack([y[1], -y[0]]), state, 2.0 / steps)
        return float(np.abs(state - [np.cos(2.0), -np.sin(2.0)]).max())

    assert 14 < error(20) / error(40) < 18


def test_the_oscillator_follows_its_equation():
    # differences of the states are the equation's right-hand side, to their own accuracy
    data = oscillator(3, 1500, 0.1, seed=4)
    for states, force, (w, z) in zip(data.states, data.forcing, data.parameters, strict=True):
        x, v = states.T
        acceleration = np.gradient(v, 0.1, edge_order=2)[1:-1]
        wanted = (force[:, 0] - 2 * z * w * v - w**2 * x)[1:-1]
        assert np.abs(acceleration - wanted).max() < 0.04
        assert np.abs(np.gradient(x, 0.1)[1:-1] - v[1:-1]).max() < 0.02
    fine = oscillator(3, 100, 0.1, seed=4, substeps=8)
    assert (
        max(np.abs(a[:100] - b).max() for a, b in zip(data.states, fine.states, strict=True)) < 1e-6
    )


def test_lorenz_rests_at_its_fixed_points_and_converges():
    still = np.array([np.sqrt(72.0), np.sqrt(72.0), 27.0])
    assert np.abs(lorenz_field(still)).max() < 1e-12
    state = np.array([[1.0, 2.0, 20.0]])

    def after(substeps: int) -> np.ndarray:
        now = state
        for _ in range(10 * substeps):
            now = rk4_step(lorenz_field, now, 0.02 / substeps)
        return now

    first, second = after(2) - after(16), after(4) - after(16)
    assert 12 < np.abs(first).max() / np.abs(second).max() < 20


def test_the_lyapunov_exponent_of_lorenz_is_that_of_the_literature():
    states = np.stack([one[0] for one in lorenz(16, 1, seed=3).states])

    def advance(now: np.ndarray) -> np.ndarray:
        for _ in range(10):
            now = rk4_step(lorenz_field, now, 0.01)
        return now

    exponent, error = largest_lyapunov(advance, states, 0.1, 1000)
    assert error < 0.02
    assert abs(exponent - LYAPUNOV["lorenz"]) < 3 * error + 0.005


def test_mackey_glass_converges_and_has_the_exponent_that_is_stated():
    history = np.tile([1.1, 0.7], (171, 1))

    def after(refined: int) -> np.ndarray:
        past = np.tile(history[0], (170 * refined // 10 + 1, 1))
        return delay_steps(past, 60 * refined, 1.0 / refined)[-1]

    first, second = after(10) - after(80), after(20) - after(80)
    assert np.abs(second).max() < 1e-7
    assert 12 < np.abs(first).max() / np.abs(second).max() < 20
    paths = mackey_glass(8, 1, seed=5, substeps=10)
    assert paths.dt == 1.0 and paths.width == 1
    histories = mackey_glass(40, 86, 0.2, seed=5, substeps=1).states
    start = np.stack([one[:, 0] for one in histories])

    def advance(now: np.ndarray) -> np.ndarray:
        return np.concatenate([now.T, delay_steps(now.T, 85, 0.2)])[-86:].T

    exponent, error = largest_lyapunov(advance, start, 17.0, 300, skip=60)
    assert error < 0.0002
    assert abs(exponent - LYAPUNOV["mackey-glass"]) < 0.0004
    with pytest.raises(InputError, match="tau: expected a multiple"):
        mackey_glass(tau=17.05)
