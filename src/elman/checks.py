"""Checks of arguments that many modules make, all ending in :class:`elman.errors.InputError`."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

from elman.errors import InputError

__all__ = ["describe", "one_of", "real", "whole"]


def whole(name: str, value: Any, minimum: int = 1) -> int:
    """``value`` as an int of at least ``minimum``.

    Raises:
        InputError: If it is no whole number, or too small. ``name`` opens the message.
    """
    if type(value) is int and value >= minimum:
        return value  # as nearly always: the check below takes longer
    if isinstance(value, bool) or not isinstance(value, Integral) or value < minimum:
        raise InputError(f"{name}: expected a whole number, at least {minimum}, got {value!r}")
    return int(value)


def real(
    name: str,
    value: Any,
    minimum: float = -math.inf,
    maximum: float = math.inf,
    *,
    open_below: bool = False,
    open_above: bool = False,
) -> float:
    """``value`` as a finite float between ``minimum`` and ``maximum``.

    Args:
        name: What the message calls it.
        value: Any real number; booleans are refused.
        minimum: Least value allowed.
        maximum: Greatest value allowed.
        open_below: Whether ``minimum`` itself is refused.
        open_above: Whether ``maximum`` itself is refused.

    Raises:
        InputError: If it is no real number, not finite, or out of range.
    """
    fits = isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    if fits:
        fits = value > minimum if open_below else value >= minimum
        fits = fits and (value < maximum if open_above else value <= maximum)
    if not fits:
        raise InputError(
            f"{name}: expected a number{_range(minimum, maximum, open_below, open_above)}, "
            f"got {value!r}"
        )
    return float(value)


def one_of(name: str, value: Any, choices: Iterable[Any]) -> Any:
    """``value``, which must be among ``choices``.

    Raises:
        InputError: If it is not.
    """
    choices = list(choices)
    if value not in choices:
        listed = ", ".join(repr(choice) for choice in choices)
        raise InputError(f"{name}: expected one of {listed}, got {value!r}")
    return value


def describe(value: Any) -> str:
    """The type and shape of a value, for a message: ``ndarray of shape (3, 4)``."""
    shape = getattr(value, "shape", None)
    kind = type(value).__name__
    if shape is not None:
        return f"{kind} of shape {tuple(shape)}"
    if isinstance(value, (list, tuple)):
        return f"{kind} of {len(value)}"
    return repr(value)


def _range(minimum: float, maximum: float, open_below: bool, open_above: bool) -> str:
    words = []
    if minimum > -math.inf:
        words.append(f"greater than {minimum:g}" if open_below else f"at least {minimum:g}")
    if maximum < math.inf:
        words.append(f"less than {maximum:g}" if open_above else f"at most {maximum:g}")
    return " " + " and ".join(words) if words else ""
