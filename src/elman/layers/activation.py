"""A nonlinearity of its own, for networks in which it does not follow a dense layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from elman.backends import kernels
from elman.buffers import Buffer
from elman.checks import one_of
from elman.layers.base import Array, Context, Layer, Signal

__all__ = ["Activation"]


class Activation(Layer):
    """A nonlinearity of every channel, ``y = phi(x)``; a dense layer has its own.

    Reads a sequence ``(N, T, C)`` or a vector ``(N, C)`` for each row and gives the same.

    Args:
        activation: ``"tanh"``, ``"relu"``, ``"sigmoid"`` or ``"softmax"`` (over the channels).

    Raises:
        InputError: If the activation is unknown.
    """

    fields = ("activation",)

    def __init__(self, activation: str) -> None:
        self.activation = one_of("Activation: activation", activation, kernels.ACTIVATIONS)

    @property
    def recordable(self) -> bool:
        """No: the values are copied before they are changed."""
        return False

    def connect(self, incoming: Signal) -> Signal:
        """What came in."""
        if incoming.kind == "tokens":
            raise self._refuse(incoming, "a sequence or a vector", "put an Embedding before it")
        return incoming

    def bind(
        self,
        parameters: Mapping[str, Array],
        gradients: Mapping[str, Array],
        dtype: Any,
        backend: str = "auto",
    ) -> None:
        """Makes its buffers."""
        self._y, self._code = Buffer(dtype), kernels.ACTIVATIONS[self.activation]

    def forward(self, x: Array, context: Context) -> Array:
        """As many channels; zero at dead positions."""
        y = self._of(x)
        if x.ndim == 3 and context.live is not None:
            kernels.zero_dead(y, context.live)
        return y

    def step(self, x: Array) -> Array:
        """``[B, C]`` to ``[B, C]``."""
        return self._of(x)

    def backward(self, d_y: Array, need_d_x: bool = True) -> Array | None:
        """The gradient of ``x``, written over that of ``y``."""
        if not need_d_x:
            return None
        kernels.activation_adjoint(self._code, self._values, d_y)
        return d_y

    def _of(self, x: Array) -> Array:
        y = self._values = self._y(x.shape)
        np.copyto(y, x)
        kernels.activate(self._code, y)
        return y
