"""Random recurrent nodes of the ONNX standard, as models of one node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

GATES = {"RNN": 1, "LSTM": 4, "GRU": 3}
DEFAULTS = {"RNN": ["Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"]}


@dataclass
class Case:
    """A model of one node, and inputs for it.

    Attributes:
        model: Its weights are initializers.
        inputs: By name: X, and where there are any sequence_lens, initial_h, initial_c.
        attributes: Of the node.
        kind: Of the node.
    """

    model: Any
    inputs: dict[str, np.ndarray]
    attributes: dict[str, Any]
    kind: str

    @property
    def batch_first(self) -> bool:
        return self.attributes.get("layout", 0) == 1

    @property
    def plain(self) -> bool:
        """Whether the standard's own reference evaluator has all that the node asks for."""
        ignored = {"clip", "activations", "input_forget"} & set(self.attributes)
        return not ignored and "sequence_lens" not in self.inputs


def random_case(
    generator: np.random.Generator, steps: int = 20, layout: int = 0, plain: bool = False
) -> Case:
    """One of everything: kind, direction, options, lengths, states.

    If ``plain``, one with nothing that the standard's reference evaluator ignores.
    """
    kind = str(generator.choice(list(GATES)))
    rows, inputs, size = (int(generator.integers(1, top)) for top in (6, 5, 8))
    direction = str(generator.choice(["forward", "reverse", "bidirectional"]))
    ways = 2 if direction == "bidirectional" else 1
    maybe = lambda share: generator.random() < share  # noqa: E731
    more = lambda share: not plain and maybe(share)  # noqa: E731
    attributes: dict[str, Any] = {"hidden_size": size, "direction": direction}
    if layout:
        attributes["layout"] = layout
    if more(0.25):
        attributes["clip"] = float(generator.uniform(0.3, 2.0))
    if more(0.25):
        attributes["activations"] = [
            name for _ in range(ways) for name in random_activations(generator, kind)
        ]
    if kind == "LSTM" and more(0.2):
        attributes["input_forget"] = 1
    if kind == "GRU":
        attributes["linear_before_reset"] = int(maybe(0.5))

    def draw(*shape: int) -> np.ndarray:
        return (0.5 * generator.standard_normal(shape)).astype(np.float32)

    weights = {
        "W": draw(ways, GATES[kind] * size, inputs),
        "R": draw(ways, GATES[kind] * size, size) / np.float32(np.sqrt(size)),
    }
    if maybe(0.7):
        weights["B"] = draw(ways, 2 * GATES[kind] * size)
    if kind == "LSTM" and maybe(0.4):
        weights["P"] = draw(ways, 3 * size)
    feeds = {"X": draw(steps, rows, inputs)}
    if more(0.5):
        feeds["sequence_lens"] = generator.integers(1, steps + 1, rows).astype(np.int32)
    if maybe(0.5):
        feeds["initial_h"] = draw(ways, rows, size)
        if kind == "LSTM":
            feeds["initial_c"] = draw(ways, rows, size)
    if layout:
        feeds = {k: v if v.ndim == 1 else v.swapaxes(0, 1).copy() for k, v in feeds.items()}
    return Case(node_model(kind, attributes, weights, feeds), feeds, attributes, kind)


def random_activations(generator: np.random.Generator, kind: str) -> list[str]:
    """Those of one direction; its gates stay between 0 and 1, else states grow without end."""
    gates = [] if kind == "RNN" else ["Sigmoid"]
    names = ["Tanh", "Sigmoid", "Relu"]
    return [*gates, *generator.choice(names, len(DEFAULTS[kind]) - len(gates)).tolist()]


def node_model(
    kind: str,
    attributes: dict[str, Any],
    weights: dict[str, np.ndarray],
    feeds: dict[str, np.ndarray],
    outputs: tuple[str, ...] | None = None,
) -> Any:
    """The model of one node."""
    slots = ["X", "W", "R", "B", "sequence_lens", "initial_h"]
    if kind == "LSTM":
        slots += ["initial_c", "P"]
    known = {**weights, **feeds}
    names = [name if name in known else "" for name in slots]
    while not names[-1]:
        names.pop()
    if outputs is None:
        outputs = ("Y", "Y_h", "Y_c") if kind == "LSTM" else ("Y", "Y_h")
    node = helper.make_node(kind, names, list(outputs), name="walk", **attributes)
    graph = helper.make_graph(
        [node],
        "one",
        [
            helper.make_tensor_value_info(
                name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape
            )
            for name, value in feeds.items()
        ],
        [
            helper.make_tensor_value_info(
                one, TensorProto.FLOAT, [f"{one}{n}" for n in range(4 if one == "Y" else 3)]
            )
            for one in outputs
            if one
        ],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
