import io
import re

import numpy as np
import pytest

from elman.errors import InputError
from elman.plots import terminal_line

BRAILLE = re.compile("[\u2801-\u28ff]")


def plot(unicode, **options):
    values = np.sin(np.arange(60) / 5)
    forecast = np.sin(np.arange(60, 72) / 5)
    labels = [f"t{number}" for number in range(72)]
    defaults = {"intervals": (forecast - 0.3, forecast + 0.3), "labels": labels}
    return terminal_line(values, forecast, unicode=unicode, **{**defaults, **options})


@pytest.mark.parametrize("unicode", [True, False])
@pytest.mark.parametrize(("width", "height"), [(24, 3), (60, 9), (120, 20)])
def test_the_plot_has_the_size_asked_for(unicode, width, height):
    lines = plot(unicode, width=width, height=height).split("\n")
    assert len(lines) == height + 1  # and the line of times
    assert max(map(len, lines)) <= width
    assert len(lines[0]) > width // 2


def test_ascii_is_ascii_and_shows_history_forecast_and_interval():
    text = plot(False)
    assert text.isascii()
    rows = [line.split("|", 1)[1] for line in text.split("\n")[:-1]]
    divider = rows[-1].index(":") if ":" in rows[-1] else rows[0].index(":")
    before = "".join(row[:divider] for row in rows)
    after = "".join(row[divider + 1 :] for row in rows)
    assert set(before) - set(" :") == {"*"}
    assert {"o", "."} <= set(after)
    assert "*" not in after


def test_unicode_uses_braille_and_names_first_last_and_present():
    lines = plot(True).split("\n")
    assert all(BRAILLE.search(line) for line in lines[:-1])
    assert lines[-1].split() == ["t24", "t59", "t71"]


def test_the_scale_names_top_and_bottom():
    text = terminal_line([0.0, 50.0], [100.0], height=5, unicode=False, width=30)
    lines = text.split("\n")
    assert lines[0].startswith("100 |")
    assert lines[-1].startswith("  0 |")
    assert lines[0].rstrip().endswith("o")


def test_every_point_is_at_its_height():
    rows = terminal_line([0.0, 1.0, 2.0, 3.0], [], height=4, width=24, unicode=False).split("\n")
    marks = [row.split("|", 1)[1].rstrip() for row in rows]
    assert [len(one) for one in marks] == sorted((len(one) for one in marks), reverse=True)
    assert marks[3].startswith("*")


def test_a_missing_value_is_a_gap():
    whole = terminal_line(np.zeros(11), [], width=30, height=3, unicode=False)
    values = np.zeros(11)
    values[4:7] = np.nan
    broken = terminal_line(values, [], width=30, height=3, unicode=False)
    assert whole.count("*") > broken.count("*") > 0
    assert re.search(r"\* {4,}\*", broken)


@pytest.mark.parametrize(
    ("values", "forecast"),
    [([5.0], []), ([], [5.0]), ([np.nan, 1.0], [np.inf]), ([3.0] * 9, [3.0]), ([1e9, -1e9], [0.0])],
)
def test_odd_series_are_drawn(values, forecast):
    text = terminal_line(values, forecast, unicode=False)
    assert "*" in text or "o" in text


def test_nothing_to_draw_is_said():
    assert "nothing to draw" in terminal_line([np.nan], [])
    assert "nothing to draw" in terminal_line([], [])


def test_colour_marks_forecast_and_interval_and_nothing_else():
    plain, coloured = plot(True), plot(True, colour=True)
    assert "\x1b[1;34m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain
    history = terminal_line([1.0, 2.0], [], colour=True)
    assert "\x1b" not in history


@pytest.mark.parametrize(
    ("encoding", "braille"), [("utf-8", True), ("ascii", False), (None, False)]
)
def test_the_terminal_decides_about_unicode(monkeypatch, encoding, braille):
    class Terminal(io.StringIO):
        pass

    Terminal.encoding = encoding
    monkeypatch.setattr("sys.stdout", Terminal())
    assert bool(BRAILLE.search(plot(None))) is braille


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"width": 10}, "at least 24 x 3"),
        ({"height": 1}, "at least 24 x 3"),
        ({"labels": ["a"]}, "labels: expected 72"),
        ({"intervals": ([1.0], [2.0])}, "intervals: expected 12 steps"),
    ],
)
def test_bad_input_is_refused(options, match):
    with pytest.raises(InputError, match=match):
        plot(True, **options)
    with pytest.raises(InputError, match="values: expected one dimension"):
        terminal_line([[1.0]], [])
