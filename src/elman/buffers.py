"""Memory that is sized once and reused."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Buffer"]


class Buffer:
    """Memory that grows to the largest shape asked for and is then reused.

    ``buffer(shape)`` is an array of that shape over the same memory: its content is whatever
    the last user left. The arrays are kept by shape, so that asking again costs a look-up.

    Args:
        dtype: Of the arrays.
    """

    __slots__ = ("_arrays", "_dtype", "_memory", "_size")

    _memory: NDArray[Any]

    _KEPT = 512  # shapes remembered; with sequences of every length there can be many

    def __init__(self, dtype: Any) -> None:
        self._dtype = dtype
        self._size = -1  # elements of the memory; there is none yet
        self._arrays: dict[tuple[int, ...], NDArray[Any]] = {}

    def __call__(self, shape: tuple[int, ...]) -> NDArray[Any]:
        """An array of this shape; its content is whatever the last user left."""
        array = self._arrays.get(shape)
        return self._make(shape) if array is None else array

    def _make(self, shape: tuple[int, ...]) -> NDArray[Any]:
        size = prod(shape)
        if size > self._size:
            self._memory, self._size = np.empty(size, self._dtype), size
            self._arrays.clear()
        elif len(self._arrays) >= self._KEPT:
            self._arrays.clear()
        array = self._arrays[shape] = self._memory[:size].reshape(shape)
        return array
