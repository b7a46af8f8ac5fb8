"""Dynamical systems to emulate, integrated by the classical Runge-Kutta method of fourth order.

    oscillator    x'' = -2 z w x' - w^2 x + f(t)        w, z of each trajectory its own
    lorenz        x' = s (y - x), y' = x (r - z) - y, z' = x y - b z
    mackey_glass  x' = beta x(t - tau) / (1 + x(t - tau)^n) - gamma x

Sources: E. N. Lorenz, "Deterministic nonperiodic flow", Journal of the Atmospheric Sciences 20
(1963) 130-141, equations 25-27; M. C. Mackey and L. Glass, "Oscillation and chaos in
physiological control systems", Science 197 (1977) 287-289, equation 4b.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.checks import real, whole
from elman.data.trajectories import Trajectories
from elman.datasets.catalogue import BuiltIn
from elman.errors import InputError

__all__ = [
    "DESCRIPTIONS",
    "LYAPUNOV",
    "SETTINGS",
    "delay_steps",
    "load_system",
    "lorenz",
    "lorenz_field",
    "mackey_glass",
    "oscillator",
    "rk4_step",
]

Array: TypeAlias = NDArray[Any]
Field: TypeAlias = Callable[[Array], Array]


DESCRIPTIONS = [
    BuiltIn(
        "lorenz",
        "The Lorenz system of 1963, chaotic: 20 trajectories of 1000 steps of 0.02",
        "emulate",
        20,
        "computed: Runge-Kutta of fourth order, step 0.005",
        "none needed",
    ),
    BuiltIn(
        "oscillator",
        "Damped oscillators driven by sums of sines: 60 trajectories of 400 steps of 0.1",
        "emulate",
        60,
        "computed: Runge-Kutta of fourth order, step 0.025",
        "none needed",
    ),
    BuiltIn(
        "mackey-glass",
        "The Mackey-Glass delay equation, tau = 17, chaotic: 10 trajectories of 1500 steps of 1",
        "emulate",
        10,
        "computed: Runge-Kutta of fourth order, step 0.1, with a cubic history",
        "none needed",
    ),
]

LYAPUNOV = {"lorenz": 0.9056, "mackey-glass": 0.0051}
"""Largest Lyapunov exponents for a unit of time.

Lorenz: J. C. Sprott, Chaos and Time-Series Analysis (Oxford 2003), appendix A. Mackey-Glass:
measured with :func:`elman.evaluate.dynamics.largest_lyapunov` over 40 paths of 20,000 units of
time each, 0.00514 +- 0.00005, the same at steps of 0.1 and 0.05; the literature has values from
0.005 to 0.007.
"""

SETTINGS: dict[str, dict[str, float]] = {
    "mackey-glass": {
        "history": 60,
        "window": 100,
        "rollout_steps": 40,
        "rollout_share": 0.5,
        "learning_rate": 0.004,
    }
}
"""Arguments of :class:`elman.Emulator` that suit a system better than the defaults do.

The Mackey-Glass equation goes on from a history of 17 steps, not from a state.
"""


def load_system(name: str, seed: int = 0) -> Trajectories:
    """The built-in set of a system.

    Args:
        name: ``"lorenz"``, ``"oscillator"`` or ``"mackey-glass"``.
        seed: Of the initial states.

    Raises:
        InputError: If there is none of this name.
    """
    makers: dict[str, Callable[[], Trajectories]] = {
        "lorenz": lambda: lorenz(seed=seed),
        "oscillator": lambda: oscillator(seed=seed),
        "mackey-glass": lambda: mackey_glass(seed=seed),
    }
    if name not in makers:
        raise InputError(f"There is no built-in system {name!r}. There are {', '.join(makers)}.")
    return makers[name]()


def rk4_step(field: Field, state: Array, step: float) -> Array:
    """One step of the classical Runge-Kutta method of ``y' = field(y)``."""
    first = field(state)
    second = field(state + 0.5 * step * first)
    third = field(state + 0.5 * step * second)
    fourth = field(state + step * third)
    return np.asarray(state + (step / 6.0) * (first + 2.0 * (second + third) + fourth))


def lorenz_field(
    state: Array, sigma: float = 10.0, rho: float = 28.0, beta: float = 8.0 / 3.0
) -> Array:
    """The right-hand side of the Lorenz system, ``(..., 3)``."""
    x, y, z = np.moveaxis(state, -1, 0)
    return np.stack([sigma * (y - x), x * (rho - z) - y, x * y - beta * z], axis=-1)


def lorenz(
    trajectories: int = 20,
    steps: int = 1000,
    dt: float = 0.02,
    seed: int = 0,
    substeps: int = 4,
    rho: float = 28.0,
) -> Trajectories:
    """Trajectories on the attractor of the Lorenz system, sigma 10 and beta 8/3.

    Args:
        trajectories: How many.
        steps: Of each.
        dt: Time from step to step.
        seed: Of the initial states; 20 units of time are left for them to reach the attractor.
        substeps: Runge-Kutta steps in ``dt``.
        rho: The Rayleigh number over its critical value.
    """
    whole("trajectories", trajectories)
    whole("steps", steps)
    whole("substeps", substeps)
    real("dt", dt, 0.0, open_below=True)
    generator = np.random.default_rng(seed)
    state = np.array([0.0, 0.0, 25.0]) + 8.0 * generator.standard_normal((trajectories, 3))
    step = dt / substeps

    def field(value: Array) -> Array:
        return lorenz_field(value, rho=rho)

    for _ in range(round(20.0 / step)):
        state = rk4_step(field, state, step)
    result = np.empty((steps, trajectories, 3))
    for number in range(steps):
        result[number] = state
        for _ in range(substeps):
            state = rk4_step(field, state, step)
    return Trajectories(list(result.transpose(1, 0, 2)), dt=dt, channels=["x", "y", "z"])


