"""What is built in beside the records: the sets of sequences that the other tasks are tried on."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

__all__ = ["BuiltIn", "built_in"]

_MODULES = ("labelled", "faults", "systems", "translations", "stepwise", "primer")
"""The modules of this package that hold such sets, each with its ``DESCRIPTIONS``."""


@dataclass(frozen=True)
class BuiltIn:
    """What a built-in set is.

    Attributes:
        name: The name it is loaded by.
        title: One line.
        verb: The command that takes it: ``"classify"``.
        rows: How many sequences.
        source: Where it comes from.
        licence: On what terms.
    """

    name: str
    title: str
    verb: str
    rows: int
    source: str
    licence: str


def built_in(verb: str | None = None) -> list[BuiltIn]:
    """The built-in sets, of one command or of all."""
    found: list[BuiltIn] = []
    for module in _MODULES:
        found += import_module(f"elman.datasets.{module}").DESCRIPTIONS
    return [one for one in found if verb in (None, one.verb)]
