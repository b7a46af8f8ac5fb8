"""Labellers to ONNX: words as numbers, or raw values in; the best labels out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx_sessions import metadata, run, session_of

from elman import NotFittedError, SequenceLabeller
from elman.exchange.onnx_labeller import word_inputs

pytestmark = pytest.mark.filterwarnings("ignore::elman.errors.ElmanWarning")
WORDS = ["the", "Cat", "SAT", "on", "42", "mat", "dogs", "ran", ",", "a-b"]


def sentences() -> tuple[list[list[str]], list[list[str]]]:
    generator = np.random.default_rng(0)
    X = [[WORDS[i] for i in generator.integers(0, 10, generator.integers(2, 9))] for _ in range(60)]
    y = [["N" if one[0].isupper() else "O" if one.isalpha() else "X" for one in row] for row in X]
    return X, y


def numbers() -> tuple[list[np.ndarray], list[list[int]]]:
    """Two channels about 100 and 5; a step's label says whether the first one rises."""
    generator = np.random.default_rng(0)
    X = [generator.standard_normal((generator.integers(5, 12), 2)) for _ in range(40)]
    y = [(one[:, 0] > 0).astype(int).tolist() for one in X]
    X = [one * [30, 0.1] + [100, 5] for one in X]
    for one in X[::3]:
        one[generator.random(one.shape) < 0.2] = np.nan
    return X, y


OPTIONS: dict[str, dict[str, Any]] = {
    "argmax": {"crf": False},
    "chain": {"crf": True, "cell": "gru"},
    "ensemble": {"crf": True, "ensemble": 2, "cell": "rnn", "num_layers": 2},
    "normalised": {"crf": True, "layer_norm": True, "zoneout": 0.1},
    "bare": {"crf": True, "character_size": 0, "shape_size": 0, "bidirectional": False},
}


def fitted(options: dict[str, Any], data: Any) -> SequenceLabeller:
    """A labeller whose chains say much: else the labels would be those of each step alone."""
    labeller = SequenceLabeller(epochs=2, hidden_size=6, seed=0, **options).fit(*data)
    generator = np.random.default_rng(3)
    for network in labeller.model_.networks:
        state = {name: np.array(one) for name, one in network.state_dict().items()}
        if network.crf is not None:
            for name in ("transitions", "start", "end"):
                key = next(one for one in state if one.endswith(name))
                state[key] = generator.standard_normal(state[key].shape).astype(np.float32)
            key = next(one for one in state if one.endswith("transitions"))
            state[key] -= 4 * np.eye(len(state[key]), dtype=np.float32)  # no label twice
            network.load_state_dict(state)
    return labeller


@pytest.mark.parametrize("name", OPTIONS)
def test_words(name: str, tmp_path: Path) -> None:
    labeller = fitted(OPTIONS[name], sentences())
    certificate = labeller.to_onnx(tmp_path / "labels.onnx")
    assert certificate["largest_relative_difference"] < 1e-5
    session = session_of(tmp_path / "labels.onnx")
    X = [*sentences()[0][:20], ["the"], ["Cat", "7", "x" * 90], []]
    wanted = {one.name for one in session.get_inputs()} | {"lengths"}  # which may be left out
    feeds = {k: v for k, v in word_inputs(labeller.model_.encoder, X).items() if k in wanted}
    assert set(feeds) == wanted
    found = run(session, **feeds)
    classes = metadata(session)["classes"]
    labeller.unseen = "unknown"
    for row, (sentence, labels) in enumerate(zip(X, labeller.predict(X), strict=True)):
        said = [classes[one] for one in found["label"][row, : len(sentence)]]
        assert said == labels
        assert (found["label"][row, len(sentence) :] == -1).all()
    for row, chances in enumerate(labeller.predict_proba(X)):
        own = found["probabilities"][row]
        if len(chances):
            assert np.abs(own[: len(chances)] - chances).max() < 1e-5
        assert (own[len(chances) :] == 0).all()
    if OPTIONS[name]["crf"]:  # the chain decides
        label = found["label"]
        assert not ((label[:, 1:] == label[:, :-1]) & (label[:, 1:] >= 0)).any()


@pytest.mark.parametrize("name", ["argmax", "chain", "ensemble"])
def test_raw_numbers(name: str, tmp_path: Path) -> None:
    X, y = numbers()
    labeller = fitted(OPTIONS[name], (X, y))
    labeller.to_onnx(tmp_path / "labels.onnx")
    session = session_of(tmp_path / "labels.onnx")
    for row in X[:6]:
        found = run(session, x=row[None])  # raw, NaN among them, no lengths
        labels = [metadata(session)["classes"][one] for one in found["label"][0]]
        assert labels == labeller.predict([row])[0]
        assert np.abs(found["probabilities"][0] - labeller.predict_proba([row])[0]).max() < 1e-5


def test_the_metadata_are_enough_to_make_numbers_of_words(tmp_path: Path) -> None:
    labeller = fitted(OPTIONS["chain"], sentences())
    labeller.to_onnx(tmp_path / "labels.onnx")
    said = metadata(session_of(tmp_path / "labels.onnx"))
    inputs = word_inputs(labeller.model_.encoder, [["the", "Cat", "57", "xyz"]])

    def plain(word: str) -> str:
        return re.sub(r"\d", "0", word.lower() if said["lowercase"] else word)

    own = {word: number for number, word in enumerate(said["words"], 1)}
    assert inputs["words"][0].tolist() == [
        own.get(plain(word), 0) for word in ("the", "Cat", "57", "xyz")
    ]
    letters = {letter: number for number, letter in enumerate(said["characters"], 1)}
    assert inputs["characters"][0, 1].tolist() == [letters.get(one, 0) for one in "Cat"]
    assert inputs["spelled"][0].tolist() == [3, 3, 2, 3]
    assert [said["shapes"][one] for one in inputs["shapes"][0]] == [
        *("lower case", "Capitalised", "digits", "lower case")
    ]


def test_what_is_not_fitted_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFittedError):
        SequenceLabeller().to_onnx(tmp_path / "a.onnx")
    assert not list(tmp_path.iterdir())
