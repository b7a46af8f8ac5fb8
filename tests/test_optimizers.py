"""Optimizers against torch and NumPy, schedules against torch and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import elman
from elman.backends import kernels, reference_optimizers
from elman.errors import InputError
from elman.optimizers import make_optimizer
from elman.schedules import make_schedule

SETTINGS = [
    (elman.SGD(0.1), torch.optim.SGD, {"lr": 0.1}),
    (elman.SGD(0.1, 0.9), torch.optim.SGD, {"lr": 0.1, "momentum": 0.9}),
    (
        elman.SGD(0.05, 0.8, nesterov=True, weight_decay=0.1),
        torch.optim.SGD,
        {"lr": 0.05, "momentum": 0.8, "nesterov": True, "weight_decay": 0.1},
    ),
    (elman.SGD(0.1, weight_decay=0.3), torch.optim.SGD, {"lr": 0.1, "weight_decay": 0.3}),
    (elman.RMSprop(0.02), torch.optim.RMSprop, {"lr": 0.02}),
    (
        elman.RMSprop(0.02, 0.9, 1e-6, 0.7, 0.1),
        torch.optim.RMSprop,
        {"lr": 0.02, "alpha": 0.9, "eps": 1e-6, "momentum": 0.7, "weight_decay": 0.1},
    ),
    (elman.Adam(0.03), torch.optim.Adam, {"lr": 0.03}),
    (
        elman.Adam(0.03, (0.8, 0.95), 1e-5, 0.2),
        torch.optim.Adam,
        {"lr": 0.03, "betas": (0.8, 0.95), "eps": 1e-5, "weight_decay": 0.2},
    ),
    (elman.AdamW(0.03), torch.optim.AdamW, {"lr": 0.03}),
    (
        elman.AdamW(0.03, weight_decay=0.5),
        torch.optim.AdamW,
        {"lr": 0.03, "weight_decay": 0.5},
    ),
]
IDS = [repr(setting[0]) for setting in SETTINGS]


def gradients(size, steps, dtype):
    generator = np.random.default_rng(7)
    return [generator.normal(size=size).astype(dtype) for _ in range(steps)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("optimizer", "twin", "options"), SETTINGS, ids=IDS)
def test_steps_are_those_of_torch(optimizer, twin, options, dtype):
    size = 101
    start = np.random.default_rng(0).normal(size=size).astype(dtype)
    weights = torch.tensor(start, requires_grad=True)
    expected = twin([weights], **options)
    got = start.copy()
    updater = optimizer.start(size, dtype)
    for gradient in gradients(size, 20, dtype):
        weights.grad = torch.tensor(gradient)
        expected.step()
        updater.update(got, gradient, optimizer.learning_rate)
    tolerance = 1e-6 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(got, weights.detach().numpy(), rtol=tolerance, atol=tolerance)
    assert np.abs(got - start).max() > 0.01


@pytest.mark.parametrize(("optimizer", "twin", "options"), SETTINGS, ids=IDS)
def test_native_is_the_numpy_twin(optimizer, twin, options, monkeypatch):
    size = 37
    results = []
    for module in (kernels, reference_optimizers):
        for name in ("sgd", "rmsprop", "adam"):
            monkeypatch.setattr(kernels, name, getattr(module, name))
        weights = np.random.default_rng(0).normal(size=size)
        updater = optimizer.start(size, "float64")
        for gradient in gradients(size, 6, "float64"):
            updater.update(weights, gradient, optimizer.learning_rate)
        results.append(weights)
    np.testing.assert_allclose(results[0], results[1], rtol=1e-12)


def test_an_optimizer_starts_afresh():
    optimizer = elman.Adam(0.1)
    moved = []
    for _ in range(2):
        weights, updater = np.zeros(3), optimizer.start(3, "float64")
        for gradient in gradients(3, 4, "float64"):
            updater.update(weights, gradient, 0.1)
        moved.append(weights)
    np.testing.assert_array_equal(moved[0], moved[1])


class TestClipping:
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    @pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 1000])
    @pytest.mark.parametrize("limits", [(0.0, 0.0), (0.5, 0.0), (0.0, 0.3), (2.0, 0.1)])
    def test_native_is_the_numpy_twin(self, dtype, size, limits):
        got = np.random.default_rng(size).normal(size=size).astype(dtype)
        expected, before = got.copy(), got.copy()
        norm = kernels.clip_gradient(got, *limits)
        assert norm == pytest.approx(reference_optimizers.clip_gradient(expected, *limits))
        assert norm == pytest.approx(np.linalg.norm(before), rel=1e-6)
        np.testing.assert_allclose(got, expected, rtol=1e-6)
        if limits == (0.0, 0.0):
            np.testing.assert_array_equal(got, before)

    def test_norm_is_that_of_torch(self):
        gradient = np.random.default_rng(0).normal(size=50)
        weights = torch.zeros(50, dtype=torch.float64, requires_grad=True)
        weights.grad = torch.tensor(gradient)
        expected = torch.nn.utils.clip_grad_norm_([weights], 0.7)
        assert kernels.clip_gradient(gradient, 0.7, 0.0) == pytest.approx(float(expected))
        np.testing.assert_allclose(gradient, weights.grad.numpy(), rtol=1e-6)

    def test_a_missing_gradient_has_a_missing_norm(self):
        gradient = np.ones(40, np.float32)
        gradient[33] = np.nan
        assert math.isnan(kernels.clip_gradient(gradient, 1.0, 1.0))


class TestSchedules:
    def factors(self, schedule, epochs, steps=4):
        run = schedule.start(epochs)
        return [
            [run.factor(epoch + (step + 0.5) / steps) for step in range(steps)]
            for epoch in range(epochs)
        ]

    def test_constant(self):
        assert self.factors(elman.ConstantRate(), 3) == [[1.0] * 4] * 3

    def test_step_is_that_of_torch(self):
        got = [row[0] for row in self.factors(elman.StepDecay(3, 0.5), 10)]
        assert got == pytest.approx(self.torch_rates(torch.optim.lr_scheduler.StepLR, 10, 3, 0.5))

    def test_cosine_is_that_of_torch(self):
        """Ours is looked up in the middle of a step, torch's at its beginning."""
        run = elman.CosineDecay(final=0.1).start(8)
        got = [run.factor(float(epoch)) for epoch in range(8)]
        twin = torch.optim.lr_scheduler.CosineAnnealingLR
        assert got == pytest.approx(self.torch_rates(twin, 8, 8, 0.1))

    def test_warm_up_climbs_in_a_line_and_never_stands_still(self):
        factors = np.concatenate(self.factors(elman.CosineDecay(warmup=2.0), 6))
        assert factors[:8] == pytest.approx((np.arange(8) + 0.5) / 8)
        assert (np.diff(factors[8:]) < 0.0).all()
        assert factors.min() > 0.0
        assert factors[-1] < 0.01

    def test_plateau_is_that_of_torch(self):
        losses = [3.0, 2.0, 2.5, 2.4, 2.3, 2.2, 1.9, 1.95, 1.96, 1.97, 1.98, 1.99, 2.0, 2.1]
        run = elman.ReduceOnPlateau(0.5, patience=2, min_delta=1e-4).start(20)
        weights = torch.zeros(1, requires_grad=True)
        optimizer = torch.optim.SGD([weights], lr=1.0)
        twin = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=2)
        for loss in losses:
            run.observe(loss)
            twin.step(loss)
            assert run.factor(0.0) == pytest.approx(optimizer.param_groups[0]["lr"])
        assert run.factor(0.0) == 0.125

    def test_plateau_has_a_floor(self):
        run = elman.ReduceOnPlateau(0.1, patience=0, minimum=0.05).start(9)
        for _ in range(9):
            run.observe(1.0)
        assert run.factor(0.0) == 0.05

    def test_a_schedule_starts_afresh(self):
        schedule = elman.ReduceOnPlateau(0.1, patience=0)
        first = schedule.start(9)
        first.observe(1.0)
        first.observe(1.0)
        assert first.factor(0.0) == pytest.approx(0.1)
        assert schedule.start(9).factor(0.0) == 1.0

    def torch_rates(self, twin, epochs, *arguments):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        scheduler = twin(optimizer, *arguments)
        rates = []
        for _ in range(epochs):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
        return rates


