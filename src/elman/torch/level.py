"""One level of a recurrent layer, one direction or both, as PyTorch differentiates it.

Forward and backward are one call of the kernels for each direction. A walk that will be
differentiated keeps its workspace until its backward pass, then the workspace goes back to a pool;
so a training step allocates nothing but the tensors it returns.
"""

from __future__ import annotations

import atexit
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from elman.cells import CELLS
from elman.sequence import Recurrence
from elman.torch.reference import walk

__all__ = [
    "Level",
    "Walks",
    "backward_level",
    "forward_level",
    "reference_level",
    "run_level",
    "split_weights",
    "trace_level",
]

Array: TypeAlias = NDArray[Any]

_FLOATS = {torch.float32: np.float32, torch.float64: np.float64}


class Level(NamedTuple):
    """What a level is, beside its weights.

    Attributes:
        cell: A name in :data:`elman.cells.CELLS`.
        input_size: Channels read.
        hidden_size: Units.
        bias: Whether there are biases.
        directions: 1 or 2.
        dtype: float32 or float64.
        batch_first: Whether values are ``(B, T, C)``, not ``(T, B, C)``.
    """

    cell: str
    input_size: int
    hidden_size: int
    bias: bool
    directions: int
    dtype: torch.dtype
    batch_first: bool = False

    @property
    def states(self) -> int:
        """How many arrays are carried from step to step."""
        return len(CELLS[self.cell].states)

    @property
    def weights(self) -> int:
        """How many weights a direction has."""
        return 4 if self.bias else 2


_pool: dict[tuple[Any, ...], list[Recurrence]] = defaultdict(list)
"""Workspaces that no walk holds at the moment, by what they are for."""
atexit.register(_pool.clear)


class Walks:
    """The walks of a level over one batch, which keep what the backward pass needs.

    Their workspaces come from the pool and return to it when nothing refers to this object.

    Args:
        level: See :class:`Level`.
    """

    __slots__ = ("_inputs", "_keys", "_parameters", "_recurrences", "level", "ready")

    def __init__(self, level: Level) -> None:
        self.level = level
        self.ready = False  # whether a backward pass can follow
        own = (level.cell, level.input_size, level.hidden_size, level.bias)
        self._keys = [(*own, bool(one), _FLOATS[level.dtype]) for one in range(level.directions)]
        self._recurrences: list[Recurrence] = []
        for key in self._keys:
            try:
                self._recurrences.append(_pool[key].pop())
            except IndexError:  # all of that kind are at work
                self._recurrences.append(Recurrence(*key))

    def __del__(self) -> None:
        for key, recurrence in zip(self._keys, self._recurrences, strict=True):
            _pool[key].append(recurrence)

    def forward(
        self,
        x: Tensor,
        state: Sequence[Tensor],
        weights: Sequence[Tensor],
        live: Any,
        training: bool,
    ) -> tuple[Tensor, ...]:
        """Outputs and final states, see :func:`run_level`."""
        level = self.level
        size, first = level.hidden_size, level.batch_first
        rows, columns, _ = x.shape
        inputs = _array(x, first)
        output = np.empty((rows, columns, level.directions * size), inputs.dtype)
        outputs = output.transpose(1, 0, 2) if first else output
        final = (level.directions, rows if first else columns, size)
        after = [np.empty(final, inputs.dtype) for _ in range(level.states)]
        before = [_array(one.contiguous()) for one in state]
        parameters = _by_direction(level, [_array(one.contiguous()) for one in weights])
        for direction, recurrence in enumerate(self._recurrences):
            recurrence.forward(
                parameters[direction],
                inputs,
                _of(before, direction),
                live,
                training,
                outputs[:, :, direction * size : (direction + 1) * size],
                final_state=_of(after, direction),
            )
        self._inputs, self._parameters, self.ready = inputs, parameters, training
        return tuple(map(torch.from_numpy, (output, *after)))

    def backward(
        self, d_results: Sequence[Tensor | None], d_x: Tensor | None, d_state: Sequence[Tensor]
    ) -> tuple[list[Array], Array]:
        """Writes the gradients of ``x``, if it is wanted, and of the states that came in.

        Returns:
            The gradients of all weights, and the vector that they are parts of. The walks must
            be made again before another backward pass.
        """
        level, inputs, size = self.level, self._inputs, self.level.hidden_size
        d_outputs, d_after = self._given(d_results)
        d_inputs = None if d_x is None else _array(d_x, level.batch_first)
        d_before = [_array(one) for one in d_state]
        weights = [one for own in self._parameters for one in own if one is not None]
        flat, d_weights = _zeros_like(weights)
        d_parameters = _by_direction(level, d_weights)
        for direction, recurrence in enumerate(self._recurrences):
            part = np.empty_like(inputs) if direction and d_inputs is not None else d_inputs
            one = slice(direction * size, (direction + 1) * size)
            recurrence.backward(
                self._parameters[direction],
                inputs,
                None if d_outputs is None else d_outputs[:, :, one],
                _of(d_after, direction),
                d_parameters[direction],
                d_x is not None,
                d_x=part,
                d_state=_of(d_before, direction),
            )
            if d_inputs is not None and part is not d_inputs:
                d_inputs += part
        self.ready = False
        return d_weights, flat

    def _given(self, d_results: Sequence[Tensor | None]) -> tuple[Array | None, list[Array]]:
        """The gradients of the outputs and of the final states, none of them if all are zero."""
        first, *finals = d_results
        d_outputs = None if first is None else _array(_rows(first), self.level.batch_first)
        known = next((one for one in finals if one is not None), None)
        if known is None:
            return d_outputs, []
        return d_outputs, [
            _array(torch.zeros_like(known) if one is None else one.contiguous()) for one in finals
        ]


