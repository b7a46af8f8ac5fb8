"""What finds anomalies at no cost: the baselines beside an autoencoder.

Each learns of normal series, scores the steps of others, and gets its threshold as the network
does: on the same held-out part, at the same rate of false alarms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.data.cuts import cut, join
from elman.evaluate.anomalies import root_mean_square, step_scores
from elman.evaluate.season import infer_season

__all__ = ["simple_detectors"]

Array: TypeAlias = NDArray[Any]
Detector: TypeAlias = Callable[[Sequence[Array]], list[Array]]


def simple_detectors(
    normal: Sequence[Array],
    window: int,
    components: int,
    frequency: str | None = None,
    stride: int = 1,
) -> dict[str, Detector]:
    """The detectors by name, fitted.

    ``"distance from the mean"``: in deviations. ``"moving average"``: what is left beside the mean
    of the ``window`` steps before. ``"last season"``: the change since one season before, where
    the series have one. ``"principal components"``: windows given back from so many of their
    principal components, scored as the network's are.

    Args:
        normal: Series to learn from, ``(T_i, C)``, NaN where missing.
        window: Steps of a window.
        components: How many.
        frequency: Name of the distance from row to row, which may tell the season.
        stride: Steps between the windows that are scored.
    """
    joined = np.concatenate([np.asarray(one, np.float64) for one in normal])
    mean = np.nan_to_num(_means(joined))
    deviation = _above_zero(root_mean_square(joined - mean, axis=0))
    found: dict[str, Detector] = {
        "distance from the mean": lambda rows: [
            root_mean_square((one - mean) / deviation, axis=1) for one in rows
        ],
        "moving average": _residual(normal, lambda one: one - _moving_average(one, window)),
    }
    season = infer_season([one[:, 0] for one in normal], frequency)
    if season > 1:
        found["last season"] = _residual(normal, lambda one: _season_change(one, season))
    scaled = [(one - mean) / deviation for one in normal]
    axes = _principal_axes(scaled, window, components)
    if axes is not None:
        center, directions = axes
        found["principal components"] = lambda rows: _components_scores(
            [(one - mean) / deviation for one in rows], window, stride, center, directions
        )
    return found


def _residual(normal: Sequence[Array], left: Callable[[Array], Array]) -> Detector:
    """A detector of what is left of a series, in units of what is left of normal ones."""
    usual = np.concatenate([left(one) for one in normal])
    scale = _above_zero(root_mean_square(usual, axis=0))
    return lambda rows: [root_mean_square(left(one) / scale, axis=1) for one in rows]


def _means(values: Array) -> Array:
    known = ~np.isnan(values)
    total = np.where(known, values, 0.0).sum(axis=0)
    return np.asarray(total / np.maximum(known.sum(axis=0), 1))


def _above_zero(scale: Array) -> Array:
    return np.where(np.nan_to_num(scale) > 0.0, scale, 1.0)


def _moving_average(values: Array, window: int) -> Array:
    """The mean of the observed values among the ``window`` steps before each; NaN at first."""
    known = ~np.isnan(values)
    zero = np.zeros((1, values.shape[1]))
    total = np.concatenate([zero, np.where(known, values, 0.0).cumsum(axis=0)])
    count = np.concatenate([zero, known.cumsum(axis=0)])
    end = np.arange(len(values))
    begin = np.maximum(end - window, 0)
    number = count[end] - count[begin]
    average = (total[end] - total[begin]) / np.maximum(number, 1)
    return np.where(number > 0, average, np.nan)


def _season_change(values: Array, season: int) -> Array:
    change = np.full(values.shape, np.nan)
    change[season:] = values[season:] - values[:-season]
    return change


def _principal_axes(
    scaled: Sequence[Array], window: int, components: int
) -> tuple[Array, Array] | None:
    """Mean and leading axes of the windows written out; None where there are too few of them."""
    long = [one for one in scaled if len(one) >= window]
    cuts = cut([len(one) for one in long], window, max(1, window // 16))
    if len(cuts) <= components:
        return None
    table = np.nan_to_num(np.stack([one.ravel() for one in cuts.of(long)]))
    center = table.mean(axis=0)
    _, _, axes = np.linalg.svd(table - center, full_matrices=False)
    return center, axes[:components]


def _components_scores(
    rows: Sequence[Array], window: int, stride: int, center: Array, axes: Array
) -> list[Array]:
    lengths = [len(one) for one in rows]
    cuts = cut(lengths, window, stride)
    channels = rows[0].shape[1] if len(rows) else 1
    said = []
    for one in cuts.of(rows):
        own = slice(0, one.size)  # a row shorter than the window: the axes' beginning
        filled = np.nan_to_num(one).ravel() - center[own]
        wrong = filled - filled @ axes[:, own].T @ axes[:, own]
        wrong = np.where(np.isnan(one), np.nan, wrong.reshape(-1, channels))
        said.append(step_scores(wrong, "both")[0])
    return join(said, cuts, lengths)
