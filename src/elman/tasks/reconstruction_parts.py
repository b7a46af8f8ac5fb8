"""What an autoencoder trains on, watches and is judged by; and how well it gives windows back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.tasks.reconstruction_model import Autoencoder

__all__ = ["Parts", "judge_reconstruction", "split_rows"]

Array: TypeAlias = NDArray[Any]

_FEWEST_ROWS = 10


class Parts(NamedTuple):
    """Rows, or pieces of them, that have nothing in common.

    Attributes:
        train: To train on.
        watch: To pick the best epoch by; may be none.
        calibrate: To calibrate and judge by; may be none.
    """

    train: list[Array]
    watch: list[Array]
    calibrate: list[Array]


def split_rows(
    arrays: Sequence[Array], window: int | None, held_out: float, generator: np.random.Generator
) -> Parts:
    """Series in the order of time, other rows at random.

    A series whose held-out end is shorter than two windows trains whole. If that end holds less
    than three windows it watches as well as calibrates.

    Args:
        arrays: ``(T_i, C)``.
        window: Steps of a window, or ``None`` if rows are taken whole.
        held_out: Share of the steps of each series, or of the rows.
        generator: Draws the rows.
    """
    if not held_out:
        return Parts(list(arrays), [], [])
    if window is not None and any(held_out * len(one) >= 2 * window for one in arrays):
        return _split_in_time(arrays, window, held_out)
    number = len(arrays)
    if number < _FEWEST_ROWS:
        if window is not None:
            return _split_in_time(arrays, window, held_out)
        return Parts(list(arrays), [], [])
    order = generator.permutation(number)
    held = np.sort(order[: max(2, round(held_out * number))])
    kept = np.setdiff1d(np.arange(number), held)
    watch, rest = held[::3], np.delete(held, np.s_[::3])
    return Parts(*([arrays[one] for one in part] for part in (kept, watch, rest)))


def _split_in_time(arrays: Sequence[Array], window: int, held_out: float) -> Parts:
    parts = Parts([], [], [])
    for one in arrays:
        held = round(held_out * len(one))
        if held < window or len(one) - held < window:
            parts.train.append(one)
            continue
        begin = len(one) - held
        middle = begin + held // 3
        parts.train.append(one[:begin])
        if held < 3 * window:
            parts.watch.append(one[begin:])
            parts.calibrate.append(one[begin:])
        else:
            parts.watch.append(one[begin:middle])
            parts.calibrate.append(one[middle:])
    return parts


def judge_reconstruction(
    model: Autoencoder, trained: Sequence[Array], judged: Sequence[Array]
) -> dict[str, Any]:
    """How well windows are given back, beside as many principal components as the code has numbers.

    Args:
        model: Trained.
        trained: The windows trained on, which the components are fitted on too.
        judged: Windows that trained nothing.

    Returns:
        ``windows`` and ``table``: name -> ``rmse`` in deviations of the channels, and
        ``explained``, the share of the variance about the training means.
    """
    scaled = [model.scaled(one) for one in judged]
    size = sum(int((~np.isnan(one)).sum()) for one in scaled)
    about = sum(float(np.nansum(one**2)) for one in scaled)
    table = {}

    def enter(name: str, wrong: float) -> None:
        table[name] = {
            "rmse": float(np.sqrt(wrong / max(size, 1))),
            "explained": 1.0 - wrong / about if about else None,
        }

    enter("network", sum(float(np.nansum(one**2)) for one in model.errors(judged)))
    components = _principal_components(model, trained, scaled)
    if components is not None:
        enter(f"{model.shape.code_size} principal components", components)
    enter("the mean of each channel", about)
    return {"windows": len(judged), "table": table}


def _principal_components(
    model: Autoencoder, trained: Sequence[Array], scaled: Sequence[Array]
) -> float | None:
    """Squared error of PCA on windows written out; None if they are not all of one length."""
    shapes = {one.shape for one in (*trained, *scaled)}
    if len(shapes) != 1 or not scaled or not trained:
        return None
    learnt = np.nan_to_num(np.stack([model.scaled(one).ravel() for one in trained]))
    mean = learnt.mean(axis=0)
    _, _, axes = np.linalg.svd(learnt - mean, full_matrices=False)
    axes = axes[: model.shape.code_size]
    truth = np.stack([one.ravel() for one in scaled])
    filled = np.nan_to_num(truth) - mean
    wrong = filled - filled @ axes.T @ axes
    return float((wrong[~np.isnan(truth)] ** 2).sum())
