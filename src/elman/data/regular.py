"""Time made regular: one reading of the stamps, one frequency, no duplicates, no silent gaps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elman.data.calendar import (
    ANCHOR_FROM_DATA,
    Frequency,
    from_wall,
    infer_frequency,
    month_anchor,
    to_wall,
)
from elman.data.parts import Parts, shown
from elman.data.timestamps import SEVERAL_OFFSETS, Stamps
from elman.errors import InputError

__all__ = ["choose_reading", "fill_gaps", "refuse_duplicates", "settle_frequency", "show_stamp"]

# Filling gaps may multiply the rows by this much, and always up to this many rows; beyond, the
# frequency or a time stamp is wrong.
_MOST_GROWTH = 20
_ALWAYS_ALLOWED = 10_000

_NUMERIC = ("integer", "number")


def choose_reading(
    codes: NDArray[np.int64], stamps: Stamps, asked: Frequency | None, name: str | None
) -> Stamps:
    """Of dates with the day or the month first, the reading that leaves fewer gaps."""
    readings = [stamps.values, *stamps.alternatives]
    gaps = [_missing_rows(codes, reading, stamps.time_zone, asked) for reading in readings]
    best = min(gaps)
    if gaps.count(best) > 1:
        raise InputError(
            f"The dates in {name!r} can be read with the day first or with the month first. "
            "Say which with `time_format='%d/%m/%Y'` or `time_format='%m/%d/%Y'`."
        )
    chosen = readings[gaps.index(best)]
    return replace(stamps, values=chosen, alternatives=())


def _missing_rows(
    codes: NDArray[np.int64], stamps: NDArray[Any], time_zone: str | None, asked: Frequency | None
) -> float:
    """How many rows this reading lacks; infinite where it is not regular or has duplicates."""
    order = np.lexsort((stamps, codes))
    time, heads = stamps[order], np.flatnonzero(np.diff(codes[order], prepend=-1))
    frequency = asked or _infer(time, heads, time_zone)
    if frequency is None or frequency.unit in _NUMERIC:
        return np.inf
    wall = to_wall(time, time_zone) if frequency.on_wall_clock else time
    steps, exact = frequency.count(wall[:-1], wall[1:])
    steps, exact = np.delete(steps, heads[1:] - 1), np.delete(exact, heads[1:] - 1)
    return float(np.sum(steps - 1)) if exact.all() and (steps > 0).all() else np.inf


def _infer(
    stamps: NDArray[Any], heads: NDArray[np.int64], time_zone: str | None
) -> Frequency | None:
    if stamps.dtype.kind != "M" or time_zone is None:
        return infer_frequency(stamps, heads)
    on_wall = infer_frequency(to_wall(stamps, time_zone), heads)
    # Less than a day is elapsed time, which is regular in UTC whatever the clocks do.
    return (
        on_wall if on_wall is not None and on_wall.on_wall_clock else infer_frequency(stamps, heads)
    )


def settle_frequency(parts: Parts, asked: Frequency | None) -> Frequency | None:
    """The frequency asked for, checked, or the one inferred; None where nothing tells."""
    stamps, heads = parts.stamps, parts.offsets[:-1]
    if asked is not None and (asked.unit in _NUMERIC) != (stamps.dtype.kind != "M"):
        held = "numbers" if stamps.dtype.kind != "M" else "time stamps"
        raise InputError(f"frequency={asked.name!r} does not fit the time column of {held}.")
    if asked is not None and asked.unit == "number":
        parts.stamps = stamps = stamps.astype(np.float64)
    elif asked is not None and stamps.dtype.kind == "f":
        asked = replace(asked, unit="number")
    frequency = asked or _infer(stamps, heads, parts.time_zone)
    if frequency is not None and frequency.day == ANCHOR_FROM_DATA:
        anchor = month_anchor(to_wall(stamps, parts.time_zone))
        if anchor is None:
            raise InputError(
                f"frequency={replace(frequency, day=1).name!r} does not fit: the time stamps do "
                "not all fall on the same day of the month."
            )
        frequency = replace(frequency, day=anchor)
    if frequency is None:
        if np.all(np.diff(parts.offsets) <= 1):
            if stamps.dtype.kind != "M":
                return Frequency("integer", 1)
            parts.notes.append("a single row tells no frequency: give `frequency=`")
            return None
        raise _irregular(parts)
    if frequency.unit == "integer":
        return replace(frequency, label=_integer_label(parts.names.time))
    return frequency


def _integer_label(name: str | None) -> str:
    word = (name or "").strip().lower().removesuffix("s")
    return word if word in ("year", "month", "week", "day", "hour") else ""


def _irregular(parts: Parts) -> InputError:
    """Name the first neighbours whose distance is no multiple of the smallest."""
    distances = np.diff(parts.stamps)
    if parts.stamps.dtype.kind == "f":
        return InputError(
            "The times are neither whole numbers nor evenly spaced. Resample the series, or number "
            "the rows 0, 1, 2, ..."
        )
    distances = distances.astype(np.int64)
    inside = np.ones(len(distances), np.bool_)
    inside[parts.offsets[1:-1] - 1] = False
    smallest = distances[inside].min()
    row = int(np.flatnonzero(inside & (distances % smallest != 0))[0])
    series = parts.ids[np.searchsorted(parts.offsets, row, side="right") - 1]
    kept = int(np.flatnonzero(inside & (distances == smallest))[0])
    advice = "Resample the series, give `frequency=`, or number the rows as integer time."
    if any(SEVERAL_OFFSETS in note for note in parts.notes):
        advice = "Their UTC offsets differ: name their zone, `time_zone='Europe/Amsterdam'`."
    return InputError(
        f"The time stamps are not regular: {_between(parts, kept)} is the smallest step, but "
        f"series {shown(series)} goes {_between(parts, row)}, which is no whole number of such "
        f"steps. {advice}"
    )


def _between(parts: Parts, row: int) -> str:
    first, second = (show_stamp(parts.stamps[r], parts.time_zone) for r in (row, row + 1))
    return f"from {first} to {second}"


def show_stamp(stamp: Any, time_zone: str | None) -> str:
    """A stamp as a person writes it, on the wall clock."""
    if not isinstance(stamp, np.datetime64):
        return f"{stamp:.10g}" if isinstance(stamp, float) else str(int(stamp))
    wall = to_wall(np.array([stamp]), time_zone)[0]
    text = str(wall.astype("datetime64[s]") if wall == wall.astype("datetime64[s]") else wall)
    text = text.replace("T", " ").removesuffix(" 00:00:00")
    return f"{text} ({time_zone})" if time_zone else text


def refuse_duplicates(parts: Parts) -> None:
    """Raise an InputError that names the first series and stamp with two rows, if there are any."""
    same = parts.stamps[1:] == parts.stamps[:-1]
    same[parts.offsets[1:-1] - 1] = False
    if not same.any():
        return
    row = int(same.argmax())
    series = parts.ids[np.searchsorted(parts.offsets, row, side="right") - 1]
    stamp = show_stamp(parts.stamps[row], parts.time_zone)
    where = f"Series {shown(series)}" if parts.names.id else "The series"
    others = int(same.sum()) - 1
    more = f" (and {others} more)" if others else ""
    advice = "Keep one row for each stamp"
    if not parts.names.id:
        advice += ", or name the column that tells the series apart with `id=`"
    if ":" in stamp:
        advice += "; where the clocks went back, give the stamps a UTC offset"
    raise InputError(f"{where} has two rows for {stamp}{more}. {advice}.")


# ------------------------------------------------------------------------------------ gaps


def fill_gaps(parts: Parts, frequency: Frequency) -> None:
    """Put in the missing steps, as rows that are missing (NaN) throughout."""
    wall = to_wall(parts.stamps, parts.time_zone) if frequency.on_wall_clock else parts.stamps
    steps, exact = frequency.count(wall[:-1], wall[1:])
    steps[parts.offsets[1:-1] - 1], exact[parts.offsets[1:-1] - 1] = 1, True
    if not exact.all() or steps.min(initial=1) < 1:
        raise _off_grid(parts, frequency, int((~exact | (steps < 1)).argmax()))
    if frequency.unit == "number":
        _even_out(parts, frequency, steps)
        wall = parts.stamps
    gaps = int(np.count_nonzero(steps > 1))
    if not gaps:
        return
    rows = int(steps.sum()) + 1
    if rows > max(_ALWAYS_ALLOWED, _MOST_GROWTH * len(steps)):
        widest = int(steps.argmax())
        raise InputError(
            f"At one row for each {frequency.name} there would be {rows} rows instead of "
            f"{len(steps) + 1}: the widest gap goes {_between(parts, widest)}. Check that time "
            "stamp, or give the true `frequency=`."
        )
    position = np.concatenate([[0], np.cumsum(steps)])
    parts.stamps = _stamps_between(parts, frequency, wall, steps)
    parts.values = _spread(parts.values, position, rows)
    parts.past = _spread(parts.past, position, rows)
    parts.future = _spread(parts.future, position, rows)
    parts.offsets = np.concatenate([[0], position[parts.offsets[1:] - 1] + 1])
    made = "gap" if gaps == 1 else "gaps"
    added = rows - len(position)
    parts.notes.append(f"made {gaps} {made} explicit ({added} missing row{'s' * (added != 1)})")


def _even_out(parts: Parts, frequency: Frequency, steps: NDArray[np.int64]) -> None:
    """Fractional time, as far as it was rounded, put on the even grid of each series."""
    position = np.concatenate([[0], np.cumsum(steps)])
    begin = np.repeat(parts.offsets[:-1], np.diff(parts.offsets))
    ahead = position - position[begin]
    parts.stamps = frequency.advance(parts.stamps[begin], ahead)


def _stamps_between(
    parts: Parts, frequency: Frequency, wall: NDArray[Any], steps: NDArray[np.int64]
) -> NDArray[Any]:
    """Every row's stamp: those that were there, and those of the missing steps after each."""
    repeats = np.append(steps, 1)
    begin = np.repeat(np.cumsum(repeats) - repeats, repeats)
    ahead = np.arange(begin.size) - begin
    stamps = np.repeat(parts.stamps, repeats)
    new = np.flatnonzero(ahead)
    continued = frequency.advance(np.repeat(wall, repeats)[new], ahead[new])
    stamps[new] = from_wall(continued, parts.time_zone) if frequency.on_wall_clock else continued
    return stamps


def _spread(
    block: NDArray[np.float64], position: NDArray[np.int64], rows: int
) -> NDArray[np.float64]:
    spread = np.full((rows, block.shape[1]), np.nan)
    spread[position] = block
    return spread


def _off_grid(parts: Parts, frequency: Frequency, row: int) -> InputError:
    series = parts.ids[np.searchsorted(parts.offsets, row, side="right") - 1]
    return InputError(
        f"frequency={frequency.name!r} does not fit: series {shown(series)} goes "
        f"{_between(parts, row)}, which is no whole number of steps."
    )
