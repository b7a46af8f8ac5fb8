"""One level of a recurrent layer, one direction or both, as PyTorch differentiates it.

Forward and backward are one call of the kernels for each direction, on the tensors' own memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from elman.backends.regularization import Noise
from elman.levels import Level, Walks
from elman.torch.reference import walk

__all__ = [
    "backward_level",
    "forward_level",
    "reference_level",
    "run_level",
    "split_weights",
    "trace_level",
]

Array: TypeAlias = NDArray[Any]


def run_level(
    level: Level,
    x: Tensor,
    state: Sequence[Tensor],
    weights: Sequence[Tensor],
    live: Any,
    batch_first: bool,
    noises: Sequence[Noise] = (),
) -> tuple[Tensor, ...]:
    """The outputs of a level and its final states.

    Args:
        level: See :class:`elman.levels.Level`.
        x: ``(T, B, D)``, or ``(B, T, D)`` if ``batch_first``.
        state: ``(directions, B, H)`` for each state of the cell; none of them for zeros.
        weights: Those of each direction in turn, in the order of ``torch.nn``.
        live: ``None``, or how many of the leading rows live at each step, int64 ``(T,)``.
        batch_first: Whether the batch is the first axis of ``x`` and of the outputs.
        noises: The source of the random numbers of each direction; none: none are drawn.

    Returns:
        ``(T, B, directions H)``, or with the batch first; then the states, as ``state`` has them.
    """
    results: tuple[Tensor, ...] = LevelFunction.apply(  # type: ignore[no-untyped-call]
        level, _counts(live), batch_first, noises, len(state), x, *state, *weights
    )
    return results


def forward_level(
    level: Level,
    x: Tensor,
    state: Sequence[Tensor],
    weights: Sequence[Tensor],
    live: Tensor | None,
    batch_first: bool,
    noises: Sequence[Noise] = (),
) -> tuple[Tensor, ...]:
    """What :func:`run_level` gives, without gradients."""
    walks, x = _walks(level, x), _rows(x)
    return _forward(walks, x, state, weights, _counts(live), batch_first, False, noises)


def backward_level(
    level: Level,
    x: Tensor,
    state: Sequence[Tensor],
    weights: Sequence[Tensor],
    live: Tensor | None,
    batch_first: bool,
    d_results: Sequence[Tensor | None],
    noises: Sequence[Noise] = (),
) -> list[Tensor]:
    """The gradients of ``x``, of the states, and of all weights one after the other."""
    walks, x = _walks(level, x), _rows(x)
    _forward(walks, x, state, weights, _counts(live), batch_first, True, noises)
    d_x, d_state, _, flat = _backward(walks, x, state, batch_first, d_results, True)
    return [d_x, *d_state, torch.from_numpy(flat)]  # type: ignore[list-item]


class LevelFunction(torch.autograd.Function):
    """The walk with its gradients; :func:`run_level` says what comes in and goes out."""

    @staticmethod
    def forward(
        ctx: Any,
        level: Level,
        live: Array | None,
        batch_first: bool,
        noises: Sequence[Noise],
        states: int,
        x: Tensor,
        *others: Tensor,
    ) -> tuple[Tensor, ...]:
        """Keeps the walks if anything needs a gradient."""
        training, x = any(ctx.needs_input_grad), _rows(x)
        state, weights = others[:states], others[states:]
        walks = _walks(level, x)
        results = _forward(walks, x, state, weights, live, batch_first, training, noises)
        if training:
            ctx.save_for_backward(x, *others)
            ctx.set_materialize_grads(False)
            ctx.walks, ctx.live, ctx.batch_first = walks, live, batch_first
            ctx.noises, ctx.states = noises, states
        return results

    @staticmethod
    def backward(ctx: Any, *d_results: Tensor | None) -> Any:
        """By the kernels; or, if the derivative is to be differentiated, by PyTorch's own."""
        walks, live, batch_first = ctx.walks, ctx.live, ctx.batch_first
        x, *others = ctx.saved_tensors
        state, weights = others[: ctx.states], others[ctx.states :]
        wanted, none = ctx.needs_input_grad[5:], (None,) * 5
        if torch.is_grad_enabled():
            results = reference_level(walks.level, x, state, weights, live, batch_first, ctx.noises)
            return *none, *_gradients(results, d_results, [x, *others], wanted)
        if not walks.ready:  # a second backward pass through the same walks
            _forward(walks, x, state, weights, live, batch_first, True, ctx.noises)
        d_x, d_state, d_weights, _ = _backward(walks, x, state, batch_first, d_results, wanted[0])
        return *none, d_x, *d_state, *map(torch.from_numpy, d_weights)


