"""The autoencoder itself: windows to a code, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.data.encoding import Encoder
from elman.data.rows import Rows
from elman.errors import InputError
from elman.history import History
from elman.layers import Context, Dense, Dropout, Ends, Layer, Noise, Repeat
from elman.losses import Loss
from elman.network import Network
from elman.optimizers import AdamW
from elman.tasks.cells import CELLS, inner_options

__all__ = ["AUTOENCODERS", "Autoencoder", "Shape", "Training"]

Array: TypeAlias = NDArray[Any]

AUTOENCODERS = (*CELLS, "dense")
"""What reads the windows: a cell, or dense layers over all steps at once."""

POSITIONS = 16
"""Cosines that tell the decoder where it stands."""

CLIP_NORM = 1.0
_BLOCK = 2048  # windows worked on at once


@dataclass(frozen=True)
class Shape:
    """The network to build, see :class:`elman.SequenceAutoencoder` for what each part means."""

    cell: str
    code_size: int
    hidden_size: int
    num_layers: int
    segment: int
    dropout: float
    noise: float
    noise_kind: str
    recurrent_dropout: float
    zoneout: float
    layer_norm: bool


@dataclass(frozen=True)
class Training:
    """How to train it."""

    loss: Loss
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float


class Autoencoder:
    """One network over one encoder of the inputs.

    Recurrent: a bidirectional cell, whose two ends a dense layer makes the code of; the code at
    every step beside cosines of the position; a bidirectional cell; a dense layer. The cells read
    and give a segment of some steps at once, the last one filled up with zeros. Dense: the window
    written out as one vector, a hidden layer before the code and one behind it.

    Attributes:
        shape: Of the network.
        encoder: Of the inputs.
        network: The network.
        steps: Steps of a window, where it is dense and they must all be the same; else ``None``.
    """

    def __init__(self, shape: Shape, encoder: Encoder, network: Network, steps: int | None) -> None:
        self.shape, self.encoder, self.network, self.steps = shape, encoder, network, steps
        kinds = [type(layer) for layer in network.layers]
        middle = kinds.index(Repeat) if steps is None else _dense_middle(network.layers)
        self._code_at = middle

    @classmethod
    def train(
        cls,
        windows: Sequence[Array],
        watched: Sequence[Array],
        shape: Shape,
        training: Training,
        *,
        seed: np.random.SeedSequence,
        backend: str,
        progress: bool | None,
    ) -> tuple[Autoencoder, History]:
        """Fits the encoder and trains the network.

        Args:
            windows: ``(T_i, C)`` each, NaN where missing.
            watched: Windows whose loss picks the best epoch; may be none.
            shape: The network.
            training: How it is trained.
            seed: Of all randomness.
            backend: Of the network.
            progress: Whether a bar is shown; ``None``: on a terminal.
        """
        steps = _common_length(windows) if shape.cell == "dense" else None
        rows = _written_out(windows, steps)
        encoder = Encoder.fit(Rows(rows, None, rows[0].shape[1]), "characters")
        network = Network(build(shape, encoder), seed=np.random.default_rng(seed), backend=backend)
        made = cls(shape, encoder, network, steps)
        X, y, weight = made._examples(windows)
        validation = made._examples(watched) if len(watched) else None
        history = network.fit(
            X,
            y,
            loss=training.loss,
            optimizer=AdamW(training.learning_rate, weight_decay=training.weight_decay),
            schedule="cosine",
            epochs=training.epochs,
            batch_size=training.batch_size,
            sample_weight=weight,
            validation_data=validation,
            clip_norm=CLIP_NORM,
            by_length=isinstance(X, list),
            progress=progress,
        )
        return made, history

    # ------------------------------------------------------------------------------ in and out

    @property
    def channels(self) -> int:
        """Channels of a window."""
        return len(self.encoder.mean) // (self.steps or 1)

    @property
    def parameter_count(self) -> int:
        """Parameters of the network."""
        return self.network.parameter_count

    def check(self, lengths: Sequence[int]) -> None:
        """Refuses windows of a length that dense layers cannot read.

        Raises:
            InputError: If there is one.
        """
        odd = [one for one in lengths if self.steps is not None and one != self.steps]
        if odd:
            raise InputError(
                f"X: cell='dense' reads windows of {self.steps} steps, as in fit, got one of "
                f"{odd[0]}; a recurrent cell reads any length"
            )

    def codes(self, windows: Sequence[Array]) -> Array:
        """The code of each window, float64 ``(W, code_size)``; zeros for one without a step."""
        codes = np.zeros((len(windows), self.shape.code_size))
        for chosen, x, _ in self._inputs(windows):
            codes[chosen] = self._passed(x, slice(0, self._code_at)).reshape(len(chosen), -1)
        return codes

    def decode(self, codes: Array, lengths: Array) -> list[Array]:
        """What each code stands for, ``(T_i, C)`` float64 in the unit of the data."""
        decoded = [np.zeros((0, self.channels))] * len(codes)
        dtype = self.network.dtype
        for chosen, steps in _by_length(lengths):
            x = np.ascontiguousarray(codes[chosen], dtype)
            x = x if self.steps is None else x[None]
            segments = -(-steps // self.shape.segment) if self.steps is None else 1
            y = self._passed(x, slice(self._code_at, None), segments)
            for row, one in zip(chosen, self._unscaled(y), strict=True):
                decoded[row] = one[:steps]
        return decoded

    def reconstruct(self, windows: Sequence[Array]) -> list[Array]:
        """The windows as the network gives them back, ``(T_i, C)`` in the unit of the data."""
        return self._answers(windows, self._unscaled)

    def errors(self, windows: Sequence[Array]) -> list[Array]:
        """Given back less given, ``(T_i, C)`` in deviations of each channel; NaN where missing."""
        answers = self._answers(windows, self._steps)
        scaled = [self.scaled(one) for one in windows]
        return [answer - one for answer, one in zip(answers, scaled, strict=True)]

    def explained(self, windows: Sequence[Array]) -> float:
        """The share of the variance about the training means that is given back."""
        wrong = sum(float(np.nansum(one**2)) for one in self.errors(windows))
        about = sum(float(np.nansum(self.scaled(one) ** 2)) for one in windows)
        return 1.0 - wrong / about if about else 0.0

    def _answers(self, windows: Sequence[Array], form: Callable[[Array], Array]) -> list[Array]:
        found = [np.zeros((0, self.channels))] * len(windows)
        for chosen, x, steps in self._inputs(windows):
            answers = form(self._passed(x, slice(None)))
            for row, one in zip(chosen, answers, strict=True):
                found[row] = one[:steps]
        return found

    def scaled(self, window: Array) -> Array:
        """The values in deviations, NaN where missing, ``(T, C)``."""
        encoder = self.encoder
        row = window.reshape(1, -1) if self.steps is not None else window
        scaled = np.clip((row - encoder.mean) / encoder.deviation, -1e6, 1e6)
        return np.asarray(scaled.reshape(window.shape))

    def _steps(self, y: Array) -> Array:
        """The network's output ``[T, B, K]`` as ``(B, T, C)``, float64."""
        rows: Array = y.transpose(1, 0, 2).astype(np.float64)
        return rows.reshape(len(rows), -1, self.channels)

    def _unscaled(self, y: Array) -> Array:
        encoder, steps = self.encoder, self._steps(y)
        rows: Array = steps.reshape(len(steps), -1, len(encoder.mean))
        return (rows * encoder.deviation + encoder.mean).reshape(steps.shape)

    def _passed(self, x: Array, part: slice, steps: int | None = None) -> Array:
        """What a part of the layers makes of values in which every row has all steps."""
        context = Context()
        context.steps = len(x) if steps is None else steps
        for layer in self.network.layers[part]:
            x = layer.forward(x, context)
        return x

    def _inputs(self, windows: Sequence[Array]) -> Iterator[tuple[Array, Array, int]]:
        """Windows of one length at a time: numbers, ``[T, B, K]`` as the network reads, length.

        Rows of one length need no mask, and no answer depends on which others share its block.
        """
        lengths = np.array([len(one) for one in windows], np.int64)
        for chosen, steps in _by_length(lengths):
            rows = _written_out([windows[one] for one in chosen], self.steps)
            encoded = self.encoder.encode(Rows(rows, None, rows[0].shape[1]))
            segments = np.stack([self._segments(one) for one in encoded])
            x = np.ascontiguousarray(segments.transpose(1, 0, 2), self.network.dtype)
            yield chosen, x, steps

    def _segments(self, row: Array) -> Array:
        """A row ``(T, K)`` as segments ``(ceil(T / S), S K)``, filled up with zeros."""
        size = self.shape.segment
        if size == 1 or self.steps is not None:
            return row
        lacking = -len(row) % size
        if lacking:
            row = np.concatenate([row, np.zeros((lacking, row.shape[1]), row.dtype)])
        return row.reshape(len(row) // size, -1)

    def _examples(self, windows: Sequence[Array]) -> tuple[Any, Any, Any]:
        """Inputs, targets (the scaled values) and weights, 0 where there is no truth."""
        rows = _written_out(windows, self.steps)
        X = self.encoder.encode(Rows(rows, None, rows[0].shape[1]))
        width, size = len(self.encoder.mean), self.shape.segment
        parts = [(self._segments(one), self._segments(one[:, :width])) for one in X]
        weight = None
        if self.encoder.marked or (self.steps is None and any(len(one) % size for one in rows)):
            weight = [self._segments((~np.isnan(one)).astype(np.float32)) for one in rows]
        X, y = ([part[side] for part in parts] for side in (0, 1))
        if len({len(one) for one in X}) > 1:
            return X, y, weight
        return np.stack(X), np.stack(y), None if weight is None else np.stack(weight)

    # --------------------------------------------------------------------------------- saving

    def description(self) -> dict[str, Any]:
        """All but the parameters, as plain values."""
        return {
            "shape": asdict(self.shape),
            "encoder": self.encoder.description(),
            "network": self.network._description(),
            "steps": self.steps,
        }

    def tensors(self) -> Mapping[str, Array]:
        """The parameters by name."""
        return self.network.state_dict()

    @classmethod
    def from_saved(
        cls, record: Mapping[str, Any], tensors: Mapping[str, Array], backend: str
    ) -> Autoencoder:
        """Back from :meth:`description` and :meth:`tensors`."""
        network = Network._from_description(record["network"], backend)
        network.load_state_dict(dict(tensors))
        encoder = Encoder.of_description(record["encoder"])
        return cls(Shape(**record["shape"]), encoder, network, record["steps"])


def build(shape: Shape, encoder: Encoder) -> list[Layer]:
    """The layers, from what the encoder gives back to the scaled values."""
    hidden, code, outputs = shape.hidden_size, shape.code_size, len(encoder.mean)
    size = shape.segment
    noise: list[Layer] = [Noise(shape.noise, shape.noise_kind)] if shape.noise else []
    first: list[Layer] = [Dropout(shape.dropout)] if shape.dropout else []
    last: list[Layer] = [Dropout(shape.dropout)] if shape.dropout else []
    if shape.cell == "dense":
        into = [*noise, Dense(encoder.width, hidden, "tanh"), *first, Dense(hidden, code)]
        return [*into, Dense(code, hidden, "tanh"), *last, Dense(hidden, outputs)]
    between = shape.dropout if shape.num_layers > 1 else 0.0
    make = CELLS[shape.cell]
    options = {"num_layers": shape.num_layers, "dropout": between, "bidirectional": True}
    options |= inner_options(shape)
    return [
        *noise,
        make(size * encoder.width, hidden, **options),
        Ends(),
        *first,
        Dense(2 * hidden, code),
        Repeat(POSITIONS),
        make(code + POSITIONS, hidden, **options),
        *last,
        Dense(2 * hidden, size * outputs),
    ]


def _dense_middle(layers: Sequence[Layer]) -> int:
    """How many layers come before the code of a dense autoencoder, that of the code included."""
    dense = [index for index, layer in enumerate(layers) if isinstance(layer, Dense)]
    return dense[1] + 1


def _common_length(windows: Sequence[Array]) -> int:
    lengths = sorted({len(one) for one in windows})
    if len(lengths) > 1:
        raise InputError(
            f"X: cell='dense' reads windows of one length, got {lengths[0]} to {lengths[-1]} "
            "steps; give a window no longer than the shortest row, or take a recurrent cell"
        )
    return lengths[0]


def _written_out(windows: Sequence[Array], steps: int | None) -> list[Array]:
    """Windows as they are, or each as one step of all its values."""
    return [one.reshape(1, -1) for one in windows] if steps is not None else list(windows)


def _by_length(lengths: Array) -> Iterator[tuple[Array, int]]:
    """Numbers of the rows of each length above 0, in blocks."""
    for length in np.unique(lengths[lengths > 0]):
        rows = np.flatnonzero(lengths == length)
        for block in np.array_split(rows, -(-len(rows) // _BLOCK)):
            yield block, int(length)
