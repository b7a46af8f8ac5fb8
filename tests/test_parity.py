"""The compiled backend against the reference, against torch, and against itself bit by bit.

Everything iterates over the registry of cells. The ``poison`` fixture fills every buffer of the
core with NaN before each use, so that a read of what nobody wrote shows.
"""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import elman
from elman import _core
from elman.backends import Backend, native, reference
from elman.cells import CELLS
from walks import (
    assert_close,
    assert_results_close,
    assert_results_same_bits,
    assert_same_bits,
    fill_dead,
    live_of,
    make_walk,
    new_workspace,
    rows_of,
    run,
    run_forward,
)

pytestmark = pytest.mark.usefixtures("poison")

# (T, B, D, H): no multiples of a vector, single rows, units and steps, wider than any panel
SIZES = [
    (63, 5, 3, 17),
    (7, 1, 1, 1),
    (1, 3, 2, 5),
    (5, 33, 9, 40),
    (20, 32, 1, 16),
    (4, 6, 70, 130),
]
EMPTY_SIZES = [(0, 2, 3, 4), (3, 0, 2, 4), (0, 0, 1, 1)]
# enough work for several threads at any of the core's thresholds
LARGE_SIZES = [(12, 96, 8, 64), (40, 70, 5, 33), (9, 7, 40, 129)]

cells = pytest.mark.parametrize("cell", CELLS)
dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])
biases = pytest.mark.parametrize("bias", [True, False], ids=["bias", "no_bias"])
directions = pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
raggedness = pytest.mark.parametrize("ragged", [False, True], ids=["equal", "ragged"])


def test_the_core_has_every_cell_of_the_registry():
    assert set(_core.cells()) == set(CELLS)


@pytest.mark.parametrize("name", ["create_workspace", "forward", "backward"])
def test_backends_offer_the_same_functions(name):
    promised = list(inspect.signature(getattr(Backend, name)).parameters)
    for backend in (reference, native):
        offered = inspect.signature(getattr(backend, name)).parameters
        assert list(offered)[: len(promised)] == promised
        assert all(p.default is not p.empty for p in list(offered.values())[len(promised) :])


# ---------------------------------------------------------------------------------------------
# The same numbers as the oracles


@pytest.mark.parametrize("size", SIZES + EMPTY_SIZES, ids=str)
@raggedness
@directions
@biases
@dtypes
@cells
def test_matches_reference(cell, dtype, bias, reverse, ragged, size):
    walk = make_walk(cell, size, dtype=dtype, bias=bias, reverse=reverse, ragged=ragged)
    assert_results_close(run(native, walk), run(reference, walk))


@pytest.mark.parametrize("size", SIZES, ids=str)
@raggedness
@directions
@dtypes
@cells
def test_matches_torch(cell, dtype, reverse, ragged, size):
    from torch_walks import run_torch  # here, for the subprocesses that do without torch

    if cell == "gru_reset_before" and size[0] * size[1] > 200:
        size = (9, 7, *size[2:])  # the hand-written loop of torch takes a millisecond a step
    bias = size[3] % 2 == 1
    walk = make_walk(cell, size, seed=1, dtype=dtype, bias=bias, reverse=reverse, ragged=ragged)
    assert_results_close(run(native, walk), run_torch(walk))


@pytest.mark.parametrize(
    "absent",
    [
        {"state": False},
        {"d_output": False},
        {"d_final_state": False},
        {"state": False, "d_final_state": False},
        {"state": False, "d_output": False, "d_final_state": False},
    ],
    ids="-".join,
)
@raggedness
@directions
@dtypes
@cells
def test_absent_arguments_match_reference(cell, dtype, reverse, ragged, absent):
    walk = make_walk(
        cell, (9, 5, 3, 17), seed=2, dtype=dtype, reverse=reverse, ragged=ragged, **absent
    )
    assert_results_close(run(native, walk), run(reference, walk))


