"""The cells over time in PyTorch's own operations: the way where derivatives of derivatives go.

The kernels give first derivatives. Where a second is asked for (``create_graph=True``), the walk is
made again here, one operation at a time, and PyTorch differentiates that. It is slow, and it is the
oracle of the tests. One function a cell: the product with the input, the state, the product with
the state and what the output sees of the memory, to the new state and the gates by name; equations
as in :mod:`elman.cells`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import layer_norm, linear

from elman.backends.reference_noise import dropout_mask, zoned_out
from elman.backends.regularization import Noise
from elman.cells import CELLS
from elman.cells.base import EPSILON
from elman.levels import Level

__all__ = ["STEPS", "reference_level", "trace_level", "walk"]

State: TypeAlias = tuple[Tensor, ...]
Product: TypeAlias = Callable[[Tensor, slice], Tensor]
"""Of the state, some rows of ``norm(W_hh (mask * h) + b_hh)``."""
Step: TypeAlias = Callable[
    [Tensor, State, Product, Callable[[Tensor], Tensor]], tuple[State, dict[str, Tensor]]
]
_ALL = slice(None)


def _rnn(activation: Callable[[Tensor], Tensor]) -> Step:
    def step(
        x: Tensor, state: State, product: Product, seen: Callable[[Tensor], Tensor]
    ) -> tuple[State, dict[str, Tensor]]:
        return (activation(x + product(state[0], _ALL)),), {}

    return step


def _lstm(
    x: Tensor, state: State, product: Product, seen: Callable[[Tensor], Tensor]
) -> tuple[State, dict[str, Tensor]]:
    i, f, g, o = (x + product(state[0], _ALL)).chunk(4, dim=1)
    i, f, g, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
    c = f * state[1] + i * g
    return (o * torch.tanh(seen(c)), c), {"i": i, "f": f, "g": g, "o": o}


def _gru(
    x: Tensor, state: State, product: Product, seen: Callable[[Tensor], Tensor]
) -> tuple[State, dict[str, Tensor]]:
    (h,) = state
    x_r, x_z, x_n = x.chunk(3, dim=1)
    h_r, h_z, h_n = product(h, _ALL).chunk(3, dim=1)
    r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
    n = torch.tanh(x_n + r * h_n)
    return ((1.0 - z) * n + z * h,), {"r": r, "z": z, "n": n}


def _gru_reset_before(
    x: Tensor, state: State, product: Product, seen: Callable[[Tensor], Tensor]
) -> tuple[State, dict[str, Tensor]]:
    (h,) = state
    split = 2 * h.shape[1]
    x_r, x_z, x_n = x.chunk(3, dim=1)
    h_r, h_z = product(h, slice(0, split)).chunk(2, dim=1)
    r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
    n = torch.tanh(x_n + product(r * h, slice(split, None)))
    return ((1.0 - z) * n + z * h,), {"r": r, "z": z, "n": n}


STEPS: dict[str, Step] = {
    "rnn_tanh": _rnn(torch.tanh),
    "rnn_relu": _rnn(torch.relu),
    "lstm": _lstm,
    "gru": _gru,
    "gru_reset_before": _gru_reset_before,
}
"""By the name of the cell, as in :data:`elman.cells.CELLS`."""


def reference_level(
    level: Level,
    x: Tensor,
    state: Sequence[Tensor],
    weights: Sequence[Tensor],
    live: Tensor | None,
    batch_first: bool,
    seeds: Tensor | None = None,
    rows: Tensor | None = None,
) -> tuple[Tensor, ...]:
    """What :func:`elman.torch.level.run_level` gives, made of PyTorch's own operations."""
    walked = trace_level(level, x, state, weights, live, batch_first, seeds, rows)
    joined = torch.cat([output for output, _, _ in walked], dim=2)
    finals = [torch.stack(parts) for parts in zip(*(one for _, one, _ in walked), strict=True)]
    return (joined.transpose(0, 1) if batch_first else joined, *finals)


def trace_level(
    level: Level,
    x: Tensor,
    state: Sequence[Tensor],
    weights: Sequence[Tensor],
    live: Tensor | None,
    batch_first: bool,
    seeds: Tensor | None = None,
    rows: Tensor | None = None,
) -> list[tuple[Tensor, State, dict[str, Tensor]]]:
    """For each direction what :func:`walk` gives, time first."""
    steps = x.transpose(0, 1) if batch_first else x
    zeros = (x.new_zeros((steps.shape[1], level.hidden_size)),) * level.states
    noises = _noises(seeds, rows)
    number, walked = level.weights, []
    for direction in range(level.directions):
        before = tuple(one[direction] for one in state) or zeros
        own = weights[direction * number : (direction + 1) * number]
        noise = noises[direction] if noises else None
        walked.append(walk(level, steps, before, own, live, bool(direction), noise))
    return walked


