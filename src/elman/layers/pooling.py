"""Layers that make one vector of a row's live steps: last, mean, maximum, attention, both ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from elman.backends import kernels
from elman.buffers import Buffer
from elman.checks import whole
from elman.errors import InputError
from elman.layers.base import Array, Context, Layer, Signal

__all__ = ["AttentionPool", "Ends", "First", "Last", "MaxPool", "MeanPool"]


class _Pool(Layer):
    """What every pooling layer shares: a sequence in, a vector of as many channels out."""

    def connect(self, incoming: Signal) -> Signal:
        """A vector of as many channels."""
        if incoming.kind != "sequence":
            raise self._refuse(incoming, "a sequence")
        return Signal("vector", incoming.size)

    def bind(
        self,
        parameters: Mapping[str, Array],
        gradients: Mapping[str, Array],
        dtype: Any,
        backend: str = "auto",
    ) -> None:
        """Makes its buffers."""
        self._y, self._d_x = Buffer(dtype), Buffer(dtype)


class Last(_Pool):
    """The value at the last live step of each row: ``(N, T, C)`` to ``(N, C)``.

    A row without a single step gives zeros. After a bidirectional layer the reverse half of
    that value has seen one step only, the last, as ``output[:, -1]`` has in PyTorch.
    """

    @property
    def recordable(self) -> bool:
        """Always."""
        return True

    def forward(self, x: Array, context: Context) -> Array:
        """``[T, B, C]`` to ``[B, C]``."""
        self._shape, self._lengths = x.shape, context.lengths
        if context.lengths is None:
            last: Array = x[-1]
            return last
        y = self._y(x.shape[1:])
        alive = np.count_nonzero(context.lengths)
        y[:alive] = x[context.lengths[:alive] - 1, np.arange(alive)]
        y[alive:] = 0.0
        return y

    def backward(self, d_y: Array, need_d_x: bool = True) -> Array | None:
        """The gradient at each row's last live step, zeros elsewhere."""
        d_x = self._d_x(self._shape)
        if self._lengths is None:
            kernels.last_adjoint(d_y, d_x)
            return d_x
        d_x[...] = 0.0
        alive = np.count_nonzero(self._lengths)
        d_x[self._lengths[:alive] - 1, np.arange(alive)] = d_y[:alive]
        return d_x


class _WholePool(_Pool):
    """A pool that needs all steps of a row at once."""

    def step(self, x: Array) -> Array:
        """Refused; :class:`Last` is the pool that streams."""
        raise InputError(
            f"step: {type(self).__name__} needs the whole sequence; use elman.Last() to stream"
        )


class First(_WholePool):
    """The value at the first step of each row: ``(N, T, C)`` to ``(N, C)``.

    It is where a walk from the last live step ends, see :class:`elman.OnnxRecurrent`. A row without
    a single step gives zeros.
    """

    def forward(self, x: Array, context: Context) -> Array:
        """``[T, B, C]`` to ``[B, C]``."""
        self._shape, self._live = x.shape, context.live
        if not len(x):  # no row has a step
            y = self._y(x.shape[1:])
            y[...] = 0.0
            return y
        first: Array = x[0]
        return first

    def backward(self, d_y: Array, need_d_x: bool = True) -> Array | None:
        """The gradient at the first step, zeros elsewhere."""
        d_x = self._d_x(self._shape)
        d_x[...] = 0.0
        if len(d_x):
            rows = d_y.shape[0] if self._live is None else int(self._live[0])
            d_x[0, :rows] = d_y[:rows]
        return d_x


class MeanPool(_WholePool):
    """The mean over the live steps of each row: ``(N, T, C)`` to ``(N, C)``.

    A row without a single step gives zeros.
    """

    def forward(self, x: Array, context: Context) -> Array:
        """``[T, B, C]`` to ``[B, C]``."""
        self._shape, self._live = x.shape, context.live
        y = self._y(x.shape[1:])
        y[...] = 0.0
        for t, alive in enumerate(_alive(x, context.live)):
            y[:alive] += x[t, :alive]  # step by step: the sum is the same in any batch
        self._counts = _counts(x, context).astype(x.dtype)[:, None]
        y /= self._counts
        return y

    def backward(self, d_y: Array, need_d_x: bool = True) -> Array | None:
        """The gradient shared out among the live steps."""
        d_x = self._d_x(self._shape)
        d_x[...] = d_y / self._counts
        if self._live is not None:
            kernels.zero_dead(d_x, self._live)
        return d_x


