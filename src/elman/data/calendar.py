"""Regular time: the frequency of a series, counted and continued on the calendar.

A frequency turns time stamps into whole steps and back. Steps of a day or more are counted on
the wall clock (a day has 23 hours when the clocks go forward, a month has 28 to 31 days), shorter
ones on elapsed time. Time stamps are `datetime64[us]` arrays, in UTC where a time zone is known
(`to_wall` and `from_wall` translate), or `int64` or `float64` arrays where time is a number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from elman.errors import InputError

__all__ = [
    "Frequency",
    "canonical_zone",
    "fixed_offset",
    "from_wall",
    "infer_frequency",
    "parse_frequency",
    "to_wall",
    "zone_name",
]

Stamps = NDArray[Any]
Unit = Literal["integer", "number", "fixed", "day", "business day", "month"]

SECOND = 1_000_000
MINUTE, HOUR, DAY, WEEK = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND, 7 * 86_400 * SECOND

MONTH_END = 31
LAST_BUSINESS_DAY = 0
ANCHOR_FROM_DATA = -1

# Fractional time is even if no stamp is further off than this share of a step: files round it.
_UNEVEN = 0.1


@dataclass(frozen=True)
class Frequency:
    """The distance between one row of a series and the next.

    Attributes:
        unit: `"integer"` (whole numbers), `"number"` (fractional ones), `"fixed"` (elapsed time),
            `"day"`, `"business day"` (Monday to Friday) or `"month"`.
        step: How much one step is: in time's own unit for numbers, in microseconds for elapsed
            time, in days, business days or months. Whole, but for `"number"`.
        day: For months, the day of the month the stamps fall on: 1 to 31, clipped to the length
            of the month, so 31 is the month's end; 0 is its last business day.
        label: For integer time, what one unit is called (`"year"` for a column of years), or "".
    """

    unit: Unit
    step: float
    day: int = 1
    label: str = ""

    @property
    def on_wall_clock(self) -> bool:
        """Whether steps are counted on the local clock, not in elapsed time."""
        return self.unit in ("day", "business day", "month")

    @property
    def name(self) -> str:
        """The frequency in words: `"hour"`, `"15 minutes"`, `"month end"`, `"quarter"`."""
        if self.unit == "integer":
            return _counted(self.step, self.label or "integer step")
        if self.unit == "number":
            return f"{self.step:g}"
        if self.unit == "fixed":
            for size, word in _FIXED_WORDS:
                if self.step % size == 0:
                    return _counted(self.step // size, word)
        if self.unit == "day":
            return _counted(self.step // 7, "week") if self.step % 7 == 0 else self._days
        if self.unit == "business day":
            return self._days
        size, word = next((n, w) for n, w in _MONTH_WORDS if self.step % n == 0)
        if word == "quarter" and self.step != 3:
            size, word = 1, "month"
        ending = {MONTH_END: " end", LAST_BUSINESS_DAY: " end (last business day)"}
        return _counted(self.step // size, word) + ending.get(self.day, "")

    @property
    def _days(self) -> str:
        return _counted(self.step, self.unit)

    @property
    def seasons(self) -> tuple[int, ...]:
        """Season lengths, in steps, that the calendar suggests, shortest first.

        An hourly series gets `(24, 168, 8766)`, a monthly one `(12,)`, a yearly one none.
        """
        if self.unit == "fixed":
            periods = (MINUTE, HOUR, DAY, WEEK, 8766 * HOUR)
            return tuple(
                int(p // self.step) for p in periods if p % self.step == 0 and p > self.step
            )
        if self.unit == "day":
            return {1: (7, 365), 7: (52,)}.get(int(self.step), ())
        if self.unit == "business day":
            return (5, 261) if self.step == 1 else ()
        if self.unit == "month":
            return (int(12 // self.step),) if 12 % self.step == 0 and self.step < 12 else ()
        return ()

    def count(self, first: Stamps, second: Stamps) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Count the steps from `first` to `second`, element by element.

        Returns:
            The number of whole steps, and whether `second` lies exactly on the grid that starts
            at `first`. Both stamps must be on the wall clock where `on_wall_clock` is true.
        """
        if self.unit == "number":
            steps = np.round((second - first) / self.step)
            off = np.abs(second - first - steps * self.step)
            return steps.astype(np.int64), off <= _UNEVEN * self.step
        if self.unit in ("integer", "fixed"):
            elapsed = (second - first).astype(np.int64)
            return elapsed // int(self.step), elapsed % int(self.step) == 0
        day_one, day_two = first.astype("datetime64[D]"), second.astype("datetime64[D]")
        exact = (first - day_one) == (second - day_two)
        if self.unit == "day":
            days = (day_two - day_one).astype(np.int64)
        elif self.unit == "business day":
            days = np.busday_count(day_one, day_two).astype(np.int64)
            exact &= np.is_busday(day_one) & np.is_busday(day_two)
        else:
            days = (second.astype("datetime64[M]") - first.astype("datetime64[M]")).astype(np.int64)
            exact &= _month_days(day_two, self.day) == day_two
        return days // int(self.step), exact & (days % int(self.step) == 0)

    def advance(self, stamps: Stamps, steps: NDArray[np.int64] | int) -> Stamps:
        """Return the stamps that lie `steps` after `stamps`, element by element (broadcast)."""
        if self.unit == "number":
            return _rounded(stamps + np.asarray(steps) * self.step, self.step)
        amount = np.asarray(steps, dtype=np.int64) * int(self.step)
        if self.unit == "integer":
            return np.asarray(stamps + amount)
        if self.unit == "fixed":
            return np.asarray(stamps + amount.astype("timedelta64[us]"))
        day = stamps.astype("datetime64[D]")
        time_of_day = stamps - day
        if self.unit == "day":
            moved = day + amount.astype("timedelta64[D]")
        elif self.unit == "business day":
            moved = np.busday_offset(day, amount, roll="backward")
        else:
            months = stamps.astype("datetime64[M]") + amount.astype("timedelta64[M]")
            moved = _month_days(months, self.day)
        return np.asarray(moved + time_of_day, dtype="datetime64[us]")

    def to_dict(self) -> dict[str, Any]:
        """The frequency as plain values, for a saved model."""
        return {"unit": self.unit, "step": self.step, "day": self.day, "label": self.label}

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Frequency:
        """Rebuild a frequency from `to_dict`."""
        step = state["step"] if state["unit"] == "number" else int(state["step"])
        return cls(state["unit"], step, int(state["day"]), str(state["label"]))

    def __str__(self) -> str:
        return self.name


