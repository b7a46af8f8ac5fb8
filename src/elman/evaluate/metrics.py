"""Measures of forecast error that count observed values only.

Every function takes arrays of any one shape. A target that is NaN is missing and counts nowhere;
a forecast that is not finite where its target is known is an error, never a NaN in the result.
A measure that nothing defines (no observed target, a scale of zero) is ``None``.

References: R. J. Hyndman and A. B. Koehler, "Another look at measures of forecast accuracy",
International Journal of Forecasting 22 (2006), for the scaled error; S. Makridakis, E. Spiliotis
and V. Assimakopoulos, "The M4 Competition: 100,000 time series and 61 forecasting methods",
International Journal of Forecasting 36 (2020), for sMAPE and OWA as used here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elman.errors import InputError

__all__ = [
    "bias",
    "by_horizon",
    "coverage",
    "interval_width",
    "mae",
    "mase",
    "mse",
    "naive_scale",
    "owa",
    "pinball",
    "rmse",
    "smape",
]

Floats = NDArray[np.float64]


def mae(y: ArrayLike, forecast: ArrayLike, mask: ArrayLike | None = None) -> float | None:
    """Mean absolute error, in the unit of ``y``.

    Args:
        y: the truth, any shape; NaN marks a missing value.
        forecast: the forecast, same shape.
        mask: True where a value counts, same shape; default: wherever ``y`` is observed.

    Returns:
        The mean, or None when nothing was observed.

    Raises:
        InputError: the shapes differ, or a forecast is not finite where its target is known.
    """
    return _mean(np.abs(errors(y, forecast, mask)))


def mse(y: ArrayLike, forecast: ArrayLike, mask: ArrayLike | None = None) -> float | None:
    """Mean squared error, in the squared unit of ``y``; arguments as for :func:`mae`."""
    return _mean(np.square(errors(y, forecast, mask)))


def rmse(y: ArrayLike, forecast: ArrayLike, mask: ArrayLike | None = None) -> float | None:
    """Root of the mean squared error, in the unit of ``y``; arguments as for :func:`mae`."""
    mean_square = mse(y, forecast, mask)
    return None if mean_square is None else float(np.sqrt(mean_square))


def bias(y: ArrayLike, forecast: ArrayLike, mask: ArrayLike | None = None) -> float | None:
    """Mean of forecast minus truth (positive: too high); arguments as for :func:`mae`."""
    return _mean(errors(y, forecast, mask))


def smape(y: ArrayLike, forecast: ArrayLike, mask: ArrayLike | None = None) -> float | None:
    """Symmetric mean absolute percentage error, 0 to 200, as the M4 competition defines it.

    The mean of ``200 |y - f| / (|y| + |f|)``; a term with both zero is a perfect forecast and
    counts as 0. Arguments as for :func:`mae`.
    """
    return _mean(percentage_errors(y, forecast, mask))


def mase(
    y: ArrayLike, forecast: ArrayLike, scale: float | None, mask: ArrayLike | None = None
) -> float | None:
    """Mean absolute scaled error of one series: :func:`mae` over its :func:`naive_scale`.

    Returns:
        The ratio, or None when nothing was observed or the scale is None, zero or not finite
        (Hyndman and Koehler 2006 leave it undefined for a constant training series).
    """
    absolute = mae(y, forecast, mask)
    if absolute is None or scale is None or not np.isfinite(scale) or scale <= 0:
        return None
    return absolute / scale


def naive_scale(training: ArrayLike, season: int = 1) -> float | None:
    """In-sample mean absolute error of the seasonal-naive forecast: the scale of MASE.

    Args:
        training: the training part of one series, ``(T,)``; NaN marks a missing value. Pairs with
            a missing end are left out.
        season: steps in one season; 1 compares each value with the one before it.

    Returns:
        The mean of ``|y_t - y_(t-season)|``, or None when there is no such pair or it is zero.

    Raises:
        InputError: ``training`` is not one-dimensional or ``season`` is below 1.
    """
    values = np.asarray(training, dtype=np.float64)
    if values.ndim != 1:
        raise InputError(f"training: expected one series of shape (T,), got {values.shape}")
    if season < 1:
        raise InputError(f"season: expected a whole number of steps from 1 up, got {season}")
    if len(values) <= season:
        return None
    scale = _mean(np.abs(values[season:] - values[:-season]))
    return scale if scale else None


def owa(
    smape_value: float | None,
    mase_value: float | None,
    reference_smape: float | None,
    reference_mase: float | None,
) -> float | None:
    """Overall weighted average of the M4 competition; below 1 beats the reference forecast.

    ``(sMAPE / sMAPE_ref + MASE / MASE_ref) / 2``, where the reference is Naive2: repeat the last
    value of the seasonally adjusted series (:class:`elman.evaluate.Baselines`, ``"naive2"``).

    Returns:
        The average, or None when one of the four is None or a reference is zero.
    """
    if smape_value is None or mase_value is None or not reference_smape or not reference_mase:
        return None
    return (smape_value / reference_smape + mase_value / reference_mase) / 2


def pinball(
    y: ArrayLike, quantile_forecast: ArrayLike, quantile: float, mask: ArrayLike | None = None
) -> float | None:
    """Mean pinball (quantile) loss of a forecast of the given quantile, in the unit of ``y``.

    ``max(q (y - f), (q - 1)(y - f))``: Koenker and Bassett, "Regression quantiles", Econometrica
    46 (1978). The other arguments are those of :func:`mae`.

    Raises:
        InputError: as :func:`mae`, or ``quantile`` is not strictly between 0 and 1.
    """
    if not 0 < quantile < 1:
        raise InputError(f"quantile: expected a number between 0 and 1, got {quantile}")
    too_low = -errors(y, quantile_forecast, mask)
    return _mean(np.maximum(quantile * too_low, (quantile - 1) * too_low))


def coverage(
    y: ArrayLike, lower: ArrayLike, upper: ArrayLike, mask: ArrayLike | None = None
) -> float | None:
    """Share of observed values inside ``[lower, upper]``, from 0 to 1; ends count as inside."""
    return _mean(inside(y, lower, upper, mask))


def interval_width(
    y: ArrayLike, lower: ArrayLike, upper: ArrayLike, mask: ArrayLike | None = None
) -> float | None:
    """Mean width of the intervals where ``y`` is observed, in the unit of ``y``."""
    return _mean(errors(y, upper, mask) - errors(y, lower, mask))


def by_horizon(terms: ArrayLike) -> list[float | None]:
    """Mean of each column of per-value terms ``(W, H)``, NaN left out; None where none is left."""
    values = np.asarray(terms, dtype=np.float64)
    present = ~np.isnan(values)
    count = present.sum(axis=0)
    total = np.where(present, values, 0.0).sum(axis=0)
    return [float(t / n) if n else None for t, n in zip(total, count, strict=True)]


def errors(y: ArrayLike, forecast: ArrayLike, mask: ArrayLike | None = None) -> Floats:
    """Forecast minus truth, NaN where the value does not count; checked as :func:`mae` says."""
    truth, guess = _same_shape(y=y, forecast=forecast)
    if np.isinf(truth).any():
        raise InputError("y: expected finite values, or NaN where one is missing; got infinity")
    counts = ~np.isnan(truth)
    if mask is not None:
        wanted = np.asarray(mask, dtype=bool)
        if wanted.shape != truth.shape:
            raise InputError(f"mask: expected shape {truth.shape} like y, got {wanted.shape}")
        counts &= wanted
    bad = counts & ~np.isfinite(guess)
    if bad.any():
        raise InputError(
            f"forecast: {int(bad.sum())} of {int(counts.sum())} values are not finite where the "
            "truth is known; leave those windows out or mend the forecast before scoring"
        )
    return np.where(counts, guess - truth, np.nan)


def percentage_errors(y: ArrayLike, forecast: ArrayLike, mask: ArrayLike | None = None) -> Floats:
    """The terms that :func:`smape` averages, NaN where the value does not count."""
    error = np.abs(errors(y, forecast, mask))
    size = np.abs(np.asarray(y, dtype=np.float64)) + np.abs(np.asarray(forecast, dtype=np.float64))
    return np.where(size == 0, error, 200.0 * error / np.where(size == 0, 1.0, size))


def inside(
    y: ArrayLike, lower: ArrayLike, upper: ArrayLike, mask: ArrayLike | None = None
) -> Floats:
    """1 where ``lower <= y <= upper``, 0 where not, NaN where the value does not count."""
    above_lower = errors(y, lower, mask) <= 0
    over_upper = errors(y, upper, mask)
    return np.where(np.isnan(over_upper), np.nan, (above_lower & (over_upper >= 0)).astype(float))


def _mean(terms: Floats) -> float | None:
    present = ~np.isnan(terms)
    count = int(present.sum())
    return float(np.where(present, terms, 0.0).sum() / count) if count else None


def mean_of(values: Sequence[float | None]) -> float | None:
    """Mean of the defined ones among per-series values; None when there is none."""
    defined = [value for value in values if value is not None]
    return sum(defined) / len(defined) if defined else None


def _same_shape(**arrays: Any) -> tuple[Floats, ...]:
    converted = {name: np.asarray(array, dtype=np.float64) for name, array in arrays.items()}
    (first_name, first), *rest = converted.items()
    for name, array in rest:
        if array.shape != first.shape:
            raise InputError(
                f"{name}: expected shape {first.shape} like {first_name}, got {array.shape}"
            )
    return tuple(converted.values())
