"""The language model: what comes next in a text, one symbol at a time."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any, ClassVar, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from elman.checks import one_of, real, whole
from elman.counting import counted
from elman.crossing import TaskCrossing
from elman.data.corpus import Corpus, cut
from elman.data.streams import Stream
from elman.data.symbols import SYMBOL_UNITS, Symbols
from elman.errors import InputError
from elman.evaluate.ngrams import NGrams, best_ngrams
from elman.network import Network
from elman.optimizers import AdamW
from elman.tasks.cells import CELLS, check_inner_options, inner_options
from elman.tasks.language_model import (
    Shape,
    SymbolModel,
    build,
    opening_of,
)
from elman.tasks.language_use import FittedLanguage, measures

__all__ = ["LanguageModel"]

Array: TypeAlias = NDArray[Any]
_Self = TypeVar("_Self", bound="LanguageModel")

_UPDATES = 1800
_ORDERS = (2, 3, 4, 5, 6, 8)
_MOST_COUNTED = 3_000_000
"""Symbols of a text that n-grams are counted in."""
_MOST_SCORED = 500_000
"""Characters that are scored, one after the other."""
_CLIP_NORM = 1.0


class LanguageModel(FittedLanguage, TaskCrossing):
    """Learns a language from text, and writes on: characters, bytes or words.

    A recurrent network reads symbol by symbol and says how likely each symbol is to be next. It is
    trained by truncated back-propagation through time: the text is walked in chunks, in several
    lanes side by side, the state carried from chunk to chunk, so that a text may be longer than
    memory (files are read part by part). Its held-out end is scored beside n-grams.

    Args:
        unit: What a symbol is: ``"characters"``, ``"bytes"``, or ``"words"`` (each with the space
            before it) with punctuation marks.
        cell: ``"lstm"``, ``"gru"``, ``"rnn"``, ``"rnn_relu"`` or ``"gru_reset_before"``.
        hidden_size: Units; default: 64 to 512, by the length of the text.
        num_layers: How many cells are stacked.
        embedding_size: Channels of the learned vector of a symbol; default: 16 to 128, by the
            number of symbols. 0: none, a channel for each symbol (one-hot).
        tied: Whether the vectors of symbols are the weights of the output too, which takes
            ``embedding_size`` equal to ``hidden_size``, its default then.
        vocabulary_size: How many different characters or words are told apart, the most frequent
            ones. Others, and those that occur once, are read as one unknown symbol.
        unseen: Characters or words that fit has not seen: ``"error"``, or ``"unknown"``.
        dropout: Probability of dropping a unit before the output, and between layers.
        recurrent_dropout: Probability of hiding a unit of the state from the recurrent weights,
            the same units throughout a chunk.
        zoneout: Probability with which a unit keeps its value of the step before.
        layer_norm: Whether the products inside the cell are normalised.
        chunk: Symbols that are walked at a time: how far back the gradient reaches.
        lanes: Places of the text that are walked side by side; default: 16 to 64, by its length.
        epochs: Passes over the text; default: what comes to 1800 updates, up to 60.
        learning_rate: Of AdamW at its highest, falling along a cosine.
        weight_decay: Of AdamW.
        held_out: Share of the text held out, its end, up to 0.5: half of it watches the training
            and picks the best epoch, half is scored. 0: none.
        early_stopping: Epochs without a better loss on the watching part that are let pass;
            ``None`` for no end before the last epoch.
        seed: Of all randomness: same seed, same bits.
        verbose: Whether a progress bar is shown, on a terminal.
        backend: ``"auto"``, ``"native"`` or ``"reference"``.

    Attributes:
        model_: The network and its symbols, a :class:`elman.tasks.language_model.SymbolModel`.
        scores_: Measures on the held-out end beside n-grams, or ``None``.
        history_: The record of the training.
        notes_: What was done or should be known, in words.
        seconds_: Wall-clock time of the parts of :meth:`fit`.
        held_out_: After :meth:`fit`, the numbers of the symbols that were scored.
        rivals_: After :meth:`fit`, what they were scored beside: :class:`NGrams` by name.

    Raises:
        InputError: From :meth:`fit`, for an argument or a text that does not fit.

    Source: I. Sutskever, J. Martens and G. Hinton, "Generating text with recurrent neural
    networks", ICML 2011; T. Mikolov et al., "Recurrent neural network based language model",
    Interspeech 2010.
    """

    _kind: ClassVar[str] = "language_model"

    def __init__(
        self,
        unit: str = "characters",
        cell: str = "lstm",
        hidden_size: int | None = None,
        num_layers: int = 1,
        embedding_size: int | None = None,
        tied: bool = False,
        vocabulary_size: int = 20_000,
        unseen: str = "error",
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        zoneout: float = 0.0,
        layer_norm: bool = False,
        chunk: int = 64,
        lanes: int | None = None,
        epochs: int | None = None,
        learning_rate: float = 0.01,
        weight_decay: float = 0.01,
        held_out: float = 0.1,
        early_stopping: int | None = None,
        seed: int = 0,
        verbose: bool = False,
        backend: str = "auto",
    ) -> None:
        self.unit = unit
        self.cell = cell
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.embedding_size = embedding_size
        self.tied = tied
        self.vocabulary_size = vocabulary_size
        self.unseen = unseen
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.zoneout = zoneout
        self.layer_norm = layer_norm
        self.chunk = chunk
        self.lanes = lanes
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.held_out = held_out
        self.early_stopping = early_stopping
        self.seed = seed
        self.verbose = verbose
        self.backend = backend

    # ------------------------------------------------------------------------------- training

    def fit(self: _Self, X: Any, y: Any = None) -> _Self:
        """Learns from text.

        Args:
            X: A text; a ``pathlib.Path`` of a text file (UTF-8), which may be larger than memory;
                or a list of either. One text has no end, and :meth:`sample` writes on as long as it
                is asked to; where there are several, their ends are learnt too.
            y: Ignored; there for scikit-learn.

        Returns:
            The model itself.

        Raises:
            InputError: If an argument or the text does not fit; nothing was trained then.
            TrainingError: If training does not converge to finite numbers.
        """
        started = time.perf_counter()
        self._check_options()
        corpus, symbols, marks = self._open(X)
        if not symbols.vocabulary.tokens:
            raise InputError(
                f"X: expected a text in which {self.unit} occur more than once, got one of "
                f"{counted(corpus.characters, 'character')}"
            )
        texts, places = corpus.encode(symbols, marks)
        self.notes_ = []
        if marks[2] == corpus.characters:
            places[2] = sum(len(text) - 1 for text in texts)  # with the edge of the last text
        parts = self._parts(texts, places)
        read = time.perf_counter()
        opening = np.array([symbols.edge])
        if corpus.single:
            opening = opening_of(symbols, parts[0][0])
        network = self._network(symbols, parts[0])
        self.model_ = SymbolModel(symbols, network, opening, not corpus.single)
        self._train(parts)
        trained = time.perf_counter()
        self._score(parts, marks[2] - marks[1])
        if marks[2] < corpus.characters:
            self.notes_.append(
                f"Of the half to be scored, the first {_MOST_SCORED:,} characters were."
            )
        ended = time.perf_counter()
        self.seconds_ = {
            "reading": read - started,
            "training": trained - read,
            "scoring": ended - trained,
            "total": ended - started,
        }
        return self

    def _open(self, X: Any) -> tuple[Corpus, Symbols, list[int]]:
        """The texts, the symbols of the part trained on, and where each part ends."""
        corpus = Corpus(X, binary=self.unit == "bytes")
        first, second = (
            round(corpus.characters * (1.0 - self.held_out * part)) for part in (1.0, 0.5)
        )
        marks = [first, second, min(corpus.characters, second + _MOST_SCORED)]
        return corpus, Symbols.fit(corpus.parts(marks[0]), self.unit, self.vocabulary_size), marks

    def check_prompt(self, X: Any, prompt: Any) -> None:
        """Refuses, before minutes of training, a prompt that the model would not be able to read.

        Args:
            X: As :meth:`fit` takes it.
            prompt: As :meth:`sample` takes it.

        Raises:
            InputError: If it holds symbols that training would not meet.
        """
        self._check_options()
        if self.unseen == "error":
            self._open(X)[1].check("prompt", prompt)

    def _parts(self, texts: list[Array], places: list[int]) -> list[list[Array]]:
        """To be trained on, to watch the training, and to be scored."""
        parts = [cut(texts, a, b) for a, b in zip([0, *places], places, strict=False)]
        if self.held_out and not (parts[0] and parts[1] and parts[2]):
            raise InputError(
                f"X: expected a text of which {self.held_out:g} can be held out, with symbols in "
                f"every part, got one of {counted(places[2], 'symbol')}; give a longer text (in "
                "Python held_out=0 holds none out)"
            )
        return parts

    def _network(self, symbols: Symbols, texts: list[Array]) -> Network:
        number = sum(len(text) for text in texts)
        sizes = ((30_000, 64), (300_000, 128), (3_000_000, 256))
        hidden = next((size for most, size in sizes if number < most), 512)
        hidden = self.hidden_size or hidden
        vectors = next((size for most, size in ((40, 16), (300, 32)) if symbols.size < most), 128)
        if self.embedding_size is not None:
            vectors = self.embedding_size
        elif self.tied:
            vectors = hidden
        if self.tied and vectors != hidden:
            raise InputError(
                f"tied: expected an embedding_size of {hidden}, as hidden_size, or None, got "
                f"{vectors}"
            )
        shape = Shape(
            self.cell,
            hidden,
            self.num_layers,
            vectors,
            self.tied,
            self.dropout,
            **inner_options(self),
        )
        return build(symbols.size, shape, self.seed, self.backend)

    def _train(self, parts: list[list[Array]]) -> None:
        number = sum(len(text) - 1 for text in parts[0])
        lanes = self.lanes or (16 if number < 300_000 else 32 if number < 1_000_000 else 64)
        lanes = max(1, min(lanes, number // self.chunk))
        self.chosen_ = {"lanes": lanes}
        epochs = self.epochs or min(60, math.ceil(_UPDATES * lanes * self.chunk / number))
        stream = self._stream(parts[0], lanes)
        self.history_ = self.model_.network.fit(
            stream,
            loss="cross_entropy",
            optimizer=AdamW(self.learning_rate, weight_decay=self.weight_decay),
            schedule="cosine",
            epochs=epochs,
            clip_norm=_CLIP_NORM,
            validation_data=self._stream(parts[1], lanes) if parts[1] else None,
            early_stopping=self.early_stopping,
            shuffle=not stream.split,
            progress=None if self.verbose else False,
        )
        how = f"{stream.lanes} lanes" + (", into which it was cut" if stream.split else "")
        self.notes_.append(
            f"{number:,} symbols were trained on in chunks of {self.chunk}, {how}; the state was "
            "carried from chunk to chunk."
        )
        if self.model_.symbols.vocabulary.rare:
            self.notes_.append(
                f"{len(self.model_.symbols.vocabulary.rare):,} {self.unit} that occur once, or are "
                "too rare, are read as one unknown symbol, and never written."
            )
        if self.history_.interrupted:
            self.notes_.append("Training was interrupted; the best weights so far were kept.")

    def _stream(self, texts: list[Array], lanes: int) -> Stream:
        """Few texts are cut, so that all lanes are busy."""
        return Stream(texts, chunk=self.chunk, lanes=lanes, split=len(texts) < 4 * lanes)

    def _score(self, parts: list[list[Array]], characters: int) -> None:
        train, watched, scored = parts
        self.held_out_, self.rivals_, self.scores_ = scored, {}, None
        if not scored:
            return
        size = self.model_.symbols.size
        counted = [text[-_MOST_COUNTED:] for text in train]
        watched = [text[:_MOST_COUNTED] for text in watched]
        chosen = best_ngrams(counted, watched, size, _ORDERS)
        self.rivals_ = {
            f"{chosen.order}-gram": chosen,
            "unigram": NGrams(1, size).fit(counted),
        }
        table = {"network": self._measures(self.model_, scored, characters)}
        for name, one in self.rivals_.items():
            table[name] = self._measures(one, scored, characters)
        self.scores_ = {
            "table": table,
            "watched": {
                name: self._measures(one, watched, 0)["nats"] / math.log(2.0)
                for name, one in self.rivals_.items()
            },
            "symbols": sum(len(text) - 1 for text in scored),
            "characters": characters,
        }
        self.notes_.append(
            f"The last {self.held_out:.0%} of the text were held out: half watched the training "
            "and chose the order of the n-grams (interpolated Kneser-Ney), half were scored."
        )

    @staticmethod
    def _measures(model: Any, texts: list[Array], characters: int) -> dict[str, float]:
        known = model.log_likelihood if isinstance(model, SymbolModel) else model.log_probabilities
        return measures(np.concatenate([known(text) for text in texts]), characters)

    # ------------------------------------------------------------------------------ the rest

    def _check_options(self) -> None:
        one_of("unit", self.unit, SYMBOL_UNITS)
        one_of("cell", self.cell, CELLS)
        one_of("unseen", self.unseen, ("error", "unknown"))
        one_of("backend", self.backend, ("auto", "native", "reference"))
        for name in ("hidden_size", "lanes", "epochs"):
            if getattr(self, name) is not None:
                whole(name, getattr(self, name))
        if self.embedding_size is not None:
            whole("embedding_size", self.embedding_size, 0)
        one_of("tied", self.tied, (True, False))
        if self.early_stopping is not None:
            whole("early_stopping", self.early_stopping, 0)
        for name in ("num_layers", "vocabulary_size", "chunk"):
            whole(name, getattr(self, name))
        whole("seed", self.seed, 0)
        real("dropout", self.dropout, 0.0, 1.0, open_above=True)
        check_inner_options(self)
        real("held_out", self.held_out, 0.0, 0.5)
        real("learning_rate", self.learning_rate, 0.0, open_below=True)
        real("weight_decay", self.weight_decay, 0.0)

    def _load_model(self, record: Mapping[str, Any], tensors: Mapping[str, Array]) -> SymbolModel:
        return SymbolModel.from_saved(record, tensors, self.backend)

    def _state(self) -> dict[str, Any]:
        return {}

    def _set_state(self, record: dict[str, Any]) -> None:
        self.held_out_, self.rivals_ = [], {}
