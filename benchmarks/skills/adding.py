"""The adding problem: two numbers far apart in a long sequence, marked, must be added.

Each step holds a number from U(0, 1) and a mark; one step of the first half and one of the second
are marked with 1, all others with 0. The answer is the sum of the two numbers marked. Always to
answer 1 has a mean squared error of 1/6. Training, watched and test sequences are drawn with
different seeds; training ends when the watched ones are answered with an error below half the
goal, or after as many epochs as there are.

Beside the gated cells stands the plain tanh cell, trained in the same way: its gradient vanishes
with the distance in time, so that it never learns of the first number. Norms of that gradient,
``|dL_T / ds_{T-k}|`` for the state ``s`` that is ``k`` steps old, tell so: before the training that
of every cell vanishes, after it that of the gated cells does no more.

Sources: S. Hochreiter and J. Schmidhuber, "Long short-term memory", Neural Computation 9 (1997),
experiment 4; Q. V. Le, N. Jaitly and G. E. Hinton, "A simple way to initialize recurrent networks
of rectified linear units" (2015), section 4.1; the gradients: Y. Bengio, P. Simard and P. Frasconi,
"Learning long-term dependencies with gradient descent is difficult" (1994).
"""

from __future__ import annotations

import time
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

import elman
from benchmarks.skills.common import Options, goal
from benchmarks.tables import Table
from elman.sequence import Recurrence

Array: TypeAlias = NDArray[Any]

STEPS = (200, 400)
CELLS = {"GRU": elman.GRU, "LSTM": elman.LSTM, "tanh RNN": elman.RNN}
GATED = ("GRU", "LSTM")
HIDDEN, ROWS, EPOCHS, BATCH = 32, 10_000, 40, 50
RATE, CLIP = 5e-3, 1.0
GOAL = 0.002
LAGS = (0, 1, 2, 5, 10, 20, 50, 100, 199, 399)


def run(options: Options) -> dict[str, Any] | None:
    """Every cell at every length, once for each seed; gradients of the first seed."""
    records = []
    for steps in STEPS:
        for name in CELLS:
            runs = [
                one_seed(name, steps, seed, keep=not at) for at, seed in enumerate(options.seeds)
            ]
            records.append({"cell": name, "steps": steps, "runs": runs})
    settings = {"hidden_size": HIDDEN, "rows": ROWS, "epochs": EPOCHS, "batch_size": BATCH}
    return {"settings": settings, "records": records, "goals": [goal_of(one) for one in records]}


def goal_of(record: dict[str, Any]) -> dict[str, Any]:
    """One line of the overview: gated cells must learn it, the plain one is to fail."""
    errors = [one["mse"] for one in record["runs"]]
    data = f"adding problem, {record['steps']} steps, {record['cell']}"
    if record["cell"] in GATED:
        return goal(data, "MSE", f"below {GOAL}", errors, max(errors) < GOAL, ".5f")
    return goal(data, "MSE", "fails: 1/6, as always 1", errors, min(errors) > 0.9 / 6, ".5f")


def tables(content: dict[str, Any]) -> list[Table]:
    """Errors, and norms of gradients by how far back they reach."""
    rows = [["all", "always 1 (theory)", f"{1 / 6:.4f}", "", ""]]
    for one in content["records"]:
        errors = [each["mse"] for each in one["runs"]]
        rows.append(
            [
                str(one["steps"]),
                one["cell"],
                f"{np.mean(errors):.5f} ± {np.std(errors):.5f}",
                ", ".join(str(each["epochs"]) for each in one["runs"]),
                f"{max(each['seconds'] for each in one['runs']):.0f}",
            ]
        )
    heads = ["steps", "cell", "MSE", "epochs", "seconds (slowest)"]
    title = (
        f"Adding problem, {HIDDEN} units, mean of {len(content['records'][0]['runs'])} seeds "
        "(settings tried on seed 0, training ended by sequences of their own)"
    )
    return [Table(title, heads, rows), gradient_table(content["records"])]


