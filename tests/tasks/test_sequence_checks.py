"""The classifier and the regressor of sequences as scikit-learn's estimators."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import elman

UNFIT = {
    "check_sample_weight_equivalence_on_dense_data": "weights and repeated rows give the same "
    "loss, but other batches",
    "check_dtype_object": "refused with a ValueError, where a TypeError is asked for",
    "check_estimators_unfitted": "the error is elman's own, with the bases of scikit-learn's",
}
"""scikit-learn's checks that do not fit estimators of sequences, and why."""

QUICK = {"hidden_size": 8, "epochs": 30, "batch_size": 8, "held_out": 0.0, "learning_rate": 0.02}


@parametrize_with_checks(
    [elman.SequenceClassifier(**QUICK), elman.SequenceRegressor(**QUICK)],
    expected_failed_checks=lambda estimator: UNFIT,
)
@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


def data():
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    return rng.standard_normal((60, 6)) + 2.0 * y[:, None], y


@pytest.mark.filterwarnings("ignore::elman.ElmanWarning")
def test_pipelines_searches_and_cross_validation():
    X, y = data()
    classifier = elman.SequenceClassifier(**QUICK)
    assert cross_val_score(classifier, X, y, cv=3).min() > 0.85
    assert make_pipeline(StandardScaler(), classifier).fit(X, y).score(X, y) > 0.9
    search = GridSearchCV(classifier, {"pooling": ["last", "mean"]}, cv=2).fit(X, y)
    assert search.best_params_["pooling"] in ("last", "mean")
