"""The walk as registered operators: what ``torch.compile``, ``torch.export`` and modes see.

Outside of these, :func:`level` goes the short way through :class:`elman.torch.level.LevelFunction`.
``elman::level`` is the operator; where something needs a gradient, it is ``elman::level_training``,
whose last result is a reserve, for ``elman::level_backward``.

In a compiled graph nothing but tensors may be kept from forward to backward, and no operator may
write into what it is given. So the reserve is not the memory that a walk leaves behind: that is the
core's, from its pool, as outside of graphs, and lives as long as the reserve, which shows a few
constant bytes and by its place tells which memory it is. A copy of the reserve, or one whose memory
another backward pass has had, is worth nothing, and the backward pass walks forward again first:
slower, and the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from elman.backends.regularization import Regularization
from elman.cells import CELLS
from elman.torch.level import Call, run_level
from elman.torch.settings import Level

__all__ = ["level", "modes"]

_PLAIN = frozenset((Tensor, nn.Parameter))
"""What has memory of its own and nothing to say about what is done with it."""

modes = torch._C._len_torch_dispatch_stack
"""How many watch PyTorch's operators, to trace them or to count."""

_RESERVE = 8
"""Bytes of a reserve."""


def level(call: Call, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """See :func:`elman.torch.level.run_level`."""
    if not (torch.compiler.is_compiling() or modes()) and _PLAIN.issuperset(map(type, inputs)):
        return run_level(call, inputs)
    own, inner = call.level, call.level.regularization
    x, (state, weights) = inputs[0], own.split(inputs[1:])
    single = x.dim() == 2
    if single:
        x, state = x[None], [one[None] for one in state]
    output, finals = torch.ops.elman.level(
        x,
        list(state),
        list(weights),
        call.live,
        call.seeds,
        call.rows,
        own.cell,
        own.directions,
        call.batch_first,
        inner.recurrent_dropout,
        list(inner.zoneout),
        inner.layer_norm,
    )
    return tuple([one[0] for one in finals]) if single else (output, *finals)


# --------------------------------------------------------------- without gradients, and with them

_LIBRARY: Any = torch.library.Library("elman", "FRAGMENT")  # type: ignore[no-untyped-call]
_LIBRARY.define(
    "level(Tensor x, Tensor[] state, Tensor[] weights, Tensor? live, Tensor? seeds, Tensor? rows, "
    "str cell, int directions, bool batch_first, float recurrent_dropout, float[] zoneout, "
    "bool layer_norm) -> (Tensor, Tensor[])",
    tags=(torch.Tag.pt2_compliant_tag,),
)


def _level(
    x: Tensor, state: Sequence[Tensor], weights: Sequence[Tensor], *others: Any
) -> tuple[Tensor, list[Tensor]]:
    (output, *finals), _kept = _call(x, weights, *others).forward((x, *state, *weights), False)
    return output, finals


def _level_fake(
    x: Tensor,
    state: Sequence[Tensor],
    weights: Sequence[Tensor],
    live: Tensor | None,
    seeds: Tensor | None,
    rows: Tensor | None,
    cell: str,
    directions: int,
    batch_first: bool,
    *_: Any,
) -> tuple[Tensor, list[Tensor]]:
    first, second = x.shape[:2]
    size = weights[1].shape[1]
    output = x.new_empty((first, second, directions * size))
    final = (directions, first if batch_first else second, size)
    return output, [x.new_empty(final) for _ in CELLS[cell].states]


def _level_autograd(
    keys: Any, x: Tensor, state: Sequence[Tensor], weights: Sequence[Tensor], *others: Any
) -> tuple[Tensor, list[Tensor]]:
    """Takes the operator with a reserve where a gradient can be asked for."""
    if torch.is_grad_enabled() and any(one.requires_grad for one in (x, *state, *weights)):
        output, finals, _ = torch.ops.elman.level_training(x, state, weights, *others)
        return output, finals
    below = keys & torch._C._after_autograd_keyset
    with torch._C._AutoDispatchBelowAutograd():
        return torch.ops.elman.level.default.redispatch(below, x, state, weights, *others)  # type: ignore[no-any-return]


_LIBRARY.impl("level", _level, "CPU")
_LIBRARY.impl("level", _level_autograd, "Autograd", with_keyset=True)
torch.library.register_fake("elman::level", _level_fake, lib=_LIBRARY)


@torch.library.custom_op("elman::level_training", mutates_args=())
def _level_training(
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
) -> tuple[Tensor, list[Tensor], Tensor]:
    options = (cell, directions, batch_first, recurrent_dropout, zoneout, layer_norm)
    call = _call(x, weights, live, seeds, rows, *options)
    (output, *finals), kept = call.forward((x, *state, *weights), True)
    return output, finals, torch.from_numpy(kept.mark)  # type: ignore[union-attr]


@_level_training.register_fake
def _(x, *others):  # type: ignore[no-untyped-def]
    return *_level_fake(x, *others), x.new_empty((_RESERVE,), dtype=torch.int8)


@torch.library.custom_op("elman::level_backward", mutates_args=())
def _level_backward(
    x: Tensor,
    state: Sequence[Tensor],
    weights: Sequence[Tensor],
    live: Tensor | None,
    seeds: Tensor | None,
    rows: Tensor | None,
    d_output: Tensor | None,
    d_finals: Sequence[Tensor | None],
    reserve: Tensor,
    need_d_x: bool,
    cell: str,
    directions: int,
    batch_first: bool,
    recurrent_dropout: float,
    zoneout: Sequence[float],
    layer_norm: bool,
) -> list[Tensor]:
    options = (cell, directions, batch_first, recurrent_dropout, zoneout, layer_norm)
    call = _call(x, weights, live, seeds, rows, *options)
    inputs, d_results = (x, *state, *weights), (d_output, *d_finals)
    d_x, *others = call.backward(inputs, d_results, reserve, need_d_x)
    return [x.new_empty(0) if d_x is None else d_x, *others]  # type: ignore[list-item]


@_level_backward.register_fake
def _(x, state, weights, *others):  # type: ignore[no-untyped-def]
    need_d_x = others[6]
    d_x = x.new_empty(x.shape if need_d_x else 0)
    return [d_x, *(one.new_empty(one.shape) for one in (*state, *weights))]


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    x, state, weights, *others = inputs
    tensors, ctx.options = others[:3], others[3:]
    ctx.states, ctx.weights = len(state), len(weights)
    ctx.given = [one is not None for one in tensors]
    given = (one for one in tensors if one is not None)
    ctx.save_for_backward(output[2], x, *state, *weights, *given)
    ctx.set_materialize_grads(False)


def _differentiate(ctx: Any, d_output: Tensor | None, d_finals: Any, _: Any) -> Any:
    reserve, x, *others = ctx.saved_tensors
    state, others = others[: ctx.states], others[ctx.states :]
    weights, kept = others[: ctx.weights], iter(others[ctx.weights :])
    tensors = [next(kept) if given else None for given in ctx.given]
    d_x, *found = torch.ops.elman.level_backward(
        x,
        state,
        weights,
        *tensors,
        d_output,
        d_finals,
        reserve,
        ctx.needs_input_grad[0],
        *ctx.options,
    )
    # PyTorch takes an empty list for one of tensors, whose gradient is an empty list
    options: list[Any] = [[] if isinstance(one, list) and not one else None for one in ctx.options]
    d_state, d_weights = found[: ctx.states], found[ctx.states :]
    return d_x if ctx.needs_input_grad[0] else None, d_state, d_weights, None, None, None, *options


_level_training.register_autograd(_differentiate, setup_context=_keep)


def _call(
    x: Tensor,
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
) -> Call:
    """What an operator is told, in one."""
    inner = Regularization(recurrent_dropout, tuple(zoneout), layer_norm)
    bias = len(weights) == directions * len(CELLS[cell].parameter_names(layer_norm))
    size = weights[1].shape[1]
    own = Level(cell, x.shape[2], size, bias, directions, inner)
    return Call(own, live, seeds, rows, batch_first)
