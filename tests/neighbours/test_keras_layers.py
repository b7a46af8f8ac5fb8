"""elman.keras on each of Keras's backends, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("keras_parity.py")


@pytest.mark.parametrize(
    "backend",
    ["torch", "tensorflow", pytest.param("jax", marks=pytest.mark.slow)],
)
def test_the_layers_are_kerass(backend: str) -> None:
    for needed in ("keras", backend):
        if find_spec(needed) is None:
            pytest.skip(f"{needed} is not installed")
    ran = subprocess.run(
        [sys.executable, str(SCRIPT), backend], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    found = json.loads(ran.stdout.splitlines()[-1])
    worst = {"gradients": 1e-4, "training": 1e-4, "files": 1e-6}
    for check, difference in found.items():
        assert difference < worst.get(check, 1e-5), (check, difference)