@pytest.mark.parametrize("truncate", [1, 2, 4, 9, 100])
@raggedness
@directions
@dtypes
@cells
def test_truncation_matches_reference(cell, dtype, reverse, ragged, truncate):
    walk = make_walk(
        cell, (9, 7, 3, 10), seed=3, dtype=dtype, reverse=reverse, ragged=ragged, truncate=truncate
    )
    assert_results_close(run(native, walk), run(reference, walk))


@dtypes
@cells
def test_every_hidden_size(cell, dtype):
    for hidden_size in (*range(1, 37), 47, 48, 49, 63, 64, 65, 96, 127, 128, 129):
        size = (3, 3, 1 + hidden_size % 5, hidden_size)
        walk = make_walk(cell, size, seed=4, dtype=dtype, ragged=hidden_size % 2 == 0)
        assert_results_close(run(native, walk), run(reference, walk))


@dtypes
@cells
def test_every_input_size(cell, dtype):
    for input_size in (*range(1, 37), 63, 64, 65, 127, 128, 129):
        size = (3, 2, input_size, 1 + input_size % 7)
        walk = make_walk(cell, size, seed=5, dtype=dtype, reverse=input_size % 2 == 0)
        assert_results_close(run(native, walk), run(reference, walk))


@dtypes
@cells
def test_every_batch_size(cell, dtype):
    for batch_size in (*range(1, 37), 63, 64, 65, 129):
        size = (3, batch_size, 2, 5 + batch_size % 7)
        walk = make_walk(cell, size, seed=6, dtype=dtype, ragged=batch_size % 2 == 0)
        assert_results_close(run(native, walk), run(reference, walk))


@settings(max_examples=200, deadline=None, database=None, derandomize=True)
@given(
    cell=st.sampled_from(sorted(CELLS)),
    size=st.tuples(st.integers(0, 12), st.integers(0, 11), st.integers(1, 10), st.integers(1, 40)),
    flags=st.fixed_dictionaries(
        {
            name: st.booleans()
            for name in ("bias", "reverse", "ragged", "state", "d_output", "d_final_state")
        }
    ),
    truncate=st.none() | st.integers(1, 6),
    seed=st.integers(0, 1000),
)
def test_any_walk_matches_reference(cell, size, flags, truncate, seed):
    walk = make_walk(cell, size, seed=seed, truncate=truncate, **flags)
    assert_results_close(run(native, walk), run(reference, walk))


@dtypes
@cells
def test_saturated_gates_match_reference(cell, dtype):
    walk = make_walk(cell, (4, 3, 2, 9), seed=7, dtype=dtype)
    spread = (10.0 ** np.arange(-6, 6)).reshape(4, 3, 1)
    walk = replace(walk, x=(walk.x * spread).astype(dtype))
    assert_results_close(run(native, walk), run(reference, walk))


@dtypes
@cells
def test_small_numbers_keep_their_relative_accuracy(cell, dtype):
    """tanh and the sigmoid near zero: the error must shrink with the value."""
    walk = make_walk(cell, (1, 4, 3, 9), seed=8, dtype=dtype, bias=False, state=False)
    walk = replace(walk, x=(walk.x * 1e-6).astype(dtype))
    (ours, _), (exact, _) = run_forward(native, walk), run_forward(reference, walk)
    assert 0.0 < np.abs(exact).max() < 1e-4
    tolerance = {"float32": 1e-5, "float64": 1e-10}[dtype]
    assert np.abs(ours - exact).max() <= tolerance * np.abs(exact).max()


def activation_of(cell: str, column: int, gates: int, x: np.ndarray) -> np.ndarray:
    """What the core makes of pre-activations: of the only gate, or of the LSTM's input gate.

    With a candidate of 1, a bias of 100 before its tanh, the new memory is the input gate.
    """
    weight, bias = np.zeros((gates, 1), x.dtype), np.zeros(gates, x.dtype)
    weight[column] = 1.0
    if cell == "lstm":
        bias[2] = 100.0
    parameters = (weight, np.zeros_like(weight), bias, np.zeros_like(bias))
    workspace = native.create_workspace(cell, 1, 1, True, x.dtype, False)
    final = tuple(np.empty((len(x), 1), x.dtype) for _ in CELLS[cell].states)
    output = np.empty((1, len(x), 1), x.dtype)
    native.forward(workspace, parameters, x[None, :, None], None, None, output, final, False)
    return final[-1][:, 0]


