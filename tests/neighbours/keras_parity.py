"""elman.keras held against keras.layers on one backend; run as a process for each of them.

Prints one line of JSON: for each check the largest difference that was found.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = sys.argv[1]
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np

import elman.keras as ours

RNG = np.random.default_rng(0)
X = RNG.standard_normal((5, 7, 3)).astype(np.float32)
MASK = RNG.random((5, 7)) < 0.7
MASK[1], MASK[2, 3:], MASK[3] = True, False, False
KINDS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("SimpleRNN", {}),
    ("SimpleRNN", {"activation": "relu"}),
    ("LSTM", {}),
    ("GRU", {}),
    ("GRU", {"reset_after": False}),
)
CARRIED = {"SimpleRNN": "h", "LSTM": "hc", "GRU": "h"}
EVERY = 1 if sys.argv[1] == "torch" else 5
"""So much longer is a call of the two that compile it."""


def pair(name: str, **options: Any) -> tuple[Any, Any]:
    """Keras's layer and ours with the same random weights."""
    theirs, mine = (getattr(home, name)(4, **options) for home in (keras.layers, ours))
    for layer in (theirs, mine):
        layer.build((5, 7, 3))
    weights = [0.4 * RNG.standard_normal(w.shape).astype(np.float32) for w in theirs.get_weights()]
    for layer in (theirs, mine):
        layer.set_weights(weights)
    assert mine.path == "elman"
    return theirs, mine


def difference(first: Any, second: Any) -> float:
    arrays = [
        [np.asarray(keras.ops.convert_to_numpy(one)) for one in many] for many in (first, second)
    ]
    assert [a.shape for a in arrays[0]] == [a.shape for a in arrays[1]]
    return max(float(np.abs(a - b).max()) for a, b in zip(*arrays, strict=True))


def forward() -> float:
    """Outputs and states with masks, states, backwards, without bias."""
    worst = 0.0
    settings = itertools.product((True, False), repeat=4)
    for number, ((name, more), flags) in enumerate(itertools.product(KINDS, settings)):
        if number % EVERY:
            continue
        every, back, zero, bias = flags
        options = {"return_sequences": every, "go_backwards": back, "use_bias": bias}
        theirs, mine = pair(name, return_state=True, zero_output_for_mask=zero, **options, **more)
        state = [RNG.standard_normal((5, 4)).astype(np.float32) for _ in CARRIED[name]]
        for mask, initial in itertools.product((None, MASK), (None, state)):
            found = [layer(X, mask=mask, initial_state=initial) for layer in (theirs, mine)]
            worst = max(worst, difference(*found))
    return worst


def gradients() -> float:
    """Those of the inputs, the initial states and the weights; and what a training pass drops."""
    worst = 0.0
    settings = itertools.product((True, False), repeat=3)
    for number, ((name, more), flags) in enumerate(itertools.product(KINDS, settings)):
        if number % EVERY:
            continue
        every, back, zero = flags
        options = {"return_sequences": every, "go_backwards": back, "zero_output_for_mask": zero}
        theirs, mine = pair(name, return_state=True, **options, **more)
        state = [RNG.standard_normal((5, 4)).astype(np.float32) for _ in CARRIED[name]]
        for mask in (None, MASK):
            found = [results_and_gradients(layer, X, state, mask) for layer in (theirs, mine)]
            worst = max(worst, difference(*found))
    return worst


def results_and_gradients(layer: Any, x: Any, state: list[Any], mask: Any) -> list[Any]:
    """Of a training pass; the loss weighs every element of every result differently."""
    weights = [one.value for one in layer.trainable_variables]
    numbers = np.random.default_rng(1)

    def total(results: Any) -> Any:
        factors = (numbers.standard_normal(one.shape).astype(np.float32) for one in results)
        return sum(
            keras.ops.sum(one * keras.ops.convert_to_tensor(factor))
            for one, factor in zip(results, factors, strict=True)
        )

    if sys.argv[1] == "jax":
        import jax

        fixed = [one.value for one in layer.non_trainable_variables]

        def with_loss(weights: Any, x: Any, state: Any) -> Any:
            results, _ = layer.stateless_call(
                weights, fixed, x, initial_state=state, mask=mask, training=True
            )
            return total(results), results

        (_, results), found = jax.jit(jax.value_and_grad(with_loss, (0, 1, 2), has_aux=True))(
            weights, x, state
        )
        return [*results, *jax.tree.leaves(found)]
    if sys.argv[1] == "tensorflow":
        import tensorflow as tf

        inputs = [tf.constant(one) for one in (x, *state)]
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            results = layer(inputs[0], initial_state=inputs[1:], mask=mask, training=True)
            loss = total(results)
        return [*results, *tape.gradient(loss, [*weights, *inputs])]
    import torch

    inputs = [torch.tensor(one, requires_grad=True) for one in (x, *state)]
    given = None if mask is None else torch.tensor(mask)
    results = layer(inputs[0], initial_state=inputs[1:], mask=given, training=True)
    parts = [
        (one * torch.tensor(numbers.standard_normal(one.shape), dtype=one.dtype)).sum()
        for one in results
    ]
    return [*results, *torch.autograd.grad(sum(parts), [*weights, *inputs])]


