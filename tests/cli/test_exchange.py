"""``elman export`` and ``elman import`` as they are typed."""

from __future__ import annotations

import json
from pathlib import Path

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
    assert "GRU(2, 4)" in said and "elman predict run" in said
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
    assert "The file holds the network alone" in capsys.readouterr().out


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
