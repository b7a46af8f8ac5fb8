"""Regularised cells in torch: a loop step by step over autograd, that shares no code with elman.

The random numbers come from :mod:`elman.backends.reference_noise`, for no other generator makes
the same; what is done with them, and layer normalisation, is torch's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn.functional import layer_norm

from elman.backends.reference_noise import dropout_mask, zoned_out
from elman.cells import CELLS
from torch_walks import tensor
from walks import Result, Walk


class _Parameters:
    def __init__(self, walk: Walk) -> None:
        options = walk.regularization
        self.names = CELLS[walk.cell].parameter_names(options.layer_norm)
        self.leaves = [None if p is None else tensor(p, True) for p in walk.parameters]
        self.by_name: dict[str, Any] = dict(zip(self.names, self.leaves, strict=True))
        self.layer_norm = options.layer_norm

    def product(self, kind: str, value: Any, rows: slice = slice(None)) -> Any:
        bias = self.by_name[f"bias_{kind}"]
        y = value @ self.by_name[f"weight_{kind}"][rows].T
        if bias is not None:
            y = y + bias[rows]
        return self.norm(kind, y, rows)

    def norm(self, kind: str, y: Any, rows: slice = slice(None)) -> Any:
        if not self.layer_norm:
            return y
        gain, shift = self.by_name[f"weight_ln_{kind}"], self.by_name[f"bias_ln_{kind}"]
        return layer_norm(y, y.shape[-1:], gain[rows], shift[rows])


def _step(cell: str, p: _Parameters, x: Any, state: list[Any], mask: Any) -> list[Any]:
    h = state[0]
    if cell.startswith("rnn"):
        a = p.product("ih", x) + p.product("hh", mask * h)
        return [torch.tanh(a) if cell == "rnn_tanh" else torch.relu(a)]
    if cell == "lstm":
        i, f, g, o = (p.product("ih", x) + p.product("hh", mask * h)).chunk(4, dim=-1)
        c = torch.sigmoid(f) * state[1] + torch.sigmoid(i) * torch.tanh(g)
        return [torch.sigmoid(o) * torch.tanh(p.norm("c", c)), c]
    x_r, x_z, x_n = p.product("ih", x).chunk(3, dim=-1)
    if cell == "gru":
        h_r, h_z, h_n = p.product("hh", mask * h).chunk(3, dim=-1)
        n = torch.tanh(x_n + torch.sigmoid(x_r + h_r) * h_n)
    else:
        split = 2 * h.shape[-1]
        h_r, h_z = p.product("hh", mask * h, slice(None, split)).chunk(2, dim=-1)
        r_h = torch.sigmoid(x_r + h_r) * (mask * h)
        n = torch.tanh(x_n + p.product("hh", r_h, slice(split, None)))
    z = torch.sigmoid(x_z + h_z)
    return [(1 - z) * n + z * h]


def run_regularized_torch(walk: Walk) -> Result:
    """The result of the walk, which must have a state and gradients of everything."""
    options, noise, size = walk.regularization, walk.noise, walk.hidden_size
    assert walk.truncate is None
    assert walk.state is not None
    assert walk.d_final_state is not None
    time_steps, batch_size, _ = walk.x.shape
    p = _Parameters(walk)
    x = tensor(walk.x, True)
    initial = [tensor(part, True) for part in walk.state]
    mask: Any = torch.ones(batch_size, size, dtype=torch.float64)
    seed = None if noise is None else int(noise.seed[0])
    if noise is not None and options.recurrent_dropout:
        mask = tensor(dropout_mask(seed, noise.rows, size, options.recurrent_dropout))
    state, outputs = list(initial), [torch.zeros(batch_size, size)] * time_steps
    for t in reversed(range(time_steps)) if walk.reverse else range(time_steps):
        made = _step(walk.cell, p, x[t], state, mask)
        alive = tensor((walk.lengths > t)[:, None].astype(float))
        for k, rate in enumerate(options.zoneout or [0.0] * len(state)):
            held: Any = rate
            if noise is not None:
                held = tensor(zoned_out(seed, noise.rows, t, k, size, rate).astype(float))
            after = held * state[k] + (1 - held) * made[k]
            state[k] = torch.where(alive > 0, after, state[k])
        outputs[t] = torch.where(alive > 0, state[0], torch.zeros(()).double())
    output = torch.stack(outputs)
    loss = (output * tensor(walk.d_output)).sum()
    for part, d in zip(state, walk.d_final_state, strict=True):
        loss = loss + (part * tensor(d)).sum()
    loss.backward()

    def gradient(leaf: Any) -> Any:
        return np.zeros(leaf.shape) if leaf.grad is None else leaf.grad.numpy()

    return Result(
        output.detach().numpy(),
        tuple(part.detach().numpy() for part in state),
        gradient(x),
        tuple(gradient(part) for part in initial),
        tuple(None if leaf is None else gradient(leaf) for leaf in p.leaves),
        p.names,
    )