def test_every_activation_keeps_its_bounds():
    """Those that ``csrc/elementary.hpp`` promises of single precision; exact where saturated."""
    size = np.concatenate([np.linspace(0.0, 20.0, 100_000), np.geomspace(1e-30, 1e30, 1000)])
    x = np.concatenate([-size, size]).astype("float32")
    exact = x.astype("float64")

    gate = activation_of("lstm", 0, 4, x)
    with np.errstate(over="ignore"):
        assert np.abs(gate - 1.0 / (1.0 + np.exp(-exact))).max() < 3e-7
    assert (gate[x < -100.0] == 0.0).all()
    assert (gate[x > 100.0] == 1.0).all()
    assert gate[x == 0.0].tolist() == [0.5, 0.5]

    tanh = activation_of("rnn_tanh", 0, 1, x)
    expected = np.tanh(exact)
    units = np.spacing(np.maximum(np.abs(expected), 1e-37).astype("float32"))
    assert (np.abs(tanh - expected) / units).max() < 6.0
    assert np.abs(tanh).max() == 1.0
    assert (np.abs(tanh[np.abs(x) > 9.03]) == 1.0).all()

    nan = np.array([np.nan], "float32")
    assert np.isnan(activation_of("lstm", 0, 4, nan)).all()
    assert np.isnan(activation_of("rnn_tanh", 0, 1, nan)).all()


# ---------------------------------------------------------------------------------------------
# Arrays as they come


@raggedness
@directions
@dtypes
@cells
def test_strided_arrays_change_no_bit(cell, dtype, reverse, ragged):
    walk = make_walk(cell, (6, 5, 3, 17), dtype=dtype, reverse=reverse, ragged=ragged)
    expected = run(native, walk)

    wide_output = np.full((6, 5, 34), np.nan, dtype)
    wide_x = np.full((6, 5, 8), np.nan, dtype)
    wide_x[:, :, 4:7] = walk.x
    wide_d_output = np.full((6, 5, 34), np.nan, dtype)
    wide_d_output[:, :, 17:] = walk.d_output
    strided = replace(walk, x=wide_x[:, :, 4:7], d_output=wide_d_output[:, :, 17:])
    result = run(native, strided, output=wide_output[:, :, 17:])
    assert_results_same_bits(result, expected)
    assert np.isnan(wide_output[:, :, :17]).all()

    # batch-first memory seen as time-major, as a batch of windows is
    batch_first = replace(
        walk,
        x=np.ascontiguousarray(walk.x.swapaxes(0, 1)).swapaxes(0, 1),
        d_output=np.ascontiguousarray(walk.d_output.swapaxes(0, 1)).swapaxes(0, 1),
    )
    output = np.full((5, 6, 17), np.nan, dtype).swapaxes(0, 1)
    assert_results_same_bits(run(native, batch_first, output=output), expected)


@directions
@dtypes
@cells
def test_input_read_backwards_in_time_changes_no_bit(cell, dtype, reverse):
    walk = make_walk(cell, (6, 5, 3, 17), dtype=dtype, reverse=reverse)
    flipped = replace(walk, x=walk.x[::-1].copy()[::-1], d_output=walk.d_output[::-1].copy()[::-1])
    assert flipped.x.strides[0] < 0
    assert_results_same_bits(run(native, flipped), run(native, walk))


@cells
def test_overlapping_windows_are_legal_input(cell):
    series = np.random.default_rng(0).standard_normal(24).astype("float32")
    windows = np.lib.stride_tricks.sliding_window_view(series, 20).T[:, :, None]
    assert np.shares_memory(windows, series)
    walk = replace(make_walk(cell, (20, 5, 1, 16), dtype="float32"), x=windows)
    copied = replace(walk, x=np.ascontiguousarray(windows))
    assert_results_same_bits(run(native, walk), run(native, copied))