_FIXED_WORDS = (
    (HOUR, "hour"),
    (MINUTE, "minute"),
    (SECOND, "second"),
    (1000, "millisecond"),
    (1, "microsecond"),
)
_MONTH_WORDS = ((12, "year"), (3, "quarter"), (1, "month"))


def _counted(number: float, word: str) -> str:
    return word if number == 1 else f"{int(number)} {word}s"


def _rounded(stamps: Stamps, step: float) -> Stamps:
    """Fractional time without the noise of its sums: ten digits more than the step has."""
    return np.asarray(np.round(stamps, 10 - int(np.floor(np.log10(step)))))


def _month_days(stamps: Stamps, day: int) -> Stamps:
    """The anchor day of each stamp's month, as days."""
    month = stamps.astype("datetime64[M]")
    first = month.astype("datetime64[D]")
    last = (month + 1).astype("datetime64[D]") - 1
    if day == LAST_BUSINESS_DAY:
        return np.asarray(np.busday_offset(last, 0, roll="backward"))
    return np.asarray(np.minimum(first + (day - 1), last))


# ---------------------------------------------------------------------------------- naming


_WORDS: dict[str, Frequency] = {
    "us": Frequency("fixed", 1),
    "microsecond": Frequency("fixed", 1),
    "ms": Frequency("fixed", 1000),
    "millisecond": Frequency("fixed", 1000),
    "s": Frequency("fixed", SECOND),
    "sec": Frequency("fixed", SECOND),
    "second": Frequency("fixed", SECOND),
    "t": Frequency("fixed", MINUTE),
    "min": Frequency("fixed", MINUTE),
    "minute": Frequency("fixed", MINUTE),
    "h": Frequency("fixed", HOUR),
    "hour": Frequency("fixed", HOUR),
    "d": Frequency("day", 1),
    "day": Frequency("day", 1),
    "w": Frequency("day", 7),
    "week": Frequency("day", 7),
    "b": Frequency("business day", 1),
    "business day": Frequency("business day", 1),
    "m": Frequency("month", 1, ANCHOR_FROM_DATA),
    "mo": Frequency("month", 1, ANCHOR_FROM_DATA),
    "month": Frequency("month", 1, ANCHOR_FROM_DATA),
    "ms.": Frequency("month", 1),
    "month start": Frequency("month", 1),
    "me": Frequency("month", 1, MONTH_END),
    "month end": Frequency("month", 1, MONTH_END),
    "bme": Frequency("month", 1, LAST_BUSINESS_DAY),
    "q": Frequency("month", 3, ANCHOR_FROM_DATA),
    "quarter": Frequency("month", 3, ANCHOR_FROM_DATA),
    "qs": Frequency("month", 3),
    "qe": Frequency("month", 3, MONTH_END),
    "quarter end": Frequency("month", 3, MONTH_END),
    "y": Frequency("month", 12, ANCHOR_FROM_DATA),
    "a": Frequency("month", 12, ANCHOR_FROM_DATA),
    "year": Frequency("month", 12, ANCHOR_FROM_DATA),
    "ys": Frequency("month", 12),
    "ye": Frequency("month", 12, MONTH_END),
    "year end": Frequency("month", 12, MONTH_END),
}


