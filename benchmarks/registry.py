"""The one registry of benchmark cases: sizes, cells, goals, data, weights, operation counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

BATCHES_PER_EPOCH = 12
LEARNING_RATE = 1e-6
"""So small that the weights stay where they are: the work of a step can depend on them (gradients
that fade out over a long sequence become subnormal numbers, which processors are slow with), and
peers and rounds must not be compared at different weights."""


@dataclass(frozen=True)
class Size:
    """One row of the training table, with the ratio to torch.nn that each cell should reach."""

    batch: int
    steps: int
    inputs: int
    hidden: int
    goals: tuple[tuple[str, float], ...] = ()
    sgemm_share_goal: float | None = None

    @property
    def label(self) -> str:
        """Batch, steps, inputs, hidden."""
        return f"{self.batch},{self.steps},{self.inputs},{self.hidden}"


SIZES = (
    Size(32, 20, 1, 16, (("rnn_tanh", 30), ("gru", 50), ("lstm", 10))),
    Size(384, 20, 1, 16, (("rnn_tanh", 6), ("gru", 12), ("lstm", 5))),
    Size(1, 1000, 8, 32, (("rnn_tanh", 80), ("gru", 80), ("lstm", 8))),
    Size(32, 100, 8, 64, (("rnn_tanh", 5.5), ("gru", 7), ("lstm", 1.8))),
    Size(64, 28, 28, 128, (("rnn_tanh", 2.3), ("gru", 2.3), ("lstm", 1.4))),
    Size(32, 100, 64, 256, (("rnn_tanh", 1.7), ("gru", 1.7), ("lstm", 1.3)), 0.60),
)
TINY = Size(4, 6, 2, 5)
"""Not in the table: the smallest case, for the tests."""

GATES = {"rnn_tanh": 1, "gru": 3, "lstm": 4}
"""The cells that are timed and their gates; the other registered cells share their kernels."""

JAX_GOAL_ON_FIRST_SIZE = 4.0
TWO_THREADS_GOAL = 1.6
STEP_LATENCY_GOAL_US = 5.0
SINE_JOB_GOAL_S = 0.6
FORECAST_GOAL_S = 2.0
IMPORT_GOAL_MS = 60.0
REGULARIZED_GOAL = 1.3
"""The most that a regularised training step may take, in units of the plain one's time."""

REGULARIZED: dict[str, dict[str, Any]] = {
    "plain": {},
    "recurrent dropout": {"recurrent_dropout": 0.25},
    "zoneout": {"zoneout": 0.1},
    "layer norm": {"layer_norm": True},
    "all three": {"recurrent_dropout": 0.25, "zoneout": 0.1, "layer_norm": True},
}
"""What is done inside the cell, as arguments of elman's layers."""


@dataclass(frozen=True)
class TrainingCase:
    """A recurrent layer, its last output, and a dense layer with one output; mean squared error.

    One training step is the gathering of a batch, forward, back-propagation through time over
    the whole sequence, and an Adam update. `options` are further arguments of elman's layer.
    """

    cell: str
    size: Size
    learning_rate: float = LEARNING_RATE
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What `--only` looks at."""
        return f"training/{self.cell}/{self.size.label}"

    @property
    def goal(self) -> float | None:
        """The least ratio to torch.nn, or None."""
        return dict(self.size.goals).get(self.cell)

    @property
    def rows(self) -> int:
        """Rows of the whole data: an epoch's worth."""
        return self.size.batch * BATCHES_PER_EPOCH

    @cached_property
    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """X `(rows, steps, inputs)` and y `(rows, 1)`, float32, the same in every process."""
        generator = np.random.default_rng(1)
        x = generator.standard_normal((self.rows, self.size.steps, self.size.inputs), np.float32)
        y = generator.standard_normal((self.rows, 1), np.float32)
        return x, y

    @cached_property
    def first_batch(self) -> tuple[np.ndarray, np.ndarray]:
        """What outputs and gradients are compared on."""
        x, y = self.data
        return x[: self.size.batch], y[: self.size.batch]

    @cached_property
    def weights(self) -> dict[str, np.ndarray]:
        """Float32 weights under PyTorch's names, with PyTorch's initial range."""
        generator = np.random.default_rng(2)
        hidden, rows = self.size.hidden, GATES[self.cell] * self.size.hidden
        shapes = {
            "weight_ih_l0": (rows, self.size.inputs),
            "weight_hh_l0": (rows, hidden),
            "bias_ih_l0": (rows,),
            "bias_hh_l0": (rows,),
            "head.weight": (1, hidden),
            "head.bias": (1,),
        }
        bound = hidden**-0.5
        return {
            name: generator.uniform(-bound, bound, shape).astype(np.float32)
            for name, shape in shapes.items()
        }

    @property
    def flops(self) -> float:
        """Floating-point operations of the matrix products of one training step.

        With G gates, H units and D inputs, each of the B rows needs at each of the T steps
        2 G H (D + H) for the forward products, 2 G H H for the gradient of the previous state
        and 2 G H (D + H) for the gradients of the weights; the input is data, so its gradient
        is not needed. The dense layer adds 3 * 2 H per row. Activations, biases and the update
        are not counted.
        """
        size, gates = self.size, GATES[self.cell]
        products = 2.0 * gates * size.hidden * (2 * (size.inputs + size.hidden) + size.hidden)
        return size.batch * (size.steps * products + 6.0 * size.hidden)


@dataclass(frozen=True)
class StreamCase:
    """One LSTM, one row, one time step a call from Python, the state carried by the caller."""

    inputs: int = 8
    hidden: int = 32

    @property
    def name(self) -> str:
        """What `--only` looks at."""
        return f"latency/lstm/{self.inputs},{self.hidden}"

    @cached_property
    def input(self) -> np.ndarray:
        """The same input at every step, float32 `(1, inputs)`."""
        return np.random.default_rng(1).standard_normal((1, self.inputs), np.float32)

    @cached_property
    def weights(self) -> dict[str, np.ndarray]:
        """The recurrent weights of a training case of that size."""
        case = TrainingCase("lstm", Size(1, 1, self.inputs, self.hidden))
        return {name: w for name, w in case.weights.items() if not name.startswith("head.")}


STREAM = StreamCase()

TRAINING = tuple(TrainingCase(cell, size) for size in SIZES for cell in GATES)
REGULARIZED_SIZES = (SIZES[0], SIZES[3], SIZES[4])
SMALLEST = tuple(TrainingCase(cell, TINY) for cell in GATES)


def training_case(name: str) -> TrainingCase:
    """The training case of that name, the tests' small ones included."""
    for case in (*TRAINING, *SMALLEST):
        if case.name == name:
            return case
    raise KeyError(f"no training case is called {name!r}; there are {[c.name for c in TRAINING]}")
