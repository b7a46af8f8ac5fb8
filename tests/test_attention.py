"""Attention: gradients against finite differences, values and gradients against torch, masks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from differences import central_difference
from elman.errors import InputError
from elman.layers import Context, bind_layers
from elman.layers.attention import ATTENTION, Attention
from elman.layers.base import Signal

pytestmark = pytest.mark.usefixtures("poison")

READ = np.array([5, 4, 4, 2, 0])  # queries of each row, longest first
GIVEN = np.array([3, 6, 1, 0, 2])  # steps of memory of each row, in any order
SIZES = {"equal": 4, "other": 3}


def made(kind: str, memory_size: int, dtype: Any = np.float64) -> tuple[Attention, Any, Any]:
    """A bound layer, its parameters and its gradients."""
    layer = Attention(kind, 4, memory_size, 5 if kind == "additive" else None)
    rng = np.random.default_rng(0)
    parameters, gradients, _, _ = bind_layers([layer], dtype, rng)
    parameters[...] = rng.uniform(-0.8, 0.8, parameters.size)
    return layer, parameters, gradients


def values(memory_size: int, dtype: Any = np.float64) -> tuple[Any, Any, Context]:
    """Queries, memory, and a context with the queries' lengths; zero at dead positions."""
    rng = np.random.default_rng(1)
    x, memory = rng.standard_normal((5, 5, 4)), rng.standard_normal((6, 5, memory_size))
    x[np.arange(5)[:, None] >= READ] = 0.0
    memory[np.arange(6)[:, None] >= GIVEN] = 0.0
    live = (np.arange(5)[:, None] < READ).sum(axis=1)
    return x.astype(dtype), memory.astype(dtype), Context(True, live, READ)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("kind", ATTENTION)
def test_gradients_are_those_of_finite_differences(kind: str, size: int) -> None:
    layer, parameters, gradients = made(kind, size)
    x, memory, context = values(size)
    d_y = np.random.default_rng(2).standard_normal(x.shape) * (x != 0.0)

    def value() -> float:
        layer.attend(memory, GIVEN)
        return float((layer.forward(x, context) * d_y).sum())

    value()
    d_x = layer.backward(d_y.copy()).copy()
    d_memory = layer.d_memory.copy()
    for array, found in ((parameters, gradients.copy()), (x, d_x), (memory, d_memory)):
        live = [i for i in np.ndindex(array.shape) if array is parameters or array[i] != 0.0]
        assert live
        for index in live:
            expected = central_difference(value, array, index)
            assert found[index] == pytest.approx(expected, abs=2e-9)
    assert not d_memory[memory == 0.0].any() and not d_x[x == 0.0].any()


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("kind", ATTENTION)
def test_values_and_gradients_are_those_of_torch(kind: str, size: int) -> None:
    layer, _, _ = made(kind, size)
    x, memory, context = values(size)
    own = {name: torch.tensor(value, requires_grad=True) for name, value in named(layer).items()}
    queries = torch.tensor(x, requires_grad=True)
    read = torch.tensor(memory, requires_grad=True)
    expected, weights = in_torch(own, queries, read)
    layer.attend(memory, GIVEN)
    found = layer.forward(x, context).copy()
    np.testing.assert_allclose(found, expected.detach().numpy(), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(layer.weights, weights.detach().numpy(), rtol=1e-12, atol=1e-14)
    d_y = np.random.default_rng(2).standard_normal(found.shape) * (found != 0.0)
    (expected * torch.tensor(d_y)).sum().backward()
    d_x = layer.backward(d_y.copy())
    np.testing.assert_allclose(d_x, queries.grad.numpy(), rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(layer.d_memory, read.grad.numpy(), rtol=1e-10, atol=1e-13)
    for name, tensor in own.items():
        np.testing.assert_allclose(
            layer._gradients[name], tensor.grad.numpy(), rtol=1e-10, atol=1e-13, err_msg=name
        )


def named(layer: Attention) -> dict[str, Any]:
    return {name: layer._parameters[name].copy() for name in layer.parameter_shapes()}


def in_torch(own: dict[str, Any], x: Any, memory: Any) -> tuple[Any, Any]:
    """The module's equations over whole padded arrays, with masks."""
    keys = memory @ own["key"].T if "key" in own else memory
    if "score" in own:
        hidden = torch.tanh((keys + own["bias"])[None] + (x @ own["query"].T)[:, None])
        scores = (hidden @ own["score"].T)[..., 0].permute(0, 2, 1)
    else:
        scores = torch.einsum("tbh,sbh->tbs", x, keys)
    dead = torch.arange(6)[None, :] >= torch.tensor(GIVEN)[:, None]
    scores = scores.masked_fill(dead, -torch.inf)
    scores = scores.masked_fill(dead.all(dim=1)[:, None], 0.0)
    weights = torch.softmax(scores, dim=2).masked_fill(dead, 0.0)
    unread = torch.arange(5)[:, None] >= torch.tensor(READ)
    weights = weights.masked_fill(unread[..., None], 0.0)
    context = torch.einsum("tbs,sbm->tbm", weights, memory)
    return torch.tanh(torch.cat([context, x], dim=2) @ own["combine"].T), weights


@pytest.mark.parametrize("kind", ATTENTION)
def test_a_row_depends_on_no_other_and_on_no_padding(kind: str) -> None:
    layer, _, _ = made(kind, 4, np.float32)
    x, memory, context = values(4, np.float32)
    layer.attend(memory, GIVEN)
    together = layer.forward(x, context).copy()
    d_y = np.random.default_rng(2).standard_normal(x.shape).astype(np.float32) * (together != 0.0)
    d_together = layer.backward(d_y.copy()).copy()
    d_memory = layer.d_memory.copy()
    for row, (read, given) in enumerate(zip(READ.tolist(), GIVEN.tolist(), strict=True)):
        if not read:
            continue
        layer.attend(np.ascontiguousarray(memory[:given, row : row + 1]), None)
        alone = layer.forward(np.ascontiguousarray(x[:read, row : row + 1]), Context(True))
        np.testing.assert_array_equal(alone[:, 0], together[:read, row])
        d_x = layer.backward(np.ascontiguousarray(d_y[:read, row : row + 1]))
        np.testing.assert_array_equal(d_x[:, 0], d_together[:read, row])
        np.testing.assert_array_equal(layer.d_memory[:, 0], d_memory[:given, row])
    assert not together[np.arange(5)[:, None] >= READ].any()


def test_weights_are_shares_of_live_steps() -> None:
    layer, _, _ = made("dot", 4)
    x, memory, context = values(4)
    layer.attend(memory, GIVEN)
    layer.forward(x, context)
    read = (np.arange(5)[:, None] < READ) & (GIVEN > 0)
    np.testing.assert_allclose(layer.weights.sum(axis=2), read.astype(float), atol=1e-12)
    assert not layer.weights[:, np.arange(6) >= GIVEN[:, None]].any()


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="'dot', 'additive'"):
        Attention("cosine", 3, 3)
    with pytest.raises(InputError, match="memory_size"):
        Attention("dot", 3, 0)
    with pytest.raises(InputError, match="sequence of 3 channels"):
        Attention("dot", 3, 3).connect(Signal("sequence", 4))
    with pytest.raises(InputError, match="expected a sequence"):
        Attention("dot", 3, 3).connect(Signal("vector", 3))
