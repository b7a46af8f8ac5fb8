"""The walk for Keras on PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from elman.keras import walk
from elman.keras.walk import Plan

__all__ = ["run"]


def run(plan: Plan, tensors: Sequence[Tensor]) -> Sequence[Tensor]:
    """The outputs and the final states."""
    results: Sequence[Tensor] = _Walk.apply(plan, *tensors)  # type: ignore[no-untyped-call]
    return results


class _Walk(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, plan: Plan, *tensors: Tensor) -> tuple[Tensor, ...]:
        needed = any(ctx.needs_input_grad)
        arrays = [one.detach().numpy() for one in tensors]
        *results, ctx.ticket = walk.forward(plan, needed, *arrays)
        if needed:
            ctx.plan = plan
            ctx.save_for_backward(*tensors)
        return tuple(map(torch.from_numpy, results))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *d_results: Tensor) -> Any:
        arrays = [one.detach().numpy() for one in (*ctx.saved_tensors, *d_results)]
        found = walk.backward(ctx.plan, ctx.ticket, *arrays)
        mask = (None,) if ctx.plan.masked else ()
        return None, *map(torch.from_numpy, found), *mask
