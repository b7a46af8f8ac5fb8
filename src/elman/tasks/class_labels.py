"""Classes as a user passes them, checked."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.errors import ElmanWarning, InputError

__all__ = ["as_labels", "numbers_of", "weights_of"]

Array: TypeAlias = NDArray[Any]


def as_labels(y: Any, rows: int) -> Array:
    """Labels as an array ``(N,)`` of texts, whole numbers or booleans."""
    if hasattr(y, "to_numpy"):
        y = y.to_numpy()
    labels = np.asarray(y)
    if labels.ndim == 2 and labels.shape[1] == 1:
        warnings.warn(
            "A column-vector y was passed when a 1d array was expected; it is read as one",
            _conversion_warning(),
            stacklevel=5,
        )
        labels = labels[:, 0]
    if labels.ndim != 1 or len(labels) != rows:
        raise InputError(
            f"y: expected one label for each of {rows} sequences, got an array of shape "
            f"{labels.shape}"
        )
    if labels.dtype.kind == "O":
        if any(one is None or one != one for one in labels):
            raise InputError("y: expected a label for each sequence, got missing ones (NaN)")
        if len({isinstance(one, str) for one in labels}) > 1:
            raise InputError("y: expected labels of one type, got texts and other values mixed")
        if not all(isinstance(one, str) for one in labels):
            labels = np.array(labels.tolist())
    if labels.dtype.kind == "f":
        if not np.isfinite(labels).all():
            raise InputError("y: expected finite labels, got NaN or infinity")
        if (labels != np.floor(labels)).any():
            raise InputError(
                "y: Unknown label type: continuous. Expected classes (texts, whole numbers or "
                "booleans); for numbers use elman.SequenceRegressor"
            )
    if labels.dtype.kind not in "OUiubf":
        raise InputError(f"y: Unknown label type: {labels.dtype}; expected texts or whole numbers")
    return labels


def _conversion_warning() -> type[Warning]:
    """scikit-learn's own kind where it is loaded, which its checks look for."""
    if "sklearn" in sys.modules:
        from sklearn.exceptions import (  # type: ignore[import-untyped, unused-ignore]
            DataConversionWarning,
        )

        return DataConversionWarning  # type: ignore[no-any-return, unused-ignore]
    return ElmanWarning


def numbers_of(labels: Array, classes: Array) -> Array:
    """The places of labels among the classes, int64 ``(N,)``.

    Args:
        labels: From :func:`as_labels`.
        classes: Those of fit.

    Raises:
        InputError: If a label was not in fit.
    """
    order = {label: number for number, label in enumerate(classes.tolist())}
    strange = [one for one in labels.tolist() if one not in order]
    if strange:
        named = ", ".join(map(repr, list(order)[:8])) + (" ..." if len(order) > 8 else "")
        raise InputError(
            f"y: expected classes seen in fit ({named}), got {strange[0]!r}, which was not"
        )
    return np.array([order[one] for one in labels.tolist()], np.int64)


def weights_of(option: str | Mapping[Any, float], classes: Array, targets: Array) -> Array:
    """The weight of each class in the loss, ``(K,)``.

    Args:
        option: ``"balanced"``, or a weight for each class; 1 where there is none.
        classes: The classes.
        targets: The numbers of the training rows' classes, ``(N,)``.
    """
    if isinstance(option, Mapping):
        return np.array([float(option.get(one, 1.0)) for one in classes.tolist()])
    count = np.bincount(targets, minlength=len(classes))
    return np.asarray(len(targets) / (len(classes) * np.maximum(count, 1)))
