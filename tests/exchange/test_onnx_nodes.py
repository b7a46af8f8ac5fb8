"""Recurrent nodes of the ONNX standard: its own cases, and hundreds of random ones."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from random_nodes import Case, node_model, random_case

from elman import InputError, Network, NetworkState, OnnxRecurrent

CASES = (
    Path(os.environ.get("ELMAN_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
    / "onnx_rnn_nodes"
)
NAMES = sorted(json.loads((CASES / "cases.json").read_text())) if CASES.is_dir() else []
BATCHES = 10
PER_BATCH = 40


def outputs_of(network: Network, inputs: dict[str, np.ndarray], batch_first: bool) -> Any:
    """Y, Y_h and Y_c of a network of one recurrent layer, shaped as a node gives them."""
    x = inputs["X"] if batch_first else inputs["X"].swapaxes(0, 1)
    state = None
    begin = network.initial_state(len(x))
    if "initial_h" in inputs:
        parts = {}
        for name in begin.names:
            given = inputs[f"initial_{name.split('.')[1][0]}"]
            given = given.swapaxes(0, 1) if batch_first else given
            way = 1 if name.endswith("reverse") and len(given) == 2 else 0
            parts[name] = given[way]
        state = NetworkState(parts)
    y, final = network.forward(x, state, inputs.get("sequence_lens"))
    found = {}
    for letter in ("h", "c"):
        ways = [part for name, part in final.items() if name.split(".")[1][0] == letter]
        if ways:
            stacked = np.stack(ways)
            found[f"Y_{letter}"] = stacked.swapaxes(0, 1) if batch_first else stacked
    ways = len(found["Y_h"]) if not batch_first else found["Y_h"].shape[1]
    if network.per_step:
        apart = y.reshape(*y.shape[:2], ways, -1)
        found["Y"] = apart if batch_first else apart.transpose(1, 2, 0, 3)
    return found


@pytest.mark.skipif(not NAMES, reason="the standard's node cases are not here")
@pytest.mark.parametrize("name", NAMES)
def test_the_cases_of_the_standard(name: str) -> None:
    stored = np.load(CASES / f"{name}.npz")
    inputs = {key.removeprefix("in_"): stored[key] for key in stored if key.startswith("in_")}
    weights = {key: value for key, value in inputs.items() if key in ("W", "R", "B", "P")}
    network = Network.from_onnx(CASES / f"{name}.onnx", constants=weights)
    record = json.loads((CASES / "cases.json").read_text())[name]
    found = outputs_of(network, inputs, record["attrs"].get("layout", 0) == 1)
    expected = {key.removeprefix("out_"): stored[key] for key in stored if key.startswith("out_")}
    assert expected
    for key, value in expected.items():
        assert np.abs(found[key] - value).max() < 1e-5


def run_in_onnxruntime(case: Case) -> dict[str, np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    session = onnxruntime.InferenceSession(
        case.model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [one.name for one in session.get_outputs()]
    return dict(zip(names, session.run(None, case.inputs), strict=True))


@pytest.mark.parametrize("batch", range(BATCHES))
def test_random_nodes_agree_with_onnx_runtime_and_the_reference(batch: int) -> None:
    generator = np.random.default_rng(batch)
    kinds, own, judged = set(), 0, 0
    for _ in range(PER_BATCH):
        case = random_case(generator)
        network = Network.from_onnx(case.model)
        found = outputs_of(network, case.inputs, False)
        for name, value in run_in_onnxruntime(case).items():
            assert np.abs(found[name] - value).max() < 1e-5, (case.kind, case.attributes, name)
        if case.plain:
            judged += 1
            values = ReferenceEvaluator(case.model).run(None, case.inputs)
            for one, value in zip(case.model.graph.output, values, strict=True):
                assert np.abs(found[one.name] - value).max() < 1e-5, (case.kind, case.attributes)
        kinds.add(case.kind)
        own += isinstance(network.layers[0], OnnxRecurrent)
    assert kinds == {"RNN", "LSTM", "GRU"}
    assert 0 < own < PER_BATCH  # both ways of computing were met
    assert judged


@pytest.mark.parametrize("seed", range(30))
def test_random_nodes_of_the_other_layout_agree_with_the_reference(seed: int) -> None:
    generator = np.random.default_rng(seed)
    case = random_case(generator, steps=5, layout=1)
    while not case.plain:
        case = random_case(generator, steps=5, layout=1)
    found = outputs_of(Network.from_onnx(case.model), case.inputs, True)
    values = ReferenceEvaluator(case.model).run(None, case.inputs)
    for one, value in zip(case.model.graph.output, values, strict=True):
        assert np.abs(found[one.name] - value).max() < 1e-5


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_a_node_whose_end_alone_is_wanted(kind: str, direction: str) -> None:
    generator = np.random.default_rng(3)
    ways = 2 if direction == "bidirectional" else 1
    gates = {"RNN": 1, "LSTM": 4, "GRU": 3}[kind]
    weights = {
        "W": generator.standard_normal((ways, gates * 4, 2)).astype(np.float32),
        "R": (0.5 * generator.standard_normal((ways, gates * 4, 4))).astype(np.float32),
    }
    feeds = {
        "X": generator.standard_normal((6, 3, 2)).astype(np.float32),
        "sequence_lens": np.array([6, 1, 4], np.int32),
    }
    attributes = {"hidden_size": 4, "direction": direction}
    model = node_model(kind, attributes, weights, feeds, ("", "Y_h"))
    expected = run_in_onnxruntime(Case(model, feeds, attributes, kind))["Y_h"]
    network = Network.from_onnx(model)
    found = network.predict(feeds["X"].swapaxes(0, 1), lengths=feeds["sequence_lens"])
    assert np.abs(found - expected.swapaxes(0, 1).reshape(3, -1)).max() < 1e-5


def test_ends_of_both_directions_are_read_joined_or_not_at_all() -> None:
    weights = {
        "W": np.ones((2, 12, 2), np.float32),
        "R": np.ones((2, 12, 4), np.float32),
    }
    feeds = {"X": np.zeros((6, 3, 2), np.float32)}
    model = node_model("GRU", {"direction": "bidirectional"}, weights, feeds, ("", "Y_h"))
    model.graph.node.append(helper.make_node("Tanh", ["Y_h"], ["y"], name="after"))
    model.graph.output[0].name = "y"
    with pytest.raises(InputError, match=r"node 'after' \(Tanh\): reads the ends of both"):
        Network.from_onnx(model)


def test_a_constant_state_becomes_a_learned_one() -> None:
    generator = np.random.default_rng(0)
    case = random_case(generator)
    while (
        "initial_h" in case.inputs or case.kind != "LSTM" or case.attributes["direction"][0] != "f"
    ):
        case = random_case(generator)
    rows, size = case.inputs["X"].shape[1], case.attributes["hidden_size"]
    one = generator.standard_normal((1, 1, size)).astype(np.float32)
    weights = {i.name: numpy_helper.to_array(i) for i in case.model.graph.initializer}
    weights["initial_h"] = np.repeat(one, rows, axis=1)
    feeds = {"X": case.inputs["X"]}
    model = node_model("LSTM", case.attributes, weights, feeds)
    network = Network.from_onnx(model)
    assert np.allclose(network.initial_state(1).parts[0], one[0])
    expected = run_in_onnxruntime(Case(model, feeds, case.attributes, "LSTM"))
    found = outputs_of(network, feeds, False)
    assert np.abs(found["Y"] - expected["Y"]).max() < 1e-5
    weights["initial_h"] = generator.standard_normal((1, 2, size)).astype(np.float32)
    with pytest.raises(InputError, match="initial_h is a constant that differs from row to row"):
        Network.from_onnx(node_model("LSTM", case.attributes, weights, feeds))


def plain_weights(kind: str, size: int = 3) -> dict[str, np.ndarray]:
    gates = {"RNN": 1, "LSTM": 4, "GRU": 3}[kind]
    return {
        "W": np.ones((1, gates * size, 2), np.float32),
        "R": np.ones((1, gates * size, size), np.float32),
    }


@pytest.mark.parametrize(
    ("kind", "attributes", "message"),
    [
        ("LSTM", {"activations": ["HardSigmoid", "Tanh", "Tanh"]}, "'HardSigmoid' is not served"),
        ("RNN", {"activations": ["Affine"]}, "activations: 'Affine'"),
        ("GRU", {"activations": ["Sigmoid"]}, "expected 2 names"),
        ("GRU", {"direction": "sideways"}, "direction='sideways'"),
        ("RNN", {"shade": 3}, "attribute shade=3 is not served"),
        ("GRU", {"input_forget": 1}, "attribute input_forget=1"),
        ("LSTM", {"hidden_size": 7}, "hidden_size=7 and R of 3 units"),
    ],
)
def test_what_is_not_served_is_refused_by_node_and_attribute(
    kind: str, attributes: dict[str, Any], message: str
) -> None:
    feeds = {"X": np.zeros((4, 1, 2), np.float32)}
    model = node_model(kind, attributes, plain_weights(kind), feeds)
    with pytest.raises(InputError, match=message) as error:
        Network.from_onnx(model)
    assert "node 'walk'" in str(error.value)


def test_weights_that_are_inputs_must_be_given() -> None:
    feeds = {"X": np.zeros((4, 1, 2), np.float32), **plain_weights("GRU")}
    model = node_model("GRU", {}, {}, feeds)
    with pytest.raises(InputError, match=r"expected W as a constant.*constants"):
        Network.from_onnx(model)
    with pytest.raises(InputError, match="'V' is no input"):
        Network.from_onnx(model, constants={"V": feeds["W"]})
    network = Network.from_onnx(model, constants=plain_weights("GRU"))
    assert network.layers[0].reset_after is False  # the standard's default


def test_constant_lengths_are_refused() -> None:
    weights = {**plain_weights("GRU"), "sequence_lens": np.array([2], np.int32)}
    model = node_model("GRU", {}, weights, {"X": np.zeros((4, 1, 2), np.float32)})
    with pytest.raises(InputError, match="sequence_lens is a constant"):
        Network.from_onnx(model)
