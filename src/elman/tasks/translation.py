"""The translator: sequences of tokens to sequences of other lengths."""

from __future__ import annotations

import time as clock
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from elman.checks import real, whole
from elman.counting import counted
from elman.crossing import TaskCrossing
from elman.data.pairs import Tokens, as_token_rows, join_tokens
from elman.errors import InputError
from elman.evaluate.translation import can_score_text, text_measures
from elman.history import History
from elman.tasks.estimator import SavedEstimator
from elman.tasks.translation_model import TranslationModel
from elman.tasks.translation_options import check_options, shape_of, training_of
from elman.tasks.translation_rows import Pairs, as_pairs, check_unit, hold_out, refuse_unseen
from elman.tasks.translation_scores import held_out_scores, measures
from elman.tasks.translation_search import Hypothesis

__all__ = ["Translation", "Translator"]

Array: TypeAlias = NDArray[Any]
_Self = TypeVar("_Self", bound="Translator")

_RARE_WORD = 2


@dataclass(frozen=True)
class Translation:
    """One answer of :meth:`Translator.translate`.

    Attributes:
        output: A text, or a list of tokens if targets were lists.
        log_probability: Natural logarithm of its probability given the source, exact.
        score: That over the length penalty: what answers are ranked by.
    """

    output: Any
    log_probability: float
    score: float


