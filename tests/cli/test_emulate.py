"""``elman emulate`` as a user runs it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import elman
from elman.cli import main
from elman.datasets.systems import oscillator

QUICK = ("--epochs", "3", "--hidden", "8", "--history", "5")
COLUMNS = ("--state", "x", "--state", "v", "--forcing", "f", "--parameters", "w", "--id", "run")


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def table() -> Path:
    data = oscillator(8, 70, 0.2, seed=1)
    path = Path("springs.csv")
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["run", "time", "x", "v", "f", "w"])
        for number, (states, force) in enumerate(zip(data.states, data.forcing, strict=True)):
            for step, ((x, v), (f,)) in enumerate(zip(states, force, strict=True)):
                row = [f"spring{number}", round(0.2 * step, 3), x, v, f]
                writer.writerow([*row, data.parameters[number, 0]])
    return path


def test_it_prints_and_leaves_a_run(capsys: pytest.CaptureFixture[str], table: Path) -> None:
    assert main(["emulate", str(table), *COLUMNS, *QUICK]) == 0
    printed = capsys.readouterr().out
    for part in ("8 trajectories of 70 steps of 0.2", "1 forcing", "persistence", "verdict"):
        assert part in printed
    run = Path("elman-runs/emulation-springs-1")
    metrics = json.loads((run / "metrics.json").read_text())
    names = {"network", "persistence", "mean state", "linear", "analog"}
    assert set(metrics["scores"]["table"]) == names
    assert (run / "held_out.csv").read_text().startswith("start,step,x,x-emulated,v,v-emulated")
    page = (run / "report.html").read_text()
    for part in ("Error growth", "Rollouts beside the truth", "Its climate", "Spectrum of x"):
        assert part in page
    assert isinstance(elman.load(run / "model"), elman.Emulator)
    (run / "report.html").unlink()
    assert main(["report", str(run)]) == 0
    assert (run / "report.html").read_text() == page


def test_predict_goes_on_under_the_forcing_that_is_known(
    capsys: pytest.CaptureFixture[str], table: Path
) -> None:
    given = ["emulate", str(table), *COLUMNS, *QUICK, "--out", "run", "--no-report", "-q"]
    assert main(given) == 0
    capsys.readouterr()
    assert main(["predict", "run", "--horizon", "7"]) == 0  # the last steps again
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "id,lead,x,v" and len(lines) == 1 + 8 * 7
    assert main(["predict", "run", str(table)]) == 2
    assert "expected rows after the last state" in capsys.readouterr().err
    rows = list(csv.DictReader(table.open()))
    for row in rows:
        if float(row["time"]) > 11.9:
            row["x"] = row["v"] = ""
    with Path("ahead.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    assert main(["predict", "run", "ahead.csv", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert len(answer) == 8 * 10 and answer[9]["lead"] == pytest.approx(2.0)
    model = elman.load("run/model")
    data = oscillator(8, 70, 0.2, seed=1)
    wanted = model.rollout(data.states[0][:60], 10, data.forcing[0], data.parameters[0, :1])
    assert np.allclose([[one["x"], one["v"]] for one in answer[:10]], wanted)
    assert main(["predict", "run", "ahead.csv", "--horizon", "11"]) == 2
    assert "got 10" in capsys.readouterr().err
    text = Path("ahead.csv").read_text()
    Path("slower.csv").write_text(text.replace("time", "hours"))
    assert main(["predict", "run", "slower.csv"]) == 2
    assert "dt: expected 0.2, as in fit, got 1" in capsys.readouterr().err
    Path("other.csv").write_text(text.replace("run,time,x", "run,time,y"))
    assert main(["predict", "run", "other.csv"]) == 2
    assert "there is no column 'x'" in capsys.readouterr().err


def test_built_in_systems_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["emulate", *QUICK, "--json", "--no-report"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["scores"]["unit"] == "Lyapunov times"
    assert document["scores"]["lyapunov"] == 0.9056
    assert main(["emulate", "mackey-glass", *QUICK, "--quiet"]) == 0
    captured = capsys.readouterr()
    assert captured.out.strip() == "elman-runs/emulation-mackey-glass-1" and not captured.err
    assert main(["predict", captured.out.strip(), "--horizon", "3"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + 10 * 3
    assert main(["datasets"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in ("lorenz", "oscillator", "mackey-glass"))


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", (), "The file moves.csv is empty"),
        ("t,x\n", (), "no rows"),
        ("t,x\n0,1\n1,2\n2", (), "ragged"),
        (
            "t,x\n0,1\n1,a\n2,3",
            (),
            "column 'x' of moves.csv must hold numbers, but row 2 holds 'a'",
        ),
        ("t,x\n0,1\n1,2\n2,3", ("--state", "y"), "there is no column 'y'"),
        ("t,x\n0,1\n1,2\n2,3", ("--lyapunov", "big"), "--lyapunov: expected a number"),
        ("t,x\n0,1\n1,2\n7,3", (), "expected equal steps"),
        ("t,x\n0,1\n1,2\n2,3", (), "expected one of 4 steps or more"),
        ("t,x\n" + "\n".join(f"{t},{t % 5 or ''}" for t in range(60)), (), "with --cut"),
        ("t,x\n" + "\n".join(f"{t},{t % 5}" for t in range(60)), ("--noise", "-1"), "noise"),
    ],
)
def test_bad_input_is_told_in_a_line(
    text: str, options: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("moves.csv").write_text(text)
    assert main(["emulate", "moves.csv", *options, *QUICK]) == 2
    captured = capsys.readouterr()
    assert message in captured.err and captured.err.count("\n") == 1
    assert "Traceback" not in captured.err and not Path("elman-runs").exists()


def test_a_source_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["emulate", "pendulum"]) == 2
    assert "no built-in set of that name" in capsys.readouterr().err
    assert main(["emulate", "lorenz", "--state", "x"]) == 2
    assert "is read as it is" in capsys.readouterr().err
    assert main(["emulate", "missing.csv"]) == 2
    assert "There is no file" in capsys.readouterr().err


def test_the_columns_that_are_read_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "".join(f"{number},{number % 7},{number % 5}\n" for number in range(120))
    (tmp_path / "hours.csv").write_text("hour,level,flow\n" + rows)
    options = ("--forcing", "flow", "--epochs", "1", "--history", "4", "--window", "8")
    out = ("--rollout-steps", "2", "--no-report", "--out", str(tmp_path / "run"))
    assert main(["emulate", str(tmp_path / "hours.csv"), *options, *out]) == 0
    assert "state hour, level; forcing flow" in capsys.readouterr().out
    assert main(["emulate", str(tmp_path / "hours.csv"), "--history", "5000"]) == 2
    assert "--history: expected fewer steps" in capsys.readouterr().err


def test_a_column_of_texts_may_name_the_trajectories(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "".join(f"{'ab'[number // 60]},{number % 7}\n" for number in range(120))
    (tmp_path / "runs.csv").write_text("Lauf,level\n" + rows)
    assert main(["emulate", str(tmp_path / "runs.csv")]) == 2
    assert "If it names the trajectories, say so with --id Lauf" in capsys.readouterr().err
