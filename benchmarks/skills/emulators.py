"""What the benchmarks of emulated systems share: the same training in elman and in PyTorch.

Both networks have the same weights at the start, the same stretches of trajectories in the same
order, the same Adam, clipping and falling learning rate, and over the last part of the epochs the
same growing rollouts with the gradient all through. They train in turns, an epoch each, so that
whatever slows the machine slows both. PyTorch's weights are then put into elman's network, so
that both are judged by one program, on trajectories that no one has seen. Settings were chosen by
valid times on other trajectories.
"""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from elman.data.trajectories import Trajectories
from elman.losses import MeanSquaredError
from elman.optimizers import Adam
from elman.schedules import CosineDecay
from elman.tasks.emulation_model import (
    Curriculum,
    EmulatorModel,
    EmulatorTraining,
    Scales,
    stretches_of,
)
from elman.tasks.emulation_network import EmulatorNetwork, EmulatorShape, Stretches
from elman.training import Options as TrainingOptions
from elman.training import train

CLIP, FINAL = 1.0, 0.001


@dataclass(frozen=True)
class Pair:
    """Two emulators trained alike.

    Attributes:
        models: By name: elman, torch.
        seconds: Of training, by name.
        updates: Of each.
        loss: Of the last epoch, by name.
    """

    models: dict[str, EmulatorModel]
    seconds: dict[str, float]
    updates: int
    loss: dict[str, float]


def train_pair(data: Trajectories, hidden: int, training: EmulatorTraining, seed: int) -> Pair:
    """An LSTM in elman and in PyTorch.

    Args:
        data: To train on.
        hidden: Units.
        training: How.
        seed: Of the first weights and of the order.
    """
    shape = EmulatorShape("lstm", hidden, 1, data.width)
    scales = Scales.fit(data, True)
    batches = stretches_of(data, scales, shape, training, np.float32)
    generator = np.random.default_rng(seed)
    network = EmulatorNetwork(shape, scales.step_size, generator)
    peer = Peer(network, batches, training, copy.deepcopy(generator))
    curriculum = Curriculum(network, training)

    def their_turn(record: Any) -> None:
        peer.epoch(record.epoch, network.free)
        curriculum(record)

    schedule = CosineDecay(warmup=1.0, final=FINAL)
    options = TrainingOptions(
        Adam(training.learning_rate),
        schedule,
        training.epochs,
        clip_norm=CLIP,
        progress=False,
        on_epoch=their_turn,
    )
    history = train(network, batches, MeanSquaredError(), options, generator)
    other = EmulatorNetwork(shape, scales.step_size, np.random.default_rng(0))
    other.flat.load_state_dict(peer.weights())
    models = {
        name: EmulatorModel(scales, [one], [history], training.history, data.dt)
        for name, one in (("elman", network), ("torch", other))
    }
    return Pair(
        models,
        {"elman": sum(history.seconds), "torch": peer.seconds},
        training.epochs * len(batches),
        {"elman": history.loss[-1], "torch": peer.loss},
    )


class Peer:
    """The same network and the same training in PyTorch.

    Args:
        network: Whose first weights it takes over.
        batches: What both learn of.
        training: How.
        generator: Of the order of the stretches, as elman's stands.
    """

    def __init__(
        self,
        network: EmulatorNetwork,
        batches: Stretches,
        training: EmulatorTraining,
        generator: np.random.Generator,
    ) -> None:
        import torch

        shape = network.shape
        self.channels, self.batches, self.generator = shape.channels, batches, generator
        self.lstm = torch.nn.LSTM(shape.channels + shape.others, shape.hidden_size)
        self.head = torch.nn.Linear(shape.hidden_size, shape.channels)
        with torch.no_grad():
            for name, value in network.flat.state_dict().items():
                self._parameter(name).copy_(torch.from_numpy(value))
        self.size = torch.from_numpy(network.step_size)
        self.parameters = [*self.lstm.parameters(), *self.head.parameters()]
        self.optimizer = torch.optim.Adam(self.parameters, training.learning_rate)
        self.rate = training.learning_rate
        self.schedule = CosineDecay(warmup=1.0, final=FINAL).start(training.epochs)
        self.seconds = self.loss = 0.0

    def epoch(self, number: int, free: int) -> None:
        """One pass over the stretches; ``free`` steps at their end are its own."""
        import torch

        started = time.perf_counter()
        losses = []
        for index, batch in enumerate(self.batches.epoch(self.generator)):
            share = self.schedule.factor(number - 1 + (index + 0.5) / len(self.batches))
            self.optimizer.param_groups[0]["lr"] = self.rate * share
            x, target = torch.from_numpy(batch.x), torch.from_numpy(batch.target)
            compared = slice(self.batches.washout, None)
            error = (self.forward(x, target, free) - target)[compared]
            loss = (error**2).mean()
            self.optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.parameters, CLIP)
            self.optimizer.step()
            losses.append(loss.item())
        self.seconds += time.perf_counter() - started
        self.loss = float(np.mean(losses))

    def forward(self, x: Any, target: Any, free: int) -> Any:
        """Its outputs beside the targets: on the truth, then on itself."""
        import torch

        teacher = len(x) - free
        hidden, state = self.lstm(x[:teacher])
        outputs = self.head(hidden)
        if not free:
            return outputs
        every = [outputs]
        last = outputs[-1]
        for now in range(teacher, len(x)):
            deviation = last - target[now - 1]
            value = x[now, :, : self.channels] + self.size * deviation
            read = torch.cat([value, x[now, :, self.channels :]], 1)[None]
            hidden, state = self.lstm(read, state)
            last = deviation + self.head(hidden[0])
            every.append(last[None])
        return torch.cat(every)

    def weights(self) -> dict[str, Any]:
        """By elman's names."""
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        cell = {f"cell0.{name}": getattr(self.lstm, f"{name}_l0") for name in names}
        head = {f"head.{name}": getattr(self.head, name) for name in ("weight", "bias")}
        return {name: value.detach().numpy() for name, value in {**cell, **head}.items()}

    def _parameter(self, name: str) -> Any:
        owner, rest = name.split(".")
        return getattr(self.head, rest) if owner == "head" else getattr(self.lstm, f"{rest}_l0")


def have_torch(data: str, threads: int) -> bool:
    """Whether PyTorch is there to be compared with; if not, says so."""
    try:
        import torch
    except ImportError:
        print(f"{data} is skipped: PyTorch, which it is compared with, is not installed")
        return False
    torch.set_num_threads(threads)
    return True
