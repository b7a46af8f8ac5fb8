"""The encoder and decoder: gradients, torch as a second opinion, independence of the batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from differences import central_difference
from elman.bptt import Backpropagation
from elman.data.pairs import PairBatches
from elman.losses import CrossEntropy
from elman.tasks.translation_network import EncoderDecoder, EncoderDecoderShape

pytestmark = pytest.mark.usefixtures("poison")

SOURCE_LENGTHS, TARGET_LENGTHS = (3, 0, 5, 1, 4), (2, 4, 0, 3, 3)


def network(
    attention: str | None = "dot",
    cell: str = "lstm",
    num_layers: int = 1,
    bidirectional: bool = True,
    dropout: float = 0.0,
    dtype: Any = np.float64,
) -> EncoderDecoder:
    shape = EncoderDecoderShape(cell, 7, 6, 3, 4, num_layers, bidirectional, attention, dropout)
    made = EncoderDecoder(shape, np.random.default_rng(1), dtype)
    made.set_parameters(np.random.default_rng(3).uniform(-0.8, 0.8, made.parameter_count))
    return made


def batches(size: int = 5) -> PairBatches:
    rng = np.random.default_rng(0)
    sources = [rng.integers(0, 7, length) for length in SOURCE_LENGTHS]
    targets = [rng.integers(0, 6, length) for length in TARGET_LENGTHS]
    return PairBatches(sources, targets, 6, size)


CASES = [
    (None, "lstm", 1, False),
    (None, "gru", 2, True),
    ("dot", "rnn", 1, False),
    ("dot", "lstm", 2, True),
    ("additive", "gru", 1, False),
    ("additive", "lstm", 1, True),
]


@pytest.mark.parametrize(("attention", "cell", "layers", "both"), CASES)
def test_gradient_is_that_of_finite_differences(
    attention: str | None, cell: str, layers: int, both: bool
) -> None:
    check_gradient(network(attention, cell, layers, both))


def test_gradient_with_dropout_and_smoothing() -> None:
    check_gradient(network("additive", num_layers=2, dropout=0.3), 0.1)


def test_gradient_with_scheduled_sampling() -> None:
    model = network()
    model.sampling = 0.7
    check_gradient(model)


def check_gradient(model: EncoderDecoder, smoothing: float = 0.0) -> None:
    loss, batch = CrossEntropy(smoothing), next(batches().epoch())
    parameters, gradient = model.vectors()

    def value() -> float:
        output = model.forward_batch(batch, True, np.random.default_rng(7))
        return loss(output, batch.target, None, batch.live)[0]

    Backpropagation(model, loss, None, np.random.default_rng(7))(batch)
    found = gradient.copy()
    assert np.count_nonzero(found) > 0.6 * found.size
    for index in range(0, parameters.size, 2):
        expected = central_difference(value, parameters, index)
        assert found[index] == pytest.approx(expected, abs=5e-9)


@pytest.mark.parametrize("attention", [None, "dot", "additive"])
def test_loss_and_gradients_are_those_of_torch(attention: str | None) -> None:
    model, batch = network(attention, num_layers=2), next(batches().epoch())
    mean, _ = Backpropagation(model, CrossEntropy())(batch)
    own = {name: torch.tensor(value.copy(), requires_grad=True)
           for name, value in model.state_dict().items()}  # fmt: skip
    total, count = torch.zeros((), dtype=torch.float64), 0
    where = {int(row): place for place, row in enumerate(batch.rows)}
    sources = {int(row): place for place, row in enumerate(batch.source.rows)}
    for row, (given, said) in enumerate(zip(SOURCE_LENGTHS, TARGET_LENGTHS, strict=True)):
        source = torch.tensor(batch.source.x[:given, sources[row]])
        read = torch.tensor(batch.x[: said + 1, where[row]])
        answer = torch.tensor(batch.target[: said + 1, where[row], 0])
        logits = one_row(own, source, read, attention)
        total = total + torch.nn.functional.cross_entropy(logits, answer, reduction="sum")
        count += said + 1
    (total / count).backward()
    assert mean == pytest.approx(float(total.detach()) / count, rel=1e-12)
    for name, found in model.gradient_dict().items():
        grad = own[name].grad
        expected = np.zeros(found.shape) if grad is None else grad.numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12, err_msg=name)


def one_row(own: dict[str, Any], source: Any, read: Any, attention: str | None) -> Any:
    """One pair through torch.nn.LSTM of the same parameters, two levels, both ways."""
    size, levels = 4, 2
    bridge, first = 2, 3 + 2 * levels
    encoder = functional_lstm(own, 1, both=True)
    if len(source):
        memory, (h, c) = encoder(own["0.weight"][source])
    else:
        memory = torch.zeros((0, 2 * size), dtype=torch.float64)
        h = c = torch.zeros((2 * levels, size), dtype=torch.float64)
    state = []
    for level in range(levels):
        for part, (final, squash) in enumerate(((h, torch.tanh), (c, lambda x: x))):
            name = f"{bridge + 2 * level + part}"
            both = torch.cat([final[2 * level], final[2 * level + 1]])
            state.append(squash(own[f"{name}.weight"] @ both + own[f"{name}.bias"]))
    h0, c0 = torch.stack(state[::2]), torch.stack(state[1::2])
    y, _ = functional_lstm(own, first, both=False)(own[f"{first - 1}.weight"][read], (h0, c0))
    head = first + 1
    if attention is not None:
        y = attend(own, head, y, memory)
        head += 1
    return y @ own[f"{head}.weight"].T + own[f"{head}.bias"]


def functional_lstm(own: dict[str, Any], number: int, both: bool) -> Any:
    module = torch.nn.LSTM(3, 4, 2, bidirectional=both, dtype=torch.float64)
    wanted = {name: own[f"{number}.{name}"] for name, _ in module.named_parameters()}
    return lambda *inputs: torch.func.functional_call(module, wanted, inputs)


def attend(own: dict[str, Any], number: int, y: Any, memory: Any) -> Any:
    part = {name.partition(".")[2]: value for name, value in own.items()
            if name.startswith(f"{number}.")}  # fmt: skip
    keys = memory @ part["key"].T
    if "score" in part:
        hidden = torch.tanh((keys + part["bias"])[None] + (y @ part["query"].T)[:, None])
        scores = (hidden @ part["score"].T)[..., 0]
    else:
        scores = y @ keys.T
    context = torch.softmax(scores, dim=1) @ memory
    return torch.tanh(torch.cat([context, y], dim=1) @ part["combine"].T)


@pytest.mark.parametrize("attention", [None, "dot", "additive"])
def test_a_pair_does_not_depend_on_its_batch(attention: str | None) -> None:
    model = network(attention, dtype=np.float32, num_layers=2)
    data = batches()
    whole = next(data.epoch())
    together = model.forward_batch(whole).copy()
    for place, row in enumerate(whole.rows.tolist()):
        alone = model.forward_batch(data.take(np.array([row])))
        steps = TARGET_LENGTHS[row] + 1
        np.testing.assert_array_equal(alone[:, 0], together[:steps, place])
        assert alone.shape[0] == steps


def test_step_by_step_is_the_whole_pass() -> None:
    for attention in (None, "dot", "additive"):
        model, data = network(attention, num_layers=2), batches()
        for row in range(5):
            batch = data.take(np.array([row]))
            whole = model.forward_batch(batch).copy()
            encoded = model.encode(batch.source)
            state = encoded.state
            for step in range(len(whole)):
                logits, state = model.advance(
                    batch.x[step : step + 1], state, encoded.memory, encoded.lengths
                )
                np.testing.assert_allclose(logits[0], whole[step], rtol=1e-10, atol=1e-12)


def test_sampling_reads_own_answers_at_its_rate() -> None:
    model = network(None)
    batch = next(batches().epoch())
    encoded = model._arrange(model.encode(batch.source), batch.order)
    answers = model.logits_of(batch.x, batch, encoded).argmax(axis=2)
    model.sampling = 1.0
    tokens = model._sampled(batch, encoded, np.random.default_rng(0))
    np.testing.assert_array_equal(tokens[1:], answers[:-1])
    np.testing.assert_array_equal(tokens[0], batch.x[0])
    model.sampling = 0.0
    np.testing.assert_array_equal(model._sampled(batch, encoded, np.random.default_rng(0)), batch.x)
    model.sampling = 1.0
    without = model.forward_batch(batch).copy()  # outside training: teacher forcing
    model.sampling = 0.0
    np.testing.assert_array_equal(model.forward_batch(batch), without)
