"""The notes' sine program in Keras with Keras's layer and elman's in turns; prints JSON."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import keras
import numpy as np

import elman.keras

EPOCHS = 5


def model(layer: Any) -> Any:
    keras.utils.set_random_seed(0)
    made = keras.Sequential([keras.layers.Input((20, 1)), layer(), keras.layers.Dense(1)])
    made.compile(keras.optimizers.Adam(0.001), "mse")
    return made


def main(rounds: int) -> None:
    if keras.backend.backend() == "torch":
        import torch

        torch.set_num_threads(1)
    windows = np.lib.stride_tricks.sliding_window_view(np.sin(np.linspace(0, 100, 500)), 21)
    x, y = windows[:384, :20, None].astype("float32"), windows[:384, 20:].astype("float32")
    models = {
        "keras": model(lambda: keras.layers.SimpleRNN(16)),
        "elman": model(lambda: elman.keras.SimpleRNN(16)),
        "without": model(keras.layers.Flatten),  # what Keras's training takes by itself
    }
    losses = {}
    for name, one in models.items():  # compiles, and shows that both do the same
        history = one.fit(x, y, epochs=1, batch_size=32, shuffle=False, verbose=0)
        losses[name] = history.history["loss"][-1]
    seconds: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(rounds):
        for name, one in models.items():
            started = time.perf_counter()
            one.fit(x, y, epochs=EPOCHS, batch_size=32, shuffle=False, verbose=0)
            seconds[name].append(time.perf_counter() - started)
    difference = abs(losses["keras"] - losses["elman"]) / losses["keras"]
    assert difference < 1e-3, losses
    print(json.dumps({**seconds, "difference": difference}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
