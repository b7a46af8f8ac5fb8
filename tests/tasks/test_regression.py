"""The regressor of sequences: its intervals, baselines, and what it refuses."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import elman
from elman.errors import InputError, NotFittedError
from elman.tasks.many_to_one_parts import split

FAST: dict[str, Any] = {"hidden_size": 8, "epochs": 6, "batch_size": 16, "refit": False}


def means(rows: int, seed: int = 0, noise: float = 0.5) -> tuple[list[np.ndarray], np.ndarray]:
    """Sequences of unequal lengths; the target is their mean, with noise."""
    rng = np.random.default_rng(seed)
    X = [rng.standard_normal((int(rng.integers(3, 12)), 1)) for _ in range(rows)]
    y = np.array([one.mean() for one in X]) + noise * rng.standard_normal(rows)
    return X, y


@pytest.fixture(scope="module")
def fitted() -> elman.SequenceRegressor:
    return elman.SequenceRegressor(**FAST, held_out=0.5).fit(*means(400))


def test_intervals_hold_the_stated_share_of_new_sequences(
    fitted: elman.SequenceRegressor,
) -> None:
    X, y = means(1000, seed=1)
    estimates = fitted.predict(X)
    widths = []
    for level in (80, 95):
        low, high = fitted.predict_interval(X, level).T
        inside = ((low <= y) & (y <= high)).mean()
        assert level / 100 - 0.08 < inside < level / 100 + 0.08
        np.testing.assert_allclose((low + high) / 2, estimates)
        widths.append((high - low)[0])
    assert widths[0] < widths[1]
    np.testing.assert_array_equal(fitted.predict_interval(X), fitted.predict_interval(X, 95))
    assert fitted.scores_ is not None
    found = fitted.scores_["intervals"]["80"]
    assert found["nominal"] == 0.8 and found["width"] == pytest.approx(widths[0])
    assert abs(found["coverage"] - 0.8) < 0.15


def test_intervals_of_several_targets_and_saved(tmp_path: Path) -> None:
    X, y = means(120)
    model = elman.SequenceRegressor(**FAST, held_out=0.4, levels=(60,))
    model.fit(X, np.stack([y, 100 * y + 5], axis=1))
    found = model.predict_interval(X[:3], 60)
    assert found.shape == (3, 2, 2)
    width = (found[..., 1] - found[..., 0])[0]
    assert 50 < width[1] / width[0] < 200
    model.save(tmp_path / "model")
    loaded = elman.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict_interval(X), model.predict_interval(X))


def test_levels_that_too_few_rows_allow_are_left_out_and_said() -> None:
    X, y = means(80)
    model = elman.SequenceRegressor(**FAST).fit(X, y)  # 8 rows watch
    assert list(model.intervals_) == [80]
    assert any("no interval of 95 %" in note for note in model.notes_)
    with pytest.raises(InputError, match="level"):
        model.predict_interval(X, 95)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        few = elman.SequenceRegressor(**FAST).fit(X[:20], y[:20])
    with pytest.raises(InputError, match="there are no intervals"):
        few.predict_interval(X)
    with pytest.raises(InputError, match="there are no intervals"):
        elman.SequenceRegressor(**FAST, levels=()).fit(X, y).predict_interval(X)
    with pytest.raises(NotFittedError):
        elman.SequenceRegressor().predict_interval(X)


def test_baselines_learn_of_the_training_rows_alone() -> None:
    X, y = means(100)
    model = elman.SequenceRegressor(**FAST).fit(X, y)
    _, _, judged = split(np.zeros(100, np.int64), model.held_out, model.seed)
    moved = y.copy()
    moved[judged] += 1000.0
    second = elman.SequenceRegressor(**FAST).fit(X, moved)
    assert model.scores_ is not None and second.scores_ is not None
    shift = second.scores_["table"]["mean"]["mae"] - model.scores_["table"]["mean"]["mae"]
    assert shift == pytest.approx(1000.0, abs=5.0)
    assert set(model.scores_["clearly"]) == {"mean", "ridge on summaries"}


def test_targets_of_any_size_and_constant_ones() -> None:
    X, y = means(60)
    for scale, offset in ((1e-9, 0.0), (1e9, 1e12), (0.0, 7.0)):
        targets = scale * y + offset
        found = elman.SequenceRegressor(**FAST).fit(X, targets).predict(X)
        assert np.isfinite(found).all()
        room = 5 * np.ptp(targets) + 1e-12
        assert targets.min() - room <= found.min() and found.max() <= targets.max() + room


def test_texts_with_numbers() -> None:
    words = ["a", "aa", "aaa", "aaaa", "aab"] * 20
    y = [len(one) for one in words]
    model = elman.SequenceRegressor(hidden_size=16, epochs=40, batch_size=8).fit(words, y)
    assert model.score(words, y) > 0.8
    assert model.scores_ is not None and set(model.scores_["table"]) == {"network", "mean"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("loss", "cross_entropy"),
        ("levels", (0.8,)),
        ("levels", (80, 80)),
        ("levels", "80"),
        ("levels", (120,)),
        ("dropout", 1.0),
        ("lowercase", 2),
    ],
)
def test_bad_arguments_are_refused_in_fit(name: str, value: Any) -> None:
    with pytest.raises(InputError, match=name):
        elman.SequenceRegressor(**{name: value}).fit(*means(10))


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["a", "b"], "numbers"),
        ([1.0, np.inf], "finite"),
        ([1.0, np.nan], "finite"),
        ([1.0], "each of 2"),
        (np.zeros((2, 0)), "each of 2"),
        ([1j, 2j], "Complex"),
    ],
)
def test_bad_targets_are_refused(y: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        elman.SequenceRegressor(**FAST).fit([np.ones((3, 1))] * 2, y)
