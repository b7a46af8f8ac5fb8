"""Backtests: the past forecast as it would have been then, from a rolling origin."""

from __future__ import annotations

import time as clock
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from elman.checks import whole
from elman.counting import counted
from elman.data.panel import Panel
from elman.errors import InputError
from elman.evaluate import Scores
from elman.progress import stage
from elman.tasks.calibration import Fold, HeldOut, judge_windows, level_name, score, unscale
from elman.tasks.parameters import Array
from elman.tasks.plan import known_lengths

if TYPE_CHECKING:
    from elman.tasks.forecasting import Forecaster
    from elman.tasks.plan import Plan

__all__ = ["Backtest", "run_backtest"]

_MOST_WINDOWS = 10


@dataclass
class Backtest:
    """What a backtest came to.

    Attributes:
        scores: MAE, RMSE, sMAPE, MASE, OWA, pinball loss and coverage beside the baselines, also
            by horizon and by series.
        frame: One row for each cutoff, series and step: id, time, ``cutoff`` (the last known
            time), for each target its true value under its own name, ``<target>-forecast`` and the
            ends of the intervals. A table of the kind that came in.
        cutoffs: How many there were.
        refits: How many networks were trained.
        plan: What was chosen, for the first of them, as plain values.
        notes: What should be known.
        seconds: Wall-clock time.
        folds: The forecasts as arrays, one entry for each cutoff.
        panel: The series that were forecast, as ``folds`` number them.
    """

    scores: Scores
    frame: Any
    cutoffs: int
    refits: int
    plan: dict[str, Any]
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    folds: list[Fold] = field(default_factory=list, repr=False)
    panel: Panel | None = field(default=None, repr=False)

    def windows_of(self, series: int, channel: int) -> list[tuple[int, Array]]:
        """The forecasts of one target of one series: rows known, and the forecast ``(H,)``."""
        found = []
        for fold in self.folds:
            median = fold.model.trained_quantiles.index(0.5)
            for place in np.flatnonzero(fold.series == series):
                found.append((int(fold.origin[place]), fold.values[place, channel, :, median]))
        return found

    def __repr__(self) -> str:
        return (
            f"Backtest({counted(self.cutoffs, 'cutoff')}, {counted(self.refits, 'fit')}: "
            f"{self.scores.verdict})"
        )


def run_backtest(
    forecaster: Forecaster,
    panel: Panel,
    cutoffs: Sequence[Any] | None,
    step: int | None,
    windows: int | None,
    refit: bool,
) -> Backtest:
    """See :meth:`elman.Forecaster.backtest`."""
    started = clock.perf_counter()
    horizon = _horizon(forecaster, panel)
    if cutoffs is not None:
        if step is not None or windows is not None:
            raise InputError("cutoffs: expected either cutoffs, or step and windows, not both")
        counts = _counts_at(panel, cutoffs)
    else:
        counts = _rolling_counts(panel, horizon, step, windows)
    panel, counts, notes = _with_a_past(panel, counts)
    fits: list[Forecaster] = []
    folds: list[Fold] = []
    for rows in counts:
        if not fits or refit:
            fitted = forecaster.clone().set_params(verbose=False, horizon=horizon)
            text = f"cutoff {len(folds) + 1} of {len(counts)}" if refit else ""
            with stage(text, started):
                fitted.fit(panel.take(rows))
            if fitted.history_.interrupted and fits:
                notes.append(
                    f"Interrupted: scored are the first {len(folds)} of {len(counts)} cutoffs."
                )
                break
            fits.append(fitted)
        series = _forecastable(panel, rows, horizon)
        folds.append(judge_windows(fits[-1].model_, panel, series, rows[series], rows))
        if refit and fits[-1].history_.interrupted:
            notes.append(f"Interrupted: scored are the first 1 of {len(counts)} cutoffs.")
            break
    calibrations = [
        (fits[number] if refit else fits[0]).calibration_ for number in range(len(folds))
    ]
    plan = fits[0].plan_
    held_out = HeldOut(folds, counts[0])
    scores = score(held_out, panel, plan, lambda number: calibrations[number])
    return Backtest(
        scores=scores,
        frame=_frame(panel, folds, calibrations),
        cutoffs=len(folds),
        refits=len(fits),
        plan=plan.to_dict(),
        notes=[*notes, *_season_note(forecaster, panel, plan), *fits[-1].notes_],
        seconds=clock.perf_counter() - started,
        folds=folds,
        panel=panel,
    )


