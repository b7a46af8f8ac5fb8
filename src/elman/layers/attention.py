"""Attention: each step of one sequence reads all steps of another, weighted by how they fit.

For queries ``h_t`` (outputs of a decoder) and a memory ``m_s`` (outputs of an encoder):

    score_ts = h_t . k_s                                dot; k_s = m_s, or W_k m_s if sizes differ
             = v . tanh(W_q h_t + W_k m_s + b)          additive
    a_t      = softmax of score_t over the live steps s of the memory
    c_t      = sum_s a_ts m_s
    y_t      = tanh(W_c [c_t; h_t])

Nothing of step ``t`` enters the decoder at ``t + 1`` (no input feeding), so that all steps are one
pass. The products are made row by row over live steps alone: padding costs nothing, and cannot
change a bit of the result.

Sources: M.-T. Luong, H. Pham and C. D. Manning, "Effective approaches to attention-based neural
machine translation", EMNLP 2015, equations 5 to 8 (dot, and "general" where sizes differ);
D. Bahdanau, K. Cho and Y. Bengio, "Neural machine translation by jointly learning to align and
translate", ICLR 2015, appendix A.1.2, for the additive score.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from elman.backends import kernels
from elman.buffers import Buffer
from elman.checks import one_of, whole
from elman.layers.base import Array, Context, Layer, Signal

__all__ = ["ATTENTION", "Attention"]

ATTENTION = ("dot", "additive")
_TANH = kernels.ACTIVATIONS["tanh"]


class Attention(Layer):
    """Reads a memory at every step, see the module's equations.

    A layer of its own, not one of a :class:`~elman.Network`: :meth:`attend` gives it the memory
    before each pass, and :attr:`d_memory` is what its backward pass found for it. Rows of queries
    and memory are the same, in the order of the queries.

    Args:
        kind: ``"dot"`` or ``"additive"``.
        query_size: Channels of the queries, and of the output.
        memory_size: Channels of the memory.
        hidden_size: Units of the additive score; default: ``query_size``. The dot product has
            none.

    Attributes:
        weights: Of the latest pass: ``[T, B, S]``, how much of the memory's step each query read;
            zero at dead positions.
        d_memory: ``[S, B, memory_size]``, the gradient of the memory, once ``backward`` was run.

    Raises:
        InputError: If a size is below 1, or the kind unknown.
    """

    fields = ("kind", "query_size", "memory_size", "hidden_size")

    weights: Array
    d_memory: Array

    def __init__(
        self, kind: str, query_size: int, memory_size: int, hidden_size: int | None = None
    ) -> None:
        self.kind = str(one_of("Attention: kind", kind, ATTENTION))
        self.query_size = whole("Attention: query_size", query_size)
        self.memory_size = whole("Attention: memory_size", memory_size)
        size = query_size if hidden_size is None else hidden_size
        self.hidden_size = whole("Attention: hidden_size", size)
        self.input_size: int = self.query_size

    @property
    def output_size(self) -> int:
        """Channels that come out: ``query_size``."""
        return self.query_size

    def connect(self, incoming: Signal) -> Signal:
        """A sequence of ``query_size`` channels."""
        if incoming.kind != "sequence":
            raise self._refuse(incoming, "a sequence")
        self._check_size(incoming)
        return Signal("sequence", self.query_size)

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """``key``, ``query``, ``bias`` and ``score`` of the score, ``combine`` of the output."""
        shapes: dict[str, tuple[int, ...]] = {}
        if self.kind == "additive":
            hidden = self.hidden_size
            shapes["key"] = (hidden, self.memory_size)
            shapes["bias"] = (hidden,)
            shapes["query"] = (hidden, self.query_size)
            shapes["score"] = (1, hidden)
        elif self.memory_size != self.query_size:
            shapes["key"] = (self.query_size, self.memory_size)
        shapes["combine"] = (self.query_size, self.memory_size + self.query_size)
        return shapes

    def initialize(self, generator: np.random.Generator) -> dict[str, Array]:
        """U(-1/sqrt(inputs), 1/sqrt(inputs)), each map by its own number of inputs."""
        return {
            name: generator.uniform(-1.0, 1.0, shape)
            / np.sqrt(self.memory_size if name == "bias" else shape[-1])
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
        self._parameters, self._gradients = parameters, gradients
        self._dtype = dtype
        self._buffers: dict[str, Buffer] = {}

    def attend(self, memory: Array, lengths: Array | None) -> None:
        """What the following passes read.

        Args:
            memory: ``[S, B, memory_size]``, zero at dead positions; not copied.
            lengths: How many steps of each row are live, ``(B,)`` in any order; ``None``: all. A
                row without a step is read as zeros.
        """
        steps, rows, _ = memory.shape
        self._memory = memory
        self._spans = [steps] * rows if lengths is None else lengths.tolist()
        self._dead = None
        if lengths is not None and (lengths < steps).any():
            self._dead = np.arange(steps) >= lengths[:, None]
        self._keys = memory
        if "key" in self._parameters:
            self._keys = self._project("keys", memory, "key", self._parameters.get("bias"))

    def forward(self, x: Array, context: Context) -> Array:
        """Queries ``[T, B, query_size]`` to ``[T, B, query_size]``; zero at dead positions."""
        steps, rows, size = x.shape
        self._x, self._context = x, context
        self._lengths = [steps] * rows if context.lengths is None else context.lengths.tolist()
        weights = self._buffer("weights", (steps, rows, self._memory.shape[0]))
        weights[...] = 0.0
        self._score_additive(x, weights) if self.kind == "additive" else self._score_dot(x, weights)
        self._softmax(weights)
        self.weights = weights
        joined = self._joined = self._buffer("joined", (steps, rows, self.memory_size + size))
        joined[..., : self.memory_size] = 0.0
        for row, read, given in self._live_rows():
            np.matmul(
                weights[:read, row, :given],
                self._memory[:given, row],
                out=joined[:read, row, : self.memory_size],
            )
        joined[..., self.memory_size :] = x
        y = self._project("y", joined, "combine")
        kernels.activate(_TANH, y)
        self._y = y
        return y

    def backward(self, d_y: Array, need_d_x: bool = True) -> Array | None:
        """Adds to the parameters; returns the gradient of the queries, sets :attr:`d_memory`.

        With ``g_ts = d_c_t . m_s``: ``d_score_ts = a_ts (g_ts - sum_u a_tu g_tu)``.
        """
        kernels.activation_adjoint(_TANH, self._y, d_y)
        d_joined = self._project_back("d_joined", d_y, self._joined, "combine")
        memory, weights, width = self._memory, self.weights, self.memory_size
        d_context = d_joined[..., :width]
        d_memory = self.d_memory = self._buffer("d_memory", memory.shape)
        d_memory[...] = 0.0
        d_scores = self._buffer("d_scores", weights.shape)
        d_scores[...] = 0.0
        for row, read, given in self._live_rows():
            d_row = d_context[:read, row]
            np.matmul(d_row, memory[:given, row].T, out=d_scores[:read, row, :given])
            np.matmul(weights[:read, row, :given].T, d_row, out=d_memory[:given, row])
        shared = np.zeros(weights.shape[:2], weights.dtype)
        for step in range(weights.shape[2]):  # in order: the sum is the same in any batch
            shared += weights[:, :, step] * d_scores[:, :, step]
        d_scores -= shared[:, :, None]
        d_scores *= weights
        d_x = self._buffer("d_x", self._x.shape)
        d_x[...] = d_joined[..., width:]
        back = self._additive_adjoint if self.kind == "additive" else self._dot_adjoint
        back(d_scores, d_x, d_memory)
        return d_x

    # --- the two scores ----------------------------------------------------------------------

    def _score_dot(self, x: Array, scores: Array) -> None:
        keys = self._keys
        for row, read, given in self._live_rows():
            np.matmul(x[:read, row], keys[:given, row].T, out=scores[:read, row, :given])

    def _dot_adjoint(self, d_scores: Array, d_x: Array, d_memory: Array) -> None:
        x, keys = self._x, self._keys
        d_keys = self._buffer("d_keys", keys.shape)
        d_keys[...] = 0.0
        for row, read, given in self._live_rows():
            d_row = d_scores[:read, row, :given]
            d_x[:read, row] += d_row @ keys[:given, row]
            np.matmul(d_row.T, x[:read, row], out=d_keys[:given, row])
        if "key" in self._parameters:
            d_memory += self._project_back("d_hidden", d_keys, self._memory, "key")
        else:
            d_memory += d_keys

    def _score_additive(self, x: Array, scores: Array) -> None:
        queries = self._queries = self._project("queries", x, "query")
        for step, alive in enumerate(self._alive()):
            hidden = self._hidden(queries[step, :alive])
            found = self._buffer("scores", (len(hidden), 1))
            kernels.dense_forward(hidden, self._parameters["score"], None, found)
            scores[step, :alive] = found.reshape(-1, alive).T

    def _additive_adjoint(self, d_scores: Array, d_x: Array, d_memory: Array) -> None:
        """Step by step; the hidden units are computed again, not kept: they are ``T S B`` many."""
        score, d_score = self._parameters["score"], self._gradients["score"]
        d_keys = self._buffer("d_keys", self._keys.shape)
        d_keys[...] = 0.0
        d_queries = self._buffer("d_queries", self._queries.shape)
        d_queries[...] = 0.0
        for step, alive in enumerate(self._alive()):
            hidden = self._hidden(self._queries[step, :alive])
            d_found = self._buffer("scores", (len(hidden), 1))
            d_found.reshape(-1, alive)[...] = d_scores[step, :alive].T
            d_hidden = self._buffer("d_hidden", hidden.shape)
            kernels.dense_backward(hidden, score, d_found, d_hidden, d_score, None)
            kernels.activation_adjoint(_TANH, hidden, d_hidden)
            each = d_hidden.reshape(-1, alive, self.hidden_size)
            d_keys[:, :alive] += each
            np.add.reduce(each, axis=0, out=d_queries[step, :alive])
        d_x += self._project_back("d_hidden", d_queries, self._x, "query")
        d_bias = self._gradients["bias"]
        d_memory += self._project_back("d_hidden", d_keys, self._memory, "key", d_bias)

    def _hidden(self, query: Array) -> Array:
        """``tanh(W_q h + W_k m_s + b)`` of the leading rows: ``[S * rows, hidden_size]``."""
        rows = len(query)
        hidden = self._buffer("hidden", (len(self._keys) * rows, self.hidden_size))
        shaped = hidden.reshape(-1, rows, self.hidden_size)
        np.add(self._keys[:, :rows], query, out=shaped)
        kernels.activate(_TANH, hidden)
        return hidden

    # --- parts of both -----------------------------------------------------------------------

    def _softmax(self, scores: Array) -> None:
        """Over the live steps of the memory, in place; zero at dead positions."""
        if not scores.shape[2]:
            return
        if self._dead is not None:
            np.copyto(scores, -np.inf, where=self._dead)
        top = scores.max(axis=2, keepdims=True)
        top[~np.isfinite(top)] = 0.0  # rows without a step to read
        np.exp(scores - top, out=scores)
        total = np.zeros(scores.shape[:2], scores.dtype)
        for step in range(scores.shape[2]):  # in order: the sum is the same in any batch
            total += scores[:, :, step]
        scores /= np.where(total > 0.0, total, 1.0)[:, :, None]
        if self._context.live is not None:
            kernels.zero_dead(scores, self._context.live)

    def _live_rows(self) -> Iterator[tuple[int, int, int]]:
        """Row, its live queries, its live steps of memory: where there are both."""
        for row, (read, given) in enumerate(zip(self._lengths, self._spans, strict=True)):
            if read and given:
                yield row, read, given

    def _alive(self) -> list[int]:
        """How many leading rows have a query at each step."""
        live = self._context.live
        return [self._x.shape[1]] * len(self._x) if live is None else live.tolist()

    def _project(self, buffer: str, x: Array, name: str, bias: Array | None = None) -> Array:
        """``x`` times a parameter, transposed, at every step."""
        weight = self._parameters[name]
        rows = x.reshape(-1, x.shape[-1])
        kernels.dense_forward(rows, weight, bias, self._buffer(buffer, (len(rows), len(weight))))
        return self._buffer(buffer, (*x.shape[:-1], len(weight)))

    def _project_back(
        self, buffer: str, d_y: Array, x: Array, name: str, d_bias: Array | None = None
    ) -> Array:
        """The adjoint of :meth:`_project`: adds to the parameter, returns the gradient of x."""
        weight, d_weight = self._parameters[name], self._gradients[name]
        rows, d_rows = x.reshape(-1, x.shape[-1]), d_y.reshape(-1, d_y.shape[-1])
        d_x = self._buffer(buffer, rows.shape)
        kernels.dense_backward(rows, weight, d_rows, d_x, d_weight, d_bias)
        return self._buffer(buffer, x.shape)

    def _buffer(self, name: str, shape: tuple[int, ...]) -> Array:
        buffer = self._buffers.get(name)
        if buffer is None:
            buffer = self._buffers[name] = Buffer(self._dtype)
        return buffer(shape)
