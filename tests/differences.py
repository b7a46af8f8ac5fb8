"""Central finite differences, the judge of every gradient that is written by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def central_difference(
    value: Callable[[], float], array: np.ndarray, index: Any, step: float = 1e-6
) -> float:
    """The derivative of ``value()`` in one element of ``array``, which is left as it was."""
    kept = array[index]
    array[index] = kept + step
    above = value()
    array[index] = kept - step
    below = value()
    array[index] = kept
    return (above - below) / (2 * step)
