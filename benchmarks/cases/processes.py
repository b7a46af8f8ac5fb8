"""Whole processes, imports included: what somebody at a prompt waits for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import registry
from benchmarks.cases.training import Wanted, goal
from benchmarks.worker import ROOT, environment

SINE_JOBS = {"elman": {}, "torch": {}, "keras": {"KERAS_BACKEND": "jax"}}
SINE_ERROR_ALLOWED = 0.05
"""Mean squared test error (of a unit sine wave) above which a sine job counts as wrong."""
IMPORTS = {
    "numpy": "import numpy",
    "elman": "import numpy, elman",
    "elman, its network used": "import numpy, elman; elman.Network; elman.RNN; elman.Adam",
    "elman, its forecaster used": "import numpy, elman; elman.Forecaster",
}


def timed(command: list[str], folder: Path, **variables: str) -> tuple[float, str]:
    """Wall seconds and standard output of a process on one thread; raises when it fails."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    start = time.perf_counter()
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment(1, PYTHONPATH=path, **variables),
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(f"{command} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return seconds, done.stdout


def run_sine(wanted: Wanted, rounds: int) -> Iterator[dict[str, Any]]:
    """The sine job of each framework, in turn."""
    if not wanted("process/sine"):
        return
    seconds: dict[str, list[float]] = {name: [] for name in SINE_JOBS}
    errors = {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            for name, variables in SINE_JOBS.items():
                command = [sys.executable, "-m", f"benchmarks.jobs.sine_{name}"]
                spent, output = timed(command, Path(folder), **variables)
                seconds[name].append(spent)
                errors[name] = json.loads(output)["mse"]
    for name, error in errors.items():
        if not error <= SINE_ERROR_ALLOWED:
            raise RuntimeError(f"the sine job of {name} did not learn: test mse {error:.3g}")
    times = {name: median(values) for name, values in seconds.items()}
    yield {
        "case": "process/sine",
        "rounds": rounds,
        "seconds": times,
        "test_mse": errors,
        "goals": [goal("seconds", registry.SINE_JOB_GOAL_S, times["elman"], at_most=True)],
    }


def run_forecast(wanted: Wanted, rounds: int) -> Iterator[dict[str, Any]]:
    """`elman forecast` on the sunspot record, with its report."""
    if not wanted("process/forecast"):
        return
    seconds = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "elman", "forecast"]
            command += ["sunspots", "--out", "run"]
            seconds.append(timed(command, Path(folder))[0])
            if not (Path(folder) / "run" / "report.html").exists():
                raise RuntimeError("elman forecast left no report")
    yield {
        "case": "process/forecast",
        "rounds": rounds,
        "seconds": {"elman": median(seconds)},
        "goals": [goal("seconds", registry.FORECAST_GOAL_S, median(seconds), at_most=True)],
    }


def run_import(wanted: Wanted, rounds: int) -> Iterator[dict[str, Any]]:
    """`import elman` over `import numpy`, and over that the modules behind its names."""
    if not wanted("process/import"):
        return
    seconds: dict[str, list[float]] = {name: [] for name in IMPORTS}
    with tempfile.TemporaryDirectory() as folder:
        for round_ in range(rounds + 1):
            for name, statement in IMPORTS.items():
                spent, _ = timed([sys.executable, "-c", statement], Path(folder))
                if round_:  # the first round fills the file cache
                    seconds[name].append(spent)
    over = {
        name: 1e3 * median(a - b for a, b in zip(values, seconds["numpy"], strict=True))
        for name, values in seconds.items()
        if name != "numpy"
    }
    yield {
        "case": "process/import",
        "rounds": rounds,
        "numpy_ms": 1e3 * median(seconds["numpy"]),
        "over_numpy_ms": over,
        "goals": [
            goal("ms over numpy", registry.IMPORT_GOAL_MS, over["elman"], at_most=True),
        ],
    }
