"""The built-in sequences with a label at every step: requests in words, and a machine's signal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from elman.data.conll import StepFile
from elman.data.rows import Rows
from elman.data.tokens import Sentences
from elman.datasets.catalogue import BuiltIn
from elman.errors import InputError

__all__ = ["DESCRIPTIONS", "STEPWISE", "load_stepwise"]

DESCRIPTIONS = (
    BuiltIn(
        "appointments",
        "1200 notes about appointments: persons, places, dates and times in them",
        "label",
        1200,
        "written by a grammar with numpy.random.default_rng(0)",
        "none needed",
    ),
    BuiltIn(
        "machine",
        "160 records of a motor's current and vibration, in one of six states at each step",
        "label",
        160,
        "computed: numpy.random.default_rng(0)",
        "none needed",
    ),
)
STEPWISE = tuple(one.name for one in DESCRIPTIONS)
"""The names of the built-in sets of sequences with a label at every step."""


def load_stepwise(name: str) -> StepFile:
    """Loads a built-in set of sequences with a label at every step.

    Args:
        name: ``"appointments"`` or ``"machine"``.

    Raises:
        InputError: There is none of this name.
    """
    if name not in STEPWISE:
        raise InputError(f"There is no built-in set {name!r}. There are {', '.join(STEPWISE)}.")
    return _appointments(1200) if name == "appointments" else _machine(160)


# ---------------------------------------------------------------------------- appointments
#
# The same word stands for different things: May, June and April are months and persons, Lincoln,
# Chester and Jordan persons and places, Park and Hill are surnames and parts of an address, and a
# number is a day, an hour or a house. Only the words around it tell.

Chunk: TypeAlias = tuple[str, str]  # words, and the type of the span or ""
Rng: TypeAlias = np.random.Generator

_FIRST = """
    April May June August Lincoln Chester Jordan Florence Victoria Charlotte Anna Peter
    Maria David Grace Rose Will Mark Iris Jack Olivia Noah Sofia Emil Hugo Ida Clara Felix
    Martin Paula Simon Vera Oscar Nina"""
_LAST = """
    Park Hill Brook Green King Bishop Lincoln Chester March May Field Castle Smith Weber
    Rossi Novak Silva Larsen Moreau Becker Tanaka Keller Mason Turner Wood Lane"""
_CITY = """
    Lincoln Chester Florence Victoria Charlotte Paris Oslo Leeds York Bath Reading Jordan
    Vienna Porto Ghent Basel Turin Cork"""
_STREET = """
    Park Hill King Bishop Castle Green Church Mill Station Queen Brook Field Victoria
    Lincoln May"""
_WAY = ["Street", "Road", "Lane", "Avenue", "Square"]
_MONTH = """
    January February March April May June July August September October November
    December"""
_DAY = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"
_ROOM = ["library", "canteen", "town hall", "main station", "museum", "old mill", "city park"]
_THING = ["meeting", "lunch", "dinner", "call", "review", "visit", "lesson", "check", "talk"]


def _one(rng: Rng, words: str | Sequence[str]) -> str:
    words = words.split() if isinstance(words, str) else words
    return words[int(rng.integers(len(words)))]


def _person(rng: Rng) -> str:
    kind = rng.random()
    if kind < 0.45:
        return _one(rng, _FIRST)
    if kind < 0.7:
        return f"{_one(rng, _FIRST)} {_one(rng, _LAST)}"
    if kind < 0.85:
        return f"{_one(rng, _FIRST)} {_invented(rng)}"
    return f"{_one(rng, ['Dr.', 'Mrs.', 'Mr.'])} {_one(rng, _LAST)}"


def _invented(rng: Rng) -> str:
    """A surname that nobody has met, told by its letters and its place."""
    middle = "".join(
        _one(rng, ["ra", "lo", "mi", "ten", "vak", "sor"]) for _ in range(rng.integers(1, 3))
    )
    head = _one(rng, ["Ka", "Bre", "Dor", "Fi", "Lu", "Os", "Ste", "Ter", "Vo", "Wi"])
    return head + middle + _one(rng, ["nen", "ski", "berg", "ova", "elli", "sson"])


def _place(rng: Rng) -> str:
    kind = rng.random()
    if kind < 0.35:
        return _one(rng, _CITY)
    if kind < 0.75:
        street = f"{rng.integers(1, 90)} {_one(rng, _STREET)} {_one(rng, _WAY)}"
        return f"{street} , {_one(rng, _CITY)}" if rng.random() < 0.3 else street
    return f"the {_one(rng, _ROOM)}"


def _date(rng: Rng) -> str:
    kind = rng.random()
    if kind < 0.3:
        return f"{rng.integers(1, 29)} {_one(rng, _MONTH)}"
    if kind < 0.5:
        return f"{_one(rng, _MONTH)} {rng.integers(1, 29)}"
    if kind < 0.7:
        return f"{_one(rng, ['next', 'this'])} {_one(rng, _DAY)}"
    return _one(rng, f"{_DAY} {_MONTH} tomorrow today")


def _time(rng: Rng) -> str:
    hour, kind = int(rng.integers(1, 13)), rng.random()
    if kind < 0.3:
        return f"{hour} {_one(rng, ['am', 'pm'])}"
    if kind < 0.55:
        return f"{hour}:{_one(rng, ['00', '15', '30', '45'])}"
    if kind < 0.75:
        return f"half past {hour}"
    return _one(rng, ["noon", "midnight", f"{hour} o'clock", str(hour)])


_FILL: dict[str, Callable[[Rng], str]] = {
    "person": _person,
    "place": _place,
    "date": _date,
    "time": _time,
}
_TEMPLATES = (
    "{thing} with <person> at <place> on <date>",
    "meet <person> in <place> <date> at <time>",
    "<date> , <time> : {thing} with <person> and <person>",
    "please call <person> before <time> <date>",
    "{thing} moved from <date> to <date> , same place",
    "<person> arrives in <place> on <date> at <time>",
    "may I see <person> on <date> ?",
    "will <person> be in <place> by <time> ?",
    "{thing} at <place> from <time> to <time>",
    "pick <person> up at <place> , {number} bags",
    "{number} people for {thing} with <person> , <place> , <time>",
    "<person> may come on <date> or march over from <place>",
    "remind <person> to mark the {thing} on <date>",
    "the {thing} in <place> takes {number} hours , <person> will join at <time>",
    "no {thing} in <date> , ask <person>",
    "<place> : {thing} with <person> , <date>",
    "send the bill of the {thing} to <person> , <place>",
    "<person> , <person> and <person> : {thing} <date> <time>",
    "can we park at <place> when we visit <person> ?",
    "leave <place> at <time> to reach <place> before <time>",
)


def _appointments(number: int) -> StepFile:
    rng = np.random.default_rng(0)
    tokens: list[list[str]] = []
    labels: list[list[Any]] = []
    for _ in range(number):
        words: list[str] = []
        marks: list[Any] = []
        for part in _one(rng, _TEMPLATES).split():
            text, kind = _filled(part, rng)
            found = text.split()
            words += found
            marks += [
                f"{'I' if place else 'B'}-{kind}" if kind else "O" for place in range(len(found))
            ]
        if rng.random() < 0.3:  # as people type: then no capital tells a name
            words = [word.lower() for word in words]
        tokens.append(words)
        labels.append(marks)
    return StepFile(Sentences(tokens), labels, [str(row + 1) for row in range(number)])


def _filled(part: str, rng: Rng) -> Chunk:
    """What stands for a part of a template, and the type of its span or nothing."""
    if part.startswith("<"):
        kind = part.strip("<>")
        return _FILL[kind](rng), kind
    if part == "{thing}":
        return _one(rng, _THING), ""
    return (str(rng.integers(2, 13)) if part == "{number}" else part), ""


# --------------------------------------------------------------------------------- machine

_NEXT = {
    "off": [("starting", 1.0)],
    "starting": [("idle", 0.7), ("load", 0.3)],
    "idle": [("load", 0.7), ("stopping", 0.3)],
    "load": [("idle", 0.45), ("fault", 0.25), ("stopping", 0.3)],
    "fault": [("stopping", 1.0)],
    "stopping": [("off", 1.0)],
}
_STEPS = {
    "off": (8, 20),
    "starting": (6, 10),
    "idle": (8, 25),
    "load": (10, 30),
    "fault": (6, 14),
    "stopping": (5, 9),
}


def _machine(number: int) -> StepFile:
    """Records of 60 to 120 steps; starting and stopping differ in the direction alone."""
    rng = np.random.default_rng(0)
    arrays, labels = [], []
    for _ in range(number):
        length = int(rng.integers(60, 121))
        states: list[Any] = []
        levels: list[float] = []
        state = str(rng.choice(["off", "idle", "load"]))
        level = {"off": 0.0, "idle": 1.0, "load": 2.0}[state]
        while len(states) < length:
            steps = int(rng.integers(*_STEPS[state]))
            goal = {"off": 0.0, "stopping": 0.0, "load": 2.0, "fault": 2.0}.get(state, 1.0)
            levels += np.linspace(level, goal, steps + 1)[1:].tolist()
            states += [state] * steps
            level = goal
            names, shares = zip(*_NEXT[state], strict=True)
            state = str(rng.choice(names, p=shares))
        arrays.append(_signal(np.array(levels[:length]), states[:length], rng))
        labels.append(states[:length])
    steps_read = Rows(arrays, None, 2)
    names_of = [str(row + 1) for row in range(number)]
    return StepFile(steps_read, labels, names_of, channels=["current", "vibration"])


def _signal(level: Any, states: Sequence[str], rng: Rng) -> Any:
    """Current with noise, vibration that swings slowly in a fault; a few values are missing."""
    fault = np.array([state == "fault" for state in states])
    time = np.arange(len(level))
    swing = np.where(fault, 0.9 * np.sin(1.1 * time + rng.uniform(0, 6)), 0.0)
    current = level + 0.15 * rng.standard_normal(len(level))
    vibration = 0.4 * level + swing + 0.3 * rng.standard_normal(len(level))
    table = np.stack([current, vibration], axis=1)
    table[rng.random(table.shape) < 0.02] = np.nan
    return table