class MaxPool(_WholePool):
    """The greatest value of each channel over the live steps: ``(N, T, C)`` to ``(N, C)``.

    The first of equal values counts. A row without a single step gives zeros.
    """

    def forward(self, x: Array, context: Context) -> Array:
        """``[T, B, C]`` to ``[B, C]``."""
        self._shape = x.shape
        y = self._y(x.shape[1:])
        y[...] = 0.0
        self._where = np.full(y.shape, -1, np.int64)
        for t, alive in enumerate(_alive(x, context.live)):
            higher = (x[t, :alive] > y[:alive]) | (t == 0)
            np.copyto(y[:alive], x[t, :alive], where=higher)
            np.copyto(self._where[:alive], t, where=higher)
        return y

    def backward(self, d_y: Array, need_d_x: bool = True) -> Array | None:
        """The gradient at the step that was greatest, zeros elsewhere."""
        d_x = self._d_x(self._shape)
        d_x[...] = 0.0
        rows, channels = np.nonzero(self._where >= 0)
        d_x[self._where[rows, channels], rows, channels] = d_y[rows, channels]
        return d_x


class Ends(_WholePool):
    """The final outputs of both walks of a bidirectional layer: ``(N, T, 2 H)`` to ``(N, 2 H)``.

    The first half of the channels is that of the last live step, the second half that of the
    first step, where the reverse walk ends. A row without a single step gives zeros.
    """

    def connect(self, incoming: Signal) -> Signal:
        """A vector of as many channels, an even number."""
        if incoming.size is not None and incoming.size % 2:
            raise self._refuse(incoming, "an even number of channels")
        return super().connect(incoming)

    def forward(self, x: Array, context: Context) -> Array:
        """``[T, B, 2 H]`` to ``[B, 2 H]``."""
        self._shape = x.shape
        half = x.shape[2] // 2
        lengths = np.full(x.shape[1], x.shape[0]) if context.lengths is None else context.lengths
        alive = int(np.count_nonzero(lengths))
        self._last, self._rows = lengths[:alive] - 1, np.arange(alive)
        y = self._y(x.shape[1:])
        y[alive:] = 0.0
        if alive:
            y[:alive, :half] = x[self._last, self._rows, :half]
            y[:alive, half:] = x[0, :alive, half:]
        return y

    def backward(self, d_y: Array, need_d_x: bool = True) -> Array | None:
        """The gradient at both ends, zeros between."""
        d_x = self._d_x(self._shape)
        d_x[...] = 0.0
        half, alive = self._shape[2] // 2, len(self._rows)
        if alive:
            d_x[self._last, self._rows, :half] = d_y[:alive, :half]
            d_x[0, :alive, half:] = d_y[:alive, half:]
        return d_x