@dtypes
@cells
def test_unwanted_gradients_change_no_bit_of_the_others(cell, dtype):
    walk = make_walk(cell, (6, 5, 3, 17), dtype=dtype, ragged=True)
    wanted = run(native, walk)
    for need_d_x in (True, False):
        for need_d_state in (True, False):
            result = run(native, walk, need_d_x=need_d_x, need_d_state=need_d_state)
            assert_results_same_bits(
                result,
                replace(
                    wanted,
                    d_x=wanted.d_x if need_d_x else None,
                    d_state=wanted.d_state if need_d_state else None,
                ),
            )


@biases
@dtypes
@cells
def test_gradients_are_added_to(cell, dtype, bias):
    walk = make_walk(cell, (6, 5, 3, 17), dtype=dtype, bias=bias)
    fresh = run(native, walk).gradients
    onto = tuple(None if p is None else np.full_like(p, 2.0) for p in walk.parameters)
    run(native, walk, gradients=onto)
    for name, ours, theirs in zip(["ih", "hh", "b_ih", "b_hh"], onto, fresh, strict=True):
        if ours is not None:
            assert_close(ours, theirs.astype("float64") + 2.0, name)


@dtypes
@cells
def test_inputs_are_left_as_they_were(cell, dtype):
    walk, kept = (make_walk(cell, (6, 5, 3, 17), dtype=dtype, ragged=True) for _ in range(2))
    run(native, walk)
    for ours, theirs in zip(
        (walk.x, walk.d_output, walk.live, *walk.state, *walk.d_final_state, *walk.parameters),
        (kept.x, kept.d_output, kept.live, *kept.state, *kept.d_final_state, *kept.parameters),
        strict=True,
    ):
        assert_same_bits(ours, theirs, "input")


# ---------------------------------------------------------------------------------------------
# The same bits, always


@pytest.fixture
def restore_threads():
    threads = elman.get_num_threads()
    yield
    elman.set_num_threads(threads)


@pytest.mark.parametrize("size", LARGE_SIZES, ids=str)
@raggedness
@directions
@dtypes
@cells
@pytest.mark.usefixtures("restore_threads")
def test_the_number_of_threads_changes_no_bit(cell, dtype, reverse, ragged, size):
    walk = make_walk(cell, size, dtype=dtype, reverse=reverse, ragged=ragged)
    elman.set_num_threads(1)
    expected = run(native, walk)
    for threads in (2, 3, 4):
        elman.set_num_threads(threads)
        assert_results_same_bits(run(native, walk), expected)


@cells
@pytest.mark.usefixtures("restore_threads")
def test_walks_at_the_same_time_change_no_bit(cell):
    """The GIL is released: walks of several Python threads share the pool, not their memory."""
    walks = [make_walk(cell, (12, 96, 8, 64), seed=seed, dtype="float32") for seed in range(4)]
    elman.set_num_threads(2)
    expected = [run(native, walk) for walk in walks]
    with ThreadPoolExecutor(len(walks)) as pool:
        for _ in range(5):
            results = pool.map(lambda walk: run(native, walk), walks)
            for ours, theirs in zip(results, expected, strict=True):
                assert_results_same_bits(ours, theirs)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_walks_on():
    """A child has none of its parent's threads: the pool must start its own, not wait for them."""
    script = """
import os, signal
import elman
from elman.backends import native
from walks import assert_results_same_bits, make_walk, run

elman.set_num_threads(2)
walk = make_walk("gru", (12, 96, 8, 64), dtype="float32")
expected = run(native, walk)
child = os.fork()
if child == 0:
    signal.alarm(20)
    assert_results_same_bits(run(native, walk), expected)
    os._exit(0)
_, status = os.waitpid(child, 0)
assert status == 0, status
assert_results_same_bits(run(native, walk), expected)
"""
    finished = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr


