"""Losses: the compiled ones against NumPy, NumPy's against torch and finite differences."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import elman
from differences import central_difference
from elman import _core
from elman.backends import kernels, reference_losses
from elman.errors import InputError
from elman.losses import LOSSES as BY_NAME
from elman.losses import loss_from_config, make_loss
from networks import LOSSES

SHAPES = [(1, 1, 1), (4, 7, 3), (3, 40, 17), (2, 130, 2), (0, 3, 2), (3, 0, 2)]


def case(loss, shape, dtype, seed=0):
    """An output and a target of ``shape`` channels that fit the loss, and an own ``live``."""
    steps, rows, channels = shape
    generator = np.random.default_rng(seed)
    width = channels * (len(loss.quantiles) if loss.name == "pinball" else 1)
    output = (3.0 * generator.normal(size=(steps, rows, width))).astype(dtype)
    if loss.labels:
        target = generator.integers(0, channels, (steps, rows, 1))
    else:
        target = generator.normal(size=shape).astype(dtype)
        if loss.name == "binary_cross_entropy":
            target = generator.random(shape).astype(dtype)
    live = np.sort(generator.integers(0, rows + 1, steps))[::-1].astype(np.int64)
    return output, target, np.ascontiguousarray(live)


@pytest.mark.parametrize("masked", [False, True], ids=["whole", "masked"])
@pytest.mark.parametrize("weighted", ["plain", "rows", "elements"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", sorted(set(LOSSES) - {"smoothed"}))
def test_native_is_the_numpy_twin(name, shape, dtype, weighted, masked):
    loss = LOSSES[name]
    output, target, live = case(loss, shape, dtype)
    weight = None
    if weighted != "plain":
        width = 1 if weighted == "rows" else target.shape[2]
        weight = np.random.default_rng(1).random((*shape[:2], width)).astype(dtype)
        if weight.size > 1:
            # what has no weight is never read
            weight[0, 0] = 0.0
            output[0, 0] = np.nan
            target[0, 0] = -5 if loss.labels else np.nan
    if masked:
        for t, rows in enumerate(live):
            output[t, rows:] = np.nan
    live = live if masked else None
    got, expected = np.full_like(output, np.nan), np.full_like(output, np.nan)
    value = loss(output, target, weight, live, got)
    constants = np.array(getattr(loss, "quantiles", [getattr(loss, "delta", 0.0)]))
    reference = reference_losses.loss(loss.kind, output, target, weight, live, constants, expected)
    tolerance = 2e-5 if dtype == "float32" else 1e-13
    np.testing.assert_allclose(value, reference, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)
    assert loss(output, target, weight, live) == value


@pytest.mark.parametrize("name", LOSSES)
def test_gradient_is_that_of_finite_differences(name):
    loss = LOSSES[name]
    output, target, live = case(loss, (3, 4, 3), "float64")
    weight = np.random.default_rng(2).random((3, 4, 1))
    gradient = np.empty_like(output)
    loss(output, target, weight, live, gradient)
    for index in np.ndindex(output.shape):
        slope = central_difference(lambda: loss(output, target, weight, live)[0], output, index)
        assert gradient[index] == pytest.approx(slope, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("masked", [False, True], ids=["whole", "masked"])
def test_smoothed_cross_entropy_is_that_of_torch(masked):
    loss = LOSSES["smoothed"]
    output, target, live = case(loss, (3, 4, 5), "float64")
    steps = np.arange(4) < live[:, None] if masked else np.ones((3, 4), bool)
    output[~steps], target[~steps[..., None]] = np.nan, -1
    gradient = np.full_like(output, np.nan)
    value, total = loss(output, target, None, live if masked else None, gradient)
    logits = torch.tensor(output[steps], requires_grad=True)
    expected = torch.nn.functional.cross_entropy(
        logits, torch.tensor(target[steps][:, 0]), label_smoothing=loss.smoothing
    )
    expected.backward()
    assert total == steps.sum()
    assert value == pytest.approx(expected.item(), rel=1e-12)
    np.testing.assert_allclose(gradient[steps], logits.grad.numpy(), atol=1e-14)
    assert (gradient[~steps] == 0).all()
    assert loss_from_config(loss.config()).smoothing == 0.2


TORCH = {
    "mse": torch.nn.functional.mse_loss,
    "mae": torch.nn.functional.l1_loss,
    "huber": lambda y, t: torch.nn.functional.huber_loss(y, t, delta=LOSSES["huber"].delta),
    "binary_cross_entropy": torch.nn.functional.binary_cross_entropy_with_logits,
    "cross_entropy": lambda y, t: torch.nn.functional.cross_entropy(y.flatten(0, 1), t.flatten()),
}


@pytest.mark.parametrize("name", TORCH)
def test_value_and_gradient_are_those_of_torch(name):
    loss = LOSSES[name]
    output, target, _ = case(loss, (5, 6, 4), "float64")
    gradient = np.empty_like(output)
    value, weight = loss(output, target, gradient=gradient)
    y = torch.tensor(output, requires_grad=True)
    expected = TORCH[name](y, torch.tensor(target))
    expected.backward()
    assert value == pytest.approx(expected.item(), rel=1e-12)
    assert weight == target.size
    np.testing.assert_allclose(gradient, y.grad.numpy(), rtol=1e-10, atol=1e-14)


def test_pinball_is_least_at_the_quantile():
    quantiles = (0.1, 0.5, 0.95)
    sample = np.random.default_rng(0).exponential(size=(5001, 1))
    loss = elman.Pinball(quantiles)
    best = np.quantile(sample, quantiles)
    least, _ = loss(np.tile(best, (5001, 1)), sample)
    for channel in range(3):
        for step in (-0.01, 0.01):
            moved = best.copy()
            moved[channel] += step
            assert loss(np.tile(moved, (5001, 1)), sample)[0] > least


def test_pinball_puts_the_quantiles_of_a_channel_side_by_side():
    output = np.array([[1.0, 2.0, 10.0, 20.0]])
    target = np.array([[1.5, 12.0]])
    value, weight = elman.Pinball((0.25, 0.75))(output, target)
    by_hand = [0.25 * 0.5, 0.25 * 0.5, 0.25 * 2.0, 0.25 * 8.0]
    assert value == pytest.approx(np.mean(by_hand))
    assert weight == 2.0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_logits_of_any_size_are_finite(dtype):
    for size in (100.0, 1e4, 1e30):
        output = np.array([[size, -size, 0.0]], dtype)
        gradient = np.empty_like(output)
        value, _ = LOSSES["cross_entropy"](output, np.array([[1]]), gradient=gradient)
        assert value == pytest.approx(2 * size, rel=1e-6)
        np.testing.assert_allclose(gradient, [[1.0, -1.0, 0.0]], atol=1e-30)
        target = np.array([[0.0, 1.0, 0.5]], dtype)
        value, _ = LOSSES["binary_cross_entropy"](output, target, gradient=gradient)
        assert value == pytest.approx((2 * size + np.log(2)) / 3, rel=1e-6)
        np.testing.assert_allclose(gradient, [[1 / 3, -1 / 3, 0.0]], atol=1e-7)


@pytest.mark.parametrize("name", LOSSES)
def test_a_missing_output_makes_the_loss_missing(name):
    loss = LOSSES[name]
    output, target, _ = case(loss, (2, 20, 5), "float32")
    output[1, 3, 2] = np.nan
    assert np.isnan(loss(output, target)[0])


@pytest.mark.parametrize("name", LOSSES)
def test_nothing_to_average_is_zero(name):
    loss = LOSSES[name]
    output, target, _ = case(loss, (2, 3, 4), "float32")
    gradient = np.full_like(output, np.nan)
    weight = np.zeros((2, 3, 1), np.float32)
    assert loss(output, target, weight, None, gradient) == (0.0, 0.0)
    assert not gradient.any()
    dead = np.zeros(2, np.int64)
    assert loss(output, target, None, dead, gradient) == (0.0, 0.0)


def test_weights_are_as_good_as_repetition():
    loss = LOSSES["mse"]
    output, target, _ = case(loss, (1, 4, 2), "float64")
    weight = np.array([1.0, 2.0, 0.0, 3.0])[None, :, None]
    rows = [0, 1, 1, 3, 3, 3]
    weighted, _ = loss(output, target, weight)
    repeated, _ = loss(output[:, rows].copy(), target[:, rows].copy())
    assert weighted == pytest.approx(repeated, rel=1e-14)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_rebuilt_from_its_description(name):
    loss = LOSSES[name]
    again = loss_from_config(loss.config())
    assert type(again) is type(loss)
    assert again.config() == loss.config()


def test_losses_are_known_by_their_names():
    assert set(BY_NAME) == set(LOSSES) - {"smoothed"}
    assert set(kernels.LOSSES) == set(reference_losses.LOSSES)
    for name in BY_NAME:
        assert make_loss(name).name == name
    assert make_loss(LOSSES["huber"]) is LOSSES["huber"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: make_loss("rmse"), "loss: expected one of mse, mae"),
        (lambda: make_loss(3), "loss: expected one of"),
        (lambda: elman.Huber(0.0), "Huber: delta: expected a number greater than 0"),
        (lambda: elman.Pinball(()), "Pinball: quantiles: expected"),
        (lambda: elman.Pinball((0.5, 1.0)), "quantiles: expected a number greater than 0"),
        (lambda: elman.Pinball("0.5"), "Pinball: quantiles: expected"),
        (lambda: elman.Pinball((0.1, 0.9)).target_size(3), "needs a multiple of 2 outputs"),
    ],
)
def test_bad_arguments_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


@pytest.mark.skipif("ELMAN_ISA" in os.environ, reason="an instruction set is already imposed")
@pytest.mark.parametrize("isa", _core.available_isas()[:-1])  # the last one runs anyway
def test_twins_in_each_instruction_set(isa):
    """Losses, updates, activations and batches, built for the processor's other sets."""
    here = Path(__file__).parent
    files = [here / "test_losses.py", here / "test_optimizers.py", here / "data/test_batches.py"]
    finished = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-x",
            "-p",
            "no:cacheprovider",
            "-k",
            "twin",
            *files,
        ],
        env={**os.environ, "ELMAN_ISA": isa},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout[-4000:] + finished.stderr[-2000:]
