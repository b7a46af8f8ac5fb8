"""The arithmetic a processor can reach: a large single-precision matrix product.

A peer like the others, so that it is measured in the same rounds, under the same disturbances.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

SIDE = 1024


def rates(model: None, seconds: float = 0.05) -> dict[str, float]:
    """GFLOP/s of a square product in NumPy's and in PyTorch's matrix library."""
    del model
    generator = np.random.default_rng(0)
    a, b = (generator.standard_normal((SIDE, SIDE), np.float32) for _ in range(2))
    c, d = torch.from_numpy(a), torch.from_numpy(b)
    out, out_torch = np.empty_like(a), torch.empty_like(c)
    return {
        "numpy": _rate(lambda: np.matmul(a, b, out=out), seconds),
        "torch": _rate(lambda: torch.mm(c, d, out=out_torch), seconds),
    }


def _rate(product: Callable[[], Any], seconds: float) -> float:
    product()
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        product()
        count += 1
    return 2e-9 * SIDE**3 * count / (time.perf_counter() - start)


def versions() -> dict[str, str]:
    return {"numpy": np.__version__}
