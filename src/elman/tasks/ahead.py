"""Panels beyond the training: rows for what is known ahead, and which rows were seen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from elman.data.panel import Panel
from elman.tasks.parameters import Array
from elman.tasks.plan import known_lengths

__all__ = ["extended", "rows_seen"]


def rows_seen(seen: Panel, panel: Panel) -> Array:
    """How many leading rows of each series the training saw; 0 for arrays and new series."""
    counts = np.zeros(panel.n_series, np.int64)
    if panel.kind == "numpy" or panel.names.time is None:
        return counts
    last = {
        str(name): seen.stamps[seen.offsets[i] + known - 1]
        for i, (name, known) in enumerate(zip(seen.ids, known_lengths(seen), strict=True))
    }
    for number, name in enumerate(panel.ids):
        if str(name) in last:
            stamps = panel.stamps[panel.rows(number)]
            counts[number] = np.searchsorted(stamps, last[str(name)], side="right")
    return counts


def extended(panel: Panel, counts: Array, horizon: int, trained: int, source: Any) -> Panel:
    """The panel up to the forecast's origin, with rows that hold the covariates known ahead.

    A direct network reads covariates of its whole trained horizon; those beyond the steps asked
    for repeat the last of them.
    """
    ahead = panel.future_covariates(horizon, source, counts)
    if trained > horizon:
        ahead = np.concatenate([ahead, np.repeat(ahead[:, -1:], trained - horizon, axis=1)], axis=1)
    steps = ahead.shape[1]
    past = panel.take(counts)
    last = past.stamps[past.offsets[1:] - 1]
    stamps = panel.stamps_after(last, steps)

    def joined(block: Array, extra: Array) -> Array:
        parts = []
        for number in range(panel.n_series):
            parts += [block[past.rows(number)], extra[number]]
        return np.concatenate(parts)

    def missing(width: int) -> Array:
        return np.full((panel.n_series, steps, width), np.nan)

    lengths = past.lengths + steps
    return replace(
        past,
        values=joined(past.values, missing(panel.n_targets)),
        past=joined(past.past, missing(panel.past.shape[1])),
        future=joined(past.future, ahead),
        stamps=joined(past.stamps, stamps),
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
    )
