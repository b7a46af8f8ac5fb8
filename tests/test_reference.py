"""The reference backend against central finite differences and against torch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from differences import central_difference
from elman.backends import reference
from elman.cells import CELLS
from elman.errors import InputError
from torch_walks import run_torch
from walks import (
    assert_close,
    assert_results_close,
    assert_same_bits,
    fill_dead,
    in_float64,
    live_of,
    make_walk,
    new_workspace,
    rows_of,
    run,
    run_forward,
)

cells = pytest.mark.parametrize("cell", CELLS)
biases = pytest.mark.parametrize("bias", [True, False], ids=["bias", "no_bias"])
directions = pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
raggedness = pytest.mark.parametrize("ragged", [False, True], ids=["equal", "ragged"])


def weighted_sum(walk, output, final_state):
    """The loss whose gradients in output and final state are the walk's."""
    total = sum((part * d).sum() for part, d in zip(final_state, walk.d_final_state, strict=True))
    return total + (output * fill_dead(walk.d_output, walk.live, 0.0)).sum()


def central_differences(loss, walk, step=1e-5):
    """The gradient of ``loss()`` in every live number of the walk, perturbed in place."""
    named = {f"d_state[{i}]": part for i, part in enumerate(walk.state)}
    named |= {"d_x": walk.x}
    names = ("d_weight_ih", "d_weight_hh", "d_bias_ih", "d_bias_hh")
    named |= {n: p for n, p in zip(names, walk.parameters, strict=True) if p is not None}
    gradients = {}
    for name, array in named.items():
        gradients[name] = np.zeros_like(array)
        for index in zip(*np.nonzero(~np.isnan(array)), strict=True):
            gradients[name][index] = central_difference(loss, array, index, step)
    return gradients


def assert_matches_differences(loss, walk):
    arrays = run(reference, walk).arrays()
    differences = central_differences(loss, walk)
    assert arrays.keys() - differences.keys() == {
        name for name in arrays if name == "output" or name.startswith("final_state")
    }
    for name, expected in differences.items():
        assert_close(arrays[name], expected, name, tolerance=1e-8)


@raggedness
@directions
@biases
@cells
def test_gradients_are_central_differences(cell, bias, reverse, ragged):
    walk = make_walk(cell, (4, 4, 2, 3), seed=1, bias=bias, reverse=reverse, ragged=ragged)

    def loss():
        return weighted_sum(walk, *run_forward(reference, walk))

    assert_matches_differences(loss, walk)


def row_chunks(walk, row, truncate):
    """One row's live steps cut at the multiples of ``truncate``, in walking order."""
    length = int(walk.lengths[row])
    alone = replace(rows_of(walk, np.array([row])), live=None, truncate=None)
    starts = list(range(0, max(length, 1), truncate))
    if walk.reverse:
        starts.reverse()
    for start in starts:
        part = slice(start, min(start + truncate, length))
        chunk = replace(alone, x=alone.x[part], d_output=alone.d_output[part])
        yield chunk, start == starts[-1]


@raggedness
@directions
@pytest.mark.parametrize("truncate", [1, 2, 9])
@cells
def test_truncated_gradients_are_central_differences_with_the_carried_state_held(
    cell, truncate, reverse, ragged
):
    """The loss whose gradient truncation takes: each chunk starts from a state held fixed."""
    walk = make_walk(cell, (5, 3, 2, 2), seed=2, reverse=reverse, ragged=ragged, truncate=truncate)
    held = {}

    def loss():
        total = 0.0
        for row in range(walk.x.shape[1]):
            state = None
            for number, (chunk, last) in enumerate(row_chunks(walk, row, truncate)):
                if number > 0:
                    chunk = replace(chunk, state=held.setdefault((row, number), state))
                if not last:
                    zeros = tuple(np.zeros_like(part) for part in chunk.d_final_state)
                    chunk = replace(chunk, d_final_state=zeros)
                output, state = run_forward(reference, chunk)
                total += weighted_sum(chunk, output, state)
        return total

    assert loss() == pytest.approx(weighted_sum(walk, *run_forward(reference, walk)))
    assert_matches_differences(loss, walk)


