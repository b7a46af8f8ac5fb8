"""A network over symbols: what it makes of a text, and the text that it makes itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.data.symbols import Symbols
from elman.data.text import UNKNOWN
from elman.layers import Dense, Dropout, Embedding, Layer, OneHot, TiedDense
from elman.network import Network
from elman.state import NetworkState
from elman.tasks.cells import CELLS, inner_options

__all__ = ["Choice", "Reading", "Shape", "SymbolModel", "build", "opening_of"]

Array: TypeAlias = NDArray[Any]

_CHUNK = 1000
"""Steps of a text that are walked at a time."""
_TIED_SCALE = 0.1
"""Of the vectors of symbols that are weights of the output too, when training begins."""
_OPENING = 300
"""Symbols of the text trained on that are read before another."""


@dataclass(frozen=True)
class Shape:
    """The network to build, see :class:`elman.LanguageModel` for what each part means."""

    cell: str
    hidden_size: int
    num_layers: int
    embedding_size: int
    tied: bool
    dropout: float
    recurrent_dropout: float
    zoneout: float
    layer_norm: bool


def build(symbols: int, shape: Shape, seed: int, backend: str) -> Network:
    """A network from the number of a symbol to a logit for each that may be next."""
    size, hidden = shape.embedding_size, shape.hidden_size
    layers: list[Layer] = [Embedding(symbols, size) if size else OneHot(symbols)]
    between = shape.dropout if shape.num_layers > 1 else 0.0
    layers.append(
        CELLS[shape.cell](
            size or symbols,
            hidden,
            shape.num_layers,
            dropout=between,
            **inner_options(shape),
        )
    )
    if shape.dropout:
        layers.append(Dropout(shape.dropout))
    layers.append(TiedDense(hidden, symbols) if shape.tied else Dense(hidden, symbols))
    network = Network(layers, seed=seed, backend=backend)
    if shape.tied:
        values = {name: np.array(value) for name, value in network.state_dict().items()}
        values["0.weight"] *= _TIED_SCALE
        network.load_state_dict(values)
    return network


@dataclass(frozen=True)
class Reading:
    """Where the reading of a text, or of several side by side, was left off.

    Attributes:
        state: The hidden state of the network, which has read everything.
        logits: What it says of the next symbol, ``(rows, symbols)``.
    """

    state: NetworkState
    logits: Array

    def repeated(self, rows: int) -> Reading:
        """The first row as often as ``rows``, to be gone on with in different ways."""
        return Reading(self.state.select([0] * rows), np.repeat(self.logits[:1], rows, axis=0))


@dataclass(frozen=True)
class Choice:
    """How the next symbol is drawn.

    Attributes:
        temperature: Logits are divided by it; 0 takes the most likely symbol.
        top_k: Only the ``k`` most likely symbols are drawn from.
        top_p: Only the fewest symbols that together are at least this likely.

    Source: A. Holtzman et al., "The curious case of neural text degeneration", ICLR 2020.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None

    def probabilities(self, logits: Array) -> Array:
        """What each symbol is drawn with, float64 ``(rows, symbols)``."""
        z = logits.astype(np.float64)
        if self.temperature == 0.0:
            likeliest = np.zeros(z.shape)
            likeliest[np.arange(len(z)), z.argmax(axis=1)] = 1.0
            return likeliest
        z -= z.max(axis=1, keepdims=True)
        z /= self.temperature
        if self.top_k is not None and self.top_k < z.shape[1]:
            least = np.partition(z, -self.top_k, axis=1)[:, -self.top_k]
            z[z < least[:, None]] = -np.inf
        p: Array = np.exp(z)
        p /= p.sum(axis=1, keepdims=True)
        if self.top_p is not None and self.top_p < 1.0:
            order = np.argsort(-p, axis=1, kind="stable")
            ranked = np.take_along_axis(p, order, axis=1)
            ranked[ranked.cumsum(axis=1) - ranked >= self.top_p] = 0.0
            np.put_along_axis(p, order, ranked, axis=1)
            p /= p.sum(axis=1, keepdims=True)
        return p

    def draw(self, logits: Array, generator: np.random.Generator) -> Array:
        """The number of a symbol for each row, int64 ``(rows,)``."""
        sums = self.probabilities(logits).cumsum(axis=1)
        points = generator.random(len(sums)) * sums[:, -1]
        drawn: Array = np.count_nonzero(sums <= points[:, None], axis=1)
        return drawn


