"""How many steps one season has: from the frequency where that says it, else from the data."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elman.errors import InputError

__all__ = ["infer_season"]

# Steps in a season when one step is one unit of the calendar, by the aliases of pandas, the
# durations of polars, and in words. 1: nothing shorter than the data themselves would tell.
_CALENDAR: dict[str, int] = {
    **dict.fromkeys(("y", "ye", "ys", "a", "as", "bye", "bys", "yearly", "annual"), 1),
    **dict.fromkeys(("q", "qe", "qs", "bq", "bqe", "bqs", "quarterly"), 4),
    **dict.fromkeys(("m", "me", "ms", "bm", "bme", "bms", "mo", "monthly"), 12),
    **dict.fromkeys(("w", "weekly"), 52),
    **dict.fromkeys(("d", "daily"), 7),
    **dict.fromkeys(("b", "c", "business", "business day"), 5),
}
# Seconds in one unit of the clock.
_CLOCK: dict[str, float] = {
    **dict.fromkeys(("h", "hourly"), 3600.0),
    **dict.fromkeys(("min", "t", "minutely"), 60.0),
    **dict.fromkeys(("s", "secondly"), 1.0),
    **dict.fromkeys(("millisecond", "l"), 1e-3),
}
_MINUTE, _HOUR, _DAY, _WEEK = 60.0, 3600.0, 86400.0, 7 * 86400.0

_HARMONICS = 4  # how many multiples of a period decide between neighbouring lags
_NEAR_BEST = 0.8  # a shorter peak this close to the highest one is preferred to its multiples
_SIGNIFICANCE = 0.1  # chance of finding a season in noise, over all the lags tried
# A correlation this high, and so far above the trough before it, needs no test.
_CLEAR, _CLEAR_RISE = 0.8, 1.5
_MOST_SERIES = 64  # of a large panel, this many are asked
_LONGEST = 4096  # of a long series, this many of the last steps are asked


def infer_season(
    values: ArrayLike | Sequence[ArrayLike],
    frequency: str | None = None,
    longest: int | None = None,
) -> int:
    """Steps in one season of a series, or of most of a list of series; 1 when there is none.

    A frequency decides first (monthly 12, quarterly 4, weekly 52, daily 7, business days 5, hourly
    24, a quarter of an hour 96, ...) where the series are at least two such seasons long. Yearly,
    integer and unknown frequencies ask the data: the first high peak of the autocorrelation of the
    detrended series (of its differences where that shows none), significant by Bartlett's formula
    at 10 % over all the lags tried or so clear a repetition that no test is needed, placed where
    its multiples agree best.

    Args:
        values: one series ``(T,)`` or a list of them; NaN marks a missing value. Only what is
            known when the model is trained belongs here.
        frequency: a pandas alias or polars duration (``"MS"``, ``"1mo"``, ``"15min"``, ``"h"``),
            or None.
        longest: the longest season that the caller can use, in steps; default: any.

    Raises:
        InputError: a series is not one-dimensional.
    """
    series = _as_list(values)
    length = max((len(one) for one in series), default=0)
    limit = length if longest is None else longest
    named = _season_of_frequency(frequency) if frequency else None
    if named is not None and 1 < named <= limit and 2 * named <= length:
        return named
    usable = sorted(series, key=len, reverse=True)[:_MOST_SERIES]
    found = [_season_of_values(one[-_LONGEST:], limit) for one in usable]
    if not found:
        return 1
    candidates, votes = np.unique(found, return_counts=True)
    return int(candidates[votes.argmax()])


def _as_list(values: ArrayLike | Sequence[ArrayLike]) -> list[NDArray[np.float64]]:
    if isinstance(values, (list, tuple)) and values and np.ndim(values[0]) > 0:
        series = [np.asarray(one, dtype=np.float64) for one in values]
    else:
        series = [np.asarray(values, dtype=np.float64)]
    for index, one in enumerate(series):
        if one.ndim != 1:
            raise InputError(f"values: expected series of shape (T,), number {index}: {one.shape}")
    return series


def _season_of_frequency(frequency: str) -> int | None:
    """Season that a frequency stands for; None where the name is unknown."""
    match = re.fullmatch(r"(\d*)\s*([A-Za-z]+(?: [A-Za-z]+)?)(?:-[A-Za-z]+)?", frequency.strip())
    if match is None:
        return None
    count, unit = int(match[1] or 1), match[2]
    if unit == "ms":
        unit = "millisecond"  # pandas tells "ms" from "MS", the start of a month
    elif unit == "m" and match[1]:
        unit = "min"  # polars' "5m" is five minutes; pandas' old "M" is a month
    unit = unit.lower()
    if unit in _CLOCK:
        return _season_of_clock(count * _CLOCK[unit])
    if unit == "d" and count == 7:
        return _CALENDAR["w"]
    base = _CALENDAR.get(unit)
    if base is None or count == 0:
        return None
    return base // count if base % count == 0 else 1


def _season_of_clock(step: float) -> int:
    """Steps in the cycle that a step in seconds belongs to, 1 when none is plain.

    Seconds repeat by the minute and minutes by the hour; from five minutes up it is the day.
    """
    for cycle, longest_step in ((_MINUTE, 2.0), (_HOUR, 120.0), (_DAY, _DAY / 2), (_WEEK, _DAY)):
        if 1 <= step <= longest_step and float(cycle / step).is_integer():
            return int(cycle / step)
    return 1


def _season_of_values(values: NDArray[np.float64], limit: int) -> int:
    season = _autocorrelation_period(values, limit)
    if season == 1 and len(values) > 3:
        season = _autocorrelation_period(np.diff(values), limit)
    return season


def _autocorrelation_period(values: NDArray[np.float64], limit: int) -> int:
    """Period of a series by its autocorrelation, 1 when no peak is significant."""
    last = min(len(values) // 3, limit)
    if last < 2:
        return 1
    correlation, pairs = autocorrelation(values, max(2 * len(values) // 3, last))
    if correlation is None:
        return 1
    r, count = correlation[: last + 1], pairs[: last + 1]
    # Bartlett: the variance of r_k when the correlation of lags k and beyond is zero.
    spread = np.sqrt((1 + 2 * np.concatenate([[0, 0], np.cumsum(r[1:-1] ** 2)])) / count)
    bound = _normal_bound(_SIGNIFICANCE / last) * spread
    peak = np.zeros(last + 1, dtype=bool)
    peak[2:last] = (r[2:last] > r[1 : last - 1]) & (r[2:last] >= r[3:])
    rise = r - np.minimum.accumulate(r)
    # Bartlett's bound asks for many cycles, the more the clearer they are: it grows with r.
    peak &= ((r > bound) & (rise > bound)) | ((r > _CLEAR) & (rise > _CLEAR_RISE))
    if last >= 4 and r[4] < 0.7 * r[2]:
        peak[2] = False  # a decaying alternation is a negative first-order correlation
    candidates = np.flatnonzero(peak)
    if not len(candidates):
        return 1
    first = int(candidates[r[candidates] >= _NEAR_BEST * r[candidates].max()][0])
    return _best_multiple(correlation, first, last)


def _normal_bound(tail: float) -> float:
    """The z that a standard normal variable exceeds with the chance ``tail`` (at most 1/2)."""
    low, high = 0.0, 40.0
    for _ in range(60):
        middle = (low + high) / 2
        above = 0.5 * math.erfc(middle / math.sqrt(2)) > tail
        low, high = (middle, high) if above else (low, middle)
    return low


def _best_multiple(correlation: NDArray[np.float64], first: int, last: int) -> int:
    """Of the lags around ``first``, the one whose multiples correlate best."""
    if first == 2:
        return 2
    width = max(1, first // 8)
    multiples = np.arange(1, max(1, min(_HARMONICS, (len(correlation) - 1) // (first + width))) + 1)
    nearby = range(max(2, first - width), min(last, first + width) + 1)
    return max(nearby, key=lambda lag: float(correlation[lag * multiples].mean()))


def autocorrelation(
    values: ArrayLike, lags: int, detrend: bool = True
) -> tuple[NDArray[np.float64] | None, NDArray[np.float64]]:
    """Autocorrelation of lags 0 to ``lags`` of one series, and the pairs behind each.

    Missing values are left out pair by pair. ``detrend`` takes a straight line out first, else
    only the mean. The products are averaged over the pairs when detrended (so that far lags are
    not shrunk), else divided by the number of values, as usual for tests. The correlation is
    None for a series that is constant (or a straight line), where it is undefined.
    """
    series = np.asarray(values, dtype=np.float64)
    observed = np.isfinite(series)
    lags = min(lags, max(len(series) - 1, 0))
    if observed.sum() < 3:
        return None, np.ones(lags + 1)
    centred = _centre(series, observed, detrend)
    size = 1 << int(2 * len(series) - 1).bit_length()
    spectrum = np.fft.rfft(centred, size)
    present = np.fft.rfft(observed.astype(np.float64), size)
    products = np.fft.irfft(spectrum * spectrum.conj(), size)[: lags + 1]
    pairs = np.fft.irfft(present * present.conj(), size)[: lags + 1].round().clip(1)
    size_of_values = np.abs(series[observed]).max()
    if products[0] / pairs[0] <= (1e-9 * size_of_values) ** 2:
        return None, pairs
    if not detrend:
        return products / products[0], pairs
    return (products / pairs) / (products[0] / pairs[0]), pairs


def _centre(
    series: NDArray[np.float64], observed: NDArray[np.bool_], detrend: bool
) -> NDArray[np.float64]:
    """The series less its mean, and less its straight line where asked; zero where missing."""
    if not detrend:
        return np.where(observed, series - series[observed].mean(), 0.0)
    time = np.arange(len(series), dtype=np.float64)
    time -= time[observed].mean()
    level = series[observed].mean()
    slope = (time[observed] * (series[observed] - level)).sum() / (time[observed] ** 2).sum()
    return np.where(observed, series - level - slope * time, 0.0)
