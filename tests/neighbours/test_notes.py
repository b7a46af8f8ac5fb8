"""The four programs of the lecture notes, as they are and with the one import changed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples" / "notes"
CHANGE = re.compile(r"^from (\S+) import (\S+)  # or: (from \S+ import \S+)$", re.MULTILINE)
BACKENDS = [name for name in ("torch", "tensorflow", "jax") if find_spec(name)]
CASES = [
    ("toy_torch", ""),
    ("sine_torch", ""),
    *(
        pytest.param(name, backend, marks=() if backend == "torch" else pytest.mark.slow)
        for name in ("toy_keras", "sine_keras")
        for backend in BACKENDS
    ),
]


def run(source: str, folder: Path, backend: str) -> tuple[list[float], float]:
    """The losses that a program prints, and the seconds it took."""
    file = folder / "program.py"
    file.write_text(source)
    variables = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1"}
    if backend:
        variables["KERAS_BACKEND"] = backend
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, str(file)], capture_output=True, text=True, check=False, env=variables
    )
    assert done.returncode == 0 and "leaked" not in done.stderr, done.stderr[-2000:]
    losses = re.findall(r"epoch \d+ loss (\S+)", done.stdout)
    return [float(one) for one in losses], time.perf_counter() - started


@pytest.mark.parametrize(("name", "backend"), CASES)
def test_one_import_changes_nothing_but_the_time(
    name: str, backend: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    if "keras" in name and find_spec("keras") is None:
        pytest.skip("keras is not installed")
    source = (FOLDER / f"{name}.py").read_text()
    changed, number = CHANGE.subn(r"\3", source)
    assert number == 1 and "elman" not in CHANGE.sub("", source)
    theirs, their_time = run(source, tmp_path, backend)
    mine, my_time = run(changed, tmp_path, backend)
    seconds = f"{their_time:.2f} s, with elman {my_time:.2f} s, imports included"
    record_property("printed", f"{name} {backend}: {seconds}")
    # the sums are rounded in another order, and training makes the most of any difference
    assert len(mine) >= 4 and mine == pytest.approx(theirs, rel=1e-2)
    assert mine[-1] < 0.1 * mine[0]
