"""What answers cost nothing: the baselines beside a network that reads whole sequences."""

from __future__ import annotations

from collections import Counter
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.data.rows import Rows
from elman.evaluate.classes import softmax

__all__ = ["SummaryRidge", "TrigramBayes", "class_rivals", "clearly_less"]

Array: TypeAlias = NDArray[np.float64]


def clearly_less(losses: Array, others: Array) -> bool:
    """Whether losses are less than others of the same rows by more than chance would have it.

    The mean of the paired differences lies two standard errors or more below 0; for right and
    wrong answers that is McNemar's test.

    Args:
        losses: Of each row, ``(N,)``.
        others: Of each row, ``(N,)``.

    Source: Q. McNemar, "Note on the sampling error of the difference between correlated
    proportions or percentages", Psychometrika 12 (1947) 153-157.
    """
    difference = np.asarray(losses, np.float64) - np.asarray(others, np.float64)
    error = difference.std() / np.sqrt(len(difference))
    return bool(difference.mean() < 0.0 and difference.mean() <= -2.0 * error)


class TrigramBayes:
    """Multinomial naive Bayes over the sets of one to ``order`` characters in a row.

    Args:
        texts: To learn from.
        classes: Their classes, ``(N,)``.
        number: How many classes there are.
        order: The longest run of characters.
        smoothing: Added to every count.
    """

    def __init__(
        self,
        texts: list[str],
        classes: NDArray[np.int64],
        number: int,
        order: int = 3,
        smoothing: float = 0.1,
    ) -> None:
        self._order = order
        counts: list[Counter[str]] = [Counter() for _ in range(number)]
        for text, one in zip(texts, classes, strict=True):
            counts[one].update(self._grams(text))
        known = sorted(set().union(*counts))
        self._numbers = {gram: index for index, gram in enumerate(known)}
        table = np.array([[count[gram] for gram in known] for count in counts], np.float64)
        table = table.reshape(number, len(known)) + smoothing
        self._logs = np.log(table / np.maximum(table.sum(axis=1, keepdims=True), 1e-300))
        share = np.bincount(classes, minlength=number) + smoothing
        self._prior = np.log(share / share.sum())

    def _grams(self, text: str) -> list[str]:
        padded = f"\x02{text.lower()}\x03"
        return [
            padded[start : start + size]
            for size in range(1, self._order + 1)
            for start in range(len(padded) - size + 1)
        ]

    def probabilities(self, texts: list[str]) -> Array:
        """Of each class for each text, ``(N, K)``."""
        scores = np.tile(self._prior, (len(texts), 1))
        for row, text in enumerate(texts):
            found = [self._numbers[gram] for gram in self._grams(text) if gram in self._numbers]
            scores[row] += self._logs[:, found].sum(axis=1)
        return softmax(scores)


class SummaryRidge:
    """Ridge regression on what summarises a sequence.

    Of each channel: mean, deviation, least, greatest, first and last value; and the length.

    Args:
        rows: ``(T_i, C)`` each, NaN where missing.
        targets: ``(N, K)``.
        penalty: Of the squared weights, on standardised summaries.
    """

    def __init__(self, rows: list[Array], targets: Array, penalty: float = 1.0) -> None:
        found = _summaries(rows)
        self._mean, self._scale = found.mean(axis=0), found.std(axis=0)
        self._scale[self._scale < 1e-12] = 1.0
        inputs = (found - self._mean) / self._scale
        self._centre = targets.mean(axis=0)
        gram = inputs.T @ inputs + penalty * np.eye(inputs.shape[1])
        self._weights = np.linalg.solve(gram, inputs.T @ (targets - self._centre))

    def predict(self, rows: list[Array]) -> Array:
        """``(N, K)``."""
        inputs = (_summaries(rows) - self._mean) / self._scale
        return np.asarray(self._centre + inputs @ self._weights)


def _summaries(rows: list[Array]) -> Array:
    return np.stack([_summary(row) for row in rows])


def _summary(row: Array) -> Array:
    parts = [np.array([float(len(row))])]
    for channel in row.T:
        seen = channel[~np.isnan(channel)]
        if not len(seen):
            seen = np.zeros(1)
        parts.append(np.array([seen.mean(), seen.std(), seen.min(), seen.max(), seen[0], seen[-1]]))
    return np.concatenate(parts)


def class_rivals(
    rows: Rows, seen: Rows, targets: NDArray[np.int64], classes: int
) -> dict[str, Array]:
    """The probabilities that the baselines give, learnt of the rows trained on."""
    share = np.bincount(targets, minlength=classes) / len(targets)
    found = {"most frequent class": np.tile(share, (len(rows), 1))}
    if rows.texts is not None:
        rival = TrigramBayes(seen.texts or [], targets, classes)
        found["trigram naive Bayes"] = rival.probabilities(rows.texts)
    else:
        ridge = SummaryRidge(seen.arrays or [], np.eye(classes)[targets])
        clipped = np.clip(ridge.predict(rows.arrays or []), 1e-3, None)
        found["ridge on summaries"] = clipped / clipped.sum(axis=1, keepdims=True)
    return found
