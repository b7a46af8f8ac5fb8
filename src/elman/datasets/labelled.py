"""The built-in sequences with a class each."""

from __future__ import annotations

from typing import Any

import numpy as np

from elman.data.labelled import Labelled
from elman.data.rows import Rows
from elman.datasets.catalogue import BuiltIn
from elman.errors import InputError

__all__ = ["DESCRIPTIONS", "LABELLED", "load_labelled"]


DESCRIPTIONS = (
    BuiltIn(
        "surnames",
        "400 common surnames and their language, one of eight",
        "classify",
        400,
        "fifty common surnames of each of eight languages, written down for elman",
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
)
LABELLED = tuple(one.name for one in DESCRIPTIONS)
"""The names of the built-in sets of sequences with a class each."""


def load_labelled(name: str) -> Labelled:
    """Load a built-in set of sequences with their classes.

    Args:
        name: ``"surnames"`` or ``"toy"``.

    Raises:
        InputError: There is none of this name.
    """
    if name not in LABELLED:
        raise InputError(f"There is no built-in set {name!r}. There are {', '.join(LABELLED)}.")
    if name == "toy":
        rng = np.random.default_rng(0)
        arrays: list[Any] = list(rng.standard_normal((16, 5, 10)))
        labels = np.arange(16) % 2
        channels = [f"channel {number + 1}" for number in range(10)]
        return Labelled(Rows(arrays, None, 10), labels, [str(n) for n in range(16)], channels)
    from elman.datasets.surnames import SURNAMES

    pairs = [(one, language) for language, names in SURNAMES.items() for one in names.split()]
    texts = [one for one, _ in pairs]
    return Labelled(Rows(None, texts, 0), np.array([language for _, language in pairs]), texts)
