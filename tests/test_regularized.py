"""Recurrent dropout, zoneout and layer normalisation, in both backends and in torch.

Everything iterates over the registry of cells. The ``poison`` fixture fills every buffer of the
core with NaN before each use, so that a read of what nobody wrote shows.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import elman
from differences import central_difference
from elman import _core
from elman.backends import native, reference
from elman.backends.reference_noise import dropout_mask, happens, zoned_out
from elman.backends.regularization import Noise, Regularization
from elman.cells import CELLS
from walks import (
    TOLERANCE,
    assert_close,
    assert_results_close,
    assert_results_same_bits,
    assert_same_bits,
    fill_dead,
    make_walk,
    new_workspace,
    rows_of,
    run,
    run_forward,
)

pytestmark = pytest.mark.usefixtures("poison")

SIZES = [
    (33, 5, 3, 17),
    (7, 1, 1, 1),
    (1, 3, 2, 5),
    (5, 33, 9, 40),
    (20, 32, 1, 16),
    (4, 6, 70, 130),
    (0, 2, 3, 4),
    (3, 0, 2, 4),
]

# name -> the probabilities, and whether the products are normalised
OPTIONS = {
    "dropout": (0.4, 0.0, False),
    "zoneout": (0.0, 0.3, False),
    "dropout_zoneout": (0.25, 0.3, False),
    "norm": (0.0, 0.0, True),
    "all": (0.25, 0.3, True),
}

cells = pytest.mark.parametrize("cell", CELLS)
dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])
options = pytest.mark.parametrize("option", OPTIONS)
directions = pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
raggedness = pytest.mark.parametrize("ragged", [False, True], ids=["equal", "ragged"])


def regularization(cell, option):
    """An option of :data:`OPTIONS`; the states of a cell are zoned out at unequal rates."""
    dropout, zoneout, layer_norm = OPTIONS[option]
    rates = tuple(zoneout / (k + 1) for k in range(len(CELLS[cell].states))) if zoneout else ()
    return Regularization(dropout, rates, layer_norm)


def walk_of(cell, size, option, **changes):
    return make_walk(cell, size, regularization=regularization(cell, option), **changes)


def tolerance(walk):
    """Normalisation divides by deviations, and with them what rounding left."""
    single = walk.x.dtype == np.float32 and walk.regularization.layer_norm
    return 1e-3 if single else TOLERANCE[walk.x.dtype.name]


def assert_matches_reference(walk):
    assert_results_close(run(native, walk), run(reference, walk), tolerance(walk))


# ---------------------------------------------------------------------------------------------
# Random numbers


def test_the_hash_is_written_down():
    """A stored run must be repeatable: these values may never change."""
    events = happens(12345, np.array([0, 7]), 3, 12, 0.5)
    assert ["".join(map(str, row.astype(int))) for row in events] == [
        "110111101110",
        "001011101100",
    ]


@pytest.mark.parametrize("probability", [0.0, 0.1, 0.5, 0.9])
def test_events_have_their_probability_and_do_not_hang_together(probability):
    rows, units = 2000, 50
    events = happens(3, np.arange(rows), 7, units, probability).astype(float)
    deviation = np.sqrt(probability * (1 - probability))
    assert abs(events.mean() - probability) <= 4 * deviation / np.sqrt(events.size)
    if probability:
        normal = (events - probability) / deviation
        others = {
            "units": normal[:, :-1] * normal[:, 1:],
            "rows": normal[:-1] * normal[1:],
            "streams": normal * (happens(3, np.arange(rows), 8, units, probability) - probability),
            "seeds": normal * (happens(4, np.arange(rows), 7, units, probability) - probability),
        }
        for name, product in others.items():
            assert abs(product.mean()) <= 5 / np.sqrt(product.size), name


def test_masks_scale_up_what_they_keep():
    mask = dropout_mask(1, np.arange(400), 30, 0.2)
    assert set(np.unique(mask)) == {0.0, 1.25}
    assert abs(mask.mean() - 1.0) < 0.02


def test_states_and_times_are_zoned_out_on_their_own():
    drawn = {
        (t, k): zoned_out(1, np.arange(9), t, k, 20, 0.5).tobytes()
        for t in range(6)
        for k in range(2)
    }
    assert len(set(drawn.values())) == len(drawn)


# ---------------------------------------------------------------------------------------------
# The same numbers as the oracles


@pytest.mark.parametrize("noise", [True, False], ids=["random", "expected"])
@raggedness
@options
@cells
def test_reference_gradients_are_central_differences(cell, option, ragged, noise):
    walk = walk_of(cell, (3, 3, 2, 3), option, seed=1, ragged=ragged, noise=noise)

    def loss():
        output, final = run_forward(reference, walk, training=True)
        total = sum((a * d).sum() for a, d in zip(final, walk.d_final_state, strict=True))
        return total + (output * fill_dead(walk.d_output, walk.live, 0.0)).sum()

    result = run(reference, walk)
    pairs = zip(
        (walk.x, *walk.state, *walk.parameters),
        (result.d_x, *result.d_state, *result.gradients),
        strict=True,
    )
    for number, (array, gradient) in enumerate(pairs):
        expected = np.zeros_like(array)
        for index in zip(*np.nonzero(~np.isnan(array)), strict=True):
            expected[index] = central_difference(loss, array, index, 1e-5)
        assert_close(gradient, expected, str(number), tolerance=1e-7)


@pytest.mark.parametrize("size", SIZES, ids=str)
@raggedness
@directions
@options
@dtypes
@cells
def test_matches_reference(cell, dtype, option, reverse, ragged, size):
    bias = size[3] % 2 == 1
    walk = walk_of(cell, size, option, dtype=dtype, bias=bias, reverse=reverse, ragged=ragged)
    assert_matches_reference(walk)


@pytest.mark.parametrize("size", [(9, 5, 3, 17), (5, 9, 2, 20)], ids=str)
@pytest.mark.parametrize("noise", [True, False], ids=["random", "expected"])
@raggedness
@directions
@options
@cells
def test_matches_torch(cell, option, reverse, ragged, noise, size):
    from regularized_torch import run_regularized_torch  # for subprocesses without torch

    walk = walk_of(cell, size, option, seed=1, reverse=reverse, ragged=ragged, noise=noise)
    assert_results_close(run(native, walk), run_regularized_torch(walk), 1e-9)


@settings(max_examples=150, deadline=None, database=None, derandomize=True)
@given(
    cell=st.sampled_from(sorted(CELLS)),
    size=st.tuples(st.integers(0, 12), st.integers(0, 20), st.integers(1, 10), st.integers(1, 40)),
    dropout=st.sampled_from([0.0, 0.3]),
    zoneout=st.tuples(*[st.sampled_from([0.0, 0.4])] * 2),
    layer_norm=st.booleans(),
    flags=st.fixed_dictionaries(
        {
            name: st.booleans()
            for name in ("bias", "reverse", "ragged", "state", "d_output", "d_final_state", "noise")
        }
    ),
    truncate=st.none() | st.integers(1, 6),
    seed=st.integers(0, 1000),
)
def test_any_walk_matches_reference(
    cell, size, dropout, zoneout, layer_norm, flags, truncate, seed
):
    rates = zoneout[: len(CELLS[cell].states)]
    chosen = Regularization(dropout, rates, layer_norm)
    walk = make_walk(cell, size, seed=seed, truncate=truncate, regularization=chosen, **flags)
    assert_results_close(run(native, walk), run(reference, walk), 1e-9)


@dtypes
@cells
def test_every_hidden_size_is_normalized(cell, dtype):
    for hidden_size in (*range(1, 37), 63, 64, 65, 129):
        size = (3, 1 + hidden_size % 11, 1 + hidden_size % 5, hidden_size)
        assert_matches_reference(walk_of(cell, size, "all", seed=4, dtype=dtype))


@dtypes
@cells
def test_without_noise_dropout_is_not_there(cell, dtype):
    plain = make_walk(cell, (6, 5, 3, 17), dtype=dtype)
    regularized = replace(plain, regularization=Regularization(0.4))
    assert_results_same_bits(run(native, regularized), run(native, plain))


@options
@dtypes
@cells
def test_a_step_is_the_walk_outside_training(cell, dtype, option):
    walk = walk_of(cell, (4, 3, 2, 9), option, dtype=dtype, noise=False)
    output, final = run_forward(native, walk)
    workspace, state = new_workspace(native, walk), walk.state
    for t, x in enumerate(walk.x):
        after = tuple(np.empty_like(part) for part in state)
        native.step(workspace, walk.parameters, x, state, after, 0)
        state = after
        assert_same_bits(state[0], output[t], f"step {t}")
    for ours, theirs in zip(state, final, strict=True):
        assert_same_bits(ours, theirs, "state")


@options
@dtypes
@cells
def test_gradients_are_added_to(cell, dtype, option):
    walk = walk_of(cell, (6, 5, 3, 17), option, dtype=dtype)
    fresh = run(native, walk).gradients
    onto = tuple(None if p is None else np.full_like(p, 2.0) for p in walk.parameters)
    run(native, walk, gradients=onto)
    for ours, theirs in zip(onto, fresh, strict=True):
        assert_close(ours, theirs.astype("float64") + 2.0, "gradient")


# ---------------------------------------------------------------------------------------------
# The same bits, always


@pytest.fixture
def restore_threads():
    threads = elman.get_num_threads()
    yield
    elman.set_num_threads(threads)


@pytest.mark.parametrize("size", [(12, 96, 8, 64), (20, 70, 5, 33), (9, 7, 40, 129)], ids=str)
@pytest.mark.parametrize("option", ["dropout_zoneout", "all"])
@raggedness
@dtypes
@cells
@pytest.mark.usefixtures("restore_threads")
def test_the_number_of_threads_changes_no_bit(cell, dtype, option, ragged, size):
    walk = walk_of(cell, size, option, dtype=dtype, ragged=ragged)
    elman.set_num_threads(1)
    expected = run(native, walk)
    for threads in (2, 3, 4):
        elman.set_num_threads(threads)
        assert_results_same_bits(run(native, walk), expected)


@options
@directions
@dtypes
@cells
def test_padding_changes_no_bit(cell, dtype, reverse, option):
    walk = walk_of(cell, (11, 9, 3, 17), option, dtype=dtype, reverse=reverse, ragged=True)
    assert np.isnan(walk.x).any()
    expected = run(native, walk)
    filled = replace(
        walk,
        x=fill_dead(walk.x, walk.live, np.inf),
        d_output=fill_dead(walk.d_output, walk.live, 1e30),
    )
    assert_results_same_bits(run(native, filled), expected)
    longer = replace(
        walk,
        x=np.pad(walk.x, [(0, 4), (0, 0), (0, 0)]),
        d_output=np.pad(walk.d_output, [(0, 4), (0, 0), (0, 0)]),
        live=np.pad(walk.live, (0, 4)),
    )
    result = run(native, longer)
    trimmed = replace(result, output=result.output[:11], d_x=result.d_x[:11])
    assert_results_same_bits(trimmed, expected)


@options
@dtypes
@cells
def test_a_row_does_not_depend_on_the_others(cell, dtype, option):
    """Its random numbers belong to its number in the data, not to its place in the batch."""
    walk = walk_of(cell, (7, 9, 3, 17), option, dtype=dtype, ragged=True)
    expected = run(native, walk)
    for rows in (np.array([4]), np.array([1, 3, 8])):
        result = run(native, rows_of(walk, rows))
        assert_same_bits(result.output, expected.output[:, rows], "output")
        assert_same_bits(result.d_x, expected.d_x[:, rows], "d_x")
        for ours, theirs in zip(result.d_state, expected.d_state, strict=True):
            assert_same_bits(ours, theirs[rows], "d_state")


@pytest.mark.parametrize("option", ["dropout", "zoneout"])
@cells
def test_another_seed_is_another_draw_and_the_same_is_the_same(cell, option):
    walk = walk_of(cell, (7, 9, 3, 17), option)
    first = run(native, walk).output
    assert_same_bits(run(native, walk).output, first, "output")
    other = replace(walk, noise=Noise(walk.noise.seed + np.uint64(1), walk.noise.rows))
    assert (run(native, other).output != first).any()


@cells
def test_all_instruction_sets_draw_the_same(cell):
    script = f"""
