"""``elman translate`` as a user runs it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

import elman
from elman.cli import main

QUICK = ("--epochs", "3", "--hidden", "8")


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def table() -> Path:
    """Two-digit numbers and the same from behind, as text that looks like numbers."""
    lines = ["number,behind", *(f"{n},{str(n)[::-1]}" for n in range(10, 100))]
    path = Path("numbers.csv")
    path.write_text("\n".join(lines))
    return path


def test_it_prints_and_leaves_a_run(capsys: pytest.CaptureFixture[str], table: Path) -> None:
    assert main(["translate", str(table), *QUICK]) == 0
    printed = capsys.readouterr().out
    for part in ("90 pairs", "2 characters", "Exactly right", "verdict", "nearest", "report.html"):
        assert part in printed
    run = Path("elman-runs/translation-numbers-1")
    metrics = json.loads((run / "metrics.json").read_text())
    assert set(metrics["scores"]["table"]) >= {"network", "copy of the source"}
    with (run / "held_out.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == metrics["scores"]["rows"] == 9
    assert all(row["source"][::-1] == row["target"] for row in rows)
    exact = sum(row["answer"] == row["target"] for row in rows) / 9
    assert exact == metrics["scores"]["table"]["network"]["exact_match"]
    page = (run / "report.html").read_text()
    for part in ("By length", "Right and wrong", "What it reads as it writes", "Attention"):
        assert part in page
    assert isinstance(elman.load(run / "model"), elman.Translator)
    (run / "report.html").unlink()
    assert main(["report", str(run)]) == 0
    assert (run / "report.html").read_text() == page


def test_predict_translates_a_table_a_text_and_what_it_was_trained_on(
    capsys: pytest.CaptureFixture[str], table: Path
) -> None:
    arguments = ("--source", "number", "--target", "behind", "--beam", "2")
    assert main(["translate", str(table), *arguments, *QUICK, "--out", "run", "--no-report"]) == 0
    capsys.readouterr()
    assert main(["predict", "run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "source,answer,log_probability" and len(lines) == 91
    Path("new.csv").write_text("number\n" + "\n".join(map(str, range(10, 100))))
    assert main(["predict", "run", "new.csv"]) == 0
    assert capsys.readouterr().out.splitlines() == lines
    Path("new.txt").write_text("10\n11\n")
    assert main(["predict", "run", "new.txt", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [row["source"] for row in document] == ["10", "11"]
    assert f"10,{document[0]['answer']},{document[0]['log_probability']}" == lines[1]
    Path("odd.txt").write_text("1x\n")
    assert main(["predict", "run", "odd.txt"]) == 2
    assert "seen in fit, got 'x'" in capsys.readouterr().err
    assert main(["predict", "run", "--horizon", "3"]) == 2


def test_parallel_texts_of_words_without_attention(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["one", "two", "three", "four", "five", "six", "seven"]
    pairs = [(a, b) for a in words for b in words]
    Path("a.en").write_text("\n".join(f"{a} and {b}" for a, b in pairs))
    Path("a.de").write_text("\n".join(f"{b} und {a}" for a, b in pairs))
    files = ("--source-file", "a.en", "--target-file", "a.de", "--unit", "words")
    assert main(["translate", *files, *QUICK, "--attention", "none", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["scores"]["rows"] == 5
    page = (Path(document["run"]) / "report.html").read_text()
    assert "What it reads as it writes" not in page and "no attention" in page
    assert main(["predict", document["run"]]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 50


def test_built_in_sets_run_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["translate", "--epochs", "1", "--hidden", "8", "--quiet"]) == 0
    run = capsys.readouterr().out.strip()
    assert run == "elman-runs/translation-dates-1"
    parameters = json.loads((Path(run) / "config.json").read_text())["configuration"]["parameters"]
    assert parameters["epochs"] == 1 and parameters["hidden_size"] == 8
    assert main(["datasets"]) == 0
    printed = capsys.readouterr().out
    assert "dates" in printed and "addition" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nothing",), "no built-in set"),
        (("nothing.csv",), "no file"),
        (("numbers.csv", "--source", "nix"), "no column 'nix'"),
        (("empty.csv",), "is empty"),
        (("head.csv",), "a header and no rows"),
        (("three.csv",), "source: expected a column of sources"),
        (("mixed.jsonl",), "holds Float64"),
        (("--source-file", "a.en"), "--target-file: expected both files"),
        (("--source-file", "a.en", "--target-file", "b.de"), "each of 3 lines of a.en, got 2"),
        (("dates", "--source", "x"), "is read as it is"),
        (("numbers.csv", "--attention", "cosine"), "--attention: expected dot, additive, none"),
        (("numbers.csv", "--unit", "bytes"), "unit"),
        (("numbers.csv", "--beam", "0"), "beam"),
        (("numbers.csv", "--sampling", "2"), "--sampling"),
    ],
)
def test_bad_input_is_refused_in_a_line(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str], table: Path
) -> None:
    Path("empty.csv").write_text("")
    Path("head.csv").write_text("source,target\n")
    Path("three.csv").write_text("a,b,c\nx,y,z\n")
    Path("mixed.jsonl").write_text('{"source": 1.5, "target": "x"}\n')
    Path("a.en").write_text("x\ny\nz\n")
    Path("b.de").write_text("x\ny\n")
    assert main(["translate", *arguments]) == 2
    captured = capsys.readouterr()
    assert message in captured.err and captured.err.count("\n") == 1
    assert not Path("elman-runs").exists()