class AttentionPool(_WholePool):
    """A learned weighted mean over the live steps: ``(N, T, input_size)`` to ``(N, input_size)``.

    ``y = sum_t a_t x_t`` with ``a = softmax_t(v . tanh(W x_t + b))``. A row without a single step
    gives zeros.

    Args:
        input_size: Number of channels.
        hidden_size: Rows of ``W``; default: ``input_size``.

    Raises:
        InputError: If a size is below 1.

    Source: Z. Yang et al., "Hierarchical attention networks for document classification",
    NAACL 2016, equations 5 to 7.
    """

    fields = ("input_size", "hidden_size")

    def __init__(self, input_size: int, hidden_size: int | None = None) -> None:
        self.input_size: int = whole("AttentionPool: input_size", input_size)
        size = input_size if hidden_size is None else hidden_size
        self.hidden_size = whole("AttentionPool: hidden_size", size)

    def connect(self, incoming: Signal) -> Signal:
        """A vector of as many channels."""
        self._check_size(incoming)
        return super().connect(incoming)

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """``weight`` and ``bias`` of the hidden layer, ``score``, the vector ``v``."""
        hidden = self.hidden_size
        return {"weight": (hidden, self.input_size), "bias": (hidden,), "score": (1, hidden)}

    def initialize(self, generator: np.random.Generator) -> dict[str, Array]:
        """U(-1/sqrt(inputs), 1/sqrt(inputs)), each map by its own number of inputs."""
        sizes = {"weight": self.input_size, "bias": self.input_size, "score": self.hidden_size}
        return {
            name: generator.uniform(-1.0, 1.0, shape) / np.sqrt(sizes[name])
            for name, shape in self.parameter_shapes().items()
        }

    def bind(
        self,
        parameters: Mapping[str, Array],
        gradients: Mapping[str, Array],
        dtype: Any,
        backend: str = "auto",
    ) -> None:
        """Takes its place, see :class:`Layer`."""
        super().bind(parameters, gradients, dtype, backend)
        self._parameters, self._gradients = parameters, gradients
        self._hidden, self._scores = Buffer(dtype), Buffer(dtype)
        self._d_hidden, self._d_scores = Buffer(dtype), Buffer(dtype)

    def forward(self, x: Array, context: Context) -> Array:
        """``[T, B, input_size]`` to ``[B, input_size]``."""
        steps, rows, size = x.shape
        self._x, self._live = x, context.live
        flat = x.reshape(-1, size)
        hidden = self._hidden((len(flat), self.hidden_size))
        kernels.dense_forward(flat, self._parameters["weight"], self._parameters["bias"], hidden)
        kernels.activate(kernels.ACTIVATIONS["tanh"], hidden)
        scores = self._scores((len(flat), 1))
        kernels.dense_forward(hidden, self._parameters["score"], None, scores)
        self._weights = weights = scores.reshape(steps, rows)
        self._softmax(weights, context)
        y = self._y((rows, size))
        y[...] = 0.0
        for t, alive in enumerate(_alive(x, context.live)):
            y[:alive] += weights[t, :alive, None] * x[t, :alive]
        return y

    def _softmax(self, scores: Array, context: Context) -> None:
        """Over the live steps of each row, in place; zero at dead positions."""
        if context.lengths is not None:
            dead = np.arange(len(scores))[:, None] >= context.lengths
            scores[dead] = -np.inf
        top = scores.max(axis=0, initial=-np.inf)
        top[~np.isfinite(top)] = 0.0  # rows without a step
        np.exp(scores - top, out=scores)
        total = np.zeros(scores.shape[1], scores.dtype)
        for one in scores:
            total += one
        scores /= np.where(total > 0.0, total, 1.0)

    def backward(self, d_y: Array, need_d_x: bool = True) -> Array | None:
        """Adds to the parameters; returns the gradient of ``x``.

        With ``g_t = d_y . x_t``: ``d_s_t = a_t (g_t - sum_u a_u g_u)``.
        """
        x, weights = self._x, self._weights
        steps, rows, size = x.shape
        shared = np.einsum("bc,tbc->tb", d_y, x)
        d_scores = self._d_scores((steps * rows, 1))
        d_scores.reshape(steps, rows)[...] = weights * (shared - (weights * shared).sum(axis=0))
        hidden = self._hidden((steps * rows, self.hidden_size))
        d_hidden = self._d_hidden(hidden.shape)
        kernels.dense_backward(
            hidden, self._parameters["score"], d_scores, d_hidden, self._gradients["score"], None
        )
        kernels.activation_adjoint(kernels.ACTIVATIONS["tanh"], hidden, d_hidden)
        d_x = self._d_x((steps * rows, size))
        kernels.dense_backward(
            x.reshape(-1, size),
            self._parameters["weight"],
            d_hidden,
            d_x,
            self._gradients["weight"],
            self._gradients["bias"],
        )
        d_x = self._d_x(x.shape)
        d_x += weights[:, :, None] * d_y
        return d_x


def _alive(x: Array, live: Array | None) -> list[int]:
    """How many leading rows live at each step."""
    return [x.shape[1]] * x.shape[0] if live is None else live.tolist()


def _counts(x: Array, context: Context) -> Array:
    """How many steps each row has, at least 1."""
    if context.lengths is None:
        return np.full(x.shape[1], x.shape[0])
    return np.maximum(context.lengths, 1)
