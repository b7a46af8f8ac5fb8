"""Windows cut from rows, and what is said of their steps put together again, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["AGGREGATES", "Cuts", "cut", "join"]

Array: TypeAlias = NDArray[Any]

AGGREGATES = ("mean", "median", "newest")
"""What may be made of the numbers that several windows give for one step."""


@dataclass(frozen=True)
class Cuts:
    """Where windows lie in their rows.

    A window speaks for its steps from ``first`` on. That is its start, but for one at the end of
    a row that does not fall in with the stride: it speaks for the steps that no other reaches, so
    that what was said of earlier steps stands, as a stream must have it.

    Attributes:
        rows: Number of the row of each window, int64 ``(W,)``.
        starts: First step, int64 ``(W,)``.
        ends: One past the last step, int64 ``(W,)``.
        first: First step spoken for, int64 ``(W,)``.
    """

    rows: Array
    starts: Array
    ends: Array
    first: Array

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, windows: Array | slice) -> Cuts:
        """Some of the windows."""
        return Cuts(
            self.rows[windows], self.starts[windows], self.ends[windows], self.first[windows]
        )

    def of(self, arrays: Sequence[Array]) -> list[Array]:
        """The windows themselves, views of ``(T_i, C)`` rows."""
        ends = zip(self.rows.tolist(), self.starts.tolist(), self.ends.tolist(), strict=True)
        return [arrays[row][start:end] for row, start, end in ends]


def cut(lengths: Sequence[int], window: int | None, stride: int) -> Cuts:
    """Windows of rows of these lengths; a row no longer than the window is one window.

    Args:
        lengths: Steps of each row.
        window: Steps of a window; ``None``: every row is one.
        stride: Steps from one window to the next.
    """
    parts = []
    for row, length in enumerate(lengths):
        if window is None or length <= window:
            parts.append([(row, 0, length, 0)])
            continue
        starts = range(0, length - window + 1, stride)
        found = [(row, start, start + window, start) for start in starts]
        reached = starts[-1] + window
        if reached < length:
            found.append((row, length - window, length, reached))
        parts.append(found)
    table = np.array([one for part in parts for one in part], np.int64).reshape(-1, 4)
    return Cuts(table[:, 0], table[:, 1], table[:, 2], table[:, 3])


def join(
    values: Sequence[Array], cuts: Cuts, lengths: Sequence[int], aggregate: str = "mean"
) -> list[Array]:
    """One number (or vector) for every step of every row, from those of its windows.

    Args:
        values: For each window ``(T_i, ...)``; NaN counts for nothing.
        cuts: Where they lie.
        lengths: Steps of each row.
        aggregate: ``"mean"`` or ``"median"`` over the windows that speak for a step;
            ``"newest"``: that of the window in which the step came latest, the first to end with
            or after it.

    Returns:
        For each row ``(T_i, ...)``, NaN where nothing was said.
    """
    joined = []
    bounds = np.searchsorted(cuts.rows, np.arange(len(lengths) + 1))
    for row, length in enumerate(lengths):
        own = range(int(bounds[row]), int(bounds[row + 1]))
        joined.append(_join_row(values, cuts, own, length, aggregate))
    return joined


def _join_row(
    values: Sequence[Array], cuts: Cuts, own: range, length: int, aggregate: str
) -> Array:
    shape = (length, *np.shape(values[own.start])[1:])
    if aggregate == "median":
        return _median(values, cuts, own, shape)
    result = np.full(shape, np.nan)
    total, count = np.zeros(shape), np.zeros(shape)
    reached = 0
    for window in own:
        first, end = int(cuts.first[window]), int(cuts.ends[window])
        spoken = values[window][first - int(cuts.starts[window]) :]
        if aggregate == "newest":
            result[reached:end] = spoken[reached - first :]
            reached = end
            continue
        known = ~np.isnan(spoken)
        total[first:end] += np.where(known, spoken, 0.0)
        count[first:end] += known
    if aggregate == "newest":
        return result
    return np.divide(total, count, out=result, where=count > 0)


def _median(values: Sequence[Array], cuts: Cuts, own: range, shape: tuple[int, ...]) -> Array:
    """Windows one after the other use the columns in turn: at a step they never meet."""
    first, ends = cuts.first[own.start : own.stop], cuts.ends[own.start : own.stop]
    most = int(np.max(np.searchsorted(first, ends, "left") - np.arange(len(first)), initial=1))
    table = np.full((shape[0], most, *shape[1:]), np.nan)
    for number, window in enumerate(own):
        begin, end = int(cuts.first[window]), int(cuts.ends[window])
        table[begin:end, number % most] = values[window][begin - int(cuts.starts[window]) :]
    known = ~np.isnan(table)
    ordered = np.sort(np.where(known, table, np.inf), axis=1)
    count = known.sum(axis=1, keepdims=True)
    low = np.take_along_axis(ordered, np.maximum((count - 1) // 2, 0), axis=1)
    high = np.take_along_axis(ordered, np.minimum(count // 2, most - 1), axis=1)
    with np.errstate(invalid="ignore"):
        middle = np.where(count > 0, (low + high) / 2.0, np.nan)
    found: Array = middle[:, 0]
    return found
