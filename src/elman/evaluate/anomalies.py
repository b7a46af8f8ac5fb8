"""Anomalies: thresholds at a stated rate of false alarms, intervals, and measures against labels.

The threshold comes from scores of data that are known to be normal and that trained nothing. As
conformal prediction has it (V. Vovk, A. Gammerman and G. Shafer, "Algorithmic learning in a random
world", 2005, proposition 2.1; R. Laxhammar and G. Falkman, "Online learning and sequential anomaly
detection in trajectories", 2014), the p-value of a score is the share of normal scores, its own
included, that are no lower, and alarms at ``p <= rate`` are false no more often than ``rate`` if
what comes is exchangeable with the normal data. Steps of one series are not quite: they hang
together, and they drift. So the rate that was observed belongs beside the one stated, or the
threshold is made to follow: after each step it is raised a little if there was an alarm and lowered
a little if not, so that in the long run the share of alarms is the stated one whatever comes (A. N.
Angelopoulos, E. Candes and R. Tibshirani, "Conformal PID control for time series prediction",
NeurIPS 2023, section 2.1 and proposition 1, here in logarithms of the score).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.errors import InputError

__all__ = [
    "MEASURES",
    "THRESHOLDS",
    "Anomaly",
    "Threshold",
    "calibrate",
    "conformal_p_values",
    "detection_measures",
    "find_intervals",
    "ranking_quality",
    "recall_at_rate",
    "root_mean_square",
    "step_scores",
]

Array: TypeAlias = NDArray[Any]

THRESHOLDS = ("conformal", "quantile", "adaptive")
"""How a threshold is found."""

_PACE = 0.03  # of a following threshold: deviations of log scores by which an alarm raises it
_LEAST_DEVIATION = 0.05
_LEAST_SCORE = 1e-9

MEASURES = (
    ("found", "Anomalies found"),
    ("precision", "Precision"),
    ("recall", "Recall"),
    ("f1", "F1"),
    ("false_alarms", "False alarms"),
    ("auc", "AUC"),
)
"""The measures of a detection and their heads."""


@dataclass(frozen=True)
class Anomaly:
    """A stretch of steps that do not look normal.

    Attributes:
        row: Number of the row (the series).
        start: Its first step.
        end: One past its last step.
        peak: The step of the highest score.
        score: That score.
    """

    row: int
    start: int
    end: int
    peak: int
    score: float


@dataclass(frozen=True)
class Threshold:
    """Above which score there is an alarm, and how far that can be trusted.

    Attributes:
        value: Alarms are scores above it.
        false_alarm: The stated share of normal scores above it.
        count: How many normal scores it rests on.
        sufficient: Whether they are enough for the rate: at least ``1 / false_alarm - 1``. Where
            they are not, the value is the highest of them.
        pace: 0 if the threshold stays where it is; else by how much, in logarithms, an alarm
            raises it.
    """

    value: float
    false_alarm: float
    count: int
    sufficient: bool
    pace: float = 0.0

    def after(self, level: float, score: float) -> float:
        """The threshold of the next step.

        Args:
            level: That of this step.
            score: Of this step; NaN changes nothing.
        """
        if not self.pace or math.isnan(score):
            return level
        push = (1.0 if score > level else 0.0) - self.false_alarm
        return max(_LEAST_SCORE, level * math.exp(self.pace * push))

    def along(self, scores: Array) -> Array:
        """The threshold of each step of a series, ``(T,)``: what came before it decides."""
        if not self.pace:
            return np.full(len(scores), self.value)
        levels, level = np.empty(len(scores)), self.value
        for step, score in enumerate(scores.tolist()):
            levels[step] = level
            level = self.after(level, score)
        return levels


def step_scores(errors: Array, focus: str) -> tuple[Array, float]:
    """What the errors of one window say of its steps, and of itself.

    Args:
        errors: ``(T, C)`` in units of the error to be expected; NaN where nothing was observed.
        focus: ``"step"``: the root mean square over the channels; ``"window"``: that over the
            whole window, for each observed step; ``"both"``: the geometric mean of the two.

    Returns:
        ``(T,)``, NaN where nothing was observed, and the root mean square over the window.
    """
    own = root_mean_square(errors, axis=1)
    window = float(root_mean_square(own[:, None], axis=0)[0])
    if focus == "window":
        return np.where(np.isnan(own), np.nan, window), window
    if focus == "both":
        return np.sqrt(own * window), window
    return own, window


def root_mean_square(values: Array, axis: int) -> Array:
    """Over what is not NaN; NaN where nothing is."""
    known = ~np.isnan(values)
    count = known.sum(axis=axis)
    seen = np.where(known, values, 0.0)
    squares = (seen * seen).sum(axis=axis)
    found: Array = np.sqrt(np.where(count > 0, squares / np.maximum(count, 1), np.nan))
    return found


def calibrate(normal: Array, false_alarm: float, method: str = "conformal") -> Threshold:
    """The threshold that normal scores pass no more often than stated.

    Args:
        normal: Scores of normal data that trained nothing; NaN counts for nothing.
        false_alarm: The rate, strictly between 0 and 1.
        method: ``"conformal"``: the ``ceil((n + 1) (1 - rate))``-th lowest, a little above
            ``"quantile"``, the plain empirical quantile; ``"adaptive"``: the conformal one to
            begin with, which then follows (see above).

    Raises:
        InputError: If there is no score.
    """
    scores = np.asarray(normal, np.float64)
    scores = np.sort(scores[~np.isnan(scores)])
    count = len(scores)
    if not count:
        raise InputError(
            "X: expected scores of normal data to set a threshold by, got none: every window held "
            "out misses all values, or there is none; give longer data or fewer gaps, or choose a "
            "shorter window"
        )
    rank = math.ceil((count + 1) * (1.0 - false_alarm) - 1e-9)
    sufficient = rank <= count
    if method == "quantile" and sufficient:
        value = float(np.quantile(scores, 1.0 - false_alarm))
    else:
        value = float(scores[min(max(rank, 1), count) - 1])
    pace = 0.0
    if method == "adaptive":
        deviation = float(np.log(np.maximum(scores, _LEAST_SCORE)).std())
        pace = _PACE * max(deviation, _LEAST_DEVIATION)
    return Threshold(value, false_alarm, count, sufficient, pace)


def conformal_p_values(scores: Array, normal: Array) -> Array:
    """``(1 + how many normal scores are no lower) / (1 + how many there are)``; NaN stays NaN.

    Args:
        scores: Any shape.
        normal: Scores of normal data that trained nothing.
    """
    ordered = np.sort(np.asarray(normal, np.float64)[~np.isnan(normal)])
    scores = np.asarray(scores, np.float64)
    lower = np.searchsorted(ordered, scores, side="left")
    p = (1.0 + len(ordered) - lower) / (1.0 + len(ordered))
    return np.where(np.isnan(scores), np.nan, p)


def find_intervals(
    scores: Array, threshold: float | Array, merge: int = 0, row: int = 0
) -> list[Anomaly]:
    """Runs of steps above the threshold.

    Args:
        scores: ``(T,)``; NaN is no alarm.
        threshold: Alarms are scores above it; one for all, or one for each step.
        merge: Runs with no more than so many quiet steps between them are one.
        row: Number of the row, for the answer.
    """
    steps = np.flatnonzero(np.nan_to_num(np.asarray(scores), nan=-np.inf) > threshold)
    if not len(steps):
        return []
    breaks = np.flatnonzero(np.diff(steps) > merge + 1)
    starts = steps[np.r_[0, breaks + 1]]
    ends = steps[np.r_[breaks, len(steps) - 1]] + 1
    found = []
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        peak = start + int(np.nanargmax(scores[start:end]))
        found.append(Anomaly(row, start, end, peak, float(scores[peak])))
    return found


def detection_measures(
    scores: Sequence[Array],
    threshold: float | Sequence[Array],
    labels: Sequence[Sequence[tuple[int, int]]],
) -> dict[str, float | None]:
    """How alarms compare with labelled anomalies.

    Args:
        scores: For each row ``(T_i,)``; NaN is no alarm.
        threshold: Alarms are scores above it; one for all, or one for each step of each row.
        labels: For each row its anomalies, ``(start, end)`` with ``end`` one past the last.

    Returns:
        ``found``: share of the anomalies with an alarm in them; ``precision``, ``recall`` and
        ``f1`` of the steps; ``false_alarms``: share of the normal steps with an alarm; ``auc``:
        see :func:`ranking_quality`. ``None`` where there is nothing to count.
    """
    levels = [threshold] * len(scores) if isinstance(threshold, float) else threshold
    alarms = [
        np.nan_to_num(one, nan=-np.inf) > level for one, level in zip(scores, levels, strict=True)
    ]
    flags = np.concatenate(alarms)
    truth = np.concatenate(
        [label_steps(spans, len(one)) for one, spans in zip(scores, labels, strict=True)]
    )
    hits = [
        bool(one[start:end].any())
        for one, spans in zip(alarms, labels, strict=True)
        for start, end in spans
    ]
    both = int((flags & truth).sum())
    precision = both / int(flags.sum()) if flags.any() else None
    recall = both / int(truth.sum()) if truth.any() else None
    f1 = None
    if precision is not None and recall is not None:
        f1 = 2 * precision * recall / (precision + recall) if both else 0.0
    return {
        "found": float(np.mean(hits)) if hits else None,
        "precision": precision,
        "recall": recall,
        "f1": f1,
        "false_alarms": float(flags[~truth].mean()) if (~truth).any() else None,
        "auc": ranking_quality(np.concatenate(list(scores)), truth),
    }


def label_steps(spans: Sequence[tuple[int, int]], length: int) -> Array:
    """True at the steps inside a span, ``(T,)``."""
    truth = np.zeros(length, bool)
    for start, end in spans:
        truth[start:end] = True
    return truth


def ranking_quality(scores: Array, truth: Array) -> float | None:
    """Area under the ROC curve: how often an anomalous step scores above a normal one.

    Args:
        scores: ``(T,)``; NaN ranks lowest.
        truth: True where anomalous.

    Returns:
        0 to 1, 0.5 for chance; ``None`` if all steps are of one kind.
    """
    positive = int(truth.sum())
    negative = len(truth) - positive
    if not positive or not negative:
        return None
    _, place, count = np.unique(
        np.nan_to_num(scores, nan=-np.inf), return_inverse=True, return_counts=True
    )
    ranks = np.cumsum(count) - (count - 1) / 2.0  # of equal values, their mean
    total = ranks[place][truth].sum()
    return float((total - positive * (positive + 1) / 2.0) / (positive * negative))


def recall_at_rate(
    scores: Array, spans: Sequence[tuple[int, int]], rate: float, begin: int = 0
) -> float:
    """Share of the anomalies found if just this share of the normal steps gives an alarm.

    That needs the labels to set the threshold: it compares detectors, it is no protocol of use.

    Args:
        scores: ``(T,)``; NaN ranks lowest.
        spans: The anomalies, ``(start, end)``.
        rate: Share of normal steps.
        begin: First step that counts.
    """
    clean = np.nan_to_num(scores, nan=-np.inf)
    normal = ~label_steps(spans, len(clean))
    normal[:begin] = False
    threshold = np.quantile(clean[normal], 1.0 - rate, method="higher")
    return float(np.mean([(clean[start:end] > threshold).any() for start, end in spans]))
