"""Layers at the two ends of a network over tokens that go without a weight of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from elman.backends import kernels
from elman.buffers import Buffer
from elman.checks import whole
from elman.errors import InputError
from elman.layers.base import Array, Context, Layer, Signal
from elman.layers.feedforward import Dense, Embedding

__all__ = ["OneHot", "TiedDense", "tie"]


class OneHot(Layer):
    """A channel for each of a number of tokens: 1 in that of the token, 0 in the others.

    Reads whole numbers ``(N, T)`` from 0 to ``num - 1`` and gives a sequence ``(N, T, num)``.

    Args:
        num: Number of different tokens.

    Raises:
        InputError: If it is below 1.
    """

    fields = ("num",)

    def __init__(self, num: int) -> None:
        self.num = whole("OneHot: num", num)

    @property
    def output_size(self) -> int:
        """Channels: as many as tokens."""
        return self.num

    @property
    def recordable(self) -> bool:
        """Always."""
        return True

    def connect(self, incoming: Signal) -> Signal:
        """A sequence of ``num`` channels."""
        if incoming.kind != "tokens":
            raise self._refuse(incoming, "tokens", "OneHot must be the first layer")
        return Signal("sequence", self.num)

    def bind(
        self,
        parameters: Mapping[str, Array],
        gradients: Mapping[str, Array],
        dtype: Any,
        backend: str = "auto",
    ) -> None:
        """Takes its place, see :class:`Layer`."""
        self._rows = np.eye(self.num, dtype=dtype)
        self._y = Buffer(dtype)

    def forward(self, x: Array, context: Context) -> Array:
        """Tokens ``[T, B]`` to ``[T, B, num]``; zero at dead positions."""
        kernels.embed(self._rows, x.reshape(-1), self._y((x.size, self.num)))
        y = self._y((*x.shape, self.num))
        if context.live is not None:
            kernels.zero_dead(y, context.live)
        return y

    def step(self, x: Array) -> Array:
        """Tokens ``[B]`` to ``[B, num]``."""
        y = self._y((x.size, self.num))
        kernels.embed(self._rows, x, y)
        return y

    def backward(self, d_y: Array, need_d_x: bool = True) -> Array | None:
        """Nothing: tokens have no gradient."""
        return None


class TiedDense(Dense):
    """A :class:`Dense` layer whose weight is that of the network's :class:`Embedding`.

    ``y = x E^T + b``: a token's logit is how much the hidden state resembles the token's vector.
    There is half as much to learn about each token, from twice as many places. The vectors should
    begin small, about 0.1, not of the size 1 in which an ``Embedding`` draws them.

    Args:
        input_size: Number of channels read: the ``dim`` of the embedding.
        output_size: Number of channels given: its ``num``.
        bias: Whether there is a bias.

    Raises:
        InputError: If a size is below 1.

    Source: O. Press and L. Wolf, "Using the output embedding to improve language models",
    EACL 2017.
    """

    fields: ClassVar[tuple[str, ...]] = ("input_size", "output_size", "bias")

    def __init__(self, input_size: int, output_size: int, bias: bool = True) -> None:
        super().__init__(input_size, output_size, None, bias)
        self._embedding: Embedding | None = None

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """``bias``."""
        return {"bias": (self.output_size,)} if self.bias else {}

    def tie_to(self, embedding: Embedding) -> None:
        """Takes the weight of an embedding of the same network, which is bound before.

        Raises:
            InputError: If its shape does not fit.
        """
        if (embedding.num, embedding.dim) != (self.output_size, self.input_size):
            raise InputError(
                f"layers: TiedDense({self.input_size}, {self.output_size}) expected an Embedding"
                f"({self.output_size}, {self.input_size}) at the beginning, got {embedding!r}"
            )
        self._embedding = embedding

    def bind(
        self,
        parameters: Mapping[str, Array],
        gradients: Mapping[str, Array],
        dtype: Any,
        backend: str = "auto",
    ) -> None:
        """Takes its place, see :class:`Layer`."""
        if self._embedding is None:
            raise InputError("layers: TiedDense expected an Embedding to share the weight of")
        weight, d_weight = self._embedding.vectors
        super().bind(
            {**parameters, "weight": weight}, {**gradients, "weight": d_weight}, dtype, backend
        )


def tie(layers: list[Layer] | tuple[Layer, ...]) -> None:
    """Ties every :class:`TiedDense` to the embedding that a network begins with.

    Raises:
        InputError: If there is none, or its shape does not fit.
    """
    for layer in layers:
        if isinstance(layer, TiedDense):
            if not isinstance(layers[0], Embedding):
                raise InputError(
                    f"layers: {layer!r} expected an Embedding at the beginning of the network, "
                    f"whose weight it shares, got {layers[0]!r}"
                )
            layer.tie_to(layers[0])
