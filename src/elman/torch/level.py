"""One level of a recurrent layer, one direction or both, as PyTorch differentiates it.

Forward and backward are one call of the core each, on the tensors' own memory.
"""

from __future__ import annotations

import atexit
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor

from elman import _core
from elman.levels import Level
from elman.torch.reference import reference_level

__all__ = ["Call", "LevelFunction", "gradients_of", "run_level", "walk_forward"]

Core: TypeAlias = "_core.Level32 | _core.Level64"
Kept: TypeAlias = "_core.Block32 | _core.Block64 | Tensor"


class Call(NamedTuple):
    """What a walk is given, beside the tensors that have gradients.

    Attributes:
        level: See :class:`elman.levels.Level`.
        live: ``None``, or how many of the leading rows live at each step, int64 ``(T,)``.
        seeds: Of the random numbers of each direction, int64; ``None``: none are drawn.
        rows: The number by which the random numbers of each row are known, int64 ``(B,)``;
            ``None``: its place.
        batch_first: Whether the batch is the first axis of ``x`` and of the outputs.
    """

    level: Level
    live: Tensor | None = None
    seeds: Tensor | None = None
    rows: Tensor | None = None
    batch_first: bool = False


def run_level(call: Call, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The outputs of a level and its final states.

    Args:
        call: What the walk is.
        inputs: ``x``, which is ``(T, B, D)``, or ``(B, T, D)`` if ``batch_first``;
            ``(directions, B, H)`` for each state of the cell, or none of them for zeros; and the
            weights of each direction in turn, in the order of ``torch.nn``.

    Returns:
        ``(T, B, directions H)``, or with the batch first; then the states, as they came in.
    """
    if torch.is_grad_enabled():
        results: tuple[Tensor, ...] = LevelFunction.apply(call, *inputs)  # type: ignore[no-untyped-call]
        return results
    return walk_forward(call, inputs, False)[0]


class LevelFunction(torch.autograd.Function):
    """The walk with its gradients; :func:`run_level` says what comes in and goes out."""

    @staticmethod
    def forward(ctx: Any, call: Call, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Keeps what the walk back needs, if anything needs a gradient."""
        training = True in ctx.needs_input_grad
        results, kept = walk_forward(call, inputs, training)
        if training:
            ctx.save_for_backward(*inputs)
            ctx.set_materialize_grads(False)
            ctx.call, ctx.kept = call, kept
        return results

    @staticmethod
    def backward(ctx: Any, *d_results: Tensor | None) -> Any:
        """By the kernels; or, if the derivative is to be differentiated, by PyTorch's own."""
        call, inputs, wanted = ctx.call, ctx.saved_tensors, ctx.needs_input_grad
        if torch.is_grad_enabled():
            return None, *_differentiable(call, inputs, d_results, wanted[1:])
        kept, ctx.kept = ctx.kept, None  # which is for one walk back; another makes its own
        return None, *gradients_of(call, inputs, d_results, kept, wanted[1])


def walk_forward(
    call: Call, inputs: tuple[Tensor, ...], training: bool
) -> tuple[tuple[Tensor, ...], Kept | None]:
    """What :func:`run_level` gives, and with ``training`` what the walk back needs, else None."""
    level, live, seeds, rows, batch_first = call
    x = inputs[0]
    results = _new_results(level, x, batch_first)
    kept = _core_of(level, x.dtype).forward(
        inputs, live, seeds, rows, batch_first, results, training
    )
    return results, kept


def gradients_of(
    call: Call,
    inputs: tuple[Tensor, ...],
    d_results: tuple[Tensor | None, ...],
    kept: Kept | None,
    need_d_x: bool,
) -> tuple[Tensor | None, ...]:
    """The gradients of a walk's inputs, that of ``x`` only if it is needed.

    Args:
        call: What the walk was.
        inputs: See :func:`run_level`.
        d_results: Of what :func:`run_level` gives, ``None`` for zeros.
        kept: What the walk kept for this walk back, if it did.
        need_d_x: Whether that of ``x`` is wanted.
    """
    level, live, seeds, rows, batch_first = call
    core = _core_of(level, inputs[0].dtype)
    gradients: tuple[Tensor | None, ...] = tuple(map(_like, inputs))
    if not need_d_x:
        gradients = None, *gradients[1:]
    given = inputs, live, seeds, rows, batch_first
    if kept is None or not core.backward(*given, d_results, gradients, kept):
        # another walk back has had what was kept, or replaced it
        fresh = core.forward(*given, _new_results(level, inputs[0], batch_first), True)
        core.backward(*given, d_results, gradients, fresh)
    return gradients


def _new_results(level: Level, x: Tensor, batch_first: bool) -> tuple[Tensor, ...]:
    """Memory for the outputs and the final states."""
    first, second, _ = x.shape
    directions, size = level.directions, level.hidden_size
    output = x.new_empty((first, second, directions * size))
    final = directions, first if batch_first else second, size
    if level.cell == "lstm":
        return output, x.new_empty(final), x.new_empty(final)
    return output, x.new_empty(final)


def _like(tensor: Tensor) -> Tensor:
    return torch.empty_like(tensor, memory_format=torch.contiguous_format)


@lru_cache(maxsize=1024)
def _core_of(level: Level, dtype: torch.dtype) -> Core:
    kind = _core.Level32 if dtype == torch.float32 else _core.Level64
    inner = level.regularization
    return kind(
        Tensor,
        level.cell,
        level.input_size,
        level.hidden_size,
        level.bias,
        level.directions,
        inner.recurrent_dropout,
        list(inner.zoneout),
        inner.layer_norm,
    )


atexit.register(_core_of.cache_clear)


def _differentiable(
    call: Call,
    inputs: Sequence[Tensor],
    d_results: Sequence[Tensor | None],
    wanted: Sequence[bool],
) -> list[Tensor | None]:
    """Gradients made of PyTorch's own operations, so that they have gradients too."""
    level, live, seeds, rows, batch_first = call
    x, (state, weights) = inputs[0], level.split(inputs[1:])
    results = reference_level(level, x, state, weights, live, batch_first, seeds, rows)
    pairs = [
        (result, d_result)
        for result, d_result in zip(results, d_results, strict=True)
        if d_result is not None
    ]
    found = iter(
        torch.autograd.grad(
            [result for result, _ in pairs],
            [one for one, want in zip(inputs, wanted, strict=True) if want],
            [d_result for _, d_result in pairs],
            create_graph=True,
            allow_unused=True,
        )
    )
    return [next(found) if want else None for want in wanted]
