"""Four small records that come with elman, to try things on.

`names()` lists them, `describe(name)` says what one is and where it comes from, `load(name)` gives
it as a `Panel`, or as a data frame or a dict of NumPy columns.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elman.data.frames import build_frame
from elman.data.panel import Panel
from elman.errors import InputError

__all__ = ["Description", "describe", "load", "names"]


@dataclass(frozen=True)
class Description:
    """What a built-in record is.

    Attributes:
        name: The name it is loaded by.
        title: One line.
        unit: The unit of its values.
        frequency: Distance between rows, in words.
        season: Length of the main cycle in rows, or None where there is no exact one.
        rows: Number of rows.
        period: First and last time.
        source: Where the numbers come from.
        licence: On what terms.
    """

    name: str
    title: str
    unit: str
    frequency: str
    season: int | None
    rows: int
    period: tuple[str, str]
    source: str
    licence: str


_RECORDS = {
    record.name: record
    for record in (
        Description(
            name="sunspots",
            title="Yearly mean sunspot number, 1700-2008",
            unit="sunspot number (international series, version 1.0)",
            frequency="year",
            season=None,
            rows=309,
            period=("1700", "2008"),
            source="Solar Influences Data Analysis Center, Brussels, through the National "
            "Geophysical Data Center (NOAA), as distributed with statsmodels. Before its "
            "revision in 2015 (version 2.0).",
            licence="public domain",
        ),
        Description(
            name="co2",
            title="Monthly mean of atmospheric carbon dioxide at Mauna Loa, 1958-2001",
            unit="parts per million by volume",
            frequency="month",
            season=12,
            rows=526,
            period=("1958-03", "2001-12"),
            source="C. D. Keeling and T. P. Whorf (2004), Atmospheric CO2 concentrations derived "
            "from air samples at sites in the SIO network, CDIAC, Oak Ridge National Laboratory: "
            "the weekly means distributed with statsmodels, averaged here over the weekly values "
            "dated (Saturdays) in each month, rounded to 0.01. The five months without a weekly "
            "value are left missing.",
            licence="public domain",
        ),
        Description(
            name="airline",
            title="Monthly totals of international airline passengers, 1949-1960",
            unit="thousand passengers",
            frequency="month",
            season=12,
            rows=144,
            period=("1949-01", "1960-12"),
            source="G. E. P. Box and G. M. Jenkins (1970), Time Series Analysis: Forecasting and "
            "Control, series G; first in R. G. Brown (1962), Smoothing, Forecasting and "
            "Prediction of Discrete Time Series.",
            licence="public facts",
        ),
        Description(
            name="sine",
            title="The sine of 500 evenly spaced points from 0 to 100",
            unit="none",
            frequency="100 / 499",
            season=None,
            rows=500,
            period=("0", "499"),
            source="computed: sin(numpy.linspace(0, 100, 500)); the period is 31.35 rows",
            licence="none needed",
        ),
    )
}


def names() -> list[str]:
    """The names of the built-in records."""
    return list(_RECORDS)


def describe(name: str) -> Description:
    """Say what a built-in record is, its unit, frequency and source.

    Raises:
        InputError: There is no record of this name.
    """
    if name not in _RECORDS:
        known = ", ".join(_RECORDS)
        raise InputError(f"There is no built-in record {name!r}. There are {known}.")
    return _RECORDS[name]


def load(name: str, kind: str = "panel") -> Any:
    """Load a built-in record.

    Args:
        name: One of `names()`.
        kind: `"panel"` (a `Panel`), `"dict"` (NumPy columns), `"polars"`, `"pandas"` or
            `"pyarrow"`.

    Returns:
        The record with a time column (`year`, `month` or `step`) and a value column.

    Raises:
        InputError: There is no record of this name, or no such kind.
    """
    describe(name)
    columns = _COLUMNS[name]() if name in _COLUMNS else _read_csv(name)
    if kind != "panel":
        return build_frame(columns, kind)
    time, target = columns
    return Panel.from_any(columns, target=target, time=time).as_kind("polars")


def _read_csv(name: str) -> dict[str, NDArray[Any]]:
    """Read a shipped file with the standard library: so small a file needs no data frame."""
    text = files(__package__).joinpath(f"{name}.csv").read_text(encoding="utf-8")
    (time, target), *rows = csv.reader(text.splitlines())
    stamps = np.array([row[0] for row in rows])
    return {
        time: stamps.astype("datetime64[D]") if time == "month" else stamps.astype(np.int64),
        target: np.array([float(row[1]) if row[1] else np.nan for row in rows]),
    }


def _sine() -> dict[str, NDArray[Any]]:
    return {"step": np.arange(500), "sine": np.sin(np.linspace(0, 100, 500))}


_COLUMNS: dict[str, Callable[[], dict[str, NDArray[Any]]]] = {"sine": _sine}
