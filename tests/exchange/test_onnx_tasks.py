"""Tasks to ONNX: another program feeds raw values and gets what the estimator gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx_sessions import metadata, run, session_of

from elman import (
    Forecaster,
    InputError,
    Network,
    NotFittedError,
    SequenceClassifier,
    SequenceRegressor,
)


def sequences(missing: bool = False) -> tuple[list[np.ndarray], list[str]]:
    """Rows of two channels about 100 and 5, far from zero mean and unit spread."""
    generator = np.random.default_rng(0)
    X = [generator.standard_normal((generator.integers(4, 16), 2)) for _ in range(60)]
    y = ["up" if one[:, 0].mean() > 0 else "down" for one in X]
    X = [one * [30.0, 0.1] + [100.0, 5.0] for one in X]
    if missing:
        for one in X[::3]:
            one[generator.random(one.shape) < 0.3] = np.nan
    return X, y


@pytest.mark.parametrize(
    ("options", "missing"),
    [
        ({}, True),
        ({"cell": "lstm", "pooling": "attention", "ensemble": 2, "hidden_size": 8}, False),
        ({"cell": "rnn_relu", "pooling": "max", "bidirectional": False}, True),
        ({"cell": "gru_reset_before", "pooling": "mean", "num_layers": 2}, False),
    ],
    ids=["default", "ensemble", "max", "two_layers"],
)
def test_a_classifier(options: Any, missing: bool, tmp_path: Path) -> None:
    X, y = sequences(missing)
    classifier = SequenceClassifier(epochs=2, **options).fit(X, y)
    certificate = classifier.to_onnx(tmp_path / "classes.onnx")
    assert certificate["largest_absolute_difference"] < 1e-6
    session = session_of(tmp_path / "classes.onnx")
    assert {one.type for one in session.get_inputs()} == {"tensor(double)"}
    said = session.get_modelmeta().custom_metadata_map
    assert json.loads(said["classes"]) == classifier.classes_.tolist()
    for row in X[:5]:
        label, chances = session.run(["label", "probabilities"], {"x": row[None]})
        assert label.tolist() == classifier.predict([row]).tolist()
        assert np.abs(chances - classifier.predict_proba([row])).max() < 1e-6


def test_rows_with_nothing_to_read_get_the_prior(tmp_path: Path) -> None:
    X, y = sequences()
    classifier = SequenceClassifier(epochs=1, hidden_size=4).fit(X, [len(one) for one in y])
    classifier.to_onnx(tmp_path / "classes.onnx")
    session = session_of(tmp_path / "classes.onnx")
    x = np.stack([X[0][:4], X[1][:4], np.full((4, 2), np.nan)])
    label, chances = session.run(
        ["label", "probabilities"], {"x": x, "lengths": np.array([4, 0, 4])}
    )
    assert label.dtype == np.int64
    assert np.abs(chances[1:] - classifier.prior_).max() < 1e-12
    assert np.abs(chances[0] - classifier.predict_proba(x[:1])).max() < 1e-6


def test_a_regressor(tmp_path: Path) -> None:
    X, _ = sequences(missing=True)
    y = [[1e5 + len(one), float(row)] for row, one in enumerate(X)]
    regressor = SequenceRegressor(epochs=2, hidden_size=8, ensemble=2).fit(X, y)
    certificate = regressor.to_onnx(tmp_path / "numbers.onnx")
    assert certificate["largest_relative_difference"] < 1e-6
    found = session_of(tmp_path / "numbers.onnx").run(["y"], {"x": X[2][None]})[0]
    assert np.abs(found - regressor.predict([X[2]])).max() < 1e-3


@pytest.mark.parametrize("unit", ["characters", "words"])
def test_a_classifier_of_texts(unit: str, tmp_path: Path) -> None:
    texts = ["Good and fine.", "bad, very bad", "fine day", "a bad day"] * 10
    classifier = SequenceClassifier(epochs=2, hidden_size=4, unit=unit, ensemble=2)
    classifier.fit(texts, ["yes", "no", "yes", "no"] * 10)
    certificate = classifier.to_onnx(tmp_path / "texts.onnx")
    assert certificate["largest_absolute_difference"] < 1e-6
    session = session_of(tmp_path / "texts.onnx")
    said = metadata(session)
    numbers = {token: number for number, token in enumerate(said["tokens"]) if number}
    for text, tokens in (
        (texts[0], ["good", "and", "fine", "."] if unit == "words" else list(texts[0])),
        ("day", ["day"] if unit == "words" else list("day")),
    ):
        read = [numbers.get(one, said["unknown"]) for one in tokens]
        found = run(session, tokens=np.array([read]))
        assert found["label"].tolist() == classifier.predict([text]).tolist()
        assert np.abs(found["probabilities"] - classifier.predict_proba([text])).max() < 1e-6
    empty = run(session, tokens=np.array([[3, 3]]), lengths=np.array([0]))
    assert np.abs(empty["probabilities"] - classifier.prior_).max() < 1e-12


def test_a_regressor_of_texts(tmp_path: Path) -> None:
    texts = ["aab", "abb", "aaa", "bbbb"] * 10
    regressor = SequenceRegressor(epochs=2, hidden_size=4).fit(texts, [1e5, 2e5, 0.0, 4e5] * 10)
    regressor.to_onnx(tmp_path / "texts.onnx")
    session = session_of(tmp_path / "texts.onnx")
    tokens = [metadata(session)["tokens"].index(one) for one in "abba"]
    found = run(session, tokens=np.array([tokens]))["y"]
    assert np.abs(found - regressor.predict(["abba"])).max() < 1.0


def test_what_is_not_fitted_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFittedError):
        SequenceClassifier().to_onnx(tmp_path / "a.onnx")
    assert not list(tmp_path.iterdir())


def test_the_file_of_an_estimator_is_no_network(tmp_path: Path) -> None:
    X, y = sequences()
    SequenceClassifier(epochs=1, hidden_size=4).fit(X, y).to_onnx(tmp_path / "classes.onnx")
    with pytest.raises(InputError, match="holds an estimator of elman's"):
        Network.from_onnx(tmp_path / "classes.onnx")


# -------------------------------------------------------------------------------- forecaster


def table(missing: bool = False) -> dict[str, Any]:
    """Two targets of unlike size, a past and a future covariate."""
    generator, t = np.random.default_rng(0), np.arange(160.0)
    first = 100 + 10 * np.sin(t / 6) + generator.standard_normal(160)
    second = 1e4 + 500 * np.cos(t / 9) + 50 * generator.standard_normal(160)
    if missing:
        first[[20, 21, 22, 70, 151]] = np.nan
    day = np.datetime64("2020-01-01") + np.arange(160)
    return {
        "ds": day,
        "y": first,
        "z": second,
        "p": 3 + 2 * generator.standard_normal(160),
        "f": 7 - 2 * generator.standard_normal(160),
    }


def two_series() -> dict[str, Any]:
    one = table()
    return {
        "unique_id": np.repeat(np.array(["a", "b"], dtype=object), 160),
        "ds": np.concatenate([one["ds"]] * 2),
        "y": np.concatenate([one["y"], one["z"]]),
        "kind": np.repeat(np.array(["small", "large"], dtype=object), 160),
    }


SHORT: dict[str, Any] = {"epochs": 2, "folds": 1, "horizon": 5}
FORECASTERS: dict[str, tuple[dict[str, Any], dict[str, Any], Any]] = {
    "default": ({}, {"target": "y"}, table()),
    "segments": (
        {"window": 24, "segment": 4, "horizon": 6, "cell": "lstm", "num_layers": 2},
        {"target": ["y", "z"], "wide": "targets"},
        table(),
    ),
    "quantiles": (
        {"quantiles": (0.1, 0.7), "ensemble": 2, "normalize": "mean", "levels": (60, 90)},
        {"target": "y"},
        table(),
    ),
    "missing": ({"normalize": "mean-std"}, {"target": "y"}, table(missing=True)),
    "missing_last": ({"cell": "gru_reset_before"}, {"target": "y"}, table(missing=True)),
    "covariates": (
        {"cell": "rnn", "normalize": None, "scaling": "minmax", "shortcut": False},
        {"target": ["y", "z"], "wide": "targets", "past": "p", "future": "f"},
        table(),
    ),
    "series": ({"scaling": "log1p"}, {"static": "kind"}, two_series()),
    "point": ({"loss": "mse", "levels": (), "scaling": "none"}, {"target": "y"}, table()),
}


@pytest.mark.filterwarnings("ignore::elman.errors.ElmanWarning")
@pytest.mark.parametrize("name", FORECASTERS)
def test_a_forecaster(name: str, tmp_path: Path) -> None:
    options, roles, data = FORECASTERS[name]
    if "f" in str(roles.get("future", "")):
        data = {**data, "y": data["y"].copy(), "z": data["z"].copy()}
        data["y"][-5:], data["z"][-5:] = np.nan, np.nan  # known ahead
    forecaster = Forecaster(**{**SHORT, **options}).fit(data, **roles)
    certificate = forecaster.to_onnx(tmp_path / "forecast.onnx")
    assert certificate["largest_relative_difference"] < 1e-6
    session = session_of(tmp_path / "forecast.onnx")
    plan = forecaster.plan_
    names = {one.name for one in session.get_outputs()}
    said = session.get_modelmeta().custom_metadata_map
    assert json.loads(said["series"]) == forecaster.model_.encoder.ids
    wanted = {"forecast"} | {f"{end}_{one:g}" for one in plan.levels for end in ("lower", "upper")}
    assert names == wanted | {f"quantile_{one:g}" for one in plan.asked}


def test_raw_values_give_the_forecast_of_the_training_data(tmp_path: Path) -> None:
    data = table()
    forecaster = Forecaster(**SHORT).fit(data, target="y")
    forecaster.to_onnx(tmp_path / "forecast.onnx")
    window = data["y"][-forecaster.plan_.window :]
    point, low = session_of(tmp_path / "forecast.onnx").run(
        ["forecast", "lower_80"], {"values": window[None, :, None]}
    )
    expected = forecaster.forecast()
    assert np.abs(point - expected.point).max() < 1e-4
    assert np.abs(low - expected.intervals[80.0][0]).max() < 1e-4
    stored = json.loads((tmp_path / "forecast.onnx.certificate.json").read_text())
    assert stored["runtime"] == "onnxruntime"


def test_a_recursive_forecaster_is_refused(tmp_path: Path) -> None:
    forecaster = Forecaster(strategy="recursive", **SHORT).fit(table(), target="y")
    with pytest.raises(InputError, match="strategy='recursive' feeds on its own output"):
        forecaster.to_onnx(tmp_path / "forecast.onnx")