@directions
@dtypes
@cells
def test_the_contents_of_padding_change_no_bit(cell, dtype, reverse):
    walk = make_walk(cell, (11, 9, 3, 17), dtype=dtype, reverse=reverse, ragged=True)
    assert np.isnan(walk.x).any()
    expected = run(native, walk)
    for value in (0.0, 1e30, np.inf):
        filled = replace(
            walk,
            x=fill_dead(walk.x, walk.live, value),
            d_output=fill_dead(walk.d_output, walk.live, value),
        )
        assert_results_same_bits(run(native, filled), expected)


def padded(walk, steps, rows):
    """The walk with dead steps after its last and rows of length zero after its last."""

    def pad(array, before_last, width):
        return np.pad(array, [*before_last, (0, 0)], constant_values=width)

    time_steps, batch_size = walk.x.shape[:2]
    live = np.full(time_steps, batch_size) if walk.live is None else walk.live
    sequence, row = [(0, steps), (0, rows)], [(0, rows)]
    return replace(
        walk,
        x=pad(walk.x, sequence, np.nan),
        d_output=pad(walk.d_output, sequence, np.nan),
        state=tuple(pad(part, row, 0.0) for part in walk.state),
        d_final_state=tuple(pad(part, row, 0.0) for part in walk.d_final_state),
        live=np.pad(live, (0, steps)).astype(np.int64),
    )


@pytest.mark.parametrize(("steps", "rows"), [(1, 0), (5, 0), (0, 1), (0, 9), (4, 30)])
@raggedness
@directions
@dtypes
@cells
def test_the_amount_of_padding_changes_no_bit(cell, dtype, reverse, ragged, steps, rows):
    walk = make_walk(cell, (11, 9, 3, 17), dtype=dtype, reverse=reverse, ragged=ragged, truncate=4)
    expected, result = run(native, walk), run(native, padded(walk, steps, rows))
    assert not result.output[11:].any()
    assert not result.output[:, 9:].any()
    assert not result.d_x[11:].any()
    assert not result.d_x[:, 9:].any()
    trimmed = replace(
        result,
        output=result.output[:11, :9],
        d_x=result.d_x[:11, :9],
        final_state=tuple(part[:9] for part in result.final_state),
        d_state=tuple(part[:9] for part in result.d_state),
    )
    assert_results_same_bits(trimmed, expected)


@pytest.mark.parametrize("truncate", [None, 4], ids=["full", "truncated"])
@pytest.mark.parametrize("size", [(11, 23, 3, 17), (5, 70, 9, 40), (3, 9, 20, 130)], ids=str)
@raggedness
@directions
@dtypes
@cells
def test_the_other_rows_change_no_bit(cell, dtype, reverse, ragged, size, truncate):
    walk = make_walk(cell, size, dtype=dtype, reverse=reverse, ragged=ragged, truncate=truncate)
    whole = run(native, walk)
    batch_size = size[1]
    generator = np.random.default_rng(0)
    subsets = [np.array([row]) for row in (0, 1, 7, batch_size - 2, batch_size - 1)]
    subsets += [
        np.sort(generator.choice(batch_size, count, replace=False)) for count in (2, 3, 5, 8)
    ]
    subsets.append(np.arange(batch_size)[1:])
    if not ragged:
        subsets.append(generator.permutation(batch_size))
    for rows in subsets:
        part = run(native, rows_of(walk, rows))
        assert_same_bits(part.output, whole.output[:, rows], f"output of {rows}")
        assert_same_bits(part.d_x, whole.d_x[:, rows], f"d_x of {rows}")
        for ours, theirs in zip(part.final_state, whole.final_state, strict=True):
            assert_same_bits(ours, theirs[rows], f"final_state of {rows}")
        for ours, theirs in zip(part.d_state, whole.d_state, strict=True):
            assert_same_bits(ours, theirs[rows], f"d_state of {rows}")


@directions
@dtypes
@cells
def test_a_live_of_all_rows_is_none(cell, dtype, reverse):
    walk = make_walk(cell, (11, 9, 3, 17), dtype=dtype, reverse=reverse)
    full = replace(walk, live=live_of([11] * 9, 11))
    assert_results_same_bits(run(native, full), run(native, walk))


