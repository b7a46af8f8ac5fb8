"""An emulator as an ONNX file: raw states in, the states one step later out.

Scaling, what is read beside the states, increments, the mean over an ensemble and the bound of
what runs away are part of the graph, see :mod:`elman.tasks.emulation_model`. The hidden states are
inputs and outputs: a program feeds a history once, and from then on each state that comes out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from elman.cells import CELLS
from elman.errors import InputError
from elman.exchange.certificate import Case
from elman.exchange.onnx_build import Graph
from elman.exchange.onnx_direct import write_cell
from elman.exchange.onnx_files import Run, Told, states_in
from elman.exchange.parts import Array
from elman.state import NetworkState
from elman.tasks.emulation import Emulator
from elman.tasks.emulation_model import LIMIT
from elman.tasks.emulation_network import EmulatorNetwork

__all__ = ["told"]

_STEPS = 4
"""Steps of the rollouts that are compared."""


def told(emulator: Emulator) -> Told:
    """What the file is to be.

    Raises:
        InputError: If the emulator computes in double precision.
    """
    network = emulator.model_.networks[0]
    if network.dtype == np.float64:
        raise InputError(
            "emulator: ONNX Runtime has no recurrent operator in float64; expected one fitted "
            "with dtype='float32'"
        )
    return Told(
        lambda: _model(emulator),
        _cases(emulator),
        lambda case: _ours(emulator, case),
        lambda run, case: _theirs(emulator, run, case),
    )


def _model(emulator: Emulator) -> Any:
    graph, model = Graph("emulator"), emulator.model_
    scales, networks = model.scales, model.networks
    graph.metadata |= {"history": model.history, "dt": model.dt}
    width = len(scales.mean)
    raw = graph.input("state", np.float64, ["rows", "steps", width])
    number, steps = graph.size(raw, 0), graph.size(raw, 1)
    value = _standard(graph, raw, scales.mean, scales.deviation)
    beside = _beside(graph, scales, number, steps)
    joined = graph.op("Concat", value, *beside, axis=2) if beside else value
    time_major = graph.op("Transpose", graph.cast(joined, np.float32), perm=[1, 0, 2])
    ahead = []
    for place, network in enumerate(networks):
        states = states_in(graph, _initial(network, f"{place}."), number)
        output, finals = _network(graph, network, f"{place}.", time_major, states)
        for name, final in finals.items():
            graph.output(final, f"final_{name}", np.float32, ["rows", network.shape.hidden_size])
        change = graph.cast(graph.op("Transpose", output, perm=[1, 0, 2]), np.float64)
        if network.shape.increments:
            size = graph.constant(network.step_size, np.float64)
            change = graph.op("Add", value, graph.op("Mul", change, size))
        ahead.append(change)
    following = ahead[0]
    if len(ahead) > 1:
        total = graph.op("Sum", *ahead)
        following = graph.op("Div", total, graph.constant(np.float64(len(ahead))))
    low, high = (graph.constant(np.float64(one)) for one in (-LIMIT, LIMIT))
    following = graph.op("Where", graph.op("IsNaN", following), high, following)
    following = graph.op("Clip", following, low, high)
    natural = graph.op("Mul", following, graph.constant(scales.deviation, np.float64))
    natural = graph.op("Add", natural, graph.constant(scales.mean, np.float64))
    # first among the outputs, for it is what the file is for
    graph.output(natural, "next", np.float64, ["rows", "steps", width])
    graph.outputs.insert(0, graph.outputs.pop())
    return graph.model()


def _standard(graph: Graph, value: str, mean: Array, deviation: Array) -> str:
    apart = graph.op("Sub", value, graph.constant(mean, np.float64))
    return graph.op("Div", apart, graph.constant(deviation, np.float64))


def _beside(graph: Graph, scales: Any, number: str, steps: str) -> list[str]:
    """What is read beside the states, each ``(N, T, K)``: forcing at both ends, parameters."""
    _, forced, owned = scales.widths
    parts = []
    if forced:
        given = graph.input("forcing", np.float64, ["rows", "steps_and_one", forced])
        drive = _standard(graph, given, scales.forcing_mean, scales.forcing_deviation)
        one, axis = graph.integers(1), graph.integers(1)
        end = graph.op("Add", steps, one)
        parts.append(graph.op("Slice", drive, graph.integers(0), steps, axis))
        parts.append(graph.op("Slice", drive, one, end, axis))
    if owned:
        given = graph.input("parameters", np.float64, ["rows", owned])
        own = _standard(graph, given, scales.parameter_mean, scales.parameter_deviation)
        shape = graph.op("Concat", number, steps, graph.integers(owned), axis=0)
        parts.append(graph.op("Expand", graph.op("Unsqueeze", own, graph.integers(1)), shape))
    return parts


def _initial(network: EmulatorNetwork, prefix: str) -> NetworkState:
    """Zeros of one row, by the names of the inputs."""
    shape = network.shape
    zeros = np.zeros((1, shape.hidden_size), np.float32)
    return NetworkState(
        {
            f"{prefix}{state}_l{level}": zeros
            for level in range(shape.num_layers)
            for state in CELLS[shape.cell].states
        }
    )


def _network(
    graph: Graph, network: EmulatorNetwork, prefix: str, x: str, states: Mapping[str, str]
) -> tuple[str, dict[str, str]]:
    """The outputs ``[T, N, C]`` of one network, and its states after them."""
    shape, weights = network.shape, network.flat.state_dict()
    ways, finals = graph.integers(0), {}
    for level in range(shape.num_layers):
        names = [f"{prefix}{state}_l{level}" for state in CELLS[shape.cell].states]
        begin = [graph.op("Unsqueeze", states[name], ways) for name in names]
        x, *after = write_cell(graph, shape, weights, level, x, begin, f"{prefix}cell{level}")
        for name, final in zip(names, after, strict=True):
            finals[name] = graph.op("Squeeze", final, ways)
    y = graph.op("MatMul", x, graph.constant(weights["head.weight"].T))
    return graph.op("Add", y, graph.constant(weights["head.bias"])), finals


# ------------------------------------------------------------------------------- certificate


def _cases(emulator: Emulator) -> Iterable[Case]:
    """Random raw histories about where the states of the training lay, forcing and parameters."""
    model, generator = emulator.model_, np.random.default_rng(0)
    scales = model.scales
    width, forced, owned = scales.widths
    for number, steps in ((1, 1), (3, min(7, model.history)), (6, model.history)):
        drawn = generator.standard_normal((number, steps, width))
        inputs = {"state": scales.unscaled(0.5 * drawn)}
        if forced:
            drawn = generator.standard_normal((number, steps + _STEPS, forced))
            inputs["forcing"] = scales.forcing_mean + scales.forcing_deviation * drawn
        if owned:
            drawn = generator.standard_normal((number, owned))
            inputs["parameters"] = scales.parameter_mean + scales.parameter_deviation * drawn
        yield Case(f"{number} rollouts of {_STEPS} steps after {steps}", inputs)


def _ours(emulator: Emulator, case: Case) -> Mapping[str, Array]:
    inputs = case.inputs
    forcing, parameters = inputs.get("forcing"), inputs.get("parameters")
    return _judged(emulator, emulator.rollout(inputs["state"], _STEPS, forcing, parameters))


def _judged(emulator: Emulator, states: Array) -> dict[str, Array]:
    """States, and the same in deviations, so that a channel of small numbers counts as much."""
    return {"next": states, "next in deviations": emulator.model_.scales.scaled(states)}


def _theirs(emulator: Emulator, run: Run, case: Case) -> Mapping[str, Array]:
    """The file, fed with a history and then with what it gives."""
    inputs = dict(case.inputs)
    forcing, steps = inputs.pop("forcing", None), inputs["state"].shape[1]
    found = []
    for number in range(_STEPS):
        if forcing is not None:
            first = 0 if not number else steps + number - 1
            inputs["forcing"] = forcing[:, first : steps + number + 1]
        outputs = run(inputs)
        found.append(outputs["next"][:, -1])
        inputs["state"] = outputs["next"][:, -1:]
        for name, value in outputs.items():
            if name.startswith("final_"):
                inputs[name.removeprefix("final_")] = value
    return _judged(emulator, np.stack(found, axis=1))
