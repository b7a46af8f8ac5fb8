"""Numbers of things in words."""

from __future__ import annotations

from elman.counting import counted


def test_one_and_several() -> None:
    assert counted(1, "pair") == "1 pair"
    assert counted(0, "pair") == "0 pairs"
    assert counted(1200, "class", "classes") == "1,200 classes"
