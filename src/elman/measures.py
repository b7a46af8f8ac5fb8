"""Measures of a network's outputs beside its loss."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.losses import Loss, MeanAbsoluteError, MeanSquaredError

__all__ = ["measures_beside"]

Array: TypeAlias = NDArray[Any]


def measures_beside(loss: Loss) -> dict[str, Loss]:
    """What is measured beside a loss, by name: accuracy, or squared and absolute error."""
    if loss.labels or loss.name == "binary_cross_entropy":
        return {"accuracy": Accuracy(loss.labels)}
    if loss.name == "pinball":
        return {}
    return {"mse": MeanSquaredError(), "mae": MeanAbsoluteError()}


class Accuracy(Loss):
    """Share of live steps at which the most likely class is the right one.

    Args:
        many: Whether outputs are the logits of many classes, else one logit of yes and no.
    """

    name = "accuracy"

    def __init__(self, many: bool) -> None:
        self._many = many

    def __call__(
        self,
        output: Array,
        target: Array,
        weight: Array | None = None,
        live: Array | None = None,
        gradient: Array | None = None,
    ) -> tuple[float, float]:
        """The mean and the sum of the weights, see :class:`Loss`; has no gradient."""
        if self._many:
            right = output.argmax(axis=-1)[..., None] == target
        else:
            right = (output > 0.0) == (target > 0.5)
        share = np.ones(right.shape) if weight is None else np.broadcast_to(weight, right.shape)
        if live is not None:
            share = share * (np.arange(right.shape[1]) < live[:, None])[..., None]
        total = float(share.sum())
        return (float((right * share).sum()) / total if total else 0.0), total
