"""``elman classify`` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import elman
from elman.cli import main

QUICK = ("--epochs", "3", "--hidden", "8")


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def table() -> Path:
    rng = np.random.default_rng(0)
    lines = ["take,t,x,y,gesture"]
    for take in range(60):
        for t in range(int(rng.integers(3, 9))):
            sign = 1 if take % 2 else -1
            lines.append(
                f"take{take},{t},{sign * t + rng.normal():.3f},{rng.normal():.3f},{'ab'[take % 2]}"
            )
    path = Path("moves.csv")
    path.write_text("\n".join(lines))
    return path


OPTIONS = ("--id", "take", "--time", "t", "--label", "gesture")


def test_it_prints_and_leaves_a_run(capsys: pytest.CaptureFixture[str], table: Path) -> None:
    assert main(["classify", str(table), *OPTIONS, *QUICK]) == 0
    printed = capsys.readouterr().out
    for part in ("60 sequences", "2 channels", "2 classes", "Accuracy", "verdict", "report.html"):
        assert part in printed
    run = Path("elman-runs/classification-moves-1")
    metrics = json.loads((run / "metrics.json").read_text())
    assert set(metrics["scores"]["table"]) >= {"network", "most frequent class"}
    assert (run / "held_out.csv").read_text().startswith("truth,class,p-a,p-b")
    page = (run / "report.html").read_text()
    for part in ("Confusion", "Reliability", "Which steps mattered", "Class by class"):
        assert part in page
    assert isinstance(elman.load(run / "model"), elman.SequenceClassifier)
    (run / "report.html").unlink()
    assert main(["report", str(run)]) == 0
    assert (run / "report.html").read_text() == page


def test_predict_answers_for_a_file_with_and_without_classes(
    capsys: pytest.CaptureFixture[str], table: Path
) -> None:
    assert main(["classify", str(table), *OPTIONS, *QUICK, "--out", "run", "--no-report"]) == 0
    capsys.readouterr()
    assert main(["predict", "run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "id,class,p-a,p-b" and len(lines) == 61
    rows = [line.rpartition(",")[0] for line in table.read_text().splitlines()]
    Path("new.csv").write_text("\n".join(rows))
    assert main(["predict", "run", "new.csv"]) == 0
    assert capsys.readouterr().out.splitlines() == lines
    assert main(["predict", "run", "--horizon", "3"]) == 2
    assert "a classification has none" in capsys.readouterr().err


def test_built_in_sets_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["classify", *QUICK, "--json", "--no-report"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert len(document["scores"]["classes"]) == 8
    assert main(["classify", "toy", *QUICK, "--quiet"]) == 0
    captured = capsys.readouterr()
    assert captured.out.strip() == "elman-runs/classification-toy-1"
    assert "too few to hold some out" in captured.err
    assert "Not judged" in Path("elman-runs/classification-toy-1/report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nothing",), "no built-in set"),
        (("nothing.csv",), "no file"),
        (("moves.csv", "--label", "nix"), "no column 'nix'"),
        (("moves.csv", "--id", "take", "--time", "t"), "gesture: expected a column of numbers"),
        (("empty.csv",), "empty"),
        (("single.csv",), "one class"),
        (("surnames", "--pooling", "sum"), "pooling"),
        (("surnames", "--prior-adjustment", "2"), "prior_adjustment"),
        (("surnames", "--balanced", "--prior-adjustment", "0.5"), "the same end"),
        (("mixed.csv", "--id", "id"), "v: expected a column of numbers"),
        (("ragged.ts",), "line 2: expected channels of one length"),
        (("stamps.ts",), "expected pairs (stamp,value)"),
        (("single.csv", "--labels", "three.csv"), "each of 2 sequences, got 3 in three.csv"),
        (("folder",), "holds neither sub-folders"),
    ],
)
def test_bad_input_is_refused_in_a_line(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str], table: Path
) -> None:
    Path("empty.csv").write_text("")
    Path("single.csv").write_text("text,label\na b,x\nc d,x\n")
    Path("mixed.csv").write_text("id,v,label\n1,2,a\n1,3,a\n2,x,b\n")
    Path("ragged.ts").write_text("@data\n1,2:3:a\n")
    Path("stamps.ts").write_text("@timeStamps true\n@data\n1,2:a\n")
    Path("three.csv").write_text("label\na\nb\nc\n")
    Path("folder").mkdir()
    assert main(["classify", *arguments]) == 2
    captured = capsys.readouterr()
    assert message in captured.err and captured.err.count("\n") == 1
    assert not Path("elman-runs").exists()


def test_what_training_has_not_seen_is_refused_in_predict(
    capsys: pytest.CaptureFixture[str], table: Path
) -> None:
    Path("words.csv").write_text("text,label\n" + "aba,x\nbab,y\n" * 20)
    assert main(["classify", "words.csv", *QUICK, "--out", "words", "--no-report"]) == 0
    Path("others.csv").write_text("text\nabc\n")
    assert main(["predict", "words", "others.csv"]) == 2
    assert "expected characters seen in fit, got 'c'" in capsys.readouterr().err
    assert main(["classify", str(table), *OPTIONS, *QUICK, "--out", "run", "--no-report"]) == 0
    Path("wide.csv").write_text("take,t,x,y,z\nnew,0,1,2,3\n")
    assert main(["predict", "run", "wide.csv"]) == 2
    assert "expected 2 channels" in capsys.readouterr().err
    assert main(["predict", "run", "others.csv"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_built_in_sets_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["datasets"]) == 0
    printed = capsys.readouterr().out
    assert "surnames" in printed and "toy" in printed and "sunspots" in printed
