"""States as values: selected, stacked, saved, and never changed by a pass."""

from __future__ import annotations

import numpy as np
import pytest

import elman
from elman.errors import InputError
from elman.state import NetworkState
from networks import inputs, network


@pytest.fixture
def state():
    generator = np.random.default_rng(0)
    return NetworkState(
        {"0.h_l0": generator.normal(size=(4, 3)), "0.c_l0": generator.normal(size=(4, 2))}
    )


def assert_same(first, second):
    assert first.names == second.names
    for a, b in zip(first.parts, second.parts, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def test_is_a_mapping(state):
    assert list(state) == ["0.h_l0", "0.c_l0"]
    assert len(state) == 2
    assert state.rows == 4
    assert state["0.c_l0"].shape == (4, 2)
    assert "0.h_l1" not in state
    with pytest.raises(KeyError):
        state["1.h_l0"]
    assert repr(state) == "NetworkState(0.h_l0 (4, 3), 0.c_l0 (4, 2))"


def test_rows_are_selected_and_branched(state):
    one = state.select(2)
    assert one.rows == 1
    np.testing.assert_array_equal(one["0.h_l0"], state["0.h_l0"][2:3])
    twice = state.select([1, 1, 3])
    np.testing.assert_array_equal(twice["0.c_l0"], state["0.c_l0"][[1, 1, 3]])
    assert_same(state.select(slice(1, 3)), state.select([1, 2]))
    assert_same(state.select(np.array([False, True, True, False])), state.select([1, 2]))
    assert state.select([]).rows == 0
    twice["0.c_l0"][...] = 0.0
    assert state["0.c_l0"].all()
    with pytest.raises(InputError, match="rows: expected rows of a state of 4, got 4"):
        state.select(4)


def test_states_are_stacked(state):
    again = NetworkState.stack([state.select([0, 1]), state.select([2]), state.select([3])])
    assert_same(again, state)
    with pytest.raises(InputError, match="at least one"):
        NetworkState.stack([])
    other = NetworkState({"0.h_l0": np.zeros((1, 3))})
    with pytest.raises(InputError, match="states of one network"):
        NetworkState.stack([state, other])


def test_a_copy_is_independent(state):
    copied = state.copy()
    copied["0.h_l0"][...] = 7.0
    assert not (state["0.h_l0"] == 7.0).any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_saved_and_loaded_to_the_bit(state, dtype, tmp_path):
    state = NetworkState({name: part.astype(dtype) for name, part in state.items()})
    path = tmp_path / "state.safetensors"
    state.save(path)
    assert_same(NetworkState.load(path), state)
    assert [file.name for file in tmp_path.iterdir()] == ["state.safetensors"]


def test_a_file_is_not_overwritten_unasked(state, tmp_path):
    path = tmp_path / "state"
    path.write_text("precious")
    with pytest.raises(InputError, match="pass overwrite=True"):
        state.save(path)
    assert path.read_text() == "precious"
    state.save(path, overwrite=True)
    assert_same(NetworkState.load(path), state)


def test_other_files_are_refused(tmp_path):
    from safetensors.numpy import save_file

    with pytest.raises(InputError, match="which is no file"):
        NetworkState.load(tmp_path / "none")
    (tmp_path / "text").write_text("hello")
    with pytest.raises(InputError, match="is not a safetensors file"):
        NetworkState.load(tmp_path / "text")
    save_file({"a": np.zeros(2)}, tmp_path / "tensors")
    with pytest.raises(InputError, match="expected a state of format"):
        NetworkState.load(tmp_path / "tensors")


def test_uneven_parts_are_refused():
    with pytest.raises(InputError, match="as many rows each"):
        NetworkState({"0.h_l0": np.zeros((2, 3)), "1.h_l0": np.zeros((3, 3))})
    with pytest.raises(InputError, match="parts: expected arrays"):
        NetworkState({"0.h_l0": np.zeros(3)})


def test_passes_leave_the_state_given_as_it_was():
    made = network("lstm")
    X = inputs(made)
    _, first = made.forward(X)
    kept = first.copy()
    made.forward(X, first)
    made.step(X[:, 0], first)
    made.predict(X)
    assert_same(first, kept)


def test_a_state_continues_after_saving(tmp_path):
    made = network("two_kinds")
    X = inputs(made)
    whole, _ = made.forward(X)
    _, state = made.forward(X[:, :3])
    state.save(tmp_path / "state")
    rest, _ = made.forward(X[:, 3:], NetworkState.load(tmp_path / "state"))
    np.testing.assert_array_equal(rest, whole)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda s: {"0.h_l0": np.zeros((5, 4))}, "state: expected a NetworkState"),
        (lambda s: s.select([0, 1]), r"state: expected arrays .*\(5, 4\).*got .*\(2, 4\)"),
        (lambda s: NetworkState({"0.h_l0": np.zeros((5, 4))}), "state: expected arrays"),
        (lambda s: NetworkState({n: np.zeros((5, 3)) for n in s}), "state: expected arrays"),
    ],
)
def test_a_state_that_does_not_fit_is_refused(make, message):
    made = network("lstm")
    X = inputs(made)
    _, state = made.forward(X)
    for use in (lambda s: made.forward(X, s), lambda s: made.step(X[:, 0], s)):
        with pytest.raises(InputError, match=message):
            use(make(state))


def test_states_of_another_dtype_are_converted():
    double, single = network("gru", "float64"), network("gru", "float32")
    X = inputs(double)
    _, state = double.forward(X)
    output, after = single.forward(X, state)
    assert output.dtype == after["0.h_l0"].dtype == np.float32


def test_public_name():
    assert elman.NetworkState is NetworkState
