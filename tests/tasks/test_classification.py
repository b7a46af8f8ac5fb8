"""The classifier of sequences: what it learns, what it refuses, what no other row can change."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import elman
from elman.errors import ElmanWarning, InputError, NotFittedError
from elman.tasks.many_to_one_parts import split

FAST: dict[str, Any] = {"hidden_size": 8, "epochs": 4, "batch_size": 16, "refit": False}


def ramps(rows: int = 80, seed: int = 0) -> tuple[list[np.ndarray], np.ndarray]:
    """Noisy ramps of unequal lengths in two channels: the first rises or falls."""
    rng = np.random.default_rng(seed)
    X, y = [], []
    for row in range(rows):
        steps = int(rng.integers(4, 15))
        slope = 1.0 if row % 2 else -1.0
        ramp = slope * np.linspace(-1, 1, steps) + 0.1 * rng.standard_normal(steps)
        X.append(np.stack([3 + 2 * ramp, rng.standard_normal(steps)], axis=1))
        y.append("up" if row % 2 else "down")
    return X, np.array(y)


@pytest.fixture(scope="module")
def fitted() -> elman.SequenceClassifier:
    return elman.SequenceClassifier(hidden_size=12, epochs=30, batch_size=8).fit(*ramps())


def test_it_learns_what_can_be_learnt(fitted: elman.SequenceClassifier) -> None:
    X, y = ramps(60, seed=1)
    assert fitted.score(X, y) > 0.95
    assert fitted.classes_.tolist() == ["down", "up"]
    probabilities = fitted.predict_proba(X)
    assert probabilities.shape == (60, 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
    assert (fitted.predict(X) == fitted.classes_[probabilities.argmax(axis=1)]).all()
    assert fitted.scores_ is not None and fitted.scores_["rows"] == 8
    assert set(fitted.scores_["table"]) == {
        "network",
        "most frequent class",
        "ridge on summaries",
    }
    assert np.sum(fitted.scores_["confusion"]) == 8


def test_an_answer_depends_on_no_other_row(fitted: elman.SequenceClassifier) -> None:
    X, _ = ramps(20, seed=2)
    together = fitted.predict_proba(X)
    for row, one in enumerate(X):
        np.testing.assert_array_equal(fitted.predict_proba([one])[0], together[row])
    np.testing.assert_array_equal(fitted.predict_proba(X[::-1])[::-1], together)


@pytest.mark.parametrize("pooling", ["last", "mean", "max", "attention"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_every_pool_depends_on_no_padding(pooling: str, bidirectional: bool) -> None:
    X, y = ramps(30)
    model = elman.SequenceClassifier(
        pooling=pooling, bidirectional=bidirectional, **FAST, held_out=0
    ).fit(X, y)
    lengths = np.array([len(one) for one in X])
    padded = np.full((30, 40, 2), 7.0)
    for row, one in enumerate(X):
        padded[row, : len(one)] = one
    expected = model.predict_proba(X)
    np.testing.assert_array_equal(model.predict_proba(padded, lengths=lengths), expected)
    mask = np.arange(40) < lengths[:, None]
    np.testing.assert_array_equal(model.predict_proba(padded, mask=mask), expected)
    np.testing.assert_array_equal(model.predict_proba(X[:1])[0], expected[0])


def test_same_seed_same_bits_and_another_seed_others() -> None:
    X, y = ramps(50)
    first, second = (elman.SequenceClassifier(**FAST).fit(X, y) for _ in range(2))
    np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))
    other = elman.SequenceClassifier(**FAST, seed=1).fit(X, y)
    assert (other.predict_proba(X) != first.predict_proba(X)).any()


def test_missing_values_are_told_to_the_network_and_never_make_nan() -> None:
    """Which class it is stands in nothing but where values are missing."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((120, 10, 1))
    y = rng.integers(0, 2, 120)
    X[y == 1, 3] = np.nan
    model = elman.SequenceClassifier(hidden_size=8, epochs=30, batch_size=8).fit(X[:80], y[:80])
    assert model.model_.encoder.marked
    assert model.score(X[80:], y[80:]) > 0.95


