"""Emulators to ONNX: raw states in, the next ones out, and hidden states on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx_sessions import metadata, run, session_of

from elman import Emulator, InputError, NotFittedError

SHORT: dict[str, Any] = {"epochs": 2, "hidden_size": 6, "history": 6, "window": 12, "seed": 0}


def swings(forced: bool = False, owned: bool = False) -> dict[str, Any]:
    """Trajectories about 1000 and 2, far from zero mean and unit deviation."""
    generator = np.random.default_rng(0)
    times = np.arange(50)[None] / 5 + 6 * generator.random((8, 1))
    states = np.stack([1000 + 50 * np.sin(times), 2 + 0.1 * np.cos(times)], axis=2)
    data: dict[str, Any] = {"trajectories": states}
    if forced:
        data["forcing"] = 7 + 3 * generator.standard_normal((8, 50, 1))
    if owned:
        data["parameters"] = 1e4 + 100 * generator.standard_normal((8, 2))
    return data


OPTIONS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "increments": ({}, swings()),
    "states": ({"predict": "states", "cell": "gru", "num_layers": 2}, swings(forced=True)),
    "ensemble": ({"ensemble": 2, "cell": "rnn"}, swings(forced=True, owned=True)),
    "reset_before": ({"cell": "gru_reset_before", "noise": 0.1}, swings(owned=True)),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_a_program_runs_free_with_the_file_alone(name: str, tmp_path: Path) -> None:
    options, data = OPTIONS[name]
    emulator = Emulator(**{**SHORT, **options}).fit(**data)
    certificate = emulator.to_onnx(tmp_path / "emulator.onnx")
    assert certificate["largest_relative_difference"] < 1e-6
    session = session_of(tmp_path / "emulator.onnx")
    assert metadata(session) == {"history": 6, "dt": 1.0}
    assert session.get_outputs()[0].name == "next"
    history, forcing = data["trajectories"][:2, :6], data.get("forcing")
    beside = {"parameters": data["parameters"][:2]} if "parameters" in data else {}
    ahead = None if forcing is None else forcing[:2, :14]
    wanted = emulator.rollout(history, 8, ahead, beside.get("parameters"))
    feeds = {"state": history, **beside}
    for step in range(8):
        if ahead is not None:
            feeds["forcing"] = ahead[:, 0 if not step else 5 + step : 7 + step]
        found = run(session, **feeds)
        assert np.abs(found["next"][:, -1] / wanted[:, step] - 1).max() < 1e-5
        finals = {k.removeprefix("final_"): v for k, v in found.items() if k[:6] == "final_"}
        feeds = {"state": found["next"][:, -1:], **beside, **finals}
    if forcing is None:
        single = emulator.predict_next(history, parameters=beside.get("parameters"))
        whole = run(session, state=history, **beside)
        assert np.abs(whole["next"][:, -1] / single - 1).max() < 1e-6


def test_what_runs_away_is_held(tmp_path: Path) -> None:
    emulator = Emulator(**SHORT).fit(**swings())
    emulator.to_onnx(tmp_path / "emulator.onnx")
    session = session_of(tmp_path / "emulator.onnx")
    state = np.full((1, 1, 2), 1e12)
    with pytest.warns(UserWarning, match="left the range"):
        expected = emulator.rollout(state, 1)
    found = run(session, state=state)["next"]
    assert np.abs(found / expected - 1).max() < 1e-6


def test_what_cannot_be_told_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFittedError):
        Emulator().to_onnx(tmp_path / "a.onnx")
    emulator = Emulator(dtype="float64", **SHORT).fit(**swings())
    with pytest.raises(InputError, match="no recurrent operator in float64"):
        emulator.to_onnx(tmp_path / "a.onnx")
    assert not list(tmp_path.iterdir())
