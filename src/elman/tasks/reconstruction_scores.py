"""Anomaly scores of an autoencoder: of steps, of rows, as intervals and as a stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.checks import whole
from elman.data.cuts import Cuts, join
from elman.errors import InputError
from elman.evaluate.anomalies import Anomaly, conformal_p_values, find_intervals, step_scores
from elman.tasks.reconstruction_base import AutoencoderBase
from elman.tasks.reconstruction_stream import DetectionStream

__all__ = ["AnomalyScores"]

Array: TypeAlias = NDArray[Any]


class AnomalyScores(AutoencoderBase):
    """The part of :class:`elman.SequenceAutoencoder` that judges."""

    def score_steps(self, X: Any, *, lengths: Any = None, mask: Any = None) -> list[Array]:
        """How odd each step is, ``(T_i,)`` for each row: about 1 where it is normal, NaN unseen.

        The root mean square over the channels of the error, each in units of what held-out data
        had (``channel_errors_``), with the ``focus`` and the ``aggregate`` of the estimator.

        Arguments and errors are those of :meth:`transform`.
        """
        return self._step_scores(self._known(X, lengths, mask))

    def anomaly_score(self, X: Any, *, lengths: Any = None, mask: Any = None) -> Array:
        """How odd each row is, ``(N,)``: the root mean square of its errors; its oddest window's.

        Arguments and errors are those of :meth:`transform`.
        """
        arrays = self._known(X, lengths, mask)
        cuts = self._cuts(arrays)
        found = np.full(len(arrays), -np.inf)
        for block in self._blocks(cuts):
            part = cuts.take(block)
            each = self._window_scores(self.model_.errors(part.of(arrays)))
            np.maximum.at(found, part.rows, np.nan_to_num(each, nan=-np.inf))
        return np.where(np.isneginf(found), np.nan, found)

    def p_values(self, X: Any, *, lengths: Any = None, mask: Any = None) -> Array:
        """Conformal p-values of the rows, ``(N,)``: the share of normal windows as odd or odder.

        That of a row of several windows is the smallest times their number (Bonferroni).

        Arguments and errors are those of :meth:`transform`.
        """
        arrays = self._known(X, lengths, mask)
        scores = self.anomaly_score(arrays)
        number = np.bincount(self._cuts(arrays).rows, minlength=len(arrays))
        return np.minimum(1.0, number * conformal_p_values(scores, self.calibration_["windows"]))

    def decision_function(self, X: Any, *, lengths: Any = None, mask: Any = None) -> Array:
        """Threshold less :meth:`anomaly_score`: below 0 is odd, as scikit-learn has it; ``(N,)``.

        A row without a value is not judged odd: 0.
        """
        found = self.anomaly_score(X, lengths=lengths, mask=mask)
        return np.nan_to_num(self.window_threshold_.value - found, nan=0.0)

    def score_samples(self, X: Any, *, lengths: Any = None, mask: Any = None) -> Array:
        """Minus :meth:`anomaly_score`: lower is odder, as scikit-learn has it; ``(N,)``."""
        return -self.anomaly_score(X, lengths=lengths, mask=mask)

    def predict(self, X: Any, *, lengths: Any = None, mask: Any = None) -> Array:
        """-1 for rows that are odd, 1 for others, as scikit-learn's detectors; ``(N,)``.

        The false alarm rate is that of single windows: a row of many has as many chances. Long
        series are for :meth:`detect`.
        """
        odd = self.decision_function(X, lengths=lengths, mask=mask) < 0.0
        return np.where(odd, -1, 1)

    def detect(
        self, X: Any, *, merge: int | None = None, lengths: Any = None, mask: Any = None
    ) -> list[Anomaly]:
        """The stretches whose steps score above the threshold.

        Args:
            X: Sequences, as in :meth:`fit`.
            merge: Stretches no more than so many steps apart are one; default: half a window.
            lengths: As in :meth:`fit`.
            mask: As in :meth:`fit`.

        Returns:
            In the order of rows and time, each with ``row``, ``start``, ``end`` (one past the
            last step), ``peak`` and ``score``.

        Raises:
            InputError: If they do not fit.
            NotFittedError: Before :meth:`fit`.
        """
        gap = (self.window or 0) // 2 if merge is None else whole("merge", merge, 0)
        scores = self.score_steps(X, lengths=lengths, mask=mask)
        return [
            found
            for row, one in enumerate(scores)
            for found in find_intervals(one, self.threshold_.along(one), gap, row)
        ]

    def stream(self) -> DetectionStream:
        """A detector fed step by step, in bounded memory, with the numbers of the batch.

        Raises:
            InputError: If there is no ``window``, or the aggregate is the median.
            NotFittedError: Before :meth:`fit`.
        """
        self._require_fitted()
        if self.window is None:
            raise InputError(
                "stream: expected a window to look at, but window=None takes whole rows; fit "
                "with window=64, for example"
            )
        if self.aggregate == "median":
            raise InputError("stream: expected aggregate 'mean' or 'newest', got 'median'")
        return DetectionStream(
            self._stepwise,
            self.window,
            self._stride,
            self.model_.channels,
            self.aggregate == "newest",
            self.threshold_,
        )

    def windows(self, X: Any, *, lengths: Any = None, mask: Any = None) -> Cuts:
        """Where the windows of rows lie, in the order of :meth:`transform`."""
        return self._cuts(self._known(X, lengths, mask))

    # ---------------------------------------------------------------------------------- within

    def _step_scores(self, arrays: Sequence[Array]) -> list[Array]:
        cuts = self._cuts(arrays)
        each: list[Array] = []
        for block in self._blocks(cuts):
            each += self._stepwise(cuts.take(block).of(arrays))
        return join(each, cuts, [len(one) for one in arrays], self.aggregate)

    def _stepwise(self, windows: Sequence[Array]) -> list[Array]:
        """What each window says of its steps."""
        errors = self.model_.errors(windows)
        return [step_scores(one / self.channel_errors_, self.focus)[0] for one in errors]

    def _window_scores(self, errors: Sequence[Array]) -> Array:
        each = [step_scores(one / self.channel_errors_, "window")[1] for one in errors]
        return np.array(each, np.float64)
