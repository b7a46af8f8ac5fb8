"""The forecaster as one of scikit-learn's estimators."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.utils.estimator_checks import check_estimator

import elman
from sample_series import FAST, monthly, wave

UNFIT = {
    "check_estimators_unfitted": "the error is elman's own, with the bases of scikit-learn's",
    "check_n_features_in": "columns are series, not features",
    "check_n_features_in_after_fitting": "columns are series, not features",
    "check_methods_sample_order_invariance": "rows are steps in time: their order matters",
    "check_methods_subset_invariance": "rows are steps in time, a few are too short a past",
    "check_fit1d": "one axis is one series",
    "check_fit2d_predict1d": "one axis is one series",
    "check_fit2d_1sample": "the message speaks of steps, not of samples",
    "check_estimators_empty_data_messages": "the message speaks of series, not of features",
    "check_complex_data": "refused, in other words",
    "check_dtype_object": "refused: text is no series",
    "check_estimator_sparse_tag": "refused, in other words",
    "check_estimator_sparse_array": "refused, in other words",
    "check_estimator_sparse_matrix": "refused, in other words",
}
"""scikit-learn's checks that do not fit an estimator of series, and why."""


class OfArrays(elman.Forecaster):
    """Takes the target that scikit-learn's checks pass along, and leaves it alone."""

    def fit(self, X: Any, y: Any = None) -> OfArrays:  # type: ignore[override]
        return super().fit(X)


def test_scikit_learns_own_checks_pass() -> None:
    forecaster = OfArrays(horizon=2, window=4, hidden_size=2, epochs=1, folds=0, levels=())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of scikit-learn, about the bases of the class
        results = check_estimator(forecaster, on_fail=None, on_skip=None)
    failed = {one["check_name"]: one["exception"] for one in results if one["status"] == "failed"}
    assert {name: why for name, why in failed.items() if name not in UNFIT} == {}
    assert sum(one["status"] == "passed" for one in results) >= 20


def test_copies_and_pickles_forecast_the_same() -> None:
    forecaster = elman.Forecaster(**FAST, backend="reference").fit(monthly())
    for other in (copy.deepcopy(forecaster), pickle.loads(pickle.dumps(forecaster))):
        pd.testing.assert_frame_equal(other.predict(), forecaster.predict())
        assert other.model_.backend == "reference"
        assert other.scores_.to_dict() == forecaster.scores_.to_dict()
    fitted = copy.deepcopy(forecaster)
    fitted.fit(monthly(100))
    assert len(forecaster.training_panel.values) == 120


def test_scikit_learn_clones_and_searches() -> None:
    from sklearn.base import clone, is_classifier
    from sklearn.utils import get_tags
    from sklearn.utils.validation import check_is_fitted

    forecaster = elman.Forecaster(**FAST, levels=[80])
    copy = clone(forecaster)
    assert copy is not forecaster and copy.get_params() == forecaster.get_params()
    assert repr(forecaster) == (
        "Forecaster(horizon=4, window=12, hidden_size=8, levels=[80], epochs=2, folds=2)"
    )
    assert forecaster.set_params(horizon=3).horizon == 3
    assert not is_classifier(forecaster)
    assert get_tags(forecaster).input_tags.allow_nan
    with pytest.raises(Exception, match="not fitted"):
        check_is_fitted(copy)
    check_is_fitted(copy.fit(wave()))


def test_scikit_learn_grid_search_over_time_splits() -> None:
    from sklearn.model_selection import GridSearchCV, TimeSeriesSplit

    search = GridSearchCV(
        elman.Forecaster(**FAST),
        {"hidden_size": [4, 8]},
        cv=TimeSeriesSplit(2, test_size=30),
        error_score="raise",
    )
    search.fit(wave(140))
    assert search.best_params_["hidden_size"] in (4, 8)


def test_the_constructor_only_stores() -> None:
    levels = [80, 95]
    assert elman.Forecaster(levels=levels).levels is levels
    assert elman.Forecaster(horizon="nonsense").horizon == "nonsense"
    assert repr(elman.Forecaster(levels=np.array([50, 90]))) == (
        "Forecaster(levels=array([50, 90]))"
    )


def test_importing_the_forecaster_does_not_import_scikit_learn() -> None:
    import subprocess
    import sys

    code = "import sys, elman; elman.Forecaster; print('sklearn' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
