"""The network of a translator: an encoder, a decoder that begins where it ended, attention.

    m_1 ... m_S, z = encoder over embedded source tokens     outputs, final state
    s_0            = z, or tanh(B z) of both walks' ends     the bridge of a bidirectional encoder
    h_t            = decoder over embedded target tokens     one token late, from state s_0
    g_t            = attention(h_t, m)                       see elman.layers.attention; or h_t
    p_t            = softmax(W g_t + b)                      the next token, or the end

In training the decoder reads the true target (teacher forcing), so that it is one pass over all
steps. With scheduled sampling it makes two: the first, with the true target, says what the decoder
would have answered; the second reads, with a growing probability at each step, that answer in place
of the true token.

Sources: I. Sutskever, O. Vinyals and Q. V. Le, "Sequence to sequence learning with neural
networks", NIPS 2014; K. Cho et al., "Learning phrase representations using RNN encoder-decoder",
EMNLP 2014; S. Bengio et al., "Scheduled sampling for sequence prediction with recurrent neural
networks", NIPS 2015; two parallel passes: T. Mihaylova and A. F. T. Martins, "Scheduled sampling
for transformers", ACL student research workshop 2019, section 3.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from elman.buffers import Buffer
from elman.cells import CELLS as CELL_MATHEMATICS
from elman.data.batches import Batch
from elman.data.pairs import PairBatch
from elman.layers import Dense, Dropout, Embedding, Layer
from elman.layers.attention import Attention
from elman.layers.base import Context
from elman.layers.recurrent import RecurrentLayer
from elman.layers.states import backward_with_states, empty_states
from elman.parameters import FlatParameters
from elman.tasks.cells import CELLS, inner_options

__all__ = ["Encoded", "EncoderDecoder", "EncoderDecoderShape"]

Array: TypeAlias = NDArray[Any]


@dataclass(frozen=True)
class EncoderDecoderShape:
    """All sizes of an encoder and its decoder.

    Attributes:
        cell: A name in :data:`elman.tasks.cells.CELLS`.
        sources: Numbers of source tokens.
        targets: Numbers of target tokens that can be answered; the start is one more.
        embedding_size: Channels of a token's vector.
        hidden_size: Units of each walk of the encoder, and of the decoder.
        num_layers: How many levels both have.
        bidirectional: Whether the encoder also reads from the end.
        attention: ``None`` or a kind of :class:`~elman.layers.attention.Attention`.
        dropout: Probability of dropping a channel of an embedding, between levels and before the
            answer.
        recurrent_dropout: Of both recurrent layers, as the two below.
        zoneout: Probability of keeping a unit.
        layer_norm: Whether the cells are normalised within.
    """

    cell: str
    sources: int
    targets: int
    embedding_size: int
    hidden_size: int
    num_layers: int
    bidirectional: bool
    attention: str | None
    dropout: float
    recurrent_dropout: float = 0.0
    zoneout: float = 0.0
    layer_norm: bool = False

    @property
    def start(self) -> int:
        """The number that the decoder reads first."""
        return self.targets


class Encoded(NamedTuple):
    """What a decoder knows of some sources.

    Attributes:
        memory: ``[S, B, M]``, the encoder's outputs; without attention empty: ``[0, B, M]``.
        lengths: How many of its steps live, ``(B,)``; ``None``: all.
        state: The decoder's state, one ``[B, H]`` for each of its parts.
    """

    memory: Array
    lengths: Array | None
    state: tuple[Array, ...]

    def select(self, rows: Array) -> Encoded:
        """Some of the rows, copied."""
        lengths = None if self.lengths is None else self.lengths[rows]
        state = tuple(part[rows] for part in self.state)
        return Encoded(np.ascontiguousarray(self.memory[:, rows]), lengths, state)


class EncoderDecoder(FlatParameters):
    """The network of the module's equations, with its own backward pass.

    Args:
        shape: All sizes.
        generator: Source of the initial values.
        dtype: float32 or float64.
        backend: See :mod:`elman.sequence`.

    Attributes:
        shape: As given.
        sampling: Probability with which the decoder reads its own answer in training.
        attention: The layer, or ``None``; its ``weights`` are those of the latest pass.
    """

    def __init__(
        self,
        shape: EncoderDecoderShape,
        generator: np.random.Generator,
        dtype: Any = np.float32,
        backend: str = "auto",
    ) -> None:
        self.shape, self.dtype = shape, np.dtype(dtype)
        self.sampling = 0.0
        size, levels, width = shape.hidden_size, shape.num_layers, shape.embedding_size
        between = shape.dropout if levels > 1 else 0.0
        cell = CELLS[shape.cell]
        both = shape.bidirectional
        self.source_embedding = Embedding(shape.sources, width)
        self.encoder: RecurrentLayer = cell(
            width, size, levels, dropout=between, bidirectional=both, **inner_options(shape)
        )
        self.target_embedding = Embedding(shape.targets + 1, width)
        self.decoder: RecurrentLayer = cell(
            width, size, levels, dropout=between, **inner_options(shape)
        )
        self._parts = len(CELL_MATHEMATICS[self.decoder.cell].states)
        # h is in (-1, 1) for most cells, a memory cell c is not bounded
        self.bridges = [
            Dense(2 * size, size, "tanh" if part == 0 else None)
            for _ in range(levels if both else 0)
            for part in range(self._parts)
        ]
        self.attention: Attention | None = None
        if shape.attention is not None:
            self.attention = Attention(shape.attention, size, self.encoder.output_size)
        self.head = Dense(size, shape.targets)
        self._drops = [Dropout(shape.dropout) for _ in range(3)]
        for drop in self._drops:
            drop.bind({}, {}, self.dtype)
        super().__init__(self.layers, self.dtype, generator, backend)
        self._buffers: dict[str, Buffer] = {}

    @property
    def layers(self) -> list[Layer]:
        """Every layer with parameters, in the order they are stored."""
        found: list[Layer] = [self.source_embedding, self.encoder, *self.bridges]
        found += [self.target_embedding, self.decoder]
        return [*found, *([] if self.attention is None else [self.attention]), self.head]

    @property
    def backend(self) -> str:
        """What runs the recurrent layers."""
        return self.encoder.backend

    def description(self) -> dict[str, Any]:
        """The sizes, as plain values."""
        return asdict(self.shape)

    # --- training ----------------------------------------------------------------------------

    def forward_batch(
        self,
        batch: Batch,
        training: bool = False,
        generator: np.random.Generator | None = None,
        truncate: int | None = None,
    ) -> Array:
        """Logits of a :class:`~elman.data.pairs.PairBatch`, ``[T, B, targets]``."""
        pairs = cast(PairBatch, batch)
        encoded = self._encode(pairs.source, training, generator)
        self._encoded = encoded = self._arrange(encoded, pairs.order)
        self._order = pairs.order
        tokens = pairs.x
        if training and self.sampling and generator is not None:
            tokens = self._sampled(pairs, encoded, generator)
        return self._decode(tokens, pairs, encoded, training, generator)

    def backward_batch(self, d_output: Array) -> None:
        """Adds the gradient of every parameter, after ``forward_batch`` in training."""
        source_drop, target_drop, head_drop = self._drops
        d_y: Any = head_drop.backward(self.head.backward(d_output))  # type: ignore[arg-type]
        d_memory: Array | None = None
        if self.attention is not None:
            d_y = self.attention.backward(d_y)
            d_memory = self.attention.d_memory
        d_x, d_state = backward_with_states(self.decoder, d_y, None)
        self.target_embedding.backward(target_drop.backward(d_x))  # type: ignore[arg-type]
        d_outputs: Array | None = None
        if d_memory is not None:
            d_outputs = self._buffer("d_outputs", d_memory.shape)
            d_outputs[:, self._order] = d_memory
        d_final = self._bridge_back([self._unarranged(part, n) for n, part in enumerate(d_state)])
        d_x, _ = backward_with_states(self.encoder, d_outputs, d_final)
        self.source_embedding.backward(source_drop.backward(d_x))  # type: ignore[arg-type]

    def _decode(
        self,
        tokens: Array,
        batch: Batch,
        encoded: Encoded,
        training: bool,
        generator: np.random.Generator | None,
    ) -> Array:
        """Logits of all steps at once."""
        context = Context(
            training, batch.live, batch.lengths, encoded.state, generator=generator,
            version=self._version,
        )  # fmt: skip
        final = empty_states(self.decoder, tokens.shape[1], self.dtype)
        context.final_state = final
        _, target_drop, head_drop = self._drops
        y = target_drop.forward(self.target_embedding.forward(tokens, context), context)
        y = self.decoder.forward(y, context)
        if self.attention is not None:
            self.attention.attend(encoded.memory, encoded.lengths)
            y = self.attention.forward(y, context)
        return self.head.forward(head_drop.forward(y, context), context)

    def _sampled(self, batch: PairBatch, encoded: Encoded, generator: np.random.Generator) -> Array:
        """What the decoder reads: the true tokens, some replaced by what it would have said."""
        logits = self._decode(batch.x, batch, encoded, False, None)
        tokens = np.array(batch.x)
        answers = logits[:-1].argmax(axis=2)
        chosen = generator.random(answers.shape) < self.sampling
        np.copyto(tokens[1:], answers, where=chosen)
        return tokens

    # --- the encoder and its bridge ----------------------------------------------------------

    def encode(self, source: Batch) -> Encoded:
        """What the decoder is to know of sources, outside training, in the batch's order."""
        encoded = self._encode(source, False, None)
        return Encoded(
            encoded.memory.copy(), encoded.lengths, tuple(part.copy() for part in encoded.state)
        )

    def _encode(
        self, source: Batch, training: bool, generator: np.random.Generator | None
    ) -> Encoded:
        rows = len(source.rows)
        final = empty_states(self.encoder, rows, self.dtype)
        initial = tuple(np.zeros_like(part) for part in final)
        context = Context(
            training, source.live, source.lengths, initial, final, generator, version=self._version
        )
        x = self.source_embedding.forward(source.x, context)
        x = self._drops[0].forward(x, context)
        memory = self.encoder.forward(x, context)
        if self.attention is None:
            memory = memory[:0]
        return Encoded(memory, source.lengths, self._bridge(final, context))

    def _bridge(self, final: Sequence[Array], context: Context) -> tuple[Array, ...]:
        """The decoder's first state from the encoder's last one."""
        if not self.bridges:
            return tuple(final)
        state = []
        for number, bridge in enumerate(self.bridges):
            level, part = divmod(number, self._parts)
            first = 2 * level * self._parts + part
            both = self._buffer(f"both{number}", (len(final[0]), bridge.input_size))
            np.concatenate([final[first], final[first + self._parts]], axis=1, out=both)
            state.append(bridge.forward(both, context))
        return tuple(state)

    def _bridge_back(self, d_state: list[Array]) -> list[Array]:
        """The gradient of the encoder's final state."""
        if not self.bridges:
            return d_state
        size = self.shape.hidden_size
        d_final: list[Any] = [None] * (2 * len(d_state))
        for number, bridge in enumerate(self.bridges):
            level, part = divmod(number, self._parts)
            first = 2 * level * self._parts + part
            d_both: Any = bridge.backward(d_state[number])
            d_final[first] = np.ascontiguousarray(d_both[:, :size])
            d_final[first + self._parts] = np.ascontiguousarray(d_both[:, size:])
        return d_final

    def _arrange(self, encoded: Encoded, order: Array) -> Encoded:
        """From the order of the sources to that of the targets, in buffers that are reused."""
        memory = self._buffer("memory", encoded.memory.shape)
        np.take(encoded.memory, order, axis=1, out=memory, mode="clip")
        lengths = None if encoded.lengths is None else encoded.lengths[order]
        state = []
        for number, part in enumerate(encoded.state):
            own = self._buffer(f"state{number}", part.shape)
            state.append(np.take(part, order, axis=0, out=own, mode="clip"))
        return Encoded(memory, lengths, tuple(state))

    def _unarranged(self, d_part: Array, number: int) -> Array:
        """The gradient of a part of the state, in the order of the sources."""
        own = self._buffer(f"d_state{number}", d_part.shape)
        own[self._order] = d_part
        return own

    # --- step by step ------------------------------------------------------------------------

    def logits_of(self, tokens: Array, batch: Batch, encoded: Encoded) -> Array:
        """Logits ``[T, B, targets]`` of known targets, outside training; see ``forward_batch``."""
        return self._decode(tokens, batch, encoded, False, None)

    def advance(
        self, tokens: Array, state: tuple[Array, ...], memory: Array, lengths: Array | None
    ) -> tuple[Array, tuple[Array, ...]]:
        """Logits of the next token, and the new state.

        Args:
            tokens: The last ones, int64 ``[K, B]``: ``K`` hypotheses of each of ``B`` sources.
            state: One ``[K * B, H]`` for each part of the decoder's state.
            memory: Of the sources, ``[S, B, M]``.
            lengths: How many of its steps live, ``(B,)``; ``None``: all.

        Returns:
            ``[K, B, targets]``, and the new state.
        """
        hypotheses, rows = tokens.shape
        x = self.target_embedding.step(np.ascontiguousarray(tokens.reshape(-1)))
        y, state = self.decoder.walk_step(x, state, self._version)
        if self.attention is not None:
            self.attention.attend(memory, lengths)
            y = self.attention.forward(y.reshape(hypotheses, rows, -1), Context())
            y = y.reshape(hypotheses * rows, -1)
        return self.head.step(y).reshape(hypotheses, rows, -1), state

    def release(self, version: int) -> None:
        """Training has let go of the parameters: from now on copies of them may be kept.

        Args:
            version: What ``self._version`` was before the training.
        """
        self._version = version
        self._parameters_changed()

    @property
    def version(self) -> int:
        """See :mod:`elman.sequence`."""
        return self._version

    def _buffer(self, name: str, shape: tuple[int, ...]) -> Array:
        buffer = self._buffers.get(name)
        if buffer is None:
            buffer = self._buffers[name] = Buffer(self.dtype)
        return buffer(shape)
