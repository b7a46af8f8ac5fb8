"""The linear shortcut: a ridge regression from window to horizon that the network adds to.

On a short series a recurrent network alone forgets what a linear autoregression sees at once:
trend and season. The regression is solved in closed form before training, and the network learns
what it leaves over, as the autoregressive component in G. Lai, W.-C. Chang, Y. Yang and H. Liu,
"Modeling long- and short-term temporal patterns with deep neural networks", SIGIR 2018, section
3.6 (there trained with the rest).
"""

from __future__ import annotations

import numpy as np

from elman.tasks.parameters import Array
from elman.tasks.samples import WindowSet

__all__ = ["PENALTIES", "fit_shortcut", "leftover_quantiles"]

PENALTIES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
"""Ridge penalties tried, in units of the normalised window's mean square."""

_HELD_OUT = 0.25
_MOST_WINDOWS = 20_000
_MOST_FOR_QUANTILES = 1_000


def fit_shortcut(windows: WindowSet) -> tuple[Array, float]:
    """Ridge weights from a normalised window to its normalised horizon.

    The penalty is the one that forecasts the last quarter of the windows (in time) best when
    fitted on those whose targets end before it; the weights are then fitted on all windows.

    Args:
        windows: The training windows, with targets.

    Returns:
        Weights ``(window, segments_out * segment)``, for
        :attr:`elman.tasks.direct.DirectNetwork.shortcut`, and the penalty.
    """
    x, y, weight, origin = _arrays(windows, _MOST_WINDOWS)
    horizon = windows.shape.horizon
    cut = np.quantile(origin, 1 - _HELD_OUT)
    early, late = origin + horizon <= cut, origin >= cut
    penalty = PENALTIES[2]
    if early.sum() >= 8 and late.any():
        penalty = _best_penalty(
            (x[early], y[early], weight[early]), (x[late], y[late], weight[late])
        )
    weights = np.zeros((x.shape[1], windows.shape.segments_out * windows.shape.segment))
    weights[:, :horizon] = _solve(x, y, weight, (penalty,))[0]
    return weights.astype(windows.rows.values.dtype), penalty


def leftover_quantiles(
    windows: WindowSet, shortcut: Array | None, quantiles: tuple[float, ...]
) -> Array:
    """Quantiles of the normalised targets, or of what a linear forecast leaves over of them.

    What a network's outputs are best before it knows anything: its output bias starts here, so
    that no training is spent on finding it.

    Args:
        windows: The training windows, with targets.
        shortcut: Weights of the linear forecast, or ``None``.
        quantiles: Between 0 and 1.

    Returns:
        ``(segment, Q)``: for each step of a segment, over all segments of the horizon.
    """
    x, y, weight, _ = _arrays(windows, _MOST_FOR_QUANTILES)
    horizon, segment = windows.shape.horizon, windows.shape.segment
    rest = y if shortcut is None else y - x @ shortcut[:, :horizon].astype(np.float64)
    found = np.zeros((segment, len(quantiles)))
    for step in range(min(segment, horizon)):
        known = weight[:, step::segment] > 0
        values = rest[:, step::segment][known]
        if len(values):
            found[step] = np.quantile(values, quantiles)
    return found


def _arrays(windows: WindowSet, most: int) -> tuple[Array, Array, Array, Array]:
    """Normalised windows ``(W, window)``, horizons, weights (both ``(W, horizon)``), origins."""
    number, shape = len(windows.row), windows.shape
    # An odd stride meets every phase of a day or a week.
    stride = -(-number // most) | 1
    chosen = np.arange(0, number, stride)
    xs, ys, ws = [], [], []
    for start in range(0, len(chosen), 1024):
        batch = windows.take(chosen[start : start + 1024])
        steps, rows, _ = batch.x.shape
        values = batch.x.reshape(steps, rows, shape.segment, -1)[:, :, :, 0]
        xs.append(_by_window(values))
        assert batch.target is not None
        ys.append(_by_window(batch.target)[:, : shape.horizon])
        weight = np.ones_like(batch.target) if batch.weight is None else batch.weight
        ws.append(_by_window(weight)[:, : shape.horizon])
    return np.concatenate(xs), np.concatenate(ys), np.concatenate(ws), windows.origin[chosen]


def _by_window(values: Array) -> Array:
    flat: Array = values.transpose(1, 0, 2).reshape(values.shape[1], -1).astype(np.float64)
    return flat


def _best_penalty(early: tuple[Array, Array, Array], late: tuple[Array, Array, Array]) -> float:
    x, y, weight = late
    best, penalty = np.inf, PENALTIES[0]
    for candidate, weights in zip(PENALTIES, _solve(*early, PENALTIES), strict=True):
        error = float((weight * np.abs(y - x @ weights)).sum())
        if error < best:
            best, penalty = error, candidate
    return penalty


def _solve(x: Array, y: Array, weight: Array, penalties: tuple[float, ...]) -> list[Array]:
    """One solution ``(window, horizon)`` for each penalty.

    Missing targets (weight 0) count as zero, the normalised repeat of the last value.
    """
    gram = x.T @ x / len(x)
    moments = x.T @ (y * weight) / len(x)
    unit = max(float(np.trace(gram)) / len(gram), np.finfo(np.float64).tiny)
    identity = np.eye(len(gram))
    return [np.linalg.solve(gram + penalty * unit * identity, moments) for penalty in penalties]
