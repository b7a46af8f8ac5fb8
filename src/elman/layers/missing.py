"""Missing values: declared by the layer that a network begins with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from elman.buffers import Buffer
from elman.checks import whole
from elman.layers.base import Array, Context, Layer, Signal

__all__ = ["MarkMissing"]


class MarkMissing(Layer):
    """Reads NaN as a missing value: gives zero in its place, and says where that was.

    A sequence ``(N, T, input_size)`` becomes ``(N, T, 2 input_size)``: the values, 0 where missing
    (which is the mean, if they are scaled), then 1 where missing and 0 elsewhere. It must be the
    first layer; a network that begins with it takes NaN in its inputs, which any other refuses.

    Args:
        input_size: Number of channels read.

    Raises:
        InputError: If ``input_size`` is below 1.

    Source: Z. C. Lipton, D. Kale and R. Wetzel, "Directly modeling missing data in sequences with
    RNNs", MLHC 2016.
    """

    fields = ("input_size",)

    def __init__(self, input_size: int) -> None:
        self.input_size: int = whole("MarkMissing: input_size", input_size)
        self.output_size = 2 * self.input_size

    def connect(self, incoming: Signal) -> Signal:
        """Twice as many channels."""
        if incoming.kind != "sequence":
            raise self._refuse(incoming, "a sequence")
        self._check_size(incoming)
        return Signal("sequence", self.output_size)

    def bind(
        self,
        parameters: Mapping[str, Array],
        gradients: Mapping[str, Array],
        dtype: Any,
        backend: str = "auto",
    ) -> None:
        """Takes its place, see :class:`Layer`."""
        self._y, self._d_x = Buffer(dtype), Buffer(dtype)

    def forward(self, x: Array, context: Context) -> Array:
        """``[T, B, C]`` to ``[T, B, 2 C]``; zero at dead positions."""
        return self._mark(x)

    def step(self, x: Array) -> Array:
        """``[B, C]`` to ``[B, 2 C]``."""
        return self._mark(x)

    def backward(self, d_y: Array, need_d_x: bool = True) -> Array | None:
        """The gradient of the values; that of a missing one is zero."""
        if not need_d_x:
            return None
        size = self.input_size
        d_x = self._d_x((*d_y.shape[:-1], size))
        np.multiply(d_y[..., :size], ~self._missing, out=d_x)
        return d_x

    def _mark(self, x: Array) -> Array:
        size = self.input_size
        y = self._y((*x.shape[:-1], self.output_size))
        self._missing = np.isnan(x)
        y[..., :size] = np.where(self._missing, 0.0, x)
        y[..., size:] = self._missing
        return y
