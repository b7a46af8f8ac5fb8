"""Sources and targets made by rule: sums written as text, and dates in many hands.

Both are drawn from a seeded generator, and every source is there once.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from elman.checks import whole
from elman.data.pair_files import PairData
from elman.datasets.catalogue import BuiltIn
from elman.errors import InputError

__all__ = ["DESCRIPTIONS", "TRANSLATIONS", "addition", "dates", "load_translations"]

DESCRIPTIONS = (
    BuiltIn(
        "dates",
        "dates as people write them, and in ISO 8601",
        "translate",
        2500,
        "computed: elman.datasets.translations.dates()",
        "none needed",
    ),
    BuiltIn(
        "addition",
        "sums of two numbers of up to three digits, written as text, and their results",
        "translate",
        20000,
        "computed: elman.datasets.translations.addition(20000)",
        "none needed",
    ),
)
TRANSLATIONS = tuple(one.name for one in DESCRIPTIONS)
"""The names of the built-in sources with their targets."""


def load_translations(name: str) -> PairData:
    """Load a built-in set of sources and targets.

    Args:
        name: ``"dates"`` or ``"addition"``.

    Raises:
        InputError: There is none of this name.
    """
    if name not in TRANSLATIONS:
        raise InputError(f"There is no built-in set {name!r}. There are {', '.join(TRANSLATIONS)}.")
    sources, targets = dates(2500) if name == "dates" else addition(20000)
    return PairData(list(sources), list(targets))


def addition(
    rows: int = 5000, digits: int = 3, seed: int = 0, reverse: bool = False
) -> tuple[list[str], list[str]]:
    """Sums as text: ``"12+305"`` and ``"317"``.

    The number of digits of each operand is drawn first, then the digits, so that short numbers are
    not rare. No two questions are of the same two numbers, in either order.

    Args:
        rows: How many.
        digits: Most digits of a number added.
        seed: Of the draw.
        reverse: Whether the question is written from its end, ``"503+21"``, so that the digits
            that come first in the answer are read last.

    Returns:
        Questions and answers.

    Raises:
        InputError: If there are not as many different questions.

    Source: W. Zaremba and I. Sutskever, "Learning to execute", arXiv:1410.4615; the draw is that
    of the addition example of Keras.
    """
    rows, digits = whole("rows", rows), whole("digits", digits)
    numbers = 10**digits
    most = numbers * (numbers + 1) // 4
    if rows > most:
        raise InputError(
            f"rows: expected at most {most:,} sums of {digits} digits, half of all there are, got "
            f"{rows:,}"
        )
    generator = np.random.default_rng(seed)
    found: dict[tuple[int, int], tuple[int, int]] = {}
    while len(found) < rows:
        lengths = generator.integers(1, digits + 1, (2 * rows, 2))
        drawn = (generator.random((2 * rows, 2)) * 10.0**lengths).astype(np.int64)
        for a, b in drawn.tolist():
            found.setdefault((min(a, b), max(a, b)), (a, b))
    pairs = list(found.values())[:rows]
    questions = [f"{a}+{b}" for a, b in pairs]
    if reverse:
        questions = [one[::-1] for one in questions]
    return questions, [str(a + b) for a, b in pairs]


MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
    *("October", "November", "December"),
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

FORMATS = (
    "{day} {month} {year}",
    "{month} {day}, {year}",
    "{weekday}, {day} {month} {year}",
    "{weekday} {month} {ordinal}, {year}",
    "{ordinal} of {month} {year}",
    "the {ordinal} of {month}, {year}",
    "{day} {short} {year}",
    "{short} {day} {year}",
    "{short}. {ordinal}, {year}",
    "{day}-{short}-{year}",
    "{year} {month} {day}",
    "{day}.{number}.{year}",
    "{two_day}.{two_number}.{year}",
    "{number}/{day}/{year}",
    "{two_number}/{two_day}/{year}",
    "{year}/{two_number}/{two_day}",
    "{year}{two_number}{two_day}",
    "{weekday_short} {day} {short} {year}",
)
"""How dates are written here: with dots the day stands first, with slashes the month."""

_FIRST, _LAST = date(1950, 1, 1), date(2049, 12, 31)


def dates(rows: int = 4000, seed: int = 0) -> tuple[list[str], list[str]]:
    """Dates as people write them, and in ISO 8601: ``"the 5th of March, 2019"``, ``"2019-03-05"``.

    From 1950 to 2049, in the formats of :data:`FORMATS`, some in lower case or capitals.

    Args:
        rows: How many.
        seed: Of the draw.

    Returns:
        Dates as they were written, and as ISO 8601 has them.

    Raises:
        InputError: If there are not as many different dates.
    """
    span = (_LAST - _FIRST).days + 1
    if whole("rows", rows) > 10 * span:
        raise InputError(f"rows: expected at most {10 * span:,} dates, got {rows:,}")
    generator = np.random.default_rng(seed)
    found: dict[str, str] = {}
    while len(found) < rows:
        day = _FIRST + timedelta(days=int(generator.integers(span)))
        text = _written(day, FORMATS[int(generator.integers(len(FORMATS)))])
        chance = generator.random()
        text = text.lower() if chance < 0.15 else text.upper() if chance < 0.25 else text
        found.setdefault(text, day.isoformat())
    return list(found), list(found.values())


def _written(day: date, form: str) -> str:
    suffix = "th" if 10 <= day.day <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(day.day % 10, "th")
    month, weekday = MONTHS[day.month - 1], WEEKDAYS[day.weekday()]
    return form.format(
        day=day.day,
        two_day=f"{day.day:02}",
        ordinal=f"{day.day}{suffix}",
        number=day.month,
        two_number=f"{day.month:02}",
        month=month,
        short=month[:3],
        weekday=weekday,
        weekday_short=weekday[:3],
        year=day.year,
    )
