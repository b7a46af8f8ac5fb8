"""One step of each cell: its declarations, its values unit by unit, and its adjoint."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from differences import central_difference
from elman.cells import CELLS, PARAMETER_NAMES
from elman.cells.base import sigmoid

INPUT, HIDDEN, ROWS = 3, 4, 2


def make_parameters(cell: str, bias: bool, dtype: str = "float64", seed: int = 0):
    generator = np.random.default_rng(seed)
    shapes = CELLS[cell].parameter_shapes(INPUT, HIDDEN, bias)
    drawn = CELLS[cell].initialize(shapes, generator)
    return tuple(drawn[name].astype(dtype) if name in drawn else None for name in PARAMETER_NAMES)


def make_inputs(cell: str, dtype: str = "float64", seed: int = 1):
    generator = np.random.default_rng(seed)
    x = generator.standard_normal((ROWS, INPUT)).astype(dtype)
    state = tuple(
        generator.standard_normal((ROWS, HIDDEN)).astype(dtype) for _ in CELLS[cell].states
    )
    return x, state


def test_registry_holds_every_cell_by_its_name():
    assert list(CELLS) == ["rnn_tanh", "rnn_relu", "lstm", "gru", "gru_reset_before"]
    for name, cell in CELLS.items():
        assert cell.name == name
        assert cell.states[0] == "h"


@pytest.mark.parametrize(
    ("cell", "gates", "states"),
    [
        ("rnn_tanh", ("h",), ("h",)),
        ("rnn_relu", ("h",), ("h",)),
        ("lstm", ("i", "f", "g", "o"), ("h", "c")),
        ("gru", ("r", "z", "n"), ("h",)),
        ("gru_reset_before", ("r", "z", "n"), ("h",)),
    ],
)
def test_gates_and_states(cell, gates, states):
    assert CELLS[cell].gates == gates
    assert CELLS[cell].states == states


@pytest.mark.parametrize("cell", CELLS)
def test_parameter_shapes(cell):
    gates = len(CELLS[cell].gates)
    expected = {
        "weight_ih": (gates * 5, 2),
        "weight_hh": (gates * 5, 5),
        "bias_ih": (gates * 5,),
        "bias_hh": (gates * 5,),
    }
    assert CELLS[cell].parameter_shapes(2, 5, bias=True) == expected
    assert tuple(expected) == PARAMETER_NAMES
    del expected["bias_ih"], expected["bias_hh"]
    assert CELLS[cell].parameter_shapes(2, 5, bias=False) == expected


@pytest.mark.parametrize("cell", CELLS)
def test_initialize_is_uniform_within_the_bound_and_repeatable(cell):
    shapes = CELLS[cell].parameter_shapes(9, 16)
    first = CELLS[cell].initialize(shapes, np.random.default_rng(7))
    again = CELLS[cell].initialize(shapes, np.random.default_rng(7))
    other = CELLS[cell].initialize(shapes, np.random.default_rng(8))
    assert {name: array.shape for name, array in first.items()} == shapes
    for name in shapes:
        assert np.array_equal(first[name], again[name])
        assert not np.array_equal(first[name], other[name])
    drawn = np.concatenate([array.ravel() for array in first.values()])
    assert np.abs(drawn).max() <= 0.25
    # the mean and variance of U(-1/4, 1/4), within five standard errors
    assert abs(drawn.mean()) < 5 * 0.25 / math.sqrt(3 * drawn.size)
    assert abs(drawn.var() / (0.25**2 / 3) - 1) < 5 * math.sqrt(0.8 / drawn.size)


def scalar_step(cell: str, x, state, parameters):
    """The equations of the docstrings for one row, unit by unit, in plain Python floats."""
    weight_ih, weight_hh, bias_ih, bias_hh = parameters
    h = state[0]
    units = range(len(h))

    def from_x(gate, j):
        k = gate * len(h) + j
        bias = 0.0 if bias_ih is None else bias_ih[k]
        return sum(weight_ih[k, d] * x[d] for d in range(len(x))) + bias

    def from_h(gate, j, vector):
        k = gate * len(h) + j
        bias = 0.0 if bias_hh is None else bias_hh[k]
        return sum(weight_hh[k, m] * vector[m] for m in units) + bias

    def gate_value(gate, j):
        return from_x(gate, j) + from_h(gate, j, h)

    def logistic(a):
        return 1.0 / (1.0 + math.exp(-a))

    if cell == "rnn_tanh":
        return ([math.tanh(gate_value(0, j)) for j in units],)
    if cell == "rnn_relu":
        return ([max(0.0, gate_value(0, j)) for j in units],)
    if cell == "lstm":
        i, f, o = ([logistic(gate_value(k, j)) for j in units] for k in (0, 1, 3))
        g = [math.tanh(gate_value(2, j)) for j in units]
        c = [f[j] * state[1][j] + i[j] * g[j] for j in units]
        return [o[j] * math.tanh(c[j]) for j in units], c
    r, z = ([logistic(gate_value(k, j)) for j in units] for k in (0, 1))
    if cell == "gru":
        n = [math.tanh(from_x(2, j) + r[j] * from_h(2, j, h)) for j in units]
    else:
        r_h = [r[j] * h[j] for j in units]
        n = [math.tanh(from_x(2, j) + from_h(2, j, r_h)) for j in units]
    return ([(1 - z[j]) * n[j] + z[j] * h[j] for j in units],)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("cell", CELLS)
def test_step_is_the_equations_unit_by_unit(cell, bias):
    parameters = make_parameters(cell, bias)
    x, state = make_inputs(cell)
    after, _ = CELLS[cell].step(x, state, parameters)
    assert len(after) == len(state)
    for row in range(ROWS):
        expected = scalar_step(cell, x[row], [part[row] for part in state], parameters)
        for part, values in zip(after, expected, strict=True):
            np.testing.assert_allclose(part[row], values, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cell", CELLS)
def test_step_and_adjoint_keep_the_dtype(cell, dtype):
    parameters = make_parameters(cell, True, dtype)
    x, state = make_inputs(cell, dtype)
    after, cache = CELLS[cell].step(x, state, parameters)
    gradients = tuple(np.zeros_like(p) for p in parameters)
    d_x, d_before = CELLS[cell].adjoint(after, cache, parameters, gradients)
    for array in (*after, d_x, *d_before, *gradients):
        assert array.dtype == dtype


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("cell", CELLS)
def test_adjoint_is_the_gradient_of_step(cell, bias):
    parameters = make_parameters(cell, bias)
    x, state = make_inputs(cell)
    _, d_after = make_inputs(cell, seed=2)

    def loss():
        after, _ = CELLS[cell].step(x, state, parameters)
        return sum(float((part * d).sum()) for part, d in zip(after, d_after, strict=True))

    _, cache = CELLS[cell].step(x, state, parameters)
    gradients = tuple(None if p is None else np.zeros_like(p) for p in parameters)
    d_x, d_before = CELLS[cell].adjoint(d_after, cache, parameters, gradients)
    pairs = zip((x, *state, *parameters), (d_x, *d_before, *gradients), strict=True)
    for array, gradient in pairs:
        if array is None:
            assert gradient is None
            continue
        for index in np.ndindex(array.shape):
            expected = central_difference(loss, array, index, 1e-5)
            assert gradient[index] == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("cell", CELLS)
def test_adjoint_adds_to_the_gradients(cell):
    parameters = make_parameters(cell, True)
    x, state = make_inputs(cell)
    after, cache = CELLS[cell].step(x, state, parameters)
    once = tuple(np.zeros_like(p) for p in parameters)
    CELLS[cell].adjoint(after, cache, parameters, once)
    onto = tuple(np.full_like(p, 3.0) for p in parameters)
    CELLS[cell].adjoint(after, cache, parameters, onto)
    for first, second in zip(once, onto, strict=True):
        assert np.abs(first).max() > 0
        np.testing.assert_allclose(second, first + 3.0, rtol=1e-14)


def test_rectifier_has_no_slope_at_its_kink():
    weight_ih, weight_hh = np.ones((1, 1)), np.ones((1, 1))
    parameters = (weight_ih, weight_hh, None, None)
    zero = np.zeros((1, 1))
    (h,), cache = CELLS["rnn_relu"].step(zero, (zero,), parameters)
    gradients = (np.zeros((1, 1)), np.zeros((1, 1)), None, None)
    d_x, (d_h,) = CELLS["rnn_relu"].adjoint((np.ones((1, 1)),), cache, parameters, gradients)
    assert h == 0.0
    assert d_x == 0.0
    assert d_h == 0.0


def test_sigmoid_of_large_numbers_is_exact_and_silent():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values = sigmoid(np.array([-1000.0, -30.0, 0.0, 30.0, 1000.0]))
    tail = math.exp(-30.0)
    np.testing.assert_allclose(values, [0.0, tail / (1 + tail), 0.5, 1 / (1 + tail), 1.0])
