"""Classes as a user passes them, checked."""

from __future__ import annotations

import sys
import warnings
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.errors import ElmanWarning, InputError

__all__ = ["as_labels"]

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
