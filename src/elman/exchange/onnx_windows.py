"""Raw windows as the direct network reads them, in ONNX: :mod:`elman.tasks.samples` in nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from elman.exchange.onnx_build import Graph
from elman.tasks.forecasting import Forecaster
from elman.tasks.samples import DEVIATION_FLOOR

__all__ = ["Windows", "write_windows"]


@dataclass(frozen=True)
class Windows:
    """Values of the graph; ``N`` windows of ``C`` target columns are ``R = N C`` rows.

    Attributes:
        inputs: ``[segments_in, R, segment * channels]``, float32.
        values: The normalised values alone, ``[R, window]``, float32.
        base: ``[R]``, float64: what was subtracted from each.
        scale: ``[R]``, float64: what it was divided by, 0 where a row is constant.
        series: ``[R]``, the number of each row's series.
        channel: ``[R]``, that of its target column.
        count: Number of rows, a vector of one number.
        future: ``[segments_out, R, segment * F]``, float32, or ``None``.
        static: ``[R, K]``, float32, or ``None``.
        forecaster: Whose windows they are.
        center: ``[R, 1]``: of its series' scaling, float64.
        spread: ``[R, 1]``, likewise.
    """

    inputs: str
    values: str
    base: str
    scale: str
    series: str
    channel: str
    count: str
    future: str | None
    static: str | None
    forecaster: Forecaster
    center: str
    spread: str

    def natural(self, graph: Graph, scaled: str) -> str:
        """Scaled ``[R, horizon]`` in the unit of the series, ``[N, horizon, C]``."""
        if self.forecaster.model_.encoder.scaler.name == "log1p":
            grown = graph.op("Exp", scaled)
            values = graph.op("Sub", grown, graph.constant(np.float64(1.0)))
        else:
            values = graph.op("Add", graph.op("Mul", scaled, self.spread), self.center)
        channels = self.forecaster.model_.channels
        steps = self.forecaster.plan_.horizon
        apart = graph.op("Reshape", values, graph.integers(-1, channels, steps))
        return graph.op("Transpose", apart, perm=[0, 2, 1])


def write_windows(graph: Graph, forecaster: Forecaster) -> Windows:
    """Adds the graph's inputs, and all that comes before the network.

    Args:
        graph: Where to.
        forecaster: A direct one.
    """
    model, plan = forecaster.model_, forecaster.plan_
    encoder, rows = model.encoder, _rows(graph, forecaster)
    filled, observed = _filled(graph, rows.scaled, plan.window, model.marks)
    deviation = _looked_up(graph, encoder.deviation.astype(np.float32), rows.place)
    base, scale = _normalization(graph, forecaster, filled, observed, deviation)
    values = _normalized(graph, filled, base, scale)
    kept = [values] if observed is None else [values, graph.cast(observed, np.float32)]
    parts = [graph.op("Unsqueeze", one, graph.integers(2)) for one in kept]
    parts += _covariates(graph, forecaster)
    width = sum(model.widths) + len(kept)
    joined = graph.op("Concat", *parts, axis=2) if len(parts) > 1 else parts[0]
    cut = graph.integers(-1, plan.window // plan.segment, plan.segment * width)
    inputs = graph.op("Transpose", graph.op("Reshape", joined, cut), perm=[1, 0, 2])
    return Windows(
        inputs=inputs,
        values=values,
        base=graph.cast(base, np.float64),
        scale=graph.cast(scale, np.float64),
        series=rows.series,
        channel=rows.channel,
        count=graph.size(values, 0),
        future=_ahead(graph, forecaster),
        static=_statics(graph, forecaster, rows.series),
        forecaster=forecaster,
        center=rows.center,
        spread=rows.spread,
    )


class _Rows(NamedTuple):
    """The rows of the windows, see :class:`Windows`, and their scaled values.

    Attributes:
        scaled: ``[R, window]``, float64.
        place: ``[R]``: of the row's series and column in tables ``(series, columns)``, laid flat.
        series: As there.
        channel: As there.
        center: As there.
        spread: As there.
    """

    scaled: str
    place: str
    series: str
    channel: str
    center: str
    spread: str


def _rows(graph: Graph, forecaster: Forecaster) -> _Rows:
    """Adds the inputs of values and series, and scales."""
    model, plan = forecaster.model_, forecaster.plan_
    encoder, channels = model.encoder, model.channels
    raw = graph.input("values", np.float64, ["windows", plan.window, channels])
    number = graph.size(raw, 0)
    if len(encoder.ids) > 1:
        given = graph.input("series", np.int64, ["windows"])
    else:
        given = graph.op("Expand", graph.integers(0), number)
    every = graph.op("Concat", number, graph.integers(channels), axis=0)
    series = _flat(
        graph, graph.op("Expand", graph.op("Unsqueeze", given, graph.integers(1)), every)
    )
    channel = _flat(graph, graph.op("Expand", graph.integers(*range(channels)), every))
    place = graph.op("Add", graph.op("Mul", series, graph.integers(channels)), channel)
    center, spread = (
        graph.op("Unsqueeze", _looked_up(graph, table, place), graph.integers(1))
        for table in (encoder.scaler.center, encoder.scaler.scale)
    )
    by_row = graph.op("Transpose", raw, perm=[0, 2, 1])
    by_row = graph.op("Reshape", by_row, graph.integers(-1, plan.window))
    if encoder.scaler.name == "log1p":
        scaled = graph.op("Log", graph.op("Add", by_row, graph.constant(np.float64(1.0))))
    else:
        scaled = graph.op("Div", graph.op("Sub", by_row, center), spread)
    return _Rows(scaled, place, series, channel, center, spread)


def _flat(graph: Graph, value: str) -> str:
    return graph.op("Reshape", value, graph.integers(-1))


def _looked_up(graph: Graph, table: Any, place: str) -> str:
    """``table.reshape(-1)[place]``."""
    return graph.op("Gather", graph.constant(np.reshape(table, -1)), place, axis=0)


def _filled(graph: Graph, scaled: str, window: int, marks: bool) -> tuple[str, str | None]:
    """Missing values filled with the last observed one, else the first; float32; and where not.

    The standard has no running maximum. The last observed step at or before each comes of doubling:
    the greatest of it and of what stood 1, then 2, then 4 ... steps before.
    """
    if not marks:
        return graph.cast(scaled, np.float32), None
    observed = graph.op("Not", graph.op("IsNaN", scaled))
    known = graph.op("Where", observed, scaled, graph.constant(np.float64(0.0)))
    order = graph.constant(np.arange(window, dtype=np.float32)[None])
    none_yet = graph.constant(np.float32(-1.0))
    last = graph.op("Where", observed, order, none_yet)
    reach = 1
    while reach < window:
        before = graph.op("Pad", last, graph.integers(0, reach, 0, -reach), none_yet)
        last = graph.op("Max", last, before)
        reach *= 2
    at = graph.op("Where", observed, order, graph.constant(np.float32(window - 1)))
    first = graph.op("ReduceMin", at, graph.integers(1), keepdims=1)
    none = graph.op("Less", last, graph.constant(np.float32(0.0)))
    index = graph.cast(graph.op("Where", none, first, last), np.int64)
    filled = graph.op("GatherElements", known, index, axis=1)
    return graph.cast(filled, np.float32), observed


def _normalization(
    graph: Graph, forecaster: Forecaster, filled: str, observed: str | None, deviation: str
) -> tuple[str, str]:
    """What to subtract from each row and what to divide it by, ``[R]``, float32."""
    normalize, window = forecaster.plan_.normalize, forecaster.plan_.window
    still = graph.op("Greater", deviation, graph.constant(np.float32(0.0)))
    zero, one = graph.constant(np.float64(0.0)), graph.constant(np.float64(1.0))
    if normalize is None:
        nothing = graph.op("Mul", deviation, graph.constant(np.float32(0.0)))
        return nothing, graph.op("Add", nothing, graph.constant(np.float32(1.0)))
    values = graph.cast(filled, np.float64)
    if observed is None:
        weight = graph.constant(np.ones((1, window)))
    else:
        weight = graph.cast(observed, np.float64)
        total = graph.op("ReduceSum", weight, graph.integers(1), keepdims=1)
        weight = graph.op("Where", graph.op("Equal", total, zero), one, weight)
    count = graph.op("ReduceSum", weight, graph.integers(1), keepdims=1)
    product = graph.op("ReduceSum", graph.op("Mul", values, weight), graph.integers(1), keepdims=1)
    mean = graph.op("Div", product, count)
    last = graph.op("Gather", values, graph.integers(window - 1), axis=1)
    base = last if normalize.startswith("last") else mean
    base = graph.cast(graph.op("Squeeze", base, graph.integers(1)), np.float32)
    if not normalize.endswith("std"):
        return base, graph.cast(still, np.float32)
    apart = graph.op("Sub", values, mean)
    squares = graph.op("Mul", weight, graph.op("Mul", apart, apart))
    total = graph.op("ReduceSum", squares, graph.integers(1), keepdims=1)
    spread = graph.op("Sqrt", graph.op("Div", total, count))
    spread = graph.op("Squeeze", spread, graph.integers(1))
    least = graph.op(
        "Mul", graph.cast(deviation, np.float64), graph.constant(np.float64(DEVIATION_FLOOR))
    )
    scale = graph.op("Where", still, graph.op("Add", spread, least), zero)
    return base, graph.cast(scale, np.float32)


def _normalized(graph: Graph, filled: str, base: str, scale: str) -> str:
    moving = graph.op("Greater", scale, graph.constant(np.float32(0.0)))
    divisor = graph.op("Where", moving, scale, graph.constant(np.float32(1.0)))
    column = graph.integers(1)
    apart = graph.op("Sub", filled, graph.op("Unsqueeze", base, column))
    return graph.op("Div", apart, graph.op("Unsqueeze", divisor, column))


def _covariates(graph: Graph, forecaster: Forecaster) -> list[str]:
    """Those of the window's steps, each ``[R, window, P]``, standardised, float32."""
    encoder, plan = forecaster.model_.encoder, forecaster.plan_
    found = []
    for name, fitted in (("past", encoder.past), ("future", encoder.future)):
        width = fitted.shape[1]
        if not width:
            continue
        steps = plan.window + (plan.horizon if name == "future" else 0)
        given = graph.input(name, np.float64, ["windows", steps, width])
        standard = _standard(graph, given, fitted)
        if name == "future":
            whole = graph.integers(0), graph.integers(plan.window), graph.integers(1)
            standard = graph.op("Slice", standard, *whole)
        found.append(_by_row(graph, standard, forecaster.model_.channels, plan.window, width))
    return found


