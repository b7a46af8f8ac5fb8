"""What the estimators of one answer for each sequence share: arguments, rows, fitting, saving."""

from __future__ import annotations

import math
import os
import time as clock
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, ClassVar, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from elman.checks import one_of, real, whole
from elman.counting import counted
from elman.data.rows import Rows, as_rows
from elman.data.text import UNITS
from elman.errors import InputError
from elman.losses import Loss
from elman.tasks.cells import CELLS, check_inner_options, inner_options
from elman.tasks.estimator import SavedEstimator
from elman.tasks.many_to_one_parts import readable, refuse_empty_features, row_weights, split
from elman.tasks.pooled import POOLS, PooledModel, Shape, Training

__all__ = ["ManyToOne"]

Array: TypeAlias = NDArray[Any]
_Self = TypeVar("_Self", bound="ManyToOne")

_FEW_TO_JUDGE = 30
_UPDATES = 2000
_MOST_TO_REFIT = 5000


class ManyToOne(SavedEstimator):
    """The common part of :class:`elman.SequenceClassifier` and :class:`elman.SequenceRegressor`.

    A kind of estimator fills in the methods that raise ``NotImplementedError`` here.
    """

    # ------------------------------------------------------------------ what a kind fills in

    _dropouts: ClassVar[tuple[tuple[float, float], tuple[float, float]]]
    """By default before the output and of the inputs: for numbers, for texts."""

    def _loss(self) -> Loss:
        raise NotImplementedError

    def _targets(self, y: Any, rows: int) -> Array:
        """The answers as the network is trained on them, and what fit learns of them."""
        raise NotImplementedError

    def _outputs(self) -> int:
        raise NotImplementedError

    def _weights(self, targets: Array, weights: Array | None) -> Array | None:
        return weights

    def _groups(self, targets: Array) -> Array:
        """Of which each row held out is drawn alike, ``(N,)``."""
        return np.zeros(len(targets), np.int64)

    def _learn_prior(self, targets: Array, weights: Array | None) -> None:
        raise NotImplementedError

    def _watched(self, model: PooledModel, rows: Rows, targets: Array) -> list[str]:
        """What is learnt of the rows that watched the training; what should be known of that."""
        return []

    def _judged(self, model: PooledModel, rows: Rows, targets: Array, seen: Any) -> None:
        """Scores on rows that had no part in the training, beside baselines learnt of ``seen``."""
        raise NotImplementedError

    def relevance(self, model: PooledModel, rows: Rows) -> list[Array]:
        """Gradient times input of the answers, see :meth:`explain`.

        Args:
            model: Of this estimator, trained on all rows or on a part of them.
            rows: Each with something to read.
        """
        raise NotImplementedError

    # -------------------------------------------------------------------------------- fitting

    def fit(
        self: _Self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        lengths: Any = None,
        mask: Any = None,
    ) -> _Self:
        """Trains, scores and calibrates.

        Args:
            X: Sequences, see the class.
            y: For a classifier a class for each, texts, whole numbers or booleans, ``(N,)``; for
                a regressor numbers, ``(N,)`` or ``(N, K)``.
            sample_weight: Weights of the rows, ``(N,)``, or ``None``.
            lengths: How many steps of each row of an array are live, ``(N,)``.
            mask: True where a step of an array is observed, ``(N, T)``.

        Returns:
            The estimator itself.

        Raises:
            InputError: If an argument or the data do not fit; nothing was trained then.
            TrainingError: If training does not converge to finite numbers.
        """
        return self._fit(X, y, sample_weight, lengths, mask)

    def _fit(self: _Self, X: Any, y: Any, sample_weight: Any, lengths: Any, mask: Any) -> _Self:
        started = clock.perf_counter()
        self._check_options()
        if y is None:
            raise InputError("y: requires y to be passed, but the target y is None")
        rows = as_rows(X, lengths, mask)
        if not len(rows):
            raise InputError(
                "X: expected at least one sequence, got none: Found array with 0 sample(s) "
                "(shape=(0,)) while a minimum of 1 is required"
            )
        refuse_empty_features(X)
        targets = self._targets(y, len(rows))
        weights = row_weights(sample_weight, len(rows))
        notes: list[str] = []
        kept = readable(rows)
        if len(kept) < len(rows):
            left_out = len(rows) - len(kept)
            text = f"{left_out} of {len(rows)} rows are empty or fully missing and were left out"
            self._warn(text)
            notes.append(f"{text}.")
            rows, targets = rows.select(kept), targets[kept]
            weights = None if weights is None else weights[kept]
        self._learn_prior(targets, weights)
        parts = split(self._groups(targets), self.held_out, self.seed)
        seeds = np.random.SeedSequence(self.seed).spawn(3)
        begun = clock.perf_counter()
        model = self._train(rows, targets, weights, parts, seeds[0], None)
        seconds = {"training": clock.perf_counter() - begun}
        self.scores_: dict[str, Any] | None = None
        self.held_out_: Any = None
        if len(parts[1]):
            watched = rows.select(parts[1])
            notes += self._watched(model, watched, targets[parts[1]])
            seen = (rows.select(parts[0]), targets[parts[0]])
            self._judged(model, rows.select(parts[2]), targets[parts[2]], seen)
            if len(parts[2]) < _FEW_TO_JUDGE:
                notes.append(few_note(len(parts[2]), "rows"))
            interrupted = any(history.interrupted for history in model.histories)
            refit = len(rows) <= _MOST_TO_REFIT if self.refit == "auto" else self.refit
            self.history_ = model.histories[0]
            if refit and not interrupted:
                begun = clock.perf_counter()
                best = max(history.best_epoch for history in model.histories)
                everything = np.arange(len(rows))
                none = np.zeros(0, np.int64)
                model = self._train(
                    rows, targets, weights, (everything, none, none), seeds[1], best
                )
                seconds["training on all rows"] = clock.perf_counter() - begun
                notes.append(
                    "The network was trained again on all rows, those held out included, for as "
                    "many epochs as had served best; the scores are those of the one before."
                )
        else:
            self.history_ = model.histories[0]
            if self.held_out:
                self._warn(
                    f"{counted(len(rows), 'row is', 'rows are')} too few to hold some out: there "
                    "are no scores, and nothing is calibrated"
                )
        if any(history.interrupted for history in model.histories):
            notes.append("Training was interrupted; the weights are the best until then.")
        self.model_ = model
        self.notes_ = notes
        seconds["total"] = clock.perf_counter() - started
        self.seconds_ = seconds
        if isinstance(X, np.ndarray) and X.ndim == 2:
            self.n_features_in_ = int(X.shape[1])
        return self

    def _train(
        self,
        rows: Rows,
        targets: Array,
        weights: Array | None,
        parts: tuple[Array, Array, Array],
        seed: np.random.SeedSequence,
        epochs: int | None,
    ) -> PooledModel:
        train, watch, _ = parts
        balanced = self._weights(targets[train], None if weights is None else weights[train])
        watched = None
        if len(watch):
            watched_weights = None if weights is None else weights[watch]
            watched = (rows.select(watch), self._scaled(targets[watch]), watched_weights)
        return PooledModel.train(
            rows.select(train),
            self._scaled(targets[train]),
            balanced,
            watched,
            unit=self.unit,
            lowercase=self.lowercase,
            shape=self._shape(len(train), rows.texts is not None),
            training=self._training(len(train), epochs),
            loss=self._loss(),
            outputs=self._outputs(),
            ensemble=self.ensemble,
            seed=seed,
            backend=self.backend,
            progress=None if self.verbose else False,
        )

    def _scaled(self, targets: Array) -> Array:
        """The answers as the network is to give them."""
        return targets

    def _shape(self, rows: int, texts: bool) -> Shape:
        dropout, input_dropout = self._dropouts[int(texts)]
        hidden = self.hidden_size
        if hidden is None:
            hidden = 32 if rows < 200 else 64 if rows < 4000 else 128
        return Shape(
            cell=self.cell,
            hidden_size=hidden,
            num_layers=self.num_layers,
            bidirectional=self.bidirectional,
            pooling=self.pooling,
            embedding_size=self.embedding_size,
            dropout=dropout if self.dropout is None else self.dropout,
            input_dropout=input_dropout if self.input_dropout is None else self.input_dropout,
            **inner_options(self),
        )

    def _training(self, rows: int, epochs: int | None) -> Training:
        batch = self.batch_size or (16 if rows < 500 else 32 if rows < 4000 else 64)
        self.chosen_ = {"batch_size": batch}
        if epochs is None:
            epochs = self.epochs or min(60, max(8, math.ceil(_UPDATES / math.ceil(rows / batch))))
        return Training(epochs, batch, self.learning_rate, self.weight_decay)

    # ----------------------------------------------------------------------------- predicting

    def _rows(self, X: Any, lengths: Any, mask: Any) -> tuple[Rows, Array]:
        """The sequences to answer for, and which of them hold something to read."""
        self._require_fitted()
        encoder = self.model_.encoder
        wanted = getattr(self, "n_features_in_", None)
        if isinstance(X, np.ndarray) and X.ndim == 2 and wanted not in (None, X.shape[1]):
            raise InputError(
                f"X has {X.shape[1]} features, but {type(self).__name__} is expecting {wanted} "
                "features as input, the steps of the matrix in fit; pass sequences of another "
                "length as a list"
            )
        rows = as_rows(X, lengths, mask, None if encoder.vocabulary else len(encoder.mean))
        unseen = self.unseen or ("unknown" if self.unit == "words" else "error")
        encoder.check(rows, unseen)
        known = encoder.known(rows)
        if not known.all():
            self._warn(
                f"{int((~known).sum())} of {len(known)} rows are empty or fully missing; they are "
                "answered with the prior, what training saw on the whole"
            )
        if not encoder.marked and rows.arrays is not None:
            gaps = any(
                np.isnan(one).any() for one in rows.select(np.flatnonzero(known)).arrays or []
            )
            if gaps:
                self._warn(
                    "values are missing, which fit saw none of; they are read as the mean of "
                    "their channel"
                )
        return rows, known

    def _raw(self, X: Any, lengths: Any, mask: Any) -> tuple[Array, Array]:
        """Outputs of every network ``(M, N, K)``, and which rows hold something to read."""
        rows, known = self._rows(X, lengths, mask)
        outputs = np.zeros((len(self.model_.networks), len(rows), self._outputs()))
        if known.any():
            outputs[:, known] = self.model_.outputs(rows.select(np.flatnonzero(known)))
        return outputs, known

    def explain(self, X: Any, *, lengths: Any = None, mask: Any = None) -> list[Array]:
        """Which steps spoke for the answer: gradient times input.

        To first order, what each step (and channel) adds: for a classifier to the logit of the
        class named over the mean of all logits, above 0 for that class and below 0 against it;
        for a regressor to the estimate, the sum over targets, in their unit. Numbers are measured
        from the mean of their channel.

        Args:
            X: Sequences, as in :meth:`fit`.
            lengths: As in :meth:`fit`.
            mask: As in :meth:`fit`.

        Returns:
            For each row ``(T_i, C)``, or ``(T_i,)`` for the tokens of a text; zeros for rows with
            nothing to read.

        Raises:
            InputError: If they do not fit, or hold what training has not seen.
            NotFittedError: Before :meth:`fit`.

        Source: M. Ancona et al., "Towards better understanding of gradient-based attribution
        methods for deep neural networks", ICLR 2018.
        """
        rows, known = self._rows(X, lengths, mask)
        found = np.flatnonzero(known)
        result = [np.zeros(one.shape) for one in rows.arrays or [np.zeros(0)] * len(rows)]
        if len(found):
            relevance = self.relevance(self.model_, rows.select(found))
            for row, one in zip(found, relevance, strict=True):
                result[row] = one
        return result

    def to_onnx(
        self, file: str | os.PathLike[str], *, certificate: bool = True, overwrite: bool = False
    ) -> dict[str, Any]:
        """Writes the estimator as an ONNX model that reads raw values, or tokens of texts.

        Scaling, marks of missing values, the ensemble and the temperature are in the graph. Its
        inputs are ``x`` float64 ``(N, T, C)``, NaN where missing, and ``lengths`` int64 ``(N,)``,
        which may be left out; of texts ``tokens`` int64 ``(N, T)``, whose numbers and texts stand
        in the metadata. A classifier's outputs are ``label`` ``(N,)`` and
        ``probabilities`` ``(N, K)`` in the order of ``classes_``, a regressor's ``y`` ``(N, K)``.

        Args:
            file: Where to.
            certificate: Whether the file is run in ONNX Runtime on random inputs and compared;
                the result is written to ``<file>.certificate.json``.
            overwrite: Whether files already there may be replaced.

        Returns:
            The certificate, empty if none was asked for.

        Raises:
            InputError: If an option has no counterpart in ONNX, or the file exists.
            NotFittedError: Before ``fit``.
            BackendUnavailable: If onnx, or ONNX Runtime for the certificate, is not installed.
        """
        import_module("elman.exchange.parts").package("onnx", "onnx")
        writer = import_module("elman.exchange.onnx_sequences")
        written: dict[str, Any] = writer.sequences_to_onnx(
            self, file, certificate=certificate, overwrite=overwrite
        )
        return written

    def _load_model(self, record: Mapping[str, Any], tensors: Mapping[str, Array]) -> PooledModel:
        self.held_out_ = None
        return PooledModel.from_saved(record, tensors, self.backend)

    # ------------------------------------------------------------------------------ arguments

    def _check_options(self) -> None:
        one_of("cell", self.cell, CELLS)
        one_of("pooling", self.pooling, POOLS)
        one_of("unit", self.unit, UNITS)
        one_of("unseen", self.unseen, (None, "error", "unknown"))
        one_of("lowercase", self.lowercase, (True, False))
        one_of("bidirectional", self.bidirectional, (True, False))
        one_of("refit", self.refit, ("auto", True, False))
        one_of("backend", self.backend, ("auto", "native", "reference"))
        for name in ("hidden_size", "epochs", "batch_size"):
            if getattr(self, name) is not None:
                whole(name, getattr(self, name))
        for name in ("num_layers", "embedding_size", "ensemble"):
            whole(name, getattr(self, name))
        whole("seed", self.seed, 0)
        for name in ("dropout", "input_dropout"):
            if getattr(self, name) is not None:
                real(name, getattr(self, name), 0.0, 1.0, open_above=True)
        check_inner_options(self)
        real("held_out", self.held_out, 0.0, 0.5)
        real("learning_rate", self.learning_rate, 0.0, open_below=True)
        real("weight_decay", self.weight_decay, 0.0)

    # the arguments, which each kind declares and documents in its own constructor
    cell: str
    hidden_size: int | None
    num_layers: int
    bidirectional: bool
    pooling: str
    unit: str
    lowercase: bool
    embedding_size: int
    unseen: str | None
    dropout: float | None
    input_dropout: float | None
    recurrent_dropout: float
    zoneout: float
    layer_norm: bool
    epochs: int | None
    batch_size: int | None
    learning_rate: float
    weight_decay: float
    held_out: float
    refit: bool | str
    ensemble: int
    seed: int
    verbose: bool
    backend: str


def few_note(number: int, what: str) -> str:
    """What should be known of scores on few rows.

    Args:
        number: How many were scored, 1 or more.
        what: They are.
    """
    return (
        f"The scores are of {number} {what} alone: one more that goes wrong is "
        f"{100 / number:.0f} % of them."
    )


def plain_classes(classes: Sequence[Any]) -> list[Any]:
    """Labels as JSON has them."""
    return [one.item() if isinstance(one, np.generic) else one for one in classes]
