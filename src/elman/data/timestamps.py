"""Time stamps from text and numbers: dates, date-times with or without a zone, months, years."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elman.data.calendar import zone_name
from elman.data.columns import Column
from elman.errors import InputError

__all__ = ["SEVERAL_OFFSETS", "Stamps", "looks_like_time", "parse_stamps", "plain_stamps"]

# Two-digit years come before four-digit ones, since %Y would read "24" as the year 24.
_DATES = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%Y%m%d",
    "%d/%m/%y",
    "%m/%d/%y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d.%m.%y",
    "%d.%m.%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d %b %Y",
    "%d %B %Y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%d-%b-%y",
    "%d-%b-%Y",
)
_TIMES = ("", " %H:%M:%S%.f", " %H:%M", " %H%M%S", " %I:%M:%S %p", " %I:%M %p")
# Stamps without a day: a first of the month is appended before they are read.
_MONTHS = ("%Y-%m", "%Y/%m", "%YM%m", "%m/%Y", "%b %Y", "%B %Y", "%b-%y", "%b-%Y", "%Y-%b", "%Y %b")
_WHOLE_NUMBER = r"^[-+]?\d{1,18}$"
_QUARTER = r"^(\d{4})[- ]?[Qq]([1-4])$"
# Only a time of day bears an offset from UTC: "2024-01" is a month.
_OFFSET = r"(\d:\d{2}(?::\d{2}(?:[.]\d+)?)?)\s*(Z|z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)$"
_SAMPLE = 64
SEVERAL_OFFSETS = "several UTC offsets"
"""Begin of the note on such stamps."""


@dataclass(frozen=True)
class Stamps:
    """Time stamps read from a column.

    Attributes:
        values: int64 or float64 (numbers), or datetime64[us] (UTC where `time_zone` is given).
        time_zone: The zone they are shown in, or None.
        alternatives: Other readings that fit every row as well (day and month exchanged).
        note: What a reader should know of how they were read, or "".
        resolution: Unit of the source; "D" for dates.
    """

    values: NDArray[Any]
    time_zone: str | None = None
    alternatives: tuple[NDArray[Any], ...] = ()
    note: str = ""
    resolution: str = "us"


def looks_like_time(column: Column) -> bool:
    """Whether the first values of a text column are time stamps (plain numbers are not)."""
    if column.kind != "text":
        return column.kind == "time"
    import polars as pl

    sample = pl.Series([v for v in column.values[:20] if v is not None], dtype=pl.String)
    sample = sample.str.strip_chars()
    if len(sample) == 0 or sample.str.contains(_WHOLE_NUMBER).all():
        return False
    return bool(_fitting_formats(_normalize(sample)[0]))


def parse_stamps(column: Column, time_format: str | None = None) -> Stamps:
    """Read the time column.

    Args:
        column: Time stamps, whole numbers, or text. Whole numbers of the form 20240131 or 202401,
            every one a valid date, are dates, and those that can only be milli-, micro- or
            nanoseconds since 1970 are that; other whole numbers (years among them) are plain
            numbers, as are fractional ones. Seconds since 1970 need ``time_format="%s"``.
        time_format: How text (or whole numbers) is to be read, in the notation of `strftime`;
            found when None.

    Raises:
        InputError: A stamp is missing or cannot be read; names its row and value.
    """
    missing = column.missing
    if missing.any():
        raise InputError(
            f"The time column {column.name!r} is empty in row {int(missing.argmax()) + 1}. "
            "Every row needs a time stamp."
        )
    if column.kind == "time":
        return Stamps(column.values, column.time_zone, resolution=column.resolution)
    if column.kind == "number" and time_format is None:
        return _from_numbers(column)
    import polars as pl

    written = [f"{one:.15g}" if column.kind == "number" else one for one in column.values.tolist()]
    text = pl.Series(written, dtype=pl.String).str.strip_chars()
    if time_format is None and text.str.contains(_WHOLE_NUMBER).all():
        return _from_numbers(Column(column.name, "number", text.cast(pl.Int64).to_numpy()))
    return _from_text(column, text, time_format)


def plain_stamps(
    column: Column, same: Callable[[NDArray[Any]], Any] = lambda values: values
) -> Any:
    """Read a text column of times where no `time_format` can be given.

    Args:
        column: The column, without missing values.
        same: What of the stamps is wanted, such as their order.

    Returns:
        What `same` makes of them.

    Raises:
        InputError: One cannot be read, or day and month can be exchanged and that makes a
            difference.
    """
    try:
        read = parse_stamps(column)
    except InputError as error:
        raise InputError(str(error).partition("; `time_format=`")[0].rstrip(".") + ".") from error
    wanted = same(read.values)
    if any(not np.array_equal(wanted, same(other)) for other in read.alternatives):
        raise InputError(
            f"The dates in {column.name!r} can be read with the day first or with the month first. "
            "Write them as 2024-01-31."
        )
    return wanted


def _from_numbers(column: Column) -> Stamps:
    values = column.values
    if values.dtype.kind == "b":
        raise InputError(f"The time column {column.name!r} holds true and false, no time.")
    if values.dtype.kind == "f":
        if np.isinf(values).any():
            row = int(np.isinf(values).argmax())
            raise InputError(f"The time column {column.name!r} is infinite in row {row + 1}.")
        if not np.array_equal(values, np.floor(values)):
            return Stamps(values)
    values = values.astype(np.int64, copy=False)
    for low, high, unit in ((18000101, 22001231, "D"), (180001, 220012, "M")):
        if values.min() >= low and values.max() <= high:
            dates = _compact_dates(values, unit)
            if dates is not None:
                written = "YYYYMMDD" if unit == "D" else "YYYYMM"
                note = f"read {column.name!r} as dates written {written}"
                return Stamps(dates, note=note, resolution="D")
    for unit, name in (("ms", "milliseconds"), ("us", "microseconds"), ("ns", "nanoseconds")):
        if _counts_since_1970(values, unit):
            stamps = values.astype(f"datetime64[{unit}]").astype("datetime64[us]")
            note = f"read {column.name!r} as {name} since 1970"
            return Stamps(stamps, note=note, resolution="us" if unit == "ns" else unit)
    return Stamps(values)


def _counts_since_1970(values: NDArray[np.int64], unit: str) -> bool:
    """Whether numbers are so large that they can only count the time since 1970.

    As pandas writes JSON. The last one must lie between 1980 and 2100; nobody numbers 300,000
    million rows. Seconds, which might be a counter, are left as numbers.
    """
    limits = np.array(["1980-01-01", "2100-01-01"], dtype=f"datetime64[{unit}]")
    first, last = (int(limit) for limit in limits.astype(np.int64))
    return first <= int(values.max()) < last and int(values.min()) > -last


def _compact_dates(values: NDArray[np.int64], unit: str) -> NDArray[Any] | None:
    """Numbers written YYYYMMDD or YYYYMM as dates, or None where one is no date."""
    day = values % 100 if unit == "D" else np.ones_like(values)
    months = values // 100 if unit == "D" else values
    year, month = months // 100, months % 100
    if month.min() < 1 or month.max() > 12 or day.min() < 1:
        return None
    first = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    days = first.astype("datetime64[D]") + (day - 1)
    if not np.array_equal(days.astype("datetime64[M]"), first):
        return None
    return days.astype("datetime64[us]")


# ------------------------------------------------------------------------------------ text


def _from_text(column: Column, text: Any, time_format: str | None) -> Stamps:
    if time_format is not None:
        return _from_named_format(column, text, time_format)
    plain, offsets = _normalize(text)
    step = max(1, len(plain) // _SAMPLE)
    formats = _fitting_formats(plain.head(_SAMPLE).extend(plain.gather_every(step)))
    readings = [v for v, bad in (_read(plain, f) for f in formats) if not bad.any()]
    if not readings:
        raise _unreadable(column, _first_unreadable(plain, formats))
    distinct = readings[:1] + [r for r in readings[1:] if not np.array_equal(r, readings[0])]
    dates_only = not any(mark in formats[0] for mark in ("%H", "%I"))
    zone, note = None, ""
    if offsets is not None:
        shift, zone, note = _read_offsets(column, offsets)
        distinct = [values - shift for values in distinct]
    return Stamps(distinct[0], zone, tuple(distinct[1:]), note, "D" if dates_only else "us")


def _from_named_format(column: Column, text: Any, time_format: str) -> Stamps:
    has_day = any(mark in time_format for mark in ("%d", "%e", "%j", "%F", "%D", "%s"))
    values, bad = _read(text, time_format if has_day else time_format + _DAY_ADDED)
    if bad.any():
        row = int(bad.argmax())
        raise InputError(
            f"time_format={time_format!r} does not read the time column {column.name!r}: row "
            f"{row + 1} holds {column.values[row]!r}."
        )
    dates_only = bool(np.array_equal(values, values.astype("datetime64[D]")))
    zone = "UTC" if "%z" in time_format or "%:z" in time_format else None
    return Stamps(values, zone, resolution="D" if dates_only else "us")


def _normalize(text: Any) -> tuple[Any, Any]:
    """Text with a blank before the time of day and quarters as months; and the UTC offsets.

    The offsets are cut off and returned, or None when the first values bear none.
    """
    head = text.head(_SAMPLE)
    offsets = None
    if head.str.contains(_OFFSET).any():
        offsets = text.str.extract(_OFFSET, 2)
        text = text.str.replace(_OFFSET, "$1")
    if head.str.contains(r"\d[Tt]\d").any():
        text = text.str.replace(r"(\d)[Tt](\d)", "$1 $2")
    if head.str.contains(_QUARTER).all():
        month = text.str.extract(_QUARTER, 2).str.replace_many(
            ["1", "2", "3", "4"], ["01", "04", "07", "10"]
        )
        text = text.str.extract(_QUARTER, 1) + "-" + month
        text = text.fill_null("no quarter")
    return text, offsets


def _read_offsets(column: Column, offsets: Any) -> tuple[NDArray[Any], str, str]:
    """The offsets as time spans, the name of the zone they make, and a note."""
    if offsets.null_count():
        row = int(offsets.is_null().arg_max())
        raise InputError(
            f"The time column {column.name!r} mixes stamps with and without a UTC offset: row "
            f"{row + 1} holds {column.values[row]!r}. Give all of them an offset, or none."
        )
    minutes = {text: _offset_minutes(text) for text in offsets.unique().to_list()}
    codes = offsets.replace_strict(list(minutes), list(minutes.values())).to_numpy()
    shift = (codes.astype(np.int64) * 60_000_000).astype("timedelta64[us]")
    if len(set(minutes.values())) == 1:
        return shift, zone_name(next(iter(minutes.values()))), ""
    note = f"{SEVERAL_OFFSETS} in {column.name!r}: time is kept in UTC"
    return shift, "UTC", note


def _offset_minutes(text: str) -> int:
    if text in ("Z", "z", "UTC", "GMT"):
        return 0
    digits = text[1:].replace(":", "").ljust(4, "0")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    return -minutes if text[0] == "-" else minutes


# ------------------------------------------------------------------------ finding the format


@lru_cache(maxsize=1)
def _all_formats() -> tuple[str, ...]:
    whole = tuple(date + time for date, time in product(_DATES, _TIMES))
    return whole + tuple(month + _DAY_ADDED for month in _MONTHS)


_DAY_ADDED = " | %d"


def _read(text: Any, written: str) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Read the text with one format: stamps, and which of them failed."""
    import polars as pl

    if written.endswith(_DAY_ADDED):
        text = text + " | 01"
    try:
        parsed = text.str.to_datetime(written, time_unit="us", strict=False)
    except pl.exceptions.PolarsError as error:
        raise InputError(f"time_format={written!r} cannot be used: {error}") from error
    if parsed.dtype.time_zone is not None:
        parsed = parsed.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    values = parsed.to_numpy().astype("datetime64[us]")
    # %Y reads "24" as the year 24: no such stamp was meant.
    return values, np.isnat(values) | (values < np.datetime64("1000-01-01", "us"))


def _fitting_formats(sample: Any) -> list[str]:
    """The known formats that read every value of a sample."""
    return [written for written in _all_formats() if not _read(sample, written)[1].any()]


def _first_unreadable(text: Any, formats: list[str]) -> int:
    """The first row that fails under the format that reads most of the rows."""
    failures = (_read(text, written)[1] for written in formats or _all_formats())
    return int(min(failures, key=lambda bad: int(bad.sum())).argmax())


def _unreadable(column: Column, row: int) -> InputError:
    return InputError(
        f"The time column {column.name!r} has {column.values[row]!r} in row {row + 1}, which is "
        "no time stamp, or not written like the others. Expected whole numbers, or dates such as "
        "2024-01-31, 2024-01-31 13:00 or 2024-01-31T13:00:00+01:00; `time_format=` (for example "
        "'%d/%m/%Y') names another way of writing."
    )
