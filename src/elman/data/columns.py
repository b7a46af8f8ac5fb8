"""One column of any table as a NumPy array: numbers, time stamps or text.

Columns come from NumPy, from lists, or from any data frame through narwhals. Rows are counted
from 1 in messages, without the header.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from elman.data.calendar import canonical_zone
from elman.data.dialect import PLAIN, Dialect, number_in, odd_word
from elman.errors import InputError

__all__ = ["Column", "column_from_array", "column_from_series", "to_numbers"]


@dataclass(frozen=True)
class Column:
    """A named column.

    Attributes:
        name: Its name in the source.
        kind: `"number"` (values are float64, int64 or bool), `"time"` (datetime64[us], in UTC
            when `time_zone` is given; NaT where missing) or `"text"` (objects: str, or None).
        values: The values, one per row.
        time_zone: The time zone of time stamps that bear one.
        resolution: For time, the unit of the source: `"D"`, `"ms"`, `"us"`, `"ns"` ...
        dialect: How numbers are written in its text.
    """

    name: str
    kind: Literal["number", "time", "text"]
    values: NDArray[Any]
    time_zone: str | None = None
    resolution: str = "us"
    dialect: Dialect = PLAIN

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Which rows have no value."""
        if self.kind == "text":
            return np.fromiter((v is None for v in self.values), np.bool_, len(self.values))
        if self.kind == "time":
            return np.asarray(np.isnat(self.values))
        if self.values.dtype.kind == "f":
            return np.asarray(np.isnan(self.values))
        return np.zeros(len(self.values), np.bool_)


def column_from_array(name: str, values: Any) -> Column:
    """Read a column from a 1-D array or a list."""
    array = np.asarray(values)
    if array.ndim != 1:
        raise InputError(f"Column {name!r} must be one-dimensional, got shape {array.shape}.")
    kind = array.dtype.kind
    if kind == "f":
        return Column(name, "number", array.astype(np.float64, copy=False))
    if kind in "iu":
        return Column(name, "number", _whole_numbers(name, array))
    if kind == "b":
        return Column(name, "number", array)
    if kind == "M":
        return Column(name, "time", _microseconds(name, array), None, _unit(array.dtype))
    if kind in "UT":
        return Column(name, "text", array.astype(object))
    if kind == "O":
        return _column_from_objects(name, array)
    raise InputError(f"Column {name!r} has type {array.dtype}, which is no number, time or text.")


def _whole_numbers(name: str, array: NDArray[Any]) -> NDArray[np.int64]:
    if array.dtype == np.uint64 and array.size and int(array.max()) > np.iinfo(np.int64).max:
        raise InputError(f"Column {name!r} holds numbers beyond 2**63, which are not supported.")
    return array.astype(np.int64, copy=False)


def _unit(dtype: np.dtype[Any]) -> str:
    return str(np.datetime_data(dtype)[0])


def _microseconds(name: str, stamps: NDArray[Any]) -> NDArray[Any]:
    exact = stamps.astype("datetime64[us]")
    if _unit(stamps.dtype) == "ns" and not np.array_equal(
        exact[~np.isnat(exact)], stamps[~np.isnat(stamps)]
    ):
        raise InputError(
            f"Column {name!r} has time stamps finer than a microsecond, which are not supported. "
            "Round them, or give integer time."
        )
    return exact


def _column_from_objects(name: str, values: NDArray[Any]) -> Column:
    """Sort out a column of Python objects by its first value that is not missing."""
    present = [v for v in values if not _is_missing(v)]
    if not present:
        return Column(name, "number", np.full(len(values), np.nan))
    if hasattr(present[0], "to_timestamp"):  # periods of pandas stand for their beginning
        values = np.array([v if _is_missing(v) else v.to_timestamp() for v in values], object)
        present = [v for v in values if not _is_missing(v)]
    first = present[0]
    if isinstance(first, (datetime.date, np.datetime64)):
        return _column_from_datetimes(name, values)
    if isinstance(first, str):
        text = [None if _is_missing(v) else str(v) for v in values]
        return Column(name, "text", np.array(text, dtype=object))
    return Column(name, "number", _floats(name, values))


def _is_missing(value: Any) -> bool:
    return value is None or bool(value != value)


