"""The cells over time in PyTorch's own operations: the way for what the kernels do not serve.

The kernels give first derivatives, in two precisions, on the CPU. Where a second derivative is
asked for (``create_graph=True``), the walk is made again here, one operation at a time, and PyTorch
differentiates that. What ``torch.nn`` lacks runs here on any other device, in any other precision
and under any transform. It is slow, and it is the oracle of the tests.

One function a cell: the product with the input, the state, the product with the state and what the
output sees of the memory, to the new state and the gates by name; equations as in
:mod:`elman.cells`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn.functional import layer_norm, linear

from elman.cells import CELLS
from elman.cells.base import EPSILON
from elman.torch.noise import Noise
from elman.torch.settings import Level

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
    batch = steps.shape[1]
    if rows is None:
        rows = torch.arange(batch, device=x.device)
    alive = None
    if live is not None:
        alive = (torch.arange(batch) < live.cpu()[:, None])[..., None].to(x.device)
    number, walked = len(weights) // level.directions, []
    for direction in range(level.directions):
        own = weights[direction * number : (direction + 1) * number]
        before = tuple(one[direction].to(x.dtype) for one in state)
        before = before or _zeros(level, steps, own[1])
        noise = None if seeds is None else Noise(seeds[direction].to(x.device), rows.to(x.device))
        walked.append(walk(level, steps, before, own, alive, bool(direction), noise))
    return walked


def _zeros(level: Level, x: Tensor, weight_hh: Tensor) -> State:
    """The initial state if none is given; the output is narrower than the memory if projected."""
    sizes = (weight_hh.shape[1], level.hidden_size)[: level.states]
    return tuple(x.new_zeros((x.shape[1], size)) for size in sizes)


def walk(
    level: Level,
    x: Tensor,
    state: State,
    weights: Sequence[Tensor],
    alive: Tensor | None,
    reverse: bool,
    noise: Noise | None,
) -> tuple[Tensor, State, dict[str, Tensor]]:
    """One direction of one level.

    Args:
        level: Which cell, and what regularises it.
        x: ``[T, B, D]``.
        state: One ``[B, H]`` for each state of the cell.
        weights: Those of the direction, see :func:`elman.torch.level.run_level`; after them, if
            the output is projected, ``weight_hr`` as ``torch.nn.LSTM`` has it.
        alive: Which rows live at which step, bool ``(T, B, 1)``, or ``None`` for all.
        reverse: Whether each row is walked from its last live step to its first.
        noise: Source of the random numbers, or ``None`` if none are drawn.

    Returns:
        The outputs ``[T, B, H]``, zero where a row is dead; the final state; and the states and
        gates of every step by name, ``[T, B, H]`` each, zero where a row is dead.
    """
    cell = CELLS[level.cell]
    own = _by_name(level, weights)
    mask = _dropout_mask(level, noise, x)

    def product(h: Tensor, part: slice) -> Tensor:
        bias = own["bias_hh"][part] if level.bias else None
        y = linear(h if mask is None else mask * h, own["weight_hh"][part], bias)
        return _normed(own, "hh", y, part)

    def seen(memory: Tensor) -> Tensor:
        return _normed(own, "c", memory, _ALL)

    projected = _normed(own, "ih", linear(x, own["weight_ih"], own.get("bias_ih")), _ALL)
    steps = range(x.shape[0])
    kept: dict[int, dict[str, Tensor]] = {}
    for t in reversed(steps) if reverse else steps:
        new, found = STEPS[level.cell](projected[t], state, product, seen)
        if "weight_hr" in own:
            new = linear(new[0], own["weight_hr"]), *new[1:]
        new = _zoned_out(level, noise, t, state, new)
        # under autocast products are narrower than the state, which keeps its precision
        new = tuple(after.to(before.dtype) for after, before in zip(new, state, strict=True))
        found = dict(zip(cell.states, new, strict=True)) | found
        if alive is not None:
            found = {
                name: torch.where(alive[t], value, torch.zeros_like(value))
                for name, value in found.items()
            }
            new = tuple(
                torch.where(alive[t], after, before)
                for after, before in zip(new, state, strict=True)
            )
        kept[t], state = found, new
    stacked = {name: torch.stack([kept[t][name] for t in steps]) for name in kept[0]}
    return stacked[cell.states[0]], state, stacked


def _by_name(level: Level, weights: Sequence[Tensor]) -> dict[str, Tensor]:
    """The weights of a direction; the last is there only if the output is projected."""
    names = CELLS[level.cell].parameter_names(level.regularization.layer_norm)
    names = tuple(one for one in names if level.bias or one not in ("bias_ih", "bias_hh"))
    return dict(zip((*names, "weight_hr"), weights, strict=False))


def _normed(own: dict[str, Tensor], name: str, y: Tensor, part: slice) -> Tensor:
    """A product, or a state, normalised where the cell has a normalisation of that name."""
    gain = own.get(f"weight_ln_{name}")
    if gain is None:
        return y
    shift = own[f"bias_ln_{name}"][part]
    return layer_norm(y, (y.shape[-1],), gain[part], shift, EPSILON)


def _dropout_mask(level: Level, noise: Noise | None, x: Tensor) -> Tensor | None:
    """Factors of the state before the recurrent product: 0, or ``1 / (1 - rate)``."""
    rate = level.regularization.recurrent_dropout
    if noise is None or not rate:
        return None
    return (~noise.dropped(level.hidden_size, rate)).to(x.dtype) / (1.0 - rate)


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
        held = noise.zoned_out(time, number, level.hidden_size, rate)
        mixed.append(torch.where(held, old, new))
    return tuple(mixed)
