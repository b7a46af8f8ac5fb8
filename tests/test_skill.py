"""The skill benchmark: its tables, its protocol, and what it says when the data are not there."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

import elman

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import skill
from benchmarks.skills import coverage, etth1
from benchmarks.skills.common import goal


def test_absent_data_are_skipped_with_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ELMAN_DATA", str(tmp_path))
    results = tmp_path / "results"
    assert skill.main(["--only", "etth1", "--results", str(results)]) == 0
    assert "etth1 is skipped" in capsys.readouterr().out
    assert not results.exists()


def test_errors_are_those_of_every_window_of_the_test_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole protocol on a small file of the same form, against a direct computation."""
    rng = np.random.default_rng(0)
    monkeypatch.setattr(etth1, "TRAIN", 200)
    monkeypatch.setattr(etth1, "VALIDATION", 260)
    monkeypatch.setattr(etth1, "TEST", 330)
    small = {"window": 48, "segment": 24, "hidden_size": 8}
    monkeypatch.setattr(etth1, "COMMON", {**etth1.COMMON, **small})
    monkeypatch.setattr(etth1, "SETTINGS", {24: {"epochs": 1}})
    values = rng.standard_normal((400, 7)).cumsum(axis=0)
    stamps = np.datetime64("2016-07-01T00") + np.arange(400)
    lines = [",".join(["date", *etth1.COLUMNS])]
    lines += [
        ",".join([str(stamp).replace("T", " ") + ":00:00", *map(str, row)])
        for stamp, row in zip(stamps, values, strict=True)
    ]
    (tmp_path / "etth1").mkdir()
    (tmp_path / "etth1" / "ETTh1.csv").write_text("\n".join(lines))
    monkeypatch.setenv("ELMAN_DATA", str(tmp_path))
    panel = elman.Panel.from_any(
        tmp_path / "etth1" / "ETTh1.csv", target=etth1.COLUMNS, time="date"
    ).take(330)
    forecaster = elman.Forecaster(horizon=24, **etth1.COMMON, epochs=1).fit(panel.take(200))
    error = etth1.test_part_error(forecaster.model_, panel, 24)

    scale = values[:200].std(axis=0)
    square = []
    for origin in range(260, 330 - 24 + 1):
        forecast = forecaster.predict(panel.take(origin))
        columns = np.stack([forecast[name].to_numpy() for name in etth1.COLUMNS], axis=1)
        square.append((((columns - values[origin : origin + 24]) / scale) ** 2).mean())
    assert error["mse"] == pytest.approx(np.mean(square), rel=1e-4)


def test_coverage_record_and_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(coverage.RECORDS, "airline", 20)
    record = coverage.one_record("airline")
    assert record["cutoffs"] == 4
    assert set(record["coverage"]) == {"80", "95"}
    text = coverage.table([record]).text()
    assert "airline" in text and "%" in text


def test_etth1_table_stands_beside_the_references() -> None:
    record = {
        "horizon": 96,
        "runs": [{}, {}],
        "mse": 0.36,
        "mse_spread": 0.001,
        "mae": 0.39,
        "mae_spread": 0.001,
        "seconds": 20.0,
        "goal": 0.37,
        "reached": True,
    }
    text = etth1.table([record]).text()
    assert "SegRNN" in text and "0.3600 ± 0.0010" in text and "reached" in text


def test_the_page_is_made_of_the_records_and_their_goals(tmp_path: Path) -> None:
    record = {
        "record": "airline",
        "horizon": 12,
        "cutoffs": 4,
        "coverage": {"80": 0.7, "95": 0.96},
        "within": {"80": False, "95": True},
        "mae": 17.0,
        "best_baseline": "linear",
        "best_baseline_mae": 16.0,
    }
    goals = [goal("airline", "coverage", "about 80 %", [70.0, 72.0], False, ".1f")]
    content = {"records": [record], "goals": goals}
    (tmp_path / "coverage.json").write_text(json.dumps(content))
    page = skill.page(tmp_path)
    assert "| airline | coverage | about 80 % | 71.0 ± 1.0 | **missed** |" in page
    assert "Intervals on the built-in records" in page and "ETTh1" not in page
