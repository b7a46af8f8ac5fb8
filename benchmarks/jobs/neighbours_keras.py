"""A training program in Keras with Keras's layer, elman's and none in turns; prints JSON."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any, NamedTuple

# one thread each: what XLA is told must stand before it is loaded
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import keras
import numpy as np

import elman
import elman.keras


def sine_data() -> tuple[Any, Any]:
    windows = np.lib.stride_tricks.sliding_window_view(np.sin(np.linspace(0, 100, 500)), 21)
    return windows[:384, :20, None].astype("float32"), windows[:384, 20:].astype("float32")


def gru_data() -> tuple[Any, Any]:
    x = np.random.default_rng(0).standard_normal((384, 100, 8)).astype("float32")
    return x, x[:, -20:].sum(axis=(1, 2))[:, None]


class Program(NamedTuple):
    """What is trained, and how long."""

    layer: str
    units: int
    stand_in: Any  # makes the shape fit where the recurrent layer is left out
    data: tuple[Any, Any]
    epochs: int  # of twelve steps


PROGRAMS = {
    "sine": lambda: Program("SimpleRNN", 16, keras.layers.Flatten, sine_data(), 5),  # the notes'
    "gru": lambda: Program("GRU", 64, keras.layers.GlobalAveragePooling1D, gru_data(), 1),
}


def use_one_thread() -> None:
    elman.set_num_threads(1)
    if keras.backend.backend() == "torch":
        import torch

        torch.set_num_threads(1)
    elif keras.backend.backend() == "tensorflow":
        import tensorflow

        tensorflow.config.threading.set_inter_op_parallelism_threads(1)
        tensorflow.config.threading.set_intra_op_parallelism_threads(1)


def compiled(layer: Any, shape: tuple[int, ...]) -> Any:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Input(shape), layer(), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.001), "mse")
    return model


def main(name: str, rounds: int) -> None:
    use_one_thread()
    program = PROGRAMS[name]()
    x, y = program.data
    layers = {
        "keras": lambda: getattr(keras.layers, program.layer)(program.units),
        "elman": lambda: getattr(elman.keras, program.layer)(program.units),
        "without": program.stand_in,  # what Keras's training takes by itself
    }
    models = {one: compiled(layer, x.shape[1:]) for one, layer in layers.items()}
    for model in models.values():  # compiles, and shows that both do the same
        model.fit(x, y, epochs=1, batch_size=32, shuffle=False, verbose=0)
    weights = [models[one].get_weights() for one in ("keras", "elman")]
    # Twelve steps of Adam move every weight by about 0.012 whatever its gradient's size.
    difference = max(float(np.abs(a - b).max()) for a, b in zip(*weights, strict=True))
    assert difference < 1e-4, f"the trained weights differ by {difference}"
    seconds: dict[str, list[float]] = {one: [] for one in models}
    for _ in range(rounds):
        for one, model in models.items():
            started = time.perf_counter()
            model.fit(x, y, epochs=program.epochs, batch_size=32, shuffle=False, verbose=0)
            seconds[one].append(time.perf_counter() - started)
    print(json.dumps({**seconds, "difference": difference}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
