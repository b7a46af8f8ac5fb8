"""Checks of a forecaster's arguments, each before any work is done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from elman.cells import CELLS
from elman.checks import one_of, real, whole
from elman.data.scaling import SCALERS
from elman.errors import InputError
from elman.tasks.samples import NORMALIZATIONS

__all__ = ["check_levels", "check_options", "resolve_cell"]

STRATEGIES = ("direct", "recursive")
LOSSES = ("pinball", "mae", "mse", "huber")


def resolve_cell(cell: Any) -> str:
    """The name in :data:`elman.cells.CELLS`; ``"rnn"`` is short for ``"rnn_tanh"``."""
    name = "rnn_tanh" if cell == "rnn" else cell
    return str(one_of("cell", name, (*CELLS, "rnn") if name not in CELLS else CELLS))


def check_options(options: Mapping[str, Any]) -> None:
    """Checks the arguments of a :class:`elman.Forecaster`.

    Raises:
        InputError: Naming the argument, what was expected and what came.
    """
    for name in ("horizon", "window", "hidden_size", "epochs", "batch_size"):
        if options[name] is not None:
            whole(name, options[name])
    whole("num_layers", options["num_layers"])
    whole("ensemble", options["ensemble"])
    whole("seed", options["seed"], 0)
    if options["segment"] != "auto":
        whole("segment", options["segment"])
    resolve_cell(options["cell"])
    one_of("strategy", options["strategy"], STRATEGIES)
    one_of("loss", options["loss"], LOSSES)
    one_of("scaling", options["scaling"], SCALERS)
    one_of("normalize", options["normalize"], ("auto", None, *NORMALIZATIONS))
    for name in ("shortcut", "refit"):
        one_of(name, options[name], ("auto", True, False))
    one_of("series_vectors", options["series_vectors"], (True, False))
    one_of("backend", options["backend"], ("auto", "native", "reference"))
    if options["dropout"] is not None:
        real("dropout", options["dropout"], 0.0, 1.0, open_above=True)
    if options["learning_rate"] is not None:
        real("learning_rate", options["learning_rate"], 0.0, open_below=True)
    if options["folds"] != "auto":
        whole("folds", options["folds"], 0)
    _check_calibration(options["calibration"])
    check_levels(options["levels"])
    _check_each("quantiles", options["quantiles"], 1.0, "numbers between 0 and 1")
    _check_strategy(options)


def check_levels(levels: Any) -> tuple[float, ...]:
    """Levels of intervals, in percent, ascending.

    Raises:
        InputError: If they are no such numbers, or one comes twice.
    """
    _check_each("levels", levels, 100.0, "percents between 0 and 100, such as (80, 95)")
    shares = [level for level in levels if level < 1]
    if shares:
        raise InputError(
            f"levels: expected percents from 1 up, such as (80, 95), got {shares[0]!r}; for that "
            f"share of the values give {100 * shares[0]:g}"
        )
    return tuple(sorted(float(level) for level in levels))


def _check_strategy(options: Mapping[str, Any]) -> None:
    """Refuses what the chosen network has no use for, rather than leave it unused."""
    recursive = options["strategy"] == "recursive"
    quantiles = options["quantiles"]
    if quantiles is not None and len(quantiles) and (recursive or options["loss"] != "pinball"):
        raise InputError(
            "quantiles: expected None, since "
            + ("a recursive network" if recursive else f"loss={options['loss']!r}")
            + " forecasts the point alone (levels give intervals around it), got "
            f"{quantiles!r}; use loss='pinball' and strategy='direct'"
        )
    if not recursive:
        return
    if options["dropout"]:
        raise InputError(
            f"dropout: expected None, a recursive network has none, got {options['dropout']!r}"
        )
    if options["shortcut"] not in ("auto", False):
        raise InputError(
            "shortcut: expected 'auto' or False, a recursive network has no linear forecast beside "
            "it, got True"
        )


def _check_calibration(calibration: Any) -> None:
    if calibration == "auto":
        return
    whole_number = isinstance(calibration, (int, np.integer)) and not isinstance(calibration, bool)
    if whole_number and calibration >= 2:
        return
    if isinstance(calibration, float) and 0 < calibration < 1:
        return
    raise InputError(
        "calibration: expected 'auto', a number of steps (2 or more) or a share between 0 and 1, "
        f"got {calibration!r}"
    )


def _check_each(name: str, values: Any, top: float, expected: str) -> None:
    if values is None and name == "quantiles":
        return
    if isinstance(values, (str, bytes)) or not np.iterable(values):
        raise InputError(f"{name}: expected {expected}, got {values!r}")
    listed = list(values)
    for value in listed:
        number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
        if not number or not 0 < float(value) < top:
            raise InputError(f"{name}: expected {expected}, got {value!r}")
    if len(set(map(float, listed))) != len(listed):
        raise InputError(f"{name}: expected {expected}, each once, got {values!r}")
