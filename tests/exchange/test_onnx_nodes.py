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


def test_all_cases_of_the_standard_are_here() -> None:
    if not CASES.is_dir():
        pytest.skip("the standard's node cases are not here")
    assert len(NAMES) == 12


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
def test_random_nodes_agree_with_onnx_runtime(batch: int) -> None:
    generator = np.random.default_rng(batch)
    kinds, own = set(), 0
    for _ in range(PER_BATCH):
        case = random_case(generator)
        network = Network.from_onnx(case.model)
        found = outputs_of(network, case.inputs, False)
        for name, value in run_in_onnxruntime(case).items():
            assert np.abs(found[name] - value).max() < 1e-5, (case.kind, case.attributes, name)
        kinds.add(case.kind)
        own += isinstance(network.layers[0], OnnxRecurrent)
    assert kinds == {"RNN", "LSTM", "GRU"}
    assert 0 < own < PER_BATCH  # both ways of computing were met


def assert_as_the_reference(case: Case) -> None:
    found = outputs_of(Network.from_onnx(case.model), case.inputs, case.batch_first)
    values = ReferenceEvaluator(case.model).run(None, case.inputs)
    for one, value in zip(case.model.graph.output, values, strict=True):
        assert np.abs(found[one.name] - value).max() < 1e-5, (case.kind, case.attributes)


@pytest.mark.parametrize("batch", range(BATCHES))
def test_random_nodes_agree_with_the_reference_evaluator(batch: int) -> None:
    """It ignores lengths, clip, activations and input_forget, so none of these is drawn."""
    generator = np.random.default_rng(1000 + batch)
    met = set()
    for _ in range(PER_BATCH):
        case = random_case(generator, plain=True)
        assert case.plain
        assert_as_the_reference(case)
        met |= {case.kind, case.attributes["direction"]}
        met |= {one.name for one in case.model.graph.initializer} & {"B", "P"}
        met.add(f"before {case.attributes.get('linear_before_reset', 1)}")
    wanted = {"RNN", "LSTM", "GRU", "forward", "reverse", "bidirectional", "B", "P"}
    assert met == wanted | {"before 0", "before 1"}


@pytest.mark.parametrize("seed", range(30))
def test_random_nodes_of_the_other_layout_agree_with_the_reference(seed: int) -> None:
    generator = np.random.default_rng(seed)
    assert_as_the_reference(random_case(generator, steps=5, layout=1, plain=True))


@pytest.mark.parametrize("seed", range(30))
def test_the_other_layout_is_the_same_node_with_its_axes_turned(seed: int) -> None:
    """ONNX Runtime has not that layout, so it judges the node of the usual one."""
    usual = random_case(np.random.default_rng(seed), steps=6)
    weights = {i.name: numpy_helper.to_array(i) for i in usual.model.graph.initializer}
    feeds = {
        name: one if one.ndim == 1 else one.swapaxes(0, 1).copy()
        for name, one in usual.inputs.items()
    }
    model = node_model(usual.kind, {**usual.attributes, "layout": 1}, weights, feeds)
    found = outputs_of(Network.from_onnx(model), feeds, True)
    for name, value in run_in_onnxruntime(usual).items():
        turned = value.transpose(2, 0, 1, 3) if name == "Y" else value.swapaxes(0, 1)
        assert np.abs(found[name] - turned).max() < 1e-5, (usual.kind, usual.attributes, name)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_rows_without_a_step(kind: str) -> None:
    generator = np.random.default_rng(4)
    feeds = {
        "X": generator.standard_normal((6, 4, 2)).astype(np.float32),
        "sequence_lens": np.array([6, 0, 2, 0], np.int32),
    }
    model = node_model(kind, {"hidden_size": 3}, plain_weights(kind), feeds)
    expected = run_in_onnxruntime(Case(model, feeds, {}, kind))
    found = outputs_of(Network.from_onnx(model), feeds, False)
    for name in ("Y", "Y_h"):
        assert np.abs(found[name] - expected[name]).max() < 1e-5


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
        ("RNN", {"clip": 0.0}, r"clip=0\.0: expected a number above 0"),
        ("GRU", {"clip": -1.0}, r"clip=-1\.0: expected a number above 0"),
        ("GRU", {"layout": 3}, "layout=3: expected 0 or 1"),
        ("GRU", {"linear_before_reset": 2}, "linear_before_reset=2: expected 0 or 1"),
        ("LSTM", {"input_forget": 2}, "input_forget=2: expected 0 or 1"),
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


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("W", (1, 11, 2), r"expected W of shape \(1, 12, any\), got \(1, 11, 2\)"),
        ("R", (1, 12), r"expected R of shape"),
        ("B", (1, 5), r"expected B of shape \(1, 24\), got \(1, 5\)"),
        ("P", (1, 5), r"expected P of shape \(1, 9\), got \(1, 5\)"),
        ("initial_h", (2, 1, 3), "expected initial_h of 1 direction and 3 units, got 2 and 3"),
        ("initial_c", (1, 1, 4), "expected initial_c of 1 direction and 3 units, got 1 and 4"),
        ("initial_h", (1, 3), "expected initial_h of shape"),
    ],
)
def test_inputs_of_a_wrong_shape_are_refused_by_node_and_name(
    name: str, shape: tuple[int, ...], message: str
) -> None:
    weights = {**plain_weights("LSTM"), name: np.ones(shape, np.float32)}
    model = node_model("LSTM", {}, weights, {"X": np.zeros((4, 1, 2), np.float32)})
    with pytest.raises(InputError, match=message) as error:
        Network.from_onnx(model)
    assert "node 'walk' (LSTM)" in str(error.value)


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


def test_weights_of_two_dtypes_are_refused() -> None:
    weights = plain_weights("GRU")
    weights["R"] = weights["R"].astype(np.float16)
    model = node_model("GRU", {}, weights, {"X": np.zeros((4, 1, 2), np.float32)})
    with pytest.raises(InputError, match="W and R of one dtype, got float32 and float16"):
        Network.from_onnx(model)
