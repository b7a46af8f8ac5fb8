"""The walk on JAX: values, gradients and transformations against JAX's own operations."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import keras_backend  # noqa: F401  # before Keras itself is imported

pytest.importorskip("keras")
jax = pytest.importorskip("jax")
jnp = jax.numpy

from jax_walks import CELL_NAMES, operands, plan, walk  # noqa: E402

from elman import _core  # noqa: E402
from elman.keras import on_jax  # noqa: E402
from elman.keras.on_jax import run  # noqa: E402

OPTIONS = [  # for all cells, and from the third on for two of them
    {},
    {"masked": True},
    {"bias": False, "go_backwards": True},
    {"all_outputs": False},
    {"masked": True, "zero_masked": True, "go_backwards": True},
    {"masked": True, "begins": False, "all_outputs": False},
    {"masked": True, "recurrent_dropout": True},
]


@contextmanager
def double_precision() -> Iterator[None]:
    jax.config.update("jax_enable_x64", True)
    try:
        yield
    finally:
        jax.config.update("jax_enable_x64", False)


@pytest.fixture(autouse=True)
def on_the_cpu() -> Iterator[None]:
    with jax.default_device(jax.devices("cpu")[0]):
        yield


def loss(function: Any, plan: Any, tensors: Any) -> Any:
    """A sum in which each element of each result counts otherwise."""
    found = function(plan, tensors)
    return sum(jnp.sum(jnp.sin(one + jnp.arange(one.size).reshape(one.shape))) for one in found)


def value_and_gradients(function: Any, plan: Any, tensors: Any) -> Any:
    """Of :func:`loss`, in all that has a gradient."""
    count = len(tensors) - plan.masked - plan.recurrent_dropout
    of = jax.value_and_grad(lambda some: loss(function, plan, (*some, *tensors[count:])))
    return of(tuple(tensors[:count]))


def agree(found: Any, expected: Any, tolerance: float) -> None:
    pairs = zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True)
    for one, other in pairs:
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


@pytest.mark.usefixtures("poison")
@pytest.mark.parametrize(
    "cell, options",
    [(cell, options) for options in OPTIONS[:2] for cell in CELL_NAMES]
    + [
        pytest.param(cell, options, marks=pytest.mark.slow)
        for options in OPTIONS[2:]
        for cell in ("lstm", "gru")
    ],
    ids=lambda one: one if isinstance(one, str) else " ".join(one) or "plain",
)
def test_values_and_gradients_are_those_of_jaxs_own_operations(
    cell: str, options: dict[str, bool]
) -> None:
    made = plan(cell, **options)
    with double_precision():
        tensors = operands(made)
        agree(run(made, tensors), walk(made, tensors), 1e-12)
        compiled = jax.jit(partial(value_and_gradients, run, made))
        expected = jax.jit(partial(value_and_gradients, walk, made))(tensors)
        agree(compiled(tensors), expected, 1e-11)


def test_outside_of_jit() -> None:
    made = plan("lstm")
    tensors = operands(made, dtype="float32")
    found, expected = (value_and_gradients(one, made, tensors) for one in (run, walk))
    agree(found, expected, 2e-5)


def test_single_precision() -> None:
    made = plan("gru_reset_before")
    tensors = operands(made, dtype="float32")
    found = jax.jit(partial(value_and_gradients, run, made))(tensors)
    assert {one.dtype for one in jax.tree.leaves(found)} == {np.dtype("float32")}
    agree(found, jax.jit(partial(value_and_gradients, walk, made))(tensors), 2e-5)


@pytest.mark.parametrize("batch, steps", [(0, 4), (3, 0), (1, 1)])
def test_few_rows_and_few_steps(batch: int, steps: int) -> None:
    made = plan("gru", all_outputs=False)
    tensors = operands(made, batch, steps, "float32")
    agree(run(made, tensors), walk(made, tensors), 1e-5)
    found, expected = (
        jax.jit(partial(value_and_gradients, one, made))(tensors) for one in (run, walk)
    )
    agree(found, expected, 1e-5)


@pytest.mark.usefixtures("poison")
@pytest.mark.parametrize("result, places", [(0, (0,)), (0, (3,)), (1, (1, 3)), (2, (0, 4))])
def test_gradients_that_nobody_asks_for_are_left_out(result: int, places: tuple[int, ...]) -> None:
    """Of some tensors, and of some results."""
    made = plan("lstm", masked=result == 1)
    with double_precision():
        tensors = operands(made)

        def of(function: Any, *some: Any) -> Any:
            given = list(tensors)
            for place, one in zip(places, some, strict=True):
                given[place] = one
            return jnp.sin(function(made, tuple(given))[result]).sum()

        some = [tensors[place] for place in places]
        every = tuple(range(len(places)))
        found, expected = (
            jax.jit(jax.grad(partial(of, one), argnums=every))(*some) for one in (run, walk)
        )
        agree(found, expected, 1e-11)


def test_a_backward_pass_may_be_called_again() -> None:
    """It leaves what the forward pass kept as it was."""
    made = plan("gru", masked=True)
    tensors = operands(made, dtype="float32")
    results, backward = jax.vjp(lambda *some: run(made, (*some, tensors[-1])), *tensors[:-1])
    first, second = backward(results), backward(results)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_inference_keeps_nothing() -> None:
    made = plan("lstm")
    tensors = operands(made, dtype="float32")
    text = jax.jit(partial(run, made)).lower(tensors).compile().as_text()
    assert "elman_walk_forward" in text and "f32[0]" in text
    assert "callback" not in text


def test_vmap_over_inputs_and_over_weights() -> None:
    made = plan("gru")
    tensors = operands(made, dtype="float32")
    for place in (0, 2):
        many = list(tensors)
        many[place] = np.stack([tensors[place], 2 * tensors[place]])
        axes = tuple(0 if n == place else None for n in range(len(tensors)))
        gradients = (
            jax.grad(lambda *some, f=function: loss(f, made, some), argnums=(0, 2, 3))
            for function in (run, walk)
        )
        found, expected = (jax.jit(jax.vmap(one, in_axes=axes))(*many) for one in gradients)
        agree(found, expected, 2e-5)


def test_checkpoint_makes_it_again() -> None:
    made = plan("lstm")
    tensors = operands(made, dtype="float32")

    @jax.checkpoint
    def again(some: Any) -> Any:
        return loss(run, made, some)

    found = jax.jit(jax.value_and_grad(again))(tensors)
    agree(found, jax.jit(partial(value_and_gradients, run, made))(tensors), 1e-6)


def test_within_a_scan() -> None:
    """Chunks of a sequence in turn, the states carried on, are the sequence."""
    made = plan("lstm")
    with double_precision():
        x, *rest = operands(made, steps=12)

        def chunked(plan_: Any, tensors: Any) -> Any:
            x, h, c, *weights = tensors
            chunks = jnp.moveaxis(x.reshape(3, 4, 3, 2), 1, 0)

            def move(state: Any, chunk: Any) -> Any:
                output, *state = run(plan_, (chunk, *state, *weights))
                return tuple(state), output

            state, outputs = jax.lax.scan(move, (h, c), chunks)
            return jnp.moveaxis(outputs, 0, 1).reshape(3, 12, 5), *state

        found, expected = (
            jax.jit(partial(value_and_gradients, one, made))((x, *rest)) for one in (chunked, run)
        )
        agree(found, expected, 1e-11)


def test_many_threads_at_once() -> None:
    made = plan("gru")
    compiled = jax.jit(partial(value_and_gradients, run, made))
    cases = [operands(made, batch, steps, "float32") for batch, steps in ((8, 50), (5, 20))] * 8
    expected = [compiled(one) for one in cases]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(compiled, cases))
    for one, other in zip(found, expected, strict=True):
        pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
        assert all(np.array_equal(a, b) for a, b in pairs)


def test_two_devices() -> None:
    script = Path(__file__).with_name("jax_devices.py")
    ran = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-3000:]
    found = json.loads(ran.stdout.splitlines()[-1])
    assert max(found.values()) < 1e-5 and {"sharded", "pmap"} <= found.keys(), found


# ------------------------------------------------------------------------------- refusals


def test_another_platform_is_not_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert on_jax.why_not(None) is None  # within jax.default_device of the CPU
    with jax.default_device(None):
        assert on_jax.why_not(None) == "on gpu"


def test_a_jax_without_the_interface_is_not_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jax.ffi", None)
    monkeypatch.delattr(jax, "ffi")
    on_jax._foreign.cache_clear()
    assert "before 0.5" in on_jax.why_not(None)
    monkeypatch.undo()
    on_jax._foreign.cache_clear()
    assert on_jax.why_not(None) is None


def called(tensors: Any, shapes: Any = None, **changed: Any) -> Any:
    """The forward pass of a gru of 5 units, called by hand."""
    attributes = {**plan("gru")._asdict(), **changed}
    attributes = {name: value for name, value in attributes.items() if value is not None}
    shapes = shapes or [(3, 6, 5), (3, 5), (0,)]
    return on_jax._call("elman_walk_forward", shapes, tensors, **attributes)


def test_wrong_calls_are_errors_that_name_what_is_wrong() -> None:
    right = operands(plan("gru"), dtype="float32")
    x, state, kernel, recurrent, bias = right
    called(right)
    cases = [
        (
            "x: expected 3 axes, got shape (6, 2)",
            {"tensors": (x[0], state, kernel, recurrent, bias)},
        ),
        ("state: expected shape (3, 5)", {"tensors": (x, state[:2], kernel, recurrent, bias)}),
        ("kernel: expected shape (2, 15)", {"tensors": (x, state, kernel.T, recurrent, bias)}),
        ("bias: expected shape (2, 15)", {"tensors": (x, state, kernel, recurrent, bias[:, 1:])}),
        ("bias: expected among the arguments", {"tensors": (x, state, kernel, recurrent)}),
        ("arguments: expected 5, got 6", {"tensors": (*right, bias)}),
        ("mask: expected among the arguments", {"tensors": right, "masked": True}),
        ("mask: expected the type of x", {"tensors": (*right, x[:, :, 0]), "masked": True}),
        ("expected float32 or float64", {"tensors": tuple(a.astype("float16") for a in right)}),
        ("recurrent_kernel: expected the type", {"tensors": (*right[:3], recurrent > 0, bias)}),
        (
            "output: expected shape (3, 6, 5)",
            {"tensors": right, "shapes": [(3, 6, 4), (3, 5), (0,)]},
        ),
        ("kept: expected among the results", {"tensors": right, "shapes": [(3, 6, 5), (3, 5)]}),
        ("kept: expected shape", {"tensors": right, "shapes": [(3, 6, 5), (3, 5), (7,)]}),
        ("no cell is called 'elman'", {"tensors": right, "cell": "elman"}),
        ("attribute cell: expected, but not", {"tensors": right, "cell": None}),
        ("attribute cell: of a wrong type", {"tensors": right, "cell": True}),
        ("attribute begins: expected a boolean", {"tensors": right, "begins": 2}),
    ]
    for message, case in cases:
        with pytest.raises(Exception, match=f"elman_walk_forward: .*{re.escape(message)}"):
            jax.block_until_ready(called(**case))


def test_wrong_calls_of_the_backward_pass() -> None:
    made = plan("gru")
    x, *rest = operands(made, dtype="float32")
    d_results = [np.zeros((3, 6, 5), "f"), np.zeros((3, 5), "f")]
    kept = np.zeros(_core.keras_kept32(made, [3, 6, 2, 5]), "f")
    right = (x, kept, *d_results)
    shapes = [one.shape for one in (x, *rest, kept)]
    units = np.int64(5)
    cases = [
        ("kept: expected shape", (x, np.zeros(9, "f"), *d_results), shapes, units),
        ("d_output: expected shape (3, 6, 5)", (*right[:2], x, right[3]), shapes, units),
        ("arguments: expected 4, got 5", (*right, x), shapes, units),
        ("d_final_state: expected among the arguments", right[:3], shapes, units),
        ("d_kernel: expected shape (2, 15)", right, [*shapes[:2], (3, 15), *shapes[3:]], units),
        ("d_bias: expected among the results", right, shapes[:-2], units),
        ("kept: expected among the results", right, shapes[:-1], units),
        ("results: expected 6, got 7", right, [*shapes, (0,)], units),
        ("attribute units: expected an int64", right, shapes, np.int32(6)),
    ]
    for message, tensors, sizes, number in cases:
        with pytest.raises(Exception, match=f"elman_walk_backward: .*{re.escape(message)}"):
            jax.block_until_ready(
                on_jax._call("elman_walk_backward", sizes, tensors, **made._asdict(), units=number)
            )