def _forward(
    walks: Walks,
    x: Tensor,
    state: Sequence[Tensor],
    weights: Sequence[Tensor],
    live: Array | None,
    batch_first: bool,
    training: bool,
    noises: Sequence[Noise],
) -> tuple[Tensor, ...]:
    level, (first, second, _) = walks.level, x.shape
    inputs = _array(x, batch_first)
    output = np.empty((first, second, level.directions * level.hidden_size), inputs.dtype)
    shape = (level.directions, first if batch_first else second, level.hidden_size)
    final = [np.empty(shape, inputs.dtype) for _ in range(level.states)]
    walks.forward(
        inputs,
        [_array(one.contiguous()) for one in state],
        [_array(one.contiguous()) for one in weights],
        live,
        output.transpose(1, 0, 2) if batch_first else output,
        final,
        training,
        noises,
    )
    return tuple(map(torch.from_numpy, (output, *final)))


def _backward(
    walks: Walks,
    x: Tensor,
    state: Sequence[Tensor],
    batch_first: bool,
    d_results: Sequence[Tensor | None],
    need_d_x: bool,
) -> tuple[Tensor | None, list[Tensor], list[Array], Array]:
    """The gradients of ``x``, of the states, of the weights, and the vector of the latter."""
    first, *rest = d_results
    d_output = None if first is None else _array(_rows(first), batch_first)
    known = next((one for one in rest if one is not None), None)
    d_final = []
    if known is not None:
        full = [torch.zeros_like(known) if one is None else one for one in rest]
        d_final = [_array(one.contiguous()) for one in full]
    d_x = torch.empty_like(x) if need_d_x else None
    d_state = [torch.empty(one.shape, dtype=one.dtype) for one in state]
    d_inputs = None if d_x is None else _array(d_x, batch_first)
    found = walks.backward(d_output, d_final, d_inputs, [_array(one) for one in d_state])
    return d_x, d_state, *found


def _walks(level: Level, x: Tensor) -> Walks:
    return Walks(level, np.float32 if x.dtype == torch.float32 else np.float64)


def split_weights(flat: Tensor, weights: Sequence[Tensor]) -> list[Tensor]:
    """A vector as parts shaped as the weights, one after the other."""
    parts = flat.split_with_sizes([one.numel() for one in weights])
    return [
        part if one.dim() == 1 else part.view(one.shape)
        for part, one in zip(parts, weights, strict=True)
    ]


def _counts(live: Any) -> Array | None:
    return live.numpy() if isinstance(live, Tensor) else live


def _rows(tensor: Tensor) -> Tensor:
    """The tensor, its last axis contiguous."""
    return tensor if tensor.stride(-1) == 1 or not tensor.numel() else tensor.contiguous()


def _array(tensor: Tensor, batch_first: bool = False) -> Array:
    """A tensor's own memory as an array, time first."""
    array: Array = tensor.detach().numpy()
    return array.transpose(1, 0, 2) if batch_first else array


def _gradients(
    results: Sequence[Tensor],
    d_results: Sequence[Tensor | None],
    inputs: Sequence[Tensor],
    wanted: Sequence[bool],
) -> list[Tensor | None]:
    """Gradients made of PyTorch's own operations, so that they have gradients too."""
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


def reference_level(
    level: Level,
    x: Tensor,
    state: Sequence[Tensor],
    weights: Sequence[Tensor],
    live: Array | None,
    batch_first: bool,
    noises: Sequence[Noise] = (),
) -> tuple[Tensor, ...]:
    """What :func:`run_level` gives, made of PyTorch's own operations."""
    walked = trace_level(level, x, state, weights, live, batch_first, noises)
    joined = torch.cat([output for output, _, _ in walked], dim=2)
    finals = [torch.stack(parts) for parts in zip(*(one for _, one, _ in walked), strict=True)]
    return (joined.transpose(0, 1) if batch_first else joined, *finals)


def trace_level(
    level: Level,
    x: Tensor,
    state: Sequence[Tensor],
    weights: Sequence[Tensor],
    live: Array | None,
    batch_first: bool,
    noises: Sequence[Noise] = (),
) -> list[tuple[Tensor, tuple[Tensor, ...], dict[str, Tensor]]]:
    """For each direction what :func:`elman.torch.reference.walk` gives, time first."""
    steps = x.transpose(0, 1) if batch_first else x
    counts = None if live is None else torch.as_tensor(live)
    zeros = (x.new_zeros((steps.shape[1], level.hidden_size)),) * level.states
    number, walked = level.weights, []
    for direction in range(level.directions):
        before = tuple(one[direction] for one in state) or zeros
        own = weights[direction * number : (direction + 1) * number]
        noise = noises[direction] if noises else None
        walked.append(walk(level, steps, before, own, counts, bool(direction), noise))
    return walked
