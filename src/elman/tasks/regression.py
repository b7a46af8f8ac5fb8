"""The regressor: one number, or several, for each sequence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from elman.checks import one_of
from elman.data.rows import Rows
from elman.errors import InputError
from elman.evaluate.conformal import conformal_adjustment
from elman.evaluate.rivals import SummaryRidge, clearly_less
from elman.losses import Loss, make_loss
from elman.tasks.many_to_one import ManyToOne
from elman.tasks.options import check_levels
from elman.tasks.pooled import PooledModel

__all__ = ["SequenceRegressor"]

Array: TypeAlias = NDArray[Any]
_Self = TypeVar("_Self", bound="SequenceRegressor")


class SequenceRegressor(ManyToOne):
    """Estimates one number, or several, from each sequence of numbers or text.

    Sequences are those of :class:`elman.SequenceClassifier`, and so is what is made of missing
    values and empty rows: the prior is the mean of the training targets.

    Args:
        cell: ``"gru"``, ``"lstm"``, ``"rnn"``, ``"rnn_relu"`` or ``"gru_reset_before"``.
        hidden_size: Units; default: 32 to 128, by the number of rows.
        num_layers: How many cells are stacked.
        bidirectional: Whether sequences are also read from their end.
        pooling: What is made of the steps: ``"last"``, ``"mean"``, ``"max"`` or
            ``"attention"``.
        unit: What a step of a text is: ``"characters"`` or ``"words"``.
        lowercase: Whether capital characters are read as small letters; words always are.
        embedding_size: Channels of the learned vector of a character or word.
        unseen: Characters or words that fit has not seen: ``"error"`` or ``"unknown"``; default:
            ``"unknown"`` for words, ``"error"`` for characters.
        dropout: Probability of dropping a unit before the output, and between layers; default:
            0.5 for texts, 0 for numbers.
        input_dropout: Probability of dropping an input channel, or one of a learned vector;
            default: 0.4 for texts, 0 for numbers.
        recurrent_dropout: Probability of hiding a unit of the state from the recurrent weights,
            at all steps of a sequence alike.
        zoneout: Probability with which a unit keeps its value of the step before.
        layer_norm: Whether the products inside the cell are normalised.
        loss: ``"mse"``, ``"mae"`` or ``"huber"``, on targets scaled to unit deviation.
        levels: Intervals in percent, see :meth:`predict_interval`; none: ``()``.
        epochs: Passes over the rows; default: what comes to 2000 updates, 8 to 60.
        batch_size: Rows of a batch, of like length; default: 16 to 64.
        learning_rate: Of AdamW at its highest, falling along a cosine.
        weight_decay: Of AdamW.
        held_out: Share of the rows held out, up to 0.5: half watch the training, half are scored.
        refit: Whether the network is trained again on all rows once it was scored; ``"auto"``: up
            to 5000 rows.
        ensemble: How many networks are trained and averaged.
        seed: Of all randomness: same seed, same bits.
        verbose: Whether a progress bar is shown.
        backend: ``"auto"``, ``"native"`` or ``"reference"``.

    Attributes:
        prior_: Mean of the training targets, ``(K,)``.
        intervals_: Level -> how far its interval reaches to either side, ``(K,)``.
        model_: The networks, a :class:`elman.tasks.pooled.PooledModel`.
        scores_: Measures on the held-out rows beside baselines, or ``None``.
        history_: The record of the training.
        notes_: What was done or should be known, in words.
        seconds_: Wall-clock time of the parts of :meth:`fit`.

    Raises:
        InputError: From :meth:`fit`, for an argument or data that do not fit.

    Source: of the intervals, J. Lei et al., "Distribution-free predictive inference for
    regression", Journal of the American Statistical Association 113 (2018), algorithm 2.
    """

    _kind = "regressor"
    _dropouts = ((0.0, 0.0), (0.5, 0.4))
    _estimator_type: ClassVar[str] = "regressor"

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
        loss: str = "mse",
        levels: Sequence[float] = (80, 95),
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float = 0.004,
        weight_decay: float = 0.01,
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
        self.loss = loss
        self.levels = levels
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.held_out = held_out
        self.refit = refit
        self.ensemble = ensemble
        self.seed = seed
        self.verbose = verbose
        self.backend = backend

    def predict(self, X: Any, *, lengths: Any = None, mask: Any = None) -> Array:
        """The estimates, ``(N,)``, or ``(N, K)`` if ``y`` was such an array.

        Args:
            X: Sequences, as in :meth:`fit`.
            lengths: As in :meth:`fit`.
            mask: As in :meth:`fit`.

        Raises:
            InputError: If they do not fit, or hold what training has not seen.
            NotFittedError: Before :meth:`fit`.
        """
        outputs, known = self._raw(X, lengths, mask)
        values = np.tile(self.prior_, (len(known), 1))
        values[known] = self._unscaled(outputs[:, known])
        return values[:, 0] if self._flat else values

    def predict_interval(
        self, X: Any, level: float | None = None, *, lengths: Any = None, mask: Any = None
    ) -> Array:
        """The ends of an interval about each estimate that holds the truth so often.

        It reaches to either side as far as the errors on the rows that watched the training did
        (split conformal): of sequences of the same kind, at least ``level`` percent lie inside.

        Args:
            X: Sequences, as in :meth:`fit`.
            level: One of ``levels``; default: the greatest.
            lengths: As in :meth:`fit`.
            mask: As in :meth:`fit`.

        Returns:
            Lower and upper end, ``(N, 2)``, or ``(N, K, 2)`` if ``y`` was ``(N, K)``.

        Raises:
            InputError: As :meth:`predict`, or if there is no interval of that level.
        """
        values = self.predict(X, lengths=lengths, mask=mask)
        if not self.intervals_:
            raise InputError(
                "level: there are no intervals, which need rows held out (held_out, 40 rows or "
                "more) and levels"
            )
        level = max(self.intervals_) if level is None else level
        reach = self.intervals_[one_of("level", level, tuple(self.intervals_))]
        reach = reach[0] if self._flat else reach
        return np.stack([values - reach, values + reach], axis=-1)

    def score(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        lengths: Any = None,
        mask: Any = None,
    ) -> float:
        """The coefficient of determination R2, the mean over the targets; 1 is perfect.

        Args:
            X: Sequences, as in :meth:`fit`.
            y: Their targets.
            sample_weight: Weights of the rows, or ``None``.
            lengths: As in :meth:`fit`.
            mask: As in :meth:`fit`.

        Raises:
            InputError: As :meth:`predict`, or if ``y`` does not fit.
        """
        predicted = self.predict(X, lengths=lengths, mask=mask)
        truth, _ = _numbers(y, len(predicted))
        measured = _measures(predicted.reshape(truth.shape), truth, sample_weight)["r2"]
        return float("nan") if measured is None else measured

    # ------------------------------------------------------------- what ManyToOne asks for

    def _check_options(self) -> None:
        super()._check_options()
        one_of("loss", self.loss, ("mse", "mae", "huber"))
        check_levels(self.levels)

    def _loss(self) -> Loss:
        return make_loss(self.loss)

    def _outputs(self) -> int:
        return len(self.prior_)

    def _targets(self, y: Any, rows: int) -> Array:
        targets, self._flat = _numbers(y, rows)
        return targets

    def _learn_prior(self, targets: Array, weights: Array | None) -> None:
        self.prior_ = np.average(targets, axis=0, weights=weights)
        self.intervals_: dict[float, Array] = {}
        scale = targets.std(axis=0)
        # 0 where targets do not vary: then the estimate is the prior, whatever the network says
        self._scale = np.where(scale > 1e-12 * np.abs(self.prior_), scale, 0.0)

    def _scaled(self, targets: Array) -> Array:
        return np.asarray((targets - self.prior_) / np.where(self._scale > 0, self._scale, 1.0))

    def _unscaled(self, outputs: Array) -> Array:
        return np.asarray(self.prior_ + outputs.mean(axis=0) * self._scale)

    def _watched(self, model: PooledModel, rows: Rows, targets: Array) -> list[str]:
        predicted = self._unscaled(model.outputs(rows))
        notes = []
        for level in check_levels(self.levels):
            found = conformal_adjustment(predicted, predicted, targets, level / 100)
            if found.sufficient.all():
                self.intervals_[level] = found.adjustment
            else:
                notes.append(
                    f"There is no interval of {level:g} %: the {len(targets)} rows that watched "
                    "the training are too few for it."
                )
        return notes

    def _judged(
        self, model: PooledModel, rows: Rows, targets: Array, seen: tuple[Rows, Array]
    ) -> None:
        predicted = self._unscaled(model.outputs(rows))
        rivals = {"mean": np.tile(seen[1].mean(axis=0), (len(rows), 1))}
        if rows.arrays is not None:
            ridge = SummaryRidge(seen[0].arrays or [], seen[1])
            rivals["ridge on summaries"] = ridge.predict(rows.arrays)
        table = {
            name: _measures(one, targets, None)
            for name, one in {"network": predicted, **rivals}.items()
        }
        inside = {
            level: np.abs(predicted - targets) <= reach for level, reach in self.intervals_.items()
        }
        self.scores_ = {
            "rows": len(targets),
            "table": table,
            "clearly": {
                name: clearly_less(_distance(predicted, targets), _distance(one, targets))
                for name, one in rivals.items()
            },
            "intervals": {
                f"{level:g}": {
                    "nominal": level / 100,
                    "coverage": float(inside[level].mean()),
                    "width": float(2 * reach.mean()),
                }
                for level, reach in self.intervals_.items()
            },
        }
        self.held_out_ = (rows, targets, predicted, model)

    def relevance(self, model: PooledModel, rows: Rows) -> list[Array]:
        """Gradient times input of the estimate, see :meth:`explain`."""
        return model.relevance(rows, np.tile(self._scale, (len(rows), 1)))

    def _state(self) -> dict[str, Any]:
        return {
            "prior": self.prior_.tolist(),
            "scale": self._scale.tolist(),
            "flat": self._flat,
            "intervals": [[level, reach.tolist()] for level, reach in self.intervals_.items()],
        }

    def _set_state(self, record: dict[str, Any]) -> None:
        self.prior_ = np.array(record["prior"], np.float64)
        self._scale = np.array(record["scale"], np.float64)
        self._flat = bool(record["flat"])
        self.intervals_ = {
            level: np.array(reach, np.float64) for level, reach in record["intervals"]
        }

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn asks of a regressor."""
        from sklearn.utils import (  # type: ignore[import-untyped, unused-ignore]
            RegressorTags,
        )

        tags = super().__sklearn_tags__()
        tags.estimator_type = "regressor"
        tags.regressor_tags = RegressorTags()
        tags.target_tags.required = True
        return tags