@raggedness
@directions
@biases
@pytest.mark.parametrize("size", [(9, 5, 3, 17), (7, 1, 1, 1), (1, 3, 2, 5)], ids=str)
@cells
def test_matches_torch(cell, size, bias, reverse, ragged):
    walk = make_walk(cell, size, seed=3, bias=bias, reverse=reverse, ragged=ragged)
    assert_results_close(run(reference, walk), run_torch(walk), tolerance=1e-12)


@directions
@cells
def test_matches_torch_over_a_long_walk_without_an_initial_state(cell, reverse):
    walk = make_walk(cell, (63, 3, 2, 7), seed=4, reverse=reverse, state=False)
    assert_results_close(run(reference, walk), run_torch(walk), tolerance=1e-11)


@raggedness
@directions
@cells
def test_float32_is_the_float64_result_rounded(cell, reverse, ragged):
    walk = make_walk(cell, (6, 4, 3, 5), seed=5, dtype="float32", reverse=reverse, ragged=ragged)
    exact = run(reference, in_float64(walk)).arrays()
    for name, array in run(reference, walk).arrays().items():
        assert_same_bits(array, exact[name].astype(np.float32), name)


@directions
@cells
def test_dead_positions_are_written_as_zero_and_carry_nothing(cell, reverse):
    walk = make_walk(cell, (6, 5, 3, 4), seed=6, reverse=reverse, ragged=True)
    assert walk.lengths[-1] == 0
    assert np.isnan(walk.x).any()
    result = run(reference, walk)
    assert np.array_equal(result.output, fill_dead(result.output, walk.live, 0.0))
    assert np.array_equal(result.d_x, fill_dead(result.d_x, walk.live, 0.0))
    for name, array in result.arrays().items():
        assert np.isfinite(array).all(), name
    # a row of length zero passes its state, and the gradient of it, straight through
    for final, initial in zip(result.final_state, walk.state, strict=True):
        assert np.array_equal(final[-1], initial[-1])
    for gradient, d_final in zip(result.d_state, walk.d_final_state, strict=True):
        assert np.array_equal(gradient[-1], d_final[-1])


@directions
@cells
def test_final_state_is_the_state_after_each_rows_last_live_step(cell, reverse):
    walk = make_walk(cell, (6, 5, 3, 4), seed=7, reverse=reverse, ragged=True)
    output, (h, *_) = run_forward(reference, walk)
    for row, length in enumerate(walk.lengths):
        if length > 0:
            assert np.array_equal(h[row], output[0 if reverse else length - 1, row])


@directions
@cells
def test_a_row_does_not_depend_on_the_others(cell, reverse):
    walk = make_walk(cell, (7, 5, 3, 4), seed=8, reverse=reverse, ragged=True, truncate=2)
    whole = run(reference, walk)
    for row, length in enumerate(walk.lengths):
        alone = rows_of(walk, np.array([row]))
        alone = replace(alone, x=alone.x[:length], d_output=alone.d_output[:length], live=None)
        result = run(reference, alone)
        assert_close(whole.output[:length, [row]], result.output, "output", 1e-14)
        assert_close(whole.d_x[:length, [row]], result.d_x, "d_x", 1e-14)
        for ours, theirs in zip(whole.d_state, result.d_state, strict=True):
            assert_close(ours[[row]], theirs, "d_state", 1e-14)