def gradient_table(records: list[dict[str, Any]]) -> Table:
    """Norms relative to the last step's, before the training and after it."""
    columns, heads = [], ["steps back"]
    longest = max(one["steps"] for one in records)
    for one in records:
        gradients = one["runs"][0]["gradients"]
        if one["steps"] == longest:  # before the training all lengths are alike
            heads.append(f"{one['cell']}, before")
            columns.append(gradients["before"])
        heads.append(f"{one['cell']}, after {one['steps']}")
        columns.append(gradients["after"])
    rows = []
    for number, lag in enumerate(LAGS):
        if lag < longest:
            cells = [f"{one[number]:.1e}" if number < len(one) else "" for one in columns]
            rows.append([str(lag), *cells])
    title = (
        "Adding problem: the norm of the gradient of the error with respect to the state so many "
        "steps before the end, relative to the end, mean of 200 sequences"
    )
    return Table(title, heads, rows)


def sequences(rows: int, steps: int, seed: int) -> tuple[Array, Array]:
    """``(rows, steps, 2)`` float32 and the sums ``(rows, 1)``."""
    generator = np.random.default_rng(seed)
    X = np.zeros((rows, steps, 2), np.float32)
    X[:, :, 0] = generator.random((rows, steps), np.float32)
    row, half = np.arange(rows), steps // 2
    marked = generator.integers(0, half, rows), generator.integers(half, steps, rows)
    for step in marked:
        X[row, step, 1] = 1.0
    sums = X[row, marked[0], 0] + X[row, marked[1], 0]
    return X, sums[:, None]


def one_seed(name: str, steps: int, seed: int, keep: bool) -> dict[str, Any]:
    """One training; gradients too if they are kept."""
    train = sequences(ROWS, steps, 3 * seed)
    watched = sequences(1000, steps, 3 * seed + 1)
    test = sequences(2000, steps, 3 * seed + 2)
    layers = [CELLS[name](2, HIDDEN), elman.Last(), elman.Dense(HIDDEN, 1)]
    network = elman.Network(layers, seed=seed)
    gradients = {"before": gradient_norms(network, name, *test)} if keep else {}
    started = time.perf_counter()
    history = network.fit(
        *train,
        validation_data=watched,
        optimizer=elman.Adam(RATE),
        epochs=EPOCHS,
        batch_size=BATCH,
        clip_norm=CLIP,
        progress=False,
        on_epoch=lambda record: record.validation_loss < GOAL / 2,
    )
    seconds = time.perf_counter() - started
    error = float(np.mean((network.predict(test[0]) - test[1]) ** 2))
    if keep:
        gradients["after"] = gradient_norms(network, name, *test)
    epochs = len(history.records())
    print(
        f"adding problem, {steps} steps, {name}, seed {seed}: MSE {error:.5f} after {epochs} "
        f"epochs in {seconds:.0f} s",
        flush=True,
    )
    return {
        "seed": seed,
        "mse": error,
        "epochs": epochs,
        "seconds": seconds,
        "gradients": gradients,
    }


def gradient_norms(network: elman.Network, name: str, X: Array, y: Array) -> list[float]:
    """``|dL/ds_{T-k}|`` for the lags ``k``, mean over 200 sequences, that of lag 0 being 1.

    In double precision, one step of time after the other: the state of each step is kept on the
    way there, and each step's adjoint takes the gradient one step further back.
    """
    weights = {key: one.astype(np.float64) for key, one in network.state_dict().items()}
    parts = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    parameters = tuple(weights[f"0.{part}_l0"] for part in parts)
    ignored = tuple(np.zeros_like(one) for one in parameters)
    cell = network.layers[0].cell
    walk = Recurrence(cell, 2, HIDDEN, dtype=np.float64)
    x = np.ascontiguousarray(X[:200].astype(np.float64).transpose(1, 0, 2))
    states = [(np.zeros((200, HIDDEN)),) * len(elman.cells.CELLS[cell].states)]
    for step in x:
        states.append(walk.step(parameters, step, states[-1]))
    answer = states[-1][0] @ weights["2.weight"].T + weights["2.bias"]
    slope = [2.0 * (answer - y[:200]) @ weights["2.weight"]]
    slope += [np.zeros((200, HIDDEN)) for _ in states[0][1:]]
    norms = []
    for lag in range(len(x)):
        norms.append(float(np.mean(np.sqrt(sum((one**2).sum(axis=1) for one in slope)))))
        at = len(x) - 1 - lag
        walk.forward(parameters, x[at : at + 1], states[at], training=True)
        _, back = walk.backward(
            parameters, x[at : at + 1], None, tuple(slope), ignored, need_d_x=False
        )
        slope = [one.copy() for one in back]
    return [norms[lag] / norms[0] for lag in LAGS if lag < len(x)]
