"""A translator's arguments: checked, and what they come to with a number of pairs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from elman.checks import one_of, real, whole
from elman.data.text import UNITS
from elman.layers.attention import ATTENTION
from elman.tasks.cells import CELLS

__all__ = ["TranslationTraining", "check_options", "shape_of", "training_of"]

FEW, MANY = 1000, 10000
UPDATES = 3000


@dataclass(frozen=True)
class TranslationTraining:
    """How to train, see :class:`elman.Translator` for what each part means."""

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    label_smoothing: float
    scheduled_sampling: float
    patience: int | None


def check_options(parameters: Mapping[str, Any]) -> None:
    """Refuses arguments of :class:`elman.Translator` that make no sense.

    Raises:
        InputError: Naming the first of them.
    """
    choices = {
        "cell": CELLS,
        "attention": (None, *ATTENTION),
        "unit": UNITS,
        "unseen": ("error", "unknown"),
        "bidirectional": (True, False),
        "reverse_source": (True, False),
        "layer_norm": (True, False),
        "backend": ("auto", "native", "reference"),
    }
    for name, allowed in choices.items():
        one_of(name, parameters[name], allowed)
    for name in ("hidden_size", "epochs", "batch_size", "max_length"):
        if parameters[name] is not None:
            whole(name, parameters[name])
    for name in ("num_layers", "embedding_size", "beam"):
        whole(name, parameters[name])
    if parameters["patience"] is not None:
        whole("patience", parameters["patience"], 0)
    whole("seed", parameters["seed"], 0)
    for name in ("dropout", "recurrent_dropout", "zoneout", "label_smoothing"):
        real(name, parameters[name], 0.0, 1.0, open_above=True)
    real("scheduled_sampling", parameters["scheduled_sampling"], 0.0, 1.0)
    real("held_out", parameters["held_out"], 0.0, 0.5)
    real("learning_rate", parameters["learning_rate"], 0.0, open_below=True)
    real("weight_decay", parameters["weight_decay"], 0.0)
    real("length_penalty", parameters["length_penalty"], 0.0)


def shape_of(parameters: Mapping[str, Any], rows: int) -> dict[str, Any]:
    """The network's sizes, but for the numbers of tokens.

    Args:
        parameters: Of the translator.
        rows: Pairs trained on.
    """
    names = [
        *("cell", "embedding_size", "num_layers", "bidirectional", "attention"),
        *("dropout", "recurrent_dropout", "zoneout", "layer_norm"),
    ]
    hidden = parameters["hidden_size"] or (64 if rows <= FEW else 128)
    return {**{name: parameters[name] for name in names}, "hidden_size": hidden}


def training_of(parameters: Mapping[str, Any], rows: int) -> TranslationTraining:
    """How it is trained.

    Args:
        parameters: Of the translator.
        rows: Pairs trained on.
    """
    batch = parameters["batch_size"] or (32 if rows <= FEW else 64 if rows <= MANY else 128)
    enough = min(100, max(10, math.ceil(UPDATES / math.ceil(rows / batch))))
    names = ("learning_rate", "weight_decay", "label_smoothing", "scheduled_sampling", "patience")
    return TranslationTraining(
        parameters["epochs"] or enough, batch, **{name: parameters[name] for name in names}
    )
