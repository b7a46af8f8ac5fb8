"""How good an emulator is: rollouts from many states of held-out trajectories, beside baselines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.data.trajectories import Trajectories
from elman.errors import InputError
from elman.evaluate.dynamics import (
    climate_distance,
    growth_curve,
    normalised_error,
    valid_steps,
)
from elman.evaluate.dynamics_rivals import RIVALS
from elman.tasks.emulation_model import EmulatorModel

__all__ = ["Judged", "fit_rivals", "judge", "simple_rivals"]

Array: TypeAlias = NDArray[Any]

_MOST_STEPS = 2000
_LYAPUNOV_TIMES = 12.0
_MOST_POINTS = 240
_LONG_RUN = 1500
_LONG_STARTS = 10


@dataclass
class Judged:
    """What was judged, for pictures and for the report.

    Attributes:
        scores: Plain values, see :meth:`elman.Emulator.evaluate`.
        truth: ``(N, H, C)``.
        rollouts: Name -> ``(N, H, C)``.
        valid: Steps that each of the network's rollouts was right.
        long_truth: Stretches of truth, ``(T_i, C)`` each.
        long_run: Free-running stretches, ``(T_i, C)`` each.
    """

    scores: dict[str, Any]
    truth: Array
    rollouts: dict[str, Array]
    valid: Array
    long_truth: list[Array] = field(default_factory=list)
    long_run: list[Array] = field(default_factory=list)


def fit_rivals(model: EmulatorModel, data: Trajectories) -> dict[str, Any]:
    """Every baseline, learnt of the trajectories that the emulator was trained on."""
    states = [model.scales.scaled(one) for one in data.states]
    beside = model.scales.all_beside(data)
    return {name: kind(states, beside, model.history) for name, kind in RIVALS.items()}


def simple_rivals(model: EmulatorModel) -> dict[str, Any]:
    """The baselines that learn nothing: persistence and, scaled, a mean state of zero."""
    mean = [np.zeros((1, len(model.scales.mean)))]
    return {name: RIVALS[name](mean, [], 1) for name in ("persistence", "mean state")}


def judge(
    model: EmulatorModel,
    rivals: dict[str, Any],
    data: Trajectories,
    *,
    horizon: int | None,
    starts: int,
    threshold: float,
    lyapunov: float | None,
) -> Judged:
    """Rolls out from states spread evenly over the trajectories.

    Args:
        model: The emulator.
        rivals: The baselines, fitted.
        data: Held out.
        horizon: Steps of a rollout; default: 12 Lyapunov times where they are known, and no more
            than two thirds of the shortest trajectory.
        starts: How many rollouts.
        threshold: Of the normalised error up to which a rollout is right.
        lyapunov: The largest Lyapunov exponent, or ``None``.

    Raises:
        InputError: If the trajectories are too short.
    """
    steps = _horizon(model, data, horizon, lyapunov)
    chosen = _starts(model, data, steps, starts)
    truth = np.stack([data.states[i][at : at + steps] for i, at in chosen])
    past = np.stack(
        [model.scales.scaled(data.states[i][at - model.history : at]) for i, at in chosen]
    )
    beside = np.stack([_beside(model, data, i, at, steps) for i, at in chosen])
    free = model.run_free(_time_first(past), _time_first(beside), steps)
    scaled = {"network": free.transpose(1, 0, 2)}
    scaled |= {name: rival.rollout(past, beside, steps) for name, rival in rivals.items()}
    rollouts = {name: model.scales.unscaled(value) for name, value in scaled.items()}
    time = model.dt * (1.0 if lyapunov is None else lyapunov)
    scores, valid = _scores(rollouts, truth, model.scales.deviation, threshold, time)
    scores |= {
        "unit": "time units" if lyapunov is None else "Lyapunov times",
        "lyapunov": lyapunov,
        "emulated_lyapunov": None,
    }
    judged = Judged(scores, truth, rollouts, valid)
    _climate(model, data, judged, past)
    return judged


def _scores(
    rollouts: dict[str, Array], truth: Array, deviation: Array, threshold: float, time: float
) -> tuple[dict[str, Any], Array]:
    """Plain values, and the steps that each of the network's rollouts was right."""
    number, steps, channels = truth.shape
    errors = {name: normalised_error(value, truth, deviation) for name, value in rollouts.items()}
    valid = {name: valid_steps(value, threshold) for name, value in errors.items()}
    table = {
        name: {
            "valid_time": float(valid[name].mean() * time),
            "valid_median": float(np.median(valid[name]) * time),
            "one_step": float(np.sqrt((value[:, 0] ** 2).mean())),
            "rollout_error": float(np.sqrt((value**2).mean())),
            "climate": climate_distance(
                rollouts[name].reshape(-1, channels), truth.reshape(-1, channels)
            ),
        }
        for name, value in errors.items()
    }
    shown = np.unique(np.linspace(0, steps - 1, _MOST_POINTS).astype(np.int64))
    scores = {
        "table": table,
        "threshold": threshold,
        "horizon": steps,
        "horizon_time": steps * time,
        "starts": number,
        "whole": float((valid["network"] == steps).mean()),
        "lead": ((shown + 1) * time).tolist(),
        "growth": {name: growth_curve(value[:, shown]) for name, value in errors.items()},
        "valid": (valid["network"] * time).tolist(),
    }
    return scores, valid["network"]


