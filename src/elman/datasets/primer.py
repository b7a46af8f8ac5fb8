"""A child's primer: a text to learn, written by a small grammar from a seed.

Sums, days, months, animals, opposites. What ends a sentence follows from what began it, ten to
forty letters before: farther back than counting letters can look, and near enough for a small
network to learn in seconds. So its samples show at a glance what it has understood.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from elman.datasets.catalogue import BuiltIn

__all__ = ["DESCRIPTIONS", "primer"]

DESCRIPTIONS = (
    BuiltIn(
        "primer",
        "sums, days, months, animals and opposites: a child's primer of 3,600 sentences",
        "generate",
        1,
        "written by a grammar: elman.datasets.primer",
        "none needed",
    ),
)

NUMBERS = (
    *("nought", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"),
)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
SEASONS = {"winter": (11, 0, 1), "spring": (2, 3, 4), "summer": (5, 6, 7), "autumn": (8, 9, 10)}
ANIMALS = (
    ("cow", "calf", "moo"),
    ("dog", "puppy", "woof"),
    ("cat", "kitten", "miaow"),
    ("sheep", "lamb", "baa"),
    ("horse", "foal", "neigh"),
    ("duck", "duckling", "quack"),
    ("pig", "piglet", "oink"),
    ("goose", "gosling", "honk"),
)
OPPOSITES = (
    *(("hot", "cold"), ("big", "small"), ("old", "young"), ("wet", "dry"), ("fast", "slow")),
    *(("high", "low"), ("light", "dark"), ("near", "far"), ("good", "bad"), ("full", "empty")),
)
CHILDREN = ("Ann", "Ben", "Clara", "Daniel", "Emma", "Frank")
THINGS = ("apples", "marbles", "buttons", "ribbons", "pennies", "nuts")

_Item = TypeVar("_Item")


def primer(sentences: int = 3600, seed: int = 1) -> str:
    """The primer, a sentence a line.

    Args:
        sentences: How many.
        seed: Of the choice of sentences.
    """
    chance = np.random.default_rng(seed)
    kinds = (_sum, _sum, _rest, _day, _month, _animal, _opposite, _children)
    return "".join(f"{_one(chance, kinds)(chance)}\n" for _ in range(sentences))


def _one(chance: np.random.Generator, items: Sequence[_Item]) -> _Item:
    return items[int(chance.integers(len(items)))]


def _sum(chance: np.random.Generator) -> str:
    first, second = (int(one) for one in chance.integers(1, 10, 2))
    return f"{NUMBERS[first].capitalize()} and {NUMBERS[second]} make {NUMBERS[first + second]}."


def _rest(chance: np.random.Generator) -> str:
    first, second = (int(one) for one in chance.integers(0, 10, 2))
    more, less = max(first, second), min(first, second)
    return f"Take {NUMBERS[less]} from {NUMBERS[more]} and {NUMBERS[more - less]} is left."


def _day(chance: np.random.Generator) -> str:
    day = int(chance.integers(7))
    if chance.integers(2):
        return f"The day after {DAYS[day]} is {DAYS[(day + 1) % 7]}."
    return f"The day before {DAYS[day]} is {DAYS[day - 1]}."


def _month(chance: np.random.Generator) -> str:
    month = int(chance.integers(12))
    if chance.integers(2):
        season = next(name for name, months in SEASONS.items() if month in months)
        return f"In {MONTHS[month]} it is {season}."
    return f"When {MONTHS[month]} ends, {MONTHS[(month + 1) % 12]} begins."


def _animal(chance: np.random.Generator) -> str:
    parent, child, voice = _one(chance, ANIMALS)
    if chance.integers(2):
        return f"The {parent} in the field says {voice}."
    return f"The {child} runs after its mother, the {parent}."


def _opposite(chance: np.random.Generator) -> str:
    first, second = _one(chance, OPPOSITES)
    if chance.integers(2):
        first, second = second, first
    return f"What is not {first} may well be {second}."


def _children(chance: np.random.Generator) -> str:
    child, thing = _one(chance, CHILDREN), _one(chance, THINGS)
    first, more = (int(one) for one in chance.integers(2, 7, 2))
    who = "he" if child in ("Ben", "Daniel", "Frank") else "she"
    return (
        f"{child} had {NUMBERS[first]} {thing}; now that {who} has found {NUMBERS[more]} more, "
        f"{child} has {NUMBERS[first + more]}."
    )
