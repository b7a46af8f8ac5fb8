"""The skill benchmark of parts of speech: its protocol on a few sentences, and its table."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.skills import atis
from benchmarks.skills.common import Options


def sentences(rows: int, words: str) -> str:
    lines = []
    for row in range(rows):
        for number, word in enumerate(words.split()[row % 2 :], start=1):
            tag = "NOUN" if word.istitle() else "VERB"
            lines.append("\t".join([str(number), word, "_", tag, *["_"] * 6]))
        lines.append("")
    return "\n".join(lines)


def test_trained_on_the_training_part_and_judged_on_the_test_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "ud_english_atis"
    folder.mkdir()
    (folder / "en_atis-ud-train.conllu").write_text(sentences(30, "Ann sees Bob run"))
    (folder / "en_atis-ud-test.conllu").write_text(sentences(6, "Bob sees Eve go"))
    monkeypatch.setenv("ELMAN_DATA", str(tmp_path))
    monkeypatch.setattr(atis, "SETTINGS", {**atis.SETTINGS, "hidden_size": 8, "epochs": 2})
    content = atis.run(Options((0, 1), 1))
    assert content is not None
    assert [(one["head"], one["seed"]) for one in content["runs"]] == [
        *(("softmax", 0), ("softmax", 1), ("CRF", 0), ("CRF", 1))
    ]
    # Eve and go were never met: both are given the most frequent tag, that of names
    word = content["baselines"]["most frequent tag of the word"]["accuracy"]
    assert word == pytest.approx((3 * 3 + 3 * 2) / (3 * 4 + 3 * 3))
    (table,) = atis.tables(content)
    assert len(table.rows) == 4 and "development part" in table.title
    assert [one["what"] for one in content["goals"]] == [
        "UPOS accuracy, softmax",
        "UPOS accuracy, CRF",
    ]


def test_absent_data_are_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ELMAN_DATA", str(tmp_path))
    assert atis.run(Options()) is None
    assert "ud_english_atis is skipped" in capsys.readouterr().out
