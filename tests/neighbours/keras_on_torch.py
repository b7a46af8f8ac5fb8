"""What users of PyTorch do with a layer of elman.keras; run as a process of its own."""

from __future__ import annotations

import os
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import torch

import elman.keras as ours

RNG = np.random.default_rng(0)
X = torch.tensor(RNG.standard_normal((8, 7, 3)), dtype=torch.float32)
Y = X.sum((1, 2))[:, None]


def models(name: str, **options: Any) -> tuple[Any, Any]:
    """The same model with Keras's layer and ours."""
    made = []
    for home in (keras.layers, ours):
        layers = [getattr(home, name)(4, **options), keras.layers.Dense(1)]
        made.append(keras.Sequential([keras.layers.Input((7, 3), batch_size=4), *layers]))
        made[-1].set_weights(made[0].get_weights())
    return made[0], made[1]


def close(first: Any, second: Any, tolerance: float = 1e-5) -> None:
    first, second = (keras.ops.convert_to_numpy(one) for one in (first, second))
    np.testing.assert_allclose(first, second, atol=tolerance, rtol=0)


def fitted(model: Any, **options: Any) -> list[Any]:
    model.compile("sgd", "mse", **options)
    model.fit(X, Y, batch_size=4, epochs=3, shuffle=False, verbose=0)
    return list(model.get_weights())


def a_compiled_model_trains_and_predicts() -> None:
    theirs, mine = models("LSTM", return_sequences=True)
    found = fitted(mine, jit_compile=True)
    assert mine.jit_compile
    for first, second in zip(fitted(theirs), found, strict=True):
        close(first, second)
    close(theirs.predict(X, batch_size=4, verbose=0), mine.predict(X, batch_size=4, verbose=0))


def an_exported_program_gives_the_same() -> None:
    theirs, mine = models("GRU")
    program = torch.export.export(mine, (X[:4],))
    assert "elman.keras_walk" in str(program.graph)
    close(program.module()(X[4:]), theirs(X[4:]))


def a_stateful_model_trains() -> None:
    theirs, mine = models("SimpleRNN", stateful=True)
    for first, second in zip(fitted(theirs), fitted(mine), strict=True):
        close(first, second)


def memory_is_kept_for_a_backward_pass_alone() -> None:
    layer = ours.LSTM(64, return_sequences=True)
    x = torch.zeros(16, 200, 8)
    y = layer(x)
    walk = y.grad_fn
    while "kept" not in dir(walk):  # behind what Keras does to the outputs
        walk = walk.next_functions[0][0]
    assert walk.kept[0].numel() > 4 * 16 * 200 * 64
    y.sum().backward(retain_graph=True)
    assert not walk.kept
    y.sum().backward()
    with torch.no_grad():
        assert layer(x).grad_fn is None


def a_second_derivative_is_keras_s() -> None:
    theirs, mine = (one.layers[0] for one in models("GRU", return_sequences=True))
    found = []
    for layer in (theirs, mine):
        x = X.clone().requires_grad_()
        (d_x,) = torch.autograd.grad(layer(x).sin().sum(), x, create_graph=True)
        found.append(torch.autograd.grad((d_x**2).sum(), x)[0])
    close(*found, tolerance=1e-4)


def what_is_not_served_runs_keras_s_own() -> None:
    theirs, mine = (one.layers[0] for one in models("GRU"))
    close(*(torch.func.grad(lambda x, f=f: f(x).sin().sum())(X) for f in (theirs, mine)))
    close(*(torch.func.jacrev(f)(X[:2]) for f in (theirs, mine)))
    with keras.device("meta"):
        layer = ours.GRU(4)
        assert layer(X).device.type == "meta"
        assert layer.path == "keras (on meta)"
    assert mine.path == "elman"


if __name__ == "__main__":
    torch.manual_seed(0)
    a_compiled_model_trains_and_predicts()
    an_exported_program_gives_the_same()
    a_stateful_model_trains()
    memory_is_kept_for_a_backward_pass_alone()
    a_second_derivative_is_keras_s()
    what_is_not_served_runs_keras_s_own()
