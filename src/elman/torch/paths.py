"""When elman's kernels serve a call, and why not when they do not."""

from __future__ import annotations

from typing import Any, NoReturn

import torch
from torch import Tensor
from torch.autograd import forward_ad

from elman.errors import InputError

__all__ = [
    "VMAP",
    "path_of",
    "refuse_input",
    "refuse_reading",
    "why_not",
    "why_not_now",
    "why_not_step",
]


VMAP = "torch.func.vmap"
"""A reason: under which ``torch.nn``'s own recurrent layers do not run either."""

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
        if torch.is_autocast_enabled("cpu"):
            return "autocast"
        return "torch.onnx.export" if _is_for_onnx() else None
    return why_not_now()


_autocasts = torch.is_autocast_enabled
_transforms = torch._C._functorch.peek_interpreter_stack
_tracing = torch._C._get_tracing_state


def why_not_now() -> str | None:
    """``None`` if the kernels can serve anything in the state that PyTorch is in, or why not."""
    if _autocasts("cpu"):
        return "autocast"
    if _tracing() is not None:
        return "traced"
    if _transforms() is not None:
        return _transform()
    if forward_ad._current_level >= 0:
        return "forward-mode differentiation"
    return None


def _is_for_onnx() -> bool:
    """Whether what is compiled becomes a file of ONNX, which knows no operators of elman's."""
    exporting = getattr(torch.compiler, "is_exporting", None)  # since PyTorch 2.7
    return exporting is not None and exporting() and torch.onnx.is_in_onnx_export()


def _transform() -> str:
    """Which transform of torch.func is at work."""
    kinds = torch._C._functorch
    at_work = [one.key() for one in kinds.get_interpreter_stack() or ()]
    return VMAP if kinds.TransformType.Vmap in at_work else "a transform of torch.func"


def refuse_reading(tool: str) -> NoReturn:
    """To what reads the source of modules, or what they do with what is no tensor."""
    raise RuntimeError(
        f"{tool}: elman's layers can be run, traced and exported, but not read; first put "
        "torch.nn's back with elman.torch.restore(model)"
    )


def refuse_input(input: Any) -> NoReturn:
    """To an input that is no tensor."""
    if isinstance(input, torch.fx.Proxy):
        refuse_reading("torch.fx")
    raise InputError(f"input: expected a torch.Tensor, got {type(input).__name__}")


def path_of(reason: str | None, is_theirs: bool) -> str:
    """Which code serves a module: elman's, PyTorch's own, or what is made of its operations.

    Args:
        reason: What stands against elman's.
        is_theirs: Whether ``torch.nn`` computes the same as the module.
    """
    if reason is None:
        return "elman"
    return f"{'torch' if is_theirs and reason != VMAP else 'reference'} ({reason})"


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