class Translator(SavedEstimator, TaskCrossing):
    """Turns sequences of tokens into sequences of other lengths: an encoder, a decoder, attention.

    Sources and targets are texts, read by characters or words, or lists of tokens (texts or whole
    numbers). An answer depends on no other row. Sources that are empty are left out of the
    training, and answered with what the decoder says unasked, with a warning.

    Args:
        cell: ``"lstm"``, ``"gru"``, ``"rnn"``, ``"rnn_relu"`` or ``"gru_reset_before"``, of both
            the encoder and the decoder.
        hidden_size: Units of the decoder, and of each walk of the encoder; default: 64 up to 1000
            pairs, else 128.
        num_layers: How many cells are stacked, in both.
        bidirectional: Whether the encoder also reads from the end.
        attention: What the decoder reads of the source at each step: ``None`` (its final state
            alone), ``"dot"`` or ``"additive"``, see :mod:`elman.layers.attention`.
        unit: What a token of a text is: ``"characters"`` or ``"words"``. Words are read in lower
            case; of those that occur once, sources read one unknown word, and targets learn none.
        embedding_size: Channels of a token's learned vector.
        reverse_source: Whether sources are read from their end, as Sutskever et al. (2014) do.
        unseen: Tokens of sources that fit has not seen: ``"error"``, or ``"unknown"`` to read them
            all as one.
        dropout: Probability of dropping a channel of an embedding, between levels, and before the
            answer.
        recurrent_dropout: Probability of hiding a unit of the state from the recurrent weights,
            at all steps of a sequence alike.
        zoneout: Probability with which a unit keeps its value of the step before.
        layer_norm: Whether the products inside the cell are normalised.
        label_smoothing: Share of each target spread over all tokens, in [0, 1).
        scheduled_sampling: Probability, in the last epoch, with which the decoder reads its own
            answer in place of the true token; it grows from 0 in the first epoch in a line
            (Bengio et al. 2015, section 2.4). Two passes a step, see
            :mod:`elman.tasks.translation_network`.
        epochs: Most passes over the pairs; default: what comes to 3000 updates, 10 to 100.
        batch_size: Pairs of a batch, of like lengths; default: 32 up to 1000 pairs, 64 up to
            10000, else 128.
        learning_rate: Of AdamW at its highest, climbing for an epoch and falling along a cosine.
        weight_decay: Of AdamW.
        patience: Epochs without a lower held-out loss after which training ends; ``None``: never.
        held_out: Share of the sources held out, up to 0.5 (at most 4000 pairs): half of them watch
            the training and pick its best epoch, half are scored. 0: none.
        beam: Hypotheses of the search that answers: 1 is greedy search.
        length_penalty: Exponent of the length penalty of a beam search, see
            :mod:`elman.tasks.translation_search`.
        max_length: Most tokens of an answer; default: one and a half times the longest target in
            training, and 5 more.
        seed: Of all randomness: same seed, same bits.
        verbose: Whether a progress bar is shown.
        backend: ``"auto"``, ``"native"`` or ``"reference"``.

    Attributes:
        model_: The network and its lexicons, a
            :class:`~elman.tasks.translation_model.TranslationModel`.
        scores_: Measures on the held-out pairs beside baselines, or ``None``.
        history_: The record of the training.
        notes_: What was done or should be known, in words.
        seconds_: Wall-clock time of the parts of :meth:`fit`.

    Raises:
        InputError: From :meth:`fit`, for an argument or data that do not fit.

    Sources: I. Sutskever, O. Vinyals and Q. V. Le, NIPS 2014; D. Bahdanau, K. Cho and Y. Bengio,
    ICLR 2015; M.-T. Luong, H. Pham and C. D. Manning, EMNLP 2015; S. Bengio et al., NIPS 2015.

    Example:
        >>> translator = elman.Translator(seed=0).fit(questions, answers)
        >>> translator.predict(["12+305"])
        >>> translator.translate(["12+305"], beam=5, n_best=3)
    """

    _kind = "translator"

    def __init__(
        self,
        cell: str = "lstm",
        hidden_size: int | None = None,
        num_layers: int = 1,
        bidirectional: bool = True,
        attention: str | None = "dot",
        unit: str = "characters",
        embedding_size: int = 64,
        reverse_source: bool = False,
        unseen: str = "error",
        dropout: float = 0.1,
        recurrent_dropout: float = 0.0,
        zoneout: float = 0.0,
        layer_norm: bool = False,
        label_smoothing: float = 0.0,
        scheduled_sampling: float = 0.0,
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float = 0.004,
        weight_decay: float = 0.0,
        patience: int | None = 10,
        held_out: float = 0.2,
        beam: int = 1,
        length_penalty: float = 0.6,
        max_length: int | None = None,
        seed: int = 0,
        verbose: bool = False,
        backend: str = "auto",
    ) -> None:
        self.cell = cell
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bidirectional = bidirectional
        self.attention = attention
        self.unit = unit
        self.embedding_size = embedding_size
        self.reverse_source = reverse_source
        self.unseen = unseen
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.zoneout = zoneout
        self.layer_norm = layer_norm
        self.label_smoothing = label_smoothing
        self.scheduled_sampling = scheduled_sampling
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.patience = patience
        self.held_out = held_out
        self.beam = beam
        self.length_penalty = length_penalty
        self.max_length = max_length
        self.seed = seed
        self.verbose = verbose
        self.backend = backend

    # -------------------------------------------------------------------------------- fitting

    def fit(self: _Self, X: Any, y: Any) -> _Self:
        """Trains on sources and their targets, and scores on those held out.

        Args:
            X: Sources: texts, or lists of tokens, ``N``.
            y: Targets: texts, or lists of tokens, ``N``.

        Returns:
            The translator itself.

        Raises:
            InputError: If an argument or the data do not fit; nothing was trained then.
            TrainingError: If training does not converge to finite numbers.
        """
        started = clock.perf_counter()
        check_options(self.get_params())
        notes: list[str] = []
        pairs, self.units_ = as_pairs(X, y, self.unit)
        if not len(pairs):
            raise InputError("X: expected at least one pair to learn from, got none")
        pairs = self._readable(pairs, notes)
        train, watch, judge = hold_out(pairs, self.held_out, self.seed)
        begun = clock.perf_counter()
        model, history = self._train(pairs, train, watch)
        self.seconds_ = {"training": clock.perf_counter() - begun}
        self.model_, self.history_, self.notes_ = model, history, notes
        self.scores_: dict[str, Any] | None = None
        self.held_out_: dict[str, Any] | None = None
        if history.interrupted:
            notes.append("Training was interrupted; the weights are the best until then.")
        if len(judge):
            begun = clock.perf_counter()
            self._judge(pairs.select(judge), pairs.select(train))
            self.seconds_["scores"] = clock.perf_counter() - begun
        elif self.held_out:
            self._warn(
                f"{counted(len(pairs), 'pair is', 'pairs are')} too few to hold some out: there "
                "are no scores"
            )
        self.seconds_["total"] = clock.perf_counter() - started
        return self

    def _readable(self, pairs: Pairs, notes: list[str]) -> Pairs:
        """Without the pairs whose source is empty."""
        full = np.array([len(source) > 0 for source in pairs.sources])
        if not full.any():
            raise InputError("X: expected sources to learn from, every one is empty")
        if not full.all():
            text = f"{int((~full).sum())} of {len(full)} sources are empty and were left out"
            self._warn(text)
            notes.append(f"{text}.")
            pairs = pairs.select(np.flatnonzero(full))
        if not any(pairs.targets):
            raise InputError("y: expected targets to learn, every one is empty")
        return pairs

    def _train(self, pairs: Pairs, train: Array, watch: Array) -> tuple[TranslationModel, History]:
        parameters = self.get_params()
        training = training_of(parameters, len(train))
        self.chosen_ = {"batch_size": training.batch_size}
        fewest = [_RARE_WORD if unit == "words" else 1 for unit in self.units_]
        return TranslationModel.train(
            pairs.select(train),
            pairs.select(watch) if len(watch) else None,
            shape=shape_of(parameters, len(train)),
            fewest=(fewest[0], fewest[1]),
            reverse=self.reverse_source,
            training=training,
            seed=np.random.SeedSequence(self.seed).spawn(2)[0],
            backend=self.backend,
            progress=None if self.verbose else False,
        )

    def _judge(self, judged: Pairs, seen: Pairs) -> None:
        """Scores on pairs that had no part in the training, beside baselines learnt of ``seen``."""
        answers = self._search(judged.sources, self.beam)
        best = [self.model_.target.decode(one[0].numbers) for one in answers]
        text = can_score_text()
        if not text:
            self.notes_.append(
                'BLEU and chrF were left out: they need sacrebleu (pip install "elman[translate]").'
            )
        unit = self.units_[1]
        self.scores_ = held_out_scores(self.model_, best, judged, seen, unit, text)
        self.held_out_ = {
            "pairs": judged,
            "answers": best,
            "log_probabilities": [one[0].log_probability for one in answers],
        }

    # ----------------------------------------------------------------------------- answering

    def translate(
        self,
        X: Any,
        *,
        beam: int | None = None,
        n_best: int = 1,
        length_penalty: float | None = None,
        max_length: int | None = None,
    ) -> list[list[Translation]]:
        """The best answers to each source, best first.

        Args:
            X: Sources, as in :meth:`fit`.
            beam: Hypotheses of the search, 1 for greedy search; default: that of the translator,
                or ``n_best`` if that is more.
            n_best: Answers to each source, at most ``beam``. There may be fewer, where there are
                not so many.
            length_penalty: Exponent of the penalty; default: that of the translator.
            max_length: Most tokens of an answer; default: that of the translator.

        Returns:
            For each source a list of :class:`Translation`.

        Raises:
            InputError: If an argument does not fit, or a source holds what training has not seen.
            NotFittedError: Before :meth:`fit`.
        """
        self._require_fitted()
        n_best = whole("n_best", n_best)
        beam = max(self.beam, n_best) if beam is None else whole("beam", beam)
        if n_best > beam:
            raise InputError(f"n_best: expected at most beam={beam}, got {n_best}")
        found = self._search(self._sources(X), beam, length_penalty, max_length)
        decode, unit = self.model_.target.decode, self.units_[1]
        return [
            [
                Translation(join_tokens(decode(h.numbers), unit), h.log_probability, h.score)
                for h in hypotheses[:n_best]
            ]
            for hypotheses in found
        ]

    def predict(self, X: Any) -> list[Any]:
        """The best answer to each source: texts, or lists of tokens if targets were lists.

        Args:
            X: Sources, as in :meth:`fit`.

        Raises:
            InputError: As :meth:`translate`.
            NotFittedError: Before :meth:`fit`.
        """
        return [answers[0].output for answers in self.translate(X)]

    def log_probabilities(self, X: Any, y: Any) -> Array:
        """The natural logarithm of the probability of each target given its source, ``(N,)``.

        Args:
            X: Sources, as in :meth:`fit`.
            y: Targets; tokens that training has not seen count as one unknown token.

        Raises:
            InputError: As :meth:`translate`, or if ``y`` does not fit.
            NotFittedError: Before :meth:`fit`.
        """
        found: Array = self.model_.log_probabilities(self._known_pairs(X, y))
        return found

    def attention_maps(self, X: Any, y: Any = None) -> list[Array]:
        """What each token of a target read of its source.

        Args:
            X: Sources, as in :meth:`fit`.
            y: Targets; default: what :meth:`predict` answers.

        Returns:
            For each pair ``(T_i + 1, S_i)``: a row for each token of the target, and one for its
            end; each row sums to 1.

        Raises:
            InputError: As :meth:`translate`, or if there is no attention.
            NotFittedError: Before :meth:`fit`.
        """
        self._require_fitted()
        if self.attention is None:
            raise InputError("attention_maps: this translator was fitted with attention=None")
        pairs = self._known_pairs(X, self.predict(X) if y is None else y)
        found: list[Array] = self.model_.attention(pairs)
        return found

    def score(self, X: Any, y: Any) -> float:
        """The share of sources that are answered exactly right.

        Args:
            X: Sources, as in :meth:`fit`.
            y: Their true targets.

        Raises:
            InputError: As :meth:`evaluate`.
        """
        return float(self.evaluate(X, y, bleu=False)["exact_match"])

    def evaluate(self, X: Any, y: Any, *, bleu: bool | None = None) -> dict[str, Any]:
        """All measures on sources whose targets are known.

        Args:
            X: Sources, as in :meth:`fit`.
            y: Their true targets.
            bleu: Whether BLEU and chrF are measured too, by sacrebleu; default: if it is installed.

        Returns:
            See :func:`elman.evaluate.translation.token_measures` and
            :func:`~elman.evaluate.translation.text_measures` (``None`` where they were left out).

        Raises:
            InputError: As :meth:`translate`; if there is nothing to evaluate on; or if ``bleu`` is
                asked for and sacrebleu is not installed.
            NotFittedError: Before :meth:`fit`.
        """
        pairs = self._known_pairs(X, y)
        if not len(pairs):
            raise InputError("X: expected at least one source to evaluate on, got none")
        wanted = can_score_text() if bleu is None else bool(bleu)
        if wanted:
            text_measures([""], [""], self.units_[1])  # refuses before the search, not after
        found = self._search(pairs.sources, self.beam)
        answers = [self.model_.target.decode(one[0].numbers) for one in found]
        return measures(answers, pairs.targets, self.units_[1], wanted)

    @property
    def most_tokens(self) -> int:
        """Most tokens of an answer: ``max_length``, or what the targets of :meth:`fit` suggest."""
        if self.max_length is not None:
            return int(self.max_length)
        return int(self.model_.longest) * 3 // 2 + 5

    def _search(
        self,
        sources: Sequence[Tokens],
        beam: int,
        length_penalty: float | None = None,
        max_length: int | None = None,
    ) -> list[list[Hypothesis]]:
        longest = self.most_tokens if max_length is None else max_length
        power = self.length_penalty if length_penalty is None else length_penalty
        power = real("length_penalty", power, 0.0)
        longest = whole("max_length", longest)
        found: list[list[Hypothesis]] = self.model_.search(sources, beam, longest, power)
        return found

    def _sources(self, X: Any) -> list[Tokens]:
        """The sources to answer, checked."""
        self._require_fitted()
        rows, unit = as_token_rows("X", X, self.unit)
        check_unit("X", rows, unit, self.units_[0])
        if self.unseen == "error":
            refuse_unseen(rows, self.model_.source, unit)
        empty = sum(not row for row in rows)
        if empty:
            self._warn(
                f"{empty} of {len(rows)} sources are empty; they are answered with what the "
                "decoder says unasked"
            )
        return rows

    def _known_pairs(self, X: Any, y: Any) -> Pairs:
        sources = self._sources(X)
        pairs, units = as_pairs(X, y, self.unit)
        check_unit("y", pairs.targets, units[1], self.units_[1])
        return Pairs(sources, pairs.targets)

    # --------------------------------------------------------------------- saving, arguments

    def _load_model(
        self, record: Mapping[str, Any], tensors: Mapping[str, Array]
    ) -> TranslationModel:
        return TranslationModel.from_saved(record, tensors, self.backend)

    def _state(self) -> dict[str, Any]:
        return {"units": list(self.units_)}

    def _set_state(self, record: dict[str, Any]) -> None:
        source, target = record["units"]
        self.units_ = (str(source), str(target))
        self.held_out_ = None
