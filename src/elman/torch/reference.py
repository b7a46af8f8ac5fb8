"""The cells over time in PyTorch's own operations: the way where derivatives of derivatives go.

The kernels give first derivatives. Where a second is asked for (``create_graph=True``), the walk is
made again here, one operation at a time, and PyTorch differentiates that. It is slow, and it is the
oracle of the tests. One function a cell: ``(x W_ih + b_ih, state, weight_hh, bias_hh)`` of one step
to the new state and the gates by name; equations as in :mod:`elman.cells`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn.functional import linear

from elman.cells import CELLS

__all__ = ["STEPS", "walk"]

State: TypeAlias = tuple[Tensor, ...]
Step: TypeAlias = Callable[
    [Tensor, State, Tensor, "Tensor | None"], tuple[State, dict[str, Tensor]]
]


def _rnn(activation: Callable[[Tensor], Tensor]) -> Step:
    def step(
        x: Tensor, state: State, weight: Tensor, bias: Tensor | None
    ) -> tuple[State, dict[str, Tensor]]:
        h = activation(x + linear(state[0], weight, bias))
        return (h,), {}

    return step


def _lstm(
    x: Tensor, state: State, weight: Tensor, bias: Tensor | None
) -> tuple[State, dict[str, Tensor]]:
    i, f, g, o = (x + linear(state[0], weight, bias)).chunk(4, dim=1)
    i, f, g, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
    c = f * state[1] + i * g
    h = o * torch.tanh(c)
    return (h, c), {"i": i, "f": f, "g": g, "o": o}


def _gru(
    x: Tensor, state: State, weight: Tensor, bias: Tensor | None
) -> tuple[State, dict[str, Tensor]]:
    (h,) = state
    x_r, x_z, x_n = x.chunk(3, dim=1)
    h_r, h_z, h_n = linear(h, weight, bias).chunk(3, dim=1)
    r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
    n = torch.tanh(x_n + r * h_n)
    return ((1.0 - z) * n + z * h,), {"r": r, "z": z, "n": n}


def _gru_reset_before(
    x: Tensor, state: State, weight: Tensor, bias: Tensor | None
) -> tuple[State, dict[str, Tensor]]:
    (h,) = state
    size = h.shape[1]
    x_r, x_z, x_n = x.chunk(3, dim=1)
    first, last = (None, None) if bias is None else (bias[: 2 * size], bias[2 * size :])
    h_r, h_z = linear(h, weight[: 2 * size], first).chunk(2, dim=1)
    r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
    n = torch.tanh(x_n + linear(r * h, weight[2 * size :], last))
    return ((1.0 - z) * n + z * h,), {"r": r, "z": z, "n": n}


STEPS: dict[str, Step] = {
    "rnn_tanh": _rnn(torch.tanh),
    "rnn_relu": _rnn(torch.relu),
    "lstm": _lstm,
    "gru": _gru,
    "gru_reset_before": _gru_reset_before,
}
"""By the name of the cell, as in :data:`elman.cells.CELLS`."""


def walk(
    cell: str,
    x: Tensor,
    state: State,
    weights: Sequence[Tensor],
    live: Tensor | None,
    reverse: bool,
) -> tuple[Tensor, State, dict[str, Tensor]]:
    """One direction of one level.

    Args:
        cell: A name in :data:`STEPS`.
        x: ``[T, B, D]``.
        state: One ``[B, H]`` for each state of the cell.
        weights: ``weight_ih``, ``weight_hh`` and, with bias, ``bias_ih`` and ``bias_hh``.
        live: How many leading rows live at each step, int64 ``(T,)``, or ``None`` for all.
        reverse: Whether each row is walked from its last live step to its first.

    Returns:
        The outputs ``[T, B, H]``, zero where a row is dead; the final state; and the states and
        gates of every step by name, ``[T, B, H]`` each, zero where a row is dead.
    """
    weight_ih, weight_hh = weights[:2]
    bias_ih, bias_hh = weights[2:] if len(weights) == 4 else (None, None)
    steps = range(len(x))
    counts = [x.shape[1]] * len(x) if live is None else live.tolist()
    kept: dict[int, dict[str, Tensor]] = {}
    for t in reversed(steps) if reverse else steps:
        projected = linear(x[t], weight_ih, bias_ih)
        new, gates_of_step = STEPS[cell](projected, state, weight_hh, bias_hh)
        found = dict(zip(CELLS[cell].states, new, strict=True)) | gates_of_step
        if counts[t] < x.shape[1]:
            alive = (torch.arange(x.shape[1]) < counts[t])[:, None]
            zero = torch.zeros((), dtype=x.dtype)
            found = {name: torch.where(alive, value, zero) for name, value in found.items()}
            new = tuple(
                torch.where(alive, after, before) for after, before in zip(new, state, strict=True)
            )
        kept[t], state = found, new
    stacked = {name: torch.stack([kept[t][name] for t in steps]) for name in kept[0]}
    return stacked[CELLS[cell].states[0]], state, stacked
