"""Models as files of the three libraries, and networks from such files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from networks_across import inputs_of, make, shared_layers
from random_nodes import node_model

import keras_backend  # noqa: F401  # before Keras itself is imported
from elman import (
    BackendUnavailable,
    ElmanWarning,
    Forecaster,
    InputError,
    LanguageModel,
    Network,
    SequenceClassifier,
)
from elman.exchange import certificate, onnx_graph, parts
from elman.exchange.certificate import Case, compare
from elman.exchange.files import TARGETS, export_model
from elman.exchange.imports import import_checked, import_network


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", ["lstm", "gru_ends", "tokens", "last_late"])
def test_there_and_back(name: str, target: str, tmp_path: Path) -> None:
    network = make(shared_layers()[name])
    file = tmp_path / f"network{TARGETS[target]}"
    certificate = export_model(network, target, file)
    assert certificate["largest_relative_difference"] < 1e-5
    assert len({case["inputs"] for case in certificate["cases"]}) >= 4  # of several shapes
    stored = json.loads((tmp_path / f"{file.name}.certificate.json").read_text())
    assert stored == certificate
    back, found = import_checked(file)
    assert found is not None and found["largest_relative_difference"] < 1e-5
    assert found["sha256"] == certificate["sha256"]
    x = inputs_of(network)
    assert np.abs(back.predict(x) - network.predict(x)).max() < 2e-6


def node_file(path: Path, more: dict[str, np.ndarray], direction: str = "bidirectional") -> Path:
    """A file as others write them: time first, fixed sizes, both directions apart."""
    generator = np.random.default_rng(0)
    ways = 2 if direction == "bidirectional" else 1
    weights = {
        "W": generator.standard_normal((ways, 12, 2)).astype(np.float32),
        "R": (0.5 * generator.standard_normal((ways, 12, 4))).astype(np.float32),
    }
    feeds = {"X": np.zeros((9, 3, 2), np.float32), **more}
    attributes = {"hidden_size": 4, "direction": direction}
    path.write_bytes(node_model("GRU", attributes, weights, feeds).SerializeToString())
    return path


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_files_of_others_are_run_beside_the_network(direction: str, tmp_path: Path) -> None:
    lengths = {"sequence_lens": np.zeros(3, np.int32)}
    file = node_file(tmp_path / "node.onnx", lengths, direction)
    network, found = import_checked(file)
    assert found is not None and found["largest_relative_difference"] < 1e-5
    assert [case["inputs"] for case in found["cases"]] == ["3 rows, 9 steps"]
    states = {"initial_h": np.zeros((2 if direction[0] == "b" else 1, 3, 4), np.float32)}
    assert import_checked(node_file(tmp_path / "state.onnx", states, direction))[1] is None
    assert network.layers[0].hidden_size == 4


def test_a_network_that_does_not_compute_what_the_file_does_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = node_file(tmp_path / "node.onnx", {})
    honest = onnx_graph.network_of

    def wrong(*arguments: Any) -> Network:
        network = honest(*arguments)
        network.set_parameters(1.1 * network.parameters)
        return network

    monkeypatch.setattr(onnx_graph, "network_of", wrong)
    with pytest.raises(InputError, match="which is off by"):
        import_checked(file)


def test_a_program_runs_without_elman(tmp_path: Path) -> None:
    network = make(shared_layers()["gru_ends"])
    export_model(network, "torch", tmp_path / "network.pt")
    loader: Any = torch.jit
    with pytest.warns(DeprecationWarning):
        program = loader.load(tmp_path / "network.pt")
    for rows, steps in ((1, 1), (7, 30)):
        x = inputs_of(network, rows, steps)
        with torch.no_grad():
            found = program(torch.from_numpy(x)).numpy()
        assert np.abs(found - network.predict(x)).max() < 1e-6


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    for ending in (".pt", ".keras", ".onnx"):
        (tmp_path / f"text{ending}").write_text("nothing")
        with pytest.raises(InputError, match="file: "):
            import_network(tmp_path / f"text{ending}")
    with pytest.raises(InputError, match="which is no file"):
        import_network(tmp_path / "none.onnx")
    (tmp_path / "model.h5").write_text("nothing")
    with pytest.raises(InputError, match=r"expected a name that ends in \.pt, \.keras, \.onnx"):
        import_network(tmp_path / "model.h5")
    loader: Any = torch.jit
    loader.trace(torch.nn.Linear(2, 2), torch.zeros(1, 2)).save(str(tmp_path / "other.pt"))
    with pytest.raises(InputError, match=r"elman did not write .*from_torch"):
        import_network(tmp_path / "other.pt")


def test_what_cannot_be_exported_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    network = make(shared_layers()["gru_reset_before"])
    with pytest.raises(InputError, match="PyTorch has no GRU that resets before"):
        export_model(network, "torch", tmp_path / "network.pt")
    with pytest.raises(InputError, match=r"ends in \.onnx"):
        export_model(network, "onnx", tmp_path / "network.pt")
    with pytest.raises(InputError, match="to: expected one of"):
        export_model(network, "tflite", tmp_path / "network.pt")
    with pytest.raises(InputError, match="more than one network"):
        export_model(Forecaster(), "torch", tmp_path / "network.pt")
    assert not list(tmp_path.iterdir())


def test_a_library_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(parts, "import_module", missing)
    for call in (
        lambda: Network.from_onnx("a.onnx"),
        lambda: Network.from_torch(None),
        lambda: Network.from_keras(None),
        lambda: Forecaster().to_onnx("a.onnx"),
        lambda: SequenceClassifier().to_onnx("a.onnx"),
    ):
        with pytest.raises(BackendUnavailable, match=r"pip install 'elman\["):
            call()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_language_model_gives_its_network(tmp_path: Path) -> None:
    text = "the cat sat on the mat and the dog sat on the log. " * 40
    model = LanguageModel(hidden_size=8, num_layers=1, epochs=1, seed=0).fit(text)
    certificate = export_model(model, "torch", tmp_path / "language.pt")
    assert certificate["largest_relative_difference"] < 1e-5
    network = model.model_.network
    back = import_network(tmp_path / "language.pt")
    tokens = np.random.default_rng(0).integers(0, network._form.size_in, (2, 9))
    assert np.abs(back.predict(tokens) - network.predict(tokens)).max() < 1e-5


@pytest.mark.parametrize("lengths", [None, [6, 0, 3, 1, 6]])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", ["lstm", "gru_ends", "tokens"])
def test_a_program_takes_lengths_or_leaves_them(name: str, lengths: Any, tmp_path: Path) -> None:
    network = make(shared_layers()[name])
    certificate = export_model(network, "torch", tmp_path / "network.pt")
    assert any("unequal lengths" in case["inputs"] for case in certificate["cases"])
    loader: Any = torch.jit
    program = loader.load(tmp_path / "network.pt")
    x = inputs_of(network)
    given = [torch.from_numpy(x), *([] if lengths is None else [torch.tensor(lengths)])]
    with torch.no_grad():
        found = program(*given).numpy()
    assert np.abs(found - network.predict(x, lengths=lengths)).max() < 1e-6


# ------------------------------------------------------------------------------- certificates


def compared(ours: Any, theirs: Any, tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "file").write_bytes(b"")
    one = Case("one", {})
    return compare(tmp_path / "file", "it", "1", [one], lambda _: ours, lambda _: theirs)


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_nothing_is_certified_by_numbers_that_are_not_finite(
    side: int, odd: float, tmp_path: Path
) -> None:
    values = [{"y": np.ones(3)}, {"y": np.ones(3)}]
    values[side]["y"][1] = odd
    with pytest.raises(InputError, match=f"{('model', 'file')[side]} gives .* not finite"):
        compared(*values, tmp_path)


def test_a_missing_output_is_named(tmp_path: Path) -> None:
    ours = {"y": np.ones(1), "z": np.ones(1)}
    with pytest.raises(InputError, match="no output 'z'; expected y, z, got y"):
        compared(ours, {"y": np.ones(1)}, tmp_path)


def test_labels_are_judged_by_the_share_that_differs(tmp_path: Path) -> None:
    ours = {"y": np.ones(4), "label": np.array(["a", "b", "c", "d"])}
    theirs = {"y": np.ones(4), "label": np.array(["a", "b", "x", "d"], object)}
    assert compared(ours, theirs, tmp_path)["largest_relative_difference"] == 0.25


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("target", ["torch", "keras"])
def test_a_certificate_notices_another_network(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = make(shared_layers()["lstm"])
    honest = getattr(Network, f"to_{target}")

    def wrong(one: Network) -> Any:
        other = make(shared_layers()["lstm"])
        other.set_parameters(1.1 * one.parameters)
        return honest(other)

    monkeypatch.setattr(Network, f"to_{target}", wrong)
    with pytest.warns(ElmanWarning, match="is off by"):
        certificate = export_model(network, target, tmp_path / f"network{TARGETS[target]}")
    assert certificate["largest_relative_difference"] > 1e-3


def test_a_folder_that_cannot_be_written_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: Any, **options: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(certificate, "TemporaryFile", refuse)
    network = make(shared_layers()["lstm"])
    for target, ending in TARGETS.items():
        with pytest.raises(InputError, match=r"cannot write in .* \(Permission denied\)"):
            export_model(network, target, tmp_path / f"network{ending}")
    assert not list(tmp_path.iterdir())


def test_a_library_that_refuses_its_settings_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> Any:
        raise ValueError("Unable to import backend : foo")

    monkeypatch.setattr(parts, "import_module", refuse)
    with pytest.raises(InputError, match="keras cannot be imported: Unable to import backend"):
        parts.package("keras", "keras")
