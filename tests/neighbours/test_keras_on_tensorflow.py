"""What users of TensorFlow do with a layer of elman.keras, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("keras_on_tensorflow.py")


def test_graphs_tapes_saved_models_threads_and_refusals() -> None:
    for needed in ("keras", "tensorflow"):
        if find_spec(needed) is None:
            pytest.skip(f"{needed} is not installed")
    ran = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-3000:]
