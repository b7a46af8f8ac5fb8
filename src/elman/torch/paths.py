"""When elman's kernels serve a call, and why not when they do not."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = ["why_not"]


def why_not(module: Any, value: Tensor) -> str | None:
    """``None`` if the kernels serve a module for such an input; else what stands against it."""
    if torch.compiler.is_compiling():
        return "projection" if getattr(module, "proj_size", 0) else None
    if value.device.type != "cpu":
        return f"on {value.device.type}"
    if value.dtype not in (torch.float32, torch.float64):
        return str(value.dtype).removeprefix("torch.")
    if getattr(module, "proj_size", 0):
        return "projection"
    if torch.is_autocast_enabled("cpu"):
        return "autocast"
    if torch._C._functorch.peek_interpreter_stack() is not None:
        return "a transform of torch.func"
    if torch.autograd.forward_ad._current_level >= 0:
        return "forward-mode differentiation"
    return None