@pytest.mark.parametrize("size", [(0, 2, 3, 4), (3, 0, 2, 4), (0, 0, 1, 1)], ids=str)
@directions
@cells
def test_no_steps_or_no_rows(cell, reverse, size):
    walk = make_walk(cell, size, reverse=reverse)
    result = run(reference, walk)
    assert result.output.shape == (*size[:2], size[3])
    for final, initial in zip(result.final_state, walk.state, strict=True):
        assert np.array_equal(final, initial)
    for gradient, d_final in zip(result.d_state, walk.d_final_state, strict=True):
        assert np.array_equal(gradient, d_final)
    for gradient in result.gradients:
        assert not gradient.any()


@pytest.mark.parametrize("absent", ["state", "d_output", "d_final_state", "live"])
@directions
@cells
def test_absent_arguments_have_their_meaning(cell, reverse, absent):
    walk = make_walk(cell, (5, 3, 2, 4), reverse=reverse)
    zeros = tuple(np.zeros((3, 4)) for _ in CELLS[cell].states)
    meaning = {
        "state": zeros,
        "d_output": np.zeros((5, 3, 4)),
        "d_final_state": zeros,
        "live": live_of([5, 5, 5], 5),
    }
    without = run(reference, replace(walk, **{absent: None}))
    assert_results_close(without, run(reference, replace(walk, **{absent: meaning[absent]})), 1e-15)


@cells
def test_unwanted_gradients_are_left_out_and_change_nothing(cell):
    walk = make_walk(cell, (5, 3, 2, 4))
    result = run(reference, walk, need_d_x=False, need_d_state=False)
    assert result.d_x is None
    assert result.d_state is None
    for ours, theirs in zip(result.gradients, run(reference, walk).gradients, strict=True):
        assert np.array_equal(ours, theirs)


@cells
def test_output_may_be_half_of_a_wider_array(cell):
    walk = make_walk(cell, (5, 3, 2, 4), ragged=True)
    wide = np.full((5, 3, 8), np.nan)
    result = run(reference, walk, output=wide[:, :, 4:])
    assert np.isnan(wide[:, :, :4]).all()
    assert np.array_equal(wide[:, :, 4:], run(reference, walk).output)
    assert np.array_equal(result.output, wide[:, :, 4:])


@cells
def test_gradients_are_added_to(cell):
    walk = make_walk(cell, (5, 3, 2, 4))
    fresh = run(reference, walk).gradients
    onto = tuple(np.full_like(p, 2.0) for p in walk.parameters)
    run(reference, walk, gradients=onto)
    for ours, theirs in zip(onto, fresh, strict=True):
        assert np.array_equal(ours, 2.0 + theirs)


@cells
def test_inputs_are_left_as_they_were(cell):
    walk = make_walk(cell, (5, 3, 2, 4), ragged=True)
    kept = make_walk(cell, (5, 3, 2, 4), ragged=True)
    run(reference, walk)
    for ours, theirs in zip(
        (walk.x, walk.d_output, walk.live, *walk.state, *walk.d_final_state, *walk.parameters),
        (kept.x, kept.d_output, kept.live, *kept.state, *kept.d_final_state, *kept.parameters),
        strict=True,
    ):
        assert ours.tobytes() == theirs.tobytes()


def test_backward_needs_a_forward_in_training_and_consumes_it():
    walk = make_walk("gru", (3, 2, 1, 2))
    workspace = new_workspace(reference, walk)
    gradients = tuple(np.zeros_like(p) for p in walk.parameters)

    def backward():
        reference.backward(
            workspace, walk.parameters, walk.x, walk.d_output, None, None, None, gradients, None
        )

    with pytest.raises(InputError, match="workspace"):
        backward()
    run_forward(reference, walk, workspace, training=True)
    backward()
    with pytest.raises(InputError, match="once before each backward"):
        backward()
    run_forward(reference, walk, workspace, training=True)
    run_forward(reference, walk, workspace, training=False)
    with pytest.raises(InputError, match="workspace"):
        backward()


def test_unknown_cell_is_refused_by_name():
    with pytest.raises(InputError, match=r"cell: expected one of rnn_tanh.*got 'elmo'"):
        reference.create_workspace("elmo", 1, 2, True, "float64", False)
