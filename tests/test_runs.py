import json
from datetime import date, datetime

import numpy as np
import pytest

from elman import __version__
from elman.errors import InputError
from elman.runs import FORMAT_VERSION, Run, versions


@pytest.fixture(autouse=True)
def working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(folder):
    return sorted(one.name for one in folder.iterdir())


def test_default_folders_take_the_next_free_number():
    first, second = Run.create(name="sunspots"), Run.create(name="sunspots")
    assert str(first.path) == "elman-runs/forecast-sunspots-1"
    assert str(second.path) == "elman-runs/forecast-sunspots-2"
    assert str(Run.create(kind="backtest", name="My File (2).csv").path) == (
        "elman-runs/backtest-my-file-2-csv-1"
    )
    assert Run.create(name="über/日本").path.name == "forecast-ueber-日本-1"
    assert Run.create(name="日本").path.name == "forecast-日本-1"
    (first.path.parent / "forecast-sunspots-7").mkdir()
    assert Run.create(name="sunspots").path.name == "forecast-sunspots-8"


def test_everything_written_is_read_back(tmp_path):
    run = Run.create(tmp_path / "deep" / "run", kind="forecast")
    run.write_config({"horizon": np.int64(12), "levels": (80, 95), "path": tmp_path})
    run.write_metrics({"mae": np.float64(0.1), "mase": None, "steps": np.array([1.0, 2.0])})
    run.write_history([{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}])
    run.write_report_content({"title": "a <b> & \u2028", "times": np.array(["2020"], "M8[D]")})
    run.write_forecast(
        {
            "unique_id": ["001", "001"],
            "ds": np.array(["2020-01-01", "2020-02-01"], "datetime64[us]"),
            "forecast": np.array([1 / 3, np.nan]),
        }
    )
    page = run.write_page("<p>ä</p>")

    again = Run.open(run.path)
    assert again.kind == "forecast"
    assert again.versions["elman"] == __version__
    assert again.configuration == {"horizon": 12, "levels": [80, 95], "path": str(tmp_path)}
    assert again.metrics == {"mae": 0.1, "mase": None, "steps": [1.0, 2.0]}
    assert again.history == [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}]
    assert again.report_content == {"title": "a <b> & \u2028", "times": ["2020-01-01"]}
    assert again.forecast.to_dict(as_series=False) == {
        "unique_id": ["001", "001"],
        "ds": [date(2020, 1, 1), date(2020, 2, 1)],
        "forecast": [1 / 3, None],
    }
    assert page == again.page_path
    assert page.read_text("utf-8") == "<p>ä</p>"
    assert files(run.path) == [
        "config.json", "forecast.csv", "history.csv", "metrics.json", "report.html", "report.json",
    ]  # fmt: skip


def test_times_are_written_as_coarsely_as_they_are(tmp_path):
    run = Run.create(tmp_path / "run")
    fine = np.array(["2020-01-01T00:00:00", "2020-01-01T06:30:00", "NaT"], "datetime64[ns]")
    run.write_table(
        "times.csv",
        {"a": fine, "b": [datetime(2020, 1, 1, 12), date(2020, 1, 1), None], "c": [1, "x,y", "é"]},
    )
    assert (run.path / "times.csv").read_text("utf-8").splitlines() == [
        "a,b,c",
        "2020-01-01T00:00:00,2020-01-01T12:00:00,1",
        '2020-01-01T06:30:00,2020-01-01,"x,y"',
        ",,é",
    ]
    with pytest.raises(InputError, match="columns of one length"):
        run.write_table("bad.csv", {"a": [1], "b": [1, 2]})


def test_numbers_that_are_not_finite_are_refused_by_name(tmp_path):
    run = Run.create(tmp_path / "run")
    with pytest.raises(InputError, match=r"metrics\.scores\[1\]\.mae: expected a finite .* nan"):
        run.write_metrics({"scores": [{"mae": 1.0}, {"mae": float("nan")}]})
    with pytest.raises(InputError, match=r"metrics\.steps\[1\]: .* got inf"):
        run.write_metrics({"steps": np.array([1.0, np.inf])})
    with pytest.raises(InputError, match="cannot be written as JSON"):
        run.write_metrics({"model": object()})
    assert files(run.path) == ["config.json"]


@pytest.mark.parametrize("made", [False, True])
def test_a_draft_is_a_run_once_it_is_complete(tmp_path, made):
    folder = tmp_path / "runs" / "one"
    if made:
        folder.mkdir(parents=True)
    with Run.draft(folder) as run:
        run.write_page("page")
        assert not (folder / "config.json").exists() and run.path != folder
    assert run.path == folder
    assert files(folder) == ["config.json", "report.html"]
    assert folder.stat().st_mode & 0o777 == tmp_path.joinpath("runs").stat().st_mode & 0o777
    assert files(folder.parent) == ["one"]
    with pytest.raises(InputError, match="already holds a run"), Run.draft(folder):
        pass


