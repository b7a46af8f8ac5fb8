"""Held-out forecasts over the end of the series, and the intervals and scores that rest on them.

The last part of every series is cut into folds. For each, a network is trained on what lies
before it and forecasts the windows that begin in it: a rolling origin with a few refits. Those
forecasts, none of which was trained on, give the scores beside the baselines and the conformal
widening of the intervals (:mod:`elman.evaluate.conformal`), which the network trained on
everything then bears. Widths are counted in each window's own unit, so that a window twice as
restless gets an interval twice as wide.
"""

from __future__ import annotations

import time as clock
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from elman.data.panel import Panel
from elman.errors import InputError
from elman.evaluate import (
    Baselines,
    Scores,
    apply_adjustment,
    conformal_adjustment,
    nest_intervals,
    score_forecasts,
)
from elman.progress import stage
from elman.tasks.model import ForecastModel, RawForecast
from elman.tasks.parameters import Array
from elman.tasks.plan import Plan, held_out_rows, known_lengths

__all__ = [
    "Calibration",
    "Fold",
    "HeldOut",
    "fold_counts",
    "hold_out",
    "interval_quantiles",
    "level_name",
]

# Numbers held in memory of held-out forecasts; beyond, every k-th window is taken.
_MOST_NUMBERS = 20_000_000
# Steps ahead that share their scores with their neighbours where windows are few.
_POOL_BELOW = 400


@dataclass
class Fold:
    """Windows that one network forecast without having seen them; scaled as that network saw.

    Attributes:
        series: int64 ``(W,)``.
        origin: int64 ``(W,)``.
        raw: Their forecasts, scaled.
        truth: ``(W, C, H)``: the truth, scaled; NaN where missing or not known yet.
        values: ``(W, C, H, Q)``: the forecasts in the unit of the series.
        linear: ``(W, C, H)``: what the linear part alone forecasts, in that unit, or ``None``.
        model: The network.
    """

    series: Array
    origin: Array
    raw: RawForecast
    truth: Array
    values: Array
    linear: Array | None
    model: ForecastModel

    def take(self, chosen: Array) -> Fold:
        """Some of the windows, by a mask ``(W,)``."""
        return Fold(
            self.series[chosen],
            self.origin[chosen],
            RawForecast(self.raw.quantiles[chosen], self.raw.unit[chosen]),
            self.truth[chosen],
            self.values[chosen],
            None if self.linear is None else self.linear[chosen],
            self.model,
        )


@dataclass
class HeldOut:
    """All folds, in the order of time.

    Attributes:
        folds: Those that have windows.
        begin: ``(S,)``: rows before the first of them.
        interrupted: The network whose training Ctrl-C ended, and all folds with it; or ``None``.
    """

    folds: list[Fold]
    begin: Array
    interrupted: ForecastModel | None = None

    @property
    def windows(self) -> int:
        """How many windows there are, each with all target columns."""
        return sum(len(fold.series) for fold in self.folds)


class Calibration:
    """By how much the quantiles are widened, level by level and step by step ahead.

    Attributes:
        levels: In percent, ascending.
        adjustment: ``(levels, H)``, in window units.
        count: ``(levels, H)``: how many held-out values each rests on.
        sufficient: Whether that is enough for the conformal guarantee at every step.
    """

    def __init__(self, levels: tuple[float, ...], adjustment: Array, count: Array) -> None:
        self.levels, self.adjustment, self.count = levels, adjustment, count
        need = np.array([level / (100 - level) for level in levels])
        self.sufficient = bool((count >= np.ceil(need - 1e-9)[:, None]).all())

    @classmethod
    def fit(cls, folds: list[Fold], plan: Plan, quantiles: tuple[float, ...]) -> Calibration:
        """From held-out forecasts.

        Raises:
            InputError: If nothing was observed at some step ahead.
        """
        parts = [_in_units(fold) for fold in folds]
        q, truth = (np.concatenate(part) for part in zip(*parts, strict=True))
        pool = 1 if len(truth) < _POOL_BELOW else 0
        adjustments, counts = [], []
        for level in plan.levels:
            low, high = interval_quantiles(quantiles, level)
            coverage = _among_dependent(level / 100, _scores_in_time(folds, low, high))
            found = conformal_adjustment(q[:, :, low], q[:, :, high], truth, coverage, pool)
            adjustments.append(found.adjustment)
            counts.append(found.count)
        horizon = plan.horizon
        return cls(
            plan.levels,
            np.array(adjustments).reshape(len(plan.levels), horizon),
            np.array(counts, np.int64).reshape(len(plan.levels), horizon),
        )

    def intervals(
        self, raw: RawForecast, quantiles: tuple[float, ...]
    ) -> dict[float, tuple[Array, Array]]:
        """Calibrated intervals ``(W, C, H)`` by level, scaled, each holding the narrower ones.

        Steps beyond those calibrated (a recursive network may run on) widen with the square root
        of the time, as a random walk does.
        """
        point = raw.quantiles[..., _median(quantiles)]
        unit, horizon = raw.unit[:, :, None], point.shape[2]
        found = {}
        for number, level in enumerate(self.levels):
            low, high = interval_quantiles(quantiles, level)
            widen = _prolonged(self.adjustment[number], horizon) * unit
            ends = raw.quantiles[..., low], raw.quantiles[..., high]
            found[level] = apply_adjustment(*ends, widen)
        return nest_intervals(found, point)


