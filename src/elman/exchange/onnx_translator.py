"""A translator as an ONNX file: numbers of source tokens in, those of the likeliest answer out.

Encoder, bridge, decoder and attention are part of the graph, and so is the greedy search: the
standard's ``Loop`` goes round until every row has ended, each round one step of the decoder, see
:mod:`elman.tasks.translation_network` and :mod:`elman.tasks.translation_search`. The tokens stand
in the metadata by their numbers.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from elman.data.pairs import END, UNKNOWN
from elman.errors import ElmanWarning
from elman.exchange.certificate import Case
from elman.exchange.onnx_build import Graph, Held
from elman.exchange.onnx_files import Told, row_lengths
from elman.exchange.onnx_inputs import live_steps
from elman.exchange.onnx_layers import Rows, write_layers
from elman.exchange.parts import Array, Part, network_of, weights_of
from elman.network import Network
from elman.tasks.translation import Translator
from elman.tasks.translation_network import EncoderDecoder

__all__ = ["told"]


def told(translator: Translator) -> Told:
    """What the file is to be: greedy search, whatever the translator's own."""
    if translator.beam > 1:
        warnings.warn(
            f"beam={translator.beam}: the file searches greedily, as translate(beam=1)",
            ElmanWarning,
            stacklevel=4,
        )
    return Told(
        lambda: _model(translator),
        _cases(translator),
        lambda case: _ours(translator, case),
    )


class _Memory(NamedTuple):
    """What the decoder reads of the sources at every step.

    Attributes:
        values: The encoder's outputs ``(N, S, M)``.
        keys: What queries are compared with, ``(N, S, H)``.
        live: Whether each step lives, ``(N, S)``.
    """

    values: str
    keys: str
    live: str


def _model(translator: Translator) -> Any:
    graph, model = Graph("translator"), translator.model_
    network = model.network
    graph.metadata |= {
        "source": ["", "", *model.source.tokens],
        "target": ["", "", *model.target.tokens],
        "unknown": UNKNOWN,
        "end": END,
        "units": list(translator.units_),
    }
    source = graph.input("source", np.int64, ["rows", "steps"])
    most = graph.optional("most", [], np.array(translator.most_tokens))
    number, steps = graph.size(source, 0), graph.size(source, 1)
    lengths = row_lengths(graph, number, steps)
    tokens = graph.op("Transpose", source, perm=[1, 0])
    if model.reverse:
        tokens = graph.op("ReverseSequence", tokens, lengths, time_axis=0, batch_axis=1)
    outputs, states = _encoded(graph, network, tokens, Rows(number, steps, lengths, {}))
    memory = None
    if network.attention is not None:
        live = graph.op("Transpose", live_steps(graph, steps, lengths), perm=[1, 0])
        memory = _remembered(graph, network, outputs, live)
    answer, total = _searched(graph, network, memory, states, number, most)
    by_row = graph.op("Transpose", answer, perm=[1, 0])
    graph.output(by_row, "answer", np.int64, ["rows", "tokens"])
    graph.output(total, "log_probability", np.float64, ["rows"])
    return graph.model()


def _part(network: EncoderDecoder, *layers: Any) -> Network:
    """Some of the layers as a network by themselves."""
    return network_of([Part(one.clone(), _weights(network, one)) for one in layers], np.float32)


def _weights(network: EncoderDecoder, layer: Any) -> dict[str, Array]:
    number = next(place for place, one in enumerate(network.layers) if one is layer)
    return weights_of(network, number)


def _encoded(
    graph: Graph, network: EncoderDecoder, tokens: str, rows: Rows
) -> tuple[str, dict[str, str]]:
    """The encoder's outputs ``(S, N, M)``, and the states that the decoder begins in."""
    encoder = _part(network, network.source_embedding, network.encoder)
    begin = {}
    for name, part in encoder.initial_state(1).items():
        shape = graph.op("Concat", rows.number, graph.integers(part.shape[1]), axis=0)
        begin[name] = graph.op("Expand", graph.constant(np.float32(0.0)), shape)
    written = write_layers(graph, encoder, tokens, rows._replace(states=begin), "encoder.")
    finals = written.states
    names = _part(network, network.target_embedding, network.decoder).initial_state(1).names
    if not network.bridges:
        return written.value, {name: finals[name] for name in names}
    state = {}
    for name, bridge in zip(names, network.bridges, strict=True):
        weights = _weights(network, bridge)
        both = graph.op("Concat", finals[name], finals[f"{name}_reverse"], axis=1)
        both = graph.op("MatMul", both, graph.constant(weights["weight"].T))
        both = graph.op("Add", both, graph.constant(weights["bias"]))
        state[name] = both if bridge.activation is None else graph.op("Tanh", both)
    return written.value, state


def _remembered(graph: Graph, network: EncoderDecoder, outputs: str, live: str) -> _Memory:
    values = graph.op("Transpose", outputs, perm=[1, 0, 2])
    weights, keys = _weights(network, network.attention), values
    if "key" in weights:
        keys = graph.op("MatMul", values, graph.constant(weights["key"].T))
    if "bias" in weights:
        keys = graph.op("Add", keys, graph.constant(weights["bias"]))
    return _Memory(values, keys, live)


