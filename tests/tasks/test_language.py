"""The language model: what it learns, says, draws, and that nothing leaks or depends on the way."""

from __future__ import annotations

import itertools
import math
import tracemalloc

import numpy as np
import pytest

import elman
from elman import InputError, LanguageModel
from elman.data import corpus as corpus_module
from elman.datasets.primer import primer
from elman.errors import NotFittedError
from elman.tasks.language_model import Choice

TEXT = primer(300)
QUICK = {"hidden_size": 24, "epochs": 2, "lanes": 4, "chunk": 32}


@pytest.fixture(scope="module")
def model():
    return LanguageModel(**QUICK).fit(TEXT)


@pytest.fixture(scope="module")
def names():
    return LanguageModel(**{**QUICK, "epochs": 30}).fit(["anna", "ben", "nanna", "nan"] * 12)


def test_it_learns_more_than_the_letters_before():
    fitted = LanguageModel(hidden_size=48, epochs=12, learning_rate=0.01).fit(primer(1500))
    table = fitted.scores_["table"]
    assert table["network"]["nats"] < 0.4 < table["unigram"]["nats"]
    assert table["network"]["bits_per_character"] == pytest.approx(
        table["network"]["nats"] / math.log(2.0)
    )
    assert set(table) == {"network", "unigram", next(one for one in table if one.endswith("-gram"))}


@pytest.mark.parametrize("unit", ["characters", "bytes", "words"])
@pytest.mark.parametrize("cell", ["gru", "rnn"])
def test_same_seed_same_bits_and_saved_as_it_is(unit, cell, tmp_path):
    first, second = (LanguageModel(unit, cell, **QUICK, seed=3).fit(TEXT) for _ in range(2))
    np.testing.assert_array_equal(first.model_.network.parameters, second.model_.network.parameters)
    first.save(tmp_path / "model")
    loaded = elman.load(tmp_path / "model")
    assert isinstance(loaded, LanguageModel) and loaded.get_params() == first.get_params()
    assert loaded.sample("The ", 40) == first.sample("The ", 40)
    text = "The day after Monday is Tuesday.\n"
    np.testing.assert_array_equal(loaded.log_likelihood(text), first.log_likelihood(text))
    assert loaded.scores_ == first.scores_


@pytest.mark.parametrize(
    "options",
    [
        {"embedding_size": 0},
        {"tied": True},
        {"num_layers": 2},
        {"recurrent_dropout": 0.1, "zoneout": 0.1, "layer_norm": True},
    ],
)
def test_other_networks_learn_and_are_saved(options, tmp_path):
    fitted = LanguageModel(**QUICK, dropout=0.1, **options).fit(TEXT)
    table = fitted.scores_["table"]
    assert table["network"]["nats"] < table["unigram"]["nats"]
    fitted.save(tmp_path / "model")
    assert elman.load(tmp_path / "model").sample("In ", 30) == fitted.sample("In ", 30)


def test_probabilities_are_those_of_all_continuations(model):
    """The probability of a text is the product of what next_symbols said along the way."""
    text = "One and "
    product = 0.0
    for end in range(len(text)):
        reading = model.read(text[:end])
        shares = Choice().probabilities(reading.logits)[0]
        product += math.log(shares[model.model_.symbols.encode(text[end])[0]])
    assert model.log_likelihood(text).sum() == pytest.approx(product, abs=1e-4)
    assert model.score(text) == pytest.approx(product / len(text), abs=1e-5)
    measured = model.evaluate(text)
    assert measured["perplexity"] == pytest.approx(math.exp(-product / len(text)), rel=1e-4)
    assert measured["nats"] == pytest.approx(-product / len(text), abs=1e-5)


def test_what_comes_later_changes_nothing_before(model):
    long = model.log_likelihood(TEXT[:1500])
    np.testing.assert_allclose(model.log_likelihood(TEXT[:1100]), long[:1100], atol=1e-5)
    other = model.log_likelihood(TEXT[:1400] + TEXT[:100])
    np.testing.assert_array_equal(other[:1400], long[:1400])


