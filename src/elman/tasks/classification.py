"""The classifier: one class, with its probability, for each sequence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from elman.checks import one_of, real, whole
from elman.data.rows import Rows
from elman.errors import InputError
from elman.evaluate.classes import (
    adjusted,
    classification_measures,
    confusion_matrix,
    fit_temperature,
    log_probabilities,
    reliability,
    softmax,
)
from elman.evaluate.rivals import class_rivals, clearly_less
from elman.losses import CrossEntropy, Loss
from elman.tasks.class_labels import as_labels, numbers_of, weights_of
from elman.tasks.many_to_one import ManyToOne, plain_classes
from elman.tasks.pooled import PooledModel

__all__ = ["SequenceClassifier"]

Array: TypeAlias = NDArray[Any]
_Self = TypeVar("_Self", bound="SequenceClassifier")


class SequenceClassifier(ManyToOne):
    """Assigns each sequence, of numbers or of text, to a class, with calibrated probabilities.

    Sequences are an array ``(N, T, C)``, or ``(N, T)`` of one channel, with ``lengths`` or a
    ``mask`` where they are unequal; a list of arrays ``(T_i, C)``; or texts. NaN is a missing
    value: the network is told where. Rows that are empty or fully missing are answered with the
    prior, and a warning. An answer depends on no other row.

    Args:
        cell: ``"gru"``, ``"lstm"``, ``"rnn"``, ``"rnn_relu"`` or ``"gru_reset_before"``.
        hidden_size: Units; default: 32 to 128, by the number of rows.
        num_layers: How many cells are stacked.
        bidirectional: Whether sequences are also read from their end.
        pooling: What is made of the steps: ``"last"`` (where each walk ends), ``"mean"``,
            ``"max"`` or ``"attention"``.
        unit: What a step of a text is: ``"characters"`` or ``"words"``.
        lowercase: Whether capital characters are read as small letters; words always are.
        embedding_size: Channels of the learned vector of a character or word.
        unseen: Characters or words that fit has not seen: ``"error"``, or ``"unknown"`` to read
            them all as one, which is learnt from those that occur once; default: ``"unknown"``
            for words, ``"error"`` for characters.
        dropout: Probability of dropping a unit before the output, and between layers; default:
            0.5 for texts, 0.2 for numbers.
        input_dropout: Probability of dropping an input channel, or one of a learned vector;
            default: 0.4 for texts, whose tokens are soon known by heart, 0 for numbers.
        recurrent_dropout: Probability of hiding a unit of the state from the recurrent weights,
            at all steps of a sequence alike.
        zoneout: Probability with which a unit keeps its value of the step before.
        layer_norm: Whether the products inside the cell are normalised.
        class_weight: ``None``; ``"balanced"``, so that rare classes count as much as common
            ones; or a weight for each class.
        prior_adjustment: How far the class named is freed from how common it is, in [0, 1]. 0
            names the most likely class, which is right most often; 1 the class that the sequence
            speaks for most, as if all were equally common, which finds most of the rare ones.
            Between them, 0.3 to 0.5 often finds many more of the rare classes and loses few
            right answers. Probabilities stay as they are.
        label_smoothing: Share of each target spread over all classes, in [0, 1).
        epochs: Passes over the rows; default: what comes to 2000 updates, 8 to 60.
        batch_size: Rows of a batch, of like length; default: 16 to 64.
        learning_rate: Of AdamW at its highest, falling along a cosine.
        weight_decay: Of AdamW.
        held_out: Share of the rows held out, up to 0.5, in proportion to the classes: half of
            them watch the training and calibrate, half are scored. 0: none, then nothing is
            calibrated or scored.
        calibrate: Whether probabilities are sharpened or softened by one temperature, which suits
            the rows that watched.
        refit: Whether the network is trained again on all rows once it was scored; ``"auto"``: up
            to 5000 rows.
        ensemble: How many networks are trained and averaged.
        seed: Of all randomness: same seed, same bits.
        verbose: Whether a progress bar is shown.
        backend: ``"auto"``, ``"native"`` or ``"reference"``.

    Attributes:
        classes_: The classes, sorted.
        prior_: Their shares in the training rows.
        temperature_: What logits are divided by.
        model_: The networks, a :class:`elman.tasks.pooled.PooledModel`.
        scores_: Measures on the held-out rows beside baselines, or ``None``.
        history_: The record of the training.
        notes_: What was done or should be known, in words.
        seconds_: Wall-clock time of the parts of :meth:`fit`.

    Raises:
        InputError: From :meth:`fit`, for an argument or data that do not fit.

    Source: C. Guo et al., "On calibration of modern neural networks", ICML 2017; the adjustment:
    A. K. Menon et al., "Long-tail learning via logit adjustment", ICLR 2021, section 4.1.
    """

    _kind = "classifier"
    _dropouts = ((0.2, 0.0), (0.5, 0.4))
    _estimator_type: ClassVar[str] = "classifier"

    def __init__(
        self,
        cell: str = "gru",
        hidden_size: int | None = None,
        num_layers: int = 1,
        bidirectional: bool = True,
        pooling: str = "last",
        unit: str = "characters",
        lowercase: bool = False,
        embedding_size: int = 32,
        unseen: str | None = None,
        dropout: float | None = None,
        input_dropout: float | None = None,
        recurrent_dropout: float = 0.0,
        zoneout: float = 0.0,
        layer_norm: bool = False,
        class_weight: str | Mapping[Any, float] | None = None,
        prior_adjustment: float = 0.0,
        label_smoothing: float = 0.0,
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float = 0.004,
        weight_decay: float = 0.01,
        held_out: float = 0.2,
        calibrate: bool = True,
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
        self.pooling = pooling
        self.unit = unit
        self.lowercase = lowercase
        self.embedding_size = embedding_size
        self.unseen = unseen
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.recurrent_dropout = recurrent_dropout
        self.zoneout = zoneout
        self.layer_norm = layer_norm
        self.class_weight = class_weight
        self.prior_adjustment = prior_adjustment
        self.label_smoothing = label_smoothing
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.held_out = held_out
        self.calibrate = calibrate
        self.refit = refit
        self.ensemble = ensemble
        self.seed = seed
        self.verbose = verbose
        self.backend = backend

    def predict_proba(self, X: Any, *, lengths: Any = None, mask: Any = None) -> Array:
        """The probability of each class, ``(N, K)`` in the order of ``classes_``; never NaN.

        Args:
            X: Sequences, as in :meth:`fit`.
            lengths: As in :meth:`fit`.
            mask: As in :meth:`fit`.

        Raises:
            InputError: If they do not fit, or hold what training has not seen.
            NotFittedError: Before :meth:`fit`.
        """
        outputs, known = self._raw(X, lengths, mask)
        probabilities = np.tile(self.prior_, (len(known), 1))
        probabilities[known] = softmax(log_probabilities(outputs[:, known]) / self.temperature_)
        return probabilities

    def predict(self, X: Any, *, lengths: Any = None, mask: Any = None) -> Array:
        """The class named for each sequence, ``(N,)``: the most likely, see ``prior_adjustment``.

        Arguments and errors are those of :meth:`predict_proba`.
        """
        chosen = self.ranking(self.predict_proba(X, lengths=lengths, mask=mask)).argmax(axis=1)
        return np.asarray(self.classes_[chosen])

    def ranking(self, probabilities: Array) -> Array:
        """What classes are ranked by: their probabilities, freed from the prior if so wished.

        Args:
            probabilities: ``(N, K)``, from :meth:`predict_proba`.
        """
        return adjusted(probabilities, self.prior_, self.prior_adjustment)

    def top_k(
        self, X: Any, k: int = 3, *, lengths: Any = None, mask: Any = None
    ) -> list[list[tuple[Any, float]]]:
        """The ``k`` first classes of each sequence with their probabilities.

        Args:
            X: Sequences, as in :meth:`fit`.
            k: How many, at most as many as there are classes.
            lengths: As in :meth:`fit`.
            mask: As in :meth:`fit`.

        Raises:
            InputError: As :meth:`predict_proba`, or if ``k`` does not fit.
        """
        if whole("k", k) > len(getattr(self, "classes_", range(k))):
            raise InputError(f"k: expected at most {len(self.classes_)} classes, got {k}")
        probabilities = self.predict_proba(X, lengths=lengths, mask=mask)
        order = np.argsort(-self.ranking(probabilities), axis=1, kind="stable")[:, :k]
        return [
            [(self.classes_[one], float(row[one])) for one in chosen]
            for row, chosen in zip(probabilities, order, strict=True)
        ]

    def score(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        lengths: Any = None,
        mask: Any = None,
    ) -> float:
        """The accuracy: the share of sequences given the right class.

        Args:
            X: Sequences, as in :meth:`fit`.
            y: Their classes.
            sample_weight: Weights of the rows, or ``None``.
            lengths: As in :meth:`fit`.
            mask: As in :meth:`fit`.

        Raises:
            InputError: As :meth:`predict_proba`, or if a class was not in fit.
        """
        predicted = self.predict(X, lengths=lengths, mask=mask)
        right = predicted == self.classes_[self._numbers(y, len(predicted))]
        return float(np.average(right, weights=sample_weight))

    def evaluate(self, X: Any, y: Any, *, lengths: Any = None, mask: Any = None) -> dict[str, Any]:
        """All measures on sequences whose classes are known.

        Args:
            X: Sequences, as in :meth:`fit`.
            y: Their classes.
            lengths: As in :meth:`fit`.
            mask: As in :meth:`fit`.

        Returns:
            See :func:`elman.evaluate.classes.classification_measures`.

        Raises:
            InputError: As :meth:`score`.
        """
        probabilities = self.predict_proba(X, lengths=lengths, mask=mask)
        if not len(probabilities):
            raise InputError("X: expected at least one sequence to evaluate on, got none")
        truth = self._numbers(y, len(probabilities))
        return classification_measures(probabilities, truth, self.ranking(probabilities))

    # ------------------------------------------------------------- what ManyToOne asks for

    def _check_options(self) -> None:
        super()._check_options()
        real("label_smoothing", self.label_smoothing, 0.0, 1.0, open_above=True)
        one_of("calibrate", self.calibrate, (True, False))
        if self.class_weight is not None and not isinstance(self.class_weight, Mapping):
            one_of("class_weight", self.class_weight, (None, "balanced"))
        if real("prior_adjustment", self.prior_adjustment, 0.0, 1.0) and self.class_weight:
            raise InputError(
                "prior_adjustment, class_weight: expected one of them, which serve the same end, "
                f"got {self.prior_adjustment} and {self.class_weight!r}"
            )

    def _loss(self) -> Loss:
        return CrossEntropy(self.label_smoothing)

    def _outputs(self) -> int:
        return len(self.classes_)

    def _targets(self, y: Any, rows: int) -> Array:
        labels = as_labels(y, rows)
        classes, numbers = np.unique(labels, return_inverse=True)
        if len(classes) < 2:
            raise InputError(
                f"y: expected at least two classes, got one class alone: {classes.tolist()}"
            )
        if isinstance(self.class_weight, Mapping):
            strange = [one for one in self.class_weight if one not in set(classes.tolist())]
            if strange:
                raise InputError(f"class_weight: {strange[0]!r} is no class of y")
            for value in self.class_weight.values():
                real("class_weight", value, 0.0, open_below=True)
        self.classes_ = classes
        return numbers.reshape(-1).astype(np.int64)

    def _numbers(self, y: Any, rows: int) -> Array:
        """The numbers of the classes of known labels."""
        return numbers_of(as_labels(y, rows), self.classes_)

    def _groups(self, targets: Array) -> Array:
        return targets

    def _weights(self, targets: Array, weights: Array | None) -> Array | None:
        if self.class_weight is None:
            return weights
        each = weights_of(self.class_weight, self.classes_, targets)
        return each[targets] if weights is None else each[targets] * weights

    def _learn_prior(self, targets: Array, weights: Array | None) -> None:
        count = np.bincount(targets, weights, minlength=len(self.classes_)).astype(np.float64)
        self.prior_ = count / count.sum()
        self.temperature_ = 1.0

    def _watched(self, model: PooledModel, rows: Rows, targets: Array) -> list[str]:
        if self.calibrate:
            self.temperature_ = fit_temperature(log_probabilities(model.outputs(rows)), targets)
        return []

    def _judged(
        self, model: PooledModel, rows: Rows, targets: Array, seen: tuple[Rows, Array]
    ) -> None:
        logits = log_probabilities(model.outputs(rows))
        probabilities, uncalibrated = softmax(logits / self.temperature_), softmax(logits)
        ranking, before = self.ranking(probabilities), self.ranking(uncalibrated)
        classes = len(self.classes_)
        table = {"network": classification_measures(probabilities, targets, ranking)}
        rivals = class_rivals(rows, *seen, classes)
        table |= {name: classification_measures(one, targets) for name, one in rivals.items()}
        wrong = ranking.argmax(axis=1) != targets
        self.scores_ = {
            "rows": len(targets),
            "table": table,
            "clearly": {
                name: clearly_less(wrong, one.argmax(axis=1) != targets)
                for name, one in rivals.items()
            },
            "temperature": self.temperature_,
            "uncalibrated": classification_measures(uncalibrated, targets, before),
            "reliability": reliability(probabilities, targets, ranking),
            "reliability_uncalibrated": reliability(uncalibrated, targets, before),
            "confusion": confusion_matrix(targets, ranking.argmax(axis=1), classes).tolist(),
            "classes": plain_classes(self.classes_.tolist()),
        }
        self.held_out_ = (rows, targets, probabilities, model)

    def _state(self) -> dict[str, Any]:
        return {
            "classes": plain_classes(self.classes_.tolist()),
            "kind": self.classes_.dtype.str,
            "prior": self.prior_.tolist(),
            "temperature": self.temperature_,
        }

    def _set_state(self, record: dict[str, Any]) -> None:
        kind = np.dtype(record["kind"])
        if kind.kind not in "biufUO":
            raise InputError(f"path: the saved classifier has classes of type {kind}")
        self.classes_ = np.array(record["classes"], dtype=kind)
        self.prior_ = np.array(record["prior"], np.float64)
        self.temperature_ = real("path: temperature", record["temperature"], 0.0, open_below=True)
        if self.prior_.shape != self.classes_.shape:
            raise InputError("path: the saved classifier is damaged: classes and prior differ")

    def relevance(self, model: PooledModel, rows: Rows) -> list[Array]:
        """Gradient times input of the logit of the class named, see :meth:`explain`."""
        logits = log_probabilities(model.outputs(rows))
        named = self.ranking(softmax(logits / self.temperature_)).argmax(axis=1)
        classes = len(self.classes_)
        return model.relevance(rows, np.eye(classes)[named] - 1.0 / classes)

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn asks of a classifier."""
        from sklearn.utils import (  # type: ignore[import-untyped, unused-ignore]
            ClassifierTags,
        )

        tags = super().__sklearn_tags__()
        tags.estimator_type = "classifier"
        tags.classifier_tags = ClassifierTags()
        tags.target_tags.required, tags.target_tags.multi_output = True, False
        return tags
