"""The core's walk in Keras's layout: every plan and mask, against arrays that one can read."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import pytest

import keras_backend  # noqa: F401  # before Keras itself is imported

pytest.importorskip("keras")

from keras_oracle import both_ways

from elman import _core
from elman.cells import CELLS
from elman.keras.plan import Plan

# batch, steps, inputs, units
SIZES = ((5, 7, 3, 4), (33, 12, 9, 17), (1, 1, 1, 1), (0, 4, 3, 5), (4, 0, 3, 5), (7, 63, 2, 33))
FUNCTIONS = {
    np.float32: (_core.keras_kept32, _core.keras_forward32, _core.keras_backward32),
    np.float64: (_core.keras_kept64, _core.keras_forward64, _core.keras_backward64),
}
pytestmark = pytest.mark.usefixtures("poison")


class Case(NamedTuple):
    plan: Plan
    arrays: list[Any]
    d_results: list[Any]

    @property
    def sizes(self) -> list[int]:
        return [*self.arrays[0].shape, self.arrays[1].shape[1]]


def masks(rng: np.random.Generator, batch: int, steps: int) -> Iterator[Any]:
    """With holes; rows never and always observed; none; all; observed from the start."""
    yield (holes := rng.random((batch, steps)) < 0.6)
    some = holes.copy()
    some[:1], some[1:2] = False, True
    yield some
    yield np.zeros((batch, steps), bool)
    yield np.ones((batch, steps), bool)
    yield np.arange(steps) < rng.integers(0, steps + 1, batch)[:, None]


def case(rng: np.random.Generator, dtype: Any, plan: Plan, sizes: Any, mask: Any) -> Case:
    batch, steps, inputs, units = sizes
    columns = len(CELLS[plan.cell].gates) * units

    def random(*shape: int) -> Any:
        return rng.standard_normal(shape).astype(dtype)

    arrays = [random(batch, steps, inputs), *(random(batch, units) for _ in range(plan.states))]
    arrays += [0.3 * random(inputs, columns), 0.3 * random(units, columns)]
    if plan.bias:
        arrays.append(random(2, columns) if plan.cell == "gru" else random(columns))
    if mask is not None:
        arrays[0][~mask] = np.nan  # what is hidden has no part in anything
        arrays.append(mask)
    outputs = (batch, steps, units) if plan.all_outputs else (batch, units)
    d_states = [random(batch, units) for _ in range(plan.states)]
    return Case(plan, arrays, [random(*outputs), *d_states])


def cases(cell: str, dtype: Any, sizes: Sequence[int]) -> Iterator[Case]:
    rng = np.random.default_rng(0)
    for bias, back, every in itertools.product((True, False), repeat=3):
        plan = Plan(cell, bias, back, every, False, False, False)
        yield case(rng, dtype, plan, sizes, None)
        for zero, begins in itertools.product((True, False), repeat=2):
            masked = plan._replace(masked=True, zero_masked=zero, begins=begins)
            for mask in masks(rng, *sizes[:2]):
                yield case(rng, dtype, masked, sizes, mask)


def addresses(arrays: Sequence[Any]) -> list[int]:
    return [one.__array_interface__["data"][0] for one in arrays]


def forward(made: Case, kept: Any = None) -> list[Any]:
    plan, arrays, d_results = made
    results = [np.full_like(one, np.nan) for one in d_results]
    call = FUNCTIONS[arrays[0].dtype.type][1]
    block = 0 if kept is None else addresses([kept])[0]
    call(plan, made.sizes, addresses([*arrays, *results]), block)
    return results


def backward(made: Case, kept: Any, over: bool = False) -> list[Any]:
    plan, arrays, d_results = made
    with_gradient = arrays[:-1] if plan.masked else arrays
    found = [np.full_like(one, np.nan) for one in with_gradient]
    inputs = [arrays[0], *(arrays[-1:] if plan.masked else [])]
    given = [*inputs, *d_results, *found]
    FUNCTIONS[arrays[0].dtype.type][2](
        plan, made.sizes, addresses(given), addresses([kept])[0], over
    )
    return found


def block(made: Case, shift: int = 0) -> Any:
    """What a backward pass needs, at some alignment, filled with NaN."""
    count = FUNCTIONS[made.arrays[0].dtype.type][0](made.plan, made.sizes)
    return np.full(count + shift, np.nan, made.arrays[0].dtype)[shift:]


def assert_same(found: Sequence[Any], expected: Sequence[Any], made: Case) -> None:
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other, err_msg=str(made.plan))


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("dtype", FUNCTIONS, ids=("float32", "float64"))
@pytest.mark.parametrize("cell", CELLS)
def test_every_plan_and_mask_to_the_bit(cell: str, dtype: Any, sizes: Sequence[int]) -> None:
    for made in cases(cell, dtype, sizes):
        results, gradients = both_ways(made.plan, made.arrays, made.d_results)
        kept = block(made, shift=1)
        assert_same(forward(made, kept), results, made)
        assert_same(forward(made), results, made)
        assert_same(backward(made, kept), gradients, made)


@pytest.mark.parametrize("masked", [False, True])
def test_the_block_may_move_and_is_left_as_it_is_unless_allowed(masked: bool) -> None:
    rng = np.random.default_rng(1)
    plan = Plan("lstm", True, False, True, masked, False, False)
    mask = rng.random((5, 7)) < 0.6 if masked else None
    made = case(rng, np.float32, plan, (5, 7, 3, 20), mask)
    kept = block(made)
    forward(made, kept)
    first = backward(made, kept)
    for shift in (0, 1, 5):
        moved = block(made, shift)
        moved[:] = kept
        before = moved.tobytes()
        assert_same(backward(made, moved), first, made)
        assert moved.tobytes() == before
        assert_same(backward(made, moved, over=True), first, made)
        assert moved.tobytes() != before


def test_gradients_that_nobody_wants_or_has() -> None:
    rng = np.random.default_rng(2)
    mask = rng.random((5, 7)) < 0.6
    for cell, masked, every in itertools.product(("lstm", "gru"), (False, True), (False, True)):
        plan = Plan(cell, True, False, every, masked, False, True)
        made = case(rng, np.float64, plan, (5, 7, 3, 6), mask if masked else None)
        kept = block(made)
        forward(made, kept)
        zeros = [np.zeros_like(one) for one in made.d_results]
        expected = backward(made._replace(d_results=[made.d_results[0], *zeros[1:]]), kept)
        inputs = [made.arrays[0], *(made.arrays[-1:] if masked else [])]
        found = np.full_like(expected[2 + plan.states], np.nan)  # of the recurrent kernel alone
        given = [*addresses([*inputs, made.d_results[0]]), *[0] * plan.states]
        wanted = [*[0] * (2 + plan.states), addresses([found])[0], 0]
        _core.keras_backward64(plan, made.sizes, [*given, *wanted], addresses([kept])[0])
        np.testing.assert_array_equal(found, expected[2 + plan.states])


def test_threads_do_not_meet() -> None:
    rng = np.random.default_rng(3)
    mask = rng.random((9, 30)) < 0.6
    plan = Plan("gru", True, True, True, True, False, False)
    made = [case(rng, np.float32, plan, (9, 30, 4, 11), mask) for _ in range(8)]

    def both(one: Case) -> list[Any]:
        kept = block(one)
        return [*forward(one, kept), *backward(one, kept)]

    alone = [both(one) for one in made]
    with ThreadPoolExecutor(4) as pool:
        for one, found, expected in zip(made, pool.map(both, made), alone, strict=True):
            assert_same(found, expected, one)


def test_wrong_numbers_of_addresses_are_errors() -> None:
    plan = Plan("gru", True, False, True, False, False, False)
    with pytest.raises(ValueError, match="too many"):
        _core.keras_forward32(plan, [1, 0, 1, 1], [0] * 20, 0)
    with pytest.raises(IndexError):
        _core.keras_forward32(plan, [1, 0, 1, 1], [0] * 3, 0)
