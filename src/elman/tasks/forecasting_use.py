"""What a fitted forecaster does: it forecasts, is judged, and becomes ONNX."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

from elman.data.panel import Panel
from elman.errors import ElmanWarning, InputError, NotFittedError
from elman.evaluate import Scores
from elman.tasks.ahead import extended, rows_seen
from elman.tasks.answers import Answer, source_shape
from elman.tasks.calibration import Calibration, HeldOut, judge_windows, score
from elman.tasks.estimator import Estimator
from elman.tasks.model import ForecastModel
from elman.tasks.options import check_levels
from elman.tasks.parameters import Array
from elman.tasks.plan import Plan, known_lengths

__all__ = ["FittedForecaster"]


class FittedForecaster(Estimator):
    """What :class:`elman.Forecaster` can do once it is fitted."""

    plan_: Plan
    model_: ForecastModel
    scores_: Scores | None
    calibration_: Calibration | None
    _panel: Panel
    _shape_in: Any

    # --------------------------------------------------------------------------- forecasting

    def predict(
        self,
        data: Any = None,
        horizon: int | None = None,
        *,
        future: Any = None,
        levels: Sequence[float] | None = None,
    ) -> Any:
        """Forecasts beyond the end of each series.

        Args:
            data: Series like those of the training, up to the present; default: the training's.
            horizon: Steps ahead, at most the trained horizon (a recursive network goes beyond).
            future: A table with time stamps and the covariates known ahead, where ``data`` does
                not hold them beyond its last target.
            levels: Which of the calibrated intervals to give; default: all.

        Returns:
            A table of the kind that ``data`` was: id and time, for each target its forecast,
            the ends ``<target>-lo-80``, ``<target>-hi-80`` of its intervals, and the quantiles
            asked for, ``<target>-q-0.9``. For NumPy arrays the point forecast alone, in the shape
            of the data with ``horizon`` in the place of time; see :meth:`predict_intervals`.

        Raises:
            InputError: If the data do not fit the model, a covariate is unknown, or the horizon
                is beyond what was trained.
            NotFittedError: Before :meth:`fit`.
        """
        answer = self.forecast(data, horizon, future=future, levels=levels)
        if answer.panel.kind == "numpy":
            return answer.array(self._shape_in if data is None else source_shape(data))
        return answer.frame()

    def predict_intervals(
        self,
        data: Any = None,
        horizon: int | None = None,
        *,
        future: Any = None,
        levels: Sequence[float] | None = None,
    ) -> dict[float, tuple[Array, Array]]:
        """Calibrated intervals as arrays.

        Arguments and errors are those of :meth:`predict`.

        Returns:
            Level -> lower and upper ends, each ``(series, horizon, targets)``, or for NumPy data
            in the shape that :meth:`predict` gives.
        """
        answer = self.forecast(data, horizon, future=future, levels=levels)
        shape = None
        if answer.panel.kind == "numpy":
            shape = self._shape_in if data is None else source_shape(data)
        return {
            level: (answer.array(shape, low), answer.array(shape, high))
            for level, (low, high) in answer.intervals.items()
        }

    def forecast(
        self,
        data: Any = None,
        horizon: int | None = None,
        *,
        future: Any = None,
        levels: Sequence[float] | None = None,
    ) -> Answer:
        """The forecast with all its parts; arguments and errors are those of :meth:`predict`.

        Returns:
            An :class:`elman.tasks.answers.Answer`.
        """
        self._check_fitted()
        panel = self._panel if data is None else self._read(data)
        horizon = self._check_horizon(horizon)
        chosen = self._check_levels(levels)
        # A forecast begins after the last observed value, whatever empty rows follow it.
        counts = known_lengths(panel)
        if panel.future.shape[1]:
            panel = extended(panel, counts, horizon, self.plan_.horizon, future)
        elif future is not None:
            raise InputError(
                "future: the model was trained without covariates known ahead, expected None"
            )
        series = np.arange(panel.n_series)
        plan = self.plan_
        raw = self.model_.forecast(panel, series, counts, counts, horizon)
        if data is not None:
            self._warn_of_short(panel, counts)
        return Answer.of(self.model_, panel, counts, raw, self.calibration_, chosen, plan, horizon)

    def _warn_of_short(self, panel: Panel, counts: Array) -> None:
        """Says of how many series less is known than the network reads."""
        window, short = self.plan_.window, int((counts < self.plan_.window).sum())
        if short:
            which = "it" if panel.n_series == 1 else f"{short} of {panel.n_series} series"
            self._warn(
                f"the network reads {window} steps, and only {int(counts.min())} of {which} are "
                "known: what lies before them counts as missing, and the forecast may be poor"
            )

    def _read(self, data: Any) -> Panel:
        if isinstance(data, Panel):
            return data
        if isinstance(data, (np.ndarray, list, tuple)):
            if self._panel.kind != "numpy":
                raise InputError(
                    f"data: the model was trained on named columns ({self._panel.kind}), expected "
                    f"a file or a table with them, got {type(data).__name__}"
                )
            return Panel.from_any(data, wide=self._panel.roles()["wide"])
        if self._panel.kind == "numpy":
            return Panel.from_any(data)
        return Panel.from_any(data, **self._panel.roles())

    def _check_horizon(self, horizon: int | None) -> int:
        trained = self.plan_.horizon
        if horizon is None:
            return trained
        if isinstance(horizon, bool) or not isinstance(horizon, (int, np.integer)) or horizon < 1:
            raise InputError(
                f"horizon: expected a whole number of steps from 1 up, got {horizon!r}"
            )
        if horizon > trained and self.plan_.strategy == "direct":
            raise InputError(
                f"horizon: this model forecasts {trained} steps at once, got {horizon}; train one "
                f"with horizon={horizon}, or with strategy='recursive'"
            )
        if horizon > trained and self.plan_.levels and self.calibration_ is not None:
            self._warn(
                f"intervals beyond {trained} steps are not calibrated; they widen with the square "
                "root of the time"
            )
        return int(horizon)

    def _check_levels(self, levels: Sequence[float] | None) -> tuple[float, ...]:
        have = () if self.calibration_ is None else self.calibration_.levels
        if levels is None:
            return have
        wanted = check_levels(levels)
        unknown = [level for level in wanted if level not in have]
        if unknown:
            listed = ", ".join(f"{level:g}" for level in have) or "none"
            raise InputError(
                f"levels: the model is calibrated for {listed}, got {unknown[0]:g}; train with "
                f"levels=({unknown[0]:g},)"
            )
        return wanted

    # ------------------------------------------------------------------------------- judging

    def evaluate(self, data: Any = None) -> Scores:
        """Scores beside the baselines, on windows that were not trained on.

        Args:
            data: Series that go on beyond the training's end, their past included: every window
                whose targets lie beyond it is scored. Arrays bear no time, so that all their
                windows are scored: give arrays that were not trained on. Default: the held-out
                part of the training data, as in ``scores_``.

        Returns:
            The :class:`elman.evaluate.Scores`.

        Raises:
            InputError: If no window can be scored.
        """
        self._check_fitted()
        if data is None:
            if self.scores_ is None:
                raise InputError(
                    "data: nothing was held out in training (too short, or folds=0); give data "
                    "that go on beyond its end"
                )
            return self.scores_
        panel = self._read(data)
        begin = rows_seen(self._panel, panel)
        plan = self.plan_
        series, origins = [], []
        for number in range(panel.n_series):
            first = max(int(begin[number]), plan.window)
            one = np.arange(first, int(panel.lengths[number]))
            series.append(np.full(len(one), number))
            origins.append(one)
        chosen, origin = np.concatenate(series), np.concatenate(origins)
        if not len(chosen):
            raise InputError(
                f"data: expected series that go on beyond the end of the training and hold at "
                f"least the window of {plan.window} steps before, got none"
            )
        counts = np.maximum(begin, np.minimum(plan.window, panel.lengths))
        fold = judge_windows(self.model_, panel, chosen, origin, counts)
        return score(HeldOut([fold], counts), panel, plan, lambda _: self.calibration_)

    def score(self, data: Any = None, y: None = None) -> float:
        """Skill: 1 minus the mean absolute error over that of the best baseline.

        1 is perfect, 0 no better than the best of repeat-last, seasonal-naive, drift and mean on
        the same windows. For several series the errors are scaled (MASE).

        Args:
            data: As in :meth:`evaluate`.
            y: Not used.

        Raises:
            InputError: If no window can be scored.
        """
        scores = self.evaluate(data)
        own = scores.table[scores.model][scores.basis]
        rivals = [
            row[scores.basis]
            for name, row in scores.table.items()
            if name != scores.model and row[scores.basis] is not None
        ]
        if own is None or not rivals:
            raise InputError("data: no value was observed in the windows to be scored")
        best = min(value for value in rivals if value is not None)
        return 1.0 - own / best if best else float(own == 0)

    def to_onnx(
        self, file: str | os.PathLike[str], *, certificate: bool = True, overwrite: bool = False
    ) -> dict[str, Any]:
        """Writes a direct forecaster as an ONNX model that reads and gives raw values.

        Scaling, normalisation, the linear part, the ensemble and the calibrated intervals are in
        the graph. Its inputs, float64: ``values`` ``(N, window, targets)``, NaN where missing if
        the training had missing values (those before the first observed one are then filled with
        it); ``series`` int64 ``(N,)``, the number of each window's series in the training, where
        there were several; ``past`` ``(N, window, P)`` and ``future`` ``(N, window + horizon, F)``
        where there were such covariates. Its outputs, ``(N, horizon, targets)``: ``forecast``,
        ``lower_80``, ``upper_80`` and so on for each level, ``quantile_0.9`` for each asked for.

        Args:
            file: Where to.
            certificate: Whether the file is run in ONNX Runtime on random windows and compared;
                the result is written to ``<file>.certificate.json``.
            overwrite: Whether files already there may be replaced.

        Returns:
            The certificate, empty if none was asked for.

        Raises:
            InputError: If the forecaster is recursive, or the file exists.
            NotFittedError: Before :meth:`fit`.
            BackendUnavailable: If onnx, or ONNX Runtime for the certificate, is not installed.
        """
        import_module("elman.exchange.parts").package("onnx", "onnx")
        writer = import_module("elman.exchange.onnx_forecast")
        written: dict[str, Any] = writer.forecaster_to_onnx(
            self, file, certificate=certificate, overwrite=overwrite
        )
        return written

    @property
    def training_panel(self) -> Panel:
        """The training data; of a loaded forecaster the windows that its forecast starts from."""
        self._check_fitted()
        return self._panel

    def _check_fitted(self) -> None:
        if not hasattr(self, "model_"):
            raise NotFittedError("this Forecaster is not fitted yet: call fit(data) first")

    def _warn(self, text: str) -> None:
        warnings.warn(text, ElmanWarning, stacklevel=5)
