"""The simple forecasts that every score stands beside, from the same origins to the same targets.

R. J. Hyndman and G. Athanasopoulos, "Forecasting: principles and practice", 3rd edition, section
5.2, describes repeat-last (naive), seasonal-naive, drift and mean; Naive2 is the reference of the
M4 competition (Makridakis, Spiliotis and Assimakopoulos 2020), after its published benchmark code.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elman.errors import InputError
from elman.evaluate.metrics import naive_scale
from elman.evaluate.season import autocorrelation

__all__ = ["BASELINES", "Baselines"]

BASELINES = ("repeat_last", "seasonal_naive", "drift", "mean")
"""The baselines that are always reported; ``"naive2"`` joins them where it differs."""

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


class Baselines:
    """Simple forecasts of many windows at once, from all that is known before each origin.

    Missing values are stepped over: *last* always means last observed.

    - ``repeat_last``: the last value.
    - ``seasonal_naive``: the value one season (or the fewest whole seasons) before, the last value
      where that phase was never observed.
    - ``drift``: the straight line through the first and the last value.
    - ``mean``: the mean of all values.
    - ``naive2``: repeat-last of the seasonally adjusted series, where the training part passes the
      90 % seasonality test of M4; otherwise the same as ``repeat_last``. The seasonal indices
      are those of the training part (multiplicative, or additive where a value is not positive).

    Args:
        values: the series, each ``(T_i,)`` with NaN where missing, held-out part included: nothing
            at or after a window's origin is read for its forecast.
        season: steps in one season, from 1.
        training: how many leading steps of each series are training data; default: all.

    Raises:
        InputError: a series is not one-dimensional or infinite, ``season`` is below 1, or
            ``training`` does not fit the series.
    """

    def __init__(
        self, values: Sequence[ArrayLike], season: int = 1, training: Sequence[int] | None = None
    ) -> None:
        if season < 1:
            raise InputError(f"season: expected a whole number of steps from 1 up, got {season}")
        self.season = int(season)
        self._series = [_checked(one, index) for index, one in enumerate(values)]
        self._lengths = np.array([len(one) for one in self._series], dtype=np.int64)
        self._training = self._lengths if training is None else np.asarray(training, dtype=np.int64)
        if self._training.shape != self._lengths.shape or (self._training > self._lengths).any():
            raise InputError(
                f"training: expected one length for each of the {len(self._series)} series, none "
                "longer than its series"
            )
        # All series end to end, each behind a leading slot that stands for "nothing yet".
        self._starts = np.concatenate([[0], np.cumsum(self._lengths + 1)[:-1]]).astype(np.int64)
        self._flat = np.concatenate(
            [np.concatenate([[np.nan], one]) for one in self._series] or [np.zeros(0)]
        )
        self._last = _last_observed(self._flat, self._starts, self._lengths)
        self._seasonal: Floats | None = None
        self._indices: list[tuple[Floats, bool]] | None = None

    def scales(self) -> list[float | None]:
        """Each series' MASE scale, :func:`elman.evaluate.naive_scale` of its training part.

        None too where fewer than one whole season of pairs is observed: the error of one or two
        pairs is chance, and a scale near zero would drown the errors of all other series.
        """
        scales = []
        for one, length in zip(self._series, self._training, strict=True):
            training = one[:length]
            pairs = training[self.season :] - training[: -self.season]
            enough = np.count_nonzero(~np.isnan(pairs)) >= self.season
            scales.append(naive_scale(training, self.season) if enough else None)
        return scales

    def targets(self, series: ArrayLike, origins: ArrayLike, horizon: int) -> NDArray[np.float64]:
        """The truth of each window, ``(W, horizon)``; NaN where missing or after the end."""
        numbers, firsts = self._windows(series, origins)
        step = firsts[:, None] + np.arange(horizon)
        beyond = step >= self._lengths[numbers][:, None]
        place = self._starts[numbers][:, None] + 1 + np.where(beyond, -1, step)
        return np.where(beyond, np.nan, self._flat[place])

    def has_history(self, series: ArrayLike, origins: ArrayLike) -> NDArray[np.bool_]:
        """For each window, whether any value was observed before its origin, ``(W,)``."""
        last, _ = self._last_values(*self._windows(series, origins))
        return np.asarray(~np.isnan(last))

    def forecast(
        self, name: str, series: ArrayLike, origins: ArrayLike, horizon: int
    ) -> NDArray[np.float64]:
        """Forecasts of one baseline.

        Args:
            name: one of :data:`BASELINES` or ``"naive2"``.
            series: the number of each window's series, ``(W,)``.
            origins: the number of each window's first forecast step in its series, ``(W,)``:
                values before it are known. From 0 to the length of the series.
            horizon: steps ahead, from 1.

        Returns:
            ``(W, horizon)``; NaN in the rows of windows without any history
            (:meth:`has_history`).
        """
        makers = {
            "repeat_last": self._repeat_last,
            "seasonal_naive": self._seasonal_naive,
            "drift": self._drift,
            "mean": self._mean,
            "naive2": self._naive2,
        }
        if name not in makers:
            raise InputError(f"name: expected one of {', '.join(makers)}; got {name!r}")
        if horizon < 1:
            raise InputError(f"horizon: expected a whole number of steps from 1 up, got {horizon}")
        return makers[name](*self._windows(series, origins), horizon)

    def naive2_differs(self) -> bool:
        """Whether any series passes the seasonality test, so that naive2 is not repeat-last."""
        return any(len(indices) > 1 for indices, _ in self._seasonal_indices())

    def _windows(self, series: ArrayLike, origins: ArrayLike) -> tuple[Indices, Indices]:
        numbers = np.asarray(series, dtype=np.int64).reshape(-1)
        firsts = np.asarray(origins, dtype=np.int64).reshape(-1)
        if numbers.shape != firsts.shape:
            raise InputError(
                f"origins: expected one for each of the {len(numbers)} windows, got {len(firsts)}"
            )
        if len(numbers) and not (numbers.min() >= 0 and numbers.max() < len(self._series)):
            raise InputError(
                f"series: expected numbers from 0 to {len(self._series) - 1}, "
                f"got {numbers.min()} to {numbers.max()}"
            )
        if ((firsts < 0) | (firsts > self._lengths[numbers])).any():
            raise InputError("origins: expected steps from 0 to the length of the window's series")
        return numbers, firsts

    def _last_values(self, series: Indices, origins: Indices) -> tuple[Floats, Indices]:
        """The last observed value before each origin, and its step."""
        place = self._last[self._starts[series] + origins]
        return self._flat[place], place - self._starts[series] - 1

    def _repeat_last(self, series: Indices, origins: Indices, horizon: int) -> Floats:
        last, _ = self._last_values(*self._windows(series, origins))
        return np.repeat(last[:, None], horizon, axis=1)

    def _drift(self, series: Indices, origins: Indices, horizon: int) -> Floats:
        last, last_step = self._last_values(series, origins)
        observed = ~np.isnan(self._flat)
        first_place = np.searchsorted(np.flatnonzero(observed), self._starts)
        places = np.append(np.flatnonzero(observed), 0)[first_place]
        first, first_step = self._flat[places][series], (places - self._starts - 1)[series]
        slope = (last - first) / np.maximum(last_step - first_step, 1)
        ahead = origins[:, None] + np.arange(horizon) - last_step[:, None]
        return np.asarray(last[:, None] + slope[:, None] * ahead)

    def _mean(self, series: Indices, origins: Indices, horizon: int) -> Floats:
        means = np.full(len(series), np.nan)
        for number in np.unique(series):
            values, rows = self._series[number], series == number
            observed = ~np.isnan(values)
            total = np.concatenate([[0.0], np.cumsum(np.where(observed, values, 0.0))])
            count = np.concatenate([[0], np.cumsum(observed)])
            at = origins[rows]
            means[rows] = np.where(count[at] > 0, total[at] / np.maximum(count[at], 1), np.nan)
        return np.repeat(means[:, None], horizon, axis=1)

    def _seasonal_naive(self, series: Indices, origins: Indices, horizon: int) -> Floats:
        if self._seasonal is None:
            filled = [_filled_by_phase(one, self.season) for one in self._series]
            self._seasonal = np.concatenate([np.concatenate([[np.nan], one]) for one in filled])
        step = origins[:, None] + np.arange(horizon) % self.season - self.season
        place = self._starts[series][:, None] + np.maximum(step, -1) + 1
        last, _ = self._last_values(series, origins)
        forecast = self._seasonal[place]
        return np.where(np.isnan(forecast), last[:, None], forecast)

    def _naive2(self, series: Indices, origins: Indices, horizon: int) -> Floats:
        forecast = self._repeat_last(series, origins, horizon)
        _, last_step = self._last_values(series, origins)
        for number in np.unique(series):
            indices, multiplicative = self._seasonal_indices()[number]
            rows = series == number
            season = len(indices)
            now = indices[last_step[rows] % season][:, None]
            then = indices[(origins[rows][:, None] + np.arange(horizon)) % season]
            if multiplicative:
                forecast[rows] *= then / now
            else:
                forecast[rows] += then - now
        return forecast

    def _seasonal_indices(self) -> list[tuple[Floats, bool]]:
        if self._indices is None:
            parts = zip(self._series, self._training, strict=True)
            self._indices = [_seasonal_indices(one[:length], self.season) for one, length in parts]
        return self._indices


def _checked(values: ArrayLike, index: int) -> Floats:
    one = np.asarray(values, dtype=np.float64)
    if one.ndim != 1:
        raise InputError(f"values: expected series of shape (T,), number {index} has {one.shape}")
    if np.isinf(one).any():
        raise InputError(f"values: series {index} holds infinity; mark missing values with NaN")
    return one


def _last_observed(flat: Floats, starts: Indices, lengths: Indices) -> Indices:
    """For each place, the last observed place up to it in its series, or the series' first slot."""
    first_slot = np.repeat(starts, lengths + 1)
    places = np.where(np.isnan(flat), first_slot, np.arange(len(flat)))
    return np.maximum.accumulate(places) if len(places) else places


