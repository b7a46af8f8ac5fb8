"""The command line as a user runs it: what it prints, leaves behind and refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import elman
from elman.cli import main

QUICK = ("--epochs", "2", "--horizon", "4", "--window", "12", "--hidden", "8")


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    time = np.arange(90)
    path = tmp_path / "shop sales.csv"
    days = pl.date_range(pl.date(2024, 1, 1), pl.date(2024, 12, 31), eager=True)[:90]
    frame = pl.DataFrame(
        {
            "day": days,
            "sales": 10 + np.sin(time / 7 * 2 * np.pi),
            "visits": 50 + time % 7,
        }
    )
    frame.write_csv(path)
    return path


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Runs what must be refused: exit code 2, one line on standard error, no run folder."""
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    assert captured.err.startswith("elman")
    assert captured.err.count("\n") == 1
    assert not any(Path().glob("elman-runs/*"))
    return captured.err


# -------------------------------------------------------------------------------- forecast


def test_forecast_prints_and_leaves_a_run(capsys: pytest.CaptureFixture[str], table: Path) -> None:
    code = main(["forecast", str(table), "--target", "sales", *QUICK])
    assert code == 0
    printed = capsys.readouterr().out
    for part in ("read", "chosen", "trained", "MAE", "seasonal-naive", "verdict", "coverage"):
        assert part in printed
    assert "┊" in printed or "|" in printed  # the plot's mark of where the forecast begins
    run = Path("elman-runs/forecast-shop-sales-1")
    assert str(run) in printed
    names = {one.name for one in run.iterdir()}
    assert names == {
        "config.json",
        "metrics.json",
        "history.csv",
        "forecast.csv",
        "model",
        "report.json",
        "report.html",
    }
    config = json.loads((run / "config.json").read_text())
    assert config["versions"]["elman"] == elman.__version__
    assert config["configuration"]["chosen"]["horizon"] == 4
    assert config["configuration"]["request"]["target"] == ["sales"]
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["scores"]["table"]["network"]["mae"] > 0
    forecast = pl.read_csv(run / "forecast.csv", try_parse_dates=True)
    assert forecast.columns[:3] == ["unique_id", "ds", "forecast"]
    assert str(forecast["ds"][0]) == "2024-03-31"
    history = pl.read_csv(run / "history.csv")
    assert history["epoch"].to_list() == [1, 2]


def test_the_next_run_gets_the_next_folder(capsys: pytest.CaptureFixture[str]) -> None:
    for number in (1, 2):
        assert main(["forecast", "airline", "--quiet", "--no-report", *QUICK]) == 0
        assert capsys.readouterr().out.strip() == f"elman-runs/forecast-airline-{number}"
    assert not Path("elman-runs/forecast-airline-1/report.html").exists()


def test_json_is_one_document_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["forecast", "airline", "--json", "--no-report", "--out", "here", *QUICK]) == 0
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert captured.err == ""
    assert document["run"] == "here"
    assert document["read"]["rows"] == 144
    assert len(document["forecast"]) == 4
    assert document["forecast"][0]["ds"] == "1961-01-01"
    assert document["scores"]["verdict"]


def test_wide_several_series_and_recursive(capsys: pytest.CaptureFixture[str], table: Path) -> None:
    options = ("--strategy", "recursive", "--levels", "none", "--season", "7", "--seed", "3")
    assert main(["forecast", str(table), "--no-report", *QUICK, *options]) == 0
    assert "recursive forecast" in capsys.readouterr().out
    forecast = pl.read_csv("elman-runs/forecast-shop-sales-1/forecast.csv")
    assert forecast.columns == ["unique_id", "ds", "forecast"]
    assert forecast["unique_id"].unique().sort().to_list() == ["sales", "visits"]


# ------------------------------------------------------------------------ predict, report


