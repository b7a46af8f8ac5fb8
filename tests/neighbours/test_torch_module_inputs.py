"""PyTorch's own inputs for its recurrent modules, run through elman's layers."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import elman.torch as ours

pytest.importorskip("expecttest", reason="PyTorch's own tests need expecttest")

from torch.testing._internal import common_modules

INFOS = [one for one in common_modules.module_db if one.module_cls.__name__ in ours.__all__]

NUMBERS = {
    "nn.RNN": 32,
    "nn.LSTM": 32,
    "nn.GRU": 16,
    "nn.RNNCell": 3,
    "nn.LSTMCell": 2,
    "nn.GRUCell": 2,
}
"""How many inputs PyTorch 2.13 has for each module."""


def test_pytorch_has_inputs_for_all_six_modules() -> None:
    assert {one.name for one in INFOS} == set(NUMBERS)


def tensors(value: Any) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    return [one for part in value for one in tensors(part)] if isinstance(value, tuple) else []


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("info", INFOS, ids=lambda info: f"{info.name}")
def test_every_input_gives_what_torch_gives(info: Any, dtype: torch.dtype, training: bool) -> None:
    inputs = info.module_inputs_func(
        info, device="cpu", dtype=dtype, requires_grad=True, training=training
    )
    assert len(inputs) >= NUMBERS[info.name]
    kernels = 0
    for one in inputs:
        made = one.constructor_input
        torch.manual_seed(0)
        theirs = info.module_cls(*made.args, **made.kwargs, dtype=dtype).train(training)
        mine = getattr(ours, info.module_cls.__name__)(*made.args, **made.kwargs, dtype=dtype)
        mine.load_state_dict(theirs.state_dict())
        mine.train(training)
        projected = made.kwargs.get("proj_size", 0)
        assert mine.path == ("torch (projection)" if projected else "elman")
        kernels += not projected
        given = one.forward_input
        found = []
        for module in (mine, theirs):
            results = tensors(module(*given.args, **given.kwargs))
            results = [result for result in results if result.is_floating_point()]
            total = sum(result.sin().sum() for result in results)
            leaves = [leaf for leaf in tensors(given.args) if leaf.requires_grad]
            leaves = [*(leaf for leaf in leaves if leaf.is_floating_point()), *module.parameters()]
            gradients = torch.autograd.grad(total, leaves, allow_unused=True)
            found.append([*results, *(g for g in gradients if g is not None)])
        for own, expected in zip(*found, strict=True):
            bound = 1e-4 if dtype == torch.float32 else 1e-10
            torch.testing.assert_close(own, expected, rtol=bound, atol=bound)
    assert kernels >= NUMBERS[info.name] / 2
