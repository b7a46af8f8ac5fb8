"""What a module with a ``forward`` of its own computes, found out by running it.

Its children are known, and what stands between them is not: a step may be taken, an activation
applied. Every usual reading is run on random inputs beside the module; one of them must agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from elman.errors import InputError
from elman.exchange.parts import Array, Part, fold_activations, network_of
from elman.layers import (
    Activation,
    AttentionPool,
    Dense,
    Ends,
    First,
    Last,
    Layer,
    MaxPool,
    MeanPool,
    RecurrentLayer,
)

if TYPE_CHECKING:
    from elman.network import Network

__all__ = ["agreeing"]

_POOLS: tuple[type[Layer], ...] = (Last, Ends, MeanPool, MaxPool)
_INNER = (None, "relu", "tanh", "sigmoid")
_OUTER = (None, "sigmoid", "softmax", "tanh")
_AGREED = 1e-5
_SHAPE = (61, 5)  # rows and steps that cannot be taken for one another


def agreeing(module: nn.Module, parts: Sequence[Part], name: str, dtype: str) -> Network:
    """The network that gives what the module gives.

    Args:
        module: With a ``forward`` of its own.
        parts: What its children are, in order.
        name: Of the first module whose ``forward`` is not known.
        dtype: Of the network.

    Raises:
        InputError: If no reading agrees, or more than one.
    """
    found: list[Network] = []
    trials = 0
    answers: list[Array] | None = None
    for reading in _readings(parts):
        try:
            network = network_of(fold_activations(reading), dtype)
        except InputError:
            continue  # these layers do not fit one another, so it is not this reading
        x = _inputs(network)
        if answers is None:
            answers = _answers(module, x, name)
        trials += 1
        if _apart(network.predict(x), answers) < _AGREED:
            found.append(network)
    if len(found) > 1:
        raise InputError(
            f"module: the forward of {name} can be read in {len(found)} ways that differ on no "
            f"input tried, such as {found[0].layers!r} and {found[1].layers!r}; write it as a "
            "torch.nn.Sequential"
        )
    if not found:
        children = ", ".join(type(part.layer).__name__ for part in parts)
        raise InputError(
            f"module: the forward of {name} gives something else than its children in order "
            f"({children}), also with the last step, both ends, the mean or the maximum taken and "
            f"activations between ({trials} readings were run); write it as a torch.nn.Sequential, "
            "with elman.exchange.torch_modules.Last() where the last step is taken"
        )
    return found[0]


def _readings(parts: Sequence[Part]) -> Iterator[list[Part]]:
    """The parts as they are, with a pool after the last recurrent one, with activations."""
    walks = [n for n, part in enumerate(parts) if isinstance(part.layer, RecurrentLayer)]
    given = any(isinstance(part.layer, (*_POOLS, First, AttentionPool)) for part in parts)
    for pool in (None, *_POOLS) if walks and not given else (None,):
        pooled = list(parts)
        if pool is not None:
            pooled.insert(walks[-1] + 1, Part(pool(), {}))
        dense = [n for n, part in enumerate(pooled) if _bare(pooled, n)]
        for inner in _INNER if len(dense) > 1 else (None,):
            for outer in _OUTER if dense else (None,):
                yield list(_activated(pooled, dense, inner, outer))


def _bare(parts: Sequence[Part], place: int) -> bool:
    """Whether it is a dense layer that no activation is known to follow."""
    layer = parts[place].layer
    following = parts[place + 1].layer if place + 1 < len(parts) else None
    plain = isinstance(layer, Dense) and layer.activation is None
    return plain and not isinstance(following, Activation)


def _activated(
    parts: Sequence[Part], dense: Sequence[int], inner: str | None, outer: str | None
) -> Iterator[Part]:
    """The parts, each of the dense ones followed by an activation: the last one's is ``outer``."""
    for place, part in enumerate(parts):
        yield part
        activation = None if place not in dense else outer if place == dense[-1] else inner
        if activation is not None:
            yield Part(Activation(activation), {})


def _inputs(network: Network) -> Array:
    generator = np.random.default_rng(0)
    if network.reads_tokens:
        return generator.integers(0, network._form.size_in, _SHAPE)
    drawn = generator.standard_normal((*_SHAPE, network.input_size))
    drawn *= np.geomspace(0.1, 10.0, _SHAPE[0])[:, None, None]  # what a rectifier does must show
    x: Array = drawn.astype(network.dtype)
    return x


def _answers(module: nn.Module, x: Array, name: str) -> list[Array]:
    """What the module makes of the inputs, batch first and time first, as far as it reads them.

    Raises:
        InputError: If it reads neither.
    """
    found, refused = [], []
    with _evaluating(module):
        for time_first in (False, True):
            given = np.ascontiguousarray(x.swapaxes(0, 1)) if time_first else x
            try:
                output = _run(module, given)
            except (RuntimeError, ValueError, IndexError, TypeError) as error:
                refused.append(str(error))
                continue
            turned = time_first and output.ndim == 3
            found.append(output.swapaxes(0, 1) if turned else output)
    if not found:
        raise InputError(
            f"module: the forward of {name} reads neither {x.shape}, rows first, nor time first: "
            f"{refused[0]}"
        )
    return found


def _apart(expected: Array, answers: Sequence[Array]) -> float:
    """How far the nearest answer is, over the largest number; infinite if none is so shaped."""
    scale = float(np.abs(expected).max()) + 1e-12
    fits = [one for one in answers if one.shape == expected.shape]
    return min((float(np.abs(one - expected).max()) / scale for one in fits), default=np.inf)


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """The module in evaluation; afterwards each of its parts is as it was."""
    modes = [(one, one.training) for one in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for one, training in modes:
            one.training = training


def _run(module: nn.Module, x: Array) -> Array:
    """The module's output, the first of several."""
    place = next((value.device for value in module.parameters()), torch.device("cpu"))
    with torch.no_grad():
        output: Any = module(torch.from_numpy(x).to(place))
    while isinstance(output, (tuple, list)) and output:
        output = output[0]
    if not isinstance(output, torch.Tensor):
        raise TypeError(f"it gives a {type(output).__name__}, expected a tensor")
    found: Array = output.cpu().numpy()
    return found