def oscillator(
    trajectories: int = 60,
    steps: int = 400,
    dt: float = 0.1,
    seed: int = 0,
    substeps: int = 4,
) -> Trajectories:
    """Damped oscillators, each of its own frequency and damping, driven by three sines.

    ``w`` is drawn from 0.8 to 2, the damping ratio ``z`` from 0.05 to 0.4, the sines' frequencies
    from 0.3 to 2.5 and their amplitudes from 0.2 to 1.

    Args:
        trajectories: How many.
        steps: Of each.
        dt: Time from step to step.
        seed: Of initial states, frequencies, damping and forcing.
        substeps: Runge-Kutta steps in ``dt``.

    Returns:
        States ``x, v``, forcing ``f``, parameters ``w, z``.
    """
    whole("trajectories", trajectories)
    whole("steps", steps)
    whole("substeps", substeps)
    real("dt", dt, 0.0, open_below=True)
    generator = np.random.default_rng(seed)
    frequency = generator.uniform(0.8, 2.0, trajectories)
    damping = generator.uniform(0.05, 0.4, trajectories)
    speeds = generator.uniform(0.3, 2.5, (3, trajectories))
    phases = generator.uniform(0.0, 2.0 * np.pi, (3, trajectories))
    sizes = generator.uniform(0.2, 1.0, (3, trajectories))
    state = generator.standard_normal((2, trajectories))
    step = dt / substeps

    def force(time: float) -> Array:
        return np.asarray((sizes * np.sin(speeds * time + phases)).sum(axis=0))

    def field(value: Array) -> Array:  # time is a third state, so that the steps stay classical
        x, v, time = value
        drive = force(time[0])
        return np.stack([v, drive - 2.0 * damping * frequency * v - frequency**2 * x, 0.0 * x + 1])

    state = np.concatenate([state, np.zeros((1, trajectories))])
    states, forces = np.empty((steps, trajectories, 2)), np.empty((steps, trajectories, 1))
    for number in range(steps):
        states[number], forces[number, :, 0] = state[:2].T, force(state[2, 0])
        for _ in range(substeps):
            state = rk4_step(field, state, step)
    return Trajectories(
        list(states.transpose(1, 0, 2)),
        list(forces.transpose(1, 0, 2)),
        np.stack([frequency, damping], axis=1),
        dt,
        channels=["x", "v"],
        forces=["f"],
        constants=["w", "z"],
    )


def mackey_glass(
    trajectories: int = 10,
    steps: int = 1500,
    dt: float = 1.0,
    seed: int = 0,
    substeps: int = 10,
    tau: float = 17.0,
) -> Trajectories:
    """The Mackey-Glass equation with beta 0.2, gamma 0.1, n 10.

    The delayed value at half a step is the cubic Hermite interpolant of the two grid points
    around it and their derivatives, so that the method keeps its fourth order.

    Args:
        trajectories: How many.
        steps: Of each.
        dt: Time from step to step.
        seed: Of the constant histories, drawn from 0.9 to 1.3; 1000 units of time are left for
            them to reach the attractor.
        substeps: Runge-Kutta steps in ``dt``.
        tau: The delay, a multiple of the Runge-Kutta step.

    Raises:
        InputError: If the delay is no multiple of the step.
    """
    whole("trajectories", trajectories)
    whole("steps", steps)
    whole("substeps", substeps)
    real("dt", dt, 0.0, open_below=True)
    step = dt / substeps
    delay = round(real("tau", tau, 0.0, open_below=True) / step)
    if abs(delay * step - tau) > 1e-9 * tau or delay < 1:
        raise InputError(f"tau: expected a multiple of the step {step:g}, got {tau:g}")
    generator = np.random.default_rng(seed)
    history = np.tile(generator.uniform(0.9, 1.3, trajectories), (delay + 1, 1))
    whole_run = delay_steps(history, round(1000.0 / step) + steps * substeps, step)
    kept = whole_run[-steps * substeps :: substeps]
    return Trajectories([one[:, None] for one in kept.T], dt=dt, channels=["x"])


def delay_steps(history: Array, number: int, step: float) -> Array:
    """``number`` steps of the Mackey-Glass equation after a history that reaches back by tau.

    Args:
        history: ``(tau / step + 1, N)``, the newest value last.
        number: How many steps.
        step: The Runge-Kutta step.

    Returns:
        ``(number, N)``.
    """
    delay = len(history) - 1
    values = np.concatenate([history, np.empty((number, history.shape[1]))])
    # Derivatives at the grid points, of the given history by differences. Where it ends there are
    # two: the path need not go on as it came.
    leaving, arriving = np.zeros_like(values), np.zeros_like(values)
    leaving[: delay + 1] = arriving[: delay + 1] = np.gradient(history, step, axis=0)
    for now in range(delay, delay + number):
        x, old, older = values[now], values[now - delay], values[now - delay + 1]
        bend = leaving[now - delay] - arriving[now - delay + 1]
        middle = 0.5 * (old + older) + (step / 8.0) * bend
        first = _mackey_glass_field(x, old)
        second = _mackey_glass_field(x + 0.5 * step * first, middle)
        third = _mackey_glass_field(x + 0.5 * step * second, middle)
        fourth = _mackey_glass_field(x + step * third, older)
        leaving[now] = first
        if now > delay:
            arriving[now] = first
        values[now + 1] = x + (step / 6.0) * (first + 2.0 * (second + third) + fourth)
    return values[delay + 1 :]


def _mackey_glass_field(x: Array, delayed: Array) -> Array:
    return np.asarray(0.2 * delayed / (1.0 + delayed**10) - 0.1 * x)