def test_gaps_that_a_mask_cuts_are_missing_values() -> None:
    X, y = ramps(30)
    X = [one[:4] for one in X]
    mask = np.ones((30, 4), bool)
    mask[::3, 1] = False
    gaps = np.stack(X)
    gaps[~mask] = np.nan
    model = elman.SequenceClassifier(**FAST, held_out=0).fit(np.stack(X), y, mask=mask)
    same = elman.SequenceClassifier(**FAST, held_out=0).fit(gaps, y)
    np.testing.assert_array_equal(model.predict_proba(gaps), same.predict_proba(gaps))


def test_empty_and_missing_rows_are_answered_with_the_prior(
    fitted: elman.SequenceClassifier,
) -> None:
    full, _ = ramps(2)
    X = [full[0], np.zeros((0, 2)), np.full((5, 2), np.nan)]
    with pytest.warns(ElmanWarning, match="2 of 3 rows are empty or fully missing"):
        probabilities = fitted.predict_proba(X)
    np.testing.assert_array_equal(probabilities[1:], [fitted.prior_, fitted.prior_])
    np.testing.assert_array_equal(probabilities[0], fitted.predict_proba(full)[0])
    with pytest.warns(ElmanWarning, match="prior"):
        explained = fitted.explain(X)
    assert [one.shape for one in explained] == [X[0].shape, (0, 2), (5, 2)]
    assert not explained[2].any()
    rows, y = ramps(20)
    with pytest.warns(ElmanWarning, match="1 of 21 rows"):
        model = elman.SequenceClassifier(**FAST, held_out=0).fit(
            [*rows, np.zeros((0, 2))], [*y, "up"]
        )
    same = elman.SequenceClassifier(**FAST, held_out=0).fit(rows, y)
    np.testing.assert_array_equal(model.predict_proba(rows), same.predict_proba(rows))


def test_the_held_out_part_teaches_nothing() -> None:
    """Scaling, baselines and the network's weights stay where held-out values move."""
    X, y = ramps(60)
    model = elman.SequenceClassifier(**FAST)
    first = model.fit(X, y)
    _, _, judged = split(first._targets(y, 60), first.held_out, first.seed)
    bits, mean = first.predict_proba(X), first.model_.encoder.mean
    moved = [one * 100 if row in judged else one for row, one in enumerate(X)]
    second = elman.SequenceClassifier(**FAST).fit(moved, y)
    np.testing.assert_array_equal(second.model_.encoder.mean, mean)
    np.testing.assert_array_equal(second.predict_proba(X), bits)


def test_texts_by_characters_and_words() -> None:
    words = ["good film", "great film", "bad film", "awful film"] * 15
    y = ["+", "+", "-", "-"] * 15
    for unit in ("characters", "words"):
        model = elman.SequenceClassifier(unit=unit, hidden_size=8, epochs=20, batch_size=8)
        model.fit(words, y)
        assert model.score(words, y) == 1.0
        assert model.scores_["table"]["trigram naive Bayes"]["accuracy"] == 1.0
        model.set_params(unseen=None if unit == "characters" else "error")
        with pytest.raises(InputError, match=rf"{unit} seen in fit.*unseen='unknown'"):
            model.predict(["zzz qqq"])
        model.set_params(unseen="unknown" if unit == "characters" else None)
        assert np.isfinite(model.predict_proba(["zzz qqq"])).all()
        with pytest.warns(ElmanWarning, match="prior"):
            np.testing.assert_array_equal(model.predict_proba([""])[0], model.prior_)


def test_explanations_point_at_the_step_that_matters() -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 8, 2))
    y = (X[:, 5, 0] > 0).astype(int)
    model = elman.SequenceClassifier(hidden_size=12, epochs=60, pooling="last").fit(X, y)
    assert model.score(X, y) > 0.9
    found = np.abs(np.stack(model.explain(X))).mean(axis=0)
    assert np.unravel_index(found.argmax(), found.shape) == (5, 0)


def test_explanations_are_the_slope_of_the_logit(fitted: elman.SequenceClassifier) -> None:
    X, _ = ramps(1, seed=5)
    encoder, network = fitted.model_.encoder, fitted.model_.networks[0]
    scaled = encoder.encode(elman.data.rows.as_rows(X))
    weights = np.array([[1.0, -0.5]])
    slope = network.input_gradients(scaled, weights)[0]
    for index in np.ndindex(slope.shape):
        values = []
        for sign in (1.0, -1.0):
            moved = scaled[0].copy()
            moved[index] += sign * 1e-2
            values.append(float((network.predict(moved[None]) * weights).sum()))
        assert slope[index] == pytest.approx((values[0] - values[1]) / 2e-2, abs=5e-3)


