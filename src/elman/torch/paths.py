"""When elman's kernels serve a call, and why not when they do not."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

__all__ = ["why_not"]


_SERVED = (torch.float32, torch.float64)


def why_not(module: Any, value: Tensor) -> str | None:
    """``None`` if the kernels serve a module for such an input; else what stands against it."""
    if not value.is_cpu:
        return f"on {value.device.type}"
    if value.dtype not in _SERVED:
        return str(value.dtype).removeprefix("torch.")
    if module.__dict__.get("proj_size"):
        return "projection"
    if torch.is_autocast_enabled("cpu"):
        return "autocast"
    if torch.compiler.is_compiling():  # which sees through transforms
        return None
    if torch._C._functorch.peek_interpreter_stack() is not None:
        return "a transform of torch.func"
    if forward_ad._current_level >= 0:
        return "forward-mode differentiation"
    return None