def parse_frequency(text: str | float | Frequency) -> Frequency:
    """Read a frequency as a person or pandas writes it.

    Args:
        text: A number (the step of numeric time), or an optional number and a word or a
            pandas alias: `"hour"`, `"15min"`, `"2 weeks"`, `"D"`, `"B"`, `"MS"`, `"ME"`,
            `"quarter"`, `"year end"`. Weekly, quarterly and yearly aliases may bear an anchor
            (`"W-SUN"`, `"QE-DEC"`); the stamps themselves say where in the week or year they lie.

    Raises:
        InputError: The text is not a frequency.
    """
    if isinstance(text, Frequency):
        return text
    if isinstance(text, (int, float, np.integer, np.floating)) and not isinstance(text, bool):
        if not 0 < text < np.inf:
            raise InputError(f"frequency must be a positive step, got {text}.")
        whole = text == int(text)
        return Frequency("integer", int(text)) if whole else Frequency("number", float(text))
    match = re.fullmatch(r"\s*(\d*)\s*([A-Za-z ]+?)(?:-[A-Za-z]{3})?\s*", str(text))
    if match:
        number = int(match[1]) if match[1] else 1
        word = "ms." if match[2] == "MS" else match[2].lower()
        known = _WORDS.get(word) or _WORDS.get(word.removesuffix("s"))
        if known is not None and number > 0:
            return replace(known, step=known.step * number)
    raise InputError(
        f"frequency={text!r} is not understood. Give a number of steps for integer time, or "
        "a word such as 'hour', '15min', 'day', 'business day', 'week', 'month', 'month end', "
        "'quarter', 'year'."
    )


# ------------------------------------------------------------------------------- inferring