def test_the_held_out_end_trains_nothing():
    """Another end of the text: the same network, the same vocabulary, until it is watched."""
    cut = round(len(TEXT) * 0.9)
    other = TEXT[:cut] + "Q" * (len(TEXT) - cut)
    options = {**QUICK, "epochs": 1, "held_out": 0.1}
    first, second = (LanguageModel(**options).fit(text) for text in (TEXT, other))
    np.testing.assert_array_equal(first.model_.network.parameters, second.model_.network.parameters)
    assert first.model_.symbols.description() == second.model_.symbols.description()
    assert first.scores_ != second.scores_


def test_reading_goes_on_where_it_was_left(model):
    whole = model.read("The day after ")
    parts = model.read("after ", model.read("day ", model.read("The ")))
    np.testing.assert_allclose(parts.logits, whole.logits, atol=1e-5)
    assert model.sample("", 30, state=whole) == model.sample("The day after ", 30)
    assert model.read("", whole) is whole


def test_streamed_is_sampled_symbol_by_symbol(model):
    options = {"temperature": 0.7, "top_k": 8, "top_p": 0.9, "seed": 5}
    pieces = list(model.stream("In ", 50, **options))
    assert "".join(pieces) == model.sample("In ", 50, **options)
    assert len(pieces) == 50
    assert len(list(itertools.islice(model.stream(), 7))) == 7  # without a length: for ever
    many = model.sample("In ", 20, count=5, seed=1)
    assert len(many) == 5 and len(set(many)) > 1
    assert many == model.sample("In ", 20, count=5, seed=1) != model.sample("In ", 20, count=5)


def test_a_prompt_of_words_may_end_with_a_space():
    fitted = LanguageModel("words", **QUICK).fit(TEXT)
    written = fitted.sample("The day", 6, seed=2)
    assert written.startswith(" ")
    assert fitted.sample("The day ", 6, seed=2) == written[1:]
    assert "".join(fitted.stream("The day ", 6, seed=2)) == written[1:]


def test_the_coldest_sample_is_the_likeliest_symbol_each_time(model):
    text = ""
    for _ in range(12):
        text += {"⏎": "\n", "␣": " "}.get((one := model.next_symbols("The " + text, 1)[0][0]), one)
    assert model.sample("The ", 12, temperature=0.0) == text == model.sample("The ", 12, top_k=1)


