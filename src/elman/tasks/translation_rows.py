"""The rows of a translator: checked, paired, and held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.data.pairs import LISTS, Lexicon, Tokens, as_token_rows
from elman.errors import InputError

__all__ = ["Pairs", "as_pairs", "check_unit", "hold_out", "refuse_unseen"]

Array: TypeAlias = NDArray[Any]

FEWEST_TO_HOLD_OUT = 40
MOST_HELD_OUT = 4000


@dataclass(frozen=True)
class Pairs:
    """Sources and targets as tokens, row by row."""

    sources: list[Tokens]
    targets: list[Tokens]

    def __len__(self) -> int:
        return len(self.sources)

    def select(self, rows: Sequence[int] | Array) -> Pairs:
        """Some of the rows."""
        chosen = [int(row) for row in rows]
        return Pairs([self.sources[r] for r in chosen], [self.targets[r] for r in chosen])


def as_pairs(X: Any, y: Any, unit: str) -> tuple[Pairs, tuple[str, str]]:
    """The rows a user passed, as tokens, and what the tokens of each side are.

    Args:
        X: Sources, see :func:`elman.data.pairs.as_token_rows`.
        y: Targets, the same.
        unit: Of texts.

    Raises:
        InputError: If either is neither texts nor lists of tokens, or they differ in number.
    """
    if y is None:
        raise InputError("y: expected a target for each source, got None")
    sources, source_unit = as_token_rows("X", X, unit)
    targets, target_unit = as_token_rows("y", y, unit)
    if len(sources) != len(targets):
        raise InputError(
            f"y: expected one target for each of {len(sources)} sources, got {len(targets)}"
        )
    return Pairs(sources, targets), (source_unit, target_unit)


def check_unit(name: str, rows: Sequence[Tokens], unit: str, wanted: str) -> None:
    """Refuses texts where fit had lists of tokens, and the other way.

    Raises:
        InputError: If they are of the other kind.
    """
    if rows and unit != wanted:
        raise InputError(f"{name}: expected {_kind(wanted)} as in fit, got {_kind(unit)}")


def refuse_unseen(rows: Sequence[Tokens], lexicon: Lexicon, unit: str) -> None:
    """Refuses tokens that training has not seen.

    Raises:
        InputError: If there is one.
    """
    strange = lexicon.unseen(rows)
    if strange:
        named = ", ".join(map(repr, strange[:5])) + (" ..." if len(strange) > 5 else "")
        raise InputError(
            f"X: expected {unit} seen in fit, got {named}; unseen='unknown' reads them all as one "
            "unknown"
        )


def hold_out(pairs: Pairs, share: float, seed: int) -> tuple[Array, Array, Array]:
    """Rows to train on, to watch and to judge by: a source stands on one side only.

    Args:
        pairs: All rows.
        share: Of the different sources held out, at most :data:`MOST_HELD_OUT` of them.
        seed: Of the draw.

    Returns:
        Three arrays of rows, in order; the last two are empty where there are fewer than
        :data:`FEWEST_TO_HOLD_OUT` sources.
    """
    first: dict[tuple[Any, ...], int] = {}
    group = np.array([first.setdefault(tuple(s), len(first)) for s in pairs.sources], np.int64)
    wanted = min(round(share * len(first)), MOST_HELD_OUT)
    if len(first) < FEWEST_TO_HOLD_OUT or wanted < 4:
        none = np.zeros(0, np.int64)
        return np.arange(len(pairs)), none, none
    generator = np.random.default_rng(np.random.SeedSequence(seed).spawn(2)[1])
    place = np.empty(len(first), np.int64)
    place[generator.permutation(len(first))] = np.arange(len(first))
    where, half = place[group], wanted // 2
    judged = (where >= half) & (where < wanted)
    return np.flatnonzero(where >= wanted), np.flatnonzero(where < half), np.flatnonzero(judged)


def _kind(unit: str) -> str:
    return "lists of tokens" if unit == LISTS else "texts"