def _searched(
    graph: Graph,
    network: EncoderDecoder,
    memory: _Memory | None,
    states: Mapping[str, str],
    number: str,
    most: str,
) -> tuple[str, str]:
    """The likeliest next token, again and again: the answers ``(T, N)`` and their logarithms."""
    names, size = list(states), network.shape.targets
    decoder = _part(network, network.target_embedding, network.decoder)
    allowed, last = np.zeros(size), np.full(size, -np.inf)
    allowed[UNKNOWN], last[END] = -np.inf, 0.0

    def each(value: Any, dtype: Any) -> Held:
        every = graph.op("Expand", graph.constant(value, dtype), number)
        return Held(every, dtype, ("rows",))

    def step(
        inner: Graph, round_number: str, given: list[str]
    ) -> tuple[str, list[str], list[Held]]:
        token, total, going, *state = given
        now = Rows(number, inner.integers(1), None, dict(zip(names, state, strict=True)))
        read = inner.op("Unsqueeze", token, inner.integers(0))
        written = write_layers(inner, decoder, read, now, "decoder.")
        h = inner.op("Squeeze", written.value, inner.integers(0))
        logits = inner.cast(_answered(inner, network, h, memory), np.float64)
        masks = [inner.constant(one) for one in (last, allowed)]
        mask = inner.op("Where", inner.op("Equal", round_number, most), *masks)
        logs = inner.op("Add", inner.op("LogSoftmax", logits, axis=-1), mask)
        best = inner.op("ArgMax", logs, axis=1, keepdims=0)
        gain = inner.op("ReduceMax", logs, inner.integers(1), keepdims=0)
        end = inner.constant(np.int64(END))
        said = inner.op("Where", going, best, end)
        total = inner.op("Where", going, inner.op("Add", total, gain), total)
        going = inner.op("Not", inner.op("Equal", said, end))
        some = inner.op("ReduceMax", inner.cast(going, np.int32), keepdims=0)
        after = [written.states[name] for name in names]
        on = inner.cast(some, np.bool_)
        return on, [said, total, going, *after], [Held(said, np.int64, ("rows",))]

    rounds = graph.op("Add", most, graph.constant(np.int64(1)))
    first = each(network.shape.start, np.int64)
    begin = [first, each(0.0, np.float64), each(True, np.bool_)]
    shape = ("rows", network.shape.hidden_size)
    before = [Held(states[name], np.float32, shape) for name in names]
    found = graph.loop(rounds, [*begin, *before], step)
    return found[-1], found[1]


def _answered(graph: Graph, network: EncoderDecoder, h: str, memory: _Memory | None) -> str:
    """Logits of the next token ``(N, targets)`` from the decoder's output ``(N, H)``."""
    if memory is not None:
        h = _attended(graph, network, h, memory)
    head = _weights(network, network.head)
    y = graph.op("MatMul", h, graph.constant(head["weight"].T))
    return graph.op("Add", y, graph.constant(head["bias"]))


def _attended(graph: Graph, network: EncoderDecoder, h: str, memory: _Memory) -> str:
    """The equations of :mod:`elman.layers.attention`, for one query of each row."""
    weights = _weights(network, network.attention)
    column = graph.integers(2)
    if "score" in weights:
        query = graph.op("MatMul", h, graph.constant(weights["query"].T))
        hidden = graph.op("Add", memory.keys, graph.op("Unsqueeze", query, graph.integers(1)))
        scores = graph.op("MatMul", graph.op("Tanh", hidden), graph.constant(weights["score"].T))
    else:
        scores = graph.op("MatMul", memory.keys, graph.op("Unsqueeze", h, column))
    alive = graph.op("Unsqueeze", memory.live, column)
    low, none = graph.constant(np.float32(-1e30)), graph.constant(np.float32(0.0))
    shares = graph.op("Softmax", graph.op("Where", alive, scores, low), axis=1)
    shares = graph.op("Where", alive, shares, none)
    read = graph.op(
        "ReduceSum", graph.op("Mul", shares, memory.values), graph.integers(1), keepdims=0
    )
    joined = graph.op("Concat", read, h, axis=1)
    return graph.op("Tanh", graph.op("MatMul", joined, graph.constant(weights["combine"].T)))


# ------------------------------------------------------------------------------- certificate


def _cases(translator: Translator) -> Iterable[Case]:
    """Random sources of unequal length, tokens that training has not seen among them."""
    generator = np.random.default_rng(0)
    for number, longest in ((1, 1), (2, 7), (6, 12)):
        tokens = generator.integers(0, translator.model_.source.size, (number, longest))
        tokens[tokens == END] = UNKNOWN
        lengths = generator.integers(1, longest + 1, number)
        lengths[-1] = longest
        inputs: dict[str, Array] = {"source": tokens, "lengths": lengths}
        yield Case(f"{number} sources of up to {longest} tokens", inputs)


def _ours(translator: Translator, case: Case) -> Mapping[str, Array]:
    model = translator.model_
    lengths = case.inputs["lengths"]
    known = [None, None, *model.source.tokens]  # None is no token, and so unknown
    rows = [
        [known[one] for one in row[:length]]
        for row, length in zip(case.inputs["source"], lengths, strict=True)
    ]
    best = [found[0] for found in model.search(rows, 1, translator.most_tokens, 0.0)]
    answer = np.full((len(best), 1 + max(len(one.numbers) for one in best)), END)
    for row, one in zip(answer, best, strict=True):
        row[: len(one.numbers)] = one.numbers
    return {"answer": answer, "log_probability": np.array([one.log_probability for one in best])}
