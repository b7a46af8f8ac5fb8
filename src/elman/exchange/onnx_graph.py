"""An ONNX graph that is a chain of layers as a network.

The value that flows through the graph is followed from node to node, with a name for each of its
axes: time, rows, ways (directions), units, channels. Nodes that only move axes are seen through,
those that compute become layers, and anything else is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import onnx

from elman.errors import InputError
from elman.exchange.onnx_axes import Axes, merged, resolved
from elman.exchange.onnx_checks import fitting_bias, flag, last_of_slice
from elman.exchange.onnx_moves import MOVES, moved_axes
from elman.exchange.onnx_recurrent import INPUTS, read_recurrent
from elman.exchange.onnx_states import initial_state, lengths_input
from elman.exchange.onnx_values import Values, attributes, label, load_model, standard
from elman.exchange.parts import FINAL, POOLS, Array, Part, fold_activations, network_of
from elman.layers import (
    Activation,
    AttentionPool,
    Dense,
    Dropout,
    Embedding,
    Last,
    Layer,
    MarkMissing,
    MaxPool,
    MeanPool,
    OneHot,
    Repeat,
)

if TYPE_CHECKING:
    from elman.network import Network

__all__ = ["DOMAIN", "Reading", "from_onnx", "read_onnx"]

DOMAIN = "elman"
"""Of the functions that stand for layers which are no operator of the standard."""

_ACTIVATIONS = {"Tanh": "tanh", "Relu": "relu", "Sigmoid": "sigmoid", "Softmax": "softmax"}


class Flow(NamedTuple):
    """A value on its way through the layers.

    Attributes:
        axes: Names and sizes of its axes.
        place: How many layers made it.
        end: ``None``, or the pool that the final state of a recurrent node stands for.
    """

    axes: Axes
    place: int
    end: Layer | None = None


class Reading(NamedTuple):
    """A network, and where its inputs and outputs stand in the graph.

    Attributes:
        network: The network.
        input: Name of the input that flows.
        sizes: Sizes of that input's first two axes, 0 where they are open.
        time_first: Whether time is its first axis.
        lengths: Name of the input of lengths, or ``None``.
        output: Names of the axes of the first output.
    """

    network: Network
    input: str
    sizes: tuple[int, int]
    time_first: bool
    lengths: str | None
    output: tuple[str, ...]


def from_onnx(file: Any, constants: Mapping[str, Any]) -> Network:
    """The network, see :meth:`elman.Network.from_onnx`."""
    return read_onnx(file, constants).network


def read_onnx(file: Any, constants: Mapping[str, Any]) -> Reading:
    """The network with its places in the graph; arguments and errors as :func:`from_onnx`."""
    model = load_model(file)
    if model.producer_name == "elman" and model.graph.name != "network":
        raise InputError(
            f"file: it holds an estimator of elman's ({model.graph.name}), scaling or vocabulary "
            "included, not a network alone; run it with ONNX Runtime, or load the saved estimator "
            "with elman.load"
        )
    if model.producer_name == "elman" and any(one.op_type == "Scan" for one in model.graph.node):
        raise InputError(
            "file: its layers have layer_norm or zoneout, which elman writes out step by step and "
            "does not read back; load the saved network with elman.load"
        )
    return _Reader(model, constants).read()


class _Reader:
    """Follows the flow through one graph."""

    def __init__(self, model: Any, constants: Mapping[str, Any]) -> None:
        self.values = Values(model, constants)
        self.graph = model.graph
        self.parts: list[Part] = []
        self.flows: dict[str, Flow] = {}
        self.lengths: str | None = None
        self._bare: set[int] = set()  # dense layers that may still take a bias
        self._begin()

    def read(self) -> Reading:
        """The network of the graph's first output."""
        output = self.graph.output[0].name
        wanted = {id(node) for node in self.values.origin(output, {}).nodes}
        for node in self.graph.node:
            if id(node) not in wanted or not any(one in self.flows for one in node.input):
                continue
            if standard(node) and node.op_type in ("Shape", "Size"):
                continue
            self._node(node)
        if output not in self.flows:
            raise InputError(f"file: the output {output!r} is not the end of a chain of layers")
        ends = resolved(self.flows[output].axes).names
        flow = self._taken(output, None)
        axes = {name for name in resolved(flow.axes).names if name != "one"}
        if not axes <= {"rows", "time", "channels", "ways", "units"} or "rows" not in axes:
            raise InputError(f"file: the output {output!r} has the axes {sorted(axes)}")
        first = resolved(self.flows[self.input].axes).names[0]
        return Reading(
            network_of(fold_activations(self.parts), self.dtype),
            self.input,
            self._declared,
            first == "time",
            self.lengths,
            ends,
        )

    def _begin(self) -> None:
        """The input that flows."""
        first = next((n for n in self.values.inputs if n not in self.values.initializers), None)
        if first is None:
            raise InputError("file: expected a graph with an input to read")
        info = next(one for one in self.graph.input if one.name == first).type.tensor_type
        dims = [one.dim_value or 0 for one in info.shape.dim]
        kinds = {
            onnx.TensorProto.FLOAT: "float32",
            onnx.TensorProto.DOUBLE: "float64",
            onnx.TensorProto.INT32: "tokens",
            onnx.TensorProto.INT64: "tokens",
        }
        kind = kinds.get(info.elem_type)
        if kind is None or len(dims) != (2 if kind == "tokens" else 3):
            raise InputError(
                f"file: expected the input {first!r} to be float (rows, steps, channels) or whole "
                f"numbers (rows, steps), got {onnx.TensorProto.DataType.Name(info.elem_type)} "
                f"{dims}"
            )
        self.dtype = "float32" if kind == "tokens" else kind
        self._tokens = kind == "tokens"
        self.input = first
        width = [] if self._tokens else [("channels", dims[2])]
        # sizes that are left open are made up, and differ
        self._declared = dims[0], dims[1]
        self._sizes = dims[0] or 7, dims[1] or 11
        begin = zip(("first", "second"), self._sizes, strict=True)
        self.flows[first] = Flow(Axes.of([*begin, *width]), 0)

    # ------------------------------------------------------------------------------- nodes

    def _node(self, node: Any) -> None:
        if node.domain == DOMAIN:
            self._own(node)
            return
        read = _STANDARD.get(node.op_type) if standard(node) else None
        if read is None:
            named = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
            raise InputError(f"file: {label(node)}: {named} is no layer that elman has")
        read(self, node)

    def _taken(self, name: str, node: Any) -> Flow:
        """The flow that a layer reads, which must be the chain's end."""
        flow = self.flows.get(name)
        where = "the output" if node is None else label(node)
        if flow is None:
            raise InputError(f"file: {where}: expected to read the value before it, got {name!r}")
        if flow.place != len(self.parts):
            raise InputError(f"file: {where}: {name!r} is read beside the chain of layers")
        if flow.end is not None:
            if node is not None and "ways" in flow.axes.names:
                raise InputError(
                    f"file: {where}: reads the ends of both directions apart; expected them joined "
                    "into one axis"
                )
            self.parts.append(Part(flow.end, {}))
            flow = Flow(merged(flow.axes), len(self.parts))
        return flow

    def _gave(self, node: Any, part: Part, axes: Axes) -> None:
        self.parts.append(part)
        self.flows[node.output[0]] = Flow(axes, len(self.parts))

    def _moved(self, node: Any, axes: Axes) -> None:
        """A node that moves axes: the flow is the same."""
        self.flows[node.output[0]] = self.flows[node.input[0]]._replace(axes=axes)

    def _recurrent(self, node: Any) -> None:
        flow = self._taken(node.input[0], node)
        batch_first = flag(node, "layout")
        wanted = ("rows", "time") if batch_first else ("time", "rows")
        if not flow.axes.settle((*wanted, "channels")):
            raise InputError(
                f"file: {label(node)}: expected the axes {', '.join(wanted)}, channels, got "
                f"{', '.join(resolved(flow.axes).names)}"
            )
        probe = self._probe()
        self.lengths = lengths_input(node, self.values, probe, self._sizes, self.lengths)
        states = [
            initial_state(node, place, self.values, probe)
            for place in range(5, 7 if node.op_type == "LSTM" else 6)
        ]
        read = read_recurrent(node, self.values, states)
        self._check_width(node, flow, read.part.layer.input_size)
        self.parts.append(read.part)
        both = read.direction == "bidirectional"
        ways, units = ("ways", 2), ("units", read.units)
        if not both:
            ways, units = ("one", 1), ("channels", read.units)
        sizes = dict(zip(wanted, flow.axes.sizes, strict=False))
        time, rows = ("time", sizes["time"]), ("rows", sizes["rows"])
        every = [rows, time, ways, units] if batch_first else [time, ways, rows, units]
        final = [rows, ways, units] if batch_first else [ways, rows, units]
        place = len(self.parts)
        outputs = list(node.output)
        if outputs and outputs[0]:
            self.flows[outputs[0]] = Flow(Axes.of(every), place)
        if len(outputs) > 1 and outputs[1]:
            end = FINAL[read.direction]()
            self.flows[outputs[1]] = Flow(Axes.of(final), place, end)

    def _check_width(self, node: Any, flow: Flow, size: int | None) -> None:
        declared = flow.axes.sizes[-1]
        if declared not in (0, size):
            raise InputError(
                f"file: {label(node)}: reads {declared} channels, and its weights are for {size}"
            )

    def _probe(self) -> dict[str, Array]:
        """Zeros in the shapes of what flows, for what reads shapes."""
        kind: Any = np.int64 if self._tokens else self.dtype
        return {
            name: np.zeros(flow.axes.sizes, kind if name == self.input else self.dtype)
            for name, flow in self.flows.items()
        }

    def _matmul(self, node: Any) -> None:
        flow = self._taken(node.input[0], node)
        weight = self.values.required(node, 1, "a matrix")
        self._dense(node, flow, weight.T, None)

    def _gemm(self, node: Any) -> None:
        flow, options = self._taken(node.input[0], node), attributes(node)
        if options.get("transA", 0):
            raise InputError(f"file: {label(node)}: transA=1 is not served")
        weight = self.values.required(node, 1, "a matrix") * options.get("alpha", 1.0)
        weight = weight if options.get("transB", 0) else weight.T
        bias = None
        if len(node.input) > 2 and node.input[2]:
            bias = self.values.required(node, 2, "a bias") * options.get("beta", 1.0)
        self._dense(node, flow, weight, bias)

    def _dense(self, node: Any, flow: Flow, weight: Array, bias: Array | None) -> None:
        if weight.ndim != 2 or resolved(flow.axes).names[-1] != "channels":
            raise InputError(
                f"file: {label(node)}: expected a matrix over the last axis, the channels"
            )
        outputs, inputs = weight.shape
        self._check_width(node, flow, inputs)
        values = {"weight": weight}
        if bias is not None:
            values["bias"] = fitting_bias(node, bias, outputs, len(flow.axes.names))
        else:
            self._bare.add(len(self.parts))
        made = Dense(inputs, outputs, bias=bias is not None)
        self._gave(node, Part(made, values), flow.axes.with_last(outputs))

    def _add(self, node: Any) -> None:
        """The bias of the matrix product before it."""
        first, second = node.input
        name, other = (first, second) if first in self.flows else (second, first)
        flow, bias = self._taken(name, node), self.values.constant(other)
        place = len(self.parts) - 1
        if bias is None or place not in self._bare:
            raise InputError(f"file: {label(node)}: expected the bias of a matrix product")
        made: Any = self.parts[place].layer  # a dense one: its place is among the bare
        given = fitting_bias(node, np.asarray(bias), made.output_size, len(flow.axes.names))
        self.parts[place] = Part(made.clone(bias=True), {**self.parts[place].values, "bias": given})
        self._bare.discard(place)
        self.flows[node.output[0]] = flow

    def _activation(self, node: Any) -> None:
        flow = self._taken(node.input[0], node)
        if node.op_type == "Softmax":
            # before version 13 of the standard it was over all axes from this one on
            default = -1 if self.values.version >= 13 else 1
            axis = attributes(node).get("axis", default)
            if resolved(flow.axes).names[axis] != "channels":
                raise InputError(f"file: {label(node)}: axis={axis}: expected the channels")
        self._gave(node, Part(Activation(_ACTIVATIONS[node.op_type]), {}), flow.axes)

    def _dropout(self, node: Any) -> None:
        flow = self._taken(node.input[0], node)
        ratio = attributes(node).get("ratio", 0.5)
        if len(node.input) > 1 and node.input[1]:
            ratio = float(self.values.required(node, 1, "the ratio").reshape(()))
        told = len(node.input) > 2 and node.input[2]
        if told and self.values.required(node, 2, "training_mode").any():
            raise InputError(f"file: {label(node)}: training_mode=True drops at random")
        self._gave(node, Part(Dropout(float(ratio)), {}), flow.axes)

    def _gather(self, node: Any) -> None:
        axis = attributes(node).get("axis", 0)
        if node.input[0] not in self.flows:  # a table, read by tokens
            flow = self._taken(node.input[1], node)
            table = self.values.required(node, 0, "a table")
            if axis or table.ndim != 2 or flow.place:
                raise InputError(f"file: {label(node)}: expected a table read by the input")
            axes = Axes.of(
                [*zip(flow.axes.names, flow.axes.sizes, strict=True), ("channels", table.shape[1])]
            )
            unit = table.shape[0] == table.shape[1] and (table == np.eye(len(table))).all()
            made = OneHot(len(table)) if unit else Embedding(*table.shape)
            self._gave(node, Part(made, {} if unit else {"weight": table}), axes)
            return
        index = self.values.required(node, 1, "an index")
        names = resolved(self.flows[node.input[0]].axes).names
        if names[axis] == "one" and index.ndim == 0 and index in (0, -1):
            self._moved(node, self.flows[node.input[0]].axes.without(axis))
            return
        if index.size != 1 or index.reshape(()) != -1:
            raise InputError(f"file: {label(node)}: expected the index -1 in time, got {index}")
        self._last_step(node, axis, keep=index.ndim == 1)

    def _slice(self, node: Any) -> None:
        names, sizes = self.flows[node.input[0]].axes.names, self.flows[node.input[0]].axes.sizes
        declared = dict(zip(("first", "second"), self._declared, strict=True))
        found = self.flows[node.input[0]].axes.found
        declared |= {found[name]: size for name, size in declared.items() if name in found}
        known = tuple(declared.get(one, size) for one, size in zip(names, sizes, strict=True))
        self._last_step(node, last_of_slice(node, self.values, known), keep=True)

    def _last_step(self, node: Any, axis: int, keep: bool) -> None:
        flow = self._taken(node.input[0], node)
        flow.axes.settle_one(axis, "time")
        if resolved(flow.axes).names[axis] != "time":
            raise InputError(f"file: {label(node)}: expected the index -1 in time")
        if self.lengths is not None:
            raise InputError(
                f"file: {label(node)}: takes the step -1, which is padding where {self.lengths} "
                "are shorter; expected Y_h"
            )
        axes = flow.axes.replaced(axis) if keep else flow.axes.without(axis)
        self._gave(node, Part(Last(), {}), axes)

    def _reduce(self, node: Any) -> None:
        flow, options = self._taken(node.input[0], node), attributes(node)
        given = options.get("axes")
        axes = self.values.required(node, 1, "axes").tolist() if given is None else list(given)
        if len(axes) == 1:
            flow.axes.settle_one(axes[0], "time")
        if len(axes) != 1 or resolved(flow.axes).names[axes[0]] != "time" or self.lengths:
            raise InputError(f"file: {label(node)}: expected to be over all of time")
        kept = options.get("keepdims", 1)
        after = flow.axes.replaced(axes[0]) if kept else flow.axes.without(axes[0])
        pool = MeanPool() if node.op_type == "ReduceMean" else MaxPool()
        self._gave(node, Part(pool, {}), after)

    def _own(self, node: Any) -> None:
        """A function that elman wrote for a layer of its own."""
        if node.op_type == "Masked":
            self._moved(node, self.flows[node.input[0]].axes)
            return
        flow, options = self._taken(node.input[0], node), attributes(node)
        sizes = dict(zip(resolved(flow.axes).names, flow.axes.sizes, strict=True))
        rows, channels = ("rows", sizes.get("rows", 1)), ("channels", sizes["channels"])
        if node.op_type in POOLS:
            self._gave(node, Part(POOLS[node.op_type](), {}), Axes.of([rows, channels]))
        elif node.op_type == "AttentionPool":
            weight, bias, score = (self.values.required(node, n, "weights") for n in (2, 3, 4))
            values = {"weight": weight.T, "bias": bias, "score": score.T}
            made = AttentionPool(len(weight), len(bias))
            self._gave(node, Part(made, values), Axes.of([rows, channels]))
        elif node.op_type == "MarkMissing":
            size = sizes["channels"]
            self._gave(node, Part(MarkMissing(size), {}), flow.axes.with_last(2 * size))
        elif node.op_type == "Repeat":
            order = self.values.required(node, 2, "the order of its cosines")
            axes = Axes.of([("time", self._sizes[1]), rows, ("channels", channels[1] + order.size)])
            self._gave(node, Part(Repeat(order.size), {}), axes)
        else:
            raise InputError(f"file: {label(node)}: no layer of this elman; {options}")

    def _move(self, node: Any) -> None:
        """A node that moves axes."""
        axes = self.flows[node.input[0]].axes
        self._moved(node, moved_axes(node, axes, self.values, self._probe))

    def _same(self, node: Any) -> None:
        self.flows[node.output[0]] = self.flows[node.input[0]]

    def _cast(self, node: Any) -> None:
        to = attributes(node)["to"]
        ints = (onnx.TensorProto.INT32, onnx.TensorProto.INT64)
        own = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(self.dtype))
        fits = ints if self._tokens and not self.parts else (own,)
        if to not in fits:
            name = onnx.TensorProto.DataType.Name(to)
            raise InputError(f"file: {label(node)}: to {name} changes what is computed")
        self._same(node)


_STANDARD: dict[str, Callable[[_Reader, Any], None]] = {
    **dict.fromkeys(INPUTS, _Reader._recurrent),
    **dict.fromkeys(_ACTIVATIONS, _Reader._activation),
    "MatMul": _Reader._matmul,
    "Gemm": _Reader._gemm,
    "Add": _Reader._add,
    "Dropout": _Reader._dropout,
    "Gather": _Reader._gather,
    "Slice": _Reader._slice,
    "ReduceMean": _Reader._reduce,
    "ReduceMax": _Reader._reduce,
    **dict.fromkeys(MOVES, _Reader._move),
    "Identity": _Reader._same,
    "Cast": _Reader._cast,
}
