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


def test_absent_data_are_skipped_with_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ELMAN_DATA", str(tmp_path))
    target = tmp_path / "records.json"
    assert skill.main(["--only", "etth1", "--json", str(target)]) == 0
    assert "ETTh1 is skipped" in capsys.readouterr().out
    assert json.loads(target.read_text())["etth1"] is None


def test_errors_are_those_of_every_window_of_the_test_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole protocol on a small file of the same form, against a direct computation."""
    rng = np.random.default_rng(0)
    monkeypatch.setattr(skill, "TRAIN", 200)
    monkeypatch.setattr(skill, "VALIDATION", 260)
    monkeypatch.setattr(skill, "TEST", 330)
    small = {"window": 48, "segment": 24, "hidden_size": 8}
    monkeypatch.setattr(skill, "COMMON", {**skill.COMMON, **small})
    monkeypatch.setattr(skill, "SETTINGS", {24: {"epochs": 1}})
    values = rng.standard_normal((400, 7)).cumsum(axis=0)
    stamps = np.datetime64("2016-07-01T00") + np.arange(400)
    lines = [",".join(["date", *skill.COLUMNS])]
    lines += [
        ",".join([str(stamp).replace("T", " ") + ":00:00", *map(str, row)])
        for stamp, row in zip(stamps, values, strict=True)
    ]
    (tmp_path / "etth1").mkdir()
    (tmp_path / "etth1" / "ETTh1.csv").write_text("\n".join(lines))
    monkeypatch.setenv("ELMAN_DATA", str(tmp_path))
    panel = elman.Panel.from_any(skill.data_file(), target=skill.COLUMNS, time="date").take(330)
    forecaster = elman.Forecaster(horizon=24, **skill.COMMON, epochs=1).fit(panel.take(200))
    error = skill.test_part_error(forecaster.model_, panel, 24)

    scale = values[:200].std(axis=0)
    square = []
    for origin in range(260, 330 - 24 + 1):
        forecast = forecaster.predict(panel.take(origin))
        columns = np.stack([forecast[name].to_numpy() for name in skill.COLUMNS], axis=1)
        square.append((((columns - values[origin : origin + 24]) / scale) ** 2).mean())
    assert error["mse"] == pytest.approx(np.mean(square), rel=1e-4)


def test_coverage_record_and_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(skill.RECORDS, "airline", 20)
    record = skill.coverage("airline")
    assert record["cutoffs"] == 4
    assert set(record["coverage"]) == {"80", "95"}
    text = skill.coverage_table([record]).text()
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
    text = skill.etth1_table([record]).text()
    assert "SegRNN" in text and "0.3600 ± 0.0010" in text and "reached" in text
