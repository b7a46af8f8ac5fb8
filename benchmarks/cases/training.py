"""Time of one training step: elman beside PyTorch, JAX and Keras."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchmarks import agreement, measure, registry
from benchmarks.registry import BATCHES_PER_EPOCH, TrainingCase
from benchmarks.worker import Worker

WATCHED = {"elman", "torch"}
"""Peers that keep one processor busy and never wait of their own accord."""
Wanted = Callable[[str], bool]
"""Whether the case of that name is to be measured."""


@dataclass(frozen=True)
class Peer:
    """A column of the table: the adapter and the variables that its process gets."""

    module: str
    variables: dict[str, str] = field(default_factory=dict)


PEERS = {
    "elman": Peer("elman"),
    "torch": Peer("torch"),
    "torch tuned": Peer("torch", {"ELMAN_BENCH_TORCH": "tuned"}),
    "jax": Peer("jax"),
    "keras": Peer("keras", {"KERAS_BACKEND": "jax"}),
}
"""Keras runs on its JAX backend, the quickest of its three (in the two largest gated cases
TensorFlow was as quick)."""


def run(
    wanted: Wanted, peers: Iterable[str], rounds: int, seconds: float
) -> Iterator[dict[str, Any]]:
    """Measure the cases one after the other, all peers interleaved, and yield their records."""
    cases = [case for case in registry.TRAINING if wanted(case.name)]
    if not cases:
        return
    with ExitStack() as stack:
        workers = {
            name: stack.enter_context(Worker(PEERS[name].module, **PEERS[name].variables))
            for name in peers
        }
        gauge = stack.enter_context(Worker("sgemm"))
        for case in cases:
            yield measured(case, workers, gauge, rounds, seconds)


def measured(
    case: TrainingCase, workers: dict[str, Worker], gauge: Worker, rounds: int, seconds: float
) -> dict[str, Any]:
    """The record of one case; raises `agreement.Disagreement` before anything is timed."""
    for worker in workers.values():
        worker.call("build", case)
    differences = agree(case, workers)
    rates: list[dict[str, float]] = []
    walks: list[tuple[float, float]] = []

    def beside() -> None:
        rates.append(gauge.call("sgemm"))
        if "elman" in workers:
            repeats = max(1, round(seconds * 5e10 / case.flops))
            walks.append(workers["elman"].call("kernels", repeats))

    timings = measure.interleaved(
        {name: _train(worker) for name, worker in workers.items()},
        rounds,
        seconds,
        multiple=BATCHES_PER_EPOCH,
        beside=beside,
        watched=WATCHED & workers.keys(),
    )
    best = [max(rate.values()) for rate in rates]
    record: dict[str, Any] = {
        "case": case.name,
        "cell": case.cell,
        "size": case.size.label,
        "flops": case.flops,
        "rounds": rounds,
        "largest_difference": differences,
        "sgemm_gflops": {name: median(rate[name] for rate in rates) for name in rates[0]},
        "peers": {name: timing.record() for name, timing in timings.items()},
    }
    for name, timing in timings.items():
        entry = record["peers"][name]
        entry["gflops"] = case.flops / timing.median / 1e3
        entry["share_of_sgemm"] = median(
            case.flops / us / 1e3 / rate for us, rate in zip(timing.microseconds, best, strict=True)
        )
    if "elman" in timings:
        forward, backward = (1e6 * median(part) for part in zip(*walks, strict=True))
        rest = record["peers"]["elman"]["us"] - forward - backward
        record["elman_parts_us"] = {"forward": forward, "backward": backward, "rest": rest}
        record["ratio"] = {
            name: measure.ratio(timing, timings["elman"])
            for name, timing in timings.items()
            if name != "elman"
        }
        record["goals"] = list(goals(case, record))
    return record


def agree(case: TrainingCase, workers: dict[str, Worker]) -> dict[str, float]:
    """Largest difference of each peer to the first of them, from the same weights."""
    answers = {
        name: (worker.call("forward"), worker.call("gradients")) for name, worker in workers.items()
    }
    reference = "torch" if "torch" in answers else next(iter(answers))
    return {
        name: agreement.largest_difference(
            case.name, name, output, gradients, reference, *answers[reference]
        )
        for name, (output, gradients) in answers.items()
        if name != reference
    }


def goals(case: TrainingCase, record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What the case should reach, what it reached."""
    ratio = record["ratio"]
    if case.goal is not None and "torch" in ratio:
        yield goal("ratio to torch.nn", case.goal, ratio["torch"]["median"])
    if case.size is registry.SIZES[0] and "jax" in ratio:
        yield goal("ratio to jitted JAX", registry.JAX_GOAL_ON_FIRST_SIZE, ratio["jax"]["median"])
    if case.size.sgemm_share_goal is not None:
        share = record["peers"]["elman"]["share_of_sgemm"]
        yield goal("share of sgemm", case.size.sgemm_share_goal, share)


def goal(what: str, target: float, got: float, at_most: bool = False) -> dict[str, Any]:
    """One goal: reached when `got` is at least (or `at_most`) the target."""
    return {
        "what": what,
        "target": target,
        "got": got,
        "at_most": at_most,
        "reached": got <= target if at_most else got >= target,
    }


def _train(worker: Worker) -> measure.Run:
    return lambda count: worker.call("train", count)