def _column_from_datetimes(name: str, values: NDArray[Any]) -> Column:
    zones: set[str | None] = set()
    stamps = np.full(len(values), np.datetime64("NaT"), dtype="datetime64[us]")
    dates_only = True
    for row, value in enumerate(values):
        if _is_missing(value):
            continue
        if not isinstance(value, (datetime.date, np.datetime64)):
            raise InputError(f"Column {name!r}, row {row + 1}: {value!r} is no time stamp.")
        info = getattr(value, "tzinfo", None)
        zones.add(None if info is None else str(info))
        dates_only &= not isinstance(value, datetime.datetime)
        if isinstance(value, datetime.datetime) and info is not None:
            value = value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
        stamps[row] = np.datetime64(value, "us")
    if len(zones) > 1:
        named = ", ".join(sorted(z or "none" for z in zones))
        raise InputError(
            f"Column {name!r} mixes time zones ({named}). Convert the stamps to one zone."
        )
    zone = zones.pop()
    zone = None if zone is None else canonical_zone(zone)
    return Column(name, "time", stamps, zone, "D" if dates_only else "us")


def _floats(name: str, values: NDArray[Any]) -> NDArray[np.float64]:
    numbers = np.full(len(values), np.nan)
    for row, value in enumerate(values):
        if _is_missing(value):
            continue
        try:
            numbers[row] = float(value)
        except (TypeError, ValueError) as error:
            raise InputError(
                f"Column {name!r}, row {row + 1}: {value!r} is not a number."
            ) from error
    return numbers


def column_from_series(name: str, series: Any, dialect: Dialect = PLAIN) -> Column:
    """Read a column from a narwhals series; ``dialect``: how numbers are written in its text."""
    import narwhals as nw

    dtype = series.dtype
    if dtype in (nw.Int128, nw.UInt128):
        return Column(name, "number", _float_array(series.cast(nw.Float64)))
    if dtype.is_integer() and series.null_count() == 0:
        return Column(name, "number", _whole_numbers(name, series.to_numpy()))
    if dtype == nw.Boolean and series.null_count() == 0:
        return Column(name, "number", series.to_numpy().astype(np.bool_, copy=False))
    if dtype.is_numeric() or dtype == nw.Boolean:
        return Column(name, "number", _float_array(series.cast(nw.Float64)))
    if dtype == nw.Datetime:
        return _column_from_datetime_series(name, series)
    if dtype == nw.Date:
        stamps = series.cast(nw.Datetime("us"))
        return Column(name, "time", _datetime_array(stamps), None, "D")
    if dtype in (nw.String, nw.Categorical, nw.Enum):
        values = np.empty(len(series), dtype=object)
        values[:] = series.cast(nw.String).to_list()
        values[series.is_null().to_numpy()] = None
        return Column(name, "text", values, dialect=dialect)
    values = np.empty(len(series), dtype=object)
    values[:] = series.to_list()
    return _column_from_objects(name, values)


def _float_array(series: Any) -> NDArray[np.float64]:
    array = series.to_numpy()
    if array.dtype == object:
        array = np.array([np.nan if v is None else v for v in array])
    return np.asarray(array, dtype=np.float64)


def _column_from_datetime_series(name: str, series: Any) -> Column:
    zone, unit = series.dtype.time_zone, series.dtype.time_unit
    if zone is not None:
        series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        zone = canonical_zone(zone)
    array = _datetime_array(series)
    return Column(name, "time", _microseconds(name, array), zone, unit)


def _datetime_array(series: Any) -> NDArray[Any]:
    array = series.to_numpy()
    if array.dtype.kind != "M":
        array = np.array(series.to_list(), dtype="datetime64[us]")
    return np.asarray(array)


def to_numbers(column: Column, role: str) -> NDArray[np.float64]:
    """The column as float64 numbers, NaN where missing.

    Text that spells numbers is read as numbers ("NA", "n/a", "null", "-" and blanks as missing).

    Args:
        column: The column to read.
        role: What the column is for, for the message: "target", "past covariate".

    Raises:
        InputError: A value is not a number, or is infinite; names the first such row and value.
    """
    if column.kind == "time":
        raise InputError(
            f"The {role} column {column.name!r} holds time stamps, expected numbers. "
            f"Name the right column with `{role.split()[0]}=`."
        )
    numbers = _parse_text(column, role) if column.kind == "text" else column.values
    numbers = np.asarray(numbers, dtype=np.float64)
    infinite = np.isinf(numbers)
    if infinite.any():
        row = int(infinite.argmax())
        raise InputError(
            f"The {role} column {column.name!r} is infinite in row {row + 1} "
            f"({numbers[row]}). Expected finite numbers; leave missing values empty."
        )
    return numbers


def _parse_text(column: Column, role: str) -> NDArray[np.float64]:
    try:
        numbers = (number_in(text, column.dialect) for text in column.values)
        return np.fromiter(numbers, np.float64, len(column.values))
    except ValueError:
        pass
    row, text, hint = odd_word(column.values.tolist(), column.dialect)
    raise InputError(
        f"The {role} column {column.name!r} must be numeric, but row {row + 1} holds "
        f"{text!r}.{hint}"
    )
