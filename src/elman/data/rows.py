"""Sequences with one answer each: whatever form they come in, as texts or as a list of arrays.

Numbers may be missing (NaN), rows may be empty, and masks may cut out steps in the middle: all of
that is kept here as NaN and as lengths; what it means is decided by the task.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.checks import describe
from elman.data.text import check_texts
from elman.errors import InputError

__all__ = ["LARGEST", "Rows", "as_rows", "check_magnitude"]

Array: TypeAlias = NDArray[Any]


@dataclass(frozen=True)
class Rows:
    """``N`` sequences.

    Attributes:
        arrays: ``(T_i, C)`` float64 each, NaN where missing; ``None`` for texts.
        texts: The texts, or ``None``.
        channels: ``C``; 0 for texts.
    """

    arrays: list[Array] | None
    texts: list[str] | None
    channels: int

    def __len__(self) -> int:
        return len(self.arrays if self.arrays is not None else self.texts or [])

    def select(self, rows: Array) -> Rows:
        """Some of the rows."""
        arrays = None if self.arrays is None else [self.arrays[row] for row in rows]
        texts = None if self.texts is None else [self.texts[row] for row in rows]
        return Rows(arrays, texts, self.channels)


def as_rows(data: Any, lengths: Any = None, mask: Any = None, channels: int | None = None) -> Rows:
    """The sequences a user passed, checked.

    Args:
        data: ``(N, T, C)``, ``(N, T)`` of one channel, a list of ``(T_i, C)`` or ``(T_i,)``, a
            data frame of numbers (one row a sequence), or texts.
        lengths: ``None``, or how many steps of each row of an array are live.
        mask: ``None``, or true where a step of an array is observed, ``(N, T)``.
        channels: How many there must be, or ``None``.

    Raises:
        InputError: If it is none of these, rows differ in channels, or a value is infinite.
    """
    if isinstance(data, Rows):
        return data
    if isinstance(data, str):
        raise InputError(f"X: expected a list of sequences or texts, got one text {data!r:.40}")
    if type(data).__module__.startswith("scipy.sparse"):
        raise InputError("X: expected a dense array, got a sparse one; pass X.toarray()")
    if hasattr(data, "to_numpy"):
        data = data.to_numpy()
    if _is_text(data):
        if lengths is not None or mask is not None:
            raise InputError("lengths, mask: expected None beside texts")
        return Rows(None, check_texts("X", data), 0)
    if isinstance(data, (list, tuple)) and not _is_rectangle(data):
        if lengths is not None or mask is not None:
            raise InputError(
                "lengths, mask: expected None beside a list, whose rows have their own"
            )
        arrays = [_array(f"X[{row}]", one) for row, one in enumerate(data)]
        arrays = [one[:, None] if one.ndim == 1 else one for one in arrays]
    else:
        arrays = _of_array(_array("X", data), lengths, mask)
    return Rows(arrays, None, _check_channels(arrays, channels))


def _is_text(data: Any) -> bool:
    if isinstance(data, np.ndarray):
        first = data.flat[0] if data.size and data.dtype == object else None
        return data.ndim == 1 and (data.dtype.kind in "UT" or isinstance(first, str))
    return isinstance(data, (list, tuple)) and any(isinstance(one, str) for one in data)


def _is_rectangle(data: Any) -> bool:
    """Whether a list is an array written out, so that a matrix means (rows, steps)."""
    return (
        bool(len(data))
        and all(
            isinstance(row, (list, tuple)) and all(np.isscalar(one) for one in row) for row in data
        )
        and len({len(row) for row in data}) == 1
    )


def _array(name: str, data: Any) -> Array:
    try:
        array = np.asarray(data)
        if array.dtype.kind == "c":
            raise InputError(f"{name}: Complex data not supported; pass real numbers")
        if array.dtype.kind not in "fiub" and array.dtype != object:
            raise ValueError(f"values of type {array.dtype}")
        array = array.astype(np.float64)
    except InputError:
        raise
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: expected numbers, got {describe(data)}: {error}") from error
    if np.isinf(array).any():
        raise InputError(
            f"{name}: expected finite numbers, or NaN where missing, got infinity (inf)"
        )
    check_magnitude(f"{name}:", array)
    return array


LARGEST = 1e150
"""The greatest value that is taken: its square, which scaling needs, is still finite."""


def check_magnitude(name: str, array: Array) -> None:
    """Refuses values whose squares are not finite.

    Args:
        name: What they are, the beginning of a sentence that goes on with "expected values".
        array: Finite numbers, NaN where missing.

    Raises:
        InputError: One is beyond ``1e150``.
    """
    largest = float(np.nanmax(np.abs(array), initial=0.0))
    if largest > LARGEST:
        raise InputError(
            f"{name} expected values up to {LARGEST:g}, whose squares are still finite, got "
            f"{largest:g}; give them in another unit"
        )


def _of_array(array: Array, lengths: Any, mask: Any) -> list[Array]:
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3:
        raise InputError(
            "X: expected an array (rows, steps, channels), or 2D (rows, steps), a list of arrays "
            f"(steps, channels), or texts; got shape {array.shape}. Reshape your data, for a "
            "single sequence with X.reshape(1, -1)"
        )
    rows, steps = array.shape[:2]
    ends = np.full(rows, steps)
    if mask is not None:
        seen = np.asarray(mask, dtype=bool)
        if seen.shape != (rows, steps):
            raise InputError(f"mask: expected shape {(rows, steps)}, got {seen.shape}")
        array = np.where(seen[:, :, None], array, np.nan)
        ends = steps - np.argmax(seen[:, ::-1], axis=1)
        ends[~seen.any(axis=1)] = 0
    if lengths is not None:
        given = np.asarray(lengths)
        if given.shape != (rows,) or given.dtype.kind not in "iu":
            raise InputError(f"lengths: expected {rows} whole numbers, got {describe(lengths)}")
        if rows and (given.min() < 0 or given.max() > steps):
            raise InputError(f"lengths: expected numbers from 0 to {steps}, got {given.tolist()}")
        ends = np.minimum(ends, given)
    return [row[:end] for row, end in zip(array, ends, strict=True)]


def _check_channels(arrays: list[Array], channels: int | None) -> int:
    """The channels that all rows have; rows without a step may have any number."""
    for row, one in enumerate(arrays):
        if one.ndim != 2:
            raise InputError(f"X[{row}]: expected an array (steps, channels), got {one.shape}")
        if one.size == 0 and len(one) == 0:
            continue
        if channels is None:
            channels = one.shape[1]
        if one.shape[1] != channels or not channels:
            raise InputError(
                f"X[{row}]: expected {channels or 'at least one'} channels, as the others have, "
                f"got {one.shape[1]}"
            )
    return channels or 1
