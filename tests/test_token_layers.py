"""OneHot and TiedDense: what they refuse, and the one weight that is shared."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import elman
from elman import InputError

TIED = [elman.Embedding(6, 4), elman.RNN(4, 4), elman.TiedDense(4, 6)]


def test_one_hot_is_what_it_says():
    network = elman.Network([elman.OneHot(3)])
    np.testing.assert_array_equal(network.predict(np.array([[2, 0, 1]]))[0], np.eye(3)[[2, 0, 1]])
    output, _ = network.step(np.array([1, 1]))
    np.testing.assert_array_equal(output, np.eye(3)[[1, 1]])
    with pytest.raises(InputError, match="OneHot must be the first layer"):
        elman.Network([elman.Dense(2, 3), elman.OneHot(3)])


def test_a_tied_weight_is_one_weight():
    network = elman.Network(TIED, seed=0)
    assert "2.weight" not in network.state_dict() and "2.bias" in network.state_dict()
    before = network.predict(np.array([[1, 2]]))
    vectors = network.state_dict()["0.weight"].copy()
    values = {name: np.array(value) for name, value in network.state_dict().items()}
    values["0.weight"] = 2 * vectors
    network.load_state_dict(values)
    hidden, bias = elman.Network(network.layers[:2]), values["2.bias"]
    hidden.load_state_dict({k: v for k, v in values.items() if not k.startswith("2.")})
    wanted = hidden.predict(np.array([[1, 2]])) @ values["0.weight"].T + bias
    np.testing.assert_allclose(network.predict(np.array([[1, 2]])), wanted, atol=1e-5)
    assert not np.allclose(before, wanted)


def test_copies_and_saved_ones_are_tied_to_their_own(tmp_path):
    network = elman.Network(TIED, seed=0)
    network.save(tmp_path / "model")
    X, y = np.arange(12).reshape(2, 6) % 6, np.arange(1, 13).reshape(2, 6) % 6
    for other in (copy.deepcopy(network), elman.load(tmp_path / "model")):
        other.fit(X, y, loss="cross_entropy", epochs=3)
        assert not np.array_equal(other.parameters, network.parameters)
        changed = other.state_dict()["0.weight"]
        assert not np.array_equal(changed, network.state_dict()["0.weight"])


@pytest.mark.parametrize(
    "layers, message",
    [
        ([elman.RNN(4, 4), elman.TiedDense(4, 6)], "expected an Embedding at the beginning"),
        ([elman.OneHot(6), elman.RNN(6, 4), elman.TiedDense(4, 6)], "expected an Embedding at"),
        ([elman.Embedding(6, 3), elman.RNN(3, 4), elman.TiedDense(4, 6)], r"Embedding\(6, 4\)"),
    ],
)
def test_what_cannot_be_tied_is_refused(layers, message):
    with pytest.raises(InputError, match=message):
        elman.Network(layers)
