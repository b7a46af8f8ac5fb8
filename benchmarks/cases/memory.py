"""Peak memory of training, elman beside PyTorch, each in a process of its own.

What counts is the growth of the process's peak resident size from after a first, tiny training
(imports done, lazy parts of the framework loaded) to the end of two epochs of the case. The data
are in both.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks import registry
from benchmarks.cases.training import PEERS, Wanted, goal
from benchmarks.registry import BATCHES_PER_EPOCH, TINY, Size, TrainingCase
from benchmarks.worker import Worker

SIZES = (*registry.SIZES, Size(8, 10_000, 4, 32))

RESOLUTION = 0.5
"""MiB that two runs of the same program may differ by: whole pages, the allocator's reserve."""


def run(wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Every cell at every size, and one long sequence."""
    for size in SIZES:
        for cell in registry.GATES:
            name = f"memory/{cell}/{size.label}"
            if not wanted(name):
                continue
            case = TrainingCase(cell, size)
            mebibytes = {peer: growth(peer, case) for peer in ("elman", "torch")}
            yield {
                "case": name,
                "cell": cell,
                "size": size.label,
                "mebibytes": mebibytes,
                "goals": [judged(mebibytes)],
            }


def judged(mebibytes: dict[str, float]) -> dict[str, Any]:
    """No more than torch, as far as it can be told."""
    entry = goal("MiB", mebibytes["torch"], mebibytes["elman"], at_most=True)
    entry["reached"] = mebibytes["elman"] <= mebibytes["torch"] + RESOLUTION
    return entry


def growth(peer: str, case: TrainingCase) -> float:
    """MiB by which two epochs of the case raise the peak of a fresh process."""
    with Worker(PEERS[peer].module) as worker:
        worker.call("build", TrainingCase(case.cell, TINY))
        worker.call("train", 2 * BATCHES_PER_EPOCH)
        worker.call("reset_peak_memory")
        base = worker.call("peak_memory")
        worker.call("build", case)
        worker.call("train", 2 * BATCHES_PER_EPOCH)
        return float(worker.call("peak_memory") - base)
