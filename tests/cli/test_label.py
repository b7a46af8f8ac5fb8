"""``elman label`` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import elman
from elman.cli import main
from elman.data.conll import read_steps

QUICK = ("--epochs", "3", "--hidden", "8")


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def conll() -> Path:
    return columns("notes.conll", 60, 0)


def columns(name: str, rows: int, seed: int, labels: bool = True) -> Path:
    """Names after a title are persons, others places."""
    rng = np.random.default_rng(seed)
    lines = []
    for _ in range(rows):
        for _ in range(int(rng.integers(1, 4))):
            title, place = bool(rng.integers(2)), str(rng.choice(["Lee", "York", "Bath"]))
            pairs = (
                [("Mr", "O"), (place, "B-person")] if title else [("to", "O"), (place, "B-place")]
            )
            lines += [f"{word} {label}" if labels else word for word, label in pairs]
        lines.append("")
    path = Path(name)
    path.write_text("\n".join(lines))
    return path


def test_it_prints_and_leaves_a_run(capsys: pytest.CaptureFixture[str], conll: Path) -> None:
    assert main(["label", str(conll), "--crf", *QUICK]) == 0
    printed = capsys.readouterr().out
    for part in ("60 sentences", "3 labels", "Span F1", "verdict", "report.html"):
        assert part in printed
    run = Path("elman-runs/labelling-notes-1")
    scores = json.loads((run / "metrics.json").read_text())["scores"]
    assert set(scores["table"]) >= {"network", "most frequent label of the word"}
    assert (
        (run / "held_out.csv").read_text().startswith("sequence,step,token,label,probability,truth")
    )
    page = (run / "report.html").read_text()
    for part in ("Confusion", "Label by label", "Examples", "Spans", "token tagged", "CRF"):
        assert part in page
    assert isinstance(elman.load(run / "model"), elman.SequenceLabeller)
    (run / "report.html").unlink()
    assert main(["report", str(run)]) == 0
    assert (run / "report.html").read_text() == page


def test_parts_from_files(capsys: pytest.CaptureFixture[str], conll: Path) -> None:
    columns("dev.conll", 20, 1)
    columns("test.conll", 25, 2)
    parts = ["--validation", "dev.conll", "--test", "test.conll"]
    assert main(["label", str(conll), *parts, *QUICK, "--json", "--no-report"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["scores"]["rows"] == 25
    Path("odd.conll").write_text("Mr X-person\n")
    assert main(["label", str(conll), "--test", "odd.conll", *QUICK]) == 2
    assert "expected labels seen in fit, got 'X-person'" in capsys.readouterr().err
    odd = ["--test", "odd.conll", "--unseen-labels", "wrong"]
    assert main(["label", str(conll), *odd, *QUICK, "--json", "--no-report"]) == 0


def test_predict_labels_a_file_in_its_own_form(
    capsys: pytest.CaptureFixture[str], conll: Path
) -> None:
    assert main(["label", str(conll), *QUICK, "--out", "run", "--no-report"]) == 0
    capsys.readouterr()
    columns("bare.conll", 5, 3, labels=False)
    assert main(["predict", "run", "bare.conll"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "sequence,step,token,label,probability"
    assert main(["predict", "run", "bare.conll", "--out", "new.conll"]) == 0
    new = read_steps("new.conll")
    assert new.steps == read_steps("bare.conll", required=False).steps
    assert [one for row in new.labels for one in row] == [line.split(",")[3] for line in lines[1:]]
    assert main(["predict", "run", "bare.conll", "--out", "new.conll"]) == 2
    assert "exists already" in capsys.readouterr().err
    assert main(["predict", "run", "--horizon", "3"]) == 2
    assert "--horizon" in (said := capsys.readouterr().err) and "a labelling" in said


def test_built_in_sets_and_tables(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["label", "machine", *QUICK, "--quiet"]) == 0
    assert capsys.readouterr().out.strip() == "elman-runs/labelling-machine-1"
    assert "yaxis2" in Path("elman-runs/labelling-machine-1/report.html").read_text()
    assert main(["datasets"]) == 0
    assert "appointments" in capsys.readouterr().out
    rows = [
        f"{take},{t},{t * (1 if take % 2 else -1)},{'ud'[take % 2]}"
        for take in range(50)
        for t in range(4)
    ]
    Path("moves.csv").write_text("\n".join(["id,t,height,state", *rows]))
    assert main(["label", "moves.csv", *QUICK, "--json", "--no-report", "--out", "run"]) == 0
    assert json.loads(capsys.readouterr().out)["scores"]["classes"] == ["d", "u"]
    bare = [line.rpartition(",")[0] for line in Path("moves.csv").read_text().splitlines()]
    Path("bare.csv").write_text("\n".join(bare))
    assert main(["predict", "run", "bare.csv", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 200


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nothing",), "no built-in set"),
        (("nothing.conll",), "no file"),
        (("notes.conll", "--label", "3"), "expected a column from 1 to 2"),
        (("notes.conll", "--label", "tag"), "have no names"),
        (("empty.conll",), "empty"),
        (("single.conll",), "one label alone"),
        (("ragged.conll",), "line 2: expected 2 columns"),
        (("notes.conll", "--cell", "nix"), "cell"),
        (("machine", "--label", "state"), "is read as it is"),
        (("notes.conll", "--test", "nothing.conll"), "no file"),
        (("notes.conll", "--test", "numbers.csv"), "test_data: X: expected tokens"),
        (("infinite.csv",), "The column 'a' of infinite.csv is infinite in row 2 (inf)"),
        (("runs.csv",), "if it names the sequences, with --id run"),
    ],
)
def test_bad_input_is_refused_in_a_line(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str], conll: Path
) -> None:
    Path("empty.conll").write_text("")
    Path("single.conll").write_text("a X\nb X\n")
    Path("ragged.conll").write_text("a X\nb\n")
    Path("numbers.csv").write_text("a,label\n1,x\n2,y\n")
    Path("infinite.csv").write_text("id,a,label\n1,2,x\n1,inf,y\n2,2,x\n2,1,y\n")
    Path("runs.csv").write_text("run,a,state\nr,2,x\ns,1,y\n")
    assert main(["label", *arguments]) == 2
    captured = capsys.readouterr()
    assert message in captured.err and captured.err.count("\n") == 1
    assert not Path("elman-runs").exists()


def test_labels_are_written_in_the_form_of_the_file_alone(
    capsys: pytest.CaptureFixture[str], conll: Path
) -> None:
    assert main(["label", str(conll), *QUICK, "--out", "run", "--no-report"]) == 0
    for name in ("new.conllu", "new.jsonl", "new.conll.gz"):
        assert main(["predict", "run", str(conll), "--out", name]) == 2
        assert ".conll, .iob" in capsys.readouterr().err and not Path(name).exists()
    Path("plain.txt").write_text("Mr Lee to York Bath\n")
    assert main(["predict", "run", "plain.txt"]) == 2
    assert "has 5 columns in its first line, expected one token a line" in capsys.readouterr().err
    Path("bare.jsonl").write_text('{"tokens": ["Mr", "Lee"]}\n')
    assert main(["predict", "run", "bare.jsonl"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_channels_are_found_by_name_and_from_any_folder(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        (take, t, t * (1 if take % 2 else -1), take % 3, "ud"[take % 2])
        for take in range(50)
        for t in range(4)
    ]
    lines = [f"{take},{t},{height},{other},{state}" for take, t, height, other, state in rows]
    Path("moves.csv").write_text("\n".join(["id,t,height,other,state", *lines]))
    assert main(["label", "moves.csv", *QUICK, "--no-report", "--out", "run"]) == 0
    assert "50 sequences, 200 steps in all, in 2 channels (height, other)" in (
        capsys.readouterr().out
    )
    run = Path("run").resolve()
    Path("elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    assert main(["predict", str(run)]) == 0
    expected = capsys.readouterr().out
    lines = [f"odd,{other},{take},{height},{t}" for take, t, height, other, _ in rows]
    Path("new.csv").write_text("\n".join(["note,other,id,height,t", *lines]))
    assert main(["predict", str(run), "new.csv"]) == 0
    assert capsys.readouterr().out == expected
    Path("less.csv").write_text("id,t,height\n1,0,2\n")
    (run.parent / "moves.csv").unlink()
    capsys.readouterr()
    assert main(["predict", str(run)]) == 2
    assert "was trained on" in capsys.readouterr().err
    assert main(["predict", str(run), "less.csv"]) == 2
    assert "less.csv has no column 'other'" in capsys.readouterr().err
