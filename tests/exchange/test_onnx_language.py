"""Language models to ONNX: numbers of symbols in, log probabilities and states out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx_sessions import metadata, run, session_of

from elman import LanguageModel, NotFittedError

TEXT = "the cat sat on the mat and the dog sat on the log. " * 40
OPTIONS: dict[str, dict[str, Any]] = {
    "characters": {"hidden_size": 8, "dropout": 0.1},
    "words": {"unit": "words", "cell": "gru", "num_layers": 2, "hidden_size": 8},
    "bytes": {"unit": "bytes", "embedding_size": 0, "cell": "rnn", "hidden_size": 8},
    "normalised": {"hidden_size": 8, "layer_norm": True, "zoneout": 0.1, "num_layers": 2},
    "tied": {"tied": True, "embedding_size": 8, "hidden_size": 8, "cell": "gru_reset_before"},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_a_program_reads_and_writes_with_the_file_alone(name: str, tmp_path: Path) -> None:
    model = LanguageModel(epochs=2, seed=0, unseen="unknown", **OPTIONS[name]).fit(TEXT)
    certificate = model.to_onnx(tmp_path / "language.onnx")
    assert certificate["largest_relative_difference"] < 1e-5
    session = session_of(tmp_path / "language.onnx")
    said = metadata(session)
    numbers = {text: number for number, text in enumerate(said["symbols"])}
    prompt = "the dog"
    pieces = ["the", " dog"] if name == "words" else list(prompt)
    read = [*said["opening"], *(numbers.get(one, said["unknown"]) for one in pieces)]
    found = run(session, symbols=np.array([read]))
    logs = found["log_probabilities"][0]
    opening = len(said["opening"])
    own = [logs[opening - 1 + n, read[opening + n]] for n in range(len(pieces))]
    assert np.abs(own - model.log_likelihood(prompt)).max() < 1e-4
    written = []
    for _ in range(12):  # the likeliest symbol, again and again
        logs = found["log_probabilities"][0, -1].copy()
        logs[[said["unknown"], *([] if said["ends"] else [said["edge"]])]] = -np.inf
        drawn = int(logs.argmax())
        written.append(said["symbols"][drawn])
        states = {
            one.removeprefix("final_"): value
            for one, value in found.items()
            if one.startswith("final_")
        }
        found = run(session, symbols=np.array([[drawn]]), **states)
    text = "".join(written)
    if said["unit"] == "bytes":
        text = text.encode("latin-1").decode("utf-8", errors="replace")
    assert text == model.sample(prompt, 12, temperature=0.0)


def test_rows_of_unequal_length_leave_their_own_states(tmp_path: Path) -> None:
    model = LanguageModel(epochs=1, hidden_size=8, seed=0).fit(TEXT)
    model.to_onnx(tmp_path / "language.onnx")
    session = session_of(tmp_path / "language.onnx")
    symbols = np.random.default_rng(0).integers(1, model.model_.symbols.size, (2, 9))
    both = run(session, symbols=symbols, lengths=np.array([9, 4]))
    short = run(session, symbols=symbols[1:, :4])
    for name, value in short.items():
        if name.startswith("final_"):
            assert np.abs(both[name][1] - value[0]).max() < 1e-6
    assert np.abs(both["log_probabilities"][1, :4] - short["log_probabilities"][0]).max() < 1e-5


def test_what_is_not_fitted_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFittedError):
        LanguageModel().to_onnx(tmp_path / "a.onnx")
    assert not list(tmp_path.iterdir())
