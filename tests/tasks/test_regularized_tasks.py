"""Recurrent dropout, zoneout and layer normalisation as arguments of the estimators."""

from __future__ import annotations

import numpy as np
import pytest

import elman
from elman.errors import InputError

OPTIONS = {"recurrent_dropout": 0.2, "zoneout": 0.1, "layer_norm": True}
QUICK = {"hidden_size": 6, "epochs": 2, "held_out": 0.0, "verbose": False, "seed": 1}


def rows():
    generator = np.random.default_rng(0)
    X = [generator.normal(size=(int(n), 2)) for n in generator.integers(3, 9, 24)]
    return X, np.array([one.sum() > 0 for one in X])


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn", "rnn_relu", "gru_reset_before"])
@pytest.mark.parametrize("kind", [elman.SequenceClassifier, elman.SequenceRegressor])
def test_they_reach_the_network(kind, cell, tmp_path):
    X, y = rows()
    y = y if kind is elman.SequenceClassifier else y.astype(float)
    model = kind(cell=cell, **OPTIONS, **QUICK).fit(X, y)
    recurrent = model.model_.networks[0].layers[0]
    assert {name: getattr(recurrent, name) for name in OPTIONS} == OPTIONS
    assert {name: model.get_params()[name] for name in OPTIONS} == OPTIONS
    model.save(tmp_path / "saved")
    loaded = elman.load(tmp_path / "saved")
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


@pytest.mark.parametrize("kind", [elman.SequenceClassifier, elman.SequenceRegressor])
@pytest.mark.parametrize(
    "wrong", [{"zoneout": 1.0}, {"recurrent_dropout": -0.5}, {"layer_norm": "yes"}]
)
def test_what_does_not_fit_is_refused(kind, wrong):
    X, y = rows()
    with pytest.raises(InputError, match=next(iter(wrong))):
        kind(**wrong, **QUICK).fit(X, y.astype(float))
