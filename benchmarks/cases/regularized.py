"""Time of a training step with recurrent dropout, zoneout and layer normalisation inside the cell.

elman beside itself: no other framework's quick path has the three. Before anything is timed, the
outputs and the gradients of the first batch, random numbers included, are held against the
reference backend's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from statistics import median
from typing import Any

from benchmarks import agreement, measure
from benchmarks.cases.training import PEERS, Wanted, goal
from benchmarks.peers import elman_peer
from benchmarks.registry import (
    BATCHES_PER_EPOCH,
    GATES,
    REGULARIZED,
    REGULARIZED_GOAL,
    REGULARIZED_SIZES,
    Size,
    TrainingCase,
)
from benchmarks.worker import Worker


def run(wanted: Wanted, rounds: int, seconds: float) -> Iterator[dict[str, Any]]:
    """All options side by side, interleaved, each in a process of its own, one thread."""
    chosen = [
        (cell, size)
        for size in REGULARIZED_SIZES
        for cell in GATES
        if wanted(case_name(cell, size))
    ]
    if not chosen:
        return
    with ExitStack() as stack:
        module = PEERS["elman"].module
        workers = {name: stack.enter_context(Worker(module)) for name in REGULARIZED}
        for cell, size in chosen:
            yield measured(cell, size, workers, rounds, seconds)


def case_name(cell: str, size: Size) -> str:
    """What `--only` looks at."""
    return f"regularized/{cell}/{size.label}"


def measured(
    cell: str, size: Size, workers: dict[str, Worker], rounds: int, seconds: float
) -> dict[str, Any]:
    """The record of one case; raises `agreement.Disagreement` before anything is timed."""
    cases = {name: TrainingCase(cell, size, options=REGULARIZED[name]) for name in workers}
    differences = {name: _difference(case, workers[name]) for name, case in cases.items()}
    kernels: dict[str, list[float]] = {name: [] for name in workers}

    def beside() -> None:
        repeats = max(1, round(seconds * 5e10 / cases["plain"].flops))
        for name, worker in workers.items():
            kernels[name].append(1e6 * sum(worker.call("kernels", repeats)))

    timings = measure.interleaved(
        {name: _train(worker) for name, worker in workers.items()},
        rounds,
        seconds,
        multiple=BATCHES_PER_EPOCH,
        beside=beside,
        watched=workers.keys(),
    )
    ratios = {name: measure.ratio(timing, timings["plain"]) for name, timing in timings.items()}
    plain = kernels["plain"]
    return {
        "case": case_name(cell, size),
        "cell": cell,
        "size": size.label,
        "rounds": rounds,
        "difference_to_reference": differences,
        "peers": {name: timing.record() for name, timing in timings.items()},
        "kernels_us": {name: median(times) for name, times in kernels.items()},
        "ratio": ratios,
        "kernels_ratio": {
            name: median(one / base for one, base in zip(times, plain, strict=True))
            for name, times in kernels.items()
        },
        "goals": [
            goal(f"{name} over plain", REGULARIZED_GOAL, ratio["median"], at_most=True)
            for name, ratio in ratios.items()
            if name != "plain"
        ],
    }


def _difference(case: TrainingCase, worker: Worker) -> float:
    """The largest difference to the reference backend, from the same weights and seed."""
    worker.call("build", case)
    output, gradients = worker.call("forward"), worker.call("gradients")
    reference = elman_peer.build(case, case.weights, backend="reference")
    return agreement.largest_difference(
        case.name,
        "elman",
        output,
        gradients,
        "the reference backend",
        elman_peer.forward(reference),
        elman_peer.gradients(reference),
    )


def _train(worker: Worker) -> measure.Run:
    return lambda count: worker.call("train", count)
