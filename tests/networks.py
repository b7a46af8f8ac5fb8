"""Networks to test with: random data that fits them, their gradients, the same in torch."""

from __future__ import annotations

from typing import Any

import numpy as np

import elman
from elman.bptt import Backpropagation
from elman.data.batches import Batch
from elman.losses import Loss, make_loss
from elman.training import mean_loss

Array = np.ndarray[Any, Any]

# Every kind of network: name -> its layers. Sizes are awkward on purpose.
NETWORKS = {
    "rnn": lambda: [elman.RNN(3, 5), elman.Last(), elman.Dense(5, 2)],
    "rnn_relu": lambda: [elman.RNN(2, 4, nonlinearity="relu"), elman.Dense(4, 3)],
    "lstm": lambda: [elman.LSTM(3, 4), elman.Dense(4, 2)],
    "lstm_last": lambda: [elman.LSTM(1, 3), elman.Last(), elman.Dense(3, 1)],
    "gru": lambda: [elman.GRU(2, 7), elman.Last(), elman.Dense(7, 3)],
    "gru_before": lambda: [elman.GRU(2, 3, reset_after=False), elman.Dense(3, 2)],
    "no_bias": lambda: [elman.LSTM(2, 3, bias=False), elman.Dense(3, 2, bias=False)],
    "stacked": lambda: [elman.GRU(2, 3, num_layers=3), elman.Last(), elman.Dense(3, 2)],
    "bidirectional": lambda: [
        elman.Bidirectional(elman.LSTM(2, 3, num_layers=2)),
        elman.Dense(6, 2),
    ],
    "bidirectional_last": lambda: [elman.GRU(2, 3, bidirectional=True), elman.Last()],
    "learned": lambda: [
        elman.LSTM(2, 3, num_layers=2, bidirectional=True, learned_state=True),
        elman.Dense(6, 2),
    ],
    "learned_last": lambda: [
        elman.GRU(2, 3, learned_state=True),
        elman.Last(),
        elman.Dense(3, 2),
    ],
    "two_kinds": lambda: [elman.GRU(2, 4), elman.RNN(4, 3), elman.Last(), elman.Dense(3, 2)],
    "tanh": lambda: [elman.RNN(2, 3), elman.Dense(3, 4, "tanh"), elman.Dense(4, 2)],
    "relu": lambda: [elman.Dense(2, 4, "relu"), elman.RNN(4, 3), elman.Last()],
    "sigmoid": lambda: [elman.RNN(2, 3), elman.Last(), elman.Dense(3, 2, "sigmoid")],
    "softmax": lambda: [elman.RNN(2, 3), elman.Dense(3, 4, "softmax")],
    "last_of_dense": lambda: [elman.RNN(2, 3), elman.Dense(3, 4, "tanh"), elman.Last()],
    "pool_mean": lambda: [elman.GRU(2, 3), elman.MeanPool(), elman.Dense(3, 2)],
    "pool_max": lambda: [elman.LSTM(2, 3), elman.MaxPool(), elman.Dense(3, 2)],
    "pool_ends": lambda: [elman.GRU(2, 3, bidirectional=True), elman.Ends(), elman.Dense(6, 2)],
    "pool_attention": lambda: [elman.GRU(2, 3), elman.AttentionPool(3, 4), elman.Dense(3, 2)],
    "repeat": lambda: [elman.GRU(2, 4), elman.Last(), elman.Dense(4, 3), elman.Repeat()],
    "repeat_positions": lambda: [
        elman.LSTM(2, 4),
        elman.Last(),
        elman.Dense(4, 2),
        elman.Repeat(3),
        elman.Bidirectional(elman.GRU(5, 3)),
        elman.Dense(6, 2),
    ],
    "regularized_dropout": lambda: [elman.LSTM(2, 4, recurrent_dropout=0.3), elman.Dense(4, 2)],
    "regularized_zoneout": lambda: [
        elman.LSTM(2, 4, zoneout=(0.3, 0.1)),
        elman.Last(),
        elman.Dense(4, 2),
    ],
    "bidirectional_norm": lambda: [
        elman.RNN(2, 3, bidirectional=True, learned_state=True, layer_norm=True),
        elman.Dense(6, 2),
    ],
    "bidirectional_regularized": lambda: [
        elman.GRU(
            2,
            5,
            num_layers=2,
            bidirectional=True,
            recurrent_dropout=0.2,
            zoneout=0.1,
            layer_norm=True,
        ),
        elman.Dense(10, 2),
    ],
    "embedding": lambda: [elman.Embedding(6, 3), elman.LSTM(3, 4), elman.Dense(4, 6)],
    "one_hot": lambda: [elman.OneHot(6), elman.GRU(6, 4), elman.Dense(4, 2)],
    "tied": lambda: [elman.Embedding(6, 4), elman.RNN(4, 4), elman.TiedDense(4, 6)],
    "embedding_last": lambda: [elman.Embedding(6, 3), elman.RNN(3, 4), elman.Last()],
}

