"""Networks as ONNX files, each with the certificate of how exact it is."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from elman.errors import InputError
from elman.exchange.certificate import Case, begin_file, certify, check_target, network_cases
from elman.exchange.onnx_build import Graph
from elman.exchange.onnx_layers import Rows, write_layers
from elman.exchange.parts import Array, package
from elman.state import NetworkState

if TYPE_CHECKING:
    from elman.network import Network

__all__ = [
    "Run",
    "Told",
    "network_model",
    "row_lengths",
    "session",
    "states_in",
    "states_out",
    "to_onnx",
    "write_certified",
]

Run = Callable[[Mapping[str, Array]], dict[str, Array]]


class Told(NamedTuple):
    """A model that is to be an ONNX file, and what its certificate rests on.

    Attributes:
        build: Makes the ONNX model.
        cases: Inputs to be judged by.
        ours: What the model says of them, by the names of the file's outputs.
        drive: What the file says of them where that is more than one run; given the run.
    """

    build: Callable[[], Any]
    cases: Iterable[Case]
    ours: Callable[[Case], Mapping[str, Array]]
    drive: Callable[[Run, Case], Mapping[str, Array]] | None = None


def to_onnx(
    network: Network,
    file: str | os.PathLike[str],
    *,
    states: bool,
    lengths: bool,
    certificate: bool,
    overwrite: bool,
) -> dict[str, Any]:
    """Writes the file and its certificate, see :meth:`elman.Network.to_onnx`."""
    if certificate:
        refuse_double(network)
    told = Told(
        lambda: network_model(network, states, lengths),
        network_cases(network, states, lengths),
        lambda case: network_outputs(network, case, states),
    )
    return write_certified(file, told, certificate=certificate, overwrite=overwrite)


def write_certified(
    file: str | os.PathLike[str], told: Told, *, certificate: bool, overwrite: bool
) -> dict[str, Any]:
    """Writes a model, runs the file in ONNX Runtime, and writes the certificate beside it.

    Returns:
        The certificate, empty if none is wanted.

    Raises:
        InputError: If the file exists, or the model cannot be told in ONNX; nothing is written.
        BackendUnavailable: If ONNX Runtime is wanted and not installed.
    """
    path = check_target(file, overwrite)
    if certificate:
        package("onnxruntime", "onnx")
    content = told.build().SerializeToString()
    begin_file(path).write_bytes(content)
    if not certificate:
        return {}
    run, version = session(path)
    drive = told.drive
    return certify(
        path,
        "onnxruntime",
        version,
        told.cases,
        told.ours,
        lambda case: run(case.inputs) if drive is None else drive(run, case),
    )


def refuse_double(network: Network) -> None:
    """Refuses what ONNX Runtime cannot run, before anything is written.

    Raises:
        InputError: If a recurrent network computes in float64.
    """
    if network.dtype == np.float64 and network._state_sizes:
        raise InputError(
            "certificate: ONNX Runtime has no recurrent operator in float64, so it cannot judge "
            "this network's file; pass certificate=False, or make the network with "
            "dtype='float32'"
        )


def network_model(network: Network, states: bool = True, lengths: bool = True) -> Any:
    """The network as an ONNX model, see :meth:`elman.Network.to_onnx`."""
    graph = Graph("network")
    dtype = network.dtype
    if network.reads_tokens:
        x = graph.input("x", np.int64, ["rows", "steps"])
    else:
        x = graph.input("x", dtype, ["rows", "steps", network.input_size])
    number, steps = graph.size(x, 0), graph.size(x, 1)
    known = row_lengths(graph, number, steps) if lengths else None
    given = states_in(graph, network.initial_state(1), number) if states else {}
    order = [1, 0] if network.reads_tokens else [1, 0, 2]
    time_major = graph.op("Transpose", x, perm=order)
    written = write_layers(graph, network, time_major, Rows(number, steps, known, given))
    size = network.output_size
    if network.per_step:
        y = graph.op("Transpose", written.value, perm=[1, 0, 2])
        graph.output(y, "y", dtype, ["rows", "steps", size])
    else:
        graph.output(written.value, "y", dtype, ["rows", size])
    states_out(graph, network, written.states)
    return graph.model()


def states_in(graph: Graph, initial: NetworkState, number: str) -> dict[str, str]:
    """The inputs of the states by name, each of which may be left out.

    Args:
        graph: Where to.
        initial: Of one row: what stands for an input that is left out.
        number: Value of the number of rows, a vector of one number.
    """
    given = {}
    for name, part in initial.items():
        size = part.shape[1]
        value = graph.optional(name, [f"rows_of_{name}", size], part)
        shape = graph.op("Concat", number, graph.integers(size), axis=0)
        given[name] = graph.op("Expand", value, shape)
    return given


def states_out(graph: Graph, network: Network, states: Mapping[str, str]) -> None:
    """The outputs ``final_`` of the states."""
    for name, value in states.items():
        graph.output(value, f"final_{name}", network.dtype, ["rows", network._state_sizes[name]])


def row_lengths(graph: Graph, number: str, steps: str) -> str:
    """The input ``lengths``, which may be left out; each -1 stands for all steps."""
    given = graph.optional("lengths", ["rows_of_lengths"], np.array([-1]))
    whole = graph.op("Less", given, graph.constant(np.int64(0)))
    known = graph.op("Where", whole, steps, given)
    return graph.op("Expand", known, number)


def network_outputs(network: Network, case: Case, states: bool) -> dict[str, Array]:
    """What the network gives for the inputs of a case, by the names of the file's outputs."""
    inputs = dict(case.inputs)
    x, lengths = inputs.pop("x"), inputs.pop("lengths", None)
    if not states:
        return {"y": network.predict(x, lengths=lengths)}
    y, state = network.forward(x, NetworkState(inputs) if inputs else None, lengths)
    return {"y": y, **{f"final_{name}": part for name, part in state.items()}}


def session(path: Path) -> tuple[Run, str]:
    """The file in ONNX Runtime on one thread of the processor: its outputs by name.

    Raises:
        BackendUnavailable: If ONNX Runtime is not installed.
    """
    runtime = package("onnxruntime", "onnx")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # it warns of inputs that may be left out
    opened = runtime.InferenceSession(os.fspath(path), options, providers=["CPUExecutionProvider"])
    names = [one.name for one in opened.get_outputs()]

    def run(inputs: Mapping[str, Array]) -> dict[str, Array]:
        return dict(zip(names, opened.run(None, dict(inputs)), strict=True))

    return run, str(runtime.__version__)
