"""The translator as a user calls it."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import elman
from elman.datasets.translations import dates
from elman.errors import ElmanWarning, InputError, NotFittedError
from elman.tasks.translation import Translation
from elman.tasks.translation_rows import as_pairs, hold_out

SMALL: dict[str, Any] = {"hidden_size": 12, "embedding_size": 8, "epochs": 3, "batch_size": 16}


def reversals(number: int = 150, seed: int = 0) -> tuple[list[str], list[str]]:
    """Words and the same from behind."""
    rng = np.random.default_rng(seed)
    words = ["".join(rng.choice(list("abcd"), rng.integers(1, 7))) for _ in range(number)]
    return words, [word[::-1] for word in words]


@pytest.fixture(scope="module")
def fitted() -> elman.Translator:
    return elman.Translator(**SMALL, seed=1).fit(*reversals())


def test_dates_are_learned_and_every_baseline_is_beaten() -> None:
    X, y = dates(1200)
    made = elman.Translator(hidden_size=48, embedding_size=32, epochs=22, batch_size=32, seed=0)
    made.fit(X, y)
    table = made.scores_["table"]
    assert table["network"]["exact_match"] > 0.8
    rivals = [row["exact_match"] for name, row in table.items() if name != "network"]
    assert len(rivals) == 3 and max(rivals) < 0.1
    assert table["network"]["token_error_rate"] < 0.05 < table["network"]["token_accuracy"]
    assert 1.0 < made.scores_["perplexity"] < 1.2
    new, truth = dates(300, seed=9)
    assert made.score(new, truth) > 0.8
    # where it writes the year it reads the year: the last four characters of "d Month yyyy"
    weights = made.attention_maps(["12 march 1987"], ["1987-03-12"])[0]
    assert weights.shape == (11, 13)
    assert weights[:4, -5:].sum() > 0.8 * weights[:4].sum()


@pytest.mark.parametrize(
    "options",
    [
        {"attention": None, "reverse_source": True, "bidirectional": False},
        {"attention": "additive", "cell": "gru", "num_layers": 2},
        {"scheduled_sampling": 0.5, "label_smoothing": 0.1, "patience": None},
        {"cell": "rnn", "dropout": 0.0, "held_out": 0.0, "weight_decay": 0.01},
    ],
    ids=lambda options: "-".join(options),
)
def test_same_seed_same_bits_and_saving_keeps_them(options: dict, tmp_path: Path) -> None:
    X, y = reversals()
    first, second = (elman.Translator(**SMALL, **options).fit(X, y) for _ in range(2))
    np.testing.assert_array_equal(first.model_.network.parameters, second.model_.network.parameters)
    first.save(tmp_path / "model")
    loaded = elman.load(tmp_path / "model")
    assert isinstance(loaded, elman.Translator)
    assert loaded.get_params() == first.get_params()
    assert loaded.scores_ == first.scores_ and loaded.notes_ == first.notes_
    assert loaded.translate(X[:9], beam=3, n_best=2) == first.translate(X[:9], beam=3, n_best=2)
    other = elman.Translator(**SMALL, **options, seed=5).fit(X, y)
    assert not np.array_equal(other.model_.network.parameters, first.model_.network.parameters)


def test_scheduled_sampling_grows_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from elman.tasks.translation_network import EncoderDecoder

    rates: list[float] = []
    plain = EncoderDecoder.forward_batch

    def spy(self: Any, batch: Any, training: bool = False, *rest: Any) -> Any:
        if training:
            rates.append(self.sampling)
        return plain(self, batch, training, *rest)

    monkeypatch.setattr(EncoderDecoder, "forward_batch", spy)
    options = {**SMALL, "epochs": 5, "patience": None}
    elman.Translator(**options, scheduled_sampling=0.6).fit(*reversals())
    assert sorted(set(rates)) == pytest.approx([0.0, 0.15, 0.3, 0.45, 0.6])
    assert rates == sorted(rates)


def test_the_best_epoch_is_kept_and_training_ends_early() -> None:
    X, _ = reversals(60)
    rng = np.random.default_rng(0)
    noise = ["".join(rng.choice(list("ab"), 4)) for _ in X]  # nothing to learn
    options = {**SMALL, "epochs": 60, "patience": 2, "learning_rate": 0.02}
    made = elman.Translator(**options).fit(X, noise)
    history = made.history_
    assert history.stopped_early and len(history) == history.best_epoch + 3 < 60


def test_held_out_sources_were_not_trained_on() -> None:
    X, y = reversals(90)
    X, y = X + X[:40], y + y[:40]  # the same source again
    pairs, _ = as_pairs(X, y, "characters")
    parts = hold_out(pairs, 0.2, 3)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(X)))
    sides = [{tuple(pairs.sources[row]) for row in part} for part in parts]
    assert all(sides) and not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])


def test_nothing_is_fitted_on_what_is_held_out() -> None:
    X = list(dict.fromkeys(reversals(90)[0]))  # the parts are drawn by the different sources
    y = [word[::-1] for word in X]
    before = elman.Translator(**SMALL, seed=3).fit(X, y).model_
    judge = hold_out(as_pairs(X, y, "characters")[0], 0.2, 3)[2]
    assert len(judge) > 4
    changed, targets = list(X), list(y)
    for row in judge:  # what is judged may be anything: the model is the same
        changed[row], targets[row] = f"{row}!?", "%%%%%%%%%%%%"
    after = elman.Translator(**SMALL, unseen="unknown", seed=3).fit(changed, targets).model_
    np.testing.assert_array_equal(after.network.parameters, before.network.parameters)
    assert after.source.tokens == before.source.tokens and after.longest == before.longest


def test_translate_gives_the_n_best(fitted: elman.Translator) -> None:
    X, _ = reversals(5, seed=8)
    found = fitted.translate(X, beam=4, n_best=3)
    assert [len(one) for one in found] == [3] * 5
    for row, answers in enumerate(found):
        assert all(isinstance(one, Translation) for one in answers)
        assert answers[0].score >= answers[1].score >= answers[2].score
        exact = fitted.log_probabilities([X[row]] * 3, [one.output for one in answers])
        np.testing.assert_allclose([one.log_probability for one in answers], exact, atol=1e-4)
    assert fitted.predict(X) == [one[0].output for one in fitted.translate(X)]
    assert all(len(one[0].output) <= 2 for one in fitted.translate(X, max_length=2))
    assert fitted.translate([]) == [] and fitted.predict([]) == []


def test_copies_answer_alike(fitted: elman.Translator) -> None:
    X, _ = reversals(9, seed=2)
    for other in (copy.deepcopy(fitted), pickle.loads(pickle.dumps(fitted))):
        assert other.translate(X, beam=2) == fitted.translate(X, beam=2)


def test_an_answer_depends_on_no_other_row(fitted: elman.Translator) -> None:
    X, _ = reversals(30, seed=4)
    together = fitted.translate(X, beam=3, n_best=3)
    assert [fitted.translate([one], beam=3, n_best=3)[0] for one in X] == together


def test_evaluate_and_score(fitted: elman.Translator) -> None:
    X, y = reversals(30, seed=4)
    found = fitted.evaluate(X, y)
    assert set(found) == {"exact_match", "token_accuracy", "token_error_rate", "bleu", "chrf"}
    assert fitted.score(X, y) == found["exact_match"]
    assert fitted.evaluate(X, y, bleu=False)["chrf"] is None
    assert fitted.score(X, fitted.predict(X)) == 1.0
    with pytest.raises(InputError, match="at least one source"):
        fitted.evaluate([], [])


def test_without_sacrebleu_scores_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("elman.evaluate.translation.find_spec", lambda name: None)
    made = elman.Translator(**SMALL).fit(*reversals())
    assert made.scores_["table"]["network"]["bleu"] is None
    assert any("need sacrebleu" in note for note in made.notes_)
    assert made.evaluate(["ab"], ["ba"])["bleu"] is None
    with pytest.raises(InputError, match=r"bleu: .* not installed"):
        made.evaluate(["ab"], ["ba"], bleu=True)


def test_words_and_lists_of_tokens() -> None:
    rng = np.random.default_rng(0)
    words = ["one", "two", "three", "four"]
    lists = [list(rng.choice(words, rng.integers(1, 4))) for _ in range(80)]
    numbers = [[words.index(word) for word in row] for row in lists]
    made = elman.Translator(**SMALL).fit(lists, numbers)
    assert made.units_ == ("tokens", "tokens")
    assert all(isinstance(token, int) for row in made.predict(lists[:5]) for token in row)
    texts = [" ".join(row) for row in lists]
    texts[0] = "once only"
    made = elman.Translator(**SMALL, unit="words").fit(texts, [text.upper() for text in texts])
    assert made.units_ == ("words", "words") and "once" not in made.model_.target.tokens
    assert "once" not in " ".join(made.predict(texts))
    mixed = elman.Translator(**SMALL).fit(lists, texts)
    assert mixed.units_ == ("tokens", "characters")
    with pytest.raises(InputError, match="X: expected lists of tokens as in fit, got texts"):
        mixed.predict(["one"])


def test_unseen_tokens_are_refused_or_read_as_unknown(fitted: elman.Translator) -> None:
    with pytest.raises(
        InputError, match="X: expected characters seen in fit, got 'x', 'y'; unseen"
    ):
        fitted.predict(["abxy"])
    fitted.set_params(unseen="unknown")
    try:
        assert len(fitted.predict(["abxy"])) == 1
    finally:
        fitted.set_params(unseen="error")


def test_empty_sources_are_left_out_and_answered_with_a_warning(
    fitted: elman.Translator,
) -> None:
    with pytest.warns(ElmanWarning, match="1 of 2 sources are empty"):
        answers = fitted.predict(["", "ab"])
    assert answers[1:] == fitted.predict(["ab"])
    X, y = reversals(60)
    with pytest.warns(ElmanWarning, match="2 of 62 sources are empty and were left out"):
        made = elman.Translator(**SMALL).fit([*X, "", ""], [*y, "a", "b"])
    assert any("left out" in note for note in made.notes_)


def test_too_few_pairs_are_not_scored() -> None:
    with pytest.warns(ElmanWarning, match="5 pairs are too few"):
        made = elman.Translator(**SMALL).fit(*reversals(5))
    assert made.scores_ is None and made.history_.validation_loss == [None] * 3


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (["a"], None, "y: expected a target"),
        (["a", "b"], ["a"], "y: expected one target for each of 2 sources, got 1"),
        ([], [], "X: expected at least one pair"),
        (["", ""], ["a", "b"], "X: expected sources to learn from"),
        (["a", "b"], ["", ""], "y: expected targets to learn"),
        (["a", ["b"]], ["a", "b"], "X: expected texts alone or lists of tokens alone"),
        (["a"], [1.5], "y: expected texts or lists of tokens, row 0 is float"),
    ],
)
def test_bad_pairs_are_refused(X: Any, y: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        elman.Translator().fit(X, y)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cell": "transformer"}, "cell"),
        ({"attention": "cosine"}, "attention"),
        ({"unit": "bytes"}, "unit"),
        ({"beam": 0}, "beam"),
        ({"scheduled_sampling": 1.5}, "scheduled_sampling"),
        ({"dropout": 1.0}, "dropout"),
        ({"held_out": 0.9}, "held_out"),
        ({"patience": -1}, "patience"),
        ({"max_length": 0}, "max_length"),
        ({"length_penalty": -0.1}, "length_penalty"),
    ],
)
def test_bad_arguments_are_refused(options: dict, message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}"):
        elman.Translator(**options).fit(["a"], ["b"])


def test_before_fit_and_wrong_requests(fitted: elman.Translator) -> None:
    with pytest.raises(NotFittedError):
        elman.Translator().predict(["a"])
    with pytest.raises(InputError, match="n_best: expected at most beam=2, got 3"):
        fitted.translate(["a"], beam=2, n_best=3)
    with pytest.raises(InputError, match="y: expected one target"):
        fitted.score(["a", "b"], ["a"])
    without = elman.Translator(**SMALL, attention=None).fit(*reversals(60))
    with pytest.raises(InputError, match="attention=None"):
        without.attention_maps(["a"])
    assert repr(elman.Translator(beam=3)) == "Translator(beam=3)"
    assert elman.Translator(beam=3).clone().beam == 3
