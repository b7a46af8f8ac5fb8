"""A walk in Keras's layout in PyTorch's own operations, for derivatives of derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from elman.cells import CELLS
from elman.keras.plan import Plan
from elman.torch.reference import STEPS

__all__ = ["walk"]


def walk(plan: Plan, tensors: Sequence[Tensor]) -> list[Tensor]:
    """The outputs and the final states; see :class:`elman.keras.plan.Plan`."""
    given = iter(tensors)
    x = next(given)
    state = tuple(next(given) for _ in range(plan.states))
    kernel, recurrent = (_in_torchs_order(plan, next(given)) for _ in range(2))
    bias = _in_torchs_order(plan, next(given)) if plan.bias else None
    factors = next(given) if plan.recurrent_dropout else None
    mask = next(given) if plan.masked else None
    first, second = bias if bias is not None and bias.dim() == 2 else (bias, None)
    units, gates = state[0].shape[1], len(CELLS[plan.cell].gates)
    of_inputs: Any = [1.0] * gates
    of_state: Any = [1.0 if factors is None else factors] * gates
    if factors is not None and plan.by_gate:
        factors = factors[[1, 0, 2]] if _reordered(plan) else factors
        of_inputs, of_state = factors[:, :, None, :-units], factors[:, :, -units:]
    kernels = zip(of_inputs, kernel.chunk(gates, dim=1), strict=True)
    projected = torch.cat([(x * factor) @ one for factor, one in kernels], dim=2)
    projected = projected if first is None else projected + first

    def product(h: Tensor, part: slice) -> Tensor:
        columns = range(gates * units)[part][::units]
        y = torch.cat(
            [(h * of_state[c // units]) @ recurrent[:, c : c + units] for c in columns], 1
        )
        return y if second is None else y + second[part]

    outputs = []
    output = state[0] if plan.begins else torch.zeros_like(state[0])
    times = range(x.shape[1])
    for t in reversed(times) if plan.go_backwards else times:
        new, _ = STEPS[plan.cell](projected[:, t], state, product, lambda memory: memory)
        if mask is None:
            output, state = new[0], new
        else:
            seen = mask[:, t, None]
            hidden = torch.zeros_like(output) if plan.zero_masked else output
            output = torch.where(seen, new[0], hidden)
            state = tuple(torch.where(seen, *both) for both in zip(new, state, strict=True))
        outputs.append(output)
    return [torch.stack(outputs, dim=1) if plan.all_outputs else output, *state]


def _in_torchs_order(plan: Plan, weight: Tensor) -> Tensor:
    """Gates z, r, h along the last axis as r, z, n; others as they are."""
    if not _reordered(plan):
        return weight
    z, r, h = weight.chunk(3, dim=-1)
    return torch.cat([r, z, h], dim=-1)


def _reordered(plan: Plan) -> bool:
    return plan.cell in ("gru", "gru_reset_before")
