"""Windows of the sine wave."""

from __future__ import annotations

import numpy as np


def windows() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Training and test windows `(rows, 20, 1)` with the value that follows each `(rows, 1)`."""
    wave = np.sin(np.linspace(0, 100, 500)).astype(np.float32)
    view = np.lib.stride_tricks.sliding_window_view(wave, 21)
    x, y = view[:, :20, None], view[:, 20:]
    split = int(0.8 * len(x))
    return x[:split].copy(), y[:split].copy(), x[split:].copy(), y[split:].copy()
