"""From arrays without time stamps to the arrays of a panel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from elman.data.calendar import Frequency, parse_frequency
from elman.data.parts import Names, Parts
from elman.errors import InputError

__all__ = ["parts_from_arrays"]


def parts_from_arrays(source: Any, frequency: str | float | Frequency | None = None) -> Parts:
    """Read arrays without time stamps: steps are numbered 0, 1, 2, ...

    Args:
        source: 1-D (one series), 2-D `(T, series)`, 3-D `(series, T, targets)`, or a list of 1-D
            `(T_i,)` or 2-D `(T_i, targets)` arrays of unequal length.
        frequency: None or 1: there are no time stamps that could have another one.

    Raises:
        InputError: Another frequency or shape, no numbers, infinite values, a series without rows.
    """
    if frequency is not None and parse_frequency(frequency) != Frequency("integer", 1):
        raise InputError(
            f"frequency={frequency!r} needs time stamps, which arrays do not have. Give a mapping "
            "{name: array} or a data frame with a time column."
        )
    arrays, ids = _split_arrays(source)
    lengths = np.array([len(a) for a in arrays])
    if not arrays or lengths.min() == 0:
        which = f"series {int(lengths.argmin())} has" if arrays else "there are"
        raise InputError(f"Every series needs at least one row, but {which} none.")
    widths = {a.shape[1] for a in arrays}
    if len(widths) > 1 or widths == {0}:
        raise InputError(
            f"All series must have the same number of targets, at least 1, got {sorted(widths)}."
        )
    values = np.concatenate(arrays)
    infinite = np.isinf(values).any(axis=1)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    if infinite.any():
        row = int(infinite.argmax())
        series = int(np.searchsorted(offsets, row, side="right")) - 1
        raise InputError(
            f"Series {series} is infinite in row {row - offsets[series] + 1}. Expected finite "
            "numbers; NaN stands for missing values."
        )
    targets = ("y",) if values.shape[1] == 1 else tuple(f"y{i}" for i in range(values.shape[1]))
    empty = np.empty((len(values), 0))
    return Parts(
        values=values,
        past=empty,
        future=empty.copy(),
        static={},
        stamps=np.arange(len(values)) - np.repeat(offsets[:-1], lengths),
        offsets=offsets,
        ids=ids,
        frequency=Frequency("integer", 1),
        names=Names(id="unique_id" if len(ids) > 1 else None, targets=targets),
        kind="numpy",
    )


def _split_arrays(source: Any) -> tuple[list[NDArray[np.float64]], NDArray[Any]]:
    """A list of (T_i, targets) arrays, and the names of the series."""
    if isinstance(source, np.ndarray) and (source.dtype != object or source.ndim > 1):
        array = _number_array(source)
        if array.ndim == 1:
            arrays = [array[:, None]]
        elif array.ndim == 2:
            arrays = [np.ascontiguousarray(column)[:, None] for column in array.T]
        elif array.ndim == 3:
            arrays = list(array)
        else:
            raise InputError(
                "An array of series must be 1-D (T,), 2-D (T, series) or 3-D "
                f"(series, T, targets), got shape {array.shape}."
            )
        return arrays, np.arange(len(arrays))
    if len(source) and all(np.ndim(item) == 0 for item in source):
        return [_number_array(np.asarray(source))[:, None]], np.arange(1)
    arrays = []
    for position, item in enumerate(source):
        array = _number_array(np.asanyarray(item))
        if array.ndim not in (1, 2):
            raise InputError(
                f"Series {position} must be (T,) or (T, targets), got shape {array.shape}."
            )
        arrays.append(array[:, None] if array.ndim == 1 else array)
    return arrays, np.arange(len(arrays))


def _number_array(array: NDArray[Any]) -> NDArray[np.float64]:
    if isinstance(array, np.ma.MaskedArray):
        return np.ma.filled(array.astype(np.float64), np.nan)
    if array.dtype.kind in "fiub":
        return array.astype(np.float64)
    message = f"A series must hold numbers, got an array of type {array.dtype}."
    if array.dtype.kind != "O":
        raise InputError(message)
    try:
        return array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(message) from error