def test_known_by_their_names():
    assert type(make_optimizer("adamw")) is elman.AdamW
    assert type(make_optimizer("Adam")) is elman.Adam
    assert type(make_schedule("cosine")) is elman.CosineDecay
    assert type(make_schedule(None)) is elman.ConstantRate
    assert repr(elman.SGD(0.1)) == (
        "SGD(learning_rate=0.1, momentum=0.0, nesterov=False, weight_decay=0.0)"
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: elman.Adam(0.0), "Adam: learning_rate: expected a number greater than 0"),
        (lambda: elman.AdamW(float("nan")), "AdamW: learning_rate: expected"),
        (lambda: elman.Adam(betas=(0.9, 1.0)), "Adam: betas: expected a number at least 0 and"),
        (lambda: elman.Adam(betas=0.9), "Adam: betas: expected two numbers"),
        (lambda: elman.SGD(nesterov=True), "SGD: nesterov needs a momentum"),
        (lambda: elman.RMSprop(weight_decay=-1), "RMSprop: weight_decay: expected"),
        (lambda: make_optimizer("lion"), "optimizer: expected one of sgd, rmsprop"),
        (lambda: make_schedule("linear"), "schedule: expected one of constant, cosine"),
        (lambda: elman.StepDecay(0), "StepDecay: epochs: expected"),
        (lambda: elman.CosineDecay(5).start(5), "warm-up shorter than the 5 epochs"),
        (lambda: elman.ReduceOnPlateau(1.0), "ReduceOnPlateau: factor: expected"),
    ],
)
def test_bad_arguments_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
