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
    assert "--horizon" in (said := capsys.readouterr().err) and "a classification" in said


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
        (
            ("moves.csv", "--id", "take", "--time", "t"),
            "name the columns that are with --channel NAME",
        ),
        (("empty.csv",), "empty"),
        (("single.csv",), "one class"),
        (("surnames", "--pooling", "sum"), "pooling"),
        (("surnames", "--prior-adjustment", "2"), "--prior-adjustment"),
        (("surnames", "--balanced", "--prior-adjustment", "0.5"), "the same end"),
        (("mixed.csv", "--id", "id"), "The column 'v' of mixed.csv must hold numbers, but row 3"),
        (("ragged.ts",), "line 2: expected channels of one length"),
        (("stamps.ts",), "expected pairs (stamp,value)"),
        (("single.csv", "--labels", "three.csv"), "each of 2 sequences, got 3 in three.csv"),
        (("folder",), "holds neither sub-folders"),
        (("infinite.csv", *OPTIONS), "The column 'x' of infinite.csv is infinite in row 41 (inf)"),
        (("endless.csv", *OPTIONS), "The column 't' of endless.csv is infinite in row 41 (inf)"),
        (("none.npz",), "The file none.npz is empty"),
        (("single.npy.npz",), "it holds a single array"),
        (("moves.csv", "--label", "gesture"), "--id take"),
        (("moves.csv", *OPTIONS, "--channel", "q"), "moves.csv has no column 'q'"),
        (("surnames", "--unseen", "maybe"), "unseen"),
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
    Path("none.npz").write_bytes(b"")
    np.save("single.npy", np.zeros(3))
    Path("single.npy").rename("single.npy.npz")
    rows = [line.split(",") for line in table.read_text().splitlines()]
    for name, column in (("infinite", 2), ("endless", 1)):
        given = [row[:] for row in rows]
        given[41][column] = "inf"
        Path(f"{name}.csv").write_text("\n".join(map(",".join, given)))
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
    Path("narrow.csv").write_text("take,t,x,z\nnew,0,1,2\n")
    assert main(["predict", "run", "narrow.csv"]) == 2
    assert "narrow.csv has no column 'y'; expected x, y" in capsys.readouterr().err
    assert main(["predict", "run", "others.csv"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_built_in_sets_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["datasets"]) == 0
    printed = capsys.readouterr().out
    assert "surnames" in printed and "toy" in printed and "sunspots" in printed


def test_columns_are_found_by_name(capsys: pytest.CaptureFixture[str], table: Path) -> None:
    given = ("--out", "run", "--no-report")
    assert main(["classify", str(table), *OPTIONS, *QUICK, *given]) == 0
    assert "2 channels (x, y)" in capsys.readouterr().out
    assert main(["predict", "run"]) == 0
    expected = capsys.readouterr().out
    rows = [line.split(",") for line in table.read_text().splitlines()]
    names = {"take": 0, "t": 1, "x": 2, "y": 3}
    order = ["y", "note", "x", "t", "weight", "take"]
    lines = [
        ",".join({"note": "odd", "weight": "7"}.get(one) or row[names[one]] for one in order)
        for row in rows[1:]
    ]
    Path("other.csv").write_text("\n".join([",".join(order), *lines]))
    assert main(["predict", "run", "other.csv"]) == 0
    assert capsys.readouterr().out == expected


def test_channels_may_be_named(capsys: pytest.CaptureFixture[str], table: Path) -> None:
    given = ("--channel", "x", "--out", "run", "--no-report")
    assert main(["classify", str(table), *OPTIONS, *QUICK, *given]) == 0
    printed = capsys.readouterr().out
    assert "1 channel (x)" in printed and "In the first 3" not in printed
    assert "one more that goes wrong" in printed  # of six rows that were scored
    rows = [line.split(",") for line in table.read_text().splitlines()]
    Path("less.csv").write_text("\n".join(",".join(row[:3]) for row in rows))
    assert main(["predict", "run", "less.csv"]) == 0


def test_a_run_answers_from_any_folder(
    capsys: pytest.CaptureFixture[str], table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["classify", str(table), *OPTIONS, *QUICK, "--out", "run", "--no-report"]) == 0
    capsys.readouterr()
    run = Path("run").resolve()
    Path("elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    assert main(["predict", str(run)]) == 0
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 61
    assert "no FILE is named" in captured.err and "which the run was trained on" in captured.err
    (run.parent / table).unlink()
    assert main(["predict", str(run)]) == 2
    assert "was trained on" in (said := capsys.readouterr().err) and "name the file" in said


def test_unseen_words_are_read_as_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    Path("words.csv").write_text("text,label\n" + "good day,x\nbad day,y\n" * 20)
    Path("new.csv").write_text("text\ngood evening\n")
    given = (*QUICK, "--no-report")
    assert main(["classify", "words.csv", *given, "--unit", "words", "--out", "words"]) == 0
    assert main(["predict", "words", "new.csv"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("1,")
    assert main(["classify", "words.csv", *given, "--out", "letters"]) == 0
    assert main(["predict", "letters", "new.csv"]) == 2
    assert "--unseen unknown" in capsys.readouterr().err
    assert main(["classify", "words.csv", *given, "--unseen", "unknown", "--out", "any"]) == 0
    assert main(["predict", "any", "new.csv"]) == 0


def test_the_one_column_of_texts_may_have_any_name(capsys: pytest.CaptureFixture[str]) -> None:
    Path("reviews.tsv").write_text("Bewertung\tSterne\n" + "gut\t5\nübel\t1\n" * 20)
    assert main(["classify", "reviews.tsv", "--label", "Sterne", *QUICK, "--no-report"]) == 0
    assert "40 texts" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("classify", "batch_size"),
        ("regress", "batch_size"),
        ("label", "batch_size"),
        ("translate", "batch_size"),
        ("generate", "lanes"),
        ("detect", "stride"),
    ],
)
def test_the_run_tells_what_was_chosen(command: str, name: str) -> None:
    assert main([command, "--epochs", "1", "--hidden", "2", "--quiet", "--out", "run"]) == 0
    configuration = json.loads(Path("run/config.json").read_text())["configuration"]
    shown = json.loads(Path("run/report.json").read_text())["configuration"]
    if command != "translate":  # the built-in set brings settings of its own
        assert configuration["parameters"][name] is None
        assert configuration["chosen"][name] == shown[name]
    assert isinstance(shown[name], int)
    assert "automatic" not in map(str, shown.values())
