"""``elman detect`` as a user runs it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import elman
from elman.cli import main

QUICK = ("--epochs", "2", "--window", "24")


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def table() -> Path:
    rng = np.random.default_rng(0)
    t = np.arange(900)
    level = np.sin(2 * np.pi * t / 24) + 0.05 * rng.standard_normal(900)
    flow = 3 + np.cos(2 * np.pi * t / 24) + 0.05 * rng.standard_normal(900)
    level[700:710] += 2.0
    stamps = np.datetime64("2024-01-01T00") + t
    lines = ["time,level,flow"]
    lines += [f"{s}:00,{a:.4f},{b:.4f}" for s, a, b in zip(stamps, level, flow, strict=True)]
    path = Path("tank.csv")
    path.write_text("\n".join(lines))
    return path


def table_of(path: str | Path) -> list[dict[str, str]]:
    with Path(path).open(newline="") as text:
        return list(csv.DictReader(text))


def test_it_prints_and_leaves_a_run(capsys: pytest.CaptureFixture[str], table: Path) -> None:
    Path("known.csv").write_text("start,end\n2024-01-30 04:00,2024-01-30 13:00\n")
    assert main(["detect", str(table), "--labels", "known.csv", *QUICK]) == 0
    printed = capsys.readouterr().out
    for part in ("one series of level, flow", "first 450 steps", "windows of 24", "verdict"):
        assert part in printed
    assert "1 of 1 labelled anomalies found" in printed and "principal components" in printed
    run = Path("elman-runs/detection-tank-1")
    scores = table_of(run / "scores.csv")
    assert len(scores) == 900 and set(scores[0]) == {
        *("unique_id", "ds", "score", "threshold", "alarm")
    }
    assert any(one["alarm"] == "1" for one in scores[700:710])
    found = table_of(run / "anomalies.csv")
    assert any(one["start"] <= "2024-01-30T08:00:00" <= one["end"] for one in found)
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["scores"]["detection"]["network"]["found"] == 1.0
    page = (run / "report.html").read_text()
    for part in ("What looks odd", "Measured, and given back", "The codes", "threshold came about"):
        assert part in page
    assert isinstance(elman.load(run / "model"), elman.SequenceAutoencoder)
    (run / "report.html").unlink()
    assert main(["report", str(run)]) == 0
    assert (run / "report.html").read_text() == page


def test_predict_scores_a_file_as_the_run_did(
    capsys: pytest.CaptureFixture[str], table: Path
) -> None:
    assert main(["detect", str(table), *QUICK, "--out", "run", "--no-report", "--quiet"]) == 0
    assert capsys.readouterr().out.strip() == "run"
    assert main(["predict", "run"]) == 0
    again = capsys.readouterr().out
    assert again.splitlines() == Path("run/scores.csv").read_text().splitlines()
    rows = table.read_text().splitlines()
    Path("new.csv").write_text("\n".join([rows[0], *rows[600:800]]))
    assert main(["predict", "run", "new.csv", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert len(answer) == 200 and answer[0]["ds"] == "2024-01-25T23:00:00"
    assert max(answer, key=lambda one: one["score"])["ds"].startswith("2024-01-30")
    swapped = [",".join(reversed(one.split(","))) for one in [rows[0], *rows[600:800]]]
    Path("swapped.csv").write_text("\n".join(swapped))
    assert main(["predict", "run", "swapped.csv", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == answer
    Path("less.csv").write_text("\n".join(one.rpartition(",")[0] for one in rows[:50]))
    assert main(["predict", "run", "less.csv"]) == 2
    assert "flow" in capsys.readouterr().err
    assert main(["predict", "run", "new.csv", "--horizon", "3"]) == 2
    assert "a detection has none" in capsys.readouterr().err


def test_json_is_one_document_and_labels_are_not_needed(
    capsys: pytest.CaptureFixture[str], table: Path
) -> None:
    arguments = ["detect", str(table), *QUICK, "--target", "level", "--train-until", "0.4"]
    assert main([*arguments, "--cell", "dense", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert set(document["scores"]["detection"]["network"]) == {"alarms", "share"}
    assert "nothing is labelled" in document["verdict"] and document["anomalies"]
    config = json.loads(Path(document["run"], "config.json").read_text())
    assert config["configuration"]["request"]["window"] == 24
    assert main([*arguments, "--threshold", "adaptive", "--out", "follows", "--no-report"]) == 0
    assert main(["predict", "follows"]) == 0
    again = capsys.readouterr().out
    assert Path("follows/scores.csv").read_text() in again
    assert main([*arguments, "--train-until", "2024-01-15 12:00", "--no-report"]) == 0
    assert "first 349 steps, until 2024-01-15 12:00" in capsys.readouterr().out


def test_the_built_in_pump(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["detect", "--epochs", "1", "--no-report"]) == 0
    assert "of 8 labelled anomalies" in capsys.readouterr().out
    assert main(["datasets"]) == 0
    assert "pump" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nothing",), "no built-in set of that name"),
        (("nothing.csv",), "no file"),
        (("empty.csv",), "empty"),
        (("words.csv",), "no column of numbers"),
        (("tank.csv", "--target", "nix"), "nix"),
        (("tank.csv", "--cell", "mlp"), "cell: expected one of"),
        (("tank.csv", "--false-alarm", "2"), "--false-alarm"),
        (("tank.csv", "--train-until", "1999-01-01"), "--train-until: expected a time after"),
        (("tank.csv", "--train-until", "soon"), "--train-until: expected a time such as"),
        (("tank.csv", "--train-until", "2030-01-01"), "expected steps after the normal part"),
        (("tank.csv", "--labels", "none.csv"), "no file"),
        (("tank.csv", "--labels", "tank.csv", "--window", "1"), "window"),
        (("tank.csv", "--labels", "far.csv"), "expected steps of the series"),
        (("short.csv",), "at least 16 normal steps"),
        (("mixed.csv", "--target", "y"), "'y'"),
        (("twice.csv",), "two rows for 1"),
        (("pump", "--time", "t"), "is read as it is"),
    ],
    ids=str,
)
def test_bad_input_is_refused_in_a_line(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str], table: Path
) -> None:
    Path("empty.csv").write_text("")
    Path("words.csv").write_text("a,b\nx,y\nz,w\n")
    Path("far.csv").write_text("start,end\n2040-01-01,2040-01-02\n")
    Path("short.csv").write_text("t,y\n" + "\n".join(f"{n},{n % 3}" for n in range(20)))
    Path("mixed.csv").write_text("t,y\n1,2\n2,three\n3,4\n")
    Path("twice.csv").write_text("t,y\n1,2\n1,3\n2,4\n")
    assert main(["detect", *arguments]) == 2
    captured = capsys.readouterr()
    assert message in captured.err and captured.err.count("\n") == 1
    assert not Path("elman-runs").exists()


def test_several_series_of_unequal_lengths(capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    lines = ["unit,day,temp"]
    for number, (unit, steps) in enumerate((("a", 300), ("b", 20), ("c", 400), ("d", 350))):
        values = np.sin(np.arange(steps) / 4 + number) + 0.05 * rng.standard_normal(steps)
        values[300:306] += 3.0 * (unit == "c")
        lines += [f"{unit},{day},{value:.4f}" for day, value in enumerate(values)]
    Path("units.csv").write_text("\n".join(lines))
    Path("known.csv").write_text("unit,start,end\nc,300,305\n")
    options = ("--id", "unit", "--time", "day", "--labels", "known.csv", "--out", "run")
    assert main(["detect", "units.csv", *options, *QUICK]) == 0
    printed = capsys.readouterr().out
    assert "4 series of temp" in printed and "1 of 1 labelled anomalies found" in printed
    found = table_of("run/anomalies.csv")
    highest = max(found, key=lambda one: float(one["score"]))
    assert highest["unique_id"] == "c" and 290 <= int(highest["peak"]) <= 315
    assert len(table_of("run/scores.csv")) == 1070


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (
            "t,y\n" + "".join(f"{n},{n % 5}e300\n" for n in range(60)),
            (),
            "'y' of odd.csv: expected",
        ),
        (
            "t,y\n1,2\n2,3\n",
            ("--window", "4"),
            "at least 8 steps, two windows, got 1 step of 2 rows",
        ),
        ("t,y\n1,2\n2,3\n", (), "--train-until: expected at least 16 normal steps"),
        (
            "t,y\n" + "".join(f"{n},{n if n % 10 == 0 else ''}\n" for n in range(60)),
            ("--window", "4", "--epochs", "1"),
            "every window held out misses all values",
        ),
    ],
)
def test_series_that_nothing_can_be_learnt_from(
    text: str, options: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("odd.csv").write_text(text)
    assert main(["detect", "odd.csv", *options, "--quiet"]) == 2
    assert message in capsys.readouterr().err
