"""Networks that label every step, over one encoder of what they read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.data.batches import Batch, Batches, Sequences
from elman.data.encoding import Encoder
from elman.data.tokens import Sentences, Steps
from elman.data.words import WordBatches, WordEncoder
from elman.evaluate.classes import softmax
from elman.layers.crf import Potentials
from elman.losses import CrossEntropy
from elman.optimizers import AdamW
from elman.schedules import make_schedule
from elman.tasks.labelling_network import LabellingNetwork, LabellingShape
from elman.tasks.pooled import CLIP_NORM, Training
from elman.training import History, Options, train

__all__ = ["Answer", "LabelModel"]

Array: TypeAlias = NDArray[Any]
Watched: TypeAlias = tuple[Steps, Sequence[Array]]

_ROWS = 64  # answered at a time: decides about memory, not about results


@dataclass(frozen=True)
class Answer:
    """What a model says of one sequence.

    Attributes:
        labels: The number of the label of each step, int64 ``(T,)``.
        probabilities: Of each label at each step, ``(T, K)``: with a CRF the marginals.
    """

    labels: Array
    probabilities: Array


class LabelModel:
    """Networks of one shape whose emissions are averaged, over one encoder.

    Attributes:
        encoder: Of the inputs: of words, or of numbers.
        networks: At least one.
        histories: The record of each training.
    """

    def __init__(
        self,
        encoder: WordEncoder | Encoder,
        networks: Sequence[LabellingNetwork],
        histories: Sequence[History] = (),
    ) -> None:
        self.encoder, self.networks = encoder, list(networks)
        self.histories = list(histories)

    @classmethod
    def train(
        cls,
        steps: Steps,
        targets: Sequence[Array],
        watched: Watched | None,
        *,
        shape: LabellingShape,
        lowercase: bool,
        min_count: int,
        word_dropout: float,
        training: Training,
        ensemble: int,
        seed: np.random.SeedSequence,
        backend: str,
        progress: bool | None,
    ) -> LabelModel:
        """Fits the encoder and trains the networks.

        Args:
            steps: To train on.
            targets: The numbers of their labels, int64 ``(T_i,)`` each.
            watched: Sequences and labels whose loss picks the best epoch, or ``None``.
            shape: The network; what the encoder decides is filled in.
            lowercase: Of the vocabulary of words.
            min_count: Of the vocabulary of words.
            word_dropout: How readily rare words are read as unknown in training.
            training: How it is trained.
            ensemble: How many networks.
            seed: Each network's is spawned from it.
            backend: Of the networks.
            progress: Whether a bar is shown; ``None``: on a terminal.
        """
        encoder: WordEncoder | Encoder
        if isinstance(steps, Sentences):
            encoder = WordEncoder.fit(steps.tokens, lowercase, min_count)
            words, characters = len(encoder.words) + 1, len(encoder.characters) + 1
            shape = replace(shape, words=words, characters=characters)
        else:
            encoder = Encoder.fit(steps, "words")
            shape = replace(shape, channels=encoder.width)
        model = cls(encoder, [], [])
        batches = model._batches(steps, targets, training.batch_size)
        validation = None if watched is None else model._batches(*watched, _ROWS)
        for child in seed.spawn(ensemble):
            generator = np.random.default_rng(child)
            network = LabellingNetwork(shape, generator, backend)
            if network.reader is not None and isinstance(encoder, WordEncoder):
                network.reader.chance = encoder.unknown_chance(word_dropout)
            options = Options(
                AdamW(training.learning_rate, weight_decay=training.weight_decay),
                make_schedule("cosine"),
                epochs=training.epochs,
                clip_norm=CLIP_NORM,
                progress=progress,
            )
            loss = network.loss() or CrossEntropy()
            history = train(network, batches, loss, options, generator, validation)
            model.networks.append(network)
            model.histories.append(history)
            if history.interrupted:
                break
        return model

    @property
    def parameter_count(self) -> int:
        """Parameters of all networks together."""
        return sum(network.parameter_count for network in self.networks)

    def answers(self, steps: Steps) -> list[Answer]:
        """Labels and probabilities of every sequence; empty ones for those without a step."""
        batches = self._batches(steps, None, _ROWS)
        lengths = batches.inputs.lengths
        assert lengths is not None
        labels = self.networks[0].shape.labels
        found = [Answer(np.zeros(0, np.int64), np.zeros((0, labels)))] * len(lengths)
        potentials = self.potentials()
        order = np.argsort(-lengths, kind="stable")[: int((lengths > 0).sum())]
        for first in range(0, len(order), _ROWS):
            batch = batches.take(order[first : first + _ROWS])
            for row, answer in self._answer(batch, potentials):
                found[row] = answer
        return found

    def _answer(self, batch: Batch, potentials: Potentials | None) -> Iterator[tuple[int, Answer]]:
        emissions = self._emissions(batch)
        if potentials is None:
            probabilities, paths = softmax(emissions), emissions.argmax(axis=2)
        else:
            paths, _ = potentials.best(emissions, batch.live)
            probabilities = potentials.lattice(emissions, batch.live).marginals()
        for place, row in enumerate(batch.rows):
            end = len(emissions) if batch.lengths is None else batch.lengths[place]
            yield int(row), Answer(paths[:end, place].copy(), probabilities[:end, place].copy())

    def _emissions(self, batch: Batch) -> Array:
        """The mean over the networks, float64 ``[T, B, K]``: that of the log probabilities."""
        total: Any = 0.0
        for network in self.networks:
            total = total + network.forward_batch(batch, False).astype(np.float64)
        return np.asarray(total / len(self.networks))

    def potentials(self) -> Potentials | None:
        """The mean of those of the networks; ``None`` without a CRF."""
        found = [network.crf.potentials() for network in self.networks if network.crf is not None]
        if not found:
            return None
        return Potentials(
            *(
                np.mean([getattr(one, name) for one in found], axis=0)
                for name in ("transitions", "start", "end")
            )
        )

    def _batches(self, steps: Steps, targets: Sequence[Array] | None, size: int) -> Batches:
        wanted = None
        if targets is not None:
            wanted = Sequences.from_list([one[:, None] for one in targets], 1, np.int64)
        if isinstance(self.encoder, WordEncoder):
            assert isinstance(steps, Sentences)
            numbers, forms = self.encoder.encode(steps.tokens)
            return WordBatches(forms, numbers, wanted, size, by_length=True)
        assert not isinstance(steps, Sentences)
        rows = list(self.encoder.encode(steps))
        inputs = Sequences.from_list(rows, self.encoder.width, np.float32)
        return Batches(inputs, wanted, None, size, per_step=True, by_length=True)

    def description(self) -> dict[str, Any]:
        """All but the parameters, as plain values."""
        return {
            "encoder": self.encoder.description(),
            "shape": asdict(self.networks[0].shape),
            "networks": len(self.networks),
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
    ) -> LabelModel:
        """Back from :meth:`description` and :meth:`tensors`."""
        shape = LabellingShape(**record["shape"])
        networks = []
        for number in range(record["networks"]):
            network = LabellingNetwork(shape, np.random.default_rng(0), backend)
            prefix = f"{number}."
            network.load_state_dict(
                {
                    name.removeprefix(prefix): value
                    for name, value in tensors.items()
                    if name.startswith(prefix)
                }
            )
            networks.append(network)
        histories = [History.from_dict(one) for one in record["histories"]]
        saved = record["encoder"]
        encoder: WordEncoder | Encoder
        if shape.words:
            encoder = WordEncoder.of_description(saved)
        else:
            encoder = Encoder.of_description(saved)
        return cls(encoder, networks, histories)
