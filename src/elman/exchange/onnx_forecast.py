"""A direct forecaster as an ONNX file that reads raw windows and gives raw forecasts.

Scaling of each series, filling and marks of missing values, normalisation of each window, the
networks of :mod:`elman.tasks.direct`, the linear part and the calibrated intervals are all part of
the graph. Windows ``n`` and target columns ``c`` make the rows ``R = n C + c`` of the networks.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from elman.errors import InputError
from elman.exchange.certificate import Case
from elman.exchange.onnx_build import Graph
from elman.exchange.onnx_direct import write_direct
from elman.exchange.onnx_files import Told, write_certified
from elman.exchange.onnx_windows import Windows, write_windows
from elman.exchange.parts import Array
from elman.tasks.answers import Answer
from elman.tasks.calibration import interval_quantiles, level_name
from elman.tasks.direct import DirectNetwork
from elman.tasks.forecasting import Forecaster

__all__ = ["forecaster_model", "forecaster_to_onnx"]


def forecaster_to_onnx(
    forecaster: Forecaster, file: str | os.PathLike[str], *, certificate: bool, overwrite: bool
) -> dict[str, Any]:
    """Writes the file and its certificate, see :meth:`elman.Forecaster.to_onnx`."""
    forecaster._check_fitted()
    told = Told(
        lambda: forecaster_model(forecaster),
        _cases(forecaster),
        lambda case: _ours(forecaster, case),
    )
    return write_certified(file, told, certificate=certificate, overwrite=overwrite)


def forecaster_model(forecaster: Forecaster) -> Any:
    """The model, see :meth:`elman.Forecaster.to_onnx`.

    Raises:
        InputError: If the forecaster is recursive.
    """
    model, plan = forecaster.model_, forecaster.plan_
    if plan.strategy != "direct":
        raise InputError(
            "forecaster: strategy='recursive' feeds on its own output, which no ONNX node does; "
            "expected strategy='direct'"
        )
    graph = Graph("forecast")
    names = forecaster.training_panel.names
    graph.metadata |= {
        "series": model.encoder.ids,
        "targets": list(names.targets),
        "past": list(names.past),
        "future": list(names.future),
    }
    windows = write_windows(graph, forecaster)
    found = []
    for number, network in enumerate(model.networks):
        if not isinstance(network, DirectNetwork):
            raise InputError(f"forecaster: expected direct networks, got {network!r}")
        outputs = write_direct(graph, network, windows, plan.segment, f"network{number}.")
        found.append(_restored(graph, outputs, windows, plan.horizon))
    quantiles = found[0]
    if len(found) > 1:
        number_of = graph.constant(np.float64(len(found)))
        quantiles = graph.op("Div", graph.op("Sum", *found), number_of)
    _write_answers(graph, forecaster, windows, quantiles)
    return graph.model()


def _restored(graph: Graph, outputs: str, windows: Windows, horizon: int) -> str:
    """Normalised ``[R, steps, Q]`` as scaled ``[R, horizon, Q]``, float64, ascending."""
    kept = graph.op("Slice", outputs, graph.integers(0), graph.integers(horizon), graph.integers(1))
    values = graph.cast(kept, np.float64)
    column = graph.integers(1, 2)
    values = graph.op("Mul", values, graph.op("Unsqueeze", windows.scale, column))
    values = graph.op("Add", values, graph.op("Unsqueeze", windows.base, column))
    number = graph.op("Shape", values, start=2, end=3)
    ascending, _ = graph.ops("TopK", 2, values, number, axis=2, largest=0, sorted=1)
    return ascending


def _write_answers(graph: Graph, forecaster: Forecaster, windows: Windows, quantiles: str) -> None:
    """The outputs: point forecast, ends of the intervals, quantiles asked for."""
    model, plan, calibration = forecaster.model_, forecaster.plan_, forecaster.calibration_
    trained = model.trained_quantiles

    def one(number: int) -> str:
        return graph.op("Gather", quantiles, graph.constant(np.int64(number)), axis=2)

    def put(name: str, value: str) -> None:
        sizes: list[int | str] = ["windows", plan.horizon, model.channels]
        graph.output(windows.natural(graph, value), name, np.float64, sizes)

    point = one(trained.index(0.5))
    put("forecast", point)
    for quantile in plan.asked:
        put(f"quantile_{quantile:g}", one(trained.index(quantile)))
    if calibration is None:
        return
    inner = (point, point)
    unit = graph.op("Unsqueeze", windows.scale, graph.integers(1))
    for number, level in enumerate(calibration.levels):
        low, high = interval_quantiles(trained, level)
        widen = graph.op("Mul", unit, graph.constant(calibration.adjustment[number], np.float64))
        ends = graph.op("Sub", one(low), widen), graph.op("Add", one(high), widen)
        middle = graph.op("Div", graph.op("Add", *ends), graph.constant(np.float64(2.0)))
        lower = graph.op("Min", ends[0], middle, inner[0])
        inner = lower, graph.op("Max", ends[1], middle, inner[1])
        put(f"lower_{level_name(level)}", inner[0])
        put(f"upper_{level_name(level)}", inner[1])


# ------------------------------------------------------------------------------- certificate


def _cases(forecaster: Forecaster) -> Iterable[Case]:
    """Random walks about the level and of the size of each series."""
    model, plan = forecaster.model_, forecaster.plan_
    encoder, generator = model.encoder, np.random.default_rng(0)
    for number in (1, 3, 8):
        for missing in (False, True) if model.marks else (False,):
            series = generator.integers(0, len(encoder.ids), number)
            walks = generator.standard_normal((number, plan.window, model.channels))
            walks = np.cumsum(walks, axis=1) / np.sqrt(plan.window)
            flat = encoder.scaler.inverse_transform(
                walks if encoder.scaler.name != "log1p" else np.abs(walks), series
            )
            if missing:
                flat[generator.random(flat.shape) < 0.2] = np.nan
                flat[:, plan.window // 2] = encoder.scaler.inverse_transform(
                    np.full((number, model.channels), 0.5), series
                )
            inputs: dict[str, Array] = {"values": flat}
            if len(encoder.ids) > 1:
                inputs["series"] = series
            steps = {"past": plan.window, "future": plan.window + plan.horizon}
            for name, fitted in (("past", encoder.past), ("future", encoder.future)):
                if fitted.shape[1]:
                    drawn = generator.standard_normal((number, steps[name], fitted.shape[1]))
                    inputs[name] = fitted[0] + fitted[1] * drawn
            yield Case(f"{number} windows{', values missing' if missing else ''}", inputs)


def _ours(forecaster: Forecaster, case: Case) -> dict[str, Array]:
    """The forecasts of the windows, each as the end of a series of which no more is known."""
    parts = [_answer(forecaster, case, number) for number in range(len(case.inputs["values"]))]
    found = {"forecast": np.concatenate([one.point for one in parts])}
    for level in parts[0].intervals:
        for place, name in enumerate(("lower", "upper")):
            found[f"{name}_{level_name(level)}"] = np.concatenate(
                [one.intervals[level][place] for one in parts]
            )
    for quantile in parts[0].quantiles:
        found[f"quantile_{quantile:g}"] = np.concatenate([one.quantiles[quantile] for one in parts])
    return found


def _answer(forecaster: Forecaster, case: Case, number: int) -> Answer:
    plan, known = forecaster.plan_, forecaster.training_panel
    series = int(case.inputs["series"][number]) if "series" in case.inputs else 0
    one, window, total = known.select([series]), plan.window, plan.window + plan.horizon
    values = np.full((total, known.n_targets), np.nan)
    values[:window] = case.inputs["values"][number]
    past = np.full((total, known.past.shape[1]), np.nan)
    if past.shape[1]:
        past[:window] = case.inputs["past"][number]
    future = case.inputs["future"][number] if known.future.shape[1] else np.empty((total, 0))
    panel = replace(
        one,
        values=values,
        past=past,
        future=future,
        stamps=np.resize(one.stamps, total),
        offsets=np.array([0, total]),
    )
    counts = np.array([window])
    model = forecaster.model_
    raw = model.forecast(panel, np.array([0]), counts, counts)
    calibration = forecaster.calibration_
    levels = () if calibration is None else calibration.levels
    return Answer.of(model, panel, counts, raw, calibration, levels, plan, plan.horizon)
