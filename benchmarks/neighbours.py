"""`run.py neighbours`: elman's layers inside PyTorch and Keras, beside those they stand in for.

Everything on one thread. Outputs and gradients are compared first; then both take turns, and what
is reported is the median of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

import elman
from benchmarks import machine
from benchmarks.agreement import largest_difference
from benchmarks.measure import Run, interleaved, ratio
from benchmarks.tables import Table

RESULTS = Path(__file__).resolve().parent / "results" / "neighbours.json"
KERAS_JOB = Path(__file__).resolve().parent / "jobs" / "neighbours_keras.py"

# kind, batch, steps, inputs, units, times sooner than torch.nn at least
LAYERS = (
    ("RNN", 32, 20, 1, 16, 8.0),
    ("GRU", 32, 20, 1, 16, 20.0),
    ("LSTM", 32, 20, 1, 16, None),
    ("RNN", 32, 100, 8, 64, 4.0),
    ("GRU", 32, 100, 8, 64, 5.0),
    ("LSTM", 32, 100, 8, 64, None),
    ("LSTM", 64, 28, 28, 128, 1.3),
)
UNEQUAL = (("RNN", None), ("GRU", 10.0), ("LSTM", None))
REGULARIZED = (1, 8, 32)  # rows
ONNX = ((1, 20), (32, 100))
# program, backend, times sooner than Keras's own layer at least
KERAS = (
    ("sine", "tensorflow", 3.0),
    ("sine", "jax", 2.0),
    ("sine", "torch", 5.0),
    ("gru", "tensorflow", None),
    ("gru", "jax", None),
    ("gru", "torch", None),
)
KERAS_PROGRAMS = {
    "sine": "sine program (SimpleRNN of 16 units, batch 32, 20 steps)",
    "gru": "GRU of 64 units, batch 32, 100 steps",
}


def main(arguments: list[str] | None = None) -> int:
    """Measures what is asked for, prints the table and writes the records."""
    options = parser().parse_args(arguments)
    os.environ["OMP_NUM_THREADS"] = "1"
    elman.set_num_threads(1)
    records = []
    for name, measure in cases(options.rounds, options.seconds):
        if options.only and not any(text in name for text in options.only):
            continue
        record = {"case": name, **measure()}
        record["measured"] = datetime.now(timezone.utc).isoformat(timespec="minutes")
        records.append(record)
        print(json.dumps(record), flush=True)
    kept = []
    if RESULTS.exists():
        new = {record["case"] for record in records}
        kept = [one for one in json.loads(RESULTS.read_text())["records"] if one["case"] not in new]
    content = {"machine": machine.describe(), "records": kept + records}
    RESULTS.write_text(json.dumps(content, indent=1) + "\n")
    print(table(records).text())
    return 1 if any(one["reached"] is False for one in records) else 0


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="benchmarks/run.py neighbours", description=__doc__)
    top.add_argument("--only", nargs="+", metavar="TEXT", help="cases whose name contains one")
    top.add_argument("--rounds", type=int, default=9)
    top.add_argument("--seconds", type=float, default=0.1)
    return top


def cases(rounds: int, seconds: float) -> Iterator[tuple[str, Callable[[], dict[str, Any]]]]:
    """The name of every case, and what measures it."""
    for kind, *sizes, target in LAYERS:
        name = f"torch/{kind}/{','.join(map(str, sizes))}"
        yield name, lambda k=kind, s=sizes, g=target: layers(k, s, g, rounds, seconds)
    for kind, target in UNEQUAL:
        name = f"torch/{kind}/lengths 1 to 1000, batch 32, 64 units"
        yield name, lambda k=kind, g=target: unequal(k, g, rounds, seconds)
    for batch in REGULARIZED:
        name = (
            f"torch/LSTM with recurrent dropout and layer norm, batch {batch}, 50 steps, 128 units"
        )
        yield name, lambda b=batch: regularized(b, 20.0, rounds, seconds)
    for batch, steps in ONNX:
        name = f"onnx/GRU of 64 units, batch {batch}, {steps} steps, predict"
        yield name, lambda b=batch, s=steps: exported(b, s, 1.0, rounds, seconds)
    for program, backend, target in KERAS:
        name = f"keras/{KERAS_PROGRAMS[program]} on {backend}"
        yield name, lambda p=program, b=backend, g=target: keras_fit(p, b, g, rounds)


# ------------------------------------------------------------------------------- PyTorch


def layers(
    kind: str, sizes: list[int], target: float | None, rounds: int, seconds: float
) -> dict[str, Any]:
    """Forward and backward of one layer inside PyTorch."""
    import torch

    batch, steps, inputs, units = sizes
    theirs, mine = pair(kind, inputs, units)
    x = torch.randn(batch, steps, inputs)
    d_output = torch.randn(batch, steps, units)
    runs = {
        name: stepping(module, lambda module=module: module(x)[0], d_output)
        for name, module in (("torch", theirs), ("elman", mine))
    }
    outputs = {name: module(x)[0] for name, module in (("torch", theirs), ("elman", mine))}
    return timed(
        f"{kind} {sizes}", runs, outputs, (theirs, mine), d_output, target, rounds, seconds
    )


def unequal(kind: str, target: float | None, rounds: int, seconds: float) -> dict[str, Any]:
    """Rows of 1 to 1000 steps: packed for PyTorch, with their lengths for elman."""
    import torch
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    theirs, mine = pair(kind, 8, 64)
    lengths = torch.as_tensor(np.random.default_rng(0).integers(1, 1001, 32))
    steps = int(lengths.max())
    x = torch.randn(32, steps, 8)
    d_output = torch.randn(32, steps, 64) * (torch.arange(steps) < lengths[:, None])[:, :, None]

    def packed() -> torch.Tensor:
        rows = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        output, _ = theirs(rows)
        return pad_packed_sequence(output, batch_first=True, total_length=steps)[0]

    def with_lengths() -> torch.Tensor:
        return mine(x, lengths=lengths)[0]

    runs = {
        "torch": stepping(theirs, packed, d_output),
        "elman": stepping(mine, with_lengths, d_output),
    }
    outputs = {"torch": packed(), "elman": with_lengths()}
    return timed(
        f"{kind} lengths", runs, outputs, (theirs, mine), d_output, target, rounds, seconds
    )


def regularized(batch: int, target: float, rounds: int, seconds: float) -> dict[str, Any]:
    """An LSTM that is regularised from within, beside a loop over a cell of PyTorch's operations.

    PyTorch's LSTMCell has neither; this is how one is written who needs them.
    """
    import torch
    from torch.nn.functional import dropout, layer_norm, linear

    import elman.torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    steps, inputs, units, rate = 50, 16, 128, 0.25
    layer = elman.torch.LSTM(
        inputs, units, batch_first=True, recurrent_dropout=rate, layer_norm=True
    )
    x = torch.randn(batch, steps, inputs)

    def cell(own: dict[str, Any], mask: Any, x_t: Any, h: Any, c: Any) -> tuple[Any, Any]:
        def normed(value: Any, name: str) -> Any:
            gain, shift = own[f"weight_ln_{name}_l0"], own[f"bias_ln_{name}_l0"]
            return layer_norm(value, gain.shape, gain, shift)

        of_input = normed(linear(x_t, own["weight_ih_l0"], own["bias_ih_l0"]), "ih")
        of_state = normed(linear(mask * h, own["weight_hh_l0"], own["bias_hh_l0"]), "hh")
        i, f, g, o = (of_input + of_state).chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(normed(c, "c")), c

    def looped() -> torch.Tensor:
        own = dict(layer.named_parameters())
        mask = dropout(torch.ones(batch, units), rate, layer.training)
        h = c = torch.zeros(batch, units)
        outputs = []
        for t in range(steps):
            h, c = cell(own, mask, x[:, t], h, c)
            outputs.append(h)
        return torch.stack(outputs, dim=1)

    d_output = torch.randn(batch, steps, units)
    forwards = {"torch": looped, "elman": lambda: layer(x)[0]}
    layer.eval()  # without the masks, which each draws for itself, both must agree
    outputs = {name: forward() for name, forward in forwards.items()}
    difference = agreement("regularised LSTM", outputs, (layer, layer), d_output)
    layer.train()
    runs = {name: stepping(layer, forward, d_output) for name, forward in forwards.items()}
    return {"difference": difference, **turns(runs, target, rounds, seconds)}


def pair(kind: str, inputs: int, units: int) -> tuple[Any, Any]:
    """PyTorch's layer and elman's with the same weights."""
    import torch

    import elman.torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    theirs = getattr(torch.nn, kind)(inputs, units, batch_first=True)
    mine = getattr(elman.torch, kind)(inputs, units, batch_first=True)
    mine.load_state_dict(theirs.state_dict())
    return theirs, mine


def stepping(module: Any, forward: Callable[[], Any], d_output: Any) -> Run:
    """Forward and backward, so many times."""
    parameters = list(module.parameters())

    def run(count: int) -> tuple[float, float]:
        wall, processor = time.perf_counter(), time.process_time()
        for _ in range(count):
            for parameter in parameters:
                parameter.grad = None
            forward().backward(d_output)
        return time.perf_counter() - wall, time.process_time() - processor

    return run


def timed(
    name: str,
    runs: dict[str, Run],
    outputs: dict[str, Any],
    modules: tuple[Any, Any],
    d_output: Any,
    target: float | None,
    rounds: int,
    seconds: float,
) -> dict[str, Any]:
    """Agreement first, then the two in turns."""
    difference = agreement(name, outputs, modules, d_output)
    return {"difference": difference, **turns(runs, target, rounds, seconds)}


def agreement(name: str, outputs: dict[str, Any], modules: tuple[Any, Any], d_output: Any) -> float:
    """The largest difference of outputs and gradients; refuses one that is too large."""
    import torch

    found = []
    for output, module in zip(outputs.values(), modules, strict=True):
        names = [one for one, _ in module.named_parameters()]
        gradients = torch.autograd.grad(output, list(module.parameters()), d_output)
        arrays = {n: g.numpy() for n, g in zip(names, gradients, strict=True)}
        found.append((output.detach().numpy(), arrays))
    (first, second), (theirs, mine) = outputs, found
    return largest_difference(name, second, *mine, first, *theirs)


def turns(
    runs: dict[str, Run], target: float | None, rounds: int, seconds: float
) -> dict[str, Any]:
    """The two in turns, and their ratio beside what it must be."""
    peer = next(name for name in runs if name != "elman")
    timings = interleaved(runs, rounds, seconds)
    return {
        "elman": timings["elman"].record(),
        "theirs": timings[peer].record(),
        **judged(ratio(timings[peer], timings["elman"]), target),
    }


def judged(found: dict[str, float], target: float | None) -> dict[str, Any]:
    """The ratio beside what it must be."""
    reached = None if target is None else found["median"] >= target
    return {"ratio": found, "target": target, "reached": reached}


# ---------------------------------------------------------------------------------- ONNX


def exported(batch: int, steps: int, target: float, rounds: int, seconds: float) -> dict[str, Any]:
    """`network.predict` beside the same network, exported, in ONNX Runtime."""
    import onnxruntime

    network = elman.Network([elman.GRU(8, 64), elman.Dense(64, 1)], seed=0)
    x = np.random.default_rng(0).standard_normal((batch, steps, 8)).astype(np.float32)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "network.onnx")
        network.to_onnx(file, states=False, lengths=False)
        session = onnxruntime.InferenceSession(file, options, ["CPUExecutionProvider"])

    def repeated(call: Callable[[], Any]) -> Run:
        def run(count: int) -> tuple[float, float]:
            wall, processor = time.perf_counter(), time.process_time()
            for _ in range(count):
                call()
            return time.perf_counter() - wall, time.process_time() - processor

        return run

    def theirs() -> Any:
        return session.run(["y"], {"x": x})[0]

    found = largest_difference(
        "GRU exported", "elman", network.predict(x), {}, "onnxruntime", theirs(), {}
    )
    runs = {"theirs": repeated(theirs), "elman": repeated(lambda: network.predict(x))}
    return {"difference": found, **turns(runs, target, rounds, seconds)}


# --------------------------------------------------------------------------------- Keras


def keras_fit(program: str, backend: str, target: float | None, rounds: int) -> dict[str, Any]:
    """A program in a process of its own: its `fit` with both layers in turns."""
    variables = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    ran = subprocess.run(
        [sys.executable, str(KERAS_JOB), program, str(rounds)],
        capture_output=True,
        text=True,
        check=True,
        env=variables,
    )
    found = json.loads(ran.stdout.splitlines()[-1])
    ratios = np.array(found["keras"]) / np.array(found["elman"])
    low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75])
    spread = {"median": float(middle), "low": float(low), "high": float(high)}
    return {
        "difference": found["difference"],
        "theirs": {"us": 1e6 * float(np.median(found["keras"]))},
        "elman": {"us": 1e6 * float(np.median(found["elman"]))},
        "without": {"us": 1e6 * float(np.median(found["without"]))},
        **judged(spread, target),
    }


# --------------------------------------------------------------------------------- the page


def table(records: list[dict[str, Any]]) -> Table:
    """Every case with its ratio."""
    rows = []
    for one in records:
        found = one["ratio"]
        rows.append(
            [
                one["case"],
                _milliseconds(one["elman"]["us"]),
                _milliseconds(one["theirs"]["us"]),
                _milliseconds(one["without"]["us"]) if "without" in one else "",
                f"{_ratio(found['median'])} ({_ratio(found['low'])} to {_ratio(found['high'])})",
                "" if one["target"] is None else f"at least {one['target']:g}x",
                {True: "reached", False: "**missed**", None: ""}[one["reached"]],
                f"{one['difference']:.0e}",
            ]
        )
    heads = [
        "work",
        "elman ms",
        "theirs ms",
        "without the layer",
        "times sooner",
        "goal",
        "",
        "largest difference",
    ]
    return Table("Beside PyTorch and Keras, inside them", heads, rows)


def _ratio(value: float) -> str:
    """Cut, not rounded: what misses a goal must not look as if it reached it."""
    return (
        f"{math.floor(10 * value) / 10:.1f}x"
        if value >= 10
        else f"{math.floor(100 * value) / 100:.2f}x"
    )


def _milliseconds(microseconds: float) -> str:
    return f"{microseconds / 1000:.3g}"


def page() -> str:
    """The table as Markdown, from the records."""
    if not RESULTS.exists():
        return ""
    return table(json.loads(RESULTS.read_text())["records"]).markdown()