def _standard(graph: Graph, given: str, fitted: Any) -> str:
    """Standardised; a missing one is at its mean."""
    scaled = graph.op("Sub", given, graph.constant(fitted[0], np.float64))
    scaled = graph.op("Div", scaled, graph.constant(fitted[1], np.float64))
    zero = graph.constant(np.float64(0.0))
    return graph.cast(graph.op("Where", graph.op("IsNaN", scaled), zero, scaled), np.float32)


def _by_row(graph: Graph, value: str, channels: int, steps: int, width: int) -> str:
    """``[N, steps, width]`` said for each target column, ``[R, steps, width]``."""
    if channels == 1:
        return value
    again = graph.op(
        "Concat", *[graph.op("Unsqueeze", value, graph.integers(1))] * channels, axis=1
    )
    return graph.op("Reshape", again, graph.integers(-1, steps, width))


def _ahead(graph: Graph, forecaster: Forecaster) -> str | None:
    """Covariates of the steps to be forecast, ``[segments_out, R, segment * F]``."""
    fitted, plan = forecaster.model_.encoder.future, forecaster.plan_
    width = fitted.shape[1]
    if not width:
        return None
    segments = -(-plan.horizon // plan.segment)
    steps = np.minimum(np.arange(segments * plan.segment), plan.horizon - 1) + plan.window
    chosen = graph.op("Gather", "future", graph.integers(*steps.tolist()), axis=1)
    standard = _standard(graph, chosen, fitted)
    rows = _by_row(graph, standard, forecaster.model_.channels, len(steps), width)
    cut = graph.op("Reshape", rows, graph.integers(-1, segments, plan.segment * width))
    return graph.op("Transpose", cut, perm=[1, 0, 2])


def _statics(graph: Graph, forecaster: Forecaster, series: str) -> str | None:
    """The static numbers of each row's series, as training had them."""
    encoder = forecaster.model_.encoder
    numbers = encoder.static_numbers(forecaster.training_panel, np.float32)
    if numbers is None:
        return None
    return graph.op("Gather", graph.constant(numbers), series, axis=0)
