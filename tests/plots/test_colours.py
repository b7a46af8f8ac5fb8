"""Colours that can be told apart, and texts that can be read."""

from __future__ import annotations

import pytest

from elman.plots import THEMES
from elman.plots.classes import confusion_figure
from elman.plots.colours import READABLE, contrast, ink_on, mixed


def test_contrast_is_that_of_the_guidelines():
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)
    assert contrast("#0067a5", "#0067a5") == 1.0
    assert mixed("#000000", "#ffffff", 0.5) == "#808080"


@pytest.mark.parametrize("theme", THEMES)
def test_text_on_a_field_of_any_share_can_be_read(theme):
    colours = THEMES[theme]
    for step in range(1001):
        ground = mixed(colours["surface"], colours["network"], step / 1000)
        ink = colours[ink_on(step / 1000)[1:]]
        assert contrast(ink, ground) >= READABLE, (step, ink, ground)
    assert colours["on-0"] == colours["ink"]


def test_numbers_of_a_confusion_stand_in_such_colours():
    heat, figures = confusion_figure([[8, 2], [0, 5]], ["a", "b"])["data"]
    assert heat["z"] == [[0.8, 0.2], [0.0, 1.0]]
    fields = zip(figures["x"], figures["y"], figures["text"], strict=True)
    assert list(fields) == [("a", "a", "8"), ("b", "a", "2"), ("b", "b", "5")]
    assert figures["textfont"]["color"] == [ink_on(one) for one in (0.8, 0.2, 1.0)]
    assert len(confusion_figure([[1] * 13] * 13, range(13))["data"]) == 1, "too small to be read"
    assert len(confusion_figure([[0]], ["a"])["data"]) == 1
