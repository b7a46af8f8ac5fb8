"""One answer for each sequence: an encoder of the inputs, and networks that end in one vector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.checks import one_of
from elman.data.encoding import Encoder
from elman.data.rows import Rows
from elman.layers import (
    AttentionPool,
    Dense,
    Dropout,
    Embedding,
    Ends,
    Last,
    Layer,
    MaxPool,
    MeanPool,
)
from elman.losses import Loss
from elman.network import Network
from elman.optimizers import AdamW
from elman.tasks.cells import CELLS, inner_options
from elman.training import History

__all__ = ["POOLS", "PooledModel", "Shape", "Training", "build"]

Array: TypeAlias = NDArray[Any]

POOLS = ("last", "mean", "max", "attention")
CLIP_NORM = 1.0


@dataclass(frozen=True)
class Shape:
    """The network to build, see :class:`elman.SequenceClassifier` for what each part means."""

    cell: str
    hidden_size: int
    num_layers: int
    bidirectional: bool
    pooling: str
    embedding_size: int
    dropout: float
    input_dropout: float
    recurrent_dropout: float = 0.0
    zoneout: float = 0.0
    layer_norm: bool = False


@dataclass(frozen=True)
class Training:
    """How to train it."""

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float


def build(shape: Shape, encoder: Encoder, outputs: int) -> list[Layer]:
    """The layers, from what the encoder gives to one vector a row."""
    layers: list[Layer] = []
    width = encoder.width
    if encoder.vocabulary is not None:
        layers.append(Embedding(width, shape.embedding_size))
        width = shape.embedding_size
    if shape.input_dropout:
        layers.append(Dropout(shape.input_dropout))
    layers.append(
        CELLS[one_of("cell", shape.cell, CELLS)](
            width,
            shape.hidden_size,
            shape.num_layers,
            dropout=shape.dropout if shape.num_layers > 1 else 0.0,
            bidirectional=shape.bidirectional,
            **inner_options(shape),
        )
    )
    size = shape.hidden_size * (2 if shape.bidirectional else 1)
    pools: dict[str, Layer] = {
        "last": Ends() if shape.bidirectional else Last(),
        "mean": MeanPool(),
        "max": MaxPool(),
        "attention": AttentionPool(size),
    }
    layers.append(pools[one_of("pooling", shape.pooling, POOLS)])
    if shape.dropout:
        layers.append(Dropout(shape.dropout))
    layers.append(Dense(size, outputs))
    return layers


class PooledModel:
    """Networks of one shape whose outputs are averaged, over one encoder.

    Attributes:
        encoder: Of the inputs.
        networks: At least one.
        histories: The record of each training.
    """

    def __init__(
        self, encoder: Encoder, networks: Sequence[Network], histories: Sequence[History] = ()
    ) -> None:
        self.encoder, self.networks = encoder, list(networks)
        self.histories = list(histories)

    @classmethod
    def train(
        cls,
        rows: Rows,
        targets: Array,
        weights: Array | None,
        watched: tuple[Rows, Array, Array | None] | None,
        *,
        unit: str,
        lowercase: bool,
        shape: Shape,
        training: Training,
        loss: Loss,
        outputs: int,
        ensemble: int,
        seed: np.random.SeedSequence,
        backend: str,
        progress: bool | None,
    ) -> PooledModel:
        """Fits the encoder and trains the networks.

        Args:
            rows: To train on, each with something to read.
            targets: Their answers, ``(N,)`` numbers of classes or ``(N, K)``.
            weights: Of the rows, or ``None``.
            watched: Rows, answers and weights whose loss picks the best epoch, or ``None``.
            unit: Of texts: characters or words.
            lowercase: Whether characters are made small letters.
            shape: The network.
            training: How it is trained.
            loss: What is minimised.
            outputs: How many there are.
            ensemble: How many networks.
            seed: Each network's is spawned from it.
            backend: Of the networks.
            progress: Whether a bar is shown; ``None``: on a terminal.
        """
        encoder = Encoder.fit(rows, unit, lowercase)
        inputs = encoder.encode(rows)
        validation = None
        if watched is not None:
            validation = (encoder.encode(watched[0]), watched[1], watched[2])
        networks, histories = [], []
        for child in seed.spawn(ensemble):
            network = Network(
                build(shape, encoder, outputs), seed=np.random.default_rng(child), backend=backend
            )
            history = network.fit(
                inputs,
                targets,
                loss=loss,
                optimizer=AdamW(training.learning_rate, weight_decay=training.weight_decay),
                schedule="cosine",
                epochs=training.epochs,
                batch_size=training.batch_size,
                sample_weight=weights,
                validation_data=validation,
                clip_norm=CLIP_NORM,
                by_length=True,
                progress=progress,
            )
            networks.append(network)
            histories.append(history)
            if history.interrupted:
                break
        return cls(encoder, networks, histories)

    @property
    def parameter_count(self) -> int:
        """Parameters of all networks together."""
        return sum(network.parameter_count for network in self.networks)

    def outputs(self, rows: Rows) -> Array:
        """The outputs of every network, float64 ``(M, N, K)``."""
        inputs = self.encoder.encode(rows)
        return np.stack([network.predict(inputs) for network in self.networks]).astype(np.float64)

    def relevance(self, rows: Rows, weights: Array) -> list[Array]:
        """Gradient times input of a weighted sum of the outputs, averaged over the networks.

        Args:
            rows: The sequences.
            weights: Of the outputs, ``(N, K)``.

        Returns:
            For each row ``(T_i, C)``, or ``(T_i,)`` for the tokens of a text. The mark of a
            missing value counts for the channel it marks.
        """
        inputs = self.encoder.encode(rows)
        gradients = np.mean(
            [network.input_gradients(inputs, weights) for network in self.networks], axis=0
        )
        if self.encoder.vocabulary is not None:
            return [gradients[i, : len(one)].sum(axis=1) for i, one in enumerate(inputs)]
        products = [gradients[i, : len(one)] * one for i, one in enumerate(inputs)]
        width = len(self.encoder.mean)
        if self.encoder.marked:
            products = [one[:, :width] + one[:, width:] for one in products]
        return products

    def description(self) -> dict[str, Any]:
        """All but the parameters, as plain values."""
        return {
            "encoder": self.encoder.description(),
            "networks": [network._description() for network in self.networks],
            "histories": [history.to_dict() for history in self.histories],
        }

    def tensors(self) -> dict[str, Array]:
        """The parameters by name."""
        return {
            f"{number}.{name}": value
            for number, network in enumerate(self.networks)
            for name, value in network.state_dict().items()
        }

    @classmethod
    def from_saved(
        cls, record: Mapping[str, Any], tensors: Mapping[str, Array], backend: str
    ) -> PooledModel:
        """Back from :meth:`description` and :meth:`tensors`."""
        networks = [Network._from_description(one, backend) for one in record["networks"]]
        for number, network in enumerate(networks):
            prefix = f"{number}."
            network.load_state_dict(
                {
                    name.removeprefix(prefix): value
                    for name, value in tensors.items()
                    if name.startswith(prefix)
                }
            )
        histories = [History.from_dict(one) for one in record["histories"]]
        return cls(Encoder.of_description(record["encoder"]), networks, histories)