def test_class_weights_and_label_smoothing_reach_the_loss() -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((120, 5, 1))
    y = np.where(np.arange(120) % 10 == 0, "rare", "common")
    long = {**FAST, "epochs": 10, "held_out": 0}
    plain = elman.SequenceClassifier(**long).fit(X, y)
    balanced = elman.SequenceClassifier(**long, class_weight="balanced").fit(X, y)
    weights = {"rare": 120 / 24, "common": 120 / 216}
    given = elman.SequenceClassifier(**long, class_weight=weights).fit(X, y)
    np.testing.assert_array_equal(given.predict_proba(X), balanced.predict_proba(X))
    means = [model.predict_proba(X)[:, 1].mean() for model in (plain, balanced)]
    assert means[0] < 0.3 < means[1]
    smooth = elman.SequenceClassifier(**FAST, held_out=0, label_smoothing=0.5).fit(*ramps(40))
    sharp = elman.SequenceClassifier(**FAST, held_out=0).fit(*ramps(40))
    X, _ = ramps(40)
    assert smooth.predict_proba(X).max() < sharp.predict_proba(X).max()


def test_the_prior_adjustment_names_more_of_the_rare_and_leaves_probabilities() -> None:
    rng = np.random.default_rng(0)
    y = np.where(np.arange(300) % 10 == 0, "rare", "common")
    X = rng.standard_normal((300, 6, 1)) + 0.6 * (y == "rare")[:, None, None]
    model = elman.SequenceClassifier(**FAST).fit(X, y)
    named, probabilities = model.predict(X), model.predict_proba(X)
    model.set_params(prior_adjustment=1.0)
    np.testing.assert_array_equal(model.predict_proba(X), probabilities)
    freed = model.predict(X)
    assert (named == "rare").mean() < 0.1 < (freed == "rare").mean() < 0.9
    recall = [
        model.set_params(prior_adjustment=one).evaluate(X, y)["macro_recall"] for one in (0, 1)
    ]
    assert recall[1] > recall[0] + 0.05
    first = [one[0][0] for one in model.top_k(X, 1)]
    assert first == freed.tolist()
    assert np.sum(model.clone().fit(X, y).scores_["confusion"], axis=0)[1] > 1
    model.set_params(class_weight="balanced")
    with pytest.raises(InputError, match="the same end"):
        model.fit(X, y)


def test_small_letters() -> None:
    words, y = ["Good", "BAD", "good", "bad"] * 12, ["+", "-"] * 24
    model = elman.SequenceClassifier(lowercase=True, **FAST).fit(words, y)
    np.testing.assert_array_equal(*model.predict_proba(["goOD", "Good"]))
    assert len(model.explain(["goOD"])[0]) == 4
    with pytest.raises(InputError, match="'G'"):
        elman.SequenceClassifier(**FAST).fit(["good", "bad"] * 24, y).predict(["Good"])


def test_saved_and_loaded_it_answers_the_same(
    fitted: elman.SequenceClassifier, tmp_path: Path
) -> None:
    X, y = ramps(10, seed=3)
    fitted.save(tmp_path / "model")
    loaded = elman.load(tmp_path / "model")
    assert isinstance(loaded, elman.SequenceClassifier)
    np.testing.assert_array_equal(loaded.predict_proba(X), fitted.predict_proba(X))
    assert loaded.predict(X).dtype == fitted.predict(X).dtype
    assert loaded.get_params() == fitted.get_params()
    assert loaded.scores_ == fitted.scores_ and loaded.score(X, y) == fitted.score(X, y)
    with pytest.raises(InputError, match="overwrite"):
        fitted.save(tmp_path / "model")
    text = (tmp_path / "model" / "classifier.json").read_text()
    (tmp_path / "model" / "classifier.json").write_text(text.replace('"prior"', '"other"'))
    with pytest.raises(InputError, match="damaged"):
        elman.load(tmp_path / "model")


