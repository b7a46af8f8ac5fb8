"""The benchmark of anomalies: its protocol on a small file of the same form."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.skills import nab
from benchmarks.skills.common import Options


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    generator = np.random.default_rng(0)
    values = np.sin(np.arange(2400) / 4) + 0.1 * generator.standard_normal(2400)
    values[1500:1505] += 3.0
    stamps = np.datetime64("2014-01-01T00:00:00") + 300 * np.arange(2400)
    lines = ["timestamp,value"]
    lines += [
        f"{str(stamp).replace('T', ' ')},{value}"
        for stamp, value in zip(stamps, values, strict=True)
    ]
    (tmp_path / "nab" / "realKnownCause").mkdir(parents=True)
    (tmp_path / "nab" / "realKnownCause" / "one.csv").write_text("\n".join(lines))
    windows = [[f"{str(stamps[at]).replace('T', ' ')}.000000" for at in (1490, 1519)]]
    (tmp_path / "nab" / "combined_windows.json").write_text(
        json.dumps({"realKnownCause/one.csv": windows})
    )
    monkeypatch.setenv("ELMAN_DATA", str(tmp_path))
    return tmp_path


@pytest.mark.filterwarnings("ignore::elman.ElmanWarning")
def test_the_whole_protocol_on_one_file(folder: Path) -> None:
    content = nab.run(Options(seeds=(0,)))
    assert content is not None
    (record,) = content["records"]
    assert record["steps"] == 2400 and record["normal"] == 360 and record["window"] == 44
    assert record["labelled"] == 1 and record["labelled_steps"] == 30
    own = record["detectors"][nab.NETWORK][0]
    assert own["found"] == own["found_at_0.01"] == own["found_with_1"] == 1.0
    assert own["auc"] > 0.7
    assert {one["what"] for one in content["goals"]} >= {
        "AUC of the steps",
        "false alarms at a stated 1 %, fixed threshold",
    }
    average, by_file = nab.tables(json.loads(json.dumps(content)))
    assert "isolation forest" in average.text() and "one" in by_file.text()


def test_measures_against_counting() -> None:
    scores = np.arange(100) % 10 / 10.0
    scores[70:72] = 5.0
    normal = np.linspace(0.0, 2.0, 300)
    measures = nab.judge(scores, normal, [(70, 80), (85, 90)], 20, 0)
    assert measures["found"] == 0.5 and measures["false_alarms"] == 0.0
    assert measures["found_with_1"] >= 0.5
    assert 0.0 < measures["chance_at_0.01"] < 1.0


def test_absent_data_are_skipped_with_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ELMAN_DATA", str(tmp_path))
    assert nab.run(Options()) is None
    assert "nab is skipped" in capsys.readouterr().out
