"""Checks of arguments, and the buffers that everything writes to."""

from __future__ import annotations

import numpy as np
import pytest

from elman.buffers import Buffer
from elman.checks import describe, one_of, real, whole
from elman.errors import InputError


@pytest.mark.parametrize("value", [1, 7, np.int64(3), np.uint8(2)])
def test_whole_numbers(value):
    got = whole("n", value)
    assert got == value
    assert type(got) is int


@pytest.mark.parametrize("value", [0, -1, 1.0, True, "1", None, np.float64(2.0)])
def test_what_is_no_whole_number(value):
    with pytest.raises(InputError, match="n: expected a whole number, at least 1, got"):
        whole("n", value)


@pytest.mark.parametrize(
    ("value", "options", "text"),
    [
        (float("nan"), {}, "a number, got nan"),
        (float("inf"), {}, "a number, got inf"),
        ("1", {}, "a number, got '1'"),
        (True, {}, "a number, got True"),
        (-0.1, {"minimum": 0.0}, "at least 0, got -0.1"),
        (0.0, {"minimum": 0.0, "open_below": True}, "greater than 0, got 0.0"),
        (1.1, {"minimum": 0.0, "maximum": 1.0}, "at least 0 and at most 1, got 1.1"),
        (1.0, {"maximum": 1.0, "open_above": True}, "less than 1, got 1.0"),
    ],
)
def test_what_is_no_such_number(value, options, text):
    with pytest.raises(InputError) as caught:
        real("x", value, **options)
    assert str(caught.value).startswith("x: expected a number")
    assert str(caught.value).endswith(text)


def test_numbers_at_the_border():
    assert real("x", 0, 0.0, 1.0) == 0.0
    assert real("x", np.float32(1.0), 0.0, 1.0) == 1.0
    assert type(real("x", 1)) is float


def test_choices():
    assert one_of("kind", "a", ("a", "b")) == "a"
    with pytest.raises(InputError, match="kind: expected one of 'a', 'b', got 'c'"):
        one_of("kind", "c", ("a", "b"))


def test_values_are_described_by_shape():
    assert describe(np.zeros((2, 3))) == "ndarray of shape (2, 3)"
    assert describe([1, 2, 3]) == "list of 3"
    assert describe("text") == "'text'"


class TestBuffer:
    def test_is_the_same_memory_for_every_shape_that_fits(self):
        buffer = Buffer(np.float32)
        large = buffer((4, 6))
        assert large.dtype == np.float32
        assert buffer((4, 6)) is large
        assert np.shares_memory(buffer((2, 3)), large)
        assert np.shares_memory(buffer((24,)), large)

    def test_grows_and_leaves_what_was_handed_out(self):
        buffer = Buffer(np.float64)
        small = buffer((3,))
        small[...] = 7.0
        large = buffer((1000,))
        large[...] = 0.0
        assert not np.shares_memory(small, large)
        assert (small == 7.0).all()

    def test_nothing_is_a_shape_too(self):
        assert Buffer(np.float32)((0, 5)).shape == (0, 5)

    def test_forgets_shapes_before_there_are_too_many(self):
        buffer = Buffer(np.float32)
        large = buffer((1000,))
        for size in range(1, 1000):
            assert np.shares_memory(buffer((size,)), large)
        assert len(buffer._arrays) <= Buffer._KEPT
