"""The walk as a registered operator: what ``torch.compile`` and ``torch.export`` see.

Outside of these, :func:`level` goes the short way through :class:`elman.torch.level.LevelFunction`.
In a compiled graph nothing but tensors may be kept from forward to backward, so the operator's
backward pass walks forward again before it walks back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from elman.backends.regularization import Noise, Regularization
from elman.cells import CELLS
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
    seeds: Tensor | None = None,
    rows: Tensor | None = None,
) -> tuple[Tensor, ...]:
    """See :func:`elman.torch.level.run_level`.

    Args:
        level: As there.
        x: As there.
        state: As there.
        weights: As there.
        live: As there.
        batch_first: As there.
        seeds: Of the random numbers of each direction, int64; ``None``: none are drawn.
        rows: The number by which the random numbers of each row are known; ``None``: its place.
    """
    if not torch.compiler.is_compiling():
        noises = _noises(seeds, rows)
        return run_level(level, x, state, weights, live, batch_first, noises)
    inner = level.regularization
    output, finals = torch.ops.elman.level(
        x,
        list(state),
        list(weights),
        live,
        seeds,
        rows,
        level.cell,
        level.directions,
        batch_first,
        inner.recurrent_dropout,
        list(inner.zoneout),
        inner.layer_norm,
    )
    return output, *finals


@torch.library.custom_op("elman::level", mutates_args=())
def _level(
    x: Tensor,
    state: Sequence[Tensor],
    weights: Sequence[Tensor],
    live: Tensor | None,
    seeds: Tensor | None,
    rows: Tensor | None,
    cell: str,
    directions: int,
    batch_first: bool,
    recurrent_dropout: float,
    zoneout: Sequence[float],
    layer_norm: bool,
) -> tuple[Tensor, list[Tensor]]:
    own = _described(x, weights, cell, directions, recurrent_dropout, zoneout, layer_norm)
    noises = _noises(seeds, rows)
    output, *finals = forward_level(own, x, state, weights, live, batch_first, noises)
    return output, finals


@_level.register_fake
def _(x, state, weights, live, seeds, rows, cell, directions, batch_first, *_):  # type: ignore[no-untyped-def]
    first, second, _ = x.shape
    size = weights[1].shape[1]
    output = x.new_empty((first, second, directions * size))
    final = (directions, first if batch_first else second, size)
    return output, [x.new_empty(final) for _ in CELLS[cell].states]


@torch.library.custom_op("elman::level_backward", mutates_args=())
def _level_backward(
    x: Tensor,
    state: Sequence[Tensor],
    weights: Sequence[Tensor],
    live: Tensor | None,
    seeds: Tensor | None,
    rows: Tensor | None,
    d_output: Tensor,
    d_finals: Sequence[Tensor],
    cell: str,
    directions: int,
    batch_first: bool,
    recurrent_dropout: float,
    zoneout: Sequence[float],
    layer_norm: bool,
) -> list[Tensor]:
    own = _described(x, weights, cell, directions, recurrent_dropout, zoneout, layer_norm)
    d_results = [d_output, *d_finals]
    noises = _noises(seeds, rows)
    return backward_level(own, x, state, weights, live, batch_first, d_results, noises)


@_level_backward.register_fake
def _(x, state, weights, *_):  # type: ignore[no-untyped-def]
    flat = x.new_empty(sum(one.numel() for one in weights))
    return [*(torch.empty_like(one) for one in (x, *state)), flat]


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    x, state, weights, *others = inputs
    tensors, ctx.own = others[:3], others[3:]
    ctx.states, ctx.weights = len(state), len(weights)
    ctx.given = [one is not None for one in tensors]
    ctx.finals = output[1]
    ctx.save_for_backward(x, *state, *weights, *(one for one in tensors if one is not None))


def _differentiate(ctx: Any, d_output: Tensor, d_finals: Sequence[Tensor | None]) -> Any:
    x, *others = ctx.saved_tensors
    state, others = others[: ctx.states], others[ctx.states :]
    weights, kept = others[: ctx.weights], iter(others[ctx.weights :])
    tensors = [next(kept) if given else None for given in ctx.given]
    full = [
        torch.zeros_like(final) if one is None else one
        for one, final in zip(d_finals, ctx.finals, strict=True)
    ]
    d_x, *d_state, flat = torch.ops.elman.level_backward(
        x, state, weights, *tensors, d_output, full, *ctx.own
    )
    # PyTorch takes an empty list for one of tensors, whose gradient is an empty list
    options: list[Any] = [[] if isinstance(one, list) and not one else None for one in ctx.own]
    rest = [None] * len(tensors)
    return d_x, d_state, split_weights(flat, weights), *rest, *options


_level.register_autograd(_differentiate, setup_context=_keep)


def _described(
    x: Tensor,
    weights: Sequence[Tensor],
    cell: str,
    directions: int,
    recurrent_dropout: float,
    zoneout: Sequence[float],
    layer_norm: bool,
) -> Level:
    inner = Regularization(recurrent_dropout, tuple(zoneout), layer_norm)
    names = len(CELLS[cell].parameter_names(layer_norm))
    bias = len(weights) == names * directions
    size = weights[1].shape[1]
    return Level(cell, x.shape[2], size, bias, directions, regularization=inner)


def _noises(seeds: Tensor | None, rows: Tensor | None) -> list[Noise]:
    """The source of each direction's random numbers, from their seeds."""
    if seeds is None:
        return []
    numbers = None if rows is None else rows.numpy().astype(np.int64)
    return [Noise(one[None], numbers) for one in seeds.numpy().view(np.uint64)]
