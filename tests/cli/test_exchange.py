"""``elman export`` and ``elman import`` as they are typed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import elman
import keras_backend  # noqa: F401  # before Keras itself is imported
from elman.cli import main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    network = elman.Network([elman.GRU(2, 4), elman.Last(), elman.Dense(4, 1)], seed=0)
    network.save(tmp_path / "saved")
    return tmp_path


@pytest.mark.parametrize(
    ("target", "ending"), [("torch", "pt"), ("keras", "keras"), ("onnx", "onnx")]
)
def test_out_and_in_again(
    folder: Path, capsys: pytest.CaptureFixture[str], target: str, ending: str
) -> None:
    assert main(["export", "saved", "--to", target]) == 0
    said = capsys.readouterr().out
    assert "exact" in said and f"saved.{ending}.certificate.json" in said
    assert main(["import", f"saved.{ending}", "--out", "run", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["run"] == "run"
    assert document["layers"][0].startswith("GRU(")
    back = elman.load(folder / "run" / "model")
    x = np.random.default_rng(0).standard_normal((3, 5, 2))
    expected = elman.load(folder / "saved").predict(x)
    assert np.abs(back.predict(x) - expected).max() < 2e-6
    np.savez(folder / "rows.npz", X=x)
    assert main(["export", "run", "--quiet", "--out", "again.onnx"]) == 0
    assert capsys.readouterr().out == "again.onnx\n"


def test_an_imported_network_answers_for_a_file(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "saved", "-q"]) == 0
    assert main(["import", "saved.onnx", "--out", "run"]) == 0
    said = capsys.readouterr().out
    assert "GRU(2, 4)" in said and "elman predict run FILE" in said
    generator = np.random.default_rng(0)
    rows = [
        f"{row},{step},{a:.6f},{b:.6f}"
        for row in range(3)
        for step in range(4)
        for a, b in [generator.standard_normal(2)]
    ]
    (folder / "rows.csv").write_text("\n".join(["id,time,a,b", *rows]) + "\n")
    assert main(["predict", "run", "rows.csv"]) == 0
    lines = capsys.readouterr().out.strip().splitlines()
    assert lines[0] == "row,y0" and len(lines) == 4 and lines[1].startswith("1,")
    assert not any(line.endswith("elman predict run") for line in said.splitlines())
    assert main(["predict", "run"]) == 2
    assert "give it a file" in capsys.readouterr().err


def test_a_run_is_exported_with_its_scaling(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["classify", "toy", "--epochs", "1", "--hidden", "4", "--out", "toy", "-q"]) == 0
    assert main(["export", "toy", "--json"]) == 0
    out = capsys.readouterr().out
    assert json.loads(out[out.index("{") :])["largest_absolute_difference"] < 1e-6
    assert main(["export", "toy", "--to", "torch"]) == 0
    said = capsys.readouterr().out
    assert "The file holds the network alone" in said and "--to onnx puts that" in said


def saved_estimators() -> dict[str, Any]:
    """One of each that is more than a network."""
    generator = np.random.default_rng(0)
    waves = [
        np.sin(np.arange(30) / 3)[:, None] + generator.standard_normal((30, 2)) for _ in "12345"
    ]
    words = [["a", "b", "a"], ["b", "a", "b", "b"]] * 10
    few: dict[str, Any] = {"epochs": 1, "hidden_size": 4}
    return {
        "autoencoder": elman.SequenceAutoencoder(window=10, **few).fit(waves),
        "language": elman.LanguageModel(**few).fit(
            "to be or not to be, that is the question. " * 20
        ),
        "emulator": elman.Emulator(**few, history=5, window=10).fit(waves),
        "labeller": elman.SequenceLabeller(**few).fit(words, words),
        "translator": elman.Translator(**few).fit(["ab", "ba", "aab"] * 20, ["ba", "ab", "b"] * 20),
    }


@pytest.mark.filterwarnings("ignore::elman.errors.ElmanWarning")
def test_saved_estimators_are_exported_whole(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, estimator in saved_estimators().items():
        estimator.save(folder / name)
        assert main(["export", name]) == 0
        said = capsys.readouterr().out
        assert "exact" in said and "network alone" not in said
        found = json.loads((folder / f"{name}.onnx.certificate.json").read_text())
        assert found["largest_relative_difference"] < 1e-5
    assert main(["export", "labeller", "--to", "torch"]) == 2
    assert "expected --to onnx" in capsys.readouterr().err
    assert main(["import", "labeller.onnx"]) == 2
    assert "holds an estimator of elman's" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["export", "nothing"], "expected a run folder"),
        (["export", "saved", "--to", "tflite"], "--to: expected one of"),
        (["export", "saved", "--out", "a.txt"], "ends in .onnx"),
        (["export", "saved", "--out", "nowhere/a.onnx"], "existing folder"),
        (["import", "nothing.onnx"], "which is no file"),
        (["import", "saved/network.json"], "ends in .pt, .keras, .onnx"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert message in error and "Traceback" not in error
    assert len(error.strip().splitlines()) == 1


def test_a_file_there_is_not_replaced(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "saved", "-q"]) == 0
    assert main(["export", "saved"]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert main(["export", "saved", "--overwrite", "-q"]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("export", "nothing"), "RUN: expected a run folder, found nothing at nothing"),
        (("export", "file.csv"), "RUN: expected a run folder, found a file at file.csv"),
        (("export", "folder"), "RUN: folder is no run folder: it has no config.json"),
        (("import", "file.csv"), "FILE: expected a name that ends in"),
        (("import", "nothing.onnx"), "FILE: expected a model's file, got nothing.onnx"),
    ],
)
def test_what_is_no_model_is_told_in_a_line(
    arguments: tuple[str, ...],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file.csv").write_text("a,b\n1,2\n")
    Path("folder").mkdir()
    assert main(list(arguments)) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1
