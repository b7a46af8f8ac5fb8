"""Latency of one streaming step of an LSTM, called from Python."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np

from benchmarks import measure, registry
from benchmarks.agreement import TOLERANCE, Disagreement
from benchmarks.cases.training import Wanted, goal
from benchmarks.worker import Worker

PEERS = {"elman": "elman", "torch.nn.LSTMCell": "torch", "ONNX Runtime": "onnx"}
CHECKED_STEPS = 25


def run(wanted: Wanted, rounds: int, seconds: float) -> Iterator[dict[str, Any]]:
    """Check that the three walk to the same state, then time them."""
    case = registry.STREAM
    if not wanted(case.name):
        return
    with ExitStack() as stack:
        workers = {name: stack.enter_context(Worker(module)) for name, module in PEERS.items()}
        for worker in workers.values():
            worker.call("build", case)
        states = {name: worker.call("stream", CHECKED_STEPS) for name, worker in workers.items()}
        for name, state in states.items():
            difference = float(np.abs(state - states["torch.nn.LSTMCell"]).max())
            if not difference <= TOLERANCE:
                raise Disagreement(f"{case.name}: {name} ends {difference:.1e} from torch's state")
        timings = measure.interleaved(
            {name: _step(worker) for name, worker in workers.items()},
            rounds,
            seconds,
            1000,
            watched=workers,
        )
    base = timings["elman"]
    yield {
        "case": case.name,
        "rounds": rounds,
        "peers": {name: timing.record() for name, timing in timings.items()},
        "ratio": {
            name: measure.ratio(timing, base) for name, timing in timings.items() if name != "elman"
        },
        "goals": [
            goal("us per step", registry.STEP_LATENCY_GOAL_US, base.median, at_most=True),
        ],
    }


def _step(worker: Worker) -> measure.Run:
    return lambda count: worker.call("step", count)
