"""The settings that a report shows: those given, and where nothing was given those chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from elman.layers import Dropout, Embedding, Layer, RecurrentLayer
from elman.report.task import TaskReport
from elman.tasks.estimator import SavedEstimator

__all__ = ["chosen_settings", "with_chosen"]

_UNSET = ("verbose", "backend")
"""What says how it was run, not what was trained."""


def with_chosen(report: TaskReport, estimator: SavedEstimator) -> TaskReport:
    """The report with the settings that came of it, in place of those that were left open."""
    given = {name: one for name, one in estimator.get_params().items() if name not in _UNSET}
    return replace(report, configuration={**given, **chosen_settings(estimator)})


def chosen_settings(estimator: SavedEstimator) -> dict[str, Any]:
    """What a fitted estimator took for the arguments that were left at ``None``, by name.

    What ``fit`` says of it, what the network tells (units, dropout ...), and the epochs that it
    was trained for. An argument whose ``None`` means what it says is not among them.
    """
    found = {**_shape(estimator.model_), **estimator.chosen_}
    found.setdefault("epochs", len(estimator.history_))
    found.setdefault("learning_rate", max(estimator.history_.learning_rate, default=None))
    open_ = [name for name, one in estimator.get_params().items() if one is None]
    return {name: found[name] for name in open_ if found.get(name) is not None}


def _shape(model: Any) -> Mapping[str, Any]:
    """The sizes of the network, by the name of the argument that they come of."""
    networks = getattr(model, "networks", None) or [getattr(model, "network", None)]
    found: dict[str, Any] = {}
    for owner in (networks[0], model):
        shape = getattr(owner, "shape", None)
        if shape is not None:
            found = {**vars(shape), **found} if hasattr(shape, "__dict__") else found
    for name, value in _of_layers(getattr(networks[0], "layers", ())).items():
        found.setdefault(name, value)
    return found


def _of_layers(layers: Sequence[Layer]) -> dict[str, Any]:
    """What a row of layers tells: units, vectors, and dropout before and after the recurrence."""
    found: dict[str, Any] = {}
    place = "input_dropout"
    for layer in layers:
        if isinstance(layer, Embedding):
            found["embedding_size"] = layer.output_size
        elif isinstance(layer, RecurrentLayer):
            found["hidden_size"], place = layer.hidden_size, "dropout"
        elif isinstance(layer, Dropout):
            found[place] = layer.p
    if layers:
        found = {"dropout": 0.0, "input_dropout": 0.0, **found}
    return found