@pytest.fixture
def run(table: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["forecast", str(table), "--target", "sales", "--quiet", *QUICK]) == 0
    return capsys.readouterr().out.strip()


def test_predict_prints_csv_and_writes_files(
    run: str, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", run]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "unique_id,ds,forecast,lo-80,hi-80,lo-95,hi-95"
    assert lines == (Path(run) / "forecast.csv").read_text().splitlines()
    shorter = tmp_path / "shorter.csv"
    pl.read_csv(table).head(80).write_csv(shorter)
    assert main(["predict", run, str(shorter), "--horizon", "2", "--levels", "80", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [one["ds"] for one in document] == ["2024-03-21", "2024-03-22"]
    assert "lo-95" not in document[0]
    assert main(["predict", run, "--out", "next.parquet"]) == 0
    assert pl.read_parquet("next.parquet").height == 4


def test_series_not_seen_in_training(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for name, ids in (("seen", "ab"), ("new", "c")):
        rows = [f"{one},{t},{10 + t % 7 + t % 3}\n" for one in ids for t in range(80)]
        (tmp_path / f"{name}.csv").write_text("unique_id,ds,y\n" + "".join(rows))
    assert main(["forecast", "seen.csv", *QUICK, "--quiet", "--out", "known"]) == 0
    assert main(["forecast", "seen.csv", *QUICK, "--quiet", "--out", "any", "--new-series"]) == 0
    capsys.readouterr()
    assert main(["predict", "known", "new.csv"]) == 2
    assert "train with --new-series to forecast new ones" in capsys.readouterr().err
    assert main(["predict", "any", "new.csv"]) == 0
    assert capsys.readouterr().out.count("\nc,") == 4


def test_predict_refuses(run: str, table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def message(*arguments: str) -> str:
        assert main(arguments) == 2
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err and captured.out == ""
        return captured.err

    assert "forecasts 4 steps at once, got 40" in message("predict", run, "--horizon", "40")
    assert "expected a run folder" in message("predict", "elsewhere")
    assert "is no run folder" in message("predict", str(table.parent))
    assert "no file 'gone.csv'" in message("predict", run, "gone.csv")
    Path("taken.csv").write_text("mine")
    assert "exists already" in message("predict", run, "--out", "taken.csv")
    assert Path("taken.csv").read_text() == "mine"
    other = table.parent / "other.csv"
    other.write_text("day,turnover\n2024-01-01,3\n2024-01-02,4\n")
    assert "FILE: there is no column 'sales'" in message("predict", run, str(other))


def test_report_prints_where_the_page_is_and_draws_it_again(
    run: str, capsys: pytest.CaptureFixture[str]
) -> None:
    page = Path(run) / "report.html"
    drawn = page.read_text()
    page.unlink()
    assert main(["report", run]) == 0
    assert capsys.readouterr().out.strip() == str(page)
    assert page.read_text() == drawn


def test_report_opens_the_browser(run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import webbrowser

    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or True)
    assert main(["report", run, "--open"]) == 0
    assert opened[0].startswith("file://") and opened[0].endswith("report.html")


# ---------------------------------------------------------------------------- backtest


def test_backtest(capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--windows", "2", "--step", "6", "--refit")
    assert main(["backtest", "airline", *QUICK, *options]) == 0
    printed = capsys.readouterr().out
    assert "2 cutoffs" in printed and "verdict" in printed
    run = Path("elman-runs/backtest-airline-1")
    frame = pl.read_csv(run / "forecast.csv", try_parse_dates=True)
    assert {"month", "cutoff", "passengers", "passengers-forecast"} <= set(frame.columns)
    assert (run / "report.html").is_file()
    assert main(["predict", str(run)]) == 2
    assert "holds no model" in capsys.readouterr().err


def test_backtest_at_cutoffs_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["backtest", "airline", *QUICK, "--cutoff", "1958-12-01", "--json", "--no-report"]
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out)["cutoffs"] == 1
    assert main([*arguments[:-4], "--cutoff", "soon"]) == 2
    assert "time stamps such as" in capsys.readouterr().err


# ------------------------------------------------------------------------ the other commands


def test_version_and_datasets_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"elman {elman.__version__}\n"
    assert main(["datasets"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in ("sunspots", "co2", "airline", "sine"))
    assert main(["datasets", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {"sunspots", "sine", "surnames"} <= {one["name"] for one in listed}
    assert main(["--help"]) == 0
    assert "backtest" in capsys.readouterr().out
    assert main(["forecast", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "--levels" in shown and "<bool>" not in shown
    assert main([]) == 2
    captured = capsys.readouterr()
    assert "datasets" in captured.out + captured.err and "elman: " not in captured.err


def test_python_m_elman() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "elman", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"elman {elman.__version__}\n"


def test_large_scores_are_short(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    rows = "".join(f"{time},{(10 + time % 7) * 1e30}\n" for time in range(60))
    (tmp_path / "huge.csv").write_text("ds,y\n" + rows)
    assert main(["forecast", "huge.csv", "--no-report", *QUICK]) == 0
    table = capsys.readouterr().out
    assert "e+30" in table and "," not in table[table.index("MAE") : table.index("verdict")]


# ------------------------------------------------------------------------- bad input


def test_bad_options_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    cases = {
        ("forecast", "nothing.csv"): "There is no file 'nothing.csv'",
        ("forecast", "nothing"): "no built-in set of that name",
        ("forecast", "--bogus"): "No such option",
        ("forecast", "--horizon", "x"): "horizon",
        ("forecast", "--horizon", "0"): "horizon: expected a whole number, at least 1",
        ("forecast", "--horizon", "400"): "shorter horizon",
        ("forecast", "--cell", "mamba"): "cell: expected one of",
        ("forecast", "--levels", "high"): "--levels: expected percents",
        ("forecast", "--levels", "120"): "levels: expected percents between 0 and 100",
        ("forecast", "--season", "sometimes"): "--season: expected a whole number or auto",
        ("forecast", "--segment", "x"): "--segment",
        ("forecast", "--target", "sunspots"): "is read as it is",
        ("forecast", "--time-format", "%Y"): "--time-format: the built-in 'sunspots'",
        ("predict",): "Missing argument",
        ("report", "nowhere"): "expected a run folder",
        ("forecast", "--window", "400"): "for --horizon 11 and --window 400, got 309",
        ("dance",): "No such command",
    }
    for arguments, expected in cases.items():
        assert expected in refused(capsys, *arguments), arguments


def test_bad_files_are_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, table: Path
) -> None:
    def file(name: str, text: str | bytes) -> str:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    rows = "".join(f"2024-01-{day:02d},{day}\n" for day in range(1, 29))
    cases = {
        file("empty.csv", ""): "is empty",
        file("header.csv", "ds,y\n"): "no rows",
        file("one.csv", "ds,y\n2024-01-01,3\n"): "at least",
        file(
            "text.csv", "ds,y\n2024-01-01,high\n2024-01-02,low\n"
        ): "must be numeric, but row 1 holds",
        file("twice.csv", f"ds,y\n{rows}2024-01-28,4\n"): "2024-01-28",
        file("constant.csv", "ds,y\n" + rows.replace(",", ",7 #").split("#")[0]): "at least",
        file("huge.csv", "ds,y\n" + rows.replace("\n", "e299\n")): "expected values up to 1e+150, ",
        file("binary.csv", b"\x00\x01\x02\xff"): "",
        file("broken.parquet", "not parquet"): "cannot be read as parquet",
        file("strange.xyz", "a,b\n1,2\n"): "no suffix that can be read",
    }
    for source, expected in cases.items():
        assert expected in refused(capsys, "forecast", source), source
    message = refused(capsys, "forecast", str(table), "--target", "sale")
    assert "--target sale" in message and "Did you mean 'sales'?" in message
    assert "no such column" in refused(capsys, "forecast", str(table), "--time", "date")


def test_how_and_where_time_was_written(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    days = [f"{day:02d}/{month:02d}/2024" for month in range(1, 13) for day in range(1, 13)]
    rows = [f"{day},{number % 5 + number % 3}\n" for number, day in enumerate(days[:12])]
    (tmp_path / "unclear.csv").write_text("ds,y\n" + "".join(rows))
    message = refused(capsys, "forecast", "unclear.csv")
    assert "Say which with `--time-format '%d/%m/%Y'` or" in message
    run = ("--epochs", "2", "--quiet", "--no-report", "--out", "run", "--time-zone", "Europe/Rome")
    assert main(["forecast", "unclear.csv", "--time-format", "%d/%m/%Y", *run]) == 0
    capsys.readouterr()
    assert main(["predict", "run", "unclear.csv"]) == 0
    assert "\nseries,2024-01-13" in capsys.readouterr().out
    assert elman.load("run/model").training_panel.time_zone == "Europe/Rome"


def test_constant_and_missing_columns_are_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    flat = "ds,y\n" + "".join(f"2024-01-{day:02d},7\n" for day in range(1, 29))
    (tmp_path / "flat.csv").write_text(flat)
    assert "constant" in refused(capsys, "forecast", str(tmp_path / "flat.csv"))
    gone = "ds,y\n" + "".join(f"2024-01-{day:02d},\n" for day in range(1, 29))
    (tmp_path / "gone.csv").write_text(gone)
    assert refused(capsys, "forecast", str(tmp_path / "gone.csv"), "--target", "y")


def test_nothing_of_the_users_is_overwritten(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine").mkdir()
    Path("mine/thesis.txt").write_text("precious")
    assert "exists and is not empty" in refused(capsys, "forecast", "--out", "mine")
    assert Path("mine/thesis.txt").read_text() == "precious"
    assert "exists and is no folder" in refused(capsys, "forecast", "--out", "mine/thesis.txt")
    assert "not a directory" in refused(capsys, "forecast", "--out", "mine/thesis.txt/run")


def test_a_place_without_permission_is_refused_before_training(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied", "somewhere")

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    assert "(permission denied); choose another place" in refused(capsys, "forecast")
    assert "--out: nothing can be" in refused(capsys, "backtest", "--out", "some/where")


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="there is no /proc")
def test_a_place_where_nothing_can_be_made_is_refused_before_training(
    capsys: pytest.CaptureFixture[str],
) -> None:
    message = refused(capsys, "forecast", "--out", "/proc/x/y")
    assert "--out: nothing can be written in /proc" in message


def test_ctrl_c_while_the_run_is_written_leaves_none(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("elman.Forecaster.save", interrupted)
    assert main(["forecast", "airline", "--out", "mine", *QUICK]) == 130
    assert capsys.readouterr().err == "elman: interrupted\n"
    assert not Path("mine").exists() and not list(Path().glob(".elman*"))


def test_too_little_memory_is_no_bug(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def greedy(*_: object) -> None:
        raise MemoryError("Unable to allocate 224. GiB")

    monkeypatch.setattr("elman.Forecaster.fit", greedy)
    assert main(["forecast"]) == 2
    message = capsys.readouterr().err
    assert "not enough memory: Unable to allocate 224. GiB; choose a smaller --hidden" in message


def test_a_bug_is_a_short_message_and_a_traceback_on_request(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> list[str]:
        raise ZeroDivisionError("boom")

    monkeypatch.setattr("elman.datasets.names", broken)
    assert main(["datasets"]) == 1
    message = capsys.readouterr().err
    assert "ZeroDivisionError: boom" in message and "Traceback" not in message
    with pytest.raises(ZeroDivisionError):
        main(["datasets", "--debug"])
    monkeypatch.setenv("ELMAN_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        main(["datasets"])


def test_ctrl_c_ends_quietly(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted() -> list[str]:
        raise KeyboardInterrupt

    monkeypatch.setattr("elman.datasets.names", interrupted)
    assert main(["datasets"]) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_a_warning_is_one_line_on_standard_error(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    rows = "".join(f"2024-01-{day:02d},{day % 7}\n" for day in range(1, 19))
    (tmp_path / "short.csv").write_text("ds,y\n" + rows)
    assert main(["forecast", "short.csv", "--horizon", "6", "--no-report", "--epochs", "2"]) == 0
    captured = capsys.readouterr()
    assert captured.err == "elman: the data are too short to calibrate intervals; none are given\n"


# ------------------------------------------------------------------------- as a process


def process(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    code = "import sys; from elman.cli import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        timeout=120,
        check=False,
    )


def test_the_default_run_as_a_process(tmp_path: Path) -> None:
    ran = process("forecast", folder=tmp_path)
    assert ran.returncode == 0 and ran.stderr == ""
    assert "\x1b[" not in ran.stdout  # no colours in a pipe
    assert "beats every baseline" in ran.stdout
    assert (tmp_path / "elman-runs/forecast-sunspots-1/report.html").is_file()


def test_a_reader_that_leaves_does_not_end_the_work(tmp_path: Path) -> None:
    code = "import sys; from elman.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "forecast", "--epochs", "2"]
    reader, writer = os.pipe()
    os.close(reader)  # nobody will ever read
    try:
        ran = subprocess.run(
            command, cwd=tmp_path, stdout=writer, stderr=subprocess.PIPE, timeout=120, check=False
        )
    finally:
        os.close(writer)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == b""
    assert (tmp_path / "elman-runs/forecast-sunspots-1/report.html").is_file()


def test_help_and_version_import_nothing_heavy() -> None:
    code = (
        "import sys\nfrom elman.cli import main\nmain(['--version'])\n"
        "print([n for n in ('numpy', 'polars', 'plotly', 'rich', 'typer') if n in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[1] == "[]"


# --------------------------------------------------------------- what predict answers with


def test_json_is_printed_beside_a_file(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", run, "--json", "--out", "next.csv"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 4
    assert pl.read_csv("next.csv").height == 4


def test_training_files_are_found_from_any_folder_or_missed_by_name(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "".join(f"q{number:02d}\ta{number:02d}\n" for number in range(60))
    (tmp_path / "pairs.tsv").write_text("one\ttwo\n" + rows)
    options = ("--source", "one", "--target", "two", "--epochs", "1", "--hidden", "8", "--quiet")
    assert main(["translate", "pairs.tsv", *options, "--out", "run", "--no-report"]) == 0
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert main(["predict", "../run", "--json", "--out", "answers.csv"]) == 0
    capsys.readouterr()
    assert main(["predict", "../run", ".."]) == 2
    assert "FILE: .. is a folder, expected a file" in capsys.readouterr().err
    (tmp_path / "pairs.tsv").unlink()
    assert main(["predict", "../run"]) == 2
    assert "which is not there any more; name the file" in capsys.readouterr().err
    assert main(["predict", "../run", "--levels", "80"]) == 2
    assert "--levels: a translation has none to choose" in capsys.readouterr().err


def test_a_table_beside_parallel_files_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    files = ("--source-file", "a.en", "--target-file", "a.de")
    assert "SOURCE: expected either" in refused(capsys, "translate", "pairs.tsv", *files)


def test_fewer_rows_than_the_window_are_warned_of(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [f"{time},{'' if time % 9 == 4 else 10 + time % 7}\n" for time in range(90)]
    Path("gaps.csv").write_text("ds,y\n" + "".join(rows))
    Path("short.csv").write_text("ds,y\n" + "".join(rows[:6]))
    assert main(["forecast", "gaps.csv", *QUICK, "--quiet", "--no-report", "--out", "run"]) == 0
    assert main(["predict", "run"]) == 0
    assert "reads 12 steps" not in capsys.readouterr().err
    assert main(["predict", "run", "short.csv"]) == 0
    assert "reads 12 steps, and only 6 of it are known" in capsys.readouterr().err


def test_the_list_of_data_fits_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from rich.console import Console

    monkeypatch.setattr("elman.cli.printing._make_console", lambda **_: Console(width=80))
    assert main(["datasets"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert "source" not in lines[0] and any("Solar Influences Data" in line for line in lines)


def test_the_newest_runs_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    for number, name in enumerate("zfedcba"):
        run = Path(f"elman-runs/{name}")
        run.mkdir(parents=True)
        (run / "config.json").write_text("{}")
        os.utime(run / "config.json", (number, number))
    assert main(["predict", "nowhere"]) == 2
    assert "runs here: ... elman-runs/e, elman-runs/d, " in capsys.readouterr().err


def test_a_file_without_a_header_is_warned_of(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"2024-01-{day:02d},{10 + day % 7}.5\n" for day in range(1, 32)]
    Path("bare.csv").write_text("".join(rows))
    assert main(["forecast", "bare.csv", *QUICK, "--quiet", "--no-report"]) == 0
    assert "first row, with 11.5, names the columns" in capsys.readouterr().err


def test_only_names_that_are_near_are_suggested(capsys: pytest.CaptureFixture[str]) -> None:
    Path("ok_e.csv").write_text("ds,y\n")
    assert "Did you mean" not in refused(capsys, "forecast", "nope.csv")
    assert "Did you mean 'ok_e.csv'?" in refused(capsys, "forecast", "ok_f.csv")


def test_a_backtest_says_why_its_season_is_another(capsys: pytest.CaptureFixture[str]) -> None:
    """What is chosen at a cutoff is chosen from what was known there."""
    assert main(["backtest", "sunspots", "--epochs", "1", "--hidden", "2", "--no-report"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Before the first cutoff the data show a season of 10 steps" in said
    assert "all of them show one of 11, which --season 11 sets." in said


def test_covariates_ahead_are_missed_before_the_training(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("sales.csv").write_text("t,promo,y\n" + "".join(f"{n},{n % 2},{n}\n" for n in range(60)))
    arguments = ["forecast", "sales.csv", "--future", "promo", "--horizon", "3"]
    assert main([*arguments, "--epochs", "9000000"]) == 2, "it would train for hours"
    said = capsys.readouterr().err
    assert "Append a row for each of the 3 steps to be forecast" in said
    assert "elman predict RUN --future FILE" in said


def test_a_forecast_has_the_digits_that_it_resolves(capsys: pytest.CaptureFixture[str]) -> None:
    """No more than single precision has, in every form that it is written in."""
    options = ["--epochs", "1", "--hidden", "2", "--no-report", "--horizon", "3", "--out", "run"]
    assert main(["forecast", "airline", *options, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["forecast"]
    assert main(["predict", "run"]) == 0
    printed = capsys.readouterr().out.splitlines()[1:]
    written = Path("run/forecast.csv").read_text().splitlines()[1:]
    assert printed == written
    cells = [cell for line in printed for cell in line.split(",")[2:]]
    assert all(len(cell.partition(".")[2]) <= 5 for cell in cells), cells
    assert [float(one) for one in cells] == [v for row in rows for v in list(row.values())[2:]]
    assert main(["backtest", "airline", *options[:-1], "test"]) == 0
    tested = Path("test/forecast.csv").read_text().splitlines()
    names = tested[0].split(",")
    first = dict(zip(names, tested[1].split(","), strict=True))
    assert len(first["passengers-forecast"].partition(".")[2]) <= 5
    assert len(first["passengers-lo-80"].partition(".")[2]) <= 5
