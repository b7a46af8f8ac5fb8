"""The walk in Keras's layout in NumPy around elman's own: what the core must give, to the bit.

Weights are transposed, gates reordered, observed steps gathered and outputs spread by array
operations that one can read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.keras.plan import Plan
from elman.sequence import Recurrence

Array: TypeAlias = NDArray[Any]


class _Made(NamedTuple):
    """A forward pass."""

    recurrence: Recurrence
    weights: list[Array | None]
    inputs: Array
    rows: _Rows | None
    output: Array
    final: list[Array]


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


def both_ways(
    plan: Plan, arrays: Sequence[Array], d_results: Sequence[Array]
) -> tuple[list[Array], list[Array]]:
    """The outputs and final states; and the gradients of the inputs, the states and the weights.

    Args:
        plan: See :class:`elman.keras.plan.Plan`.
        arrays: In its order.
        d_results: The gradients of the outputs and of the final states.
    """
    made = _walk(plan, arrays)
    rows, shape = made.rows, arrays[0].shape
    d_output, *d_states = d_results
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
    d_weights = [None if one is None else np.zeros_like(one) for one in made.weights]
    d_x, d_before = made.recurrence.backward(
        made.weights, made.inputs, d_steps, tuple(d_states), d_weights
    )
    d_state = list(d_before)
    if d_initial is not None:
        d_state[0] = d_state[0] + d_initial
    if rows is None:
        d_inputs = np.ascontiguousarray(d_x.transpose(1, 0, 2))
    else:
        d_inputs = rows.gather_adjoint(d_x, shape)
        d_state = [one[rows.back] for one in d_state]
    if plan.go_backwards:
        d_inputs = np.ascontiguousarray(d_inputs[:, ::-1])
    return [made.output, *made.final], [d_inputs, *d_state, *_to_keras(plan, d_weights, arrays)]


def _walk(plan: Plan, arrays: Sequence[Array]) -> _Made:
    x, *others = (np.asarray(one) for one in arrays)
    state, others = others[: plan.states], others[plan.states :]
    mask = others.pop().astype(bool) if plan.masked else None
    if plan.go_backwards:
        x, mask = x[:, ::-1], None if mask is None else mask[:, ::-1]
    weights = _from_keras(plan, others)
    size = state[0].shape[1]
    rows = None if mask is None or mask.all() else _Rows(mask)
    inputs = np.ascontiguousarray(x.transpose(1, 0, 2)) if rows is None else rows.gather(x)
    before = [one if rows is None else one[rows.order] for one in state]
    recurrence = Recurrence(plan.cell, x.shape[2], size, plan.bias, dtype=x.dtype)
    live = None if rows is None else rows.live
    outputs, final = recurrence.forward(weights, inputs, tuple(before), live, training=True)
    after = [one.copy() if rows is None else one[rows.back] for one in final]
    if not plan.all_outputs:
        output = after[0].copy()
        if rows is not None:
            output[~rows.ends(plan)] = 0
    elif rows is None:
        output = np.ascontiguousarray(outputs.transpose(1, 0, 2))
    else:
        output = rows.spread(outputs, plan, before[0])
    return _Made(recurrence, weights, inputs, rows, output, after)


def _from_keras(plan: Plan, weights: Sequence[Array]) -> list[Array | None]:
    """Weights in PyTorch's layout; a cell with one bias has zeros for the other, or no bias."""
    kernel, recurrent, *bias = weights
    both = [_reordered(plan, kernel.T), _reordered(plan, recurrent.T)]
    if not bias:
        return [*both, None, None]
    first, second = bias[0] if bias[0].ndim == 2 else (bias[0], np.zeros_like(bias[0]))
    return [*both, _reordered(plan, first), _reordered(plan, second)]


def _to_keras(plan: Plan, d_weights: Sequence[Array | None], given: Sequence[Array]) -> list[Array]:
    """The gradients of Keras's weights, from those in PyTorch's layout."""
    d_kernel, d_recurrent, *d_biases = (
        _reordered(plan, one) for one in d_weights if one is not None
    )
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
