"""The forecaster: an estimator from a table of series to a calibrated forecast."""

from __future__ import annotations

import os
import sys
import time as clock
import warnings
from collections.abc import Sequence
from importlib import import_module
from typing import Any, TypeVar

import numpy as np

from elman.data.panel import Panel
from elman.errors import ElmanWarning, InputError, NotFittedError
from elman.evaluate import Scores
from elman.tasks.ahead import extended, rows_seen
from elman.tasks.answers import Answer, source_shape
from elman.tasks.backtest import Backtest, run_backtest
from elman.tasks.calibration import (
    Calibration,
    HeldOut,
    cross_calibration,
    halved,
    hold_out,
    judge_windows,
    score,
)
from elman.tasks.estimator import Estimator
from elman.tasks.model import ForecastModel
from elman.tasks.options import check_levels, check_options, resolve_cell
from elman.tasks.parameters import Array
from elman.tasks.plan import Plan, known_lengths, make_plan
from elman.tasks.storage import load_forecaster, save_forecaster
from elman.tasks.wording import describe_end, describe_start, why_uncalibrated
from elman.training import History

__all__ = ["Forecaster"]

_Self = TypeVar("_Self", bound="Forecaster")

_LARGEST = 1e150
"""Squares and sums of squares of values beyond it are no longer finite."""


