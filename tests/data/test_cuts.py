"""Windows cut from rows, and what they say put together again."""

from __future__ import annotations

import numpy as np
import pytest

from elman.data.cuts import cut, join


def test_every_step_is_spoken_for_and_the_last_window_adds_only_what_is_new():
    cuts = cut([10, 3, 4, 0], 4, 3)
    assert cuts.rows.tolist() == [0, 0, 0, 1, 2, 3]
    assert cuts.starts.tolist() == [0, 3, 6, 0, 0, 0]
    assert cuts.ends.tolist() == [4, 7, 10, 3, 4, 0]
    odd = cut([9], 4, 3)
    assert odd.starts.tolist() == [0, 3, 5]
    assert odd.first.tolist() == [0, 3, 7]
    rows = [np.arange(9.0)[:, None]]
    assert [one[:, 0].tolist() for one in odd.of(rows)] == [
        [0, 1, 2, 3],
        [3, 4, 5, 6],
        [5, 6, 7, 8],
    ]


@pytest.mark.parametrize("stride", [1, 2, 3, 4])
@pytest.mark.parametrize("aggregate", ["mean", "median", "newest"])
def test_what_all_windows_agree_on_is_what_comes_out(aggregate, stride):
    lengths = [11, 2, 4]
    rows = [np.random.default_rng(n).normal(size=(n, 2)) for n in lengths]
    cuts = cut(lengths, 4, stride)
    joined = join(cuts.of(rows), cuts, lengths, aggregate)
    for one, row in zip(joined, rows, strict=True):
        np.testing.assert_allclose(one, row, rtol=1e-15)


def test_mean_median_and_newest_of_what_windows_say():
    cuts = cut([5], 3, 1)
    said = [np.array([1.0, 2, 3]), np.array([10.0, np.nan, 30]), np.array([100.0, 200, 300])]
    assert join(said, cuts, [5], "mean")[0].tolist() == [1, 6, 103 / 2, 115, 300]
    assert join(said, cuts, [5], "median")[0].tolist() == [1, 6, 51.5, 115, 300]
    assert join(said, cuts, [5], "newest")[0].tolist() == [1, 2, 3, 30, 300]


def test_against_a_plain_computation():
    generator = np.random.default_rng(0)
    cuts = cut([23], 6, 2)
    said = [generator.normal(size=6) for _ in range(len(cuts))]
    heard = [[] for _ in range(23)]
    for number, one in enumerate(said):
        for step in range(int(cuts.first[number]), int(cuts.ends[number])):
            heard[step].append(one[step - int(cuts.starts[number])])
    for aggregate, expected in (("mean", np.mean), ("median", np.median)):
        got = join(said, cuts, [23], aggregate)[0]
        np.testing.assert_allclose(got, [expected(one) for one in heard], rtol=1e-14)


def test_steps_of_which_nothing_is_known_are_nan():
    cuts = cut([4, 0], 2, 1)
    said = [np.full(2, np.nan), np.array([np.nan, 1.0]), np.array([2.0, 3.0]), np.zeros(0)]
    for aggregate in ("mean", "median"):
        joined = join(said, cuts, [4, 0], aggregate)
        np.testing.assert_array_equal(joined[0], [np.nan, np.nan, 1.5, 3.0])
        assert joined[1].shape == (0,)
