"""Split-conformal calibration of forecast intervals.

Y. Romano, E. Patterson and E. Candes, "Conformalized quantile regression", NeurIPS 2019: the
conformity score of a held-out value is how far it lies outside its interval (negative inside), and
the interval is widened by the ``ceil((n + 1) coverage)``-th smallest score (equation 8 and
theorem 1). Coverage on new data is then at least the stated one, whatever the quality of the
quantiles, as long as held-out and new windows are exchangeable. Windows of one series are not
quite, so the coverage observed on a later test part belongs beside the stated one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elman.errors import InputError
from elman.evaluate.metrics import errors

__all__ = ["ConformalAdjustment", "apply_adjustment", "conformal_adjustment", "nest_intervals"]

Floats = NDArray[np.float64]
Level = TypeVar("Level", int, float, str)


@dataclass(frozen=True)
class ConformalAdjustment:
    """By how much to widen the interval of each step ahead, and how far that can be trusted.

    Attributes:
        adjustment: what to take from the lower and add to the upper end, ``(H,)``; negative where
            the intervals were too wide.
        count: how many held-out values each step's adjustment rests on, ``(H,)``.
        sufficient: whether ``count`` is large enough for the guarantee, ``(H,)``: at least
            ``coverage / (1 - coverage)``. Where it is not, the adjustment is the largest score.
    """

    adjustment: Floats
    count: NDArray[np.int64]
    sufficient: NDArray[np.bool_]


def conformal_adjustment(
    lower: ArrayLike, upper: ArrayLike, y: ArrayLike, coverage: float, pool: int = 0
) -> ConformalAdjustment:
    """Widening of an interval, step by step ahead, that gives it the stated coverage.

    Args:
        lower: lower ends on windows that trained nothing, ``(W, H)``.
        upper: upper ends, same shape.
        y: the truth, same shape, NaN where missing. With several series of unlike size, all three
            belong in each series' scaled unit.
        coverage: wanted share of values inside, between 0 and 1, such as 0.8.
        pool: neighbouring steps ahead, on each side, whose scores count too: for few windows. The
            finite-sample guarantee is then approximate.

    Raises:
        InputError: the shapes differ, an end is not finite where the truth is known, ``coverage``
            is not between 0 and 1, or no value is observed at some step (with its neighbours).
    """
    if not 0 < coverage < 1:
        raise InputError(f"coverage: expected a number between 0 and 1, got {coverage}")
    if pool < 0:
        raise InputError(f"pool: expected a number of steps from 0 up, got {pool}")
    if np.ndim(y) != 2:
        raise InputError(f"y: expected shape (windows, horizon), got {np.shape(y)}")
    scores = np.maximum(errors(y, lower), -errors(y, upper))
    horizon = scores.shape[1]
    adjustment, count = np.zeros(horizon), np.zeros(horizon, dtype=np.int64)
    for step in range(horizon):
        near = scores[:, max(0, step - pool) : step + pool + 1]
        present = near[~np.isnan(near)]
        if not len(present):
            raise InputError(
                f"y: no value is observed {step + 1} steps ahead in the calibration windows; use "
                "more windows, a shorter horizon or pool neighbouring steps"
            )
        count[step] = len(present)
        rank = min(_rank(len(present), coverage), len(present))
        adjustment[step] = np.partition(present, rank - 1)[rank - 1]
    sufficient = np.array([_rank(int(n), coverage) <= n for n in count], dtype=np.bool_)
    return ConformalAdjustment(adjustment, count, sufficient)


def apply_adjustment(
    lower: ArrayLike, upper: ArrayLike, adjustment: ArrayLike
) -> tuple[Floats, Floats]:
    """Intervals ``(..., H)`` widened by an adjustment ``(H,)``; returns the new ends.

    Where a negative adjustment would turn an interval inside out it shrinks to its middle.
    """
    widening = np.asarray(adjustment, dtype=np.float64)
    low = np.asarray(lower, dtype=np.float64) - widening
    high = np.asarray(upper, dtype=np.float64) + widening
    middle = (low + high) / 2
    return np.minimum(low, middle), np.maximum(high, middle)


def nest_intervals(
    intervals: Mapping[Level, tuple[Floats, Floats]], point: ArrayLike | None = None
) -> dict[Level, tuple[Floats, Floats]]:
    """Intervals by level, each widened just enough to hold the next narrower level's.

    Separately calibrated levels can cross; a 95 % interval inside the 80 % one is nonsense. With
    ``point`` the narrowest interval is first widened to hold the point forecast.
    """
    nested: dict[Level, tuple[Floats, Floats]] = {}
    inner = None if point is None else (np.asarray(point, dtype=np.float64),) * 2
    for level in sorted(intervals, key=float):
        low, high = intervals[level]
        if inner is not None:
            low, high = np.minimum(low, inner[0]), np.maximum(high, inner[1])
        nested[level] = inner = (low, high)
    return {level: nested[level] for level in intervals}


def _rank(count: int, coverage: float) -> int:
    """ceil((n + 1) coverage), safe against the last bit: 0.8 * 10 is 8, not 9."""
    return max(1, int(np.ceil((count + 1) * coverage - 1e-9)))
