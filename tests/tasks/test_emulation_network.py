"""The emulator's network: its gradient through rollouts held against differences and PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from elman.bptt import Backpropagation
from elman.data.batches import Batch
from elman.losses import MeanSquaredError
from elman.tasks.emulation_network import EmulatorNetwork, EmulatorShape, Stretches

STEPS, ROWS, CHANNELS, OTHERS = 9, 3, 2, 1


def network_of(cell: str = "gru", free: int = 0, **options: Any) -> EmulatorNetwork:
    layers = options.pop("num_layers", 1)
    shape = EmulatorShape(cell, 5, layers, CHANNELS, OTHERS, **options)
    size = np.array([0.3, 0.7]) if shape.increments else np.ones(CHANNELS)
    network = EmulatorNetwork(shape, size, np.random.default_rng(1), np.float64)
    network.free = network.free_judged = free
    return network


def batch_of(seed: int = 2, weighted: bool = True) -> Batch:
    rng = np.random.default_rng(seed)
    batch = Batch(np.arange(ROWS), rng.standard_normal((STEPS, ROWS, CHANNELS + OTHERS)))
    batch.target = rng.standard_normal((STEPS, ROWS, CHANNELS))
    if weighted:
        batch.weight = np.ones((STEPS, ROWS, 1))
        batch.weight[:2] = 0.0
    return batch


@pytest.mark.parametrize("increments", [True, False])
@pytest.mark.parametrize(
    ("cell", "layers", "free"), [("gru", 1, 4), ("lstm", 2, 4), ("rnn_tanh", 1, 8), ("gru", 1, 0)]
)
def test_the_gradient_through_a_rollout_is_that_of_differences(cell, layers, free, increments):
    network = network_of(cell, free, increments=increments, num_layers=layers)
    batch, gradients = batch_of(), Backpropagation(network, MeanSquaredError())
    gradients(batch)
    values, gradient = network.vectors()
    found = gradient.copy()
    for index in np.random.default_rng(3).choice(values.size, 25, replace=False):
        before, ends = values[index], []
        for move in (1e-6, -1e-6):
            values[index] = before + move
            ends.append(gradients(batch)[0])
        values[index] = before
        assert (ends[0] - ends[1]) / 2e-6 == pytest.approx(found[index], rel=1e-4, abs=1e-8)


def torch_loss(network: EmulatorNetwork, batch: Batch, free: int, cut: bool) -> Any:
    """The same network, unrolled in PyTorch: its loss after backward, and the parameters."""
    torch = pytest.importorskip("torch")
    shape = network.shape
    lstm = torch.nn.LSTM(CHANNELS + OTHERS, shape.hidden_size).double()
    head = torch.nn.Linear(shape.hidden_size, CHANNELS).double()
    with torch.no_grad():
        for name, value in network.flat.state_dict().items():
            owner, rest = name.split(".")
            target = head if owner == "head" else lstm
            own = rest if owner == "head" else f"{rest}_l0"
            getattr(target, own).copy_(torch.from_numpy(value))
    x, target = torch.from_numpy(batch.x), torch.from_numpy(batch.target)
    size = torch.from_numpy(network.step_size)
    hidden, state = lstm(x[: STEPS - free])
    outputs = list(head(hidden))
    for now in range(STEPS - free, STEPS):
        deviation = outputs[-1] - target[now - 1]
        read = deviation.detach() if cut else deviation
        value = x[now, :, :CHANNELS] + size * read
        hidden, state = lstm(torch.cat([value, x[now, :, CHANNELS:]], 1)[None], state)
        outputs.append(read + head(hidden[0]))
    loss = ((torch.stack(outputs) - target) ** 2).mean()
    loss.backward()
    parts = [*lstm.parameters(), *head.parameters()]
    return loss.item(), np.concatenate([part.grad.numpy().ravel() for part in parts])


@pytest.mark.parametrize("cut", [False, True])
def test_loss_and_gradient_are_those_of_pytorch(cut):
    network, batch = network_of("lstm", 5, cut=cut), batch_of(weighted=False)
    loss, _ = Backpropagation(network, MeanSquaredError())(batch)
    wanted, gradient = torch_loss(network, batch, 5, cut)
    assert loss == pytest.approx(wanted, rel=1e-12)
    assert np.allclose(network.vectors()[1], gradient, rtol=1e-9, atol=1e-12)


def test_training_rolls_out_as_running_free_does():
    network = network_of("lstm", 6)
    rng = np.random.default_rng(0)
    truth = rng.standard_normal((STEPS + 1, 1, CHANNELS))
    beside = rng.standard_normal((STEPS, 1, OTHERS))
    batch = Batch(np.arange(1), np.concatenate([truth[:-1], beside], axis=2))
    batch.target = np.diff(truth, axis=0) / network.step_size
    deviation = network.forward_batch(batch) - batch.target
    trained = truth[1:] + network.step_size * deviation
    _, state = network.advance(batch.x[:2], None)
    value = truth[2]
    for step in range(2, STEPS):
        output, state = network.advance(np.concatenate([value, beside[step]], 1)[None], state)
        value = network.following(value, output[0])
        assert np.allclose(value, trained[step])


def test_noise_is_told_from_the_truth():
    # what the noise added must be taken back: with outputs of zero the loss is the noise's size
    network = network_of(noise=0.2)
    network.flat.values[...] = 0.0
    batch = batch_of()
    batch.target[...] = 0.0
    output = network.forward_batch(batch, True, np.random.default_rng(0))
    assert 0.5 < (output * network.step_size).std() / 0.2 < 1.5
    still = network.forward_batch(batch, False, np.random.default_rng(0))
    assert np.array_equal(still, np.zeros_like(still))


def test_stretches_cover_trajectories_and_stay_within_them():
    lengths = (40, 17, 25)
    inputs = [np.stack([np.full(n, k), np.arange(n)], 1) * 1.0 for k, n in enumerate(lengths)]
    targets = [one[:, 1:] + 0.5 for one in inputs]
    stretches = Stretches(inputs, targets, 8, 3, 4)
    assert stretches.number == 5 + 2 + 3 and len(stretches) == 3
    seen = np.zeros((3, 40), int)
    for generator in (None, *map(np.random.default_rng, range(200))):
        for batch in stretches.epoch(generator):
            assert (batch.x[:, :, 0] == batch.x[0, :, 0]).all()
            assert (np.diff(batch.x[:, :, 1], axis=0) == 1).all()
            assert np.array_equal(batch.target[:, :, 0], batch.x[:, :, 1] + 0.5)
            assert batch.weight[:3].sum() == 0 and batch.weight[3:].min() == 1
            np.add.at(seen, (batch.x[:, :, 0].astype(int), batch.x[:, :, 1].astype(int)), 1)
    assert all((row[:n] > 0).all() for row, n in zip(seen, lengths, strict=True))
    first = [batch.x.copy() for batch in stretches.epoch()]
    assert all(np.array_equal(a, b.x) for a, b in zip(first, stretches.epoch(), strict=True))
