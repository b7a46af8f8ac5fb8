"""The built-in records are what they say they are."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import elman
from elman import datasets
from elman.errors import InputError


def test_names():
    assert datasets.names() == ["sunspots", "co2", "airline", "sine"]
    assert elman.datasets is datasets


@pytest.mark.parametrize("name", datasets.names())
def test_described_as_they_are(name):
    description = datasets.describe(name)
    panel = datasets.load(name)
    assert description.name == name
    assert panel.n_rows == description.rows
    assert panel.n_series == 1
    for stamp, written in zip(panel.stamps[[0, -1]], description.period, strict=True):
        assert panel.show(stamp).startswith(written)
    assert description.source
    assert description.licence
    if panel.frequency.name != "integer step":
        assert panel.frequency.name == description.frequency
    if description.season:
        assert panel.frequency.seasons == (description.season,)


@pytest.mark.parametrize(
    ("kind", "type_"),
    [("dict", dict), ("polars", pl.DataFrame), ("pandas", pd.DataFrame), ("pyarrow", pa.Table)],
)
@pytest.mark.parametrize("name", datasets.names())
def test_every_kind_holds_the_same(name, kind, type_):
    table = datasets.load(name, kind)
    assert isinstance(table, type_)
    panel = elman.Panel.from_any(table)
    assert np.array_equal(panel.values, datasets.load(name).values, equal_nan=True)
    assert np.array_equal(panel.stamps, datasets.load(name).stamps)


def test_known_values():
    sunspots = datasets.load("sunspots").values[:, 0]
    assert sunspots[:3].tolist() == [5, 11, 16]
    assert sunspots[1957 - 1700] == 190.2  # the highest
    assert sunspots.argmax() == 1957 - 1700
    airline = datasets.load("airline").values[:, 0]
    assert (airline[0], airline[-1], airline.max(), airline.sum()) == (112, 432, 622, 40363)
    co2 = datasets.load("co2").values[:, 0]
    assert np.isnan(co2).sum() == 5
    assert co2[[0, -1]].tolist() == [316.1, 371.02]
    assert 312 < np.nanmin(co2) < np.nanmax(co2) < 375
    sine = datasets.load("sine").values[:, 0]
    assert np.array_equal(sine, np.sin(np.linspace(0, 100, 500)))


def test_answers_are_polars_frames():
    assert isinstance(datasets.load("airline").to_frame(), pl.DataFrame)


def test_unknown_names():
    with pytest.raises(InputError, match=r"no built-in record 'moon'\. There are sunspots, co2"):
        datasets.load("moon")
    with pytest.raises(InputError, match="kind='excel'"):
        datasets.load("sine", "excel")


def test_loading_needs_no_data_frame_library():
    code = (
        "import sys, elman; elman.datasets.load('co2'); "
        "print([m for m in ('polars', 'narwhals', 'pandas', 'pyarrow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_surname_stands_twice_or_in_two_languages():
    from elman.datasets.labelled import load_labelled

    data = load_labelled("surnames")
    known = [name.lower() for name in data.rows.texts]
    assert len(set(known)) == len(known) == 1800
    assert {int((data.labels == one).sum()) for one in np.unique(data.labels)} == {225}
