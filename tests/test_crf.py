"""The linear chain against all sequences of labels, one by one, and against finite differences."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from elman.layers.base import Context
from elman.layers.crf import CRF, Potentials, reference_loss

LENGTHS = (5, 3, 1, 0)
STEPS, LABELS = 5, 3
LIVE = np.array([sum(length > t for length in LENGTHS) for t in range(STEPS)])


def drawn(seed: int, scale: float) -> tuple[np.ndarray, Potentials]:
    rng = np.random.default_rng(seed)
    emissions = scale * rng.standard_normal((STEPS, len(LENGTHS), LABELS))
    parts = [scale * rng.standard_normal(shape) for shape in ((LABELS, LABELS), LABELS, LABELS)]
    return emissions, Potentials(*parts)


def scored(
    emissions: np.ndarray, potentials: Potentials, row: int
) -> Iterator[tuple[tuple[int, ...], float]]:
    """Every sequence of labels of a row, and its score by the module's first equation."""
    length = LENGTHS[row]
    for labels in itertools.product(range(LABELS), repeat=length):
        score = potentials.start[labels[0]] + potentials.end[labels[-1]]
        score += sum(emissions[t, row, label] for t, label in enumerate(labels))
        score += sum(potentials.transitions[pair] for pair in itertools.pairwise(labels))
        yield labels, float(score)


def bound(labels: int, seed: int, scale: float, dtype: type) -> CRF:
    rng = np.random.default_rng(seed)
    layer = CRF(labels)
    shapes = layer.parameter_shapes()
    values = {
        name: (scale * rng.standard_normal(one)).astype(dtype) for name, one in shapes.items()
    }
    layer.bind(values, {name: np.zeros(one, dtype) for name, one in shapes.items()}, dtype)
    return layer


@pytest.mark.parametrize("scale", [1.0, 50.0, 900.0])
def test_partition_marginals_and_transitions_are_those_of_all_sequences(scale: float) -> None:
    """At a scale of 900 plain products of exponentials would be zero or infinite."""
    emissions, potentials = drawn(0, scale)
    lattice = potentials.lattice(emissions, LIVE)
    marginals, expected = np.zeros_like(emissions), np.zeros((LABELS, LABELS))
    for row, length in enumerate(LENGTHS):
        if not length:
            assert lattice.log_partition[row] == 0.0
            continue
        found = dict(scored(emissions, potentials, row))
        total = np.logaddexp.reduce(list(found.values()))
        assert lattice.log_partition[row] == pytest.approx(total, rel=1e-12)
        for labels, score in found.items():
            share = np.exp(score - total)
            for t, label in enumerate(labels):
                marginals[t, row, label] += share
            for pair in itertools.pairwise(labels):
                expected[pair] += share
    np.testing.assert_allclose(lattice.marginals(), marginals, atol=1e-9)
    np.testing.assert_allclose(lattice.expected_transitions(), expected, atol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_the_best_chain_is_the_best_of_all_sequences(seed: int) -> None:
    emissions, potentials = drawn(seed, 1.0)
    paths, scores = potentials.best(emissions, LIVE)
    for row, length in enumerate(LENGTHS):
        if not length:
            assert scores[row] == 0.0 and not paths[:, row].any()
            continue
        found = dict(scored(emissions, potentials, row))
        best = max(found, key=lambda labels: found[labels])
        assert tuple(paths[:length, row]) == best
        assert scores[row] == pytest.approx(found[best])
        assert not paths[length:, row].any()
    given = potentials.score(emissions, paths, LIVE)
    np.testing.assert_allclose(given, scores)


@pytest.mark.parametrize("scale", [1.0, 50.0, 900.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("lengths", "labels"), [((5, 3, 1, 0), 3), ((1, 1), 4), ((30, 30, 2), 9)])
def test_the_core_computes_what_the_reference_does(
    scale: float, dtype: type, lengths: tuple[int, ...], labels: int
) -> None:
    rng = np.random.default_rng(1)
    steps, rows = lengths[0], len(lengths)
    live = np.array([sum(length > t for length in lengths) for t in range(steps)])
    emissions = (scale * rng.standard_normal((steps, rows, labels))).astype(dtype)
    truth = rng.integers(0, labels, (steps, rows))
    layer = bound(labels, 2, scale, dtype)
    gradient = np.full_like(emissions, np.nan)
    mean, number = layer.negative_log_likelihood(emissions, truth, live, gradient)
    layer.backward(gradient)
    total, expected = reference_loss(layer.potentials(), emissions, truth, live)
    assert number == sum(lengths)
    assert mean * number == pytest.approx(total, rel=1e-9)
    tolerance = number * (1e-6 if dtype is np.float32 else 1e-11)
    np.testing.assert_allclose(gradient * number, expected["emissions"], atol=tolerance)
    for name, found in layer._gradients.items():
        np.testing.assert_allclose(found * number, expected[name], atol=tolerance)
    alone, _ = layer.negative_log_likelihood(emissions, truth, live, None)
    assert alone == mean


def test_gradients_are_those_of_finite_differences() -> None:
    rng = np.random.default_rng(3)
    emissions = rng.standard_normal((STEPS, len(LENGTHS), LABELS))
    truth = rng.integers(0, LABELS, (STEPS, len(LENGTHS)))
    layer = bound(LABELS, 4, 1.0, np.float64)
    gradient = np.empty_like(emissions)
    layer.negative_log_likelihood(emissions, truth, LIVE, gradient)
    layer.backward(gradient)
    for values, slopes in (
        (emissions, gradient),
        *((layer._parameters[name], layer._gradients[name]) for name in layer._parameters),
    ):
        for place in np.ndindex(values.shape):
            kept, losses = values[place], []
            for step in (1e-5, -1e-5):
                values[place] = kept + step
                losses.append(layer.negative_log_likelihood(emissions, truth, LIVE, None)[0])
            values[place] = kept
            assert (losses[0] - losses[1]) / 2e-5 == pytest.approx(slopes[place], abs=1e-8)


def test_what_stands_at_dead_positions_changes_nothing() -> None:
    emissions, _ = drawn(5, 1.0)
    truth = np.zeros(emissions.shape[:2], np.int64)
    layer = bound(LABELS, 6, 1.0, np.float64)
    first = np.empty_like(emissions)
    mean, _ = layer.negative_log_likelihood(emissions, truth, LIVE, first)
    dead = np.arange(len(LENGTHS)) >= LIVE[:, None]
    emissions[dead], truth[dead] = np.nan, -7
    second = np.empty_like(emissions)
    assert layer.negative_log_likelihood(emissions, truth, LIVE, second)[0] == mean
    np.testing.assert_array_equal(first, second)
    assert not second[dead].any()


def test_labels_that_are_none_are_refused() -> None:
    layer = bound(LABELS, 0, 1.0, np.float32)
    emissions = np.zeros((2, 1, LABELS), np.float32)
    with pytest.raises(ValueError, match="labels: expected numbers from 0"):
        layer.negative_log_likelihood(emissions, np.full((2, 1), LABELS), None, None)


def test_the_layer_hands_the_emissions_on() -> None:
    x = np.ones((2, 1, LABELS), np.float32)
    assert bound(LABELS, 0, 1.0, np.float32).forward(x, Context()) is x
