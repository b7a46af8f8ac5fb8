"""The skill on whole sequences, at a small size: protocols, tables and goals."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.skills import adding, mnist, mnist1d, names, vowels
from benchmarks.skills.common import Options

ONE_SEED = Options(seeds=(0,))


@pytest.fixture(autouse=True)
def data_of_the_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELMAN_DATA", str(tmp_path))


@pytest.mark.parametrize("module", [names, vowels, mnist1d, mnist])
def test_absent_data_are_skipped_with_a_word(
    module: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert module.run(ONE_SEED) is None
    assert "skipped" in capsys.readouterr().out


def test_names_of_two_languages_are_dropped_and_each_language_gives_its_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "names_by_language"
    folder.mkdir()
    (folder / "Left.txt").write_text("\n".join(f"ala{n}" for n in range(40)) + "\nboth\nala1\n")
    (folder / "Right.txt").write_text("\n".join(f"oro{n}" for n in range(20)) + "\nboth\n")
    found, languages = names.read_names(folder)
    assert len(found) == 60 and "both" not in found
    train, test = names.split(languages)
    assert sorted([*train, *test]) == list(range(60))
    assert [int((languages[test] == one).sum()) for one in ("Left", "Right")] == [6, 3]
    small = {"hidden_size": 8, "epochs": 3, "held_out": 0.0}
    monkeypatch.setattr(names, "SETTINGS", small)
    content = names.run(ONE_SEED)
    assert content is not None and len(content["goals"]) == 2
    text = names.tables(content)[0].text()
    assert "trigram naive Bayes" in text and "prior_adjustment" in text and "9 test names" in text


def test_vowels_and_mnist_1d_count_right_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "japanese_vowels"
    folder.mkdir()
    lines = [f"{s},{s},{s}:{s},1,1:{'up' if s > 0 else 'down'}" for s in (1, -1)] * 20
    for part in ("TRAIN", "TEST"):
        text = "\n".join(["@classLabel true up down", "@data", *lines])
        (folder / f"JapaneseVowels_{part}.ts").write_text(text)
    monkeypatch.setattr(vowels, "SETTINGS", {"hidden_size": 4, "epochs": 20, "held_out": 0.0})
    content = vowels.run(ONE_SEED)
    assert content is not None and content["goals"][0]["reached"]
    assert "100.00" in vowels.tables(content)[0].text()
    (tmp_path / "mnist1d").mkdir()
    X = np.repeat(np.array([[1.0], [-1.0]] * 24), 40, axis=1)
    y = np.array([0, 1] * 24)
    np.savez(tmp_path / "mnist1d" / "mnist1d.npz", x_train=X, y_train=y, x_test=X, y_test=y)
    content = mnist1d.run(ONE_SEED)
    assert content is not None and content["runs"][0]["accuracy"] == 100.0
    assert "CNN" in mnist1d.tables(content)[0].text()


def test_mnist_by_rows_gives_both_the_same_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 255, (96, 28, 28)).astype(np.uint8), rng.integers(0, 10, 96)
    (tmp_path / "mnist").mkdir()
    np.savez(tmp_path / "mnist" / "mnist.npz", x_train=X, y_train=y, x_test=X, y_test=y)
    for name, value in {"HIDDEN": 8, "EPOCHS": 2, "BATCH": 32}.items():
        monkeypatch.setattr(mnist, name, value)
    network = mnist.build(0)
    peer = mnist.Peer(network, 0, 96, 1)
    inputs = mnist.scaled(X)
    peer._head.eval()
    with torch.no_grad():
        expected = peer._answer(torch.from_numpy(inputs)).numpy()
    np.testing.assert_allclose(network.predict(inputs), expected, atol=1e-5)
    content = mnist.run(ONE_SEED)
    assert content is not None and len(content["goals"]) == 2
    record = content["runs"][0]
    assert len(record["elman"]["epochs"]) == len(record["torch.nn"]["epochs"]) == 2
    assert "times sooner" in mnist.tables(content)[0].text()


def test_the_adding_problem_and_its_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    X, sums = adding.sequences(50, 12, 0)
    assert (X[:, :6, 1].sum(axis=1) == 1).all() and (X[:, 6:, 1].sum(axis=1) == 1).all()
    np.testing.assert_allclose((X[..., 0] * X[..., 1]).sum(axis=1), sums[:, 0], rtol=1e-6)
    small = {"STEPS": (8, 12), "HIDDEN": 5, "ROWS": 200, "EPOCHS": 1, "LAGS": (0, 1, 5, 11)}
    for name, value in small.items():
        monkeypatch.setattr(adding, name, value)
    content = adding.run(ONE_SEED)
    assert (
        content is not None and [one["steps"] for one in content["records"]] == [8] * 3 + [12] * 3
    )
    assert len(content["goals"]) == 6
    errors, gradients = adding.tables(content)
    assert "always 1" in errors.text()
    assert [row[0] for row in gradients.rows] == ["0", "1", "5", "11"]


@pytest.mark.parametrize("name", adding.CELLS)
def test_gradients_by_lag_are_slopes_of_the_error(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against differences: the state of a step moved, the rest of the steps walked anew."""
    import elman
    from elman.sequence import Recurrence

    monkeypatch.setattr(adding, "HIDDEN", 3)
    monkeypatch.setattr(adding, "LAGS", (0, 2))
    X, y = adding.sequences(200, 6, 0)
    layers = [adding.CELLS[name](2, 3), elman.Last(), elman.Dense(3, 1)]
    network = elman.Network(layers, seed=0)
    found = adding.gradient_norms(network, name, X, y)
    weights = {key: one.astype(np.float64) for key, one in network.state_dict().items()}
    kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    parameters = tuple(weights[f"0.{one}_l0"] for one in kinds)
    walk = Recurrence(network.layers[0].cell, 2, 3, dtype=np.float64)
    x = np.ascontiguousarray(X.transpose(1, 0, 2).astype(np.float64))

    def errors(state: tuple[np.ndarray, ...], rest: np.ndarray) -> np.ndarray:
        for step in rest:
            state = walk.step(parameters, step, state)
        answer = state[0] @ weights["2.weight"].T + weights["2.bias"]
        return (answer[:, 0] - y[:, 0]) ** 2

    norms = []
    for lag in (0, 2):
        state = tuple(np.zeros((200, 3)) for _ in elman.cells.CELLS[network.layers[0].cell].states)
        for step in x[: 6 - lag]:
            state = walk.step(parameters, step, state)
        square = np.zeros(200)
        for part in range(len(state)):
            for unit in range(3):
                moved = []
                for sign in (1e-5, -1e-5):
                    other = [one.copy() for one in state]
                    other[part][:, unit] += sign
                    moved.append(errors(tuple(other), x[6 - lag :]))
                square += ((moved[0] - moved[1]) / 2e-5) ** 2
        norms.append(np.sqrt(square).mean())
    np.testing.assert_allclose(found, [1.0, norms[1] / norms[0]], rtol=1e-5)