LOSSES = {
    "mse": elman.MeanSquaredError(),
    "mae": elman.MeanAbsoluteError(),
    "huber": elman.Huber(0.7),
    "pinball": elman.Pinball((0.1, 0.6)),
    "cross_entropy": elman.CrossEntropy(),
    "smoothed": elman.CrossEntropy(0.2),
    "binary_cross_entropy": elman.BinaryCrossEntropy(),
}


def network(name: str, dtype: str = "float64", seed: int = 0) -> elman.Network:
    """A network of :data:`NETWORKS` whose weights are far from zero."""
    made = elman.Network(NETWORKS[name](), seed=seed, dtype=dtype)
    generator = np.random.default_rng(seed + 1)
    made.set_parameters(generator.uniform(-0.8, 0.8, made.parameter_count))
    return made


def inputs(made: elman.Network, rows: int = 5, steps: int = 6, seed: int = 0) -> Array:
    """Random inputs ``(rows, steps, channels)``."""
    generator = np.random.default_rng(seed)
    if made.reads_tokens:
        return generator.integers(0, made.layers[0].num, (rows, steps))
    return generator.normal(size=(rows, steps, made.input_size)).astype(made.dtype)


def targets(made: elman.Network, loss: Loss, X: Array, seed: int = 0) -> Array:
    """Random targets that fit the loss."""
    generator = np.random.default_rng(seed + 100)
    positions = X.shape[:2] if made.per_step else X.shape[:1]
    if loss.labels:
        return generator.integers(0, made.output_size, positions)
    y = generator.normal(size=(*positions, loss.target_size(made.output_size)))
    if loss.name == "binary_cross_entropy":
        y = (y > 0.0).astype(float)
    return y.astype(made.dtype)


def one_batch(
    made: elman.Network,
    X: Array,
    y: Array,
    loss: Loss,
    lengths: Any = None,
    weight: Any = None,
) -> Batch:
    """All rows in a single batch."""
    data = made._data(X, y, weight, lengths, loss)
    return next(iter(data.batches(len(X)).epoch()))


def gradient(
    made: elman.Network, batch: Batch, loss: str | Loss, truncate: int | None = None
) -> tuple[float, Array]:
    """The loss of a batch and a copy of its gradient."""
    mean, _ = Backpropagation(made, make_loss(loss), truncate)(batch)
    return mean, made.gradients.copy()


def numerical_gradient(made: elman.Network, data: Any, loss: Loss, epsilon: float = 1e-6) -> Array:
    """Central differences in every parameter."""
    start = made.parameters.copy()
    slopes = np.empty_like(start)
    for index in range(start.size):
        values = []
        for sign in (1.0, -1.0):
            moved = start.copy()
            moved[index] += sign * epsilon
            made.set_parameters(moved)
            values.append(mean_loss(made, data, loss))
        slopes[index] = (values[0] - values[1]) / (2.0 * epsilon)
    made.set_parameters(start)
    return slopes
