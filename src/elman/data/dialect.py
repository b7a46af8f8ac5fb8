"""How a delimited file writes its numbers: separator, decimal mark, mark between thousands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from elman.errors import InputError

__all__ = ["MISSING_WORDS", "PLAIN", "Dialect", "mostly_numbers", "number_in", "odd_word", "reads"]

MISSING_WORDS = ("", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "-")
"""What stands for a missing number. In a column of words only an empty field is missing."""

_SMALL_MISSING_WORDS = frozenset(one.lower() for one in MISSING_WORDS)
_SPOKEN = {"comma": ",", "point": ".", "semicolon": ";", "tab": "\t", "\\t": "\t", "space": " "}
# Blanks that are not broken at the end of a line, and the apostrophe that word processors set.
_ALIKE = {" ": "[ \u00a0\u202f\u2009]", "'": "['\u2019]"}
_FIRST_LOOK = 32
_SAMPLE = 500
"""How many values of a column of text tell whether it is meant to be numbers."""


def _check(name: str, given: str | None, known: str | None, expected: str) -> None:
    fits = given is None or (len(given) == 1 and given not in '\r\n"')
    if not fits or (given is not None and known is not None and given not in known):
        raise InputError(f"{name}: expected {expected}, got {given!r}")


@dataclass(frozen=True)
class Dialect:
    """How a delimited file is written; what is ``None`` is found.

    Attributes:
        separator: What stands between fields: one character, or the words ``"tab"`` ...
        decimal: The decimal mark, ``"."`` or ``","``.
        thousands: What stands between thousands: ``"."``, ``","``, ``" "`` (also blanks that are
            not broken), ``"'"`` or ``"_"``; or the words ``"point"``, ``"comma"``, ``"space"``.
            ``None``: nothing does, and a number written so is no number.

    Raises:
        InputError: One is nothing of that, or the decimal mark stands between thousands too.
    """

    separator: str | None = None
    decimal: str | None = None
    thousands: str | None = None

    def __post_init__(self) -> None:
        for name in ("separator", "decimal", "thousands"):
            given = getattr(self, name)
            object.__setattr__(self, name, _SPOKEN.get(given, given))
        _check("separator", self.separator, None, "one character such as ; or the word tab")
        _check("decimal", self.decimal, ".,", "a comma or a point")
        _check("thousands", self.thousands, ".,' _", "a point, a comma, an apostrophe or space")
        if self.thousands is not None and self.thousands == self.decimal:
            raise InputError(
                f"thousands: expected another mark than the decimal mark, got {self.thousands!r} "
                "for both"
            )
        if self.decimal is None and self.thousands in (".", ","):
            object.__setattr__(self, "decimal", "," if self.thousands == "." else ".")

    def __bool__(self) -> bool:
        """Whether anything is said."""
        return any(one is not None for one in (self.separator, self.decimal, self.thousands))

    def number(self, text: str) -> float:
        """The number that a text spells.

        Raises:
            ValueError: It spells none in this dialect.
        """
        plain = text.strip()
        if self.thousands is None and self.decimal != ",":
            return float(plain)
        if re.fullmatch(_number_pattern(self), plain) is None:
            raise ValueError(f"no number in this dialect: {text!r}")
        if self.thousands is not None:
            plain = re.sub(_between(self.thousands), "", plain)
        return float(plain.replace(self.decimal or ".", "."))

    def numbers(self, column: Any) -> Any:
        """A polars column of text as numbers, or ``None`` where one of them is none.

        Args:
            column: Text as it stands in the file; missing words are missing numbers.
        """
        pattern = rf"^(?:{_number_pattern(self)})$"
        head = _present(column.drop_nulls().head(_FIRST_LOOK))
        if not head.str.contains(pattern).all():  # of a long column of words the head tells
            return None
        text = _present(column)
        if text.null_count() == len(text) or not text.drop_nulls().str.contains(pattern).all():
            return None
        if text.str.contains(r"[^\x00-\x7f]").any():
            text = _plain_digits(text)
        if self.thousands is not None:
            text = text.str.replace_all(_between(self.thousands), "")
        if self.decimal == ",":
            text = text.str.replace(",", ".", literal=True)
        text = text.str.strip_prefix("+")
        return _cast(text)


PLAIN = Dialect()
"""Everything is found, and nothing stands between thousands."""


def _between(thousands: str) -> str:
    return _ALIKE.get(thousands, re.escape(thousands))


def _number_pattern(dialect: Dialect) -> str:
    whole = r"\d+"
    if dialect.thousands is not None:
        whole = rf"(?:\d{{1,3}}(?:{_between(dialect.thousands)}\d{{3}})+|\d+)"
    mark = re.escape(dialect.decimal or ".")
    return rf"[-+]?(?:{whole}(?:{mark}\d*)?|{mark}\d+)(?:[eE][-+]?\d+)?"


def _present(column: Any) -> Any:
    """Text without blanks around it, null where a missing word stands."""
    text = column.str.strip_chars()
    return text.set(text.is_in(MISSING_WORDS), None)


def _plain_digits(text: Any) -> Any:
    """Digits of other scripts as 0 to 9."""
    import unicodedata

    signs = {sign for one in text.drop_nulls().unique().to_list() for sign in one}
    digits = [sign for sign in signs if sign.isdecimal() and not sign.isascii()]
    plain = [str(unicodedata.decimal(sign)) for sign in digits]
    return text.str.replace_many(digits, plain) if digits else text


def _cast(text: Any) -> Any:
    import polars as pl

    whole = text.drop_nulls().str.contains(r"^-?\d{1,18}$").all()
    return text.cast(pl.Int64 if whole else pl.Float64)


# fmt: off
_HINTS = (
    (r"\d{1,3}(\.\d{3})+,\d+",
     "a point between thousands and a comma before decimals", ".", ","),
    (r"\d{1,3}(,\d{3})+\.\d*|\d{1,3}(,\d{3}){2,}", "a comma between thousands", ",", None),
    (r"\d{1,3}(\.\d{3}){2,}", "a point between thousands", ".", None),
    (r"\d{1,3}([ \u00a0\u202f\u2009]\d{3})+,\d+",
     "blanks between thousands and a comma before decimals", "space", ","),
    (r"\d{1,3}([ \u00a0\u202f\u2009]\d{3})+(\.\d*)?", "blanks between thousands", "space", None),
    (r"\d{1,3}(['\u2019]\d{3})+(\.\d*)?", "apostrophes between thousands", "'", None),
    (r"\d{1,3}(['\u2019]\d{3})+,\d+",
     "apostrophes between thousands and a comma before decimals", "'", ","),
)
# fmt: on


def _number_hint(text: Any) -> str:
    """What to say of a text that is a number in another dialect; empty if it is none."""
    bare = str(text).strip().lstrip("+-")
    if re.fullmatch(r"[$€£¥] ?[\d.,' \u00a0\u202f]+|\d[\d.,' \u00a0\u202f]*[$€£¥%‰°]", bare):
        return " Write numbers without the sign of their unit."
    for pattern, looks, thousands, decimal in _HINTS:
        if re.fullmatch(pattern, bare):
            given = f"thousands={thousands!r}" + (f" and decimal={decimal!r}" if decimal else "")
            return f" It looks like {looks}: say so with {given}."
    if re.fullmatch(r"\d{1,3},\d{3}", bare):
        return (
            " If the comma stands between thousands, say so with thousands=','; if it is a decimal "
            "comma, with decimal=','."
        )
    if re.fullmatch(r"\d*,\d+", bare):
        return " It looks like a decimal comma: say so with decimal=','."
    if re.fullmatch(r"\d{1,3}\.\d{3}", bare):
        return (
            " If the point stands between thousands, say so with thousands='.'; if it is a decimal "
            "point, with decimal='.'."
        )
    if re.fullmatch(r"\d*\.\d+", bare):
        return " It looks like a decimal point: say so with decimal='.'."
    return ""


def number_in(text: str | None, dialect: Dialect = PLAIN) -> float:
    """The number that a text spells, NaN for a missing one.

    Raises:
        ValueError: It spells neither.
    """
    if text is None or text.strip().lower() in _SMALL_MISSING_WORDS:
        return float("nan")
    return dialect.number(text)


def odd_word(texts: Sequence[str | None], dialect: Dialect = PLAIN) -> tuple[int, str, str]:
    """Of texts that are not all numbers one that is none: its row from 0, itself, what to do.

    It is the first, or among numbers in another dialect the one that tells most about it.
    """
    odd = [(row, one) for row, one in enumerate(texts) if not reads(one, dialect)]
    hints = [(row, str(one), _number_hint(one)) for row, one in odd[:_SAMPLE]]
    return max(hints, key=lambda each: ("It looks" in each[2], each[2].count("="), -each[0]))


def mostly_numbers(texts: Sequence[str | None]) -> bool:
    """Whether a column of text is meant to be numbers: half are, if perhaps in another dialect."""
    present = [one for one in texts if one is not None]
    sample = present[:: max(1, len(present) // _SAMPLE)]
    alike = sum(reads(one) or bool(_number_hint(one)) for one in sample)
    return bool(sample) and 2 * alike >= len(sample)


def reads(text: str | None, dialect: Dialect = PLAIN) -> bool:
    """Whether a text spells a number, or a missing one."""
    try:
        number_in(text, dialect)
    except ValueError:
        return False
    return True
