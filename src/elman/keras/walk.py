"""A walk over arrays as Keras lays them out: weights transposed, the batch first, any mask.

These are functions of arrays alone: each of Keras's backends calls them as it calls foreign code,
and gives their derivatives to its own differentiation (:mod:`elman.keras.bridges`).
"""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.keras.plan import Plan
from elman.levels import Level, Walks

__all__ = ["Plan", "backward", "forward"]

Array: TypeAlias = NDArray[Any]

_MOST_KEPT = 64


class _Kept(NamedTuple):
    """What a backward pass needs of its forward pass."""

    walks: Walks
    rows: _Rows | None
    shape: tuple[int, ...]


class _Rows:
    """The observed steps of each row, one after the other, rows with the most of them first.

    Args:
        mask: True where a step is observed, ``(B, T)``.
    """

    def __init__(self, mask: Array) -> None:
        counts = mask.sum(axis=1)
        self.order = np.argsort(-counts, kind="stable")
        self.back = np.argsort(self.order, kind="stable")
        steps = int(counts.max(initial=0))
        first = np.argsort(~mask, axis=1, kind="stable")[:, :steps]  # the observed come first
        self.steps = first[self.order]
        counts = counts[self.order]
        self.live = (counts[None, :] > np.arange(steps)[:, None]).sum(axis=1).astype(np.int64)
        self.mask = mask[self.order]
        self.latest = np.cumsum(self.mask, axis=1) - 1  # the observed step that each step stands at

    def gather(self, x: Array) -> Array:
        """``(B, T, C)`` to the observed steps, time first."""
        chosen = np.take_along_axis(x[self.order], self.steps[:, :, None], axis=1)
        return np.ascontiguousarray(chosen.transpose(1, 0, 2))

    def spread(self, values: Array, plan: Plan, initial: Array) -> Array:
        """The outputs of the observed steps to all steps ``(B, T, H)``; those between repeat.

        Args:
            values: ``[T', B, H]``, the rows in this object's order.
            plan: Of the walk.
            initial: The state that the rows began in, ``(B, H)``, in this object's order.
        """
        wide = np.zeros((*self.mask.shape, values.shape[2]), values.dtype)
        steps, rows = self._sources(plan)
        wide[steps] = values[self.latest[steps], rows]
        if plan.begins and not plan.zero_masked:
            early = self.latest < 0
            wide[early] = initial[np.nonzero(early)[0]]
        return np.asarray(wide[self.back])

    def spread_adjoint(self, d_wide: Array, plan: Plan) -> tuple[Array, Array]:
        """The gradients of ``values`` and ``initial`` of :meth:`spread`."""
        d_wide = d_wide[self.order]
        d_values = np.zeros((self.steps.shape[1], len(d_wide), d_wide.shape[2]), d_wide.dtype)
        steps, rows = self._sources(plan)
        np.add.at(d_values, (self.latest[steps], rows), d_wide[steps])
        early = (self.latest < 0) & (plan.begins and not plan.zero_masked)
        return d_values, (d_wide * early[:, :, None]).sum(axis=1)

    def ends(self, plan: Plan) -> Array:
        """Which rows ``(B,)`` have a last output that is not zero."""
        ended = self.mask[:, -1] if plan.zero_masked else self.mask.any(axis=1) | plan.begins
        return np.asarray(ended)[self.back]

    def _sources(self, plan: Plan) -> tuple[Array, Array]:
        """Which steps ``(B, T)`` have the output of an observed one, and their rows."""
        steps = self.mask if plan.zero_masked else self.latest >= 0
        return steps, np.nonzero(steps)[0]

    def gather_adjoint(self, d_chosen: Array, shape: tuple[int, ...]) -> Array:
        """The gradient of ``x`` from that of its observed steps; zero at the others."""
        alive = np.arange(len(d_chosen))[:, None] < self.mask.sum(axis=1)[None, :]
        d_x = np.zeros(shape, d_chosen.dtype)
        steps, rows = np.nonzero(alive)
        d_x[self.order[rows], self.steps[rows, steps]] = d_chosen[steps, rows]
        return d_x


_kept: OrderedDict[int, _Kept] = OrderedDict()
_numbers = itertools.count(1)
_lock = threading.Lock()


def forward(plan: Plan, training: bool, *arrays: Array) -> tuple[Array, ...]:
    """The outputs, the final states, and a ticket for :func:`backward`.

    Args:
        plan: See :class:`Plan`.
        training: Whether a backward pass may follow.
        arrays: ``x (B, T, D)``; each state ``(B, H)``; ``kernel (D, G H)``, ``recurrent_kernel
            (H, G H)``, with bias ``bias``; with a mask, ``(B, T)``.

    Returns:
        ``(B, T, H)``, or ``(B, H)`` for the last output alone; the states ``(B, H)``; and an int32.
    """
    made, output, final = _walk(plan, training, arrays)
    ticket = 0
    if training:
        with _lock:
            ticket = next(_numbers) % 2**31
            _kept[ticket] = made
            while len(_kept) > _MOST_KEPT:  # of passes whose backward never came
                _kept.popitem(last=False)
    return output, *final, np.int32(ticket)


