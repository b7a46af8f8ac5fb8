"""Measures of classes against scikit-learn's, and the temperature."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from elman.evaluate.classes import (
    adjusted,
    calibration_error,
    classification_measures,
    confusion_matrix,
    fit_temperature,
    reliability,
    softmax,
)
from elman.evaluate.rivals import SummaryRidge, TrigramBayes, clearly_less


def case(seed=0):
    rng = np.random.default_rng(seed)
    logits = rng.standard_normal((300, 5))
    truth = np.array([rng.choice(5, p=row) for row in softmax(logits)])
    return logits, truth


def test_measures_are_those_of_scikit_learn():
    logits, truth = case()
    probabilities = softmax(logits)
    found = classification_measures(probabilities, truth)
    named = probabilities.argmax(axis=1)
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(truth, named))
    assert found["macro_recall"] == pytest.approx(metrics.balanced_accuracy_score(truth, named))
    assert found["macro_f1"] == pytest.approx(metrics.f1_score(truth, named, average="macro"))
    assert found["log_loss"] == pytest.approx(metrics.log_loss(truth, probabilities))
    expected = metrics.top_k_accuracy_score(truth, probabilities, k=3)
    assert found["top_3"] == pytest.approx(expected)
    np.testing.assert_array_equal(
        confusion_matrix(truth, named, 5), metrics.confusion_matrix(truth, named)
    )


@pytest.mark.parametrize("factor", [0.3, 1.0, 4.0])
def test_temperature_undoes_what_was_done(factor):
    logits, truth = case()
    assert fit_temperature(logits * factor, truth) == pytest.approx(factor, rel=0.25)
    before = calibration_error(softmax(logits * 4), truth)
    after = calibration_error(softmax(logits * 4 / fit_temperature(logits * 4, truth)), truth)
    assert after < before / 2


def test_a_few_right_answers_make_nothing_certain():
    logits = np.eye(3)[[0, 1, 2, 0]] * 3
    probabilities = softmax(logits / fit_temperature(logits, np.array([0, 1, 2, 0])))
    assert probabilities.max() < 0.95


def test_baselines_learn():
    texts = ["abab", "abba", "xyxy", "yxxy"] * 3
    bayes = TrigramBayes(texts, np.array([0, 0, 1, 1] * 3), 2)
    assert bayes.probabilities(["aabb", "xxyy", ""]).argmax(axis=1)[:2].tolist() == [0, 1]
    rng = np.random.default_rng(0)
    rows = [rng.standard_normal((5, 2)) for _ in range(60)]
    target = np.array([[row[-1, 1]] for row in rows])
    assert np.abs(SummaryRidge(rows, target, 1e-6).predict(rows) - target).max() < 1e-3


def test_the_adjustment_frees_probabilities_from_the_prior():
    prior = np.array([0.7, 0.2, 0.1, 0.0])
    evidence = np.array([[1.0, 2.0, 4.0, 8.0], [4.0, 2.0, 1.0, 8.0]])
    probabilities = evidence * prior / (evidence * prior).sum(axis=1, keepdims=True)
    assert adjusted(probabilities, prior, 0.0) is probabilities
    freed = adjusted(probabilities, prior, 1.0)
    np.testing.assert_allclose(freed[:, :3], evidence[:, :3] / 7.0)
    assert not freed[:, 3].any()
    half = adjusted(probabilities, prior, 0.5)
    np.testing.assert_allclose(half.sum(axis=1), 1.0)
    assert (half[:, 2] > probabilities[:, 2]).all() and (half[:, 2] < freed[:, 2]).all()


def test_measures_by_a_ranking_leave_probabilities_as_they_are():
    probabilities = np.array([[0.6, 0.4], [0.9, 0.1], [0.2, 0.8]])
    truth = np.array([1, 0, 1])
    ranking = np.array([[0.4, 0.6], [0.8, 0.2], [0.1, 0.9]])
    plain = classification_measures(probabilities, truth)
    ranked = classification_measures(probabilities, truth, ranking)
    assert plain["accuracy"] == pytest.approx(2 / 3) and ranked["accuracy"] == 1.0
    assert plain["log_loss"] == ranked["log_loss"]
    bins = reliability(probabilities, truth, ranking)
    assert [one["confidence"] for one in bins] == pytest.approx([0.4, 0.8, 0.9])


def test_a_difference_within_chance_is_not_clear():
    rng = np.random.default_rng(0)
    losses = rng.standard_normal(400)
    assert clearly_less(losses, losses + 1.0 + 0.1 * rng.standard_normal(400))
    assert not clearly_less(losses, losses)
    assert not clearly_less(losses + 1.0, losses)
    found = [clearly_less(*rng.standard_normal((2, 100))) for _ in range(400)]
    assert 0.005 < np.mean(found) < 0.05  # 2.3 % of differences by chance alone
    wrong, other = np.zeros(50, bool), np.zeros(50, bool)
    other[:2] = True
    assert not clearly_less(wrong, other)
    other[:6] = True
    assert clearly_less(wrong, other)


def test_sure_and_right_loses_nothing() -> None:
    measured = classification_measures(np.eye(2), np.array([0, 1]))
    assert f"{measured['log_loss']:.3f}" == "0.000"
