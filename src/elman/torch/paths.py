"""When elman's kernels serve a call, and why not when they do not."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

__all__ = ["why_not", "why_not_now", "why_not_step"]


_SERVED = (torch.float32, torch.float64)


def why_not(module: Any, value: Tensor) -> str | None:
    """``None`` if the kernels serve a module for such an input; else what stands against it."""
    if not value.is_cpu:
        return f"on {value.device.type}"
    if value.dtype not in _SERVED:
        return str(value.dtype).removeprefix("torch.")
    if module.__dict__.get("proj_size"):
        return "projection"
    if torch.compiler.is_compiling():  # which sees through transforms
        return "autocast" if torch.is_autocast_enabled("cpu") else None
    return why_not_now()


_autocasts = torch.is_autocast_enabled
_transforms = torch._C._functorch.peek_interpreter_stack


def why_not_now() -> str | None:
    """``None`` if the kernels can serve anything in the state that PyTorch is in, or why not."""
    if _autocasts("cpu"):
        return "autocast"
    if _transforms() is not None:
        return "a transform of torch.func"
    if forward_ad._current_level >= 0:
        return "forward-mode differentiation"
    return None


_MOST_WEIGHTS = {1: 2048, 3: 18432, 4: 12288}
"""Of a cell, by its number of gates, for which a single step is sooner done by the kernels: they
put the weights in order first, which pays over many steps. Measured beside torch.nn's cells, with
gradients and without, with 1 to 64 rows."""


def why_not_step(weight_ih: Tensor, weight_hh: Tensor) -> str | None:
    """``None`` if the kernels gain anything in a single step with these weights, or why not."""
    rows, size = weight_hh.shape
    if size == 0:
        return "no units"
    if weight_ih.numel() + weight_hh.numel() > _MOST_WEIGHTS[rows // size]:
        return "a single step with so many weights"
    return None
