"""How good a labeller is on sequences that it was not trained on, beside simple baselines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.data.tokens import Sentences, Steps, lengths_of
from elman.evaluate.classes import confusion_matrix
from elman.evaluate.labels import label_measures
from elman.evaluate.taggers import FrequentLabel, StepRidge, most_frequent
from elman.tasks.labelling_parts import Labels, Part

__all__ = ["MEASURES", "judge", "numbers_of"]

Array: TypeAlias = NDArray[Any]
MEASURES = (
    ("accuracy", "Accuracy"),
    ("macro_f1", "Macro F1"),
    ("span_f1", "Span F1"),
    ("sequences", "Whole sequences"),
)
"""Those of the table of scores, with their titles."""


def judge(part: Part, named: Labels, seen: Part, classes: Sequence[Any]) -> dict[str, Any]:
    """Scores of the network and of the baselines.

    Args:
        part: What is judged by.
        named: The labels that the network gives.
        seen: What was trained on, which the baselines learn from.
        classes: The labels that the network knows.

    Returns:
        ``rows``, ``steps``, ``table`` (method -> measure -> value), ``labels`` and ``spans`` of the
        network (see :func:`elman.evaluate.labels.label_measures`), ``unmet`` (words not met in
        training, and how many of them are right; ``None`` for numbers), ``confusion`` and its
        ``classes``.
    """
    steps, truth = part
    found = {"network": named, **_rivals(steps, seen, classes)}
    table = {name: label_measures(truth, one) for name, one in found.items()}
    own = table["network"]
    known = list(dict.fromkeys([*classes, *(one for row in truth for one in row)]))
    actual, given = (np.concatenate(numbers_of(labels, known)) for labels in (truth, named))
    return {
        "rows": len(truth),
        "steps": len(actual),
        "table": {name: {key: row[key] for key, _ in MEASURES} for name, row in table.items()},
        "labels": own["labels"],
        "spans": own["spans"],
        "unmet": _unmet(part, named, seen),
        "confusion": confusion_matrix(actual, given, len(known)).tolist(),
        "classes": known,
    }


def numbers_of(labels: Sequence[Sequence[Any]], classes: Sequence[Any]) -> list[Array]:
    """Labels as their numbers, int64 ``(T_i,)`` each."""
    order = {one: number for number, one in enumerate(classes)}
    return [np.array([order[one] for one in row], np.int64) for row in labels]


def _rivals(steps: Steps, seen: Part, classes: Sequence[Any]) -> dict[str, Labels]:
    """The labels that the baselines give, learnt of the sequences trained on."""
    common = most_frequent(seen[1])
    found = {"most frequent label": [[common] * int(one) for one in lengths_of(steps)]}
    if isinstance(steps, Sentences):
        assert isinstance(seen[0], Sentences)
        words = FrequentLabel(seen[0].tokens, seen[1])
        found["most frequent label of the word"] = words.predict(steps.tokens)
    else:
        assert not isinstance(seen[0], Sentences)
        ridge = StepRidge(seen[0].arrays or [], numbers_of(seen[1], classes), len(classes))
        found["ridge on five steps"] = [
            [classes[number] for number in one] for one in ridge.predict(steps.arrays or [])
        ]
    return found


def _unmet(part: Part, named: Labels, seen: Part) -> dict[str, int] | None:
    """How many words training has not met, and how many of them are labelled right."""
    steps, truth = part
    if not isinstance(steps, Sentences):
        return None
    assert isinstance(seen[0], Sentences)
    met = {word for words in seen[0].tokens for word in words}
    right = [
        own == other
        for words, one, row in zip(steps.tokens, truth, named, strict=True)
        for word, own, other in zip(words, one, row, strict=True)
        if word not in met
    ]
    return {"words": len(right), "right": sum(right)}