def test_top_k_and_an_ensemble() -> None:
    X, y = ramps(40)
    model = elman.SequenceClassifier(**FAST, ensemble=2).fit(X, y)
    assert len(model.model_.networks) == 2
    top = model.top_k(X[:3], 2)
    probabilities = model.predict_proba(X[:3])
    for row, found in zip(probabilities, top, strict=True):
        assert found[0][1] == row.max() and found[1][1] == row.min()
    with pytest.raises(InputError, match="at most 2"):
        model.top_k(X, 3)


BAD = {
    "no rows": (lambda: ([], []), "at least one"),
    "one class": (lambda: ([np.ones((3, 1))] * 4, ["a"] * 4), "one class"),
    "labels of another length": (lambda: (ramps(10)[0], ["a"] * 9), "each of 10"),
    "ragged channels": (lambda: ([np.ones((3, 1)), np.ones((3, 2))], ["a", "b"]), "channels"),
    "mixed types": (lambda: (["text", np.ones((3, 1))], ["a", "b"]), "not both"),
    "mixed labels": (
        lambda: ([np.ones((3, 1))] * 2, np.array(["a", 1], dtype=object)),
        "one type",
    ),
    "missing label": (lambda: ([np.ones((3, 1))] * 2, np.array(["a", None])), "missing"),
    "infinite": (lambda: ([np.full((3, 1), np.inf)] * 2, ["a", "b"]), "infinity"),
    "all missing": (lambda: ([np.full((3, 1), np.nan)] * 2, ["a", "b"]), "every row"),
    "one text": (lambda: ("text", ["a"]), "one text"),
    "no numbers": (lambda: ([[object()], [object()]], ["a", "b"]), "numbers"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_data_are_refused_in_words(case: str) -> None:
    make, message = BAD[case]
    with pytest.raises(InputError, match=message), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        elman.SequenceClassifier(**FAST).fit(*make())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cell", "gruu"),
        ("pooling", "sum"),
        ("unit", "bytes"),
        ("unseen", "skip"),
        ("class_weight", "even"),
        ("class_weight", {"sideways": 1.0}),
        ("prior_adjustment", 1.5),
        ("lowercase", "yes"),
        ("label_smoothing", 1.0),
        ("held_out", 0.9),
        ("ensemble", 0),
        ("hidden_size", 0),
        ("learning_rate", 0.0),
        ("seed", -1),
    ],
)
def test_bad_arguments_are_refused_in_fit(name: str, value: Any) -> None:
    with pytest.raises(InputError, match=name):
        elman.SequenceClassifier(**{name: value}).fit(*ramps(10))


def test_bad_questions_are_refused(fitted: elman.SequenceClassifier) -> None:
    X, _ = ramps(3)
    with pytest.raises(NotFittedError):
        elman.SequenceClassifier().predict(X)
    with pytest.raises(InputError, match="2 channels"):
        fitted.predict(np.ones((1, 5, 3)))
    with pytest.raises(InputError, match="numbers, as in fit"):
        fitted.predict(["text"])
    with pytest.raises(InputError, match="'sideways'"):
        fitted.score(X, ["up", "down", "sideways"])
    with pytest.raises(InputError, match="each of 3"):
        fitted.score(X, ["up"])


def test_the_regressor_learns_scores_saves_and_explains(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X = [rng.standard_normal((int(rng.integers(3, 12)), 1)) + 5 for _ in range(200)]
    y = np.array([1000 + 100 * one.mean() for one in X])
    model = elman.SequenceRegressor(hidden_size=16, epochs=60).fit(X[:150], y[:150])
    assert model.score(X[150:], y[150:]) > 0.9
    assert model.predict(X).shape == (200,)
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(elman.load(tmp_path / "model").predict(X), model.predict(X))
    with pytest.warns(ElmanWarning, match="prior"):
        assert model.predict([np.zeros((0, 1))])[0] == pytest.approx(y[:150].mean())
    assert [len(one) for one in model.explain(X[:4])] == [len(one) for one in X[:4]]
    both = np.stack([y, -y], axis=1)
    assert elman.SequenceRegressor(**FAST).fit(X, both).predict(X).shape == (200, 2)
    with pytest.raises(InputError, match="finite"):
        elman.SequenceRegressor(**FAST).fit(X, np.where(y > 1500, np.nan, y))
