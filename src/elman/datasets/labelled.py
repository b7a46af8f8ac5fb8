"""The built-in sequences with a class or a number each."""

from __future__ import annotations

from typing import Any

import numpy as np

from elman.data.labelled import Labelled
from elman.data.rows import Rows
from elman.datasets.catalogue import BuiltIn
from elman.errors import InputError

__all__ = ["DESCRIPTIONS", "labelled_names", "load_labelled"]


DESCRIPTIONS = (
    BuiltIn(
        "surnames",
        "1800 common surnames and their language, one of eight",
        "classify",
        1800,
        "225 common surnames of each of eight languages, written down for elman",
        "public facts",
    ),
    BuiltIn(
        "toy",
        "16 random sequences of 5 steps in 10 channels, two classes: the network must learn "
        "them by heart",
        "classify",
        16,
        "computed: numpy.random.default_rng(0)",
        "none needed",
    ),
    BuiltIn(
        "pendulums",
        "800 noisy records of a pendulum's swing; the target is its length in metres",
        "regress",
        800,
        "computed: damped small swings, numpy.random.default_rng(0)",
        "none needed",
    ),
)


def labelled_names(verb: str) -> list[str]:
    """The names of the built-in sets that a command takes.

    Args:
        verb: ``"classify"`` or ``"regress"``.
    """
    return [one.name for one in DESCRIPTIONS if one.verb == verb]


def load_labelled(name: str) -> Labelled:
    """Load a built-in set of sequences with their classes, or numbers.

    Args:
        name: ``"surnames"``, ``"toy"`` or ``"pendulums"``.

    Raises:
        InputError: There is none of this name.
    """
    if name == "pendulums":
        from elman.datasets.pendulums import pendulums

        return pendulums()
    if name == "toy":
        rng = np.random.default_rng(0)
        arrays: list[Any] = list(rng.standard_normal((16, 5, 10)))
        labels = np.arange(16) % 2
        channels = [f"channel {number + 1}" for number in range(10)]
        return Labelled(Rows(arrays, None, 10), labels, [str(n + 1) for n in range(16)], channels)
    if name != "surnames":
        known = ", ".join(one.name for one in DESCRIPTIONS)
        raise InputError(f"There is no built-in set {name!r}. There are {known}.")
    from elman.datasets.surnames import SURNAMES

    pairs = [(one, language) for language, names in SURNAMES.items() for one in names.split()]
    texts = [one for one, _ in pairs]
    return Labelled(Rows(None, texts, 0), np.array([language for _, language in pairs]), texts)