def _horizon(forecaster: Forecaster, panel: Panel) -> int:
    if forecaster.horizon is not None:
        return int(forecaster.horizon)
    from elman.tasks.plan import default_horizon, resolve_season

    season = resolve_season(forecaster.season, panel)
    return default_horizon(season, int(known_lengths(panel).max()))


def _season_note(forecaster: Forecaster, panel: Panel, plan: Plan) -> list[str]:
    """Why the season is another than a forecast from the end of the same data has."""
    from elman.tasks.plan import resolve_season

    whole_record = resolve_season(forecaster.season, panel)
    if plan.season == whole_record:
        return []
    found = f"a season of {plan.season} steps" if plan.season > 1 else "no season"
    of_all = f"one of {whole_record}" if whole_record > 1 else "none"
    return [
        f"Before the first cutoff the data show {found}, which is what would have been chosen "
        f"then; all of them show {of_all}, which season={whole_record} sets."
    ]


def _rolling_counts(
    panel: Panel, horizon: int, step: int | None, windows: int | None
) -> list[Array]:
    """Rows known at each cutoff, the earliest first."""
    step = horizon if step is None else whole("step", step)
    known = known_lengths(panel)
    longest = int(known.max())
    if windows is None:
        windows = int(np.clip((longest // 3 - horizon) // step + 1, 1, _MOST_WINDOWS))
    windows = whole("windows", windows)
    first = longest - horizon - (windows - 1) * step
    if first < horizon + 4:
        raise InputError(
            f"windows: {windows} cutoffs {step} steps apart, {horizon} steps ahead, leave "
            f"{max(first, 0)} of {longest} rows to train on; choose fewer windows or a smaller "
            "step or horizon"
        )
    back = horizon + step * np.arange(windows - 1, -1, -1)
    return [np.maximum(known - steps, 0) for steps in back]


def _with_a_past(panel: Panel, counts: list[Array]) -> tuple[Panel, list[Array], list[str]]:
    """The series that have values at the first cutoff, and a note about the others."""
    first = panel.take(counts[0])
    begun = np.array([bool((~np.isnan(one)).any(axis=0).all()) for one in first])
    if begun.all() or not begun.any():
        return panel, counts, []
    left_out = np.flatnonzero(~begun)
    named = ", ".join(panel.label(int(number)) for number in left_out[:3])
    note = (
        f"Left out {len(left_out)} of {panel.n_series} series ({named}"
        f"{' ...' if len(left_out) > 3 else ''}) without values at the first cutoff."
    )
    return panel.select(np.flatnonzero(begun)), [rows[begun] for rows in counts], [note]


def _counts_at(panel: Panel, cutoffs: Sequence[Any]) -> list[Array]:
    """Rows known at each of the given time stamps."""
    if isinstance(cutoffs, (str, bytes)) or not np.iterable(cutoffs) or not len(list(cutoffs)):
        raise InputError(f"cutoffs: expected time stamps, one or more, got {cutoffs!r}")
    stamps = sorted(_stamp(panel, one) for one in cutoffs)
    known, counts = known_lengths(panel), []
    for stamp in stamps:
        rows = np.minimum(panel.counts_until(stamp), known)
        if not (rows > 0).any():
            raise InputError(
                f"cutoffs: {panel.show(stamp)} lies before the first row of every series, "
                f"{panel.show(panel.stamps.min())}"
            )
        if not (known > rows).any():
            raise InputError(
                f"cutoffs: {panel.show(stamp)} leaves no later value to compare with; the data end "
                f"at {panel.show(panel.stamps.max())}"
            )
        counts.append(rows)
    return counts


def _stamp(panel: Panel, cutoff: Any) -> Any:
    """A cutoff as the panel's stamps are: int64, or datetime64 in UTC."""
    if panel.stamps.dtype.kind != "M":
        if isinstance(cutoff, (int, np.integer)) and not isinstance(cutoff, bool):
            return np.int64(cutoff)
        raise InputError(f"cutoffs: expected whole numbers, as the data's time is, got {cutoff!r}")
    try:
        plain = getattr(cutoff, "to_datetime64", None)
        stamp = plain() if plain is not None else np.datetime64(cutoff)
        stamp = np.array([stamp]).astype(panel.stamps.dtype)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"cutoffs: expected time stamps such as '2024-06-30', got {cutoff!r}"
        ) from error
    if panel.time_zone is not None and plain is None:
        from elman.data.calendar import from_wall

        stamp = from_wall(stamp, panel.time_zone)
    return stamp[0]


def _forecastable(panel: Panel, rows: Array, horizon: int) -> Array:
    """Series that have a past at this cutoff, and a value to compare with."""
    chosen = []
    for number in range(panel.n_series):
        count = int(rows[number])
        ahead = panel.series(number)[count : count + horizon]
        if count > 0 and (~np.isnan(ahead)).any():
            chosen.append(number)
    return np.array(chosen, np.int64)


def _frame(panel: Panel, folds: list[Fold], calibrations: list[Any]) -> Any:
    """All forecasts beside the truth, as a table of the panel's kind."""
    series, stamps, cutoff = [], [], []
    columns: dict[str, list[Array]] = {}
    for fold, calibration in zip(folds, calibrations, strict=True):
        horizon = fold.values.shape[2]
        last = panel.stamps[panel.offsets[fold.series] + fold.origin - 1]
        series.append(np.repeat(fold.series, horizon))
        stamps.append(panel.stamps_after(last, horizon).reshape(-1))
        cutoff.append(np.repeat(last, horizon))
        for name, values in _fold_columns(panel, fold, calibration).items():
            columns.setdefault(name, []).append(values.reshape(-1))
    whole_columns: dict[str, Array] = {"cutoff": _like_time(panel, np.concatenate(cutoff))}
    whole_columns |= {name: np.concatenate(parts) for name, parts in columns.items()}
    return panel.frame(np.concatenate(series), np.concatenate(stamps), whole_columns)


def _fold_columns(panel: Panel, fold: Fold, calibration: Any) -> dict[str, Array]:
    model = fold.model
    scaler, _ = model.encoder.scaler_for(panel, fold.origin)
    median = model.trained_quantiles.index(0.5)
    truth = _truth(panel, fold)
    found = {}
    if calibration is not None:
        found = {
            level: tuple(unscale(scaler, end, fold.series) for end in ends)
            for level, ends in calibration.intervals(fold.raw, model.trained_quantiles).items()
        }
    columns: dict[str, Array] = {}
    for channel, name in enumerate(panel.names.targets):
        columns[str(name)] = truth[:, :, channel]
        columns[f"{name}-forecast"] = fold.values[:, channel, :, median]
        for level, (low, high) in found.items():
            columns[f"{name}-lo-{level_name(level)}"] = low[:, channel]
            columns[f"{name}-hi-{level_name(level)}"] = high[:, channel]
    return columns


def _truth(panel: Panel, fold: Fold) -> Array:
    """What came, as it stands in the data: ``(windows, horizon, targets)``, NaN beyond the end."""
    ahead = np.arange(fold.values.shape[2])
    rows = (panel.offsets[fold.series] + fold.origin)[:, None] + ahead
    ends = panel.offsets[fold.series + 1][:, None]
    values = panel.values[np.minimum(rows, panel.n_rows - 1)]
    return np.where((rows < ends)[:, :, None], values, np.nan)


def _like_time(panel: Panel, stamps: Array) -> Array:
    """Cutoffs in the resolution of the time column (in UTC where that has a zone)."""
    if stamps.dtype.kind != "M":
        return stamps
    days = stamps.astype("datetime64[D]")
    if panel.resolution == "D" and np.array_equal(days, stamps):
        return days
    if panel.resolution in ("ns", "ms", "s"):
        return stamps.astype(f"datetime64[{panel.resolution}]")
    return stamps