def _beside(model: EmulatorModel, data: Trajectories, number: int, at: int, steps: int) -> Array:
    """Forcing and parameters of a history and of the steps after it, as they are read."""
    span = slice(at - model.history, at + steps)
    force = None if data.forcing is None else data.forcing[number][span]
    own = None if data.parameters is None else data.parameters[number]
    return model.scales.beside(model.history + steps, force, own)


def _time_first(values: Array) -> Array:
    return np.ascontiguousarray(values.transpose(1, 0, 2))


def _climate(model: EmulatorModel, data: Trajectories, judged: Judged, past: Array) -> None:
    """Long runs beside long stretches of truth, and the emulator's own Lyapunov exponent."""
    if data.forcing is not None or data.parameters is not None:
        judged.long_truth, judged.long_run = list(judged.truth), list(judged.rollouts["network"])
        return
    past = past[np.unique(np.linspace(0, len(past) - 1, _LONG_STARTS).astype(np.int64))]
    past = _time_first(past)
    none = np.empty((len(past) - 1 + _LONG_RUN, past.shape[1], 0))
    run = model.scales.unscaled(model.run_free(past, none, _LONG_RUN))
    judged.long_truth, judged.long_run = list(data.states), list(run.transpose(1, 0, 2))
    exponent, error = model.lyapunov(past)
    judged.scores["emulated_lyapunov"] = [exponent, error]


def _horizon(
    model: EmulatorModel, data: Trajectories, horizon: int | None, lyapunov: float | None
) -> int:
    room = min(map(len, data.states)) - model.history
    if horizon is not None:
        if horizon > room:
            raise InputError(
                f"horizon: expected no more than {room} steps, which the shortest trajectory has "
                f"after a history of {model.history}, got {horizon}"
            )
        return horizon
    if room < 1:
        raise InputError(
            f"trajectories: expected more than {model.history} steps, the history that is read, "
            f"got {room + model.history}"
        )
    wanted = min(_MOST_STEPS, max(1, 2 * room // 3))
    if lyapunov is not None and lyapunov > 0:
        wanted = min(wanted, max(1, round(_LYAPUNOV_TIMES / (lyapunov * model.dt))))
    return wanted


def _starts(
    model: EmulatorModel, data: Trajectories, steps: int, number: int
) -> list[tuple[int, int]]:
    """Trajectory and step of the first state that is emulated."""
    every = [
        (i, at)
        for i, one in enumerate(data.states)
        for at in range(model.history, len(one) - steps + 1)
    ]
    picked = np.unique(np.linspace(0, len(every) - 1, number).round().astype(np.int64))
    return [every[one] for one in picked]
