"""What the reports of classification and regression conclude."""

from __future__ import annotations

from typing import Any

import pytest

from elman.tasks import classification_report, regression_report


def scores(measure: str, own: float, rival: float, clearly: bool) -> dict[str, Any]:
    table = {"network": {measure: own}, "other": {measure: rival}}
    return {"rows": 100, "table": table, "clearly": {"other": clearly}}


@pytest.mark.parametrize(
    ("module", "measure", "better"),
    [(classification_report, "accuracy", 1), (regression_report, "mae", -1)],
)
def test_a_win_by_chance_is_none(module: Any, measure: str, better: int) -> None:
    judged = {
        case: module._verdict(scores(measure, 0.5 + 0.1 * better * step, 0.5, clearly))
        for case, step, clearly in (
            ("won", 1, True),
            ("close", 1, False),
            ("level", 0, False),
            ("lost", -1, False),
        )
    }
    tones = {case: one.tone for case, one in judged.items()}
    assert tones == {"won": "good", "close": "mixed", "level": "mixed", "lost": "bad"}
    assert "level with" in judged["level"].sentence
    assert "cannot tell apart" in judged["close"].sentence
    assert module._verdict(None).tone == "none"
