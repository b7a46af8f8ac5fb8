"""Files in every dialect of CSV, and sources that are not there, in every command that reads."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from elman.cli import main

QUICK = ("--epochs", "1", "--hidden", "2", "--no-report", "--quiet", "--out", "run")


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def german(number: float) -> str:
    """1234.5 as it is written in Germany: 1.234,50."""
    return f"{number:,.2f}".translate(str.maketrans(",.", ".,"))


def swing(step: int) -> float:
    return 2000.0 * math.sin(step / 3)


def series(lines: int = 60) -> str:
    return "t;x\n" + "".join(f"{step};{german(swing(step))}\n" for step in range(lines))


def sequences(label: str) -> str:
    answers = (german(0.5), german(1000.5)) if label == "target" else ("calm", "wild")
    rows = [
        f"{take};{step};{german(swing(step) * (take % 2 + 1))};{answers[take % 2]}\n"
        for take in range(12)
        for step in range(6)
    ]
    return f"id;t;x;{label}\n" + "".join(rows)


COMMANDS = {
    "forecast": (series(), ("--horizon", "2")),
    "backtest": (series(), ("--horizon", "2", "--windows", "2")),
    "detect": (series(200), ("--window", "8")),
    "emulate": (series(150), ("--history", "4", "--window", "8", "--rollout-steps", "2")),
    "classify": (sequences("label"), ("--id", "id", "--time", "t")),
    "regress": (sequences("target"), ("--id", "id", "--time", "t")),
    "label": (sequences("label"), ("--id", "id", "--time", "t", "--label", "label")),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_thousands_and_decimal_commas(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without the options the message names them; with them the numbers are those written."""
    text, options = COMMANDS[command]
    Path("data.csv").write_text(text)
    assert main([command, "data.csv", *options, *QUICK]) == 2
    said = capsys.readouterr().err
    assert "--thousands . and --decimal ','" in said and said.count("\n") == 1
    dialect = ("--thousands", ".", "--decimal", ",")
    assert main([command, "data.csv", *options, *dialect, *QUICK]) == 0, capsys.readouterr().err
    request = json.loads(Path("run/config.json").read_text())["configuration"]["request"]
    assert (request["thousands"], request["decimal"]) == (".", ",")
    if command == "backtest":
        return
    capsys.readouterr()
    assert main(["predict", "run", "data.csv"]) == 0, "the run knows how its files are written"
    as_written = capsys.readouterr().out
    plain = text.replace(".", "").replace(",", ".")
    Path("plain.csv").write_text(plain)
    assert main(["predict", "run", "plain.csv", "--decimal", "."]) == 0
    assert capsys.readouterr().out == as_written


def test_pairs_between_unusual_separators(capsys: pytest.CaptureFixture[str]) -> None:
    Path("pairs.csv").write_text("source~target\n" + "".join(f"a{n}~b{n}\n" for n in range(40)))
    assert main(["translate", "pairs.csv", *QUICK]) == 2
    capsys.readouterr()
    assert main(["translate", "pairs.csv", "--separator", "~", *QUICK]) == 0
    Path("new.csv").write_text("source~note\na1~b\n")
    capsys.readouterr()
    assert main(["predict", "run", "new.csv"]) == 0
    assert "\na1," in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("forecast", "co2", "--decimal", ","), "--decimal: the built-in 'co2' is read as it is"),
        (("forecast", "x.csv", "--decimal", ";"), "--decimal: expected a comma or a point"),
        (("forecast", "x.csv", "--thousands", "x"), "--thousands: expected a point, a comma"),
        (("forecast", "x.csv", "--decimal", ",", "--thousands", ","), "got ',' for both"),
        (("forecast", "x.csv", "--separator", "ab"), "--separator: expected one character"),
        (("forecast", "x.csv", "--separator", ";"), "--separator: expected ';' between the names"),
        (("detect", "x.jsonl", "--decimal", ","), "--decimal: expected a table of delimited text"),
        (("label", "x.conll", "--decimal", ","), "--decimal: expected a table of delimited text"),
        (("classify", "x.ts", "--decimal", ","), "--decimal: expected a table of delimited text"),
        (("classify", "surnames", "--label", "y"), "--label: the built-in 'surnames' is read"),
    ],
)
def test_dialects_that_cannot_be(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("x.csv").write_text("t,y\n1,2\n2,3\n")
    for name in ("x.jsonl", "x.conll", "x.ts"):
        Path(name).write_text("x\n")
    assert main([*arguments, "--quiet"]) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("forecast", "sunspot"), "Did you mean 'sunspots'?"),
        (("backtest", "Airlines"), "Did you mean 'airline'?"),
        (("classify", "surname"), "Did you mean 'surnames'?"),
        (("regress", "pendulum"), "Did you mean 'pendulums'?"),
        (("label", "apointments"), "Did you mean 'appointments'?"),
        (("generate", "primmer"), "Did you mean 'primer'?"),
        (("translate", "date"), "Did you mean 'dates'?"),
        (("detect", "pumps"), "Did you mean 'pump'?"),
        (("emulate", "lorentz"), "Did you mean 'lorenz'?"),
        (("classify", "sunspots"), "'sunspots' is for `elman forecast`."),
        (("forecast", "lorentz"), "Did you mean `elman emulate lorenz`?"),
        (("classify", "gestures"), "Did you mean the file 'gestures.csv'?"),
        (("generate", "gesture.csv"), "Did you mean 'gestures.csv'?"),
    ],
)
def test_misspelt_sources(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("gestures.csv").write_text("x\n")
    assert main(list(arguments)) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1


def test_nothing_near_is_no_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["classify", "xyz"]) == 2
    assert capsys.readouterr().err.endswith("; there are surnames, toy.\n")