def _numbers(y: Any, rows: int) -> tuple[Array, bool]:
    """Targets ``(N, K)``, and whether they came as ``(N,)``."""
    if hasattr(y, "to_numpy"):
        y = y.to_numpy()
    try:
        array = np.asarray(y)
        if array.dtype.kind == "c":
            raise ValueError("Complex data not supported")
        array = array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"y: expected numbers: {error}") from error
    flat = array.ndim == 1
    array = array[:, None] if flat else array
    if array.ndim != 2 or len(array) != rows or not array.shape[1]:
        raise InputError(
            f"y: expected numbers for each of {rows} sequences, ({rows},) or ({rows}, K), got "
            f"shape {np.shape(y)}"
        )
    if not np.isfinite(array).all():
        raise InputError("y: expected finite numbers, got NaN or infinity (inf)")
    return array, flat


def _distance(predicted: Array, truth: Array) -> Array:
    """How far each row's estimates are off, ``(N,)``."""
    return np.asarray(np.abs(predicted - truth).mean(axis=1))


def _measures(predicted: Array, truth: Array, weights: Any) -> dict[str, float | None]:
    """Mean absolute error, root mean squared error and R2 (``None`` where nothing varies)."""
    error = predicted - truth
    square = np.average(error**2, axis=0, weights=weights)
    mean = np.average(truth, axis=0, weights=weights)
    spread = np.average((truth - mean) ** 2, axis=0, weights=weights)
    varied = bool((spread > 0).all())
    return {
        "mae": float(np.average(np.abs(error), axis=0, weights=weights).mean()),
        "rmse": float(np.sqrt(square.mean())),
        "r2": float((1.0 - square / np.where(spread > 0, spread, 1.0)).mean()) if varied else None,
    }
