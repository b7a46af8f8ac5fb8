"""Models as files of the other libraries."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from elman.checks import one_of
from elman.errors import InputError
from elman.exchange.certificate import Case, begin_file, certify, check_target, network_cases
from elman.exchange.parts import Array, package
from elman.network import Network
from elman.tasks.estimator import SavedEstimator

__all__ = ["DESCRIPTION", "TARGETS", "export_model"]

TARGETS = {"torch": ".pt", "keras": ".keras", "onnx": ".onnx"}
"""What a model can be exported to, and what its files end in."""

DESCRIPTION = "elman.json"
"""Of a TorchScript program, where it says which network it was."""


def export_model(
    model: Any, target: str, file: str | os.PathLike[str], *, overwrite: bool = False
) -> dict[str, Any]:
    """Writes a model as a file of another library, and its certificate.

    Args:
        model: A network, or an estimator. Every estimator goes to ONNX whole, scaling and all (a
            forecaster if it is direct). In PyTorch and Keras the file holds the network alone, of
            an estimator that is a single one: it reads what the estimator makes of its inputs.
        target: ``"torch"`` (TorchScript, ``.pt``), ``"keras"`` (``.keras``) or
            ``"onnx"``.
        file: Where to; it must end as the target's files do.
        overwrite: Whether files already there may be replaced.

    Returns:
        The certificate, which is written to ``<file>.certificate.json``.

    Raises:
        InputError: If the model cannot be told in the other library, or the file exists.
        BackendUnavailable: If the library is not installed.
    """
    ending = TARGETS[one_of("to", target, TARGETS)]
    if Path(file).suffix != ending:
        raise InputError(f"file: expected a name that ends in {ending}, got {file}")
    package({"onnx": "onnxruntime"}.get(target, target), target)
    if target == "onnx":
        whole = model if hasattr(model, "to_onnx") else _single_network(model, target)
        written: dict[str, Any] = whole.to_onnx(file, overwrite=overwrite)
        return written
    network = _single_network(model, target)
    path = check_target(file, overwrite)
    write = _write_torch if target == "torch" else _write_keras
    run, version = write(network, path)
    return certify(
        path,
        target,
        version,
        network_cases(network, states=False, lengths=target == "torch"),
        lambda case: {"y": network.predict(case.inputs["x"], lengths=case.inputs.get("lengths"))},
        lambda case: {"y": run(case)},
    )


def _single_network(model: Any, target: str) -> Network:
    if isinstance(model, Network):
        return model
    if isinstance(model, SavedEstimator):
        own = getattr(model, "model_", None)
        networks = getattr(own, "networks", None) or [getattr(own, "network", None)]
        if len(networks) == 1 and isinstance(networks[0], Network):
            network: Network = networks[0]
            return network
    whole = target != "onnx" and hasattr(model, "to_onnx")
    raise InputError(
        f"to: a trained {type(model).__name__} like this is more than one network of layers in a "
        f"row, which is all that {target} can be given" + ("; expected --to onnx" if whole else "")
    )


def _write_torch(network: Network, path: Path) -> tuple[Callable[[Case], Array], str]:
    """Writes a TorchScript program; returns what the file says when it is read back and run.

    PyTorch calls TorchScript deprecated, but its successor ``torch.export`` writes a recurrent
    layer out step by step, for one number of steps and of rows alone.
    """
    import torch

    from elman.exchange.torch_program import Program, Traced

    if any(getattr(layer, "cell", "") == "gru_reset_before" for layer in network.layers):
        raise InputError(
            "to: PyTorch has no GRU that resets before the product, and its files no loop over "
            "time; network.to_torch() gives a module, or expected --to onnx"
        )
    example: Any = next(iter(network_cases(network, states=False, lengths=False)))
    x = torch.from_numpy(np.repeat(np.repeat(example.inputs["x"], 3, axis=0), 5, axis=1))
    ragged = {"forward": x, "with_lengths": (x, torch.tensor([5, 2, 0]))}
    jit: Any = torch.jit
    traced = Traced(*network.to_torch())
    described = json.dumps(network._description())
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", jit.TracerWarning)  # of torch's own checks of shapes
        program = jit.script(Program(jit.trace_module(traced.eval(), ragged)))
        program.save(begin_file(path), _extra_files={DESCRIPTION: described})
        read = jit.load(path)

    def run(case: Case) -> Array:
        with torch.no_grad():
            output: Array = read(*map(torch.from_numpy, case.inputs.values())).numpy()
        return output

    return run, str(torch.__version__)


def _write_keras(network: Network, path: Path) -> tuple[Callable[[Case], Array], str]:
    import keras  # type: ignore[import-untyped, unused-ignore]

    network.to_keras().save(begin_file(path))
    read = keras.saving.load_model(path)

    def run(case: Case) -> Array:
        output: Array = keras.ops.convert_to_numpy(read(case.inputs["x"]))
        return output

    return run, f"{keras.__version__} on {keras.backend.backend()}"
