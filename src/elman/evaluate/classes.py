"""Measures of probabilities of classes, and the temperature that calibrates them."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "adjusted",
    "calibration_error",
    "classification_measures",
    "confusion_matrix",
    "fit_temperature",
    "log_probabilities",
    "reliability",
    "softmax",
]

Array: TypeAlias = NDArray[Any]

_BINS = 10


def softmax(logits: Array) -> Array:
    """Over the last axis; never NaN for finite logits."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def log_probabilities(outputs: Array) -> Array:
    """The mean over networks of their log probabilities: ``(M, N, K)`` to ``(N, K)``."""
    top = outputs.max(axis=2, keepdims=True)
    total = top + np.log(np.exp(outputs - top).sum(axis=2, keepdims=True))
    return np.asarray((outputs - total).mean(axis=0))


def adjusted(probabilities: Array, prior: Array, strength: float) -> Array:
    """Probabilities of classes, freed from how common the classes are.

    ``p_k / prior_k^strength``, made to sum to 1: at 0 as they are, at 1 as if all classes were
    equally common. A class of prior 0 stays at 0.

    Args:
        probabilities: ``(N, K)``.
        prior: Shares of the classes where the probabilities hold, ``(K,)``.
        strength: In [0, 1].

    Source: A. K. Menon et al., "Long-tail learning via logit adjustment", ICLR 2021, equation 9.
    """
    if not strength:
        return probabilities
    factor = np.zeros(len(prior))
    np.power(prior, -strength, out=factor, where=prior > 0)
    raised = probabilities * factor
    return np.asarray(raised / np.maximum(raised.sum(axis=1, keepdims=True), 1e-300))


def confusion_matrix(truth: Array, predicted: Array, classes: int) -> Array:
    """How often each class (row) was taken for each (column), int64 ``(K, K)``."""
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (truth, predicted), 1)
    return matrix


def classification_measures(
    probabilities: Array, truth: Array, ranking: Array | None = None
) -> dict[str, float | None]:
    """Accuracy, macro recall and F1, log loss, and the truth among the first three.

    Args:
        probabilities: ``(N, K)``.
        truth: Numbers of classes, ``(N,)``; at least one.
        ranking: By what the classes named are chosen, ``(N, K)``; default: the probabilities.

    Returns:
        ``accuracy``, ``macro_recall`` and ``macro_f1`` (means over the classes that occur in
        ``truth``), ``log_loss`` (nats), ``top_3`` (``None`` where there are three classes or
        fewer) and ``calibration_error``.
    """
    classes = probabilities.shape[1]
    ranking = probabilities if ranking is None else ranking
    predicted = ranking.argmax(axis=1)
    matrix = confusion_matrix(truth, predicted, classes)
    right, actual, named = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    present = actual > 0
    recall = right[present] / actual[present]
    f1 = 2 * right[present] / (actual + named)[present]
    own = probabilities[np.arange(len(truth)), truth]
    order = np.argsort(-ranking, axis=1, kind="stable")
    rank = (order == truth[:, None]).argmax(axis=1)
    return {
        "accuracy": float((predicted == truth).mean()),
        "macro_recall": float(recall.mean()),
        "macro_f1": float(f1.mean()),
        "log_loss": float(np.abs(np.log(np.clip(own, 1e-15, 1.0)).mean())),
        "top_3": float((rank < 3).mean()) if classes > 3 else None,
        "calibration_error": calibration_error(probabilities, truth, ranking),
    }


def reliability(
    probabilities: Array, truth: Array, ranking: Array | None = None
) -> list[dict[str, Any]]:
    """How often the class named was right, by how sure the answer was.

    Args:
        probabilities: ``(N, K)``.
        truth: Numbers of classes, ``(N,)``.
        ranking: As for :func:`classification_measures`.

    Returns:
        For each bin of confidence that is not empty: ``confidence`` and ``accuracy`` (means over
        its rows) and ``rows``.
    """
    named = (probabilities if ranking is None else ranking).argmax(axis=1)
    confidence, right = probabilities[np.arange(len(truth)), named], named == truth
    number = np.minimum((confidence * _BINS).astype(np.int64), _BINS - 1)
    return [
        {
            "confidence": float(confidence[number == one].mean()),
            "accuracy": float(right[number == one].mean()),
            "rows": int((number == one).sum()),
        }
        for one in range(_BINS)
        if (number == one).any()
    ]


def calibration_error(probabilities: Array, truth: Array, ranking: Array | None = None) -> float:
    """Mean distance of confidence and accuracy over the bins of :func:`reliability`, by rows.

    Source: M. P. Naeini, G. Cooper and M. Hauskrecht, AAAI 2015 (expected calibration error).
    """
    bins = reliability(probabilities, truth, ranking)
    off = sum(one["rows"] * abs(one["confidence"] - one["accuracy"]) for one in bins)
    return float(off / len(truth))


def fit_temperature(logits: Array, truth: Array) -> float:
    """The number that logits are divided by so that held-out log loss is least.

    Between 0.05 and 20. Each truth is taken to be certain only to ``1 - 1 / (N + 2)``, as Platt
    has it, so that a few rows that all are right do not make an answer certain.

    Args:
        logits: ``(N, K)``.
        truth: Numbers of classes, ``(N,)``.

    Source: C. Guo et al., "On calibration of modern neural networks", ICML 2017, section 4.2;
    J. Platt, "Probabilistic outputs for support vector machines" (1999), section 2.2.
    """
    doubt = 1.0 / (len(truth) + 2)
    low, high = np.log(0.05), np.log(20.0)

    def log_loss(at: float) -> float:
        scaled = logits / np.exp(at)
        top = scaled.max(axis=1)
        total = top + np.log(np.exp(scaled - top[:, None]).sum(axis=1))
        own = (1.0 - doubt) * scaled[np.arange(len(truth)), truth] + doubt * scaled.mean(axis=1)
        return float((total - own).mean())

    golden = (np.sqrt(5.0) - 1.0) / 2.0  # log loss has one minimum in the temperature
    for _ in range(60):
        left, right = high - golden * (high - low), low + golden * (high - low)
        if log_loss(left) <= log_loss(right):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2.0))
