"""``elman regress`` as a user runs it."""

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
    """Ramps of unequal lengths; the target is their slope."""
    rng = np.random.default_rng(0)
    lines = ["take,t,x,noise,slope"]
    for take in range(120):
        slope = float(rng.uniform(-1, 1))
        for t in range(int(rng.integers(3, 9))):
            lines.append(f"take{take},{t},{slope * t:.3f},{rng.normal():.3f},{slope:.4f}")
    path = Path("ramps.csv")
    path.write_text("\n".join(lines))
    return path


OPTIONS = ("--id", "take", "--time", "t", "--target", "slope")


def test_it_prints_and_leaves_a_run(capsys: pytest.CaptureFixture[str], table: Path) -> None:
    assert main(["regress", str(table), *OPTIONS, *QUICK, "--levels", "60"]) == 0
    printed = capsys.readouterr().out
    for part in ("120 sequences", "targets from", "ridge on summaries", "60 %", "report.html"):
        assert part in printed
    run = Path("elman-runs/regression-ramps-1")
    scores = json.loads((run / "metrics.json").read_text())["scores"]
    assert set(scores["table"]) == {"network", "mean", "ridge on summaries"}
    assert set(scores["intervals"]) == {"60"}
    assert (run / "held_out.csv").read_text().startswith("truth,estimate,low-60,high-60")
    page = (run / "report.html").read_text()
    for part in ("Estimates", "Errors", "Intervals", "Which steps mattered"):
        assert part in page
    assert isinstance(elman.load(run / "model"), elman.SequenceRegressor)
    (run / "report.html").unlink()
    assert main(["report", str(run)]) == 0
    assert (run / "report.html").read_text() == page


def test_predict_answers_for_a_file_with_and_without_targets(
    capsys: pytest.CaptureFixture[str], table: Path
) -> None:
    given = ("--out", "run", "--no-report", "--levels", "none")
    assert main(["regress", str(table), *OPTIONS, *QUICK, *given]) == 0
    capsys.readouterr()
    assert main(["predict", "run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "id,estimate" and len(lines) == 121
    rows = [line.rpartition(",")[0] for line in table.read_text().splitlines()]
    Path("new.csv").write_text("\n".join(rows))
    assert main(["predict", "run", "new.csv"]) == 0
    assert capsys.readouterr().out.splitlines() == lines
    Path("other.csv").write_text("\n".join(row.rpartition(",")[0] for row in rows))
    assert main(["predict", "run", "other.csv"]) == 2
    assert "other.csv has no column 'noise'" in capsys.readouterr().err


def test_texts_and_targets_of_their_own_file(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["good", "bad", "great", "awful"] * 20
    Path("texts.csv").write_text("\n".join(["text", *words]))
    Path("stars.csv").write_text("\n".join(["stars", *(str(len(one) / 2) for one in words)]))
    given = ("--targets", "stars.csv", "--target", "stars")
    assert main(["regress", "texts.csv", *given, *QUICK, "--json", "--no-report"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert set(document["scores"]["table"]) == {"network", "mean"}
    assert "95 %" in document["notes"][0]


def test_the_built_in_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["regress", *QUICK, "--quiet"]) == 0
    assert capsys.readouterr().out.strip() == "elman-runs/regression-pendulums-1"
    assert main(["datasets"]) == 0
    assert "pendulums" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nothing",), "no built-in set"),
        (("nothing.csv",), "no file"),
        (("empty.csv",), "empty"),
        (("ramps.csv", *OPTIONS[:4], "--target", "nix"), "no column 'nix'"),
        (("ramps.csv", *OPTIONS[:4], "--target", "take"), "got 'take0'; for classes use"),
        (("words.csv",), "expected a number for every sequence, got 'high'"),
        (("gaps.csv",), "1 of 2 have none"),
        (("ragged.ts",), "one length"),
        (("mixed.csv", "--id", "id"), "The column 'v' of mixed.csv must hold numbers, but row 2"),
        (("ramps.csv", *OPTIONS, "--targets", "short.csv"), "slope"),
        (("ramps.csv", "--id", "take", "--targets", "short.csv"), "each of 120 sequences, got 1"),
        (("pendulums", "--loss", "huge"), "loss"),
        (("pendulums", "--levels", "120"), "levels"),
    ],
)
def test_bad_input_is_refused_in_a_line(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str], table: Path
) -> None:
    Path("empty.csv").write_text("")
    Path("words.csv").write_text("a,b,y\n1,2,high\n3,4,low\n")
    Path("gaps.csv").write_text("a,b,y\n1,2,3\n3,4,\n")
    Path("ragged.ts").write_text("@targetLabel true\n@data\n1,2:1:3.5\n")
    Path("mixed.csv").write_text("id,v,y\n1,2,3\n1,two,3\n")
    Path("short.csv").write_text("y\n1.5\n")
    assert main(["regress", *arguments]) == 2
    captured = capsys.readouterr()
    assert message in captured.err and captured.err.count("\n") == 1
    assert not Path("elman-runs").exists()


def test_what_cannot_be_a_number_is_refused_before_any_work(
    capsys: pytest.CaptureFixture[str], table: Path
) -> None:
    text = table.read_text()
    first = text.splitlines()[1].split(",")
    endless = text.replace(first[4], "inf")
    Path("endless.csv").write_text(endless)
    assert main(["regress", "endless.csv", *OPTIONS, *QUICK]) == 2
    assert "expected a number for every sequence, got inf" in capsys.readouterr().err
    Path("none.npz").write_bytes(b"")
    assert main(["regress", "none.npz"]) == 2
    assert "none.npz is empty" in capsys.readouterr().err
    given = ("--out", "run", "--no-report", "--channel", "x")
    assert main(["regress", str(table), *OPTIONS, *QUICK, *given]) == 0
    Path("new.csv").write_text("x,take,t\n1,a,0\n-inf,a,1\n")
    capsys.readouterr()
    assert main(["predict", "run", "new.csv"]) == 2
    assert "'x' of new.csv is infinite in row 2 (-inf)" in capsys.readouterr().err
