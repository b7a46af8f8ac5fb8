"""The choice of a backend, and the buffers that are reused."""

from __future__ import annotations

import numpy as np
import pytest

import elman
from elman.cells import CELLS
from elman.sequence import BACKENDS, Recurrence


def parameters(cell: str, input_size: int, hidden_size: int, dtype=np.float32):
    shapes = CELLS[cell].parameter_shapes(input_size, hidden_size, True)
    drawn = CELLS[cell].initialize(shapes, np.random.default_rng(0))
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    return tuple(drawn[name].astype(dtype) for name in names)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("cell", CELLS)
def test_every_backend_gives_the_same(cell, backend):
    x = np.random.default_rng(1).standard_normal((7, 3, 2)).astype(np.float32)
    named = Recurrence(cell, 2, 5, backend=backend)
    chosen = Recurrence(cell, 2, 5)
    assert named.backend == backend
    assert chosen.backend == "native"
    weights = parameters(cell, 2, 5)
    output, state = named.forward(weights, x)
    expected, expected_state = chosen.forward(weights, x)
    np.testing.assert_allclose(output, expected, atol=1e-5)
    for part, expected_part in zip(state, expected_state, strict=True):
        np.testing.assert_allclose(part, expected_part, atol=1e-5)


def test_buffers_are_reused_from_call_to_call():
    recurrence = Recurrence("gru", 2, 5)
    weights = parameters("gru", 2, 5)
    x = np.zeros((7, 3, 2), np.float32)
    first, first_state = recurrence.forward(weights, x, training=True)
    second, second_state = recurrence.forward(weights, x, training=True)
    assert first is second
    assert first_state[0] is second_state[0]


def test_outputs_can_be_written_elsewhere():
    recurrence = Recurrence("lstm", 2, 5)
    joined = np.full((7, 3, 10), np.nan, np.float32)
    x = np.ones((7, 3, 2), np.float32)
    output, _ = recurrence.forward(parameters("lstm", 2, 5), x, output=joined[:, :, 5:])
    assert np.isfinite(joined[:, :, 5:]).all()
    assert np.isnan(joined[:, :, :5]).all()
    assert output.base is joined


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cell": "vanilla"}, "cell: expected one of rnn_tanh"),
        ({"hidden_size": 0}, "hidden_size: expected a whole number, at least 1, got 0"),
        ({"input_size": -1}, "input_size: expected a whole number"),
        ({"dtype": "float16"}, "dtype: expected float32 or float64, got float16"),
        ({"backend": "cuda"}, "backend: expected 'auto' or one of native, reference, got 'cuda'"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(elman.InputError, match=message):
        Recurrence(**{"cell": "gru", "input_size": 2, "hidden_size": 3, **arguments})
