"""A small builder of ONNX graphs: operators in, names of values out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from elman import __version__
from elman.exchange.parts import Array

__all__ = ["OPSET", "Graph", "Held"]

OPSET = 18
IR_VERSION = 9


class Held(NamedTuple):
    """What a loop carries from step to step, or gives at each step.

    Attributes:
        value: Its name in the graph.
        dtype: Of its numbers.
        shape: Its axes; a text names one that is open.
    """

    value: str
    dtype: Any
    shape: tuple[int | str, ...]


class Graph:
    """A graph in the making.

    Args:
        name: Of the graph.
        outer: The graph that this one is the body of; no name stands in both.

    Attributes:
        metadata: Plain values that the model bears by name, each as JSON.
    """

    def __init__(self, name: str, outer: Graph | None = None) -> None:
        self.name = name
        self.nodes: list[Any] = []
        self.inputs: list[Any] = []
        self.outputs: list[Any] = []
        self.initializers: list[Any] = []
        self.functions: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}
        self._count: Iterator[int] = count(1) if outer is None else outer._count
        self._constants: dict[bytes, str] = {}

    def input(self, name: str, dtype: Any, shape: Sequence[int | str] | None) -> str:
        """An input that must be fed."""
        self.inputs.append(helper.make_tensor_value_info(name, _kind(dtype), shape))
        return name

    def optional(self, name: str, shape: Sequence[int | str], default: Array) -> str:
        """An input that may be left out, and then is as given here."""
        array = np.ascontiguousarray(default).reshape(default.shape)  # that of a number stays ()
        self.initializers.append(numpy_helper.from_array(array, name))
        return self.input(name, default.dtype, shape)

    def output(self, value: str, name: str, dtype: Any, shape: Sequence[int | str] | None) -> None:
        """A value as an output of the graph."""
        self.nodes.append(helper.make_node("Identity", [value], [name]))
        self.outputs.append(helper.make_tensor_value_info(name, _kind(dtype), shape))

    def constant(self, value: Any, dtype: Any = None, name: str | None = None) -> str:
        """A constant; small ones of the same value are shared."""
        array = np.ascontiguousarray(value, dtype).reshape(np.shape(value))
        key = repr((array.dtype.str, array.shape)).encode() + array.tobytes()
        shared = name is None and array.dtype != object and array.size < 16
        if shared and key in self._constants:
            return self._constants[key]
        name = self._fresh(name or "constant")
        self.initializers.append(numpy_helper.from_array(array, name))
        if shared:
            self._constants[key] = name
        return name

    def texts(self, values: Sequence[str]) -> str:
        """A constant of texts."""
        name = self._fresh("texts")
        encoded: Any = [one.encode() for one in values]
        self.initializers.append(
            helper.make_tensor(name, TensorProto.STRING, [len(encoded)], encoded)
        )
        return name

    def op(self, kind: str, *inputs: str, name: str | None = None, **options: Any) -> str:
        """An operator of one output."""
        return self.ops(kind, 1, *inputs, name=name, **options)[0]

    def ops(
        self, kind: str, number: int, *inputs: str, name: str | None = None, **options: Any
    ) -> list[str]:
        """An operator of several outputs."""
        called = self._fresh(name or kind)
        outputs = [called if number == 1 else f"{called}.{n}" for n in range(number)]
        domain = "elman" if kind in self.functions else ""
        self.nodes.append(
            helper.make_node(kind, list(inputs), outputs, name=called, domain=domain, **options)
        )
        return outputs

    def cast(self, value: str, dtype: Any) -> str:
        """The value in another dtype."""
        return self.op("Cast", value, to=_kind(dtype))

    def integers(self, *values: int) -> str:
        """A constant vector of whole numbers."""
        return self.constant(np.array(values, np.int64))

    def size(self, value: str, axis: int) -> str:
        """How long an axis of a value is, a vector of one number."""
        return self.op("Shape", value, start=axis, end=axis + 1)

    def scan(
        self,
        states: Sequence[Held],
        sequences: Sequence[tuple[str, Any]],
        body: Callable[[Graph, list[str], list[str]], tuple[list[str], list[Held]]],
        reverse: bool = False,
    ) -> list[str]:
        """A loop over the first axis of values.

        Args:
            states: What goes from step to step: what it begins as.
            sequences: What is walked along, and its dtype.
            body: Adds one step to a graph, given the states and what each sequence has there;
                returns the states after it and what the step gives.
            reverse: Whether it walks from the end to the beginning; what the steps give stands
                in the order of the sequences all the same.

        Returns:
            The states after the last step, and what the steps gave, one after the other.
        """
        inner = Graph("step", self)
        given = [inner.input(inner._fresh("state"), one.dtype, one.shape) for one in states]
        here = [inner.input(inner._fresh("here"), kind, None) for _, kind in sequences]
        after, gives = body(inner, given, here)
        inner._leave(states, after, gives)
        options: dict[str, Any] = {"body": inner._written(), "num_scan_inputs": len(sequences)}
        if reverse:
            options["scan_input_directions"] = [1] * len(sequences)
            options["scan_output_directions"] = [1] * len(gives)
        inputs = [one.value for one in states] + [value for value, _ in sequences]
        return self.ops("Scan", len(states) + len(gives), *inputs, **options)

    def loop(
        self,
        most: str,
        states: Sequence[Held],
        body: Callable[[Graph, str, list[str]], tuple[str, list[str], list[Held]]],
    ) -> list[str]:
        """A loop that goes on as long as its body wants.

        Args:
            most: Value of the most rounds, a whole number.
            states: What goes from round to round: what it begins as.
            body: Adds one round to a graph, given its number and the states; returns whether to go
                on, the states after it and what it gives.

        Returns:
            The states after the last round, and what the rounds gave, one after the other.
        """
        inner = Graph("round", self)
        number = inner.input(inner._fresh("number"), np.int64, [])
        inner.input(inner._fresh("going"), np.bool_, [])
        given = [inner.input(inner._fresh("state"), one.dtype, one.shape) for one in states]
        on, after, gives = body(inner, number, given)
        inner.output(on, inner._fresh("on"), np.bool_, [])
        inner._leave(states, after, gives)
        inputs = [most, "", *(one.value for one in states)]
        return self.ops("Loop", len(states) + len(gives), *inputs, body=inner._written())

    def model(self) -> Any:
        """The model, checked.

        Raises:
            onnx.checker.ValidationError: If it is no valid model.
        """
        opsets = [helper.make_opsetid("", OPSET)]
        if self.functions:
            opsets.append(helper.make_opsetid("elman", 1))
        model = helper.make_model(
            self._written(),
            opset_imports=opsets,
            functions=list(self.functions.values()),
            ir_version=IR_VERSION,
            producer_name="elman",
            producer_version=__version__,
        )
        texts = {name: json.dumps(value) for name, value in self.metadata.items()}
        helper.set_model_props(model, texts)
        onnx.checker.check_model(model, full_check=True)
        return model

    def _leave(self, states: Sequence[Held], after: Sequence[str], gives: Sequence[Held]) -> None:
        """The outputs of a body: what is carried on, and what it gives."""
        kept = [one._replace(value=value) for one, value in zip(states, after, strict=True)]
        for one in (*kept, *gives):
            self.output(one.value, self._fresh("after"), one.dtype, one.shape)

    def _written(self) -> Any:
        return helper.make_graph(
            self.nodes, self.name, self.inputs, self.outputs, self.initializers
        )

    def _fresh(self, stem: str) -> str:
        return f"{stem}_{next(self._count)}"


def _kind(dtype: Any) -> int:
    if dtype is str:
        return int(TensorProto.STRING)
    return int(helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))
