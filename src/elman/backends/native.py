"""The compiled core: the whole walk over time in one call, vectorised and threaded.

The functions are those of :class:`elman.backends.Backend`. The mathematics is in ``csrc``.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from elman import _core
from elman.backends.regularization import PLAIN, Noise, Regularization
from elman.cells import Parameters, State

__all__ = ["Workspace", "backward", "create_workspace", "forward", "step"]

_Array: TypeAlias = NDArray[Any]

RECORDABLE = True

Workspace: TypeAlias = "_core.Workspace32 | _core.Workspace64"


def create_workspace(
    cell: str,
    input_size: int,
    hidden_size: int,
    bias: bool,
    dtype: DTypeLike,
    reverse: bool,
    regularization: Regularization = PLAIN,
) -> Workspace:
    """A workspace, see :meth:`elman.backends.Backend.create_workspace`."""
    kind = _core.Workspace32 if np.dtype(dtype) == np.float32 else _core.Workspace64
    zoneout = list(regularization.zoneout)
    rate, layer_norm = regularization.recurrent_dropout, regularization.layer_norm
    return kind(cell, input_size, hidden_size, reverse, rate, zoneout, layer_norm)


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
    # spelled out: this is the way of every step of a stream
    hidden = memory = final_memory = None
    if len(final_state) == 2:
        final_hidden, final_memory = final_state
        if state is not None:
            hidden, memory = state
    else:
        (final_hidden,) = final_state
        if state is not None:
            (hidden,) = state
    weight_ih, weight_hh, bias_ih, bias_hh = parameters[:4]
    seed, rows = (None, None) if noise is None else noise
    workspace.forward(
        weight_ih,
        weight_hh,
        bias_ih,
        bias_hh,
        list(parameters[4:]),
        x,
        hidden,
        memory,
        live,
        output,
        final_hidden,
        final_memory,
        training,
        version,
        seed,
        rows,
    )


def step(
    workspace: Workspace,
    parameters: Parameters,
    x: _Array,
    state: State,
    new_state: State,
    version: int,
) -> None:
    """Walk a single step forward, see :meth:`elman.backends.Backend.step`."""
    if len(state) == 2:
        hidden, memory = state
        new_hidden, new_memory = new_state
        done = workspace.step(x, hidden, memory, new_hidden, new_memory, version)
    else:
        done = workspace.step(x, state[0], None, new_state[0], None, version)
    if not done:  # these weights are not packed yet
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
    """Back-propagate through time, see :meth:`elman.backends.Backend.backward`."""
    d_final_hidden, d_final_memory = _pair(d_final_state)
    d_hidden, d_memory = _pair(d_state)
    d_weight_ih, d_weight_hh, d_bias_ih, d_bias_hh = gradients[:4]
    workspace.backward(
        parameters[0],
        parameters[1],
        x,
        d_output,
        d_final_hidden,
        d_final_memory,
        d_x,
        d_hidden,
        d_memory,
        d_weight_ih,
        d_weight_hh,
        d_bias_ih,
        d_bias_hh,
        list(gradients[4:]),
        truncate or 0,
    )


def _pair(state: State | None) -> tuple[_Array | None, _Array | None]:
    """The hidden state and, for cells that have one, the memory cell."""
    if state is None:
        return None, None
    return (state[0], state[1]) if len(state) == 2 else (state[0], None)
