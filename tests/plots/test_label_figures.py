"""Figures of labels at every step."""

from __future__ import annotations

from elman.plots.labels import HUES, segments_figure


def test_two_ribbons_over_the_channels() -> None:
    labels = ["off", "<on>", "idle"]
    figure = segments_figure([[0.0, None, 1.0]], [0, 1, 1], [0, 0, 1], labels, ["a"])
    lines, ribbons, *legend = figure["data"]
    assert lines["y"] == [0.0, None, 1.0] and lines["x"] == [1, 2, 3]
    assert dict(zip(ribbons["y"], ribbons["z"], strict=True)) == {
        "truth": [0, 1, 1],
        "named": [0, 0, 1],
    }
    assert [one["marker"]["color"] for one in legend] == list(HUES[:2])  # only those that occur
    assert "<" not in legend[1]["name"]
    assert (ribbons["zmin"], ribbons["zmax"]) == (-0.5, 2.5)
    scale = ribbons["colorscale"]
    assert [scale[0][0], scale[-1][0]] == [0.0, 1.0] and len(scale) == 6
    for place in range(3):  # each number lies in its own colour
        middle = (place + 0.5) / 3
        below = [colour for edge, colour in scale if edge <= middle][-1]
        assert below == HUES[place]


def test_more_labels_than_colours_begin_again() -> None:
    number = len(HUES) + 2
    figure = segments_figure([[0.0]], [number - 1], [0], list(range(number)), ["a"])
    assert figure["data"][-1]["marker"]["color"] == HUES[1]
