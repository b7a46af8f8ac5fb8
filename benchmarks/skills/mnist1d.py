"""MNIST-1D: 40 steps of one channel, 10 classes, the given split.

The settings are the defaults, looked at on a fifth of the 4,000 training rows (94.6 % right); the
1,000 test rows were not seen.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

import elman
from benchmarks.skills.classified import accuracy_goal, accuracy_table
from benchmarks.skills.common import Options, data_file
from benchmarks.tables import Table

ACCURACY, SECONDS = 92.0, 300
REFERENCES = [
    ("logistic regression (published)", 32.0),
    ("MLP (published)", 68.0),
    ("GRU (published)", 91.0),
    ("CNN (published)", 94.0),
]


def run(options: Options) -> dict[str, Any] | None:
    """One training for each seed."""
    file = data_file("mnist1d", "mnist1d.npz")
    if file is None:
        return None
    with np.load(file, allow_pickle=False) as archive:
        parts = {name: archive[name] for name in archive.files}
    runs = []
    for seed in options.seeds:
        started = time.perf_counter()
        model = elman.SequenceClassifier(seed=seed)
        model.fit(parts["x_train"], parts["y_train"])
        seconds = time.perf_counter() - started
        accuracy = 100 * model.score(parts["x_test"], parts["y_test"])
        runs.append({"seed": seed, "accuracy": accuracy, "seconds": seconds})
        print(f"MNIST-1D, seed {seed}: {accuracy:.2f} in {seconds:.0f} s", flush=True)
    goal = accuracy_goal("MNIST-1D", runs, ACCURACY, SECONDS)
    return {"runs": runs, "goals": [goal]}


def tables(content: dict[str, Any]) -> list[Table]:
    """Accuracy beside published figures."""
    title = "MNIST-1D, given split (default settings)"
    return [accuracy_table(title, REFERENCES, content["runs"], "GRU, both ways")]