def run_level(
    level: Level, x: Tensor, state: Sequence[Tensor], weights: Sequence[Tensor], live: Any
) -> tuple[Tensor, ...]:
    """The outputs of a level and its final states.

    Args:
        level: See :class:`Level`.
        x: ``(T, B, D)``, or ``(B, T, D)`` if ``level.batch_first``.
        state: ``(directions, B, H)`` for each state of the cell; none of them for zeros.
        weights: Those of each direction in turn, in the order of ``torch.nn``.
        live: ``None``, or how many of the leading rows live at each step, int64 ``(T,)``.

    Returns:
        ``(T, B, directions H)``, or with the batch first; then the states, as ``state`` has them.
    """
    results: tuple[Tensor, ...] = LevelFunction.apply(  # type: ignore[no-untyped-call]
        level, _counts(live), len(state), x, *state, *weights
    )
    return results


def forward_level(
    level: Level, x: Tensor, state: Sequence[Tensor], weights: Sequence[Tensor], live: Tensor | None
) -> tuple[Tensor, ...]:
    """What :func:`run_level` gives, without gradients."""
    return Walks(level).forward(_rows(x), state, weights, _counts(live), False)


def backward_level(
    level: Level,
    x: Tensor,
    state: Sequence[Tensor],
    weights: Sequence[Tensor],
    live: Tensor | None,
    d_results: Sequence[Tensor | None],
) -> list[Tensor]:
    """The gradients of ``x``, of the states, and of all weights one after the other."""
    walks, x = Walks(level), _rows(x)
    walks.forward(x, state, weights, _counts(live), True)
    d_x, d_state = torch.empty_like(x), [torch.empty(one.shape, dtype=one.dtype) for one in state]
    _, flat = walks.backward(d_results, d_x, d_state)
    return [d_x, *d_state, torch.from_numpy(flat)]


