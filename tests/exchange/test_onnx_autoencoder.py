"""Autoencoders to ONNX: raw windows in; what is given back, scores and alarms out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx_sessions import metadata, run, session_of

from elman import NotFittedError, SequenceAutoencoder

pytestmark = pytest.mark.filterwarnings("ignore::elman.errors.ElmanWarning")


def waves(missing: bool = False, rows: int = 24, steps: int = 40) -> list[np.ndarray]:
    """Two channels about 100 and 0.5, of unlike size."""
    generator = np.random.default_rng(0)
    found = []
    for _ in range(rows):
        wave = np.sin(np.arange(steps) / 4 + 6 * generator.random())[:, None]
        noise = generator.standard_normal((steps, 2))
        found.append([100, 0.5] + wave * [30, 0.01] + noise * [3, 0.001])
    if missing:
        for one in found[::2]:
            one[generator.random(one.shape) < 0.1] = np.nan
    return found


def unequal(arrays: list[np.ndarray]) -> list[np.ndarray]:
    return [one[: 8 + number] for number, one in enumerate(arrays)]


CASES: dict[str, tuple[dict[str, Any], list[np.ndarray]]] = {
    "rows": ({}, unequal(waves())),
    "windows": ({"window": 16, "noise": 0.1, "dropout": 0.1, "cell": "rnn"}, waves()),
    "dense": ({"cell": "dense", "window": 10, "focus": "window"}, waves(missing=True)),
    "dense_rows": ({"cell": "dense", "focus": "step"}, waves()),
    "segments": ({"cell": "lstm", "segment": 3, "num_layers": 2}, unequal(waves(missing=True))),
    "normalised": ({"window": 12, "layer_norm": True, "zoneout": 0.1}, waves()),
    "reset_before": ({"cell": "gru_reset_before", "window": 12, "segment": 5}, waves()),
}


@pytest.mark.parametrize("name", CASES)
def test_the_file_says_what_the_autoencoder_says(name: str, tmp_path: Path) -> None:
    options, data = CASES[name]
    autoencoder = SequenceAutoencoder(epochs=2, hidden_size=6, code_size=3, **options).fit(data)
    certificate = autoencoder.to_onnx(tmp_path / "odd.onnx")
    assert certificate["largest_relative_difference"] < 1e-5
    session = session_of(tmp_path / "odd.onnx")
    steps = autoencoder.window or 40
    x = waves()[3][:steps]
    x[steps // 2 :] += [60, -0.04]  # odd
    found = run(session, x=x[None])
    assert np.abs(found["reconstruction"][0] - autoencoder.reconstruct([x])[0]).max() < 1e-3
    scores = autoencoder.score_steps([x])[0]
    assert np.abs(found["scores"][0] / scores - 1).max() < 1e-4
    assert (found["alarm"][0] == (scores > autoencoder.threshold_.value)).all()
    assert found["alarm"].any()
    assert found["odd"].tolist() == (autoencoder.predict([x]) == -1).tolist()
    assert np.abs(found["code"] - autoencoder.transform([x])).max() < 1e-4
    assert metadata(session)["threshold"] == autoencoder.threshold_.value


def test_unequal_and_missing_rows(tmp_path: Path) -> None:
    autoencoder = SequenceAutoencoder(epochs=2, hidden_size=6, code_size=3, segment=4)
    autoencoder.fit(unequal(waves(missing=True)))
    autoencoder.to_onnx(tmp_path / "odd.onnx")
    session = session_of(tmp_path / "odd.onnx")
    lengths = np.array([9, 0, 14, 5])
    x = np.stack(waves()[:4])[:, :14]
    x[3, :5], x[2, 3, 1] = np.nan, np.nan
    found = run(session, x=x, lengths=lengths)
    rows = [row[:length] for row, length in zip(x, lengths, strict=True)]
    assert np.isnan(found["score"]).tolist() == [False, True, False, True]
    assert not found["odd"][[1, 3]].any() and not found["alarm"][[1, 3]].any()
    for number, (row, length) in enumerate(zip(rows, lengths, strict=True)):
        assert np.isnan(found["scores"][number, length:]).all()
        assert (found["reconstruction"][number, length:] == 0).all()
        if number in (0, 2):
            expected = autoencoder.score_steps([row])[0]
            assert np.abs(found["scores"][number, :length] - expected).max() < 1e-4
    x[0, 9:] = 1e9  # what stands past a row's length says nothing
    again = run(session, x=x, lengths=lengths)
    assert (again["reconstruction"] == found["reconstruction"]).all()


def test_an_adaptive_threshold_is_left_to_the_program(tmp_path: Path) -> None:
    autoencoder = SequenceAutoencoder(epochs=1, hidden_size=4, window=8, threshold="adaptive")
    autoencoder.fit(waves())
    autoencoder.to_onnx(tmp_path / "odd.onnx")
    session = session_of(tmp_path / "odd.onnx")
    assert "alarm" not in {one.name for one in session.get_outputs()}
    assert metadata(session)["pace"] == autoencoder.threshold_.pace > 0


def test_what_is_not_fitted_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFittedError):
        SequenceAutoencoder().to_onnx(tmp_path / "odd.onnx")
    assert not list(tmp_path.iterdir())
