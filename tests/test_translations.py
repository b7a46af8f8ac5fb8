"""Sources and targets made by rule."""

from __future__ import annotations

from datetime import date

import pytest

from elman.datasets.catalogue import built_in
from elman.datasets.translations import (
    DESCRIPTIONS,
    FORMATS,
    MONTHS,
    addition,
    dates,
    load_translations,
)
from elman.errors import InputError


def test_sums_are_right_and_asked_once() -> None:
    questions, answers = addition(3000, 3, seed=1)
    numbers = [tuple(map(int, one.split("+"))) for one in questions]
    assert [str(a + b) for a, b in numbers] == answers
    assert len({tuple(sorted(one)) for one in numbers}) == 3000
    assert {len(one) for one in questions} == {3, 4, 5, 6, 7}
    backwards, same = addition(3000, 3, seed=1, reverse=True)
    assert [one[::-1] for one in backwards] == questions and same == answers
    assert addition(3000, 3, seed=2)[0] != questions
    with pytest.raises(InputError, match="at most 2,525 sums of 2 digits"):
        addition(2526, 2)
    assert len(addition(2525, 2)[0]) == 2525


def test_dates_are_written_in_every_format_and_read_back() -> None:
    written, iso = dates(1500, seed=3)
    assert len(set(written)) == 1500 and len({one[4:5] for one in iso}) == 1
    for text, known in zip(written, iso, strict=True):
        day = date.fromisoformat(known)
        assert 1950 <= day.year < 2050 and str(day.year) in text
        letters = "".join(c for c in text.lower() if c.isalpha())
        assert MONTHS[day.month - 1][:3].lower() in letters or not letters
    for form in FORMATS:  # the punctuation of every format is there
        mark = next((c for c in form if c in "./-,"), " ")
        assert any(mark in text for text in written)
    assert dates(1500, seed=3) == (written, iso)
    with pytest.raises(InputError, match="at most"):
        dates(10**9)


def test_what_is_built_in_is_as_described() -> None:
    assert set(DESCRIPTIONS) == set(built_in("translate"))
    for one in DESCRIPTIONS:
        data = load_translations(one.name)
        assert len(data.sources) == len(data.targets) == one.rows
    with pytest.raises(InputError, match="dates, addition"):
        load_translations("latin")
