"""What the report says of a translator: honest verdicts."""

from __future__ import annotations

import pytest

from elman.tasks.translation_report import _verdict, verdict


def scores(network: tuple[float, float], **rivals: tuple[float, float]) -> dict:
    rows = {"network": network, **rivals}
    table = {
        name: {"exact_match": exact, "token_error_rate": error}
        for name, (exact, error) in rows.items()
    }
    return {"rows": 1200, "table": table}


@pytest.mark.parametrize(
    ("network", "tone", "part"),
    [
        ((0.9, 0.1), "good", "the best baseline (copy) has 30.0 %"),
        ((0.9, 0.4), "good", "90.0 % of 1,200"),
        ((0.3, 0.4), "mixed", "level with a baseline (copy)"),
        ((0.3, 0.5), "bad", "no more than a baseline (copy: 30.0 %)"),
        ((0.2, 0.9), "bad", "no more than a baseline"),
        ((0.2, 0.1), "mixed", "30.0 % by a baseline (copy)"),
        ((0.9, 0.6), "mixed", "it needs 0.60 edits a token, 0.40 with a baseline (nearest)"),
        ((0.3, 0.2), "mixed", "0.20 edits a token would put the answers right, 0.40"),
    ],
)
def test_a_baseline_that_is_not_beaten_is_named(
    network: tuple[float, float], tone: str, part: str
) -> None:
    found = _verdict(scores(network, copy=(0.3, 0.5), nearest=(0.1, 0.4)))
    assert found.tone == tone and part in found.sentence
    assert verdict(scores(network, copy=(0.3, 0.5), nearest=(0.1, 0.4))) == found.sentence


def test_of_baselines_that_are_never_right_the_nearest_is_named() -> None:
    text = verdict(scores((0.9, 0.1), copy=(0.0, 1.2), nearest=(0.0, 0.4)))
    assert "(nearest) has 0.0 %" in text
    assert verdict(None).startswith("Too few pairs")
