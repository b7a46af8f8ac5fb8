"""The network that labels every step of a sequence.

    w_t = [word vector; shape vector; ends of a recurrent network over the characters of word t]
    h   = recurrent layers over dropout(w_1 ... w_T), both ways
    e_t = W dropout(h_t) + b                              the emissions, one for each label
    y   = argmax e_t at each step, or the best chain of a CRF over e_1 ... e_T

For sequences of numbers ``w_t`` is the step itself, scaled. The characters of a word are read once
for each distinct word of a batch.

Sources: G. Lample et al., "Neural architectures for named entity recognition", NAACL 2016; X. Ma
and E. Hovy, "End-to-end sequence labeling via bi-directional LSTM-CNNs-CRF", ACL 2016.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.backends import kernels
from elman.buffers import Buffer
from elman.data.batches import Batch
from elman.data.words import SHAPES, WordBatch
from elman.layers import Context, Dense, Dropout, Embedding, Ends, Layer
from elman.layers.crf import CRF
from elman.losses import Loss
from elman.parameters import FlatParameters
from elman.tasks.cells import CELLS, inner_options

__all__ = ["ChainLoss", "LabellingNetwork", "LabellingShape", "WordReader"]

Array: TypeAlias = NDArray[Any]

_SMALL = 0.1


@dataclass(frozen=True)
class LabellingShape:
    """All sizes of a labelling network, see :class:`elman.SequenceLabeller`.

    Attributes:
        cell: A name in :data:`elman.tasks.pooled.CELLS`.
        hidden_size: Units of the layers over the steps.
        num_layers: How many are stacked.
        bidirectional: Whether they are also walked from the end.
        labels: How many labels there are.
        crf: Whether a CRF stands over the emissions.
        channels: Of a step of numbers; 0 for words.
        words: Numbers of words; 0 for numbers.
        characters: Numbers of characters.
        embedding_size: Channels of a word's vector.
        shape_size: Channels of a shape's vector; 0 for none.
        character_size: Units of the character network, each way; 0 for none.
        dropout: Before the emissions, and between layers.
        input_dropout: Before the recurrent layers.
    """

    cell: str
    hidden_size: int
    num_layers: int
    bidirectional: bool
    labels: int
    crf: bool
    channels: int = 0
    words: int = 0
    characters: int = 0
    embedding_size: int = 0
    shape_size: int = 0
    character_size: int = 0
    dropout: float = 0.0
    input_dropout: float = 0.0
    recurrent_dropout: float = 0.0
    zoneout: float = 0.0
    layer_norm: bool = False


class LabellingNetwork(FlatParameters):
    """The network of the module's equations, with its backward pass.

    Args:
        shape: All sizes.
        generator: Source of the initial values.
        backend: See :mod:`elman.sequence`.

    Attributes:
        shape: All sizes.
        crf: The CRF over the emissions, or ``None``.
        reader: What makes vectors of words; ``None`` for numbers.
        layers: All layers, in the order of their parameters.
    """

    def __init__(
        self,
        shape: LabellingShape,
        generator: np.random.Generator,
        backend: str = "auto",
        dtype: Any = np.float32,
    ) -> None:
        self.shape, self._backend = shape, backend
        self.reader = WordReader(shape, dtype) if shape.words else None
        width = shape.channels if self.reader is None else self.reader.width
        size = shape.hidden_size * (2 if shape.bidirectional else 1)
        self._body: list[Layer] = [
            Dropout(shape.input_dropout),
            CELLS[shape.cell](
                width,
                shape.hidden_size,
                shape.num_layers,
                dropout=shape.dropout if shape.num_layers > 1 else 0.0,
                bidirectional=shape.bidirectional,
                **inner_options(shape),
            ),
            Dropout(shape.dropout),
            Dense(size, shape.labels),
        ]
        self.crf = CRF(shape.labels) if shape.crf else None
        if self.crf is not None:
            self._body.append(self.crf)
        self.layers = [*(self.reader.layers if self.reader else ()), *self._body]
        super().__init__(self.layers, np.dtype(dtype), generator, backend)
        if self.reader is not None:
            self._views["0.weight"] *= _SMALL
        self._context = Context()

    def forward_batch(
        self,
        batch: Batch,
        training: bool,
        generator: np.random.Generator | None = None,
        truncate: int | None = None,
    ) -> Array:
        """The emissions ``[T, B, K]``, see :class:`elman.bptt.Model`."""
        context = self._context
        context.training, context.generator, context.truncate = training, generator, truncate
        context.live, context.lengths = batch.live, batch.lengths
        value: Any = batch.x
        if self.reader is not None:
            assert isinstance(batch, WordBatch)
            value = self.reader.forward(batch, context)
        for layer in self._body:
            value = layer.forward(value, context)
        return np.asarray(value)

    def backward_batch(self, d_output: Array) -> None:
        """Adds to the gradient, see :class:`elman.bptt.Model`."""
        d_y: Any = d_output
        for layer in reversed(self._body[1:]):
            d_y = layer.backward(d_y, self.reader is not None or layer is not self._body[1])
        if self.reader is not None:
            self.reader.backward(self._body[0].backward(d_y))

    def __reduce__(self) -> Any:
        """For copies, and for other processes: the compiled workspaces are made anew."""
        return _rebuild, (self.shape, self._backend, self._parameters.copy())

    def loss(self) -> Loss | None:
        """What a CRF is trained with; ``None`` without one."""
        return None if self.crf is None else ChainLoss(self.crf)


def _rebuild(shape: LabellingShape, backend: str, parameters: Array) -> LabellingNetwork:
    network = LabellingNetwork(shape, np.random.default_rng(0), backend, parameters.dtype)
    network.set_parameters(parameters)
    return network


class ChainLoss(Loss):
    """The negative log likelihood of whole sequences of labels, as a mean over their steps.

    Args:
        crf: Whose potentials join the emissions.
    """

    name = "chain"
    labels = True

    def __init__(self, crf: CRF) -> None:
        self._crf = crf

    @property
    def recordable(self) -> bool:
        """What the potentials learn is kept in between."""
        return False

    def __call__(
        self,
        output: Array,
        target: Array,
        weight: Array | None = None,
        live: Array | None = None,
        gradient: Array | None = None,
    ) -> tuple[float, float]:
        """The mean loss and the number of steps, see :meth:`elman.losses.Loss.__call__`."""
        mean, number = self._crf.negative_log_likelihood(
            output, target.reshape(output.shape[:2]), live, gradient
        )
        return mean, float(number)


class WordReader:
    """Words to vectors: the word's own, that of its shape, and one made of its characters.

    The vectors of words begin small (deviation 0.1), so that what a rare word is stays open until
    training says so, and its characters speak first.

    Args:
        shape: Of the network.
        dtype: float32 or float64.

    Attributes:
        chance: How likely each word is read as unknown in training, ``(words,)``; ``None``: never.
    """

    def __init__(self, shape: LabellingShape, dtype: Any) -> None:
        self.chance: Array | None = None
        self.words = Embedding(shape.words, shape.embedding_size)
        self.shapes = Embedding(len(SHAPES), shape.shape_size) if shape.shape_size else None
        self.spelling: list[Layer] = []
        widths = [shape.embedding_size, shape.shape_size]
        if shape.character_size:
            vector = max(16, shape.character_size)
            self.spelling = [
                Embedding(shape.characters, vector),
                CELLS[shape.cell](vector, shape.character_size, bidirectional=True),
                Ends(),
            ]
            widths.append(2 * shape.character_size)
        ends = np.cumsum([0, *widths])
        self._parts = [slice(a, b) for a, b in pairwise(ends)]
        self.width = int(ends[-1])
        self._joined, self._placed = Buffer(dtype), Buffer(dtype)
        self._d_part, self._d_spelled = Buffer(dtype), Buffer(dtype)

    @property
    def layers(self) -> list[Layer]:
        """The layers, in the order of their parameters."""
        return [self.words, *([self.shapes] if self.shapes else []), *self.spelling]

    def forward(self, batch: WordBatch, context: Context) -> Array:
        """``[T, B, width]``."""
        words = batch.words
        if context.training and self.chance is not None:
            assert context.generator is not None
            unknown = context.generator.random(words.shape) < self.chance[words]
            words = np.where(unknown, 0, words)
        joined = self._joined((*words.shape, self.width))
        joined[:, :, self._parts[0]] = self.words.forward(words, context)
        if self.shapes is not None:
            joined[:, :, self._parts[1]] = self.shapes.forward(batch.shapes, context)
        if self.spelling:
            joined[:, :, self._parts[2]] = self._spell(batch, context)
        return joined

    def backward(self, d_joined: Any) -> None:
        """Adds to the gradients."""
        self.words.backward(self._part(d_joined, 0))
        if self.shapes is not None:
            self.shapes.backward(self._part(d_joined, 1))
        if not self.spelling:
            return
        d_placed = self._part(d_joined, 2)
        d_spelled: Any = self._d_spelled((self._number, d_placed.shape[2]))
        d_spelled[...] = 0.0
        kernels.embed_adjoint(d_spelled, self._position, d_placed.reshape(-1, d_placed.shape[2]))
        for layer in reversed(self.spelling):
            d_spelled = layer.backward(d_spelled, layer is not self.spelling[0])

    def _spell(self, batch: WordBatch, context: Context) -> Array:
        """What the character network makes of each word, ``[T, B, 2 character_size]``."""
        spelled = batch.spelled
        own = Context(training=context.training, live=spelled.live, lengths=spelled.lengths)
        value: Any = spelled.x
        for layer in self.spelling:
            value = layer.forward(value, own)
        self._number, self._position = len(value), batch.position.reshape(-1)
        placed = self._placed((self._position.size, value.shape[1]))
        kernels.embed(value, self._position, placed)
        placed = self._placed((*batch.position.shape, value.shape[1]))
        if context.live is not None:
            kernels.zero_dead(placed, context.live)
        return placed

    def _part(self, d_joined: Array, number: int) -> Array:
        """One part of the channels, without gaps."""
        chosen = d_joined[:, :, self._parts[number]]
        part = self._d_part(chosen.shape)
        part[...] = chosen
        return part
