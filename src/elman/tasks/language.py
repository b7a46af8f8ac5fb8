"""The language model: what comes next in a text, one symbol at a time."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, ClassVar, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from elman.checks import one_of, real, whole
from elman.data.corpus import Corpus, cut
from elman.data.streams import Stream
from elman.data.symbols import SYMBOL_UNITS, Symbols, Writer
from elman.errors import InputError
from elman.evaluate.ngrams import NGrams, best_ngrams
from elman.network import Network
from elman.optimizers import AdamW
from elman.tasks.estimator import SavedEstimator
from elman.tasks.language_model import Choice, Reading, SymbolModel, build, opening_of
from elman.tasks.pooled import CELLS

__all__ = ["LanguageModel"]

Array: TypeAlias = NDArray[Any]
_Self = TypeVar("_Self", bound="LanguageModel")

_UPDATES = 1800
_ORDERS = (2, 3, 4, 5, 6, 8)
_MOST_COUNTED = 3_000_000
_CLIP_NORM = 1.0


class LanguageModel(SavedEstimator):
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
            number of symbols.
        vocabulary_size: How many different characters or words are told apart, the most frequent
            ones. Others, and those that occur once, are read as one unknown symbol.
        unseen: Characters or words that fit has not seen: ``"error"``, or ``"unknown"``.
        dropout: Probability of dropping a unit before the output, and between layers.
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
        verbose: Whether a progress bar is shown.
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

    model_: SymbolModel

    def __init__(
        self,
        unit: str = "characters",
        cell: str = "lstm",
        hidden_size: int | None = None,
        num_layers: int = 1,
        embedding_size: int | None = None,
        vocabulary_size: int = 20_000,
        unseen: str = "error",
        dropout: float = 0.0,
        chunk: int = 64,
        lanes: int | None = None,
        epochs: int | None = None,
        learning_rate: float = 0.005,
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
        self.vocabulary_size = vocabulary_size
        self.unseen = unseen
        self.dropout = dropout
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
                f"{corpus.characters} characters"
            )
        texts, places = corpus.encode(symbols, marks)
        self.notes_ = []
        parts = self._parts(texts, places)
        read = time.perf_counter()
        opening = np.array([symbols.edge])
        if corpus.single:
            opening = opening_of(symbols, parts[0][0])
        network = self._network(symbols, parts[0])
        self.model_ = SymbolModel(symbols, network, opening, not corpus.single)
        self._train(parts)
        trained = time.perf_counter()
        self._score(parts, corpus.characters - marks[1])
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
        marks = [
            round(corpus.characters * (1.0 - self.held_out * part)) for part in (1.0, 0.5, 0.0)
        ]
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
        ends = [places[0], places[1], sum(len(text) - 1 for text in texts)]
        parts = [cut(texts, a, b) for a, b in zip([0, *ends], ends, strict=False)]
        if self.held_out and not (parts[0] and parts[1] and parts[2]):
            raise InputError(
                f"held_out: expected a share that leaves symbols in every part, got "
                f"{self.held_out:g} of {ends[2]} symbols; 0 holds none out"
            )
        return parts

    def _network(self, symbols: Symbols, texts: list[Array]) -> Network:
        number = sum(len(text) for text in texts)
        sizes = ((30_000, 64), (300_000, 128), (3_000_000, 256))
        hidden = next((size for most, size in sizes if number < most), 512)
        vectors = next((size for most, size in ((40, 16), (300, 32)) if symbols.size < most), 128)
        layers = build(
            symbols.size,
            self.embedding_size or vectors,
            self.cell,
            self.hidden_size or hidden,
            self.num_layers,
            self.dropout,
        )
        return Network(layers, seed=self.seed, backend=self.backend)

    def _train(self, parts: list[list[Array]]) -> None:
        number = sum(len(text) - 1 for text in parts[0])
        lanes = self.lanes or (16 if number < 300_000 else 32 if number < 1_000_000 else 64)
        lanes = max(1, min(lanes, number // self.chunk))
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
            progress=self.verbose,
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

    # ------------------------------------------------------------------------- what it thinks

    def log_likelihood(self, text: str) -> Array:
        """The natural logarithm of the probability of each symbol of a text, ``(T,)``.

        Args:
            text: Read from its beginning, a symbol at a time. Where training met one text alone,
                the end of that is read before.

        Raises:
            InputError: If it is no text, or holds what training has not seen.
            NotFittedError: Before :meth:`fit`.
        """
        numbers = self._numbers(text)
        opening = self.model_.opening
        logs = self.model_.log_likelihood(np.concatenate([opening, numbers]))
        return logs[len(opening) - 1 :]

    def score(self, X: str, y: Any = None) -> float:
        """The mean of :meth:`log_likelihood`, in nats a symbol: the higher, the less surprised.

        Args:
            X: A text of at least one symbol.
            y: Ignored; there for scikit-learn.

        Raises:
            InputError: As :meth:`log_likelihood`, or if the text is empty.
        """
        return -self.evaluate(X)["nats"]

    def evaluate(self, text: str) -> dict[str, float]:
        """All measures on a text.

        Args:
            text: At least one symbol.

        Returns:
            ``"bits_per_character"``, ``"perplexity"`` (of a symbol) and ``"nats"`` (a symbol).

        Raises:
            InputError: As :meth:`log_likelihood`, or if the text is empty.
        """
        logs = self.log_likelihood(text)
        if not len(logs):
            raise InputError("text: expected at least one symbol, got none")
        return measures(logs, len(text))

    def symbols(self, text: str) -> list[str]:
        """The symbols of a text as a reader is shown them, one for each of its log likelihoods.

        Args:
            text: The text.

        Raises:
            InputError: As :meth:`log_likelihood`.
        """
        numbers = self._numbers(text)
        return [self.model_.symbols.shown(int(one)) for one in numbers]

    def next_symbols(
        self, prompt: str = "", k: int = 5, *, state: Reading | None = None
    ) -> list[tuple[str, float]]:
        """The ``k`` symbols most likely to be next, with their probabilities.

        Args:
            prompt: What was read before.
            k: How many.
            state: Where to read on from, see :meth:`read`.

        Raises:
            InputError: As :meth:`read`, or if ``k`` does not fit.
        """
        whole("k", k)
        reading = self.read(prompt, state)
        logits = self.model_.allowed(reading.logits)
        shares = Choice().probabilities(logits)[0]
        order = np.argsort(-shares, kind="stable")[:k]
        return [(self.model_.symbols.shown(int(one)), float(shares[one])) for one in order]

    def read(self, text: str, state: Reading | None = None) -> Reading:
        """The state after a text, from which :meth:`sample` or another :meth:`read` goes on.

        Args:
            text: What is read; may be empty.
            state: What an earlier call returned; ``None`` begins a text.

        Raises:
            InputError: If it is no text, or holds what training has not seen.
            NotFittedError: Before :meth:`fit`.
        """
        if state is not None and not isinstance(state, Reading):
            raise InputError(f"state: expected what read returned, got {type(state).__name__}")
        numbers = self._numbers(text)
        return self.model_.read(numbers, state)

    # ------------------------------------------------------------------------ what it writes

    def sample(
        self,
        prompt: str = "",
        length: int = 200,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        count: int | None = None,
        state: Reading | None = None,
    ) -> Any:
        """Text that goes on from the prompt, drawn symbol by symbol.

        Args:
            prompt: What was written before; it is not repeated in the answer. Empty: a text begins;
                where training met one text alone, it goes on from a line of that.
            length: Symbols to write; fewer if a text ends, where training met ends of texts.
            temperature: Below 1 likelier symbols are drawn even more often; 0 draws the likeliest.
            top_k: Only the ``k`` likeliest symbols are drawn.
            top_p: Only the fewest symbols that together are at least this likely.
            seed: Of the drawing; default: that of the model.
            count: How many to write side by side, each drawn by itself; ``None`` for one.
            state: Where to go on from, see :meth:`read`.

        Returns:
            A text; a list of ``count`` texts if that is given.

        Raises:
            InputError: If an argument does not fit.
            NotFittedError: Before :meth:`fit`.
        """
        rows = 1 if count is None else whole("count", count)
        choice, reading, spaced = self._prepare(prompt, length, temperature, top_k, top_p, state)
        generator = self._generator(seed)
        written = self.model_.write(reading.repeated(rows), choice, generator)
        drawn = np.empty((length, rows), np.int64)
        ended, edge = np.zeros(rows, bool), self.model_.symbols.edge
        for step in range(length):
            numbers, _ = next(written)
            ended |= numbers == edge
            drawn[step] = np.where(ended, edge, numbers)
            if ended.all():
                drawn[step:] = edge
                break
        texts = [self.model_.symbols.decode(column) for column in drawn.T]
        texts = [text.removeprefix(" ") for text in texts] if spaced else texts
        return texts[0] if count is None else texts

    def stream(
        self,
        prompt: str = "",
        length: int | None = None,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        state: Reading | None = None,
    ) -> Iterator[str]:
        """The same as :meth:`sample`, handed out symbol by symbol as it is written.

        Args:
            prompt: As in :meth:`sample`.
            length: Symbols to write; ``None``: until a text ends, or for ever.
            temperature: As in :meth:`sample`.
            top_k: As in :meth:`sample`.
            top_p: As in :meth:`sample`.
            seed: As in :meth:`sample`.
            state: As in :meth:`sample`.

        Returns:
            An iterator of pieces of text. Arguments are checked before it is returned.

        Raises:
            InputError: If an argument does not fit.
            NotFittedError: Before :meth:`fit`.
        """
        choice, reading, spaced = self._prepare(prompt, length, temperature, top_k, top_p, state)
        written = self.model_.write(reading, choice, self._generator(seed))
        return self._pieces(written, length, spaced)

    def _pieces(self, written: Iterator[Any], length: int | None, spaced: bool) -> Iterator[str]:
        symbols = self.model_.symbols
        writer = Writer(symbols)
        for numbers, _ in islice(written, length):
            if numbers[0] == symbols.edge:
                break
            text = writer.text(int(numbers[0]))
            text, spaced = text.removeprefix(" ") if spaced else text, False
            if text:
                yield text
        rest = writer.rest()
        if rest:
            yield rest

    def _prepare(
        self,
        prompt: str,
        length: int | None,
        temperature: float,
        top_k: int | None,
        top_p: float | None,
        state: Reading | None,
    ) -> tuple[Choice, Reading, bool]:
        """How symbols are drawn, where it goes on, and whether the prompt has a word's space."""
        choice = self.check_drawing(length, temperature, top_k, top_p)
        spaced = self.unit == "words" and str(prompt).endswith(" ")
        return choice, self.read(prompt[:-1] if spaced else prompt, state), spaced

    @staticmethod
    def check_drawing(
        length: int | None, temperature: float, top_k: int | None, top_p: float | None
    ) -> Choice:
        """How symbols are drawn; the arguments of :meth:`sample`, checked.

        Args:
            length: As there.
            temperature: As there.
            top_k: As there.
            top_p: As there.

        Raises:
            InputError: If one does not fit.
        """
        if length is not None:
            whole("length", length)
        if top_k is not None:
            whole("top_k", top_k)
        if top_p is not None:
            real("top_p", top_p, 0.0, 1.0, open_below=True)
        return Choice(real("temperature", temperature, 0.0), top_k, top_p)

    def _generator(self, seed: int | None) -> np.random.Generator:
        return np.random.default_rng(self.seed if seed is None else whole("seed", seed, 0))

    # ------------------------------------------------------------------------------ the rest

    def checked(self, text: Any) -> str:
        """A text that the model can read.

        Args:
            text: What may be none.

        Raises:
            InputError: If it is no text, or holds what training has not seen.
            NotFittedError: Before :meth:`fit`.
        """
        self._require_fitted()
        if self.unseen == "error" or not isinstance(text, str):
            self.model_.symbols.check("text", text)
        return str(text)

    def _numbers(self, text: Any) -> Array:
        text = self.checked(text)
        return self.model_.symbols.encode(text)

    def _check_options(self) -> None:
        one_of("unit", self.unit, SYMBOL_UNITS)
        one_of("cell", self.cell, CELLS)
        one_of("unseen", self.unseen, ("error", "unknown"))
        one_of("backend", self.backend, ("auto", "native", "reference"))
        for name in ("hidden_size", "embedding_size", "lanes", "epochs"):
            if getattr(self, name) is not None:
                whole(name, getattr(self, name))
        if self.early_stopping is not None:
            whole("early_stopping", self.early_stopping, 0)
        for name in ("num_layers", "vocabulary_size", "chunk"):
            whole(name, getattr(self, name))
        whole("seed", self.seed, 0)
        real("dropout", self.dropout, 0.0, 1.0, open_above=True)
        real("held_out", self.held_out, 0.0, 0.5)
        real("learning_rate", self.learning_rate, 0.0, open_below=True)
        real("weight_decay", self.weight_decay, 0.0)

    def _load_model(self, record: Mapping[str, Any], tensors: Mapping[str, Array]) -> SymbolModel:
        return SymbolModel.from_saved(record, tensors, self.backend)

    def _state(self) -> dict[str, Any]:
        return {}

    def _set_state(self, record: dict[str, Any]) -> None:
        self.held_out_, self.rivals_ = [], {}


def measures(logs: Array, characters: int) -> dict[str, float]:
    """What the log likelihoods of symbols, natural logarithms, come to.

    Args:
        logs: One for each symbol.
        characters: Of the text that they are symbols of.
    """
    nats = -float(logs.mean())
    return {
        "bits_per_character": -float(logs.sum()) / math.log(2.0) / max(characters, 1),
        "perplexity": math.exp(min(nats, 700.0)),
        "nats": nats,
    }