def _scores_in_time(folds: list[Fold], low: int, high: int) -> list[Array]:
    """How far the truth lay outside, ``(W, H)`` for each row, its windows in the order of time."""
    rows: dict[tuple[int, int], list[tuple[int, Array]]] = {}
    for fold in folds:
        lower, upper = fold.raw.quantiles[..., low], fold.raw.quantiles[..., high]
        unit = fold.raw.unit[:, :, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            outside = np.maximum(lower - fold.truth, fold.truth - upper) / unit
        for window, (series, origin) in enumerate(zip(fold.series, fold.origin, strict=True)):
            for channel in range(outside.shape[1]):
                if fold.raw.unit[window, channel] > 0:
                    key = int(series), channel
                    rows.setdefault(key, []).append((int(origin), outside[window, channel]))
    return [
        np.stack([scores for _, scores in sorted(found, key=lambda one: one[0])])
        for found in rows.values()
    ]


def _among_dependent(coverage: float, rows: list[Array]) -> float:
    """The share to ask of windows that overlap, so that new ones are covered as stated.

    Of n independent scores the k-th smallest covers k / (n + 1) of new values. Windows whose
    horizons overlap err together: they are worth fewer independent ones, their number over the
    integrated autocorrelation time of the scores.
    """
    windows = sum(len(one) for one in rows)
    effective = windows / _autocorrelation_time(rows)
    asked = coverage * (1 + 1 / effective) / (1 + 1 / windows)
    return min(asked, 1 - 1e-9)


def _autocorrelation_time(rows: list[Array]) -> float:
    """1 + 2 (r_1 + r_2 + ...) of the scores, up to the first r_k within the noise."""
    together = np.concatenate(rows)
    known = ~np.isnan(together)
    mean = np.where(known, together, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    centred = [np.where(np.isnan(one), 0.0, one - mean) for one in rows]
    variance = sum(float((one**2).sum()) for one in centred)
    if variance <= 0:
        return 1.0
    time, longest = 1.0, max(len(one) for one in centred)
    noise = 1.0 / np.sqrt(sum(len(one) for one in centred))
    for lag in range(1, longest):
        shared = sum(float((one[lag:] * one[:-lag]).sum()) for one in centred if len(one) > lag)
        if shared <= variance * noise:
            break
        time += 2 * shared / variance
    return time


def level_name(level: float) -> str:
    """A level as columns are named: ``80``, ``97.5``."""
    return f"{level:g}"


def fold_counts(panel: Panel, plan: Plan) -> list[Array]:
    """Where each fold begins, and the last ends: rows of each series, ``folds + 1`` arrays."""
    known = known_lengths(panel)
    steps = held_out_rows(known, plan.calibration)
    begin = known - steps
    return [begin + steps * number // plan.folds for number in range(plan.folds + 1)]


def hold_out(
    panel: Panel,
    plan: Plan,
    train: Callable[[Array, int], ForecastModel],
) -> HeldOut:
    """Trains a network for every fold and forecasts the windows that begin in it.

    Args:
        panel: The training data.
        plan: What was chosen.
        train: Makes the network of a fold from the rows it may see and the fold's number.
    """
    bounds = fold_counts(panel, plan)
    stride = _stride(bounds, panel.n_targets, plan)
    folds: list[Fold] = []
    begun = clock.perf_counter()
    for number in range(plan.folds):
        with stage(f"held-out fold {number + 1} of {plan.folds}", begun):
            model = train(bounds[number], number)
        if model.history.interrupted:
            return HeldOut(folds, bounds[0], model)
        series, origin = _origins(panel, bounds[number], bounds[number + 1], stride, model, plan)
        if len(series):
            folds.append(judge_windows(model, panel, series, origin, bounds[number]))
    return HeldOut(folds, bounds[0])


def judge_windows(
    model: ForecastModel, panel: Panel, series: Array, origin: Array, counts: Array
) -> Fold:
    """Forecasts windows whose truth is (partly) known."""
    raw = model.forecast(panel, series, origin, counts)
    scaler, _ = model.encoder.scaler_for(panel, counts)
    horizon = raw.quantiles.shape[2]
    truth = _truth(scaler.transform(panel), series, origin, horizon)
    values = unscale(scaler, raw.quantiles, series)
    alone = model.linear_forecast(panel, series, origin, counts)
    linear = None if alone is None else unscale(scaler, alone.quantiles[..., 0], series)
    return Fold(series, origin, raw, truth, values, linear, model)


def unscale(scaler: Any, values: Array, series: Array) -> Array:
    """Scaled ``(W, C, ...)`` in the unit of the series."""
    result: Array = scaler.inverse_transform(values, series, channel_axis=1)
    return result


def score(
    held_out: HeldOut,
    panel: Panel,
    plan: Plan,
    calibrate: Callable[[int], Calibration | None],
) -> Scores:
    """The score table of held-out forecasts, beside the baselines and the linear part alone.

    Args:
        held_out: The forecasts.
        panel: The data they are about.
        plan: What was chosen.
        calibrate: The calibration to judge the intervals of a fold by, which must not rest on
            that fold; ``None`` for no intervals.
    """
    channels = panel.n_targets
    points, ends, series, origin = [], [], [], []
    for number, fold in enumerate(held_out.folds):
        quantiles = fold.model.trained_quantiles
        points.append(_flat(fold.values[..., _median(quantiles)]))
        series.append((fold.series[:, None] * channels + np.arange(channels)).reshape(-1))
        origin.append(np.repeat(fold.origin, channels))
        calibration = calibrate(number)
        if calibration is not None:
            scaler, _ = fold.model.encoder.scaler_for(panel, held_out.begin)
            ends.append(
                {
                    level: tuple(_flat(unscale(scaler, end, fold.series)) for end in pair)
                    for level, pair in calibration.intervals(fold.raw, quantiles).items()
                }
            )
    columns = [one[:, c] for one in panel for c in range(channels)]
    baselines = Baselines(columns, plan.season, np.repeat(held_out.begin, channels).tolist())
    intervals = None
    if ends and len(ends) == len(held_out.folds):
        intervals = {
            level: (
                np.concatenate([one[level][0] for one in ends]),
                np.concatenate([one[level][1] for one in ends]),
            )
            for level in plan.levels
        }
    return score_forecasts(
        np.concatenate(points),
        baselines,
        np.concatenate(series),
        np.concatenate(origin),
        series_names(panel),
        intervals,
        rivals=_linear_alone(held_out),
    )


def _linear_alone(held_out: HeldOut) -> dict[str, Array]:
    """The forecasts of the linear parts, where every fold has one."""
    parts = [fold.linear for fold in held_out.folds if fold.linear is not None]
    if not parts or len(parts) < len(held_out.folds):
        return {}
    return {"linear": np.concatenate([_flat(part) for part in parts])}


def series_names(panel: Panel) -> list[str]:
    """A name for each target column of each series."""
    ids = [str(one) for one in panel.ids]
    targets = [str(one) for one in panel.names.targets]
    if len(targets) == 1:
        return ids if panel.n_series > 1 or panel.names.id is not None else targets
    if panel.n_series == 1 and panel.names.id is None:
        return targets
    return [f"{one}/{target}" for one in ids for target in targets]


def cross_calibration(held_out: HeldOut, plan: Plan) -> Callable[[int], Calibration | None]:
    """For each fold the calibration that rests on the other folds alone.

    With one fold its windows are halved in time, in :func:`halved`, before this is asked.
    """
    folds = held_out.folds

    def calibrate(number: int) -> Calibration | None:
        others = [fold for place, fold in enumerate(folds) if place != number]
        if not others or not plan.levels:
            return None
        try:
            return Calibration.fit(others, plan, folds[number].model.trained_quantiles)
        except InputError:
            # Too short a past for a step ahead to have been seen: coverage stays unmeasured,
            # which Forecaster.notes_ says.
            return None

    return calibrate


def halved(held_out: HeldOut) -> HeldOut:
    """A single fold as two, the earlier and the later half of its origins."""
    if len(held_out.folds) != 1:
        return held_out
    fold = held_out.folds[0]
    middle = np.median(fold.origin)
    masks = (fold.origin < middle, fold.origin >= middle)
    if not all(mask.any() for mask in masks):
        return held_out
    parts = [fold.take(mask) for mask in masks]
    return HeldOut(parts, held_out.begin)


def _origins(
    panel: Panel, begin: Array, end: Array, stride: int, model: ForecastModel, plan: Plan
) -> tuple[Array, Array]:
    """Every window of a fold that the network can read and some of whose truth is known."""
    needed = 2 if model.marks and plan.strategy == "direct" else plan.window
    series, origins = [], []
    for number in range(panel.n_series):
        one = np.arange(max(int(begin[number]), needed), int(end[number]), stride)
        known = np.concatenate([[0], np.cumsum(~np.isnan(panel.series(number)).all(axis=1))])
        last = np.minimum(one + plan.horizon, len(known) - 1)
        good = known[last] > known[one]
        if not model.marks:
            good &= known[one] - known[np.maximum(one - plan.window, 0)] == plan.window
        series.append(np.full(int(good.sum()), number))
        origins.append(one[good])
    return np.concatenate(series).astype(np.int64), np.concatenate(origins).astype(np.int64)


def _stride(bounds: list[Array], channels: int, plan: Plan) -> int:
    windows = int((bounds[-1] - bounds[0]).sum())
    numbers = windows * channels * plan.horizon * len(plan.quantiles)
    stride = -(-numbers // _MOST_NUMBERS)
    return int(stride if stride <= 1 else stride | 1)


def _truth(panel: Panel, series: Array, origin: Array, horizon: int) -> Array:
    """``(W, C, H)``, NaN beyond the end of a series."""
    step = origin[:, None] + np.arange(horizon)
    lengths = panel.lengths[series][:, None]
    row = panel.offsets[series][:, None] + np.minimum(step, lengths - 1)
    values = panel.values[row]
    values[step >= lengths] = np.nan
    truth: Array = values.transpose(0, 2, 1)
    return truth


def _in_units(fold: Fold) -> tuple[Array, Array]:
    """Quantiles and truth of a fold, each row in its own unit; constant rows left out."""
    unit = fold.raw.unit.reshape(-1)
    quantiles = fold.raw.quantiles.reshape(len(unit), *fold.raw.quantiles.shape[2:])
    truth, moving = _flat(fold.truth), unit > 0
    scale = unit[moving]
    return quantiles[moving] / scale[:, None, None], truth[moving] / scale[:, None]


def _flat(values: Array) -> Array:
    return values.reshape(-1, values.shape[-1])


def _median(quantiles: tuple[float, ...]) -> int:
    return quantiles.index(0.5)


def interval_quantiles(quantiles: tuple[float, ...], level: float) -> tuple[int, int]:
    """Where the ends of a level's interval stand; the point forecast where they do not."""
    tail = round((1 - level / 100) / 2, 6)
    if tail not in quantiles:
        return _median(quantiles), _median(quantiles)
    return quantiles.index(tail), quantiles.index(round(1 - tail, 6))


def _prolonged(adjustment: Array, horizon: int) -> Array:
    calibrated = len(adjustment)
    if horizon <= calibrated:
        return adjustment[:horizon]
    beyond = np.arange(calibrated + 1, horizon + 1)
    return np.concatenate([adjustment, adjustment[-1] * np.sqrt(beyond / calibrated)])
