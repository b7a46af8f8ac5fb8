"""ONNX Runtime: one LSTM node, run one time step a call, its state fed back by the caller."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from benchmarks.registry import StreamCase


def node_order(rows: np.ndarray) -> np.ndarray:
    """PyTorch's gates i, f, g, o in the order of ONNX: i, o, f, c."""
    i, f, g, o = np.split(rows, 4)
    return np.concatenate([i, o, f, g])


def lstm_model(case: StreamCase, weights: dict[str, np.ndarray]) -> bytes:
    """The serialised graph of one LSTM node."""
    ordered = {name: node_order(value) for name, value in weights.items()}
    constants = {
        "W": ordered["weight_ih_l0"][None],
        "R": ordered["weight_hh_l0"][None],
        "B": np.concatenate([ordered["bias_ih_l0"], ordered["bias_hh_l0"]])[None],
    }
    state = [1, 1, case.hidden]
    node = helper.make_node(
        "LSTM",
        ["x", "W", "R", "B", "", "h", "c"],
        ["", "h_next", "c_next"],
        hidden_size=case.hidden,
    )
    graph = helper.make_graph(
        [node],
        "lstm",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, case.inputs])]
        + [helper.make_tensor_value_info(name, TensorProto.FLOAT, state) for name in "hc"],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, state)
            for name in ("h_next", "c_next")
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    return model.SerializeToString()


class Stream:
    """The session and the state between calls."""

    def __init__(self, case: StreamCase, weights: dict[str, np.ndarray]):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            lstm_model(case, weights), options, providers=["CPUExecutionProvider"]
        )
        self.x = case.input[None]
        self.state = [np.zeros((1, 1, case.hidden), np.float32) for _ in "hc"]


def build_stream(case: StreamCase, weights: dict[str, np.ndarray]) -> Stream:
    return Stream(case, weights)


def stream_steps(stream: Stream, count: int) -> np.ndarray:
    run, x, (h, c) = stream.session.run, stream.x, stream.state
    names = ["h_next", "c_next"]
    for _ in range(count):
        h, c = run(names, {"x": x, "h": h, "c": c})
    stream.state = [h, c]
    return h[0].astype(np.float64)


def versions() -> dict[str, str]:
    return {"onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__}
