"""Mackey-Glass, tau = 17: an LSTM that runs free, beside the same in PyTorch.

The error 15 (and 84) steps of 1 ahead is that of a free-running rollout: the root mean squared
error over the deviation of the test data. For 84 steps the literature has 10^-4.2 by an echo
state network of 1000 units (H. Jaeger and H. Haas, "Harnessing nonlinearity", Science 304 (2004)
78-80), trained on noise-free data in double precision.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from benchmarks.skills.common import Options, goal
from benchmarks.skills.emulators import have_torch, train_pair
from benchmarks.tables import Table
from elman.datasets.systems import LYAPUNOV, mackey_glass
from elman.tasks.emulation_model import EmulatorTraining
from elman.tasks.emulation_scores import fit_rivals, judge

TRAINED_ON = {"trajectories": 10, "steps": 1500, "seed": 1}
JUDGED_BY = {"trajectories": 20, "steps": 1500, "seed": 1000}
HIDDEN = 64
TRAINING = EmulatorTraining(
    epochs=1500,
    batch_size=32,
    learning_rate=0.004,
    history=60,
    window=100,
    rollout_steps=40,
    rollout_share=0.5,
)
STARTS, HORIZON = 400, 1200
AHEAD = (15, 84)
GOAL = 0.05
THRESHOLD = 0.4


def run(options: Options) -> dict[str, Any] | None:
    """Errors and valid times of both on trajectories that no one has seen."""
    if not have_torch("Mackey-Glass", options.threads):
        return None
    data, judged = mackey_glass(**TRAINED_ON), mackey_glass(**JUDGED_BY)
    runs = [one_seed(seed, data, judged) for seed in options.seeds]
    own = [one["elman"]["nrmse_15"] for one in runs]
    valid, torch = ([one[name]["valid_time"] for one in runs] for name in ("elman", "torch"))
    spread = float(max(np.ptp(valid), np.ptp(torch)))
    return {
        "settings": {"hidden": HIDDEN, **asdict(TRAINING)},
        "runs": runs,
        "goals": [
            goal(
                "Mackey-Glass",
                "NRMSE 15 steps ahead, free-running",
                f"at most {GOAL:g}",
                own,
                np.mean(own) <= GOAL,
                ".4f",
            ),
            goal(
                "Mackey-Glass",
                "valid time, Lyapunov times",
                f"that of torch.nn, {np.mean(torch):.2f}, within the spread of the seeds",
                valid,
                np.mean(valid) >= np.mean(torch) - spread,
                ".2f",
            ),
        ],
    }


def one_seed(seed: int, data: Any, judged: Any) -> dict[str, Any]:
    """Both trained from one seed, and the baselines."""
    pair = train_pair(data, HIDDEN, TRAINING, seed)
    record: dict[str, Any] = {"seed": seed, "updates": pair.updates}
    deviation = np.concatenate(judged.states).std()
    for name, model in pair.models.items():
        rivals = fit_rivals(model, data) if name == "elman" else {}
        found = judge(
            model,
            rivals,
            judged,
            horizon=HORIZON,
            starts=STARTS,
            threshold=THRESHOLD,
            lyapunov=LYAPUNOV["mackey-glass"],
        )
        rows = {}
        for method, rollout in found.rollouts.items():
            error = (rollout - found.truth)[:, :, 0] / deviation
            ahead = {f"nrmse_{n}": float(np.sqrt((error[:, n - 1] ** 2).mean())) for n in AHEAD}
            rows[method] = {**found.scores["table"][method], **ahead}
        record[name] = {**rows["network"], "seconds": pair.seconds[name], "loss": pair.loss[name]}
        record |= {"rivals": {one: rows[one] for one in rivals}} if rivals else {}
        print(
            f"Mackey-Glass seed {seed}, {name}: NRMSE {record[name]['nrmse_15']:.4f} 15 ahead, "
            f"valid for {record[name]['valid_time']:.2f} Lyapunov times, trained in "
            f"{record[name]['seconds']:.0f} s",
            flush=True,
        )
    return record


def tables(content: dict[str, Any]) -> list[Table]:
    """Errors, valid times and seconds of both, and of the baselines."""
    rows, runs = [], content["runs"]
    for name in ("elman", "torch"):
        found = [one[name] for one in runs]
        cells = [
            _spread([one[key] for one in found], form)
            for key, form in (
                *((f"nrmse_{n}", ".4f") for n in AHEAD),
                ("valid_time", ".2f"),
                ("seconds", ".0f"),
            )
        ]
        rows.append([f"LSTM in {name}, mean of {len(found)} seeds", *cells])
    for name, row in runs[0]["rivals"].items():
        errors = [f"{row[f'nrmse_{n}']:.4f}" for n in AHEAD]
        rows.append([name, *errors, f"{row['valid_time']:.2f}", ""])
    heads = ["", *(f"NRMSE {n} ahead" for n in AHEAD), "valid time", "seconds of training"]
    settings = content["settings"]
    title = (
        "Mackey-Glass, tau 17, steps of 1, 15,000 of them to learn from: errors of free-running "
        f"rollouts, Lyapunov times until the normalised error exceeds {THRESHOLD:g}, {STARTS} "
        f"starts on unseen trajectories (LSTM of {settings['hidden']}, {runs[0]['updates']:,} "
        "updates; settings chosen on other trajectories)"
    )
    return [Table(title, heads, rows)]


def _spread(values: list[float], form: str) -> str:
    return f"{np.mean(values):{form}} ± {np.std(values):{form}}"
