"""What can be said of an ONNX graph's values without running the network: constants and sources."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

from elman.checks import describe
from elman.errors import InputError
from elman.exchange.parts import Array

__all__ = ["Origin", "Values", "attributes", "label", "load_model", "standard"]


def label(node: Any) -> str:
    """What a node is called in messages."""
    return f"node {node.name or node.output[0]!r} ({node.op_type})"


def standard(node: Any) -> bool:
    """Whether a node is of the standard's own operators."""
    return node.domain in ("", "ai.onnx")


def attributes(node: Any) -> dict[str, Any]:
    """A node's attributes by name, texts as texts."""
    found = {}
    for one in node.attribute:
        value = onnx.helper.get_attribute_value(one)
        if isinstance(value, bytes):
            value = value.decode()
        elif isinstance(value, list) and value and isinstance(value[0], bytes):
            value = [text.decode() for text in value]
        found[one.name] = value
    return found


def load_model(file: Any) -> Any:
    """The model of a path, of bytes, or itself.

    Raises:
        InputError: If there is no such file, or it is no ONNX model.
    """
    if isinstance(file, onnx.ModelProto):
        return file
    try:
        if isinstance(file, (bytes, bytearray)):
            model = onnx.load_model_from_string(bytes(file))
        elif isinstance(file, (str, os.PathLike)):
            if not Path(file).is_file():
                raise InputError(f"file: expected an ONNX model, got {file}, which is no file")
            model = onnx.load(file)
        else:
            raise InputError(f"file: expected a path or an ONNX model, got {describe(file)}")
        onnx.checker.check_model(model)
    except InputError:
        raise
    except Exception as error:  # protobuf's own errors have no common base
        raise InputError(f"file: expected an ONNX model: {error}") from error
    return model


class Origin(NamedTuple):
    """What a value is computed from.

    Attributes:
        nodes: Nodes on the way, in the graph's order.
        inputs: Graph inputs among its ancestors, but for those that are given as constants.
        shapes: Values that flow through the network and that only a ``Shape`` of is read.
        flows: Those that are read themselves.
    """

    nodes: list[Any]
    inputs: list[str]
    shapes: list[str]
    flows: list[str]


class Values:
    """Constants of a graph, and what follows from them.

    Args:
        model: The model.
        constants: Values of graph inputs, by name.
    """

    def __init__(self, model: Any, constants: Mapping[str, Any]) -> None:
        self.model, self.graph = model, model.graph
        self.version = max(
            (one.version for one in model.opset_import if one.domain in ("", "ai.onnx")), default=0
        )
        self.inputs = [one.name for one in self.graph.input]
        unknown = [name for name in constants if name not in self.inputs]
        if unknown:
            raise InputError(
                f"constants: {unknown[0]!r} is no input of the graph; expected some of "
                f"{', '.join(self.inputs)}"
            )
        self.given: dict[str, Array] = {
            name: np.asarray(value) for name, value in constants.items()
        }
        self.initializers: dict[str, Array] = {
            one.name: numpy_helper.to_array(one) for one in self.graph.initializer
        } | self.given
        self.producers = {name: node for node in self.graph.node for name in node.output if name}
        self._order = {id(node): number for number, node in enumerate(self.graph.node)}
        self._folded: dict[str, Array | None] = {}

    def origin(self, name: str, flows: Mapping[str, Any]) -> Origin:
        """What a value is computed from."""
        nodes: dict[int, Any] = {}
        inputs: list[str] = []
        shapes: list[str] = []
        read: list[str] = []
        waiting: list[tuple[str, bool]] = [(name, False)]
        while waiting:
            value, shape_alone = waiting.pop()
            if value in flows:
                (shapes if shape_alone else read).append(value)
            elif value in self.inputs and value not in self.given:
                inputs.append(value)
            elif value in self.producers:
                node = self.producers[value]
                if id(node) not in nodes:
                    nodes[id(node)] = node
                    own = standard(node) and node.op_type in ("Shape", "Size")
                    waiting += [(one, own) for one in node.input if one]
        ordered = sorted(nodes.values(), key=lambda node: self._order[id(node)])
        return Origin(ordered, inputs, shapes, read)

    def constant(self, name: str) -> Array | None:
        """The value, if it depends on no input."""
        if name in self.initializers:
            return self.initializers[name]
        if name not in self._folded:
            origin = self.origin(name, {})
            known = all(one in self.initializers for one in origin.inputs)
            made = name in self.producers and known
            self._folded[name] = self.evaluate(name, {}) if made else None
        return self._folded[name]

    def required(self, node: Any, place: int, what: str) -> Array:
        """The constant that a node reads at a place.

        Raises:
            InputError: If it is none.
        """
        value = self.constant(node.input[place]) if len(node.input) > place else None
        if value is None:
            raise InputError(
                f"file: {label(node)}: expected {what} as a constant; if it is an input of the "
                "graph, give its value in constants"
            )
        return value

    def evaluate(self, name: str, flows: Mapping[str, Array]) -> Array:
        """The value where those that flow through the network are as given, and inputs default."""
        origin = self.origin(name, flows)
        feeds = {one: self.initializers[one] for one in self.initializers}
        feeds |= {one: flows[one] for one in (*origin.shapes, *origin.flows)}
        if name in feeds:
            return np.asarray(feeds[name])
        needed = {one for node in origin.nodes for one in node.input if one}
        feeds = {one: value for one, value in feeds.items() if one in needed}
        graph = onnx.helper.make_graph(
            origin.nodes,
            "part",
            [
                onnx.helper.make_tensor_value_info(
                    one, onnx.helper.np_dtype_to_tensor_dtype(value.dtype), value.shape
                )
                for one, value in feeds.items()
            ],
            [onnx.helper.make_value_info(name, onnx.TypeProto())],
        )
        part = onnx.helper.make_model(
            graph, opset_imports=self.model.opset_import, functions=self.model.functions
        )
        try:
            (value,) = ReferenceEvaluator(part).run([name], feeds)
        except (RuntimeError, TypeError, ValueError) as error:
            raise InputError(f"file: the value {name!r} cannot be computed: {error}") from error
        return np.asarray(value)
