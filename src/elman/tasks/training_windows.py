"""Which windows there are to learn from."""

from __future__ import annotations

import numpy as np

from elman.data.panel import Panel
from elman.errors import InputError
from elman.tasks.features import Encoder
from elman.tasks.parameters import Array
from elman.tasks.plan import Plan

__all__ = ["training_windows"]

# Windows kept for training; beyond, every k-th is taken, k odd so that it meets every phase.
_MOST_WINDOWS = 400_000


def training_windows(encoder: Encoder, training: Panel, plan: Plan) -> tuple[Array, Array]:
    """Row (series, for a recursive network) and origin of every window to learn from.

    Raises:
        InputError: If there is none.
    """
    recursive = plan.strategy == "recursive"
    ahead = 1 if recursive else plan.horizon
    rows, origins = [], []
    for series, one in enumerate(training):
        length = len(one)
        first = plan.window
        if length < plan.window + ahead and not recursive:
            first = max(2, length // 3)  # padded in front
        origin = np.arange(first, length - ahead + 1)
        present = np.concatenate([np.zeros((1, one.shape[1])), np.cumsum(~np.isnan(one), axis=0)])
        seen = present[origin] - present[np.maximum(origin - plan.window, 0)]
        due = present[origin + ahead] - present[origin]
        if recursive:
            good = (seen.sum(axis=1) > 0) & (encoder.deviation[series] > 0).any()
            rows.append(np.full(int(good.sum()), series))
            origins.append(origin[good])
            continue
        for channel in range(one.shape[1]):
            if encoder.deviation[series, channel] <= 0:
                continue
            good = (seen[:, channel] > 0) & (due[:, channel] > 0)
            rows.append(np.full(int(good.sum()), series * one.shape[1] + channel))
            origins.append(origin[good])
    row = np.concatenate(rows) if rows else np.empty(0, np.int64)
    origin = np.concatenate(origins) if origins else np.empty(0, np.int64)
    if not len(row):
        raise InputError(_nothing_to_learn(encoder, training, plan))
    if len(row) > _MOST_WINDOWS:
        stride = -(-len(row) // _MOST_WINDOWS) | 1
        row, origin = row[::stride], origin[::stride]
    return row.astype(np.int64), origin.astype(np.int64)


def _nothing_to_learn(encoder: Encoder, training: Panel, plan: Plan) -> str:
    if np.isnan(training.values).all():
        return "data: all values are missing; there is nothing to learn from"
    if (encoder.deviation == 0).all():
        return (
            "data: every series is constant in its training part; there is nothing to learn, and "
            "repeating the last value forecasts it"
        )
    return (
        f"data: no series has {plan.window + plan.horizon} rows to learn from (window "
        f"{plan.window} and horizon {plan.horizon}); give more data, or a smaller window or horizon"
    )
