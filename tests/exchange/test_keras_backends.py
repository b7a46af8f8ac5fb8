"""What :mod:`test_keras_across` says, on each of Keras's backends in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import keras_backend  # noqa: F401  # before Keras itself is imported

keras: Any = pytest.importorskip("keras")

HERE = Path(__file__).resolve().parent


def run_on(backend: str, *more: str) -> None:
    if find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    if backend == keras.backend.backend():
        pytest.skip("test_keras_across itself runs on it here")
    ran = subprocess.run(
        [
            sys.executable,
            *("-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *(str(HERE / "test_keras_across.py"), *more),
        ],
        env={**os.environ, "KERAS_BACKEND": backend},
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-1000:]
    assert " passed" in ran.stdout


@pytest.mark.parametrize("backend", ["tensorflow", "torch"])
def test_networks_cross(backend: str) -> None:
    run_on(backend)


def test_networks_cross_on_jax() -> None:
    """A part: each shape is compiled by itself there."""
    run_on("jax", "-k", "back_gives_the_same or backwards or double or own_is_not_known")


@pytest.mark.slow
def test_all_networks_cross_on_jax() -> None:
    run_on("jax")
