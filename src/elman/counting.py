"""Numbers of things in words."""

from __future__ import annotations

__all__ = ["counted"]


def counted(number: int, word: str, several: str | None = None) -> str:
    """``"1 step"``, ``"1,200 steps"``.

    Args:
        number: How many.
        word: What, one of them.
        several: What, more of them; default: with an s.
    """
    return f"{number:,} {word if number == 1 else several or word + 's'}"
