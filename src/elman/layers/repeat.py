"""From one vector of a row back to a step for each of its steps: what a decoder begins with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from elman.backends import kernels
from elman.buffers import Buffer
from elman.checks import whole
from elman.errors import InputError
from elman.layers.base import Array, Context, Layer, Signal

__all__ = ["Repeat"]


class Repeat(Layer):
    """Says a row's vector again at each of its steps: ``(N, C)`` to ``(N, T, C + positions)``.

    The rows get back the lengths that they came into the network with, so that
    ``[GRU(1, 16), Last(), Dense(16, 4), Repeat(), GRU(4, 16), Dense(16, 1)]`` reads sequences and
    gives sequences of the same lengths: an autoencoder. It needs the whole sequence, so such a
    network has no :meth:`elman.Network.step`.

    Args:
        positions: Channels put after those of the vector that tell each step where it stands:
            channel ``k`` (from 1) is ``cos(pi k (t + 1/2) / T_i)`` at step ``t`` of a row of
            ``T_i`` steps, the basis of the discrete cosine transform. 0 for none: the layer
            after it then has to count for itself.

    Raises:
        InputError: If ``positions`` is negative.

    Source: K. Cho et al., "Learning phrase representations using RNN encoder-decoder", EMNLP
    2014, section 2.2: the decoder reads the encoder's summary at every step.
    """

    fields = ("positions",)

    def __init__(self, positions: int = 0) -> None:
        self.positions = whole("Repeat: positions", positions, 0)

    def connect(self, incoming: Signal) -> Signal:
        """A sequence of ``positions`` more channels."""
        if incoming.kind != "vector":
            raise self._refuse(
                incoming, "a vector for each row", "put Last or another pool before it"
            )
        size = None if incoming.size is None else incoming.size + self.positions
        return Signal("sequence", size)

    def bind(
        self,
        parameters: Mapping[str, Array],
        gradients: Mapping[str, Array],
        dtype: Any,
        backend: str = "auto",
    ) -> None:
        """Makes its buffers."""
        self._y, self._d_x = Buffer(dtype), Buffer(dtype)

    def forward(self, x: Array, context: Context) -> Array:
        """``[B, C]`` to ``[T, B, C + positions]``; zero at dead positions."""
        rows, size = x.shape
        steps = context.steps
        self._size = size
        y = self._y((steps, rows, size + self.positions))
        y[:, :, :size] = x
        if self.positions:
            y[:, :, size:] = _cosines(steps, rows, self.positions, context.lengths)
        if context.live is not None:
            kernels.zero_dead(y, context.live)
        return y

    def step(self, x: Array) -> Array:
        """Refused: a code exists once the whole sequence was read."""
        raise InputError("step: Repeat needs the whole sequence; call predict instead")

    def backward(self, d_y: Array, need_d_x: bool = True) -> Array | None:
        """The sum over the live steps; dead ones have no gradient."""
        if not need_d_x:
            return None
        d_x = self._d_x((d_y.shape[1], self._size))
        np.sum(d_y[:, :, : self._size], axis=0, out=d_x)
        return d_x


def _cosines(steps: int, rows: int, number: int, lengths: Array | None) -> Array:
    """``cos(pi k (t + 1/2) / T_i)``, ``[T, B, number]`` or ``[T, 1, number]``."""
    own = np.full(1, steps) if lengths is None else lengths
    share = (np.arange(steps)[:, None] + 0.5) / np.maximum(own, 1)
    order = np.arange(1, number + 1)
    cosines: Array = np.cos(np.pi * share[:, :, None] * order)
    return cosines
