"""The levels of a layer, worked out once for all layers that are alike."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from elman.backends.regularization import Regularization
from elman.cells import CELLS
from elman.torch.level import Call
from elman.torch.settings import Level

__all__ = ["Stack", "make_stack", "regularization_of", "stack_of"]


class Stack(NamedTuple):
    """What a layer's settings say about its walks.

    Attributes:
        calls: For each level its walk, if all rows live to the end and nothing is random.
        names: For each level the names of its weights, those of each direction in turn; they are
            in the order of ``torch.nn``, those of layer normalisation after the others.
        random: Whether training draws random numbers.
        first: Takes the weights of the first level out of a dict, if all are in it.
    """

    calls: tuple[Call, ...]
    names: tuple[tuple[str, ...], ...]
    random: bool
    first: Callable[[dict[str, Any]], tuple[Any, ...]]


def make_stack(
    cell: str,
    input_size: int,
    hidden_size: int,
    bias: bool,
    num_layers: int,
    bidirectional: bool,
    recurrent_dropout: float,
    zoneout: float | tuple[float, float],
    layer_norm: bool,
    batch_first: bool,
    proj_size: int = 0,
) -> Stack:
    """The levels of a layer with these settings, which are those of its constructor."""
    inner = regularization_of(cell, recurrent_dropout, zoneout, layer_norm)
    own = CELLS[cell].parameter_names(layer_norm)
    own = tuple([name for name in own if bias or name not in ("bias_ih", "bias_hh")])
    if proj_size:
        own = (*own, "weight_hr")
    ends = ("", "_reverse") if bidirectional else ("",)
    calls, names, size = [], [], input_size
    for depth in range(num_layers):
        level = Level(cell, size, hidden_size, bias, len(ends), inner)
        calls.append(Call(level, batch_first=batch_first))
        names.append(tuple([f"{name}_l{depth}{end}" for end in ends for name in own]))
        size = len(ends) * (proj_size or hidden_size)
    return Stack(tuple(calls), tuple(names), inner.random, itemgetter(*names[0]))


stack_of = lru_cache(maxsize=1024)(make_stack)
"""The same, made once for all layers that are alike."""


def regularization_of(
    cell: str, recurrent_dropout: float, zoneout: float | tuple[float, float], layer_norm: bool
) -> Regularization:
    """A layer's settings as the kernels have them."""
    # a pair is given as (memory, output), and the states are h, c
    states = len(CELLS[cell].states)
    rates = zoneout[::-1] if isinstance(zoneout, tuple) else (zoneout,) * states
    return Regularization(recurrent_dropout, rates if any(rates) else (), layer_norm)
