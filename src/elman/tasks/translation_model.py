"""A translator's network with the tokens it knows: trained, asked, saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.data.pairs import Lexicon, PairBatches, Tokens
from elman.losses import CrossEntropy
from elman.optimizers import AdamW
from elman.schedules import CosineDecay
from elman.tasks.translation_network import EncoderDecoder, EncoderDecoderShape
from elman.tasks.translation_options import TranslationTraining
from elman.tasks.translation_rows import Pairs
from elman.tasks.translation_search import (
    Hypothesis,
    attention_maps,
    beam_search,
    greedy_search,
    log_probabilities,
)
from elman.training import EarlyStopping, EpochRecord, History, Options, train

__all__ = ["TranslationModel"]

Array: TypeAlias = NDArray[Any]

CLIP_NORM = 1.0
_WARMUP = 0.1
"""Share of the epochs, at most one epoch, over which the learning rate climbs."""


class TranslationModel:
    """An encoder and a decoder with the lexicons of both sides.

    Attributes:
        network: The network.
        source: Tokens of the sources.
        target: Tokens of the targets.
        reverse: Whether sources are read from their end.
        longest: Tokens of the longest target in training.
    """

    def __init__(
        self,
        network: EncoderDecoder,
        source: Lexicon,
        target: Lexicon,
        reverse: bool,
        longest: int,
    ) -> None:
        self.network, self.source, self.target = network, source, target
        self.reverse, self.longest = reverse, longest

    @classmethod
    def train(
        cls,
        pairs: Pairs,
        watched: Pairs | None,
        *,
        shape: Mapping[str, Any],
        fewest: tuple[int, int],
        reverse: bool,
        training: TranslationTraining,
        seed: np.random.SeedSequence,
        backend: str,
        progress: bool | None,
    ) -> tuple[TranslationModel, History]:
        """Learns the lexicons of the pairs and trains the network on them.

        Args:
            pairs: To train on.
            watched: Pairs whose loss picks the best epoch and ends the training, or ``None``.
            shape: The fields of :class:`EncoderDecoderShape` but for the numbers of tokens.
            fewest: How often a token of the sources, of the targets, must occur to be known.
            reverse: Whether sources are read from their end.
            training: How.
            seed: Of initial values, order and dropout.
            backend: See :mod:`elman.sequence`.
            progress: Whether a bar is shown; ``None``: on a terminal.

        Returns:
            The model and the record of the training.
        """
        source = Lexicon.fit(pairs.sources, fewest[0])
        target = Lexicon.fit(pairs.targets, fewest[1])
        sizes = EncoderDecoderShape(sources=source.size, targets=target.size, **shape)
        initial, order = (np.random.default_rng(one) for one in seed.spawn(2))
        network = EncoderDecoder(sizes, initial, np.float32, backend)
        longest = max(len(row) for row in pairs.targets)
        model = cls(network, source, target, reverse, longest)
        validation = None if watched is None else model._batches(watched, 256)
        version = network.version

        def grow(record: EpochRecord) -> None:
            """The rate of scheduled sampling grows in a line, to its end in the last epoch."""
            share = record.epoch / max(training.epochs - 1, 1)
            network.sampling = training.scheduled_sampling * share

        options = Options(
            optimizer=AdamW(training.learning_rate, weight_decay=training.weight_decay),
            schedule=CosineDecay(min(1.0, _WARMUP * training.epochs)),
            epochs=training.epochs,
            clip_norm=CLIP_NORM,
            early_stopping=None if training.patience is None else EarlyStopping(training.patience),
            progress=progress,
            on_epoch=grow,
        )
        batches = model._batches(pairs, training.batch_size)
        loss = CrossEntropy(training.label_smoothing)
        try:
            history = train(network, batches, loss, options, order, validation)
        finally:
            network.release(version)
        return model, history

    @property
    def parameter_count(self) -> int:
        """Number of parameters."""
        return self.network.parameter_count

    # --- asking ------------------------------------------------------------------------------

    def search(
        self, sources: Sequence[Tokens], beam: int, max_length: int, length_penalty: float
    ) -> list[list[Hypothesis]]:
        """The best hypotheses of each source, best first: one (greedy search) or up to ``beam``."""
        numbers = self._encode(sources)
        if beam == 1:
            return [[one] for one in greedy_search(self.network, numbers, max_length)]
        return beam_search(self.network, numbers, beam, max_length, length_penalty)

    def log_probabilities(self, pairs: Pairs) -> Array:
        """Of each target given its source, the end included, ``(N,)``."""
        targets = self.target.encode(pairs.targets)
        return log_probabilities(self.network, self._encode(pairs.sources), targets)

    def attention(self, pairs: Pairs) -> list[Array]:
        """For each pair ``(T_i + 1, S_i)``, the source in the order it was written."""
        targets = self.target.encode(pairs.targets)
        maps = attention_maps(self.network, self._encode(pairs.sources), targets)
        return [one[:, ::-1] if self.reverse else one for one in maps]

    def _encode(self, sources: Sequence[Tokens]) -> list[Array]:
        numbers = self.source.encode(sources)
        return [np.ascontiguousarray(one[::-1]) for one in numbers] if self.reverse else numbers

    def _batches(self, pairs: Pairs, size: int) -> PairBatches:
        targets = self.target.encode(pairs.targets)
        return PairBatches(self._encode(pairs.sources), targets, self.network.shape.start, size)

    # --- saving ------------------------------------------------------------------------------

    def description(self) -> dict[str, Any]:
        """All but the parameters, as plain values."""
        return {
            "shape": self.network.description(),
            "source": {"tokens": self.source.tokens, "rare": self.source.rare},
            "target": {"tokens": self.target.tokens, "rare": self.target.rare},
            "reverse": self.reverse,
            "longest": self.longest,
        }

    def tensors(self) -> dict[str, Array]:
        """The parameters by name."""
        return self.network.state_dict()

    @classmethod
    def from_saved(
        cls, record: Mapping[str, Any], tensors: Mapping[str, Array], backend: str
    ) -> TranslationModel:
        """Back from :meth:`description` and :meth:`tensors`."""
        shape = EncoderDecoderShape(**record["shape"])
        network = EncoderDecoder(shape, np.random.default_rng(0), np.float32, backend)
        network.load_state_dict(tensors)
        source, target = Lexicon(**record["source"]), Lexicon(**record["target"])
        return cls(network, source, target, bool(record["reverse"]), int(record["longest"]))

    def __reduce__(self) -> Any:
        """For copies, and for other processes: the compiled workspaces are made anew."""
        tensors = {name: value.copy() for name, value in self.tensors().items()}
        return TranslationModel.from_saved, (self.description(), tensors, self.network.backend)
