"""Networks from the files of other libraries, each held against its file once it is read."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from elman.errors import InputError
from elman.exchange.certificate import SHAPES, SUSPICIOUS, Case, compare, network_cases
from elman.exchange.files import DESCRIPTION, TARGETS
from elman.exchange.parts import Array, package
from elman.network import Network

__all__ = ["import_checked", "import_network"]


class _Read(NamedTuple):
    """A network, and its file as its own library runs it."""

    network: Network
    runtime: str
    version: str
    run: Callable[[Case], Array] | None  # nothing to run it with, or inputs that are not known
    shapes: tuple[tuple[int, int], ...] = SHAPES


def import_network(
    file: str | os.PathLike[str], constants: Mapping[str, Any] | None = None
) -> Network:
    """A network of another library's file.

    Args:
        file: An ONNX model ``.onnx``, a Keras model ``.keras``, or a TorchScript program ``.pt``
            that elman exported.
        constants: Of an ONNX model, values of inputs that are weights.

    Raises:
        InputError: If there is no such file, or it cannot be told in elman's layers.
        BackendUnavailable: If the library is not installed.
    """
    if Path(file).suffix == ".onnx" and Path(file).is_file():
        network: Network = Network.from_onnx(
            file, constants=constants
        )  # without a runtime to run it
        return network
    return _read(file).network


def import_checked(file: str | os.PathLike[str]) -> tuple[Network, dict[str, Any] | None]:
    """A network of another library's file, run beside it on random inputs.

    Args:
        file: As for :func:`import_network`.

    Returns:
        The network and how far it is from the file, see :mod:`elman.exchange.certificate`; or
        ``None`` where the file has inputs of its own that only its maker knows.

    Raises:
        InputError: Also if the network does not compute what the file does.
    """
    read = _read(file)
    run = read.run
    if run is None:
        return read.network, None
    found = compare(
        Path(file),
        read.runtime,
        read.version,
        network_cases(read.network, states=False, lengths=False, shapes=read.shapes),
        lambda case: {"y": read.network.predict(case.inputs["x"])},
        lambda case: {"y": run(case)},
    )
    if found["largest_relative_difference"] > SUSPICIOUS:
        raise InputError(
            f"file: read as {read.network.layers!r}, which is off by "
            f"{found['largest_relative_difference']:.1e} of what {file} gives in {read.runtime}; "
            "please report it"
        )
    return read.network, found


def _read(file: str | os.PathLike[str]) -> _Read:
    path = Path(file)
    if not path.is_file():
        raise InputError(f"file: expected a model's file, got {path}, which is no file")
    for target, read in _READERS.items():
        if path.suffix == TARGETS[target]:
            package(target, target)
            return read(path)
    raise InputError(
        f"file: expected a name that ends in {', '.join(TARGETS.values())}, got {path.name}"
    )


def _read_onnx(path: Path) -> _Read:
    from elman.exchange.onnx_files import session
    from elman.exchange.onnx_graph import read_onnx
    from elman.exchange.onnx_values import load_model

    reading = read_onnx(path, {})
    network = reading.network
    graph = load_model(path).graph
    given = {one.name for one in graph.initializer}
    unknown = {one.name for one in graph.input} - given - {reading.input, reading.lengths}
    if unknown or (network.dtype == np.float64 and network.initial_state(1).parts):
        return _Read(network, "onnxruntime", "", None)
    opened, version = session(path)
    kinds = {one.name: one.type.tensor_type.elem_type for one in graph.input}
    lengths = None if reading.lengths in given else reading.lengths

    def run(case: Case) -> Array:
        x = case.inputs["x"]
        feeds = {reading.input: x.swapaxes(0, 1).copy() if reading.time_first else x}
        if lengths is not None:
            feeds[lengths] = np.full(len(x), x.shape[1], _dtype(kinds[lengths]))
        if network.reads_tokens:
            feeds[reading.input] = feeds[reading.input].astype(_dtype(kinds[reading.input]))
        first = next(iter(opened(feeds).values()))
        return _as_network(first, reading.output, x.shape[:2], network)

    rows, steps = reading.sizes[::-1] if reading.time_first else reading.sizes
    shapes = tuple(dict.fromkeys((rows or n, steps or t) for n, t in SHAPES))
    return _Read(network, "onnxruntime", version, run, shapes)


def _dtype(kind: int) -> Any:
    from onnx import helper

    return helper.tensor_dtype_to_np_dtype(kind)


def _as_network(
    value: Array, axes: tuple[str, ...], shape: tuple[int, ...], network: Network
) -> Array:
    """An output of a graph as the network gives it: rows, time, channels."""
    order = ("one", "rows", "time", "ways", "units", "channels")
    moved = np.transpose(value, sorted(range(len(axes)), key=lambda one: order.index(axes[one])))
    wanted = (*shape, network.output_size) if network.per_step else (shape[0], network.output_size)
    return moved.reshape(wanted)


def _read_keras(path: Path) -> _Read:
    import keras  # type: ignore[import-untyped, unused-ignore]

    try:
        model = keras.saving.load_model(path, compile=False)
    except (ValueError, TypeError, OSError, KeyError) as error:
        raise InputError(f"file: {path} is no Keras model that can be read: {error}") from error

    def run(case: Case) -> Array:
        output: Array = keras.ops.convert_to_numpy(model(case.inputs["x"]))
        return output

    network = Network.from_keras(model)
    return _Read(network, "keras", f"{keras.__version__} on {keras.backend.backend()}", run)


def _read_torch(path: Path) -> _Read:
    import torch

    jit: Any = torch.jit
    extra: dict[str, Any] = {DESCRIPTION: ""}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            program = jit.load(path, _extra_files=extra)
    except RuntimeError as error:
        raise InputError(f"file: {path} is no TorchScript program: {error}") from error
    if not extra[DESCRIPTION]:
        raise InputError(
            f"file: elman did not write {path}, and a program no longer says which modules it was "
            "made of; load the module in Python and call elman.Network.from_torch(module)"
        )
    network = Network._from_description(json.loads(extra[DESCRIPTION]), "auto")
    state = {
        name.removeprefix("network."): one.numpy() for name, one in program.state_dict().items()
    }
    network.load_state_dict(state)

    def run(case: Case) -> Array:
        with torch.no_grad():
            output: Array = program(torch.from_numpy(case.inputs["x"])).numpy()
        return output

    return _Read(network, "torch", str(torch.__version__), run)


_READERS: dict[str, Callable[[Path], _Read]] = {
    "onnx": _read_onnx,
    "keras": _read_keras,
    "torch": _read_torch,
}
