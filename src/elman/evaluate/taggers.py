"""What labels cost nothing: the baselines beside a network that labels every step."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["FrequentLabel", "StepRidge", "most_frequent"]

Array: TypeAlias = NDArray[np.float64]


def most_frequent(labels: Sequence[Sequence[Any]]) -> Any:
    """The label that most steps have; of several, the one that comes first."""
    return Counter(one for row in labels for one in row).most_common(1)[0][0]


class FrequentLabel:
    """Each word has the label that it has most often; unknown words the most frequent of all.

    Args:
        sentences: To learn from.
        labels: The labels of their words.
    """

    def __init__(self, sentences: Sequence[Sequence[str]], labels: Sequence[Sequence[Any]]) -> None:
        counts: defaultdict[str, Counter[Any]] = defaultdict(Counter)
        for words, row in zip(sentences, labels, strict=True):
            for word, label in zip(words, row, strict=True):
                counts[word][label] += 1
        self._labels = {word: count.most_common(1)[0][0] for word, count in counts.items()}
        self._other = most_frequent(labels)

    def predict(self, sentences: Sequence[Sequence[str]]) -> list[list[Any]]:
        """The labels of each sentence."""
        return [[self._labels.get(word, self._other) for word in words] for words in sentences]


class StepRidge:
    """Ridge regression of the labels on a step and its neighbours; the highest is named.

    Values are standardised; a missing one counts as the mean, and where one is missing is told.

    Args:
        rows: ``(T_i, C)`` each, NaN where missing.
        labels: The numbers of the labels, ``(T_i,)`` each.
        number: How many labels there are.
        reach: How many neighbours count on each side; beyond an end, its last step.
        penalty: Of the squared weights.
    """

    def __init__(
        self,
        rows: Sequence[Array],
        labels: Sequence[NDArray[np.int64]],
        number: int,
        reach: int = 2,
        penalty: float = 1.0,
    ) -> None:
        self._reach = reach
        values = np.concatenate(rows)
        seen = ~np.isnan(values)
        count = np.maximum(seen.sum(axis=0), 1)
        self._mean = np.where(seen, values, 0.0).sum(axis=0) / count
        spread = np.where(seen, values - self._mean, 0.0)
        self._scale = np.sqrt((spread**2).sum(axis=0) / count)
        self._scale[self._scale == 0.0] = 1.0
        inputs = np.concatenate([self._inputs(row) for row in rows])
        targets = np.eye(number)[np.concatenate(labels)]
        gram = inputs.T @ inputs + penalty * np.eye(inputs.shape[1])
        self._weights = np.linalg.solve(gram, inputs.T @ targets)

    def predict(self, rows: Sequence[Array]) -> list[NDArray[np.int64]]:
        """The numbers of the labels of each row, ``(T_i,)``."""
        return [(self._inputs(row) @ self._weights).argmax(axis=1) for row in rows]

    def _inputs(self, row: Array) -> Array:
        missing = np.isnan(row)
        scaled = np.where(missing, 0.0, (row - self._mean) / self._scale)
        step = np.concatenate([scaled, missing.astype(np.float64)], axis=1)
        last = max(len(step) - 1, 0)
        near = [
            step[np.clip(np.arange(len(step)) + away, 0, last)]
            for away in range(-self._reach, self._reach + 1)
        ]
        return np.concatenate([*near, np.ones((len(step), 1))], axis=1)
