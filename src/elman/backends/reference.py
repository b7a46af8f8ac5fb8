"""The literal time loop over ``cell.step`` and ``cell.adjoint``: slow, obvious, the oracle.

Everything is computed in float64, whatever the dtype of the arrays; values are cast where
they enter and leave. The functions are those of :class:`elman.backends.Backend`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from elman.backends.reference_noise import dropout_mask, zoned_out
from elman.backends.regularization import PLAIN, Noise, Regularization
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
    mask: _Array | None  # of recurrent dropout, (B, H)
    # time, the cell's cache and the share of the state before in that after, in walking order
    steps: list[tuple[int, Any, tuple[Any, ...]]]


@dataclass
class Workspace:
    """A cell of one size, and the tape of its latest walk in training."""

    cell: Cell
    input_size: int
    hidden_size: int
    bias: bool
    dtype: np.dtype[Any]
    reverse: bool
    regularization: Regularization = PLAIN
    tape: Tape | None = None


def create_workspace(
    cell: str,
    input_size: int,
    hidden_size: int,
    bias: bool,
    dtype: DTypeLike,
    reverse: bool,
    regularization: Regularization = PLAIN,
) -> Workspace:
    """A workspace, see :meth:`elman.backends.Backend.create_workspace`.

    Raises:
        InputError: If no cell bears that name.
    """
    if cell not in CELLS:
        raise InputError(f"cell: expected one of {', '.join(CELLS)}, got {cell!r}")
    return Workspace(
        CELLS[cell], input_size, hidden_size, bias, np.dtype(dtype), reverse, regularization
    )


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
    noise: Noise | None = None,
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
    mask = _mask(workspace, noise, batch_size)
    tape = Tape(batch_size, live.copy(), mask, [])
    walk = range(time_steps)
    # A row that is not (or no longer) live keeps its state. So a reverse walk starts each row
    # from its initial state, and a forward walk ends with each row's own last state.
    for t in reversed(walk) if workspace.reverse else walk:
        rows = int(live[t])
        before = tuple(part[:rows] for part in current)
        here = None if mask is None else mask[:rows]
        made, cache = cell.step(x[t, :rows].astype(np.float64), before, parameters, here)
        held = tuple(_held(workspace, noise, t, k, rows) for k in range(len(before)))
        # state after = held * state before + (1 - held) * what the cell made
        after = tuple(
            new if share is None else share * old + (1.0 - share) * new
            for share, old, new in zip(held, before, made, strict=True)
        )
        current = tuple(
            np.concatenate([new, old[rows:]]) for new, old in zip(after, current, strict=True)
        )
        output[t, :rows] = after[0]
        if training:
            tape.steps.append((t, cache, held))

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
    for t, cache, held in reversed(tape.steps):
        rows = int(tape.live[t])
        # output[t] = state[0] after step t
        d_after = tuple(part[:rows] for part in d_current)
        if d_output is not None:
            d_after = (d_after[0] + d_output[t, :rows], *d_after[1:])
        # after = held * before + (1 - held) * made
        d_made = tuple(
            d if share is None else (1.0 - share) * d
            for share, d in zip(held, d_after, strict=True)
        )
        mask = None if tape.mask is None else tape.mask[:rows]
        d_input, d_before = cell.adjoint(d_made, cache, parameters, sums, mask)
        d_before = tuple(
            d if share is None else d + share * d_next
            for share, d, d_next in zip(held, d_before, d_after, strict=True)
        )
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


def _mask(workspace: Workspace, noise: Noise | None, batch_size: int) -> _Array | None:
    """The factors of recurrent dropout, ``(B, H)``, if it drops."""
    rate = workspace.regularization.recurrent_dropout
    if noise is None or not rate:
        return None
    rows = np.arange(batch_size) if noise.rows is None else noise.rows
    return dropout_mask(int(noise.seed[0]), rows, workspace.hidden_size, rate)


def _held(workspace: Workspace, noise: Noise | None, t: int, state: int, rows: int) -> Any:
    """The share of a state before a step in that after it; ``None`` without zoneout.

    In training 1 where a unit keeps its value and 0 elsewhere; else what that is on average.
    """
    rates = workspace.regularization.zoneout
    if not rates or not rates[state]:
        return None
    if noise is None:
        return rates[state]
    numbers = np.arange(rows) if noise.rows is None else noise.rows[:rows]
    size = workspace.hidden_size
    kept = zoned_out(int(noise.seed[0]), numbers, t, state, size, rates[state])
    return kept.astype(np.float64)


def _as_float64(parameters: Parameters) -> Parameters:
    return tuple(None if part is None else part.astype(np.float64) for part in parameters)


def _zeros_like(parameters: Parameters) -> Parameters:
    return tuple(None if part is None else np.zeros_like(part) for part in parameters)