def test_choices():
    logits = np.log(np.array([[0.5, 0.3, 0.15, 0.05], [0.1, 0.2, 0.3, 0.4]]))
    np.testing.assert_allclose(Choice().probabilities(logits), np.exp(logits))
    np.testing.assert_allclose(Choice(0.0).probabilities(logits), [[1, 0, 0, 0], [0, 0, 0, 1]])
    squared = np.exp(2 * logits) / np.exp(2 * logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(Choice(0.5).probabilities(logits), squared)
    top = [[0.625, 0.375, 0, 0], [0, 0, 3 / 7, 4 / 7]]
    np.testing.assert_allclose(Choice(top_k=2).probabilities(logits), top)
    np.testing.assert_allclose(Choice(top_k=9).probabilities(logits), np.exp(logits))
    np.testing.assert_allclose(Choice(top_p=0.7).probabilities(logits), top)
    np.testing.assert_allclose(
        Choice(top_p=1e-9).probabilities(logits), [[1, 0, 0, 0], [0, 0, 0, 1]]
    )
    np.testing.assert_allclose(Choice(top_p=1.0).probabilities(logits), np.exp(logits))


def test_draws_follow_the_probabilities():
    logits = np.tile(np.log([0.5, 0.3, 0.15, 0.05]), (20_000, 1))
    counts = np.bincount(Choice().draw(logits, np.random.default_rng(0)), minlength=4)
    np.testing.assert_allclose(counts / 20_000, [0.5, 0.3, 0.15, 0.05], atol=0.01)


def test_texts_that_end_are_written_to_their_end(names):
    written = names.sample(length=40, count=200, seed=0)
    assert max(map(len, written)) < 40
    assert sum(one in ("anna", "ben", "nanna", "nan") for one in written) > 120
    assert "".join(names.stream(temperature=0.0)) in ("anna", "ben", "nanna", "nan")
    assert names.sample("be", 40, temperature=0.0) == "n"


def test_the_unknown_is_never_written():
    fitted = LanguageModel(**QUICK, held_out=0.0).fit("abcdefghij" * 3 + "xyz" + "k" * 40)
    assert fitted.scores_ is None
    assert "\N{REPLACEMENT CHARACTER}" not in fitted.sample("ab", 300, temperature=3.0)
    with pytest.raises(InputError, match="that training has met, got '!'"):
        fitted.log_likelihood("ab!")
    fitted.set_params(unseen="unknown")
    assert np.isfinite(fitted.log_likelihood("ab!x")).all()


def test_of_a_long_end_the_first_part_is_scored(monkeypatch):
    whole = LanguageModel(**QUICK).fit(TEXT)
    monkeypatch.setattr("elman.tasks.language._MOST_SCORED", 100)
    part = LanguageModel(**QUICK).fit(TEXT)
    assert part.scores_["characters"] == part.scores_["symbols"] == 100
    np.testing.assert_array_equal(part.held_out_[0], whole.held_out_[0][:101])
    np.testing.assert_array_equal(part.model_.network.parameters, whole.model_.network.parameters)


def test_a_file_is_learnt_like_its_text(tmp_path, monkeypatch):
    path = tmp_path / "text.txt"
    path.write_text(TEXT, encoding="utf-8", newline="")
    wanted = LanguageModel(**QUICK).fit(TEXT)
    for name, value in (("PART", 1000), ("IN_MEMORY", 0)):
        monkeypatch.setattr(corpus_module, name, value)
    got = LanguageModel(**QUICK).fit(path)
    np.testing.assert_array_equal(got.model_.network.parameters, wanted.model_.network.parameters)
    assert got.scores_ == wanted.scores_


def test_a_long_file_is_never_held_whole(tmp_path, monkeypatch):
    path = tmp_path / "long.txt"
    path.write_text(TEXT * 80, encoding="utf-8")
    monkeypatch.setattr(corpus_module, "PART", 10_000)
    monkeypatch.setattr(corpus_module, "IN_MEMORY", 100_000)
    options = {
        **QUICK,
        "hidden_size": 2,
        "embedding_size": 2,
        "epochs": 1,
        "lanes": 8,
        "held_out": 0,
    }
    tracemalloc.start()
    try:
        LanguageModel(**options).fit(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < path.stat().st_size / 2


@pytest.mark.parametrize(
    "options, message",
    [
        ({"unit": "syllables"}, "unit: expected one of"),
        ({"cell": "cnn"}, "cell: expected"),
        ({"chunk": 0}, "chunk: expected a whole number"),
        ({"held_out": 0.7}, "held_out: expected"),
        ({"dropout": 1.0}, "dropout: expected"),
        ({"lanes": 0}, "lanes: expected"),
        ({"tied": "yes"}, "tied: expected one of"),
        ({"zoneout": 1.5}, "zoneout: expected"),
        ({"recurrent_dropout": -0.1}, "recurrent_dropout: expected"),
        ({"layer_norm": "yes"}, "layer_norm: expected one of"),
        ({"tied": True, "embedding_size": 8}, "tied: expected an embedding_size of 64"),
        ({"unseen": "skip"}, "unseen: expected"),
        ({"early_stopping": -1}, "early_stopping: expected"),
    ],
)
def test_arguments_are_checked_before_any_work(options, message):
    with pytest.raises(InputError, match=message):
        LanguageModel(**options).fit(TEXT)


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "it is empty"),
        ("abcdefg", "occur more than once"),
        (3, "expected a text"),
        ("aabb", r"X: expected a text of which 0\.1 can be held out"),
    ],
)
def test_texts_are_checked(text, message):
    with pytest.raises(InputError, match=message):
        LanguageModel().fit(text)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"temperature": -1}, "temperature"),
        ({"top_k": 0}, "top_k"),
        ({"top_p": 0}, "top_p"),
        ({"length": 0}, "length"),
        ({"count": 0}, "count"),
        ({"seed": -1}, "seed"),
        ({"state": 3}, "state: expected what read returned"),
        ({"prompt": "µ"}, "that training has met"),
        ({"prompt": 7}, "expected a text, got 7"),
    ],
)
def test_what_a_sample_asks_for_is_checked(model, options, message):
    with pytest.raises(InputError, match=message):
        model.sample(**options)


def test_before_fit_nothing_is_said():
    for ask in (lambda m: m.sample(), lambda m: m.score("a"), lambda m: m.stream()):
        with pytest.raises(NotFittedError):
            ask(LanguageModel())


def test_empty_texts_have_no_score(model):
    assert model.log_likelihood("").shape == (0,)
    with pytest.raises(InputError, match="at least one symbol"):
        model.evaluate("")