def test_names_that_look_missing(capsys: pytest.CaptureFixture[str]) -> None:
    """Series called NA and None are series; a missing number is missing."""
    rows = [
        f"{name},{day},{day % 5 if day != 7 else 'NA'}\n"
        for name in ("NA", "None", "north")
        for day in range(40)
    ]
    Path("data.csv").write_text("id,t,y\n" + "".join(rows))
    arguments = ["forecast", "data.csv", "--horizon", "2", *QUICK[:5], "--out", "run", "--json"]
    assert main(arguments) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["read"]["series"] == 3
    assert {row["unique_id"] for row in document["forecast"]} == {"NA", "None", "north"}


@pytest.mark.parametrize("command", ["forecast", "detect"])
def test_a_word_among_numbers(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A sensor with one odd value is not left out in silence."""
    rows = [f"{n},{n % 7},{'x' if n == 16 else n % 3}" for n in range(60)]
    Path("data.csv").write_text("t,a,b\n" + "\n".join(rows))
    assert main([command, "data.csv", *QUICK]) == 2
    said = capsys.readouterr().err
    assert "column 'b' of the file data.csv holds numbers, but 'x' in row 17" in said
    assert "--target" in said


def test_unseen_symbols_in_predict(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"{'ab' * (n % 4 + 1)}{n % 2},{'odd' if n % 2 else 'even'}" for n in range(40)]
    Path("texts.csv").write_text("text,label\n" + "\n".join(rows))
    Path("new.csv").write_text("text\nab€1\n")
    assert main(["classify", "texts.csv", *QUICK]) == 0
    assert main(["predict", "run", "new.csv"]) == 2
    assert "€" in capsys.readouterr().err
    assert main(["predict", "run", "new.csv", "--unseen", "unknown"]) == 0
    assert main(["predict", "run", "new.csv", "--unseen", "perhaps"]) == 2
    assert "--unseen: expected" in capsys.readouterr().err
    Path("series.csv").write_text("t,y\n" + "".join(f"{n},{n % 4}\n" for n in range(60)))
    assert main(["forecast", "series.csv", *QUICK[:-1], "forecast"]) == 0
    assert main(["predict", "forecast", "--unseen", "unknown"]) == 2
    assert "--unseen: a forecast has none to choose" in capsys.readouterr().err


def test_what_a_run_misses_in_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    """`predict` has no options for columns: the message is about the file."""
    Path("series.csv").write_text("t,y\n" + "".join(f"{n},{n % 4}\n" for n in range(60)))
    Path("takes.csv").write_text(sequences("label").replace(".", "").replace(",", "."))
    Path("other.csv").write_text("a,b\n1,2\n")
    assert main(["forecast", "series.csv", *QUICK[:-1], "series"]) == 0
    assert main(["classify", "takes.csv", *QUICK[:-1], "takes"]) == 0
    capsys.readouterr()
    for run, column in (("series", "t"), ("takes", "x")):
        assert main(["predict", run, "other.csv"]) == 2
        said = capsys.readouterr().err
        assert said.startswith("elman: FILE: ") and f"'{column}'" in said and "--" not in said
    assert main(["predict", "takes", "nothing.csv"]) == 2
    assert "There is no file 'nothing.csv'" in capsys.readouterr().err


def test_missing_answers_are_empty(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"{n},{n % 7}" for n in range(120)]
    Path("pump.csv").write_text("t,y\n" + "\n".join(rows))
    Path("gone.csv").write_text("t,y\n" + "".join(f"{n},NA\n" for n in range(12)))
    assert main(["detect", "pump.csv", "--window", "4", *QUICK]) == 0
    capsys.readouterr()
    assert main(["predict", "run", "gone.csv"]) == 0
    first = capsys.readouterr().out.splitlines()[1].split(",")
    assert first[2] == "" and float(first[3]) > 0
    assert main(["predict", "run", "gone.csv", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["score"] is None
    assert main(["predict", "run", "gone.csv", "--out", "scores.csv"]) == 0
    assert Path("scores.csv").read_text().splitlines()[1].split(",")[2] == ""
