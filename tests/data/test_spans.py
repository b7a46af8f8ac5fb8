"""Labelled stretches of series, from tables and JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest

import elman
from elman.data.spans import read_spans
from elman.errors import InputError


@pytest.fixture
def panel():
    times = np.datetime64("2024-01-01T00") + np.arange(48)
    return elman.Panel.from_any({"t": times, "y": np.arange(48.0)}, target="y", time="t")


@pytest.fixture
def two():
    columns = {"unit": ["a"] * 5 + ["b"] * 5, "t": [*range(5), *range(5)], "y": np.arange(10.0)}
    return elman.Panel.from_any(columns, target="y", time="t", id="unit")


def written(path, text):
    path.write_text(text)
    return path


def test_stretches_points_and_json_say_the_same(tmp_path, panel):
    table = written(
        tmp_path / "a.csv", "start,end\n2024-01-01 05:00,2024-01-01 07:00\n2024-01-02,2024-01-02\n"
    )
    assert read_spans(table, panel) == [[(5, 8), (24, 25)]]
    windows = [["2024-01-01 05:00:00.000000", "2024-01-01 07:00:00.000000"]]
    assert read_spans(written(tmp_path / "a.json", json.dumps(windows)), panel) == [[(5, 8)]]
    points = written(tmp_path / "p.csv", "t,why\n2024-01-01 05:00,x\n2024-01-01 03:00,y\n")
    assert read_spans(points, panel) == [[(3, 4), (5, 6)]]


def test_series_are_told_apart(tmp_path, two):
    table = written(tmp_path / "a.csv", "unit,start,end\nb,1,2\na,0,0\n")
    assert read_spans(table, two) == [[(0, 1)], [(1, 3)]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "expected columns 'start' and 'end', or 'time'"),
        ("start,end\n2024-01-03 00:00,2024-01-04 00:00\n", "label 1: expected steps of the series"),
        ("start,end\n2024-01-02 00:00,2024-01-01 00:00\n", "an end after the start"),
        ("start,end\nsoon,later\n", "expected a time such as"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, panel, text, message):
    with pytest.raises(InputError, match=message):
        read_spans(written(tmp_path / "a.csv", text), panel)


def test_unknown_series_and_broken_json_are_refused(tmp_path, panel, two):
    with pytest.raises(InputError, match="no series 'c'"):
        read_spans(written(tmp_path / "a.csv", "id,start,end\nc,1,2\n"), two)
    with pytest.raises(InputError, match="expected a column 'id'"):
        read_spans(written(tmp_path / "b.csv", "start,end\n1,2\n"), two)
    with pytest.raises(InputError, match="expected a number"):
        read_spans(written(tmp_path / "c.csv", "id,start,end\na,x,y\n"), two)
    with pytest.raises(InputError, match="not valid JSON"):
        read_spans(written(tmp_path / "a.json", "{"), panel)
    with pytest.raises(InputError, match=r"a list of \[start, end\]"):
        read_spans(written(tmp_path / "b.json", "{}"), panel)
    with pytest.raises(InputError, match="There is no file"):
        read_spans(tmp_path / "none.csv", panel)
