"""The walks of :mod:`walks` in torch, in float64: an oracle that shares no code with elman."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from elman.cells import PARAMETER_NAMES
from walks import Array, Result, Walk

_MODULES = {
    "rnn_tanh": (torch.nn.RNN, {"nonlinearity": "tanh"}),
    "rnn_relu": (torch.nn.RNN, {"nonlinearity": "relu"}),
    "lstm": (torch.nn.LSTM, {}),
    "gru": (torch.nn.GRU, {}),
}
STATES = {"rnn_tanh": 1, "rnn_relu": 1, "lstm": 2, "gru": 1, "gru_reset_before": 1}


def tensor(array: Array, requires_grad: bool = False) -> torch.Tensor:
    return torch.tensor(np.nan_to_num(array), dtype=torch.float64, requires_grad=requires_grad)


def run_torch(walk: Walk) -> Result:
    """The result of the walk; needs at least one row of at least one step.

    The rows are those that torch accepts: it refuses sequences of length zero, whose result
    is filled in from the contract (the state passes through, and so does its gradient).
    """
    assert walk.truncate is None
    _, batch_size, _ = walk.x.shape
    rows = int((walk.lengths > 0).sum())
    assert rows > 0
    shape = (batch_size, walk.hidden_size)
    state = walk.state or tuple(np.zeros(shape) for _ in range(STATES[walk.cell]))
    d_final_state = walk.d_final_state or tuple(np.zeros(shape) for _ in state)

    parameters = [None if p is None else tensor(p, True) for p in walk.parameters]
    x = tensor(walk.x, True)
    initial = [tensor(part, True) for part in state]
    run_cell = _reset_before if walk.cell == "gru_reset_before" else _module
    output, last = run_cell(walk, parameters, x[:, :rows], [part[:rows] for part in initial])

    padding = output.new_zeros(len(x), batch_size - rows, walk.hidden_size)
    output = torch.cat([output, padding], dim=1)
    final = [torch.cat([new, old[rows:]]) for new, old in zip(last, initial, strict=True)]
    loss = sum((part * tensor(d)).sum() for part, d in zip(final, d_final_state, strict=True))
    if walk.d_output is not None:
        loss = loss + (output * tensor(walk.d_output)).sum()
    loss.backward()

    def gradient(leaf: torch.Tensor) -> Array:
        return np.zeros(leaf.shape) if leaf.grad is None else leaf.grad.numpy()

    return Result(
        output.detach().numpy(),
        tuple(part.detach().numpy() for part in final),
        gradient(x),
        tuple(gradient(part) for part in initial),
        tuple(None if p is None else gradient(p) for p in parameters),
        PARAMETER_NAMES,
    )


def _module(
    walk: Walk, parameters: list[Any], x: torch.Tensor, state: list[torch.Tensor]
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """torch.nn's own module; the backward direction is half of a bidirectional one."""
    time_steps, rows, input_size = x.shape
    hidden_size = walk.hidden_size
    module_class, options = _MODULES[walk.cell]
    bias = parameters[2] is not None
    module = module_class(
        input_size, hidden_size, bias=bias, bidirectional=walk.reverse, **options
    ).double()
    suffix = "_l0_reverse" if walk.reverse else "_l0"
    used = {
        name + suffix: p
        for name, p in zip(PARAMETER_NAMES, parameters, strict=True)
        if p is not None
    }
    if walk.reverse:
        state = [torch.stack([torch.zeros_like(part), part]) for part in state]
    else:
        state = [part[None] for part in state]
    hx = tuple(state) if walk.cell == "lstm" else state[0]
    sequence: Any = x
    if walk.live is not None:
        sequence = pack_padded_sequence(x, torch.tensor(walk.lengths[:rows]))
    output, last = torch.func.functional_call(module, used, (sequence, hx))
    if walk.live is not None:
        output, _ = pad_packed_sequence(output, total_length=time_steps)
    last = last if walk.cell == "lstm" else (last,)
    return output[..., -hidden_size:], [part[-1] for part in last]


def _reset_before(
    walk: Walk, parameters: list[Any], x: torch.Tensor, state: list[torch.Tensor]
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """A loop row by row, step by step, gate by gate: torch.nn has no such cell."""
    w_ih, w_hh, b_ih, b_hh = parameters
    hidden_size = walk.hidden_size
    zeros = torch.zeros(3 * hidden_size, dtype=torch.float64)
    b_ih, b_hh = (zeros if b is None else b for b in (b_ih, b_hh))
    u_r, u_z, u_n = (w_hh[k * hidden_size : (k + 1) * hidden_size] for k in range(3))
    c_r, c_z, c_n = (b_hh[k * hidden_size : (k + 1) * hidden_size] for k in range(3))
    outputs, finals = [], []
    for row, length in enumerate(int(n) for n in walk.lengths[: x.shape[1]]):
        h = state[0][row]
        out = [torch.zeros_like(h) for _ in range(len(x))]
        for t in reversed(range(length)) if walk.reverse else range(length):
            x_r, x_z, x_n = torch.chunk(w_ih @ x[t, row] + b_ih, 3)
            r = torch.sigmoid(x_r + u_r @ h + c_r)
            z = torch.sigmoid(x_z + u_z @ h + c_z)
            n = torch.tanh(x_n + u_n @ (r * h) + c_n)
            h = n + z * (h - n)
            out[t] = h
        outputs.append(torch.stack(out))
        finals.append(h)
    return torch.stack(outputs, dim=1), [torch.stack(finals)]
