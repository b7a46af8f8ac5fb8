"""An autoencoder as an ONNX file: raw windows in, what is given back and how odd they are out.

Scaling, marks of missing values, segments, the errors in units of those to be expected, and the
thresholds are part of the graph, see :mod:`elman.tasks.reconstruction_model` and
:mod:`elman.evaluate.anomalies`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from elman.errors import ElmanWarning
from elman.exchange.certificate import Case
from elman.exchange.onnx_build import Graph
from elman.exchange.onnx_files import Told, row_lengths
from elman.exchange.onnx_inputs import encoded, live_steps, scaled
from elman.exchange.onnx_layers import Rows, Written, write_layers
from elman.exchange.parts import Array
from elman.tasks.reconstruction import SequenceAutoencoder

__all__ = ["told"]

_SETTINGS = ("window", "aggregate", "focus", "false_alarm")


def told(autoencoder: SequenceAutoencoder) -> Told:
    """What the file is to be."""
    return Told(
        lambda: _model(autoencoder),
        _cases(autoencoder),
        lambda case: _ours(autoencoder, case),
        lambda run, case: _judged(autoencoder, run(case.inputs)),
    )


class _Read(NamedTuple):
    """What the graph reads; ``N`` windows of ``T`` steps.

    Attributes:
        x: ``(N, T, C)``, float64.
        number: Of windows, a vector of one number.
        steps: Of steps, likewise.
        lengths: ``(N,)``.
        live: Whether each step lives, ``(N, T, 1)``.
    """

    x: str
    number: str
    steps: str
    lengths: str
    live: str


def _model(autoencoder: SequenceAutoencoder) -> Any:
    graph, model = Graph("autoencoder"), autoencoder.model_
    graph.metadata |= {name: getattr(autoencoder, name) for name in _SETTINGS}
    graph.metadata |= {
        "stride": autoencoder._stride,
        "threshold": autoencoder.threshold_.value,
        "pace": autoencoder.threshold_.pace,
        "window_threshold": autoencoder.window_threshold_.value,
    }
    read = _read(graph, autoencoder)
    if model.steps is None:
        given, y, code = _recurrent(graph, model, read)
    else:
        given, y, code = _dense(graph, model, read)
    sizes: list[int | str] = ["windows", autoencoder.window or model.steps or "steps"]
    natural = graph.op("Mul", y, graph.constant(_by_step(model, model.encoder.deviation)))
    natural = graph.op("Add", natural, graph.constant(_by_step(model, model.encoder.mean)))
    natural = graph.op("Where", read.live, natural, graph.constant(np.float64(0.0)))
    graph.output(natural, "reconstruction", np.float64, [*sizes, model.channels])
    _write_scores(graph, autoencoder, read, graph.op("Sub", y, given), sizes)
    alive = graph.op("Greater", read.lengths, graph.constant(np.int64(0)))
    code = graph.op(
        "Where",
        graph.op("Unsqueeze", alive, graph.integers(1)),
        graph.cast(code, np.float64),
        graph.constant(np.float64(0.0)),
    )
    graph.output(code, "code", np.float64, ["windows", model.shape.code_size])
    return graph.model()


def _read(graph: Graph, autoencoder: SequenceAutoencoder) -> _Read:
    """The inputs: windows, and where their lengths may differ, these."""
    model = autoencoder.model_
    fixed = autoencoder.window or model.steps
    x = graph.input("x", np.float64, ["windows", fixed or "steps", model.channels])
    number, steps = graph.size(x, 0), graph.size(x, 1)
    if model.steps is None:
        lengths = row_lengths(graph, number, steps)
    else:
        lengths = graph.op("Expand", steps, number)
    live = graph.op("Transpose", live_steps(graph, steps, lengths), perm=[1, 0])
    return _Read(x, number, steps, lengths, graph.op("Unsqueeze", live, graph.integers(2)))


def _by_step(model: Any, values: Array) -> Array:
    """Numbers of each channel, or of each step and channel of a dense autoencoder."""
    return np.asarray(values, np.float64).reshape(-1, model.channels)


def _recurrent(graph: Graph, model: Any, read: _Read) -> tuple[str, str, str]:
    """The scaled values, what the network gives, ``(N, T, C)`` float64, and the code."""
    size, nothing = model.shape.segment, graph.constant(np.float64(0.0))
    given = scaled(graph, read.x, model.encoder)
    missing = graph.op("And", graph.op("IsNaN", given), read.live)
    within = graph.op("Where", read.live, given, nothing)
    inputs = encoded(graph, within, missing, model.encoder)
    lengths, count = read.lengths, read.steps
    if size > 1:
        whole, short = graph.integers(size), graph.integers(size - 1)
        count = graph.op("Div", graph.op("Add", read.steps, short), whole)
        lengths = graph.op("Div", graph.op("Add", lengths, short), whole)
        lacking = graph.op("Sub", graph.op("Mul", count, whole), read.steps)
        ends = graph.op("Concat", graph.integers(0, 0, 0, 0), lacking, graph.integers(0), axis=0)
        inputs = graph.op("Pad", inputs, ends, graph.constant(np.float32(0.0)))
        width = graph.integers(size * model.encoder.width)
        shape = graph.op("Concat", read.number, count, width, axis=0)
        inputs = graph.op("Reshape", inputs, shape)
    written = _network(graph, model, inputs, Rows(read.number, count, lengths, {}))
    y = graph.op("Transpose", graph.cast(written.value, np.float64), perm=[1, 0, 2])
    if size > 1:
        steps = graph.op("Mul", count, graph.integers(size))
        width = graph.integers(model.channels)
        y = graph.op("Reshape", y, graph.op("Concat", read.number, steps, width, axis=0))
        y = graph.op("Slice", y, graph.integers(0), read.steps, graph.integers(1))
    return given, y, written.values[model._code_at - 1]


def _dense(graph: Graph, model: Any, read: _Read) -> tuple[str, str, str]:
    """The same of dense layers, which read all steps of a window as one."""
    flat = graph.op("Reshape", read.x, graph.integers(-1, 1, model.steps * model.channels))
    given = scaled(graph, flat, model.encoder)
    inputs = encoded(graph, given, graph.op("IsNaN", given), model.encoder)
    rows = Rows(read.number, graph.integers(1), None, {})
    written = _network(graph, model, inputs, rows)
    apart = graph.integers(-1, model.steps, model.channels)
    y = graph.op("Reshape", graph.cast(written.value, np.float64), apart)
    code = graph.op("Squeeze", written.values[model._code_at - 1], graph.integers(0))
    return graph.op("Reshape", given, apart), y, code


def _network(graph: Graph, model: Any, inputs: str, rows: Rows) -> Written:
    time_major = graph.op("Transpose", inputs, perm=[1, 0, 2])
    return write_layers(graph, model.network, time_major, rows, "network.")


def _write_scores(
    graph: Graph,
    autoencoder: SequenceAutoencoder,
    read: _Read,
    errors: str,
    sizes: list[int | str],
) -> None:
    """How odd each step is, and each window; NaN where nothing was observed."""
    expected = graph.constant(autoencoder.channel_errors_, np.float64)
    apart = graph.op("Div", errors, expected)
    known = graph.op("And", graph.op("Not", graph.op("IsNaN", apart)), read.live)
    own = _root_mean_square(graph, apart, known, 2)
    seen = graph.op("Not", graph.op("IsNaN", own))
    window = _root_mean_square(graph, own, seen, 1)
    if autoencoder.focus == "step":
        steps = own
    elif autoencoder.focus == "both":
        product = graph.op("Mul", own, graph.op("Unsqueeze", window, graph.integers(1)))
        steps = graph.op("Sqrt", product)
    else:
        spread = graph.op("Unsqueeze", window, graph.integers(1))
        steps = graph.op("Where", seen, spread, graph.constant(np.float64(np.nan)))
    graph.output(steps, "scores", np.float64, sizes)
    graph.output(window, "score", np.float64, sizes[:1])
    if not autoencoder.threshold_.pace:
        level = graph.constant(np.float64(autoencoder.threshold_.value))
        graph.output(graph.op("Greater", steps, level), "alarm", np.bool_, sizes)
    level = graph.constant(np.float64(autoencoder.window_threshold_.value))
    graph.output(graph.op("Greater", window, level), "odd", np.bool_, sizes[:1])


def _root_mean_square(graph: Graph, values: str, known: str, axis: int) -> str:
    """Over what is known of an axis, which goes; NaN where nothing is."""
    one, zero = graph.constant(np.float64(1.0)), graph.constant(np.float64(0.0))
    place = graph.integers(axis)
    held = graph.op("Where", known, values, zero)
    total = graph.op("ReduceSum", graph.op("Mul", held, held), place, keepdims=0)
    count = graph.op("ReduceSum", graph.cast(known, np.float64), place, keepdims=0)
    mean = graph.op("Div", total, graph.op("Max", count, one))
    some = graph.op("Greater", count, zero)
    return graph.op("Where", some, graph.op("Sqrt", mean), graph.constant(np.float64(np.nan)))


# ------------------------------------------------------------------------------- certificate


def _cases(autoencoder: SequenceAutoencoder) -> Iterable[Case]:
    """Random raw windows about where those of the training lay, some values missing."""
    model, generator = autoencoder.model_, np.random.default_rng(0)
    fixed = autoencoder.window or model.steps
    mean, deviation = (
        _by_step(model, one) for one in (model.encoder.mean, model.encoder.deviation)
    )
    for number, steps in ((1, 5), (3, 8), (6, 13)):
        for more in (False, True):
            drawn = generator.standard_normal((number, fixed or steps, model.channels))
            x = mean + deviation * drawn
            inputs: dict[str, Array] = {"x": x}
            named = f"{number} windows of {x.shape[1]} steps"
            if more:
                x[generator.random(x.shape) < 0.1] = np.nan
                named += ", values missing"
            if more and model.steps is None:
                inputs["lengths"] = generator.integers(min(number - 1, 1), x.shape[1] + 1, number)
                named += ", unequal lengths"
            yield Case(named, inputs)


def _ours(autoencoder: SequenceAutoencoder, case: Case) -> Mapping[str, Array]:
    """What the estimator says of each window, a row by itself; filled up as the file has it."""
    x, threshold = case.inputs["x"], autoencoder.threshold_
    lengths = case.inputs.get("lengths", np.full(len(x), x.shape[1]))
    rows = [row[:length] for row, length in zip(x, lengths, strict=True)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ElmanWarning)  # of rows with nothing to read: meant so
        scores = _filled(autoencoder.score_steps(rows), x.shape[1], np.nan)
        score = autoencoder.anomaly_score(rows)
        found = {
            "reconstruction": _filled(autoencoder.reconstruct(rows), x.shape[1], 0.0),
            "scores": scores,
            "score": score,
            "odd": score > autoencoder.window_threshold_.value,
            "code": autoencoder.transform(rows),
        }
    if not threshold.pace:
        found["alarm"] = scores > threshold.value
    return _judged(autoencoder, found)


def _filled(parts: list[Array], steps: int, nothing: float) -> Array:
    whole = np.full((len(parts), steps, *parts[0].shape[1:]), nothing)
    for row, one in zip(whole, parts, strict=True):
        row[: len(one)] = one
    return whole


def _judged(autoencoder: SequenceAutoencoder, outputs: Mapping[str, Array]) -> dict[str, Array]:
    """The outputs, and what of them would be hidden.

    Channels of small numbers, beside others: in deviations they count as much. And where there is
    no score: these must be the same places.
    """
    found, deviation = dict(outputs), autoencoder.model_.encoder.deviation
    given = found["reconstruction"]
    found["reconstruction in deviations"] = given / _by_step(autoencoder.model_, deviation)
    for name in ("scores", "score"):
        found[f"{name} given"] = ~np.isnan(outputs[name])
        found[name] = np.nan_to_num(outputs[name])
    return found
