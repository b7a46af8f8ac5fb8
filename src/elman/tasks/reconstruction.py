"""The autoencoder: sequences to a code and back, and from the error of that, anomalies."""

from __future__ import annotations

import math
import time as clock
from collections.abc import Sequence
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from elman.crossing import TaskCrossing
from elman.data.cuts import cut, join
from elman.errors import InputError
from elman.evaluate.anomalies import calibrate, root_mean_square
from elman.tasks.reconstruction_model import Autoencoder
from elman.tasks.reconstruction_parts import Parts, judge_reconstruction, split_rows
from elman.tasks.reconstruction_scores import AnomalyScores
from elman.tasks.wording import counted

__all__ = ["SequenceAutoencoder"]

Array: TypeAlias = NDArray[Any]
_Self = TypeVar("_Self", bound="SequenceAutoencoder")

_MOST_TRAINED = 2000  # windows of long rows: more of them overlap too much to teach more


class SequenceAutoencoder(AnomalyScores, TaskCrossing):
    """Learns to squeeze sequences into a short code and to give them back; finds what it cannot.

    Trained on what is normal, it gives normal sequences back well and others badly: the error is
    a score of anomaly, for each step and for each sequence, with a threshold calibrated on normal
    data that were held out. The code serves as features.

    Sequences are an array ``(N, T, C)``, or ``(N, T)`` of one channel, with ``lengths`` or a
    ``mask``; a list of arrays ``(T_i, C)``; a :class:`elman.Panel`, each series a row. NaN is a
    missing value. With a ``window`` rows are long series, cut into windows of so many steps; one
    series may then be a 1-D array, and one of several channels is ``[array]``.

    Args:
        cell: ``"gru"``, ``"lstm"``, ``"rnn"``, ``"rnn_relu"``, ``"gru_reset_before"``, or
            ``"dense"``: no recurrence but dense layers over all steps of a window at once, which
            must then all be of one length. A table ``(N, F)`` of features is such data too.
        code_size: Numbers in the code.
        hidden_size: Units of the cell in each direction, or of each dense hidden layer; default:
            32 (dense: 64).
        num_layers: How many cells are stacked, in encoder and decoder each.
        window: Steps of a window; ``None``: each row is taken whole.
        stride: Steps between the windows that are scored; default: a sixteenth of the window.
        segment: Steps that a cell reads, and gives, at once; default: 4 in windows of at least 16,
            else 1.
        dropout: Probability of dropping a unit before the code, before the output and between
            layers.
        recurrent_dropout: Probability of hiding a unit of the state from the recurrent weights,
            at all steps of a sequence alike.
        zoneout: Probability with which a unit keeps its value of the step before.
        layer_norm: Whether the products inside the cell are normalised. These three are of the
            recurrent cells; dense layers have none of them.
        noise: Disturbs the inputs in training, but not what must be given back: the standard
            deviation in deviations of a channel, or the share of steps that is masked.
        noise_kind: ``"gaussian"`` or ``"masking"``.
        focus: What a step is judged by: its own error (``"step"``: sharp, sees single outliers),
            that of its window (``"window"``: steady, sees long faults) or the geometric mean of
            the two (``"both"``).
        aggregate: What is made of the scores that overlapping windows give a step: ``"mean"``,
            ``"median"``, or ``"newest"``: the first that comes, so that a stream need not wait;
            it needs a stride of 1.
        threshold: How it is calibrated: ``"conformal"``, ``"quantile"``, or ``"adaptive"``: that of
            steps then follows what comes, so that drift does not make everything an alarm (nor a
            lasting fault stay one), see :mod:`elman.evaluate.anomalies`.
        false_alarm: The stated share of normal steps, and of normal rows, that give an alarm.
        loss: ``"mse"``, ``"mae"`` or ``"huber"``.
        epochs: Passes over the windows; default: what comes to 1600 updates, 8 to 200.
        batch_size: Windows of a batch.
        learning_rate: Of AdamW at its highest, falling along a cosine; default: 0.01 (dense:
            0.005).
        weight_decay: Of AdamW.
        held_out: Share of the data held out, up to 0.5: a third of it picks the best epoch, the
            rest calibrates and is scored. Of series that is their end, of other rows a random
            part.
        seed: Of all randomness: same seed, same bits.
        verbose: Whether a progress bar is shown.
        backend: ``"auto"``, ``"native"`` or ``"reference"``.

    Attributes:
        threshold_: Of the scores of steps, a :class:`elman.evaluate.anomalies.Threshold`.
        window_threshold_: Of the scores of rows.
        calibration_: The held-out scores they rest on: ``"steps"`` and ``"windows"``.
        channel_errors_: Error to be expected of each channel, in its deviations, ``(C,)``.
        model_: The network, a :class:`elman.tasks.reconstruction_model.Autoencoder`.
        scores_: How well held-out windows are given back, beside principal components.
        history_: The record of the training.
        notes_: What was done or should be known, in words.
        seconds_: Wall-clock time of the parts of :meth:`fit`.

    Raises:
        InputError: From :meth:`fit`, for an argument or data that do not fit.

    Source: G. E. Hinton and R. Salakhutdinov, "Reducing the dimensionality of data with neural
    networks", Science 313 (2006); P. Malhotra et al., "LSTM-based encoder-decoder for multi-sensor
    anomaly detection", ICML 2016 anomaly detection workshop.
    """

    def __init__(
        self,
        cell: str = "gru",
        code_size: int = 8,
        hidden_size: int | None = None,
        num_layers: int = 1,
        window: int | None = None,
        stride: int | None = None,
        segment: int | None = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        zoneout: float = 0.0,
        layer_norm: bool = False,
        noise: float = 0.0,
        noise_kind: str = "gaussian",
        focus: str = "both",
        aggregate: str = "mean",
        threshold: str = "conformal",
        false_alarm: float = 0.01,
        loss: str = "mse",
        epochs: int | None = None,
        batch_size: int = 32,
        learning_rate: float | None = None,
        weight_decay: float = 0.0,
        held_out: float = 0.3,
        seed: int = 0,
        verbose: bool = False,
        backend: str = "auto",
    ) -> None:
        self.cell = cell
        self.code_size = code_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.window = window
        self.stride = stride
        self.segment = segment
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.zoneout = zoneout
        self.layer_norm = layer_norm
        self.noise = noise
        self.noise_kind = noise_kind
        self.focus = focus
        self.aggregate = aggregate
        self.threshold = threshold
        self.false_alarm = false_alarm
        self.loss = loss
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.held_out = held_out
        self.seed = seed
        self.verbose = verbose
        self.backend = backend

    # -------------------------------------------------------------------------------- fitting

    def fit(self: _Self, X: Any, y: Any = None, *, lengths: Any = None, mask: Any = None) -> _Self:
        """Trains on normal data, and calibrates the thresholds.

        Args:
            X: Sequences, see the class. They should be normal: what is odd in them and frequent
                is learnt.
            y: Not used; there for scikit-learn.
            lengths: How many steps of each row of an array are live, ``(N,)``.
            mask: True where a step of an array is observed, ``(N, T)``.

        Returns:
            The autoencoder itself.

        Raises:
            InputError: If an argument or the data do not fit; nothing was trained then.
            TrainingError: If training does not converge to finite numbers.
        """
        started = clock.perf_counter()
        self._check_options()
        arrays = self._arrays(X, lengths, mask)
        self.notes_ = []
        arrays = self._readable(arrays)
        seeds = np.random.SeedSequence(self.seed).spawn(2)
        parts = split_rows(arrays, self.window, self.held_out, np.random.default_rng(seeds[0]))
        windows = self._training_windows(parts.train)
        watched = self._training_windows(parts.watch)
        self.model_, self.history_ = Autoencoder.train(
            windows,
            watched,
            self._shape(len(windows)),
            self._training(len(windows)),
            seed=seeds[1],
            backend=self.backend,
            progress=None if self.verbose else False,
        )
        trained = clock.perf_counter()
        lengths_seen = {len(one) for one in windows}
        self._length_ = lengths_seen.pop() if len(lengths_seen) == 1 else None
        self._calibrate(parts, windows)
        if self.history_.interrupted:
            self.notes_.append("Training was interrupted; the weights are the best until then.")
        if isinstance(X, np.ndarray) and X.ndim == 2:
            self.n_features_in_ = int(X.shape[1])
        finished = clock.perf_counter()
        self.seconds_ = {"training": trained - started, "total": finished - started}
        return self

    def _readable(self, arrays: list[Array]) -> list[Array]:
        """Without the rows that hold nothing to learn from."""
        full = [one for one in arrays if bool((~np.isnan(one)).any())]
        if not full:
            raise InputError(
                "X: expected values to learn from, every row is empty or missing: Found array "
                "with 0 sample(s) (shape=(0,)) while a minimum of 1 is required"
            )
        if len(full) < len(arrays):
            text = (
                f"{len(arrays) - len(full)} of {len(arrays)} rows are empty or fully missing and "
                "were left out"
            )
            self._warn(text)
            self.notes_.append(f"{text}.")
        return full

    def _training_windows(self, arrays: Sequence[Array]) -> list[Array]:
        """Windows at such a stride that there are not too many; those with a value in them."""
        lengths = [len(one) for one in arrays]
        total = sum(max(1, one - (self.window or one) + 1) for one in lengths)
        stride = max(1, math.ceil(total / _MOST_TRAINED)) if self.window is not None else 1
        windows = cut(lengths, self.window, stride).of(arrays)
        if self.cell == "dense" and self.window is not None:
            windows = [one for one in windows if len(one) == self.window]
        return [one for one in windows if bool((~np.isnan(one)).any())]

    def _calibrate(self, parts: Parts, windows: Sequence[Array]) -> None:
        """Expected errors, thresholds and scores, of the part that trained nothing."""
        self.scores_ = None
        rows = parts.calibrate
        if not rows:
            rows = parts.train
            why = (
                "the data are too few to hold some out" if self.held_out else "nothing is held out"
            )
            text = (
                f"{why}: the thresholds rest on the data trained on and will give more false "
                "alarms than stated"
            )
            self._warn(text)
            self.notes_.append(f"{text[0].upper()}{text[1:]}.")
        cuts = self._cuts(rows)
        errors = self.model_.errors(cuts.of(rows))
        self.channel_errors_ = _expected(errors, self.model_.channels)
        steps = np.concatenate(self._step_scores(rows))
        each = self._window_scores(errors)
        self.calibration_ = {
            "steps": np.sort(steps[~np.isnan(steps)]),
            "windows": np.sort(each[~np.isnan(each)]),
        }
        self.threshold_ = calibrate(steps, self.false_alarm, self.threshold)
        method = "quantile" if self.threshold == "quantile" else "conformal"
        self.window_threshold_ = calibrate(each, self.false_alarm, method)
        self._note_calibration(rows)
        if parts.calibrate:
            self.scores_ = judge_reconstruction(self.model_, windows, cuts.of(rows))

    def _note_calibration(self, rows: Sequence[Array]) -> None:
        apart = sum(max(1, len(one) // (self.window or max(len(one), 1))) for one in rows)
        if self.window is not None:
            self.notes_.append(
                f"The threshold rests on {self.threshold_.count:,} held-out steps, which hang "
                f"together: no more than {counted(apart, 'window')} of them "
                f"{'does' if apart == 1 else 'do'} not overlap."
            )
        needed = math.ceil(1.0 / self.false_alarm - 1.0 - 1e-9)
        checked = self.threshold_ if self.window is not None else self.window_threshold_
        if not checked.sufficient:
            what = "steps" if self.window is not None else "rows"
            text = (
                f"{checked.count} held-out {what} are too few for a false alarm rate of "
                f"{self.false_alarm:g}, which takes {needed}: the threshold is the highest of "
                "their scores"
            )
            self._warn(text)
            self.notes_.append(f"{text}.")

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn asks of a transformer."""
        from sklearn.utils import (  # type: ignore[import-untyped, unused-ignore]
            TransformerTags,
        )

        tags = super().__sklearn_tags__()
        tags.transformer_tags = TransformerTags(preserves_dtype=["float64"])
        return tags

    # ------------------------------------------------------------------------ codes, and back

    def transform(self, X: Any, *, lengths: Any = None, mask: Any = None) -> Array:
        """The codes, ``(N, code_size)``.

        With a ``window``, longer rows give the code of each of their windows, one after the
        other; :meth:`windows` says where they lie.

        Args:
            X: Sequences, as in :meth:`fit`.
            lengths: As in :meth:`fit`.
            mask: As in :meth:`fit`.

        Raises:
            InputError: If they do not fit.
            NotFittedError: Before :meth:`fit`.
        """
        arrays = self._known(X, lengths, mask)
        return self.model_.codes(self._cuts(arrays).of(arrays))

    def fit_transform(
        self, X: Any, y: Any = None, *, lengths: Any = None, mask: Any = None
    ) -> Array:
        """:meth:`fit` and then :meth:`transform`."""
        return self.fit(X, y, lengths=lengths, mask=mask).transform(X, lengths=lengths, mask=mask)

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Names of the numbers in the code, as scikit-learn asks for them.

        Args:
            input_features: Not used.
        """
        return np.array([f"code{number}" for number in range(self.code_size)], dtype=object)

    def inverse_transform(self, codes: Any, lengths: Any = None) -> list[Array]:
        """What codes stand for: sequences ``(T_i, C)`` in the unit of the data.

        Args:
            codes: ``(N, code_size)``.
            lengths: Steps of each, ``(N,)`` or one number; default: the window, or the steps that
                all rows of :meth:`fit` had.

        Raises:
            InputError: If the codes do not fit, or no length is given and rows of :meth:`fit`
                were of several.
            NotFittedError: Before :meth:`fit`.
        """
        self._require_fitted()
        given = np.asarray(codes, np.float64)
        if given.ndim != 2 or given.shape[1] != self.code_size or not np.isfinite(given).all():
            raise InputError(
                f"codes: expected finite numbers (rows, {self.code_size}), got {given.shape}"
            )
        wanted = self._length_ if lengths is None else lengths
        if wanted is None:
            raise InputError("lengths: expected the steps of each sequence, for fit saw several")
        steps = np.broadcast_to(np.asarray(wanted), (len(given),))
        if steps.dtype.kind not in "iu" or (len(steps) and steps.min() < 0):
            raise InputError(f"lengths: expected whole numbers from 0 up, got {lengths!r}")
        self.model_.check(steps.tolist())
        return self.model_.decode(given, steps)

    def reconstruct(self, X: Any, *, lengths: Any = None, mask: Any = None) -> list[Array]:
        """The sequences as the network gives them back, ``(T_i, C)`` in the unit of the data.

        Windows that overlap are averaged. Missing values are filled in: what the network expects.

        Arguments and errors are those of :meth:`transform`.
        """
        arrays = self._known(X, lengths, mask)
        cuts = self._cuts(arrays)
        return join(self.model_.reconstruct(cuts.of(arrays)), cuts, [len(one) for one in arrays])

    def score(self, X: Any, y: Any = None, *, lengths: Any = None, mask: Any = None) -> float:
        """The share of the variance about the training means that is given back; 1 is all.

        Args:
            X: Sequences, as in :meth:`fit`.
            y: Not used; there for scikit-learn.
            lengths: As in :meth:`fit`.
            mask: As in :meth:`fit`.

        Raises:
            InputError: If they do not fit.
            NotFittedError: Before :meth:`fit`.
        """
        arrays = self._known(X, lengths, mask)
        windows = self._cuts(arrays).of(arrays)
        return self.model_.explained(windows)


def _expected(errors: Sequence[Array], channels: int) -> Array:
    """The root mean square error of each channel, above 0, ``(C,)``."""
    joined = np.concatenate([np.zeros((0, channels)), *errors])
    found = root_mean_square(joined, axis=0)
    return np.asarray(np.maximum(np.nan_to_num(found, nan=1.0), 1e-6))
