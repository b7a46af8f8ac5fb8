"""Translators to ONNX: numbers of source tokens in, those of the likeliest answer out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx_sessions import metadata, run, session_of

from elman import ElmanWarning, NotFittedError, Translator

SHORT: dict[str, Any] = {"epochs": 6, "hidden_size": 12, "embedding_size": 8, "seed": 0}
OPTIONS: dict[str, dict[str, Any]] = {
    "default": {},
    "additive": {"cell": "gru", "attention": "additive", "num_layers": 2},
    "no_attention": {"attention": None, "bidirectional": False},
    "reversed": {"cell": "rnn", "reverse_source": True, "bidirectional": False},
    "normalised": {"layer_norm": True, "zoneout": 0.1},
    "reset_before": {"cell": "gru_reset_before", "dropout": 0.2, "num_layers": 2},
}


def pairs() -> tuple[list[str], list[str]]:
    generator = np.random.default_rng(0)
    X = ["".join(generator.choice(list("abcde"), generator.integers(1, 8))) for _ in range(150)]
    return X, [one[::-1].upper() for one in X]


def fed(said: dict[str, Any], sources: list[str]) -> dict[str, np.ndarray]:
    """Sources as numbers, by what the file says of itself."""
    numbers = {token: number for number, token in enumerate(said["source"]) if number > 1}
    lengths = np.array([len(one) for one in sources])
    source = np.zeros((len(sources), lengths.max()), np.int64)
    for row, one in zip(source, sources, strict=True):
        row[: len(one)] = [numbers.get(token, said["unknown"]) for token in one]
    return {"source": source, "lengths": lengths}


def read(said: dict[str, Any], answers: np.ndarray) -> list[str]:
    rows = [row[: row.tolist().index(said["end"])] for row in answers]
    return ["".join(said["target"][one] for one in row) for row in rows]


@pytest.mark.parametrize("name", OPTIONS)
def test_a_program_translates_with_the_file_alone(name: str, tmp_path: Path) -> None:
    translator = Translator(unseen="unknown", **SHORT, **OPTIONS[name]).fit(*pairs())
    certificate = translator.to_onnx(tmp_path / "translator.onnx")
    assert certificate["largest_relative_difference"] < 1e-5
    session = session_of(tmp_path / "translator.onnx")
    said = metadata(session)
    sources = [*pairs()[0][:12], "aza"]  # z was never seen
    found = run(session, **fed(said, sources))
    answers = [one[0] for one in translator.translate(sources)]
    assert read(said, found["answer"]) == [one.output for one in answers]
    own = [one.log_probability for one in answers]
    assert np.abs(found["log_probability"] - own).max() < 1e-4
    alone = run(session, source=fed(said, sources[:1])["source"])  # without lengths
    assert read(said, alone["answer"]) == [answers[0].output]


def test_an_answer_ends_at_its_most_tokens_or_when_all_have_ended(tmp_path: Path) -> None:
    translator = Translator(**SHORT).fit(*pairs())
    translator.to_onnx(tmp_path / "translator.onnx")
    session = session_of(tmp_path / "translator.onnx")
    said = metadata(session)
    sources = ["abcde", "edcba"]
    for most in (1, 3):
        found = run(session, **fed(said, sources), most=np.array(most))
        answers = [one[0] for one in translator.translate(sources, max_length=most)]
        assert read(said, found["answer"]) == [one.output for one in answers]
        own = [one.log_probability for one in answers]
        assert np.abs(found["log_probability"] - own).max() < 1e-4
        assert found["answer"].shape[1] <= most + 1
    longest = max(len(one) for one in translator.predict(sources))
    found = run(session, **fed(said, sources))
    assert found["answer"].shape[1] == longest + 1 < translator.most_tokens


@pytest.mark.filterwarnings("ignore::elman.errors.ElmanWarning")
def test_an_empty_source_is_answered_as_the_translator_does(tmp_path: Path) -> None:
    for options in ({}, {"reverse_source": True, "bidirectional": False, "attention": "additive"}):
        translator = Translator(**SHORT, **options).fit(*pairs())
        translator.to_onnx(tmp_path / "translator.onnx", overwrite=True)
        session = session_of(tmp_path / "translator.onnx")
        said = metadata(session)
        found = run(session, **fed(said, ["abc", ""]))
        assert read(said, found["answer"]) == translator.predict(["abc", ""])


def test_a_beam_is_said_to_be_left_out(tmp_path: Path) -> None:
    translator = Translator(beam=3, **{**SHORT, "epochs": 1}).fit(*pairs())
    with pytest.warns(ElmanWarning, match="beam=3: the file searches greedily"):
        translator.to_onnx(tmp_path / "translator.onnx")


def test_what_is_not_fitted_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFittedError):
        Translator().to_onnx(tmp_path / "a.onnx")
    assert not list(tmp_path.iterdir())
