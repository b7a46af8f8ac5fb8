"""PyTorch, eager: `torch.nn`, `torch.optim.Adam`, one backward call per step.

With ELMAN_BENCH_TORCH=tuned the update is PyTorch's single fused kernel and subnormal numbers are
flushed to zero; without it, everything is as it comes.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import torch

from benchmarks.registry import BATCHES_PER_EPOCH, StreamCase, TrainingCase

LAYERS = {"rnn_tanh": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}


class Regressor(torch.nn.Module):
    """A recurrent layer, a dense layer on its final state (quicker than slicing the output)."""

    def __init__(self, case: TrainingCase):
        super().__init__()
        self.recurrent = LAYERS[case.cell](case.size.inputs, case.size.hidden, batch_first=True)
        self.head = torch.nn.Linear(case.size.hidden, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs `(batch, 1)` of inputs `(batch, steps, inputs)`."""
        _, state = self.recurrent(x)
        hidden = state[0] if isinstance(state, tuple) else state
        return self.head(hidden[-1])


@dataclass
class Model:
    """What a training loop needs."""

    case: TrainingCase
    network: Regressor
    optimizer: torch.optim.Optimizer
    x: torch.Tensor
    y: torch.Tensor


def build(case: TrainingCase, weights: dict[str, np.ndarray]) -> Model:
    network = Regressor(case)
    network.load_state_dict(
        {
            name if name.startswith("head.") else f"recurrent.{name}": torch.from_numpy(value)
            for name, value in weights.items()
        }
    )
    tuned = os.environ.get("ELMAN_BENCH_TORCH") == "tuned"
    if tuned:
        torch.set_flush_denormal(True)
    optimizer = torch.optim.Adam(
        network.parameters(), lr=case.learning_rate, fused=True if tuned else None
    )
    x, y = (torch.from_numpy(part) for part in case.data)
    return Model(case, network, optimizer, x, y)


def train_steps(model: Model, count: int) -> float:
    network, optimizer, x, y = model.network, model.optimizer, model.x, model.y
    batch = model.case.size.batch
    total = torch.zeros(())
    for step in range(count):
        position = step % BATCHES_PER_EPOCH
        if position == 0:
            order = torch.randperm(len(x))
        rows = order[position * batch : (position + 1) * batch]
        loss = torch.nn.functional.mse_loss(network(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.detach()
    return total.item() / count


def forward(model: Model) -> np.ndarray:
    x, _ = model.case.first_batch
    with torch.inference_mode():
        return model.network(torch.from_numpy(x)).double().numpy()


def gradients(model: Model) -> dict[str, np.ndarray]:
    x, y = (torch.from_numpy(part) for part in model.case.first_batch)
    model.optimizer.zero_grad()
    torch.nn.functional.mse_loss(model.network(x), y).backward()
    return {
        name.removeprefix("recurrent."): parameter.grad.double().numpy()
        for name, parameter in model.network.named_parameters()
    }


class Stream:
    """One LSTM cell, one row, its state kept between calls."""

    def __init__(self, case: StreamCase, weights: dict[str, np.ndarray]):
        self.cell = torch.nn.LSTMCell(case.inputs, case.hidden)
        self.cell.load_state_dict(
            {name.removesuffix("_l0"): torch.from_numpy(value) for name, value in weights.items()}
        )
        self.x = torch.from_numpy(case.input)
        self.state = torch.zeros(1, case.hidden), torch.zeros(1, case.hidden)


def build_stream(case: StreamCase, weights: dict[str, np.ndarray]) -> Stream:
    return Stream(case, weights)


@torch.inference_mode()
def stream_steps(stream: Stream, count: int) -> np.ndarray:
    cell, x, state = stream.cell, stream.x, stream.state
    for _ in range(count):
        state = cell(x, state)
    stream.state = state
    return state[0].double().numpy()


def versions() -> dict[str, str]:
    return {"torch": torch.__version__}