class SymbolModel:
    """A trained network with the symbols that it reads and gives.

    Args:
        symbols: The symbols.
        network: From their numbers to a logit for each.
        opening: What is read before the first symbol of a text: the edge of one; or, where training
            met one text alone, whose single beginning is too little to learn from, some of that.
        ends: Whether it was trained on texts that end.
    """

    def __init__(self, symbols: Symbols, network: Network, opening: Array, ends: bool) -> None:
        self.symbols, self.network, self.ends = symbols, network, ends
        self.opening = np.asarray(opening, np.int64)

    @property
    def parameter_count(self) -> int:
        """Parameters of the network."""
        return self.network.parameter_count

    def read(self, numbers: Array, before: Reading | None = None) -> Reading:
        """Reads on; at the beginning of a text if there is nothing ``before``."""
        if before is None:
            numbers = np.concatenate([self.opening, numbers])
        if not len(numbers):
            assert before is not None
            return before
        state = None if before is None else before.state
        for begin in range(0, len(numbers), _CHUNK):
            part = np.asarray(numbers[begin : begin + _CHUNK], np.int64)
            logits, state = self.network.forward(part[None], state)
        assert state is not None
        return Reading(state, logits[:, -1])

    def log_probabilities(self, numbers: Array) -> Iterator[Array]:
        """What was said of each next symbol, ``(steps, symbols)`` natural logarithms, in chunks.

        Args:
            numbers: ``(T,)``; the first is only read, not predicted.
        """
        state = None
        for begin in range(0, len(numbers) - 1, _CHUNK):
            part = np.asarray(numbers[begin : begin + _CHUNK][: len(numbers) - 1 - begin], np.int64)
            logits, state = self.network.forward(part[None], state)
            z = logits[0].astype(np.float64)
            z -= z.max(axis=1, keepdims=True)
            z -= np.log(np.exp(z).sum(axis=1, keepdims=True))
            yield z

    def log_likelihood(self, numbers: Array) -> Array:
        """The natural logarithm of the probability of each symbol but the first, ``(T - 1,)``."""
        parts, place = [np.empty(0)], 1
        for z in self.log_probabilities(numbers):
            actual = np.asarray(numbers[place : place + len(z)], np.int64)
            parts.append(z[np.arange(len(z)), actual])
            place += len(z)
        return np.concatenate(parts)

    def allowed(self, logits: Array) -> Array:
        """Logits of what may be written: never the unknown, and an end only of texts that end."""
        logits = logits.copy()
        logits[:, UNKNOWN] = -np.inf
        if not self.ends:
            logits[:, self.symbols.edge] = -np.inf
        return logits

    def write(
        self, reading: Reading, choice: Choice, generator: np.random.Generator
    ) -> Iterator[tuple[Array, Reading]]:
        """Goes on writing, endlessly: the next symbol of each row, and the reading after it."""
        while True:
            drawn = choice.draw(self.allowed(reading.logits), generator)
            logits, state = self.network.step(drawn, reading.state)
            reading = Reading(state, logits)
            yield drawn, reading

    def description(self) -> dict[str, Any]:
        """All but the parameters, as plain values."""
        return {
            "symbols": self.symbols.description(),
            "network": self.network._description(),
            "opening": self.opening.tolist(),
            "ends": self.ends,
        }

    def tensors(self) -> dict[str, Array]:
        """The parameters by name."""
        return self.network.state_dict()

    @classmethod
    def from_saved(
        cls, record: Mapping[str, Any], tensors: Mapping[str, Array], backend: str
    ) -> SymbolModel:
        """Back from :meth:`description` and :meth:`tensors`."""
        network = Network._from_description(record["network"], backend)
        network.load_state_dict(tensors)
        symbols = Symbols.of_description(record["symbols"])
        return cls(symbols, network, record["opening"], bool(record["ends"]))


def opening_of(symbols: Symbols, text: Array) -> Array:
    """The end of a text to read before others: up to the last of its ends of line, if there are."""
    some = text[-_OPENING:]
    ends = np.flatnonzero(np.isin(some, symbols.encode("\n")) & (some != UNKNOWN))
    return some[: ends[-1] + 1] if len(ends) else some