@pytest.mark.parametrize("problem", [KeyboardInterrupt, ValueError])
def test_a_draft_that_is_given_up_leaves_nothing(tmp_path, problem):
    (tmp_path / "mine").mkdir()
    for path in (None, tmp_path / "new", tmp_path / "mine"):
        with pytest.raises(problem), Run.draft(path) as run:
            run.write_page("half")
            raise problem
    assert files(tmp_path) == ["elman-runs", "mine"]
    assert files(tmp_path / "elman-runs") == files(tmp_path / "mine") == []


def test_drafts_at_the_same_time_take_different_numbers():
    with Run.draft(name="Umsätze") as first, Run.draft(name="Umsätze") as second:
        pass
    assert {str(one.path) for one in (first, second)} == {
        "elman-runs/forecast-umsaetze-1", "elman-runs/forecast-umsaetze-2",
    }  # fmt: skip


def test_an_existing_run_is_kept_unless_told(tmp_path):
    run = Run.create(tmp_path / "run")
    run.write_config({"horizon": 3})
    run.write_page("old page")
    run.model_path.mkdir()
    (run.model_path / "weights").write_text("old")
    (run.path / "my notes.txt").write_text("mine")
    with pytest.raises(InputError, match="already holds a run"):
        Run.create(run.path)
    assert Run.open(run.path).configuration == {"horizon": 3}

    replaced = Run.create(run.path, overwrite=True)
    assert replaced.configuration == {}
    assert files(run.path) == ["config.json", "my notes.txt"]


def test_a_folder_or_file_that_is_no_run_is_never_touched(tmp_path):
    folder = tmp_path / "precious"
    folder.mkdir()
    Run.create(folder)  # empty: fine
    (folder / "config.json").write_text(json.dumps({"format": "something else"}))
    with pytest.raises(InputError, match="not empty and no run"):
        Run.create(folder, overwrite=True)
    assert files(folder) == ["config.json"]
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is a file"):
        Run.create(tmp_path / "file", overwrite=True)
    with pytest.raises(InputError, match="path: "):
        Run.create(tmp_path / "file" / "below")


def test_opening_what_is_no_run_says_so(tmp_path):
    with pytest.raises(InputError, match=r"expected a run folder, found nothing at .*missing"):
        Run.open(tmp_path / "missing")
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="found a file"):
        Run.open(tmp_path / "file")
    Run.create(name="sunspots")
    with pytest.raises(InputError, match=r"no config\.json; runs here: elman-runs/forecast-sun"):
        Run.open(tmp_path)


@pytest.mark.parametrize(
    ("config", "match"),
    [
        ("{", "is not JSON"),
        ("[1]", "no JSON object"),
        (b"\xff\xfe", "is not UTF-8"),
        ('{"format": "tale"}', "names the format 'tale'"),
        ('{"format": "elman-run"}', "format version None"),
        (json.dumps({"format": "elman-run", "format_version": FORMAT_VERSION + 1}), "reads up to"),
        (json.dumps({"format": "elman-run", "format_version": "1"}), "format version '1'"),
    ],
)
def test_a_broken_or_later_config_says_so(tmp_path, config, match):
    run = Run.create(tmp_path / "run")
    raw = config if isinstance(config, bytes) else config.encode()
    (run.path / "config.json").write_bytes(raw)
    with pytest.raises(InputError, match=match):
        Run.open(run.path)


def test_missing_and_broken_files_say_so(tmp_path):
    run = Run.create(tmp_path / "run")
    for read, name in (
        (lambda: run.metrics, "metrics.json"),
        (lambda: run.history, "history.csv"),
        (lambda: run.forecast, "forecast.csv"),
        (lambda: run.report_content, "report.json"),
    ):
        with pytest.raises(InputError, match=f"has no {name}"):
            read()
    run.write_text("metrics.json", "{")
    with pytest.raises(InputError, match=r"metrics\.json is not JSON"):
        _ = run.metrics
    run.write_text("forecast.csv", "")
    with pytest.raises(InputError, match=r"forecast\.csv is not CSV"):
        _ = run.forecast


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    run = Run.create(tmp_path / "run")
    run.write_page("old")

    def fail(*_):
        raise OSError(28, "No space left on device", "report.html")

    monkeypatch.setattr("pathlib.Path.replace", fail)
    with pytest.raises(InputError, match="No space left on device"):
        run.write_page("new")
    assert run.page_path.read_text() == "old"
    assert files(run.path) == ["config.json", "report.html"]


def test_versions_name_what_is_at_work():
    found = versions()
    assert found["elman"] == __version__
    assert found["numpy"] == np.__version__
    assert {"python", "platform"} < set(found)
