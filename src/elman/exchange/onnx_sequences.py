"""A classifier or regressor of sequences of numbers as an ONNX file that reads raw values.

Scaling, marks of missing values, the mean over an ensemble, the temperature and the answer to rows
with nothing to read are part of the graph.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from elman.errors import ElmanWarning, InputError
from elman.exchange.certificate import SHAPES, Case
from elman.exchange.onnx_build import Graph
from elman.exchange.onnx_files import Told, row_lengths, write_certified
from elman.exchange.onnx_layers import Rows, write_layers
from elman.exchange.parts import Array
from elman.tasks.classification import SequenceClassifier
from elman.tasks.many_to_one import ManyToOne, plain_classes
from elman.tasks.regression import SequenceRegressor

__all__ = ["encoded", "live_steps", "read_scaled", "scaled", "sequences_model", "sequences_to_onnx"]

_FINITE = 1e6
"""Bound of scaled values, as :class:`elman.data.encoding.Encoder` has it."""


def sequences_to_onnx(
    estimator: ManyToOne, file: str | os.PathLike[str], *, certificate: bool, overwrite: bool
) -> dict[str, Any]:
    """Writes the file and its certificate, see :meth:`elman.SequenceClassifier.to_onnx`."""
    estimator._require_fitted()
    told = Told(
        lambda: sequences_model(estimator),
        _cases(estimator),
        lambda case: _ours(estimator, case),
    )
    return write_certified(file, told, certificate=certificate, overwrite=overwrite)


def sequences_model(estimator: ManyToOne) -> Any:
    """The model: ``x`` float64 ``(N, T, C)``, NaN where missing, and ``lengths`` if unequal.

    Raises:
        InputError: If the estimator reads texts.
    """
    encoder, networks = estimator.model_.encoder, estimator.model_.networks
    if encoder.vocabulary is not None:
        raise InputError(
            "estimator: it reads texts, whose vocabulary cannot be told in ONNX; export its "
            "network, estimator.model_.networks[0].to_onnx(file), and feed it tokens"
        )
    graph = Graph("sequences")
    x = graph.input("x", np.float64, ["rows", "steps", len(encoder.mean)])
    number, steps = graph.size(x, 0), graph.size(x, 1)
    lengths = row_lengths(graph, number, steps)
    time_major = graph.op("Transpose", x, perm=[1, 0, 2])
    inputs, known = read_scaled(graph, time_major, encoder, steps, lengths)
    rows = Rows(number, steps, lengths, {})
    outputs = [
        graph.cast(write_layers(graph, one, inputs, rows, f"network{place}.").value, np.float64)
        for place, one in enumerate(networks)
    ]
    if isinstance(estimator, SequenceClassifier):
        _write_classes(graph, estimator, outputs, known)
    elif isinstance(estimator, SequenceRegressor):
        _write_estimates(graph, estimator, outputs, known)
    else:
        raise _unknown(estimator)
    return graph.model()


def _unknown(estimator: ManyToOne) -> InputError:
    return InputError(
        f"estimator: expected a SequenceClassifier or SequenceRegressor, got a "
        f"{type(estimator).__name__}"
    )


def read_scaled(graph: Graph, x: str, encoder: Any, steps: str, lengths: str) -> tuple[str, str]:
    """What the networks read, float32, and which rows have anything to read, ``(N, 1)``.

    Args:
        graph: Where to.
        x: Raw values, time-major ``(T, N, C)``, float64.
        encoder: Of numbers.
        steps: Value of the number of steps.
        lengths: Value of the lengths.
    """
    missing = graph.op("IsNaN", x)
    inputs = encoded(graph, scaled(graph, x, encoder), missing, encoder)
    live = graph.op("Unsqueeze", live_steps(graph, steps, lengths), graph.integers(2))
    seen = graph.op("And", graph.op("Not", missing), live)
    total = graph.op("ReduceMax", graph.cast(seen, np.float32), graph.integers(0, 2), keepdims=0)
    found = graph.op("Greater", total, graph.constant(np.float32(0.0)))
    return inputs, graph.op("Unsqueeze", found, graph.integers(1))


def scaled(graph: Graph, x: str, encoder: Any) -> str:
    """Raw values in deviations about the mean, within bounds, float64; NaN stays."""
    apart = graph.op("Sub", x, graph.constant(encoder.mean, np.float64))
    apart = graph.op("Div", apart, graph.constant(encoder.deviation, np.float64))
    bounds = [graph.constant(np.float64(one)) for one in (-_FINITE, _FINITE)]
    return graph.op("Clip", apart, *bounds)


def encoded(graph: Graph, scaled: str, missing: str, encoder: Any) -> str:
    """What a network reads of scaled values: zero where missing, and marks of that; float32."""
    known = graph.op("Where", missing, graph.constant(np.float64(0.0)), scaled)
    inputs = graph.cast(known, np.float32)
    if not encoder.marked:
        return inputs
    return graph.op("Concat", inputs, graph.cast(missing, np.float32), axis=2)


def live_steps(graph: Graph, steps: str, lengths: str) -> str:
    """Whether each step lives, ``(T, N)``."""
    counted = [graph.constant(np.int64(one)) for one in (0, 1)]
    order = graph.op("Range", counted[0], graph.op("Squeeze", steps), counted[1])
    return graph.op("Less", graph.op("Unsqueeze", order, graph.integers(1)), lengths)


def _mean(graph: Graph, values: list[str]) -> str:
    if len(values) == 1:
        return values[0]
    return graph.op("Div", graph.op("Sum", *values), graph.constant(np.float64(len(values))))


def _write_classes(
    graph: Graph, estimator: SequenceClassifier, outputs: list[str], known: str
) -> None:
    logs = [graph.op("LogSoftmax", one, axis=-1) for one in outputs]
    temperature = graph.constant(np.float64(estimator.temperature_))
    chances = graph.op("Softmax", graph.op("Div", _mean(graph, logs), temperature), axis=-1)
    prior = graph.constant(estimator.prior_[None], np.float64)
    chances = graph.op("Where", known, chances, prior)
    classes = estimator.classes_
    if classes.dtype.kind in "UO":
        table, kind = graph.texts([str(one) for one in classes.tolist()]), str
    else:
        kinds: dict[str, Any] = {"b": np.bool_, "i": np.int64, "u": np.int64, "f": np.float64}
        kind = kinds[classes.dtype.kind]
        table = graph.constant(classes, kind)
    factor = np.zeros(len(classes))
    np.power(estimator.prior_, -estimator.prior_adjustment, out=factor, where=estimator.prior_ > 0)
    ranked = graph.op("Mul", chances, graph.constant(factor))
    graph.metadata["classes"] = plain_classes(classes.tolist())
    chosen = graph.op("ArgMax", ranked, axis=1, keepdims=0)
    graph.output(graph.op("Gather", table, chosen, axis=0), "label", kind, ["rows"])
    graph.output(chances, "probabilities", np.float64, ["rows", len(classes)])


def _write_estimates(
    graph: Graph, estimator: SequenceRegressor, outputs: list[str], known: str
) -> None:
    prior = graph.constant(estimator.prior_[None], np.float64)
    scale = graph.constant(estimator._scale, np.float64)
    values = graph.op("Add", graph.op("Mul", _mean(graph, outputs), scale), prior)
    values = graph.op("Where", known, values, prior)
    sizes: list[int | str] = ["rows", len(estimator.prior_)]
    graph.output(values, "y", np.float64, sizes)
    for level, reach in estimator.intervals_.items():
        far = graph.constant(reach, np.float64)
        for name, side in (("lower", "Sub"), ("upper", "Add")):
            graph.output(graph.op(side, values, far), f"{name}_{level:g}", np.float64, sizes)


def _cases(estimator: ManyToOne) -> Iterable[Case]:
    """Random raw values about where those of the training lay, some of them missing."""
    encoder = estimator.model_.encoder
    generator = np.random.default_rng(0)
    for rows, steps in SHAPES:
        for more in (False, True):
            x = generator.standard_normal((rows, steps, len(encoder.mean)))
            x = encoder.mean + encoder.deviation * x
            inputs, named = {"x": x}, f"{rows} rows, {steps} steps"
            if more:
                x[generator.random(x.shape) < 0.1] = np.nan
                inputs["lengths"] = generator.integers(0, steps + 1, rows)
                named += ", unequal lengths, missing values"
            yield Case(named, inputs)


def _ours(estimator: ManyToOne, case: Case) -> dict[str, Array]:
    x, lengths = case.inputs["x"], case.inputs.get("lengths")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ElmanWarning)  # of rows with nothing to read: meant so
        if isinstance(estimator, SequenceClassifier):
            return {
                "probabilities": estimator.predict_proba(x, lengths=lengths),
                "label": estimator.predict(x, lengths=lengths),
            }
        if not isinstance(estimator, SequenceRegressor):
            raise _unknown(estimator)
        y = estimator.predict(x, lengths=lengths).reshape(len(x), -1)
        found = {"y": y}
        for level, reach in estimator.intervals_.items():
            found |= {f"lower_{level:g}": y - reach, f"upper_{level:g}": y + reach}
        return found