class LevelFunction(torch.autograd.Function):
    """The walk with its gradients; :func:`run_level` says what comes in and goes out."""

    @staticmethod
    def forward(
        ctx: Any, level: Level, live: Array | None, states: int, x: Tensor, *others: Tensor
    ) -> tuple[Tensor, ...]:
        """Keeps the walks if anything needs a gradient."""
        walks, training = Walks(level), any(ctx.needs_input_grad)
        x = _rows(x)
        results = walks.forward(x, others[:states], others[states:], live, training)
        if training:
            ctx.save_for_backward(x, *others)
            ctx.set_materialize_grads(False)
            ctx.walks, ctx.live, ctx.states = walks, live, states
        return results

    @staticmethod
    def backward(ctx: Any, *d_results: Tensor | None) -> Any:
        """By the kernels; or, if the derivative is to be differentiated, by PyTorch's own."""
        walks, live, states = ctx.walks, ctx.live, ctx.states
        x, *others = ctx.saved_tensors
        state, weights = others[:states], others[states:]
        wanted = ctx.needs_input_grad[3:]
        if torch.is_grad_enabled():
            found = _differentiable(walks.level, live, x, state, weights, d_results, wanted)
            return None, None, None, *found
        if not walks.ready:  # a second backward pass through the same walks
            walks.forward(x, state, weights, live, True)
        d_x = torch.empty_like(x) if wanted[0] else None
        d_state = [torch.empty(one.shape, dtype=one.dtype) for one in state]
        d_weights, _ = walks.backward(d_results, d_x, d_state)
        return None, None, None, d_x, *d_state, *map(torch.from_numpy, d_weights)


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


def _by_direction(level: Level, arrays: Sequence[Array]) -> list[Any]:
    """Weights as the parameters of each direction; without bias the last two are None."""
    if level.bias:
        return [tuple(arrays[first : first + 4]) for first in range(0, len(arrays), 4)]
    return [(*arrays[first : first + 2], None, None) for first in range(0, len(arrays), 2)]


def _zeros_like(weights: Sequence[Array]) -> tuple[Array, list[Array]]:
    """Zeros shaped as the weights, and the vector that they all are parts of."""
    flat = np.zeros(sum([one.size for one in weights]), weights[0].dtype)
    parts, first = [], 0
    for one in weights:
        parts.append(flat[first : first + one.size].reshape(one.shape))
        first += one.size
    return flat, parts


def _of(arrays: Sequence[Array], direction: int) -> tuple[Array, ...] | None:
    """The part of a direction in each array; ``None`` if there are none."""
    return tuple([one[direction] for one in arrays]) if arrays else None


def _differentiable(
    level: Level,
    live: Array | None,
    x: Tensor,
    state: Sequence[Tensor],
    weights: Sequence[Tensor],
    d_results: Sequence[Tensor | None],
    wanted: Sequence[bool],
) -> list[Tensor | None]:
    """The same gradients, made of PyTorch's own operations so that they have gradients too."""
    results = reference_level(level, x, state, weights, live)
    pairs = [
        (result, d_result)
        for result, d_result in zip(results, d_results, strict=True)
        if d_result is not None
    ]
    given = [x, *state, *weights]
    found = iter(
        torch.autograd.grad(
            [result for result, _ in pairs],
            [one for one, want in zip(given, wanted, strict=True) if want],
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
) -> tuple[Tensor, ...]:
    """What :func:`run_level` gives, made of PyTorch's own operations."""
    walked = trace_level(level, x, state, weights, live)
    joined = torch.cat([output for output, _, _ in walked], dim=2)
    finals = [torch.stack(parts) for parts in zip(*(one for _, one, _ in walked), strict=True)]
    return (joined.transpose(0, 1) if level.batch_first else joined, *finals)


def trace_level(
    level: Level,
    x: Tensor,
    state: Sequence[Tensor],
    weights: Sequence[Tensor],
    live: Array | None,
) -> list[tuple[Tensor, tuple[Tensor, ...], dict[str, Tensor]]]:
    """For each direction what :func:`elman.torch.reference.walk` gives, time first."""
    steps = x.transpose(0, 1) if level.batch_first else x
    counts = None if live is None else torch.as_tensor(live)
    zeros = (x.new_zeros((steps.shape[1], level.hidden_size)),) * level.states
    number, walked = level.weights, []
    for direction in range(level.directions):
        before = tuple(one[direction] for one in state) or zeros
        own = weights[direction * number : (direction + 1) * number]
        walked.append(walk(level.cell, steps, before, own, counts, bool(direction)))
    return walked
