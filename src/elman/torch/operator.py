"""The walk as a registered operator: what ``torch.compile`` and ``torch.export`` see.

Outside of these, :func:`level` goes the short way through :class:`elman.torch.level.LevelFunction`.
In a compiled graph nothing but tensors may be kept from forward to backward, so the operator's
backward pass walks forward again before it walks back.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from elman.levels import Level
from elman.torch.level import backward_level, forward_level, run_level, split_weights

__all__ = ["level"]


def level(
    level: Level,
    x: Tensor,
    state: Sequence[Tensor],
    weights: Sequence[Tensor],
    live: Tensor | None,
    batch_first: bool,
) -> tuple[Tensor, ...]:
    """See :func:`elman.torch.level.run_level`."""
    if not torch.compiler.is_compiling():
        return run_level(level, x, state, weights, live, batch_first)
    output, *finals = torch.ops.elman.level(
        x, list(state), list(weights), live, level.cell, level.directions, batch_first
    )
    return output, *finals[0]


@torch.library.custom_op("elman::level", mutates_args=())
def _level(
    x: Tensor,
    state: Sequence[Tensor],
    weights: Sequence[Tensor],
    live: Tensor | None,
    cell: str,
    directions: int,
    batch_first: bool,
) -> tuple[Tensor, list[Tensor]]:
    own = _described(x, weights, cell, directions)
    output, *finals = forward_level(own, x, state, weights, live, batch_first)
    return output, finals


@_level.register_fake
def _(
    x: Tensor,
    state: Sequence[Tensor],
    weights: Sequence[Tensor],
    live: Tensor | None,
    cell: str,
    directions: int,
    batch_first: bool,
) -> tuple[Tensor, list[Tensor]]:
    own = _described(x, weights, cell, directions)
    first, second, _ = x.shape
    output = x.new_empty((first, second, directions * own.hidden_size))
    final = (directions, first if batch_first else second, own.hidden_size)
    return output, [x.new_empty(final) for _ in range(own.states)]


@torch.library.custom_op("elman::level_backward", mutates_args=())
def _level_backward(
    x: Tensor,
    state: Sequence[Tensor],
    weights: Sequence[Tensor],
    live: Tensor | None,
    d_output: Tensor,
    d_finals: Sequence[Tensor],
    cell: str,
    directions: int,
    batch_first: bool,
) -> list[Tensor]:
    own = _described(x, weights, cell, directions)
    return backward_level(own, x, state, weights, live, batch_first, [d_output, *d_finals])


@_level_backward.register_fake
def _(
    x: Tensor,
    state: Sequence[Tensor],
    weights: Sequence[Tensor],
    live: Tensor | None,
    d_output: Tensor,
    d_finals: Sequence[Tensor],
    cell: str,
    directions: int,
    batch_first: bool,
) -> list[Tensor]:
    flat = x.new_empty(sum(one.numel() for one in weights))
    return [*(torch.empty_like(one) for one in (x, *state)), flat]


def _keep(ctx: object, inputs: tuple, output: tuple) -> None:  # type: ignore[type-arg]
    x, state, weights, live, *own = inputs
    ctx.own, ctx.states, ctx.weights = own, len(state), len(weights)  # type: ignore[attr-defined]
    ctx.finals = output[1]  # type: ignore[attr-defined]
    ctx.save_for_backward(x, *state, *weights, *(() if live is None else (live,)))  # type: ignore[attr-defined]


def _differentiate(ctx, d_output, d_finals):  # type: ignore[no-untyped-def]
    x, *others = ctx.saved_tensors
    state, others = others[: ctx.states], others[ctx.states :]
    weights, live = others[: ctx.weights], others[ctx.weights :]
    d_finals = [
        torch.zeros_like(final) if one is None else one
        for one, final in zip(d_finals, ctx.finals, strict=True)
    ]
    d_x, *d_state, flat = torch.ops.elman.level_backward(
        x, state, weights, live[0] if live else None, d_output, d_finals, *ctx.own
    )
    return d_x, d_state, split_weights(flat, weights), None, *(None for _ in ctx.own)


_level.register_autograd(_differentiate, setup_context=_keep)


def _described(x: Tensor, weights: Sequence[Tensor], cell: str, directions: int) -> Level:
    bias = len(weights) == 4 * directions
    return Level(cell, x.shape[2], weights[1].shape[1], bias, directions)
