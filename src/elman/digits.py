"""How many digits of a number are worth writing down."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["resolved"]

Array: TypeAlias = NDArray[Any]

_SINGLE = 2.0**-24
"""What single precision, in which networks reckon, resolves of numbers between -1 and 1."""


def resolved(values: Array, known: Array) -> Array:
    """Answers of a network without the digits that it does not resolve.

    A network sees values scaled by their spread, and its answers are no finer than single
    precision makes that. They are rounded to the decimal below: never to less than that.

    Args:
        values: Answers in the unit of the data, of any shape.
        known: The data that they go on from, of any shape; NaN where missing.

    Returns:
        The same shape, float64.
    """
    values = np.asarray(values, np.float64)
    finite = np.asarray(known, np.float64)
    finite = finite[np.isfinite(finite)]
    spread = float(np.ptp(finite)) if finite.size else 0.0
    if spread == 0.0:
        spread = float(np.nanmax(np.abs(values), initial=0.0))
    if spread == 0.0 or not np.isfinite(spread):
        return values
    decimals = int(np.ceil(-np.log10(spread * _SINGLE)))
    if decimals > 300:
        return values
    return np.round(values, max(decimals, 0)) + 0.0  # without a negative zero