class Forecaster(Estimator):
    """Forecasts one or many series with a recurrent network, with calibrated intervals.

    The constructor only stores its arguments; everything left at ``None`` or ``"auto"`` is chosen
    from the data by :meth:`fit`, stands in ``plan_`` and is printed with ``verbose=True``.
    Several series, and several target columns, are learnt by one network together.

    Args:
        horizon: Steps ahead; default: one season, or 12.
        window: Steps that the network reads; default: two to fourteen seasons.
        cell: ``"gru"``, ``"lstm"``, ``"rnn"`` (tanh) or another name in ``elman.cells.CELLS``.
        hidden_size: Units; default: 16 to 128, by the number of windows to learn from.
        num_layers: How many cells are stacked.
        segment: Steps fed to the cell at once, a divisor of ``window``; ``"auto"`` keeps the
            recurrence between 12 and 64 steps long.
        strategy: ``"direct"`` forecasts the whole horizon at once; ``"recursive"`` is trained one
            step ahead on every step and runs free on its own output, as a dynamical system.
        levels: Intervals, in percent, such as ``(80, 95)``; ``()`` for none.
        quantiles: Further quantiles to forecast, each between 0 and 1, as the network gives them
            (not calibrated); only of a direct network with the pinball loss.
        season: Steps in one season, ``None`` for none, or ``"auto"``: from the time stamps, else
            from the data.
        loss: ``"pinball"`` (all quantiles), or ``"mae"``, ``"mse"``, ``"huber"`` for the point
            forecast alone; intervals then rest on the held-out errors. A recursive network is
            always trained for the point forecast, by default with ``"mse"``.
        scaling: Of each series, fitted on the training part: ``"standard"``, ``"minmax"``,
            ``"log1p"`` or ``"none"``.
        normalize: Of each window, on top: ``"last-std"`` (subtract the last value, divide by the
            deviation), ``"last"``, ``"mean-std"``, ``"mean"`` or ``None``; ``"auto"`` is
            ``"last-std"``, and ``None`` for a recursive network.
        shortcut: Whether a linear forecast is fitted first (ridge regression) and the network
            adds to it; ``"auto"``: where there are at most 20,000 windows to learn from. Never
            beside a recursive network.
        series_vectors: Whether each of several series has a learned vector; without, the network
            can forecast series it has not seen. A recursive network has none.
        dropout: Probability of dropping a unit before the output; default 0 to 0.3, none in a
            recursive network.
        epochs: Passes over the windows; default: what comes to 400 updates or more.
        batch_size: Windows of a batch; default: 32 to 448.
        learning_rate: Of AdamW at its highest, falling along a cosine; default 0.002 to 0.005.
        folds: How often a network is trained on a shorter past, to score and calibrate; 0 for
            never. ``"auto"``: 5 where windows are few, else 1.
        calibration: Steps, or share, at the end of the series over which the folds are spread.
        refit: Whether the network is trained again on everything after that; ``"auto"``: unless
            there was one fold with many windows.
        ensemble: How many networks are trained, from different initial values, and averaged:
            takes as many times as long, and the forecast varies less.
        seed: Of all randomness: same seed, same bits.
        verbose: Whether to print what was read and chosen, and the scores.
        backend: ``"auto"``, ``"native"`` or ``"reference"``.

    Attributes:
        plan_: What was chosen, a :class:`elman.tasks.plan.Plan`.
        model_: The trained network with its scaling, a :class:`elman.tasks.model.ForecastModel`.
        scores_: Scores of the held-out forecasts beside the baselines; ``None`` where nothing
            could be held out.
        calibration_: What widens the intervals, or ``None``.
        history_: The record of the training of the network.
        notes_: What was done or should be known, in words.
        seconds_: Wall-clock time of the parts of :meth:`fit`; empty in one that was read back.

    Raises:
        InputError: From :meth:`fit`, for an argument or data that do not fit.

    Sources: SegRNN (:mod:`elman.tasks.direct`) for the direct network; Y. Romano, E. Patterson
    and E. Candes, "Conformalized quantile regression", NeurIPS 2019, for the intervals.
    """

    def __init__(
        self,
        horizon: int | None = None,
        window: int | None = None,
        cell: str = "gru",
        hidden_size: int | None = None,
        num_layers: int = 1,
        segment: int | str = "auto",
        strategy: str = "direct",
        levels: Sequence[float] = (80, 95),
        quantiles: Sequence[float] | None = None,
        season: int | str | None = "auto",
        loss: str = "pinball",
        scaling: str = "standard",
        normalize: str | None = "auto",
        shortcut: bool | str = "auto",
        series_vectors: bool = True,
        dropout: float | None = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        folds: int | str = "auto",
        calibration: int | float | str = "auto",
        refit: bool | str = "auto",
        ensemble: int = 1,
        seed: int = 0,
        verbose: bool = False,
        backend: str = "auto",
    ) -> None:
        self.horizon = horizon
        self.window = window
        self.cell = cell
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.segment = segment
        self.strategy = strategy
        self.levels = levels
        self.quantiles = quantiles
        self.season = season
        self.loss = loss
        self.scaling = scaling
        self.normalize = normalize
        self.shortcut = shortcut
        self.series_vectors = series_vectors
        self.dropout = dropout
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.folds = folds
        self.calibration = calibration
        self.refit = refit
        self.ensemble = ensemble
        self.seed = seed
        self.verbose = verbose
        self.backend = backend

    # ------------------------------------------------------------------------------- fitting

    def fit(
        self: _Self,
        data: Any,
        y: None = None,
        *,
        target: str | Sequence[str] | None = None,
        time: str | None = None,
        id: str | None = None,
        past: str | Sequence[str] = (),
        future: str | Sequence[str] = (),
        static: str | Sequence[str] = (),
        frequency: Any = None,
        wide: str | None = None,
        time_format: str | None = None,
        time_zone: str | None = None,
    ) -> _Self:
        """Chooses, trains, scores and calibrates.

        Args:
            data: A file, a data frame, arrays or a :class:`elman.Panel`; see
                :meth:`elman.Panel.from_any`, whose arguments the following are.
            y: Not used: the series to forecast are columns of ``data``.
            target: Column or columns to forecast.
            time: Column of time stamps.
            id: Column that names the series.
            past: Covariates known up to the present.
            future: Covariates known ahead; rows of ``data`` beyond the last target give theirs.
            static: Columns constant in a series.
            frequency: Distance from row to row, where it cannot be inferred.
            wide: What several numeric columns are, ``"series"`` or ``"targets"``.
            time_format: How time stamps in text are written, such as ``"%d/%m/%Y"``.
            time_zone: Where time stamps without a zone were written, such as
                ``"Europe/Amsterdam"``.

        Returns:
            The forecaster itself.

        Raises:
            InputError: If an argument or the data do not fit; nothing was trained then.
            TrainingError: If training does not converge to finite numbers.
        """
        started = clock.perf_counter()
        if y is not None:
            raise InputError(
                "y: expected None: the series to forecast are columns of data (name them with "
                "target=)"
            )
        options = self._checked_options()
        panel = Panel.from_any(
            data,
            target=target,
            time=time,
            id=id,
            past=past,
            future=future,
            static=static,
            frequency=frequency,
            wide=wide,
            time_format=time_format,
            time_zone=time_zone,
        )
        self._check_panel(panel)
        plan = make_plan(options, panel)
        self._fit_panel(panel, plan, started)
        self._shape_in = source_shape(data)
        return self

    def plan(self, data: Any, **roles: Any) -> Plan:
        """What :meth:`fit` would choose, without training anything.

        Args:
            data: As in :meth:`fit`.
            **roles: ``target``, ``time``, ``id`` and the others of :meth:`fit`.

        Raises:
            InputError: As :meth:`fit`.
        """
        options = self._checked_options()
        panel = Panel.from_any(data, **roles)
        self._check_panel(panel)
        return make_plan(options, panel)

    def _checked_options(self) -> dict[str, Any]:
        options = self.get_params()
        check_options(options)
        options["cell"] = resolve_cell(options["cell"])
        return options

    def _check_panel(self, panel: Panel) -> None:
        largest = float(np.nanmax(np.abs(panel.values), initial=0.0))
        if largest > _LARGEST:
            raise InputError(
                f"data: expected values up to {_LARGEST:g}, whose squares are still finite, got "
                f"{largest:.3g}; give them in another unit"
            )
        for number, one in enumerate(panel):
            empty = np.isnan(one).all(axis=0)
            if empty.any():
                which = panel.names.targets[int(empty.argmax())]
                name = "" if panel.names.id is None else f" of series {panel.label(number)}"
                raise InputError(
                    f"data: all values of {which!r}{name} are missing; leave it out or fill it"
                )

    def _fit_panel(self: _Self, panel: Panel, plan: Plan, started: float) -> _Self:
        self._say(lambda: describe_start(panel, plan))
        notes = [f"{note[0].upper()}{note[1:]}." for note in panel.notes]
        seconds = {"reading": clock.perf_counter() - started}
        counts = known_lengths(panel)
        seeds = np.random.SeedSequence(self.seed).spawn(plan.folds + 1)

        def train(rows: Array, number: int) -> ForecastModel:
            return ForecastModel.train(
                panel, rows, plan, seeds[number], backend=self.backend, progress=self._progress()
            )

        begun = clock.perf_counter()
        held_out = hold_out(panel, plan, train) if plan.folds else HeldOut([], counts)
        seconds["held-out folds"] = clock.perf_counter() - begun
        begun = clock.perf_counter()
        if held_out.interrupted is not None:
            self.model_ = held_out.interrupted
        elif plan.refit or not held_out.folds:
            self.model_ = train(counts, plan.folds)
        else:
            self.model_ = held_out.folds[-1].model
            notes.append(
                f"The network was trained on all but the last {plan.calibration} steps, which "
                "score and calibrate it (refit=True trains it on them too)."
            )
        seconds["training"] = clock.perf_counter() - begun
        self.plan_, self._panel = plan, panel
        self._finish(held_out, panel, plan, notes)
        self.history_: History = self.model_.history
        if self.history_.interrupted:
            notes.append(
                f"Training was interrupted in epoch {len(self.history_) + 1} of {plan.epochs}; the "
                "weights are the best until then."
            )
        self.notes_, self.seconds_ = notes, seconds
        seconds["total"] = clock.perf_counter() - started
        self._say(lambda: describe_end(self))
        return self

    def _finish(self, held_out: HeldOut, panel: Panel, plan: Plan, notes: list[str]) -> None:
        """Scores and calibration from the held-out forecasts."""
        self.calibration_: Calibration | None = None
        self.scores_: Scores | None = None
        self.held_out_: HeldOut | None = held_out
        constant = [str(panel.ids[i]) for i in np.flatnonzero(_constant(self.model_))]
        if constant:
            named = ", ".join(map(repr, constant[:3])) + (" ..." if len(constant) > 3 else "")
            notes.append(f"Constant series ({named}) are forecast to stay as they are.")
        if not held_out.folds:
            if plan.levels:
                self._warn(why_uncalibrated(held_out, self.folds))
            return
        if plan.levels and held_out.interrupted is None:
            quantiles = self.model_.trained_quantiles
            self.calibration_ = Calibration.fit(held_out.folds, plan, quantiles)
            if not self.calibration_.sufficient:
                notes.append(
                    "Few windows were held out: the widest intervals rest on the largest errors "
                    "seen, and may be too narrow."
                )
        elif plan.levels:
            self._warn("intervals were not calibrated, since training was interrupted")
        if plan.season > max(int(fold.origin.max()) for fold in held_out.folds):
            notes.append(
                f"A season of {plan.season} steps is longer than the past of all held-out windows: "
                "seasonal-naive repeats the last value there."
            )
        judged = halved(held_out)
        # Without calibrated intervals there is no coverage to speak of.
        given = self.calibration_ is not None or not plan.levels
        calibrate = cross_calibration(judged, plan) if given else lambda _: None
        self.scores_ = score(judged, panel, plan, calibrate)
        if self.calibration_ is not None and not self.scores_.intervals:
            notes.append(
                "The coverage of the intervals was not measured: the held-out part is too short to "
                "calibrate on some of it and judge on the rest."
            )

    def _progress(self) -> bool | None:
        return None if self.verbose or sys.stderr.isatty() else False

    def _warn(self, text: str) -> None:
        warnings.warn(text, ElmanWarning, stacklevel=5)

    def _say(self, text: Any) -> None:
        if self.verbose:
            print(text())

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

    def _check_fitted(self) -> None:
        if not hasattr(self, "model_"):
            raise NotFittedError("this Forecaster is not fitted yet: call fit(data) first")

    @property
    def training_panel(self) -> Panel:
        """The training data; of a loaded forecaster the windows that its forecast starts from."""
        self._check_fitted()
        return self._panel

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

    def backtest(
        self,
        data: Any,
        *,
        cutoffs: Sequence[Any] | None = None,
        step: int | None = None,
        windows: int | None = None,
        refit: bool = False,
        target: str | Sequence[str] | None = None,
        time: str | None = None,
        id: str | None = None,
        past: str | Sequence[str] = (),
        future: str | Sequence[str] = (),
        static: str | Sequence[str] = (),
        frequency: Any = None,
        wide: str | None = None,
        time_format: str | None = None,
        time_zone: str | None = None,
    ) -> Backtest:
        """Forecasts the past as it would have been forecast then, from a rolling origin.

        The forecaster itself is not changed: networks are trained on copies, on the rows up to
        each cutoff alone (scaling and calibration too).

        Args:
            data: As in :meth:`fit`, and so are the arguments from ``target`` on.
            cutoffs: The last known time stamps; default: the ends that follow from the others.
            step: Steps from one cutoff to the next; default: the horizon.
            windows: How many cutoffs; default: what fits in the last third, at most 10.
            refit: Whether a network is trained for each cutoff; else one on the rows up to the
                first, which then forecasts from all of them.

        Returns:
            A :class:`elman.tasks.backtest.Backtest`: scores (also by horizon and by series), and
            the forecasts as a table with a column ``cutoff``. Ctrl-C ends it with the cutoffs done
            so far, where there are any.

        Raises:
            InputError: If there are too few rows before the first cutoff, or after the last.
        """
        self._checked_options()
        panel = Panel.from_any(
            data,
            target=target,
            time=time,
            id=id,
            past=past,
            future=future,
            static=static,
            frequency=frequency,
            wide=wide,
            time_format=time_format,
            time_zone=time_zone,
        )
        return run_backtest(self, panel, cutoffs, step, windows, refit)

    # -------------------------------------------------------------------------------- saving

    def save(self, path: str | os.PathLike[str], overwrite: bool = False) -> None:
        """Saves the fitted forecaster as a folder (JSON and safetensors).

        Args:
            path: The folder; its parent must exist.
            overwrite: Whether a saved model already there may be replaced.

        Raises:
            InputError: If something stands there that must not be replaced.
            NotFittedError: Before :meth:`fit`.
        """
        self._check_fitted()
        save_forecaster(self, path, overwrite)

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

    @classmethod
    def from_saved(cls: type[_Self], path: str | os.PathLike[str]) -> _Self:
        """Reads back what :meth:`save` wrote, as :func:`elman.load` does.

        Raises:
            InputError: If it is no saved forecaster, of a later version, or damaged.
        """
        return load_forecaster(cls, path)


def _constant(model: ForecastModel) -> Array:
    """Which series of the training have no target that moves, ``(S,)``."""
    return np.asarray((model.encoder.deviation == 0).all(axis=1))