import sys
import numpy as np
from elman.backends import native
from walks import run
from test_regularized import walk_of

for dtype in ("float32", "float64"):
    output = run(native, walk_of("{cell}", (9, 5, 3, 37), "zoneout", dtype=dtype)).output
    sys.stdout.write(str(np.flatnonzero(output[1:] == output[:-1]).tolist()) + "\\n")
"""
    drawn = set()
    for isa in _core.available_isas():
        finished = subprocess.run(
            [sys.executable, "-c", script],
            cwd=Path(__file__).parent,
            env={**os.environ, "ELMAN_ISA": isa},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert finished.returncode == 0, finished.stderr
        drawn |= set(finished.stdout.split("\n")) - {""}
    (same,) = drawn
    walk = walk_of(cell, (9, 5, 3, 37), "zoneout")
    rate = walk.regularization.zoneout[0]
    seed, rows = int(walk.noise.seed[0]), walk.noise.rows
    held = np.array([zoned_out(seed, rows, t, 0, 37, rate) for t in range(1, 9)])
    if cell != "rnn_relu":  # whose units may be zero twice of their own accord
        assert same == str(np.flatnonzero(held).tolist())


# ---------------------------------------------------------------------------------------------
# What each of them means


@cells
def test_zoneout_of_everything_keeps_the_state(cell):
    rates = (1.0 - 1e-9,) * len(CELLS[cell].states)
    walk = make_walk(cell, (5, 4, 3, 8), regularization=Regularization(0.0, rates))
    output, final = run_forward(native, walk, training=True)
    for part, initial in zip(final, walk.state, strict=True):
        np.testing.assert_array_equal(part, initial)
    np.testing.assert_array_equal(output[2], walk.state[0])


def test_dropout_keeps_its_mask_for_the_whole_sequence():
    """With unit recurrent weights and no input, a relu cell shows its mask at every step."""
    size = 6
    walk = make_walk("rnn_relu", (4, 3, 1, size), regularization=Regularization(0.5), bias=False)
    parameters = (np.zeros((size, 1)), np.eye(size), None, None)
    walk = replace(walk, parameters=parameters, state=(np.ones((3, size)),))
    output, _ = run_forward(native, walk, training=True)
    mask = dropout_mask(int(walk.noise.seed[0]), walk.noise.rows, size, 0.5)
    for t in range(4):
        np.testing.assert_array_equal(output[t], mask ** (t + 1))


@cells
def test_normalized_products_do_not_see_the_scale_of_the_weights(cell):
    walk = walk_of(cell, (5, 4, 3, 20), "norm", bias=False)
    weight_ih, weight_hh, *rest = walk.parameters
    scaled = replace(walk, parameters=(1e4 * weight_ih, 1e4 * weight_hh, *rest))
    large = replace(scaled, parameters=(3e4 * weight_ih, 7e4 * weight_hh, *rest))
    for ours, theirs in zip(
        run_forward(native, large, training=True), run_forward(native, scaled), strict=True
    ):
        for one, other in zip(
            ours if isinstance(ours, tuple) else (ours,),
            theirs if isinstance(theirs, tuple) else (theirs,),
            strict=True,
        ):
            assert_close(one, other, "value", 1e-6)


def test_a_regularized_workspace_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="zoneout"):
        native.create_workspace("lstm", 1, 2, True, "float32", False, Regularization(0.0, (0.1,)))
    walk = make_walk("gru", (2, 2, 1, 3))
    workspace = new_workspace(native, replace(walk, regularization=Regularization(0, (), True)))
    with pytest.raises(ValueError, match="norms"):
        run(native, walk, workspace=workspace)
