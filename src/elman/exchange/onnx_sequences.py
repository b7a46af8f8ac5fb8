"""A classifier or regressor of sequences as an ONNX file that reads raw values, or tokens of texts.

Scaling, marks of missing values, the mean over an ensemble, the temperature and the answer to rows
with nothing to read are part of the graph; which token has which number stands in the metadata.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from elman.data.text import UNKNOWN, Vocabulary
from elman.errors import ElmanWarning, InputError
from elman.exchange.certificate import SHAPES, Case
from elman.exchange.onnx_build import Graph
from elman.exchange.onnx_files import Told, row_lengths, write_certified
from elman.exchange.onnx_inputs import read_scaled
from elman.exchange.onnx_layers import Rows, write_layers
from elman.exchange.parts import Array
from elman.tasks.classification import SequenceClassifier
from elman.tasks.many_to_one import ManyToOne, plain_classes
from elman.tasks.regression import SequenceRegressor

__all__ = ["sequences_model", "sequences_to_onnx"]


def sequences_to_onnx(
    estimator: ManyToOne, file: str | os.PathLike[str], *, certificate: bool, overwrite: bool
) -> dict[str, Any]:
    """Writes the file and its certificate, see :meth:`elman.SequenceClassifier.to_onnx`."""
    estimator._require_fitted()
    judged = list(_judged(estimator))
    given = {case.shape: X for case, X in judged}
    told = Told(
        lambda: sequences_model(estimator),
        [case for case, _ in judged],
        lambda case: _ours(estimator, given[case.shape], case),
    )
    return write_certified(file, told, certificate=certificate, overwrite=overwrite)


def sequences_model(estimator: ManyToOne) -> Any:
    """The model, see :meth:`elman.SequenceClassifier.to_onnx`."""
    encoder, networks = estimator.model_.encoder, estimator.model_.networks
    graph, words = Graph("sequences"), encoder.vocabulary
    if words is None:
        x = graph.input("x", np.float64, ["rows", "steps", len(encoder.mean)])
    else:
        x = graph.input("tokens", np.int64, ["rows", "steps"])
        graph.metadata |= {
            "tokens": ["", *words.tokens],
            "unknown": UNKNOWN,
            "unit": words.unit,
            "lowercase": words.lowercase or words.unit == "words",
        }
    number, steps = graph.size(x, 0), graph.size(x, 1)
    lengths = row_lengths(graph, number, steps)
    if words is None:
        time_major = graph.op("Transpose", x, perm=[1, 0, 2])
        inputs, known = read_scaled(graph, time_major, encoder, steps, lengths)
    else:
        inputs = graph.op("Transpose", x, perm=[1, 0])
        some = graph.op("Greater", lengths, graph.constant(np.int64(0)))
        known = graph.op("Unsqueeze", some, graph.integers(1))
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


def _judged(estimator: ManyToOne) -> Iterable[tuple[Case, Any]]:
    """Random inputs of the file, and what the estimator itself is given for them."""
    words, generator = estimator.model_.encoder.vocabulary, np.random.default_rng(0)
    for rows, steps in SHAPES:
        for more in (False, True):
            if words is None:
                yield _values(estimator, generator, rows, steps, more)
            elif words.tokens or more:
                yield _texts(words, generator, rows, steps, more)


def _values(
    estimator: ManyToOne, generator: np.random.Generator, rows: int, steps: int, more: bool
) -> tuple[Case, Any]:
    """Raw values about where those of the training lay, some of them missing."""
    encoder = estimator.model_.encoder
    x = generator.standard_normal((rows, steps, len(encoder.mean)))
    x = encoder.mean + encoder.deviation * x
    inputs, named = {"x": x}, f"{rows} rows, {steps} steps"
    if more:
        x[generator.random(x.shape) < 0.1] = np.nan
        inputs["lengths"] = generator.integers(0, steps + 1, rows)
        named += ", unequal lengths, missing values"
    return Case(named, inputs), x


def _texts(
    words: Vocabulary, generator: np.random.Generator, rows: int, steps: int, more: bool
) -> tuple[Case, Any]:
    """Texts of known tokens; of unequal length, empty ones among them, if there is to be more."""
    numbers = [
        generator.integers(
            0, len(words.tokens), generator.integers(0, steps + 1) if more else steps
        )
        for _ in range(rows)
    ]
    between = " " if words.unit == "words" else ""
    texts = [between.join(words.tokens[one] for one in row) for row in numbers]
    encoded = words.encode(texts)
    lengths = np.array([len(one) for one in encoded])
    tokens = np.zeros((rows, max(1, lengths.max())), np.int64)
    for row, one in zip(tokens, encoded, strict=True):
        row[: len(one)] = one
    named = f"{rows} texts of {steps} tokens{' or fewer' if more else ''}"
    return Case(named, {"tokens": tokens, "lengths": lengths}), texts


def _ours(estimator: ManyToOne, X: Any, case: Case) -> dict[str, Array]:
    lengths = case.inputs.get("lengths") if "x" in case.inputs else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ElmanWarning)  # of rows with nothing to read: meant so
        if isinstance(estimator, SequenceClassifier):
            return {
                "probabilities": estimator.predict_proba(X, lengths=lengths),
                "label": estimator.predict(X, lengths=lengths),
            }
        if not isinstance(estimator, SequenceRegressor):
            raise _unknown(estimator)
        y = estimator.predict(X, lengths=lengths).reshape(len(X), -1)
        found = {"y": y}
        for level, reach in estimator.intervals_.items():
            found |= {f"lower_{level:g}": y - reach, f"upper_{level:g}": y + reach}
        return found
