"""Back-propagation through a recurrent layer whose states join it to another part of a model.

In a network a recurrent layer begins in zeros and its final state goes nowhere. Between an encoder
and a decoder both carry a gradient: out of the decoder's initial state, into the encoder's final
one. The forward pass needs nothing new: :class:`~elman.layers.base.Context` holds both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from elman.backends import kernels
from elman.layers.base import Array, Context
from elman.layers.recurrent import RecurrentLayer
from elman.layers.walk import Walk

__all__ = ["backward_with_states", "empty_states"]


def empty_states(layer: RecurrentLayer, rows: int, dtype: Any) -> tuple[Array, ...]:
    """Arrays ``[rows, H]`` for each state of a layer, in its order; their content is undefined."""
    return tuple(np.empty((rows, size), dtype) for size in layer.state_sizes().values())


def backward_with_states(
    layer: RecurrentLayer,
    d_output: Array | None,
    d_final_state: Sequence[Array] | None,
    need_d_x: bool = True,
) -> tuple[Array | None, tuple[Array, ...]]:
    """Adds to the gradients of a layer; returns those of its input and of its initial state.

    Follows one ``forward`` in training whose context held the initial state.

    Args:
        layer: A bound layer.
        d_output: ``[T, B, output_size]``, zero at dead positions; may be overwritten. ``None``
            means zero.
        d_final_state: One ``[B, H]`` for each state of :meth:`RecurrentLayer.state_sizes`, in its
            order; ``None`` means zero.
        need_d_x: Whether the gradient of the input is wanted.

    Returns:
        ``[T, B, input_size]`` or ``None``, and one ``[B, H]`` for each state. They are the
        layer's own and live until its next backward pass.
    """
    context: Context = layer._context
    d_initial: list[tuple[Array, ...]] = []
    d_y: Array | None = d_output
    size = layer.hidden_size
    for level in range(layer.num_layers - 1, -1, -1):
        walks = layer._levels[level]
        needed = need_d_x or level > 0
        d_x: Array | None = None
        found: list[tuple[Array, ...]] = []
        for number, walk in enumerate(walks):
            own = d_y
            if d_y is not None and len(walks) > 1:
                own = d_y[:, :, number * size : (number + 1) * size]
            part, d_state = _walk_backward(walk, own, d_final_state, needed, context)
            found.append(d_state)
            if d_x is None:
                d_x = part
            elif part is not None:
                kernels.add(d_x, part)
        if level and layer.dropout and d_x is not None:
            d_x = layer._dropouts[level - 1].backward(d_x)
        d_initial[:0] = found
        d_y = d_x
    return d_y, tuple(part for one in d_initial for part in one)


def _walk_backward(
    walk: Walk,
    d_output: Array | None,
    d_final_state: Sequence[Array] | None,
    need_d_x: bool,
    context: Context,
) -> tuple[Array | None, tuple[Array, ...]]:
    own: Any = None
    if d_final_state is not None:
        own = tuple(d_final_state[walk.offset : walk.offset + walk.number])
    return walk.recurrence.backward(
        walk.parameters, walk._x, d_output, own, walk.gradients, need_d_x, context.truncate
    )
