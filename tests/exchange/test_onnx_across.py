"""Networks to ONNX and back: the same numbers, open axes, states, lengths, certificates."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from networks_across import LENGTHS, further_layers, inputs_of, make, shared_layers
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

import keras_backend  # noqa: F401  # before Keras itself is imported
from elman import (
    GRU,
    LSTM,
    RNN,
    Dense,
    ElmanWarning,
    Embedding,
    Ends,
    First,
    InputError,
    Last,
    MeanPool,
    Network,
    OnnxRecurrent,
)
from elman.layers import Layer

STANDARD = {
    "peepholes": [
        OnnxRecurrent("lstm", 3, 4, "bidirectional", peepholes=True, clip=0.7),
        OnnxRecurrent("gru", 8, 3, "reverse", reset_after=False, learned_state=True),
        OnnxRecurrent("rnn", 3, 3, "reverse", ("sigmoid",)),
        OnnxRecurrent("lstm", 3, 3, input_forget=True, bias=False),
    ],
    "reverse_end": [OnnxRecurrent("gru", 3, 4, "reverse"), First(), Dense(4, 2)],
}
ALL: dict[str, Any] = {**shared_layers(), **further_layers(), **STANDARD}


@pytest.mark.parametrize("name", ALL)
def test_the_file_computes_the_same_and_comes_back(name: str, tmp_path: Path) -> None:
    network = make(ALL[name])
    file = tmp_path / "network.onnx"
    certificate = network.to_onnx(file)
    assert certificate["largest_absolute_difference"] < 5e-6
    assert certificate["largest_relative_difference"] < 1e-5
    back = Network.from_onnx(file)
    x = inputs_of(network)
    for lengths in (None, LENGTHS):
        difference = back.predict(x, lengths=lengths) - network.predict(x, lengths=lengths)
        assert np.abs(difference).max() < 1e-6


def test_the_certificate_says_what_was_run(tmp_path: Path) -> None:
    file = tmp_path / "network.onnx"
    network = make([LSTM(3, 4), Dense(4, 2)])
    certificate = network.to_onnx(file)
    stored = json.loads((tmp_path / "network.onnx.certificate.json").read_text())
    assert stored == certificate
    assert stored["sha256"] == sha256(file.read_bytes()).hexdigest()
    assert stored["runtime"] == "onnxruntime"
    assert len(stored["cases"]) == 8
    assert stored["largest_absolute_difference"] == max(c["absolute"] for c in stored["cases"])
    with pytest.raises(InputError, match="exists already"):
        network.to_onnx(file)
    network.to_onnx(file, overwrite=True)
    network.to_onnx(file, overwrite=True, certificate=False)
    assert not (tmp_path / "network.onnx.certificate.json").exists()  # it was another file's
    assert network.to_onnx(tmp_path / "alone.onnx", certificate=False) == {}
    assert not (tmp_path / "alone.onnx.certificate.json").exists()


def test_a_file_that_is_not_the_network_would_be_noticed(tmp_path: Path) -> None:
    from elman.exchange.certificate import certify, network_cases
    from elman.exchange.onnx_files import network_outputs, session

    file = tmp_path / "network.onnx"
    network = make([LSTM(3, 4), Dense(4, 2)])
    network.to_onnx(file)
    other = make([LSTM(3, 4), Dense(4, 2)])
    other.set_parameters(other.parameters * 1.05)
    run, version = session(file)
    with pytest.warns(ElmanWarning, match="network.onnx is off by"):
        certificate = certify(
            file,
            "onnxruntime",
            version,
            network_cases(other, True, True),
            lambda case: network_outputs(other, case, True),
            lambda case: run(case.inputs),
        )
    assert certificate["largest_relative_difference"] > 1e-3


def test_axes_are_open_and_chunks_give_the_whole(tmp_path: Path) -> None:
    file = tmp_path / "network.onnx"
    network = make([GRU(3, 4, 2), Dense(4, 2)])
    network.to_onnx(file)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(file), options)
    assert [one.shape for one in session.get_inputs()] == [["rows", "steps", 3]]
    x = inputs_of(network, rows=4, steps=9)
    whole = session.run(["y"], {"x": x})[0]
    states: dict[str, np.ndarray] = {}
    parts = []
    for chunk in (x[:, :2], x[:, 2:3], x[:, 3:]):
        names = [f"final_{name}" for name in network.initial_state(1).names]
        y, *after = session.run(["y", *names], {"x": chunk, **states})
        states = dict(zip(network.initial_state(1).names, after, strict=True))
        parts.append(y)
    assert np.abs(np.concatenate(parts, 1) - whole).max() < 1e-6


def test_states_and_lengths_may_be_left_out_of_the_file(tmp_path: Path) -> None:
    network = make([GRU(3, 4, learned_state=True), Last()])
    network.to_onnx(tmp_path / "plain.onnx", states=False, lengths=False)
    model = onnx.load(tmp_path / "plain.onnx")
    assert [one.name for one in model.graph.input] == ["x"]
    assert [one.name for one in model.graph.output] == ["y"]
    x = inputs_of(network)
    found = ReferenceEvaluator(model).run(None, {"x": x})[0]
    assert np.abs(found - network.predict(x)).max() < 1e-6


def test_float64_is_written_and_the_reference_runs_it(tmp_path: Path) -> None:
    network = make([LSTM(3, 4, bidirectional=True), Dense(8, 2)], "float64")
    with pytest.raises(InputError, match="no recurrent operator in float64"):
        network.to_onnx(tmp_path / "network.onnx")
    assert not (tmp_path / "network.onnx").exists()
    network.to_onnx(tmp_path / "network.onnx", certificate=False)
    model = onnx.load(tmp_path / "network.onnx")
    x = inputs_of(network)
    found = ReferenceEvaluator(model).run(["y"], {"x": x})[0]
    assert np.abs(found - network.predict(x)).max() < 1e-12
    assert Network.from_onnx(model).dtype == np.float64


def test_a_program_that_torch_exports_is_read(tmp_path: Path) -> None:
    """The graph around a node as another exporter writes it: Gemm, Gather of the last step."""
    generator = np.random.default_rng(0)
    weights = {
        "W": generator.standard_normal((1, 12, 3)),
        "R": generator.standard_normal((1, 12, 4)) * 0.5,
        "dense": generator.standard_normal((2, 4)),
        "bias": generator.standard_normal(2),
    }
    constants = {name: value.astype(np.float32) for name, value in weights.items()}
    whole = {"last": np.int64(-1), "zero": np.array([0]), "size": np.array([4])}
    nodes = [
        helper.make_node("Transpose", ["input"], ["x"], perm=[1, 0, 2]),
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Slice", ["shape", "one", "two"], ["rows"]),
        helper.make_node("Concat", ["ones", "rows", "size"], ["wanted"], axis=0),
        helper.make_node("ConstantOfShape", ["wanted"], ["h0"]),
        helper.make_node(
            "GRU", ["x", "W", "R", "", "", "h0"], ["Y"], hidden_size=4, linear_before_reset=1
        ),
        helper.make_node("Transpose", ["Y"], ["apart"], perm=[0, 2, 1, 3]),
        helper.make_node("Reshape", ["apart", "joined"], ["steps"]),
        helper.make_node("Transpose", ["steps"], ["batch"], perm=[1, 0, 2]),
        helper.make_node("Gather", ["batch", "last"], ["end"], axis=1),
        helper.make_node("Gemm", ["end", "dense", "bias"], ["made"], transB=1, alpha=2.0),
        helper.make_node("Sigmoid", ["made"], ["output"]),
    ]
    whole |= {"one": np.array([1]), "two": np.array([2]), "ones": np.array([1])}
    whole["joined"] = np.array([0, 0, -1])
    model = helper.make_model(
        helper.make_graph(
            nodes,
            "torch",
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", "t", 3])],
            [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["n", 2])],
            [numpy_helper.from_array(v, k) for k, v in {**constants, **whole}.items()],
        ),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=9,
    )
    network = Network.from_onnx(model.SerializeToString())
    kinds = [type(layer).__name__ for layer in network.layers]
    assert kinds == ["GRU", "Last", "Dense"]
    x = generator.standard_normal((3, 5, 3)).astype(np.float32)
    found = ReferenceEvaluator(model).run(None, {"input": x})[0]
    assert np.abs(network.predict(x) - found).max() < 1e-6


@pytest.mark.filterwarnings("ignore")  # torch warns of its own exporter
def test_what_torch_itself_exports_is_read(tmp_path: Path) -> None:
    module = torch.nn.LSTM(3, 4, num_layers=2, batch_first=True, bidirectional=True)
    file = tmp_path / "torch.onnx"
    try:
        with torch.no_grad():
            torch.onnx.export(module, (torch.zeros(2, 5, 3),), str(file), dynamo=False)
    except (ImportError, ModuleNotFoundError, RuntimeError) as error:
        pytest.skip(f"torch cannot export here: {error}")
    network = Network.from_onnx(file)
    x = np.random.default_rng(0).standard_normal((2, 5, 3)).astype(np.float32)
    with torch.no_grad():
        expected = module(torch.from_numpy(x))[0].numpy()
    assert np.abs(network.predict(x) - expected).max() < 1e-6


@pytest.mark.parametrize(
    ("operator", "options", "message"),
    [
        ("Erf", {}, r"node 'odd' \(Erf\): Erf is no layer that elman has"),
        ("Softmax", {"axis": 0}, "axis=0: expected the channels"),
        ("ReduceMean", {"axes": [2]}, "over all of time"),
        ("Cast", {"to": TensorProto.DOUBLE}, "to DOUBLE changes"),
    ],
)
def test_nodes_that_are_no_layer_are_refused(operator: str, options: Any, message: str) -> None:
    node = helper.make_node(operator, ["x"], ["y"], name="odd", **options)
    kind = TensorProto.DOUBLE if operator == "Cast" else TensorProto.FLOAT
    model = helper.make_model(
        helper.make_graph(
            [node],
            "odd",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", "t", 3])],
            [helper.make_tensor_value_info("y", kind, None)],
        ),
        opset_imports=[helper.make_opsetid("", 13)],
        ir_version=9,
    )
    with pytest.raises(InputError, match=message):
        Network.from_onnx(model)


def test_what_acts_in_training_alone_is_left_out_and_the_rest_refused(tmp_path: Path) -> None:
    network = make([GRU(3, 4, recurrent_dropout=0.3), Dense(4, 2)])
    certificate = network.to_onnx(tmp_path / "network.onnx")
    assert certificate["largest_absolute_difference"] < 5e-6
    with pytest.warns(ElmanWarning, match="recurrent_dropout acts in training only"):
        module = network.to_torch()
    x = inputs_of(network)
    found = module(torch.from_numpy(x)).detach().numpy()
    assert np.abs(found - network.predict(x)).max() < 1e-6
    make([LSTM(3, 4, zoneout=(0.0, 0.0))]).to_torch()
    for layer, option in (
        (GRU(3, 4, layer_norm=True), "layer_norm"),
        (LSTM(3, 4, zoneout=0.1), "zoneout"),
    ):
        for call in (lambda one: one.to_torch(), lambda one: one.to_keras()):
            with pytest.raises(InputError, match=f"layer 0, .* has no {option}="):
                call(make([layer]))


REGULARIZED: dict[str, list[Layer]] = {
    "rnn": [RNN(3, 4, layer_norm=True, learned_state=True), Dense(4, 2)],
    "rnn_relu": [RNN(3, 4, nonlinearity="relu", bias=False, zoneout=0.3), MeanPool()],
    "lstm": [LSTM(3, 4, 2, True, 0.2, True, zoneout=(0.1, 0.3), layer_norm=True), Ends()],
    "gru": [GRU(3, 4, layer_norm=True), GRU(4, 3, zoneout=0.2, bidirectional=True), Last()],
    "reset_before": [GRU(3, 4, 2, zoneout=0.2, layer_norm=True, reset_after=False)],
    "tokens": [Embedding(7, 3), LSTM(3, 4, zoneout=0.4, learned_state=True), Dense(4, 2)],
}


@pytest.mark.parametrize("name", REGULARIZED)
def test_normalisation_and_zoneout_are_walked_step_by_step(name: str, tmp_path: Path) -> None:
    network = make(REGULARIZED[name])
    certificate = network.to_onnx(tmp_path / "network.onnx")
    assert certificate["largest_relative_difference"] < 1e-5
    assert any("given states" in case["inputs"] for case in certificate["cases"])
    model = onnx.load(tmp_path / "network.onnx")
    assert "Scan" in {node.op_type for node in model.graph.node}
    x = inputs_of(network)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        str(tmp_path / "network.onnx"), options, providers=["CPUExecutionProvider"]
    )
    found = session.run(["y"], {"x": x, "lengths": LENGTHS})[0]
    assert np.abs(found - network.predict(x, lengths=LENGTHS)).max() < 1e-5
    with pytest.raises(InputError, match="have layer_norm or zoneout, which elman writes out"):
        Network.from_onnx(tmp_path / "network.onnx")


def test_softmax_before_version_13_is_over_all_axes_from_its_own() -> None:
    node = helper.make_node("Softmax", ["x"], ["y"], name="old")
    model = helper.make_model(
        helper.make_graph(
            [node],
            "old",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", "t", 3])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        ),
        opset_imports=[helper.make_opsetid("", 12)],
        ir_version=7,
    )
    with pytest.raises(InputError, match="axis=1: expected the channels"):
        Network.from_onnx(model)


def test_files_that_are_no_models_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("no model")
    for file in (tmp_path / "text.onnx", tmp_path / "none.onnx", b"no model", 7):
        with pytest.raises(InputError, match="expected"):
            Network.from_onnx(file)
    with pytest.raises(InputError, match="existing folder"):
        make([Dense(3, 1)]).to_onnx(tmp_path / "nowhere" / "a.onnx")


def one_chain(
    nodes: list[Any], constants: dict[str, Any], opset: int = 18, steps: int | str = "t"
) -> Any:
    """The model of nodes that lead from ``x``, rows first and three channels, to ``y``."""
    return helper.make_model(
        helper.make_graph(
            nodes,
            "chain",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", steps, 3])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
            [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()],
        ),
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=9,
    )


MATRIX = np.random.default_rng(0).standard_normal((3, 2)).astype(np.float32)


@pytest.mark.parametrize("shape", [(2,), (1, 2), (1, 1, 2), (), (1,), (1, 1, 1)])
def test_biases_of_each_channel_or_of_all_are_read(shape: tuple[int, ...]) -> None:
    bias = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
    nodes = [
        helper.make_node("MatMul", ["x", "W"], ["product"]),
        helper.make_node("Add", ["product", "b"], ["y"], name="add"),
    ]
    model = one_chain(nodes, {"W": MATRIX, "b": bias})
    x = np.random.default_rng(2).standard_normal((4, 2, 3)).astype(np.float32)
    expected = ReferenceEvaluator(model).run(None, {"x": x})[0]
    assert np.abs(Network.from_onnx(model).predict(x) - expected).max() < 1e-6


@pytest.mark.parametrize("shape", [(2, 1), (5,), (4, 1, 2), (1, 1, 1, 2)])
def test_biases_that_differ_along_rows_or_steps_are_refused(shape: tuple[int, ...]) -> None:
    for nodes in (
        [
            helper.make_node("MatMul", ["x", "W"], ["product"]),
            helper.make_node("Add", ["product", "b"], ["y"], name="odd"),
        ],
        [helper.make_node("Gemm", ["x", "W", "b"], ["y"], name="odd")],
    ):
        model = one_chain(nodes, {"W": MATRIX, "b": np.ones(shape, np.float32)})
        with pytest.raises(InputError, match=r"node 'odd' .*: expected a bias of 2 numbers"):
            Network.from_onnx(model)


def sliced(starts: Any, ends: Any, axes: Any = (1,), **more: Any) -> Any:
    """A model that takes steps by a ``Slice``, and multiplies."""
    places = {"starts": starts, "ends": ends, "axes": axes}
    if "number" in more:
        places["number"] = more["number"]
    places = {name: np.array(one) for name, one in places.items() if one is not None}
    nodes = [
        helper.make_node("Slice", ["x", *places], ["q"], name="cut"),
        helper.make_node("MatMul", ["q", "W"], ["y"]),
    ]
    return one_chain(nodes, {"W": MATRIX, **places}, steps=more.get("steps", "t"))


@pytest.mark.parametrize(
    ("ends", "more"),
    [([2**63 - 1], {}), ([2**31 - 1], {"number": [1]}), ([5], {"steps": 5}), ([9], {"steps": 5})],
)
def test_a_slice_of_the_last_step_is_read(ends: Any, more: dict[str, Any]) -> None:
    model = sliced([-1], ends, **more)
    x = np.random.default_rng(2).standard_normal((4, 5, 3)).astype(np.float32)
    expected = ReferenceEvaluator(model).run(None, {"x": x})[0]
    assert np.abs(Network.from_onnx(model).predict(x) - expected[:, 0]).max() < 1e-6


@pytest.mark.parametrize(
    ("starts", "ends", "more"),
    [
        ([-1], [-1], {}),  # nothing at all
        ([-2], [2**63 - 1], {}),
        ([-1], [7], {}),  # nothing where there are more steps
        ([-1], [4], {"steps": 5}),
        ([-1], [-(2**63)], {"number": [-1]}),  # all of them, turned around
        ([-1, -1], [2**63 - 1] * 2, {"axes": [1, 2]}),
    ],
)
def test_other_slices_are_refused(starts: Any, ends: Any, more: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"node 'cut' \(Slice\)|index -1 in time"):
        Network.from_onnx(sliced(starts, ends, **more))


def test_a_slice_of_old_has_its_places_as_attributes() -> None:
    def model(**places: Any) -> Any:
        nodes = [
            helper.make_node("Slice", ["x"], ["q"], name="cut", **places),
            helper.make_node("MatMul", ["q", "W"], ["y"]),
        ]
        return one_chain(nodes, {"W": MATRIX}, opset=9)

    network = Network.from_onnx(model(starts=[-1], ends=[2**63 - 1], axes=[1]))
    assert [type(layer).__name__ for layer in network.layers] == ["Last", "Dense"]
    with pytest.raises(InputError, match="expected the last step alone"):
        Network.from_onnx(model(starts=[-1], ends=[-1], axes=[1]))


def test_dropout_that_drops_when_it_is_run_is_refused() -> None:
    for training in (False, True):
        nodes = [
            helper.make_node("MatMul", ["x", "W"], ["product"]),
            helper.make_node("Dropout", ["product", "ratio", "mode"], ["y"], name="drop"),
        ]
        constants = {"W": MATRIX, "ratio": np.float32(0.5), "mode": np.array(training)}
        if not training:
            assert len(Network.from_onnx(one_chain(nodes, constants)).layers) == 2
            continue
        with pytest.raises(InputError, match=r"node 'drop' \(Dropout\): training_mode=True"):
            Network.from_onnx(one_chain(nodes, constants))