def _noises(seeds: Tensor | None, rows: Tensor | None) -> list[Noise]:
    """The source of each direction's random numbers, from their seeds."""
    if seeds is None:
        return []
    numbers = None if rows is None else rows.numpy().astype(np.int64)
    return [Noise(one[None], numbers) for one in seeds.numpy().view(np.uint64)]


def walk(
    level: Level,
    x: Tensor,
    state: State,
    weights: Sequence[Tensor],
    live: Tensor | None,
    reverse: bool,
    noise: Noise | None,
) -> tuple[Tensor, State, dict[str, Tensor]]:
    """One direction of one level.

    Args:
        level: Which cell, and what regularises it.
        x: ``[T, B, D]``.
        state: One ``[B, H]`` for each state of the cell.
        weights: Those of the direction, see :func:`elman.torch.level.run_level`.
        live: How many leading rows live at each step, int64 ``(T,)``, or ``None`` for all.
        reverse: Whether each row is walked from its last live step to its first.
        noise: Source of the random numbers, or ``None`` if none are drawn.

    Returns:
        The outputs ``[T, B, H]``, zero where a row is dead; the final state; and the states and
        gates of every step by name, ``[T, B, H]`` each, zero where a row is dead.
    """
    cell, rows = CELLS[level.cell], x.shape[1]
    names = cell.parameter_names(level.regularization.layer_norm)
    names = tuple(one for one in names if level.bias or one not in ("bias_ih", "bias_hh"))
    own = dict(zip(names, weights, strict=True))
    mask = _dropout_mask(level, noise, x)

    def product(h: Tensor, part: slice) -> Tensor:
        bias = own["bias_hh"][part] if level.bias else None
        y = linear(h if mask is None else mask * h, own["weight_hh"][part], bias)
        return _normed(own, "hh", y, part)

    def seen(memory: Tensor) -> Tensor:
        return _normed(own, "c", memory, _ALL)

    steps = range(len(x))
    counts = [rows] * len(x) if live is None else live.tolist()
    kept: dict[int, dict[str, Tensor]] = {}
    for t in reversed(steps) if reverse else steps:
        projected = _normed(own, "ih", linear(x[t], own["weight_ih"], own.get("bias_ih")), _ALL)
        new, found = STEPS[level.cell](projected, state, product, seen)
        new = _zoned_out(level, noise, t, state, new)
        found = dict(zip(cell.states, new, strict=True)) | found
        if counts[t] < rows:
            alive = (torch.arange(rows) < counts[t])[:, None]
            zero = torch.zeros((), dtype=x.dtype)
            found = {name: torch.where(alive, value, zero) for name, value in found.items()}
            new = tuple(
                torch.where(alive, after, before) for after, before in zip(new, state, strict=True)
            )
        kept[t], state = found, new
    stacked = {name: torch.stack([kept[t][name] for t in steps]) for name in kept[0]}
    return stacked[cell.states[0]], state, stacked


def _normed(own: dict[str, Tensor], name: str, y: Tensor, part: slice) -> Tensor:
    """A product, or a state, normalised where the cell has a normalisation of that name."""
    gain = own.get(f"weight_ln_{name}")
    if gain is None:
        return y
    shift = own[f"bias_ln_{name}"][part]
    return layer_norm(y, (y.shape[1],), gain[part], shift, EPSILON)


def _dropout_mask(level: Level, noise: Noise | None, x: Tensor) -> Tensor | None:
    rate = level.regularization.recurrent_dropout
    if noise is None or not rate:
        return None
    mask = dropout_mask(int(noise.seed[0]), _rows_of(noise, x), level.hidden_size, rate)
    return torch.as_tensor(mask, dtype=x.dtype)


def _zoned_out(level: Level, noise: Noise | None, time: int, before: State, after: State) -> State:
    """The states with some units as they were; without noise the mean of that."""
    rates = level.regularization.zoneout
    if not any(rates):
        return after
    mixed = []
    for number, (rate, old, new) in enumerate(zip(rates, before, after, strict=True)):
        if noise is None:
            mixed.append(rate * old + (1.0 - rate) * new)
            continue
        rows = _rows_of(noise, old[None])
        held = zoned_out(int(noise.seed[0]), rows, time, number, level.hidden_size, rate)
        mixed.append(torch.where(torch.as_tensor(held), old, new))
    return tuple(mixed)


def _rows_of(noise: Noise, x: Tensor) -> Any:
    return np.arange(x.shape[1]) if noise.rows is None else noise.rows
