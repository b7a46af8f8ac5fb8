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


WORDS = [["the", "cat", "sat"], ["a", "dog", "ran", "off"], ["the", "dog", "sat"]] * 8
LABELS = [["D", "N", "V"], ["D", "N", "V", "P"], ["D", "N", "V"]] * 8
FITTED = {
    elman.SequenceLabeller: lambda model: model.fit(WORDS, LABELS),
    elman.LanguageModel: lambda model: model.fit("the cat sat on the mat. " * 60),
    elman.Translator: lambda model: model.fit(["12", "345", "6"] * 8, ["21", "543", "6"] * 8),
    elman.SequenceAutoencoder: lambda model: model.fit(rows()[0]),
}


@pytest.mark.parametrize("kind", FITTED)
def test_they_reach_the_networks_of_the_other_tasks(kind, tmp_path):
    quick = {"hidden_size": 6, "epochs": 2, "seed": 1}
    plain, regularized = kind(**quick), kind(**OPTIONS, **quick)
    for model in (plain, regularized):
        FITTED[kind](model)
    names = [name for name in regularized.model_.tensors() if "ln_hh" in name]
    assert names and not [name for name in plain.model_.tensors() if "ln_" in name]
    regularized.save(tmp_path / "saved")
    loaded = elman.load(tmp_path / "saved")
    for name, value in loaded.model_.tensors().items():
        np.testing.assert_array_equal(value, regularized.model_.tensors()[name])
    other = FITTED[kind](kind(**{**OPTIONS, "zoneout": 0.6}, **quick))
    name = next(name for name in names if name.endswith("l0"))
    assert not np.array_equal(other.model_.tensors()[name], loaded.model_.tensors()[name])


@pytest.mark.parametrize("kind", FITTED)
@pytest.mark.parametrize(
    "wrong", [{"zoneout": 1.0}, {"recurrent_dropout": -0.5}, {"layer_norm": "yes"}]
)
def test_the_other_tasks_refuse_what_does_not_fit(kind, wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        FITTED[kind](kind(**wrong))


@pytest.mark.parametrize("kind", [elman.SequenceClassifier, elman.SequenceRegressor])
@pytest.mark.parametrize(
    "wrong", [{"zoneout": 1.0}, {"recurrent_dropout": -0.5}, {"layer_norm": "yes"}]
)
def test_what_does_not_fit_is_refused(kind, wrong):
    X, y = rows()
    with pytest.raises(InputError, match=next(iter(wrong))):
        kind(**wrong, **QUICK).fit(X, y.astype(float))
