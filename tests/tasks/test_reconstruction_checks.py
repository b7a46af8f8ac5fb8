"""The autoencoder as scikit-learn's transformer and detector."""

from __future__ import annotations

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

import elman

UNFIT = {
    "check_dtype_object": "refused with a ValueError, where a TypeError is asked for",
    "check_estimators_unfitted": "the error is elman's own, with the bases of scikit-learn's",
}
"""scikit-learn's checks that do not fit estimators of sequences, and why."""

QUICK = {"epochs": 2, "code_size": 2, "hidden_size": 4}


@parametrize_with_checks(
    [elman.SequenceAutoencoder(**QUICK), elman.SequenceAutoencoder(cell="dense", **QUICK)],
    expected_failed_checks=lambda estimator: UNFIT,
)
@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)
