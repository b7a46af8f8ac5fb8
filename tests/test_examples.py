"""The examples run as they stand, and come to what they claim."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))


def run(path: Path, folder: Path) -> str:
    environment = {**os.environ, "ELMAN_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning", str(path)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(path: Path, tmp_path: Path) -> None:
    assert path.read_text().startswith('"""')
    printed = run(path, tmp_path)
    assert printed.strip()
    assert "nan" not in printed.lower()
    if path.stem == "sine_forecast":
        assert float(re.search(r"'mse': ([\d.e-]+)", printed).group(1)) < 1e-3
    if path.stem == "many_series":
        assert float(re.search(r"mean absolute error: ([\d.]+)", printed).group(1)) < 5
    if path.stem == "emulate_oscillator":
        assert float(re.search(r"deviation: ([\d.]+)", printed).group(1)) < 0.1
    if path.stem == "free_running":
        assert float(re.search(r"steps: ([\d.]+)", printed).group(1)) < 0.3


def test_the_sine_example_is_about_fifteen_lines() -> None:
    text = next(path for path in EXAMPLES if path.stem == "sine_forecast").read_text()
    code = [line for line in text.splitlines() if line.strip() and not line.startswith(("#", '"'))]
    assert len(code) <= 15