@raggedness
@directions
@dtypes
@cells
def test_chunked_forward_is_the_whole(cell, dtype, reverse, ragged):
    """The state is a value: carried from chunk to chunk it gives the bits of one call."""
    walk = make_walk(cell, (11, 9, 3, 17), dtype=dtype, reverse=reverse, ragged=ragged)
    output, final_state = run_forward(native, walk)
    for cuts in ([5], [1, 2, 3], list(range(1, 11)), [0, 11]):
        bounds = list(zip([0, *cuts], [*cuts, 11], strict=True))
        state = walk.state
        for start, stop in reversed(bounds) if reverse else bounds:
            live = None if walk.live is None else walk.live[start:stop]
            chunk = replace(walk, x=walk.x[start:stop], state=state, live=live)
            part, state = run_forward(native, chunk)
            assert_same_bits(part, output[start:stop], f"steps {start} to {stop}")
        for ours, theirs in zip(state, final_state, strict=True):
            assert_same_bits(ours, theirs, "final_state")


@raggedness
@directions
@dtypes
@cells
def test_truncation_is_chunked_calls_with_the_state_detached(cell, dtype, reverse, ragged):
    time_steps, tau = 11, 4
    walk = make_walk(
        cell, (time_steps, 7, 3, 17), seed=9, dtype=dtype, reverse=reverse, ragged=ragged
    )
    truncated = run(native, replace(walk, truncate=tau))
    lengths = walk.lengths
    gradients = tuple(np.zeros_like(p) for p in walk.parameters)
    state = walk.state
    d_state = tuple(np.zeros_like(part) for part in walk.state)
    starts = list(range(0, time_steps, tau))
    for start in reversed(starts) if reverse else starts:
        part = slice(start, start + tau)
        # The walk of a row enters at its initial state and ends in its final state; where the
        # row lives in another chunk too, what passes between the chunks is detached.
        lives = lengths > start
        first = (lengths <= start + tau) if reverse else np.full(len(lengths), start == 0)
        last = np.full(len(lengths), start == 0) if reverse else (lengths <= start + tau)
        chunk = replace(
            walk,
            x=walk.x[part],
            d_output=walk.d_output[part],
            live=None if walk.live is None else walk.live[part],
            state=state,
            d_final_state=tuple(
                np.where((lives & last)[:, None], d, 0).astype(dtype) for d in walk.d_final_state
            ),
        )
        result = run(native, chunk, gradients=gradients)
        state = result.final_state
        assert_same_bits(result.output, truncated.output[part], "output")
        assert_close(result.d_x, truncated.d_x[part].astype("float64"), "d_x")
        for total, d in zip(d_state, result.d_state, strict=True):
            total += np.where((lives & first)[:, None], d, 0)
    for total, d in zip(d_state, walk.d_final_state, strict=True):
        total += np.where((lengths == 0)[:, None], d, 0)  # such a row passes everything through
    for ours, theirs in zip(truncated.d_state, d_state, strict=True):
        assert_close(ours, theirs.astype("float64"), "d_state")
    for ours, theirs in zip(truncated.gradients, gradients, strict=True):
        assert_close(ours, theirs.astype("float64"), "gradient")


@directions
@dtypes
@cells
def test_training_changes_no_bit_of_the_output(cell, dtype, reverse):
    walk = make_walk(cell, (11, 9, 3, 17), dtype=dtype, reverse=reverse, ragged=True)
    (output, final), result = run_forward(native, walk), run(native, walk)
    assert_same_bits(output, result.output, "output")
    for ours, theirs in zip(final, result.final_state, strict=True):
        assert_same_bits(ours, theirs, "final_state")


