"""The literal time loop over ``cell.step`` and ``cell.adjoint``: slow, obvious, the oracle.

Everything is computed in float64, whatever the dtype of the arrays; values are cast where
they enter and leave. The functions are those of :class:`elman.backends.Backend`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from elman.cells import CELLS, Cell, Parameters, State
from elman.errors import InputError

__all__ = ["Workspace", "backward", "create_workspace", "forward", "step"]

_Array: TypeAlias = NDArray[Any]

RECORDABLE = False


@dataclass
class Tape:
    """What one forward walk leaves for its backward walk."""

    batch_size: int
    live: _Array  # (T,): the number of live rows at each step
    steps: list[tuple[int, Any]]  # time and the cell's cache, in walking order


@dataclass
class Workspace:
    """A cell of one size, and the tape of its latest walk in training."""

    cell: Cell
    input_size: int
    hidden_size: int
    bias: bool
    dtype: np.dtype[Any]
    reverse: bool
    tape: Tape | None = None


def create_workspace(
    cell: str, input_size: int, hidden_size: int, bias: bool, dtype: DTypeLike, reverse: bool
) -> Workspace:
    """A workspace, see :meth:`elman.backends.Backend.create_workspace`.

    Raises:
        InputError: If no cell bears that name.
    """
    if cell not in CELLS:
        raise InputError(f"cell: expected one of {', '.join(CELLS)}, got {cell!r}")
    return Workspace(CELLS[cell], input_size, hidden_size, bias, np.dtype(dtype), reverse)


def forward(
    workspace: Workspace,
    parameters: Parameters,
    x: _Array,
    state: State | None,
    live: _Array | None,
    output: _Array,
    final_state: State,
    training: bool,
    version: int = -1,
) -> None:
    """Walk the cell over time, see :meth:`elman.backends.Backend.forward`."""
    cell = workspace.cell
    time_steps, batch_size = x.shape[:2]
    if live is None:
        live = np.full(time_steps, batch_size, dtype=np.int64)
    parameters = _as_float64(parameters)
    if state is None:
        shape = (batch_size, workspace.hidden_size)
        current: State = tuple(np.zeros(shape) for _ in cell.states)
    else:
        current = tuple(np.array(part, dtype=np.float64) for part in state)

    output[...] = 0.0
    tape = Tape(batch_size, live.copy(), [])
    walk = range(time_steps)
    # A row that is not (or no longer) live keeps its state. So a reverse walk starts each row
    # from its initial state, and a forward walk ends with each row's own last state.
    for t in reversed(walk) if workspace.reverse else walk:
        rows = int(live[t])
        before = tuple(part[:rows] for part in current)
        after, cache = cell.step(x[t, :rows].astype(np.float64), before, parameters)
        current = tuple(
            np.concatenate([new, old[rows:]]) for new, old in zip(after, current, strict=True)
        )
        output[t, :rows] = after[0]
        if training:
            tape.steps.append((t, cache))

    for target, part in zip(final_state, current, strict=True):
        target[...] = part
    workspace.tape = tape if training else None


def step(
    workspace: Workspace,
    parameters: Parameters,
    x: _Array,
    state: State,
    new_state: State,
    version: int,
) -> None:
    """Walk a single step forward, see :meth:`elman.backends.Backend.step`."""
    output = np.empty((1, *new_state[0].shape), x.dtype)
    forward(workspace, parameters, x[None], state, None, output, new_state, False, version)


def backward(
    workspace: Workspace,
    parameters: Parameters,
    x: _Array,
    d_output: _Array | None,
    d_final_state: State | None,
    d_x: _Array | None,
    d_state: State | None,
    gradients: Parameters,
    truncate: int | None,
) -> None:
    """Back-propagate through time, see :meth:`elman.backends.Backend.backward`.

    Raises:
        InputError: If no ``forward(training=True)`` stands ready in the workspace.
    """
    tape, workspace.tape = workspace.tape, None
    if tape is None:
        raise InputError(
            "workspace: expected one that forward(training=True) filled and no backward has "
            "consumed, got none; call forward(training=True) once before each backward"
        )
    cell = workspace.cell
    parameters = _as_float64(parameters)
    sums = _zeros_like(parameters)
    if d_final_state is None:
        shape = (tape.batch_size, workspace.hidden_size)
        d_current: State = tuple(np.zeros(shape) for _ in cell.states)
    else:
        d_current = tuple(np.array(part, dtype=np.float64) for part in d_final_state)

    if d_x is not None:
        d_x[...] = 0.0
    for t, cache in reversed(tape.steps):
        rows = int(tape.live[t])
        # output[t] = state[0] after step t
        d_after = tuple(part[:rows] for part in d_current)
        if d_output is not None:
            d_after = (d_after[0] + d_output[t, :rows], *d_after[1:])
        d_input, d_before = cell.adjoint(d_after, cache, parameters, sums)
        if truncate is not None:
            for part in d_before:
                part[: _rows_cut(workspace, tape, t, truncate)] = 0.0
        for part, new in zip(d_current, d_before, strict=True):
            part[:rows] = new
        if d_x is not None:
            d_x[t, :rows] = d_input

    if d_state is not None:
        for target, part in zip(d_state, d_current, strict=True):
            target[...] = part
    for total, addend in zip(gradients, sums, strict=True):
        if total is not None and addend is not None:
            total += addend.astype(total.dtype)


def _rows_cut(workspace: Workspace, tape: Tape, t: int, truncate: int) -> int:
    """How many leading rows come to step t from a step in another chunk of time."""
    before = t + 1 if workspace.reverse else t - 1
    if not 0 <= before < len(tape.live) or before // truncate == t // truncate:
        return 0
    return int(min(tape.live[before], tape.live[t]))


def _as_float64(parameters: Parameters) -> Parameters:
    weight_ih, weight_hh, bias_ih, bias_hh = parameters
    return (
        weight_ih.astype(np.float64),
        weight_hh.astype(np.float64),
        None if bias_ih is None else bias_ih.astype(np.float64),
        None if bias_hh is None else bias_hh.astype(np.float64),
    )


def _zeros_like(parameters: Parameters) -> Parameters:
    weight_ih, weight_hh, bias_ih, bias_hh = parameters
    return (
        np.zeros_like(weight_ih),
        np.zeros_like(weight_hh),
        None if bias_ih is None else np.zeros_like(bias_ih),
        None if bias_hh is None else np.zeros_like(bias_hh),
    )