def backward(plan: Plan, ticket: Any, *arrays: Array) -> tuple[Array, ...]:
    """The gradients of ``x``, the states and the weights.

    Args:
        plan: That of the forward pass.
        ticket: What the forward pass returned. If what it kept is gone, it is made again.
        arrays: Those of the forward pass; then the gradients of the output and of each state.
    """
    given, d_results = arrays[: -1 - plan.states], arrays[-1 - plan.states :]
    with _lock:
        made = _kept.pop(int(ticket), None)
    if made is None:
        made, _, _ = _walk(plan, True, given)
    d_output, *d_states = (np.ascontiguousarray(one) for one in d_results)
    rows = made.rows
    if rows is not None:
        d_states = [one[rows.order] for one in d_states]
    d_steps, d_initial = None, None
    if not plan.all_outputs:
        last = d_output
        if rows is not None:
            last = np.where(rows.ends(plan)[:, None], d_output, 0)[rows.order]
        d_states[0] = d_states[0] + last
    elif rows is None:
        d_steps = d_output.transpose(1, 0, 2)
    else:
        d_steps, d_initial = rows.spread_adjoint(d_output, plan)
    shape = (made.shape[1], made.shape[0], made.shape[2])
    d_x = np.empty(shape if rows is None else (rows.steps.shape[1], *shape[1:]), d_output.dtype)
    d_before = [np.empty((1, *one.shape), one.dtype) for one in d_states]
    d_weights, _ = made.walks.backward(d_steps, [one[None] for one in d_states], d_x, d_before)
    d_state = [one[0] for one in d_before]
    if d_initial is not None:
        d_state[0] = d_state[0] + d_initial
    if rows is None:
        d_inputs = np.ascontiguousarray(d_x.transpose(1, 0, 2))
    else:
        d_inputs = rows.gather_adjoint(d_x, made.shape)
        d_state = [one[rows.back] for one in d_state]
    if plan.go_backwards:
        d_inputs = np.ascontiguousarray(d_inputs[:, ::-1])
    return d_inputs, *d_state, *_to_keras(plan, d_weights, given)


def _walk(plan: Plan, training: bool, arrays: Sequence[Array]) -> tuple[_Kept, Array, list[Array]]:
    x, *others = (np.asarray(one) for one in arrays)
    state, others = others[: plan.states], others[plan.states :]
    mask = others.pop().astype(bool) if plan.masked else None
    if plan.go_backwards:
        x, mask = x[:, ::-1], None if mask is None else mask[:, ::-1]
    weights = _from_keras(plan, others)
    size = state[0].shape[1]
    rows = None if mask is None or mask.all() else _Rows(mask)
    inputs = np.ascontiguousarray(x.transpose(1, 0, 2)) if rows is None else rows.gather(x)
    before = [np.ascontiguousarray(one if rows is None else one[rows.order])[None] for one in state]
    outputs = np.empty((*inputs.shape[:2], size), x.dtype)
    final = [np.empty_like(one) for one in before]
    walks = Walks(Level(plan.cell, x.shape[2], size, plan.bias), x.dtype.type)
    live = None if rows is None else rows.live
    walks.forward(inputs, before, weights, live, outputs, final, training)
    after = [one[0] if rows is None else one[0][rows.back] for one in final]
    if not plan.all_outputs:
        output = after[0].copy()
        if rows is not None:
            output[~rows.ends(plan)] = 0
    elif rows is None:
        output = np.ascontiguousarray(outputs.transpose(1, 0, 2))
    else:
        output = rows.spread(outputs, plan, before[0][0])
    return _Kept(walks, rows, x.shape), output, after


def _from_keras(plan: Plan, weights: Sequence[Array]) -> list[Array]:
    """Weights in PyTorch's layout; a cell with one bias has zeros for the other."""
    kernel, recurrent, *bias = weights
    both = [_reordered(plan, kernel.T), _reordered(plan, recurrent.T)]
    if not bias:
        return both
    first, second = bias[0] if bias[0].ndim == 2 else (bias[0], np.zeros_like(bias[0]))
    return [*both, _reordered(plan, first), _reordered(plan, second)]


def _to_keras(plan: Plan, d_weights: Sequence[Array], given: Sequence[Array]) -> list[Array]:
    """The gradients of Keras's weights, from those in PyTorch's layout."""
    d_kernel, d_recurrent, *d_biases = (_reordered(plan, one) for one in d_weights)
    found = [np.ascontiguousarray(d_kernel.T), np.ascontiguousarray(d_recurrent.T)]
    if d_biases:
        bias = given[1 + plan.states + 2]
        found.append(np.stack(d_biases) if bias.ndim == 2 else d_biases[0])
    return found


def _reordered(plan: Plan, weight: Array) -> Array:
    """Gates from Keras's order to PyTorch's, which is its own inverse: z, r, h and r, z, n."""
    if plan.cell not in ("gru", "gru_reset_before"):
        return np.ascontiguousarray(weight)
    first, second, third = np.split(weight, 3)
    return np.ascontiguousarray(np.concatenate([second, first, third]))
