"""What users of TensorFlow do with a layer of elman.keras; run as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import tensorflow as tf

import elman.keras as ours
from elman.errors import InputError
from elman.keras import on_tensorflow
from elman.keras.plan import Plan

RNG = np.random.default_rng(0)
X = tf.constant(RNG.standard_normal((5, 7, 3)), tf.float32)


def pair(name: str, **options: Any) -> tuple[Any, Any]:
    theirs, mine = (getattr(home, name)(4, **options) for home in (keras.layers, ours))
    theirs(X), mine(X)
    mine.set_weights(theirs.get_weights())
    return theirs, mine


def close(first: Any, second: Any, tolerance: float = 1e-5) -> None:
    np.testing.assert_allclose(np.asarray(first), np.asarray(second), atol=tolerance, rtol=0)


def a_graph_serves_every_batch_and_length() -> None:
    theirs, mine = pair("GRU", return_sequences=True)
    traces = []

    @tf.function(input_signature=[tf.TensorSpec((None, None, 3))])
    def walked(x: Any) -> Any:
        traces.append(1)
        return mine(x)

    for shape in ((1, 1, 3), (6, 2, 3), (2, 11, 3)):
        x = tf.constant(RNG.standard_normal(shape), tf.float32)
        close(walked(x), theirs(x))
    assert len(traces) == 1
    assert walked(tf.zeros((0, 4, 3))).shape == (0, 4, 4)


def a_tape_may_be_walked_back_twice() -> None:
    theirs, mine = pair("LSTM")
    found = []
    for layer in (theirs, mine, mine):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(X)
            total = tf.reduce_sum(layer(X) ** 2)
        sources = [X, *layer.trainable_variables]
        first, second = tape.gradient(total, sources), tape.gradient(total, sources)
        for one, other in zip(first, second, strict=True):
            np.testing.assert_array_equal(one, other)
        found.append(first)
    for one, other in zip(found[0], found[1], strict=True):
        close(one, other)


def a_second_derivative_is_refused() -> None:
    layer = ours.LSTM(4)
    with tf.GradientTape() as outer, tf.GradientTape() as inner:
        outer.watch(X), inner.watch(X)
        total = tf.reduce_sum(layer(X) ** 2)
        try:
            outer.gradient(tf.reduce_sum(inner.gradient(total, X) ** 2), X)
        except InputError as error:
            assert "no second derivatives" in str(error)
        else:
            raise AssertionError("a second derivative was taken")


def a_saved_model_goes_on_in_another_process() -> None:
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Input((None, 3)), ours.LSTM(4), keras.layers.Dense(2)]
    model = keras.Sequential(layers)
    with tempfile.TemporaryDirectory() as folder:
        model.export(Path(folder) / "model", verbose=False)
        np.save(Path(folder) / "x.npy", X)
        program = """
import sys
from pathlib import Path
import numpy as np
import tensorflow as tf
import elman.keras.on_tensorflow
folder = Path(sys.argv[1])
loaded = tf.saved_model.load(str(folder / "model"))
np.save(folder / "y.npy", loaded.serve(np.load(folder / "x.npy")))
"""
        subprocess.run([sys.executable, "-c", program, folder], check=True)
        close(np.load(Path(folder) / "y.npy"), model(X), 1e-6)


def double_precision_is_kept() -> None:
    layer = ours.SimpleRNN(4, dtype="float64")
    assert layer(tf.cast(X, tf.float64)).dtype == tf.float64


def threads_do_not_meet() -> None:
    _, mine = pair("GRU")
    inputs = [X * scale for scale in np.linspace(0.1, 2, 16)]
    alone = [mine(x) for x in inputs]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(mine, inputs))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


def wrong_shapes_are_refused() -> None:
    plan = Plan("lstm", True, False, True, False, False, False)
    state = [tf.zeros((5, 4))] * 2
    weights = [tf.zeros((3, 16)), tf.zeros((4, 16)), tf.zeros(12)]
    try:
        on_tensorflow.run(plan, [X, *state, *weights])
    except tf.errors.InvalidArgumentError as error:
        assert "input 5: expected 16 along axis 0, got 12" in str(error)
    else:
        raise AssertionError("a bias of another length was taken")


def a_library_without_the_interface_is_refused() -> None:
    program = """
from elman import _core
from elman.errors import BackendUnavailable
try:
    _core.register_tensorflow("/no/such/library.so")
except BackendUnavailable as error:
    print(error)
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "/no/such/library.so does not offer TF_" in ran.stdout


if __name__ == "__main__":
    a_graph_serves_every_batch_and_length()
    a_tape_may_be_walked_back_twice()
    a_second_derivative_is_refused()
    a_saved_model_goes_on_in_another_process()
    double_precision_is_kept()
    threads_do_not_meet()
    wrong_shapes_are_refused()
    a_library_without_the_interface_is_refused()
