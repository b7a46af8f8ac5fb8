"""What the recurrent layers share: a cell over time, stacked, in one direction or in both."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, TypeAlias

import numpy as np

from elman.backends import kernels
from elman.backends.regularization import Regularization
from elman.buffers import Buffer
from elman.cells import CELLS
from elman.checks import real, whole
from elman.errors import InputError
from elman.layers.base import Array, Context, Layer, Signal
from elman.layers.feedforward import Dropout
from elman.layers.walk import Walk

__all__ = ["RecurrentLayer", "Zoneout", "zoneout_rates"]


Zoneout: TypeAlias = "float | tuple[float, float]"


class RecurrentLayer(Layer):
    """What RNN, LSTM and GRU share; their arguments are told in :mod:`elman.layers.recurrent`.

    Attributes:
        last_only: Set by a network whose next layer is :class:`~elman.Last`: the layer then
            returns its final output ``[B, H]`` alone, and the gradient of all other outputs,
            which is zero, is never written out.
        has_memory: Whether the cell has a second state, with a zoneout of its own.
    """

    has_memory: ClassVar[bool] = False

    fields: ClassVar[tuple[str, ...]] = (
        "input_size",
        "hidden_size",
        "num_layers",
        "bias",
        "dropout",
        "bidirectional",
        "learned_state",
        "recurrent_dropout",
        "zoneout",
        "layer_norm",
    )

    input_size: int

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        dropout: float = 0.0,
        bidirectional: bool = False,
        learned_state: bool = False,
        recurrent_dropout: float = 0.0,
        zoneout: Zoneout = 0.0,
        layer_norm: bool = False,
    ) -> None:
        kind = type(self).__name__
        self.input_size = whole(f"{kind}: input_size", input_size)
        self.hidden_size = whole(f"{kind}: hidden_size", hidden_size)
        self.num_layers = whole(f"{kind}: num_layers", num_layers)
        self.bias = bool(bias)
        self.dropout = real(f"{kind}: dropout", dropout, 0.0, 1.0, open_above=True)
        if self.dropout and self.num_layers == 1:
            raise InputError(
                f"{kind}: dropout acts between stacked layers, expected num_layers of 2 or more, "
                "got 1; for dropout after the layer add elman.Dropout to the network"
            )
        self.bidirectional = bool(bidirectional)
        self.learned_state = bool(learned_state)
        self.recurrent_dropout = real(
            f"{kind}: recurrent_dropout", recurrent_dropout, 0.0, 1.0, open_above=True
        )
        self.zoneout = zoneout_rates(f"{kind}: zoneout", zoneout, self.has_memory)
        self.layer_norm = bool(layer_norm)
        self.last_only = False

    @property
    @abstractmethod
    def cell(self) -> str:
        """The cell's name in :data:`elman.cells.CELLS`."""

    @property
    def regularization(self) -> Regularization:
        """What regularises the cell from within, its zoneout in the order of the cell's states."""
        states, zoneout = CELLS[self.cell].states, self.zoneout
        # a pair is given as (memory, output), and the states are h, c
        rates = zoneout[::-1] if isinstance(zoneout, tuple) else (zoneout,) * len(states)
        return Regularization(self.recurrent_dropout, rates if any(rates) else (), self.layer_norm)

    @property
    def output_size(self) -> int:
        """Channels that come out: ``hidden_size``, twice that in a bidirectional layer."""
        return self.hidden_size * self.directions

    @property
    def directions(self) -> int:
        """1, or 2 in a bidirectional layer."""
        return 2 if self.bidirectional else 1

    @property
    def backend(self) -> str:
        """What runs it, once it is bound."""
        return self._levels[0][0].recurrence.backend

    @property
    def recordable(self) -> bool:
        """Unless values are dropped between levels, or the initial state is learned."""
        plain = not self.dropout and not self.learned_state
        return plain and all(w.recurrence.recordable for walks in self._levels for w in walks)

    def redraw(self, generator: np.random.Generator) -> None:
        """A seed for every walk, of its recurrent dropout and zoneout in the next pass."""
        if self._random:
            for walks in self._levels:
                for walk in walks:
                    walk.seed[0] = generator.bit_generator.random_raw()

    def connect(self, incoming: Signal) -> Signal:
        """A sequence of ``output_size`` channels."""
        if incoming.kind != "sequence":
            advice = (
                "put an Embedding before it"
                if incoming.kind == "tokens"
                else "Last gives one vector a row, so it must come after the recurrent layers"
            )
            raise self._refuse(incoming, f"a sequence of {self.input_size} channels", advice)
        self._check_size(incoming)
        return Signal("sequence", self.output_size)

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """PyTorch's names, ``weight_ih_l0`` ...; ``initial_h_l0`` for a learned state.

        Layer normalisation adds ``weight_ln_ih_l0`` and ``bias_ln_ih_l0``, the gain and the shift
        of the product with the input, the same for ``hh``, and for the ``c`` of an LSTM.
        """
        cell = CELLS[self.cell]
        shapes: dict[str, tuple[int, ...]] = {}
        for level in range(self.num_layers):
            size = self.output_size if level else self.input_size
            for suffix in self._suffixes(level):
                drawn = cell.parameter_shapes(size, self.hidden_size, self.bias, self.layer_norm)
                shapes |= {f"{name}_{suffix}": shape for name, shape in drawn.items()}
                if self.learned_state:
                    shapes |= {f"initial_{s}_{suffix}": (self.hidden_size,) for s in cell.states}
        return shapes

    def initialize(self, generator: np.random.Generator) -> dict[str, Array]:
        """The cell's own initial values; a learned state starts at zero, a gain at one."""
        cell = CELLS[self.cell]
        values: dict[str, Array] = {}
        for level in range(self.num_layers):
            size = self.output_size if level else self.input_size
            for suffix in self._suffixes(level):
                shapes = cell.parameter_shapes(size, self.hidden_size, self.bias, self.layer_norm)
                drawn = cell.initialize(shapes, generator)
                values |= {f"{name}_{suffix}": value for name, value in drawn.items()}
        return values

    def state_sizes(self) -> dict[str, int]:
        """``h_l0``, ``c_l0``, ``h_l0_reverse`` ..., each as wide as the layer."""
        return {
            f"{state}_{suffix}": self.hidden_size
            for level in range(self.num_layers)
            for suffix in self._suffixes(level)
            for state in CELLS[self.cell].states
        }

    def bind(
        self,
        parameters: Mapping[str, Array],
        gradients: Mapping[str, Array],
        dtype: Any,
        backend: str = "auto",
    ) -> None:
        """Takes its place, see :class:`Layer`."""
        self._levels: list[list[Walk]] = []
        offset = 0
        for level in range(self.num_layers):
            walks = []
            for suffix in self._suffixes(level):
                size = self.output_size if level else self.input_size
                walk = Walk(
                    self.cell,
                    size,
                    self.hidden_size,
                    self.bias,
                    self.learned_state,
                    suffix,
                    parameters,
                    gradients,
                    dtype,
                    backend,
                    self.regularization,
                )
                walk.offset = offset
                offset += len(CELLS[self.cell].states)
                walks.append(walk)
            self._levels.append(walks)
        self._random = self.regularization.random
        # the plain case, one level in one direction, takes the short way
        self._only = self._levels[0][0] if len(self._levels) * self.directions == 1 else None
        self._number = len(CELLS[self.cell].states)
        self._output = Buffer(dtype)
        self._joined = [Buffer(dtype) for _ in self._levels]
        self._dropouts = [Dropout(self.dropout) for _ in self._levels[1:]]
        for dropout in self._dropouts:
            dropout.bind({}, {}, dtype)

    def forward(self, x: Array, context: Context) -> Array:
        """The outputs of the top level: ``[T, B, output_size]``, or ``[B, H]``: ``last_only``."""
        self._context = context
        generator = context.randomness
        if self._random and generator is not None:
            self.redraw(generator)
        if self._only is not None:
            output = self._only.forward(x, self.state_offset, context, None)
            return self._last(context) if self.last_only else output
        output = x
        for level, walks in enumerate(self._levels):
            if level and self.dropout:
                output = self._dropouts[level - 1].forward(output, context)
            output = self._forward_level(level, walks, output, context)
        return self._last(context) if self.last_only else output

    def backward(self, d_y: Array, need_d_x: bool = True) -> Array | None:
        """Back-propagation through time, level by level, from the top."""
        context = self._context
        gradient: Any = d_y
        for level in range(self.num_layers - 1, -1, -1):
            walks = self._levels[level]
            need = need_d_x or level > 0
            if self.last_only and level == self.num_layers - 1:
                gradient = walks[0].backward_last(d_y, need, context)
            else:
                gradient = self._backward_level(walks, gradient, need, context)
            if level and self.dropout:
                gradient = self._dropouts[level - 1].backward(gradient)
        return gradient if need_d_x else None

    def walk_step(
        self, x: Array, state: tuple[Array, ...], version: int
    ) -> tuple[Array, tuple[Array, ...]]:
        """The output ``[B, H]`` of one step, and the new state, which it is a part of.

        Args:
            x: ``[B, input_size]``.
            state: One ``[B, H]`` array for each of :meth:`state_sizes`.
            version: See :mod:`elman.sequence`.
        """
        if self._only is not None:
            new_state = self._only.recurrence.step(self._only.parameters, x, state, version)
            return new_state[0], new_state
        after: tuple[Array, ...] = ()
        for (walk,), first in zip(self._levels, range(0, len(state), self._number), strict=True):
            before = state[first : first + self._number]
            new_state = walk.recurrence.step(walk.parameters, x, before, version)
            after += new_state
            x = new_state[0]
        return x, after

    def _suffixes(self, level: int) -> list[str]:
        forward = f"l{level}"
        return [forward, f"{forward}_reverse"] if self.bidirectional else [forward]

    def _forward_level(self, level: int, walks: list[Walk], x: Array, context: Context) -> Array:
        if len(walks) == 1:
            return walks[0].forward(x, self.state_offset, context, None)
        size = self.hidden_size
        joined = self._joined[level]((*x.shape[:2], 2 * size))
        walks[0].forward(x, self.state_offset, context, joined[:, :, :size])
        walks[1].forward(x, self.state_offset, context, joined[:, :, size:])
        return joined

    def _backward_level(
        self, walks: list[Walk], d_y: Array, need_d_x: bool, context: Context
    ) -> Array | None:
        if len(walks) == 1:
            return walks[0].backward(d_y, None, need_d_x, context)
        size = self.hidden_size
        d_x = walks[0].backward(d_y[:, :, :size], None, need_d_x, context)
        other = walks[1].backward(d_y[:, :, size:], None, need_d_x, context)
        if d_x is not None and other is not None:
            kernels.add(d_x, other)
        return d_x

    def _last(self, context: Context) -> Array:
        final = self._levels[-1][0].final_state[0]
        if context.lengths is None:
            return final
        alive = np.count_nonzero(context.lengths)
        if alive < len(final):
            final = self._output(final.shape)
            final[:alive] = self._levels[-1][0].final_state[0][:alive]
            final[alive:] = 0.0  # no step, no output
        return final


def zoneout_rates(name: str, value: Any, pair: bool) -> Zoneout:
    """One probability, or where ``pair`` allows it two of them, checked."""
    if not isinstance(value, (tuple, list)):
        return real(name, value, 0.0, 1.0, open_above=True)
    if len(value) != 2 or not pair:
        expected = "one probability or a pair of them" if pair else "one probability"
        raise InputError(f"{name}: expected {expected}, got {value!r}")
    first, second = (real(name, part, 0.0, 1.0, open_above=True) for part in value)
    return first, second
