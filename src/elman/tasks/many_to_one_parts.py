"""Which rows of one answer each train a network, which watch the training, and which judge it."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.data.rows import Rows
from elman.errors import InputError

__all__ = ["readable", "refuse_empty_features", "row_weights", "split"]

Array: TypeAlias = NDArray[Any]

_FEWEST_TO_HOLD_OUT = 40


def readable(rows: Rows) -> Array:
    """The numbers of the rows that hold something to learn from.

    Raises:
        InputError: If there is none.
    """
    if rows.texts is not None:
        full = np.array([bool(text.strip()) for text in rows.texts])
    else:
        full = np.array([bool((~np.isnan(one)).any()) for one in rows.arrays or []])
    if not full.any():
        raise InputError("X: expected values to learn from, every row is empty or missing")
    return np.flatnonzero(full)


def split(groups: Array, held_out: float, seed: int) -> tuple[Array, Array, Array]:
    """Rows to train on, to watch and to judge by: each group in proportion, seeded.

    Args:
        groups: Of which each row held out is drawn alike, ``(N,)``.
        held_out: Share of the rows that do not train; nothing is held out of a few.
        seed: Of the draw.
    """
    number = len(groups)
    none = np.zeros(0, np.int64)
    if not held_out or number < _FEWEST_TO_HOLD_OUT:
        return np.arange(number), none, none
    generator = np.random.default_rng(np.random.SeedSequence(seed).spawn(3)[2])
    order = generator.permutation(number)
    order = order[np.argsort(groups[order], kind="stable")]
    held = np.zeros(number, bool)
    # every k-th row of the groups one after the other, so that each gives its share
    wanted = max(4, round(held_out * number))
    held[order[((np.arange(wanted) + 0.5) * number / wanted).astype(np.int64)]] = True
    chosen = order[held[order]]
    train = np.flatnonzero(~held)
    lone = np.setdiff1d(groups, groups[train])
    if len(lone):  # a class must be trained on before it can be judged
        back = np.isin(groups, lone)
        train = np.union1d(train, np.flatnonzero(back))
        chosen = chosen[~back[chosen]]
    return train, np.sort(chosen[::2]), np.sort(chosen[1::2])


def row_weights(weights: Any, rows: int) -> Array | None:
    """Sample weights, checked.

    Raises:
        InputError: If they do not fit the rows, are negative, not finite or all zero.
    """
    if weights is None:
        return None
    array = np.asarray(weights, dtype=np.float64)
    if array.shape != (rows,) or not np.isfinite(array).all() or (array < 0).any():
        raise InputError(
            f"sample_weight: expected {rows} finite numbers of at least 0, got shape {array.shape}"
        )
    if not array.any():
        raise InputError("sample_weight: expected a weight above 0, got zeros alone")
    return array


def refuse_empty_features(X: Any) -> None:
    """Refuses a matrix without columns, in the words that scikit-learn's checks look for."""
    shape = np.shape(X) if isinstance(X, np.ndarray) else ()
    if len(shape) == 2 and shape[1] == 0:
        raise InputError(
            f"X: expected steps to read: 0 feature(s) (shape={shape}) while a minimum of 1 is "
            "required."
        )
