"""Greedy and beam search against every sequence there is."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from elman.data.pairs import END, PairBatches
from elman.tasks.translation_network import EncoderDecoder, EncoderDecoderShape
from elman.tasks.translation_search import (
    attention_maps,
    beam_search,
    greedy_search,
    log_probabilities,
    log_softmax,
    penalty,
)

LONGEST = 3
WORDS = (2, 3, 4)  # 0 is unknown, 1 the end


def network(seed: int = 0, attention: str | None = "dot") -> EncoderDecoder:
    shape = EncoderDecoderShape("gru", 6, 5, 4, 6, 1, True, attention, 0.0)
    made = EncoderDecoder(shape, np.random.default_rng(seed), np.float64)
    made.set_parameters(np.random.default_rng(seed).uniform(-1.5, 1.5, made.parameter_count))
    return made


def sources(number: int = 7) -> list[np.ndarray]:
    rng = np.random.default_rng(5)
    return [rng.integers(0, 6, length) for length in rng.integers(0, 6, number)]


def every_target() -> list[tuple[int, ...]]:
    return [one for length in range(LONGEST + 1) for one in product(WORDS, repeat=length)]


def all_scores(model: EncoderDecoder, source: np.ndarray, power: float) -> dict:
    targets = every_target()
    logs = log_probabilities(
        model, [source] * len(targets), [np.array(t, np.int64) for t in targets]
    )
    return {
        target: (float(log / penalty(len(target) + 1, power)), float(log))
        for target, log in zip(targets, logs, strict=True)
    }


@pytest.mark.parametrize("power", [0.0, 0.6, 2.0])
def test_a_wide_beam_finds_the_best_of_all_sequences(power: float) -> None:
    model = network()
    found = beam_search(model, sources(), len(every_target()), LONGEST, power)
    for source, hypotheses in zip(sources(), found, strict=True):
        scores = all_scores(model, source, power)
        assert len(hypotheses) == len(scores)
        best = sorted(scores, key=lambda target: -scores[target][0])
        assert [one.numbers for one in hypotheses[:10]] == best[:10]
        for one in hypotheses:
            score, log = scores[one.numbers]
            assert one.log_probability == pytest.approx(log, abs=1e-10)
            assert one.score == pytest.approx(score, abs=1e-10)


@pytest.mark.parametrize("beam", [1, 2, 4])
def test_hypotheses_are_exact_ordered_and_different(beam: int) -> None:
    model = network(1)
    for source, hypotheses in zip(
        sources(), beam_search(model, sources(), beam, LONGEST, 0.6), strict=True
    ):
        scores = all_scores(model, source, 0.6)
        assert 1 <= len(hypotheses) <= beam
        assert len({one.numbers for one in hypotheses}) == len(hypotheses)
        assert [one.score for one in hypotheses] == sorted(
            (one.score for one in hypotheses), reverse=True
        )
        for one in hypotheses:
            assert one.log_probability == pytest.approx(scores[one.numbers][1], abs=1e-10)


def test_greedy_search_takes_the_likeliest_token_each_time() -> None:
    model = network(2)
    for source, found in zip(sources(), greedy_search(model, sources(), LONGEST), strict=True):
        said: list[int] = []
        total = 0.0
        for step in range(LONGEST + 1):
            batch = next(PairBatches([source], [np.array(said, np.int64)], 5, 1).epoch())
            logs = log_softmax(model.forward_batch(batch)[-1, 0])
            logs[0] = -np.inf
            best = END if step == LONGEST else int(logs.argmax())
            total += logs[best]
            if best == END:
                break
            said.append(best)
        assert found.numbers == tuple(said)
        assert found.log_probability == pytest.approx(total, abs=1e-10)


@pytest.mark.parametrize("attention", [None, "dot", "additive"])
def test_an_answer_depends_on_no_other_row(attention: str | None) -> None:
    shape = EncoderDecoderShape("lstm", 6, 5, 4, 9, 2, True, attention, 0.0)
    model = EncoderDecoder(shape, np.random.default_rng(0))
    rows = sources(9)
    whole, wide = greedy_search(model, rows, 6), beam_search(model, rows, 3, 6, 0.6)
    targets = [np.array(one.numbers, np.int64) for one in whole]
    logs = log_probabilities(model, rows, targets)
    for size in (1, 4):
        assert greedy_search(model, rows, 6, size) == whole
        assert beam_search(model, rows, 3, 6, 0.6, size) == wide
        np.testing.assert_array_equal(log_probabilities(model, rows, targets, size), logs)
    np.testing.assert_allclose([one.log_probability for one in whole], logs, atol=1e-5)
    assert beam_search(model, [], 3, 6, 0.6) == [] and greedy_search(model, [], 6) == []


def test_the_unknown_token_is_never_said() -> None:
    model = network(3)
    views = model._views
    head = max(int(name.split(".")[0]) for name in views)
    views[f"{head}.bias"][0] = 50.0  # far the likeliest
    for hypotheses in beam_search(model, sources(), 3, LONGEST, 0.6):
        assert all(0 not in one.numbers for one in hypotheses)
        assert hypotheses[0].log_probability < -10.0  # and yet the probabilities are exact
    assert all(0 not in one.numbers for one in greedy_search(model, sources(), LONGEST))


def test_attention_maps_have_a_row_for_each_token_and_the_end() -> None:
    model, rows = network(), [np.array([1, 2, 3]), np.array([4])]
    targets = [np.array([2]), np.array([3, 4, 2])]
    maps = attention_maps(model, rows, targets)
    assert [one.shape for one in maps] == [(2, 3), (4, 1)]
    for one in maps:
        np.testing.assert_allclose(one.sum(axis=1), 1.0)
