"""One level of a recurrent layer over plain arrays, for other frameworks to differentiate.

A framework calls forward now and backward later, from any thread, and may drop what it began. So a
walk takes its workspaces from a pool, keeps what its backward pass needs, and gives them back when
nothing refers to it any more; a training step allocates nothing but the arrays it returns.
"""

from __future__ import annotations

import atexit
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.backends.regularization import PLAIN, Noise, Regularization
from elman.cells import CELLS
from elman.sequence import Recurrence

__all__ = ["Level", "Walks"]

Array: TypeAlias = NDArray[Any]


class Level(NamedTuple):
    """What a level is, beside its weights.

    Attributes:
        cell: A name in :data:`elman.cells.CELLS`.
        input_size: Channels read, ``D``.
        hidden_size: Units, ``H``.
        bias: Whether there are biases.
        directions: 1 or 2; the second walks each row from its end.
        reverse: Whether the first direction walks from the end (and the second, if any, not).
        regularization: Recurrent dropout, zoneout and layer normalisation.
    """

    cell: str
    input_size: int
    hidden_size: int
    bias: bool
    directions: int = 1
    reverse: bool = False
    regularization: Regularization = PLAIN

    @property
    def states(self) -> int:
        """How many arrays are carried from step to step."""
        return len(CELLS[self.cell].states)

    @property
    def weights(self) -> int:
        """How many weights a direction has."""
        names = CELLS[self.cell].parameter_names(self.regularization.layer_norm)
        return len(names) - (0 if self.bias else 2)

    def split(self, tensors: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
        """The initial states, if there are any, and the weights that come after them."""
        states = len(tensors) - self.directions * self.weights
        return tensors[:states], tensors[states:]


_pool: dict[tuple[Level, Any], list[list[Recurrence]]] = defaultdict(list)
"""Workspaces that no walk holds at the moment, by level and dtype."""
atexit.register(_pool.clear)


class Walks:
    """The walks of a level over one batch, which keep what the backward pass needs.

    Args:
        level: See :class:`Level`.
        dtype: float32 or float64.

    Attributes:
        level: The same.
        ready: Whether a backward pass can follow.
    """

    __slots__ = ("_inputs", "_parameters", "_pool", "_recurrences", "level", "ready")

    def __init__(self, level: Level, dtype: Any) -> None:
        self.level, self.ready = level, False
        self._pool = _pool[level, dtype]
        try:
            self._recurrences = self._pool.pop()
        except IndexError:  # all of that kind are at work
            self._recurrences = _recurrences(level, dtype)

    def __del__(self) -> None:
        self._pool.append(self._recurrences)

    def forward(
        self,
        x: Array,
        state: Sequence[Array],
        weights: Sequence[Array],
        live: Array | None,
        output: Array,
        final: Sequence[Array],
        training: bool,
        noises: Sequence[Noise] = (),
    ) -> None:
        """Writes the outputs and the final states.

        Args:
            x: ``[T, B, D]``, its last axis contiguous, as that of all that follow.
            state: ``[directions, B, H]`` for each state of the cell; none of them for zeros.
            weights: ``weight_ih``, ``weight_hh`` and, with bias, ``bias_ih`` and ``bias_hh``, then
                those of layer normalisation, of each direction in turn, in PyTorch's layout.
            live: ``None``, or how many of the leading rows live at each step, int64 ``(T,)``.
            output: ``[T, B, directions H]``.
            final: Like ``state``.
            training: Whether :meth:`backward` may follow.
            noises: The source of the random numbers of each direction; none: none are drawn.
        """
        size, parameters = self.level.hidden_size, _by_direction(self.level, weights)
        for direction, recurrence in enumerate(self._recurrences):
            recurrence.forward(
                parameters[direction],
                x,
                _of(state, direction),
                live,
                training,
                output[:, :, direction * size : (direction + 1) * size],
                final_state=_of(final, direction),
                noise=noises[direction] if noises else None,
            )
        self._inputs, self._parameters, self.ready = x, parameters, training

    def backward(
        self,
        d_output: Array | None,
        d_final: Sequence[Array],
        d_x: Array | None,
        d_state: Sequence[Array],
    ) -> tuple[list[Array], Array]:
        """Writes the gradients of ``x``, if wanted, and of the states that came in.

        Args:
            d_output: Of the outputs, ``None`` for zeros.
            d_final: Of the final states; none of them for zeros.
            d_x: Where that of ``x`` goes, or ``None``.
            d_state: Where those of the states go; none if none came in.

        Returns:
            The gradients of the weights, and the vector that they all are parts of. The walks
            must be made again before another backward pass.
        """
        inputs, size = self._inputs, self.level.hidden_size
        weights = [one for own in self._parameters for one in own if one is not None]
        d_weights, flat = _zeros_like(weights)
        d_parameters = _by_direction(self.level, d_weights)
        for direction, recurrence in enumerate(self._recurrences):
            part = np.empty_like(inputs) if direction and d_x is not None else d_x
            one = slice(direction * size, (direction + 1) * size)
            recurrence.backward(
                self._parameters[direction],
                inputs,
                None if d_output is None else d_output[:, :, one],
                _of(d_final, direction),
                d_parameters[direction],
                d_x is not None,
                d_x=part,
                d_state=_of(d_state, direction),
            )
            if d_x is not None and part is not d_x:
                d_x += part
        self.ready = False
        return d_weights, flat


def _recurrences(level: Level, dtype: Any) -> list[Recurrence]:
    """Fresh workspaces, one for each direction."""
    own = (level.cell, level.input_size, level.hidden_size, level.bias)
    ways = (level.reverse, not level.reverse)[: level.directions]
    inner = level.regularization
    return [Recurrence(*own, reverse, dtype, regularization=inner) for reverse in ways]


def _by_direction(level: Level, arrays: Sequence[Array]) -> list[Any]:
    """Weights as the parameters of each direction; without bias two of them are None."""
    number = level.weights
    parts = [tuple(arrays[first : first + number]) for first in range(0, len(arrays), number)]
    return parts if level.bias else [(*one[:2], None, None, *one[2:]) for one in parts]


def _zeros_like(weights: Sequence[Array]) -> tuple[list[Array], Array]:
    """Zeros shaped as the weights, and the vector that they all are parts of."""
    flat = np.zeros(sum([one.size for one in weights]), weights[0].dtype)
    parts, first = [], 0
    for one in weights:
        parts.append(flat[first : first + one.size].reshape(one.shape))
        first += one.size
    return parts, flat


def _of(arrays: Sequence[Array], direction: int) -> tuple[Array, ...] | None:
    """The part of a direction in each array; ``None`` if there are none."""
    return tuple([one[direction] for one in arrays]) if arrays else None
