"""A language model as an ONNX file: numbers of symbols in, log probabilities of what is next out.

States are inputs and outputs, so that a program writes on symbol by symbol. The symbols stand in
the metadata by their numbers, and so does what is read before the first symbol of a text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from elman.data.text import UNKNOWN
from elman.exchange.certificate import SHAPES, Case
from elman.exchange.onnx_build import Graph
from elman.exchange.onnx_files import Told, row_lengths, states_in, states_out
from elman.exchange.onnx_layers import Rows, write_layers
from elman.exchange.parts import Array
from elman.state import NetworkState
from elman.tasks.language import LanguageModel
from elman.tasks.language_model import SymbolModel

__all__ = ["told"]


def told(language: LanguageModel) -> Told:
    """What the file is to be."""
    model = language.model_
    return Told(lambda: _model(language), _cases(model), lambda case: _ours(model, case))


def _model(language: LanguageModel) -> Any:
    model, graph = language.model_, Graph("language")
    network, symbols = model.network, model.symbols
    graph.metadata |= {
        "unit": symbols.unit,
        "symbols": [symbols.text(number) for number in range(symbols.size)],
        "unknown": UNKNOWN,
        "edge": symbols.edge,
        "ends": model.ends,
        "opening": model.opening.tolist(),
    }
    x = graph.input("symbols", np.int64, ["rows", "steps"])
    number, steps = graph.size(x, 0), graph.size(x, 1)
    lengths = row_lengths(graph, number, steps)
    given = states_in(graph, network.initial_state(1), number)
    time_major = graph.op("Transpose", x, perm=[1, 0])
    written = write_layers(graph, network, time_major, Rows(number, steps, lengths, given))
    logs = graph.op("LogSoftmax", written.value, axis=-1)
    by_row = graph.op("Transpose", logs, perm=[1, 0, 2])
    sizes: list[int | str] = ["rows", "steps", symbols.size]
    graph.output(by_row, "log_probabilities", network.dtype, sizes)
    states_out(graph, network, written.states)
    return graph.model()


# ------------------------------------------------------------------------------- certificate


def _cases(model: SymbolModel) -> Iterable[Case]:
    """Random symbols, from the beginning and from random states."""
    generator = np.random.default_rng(0)
    for rows, steps in SHAPES:
        for more in (False, True):
            named = f"{rows} rows, {steps} symbols"
            inputs: dict[str, Array] = {
                "symbols": generator.integers(0, model.symbols.size, (rows, steps))
            }
            if more:
                named += ", given states"
                for name, part in model.network.initial_state(rows).items():
                    drawn = 0.5 * generator.standard_normal(part.shape)
                    inputs[name] = drawn.astype(model.network.dtype)
            yield Case(named, inputs)


def _ours(model: SymbolModel, case: Case) -> Mapping[str, Array]:
    inputs = dict(case.inputs)
    numbers = inputs.pop("symbols")
    state = NetworkState(inputs) if inputs else None
    logits, final = model.network.forward(numbers, state)
    found = {f"final_{name}": part for name, part in final.items()}
    if state is None:  # the model's own words, of which the last symbol is only predicted
        read = [np.append(one, 0) for one in numbers]
        logs = [np.concatenate(list(model.log_probabilities(one))) for one in read]
        return {"log_probabilities": np.stack(logs), **found}
    z = logits.astype(np.float64)
    z -= z.max(axis=2, keepdims=True)
    return {"log_probabilities": z - np.log(np.exp(z).sum(axis=2, keepdims=True)), **found}
