"""elman.torch.accelerate and restore: whose modules stand in a model, and why."""

from __future__ import annotations

import copy
import io
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

import elman
import elman.torch as ours
from elman.errors import InputError


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(7, 3)
        self.encoder = nn.LSTM(3, 4, num_layers=2, batch_first=True, bidirectional=True)
        self.same = self.encoder
        self.inner = nn.Sequential(nn.Linear(8, 3), nn.GRUCell(3, 4))
        self.projected = nn.LSTM(4, 4, proj_size=2)
        self.own = type("Mine", (nn.GRU,), {})(4, 4)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        output, _ = self.encoder(self.embed(tokens))
        return self.inner(output[:, -1])


def test_accelerate_changes_a_model_in_place_and_tells() -> None:
    torch.manual_seed(0)
    model = Model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    tokens = torch.randint(0, 7, (5, 6))
    expected, checkpoint = model(tokens), copy.deepcopy(model.state_dict())
    seen: list[int] = []
    model.encoder.register_forward_hook(lambda *_: seen.append(1))
    parameters = dict(model.named_parameters())
    changes = ours.accelerate(model)
    assert isinstance(model.encoder, ours.LSTM) and model.same is model.encoder
    assert isinstance(model.inner[1], ours.GRUCell)
    assert all(parameters[name] is one for name, one in model.named_parameters())
    torch.testing.assert_close(model(tokens), expected)
    assert seen == [1]
    done = {one.name: one for one in changes}
    assert done["encoder"].changed and done["same"].changed and done["inner.1"].changed
    assert done["encoder"].now == "elman" and done["projected"].now == "torch"
    assert "projection" in done["projected"].reason and "derives from" in done["own"].reason
    table = str(changes)
    assert "encoder" in table and "elman" in table and "projection" in table
    model(tokens).sum().backward()
    optimizer.step()
    assert not torch.equal(model.encoder.weight_hh_l0, checkpoint["encoder.weight_hh_l0"])
    model.load_state_dict(checkpoint)
    torch.testing.assert_close(model(tokens), expected)
    again = {one.name: one for one in ours.accelerate(model)}
    assert all(one.reason and not one.changed for one in again.values())
    assert [again[name].now for name in ("encoder", "projected", "own")] == ["elman"] + 2 * [
        "torch"
    ]
    assert "elman's already" in again["encoder"].reason


def test_a_model_that_is_a_layer_itself_cannot_be_changed() -> None:
    (change,) = ours.accelerate(nn.GRU(2, 3))
    assert not change.changed and "the model itself" in change.reason


def test_restore_is_the_way_back() -> None:
    torch.manual_seed(0)
    model = Model()
    tokens = torch.randint(0, 7, (5, 6))
    before, expected = {name: type(one) for name, one in model.named_modules()}, model(tokens)
    parameters = dict(model.named_parameters())
    ours.accelerate(model)
    changes = {one.name: one for one in ours.restore(model)}
    assert {name: type(one) for name, one in model.named_modules()} == before
    assert model.same is model.encoder
    assert all(parameters[name] is one for name, one in model.named_parameters())
    assert torch.equal(model(tokens), expected)
    assert changes["encoder"].changed and changes["encoder"].now == "torch"
    assert "PyTorch's already" in changes["own"].reason


@pytest.mark.parametrize(
    "layer",
    [
        lambda: ours.GRU(2, 3, reset_after=False),
        lambda: ours.LSTM(2, 3, learned_state=True),
        lambda: ours.RNN(2, 3, zoneout=0.1),
        lambda: ours.LSTM(2, 3, recurrent_dropout=0.1),
        lambda: ours.GRU(2, 3, layer_norm=True),
    ],
)
def test_restore_leaves_what_pytorch_has_not(layer: Any) -> None:
    model = nn.Sequential(layer(), ours.GRU(3, 3))
    kept, changed = ours.restore(model)
    assert kept.now == "elman" and "torch.nn has no" in kept.reason
    (setting,) = model[0].own_settings()
    assert setting in kept.reason and setting in repr(model[0])
    assert changed.changed and type(model[1]) is nn.GRU


def test_what_knows_torchs_modules_alone_works_once_they_are_back() -> None:
    x = torch.randn(4, 2, 3)
    model = nn.Sequential(ours.GRU(3, 5), First(), ours.RNNCell(5, 4))
    expected = model(x)
    with pytest.raises(RuntimeError, match=r"torch\.jit\.script.*elman\.torch\.restore"):
        torch.jit.script(model)
    with pytest.raises(RuntimeError, match=r"torch\.fx.*elman\.torch\.restore"):
        torch.fx.symbolic_trace(model)
    ours.restore(model)
    torch.testing.assert_close(torch.jit.script(model)(x), expected)
    torch.testing.assert_close(torch.fx.symbolic_trace(model)(x), expected)


class First(nn.Module):
    """The outputs of a layer after its last step."""

    def forward(self, both: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        return both[0][-1]


def test_computed_weights_stay_and_the_reason_is_named() -> None:
    model = nn.ModuleDict({"one": nn.GRU(2, 3), "two": nn.GRU(2, 3), "three": nn.RNNCell(2, 3)})
    parametrizations.weight_norm(model["one"], "weight_hh_l0")
    prune.random_unstructured(model["two"], "weight_ih_l0", 0.5)
    prune.random_unstructured(model["three"], "weight_ih", 0.5)
    for change in ours.accelerate(model):
        assert not change.changed and "weights are computed" in change.reason


def test_elmans_own_export_is_named_for_what_it_is() -> None:
    network = elman.Network([elman.GRU(2, 3), elman.Dense(3, 1)])
    (change,) = ours.accelerate(network.to_torch())
    assert "elman.exchange.torch_modules.GRU" in change.reason


@pytest.mark.parametrize("change", [ours.accelerate, ours.restore])
def test_no_module_no_change(change: Any) -> None:
    with pytest.raises(InputError, match=r"model: expected a torch\.nn\.Module, got str"):
        change("model")


def test_an_accelerated_model_is_copied_and_saved_as_any() -> None:
    model = nn.Sequential(nn.LSTM(2, 3))
    ours.accelerate(model)
    x = torch.randn(4, 1, 2)
    expected = model(x)[0]
    memory = io.BytesIO()
    torch.save(model, memory)
    memory.seek(0)
    assert torch.equal(torch.load(memory, weights_only=False)(x)[0], expected)
    assert torch.equal(copy.deepcopy(model)(x)[0], expected)
    assert repr(model[0]) == "LSTM(2, 3, path=elman)"
