"""Two threads beside one, on the two largest sizes.

Whether the machine has two cores free is measured in the same rounds: two processes at once, each
with a large matrix product on one thread, over one process alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from statistics import median
from typing import Any

from benchmarks import measure, registry
from benchmarks.cases.training import PEERS, Wanted, goal
from benchmarks.registry import BATCHES_PER_EPOCH, TrainingCase
from benchmarks.worker import Worker

CORES_FREE = 1.8
"""The two processes must get this much done before a goal that is missed is judged."""


CASES = {
    f"threads/{cell}/{size.label}": TrainingCase(cell, size)
    for size in registry.SIZES[-2:]
    for cell in registry.GATES
}


def run(wanted: Wanted, rounds: int, seconds: float) -> Iterator[dict[str, Any]]:
    """elman and PyTorch on one and on two threads."""
    chosen = {name: case for name, case in CASES.items() if wanted(name)}
    if not chosen:
        return
    with ExitStack() as stack:
        workers = {
            (name, threads): stack.enter_context(Worker(PEERS[name].module, threads=threads))
            for name in ("elman", "torch")
            for threads in (1, 2)
        }
        gauges = [stack.enter_context(Worker("sgemm")) for _ in range(2)]
        for name, case in chosen.items():
            yield measured(name, case, workers, gauges, rounds, seconds)


def measured(
    name: str,
    case: TrainingCase,
    workers: dict[tuple[str, int], Worker],
    gauges: list[Worker],
    rounds: int,
    seconds: float,
) -> dict[str, Any]:
    """The record of one case."""
    for worker in workers.values():
        worker.call("build", case)
    gains: list[float] = []

    def gauge() -> None:
        alone = gauges[0].call("sgemm")["torch"]
        for worker in gauges:
            worker.ask("sgemm")
        gains.append(sum(worker.answer()["torch"] for worker in gauges) / alone)

    timings = measure.interleaved(
        {f"{peer} {threads}": _train(worker) for (peer, threads), worker in workers.items()},
        rounds,
        seconds,
        multiple=BATCHES_PER_EPOCH,
        beside=gauge,
    )
    gain = {
        peer: measure.ratio(timings[f"{peer} 1"], timings[f"{peer} 2"])
        for peer in ("elman", "torch")
    }
    machine_gain = median(gains)
    reached = goal("two threads over one", registry.TWO_THREADS_GOAL, gain["elman"]["median"])
    reached["judged"] = machine_gain >= CORES_FREE
    return {
        "case": name,
        "cell": case.cell,
        "size": case.size.label,
        "rounds": rounds,
        "peers": {peer: timing.record() for peer, timing in timings.items()},
        "gain": gain,
        "sgemm_gain": machine_gain,
        "goals": [reached],
    }


def _train(worker: Worker) -> measure.Run:
    return lambda count: worker.call("train", count)