def _filled_by_phase(values: Floats, season: int) -> Floats:
    """Each missing value replaced by the last observed one a whole number of seasons before."""
    rows = -(-len(values) // season)
    padded = np.full(rows * season, np.nan)
    padded[: len(values)] = values
    table = padded.reshape(rows, season)
    row = np.where(np.isnan(table), 0, np.arange(rows)[:, None])
    if rows:
        row = np.maximum.accumulate(row, axis=0)
    return np.take_along_axis(table, row, axis=0).reshape(-1)[: len(values)]


def _seasonal_indices(training: Floats, season: int) -> tuple[Floats, bool]:
    """Seasonal index of each phase of a training part, and whether they multiply.

    ``(1,)`` zeros, additive, where the series is not seasonal by M4's test: three seasons long
    and an autocorrelation at the season outside 90 % limits. M4 divides by indices always; where a
    value is not positive that has no meaning, so there the indices add.
    """
    flat = (np.zeros(1), False)
    if season < 2 or not _passes_seasonality_test(training, season):
        return flat
    observed = training[~np.isnan(training)]
    multiplicative = bool((observed > 0).all())
    trend = _centred_average(training, season)
    detrended = training / trend if multiplicative else training - trend
    phases = np.arange(len(training)) % season
    present = ~np.isnan(detrended)
    count = np.bincount(phases[present], minlength=season)
    if not count.all():
        return flat
    indices = np.bincount(phases[present], detrended[present], minlength=season) / count
    if multiplicative:
        return indices / indices.mean(), True
    return indices - indices.mean(), False


def _passes_seasonality_test(training: Floats, season: int) -> bool:
    """M4's test: |r_m| above 1.645 sqrt((1 + 2 (r_1^2 + ... + r_(m-1)^2)) / n), n >= 3 m."""
    count = int((~np.isnan(training)).sum())
    if count < 3 * season:
        return False
    correlation, _ = autocorrelation(training, season, detrend=False)
    if correlation is None or len(correlation) <= season:
        return False
    variance = (1 + 2 * (correlation[1:season] ** 2).sum()) / count
    return bool(abs(correlation[season]) > 1.645 * np.sqrt(variance))


def _centred_average(values: Floats, season: int) -> Floats:
    """Centred moving average over one season, NaN at the ends and next to missing values."""
    even = season % 2 == 0
    weights = np.full(season + even, 1.0 / season)
    if even:
        weights[[0, -1]] /= 2
    average = np.full(len(values), np.nan)
    half = len(weights) // 2
    average[half : len(values) - half] = np.convolve(values, weights, mode="valid")
    return average