def models() -> Iterator[tuple[Any, Any]]:
    """Models that read masked steps, both ways, in two levels, theirs and ours."""
    for name, more in KINDS:
        made = []
        for home in (keras.layers, ours):
            keras.utils.set_random_seed(0)
            kind = getattr(home, name)
            layers = [
                keras.layers.Input((7, 3)),
                keras.layers.Masking(),
                keras.layers.Bidirectional(kind(5, return_sequences=True, **more)),
                kind(4, **more),
                keras.layers.Dense(1),
            ]
            made.append(keras.Sequential(layers))
        yield made[0], made[1]


def training() -> float:
    """Ten steps of Adam land on the same weights."""
    inputs = X.copy()
    inputs[~MASK] = 0.0
    worst = 0.0
    for pair_of in models():
        for model in pair_of:
            model.compile("adam", "mse")
            model.fit(inputs, X.sum((1, 2))[:, None], epochs=10, verbose=0, shuffle=False)
        worst = max(worst, difference(*(model.get_weights() for model in pair_of)))
    return worst


def stateful() -> float:
    """The state goes on from batch to batch until it is reset."""
    worst = 0.0
    for name, more in KINDS:
        theirs, mine = pair(name, stateful=True, **more)
        for _ in range(3):
            worst = max(worst, difference([theirs(X)], [mine(X)]))
        for layer in (theirs, mine):
            layer.reset_state()
        worst = max(worst, difference([theirs(X)], [mine(X)]))
    return worst


def files() -> float:
    """A saved model is the same model, of the same layers."""
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for _, model in models():
            file = Path(folder) / "model.keras"
            model.save(file)
            loaded = keras.models.load_model(file)
            assert type(loaded.layers[-2]).__module__ == "elman.keras.layers"
            worst = max(worst, difference([model(X)], [loaded(X)]))
    return worst


def dropout() -> float:
    """A seed drops what it drops in Keras, of the inputs and of the state."""
    worst = 0.0
    for name, rates in itertools.product(CARRIED, ((0.5, 0.0), (0.0, 0.4), (0.3, 0.6))):
        options = {"dropout": rates[0], "recurrent_dropout": rates[1], "return_sequences": True}
        layers = [getattr(home, name)(4, seed=3, **options) for home in (keras.layers, ours)]
        for layer in layers:
            layer.build((5, 7, 3))
        layers[1].set_weights(layers[0].get_weights())
        assert layers[1].path == "elman"
        state = [RNG.standard_normal((5, 4)).astype(np.float32) for _ in CARRIED[name]]
        passes = [
            [layer(X, training=training) for training in (True, True, False)] for layer in layers
        ]
        assert difference(passes[1][:1], passes[1][1:2]) > 1e-3  # each pass drops something else
        found = [results_and_gradients(layer, X, state, None) for layer in layers]
        worst = max(worst, difference(*passes), difference(*found))
    return worst


def others() -> float:
    """What the kernels do not serve runs Keras's own code, and the layer says so."""
    worst = 0.0

    def tanh(x: Any) -> Any:  # which is not what it is called
        return keras.ops.tanh(3 * x)

    for activation in ("relu", tanh):
        theirs, mine = (home.LSTM(4, activation=activation) for home in (keras.layers, ours))
        for layer in (theirs, mine):
            layer.build((5, 7, 3))
        mine.set_weights(theirs.get_weights())
        assert mine.path == "keras (these activations)", mine.path
        worst = max(worst, difference([theirs(X)], [mine(X)]))
    return worst


def masks() -> float:
    """A mask may have a last axis of one; any other shape is refused."""
    theirs, mine = pair("GRU")
    for shape in ((5, 3), (5, 9), (3, 7), (7,), (5, 7, 2)):
        try:
            mine(X, mask=keras.ops.ones(shape, "bool"))
        except ValueError as error:
            assert "mask: expected the shape (5, 7)" in str(error)
        else:
            raise AssertionError(f"a mask of shape {shape} was taken")
    mask = keras.ops.convert_to_tensor(MASK[:, :, None])
    return difference([theirs(X, mask=mask)], [mine(X, mask=mask)])


if __name__ == "__main__":
    checks = (forward, gradients, training, dropout, stateful, files, others, masks)
    print(json.dumps({check.__name__: check() for check in checks}))
