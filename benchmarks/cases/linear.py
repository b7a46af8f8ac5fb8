"""Time of a training step over the number of steps of the sequence: it must be a straight line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks import measure
from benchmarks.cases.training import PEERS, Wanted, goal
from benchmarks.registry import BATCHES_PER_EPOCH, GATES, Size, TrainingCase
from benchmarks.worker import Worker

LENGTHS = (100, 300, 1000, 3000, 10_000)
EXPONENT_GOAL = 1.1


def run(wanted: Wanted, rounds: int, seconds: float) -> Iterator[dict[str, Any]]:
    """elman only, batch 8, 4 inputs, 32 units, one thread."""
    cases = {f"linear/{cell}/8,T,4,32": cell for cell in GATES}
    chosen = {name: cell for name, cell in cases.items() if wanted(name)}
    if not chosen:
        return
    with Worker(PEERS["elman"].module) as worker:
        for name, cell in chosen.items():
            times = {}
            for steps in LENGTHS:
                worker.call("build", TrainingCase(cell, Size(8, steps, 4, 32)))
                timing = measure.interleaved(
                    {"elman": lambda count: worker.call("train", count)},
                    rounds,
                    seconds,
                    multiple=BATCHES_PER_EPOCH,
                    watched=["elman"],
                )
                times[steps] = timing["elman"].median
            exponent, _ = np.polyfit(np.log(list(times)), np.log(list(times.values())), 1)
            yield {
                "case": name,
                "cell": cell,
                "us": {str(steps): us for steps, us in times.items()},
                "us_per_step": {str(steps): us / steps for steps, us in times.items()},
                "exponent": float(exponent),
                "goals": [goal("exponent of T", EXPONENT_GOAL, float(exponent), at_most=True)],
            }