def infer_frequency(stamps: Stamps, heads: NDArray[np.int64]) -> Frequency | None:
    """Find the frequency that every series keeps, gaps aside.

    Args:
        stamps: All stamps, series after series, increasing within each; on the wall clock.
        heads: Row where each series begins.

    Returns:
        The frequency: its step is the smallest distance between two neighbours, and every other
        distance is a whole number of steps. None when there is no such step, or no series has
        two rows.
    """
    distances = np.delete(np.diff(stamps), heads[1:] - 1)
    if stamps.dtype.kind == "f":
        return _infer_number(distances)
    gaps = np.unique(distances.astype(np.int64))
    if gaps.size == 0:
        return None
    step = int(gaps[0])
    regular = bool(np.all(gaps % step == 0))
    if stamps.dtype.kind != "M":
        return Frequency("integer", step) if regular else None
    if np.all(gaps % DAY == 0):
        calendar = _infer_calendar(stamps, heads, gaps // DAY)
        if calendar is not None:
            return calendar
        return Frequency("day", step // DAY) if regular else None
    return Frequency("fixed", step) if regular else None


def _infer_number(distances: NDArray[np.float64]) -> Frequency | None:
    """The even step of fractional time, which may have been rounded when it was written."""
    if distances.size == 0 or distances.min() <= 0:
        return None
    step = float(distances.min())
    for _ in range(3):  # the smallest distance may be a rounded one: refine it by all of them
        step = float(distances.sum() / np.round(distances / step).sum())
    frequency = Frequency("number", step)
    even = frequency.count(np.zeros_like(distances), distances)[1].all()
    return frequency if even else None


def _infer_calendar(
    stamps: Stamps, heads: NDArray[np.int64], gaps: NDArray[np.int64]
) -> Frequency | None:
    """Months or business days, where the stamps follow them."""
    days = stamps.astype("datetime64[D]")
    if gaps[0] >= 28:
        anchor = month_anchor(days)
        if anchor is not None:
            months = np.diff(days.astype("datetime64[M]")).astype(np.int64)
            months = np.unique(np.delete(months, heads[1:] - 1))
            if months[0] > 0 and np.all(months % months[0] == 0):
                return Frequency("month", int(months[0]), anchor)
    if gaps[0] == 1 and bool(np.all(np.is_busday(days))):
        worked = np.delete(np.busday_count(days[:-1], days[1:]), heads[1:] - 1)
        elapsed = np.delete(np.diff(days).astype(np.int64), heads[1:] - 1)
        # Without a weekend in between, Monday to Friday is simply daily.
        if np.any(worked != elapsed):
            return Frequency("business day", 1)
    return None


def month_anchor(days: Stamps) -> int | None:
    """The day of the month that all of `days` fall on, or None: see `Frequency.day`."""
    days = days.astype("datetime64[D]")
    day_of_month = (days - days.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64)
    for anchor in (1, MONTH_END, LAST_BUSINESS_DAY, int(day_of_month.max()) + 1):
        if np.array_equal(_month_days(days, anchor), days):
            return anchor
    return None


# ------------------------------------------------------------------------------ time zones


def to_wall(stamps: Stamps, time_zone: str | None) -> Stamps:
    """What the clock on the wall shows at these UTC instants."""
    if time_zone is None or time_zone == "UTC":
        return stamps
    offset = fixed_offset(time_zone)
    if offset is not None:
        return stamps + offset
    import polars as pl

    series = pl.Series(stamps.ravel()).dt.replace_time_zone("UTC")
    wall = _in_zone(series, time_zone).dt.replace_time_zone(None)
    return np.asarray(wall.to_numpy(), dtype="datetime64[us]").reshape(stamps.shape)


def from_wall(stamps: Stamps, time_zone: str | None) -> Stamps:
    """The UTC instants at which the clock on the wall shows these times.

    A time that occurs twice (the clocks go back) means its first occurrence; one that never
    occurs (the clocks go forward) means the instant an hour later.
    """
    if time_zone is None or time_zone == "UTC":
        return stamps
    offset = fixed_offset(time_zone)
    if offset is not None:
        return stamps - offset
    import polars as pl

    wall = pl.Series(stamps.ravel())
    zoned = _localize(wall, time_zone)
    skipped = zoned.null_count() > 0
    if skipped:
        zoned = zoned.fill_null(_localize(wall.dt.offset_by("1h"), time_zone))
    utc = zoned.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return np.asarray(utc.to_numpy(), dtype="datetime64[us]").reshape(stamps.shape)


def _in_zone(series: Any, time_zone: str) -> Any:
    import polars as pl

    try:
        return series.dt.convert_time_zone(time_zone)
    except pl.exceptions.ComputeError as error:
        raise InputError(
            f"time zone {time_zone!r} is not known; expected a name such as 'Europe/Amsterdam'"
        ) from error


def _localize(wall: Any, time_zone: str) -> Any:
    return wall.dt.replace_time_zone(time_zone, ambiguous="earliest", non_existent="null")


def zone_name(minutes: int) -> str:
    """The name of a zone that is always so many minutes ahead of UTC.

    Whole hours have a name in the time zone database (with the sign turned round, as POSIX has
    it); other offsets have none and are written "+05:30".
    """
    if minutes == 0:
        return "UTC"
    sign = "-" if minutes < 0 else "+"
    if minutes % 60 == 0 and -12 <= minutes // 60 <= 14:
        return f"Etc/GMT{'+' if minutes < 0 else '-'}{abs(minutes) // 60}"
    return f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def canonical_zone(time_zone: str) -> str:
    """One name for each fixed offset, however a data frame calls it; named zones as they are."""
    offset = fixed_offset(time_zone)
    return time_zone if offset is None else zone_name(int(offset.astype(np.int64)) // MINUTE)


@lru_cache(maxsize=64)
def fixed_offset(time_zone: str) -> np.timedelta64 | None:
    """The offset of zones such as "+02:00" or "UTC-05:30"; None for a named zone."""
    match = re.fullmatch(r"(?:UTC|GMT)?([+-])(\d{1,2}):?(\d{2})?", time_zone)
    if not match:
        return None
    minutes = int(match[2]) * 60 + int(match[3] or 0)
    return np.timedelta64((-1 if match[1] == "-" else 1) * minutes * MINUTE, "us")