@raggedness
@directions
@dtypes
@cells
def test_a_used_workspace_gives_the_bits_of_a_fresh_one(cell, dtype, reverse, ragged):
    """Growing, shrinking, other weights, a walk without backward: nothing is left behind."""
    sizes = [(5, 4), (9, 2), (2, 9), (9, 9), (1, 1), (0, 3), (5, 4), (12, 33), (5, 4)]
    workspace = None
    for seed, (time_steps, batch_size) in enumerate(sizes):
        walk = make_walk(
            cell,
            (time_steps, batch_size, 3, 17),
            seed=seed,
            dtype=dtype,
            reverse=reverse,
            ragged=ragged and seed % 2 == 0,
            state=seed % 3 != 0,
        )
        if workspace is None:
            workspace = new_workspace(native, walk)
        assert_results_same_bits(run(native, walk, workspace=workspace), run(native, walk))
        run_forward(native, walk, workspace, training=seed % 2 == 1)


@dtypes
@cells
def test_parameters_changed_in_place_are_seen(cell, dtype):
    walk = make_walk(cell, (5, 4, 3, 17), dtype=dtype)
    workspace = new_workspace(native, walk)
    run(native, walk, workspace=workspace)
    for index in range(4):
        walk.parameters[index][...] *= -0.5
        assert_results_same_bits(run(native, walk, workspace=workspace), run(native, walk))


@dtypes
@cells
def test_weights_packed_for_a_version_are_kept_and_renewed(cell, dtype):
    walk = make_walk(cell, (5, 4, 3, 17), dtype=dtype)
    workspace = new_workspace(native, walk)

    def assert_same_as_afresh(walk, version, training):
        output = np.full((*walk.x.shape[:2], 17), np.nan, dtype)
        final_state = tuple(np.full_like(part, np.nan) for part in walk.state)
        native.forward(
            workspace,
            walk.parameters,
            walk.x,
            walk.state,
            walk.live,
            output,
            final_state,
            training,
            version=version,
        )
        expected, expected_final = run_forward(native, walk)
        assert_same_bits(output, expected, f"output at version {version}")
        for ours, theirs in zip(final_state, expected_final, strict=True):
            assert_same_bits(ours, theirs, f"final_state at version {version}")

    larger = replace(make_walk(cell, (9, 40, 3, 17), dtype=dtype), parameters=walk.parameters)
    for version in range(3):
        for training in (True, False):
            assert_same_as_afresh(walk, version, training)
            assert_same_as_afresh(larger, version, training)
        for parameter in walk.parameters:
            parameter[...] *= -0.5


@dtypes
@cells
def test_poison_changes_no_bit(cell, dtype):
    walk = make_walk(cell, (11, 9, 3, 17), dtype=dtype, ragged=True)
    poisoned = run(native, walk)
    _core.set_poison(False)  # the fixture of the next test sets it anew
    assert_results_same_bits(run(native, walk), poisoned)


@dtypes
@cells
def test_missing_input_spreads_through_its_own_row_only(cell, dtype):
    """NaN at a live position must show in that row from there on, and in no other row."""
    walk = make_walk(cell, (5, 6, 3, 17), dtype=dtype)
    x = walk.x.copy()
    x[2, 4, 1] = np.nan
    (clean, _), (output, final) = run_forward(native, walk), run_forward(native, replace(walk, x=x))
    assert np.isnan(output[2:, 4]).all()
    for part in final:
        assert np.isnan(part[4]).all()
    output[2:, 4] = clean[2:, 4]
    assert_same_bits(output, clean, "the other rows and steps")


# ---------------------------------------------------------------------------------------------
# Every instruction set that this processor has

_IN_EACH_ISA = (
    "test_the_isa or test_every_ or test_truncation or test_the_other_rows or test_saturated "
    "or test_small_numbers or test_missing or test_chunked "
    "or (test_matches_reference and (63 or 130))"
)


@pytest.mark.skipif("ELMAN_ISA" in os.environ, reason="an instruction set is already imposed")
@pytest.mark.parametrize("isa", _core.available_isas())
def test_each_instruction_set(isa):
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", __file__]
    finished = subprocess.run(
        [*command, "-k", _IN_EACH_ISA],
        env={**os.environ, "ELMAN_ISA": isa},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout[-4000:] + finished.stderr[-2000:]


def test_the_isa_is_the_one_imposed_or_the_best():
    assert _core.isa() == os.environ.get("ELMAN_ISA", _core.available_isas()[-1])
