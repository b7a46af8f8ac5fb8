"""The built-in sequences with a class each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from elman.data.labelled import Labelled
from elman.data.rows import Rows
from elman.errors import InputError

__all__ = ["LABELLED", "LabelledDescription", "load_labelled"]


@dataclass(frozen=True)
class LabelledDescription:
    """What a built-in set of sequences is.

    Attributes:
        name: The name it is loaded by.
        title: One line.
        rows: Number of sequences.
        classes: Number of classes.
        source: Where it comes from.
        licence: On what terms.
    """

    name: str
    title: str
    rows: int
    classes: int
    source: str
    licence: str


LABELLED = {
    one.name: one
    for one in (
        LabelledDescription(
            "surnames",
            "400 common surnames and their language",
            400,
            8,
            "fifty common surnames of each of eight languages, written down for elman",
            "public facts",
        ),
        LabelledDescription(
            "toy",
            "16 random sequences of 5 steps in 10 channels, two classes: the network must learn "
            "them by heart",
            16,
            2,
            "computed: numpy.random.default_rng(0)",
            "none needed",
        ),
    )
}


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
