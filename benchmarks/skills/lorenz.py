"""Lorenz 63: for how long a free-running LSTM is right, beside the same in PyTorch.

The valid time is that until the normalised error exceeds 0.4, in Lyapunov times (1 / 0.9056).
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from benchmarks.skills.common import Options, goal
from benchmarks.skills.emulators import have_torch, train_pair
from benchmarks.tables import Table
from elman.datasets.systems import LYAPUNOV, lorenz
from elman.tasks.emulation_model import EmulatorTraining
from elman.tasks.emulation_scores import fit_rivals, judge

TRAINED_ON = {"trajectories": 50, "steps": 1000, "dt": 0.02, "seed": 1}
JUDGED_BY = {"trajectories": 40, "steps": 1500, "dt": 0.02, "seed": 1000}
HIDDEN = 48
TRAINING = EmulatorTraining(
    epochs=900,
    batch_size=32,
    learning_rate=0.01,
    history=20,
    window=40,
    rollout_steps=10,
    rollout_share=0.2,
)
STARTS, HORIZON = 200, 829
THRESHOLD = 0.4


def run(options: Options) -> dict[str, Any] | None:
    """Valid times of both on trajectories that no one has seen."""
    if not have_torch("Lorenz", options.threads):
        return None
    data, judged = lorenz(**TRAINED_ON), lorenz(**JUDGED_BY)
    runs = [one_seed(seed, data, judged) for seed in options.seeds]
    own, torch = ([one[name]["valid_time"] for one in runs] for name in ("elman", "torch"))
    spread = float(max(np.ptp(own), np.ptp(torch)))
    ratios = [one["torch"]["seconds"] / one["elman"]["seconds"] for one in runs]
    return {
        "settings": {"hidden": HIDDEN, **asdict(TRAINING)},
        "runs": runs,
        "goals": [
            goal(
                "Lorenz",
                "valid time, Lyapunov times",
                f"that of torch.nn, {np.mean(torch):.2f}, within the spread of the seeds",
                own,
                np.mean(own) >= np.mean(torch) - spread,
                ".2f",
            ),
            goal("Lorenz", "times sooner than torch.nn", "above 1", ratios, min(ratios) > 1, ".2f"),
        ],
    }


def one_seed(seed: int, data: Any, judged: Any) -> dict[str, Any]:
    """Both trained from one seed, and the baselines."""
    pair = train_pair(data, HIDDEN, TRAINING, seed)
    record: dict[str, Any] = {"seed": seed, "updates": pair.updates}
    for name, model in pair.models.items():
        rivals = fit_rivals(model, data) if name == "elman" else {}
        scores = judge(
            model,
            rivals,
            judged,
            horizon=HORIZON,
            starts=STARTS,
            threshold=THRESHOLD,
            lyapunov=LYAPUNOV["lorenz"],
        ).scores
        record[name] = {
            **scores["table"]["network"],
            "exponent": scores["emulated_lyapunov"],
            "seconds": pair.seconds[name],
            "loss": pair.loss[name],
        }
        record |= {"rivals": {one: scores["table"][one] for one in rivals}} if rivals else {}
        print(
            f"Lorenz seed {seed}, {name}: valid for {record[name]['valid_time']:.2f} Lyapunov "
            f"times, trained in {record[name]['seconds']:.0f} s",
            flush=True,
        )
    return record


def tables(content: dict[str, Any]) -> list[Table]:
    """Valid times, errors and seconds of both, and of the baselines."""
    rows = []
    runs = content["runs"]
    for name in ("elman", "torch"):
        found = [one[name] for one in runs]
        exponents = [one["exponent"][0] for one in found]
        rows.append(
            [
                f"LSTM in {name}, mean of {len(found)} seeds",
                _spread([one["valid_time"] for one in found], ".2f"),
                _spread([one["valid_median"] for one in found], ".2f"),
                f"{np.mean([one['one_step'] for one in found]):.1e}",
                f"{np.mean([one['climate'] for one in found]):.3f}",
                _spread(exponents, ".3f"),
                _spread([one["seconds"] for one in found], ".0f"),
            ]
        )
    for name, row in runs[0]["rivals"].items():
        cells = [f"{row['valid_time']:.2f}", f"{row['valid_median']:.2f}", f"{row['one_step']:.1e}"]
        rows.append([name, *cells, f"{row['climate']:.3f}", "", ""])
    heads = ["", "valid time", "median", "error of a step", "climate distance"]
    heads += ["Lyapunov exponent (0.9056)", "seconds of training"]
    settings = content["settings"]
    title = (
        f"Lorenz, steps of 0.02, 50,000 of them to learn from: Lyapunov times until the normalised "
        f"error exceeds {THRESHOLD:g}, {STARTS} starts on unseen trajectories (LSTM of "
        f"{settings['hidden']}, {runs[0]['updates']:,} updates; settings chosen on other "
        "trajectories)"
    )
    return [Table(title, heads, rows)]


def _spread(values: list[float], form: str) -> str:
    return f"{np.mean(values):{form}} ± {np.std(values):{form}}"
