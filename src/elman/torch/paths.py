"""When elman's kernels serve a call, and why not when they do not."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

__all__ = ["VMAP", "path_of", "why_not"]


VMAP = "torch.func.vmap"
"""A reason: under which ``torch.nn``'s own recurrent layers do not run either."""

_SERVED = (torch.float32, torch.float64)


def why_not(module: Any, value: Tensor) -> str | None:
    """``None`` if the kernels serve a module for such an input; else what stands against it."""
    projected = module.__dict__.get("proj_size")
    if torch.compiler.is_compiling():
        return "projection" if projected else None
    if not value.is_cpu:
        return f"on {value.device.type}"
    if value.dtype not in _SERVED:
        return str(value.dtype).removeprefix("torch.")
    if projected:
        return "projection"
    if torch.jit.is_tracing():
        return "traced"
    if torch.is_autocast_enabled("cpu"):
        return "autocast"
    if torch._C._functorch.peek_interpreter_stack() is not None:
        return _transform()
    if forward_ad._current_level >= 0:
        return "forward-mode differentiation"
    return None


def _transform() -> str:
    """Which transform of torch.func is at work."""
    kinds = torch._C._functorch
    at_work = [one.key() for one in kinds.get_interpreter_stack() or ()]
    return VMAP if kinds.TransformType.Vmap in at_work else "a transform of torch.func"


def path_of(module: Any, value: Tensor, is_theirs: bool) -> str:
    """Which code serves a module: elman's, PyTorch's own, or what is made of its operations.

    Args:
        module: The module.
        value: An input, or what is where inputs are.
        is_theirs: Whether ``torch.nn`` computes the same as the module.
    """
    reason = why_not(module, value)
    if reason is None:
        return "elman"
    return f"{'torch' if is_theirs and reason != VMAP else 'reference'} ({reason})"
