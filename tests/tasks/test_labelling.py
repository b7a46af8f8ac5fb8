"""The labeller: learning, scores, what comes in, what is refused, saving, scikit-learn."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

import elman
from elman.data.tokens import as_steps
from elman.datasets.stepwise import load_stepwise
from elman.tasks.labelling_scores import judge

FAST: dict[str, Any] = {"hidden_size": 12, "embedding_size": 12, "character_size": 6, "epochs": 3}


def agreement(rows: int, seed: int = 0) -> tuple[list[list[str]], list[list[str]]]:
    """The label of "it" is that of the colour that came last: context alone tells."""
    rng = np.random.default_rng(seed)
    X, y = [], []
    for _ in range(rows):
        words = [str(rng.choice(["red", "blue"]))]
        words += [str(one) for one in rng.choice(["it", "the", "red", "blue"], rng.integers(2, 9))]
        last, labels = "", []
        for word in words:
            last = word if word in ("red", "blue") else last
            labels.append(last.upper() if word == "it" else "O")
        X.append(words)
        y.append(labels)
    return X, y


def signals(rows: int, seed: int = 0) -> tuple[list[np.ndarray], list[list[str]]]:
    """Rising or falling, from noisy values: neighbours tell."""
    rng = np.random.default_rng(seed)
    X, y = [], []
    for _ in range(rows):
        slope = np.repeat(rng.choice([-1, 1], 6), rng.integers(3, 6))
        values = np.cumsum(0.5 * slope) + 0.1 * rng.standard_normal(len(slope))
        X.append(np.stack([values, rng.standard_normal(len(slope))], axis=1))
        y.append(["up" if one > 0 else "down" for one in slope])
    return X, y


@pytest.fixture(scope="module")
def fitted() -> elman.SequenceLabeller:
    X, y = agreement(400)
    options = {**FAST, "epochs": 15, "hidden_size": 24, "dropout": 0.1, "input_dropout": 0.0}
    return elman.SequenceLabeller(**options, learning_rate=0.01).fit(X, y)


def test_it_learns_what_context_tells_and_beats_the_word_alone(
    fitted: elman.SequenceLabeller,
) -> None:
    X, y = agreement(100, seed=1)
    assert fitted.score(X, y) > 0.97
    table = fitted.scores_["table"]
    assert table["network"]["accuracy"] > 0.95
    assert table["most frequent label of the word"]["accuracy"] < 0.93
    assert set(fitted.scores_["classes"]) == {"O", "RED", "BLUE"}
    assert sum(map(sum, fitted.scores_["confusion"])) == fitted.scores_["steps"]
    assert any("trained again on all" in note for note in fitted.notes_)


@pytest.mark.parametrize("crf", [False, True])
def test_probabilities_sum_to_one_and_agree_with_the_labels(crf: bool) -> None:
    X, y = agreement(60)
    model = elman.SequenceLabeller(crf=crf, held_out=0, **FAST).fit(X, y)
    named, probabilities = model.predict(X), model.predict_proba(X)
    assert [len(one) for one in named] == [len(one) for one in X]
    for labels, table in zip(named, probabilities, strict=True):
        assert table.shape == (len(labels), 3)
        np.testing.assert_allclose(table.sum(axis=1), 1.0, atol=1e-9)
        if not crf:
            assert model.classes_[table.argmax(axis=1)].tolist() == labels


def test_a_crf_learns_what_must_follow_what() -> None:
    """The words tell nothing; the labels alternate, beginning with "a"."""
    X = [["w"] * (3 + row % 5) for row in range(60)]
    y = [[("a", "b")[t % 2] for t in range(len(one))] for one in X]
    options = {**FAST, "epochs": 40, "learning_rate": 0.05, "held_out": 0.0}
    model = elman.SequenceLabeller(crf=True, bidirectional=False, **options).fit(X, y)
    assert model.predict([["w"] * 9]) == [list("ababababa")]


def test_numbers_with_gaps_and_whole_number_labels() -> None:
    X, y = signals(80)
    X[3][2:4] = np.nan
    model = elman.SequenceLabeller(**{**FAST, "epochs": 25}, learning_rate=0.02).fit(X, y)
    table = model.scores_["table"]
    assert table["network"]["accuracy"] > 0.85
    assert set(table) == {"network", "most frequent label", "ridge on five steps"}
    assert np.isfinite(model.predict_proba([np.full((4, 2), np.nan)])[0]).all()
    array = np.zeros((3, 4))
    whole = elman.SequenceLabeller(held_out=0, **FAST)
    whole.fit(array, np.array([[0, 1, 0, 1]] * 3), lengths=np.array([4, 2, 3]))
    found = whole.predict(array, lengths=np.array([4, 2, 3]))
    assert [len(one) for one in found] == [4, 2, 3]
    assert all(type(label) is int for one in found for label in one)


def test_an_answer_depends_on_no_other_row(fitted: elman.SequenceLabeller) -> None:
    X, _ = agreement(30, seed=2)
    together = fitted.predict_proba(X)
    for one, table in zip(X, together, strict=True):
        np.testing.assert_array_equal(fitted.predict_proba([one])[0], table)


def test_same_seed_same_bits() -> None:
    X, y = agreement(60)
    first, second = (elman.SequenceLabeller(crf=True, **FAST).fit(X, y) for _ in range(2))
    for one, other in zip(first.predict_proba(X), second.predict_proba(X), strict=True):
        np.testing.assert_array_equal(one, other)


def test_nothing_is_learnt_of_what_is_held_out() -> None:
    X, y = agreement(80)
    options = {**FAST, "refit": False}
    model = elman.SequenceLabeller(**options).fit(X, y)
    held = {id(words) for words in model.held_out_[0].tokens}
    assert held
    changed = [
        [word + "!" for word in words]
        if any(words == one for one in model.held_out_[0].tokens)
        else words
        for words in X
    ]
    other = elman.SequenceLabeller(**options).fit(changed, y)
    assert other.model_.encoder.description() == model.model_.encoder.description()
    np.testing.assert_array_equal(
        other.model_.networks[0].parameters, model.model_.networks[0].parameters
    )


def test_parts_of_ones_own_watch_and_judge() -> None:
    X, y = agreement(60)
    test, validation = agreement(20, seed=5), agreement(20, seed=6)
    model = elman.SequenceLabeller(**FAST).fit(X, y, validation_data=validation, test_data=test)
    assert model.scores_["rows"] == 20
    assert model.held_out_[0].tokens == test[0]
    assert model.evaluate(*test)["accuracy"] == model.scores_["table"]["network"]["accuracy"]
    assert model.history_.epochs[0].validation_loss is not None


def test_words_that_training_has_not_met(fitted: elman.SequenceLabeller) -> None:
    assert len(fitted.predict([["never", "met", ""]])[0]) == 3
    X, y = agreement(40)
    strict = elman.SequenceLabeller(unseen="error", held_out=0, **FAST).fit(X, y)
    with pytest.raises(elman.InputError, match="expected words seen in fit, got 'never'"):
        strict.predict([["never"]])
    assert strict.predict([["RED"]])


def test_labels_that_training_has_not_met(fitted: elman.SequenceLabeller) -> None:
    with pytest.raises(elman.InputError, match="expected labels seen in fit, got 'GREEN'"):
        fitted.score([["it"]], [["GREEN"]])
    X, y = agreement(50)
    lenient = elman.SequenceLabeller(unseen_labels="wrong", **FAST).fit(X, y)
    with pytest.warns(elman.ElmanWarning, match="count as mistakes"):
        assert lenient.score([["the"], ["the"]], [["GREEN"], ["O"]]) <= 0.5
    with pytest.raises(elman.InputError, match="test_data: expected labels seen"):
        elman.SequenceLabeller(**FAST).fit(X, y, test_data=([["it"]], [["GREEN"]]))
    watched = elman.SequenceLabeller(**FAST).fit(X, y, validation_data=([["it"]], [["GREEN"]]))
    assert "GREEN" in watched.classes_ and any("GREEN" in note for note in watched.notes_)


def test_sequences_without_a_step(fitted: elman.SequenceLabeller) -> None:
    with pytest.warns(elman.ElmanWarning, match="1 of 2 sequences had no step"):
        found = fitted.predict([[], ["it"]])
    assert found[0] == [] and len(found[1]) == 1
    with pytest.warns(elman.ElmanWarning):
        assert fitted.predict([[]]) == [[]]
    assert fitted.predict([]) == []
    X, y = agreement(40)
    with pytest.warns(elman.ElmanWarning, match="had no step: left out"):
        model = elman.SequenceLabeller(**FAST).fit([*X, []], [*y, []])
    assert any("left out" in note for note in model.notes_)


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (["a text"], [["x"]], "expected a list of tokens, got the text"),
        ("a text", [["x"]], "expected lists of tokens, got one text"),
        ([["a", 1]], [["x", "y"]], r"X\[0\]\[1\]: expected a token"),
        ([["a"], [1.0]], [["x"], ["y"]], r"X\[1\]\[0\]: expected a token"),
        ([["a", "b"]], [["x"]], r"y\[0\]: expected a label for each of 2 steps, got 1"),
        ([["a"]], [["x"], ["y"]], "expected labels for each of 1 sequences, got 2"),
        ([["a", "b"]], [["x", None]], r"y\[0\]\[1\]: expected a label, got a missing one"),
        ([["a", "b"]], [["x", float("nan")]], "got a missing one"),
        ([["a", "b"]], [["x", 1]], "labels of one type"),
        ([["a", "b"]], [["x", 1.5]], "expected a text, a whole number or a boolean"),
        ([["a", "b"]], [["x", "x"]], "got one label alone"),
        ([["a"]], ["x"], r"y\[0\]: expected a list of labels"),
        ([["a"]], None, "expected a list of labels for each sequence"),
        ([], [], "at least one sequence"),
        ([np.zeros((2, 1)), np.zeros((2, 2))], [["x", "y"]] * 2, "channels"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_what_does_not_fit_is_refused(X: Any, y: Any, message: str) -> None:
    with pytest.raises(elman.InputError, match=message):
        elman.SequenceLabeller(**FAST).fit(X, y)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("cell", "nix"), ("hidden_size", 0), ("crf", "yes"), ("dropout", 1.0), ("epochs", 0)),
        *(("word_dropout", -1.0), ("unseen", "x"), ("unseen_labels", "x"), ("held_out", 0.9)),
        *(("min_count", 0), ("character_size", -1), ("learning_rate", 0.0)),
    ],
)
def test_options_that_make_no_sense(option: str, value: Any) -> None:
    with pytest.raises(elman.InputError, match=option):
        elman.SequenceLabeller(**{option: value}).fit([["a", "b"]], [["x", "y"]])


def test_tokens_and_numbers_are_not_mixed_up(fitted: elman.SequenceLabeller) -> None:
    with pytest.raises(elman.InputError, match="expected tokens, as in fit, got numbers"):
        fitted.predict(np.zeros((2, 3)))
    X, y = signals(20)
    numbers = elman.SequenceLabeller(held_out=0, **FAST).fit(X, y)
    with pytest.raises(elman.InputError, match="expected numbers, as in fit, got tokens"):
        numbers.predict([["a"]])
    with pytest.raises(elman.InputError, match="channels"):
        numbers.predict([np.zeros((3, 5))])
    with pytest.raises(elman.NotFittedError):
        elman.SequenceLabeller().predict([["a"]])


@pytest.mark.parametrize("crf", [False, True])
@pytest.mark.parametrize("words", [False, True])
def test_saved_and_read_back(tmp_path: Path, crf: bool, words: bool) -> None:
    X, y = agreement(50) if words else signals(50)
    model = elman.SequenceLabeller(crf=crf, ensemble=2, **FAST).fit(X, y)
    model.save(tmp_path / "model")
    back = elman.load(tmp_path / "model")
    assert isinstance(back, elman.SequenceLabeller)
    assert back.get_params() == model.get_params() and back.scores_ == model.scores_
    for one, other in zip(back.predict_proba(X), model.predict_proba(X), strict=True):
        np.testing.assert_array_equal(one, other)
    assert back.predict(X) == model.predict(X)


def test_with_scikit_learn() -> None:
    X, y = agreement(60)
    model = elman.SequenceLabeller(held_out=0, unseen_labels="wrong", **FAST)
    assert clone(model).get_params() == model.get_params()
    scores = cross_val_score(model, X, y, cv=3)
    assert scores.shape == (3,) and (scores > 0.3).all()


@pytest.mark.parametrize("name", ["appointments", "machine"])
def test_built_in_sets_are_the_same_every_time(name: str) -> None:
    first, second = load_stepwise(name), load_stepwise(name)
    assert first.labels == second.labels and first.labels is not None
    lengths = [len(row) for row in first.labels]
    if name == "appointments":
        assert first.steps == second.steps
        assert [len(row) for row in first.steps.tokens] == lengths
    else:
        for one, other in zip(first.steps.arrays, second.steps.arrays, strict=True):
            np.testing.assert_array_equal(one, other)


def test_scores_by_hand() -> None:
    from elman.data.tokens import Sentences

    seen = (Sentences([["a", "b"], ["a"]]), [["x", "y"], ["x"]])
    part = (Sentences([["a", "c"]]), [["x", "z"]])
    found = judge(part, [["y", "x"]], seen, ["x", "y"])
    assert found["table"]["network"]["accuracy"] == 0.0
    assert found["table"]["most frequent label of the word"]["accuracy"] == 0.5
    assert found["unmet"] == {"words": 1, "right": 0}
    assert found["classes"] == ["x", "y", "z"]
    assert found["confusion"] == [[0, 1, 0], [0, 0, 0], [1, 0, 0]]


def recording(steps: int, seed: int) -> tuple[np.ndarray, list[str]]:
    X, y = signals(steps // 20, seed)
    return np.concatenate(X)[:, :1], [one for row in y for one in row]


def test_few_long_recordings_are_cut_and_their_ends_held_out() -> None:
    pairs = [recording(1500, seed) for seed in range(2)]
    X, y = [one for one, _ in pairs], [one for _, one in pairs]
    model = elman.SequenceLabeller(longest=50, **{**FAST, "epochs": 8}).fit(X, y)
    assert any("ends of the sequences" in note for note in model.notes_)
    judged = model.held_out_[0].arrays
    assert max(map(len, judged)) <= 50
    last = np.concatenate(judged)
    ends = [one[-len(last) // 2 - 60 :] for one in X]
    assert all(any((row == end).all(axis=1).any() for end in ends) for row in last)
    assert [len(one) for one in model.predict(X)] == [len(one) for one in X]
    whole = elman.SequenceLabeller(longest=None, **FAST)
    with pytest.warns(elman.ElmanWarning, match="too few to hold some out"):
        whole.fit(X, y)
    assert whole.scores_ is None


def test_parts_do_not_overlap_and_cover_everything() -> None:
    from elman.tasks.labelling_parts import split

    X = [np.arange(100.0)[:, None] + 1000 * row for row in range(10)]
    part = (as_steps(X), [["a", "b"] * 50] * 10)
    parts = split(part, 0.2, 10, np.random.default_rng(0), False, False)
    assert parts.in_time
    assert parts.watch is not None and parts.judge is not None
    seen = [np.concatenate(one[0].arrays)[:, 0] for one in (parts.train, parts.watch, parts.judge)]
    assert [len(one) for one in seen] == [800, 100, 100]
    np.testing.assert_array_equal(np.sort(np.concatenate(seen)), np.sort(np.concatenate(X)[:, 0]))
    assert (seen[0] % 1000).max() < (seen[1] % 1000).min()
    assert (seen[1] % 1000).max() < (seen[2] % 1000).min()
    assert all(
        len(row) == len(labels)
        for row, labels in zip(parts.train[0].arrays, parts.train[1], strict=True)
    )


def test_labels_as_numpy_has_them() -> None:
    X = [["a", "b"]] * 3
    for y in ([[np.int64(0), 1]] * 3, [np.array([0, 1])] * 3, np.array([[0, 1]] * 3)):
        assert elman.SequenceLabeller(held_out=0, **FAST).fit(X, y).classes_.tolist() == [0, 1]
    named = elman.SequenceLabeller(held_out=0, **FAST).fit(X, [[np.str_("x"), "y"]] * 3)
    assert {type(one) for one in named.predict(X)[0]} == {str}


def test_copies_answer_alike(fitted: elman.SequenceLabeller) -> None:
    X, _ = agreement(5, seed=3)
    for other in (copy.deepcopy(fitted), pickle.loads(pickle.dumps(fitted))):
        assert other.model_ is not fitted.model_
        for one, two in zip(other.predict_proba(X), fitted.predict_proba(X), strict=True):
            np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("number", [1, 9, 10, 24, 39])
def test_few_short_sequences_hold_nothing_out(number: int) -> None:
    X, y = [["a", "b"], ["b"]] * number, [["x", "y"], ["y"]] * number
    with pytest.warns(elman.ElmanWarning, match="too few to hold some out"):
        labeller = elman.SequenceLabeller(hidden_size=4, epochs=1).fit(X[:number], y[:number])
    assert labeller.scores_ is None and len(labeller.predict(X[:2])) == 2
