"""A network's layers as nodes of an ONNX graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from elman.cells import CELLS
from elman.cells.standard import STANDARD_CELLS
from elman.errors import InputError
from elman.exchange.onnx_build import Graph
from elman.exchange.onnx_functions import FUNCTIONS
from elman.exchange.onnx_inputs import live_steps
from elman.exchange.onnx_walks import Walk, write_walk
from elman.exchange.parts import (
    FINAL,
    ONNX_PEEPHOLES,
    POOLS,
    TO_ONNX,
    Array,
    refuse_unserved,
    regate,
    weights_of,
)
from elman.layers import (
    RNN,
    Activation,
    AttentionPool,
    Dense,
    Dropout,
    Embedding,
    Layer,
    MarkMissing,
    Noise,
    OneHot,
    OnnxRecurrent,
    RecurrentLayer,
    Repeat,
)
from elman.network import Network

__all__ = ["Rows", "Written", "write_layers"]

_NAMES = {"tanh": "Tanh", "relu": "Relu", "sigmoid": "Sigmoid", "softmax": "Softmax"}


class Rows(NamedTuple):
    """What the graph knows of the rows.

    Attributes:
        number: Value of the number of rows, a vector of one number.
        steps: Value of the number of steps, likewise.
        lengths: Value of the lengths, int64 ``(N,)``, or ``None`` if all are whole.
        states: Value of each initial state by its name, ``(N, H)``; empty where none is given.
    """

    number: str
    steps: str
    lengths: str | None
    states: dict[str, str]


class Written(NamedTuple):
    """What came of the layers.

    Attributes:
        value: The output: ``(T, N, K)`` or ``(N, K)``.
        states: Value of each final state by its name, ``(N, H)``.
        values: What came out of each layer.
    """

    value: str
    states: dict[str, str]
    values: list[str]


def write_layers(graph: Graph, network: Network, x: str, rows: Rows, prefix: str = "") -> Written:
    """Adds a network's layers.

    Args:
        graph: Where to.
        network: The network.
        x: Value of its inputs, time-major: ``(T, N, C)``, or tokens ``(T, N)``.
        rows: What is known of them.
        prefix: Before the names of its weights.

    Returns:
        The output, zero past a row's length, and the final states.

    Raises:
        InputError: If a layer cannot be told in ONNX.
    """
    writer = _Writer(graph, network, rows, prefix)
    values = []
    for number, layer in enumerate(network.layers):
        following = network.layers[number + 1] if number + 1 < len(network.layers) else None
        x = writer.write(x, number, layer, following)
        values.append(x)
    last = network.layers[-1]
    if network.per_step and rows.lengths and not isinstance(last, (RecurrentLayer, OnnxRecurrent)):
        x = writer.own("Masked", x, rows.lengths)  # a recurrent node does so itself
    return Written(x, writer.states, values)


class _Node(NamedTuple):
    """One recurrent node to be written."""

    kind: str
    states: tuple[str, ...]
    suffixes: list[str]
    values: dict[str, Array]
    size: int
    options: dict[str, Any]
    name: str


class _Writer:
    def __init__(self, graph: Graph, network: Network, rows: Rows, prefix: str) -> None:
        self.graph, self.network, self.rows, self.prefix = graph, network, rows, prefix
        self.states: dict[str, str] = {}
        self._ended = False
        self._lengths = rows.lengths

    def write(self, x: str, number: int, layer: Layer, following: Layer | None) -> str:
        """One layer; its value."""
        if isinstance(layer, RecurrentLayer):
            return self._recurrent(x, number, layer, following)
        if isinstance(layer, OnnxRecurrent):
            return self._standard(x, number, layer, following)
        if self._ended:  # the recurrent node before gave its end, which is this pool's value
            self._ended = False
            return x
        for kind, write in _LAYERS.items():
            if isinstance(layer, kind):
                return write(self, x, number, layer)
        raise InputError(f"layer {number}, {type(layer).__name__}: cannot be told in ONNX")

    def own(self, name: str, *inputs: str) -> str:
        """One of elman's functions."""
        self.graph.functions[name] = FUNCTIONS[name]
        return self.graph.op(name, *inputs)

    @property
    def lengths(self) -> str:
        """The lengths, written out where all rows are whole."""
        if self._lengths is None:
            self._lengths = self.graph.op("Expand", self.rows.steps, self.rows.number)
        return self._lengths

    # ------------------------------------------------------------------------ recurrent ones

    def _recurrent(
        self, x: str, number: int, layer: RecurrentLayer, following: Layer | None
    ) -> str:
        if layer.layer_norm or any(layer.regularization.zoneout):
            return self._regularized(x, number, layer)
        refuse_unserved(layer, number, "ONNX", trains=False)
        values = weights_of(self.network, number)
        kind = layer.cell.split("_")[0]
        options: dict[str, Any] = {}
        if isinstance(layer, RNN):
            options["activations"] = [_NAMES[layer.nonlinearity]] * layer.directions
        if kind == "gru":
            options["linear_before_reset"] = int(layer.cell == "gru")
        options["direction"] = "bidirectional" if layer.bidirectional else "forward"
        for level in range(layer.num_layers):
            top = level == layer.num_layers - 1
            if level and layer.dropout:
                x = self.graph.op("Dropout", x, self.graph.constant(np.float32(layer.dropout)))
            walk = _Node(
                kind,
                CELLS[layer.cell].states,
                layer._suffixes(level),
                values,
                layer.hidden_size,
                options,
                f"{self.prefix}{number}",
            )
            x = self._walk(x, walk, number, following if top else None)
        return x

    def _regularized(self, x: str, number: int, layer: RecurrentLayer) -> str:
        """Levels with normalisation or zoneout, which are no operators of the standard."""
        graph, values = self.graph, weights_of(self.network, number)
        live = live_steps(graph, self.rows.steps, self.lengths)
        live = graph.op("Unsqueeze", live, graph.integers(2))
        for level in range(layer.num_layers):
            if level and layer.dropout:
                x = graph.op("Dropout", x, graph.constant(np.float32(layer.dropout)))
            outputs = []
            for suffix in layer._suffixes(level):
                own = {
                    name.removesuffix(f"_{suffix}"): value
                    for name, value in values.items()
                    if name.endswith(f"_{suffix}")
                }
                walk = Walk(
                    layer.cell,
                    own,
                    layer.hidden_size,
                    layer.regularization.zoneout,
                    suffix.endswith("reverse"),
                    self.network.dtype,
                )
                states = CELLS[layer.cell].states
                begin = [self._begin(own, f"{number}.{one}_{suffix}", one, layer) for one in states]
                walked, finals = write_walk(graph, walk, x, begin, live)
                outputs.append(walked)
                if self.rows.states:
                    names = [f"{number}.{one}_{suffix}" for one in states]
                    self.states |= dict(zip(names, finals, strict=True))
            x = outputs[0] if len(outputs) == 1 else graph.op("Concat", *outputs, axis=2)
        return x

    def _begin(self, own: dict[str, Array], name: str, state: str, layer: RecurrentLayer) -> str:
        """The initial state of one walk, ``(N, H)``."""
        if name in self.rows.states:
            return self.rows.states[name]
        learned = own.get(f"initial_{state}", np.zeros(layer.hidden_size))
        size = self.graph.integers(layer.hidden_size)
        shape = self.graph.op("Concat", self.rows.number, size, axis=0)
        return self.graph.op("Expand", self.graph.constant(learned, self.network.dtype), shape)

    def _standard(self, x: str, number: int, layer: OnnxRecurrent, following: Layer | None) -> str:
        options: dict[str, Any] = {
            "direction": layer.direction,
            "activations": [_NAMES[name] for name in layer.activations],
        }
        if layer.clip is not None:
            options["clip"] = layer.clip
        if layer.input_forget:
            options["input_forget"] = 1
        if layer.cell == "gru":
            options["linear_before_reset"] = int(layer.reset_after)
        walk = _Node(
            layer.cell,
            STANDARD_CELLS[layer.cell].states,
            list(layer._suffixes),
            weights_of(self.network, number),
            layer.hidden_size,
            options,
            f"{self.prefix}{number}",
        )
        return self._walk(x, walk, number, following)

    def _walk(self, x: str, walk: _Node, number: int, following: Layer | None) -> str:
        """A recurrent node, and its outputs as the next layer reads them."""
        graph, ways = self.graph, len(walk.suffixes)
        lengths = ""
        if self.rows.lengths is not None:
            lengths = graph.cast(self.rows.lengths, np.int32)
        initial = [self._initial(walk, number, state) for state in walk.states]
        inputs = [x, *self._weights(walk), lengths, *initial]
        if f"weight_peephole_{walk.suffixes[0]}" in walk.values:
            inputs.append(self._stacked(walk, "weight_peephole", ONNX_PEEPHOLES))
        while not inputs[-1]:
            inputs.pop()
        every, *finals = graph.ops(
            walk.kind.upper(),
            1 + len(walk.states),
            *inputs,
            name=f"{walk.name}.{walk.kind}",
            hidden_size=walk.size,
            **walk.options,
        )
        self._keep(walk, number, finals, initial)
        ends = following is not None and type(following) is FINAL[walk.options["direction"]]
        if ends and ways == 1:
            self._ended = True
            return graph.op("Squeeze", finals[0], graph.integers(0))
        if ends:
            self._ended = True
            both = graph.op("Transpose", finals[0], perm=[1, 0, 2])
            return graph.op("Reshape", both, graph.integers(0, 2 * walk.size))
        if ways == 1:
            return graph.op("Squeeze", every, graph.integers(1))
        beside = graph.op("Transpose", every, perm=[0, 2, 1, 3])
        return graph.op("Reshape", beside, graph.integers(0, 0, 2 * walk.size))

    def _weights(self, walk: _Node) -> list[str]:
        """W, R and B."""
        order = TO_ONNX[walk.kind]
        inputs = [self._stacked(walk, name, order) for name in ("weight_ih", "weight_hh")]
        if f"bias_ih_{walk.suffixes[0]}" not in walk.values:
            return [*inputs, ""]
        both = [
            np.concatenate(
                [regate(walk.values[f"{name}_{one}"], order) for name in ("bias_ih", "bias_hh")]
            )
            for one in walk.suffixes
        ]
        return [*inputs, self._weight(walk, "bias", np.stack(both))]

    def _stacked(self, walk: _Node, name: str, order: tuple[int, ...]) -> str:
        parts = [regate(walk.values[f"{name}_{one}"], order) for one in walk.suffixes]
        return self._weight(walk, name, np.stack(parts))

    def _weight(self, walk: _Node, name: str, value: Array) -> str:
        called = f"{walk.name}.{name}_{walk.suffixes[0]}"
        return self.graph.constant(value, self.network.dtype, called)

    def _initial(self, walk: _Node, number: int, state: str) -> str:
        """The initial state ``(directions, N, H)``; nothing where it is zero."""
        graph = self.graph
        names = [f"{number}.{state}_{one}" for one in walk.suffixes]
        if names[0] in self.rows.states:
            parts = [
                graph.op("Unsqueeze", self.rows.states[name], graph.integers(0)) for name in names
            ]
            return parts[0] if len(parts) == 1 else graph.op("Concat", *parts, axis=0)
        learned = [walk.values.get(f"initial_{state}_{one}") for one in walk.suffixes]
        if any(one is None for one in learned):
            return ""
        value = np.stack([one[None] for one in learned if one is not None])
        first = self._weight(walk, f"initial_{state}", value)
        ways, size = graph.integers(len(learned)), graph.integers(walk.size)
        return graph.op("Expand", first, graph.op("Concat", ways, self.rows.number, size, axis=0))

    def _keep(self, walk: _Node, number: int, finals: list[str], initial: list[str]) -> None:
        """The final states by name; that of a row without a step is the initial one."""
        if not self.rows.states:
            return
        graph = self.graph
        for state, final, begin in zip(walk.states, finals, initial, strict=True):
            if self.rows.lengths is not None:
                moved = graph.op("Greater", self.rows.lengths, graph.constant(np.int64(0)))
                shaped = graph.op("Unsqueeze", moved, graph.integers(0, 2))
                final = graph.op("Where", shaped, final, begin)
            for way, suffix in enumerate(walk.suffixes):
                one = graph.op("Gather", final, graph.constant(np.int64(way)), axis=0)
                self.states[f"{number}.{state}_{suffix}"] = one

    # ---------------------------------------------------------------------------- the others

    def _dense(self, x: str, number: int, layer: Dense) -> str:
        values, graph = weights_of(self.network, number), self.graph
        named = f"{self.prefix}{number}"
        y = graph.op("MatMul", x, graph.constant(values["weight"].T, name=f"{named}.weight"))
        if layer.bias:
            y = graph.op("Add", y, graph.constant(values["bias"], name=f"{named}.bias"))
        return y if layer.activation is None else self._phi(y, layer.activation)

    def _phi(self, x: str, activation: str) -> str:
        options: dict[str, Any] = {"axis": -1} if activation == "softmax" else {}
        return self.graph.op(_NAMES[activation], x, **options)

    def _activation(self, x: str, number: int, layer: Activation) -> str:
        return self._phi(x, layer.activation)

    def _embedding(self, x: str, number: int, layer: Embedding) -> str:
        table = weights_of(self.network, number)["weight"]
        named = self.graph.constant(table, name=f"{self.prefix}{number}.weight")
        return self.graph.op("Gather", named, x, axis=0)

    def _one_hot(self, x: str, number: int, layer: OneHot) -> str:
        table = np.eye(layer.num, dtype=self.network.dtype)
        return self.graph.op("Gather", self.graph.constant(table), x, axis=0)

    def _noise(self, x: str, number: int, layer: Noise) -> str:
        return self.graph.op("Identity", x)  # there is none outside training

    def _dropout(self, x: str, number: int, layer: Dropout) -> str:
        return self.graph.op("Dropout", x, self.graph.constant(np.float32(layer.p)))

    def _pool(self, x: str, number: int, layer: Layer) -> str:
        return self.own(type(layer).__name__, x, self.lengths)

    def _attention(self, x: str, number: int, layer: AttentionPool) -> str:
        values = weights_of(self.network, number)
        parts = (values["weight"].T, values["bias"], values["score"].T)
        return self.own("AttentionPool", x, self.lengths, *map(self.graph.constant, parts))

    def _mark(self, x: str, number: int, layer: MarkMissing) -> str:
        return self.own("MarkMissing", x)

    def _repeat(self, x: str, number: int, layer: Repeat) -> str:
        order = self.graph.constant(np.arange(1.0, layer.positions + 1))
        return self.own("Repeat", x, self.lengths, order, self.rows.steps)


_LAYERS: dict[type[Layer], Callable[[_Writer, str, int, Any], str]] = {
    Dense: _Writer._dense,
    Activation: _Writer._activation,
    Embedding: _Writer._embedding,
    OneHot: _Writer._one_hot,
    Noise: _Writer._noise,
    Dropout: _Writer._dropout,
    **dict.fromkeys(POOLS.values(), _Writer._pool),
    AttentionPool: _Writer._attention,
    MarkMissing: _Writer._mark,
    Repeat: _Writer._repeat,
}
