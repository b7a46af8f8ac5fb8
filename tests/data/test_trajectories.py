"""Trajectories from arrays and from tables, cut where states are missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from elman import InputError
from elman.data.trajectories import as_trajectories, cut_at_gaps, read_trajectories


def test_every_form_of_states_comes_to_the_same():
    array = np.arange(24.0).reshape(2, 4, 3)
    forms = [array, list(array), array.astype(np.float32)]
    for form in forms:
        data = as_trajectories(form, dt=0.5)
        assert len(data) == 2 and data.width == 3 and data.dt == 0.5
        assert all(np.array_equal(one, two) for one, two in zip(data.states, array, strict=True))
    single = as_trajectories(array[0])
    assert len(single) == 1 and np.array_equal(single.states[0], array[0])
    assert as_trajectories(array[0, :, 0]).states[0].shape == (4, 1)
    assert as_trajectories([array[0, :, 0], array[1, :3, 0]]).width == 1
    assert as_trajectories(data) is data
    assert data.channels == ["state 1", "state 2", "state 3"]
    assert "2 trajectories of 4 steps of 0.5, 3 states" in data.describe()


def test_padding_is_not_there():
    padded = np.full((2, 5, 1), np.nan)
    padded[0], padded[1, :3] = np.arange(5.0)[:, None], 7.0
    data = as_trajectories(padded, padded, lengths=[5, 3])
    assert [len(one) for one in data.states] == [len(one) for one in data.forcing] == [5, 3]
    with pytest.raises(InputError, match="lengths: expected 2 whole numbers"):
        as_trajectories(padded, lengths=[5])
    with pytest.raises(InputError, match="lengths: expected None beside Trajectories"):
        as_trajectories(data, lengths=[5, 3])


def test_forcing_and_parameters_go_with_their_trajectories():
    states = [np.zeros((5, 2)), np.ones((3, 2))]
    data = as_trajectories(states, [np.arange(5.0), np.arange(3.0)], [1.0, 2.0])
    assert (data.width, data.forcing_width, data.parameter_width, data.steps) == (2, 1, 1, 8)
    piece = data.take([(1, 1, 3)])
    assert np.array_equal(piece.forcing[0], [[1.0], [2.0]])
    assert np.array_equal(piece.parameters, [[2.0]])
    assert np.array_equal(piece.states[0], np.ones((2, 2)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([],), "at least one trajectory"),
        ((["ab", "cd"],), "got texts"),
        (([np.zeros((4, 2)), np.zeros((4, 3))],), r"trajectories\[1\]: expected 2 channels"),
        ((np.full((2, 4, 1), np.inf),), "infinity"),
        ((np.zeros((2, 4, 1)), np.zeros((1, 4, 1))), "forcing: expected one for each of 2"),
        ((np.zeros((2, 4, 1)), np.zeros((2, 3, 1))), r"forcing\[0\]: expected 4 steps"),
        ((np.zeros((2, 4, 1)), np.full((2, 4, 1), np.nan)), "forcing: expected finite"),
        ((np.zeros((2, 4, 1)), None, [1.0]), r"parameters: expected an array \(2, P\)"),
        ((np.zeros((2, 4, 1)), None, [1.0, np.nan]), "parameters: expected finite"),
        ((np.zeros((2, 4, 1)), None, ["a", "b"]), "parameters: expected numbers"),
        ((np.zeros((2, 4, 1)), None, None, 0.0), "dt: expected a number"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        as_trajectories(*arguments)


def test_gaps_cut_a_trajectory():
    states = np.arange(24.0).reshape(12, 2)
    states[4, 1] = np.nan
    states[9:] = np.nan
    data = as_trajectories([states, np.zeros((3, 2))], [np.arange(12.0), np.arange(3.0)])
    cut = cut_at_gaps(data, 4)
    assert [len(one) for one in cut.states] == [4, 4]  # those of 3 steps are too short
    assert np.array_equal(cut.forcing[1][:, 0], [5, 6, 7, 8])
    assert "4 steps lack a state" in cut.notes[0]
    whole = as_trajectories(np.zeros((5, 2)))
    assert cut_at_gaps(whole, 2) is whole


def table(folder: Path, text: str) -> Path:
    path = folder / "moves.csv"
    path.write_text(text)
    return path


def test_a_table_is_read(tmp_path):
    lines = ["run,t,x,v,f,k"]
    for run in "ba":
        lines += [f"{run},{t / 10},{t},{-t},{t * 2},{ord(run)}" for t in (2, 0, 1, 3)]
    path = table(tmp_path, "\n".join(lines))
    data = read_trajectories(path, ["x", "v"], ["f"], ["k"], "run", "t")
    assert data.names == ["b", "a"] and data.dt == pytest.approx(0.1)
    assert np.array_equal(data.states[0], [[0, 0], [1, -1], [2, -2], [3, -3]])
    assert np.array_equal(data.forcing[1][:, 0], [0, 2, 4, 6])
    assert np.array_equal(data.parameters[:, 0], [98, 97])
    assert (data.channels, data.forces, data.constants) == (["x", "v"], ["f"], ["k"])
    rest = read_trajectories(path, id="run")  # time is found; all else is state
    assert rest.channels == ["x", "v", "f", "k"]


def test_dates_are_counted_in_seconds(tmp_path):
    lines = [
        "time,x",
        *(f"2024-02-{28 + h // 24:02d} {h % 24:02d}:00,{h}" for h in range(0, 48, 6)),
    ]
    data = read_trajectories(table(tmp_path, "\n".join(lines)))
    assert data.dt == 6 * 3600.0 and data.channels == ["x"]
    with pytest.raises(InputError, match=r"'monday' in row 1, which is no time stamp.*\+01:00\.$"):
        read_trajectories(table(tmp_path, "time,x\nmonday,1\ntuesday,2"))


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("x,y\n", {}, "no rows"),
        ("x,y\n1,2\n3,4", {"state": ["z"]}, "state: there is no column 'z'"),
        ("x,y\n1,a\n3,b", {}, "column 'y' of moves.csv must hold numbers, but row 1 holds 'a'"),
        ("x,y\n1,2\n3,4", {"state": ["x"], "forcing": ["x"]}, "named for two things"),
        ("t,x\n0,1\n1,2\n5,3\n6,1", {}, "time: expected equal steps"),
        ("t,x\n0,1\n,2\n2,1", {}, "time: expected finite"),
        ("t\n0\n1", {}, "no column of numbers"),
        ("x,f\n1,2\n3,", {"forcing": ["f"]}, "forcing: expected finite"),
        ("x,k\n1,2\n3,4", {"parameters": ["k"]}, "parameters: expected one value of 'k'"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(tmp_path, text, options, message):
    with pytest.raises(InputError, match=message):
        read_trajectories(table(tmp_path, text), **options)
