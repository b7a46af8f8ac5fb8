"""The skill benchmark of addition: its protocol on few rows, and its table."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.skills import addition
from benchmarks.skills.common import Options


def test_the_test_part_is_not_trained_on_and_stands_in_the_table(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[str] = []
    judged: list[str] = []

    class Spy(addition.elman.Translator):
        def fit(self, X: list[str], y: list[str]) -> Spy:
            seen.extend(X)
            return super().fit(X, y)

        def evaluate(self, X: list[str], y: list[str], **options: object) -> dict:
            judged.extend(X)
            return super().evaluate(X, y, **options)

    monkeypatch.setattr(addition.elman, "Translator", Spy)
    monkeypatch.setattr(addition, "ROWS", 200)
    monkeypatch.setattr(addition, "TEST", 50)
    small = {"hidden_size": 8, "epochs": 2, "batch_size": 32}
    monkeypatch.setattr(addition, "SETTINGS", {**addition.SETTINGS, **small})
    content = addition.run(Options((0,), 1))
    assert content is not None
    assert len(set(seen)) == 150 and len(set(judged)) == 50 and not set(seen) & set(judged)
    assert content["goals"][0]["reached"] is False
    (table,) = addition.tables(content)
    text = table.text()
    for part in ("Keras", "elman, seed 0", "most frequent target", "2 epochs"):
        assert part in text
