"""A fitted forecaster as plain values and arrays, and back."""

from __future__ import annotations

import os
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from elman.data.calendar import Frequency
from elman.data.panel import Names, Panel
from elman.errors import InputError
from elman.evaluate import Scores
from elman.saving import read_model, tensor_of, write_model
from elman.tasks.calibration import Calibration
from elman.tasks.model import ForecastModel
from elman.tasks.parameters import Array
from elman.tasks.plan import known_lengths

if TYPE_CHECKING:
    from elman.tasks.forecasting import Forecaster

__all__ = ["load_forecaster", "save_forecaster"]

_Forecaster = TypeVar("_Forecaster", bound="Forecaster")


def save_forecaster(forecaster: Forecaster, path: str | os.PathLike[str], overwrite: bool) -> None:
    """See :meth:`elman.Forecaster.save`."""
    context = _context(forecaster._panel, forecaster.plan_.window)
    panel, tensors = _panel_parts(context)
    calibration = forecaster.calibration_
    if calibration is not None:
        tensors["calibration.adjustment"] = calibration.adjustment
        tensors["calibration.count"] = calibration.count
    scores = forecaster.scores_
    description = {
        "parameters": {name: _plain(v) for name, v in forecaster.get_params().items()},
        "model": forecaster.model_.description(),
        "panel": panel,
        "levels": None if calibration is None else list(calibration.levels),
        "scores": None if scores is None else scores.to_dict(),
        "notes": forecaster.notes_,
        "source_shape": list(forecaster._shape_in),
    }
    tensors |= {f"model.{name}": one for name, one in forecaster.model_.tensors().items()}
    write_model(path, "forecaster", description, tensors, overwrite)


def load_forecaster(kind: type[_Forecaster], path: str | os.PathLike[str]) -> _Forecaster:
    """See :meth:`elman.Forecaster.from_saved`."""
    description, tensors = read_model(path, "forecaster")
    try:
        forecaster = kind(**_parameters(description["parameters"]))
        weights = {
            name.removeprefix("model."): one
            for name, one in tensors.items()
            if name.startswith("model.")
        }
        forecaster.model_ = ForecastModel.from_saved(
            description["model"], weights, forecaster.backend
        )
        forecaster.plan_ = forecaster.model_.plan
        forecaster._panel = _panel_of(description["panel"], tensors)
        forecaster.calibration_ = None
        if description["levels"] is not None:
            levels = tuple(description["levels"])
            shape = (len(levels), forecaster.plan_.horizon)
            forecaster.calibration_ = Calibration(
                levels,
                tensor_of(tensors, "calibration.adjustment", shape),
                tensor_of(tensors, "calibration.count", shape),
            )
        scores = description["scores"]
        forecaster.scores_ = None if scores is None else Scores.from_dict(scores)
        forecaster.notes_ = list(description["notes"])
        forecaster.seconds_ = {}
        form, axes = description["source_shape"]
        forecaster._shape_in = (str(form), int(axes))
    except InputError as error:
        raise InputError(f"path: the saved forecaster in {path} is damaged: {error}") from error
    except (AttributeError, LookupError, OverflowError, TypeError, ValueError) as error:
        raise InputError(
            f"path: the saved forecaster in {path} is damaged or of another version: {error!r}"
        ) from error
    forecaster.history_ = forecaster.model_.history
    forecaster.held_out_ = None
    return forecaster


def _context(panel: Panel, window: int) -> Panel:
    """What a forecast of the training data needs of them: the end of each series.

    A missing value is filled with the last observed one, so the end begins where every target
    was observed at or before the window's first step.
    """
    begin = np.maximum(known_lengths(panel) - window, 0)
    for number, one in enumerate(panel):
        observed = ~np.isnan(one[: begin[number] + 1])
        before = [int(np.flatnonzero(column)[-1]) for column in observed.T if column.any()]
        begin[number] = min(before, default=begin[number])
    parts = [
        slice(int(o + b), int(e))
        for o, b, e in zip(panel.offsets[:-1], begin, panel.offsets[1:], strict=True)
    ]

    def kept(block: Array) -> Array:
        return np.concatenate([block[part] for part in parts])

    return replace(
        panel,
        values=kept(panel.values),
        past=kept(panel.past),
        future=kept(panel.future),
        stamps=kept(panel.stamps),
        offsets=np.concatenate([[0], np.cumsum(panel.lengths - begin)]),
    )


def _panel_parts(panel: Panel) -> tuple[dict[str, Any], dict[str, Array]]:
    static = {
        name: [None if one is None else str(one) for one in column]
        if column.dtype == object
        else [float(one) for one in column]
        for name, column in panel.static.items()
    }
    description = {
        "ids": [_plain(one) for one in panel.ids],
        "static": static,
        "frequency": None if panel.frequency is None else asdict(panel.frequency),
        "names": asdict(panel.names),
        "kind": panel.kind,
        "time_zone": panel.time_zone,
        "resolution": panel.resolution,
        "stamps": panel.stamps.dtype.str,
    }
    tensors = {
        "panel.values": panel.values,
        "panel.past": panel.past,
        "panel.future": panel.future,
        "panel.stamps": panel.stamps.view(np.int64),
        "panel.offsets": panel.offsets,
    }
    return description, tensors


def _panel_of(record: dict[str, Any], tensors: dict[str, Array]) -> Panel:
    static = {
        name: np.array(column, dtype=object if any(isinstance(v, str) for v in column) else float)
        for name, column in record["static"].items()
    }
    frequency, names = record["frequency"], record["names"]
    ids = np.empty(len(record["ids"]), dtype=object)
    ids[:] = record["ids"]
    offsets = tensor_of(tensors, "panel.offsets", (len(ids) + 1,))
    rows = int(offsets[-1])

    def block(role: str, columns: str) -> Array:
        return tensor_of(tensors, f"panel.{role}", (rows, len(names[columns])))

    return Panel(
        values=block("values", "targets"),
        past=block("past", "past"),
        future=block("future", "future"),
        static=static,
        stamps=tensor_of(tensors, "panel.stamps", (rows,)).view(record["stamps"]),
        offsets=offsets,
        ids=ids,
        frequency=None if frequency is None else Frequency(**frequency),
        names=_names(names),
        kind=record["kind"],
        time_zone=record["time_zone"],
        resolution=record["resolution"],
    )


def _names(record: dict[str, Any]) -> Names:
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in record.items()
    }
    return Names(**fields)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (tuple, list, np.ndarray)):
        return [_plain(one) for one in value]
    return value


def _parameters(record: dict[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in record.items()}
