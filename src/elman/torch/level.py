"""One level of a recurrent layer, one direction or both, as PyTorch differentiates it.

Forward and backward are one call of the core each, on the tensors' own memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import torch
from torch import Tensor

from elman import _core
from elman.torch.reference import reference_level
from elman.torch.settings import Level

__all__ = ["Call", "LevelFunction", "are_many", "gradients_of", "run_level"]

Kept: TypeAlias = "_core.Block32 | _core.Block64 | Tensor"


class Call:
    """What a walk is given, beside the tensors that have gradients.

    Attributes:
        level: See :class:`elman.torch.settings.Level`.
        live: ``None``, or how many of the leading rows live at each step, int64 ``(T,)``.
        seeds: Of the random numbers of each direction, int64; ``None``: none are drawn.
        rows: The number by which the random numbers of each row are known, int64 ``(B,)``;
            ``None``: its place.
        batch_first: Whether the batch is the first axis of ``x`` and of the outputs.
    """

    __slots__ = ("_core", "batch_first", "level", "live", "rows", "seeds")

    def __init__(
        self,
        level: Level,
        live: Tensor | None = None,
        seeds: Tensor | None = None,
        rows: Tensor | None = None,
        batch_first: bool = False,
    ) -> None:
        self.level, self.batch_first = level, batch_first
        self.live, self.seeds, self.rows = live, seeds, rows
        self._core: _core.Level | None = None

    def among(self, live: Tensor | None, seeds: Tensor | None, rows: Tensor | None) -> Call:
        """The same walk of such rows."""
        return Call(self.level, live, seeds, rows, self.batch_first)

    def forward(
        self, inputs: tuple[Tensor, ...], training: bool
    ) -> tuple[tuple[Tensor, ...], Kept | None]:
        """What :func:`run_level` gives; with ``training`` what the walk back needs, else None."""
        core = self._core or self._made()
        return core.forward(inputs, self.live, self.seeds, self.rows, self.batch_first, training)

    def backward(
        self,
        inputs: tuple[Tensor, ...],
        d_results: tuple[Tensor | None, ...],
        kept: Kept | None,
        need_d_x: bool,
    ) -> tuple[Tensor | None, ...]:
        """The gradients of the inputs, that of ``x`` only if it is needed.

        Args:
            inputs: See :func:`run_level`.
            d_results: Of what :func:`run_level` gives, ``None`` for zeros.
            kept: What :meth:`forward` kept for this walk back, if it did. It serves one walk back;
                another one walks forward again before.
            need_d_x: Whether that of ``x`` is wanted.
        """
        core = self._core or self._made()
        return core.backward(
            inputs,
            self.live,
            self.seeds,
            self.rows,
            self.batch_first,
            d_results,
            kept,
            need_d_x,
        )

    @property
    def core(self) -> _core.Level:
        """The core's walk."""
        return self._core or self._made()

    def _made(self) -> _core.Level:
        """The core's walk, made when it is first asked for: not while a compiler traces."""
        self._core = _core_of(self.level)
        return self._core


def run_level(call: Call, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The outputs of a level and its final states.

    Args:
        call: What the walk is.
        inputs: ``x``, which is ``(T, B, D)``, or ``(B, T, D)`` if ``batch_first``;
            ``(directions, B, H)`` for each state of the cell, or none of them for zeros; and the
            weights of each direction in turn, in the order of ``torch.nn``.

    Returns:
        ``(T, B, directions H)``, or with the batch first; then the states, as they came in.

    A single step is an ``x`` of ``(B, D)``: states come in as ``(B, H)``, and are what comes out.
    """
    if torch.is_grad_enabled():
        results: tuple[Tensor, ...] = _apply(call, *inputs)
        return results
    return call.forward(inputs, False)[0]


class LevelFunction(torch.autograd.Function):
    """The walk with its gradients; :func:`run_level` says what comes in and goes out."""

    @staticmethod
    def forward(ctx: Any, call: Call, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Keeps what the walk back needs, if anything needs a gradient."""
        training = True in ctx.needs_input_grad
        results, kept = call.forward(inputs, training)
        if training:
            ctx.save_for_backward(*inputs)
            ctx.set_materialize_grads(False)
            ctx.call, ctx.kept = call, kept
        return results

    @staticmethod
    def backward(ctx: Any, *d_results: Tensor | None) -> Any:
        """By the kernels; or, if the derivative is to be differentiated or many are asked for at
        once (``is_grads_batched``), by PyTorch's own."""
        call, inputs, wanted = ctx.call, ctx.saved_tensors, ctx.needs_input_grad
        if torch.is_grad_enabled() or are_many(d_results):
            return None, *_differentiable(call, inputs, d_results, wanted[1:])
        kept, ctx.kept = ctx.kept, None  # it serves once; whoever keeps the loss need not keep it
        return None, *call.backward(inputs, d_results, kept, wanted[1])


_apply: Any = super(torch.autograd.Function, LevelFunction).apply
"""``LevelFunction.apply`` without its look for transforms of torch.func, whose calls never come
here."""


def are_many(d_results: Sequence[Tensor | None]) -> bool:
    """Whether PyTorch shows many gradients as one, which has no memory of its own."""
    for d_result in d_results:
        if d_result is not None and not torch._C._has_storage(d_result):
            return True
    return False


@lru_cache(maxsize=1024)
def _core_of(level: Level) -> _core.Level:
    inner = level.regularization
    return _core.Level(
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


def _differentiable(
    call: Call,
    inputs: Sequence[Tensor],
    d_results: Sequence[Tensor | None],
    wanted: Sequence[bool],
) -> list[Tensor | None]:
    """Gradients made of PyTorch's own operations, which know what else is done with them."""
    level, create_graph = call.level, torch.is_grad_enabled()
    with torch.enable_grad():
        # a tensor that came in twice has two gradients, which PyTorch adds
        inputs = [
            one.view_as(one) if want else one for one, want in zip(inputs, wanted, strict=True)
        ]
        x, (state, weights) = inputs[0], level.split(inputs[1:])
        single = x.dim() == 2
        if single:
            x, state = x[None], [one[None] for one in state]
        results = reference_level(
            level, x, state, weights, call.live, call.batch_first, call.seeds, call.rows
        )
        if single:
            results = tuple([one[0] for one in results[1:]])
    return gradients_of(results, d_results, inputs, wanted, create_graph)


def gradients_of(
    results: Sequence[Tensor],
    d_results: Sequence[Tensor | None],
    inputs: Sequence[Tensor],
    wanted: Sequence[bool],
    create_graph: bool,
) -> list[Tensor | None]:
    """The gradients of the inputs that are wanted, ``None`` for the others.

    Args:
        results: Made of the inputs by PyTorch's own operations.
        d_results: Their gradients, ``None`` for zeros.
        inputs: Tensors.
        wanted: Of each of them.
        create_graph: Whether the gradients have gradients too.
    """
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
            create_graph=create_graph,
            allow_unused=True,
        )
    )
    return [next(found) if want else None for want in wanted]
