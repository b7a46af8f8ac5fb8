"""The layers around the recurrent ones: dense, dropout, embedding."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from elman.backends import kernels
from elman.buffers import Buffer
from elman.checks import one_of, real, whole
from elman.layers.base import Array, Context, Layer, Signal

__all__ = ["Dense", "Disturbance", "Dropout", "Embedding"]


class Dense(Layer):
    """A linear map of the channels, ``y = phi(x W^T + b)``, the same at every step.

    Reads a sequence ``(N, T, input_size)`` or a vector ``(N, input_size)`` for each row. Names
    and initial values are those of ``torch.nn.Linear``: ``weight`` ``(output_size,
    input_size)`` and ``bias``, drawn from U(-1/sqrt(input_size), 1/sqrt(input_size)).

    Args:
        input_size: Number of channels read.
        output_size: Number of channels given.
        activation: ``None``, ``"tanh"``, ``"relu"``, ``"sigmoid"`` or ``"softmax"`` (over the
            channels). Leave it out before a loss that takes logits.
        bias: Whether there is a bias.

    Raises:
        InputError: If a size is below 1, or the activation unknown.
    """

    fields: ClassVar[tuple[str, ...]] = ("input_size", "output_size", "activation", "bias")

    def __init__(
        self, input_size: int, output_size: int, activation: str | None = None, bias: bool = True
    ) -> None:
        self.input_size: int = whole("Dense: input_size", input_size)
        self.output_size = whole("Dense: output_size", output_size)
        self.activation = one_of("Dense: activation", activation, (None, *kernels.ACTIVATIONS))
        self.bias = bool(bias)

    @property
    def recordable(self) -> bool:
        """Always."""
        return True

    def connect(self, incoming: Signal) -> Signal:
        """The same kind of value, of ``output_size`` channels."""
        if incoming.kind == "tokens":
            raise self._refuse(incoming, "a sequence or a vector", "put an Embedding before it")
        self._check_size(incoming, "a sequence or a vector")
        return Signal(incoming.kind, self.output_size)

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """``weight`` and ``bias``."""
        shapes: dict[str, tuple[int, ...]] = {"weight": (self.output_size, self.input_size)}
        return shapes | ({"bias": (self.output_size,)} if self.bias else {})

    def initialize(self, generator: np.random.Generator) -> dict[str, Array]:
        """U(-1/sqrt(input_size), 1/sqrt(input_size)), as ``torch.nn.Linear``."""
        bound = 1.0 / np.sqrt(self.input_size)
        shapes = self.parameter_shapes()
        return {name: generator.uniform(-bound, bound, shape) for name, shape in shapes.items()}

    def bind(
        self,
        parameters: Mapping[str, Array],
        gradients: Mapping[str, Array],
        dtype: Any,
        backend: str = "auto",
    ) -> None:
        """Takes its place, see :class:`Layer`."""
        self._weight, self._bias = parameters["weight"], parameters.get("bias")
        self._d_weight, self._d_bias = gradients["weight"], gradients.get("bias")
        self._y, self._d_x = Buffer(dtype), Buffer(dtype)
        named = self.activation
        self._activation = None if named is None else kernels.ACTIVATIONS[named]

    def forward(self, x: Array, context: Context) -> Array:
        """``[..., input_size]`` to ``[..., output_size]``; zero at dead positions."""
        y = self._y((*x.shape[:-1], self.output_size))
        if x.ndim == 2:
            rows, outputs = x, y
        else:
            rows = x.reshape(-1, self.input_size)
            outputs = self._y((len(rows), self.output_size))  # the memory of y
        kernels.dense_forward(rows, self._weight, self._bias, outputs)
        if self._activation is not None:
            kernels.activate(self._activation, y)
        if x.ndim == 3 and context.live is not None:
            kernels.zero_dead(y, context.live)
        self._shape, self._rows, self._outputs = x.shape, rows, y
        return y

    def step(self, x: Array) -> Array:
        """``[B, input_size]`` to ``[B, output_size]``."""
        y = self._y((len(x), self.output_size))
        kernels.dense_forward(x, self._weight, self._bias, y)
        if self._activation is not None:
            kernels.activate(self._activation, y)
        return y

    def backward(self, d_y: Array, need_d_x: bool = True) -> Array | None:
        """Adds to ``weight`` and ``bias``; returns the gradient of ``x``."""
        if self._activation is not None:
            kernels.activation_adjoint(self._activation, self._outputs, d_y)
        rows = self._rows
        d_rows = d_y if d_y.ndim == 2 else d_y.reshape(-1, self.output_size)
        d_x = self._d_x(rows.shape) if need_d_x else None
        kernels.dense_backward(rows, self._weight, d_rows, d_x, self._d_weight, self._d_bias)
        return None if d_x is None else self._d_x(self._shape)


class Disturbance(Layer):
    """A layer that changes values at random in training, and does nothing otherwise.

    Nor where a pass in training has no source of randomness: the gradients of a network as it is.
    """

    @property
    @abstractmethod
    def strength(self) -> float:
        """How much it changes; 0 for nothing."""

    @abstractmethod
    def disturb(self, x: Array, context: Context, generator: np.random.Generator) -> Array:
        """What becomes of ``x``, in memory of the layer.

        Args:
            x: A sequence ``[T, B, C]`` or a vector ``[B, C]``.
            context: What the pass carries beside it.
            generator: Source of the randomness.
        """

    @property
    def recordable(self) -> bool:
        """Only if nothing is disturbed: every pass draws new numbers."""
        return self.strength == 0.0

    def connect(self, incoming: Signal) -> Signal:
        """What came in."""
        if incoming.kind == "tokens":
            raise self._refuse(incoming, "a sequence or a vector", "put it after the Embedding")
        return incoming

    def bind(
        self,
        parameters: Mapping[str, Array],
        gradients: Mapping[str, Array],
        dtype: Any,
        backend: str = "auto",
    ) -> None:
        """Makes its buffers."""
        self._dtype = np.dtype(dtype)
        self._factor, self._y = Buffer(dtype), Buffer(dtype)

    def forward(self, x: Array, context: Context) -> Array:
        """``x`` itself outside training; zero at dead positions."""
        generator = context.randomness
        self._active = generator is not None and self.strength > 0.0
        return x if generator is None or not self._active else self.disturb(x, context, generator)


class Dropout(Disturbance):
    """Sets channels to zero at random in training, and scales the rest up by 1/(1-p).

    Does nothing outside training. The source of randomness is the network's one generator.

    Args:
        p: Probability of dropping a value, in [0, 1).

    Raises:
        InputError: If ``p`` is not in [0, 1).

    Source: N. Srivastava et al., "Dropout", JMLR 15 (2014) 1929-1958.
    """

    fields = ("p",)

    def __init__(self, p: float = 0.5) -> None:
        self.p = real("Dropout: p", p, 0.0, 1.0, open_above=True)

    @property
    def strength(self) -> float:
        """``p``."""
        return self.p

    def disturb(self, x: Array, context: Context, generator: np.random.Generator) -> Array:
        """Zeros, and the rest scaled up."""
        factor = self._factor(x.shape)
        generator.random(out=factor, dtype=self._dtype.type)
        np.greater_equal(factor, self.p, out=factor)
        factor *= 1.0 / (1.0 - self.p)
        y = self._y(x.shape)
        np.multiply(x, factor, out=y)
        return y

    def backward(self, d_y: Array, need_d_x: bool = True) -> Array | None:
        """Drops the same values, scales the same others."""
        if self._active:
            d_y *= self._factor(d_y.shape)
        return d_y


class Embedding(Layer):
    """A learned vector for each of a number of tokens.

    Reads whole numbers ``(N, T)`` from 0 to ``num - 1`` and gives a sequence ``(N, T, dim)``.
    The vectors, ``weight`` ``(num, dim)``, are drawn from N(0, 1) as in ``torch.nn.Embedding``.

    Args:
        num: Number of different tokens.
        dim: Number of channels of a vector.

    Raises:
        InputError: If a size is below 1.
    """

    fields = ("num", "dim")

    def __init__(self, num: int, dim: int) -> None:
        self.num = whole("Embedding: num", num)
        self.dim = whole("Embedding: dim", dim)

    @property
    def output_size(self) -> int:
        """Channels of a vector."""
        return self.dim

    @property
    def recordable(self) -> bool:
        """Always."""
        return True

    @property
    def vectors(self) -> tuple[Array, Array]:
        """The weight and its gradient, once it is bound; for layers that share them."""
        return self._weight, self._d_weight

    def connect(self, incoming: Signal) -> Signal:
        """A sequence of ``dim`` channels."""
        if incoming.kind != "tokens":
            raise self._refuse(incoming, "tokens", "an Embedding must be the first layer")
        return Signal("sequence", self.dim)

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """``weight``."""
        return {"weight": (self.num, self.dim)}

    def initialize(self, generator: np.random.Generator) -> dict[str, Array]:
        """Standard normal, as ``torch.nn.Embedding``."""
        return {"weight": generator.standard_normal((self.num, self.dim))}

    def bind(
        self,
        parameters: Mapping[str, Array],
        gradients: Mapping[str, Array],
        dtype: Any,
        backend: str = "auto",
    ) -> None:
        """Takes its place, see :class:`Layer`."""
        self._weight, self._d_weight = parameters["weight"], gradients["weight"]
        self._y = Buffer(dtype)

    def forward(self, x: Array, context: Context) -> Array:
        """Tokens ``[T, B]`` to vectors ``[T, B, dim]``; zero at dead positions."""
        self._tokens = tokens = x.reshape(-1)
        kernels.embed(self._weight, tokens, self._y((tokens.size, self.dim)))
        y = self._y((*x.shape, self.dim))
        if context.live is not None:
            kernels.zero_dead(y, context.live)
        return y

    def step(self, x: Array) -> Array:
        """Tokens ``[B]`` to vectors ``[B, dim]``."""
        y = self._y((x.size, self.dim))
        kernels.embed(self._weight, x, y)
        return y

    def backward(self, d_y: Array, need_d_x: bool = True) -> Array | None:
        """Adds to ``weight``; tokens have no gradient."""
        kernels.embed_adjoint(self._d_weight, self._tokens, d_y.reshape(-1, self.dim))
        return None
