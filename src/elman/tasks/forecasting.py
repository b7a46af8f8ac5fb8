"""The forecaster: an estimator from a table of series to a calibrated forecast."""

from __future__ import annotations

import os
import sys
import time as clock
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

from elman.data.panel import Panel
from elman.errors import InputError
from elman.tasks.answers import source_shape
from elman.tasks.backtest import Backtest, run_backtest
from elman.tasks.calibration import (
    Calibration,
    HeldOut,
    cross_calibration,
    halved,
    hold_out,
    score,
)
from elman.tasks.forecasting_use import FittedForecaster
from elman.tasks.model import ForecastModel
from elman.tasks.options import check_options, resolve_cell
from elman.tasks.parameters import Array
from elman.tasks.plan import Plan, known_lengths, make_plan
from elman.tasks.storage import load_forecaster, save_forecaster
from elman.tasks.wording import describe_end, describe_start, why_uncalibrated
from elman.training import History

__all__ = ["Forecaster"]

_Self = TypeVar("_Self", bound="Forecaster")

_LARGEST = 1e150
"""Squares and sums of squares of values beyond it are no longer finite."""


class Forecaster(FittedForecaster):
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
        self.calibration_ = None
        self.scores_ = None
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

    def _say(self, text: Any) -> None:
        if self.verbose:
            print(text())

    def backtest(
        self,
        data: Any,
        *,
        cutoffs: Sequence[Any] | None = None,
        step: int | None = None,
        windows: int | None = None,
        refit: bool = False,
        **roles: Any,
    ) -> Backtest:
        """Forecasts the past as it would have been forecast then, from a rolling origin.

        The forecaster itself is not changed: networks are trained on copies, on the rows up to
        each cutoff alone (scaling and calibration too).

        Args:
            data: As in :meth:`fit`.
            cutoffs: The last known time stamps; default: the ends that follow from the others.
            step: Steps from one cutoff to the next; default: the horizon.
            windows: How many cutoffs; default: what fits in the last third, at most 10.
            refit: Whether a network is trained for each cutoff; else one on the rows up to the
                first, which then forecasts from all of them.
            **roles: ``target``, ``time``, ``id`` and the others of :meth:`fit`.

        Returns:
            A :class:`elman.tasks.backtest.Backtest`: scores (also by horizon and by series), and
            the forecasts as a table with a column ``cutoff``. Ctrl-C ends it with the cutoffs done
            so far, where there are any.

        Raises:
            InputError: If there are too few rows before the first cutoff, or after the last.
        """
        self._checked_options()
        panel = Panel.from_any(data, **roles)
        return run_backtest(self, panel, cutoffs, step, windows, refit)

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
