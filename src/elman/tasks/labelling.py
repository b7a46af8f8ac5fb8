"""The labeller: a label for every step of a sequence."""

from __future__ import annotations

import math
import time as clock
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from elman.checks import one_of, real, whole
from elman.counting import counted
from elman.crossing import TaskCrossing
from elman.data.tokens import Sentences, Steps, as_step_labels, as_steps, lengths_of
from elman.data.words import WordEncoder
from elman.errors import InputError
from elman.evaluate.labels import label_measures, scheme_of
from elman.tasks.cells import CELLS, check_inner_options, inner_options
from elman.tasks.estimator import SavedEstimator
from elman.tasks.labelling_model import Answer, LabelModel
from elman.tasks.labelling_network import LabellingShape
from elman.tasks.labelling_parts import Labels, Part, Split, beside, labels_of, readable, split
from elman.tasks.labelling_scores import judge, numbers_of
from elman.tasks.many_to_one import few_note
from elman.tasks.pooled import Training

__all__ = ["SequenceLabeller"]

Array: TypeAlias = NDArray[Any]
_Self = TypeVar("_Self", bound="SequenceLabeller")

_UPDATES = 1000
_FEW_TO_JUDGE = 100
_MOST_TO_REFIT = 5000


class SequenceLabeller(SavedEstimator, TaskCrossing):
    """Gives every step of a sequence a label: a part of speech to each word, a state to a signal.

    Sequences are lists of tokens (texts), or numbers: an array ``(N, T, C)`` or ``(N, T)``, with
    ``lengths`` where they are unequal, or a list of arrays ``(T_i, C)``; NaN is a missing value.
    Labels are a list for each sequence, one a step. Labels that mark out spans (``B-place``,
    ``I-place``, ``O``) are scored as spans too.

    A word is read by its own vector and by what a recurrent network makes of its characters, so
    that words which training has not met are no loss. Sequences without a step are answered with
    an empty list, and a warning. An answer depends on no other sequence.

    Args:
        cell: ``"gru"``, ``"lstm"``, ``"rnn"``, ``"rnn_relu"`` or ``"gru_reset_before"``.
        hidden_size: Units, each way; default: 32 to 96, by the number of sequences.
        num_layers: How many cells are stacked.
        bidirectional: Whether sequences are also read from their end.
        crf: Whether labels are chosen together, by a linear-chain CRF, not each for itself.
        embedding_size: Channels of the learned vector of a word.
        character_size: Units of the character network, each way; 0: words are not spelled.
        shape_size: Channels of a vector for the shape of a word (capitals, digits, punctuation);
            0: none.
        lowercase: Whether the vector of a word is that of its form in lower case; its characters
            are read as they stand.
        min_count: How often a word must occur to have a vector of its own; the others share one.
        unseen: Words that fit has not met: ``"unknown"``, to read them by that shared vector and
            their characters, or ``"error"``.
        unseen_labels: Labels that fit has not met, where answers are scored: ``"error"``, or
            ``"wrong"`` to count them as mistakes.
        dropout: Probability of dropping a unit before the output, and between layers.
        input_dropout: Probability of dropping a channel of a step before the recurrent layers.
        recurrent_dropout: Probability of hiding a unit of the state from the recurrent weights,
            at all steps of a sequence alike.
        zoneout: Probability with which a unit keeps its value of the step before.
        layer_norm: Whether the products inside the cell are normalised.
        word_dropout: How readily rare words are read as unknown in training, ``a``: a word that
            occurs ``n`` times is with probability ``a / (a + n)``.
        epochs: Passes over the sequences; default: what comes to 1000 updates, 8 to 100.
        batch_size: Sequences of a batch, of like length; default: 16 or 32.
        learning_rate: Of AdamW at its highest, falling along a cosine.
        weight_decay: Of AdamW.
        longest: Longer sequences are cut into pieces of at most so many steps to train on;
            answers are always for the whole. ``None``: never.
        held_out: Share of the sequences held out, up to 0.5: half of them watch the training,
            half are scored. 0: none. Of fewer than 40 sequences the last pieces are held out, if
            there are 10 pieces.
        refit: Whether the network is trained again on all sequences once it was scored;
            ``"auto"``: up to 5000 sequences.
        ensemble: How many networks are trained and averaged.
        seed: Of all randomness: same seed, same bits.
        verbose: Whether a progress bar is shown.
        backend: ``"auto"``, ``"native"`` or ``"reference"``.

    Attributes:
        classes_: The labels, sorted.
        scheme_: How labels mark out spans: ``"IOB"``, ``"BIOES"``, or ``None`` if they do not.
        model_: The networks, a :class:`elman.tasks.labelling_model.LabelModel`.
        scores_: Measures on the held-out sequences beside baselines, or ``None``.
        history_: The record of the training.
        notes_: What was done or should be known, in words.
        seconds_: Wall-clock time of the parts of :meth:`fit`.

    Raises:
        InputError: From :meth:`fit`, for an argument or data that do not fit.

    Sources: G. Lample et al., "Neural architectures for named entity recognition", NAACL 2016;
    for the CRF see :mod:`elman.layers.crf`.
    """

    _kind = "labeller"

    def __init__(
        self,
        cell: str = "lstm",
        hidden_size: int | None = None,
        num_layers: int = 1,
        bidirectional: bool = True,
        crf: bool = False,
        embedding_size: int = 64,
        character_size: int = 32,
        shape_size: int = 8,
        lowercase: bool = True,
        min_count: int = 1,
        unseen: str = "unknown",
        unseen_labels: str = "error",
        dropout: float = 0.4,
        input_dropout: float = 0.2,
        recurrent_dropout: float = 0.0,
        zoneout: float = 0.0,
        layer_norm: bool = False,
        word_dropout: float = 0.5,
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float = 0.004,
        weight_decay: float = 0.01,
        longest: int | None = 256,
        held_out: float = 0.2,
        refit: bool | str = "auto",
        ensemble: int = 1,
        seed: int = 0,
        verbose: bool = False,
        backend: str = "auto",
    ) -> None:
        self.cell = cell
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bidirectional = bidirectional
        self.crf = crf
        self.embedding_size = embedding_size
        self.character_size = character_size
        self.shape_size = shape_size
        self.lowercase = lowercase
        self.min_count = min_count
        self.unseen = unseen
        self.unseen_labels = unseen_labels
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.recurrent_dropout = recurrent_dropout
        self.zoneout = zoneout
        self.layer_norm = layer_norm
        self.word_dropout = word_dropout
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.longest = longest
        self.held_out = held_out
        self.refit = refit
        self.ensemble = ensemble
        self.seed = seed
        self.verbose = verbose
        self.backend = backend

    # ------------------------------------------------------------------------------- fitting

    def fit(
        self: _Self,
        X: Any,
        y: Any,
        *,
        lengths: Any = None,
        validation_data: tuple[Any, Any] | None = None,
        test_data: tuple[Any, Any] | None = None,
    ) -> _Self:
        """Trains and scores.

        Args:
            X: Sequences, see the class.
            y: Their labels: for each a list, one a step; texts, whole numbers or booleans.
            lengths: How many steps of each row of an array are live, ``(N,)``.
            validation_data: Sequences and labels that watch the training; default: a part of
                ``X``.
            test_data: Sequences and labels to score on; default: a part of ``X``. With both
                given, all of ``X`` is trained on.

        Returns:
            The labeller itself.

        Raises:
            InputError: If an argument or the data do not fit; nothing was trained then.
            TrainingError: If training does not converge to finite numbers.
        """
        started = clock.perf_counter()
        self._check_options()
        steps = as_steps(X, lengths)
        if not len(steps):
            raise InputError("X: expected at least one sequence, got none")
        part, missing = readable((steps, as_step_labels(y, steps)))
        notes: list[str] = []
        if missing:
            text = f"{missing} of {counted(len(steps), 'sequence')} had no step: left out"
            self._warn(text)
            notes.append(f"{text}.")
        validation = beside("validation_data", validation_data, steps)
        test = beside("test_data", test_data, steps)
        classes, strange = labels_of(part, validation)
        if strange:
            notes.append(
                "Among the labels watched are some that none trained on has, which cannot be "
                f"learned: {', '.join(strange)}."
            )
        self.classes_ = np.array(classes, dtype=object)
        self.scheme_ = scheme_of(classes)
        if test is not None:
            self._check_labels("test_data", test[1])
        seeds = np.random.SeedSequence(self.seed).spawn(3)
        generator = np.random.default_rng(seeds[2])
        given = (validation is not None, test is not None)
        parts = split(part, self.held_out, self.longest, generator, *given)
        if parts.in_time:
            notes.append("What is held out are the ends of the sequences, of which there are few.")
        begun = clock.perf_counter()
        model = self._train(parts.train, validation or parts.watch, seeds[0], None)
        seconds = {"training": clock.perf_counter() - begun}
        self.model_, self.history_ = model, model.histories[0]
        self.scores_: dict[str, Any] | None = None
        self.held_out_: tuple[Steps, Labels, list[Answer]] | None = None
        if parts.judge is not None:
            self._judge(parts.judge, parts.train)
        seen = parts.train
        if self._refits(parts, model):
            seen, begun = parts.everything, clock.perf_counter()
            best = max(history.best_epoch for history in model.histories)
            self.model_ = model = self._train(parts.everything, None, seeds[1], best)
            seconds["training on all sequences"] = clock.perf_counter() - begun
            notes.append(
                "The network was trained again on all sequences, those held out included, for as "
                "many epochs as had served best"
                + ("." if test else "; the scores are those of the one before.")
            )
        if test is not None:
            self._judge(test, seen)
        if self.scores_ is not None and self.scores_["steps"] < _FEW_TO_JUDGE:
            notes.append(few_note(self.scores_["steps"], "steps"))
        if self.scores_ is None and self.held_out:
            self._warn(
                f"{counted(len(steps), 'sequence is', 'sequences are')} too few to hold some out: "
                "there are no scores"
            )
        if any(history.interrupted for history in model.histories):
            notes.append("Training was interrupted; the weights are the best until then.")
        self.notes_ = notes
        self.seconds_ = {**seconds, "total": clock.perf_counter() - started}
        return self

    def _refits(self, parts: Split, model: LabelModel) -> bool:
        """Whether the network is trained again on what was held out too."""
        if parts.watch is None or any(history.interrupted for history in model.histories):
            return False
        few = len(parts.everything[0]) <= _MOST_TO_REFIT
        return few if self.refit == "auto" else bool(self.refit)

    def _train(
        self, part: Part, watched: Part | None, seed: np.random.SeedSequence, epochs: int | None
    ) -> LabelModel:
        (steps, labels), classes = part, self.classes_.tolist()
        return LabelModel.train(
            steps,
            numbers_of(labels, classes),
            None if watched is None else (watched[0], numbers_of(watched[1], classes)),
            shape=self._shape(len(steps), isinstance(steps, Sentences)),
            lowercase=self.lowercase,
            min_count=self.min_count,
            word_dropout=self.word_dropout,
            training=self._training(len(steps), epochs),
            ensemble=self.ensemble,
            seed=seed,
            backend=self.backend,
            progress=None if self.verbose else False,
        )

    def _shape(self, rows: int, words: bool) -> LabellingShape:
        hidden = self.hidden_size
        if hidden is None:
            hidden = 32 if rows < 200 else 64 if rows < 2000 else 96
        return LabellingShape(
            cell=self.cell,
            hidden_size=hidden,
            num_layers=self.num_layers,
            bidirectional=self.bidirectional,
            labels=len(self.classes_),
            crf=self.crf,
            embedding_size=self.embedding_size if words else 0,
            shape_size=self.shape_size if words else 0,
            character_size=self.character_size if words else 0,
            dropout=self.dropout,
            input_dropout=self.input_dropout if words else 0.0,
            **inner_options(self),
        )

    def _training(self, rows: int, epochs: int | None) -> Training:
        batch = self.batch_size or (16 if rows < 1000 else 32)
        self.chosen_ = {"batch_size": batch}
        if epochs is None:
            epochs = self.epochs or min(100, max(8, math.ceil(_UPDATES / math.ceil(rows / batch))))
        return Training(epochs, batch, self.learning_rate, self.weight_decay)

    def _judge(self, part: Part, seen: Part) -> None:
        """Scores on sequences that had no part in the training, beside baselines."""
        answers = self.model_.answers(part[0])
        self.scores_ = judge(part, self._named(answers), seen, self.classes_.tolist())
        self.held_out_ = (*part, answers)

    # ----------------------------------------------------------------------------- predicting

    def predict(self, X: Any, *, lengths: Any = None) -> Labels:
        """The labels of each sequence, one a step; with a CRF the best chain of them.

        Args:
            X: Sequences, as in :meth:`fit`.
            lengths: As in :meth:`fit`.

        Raises:
            InputError: If they do not fit, or hold words that fit has not met and ``unseen`` is
                ``"error"``.
            NotFittedError: Before :meth:`fit`.
        """
        return self._named(self.answers(X, lengths=lengths))

    def predict_proba(self, X: Any, *, lengths: Any = None) -> list[Array]:
        """The probability of each label at each step: ``(T_i, K)``, in the order of ``classes_``.

        With a CRF they are the marginals of the whole chain.

        Arguments and errors are those of :meth:`predict`.
        """
        return [answer.probabilities for answer in self.answers(X, lengths=lengths)]

    def answers(self, X: Any, *, lengths: Any = None) -> list[Answer]:
        """Labels (as numbers in ``classes_``) and probabilities, from one pass.

        Arguments and errors are those of :meth:`predict`.
        """
        self._require_fitted()
        encoder = self.model_.encoder
        words = isinstance(encoder, WordEncoder)
        steps = as_steps(X, lengths, words, None if words else len(encoder.mean))
        if isinstance(steps, Sentences):
            strange = encoder.unseen(steps.tokens) if self.unseen == "error" else []
            if strange:
                named = ", ".join(map(repr, strange[:5])) + (" ..." if len(strange) > 5 else "")
                raise InputError(
                    f"X: expected words seen in fit, got {named}; unseen='unknown' reads them by "
                    "their characters"
                )
        else:
            encoder.check(steps)
            if not encoder.marked and any(np.isnan(one).any() for one in steps.arrays or []):
                self._warn(
                    "values are missing, which fit saw none of; they are read as the mean of "
                    "their channel"
                )
        empty = int((lengths_of(steps) == 0).sum())
        if empty:
            self._warn(f"{empty} of {counted(len(steps), 'sequence')} had no step: no labels there")
        return list(self.model_.answers(steps))

    def score(self, X: Any, y: Any, *, lengths: Any = None) -> float:
        """The accuracy: the share of steps given the right label.

        Args:
            X: Sequences, as in :meth:`fit`.
            y: Their labels.
            lengths: As in :meth:`fit`.

        Raises:
            InputError: As :meth:`evaluate`.
        """
        return float(self.evaluate(X, y, lengths=lengths)["accuracy"])

    def evaluate(self, X: Any, y: Any, *, lengths: Any = None) -> dict[str, Any]:
        """All measures on sequences whose labels are known.

        Args:
            X: Sequences, as in :meth:`fit`.
            y: Their labels.
            lengths: As in :meth:`fit`.

        Returns:
            See :func:`elman.evaluate.labels.label_measures`.

        Raises:
            InputError: As :meth:`predict`, or if there is no step, or a label is not of
                ``classes_`` (unless ``unseen_labels`` is ``"wrong"``).
        """
        self._require_fitted()
        words = isinstance(self.model_.encoder, WordEncoder)
        steps = as_steps(X, lengths, words)
        truth = as_step_labels(y, steps)
        if not any(truth):
            raise InputError("X: expected at least one step to evaluate on, got none")
        self._check_labels("y", truth)
        return label_measures(truth, self.predict(steps))

    def _named(self, answers: Sequence[Answer]) -> Labels:
        return [self.classes_[one.labels].tolist() for one in answers]

    def _check_labels(self, name: str, labels: Sequence[Sequence[Any]]) -> None:
        known = set(self.classes_.tolist())
        strange = {one for row in labels for one in row} - known
        if not strange:
            return
        named = ", ".join(map(repr, sorted(strange, key=str)[:5]))
        text = f"{name}: expected labels seen in fit, got {named}"
        if self.unseen_labels == "error":
            raise InputError(f"{text}, which were not; unseen_labels='wrong' counts them as wrong")
        self._warn(f"{text}; they count as mistakes")

    # -------------------------------------------------------------------- saving and arguments

    def _load_model(self, record: Mapping[str, Any], tensors: Mapping[str, Array]) -> LabelModel:
        return LabelModel.from_saved(record, tensors, self.backend)

    def _state(self) -> dict[str, Any]:
        return {"classes": self.classes_.tolist()}

    def _set_state(self, record: dict[str, Any]) -> None:
        if len(record["classes"]) != self.model_.networks[0].shape.labels:
            raise InputError("path: the saved labeller is damaged: labels and network differ")
        self.classes_ = np.array(record["classes"], dtype=object)
        self.scheme_ = scheme_of(self.classes_.tolist())
        self.held_out_ = None

    def _check_options(self) -> None:
        one_of("cell", self.cell, CELLS)
        one_of("unseen", self.unseen, ("error", "unknown"))
        one_of("unseen_labels", self.unseen_labels, ("error", "wrong"))
        for name in ("bidirectional", "crf", "lowercase"):
            one_of(name, getattr(self, name), (True, False))
        one_of("refit", self.refit, ("auto", True, False))
        one_of("backend", self.backend, ("auto", "native", "reference"))
        for name in ("hidden_size", "epochs", "batch_size", "longest"):
            if getattr(self, name) is not None:
                whole(name, getattr(self, name))
        for name in ("num_layers", "embedding_size", "min_count", "ensemble"):
            whole(name, getattr(self, name))
        for name in ("character_size", "shape_size", "seed"):
            whole(name, getattr(self, name), 0)
        for name in ("dropout", "input_dropout"):
            real(name, getattr(self, name), 0.0, 1.0, open_above=True)
        check_inner_options(self)
        real("word_dropout", self.word_dropout, 0.0)
        real("held_out", self.held_out, 0.0, 0.5)
        real("learning_rate", self.learning_rate, 0.0, open_below=True)
        real("weight_decay", self.weight_decay, 0.0)
