"""The network that emulates a dynamical system: one step at a time, on the truth or on itself.

    h_t     = cell([v_t, u_t, u_{t+1}, p], h_{t-1})     v_t: the state read, u: forcing
    o_t     = W h_t + b
    v_{t+1} = v_t + s o_t      (increments)    or    v_{t+1} = o_t      (states)

``s`` is the deviation of the increments of each channel, so that the network's outputs are of
order one however short the steps. In training the state read is the truth ``y_t``, with noise
added (so that the network learns to come back from small errors), for ``teacher`` steps, and its
own output for the ``free`` steps after them. With ``d_t = (v_t - y_t) / s`` the deviation it
carries along (``r`` is 1 for increments, else 0):

    out_t   = r d_t + o_t      compared with  (y_{t+1} - y_t) / s,  or with  y_{t+1}
    d_{t+1} = out_t - target_t

The gradient goes back through the outputs that were read (the whole rollout is unrolled), or is
cut there (``cut``): the network then learns to answer for its own errors without being credited
for making them, as in the pushforward training of J. Brandstetter, D. Worrall and M. Welling,
"Message passing neural PDE solvers", ICLR 2022, section 3.1. Noise: A. Sanchez-Gonzalez et al.,
"Learning to simulate complex physics with graph networks", ICML 2020, section 3.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from elman.backends import kernels
from elman.buffers import Buffer
from elman.cells import CELLS
from elman.data.batches import Batch
from elman.sequence import Recurrence
from elman.tasks.parameters import Array, FlatParameters, draw_dense

__all__ = ["EmulatorNetwork", "EmulatorShape", "Stretches", "Walker"]


@dataclass(frozen=True)
class EmulatorShape:
    """All sizes of the network, and how it is trained.

    Attributes:
        cell: A name in :data:`elman.cells.CELLS`.
        hidden_size: Units.
        num_layers: How many cells are stacked.
        channels: Of the state, ``C``.
        others: Channels read beside it: forcing twice, and parameters.
        increments: Whether the outputs are increments, else states.
        noise: Deviation of the noise on the states read in training, scaled states being of
            deviation 1.
        cut: Whether no gradient goes back through outputs that are read.
    """

    cell: str
    hidden_size: int
    num_layers: int
    channels: int
    others: int = 0
    increments: bool = True
    noise: float = 0.0
    cut: bool = False

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every parameter."""
        shapes: dict[str, tuple[int, ...]] = {}
        for level in range(self.num_layers):
            size = self.hidden_size if level else self.channels + self.others
            drawn = CELLS[self.cell].parameter_shapes(size, self.hidden_size, True)
            shapes |= {f"cell{level}.{name}": shape for name, shape in drawn.items()}
        shapes["head.weight"] = (self.channels, self.hidden_size)
        shapes["head.bias"] = (self.channels,)
        return shapes


class Stretches:
    """Stretches of trajectories, each step with the next one as its target.

    In training, stretches begin at random steps, spread evenly; without a generator they always
    begin at the same ones.

    Args:
        inputs: ``(T_i, C + others)`` of each trajectory, scaled, but for its last state.
        targets: ``(T_i, C)``: what the network's outputs are compared with.
        length: Steps of a stretch, no more than the shortest trajectory has.
        washout: Steps at the beginning that are read and not compared.
        batch_size: Stretches of a batch.
        repeats: How often an epoch goes through the trajectories.
    """

    def __init__(
        self,
        inputs: list[Array],
        targets: list[Array],
        length: int,
        washout: int,
        batch_size: int,
        repeats: float = 1.0,
    ) -> None:
        self.batch_size, self.length, self.washout = batch_size, length, washout
        self._inputs, self._targets = np.concatenate(inputs), np.concatenate(targets)
        steps = np.array([len(one) for one in inputs])
        begins = np.cumsum([0, *steps[:-1]])
        numbers = np.maximum(1, np.round(repeats * steps / length)).astype(np.int64)
        # where each stretch may begin: evenly spaced shares of its trajectory
        self._slack = np.repeat(steps - length + 1, numbers).astype(np.float64)
        self._share = np.concatenate([np.arange(n) / n for n in numbers])
        self._width = np.repeat(1.0 / numbers, numbers)
        self._begin = np.repeat(begins, numbers)
        dtype = self._inputs.dtype
        self._x, self._y, self._weight = Buffer(dtype), Buffer(dtype), Buffer(dtype)

    def __len__(self) -> int:
        """Number of batches."""
        return -(-len(self._begin) // self.batch_size)

    @property
    def number(self) -> int:
        """Stretches in an epoch."""
        return len(self._begin)

    def epoch(self, generator: np.random.Generator | None = None) -> Iterator[Batch]:
        """Every stretch once."""
        number = len(self._begin)
        if generator is None:
            order, shift = np.arange(number), np.full(number, 0.5)
        else:
            order, shift = generator.permutation(number), generator.random(number)
        first = ((self._share + shift * self._width) * self._slack).astype(np.int64) + self._begin
        for begin in range(0, number, self.batch_size):
            yield self._take(first, order[begin : begin + self.batch_size])

    def _take(self, first: Array, rows: Array) -> Batch:
        index = first[rows] + np.arange(self.length)[:, None]
        y = self._y((*index.shape, self._targets.shape[1]))
        np.take(self._targets, index, axis=0, out=y)
        x = self._x((*index.shape, self._inputs.shape[1]))
        np.take(self._inputs, index, axis=0, out=x)
        batch = Batch(rows, x)
        batch.target = y
        if self.washout:
            batch.weight = self._weight((*index.shape, 1))
            batch.weight[...] = 1.0
            batch.weight[: self.washout] = 0.0
        return batch


class EmulatorNetwork:
    """The network of the module's equations, see :class:`elman.bptt.Model`.

    Args:
        shape: All sizes.
        step_size: ``s``, the deviation of the increments of the scaled states, ``(C,)``; ones
            where states are predicted.
        rng: Source of the initial values.
        dtype: float32 or float64.
        backend: See :mod:`elman.sequence`.

    Attributes:
        free: Steps at the end of a stretch on which the network reads its own outputs, in
            training.
        free_judged: The same when it is judged.
    """

    def __init__(
        self,
        shape: EmulatorShape,
        step_size: Array,
        rng: np.random.Generator,
        dtype: Any = np.float32,
        backend: str = "auto",
    ) -> None:
        self.shape, self.dtype = shape, np.dtype(dtype)
        self.step_size = np.asarray(step_size, self.dtype)
        self.flat = FlatParameters(shape.parameter_shapes(), self.dtype)
        for level in range(shape.num_layers):
            size = shape.hidden_size if level else shape.channels + shape.others
            self.flat.initialize_cell(f"cell{level}", shape.cell, size, shape.hidden_size, rng)
        draw_dense(self.flat["head.weight"], self.flat["head.bias"], rng)
        self._cells = [self.flat.cell(f"cell{level}") for level in range(shape.num_layers)]
        self._backend = backend
        self._walks: list[Walker] = []
        self._noise = Buffer(self.dtype)
        self._output = Buffer(self.dtype)
        self._read: list[Buffer] = [Buffer(self.dtype)]
        self.free = self.free_judged = 0

    def vectors(self) -> tuple[Array, Array]:
        """The flat vector of all parameters, and that of their gradients."""
        return self.flat.values, self.flat.gradients

    # ------------------------------------------------------------------------------- training

    def forward_batch(
        self,
        batch: Batch,
        training: bool = False,
        generator: np.random.Generator | None = None,
        truncate: int | None = None,
    ) -> Array:
        """``out`` of the module's equations at every step, ``[T, B, C]``.

        Args:
            batch: Stretches of truth, with their targets.
            training: Whether :meth:`backward_batch` follows, and noise is added.
            generator: Source of the noise.
            truncate: Length of a chunk of truncated back-propagation over the steps on truth.
        """
        assert batch.target is not None
        steps, rows, _ = batch.x.shape
        channels, keep = self.shape.channels, float(self.shape.increments)
        free = min(self.free if training else self.free_judged, steps - 1)
        teacher = steps - free
        self._batch_shape, self._truncate, self._free = (steps, rows), truncate, free
        output = self._output((steps, rows, channels))
        x, deviation = batch.x[:teacher], None
        if training and self.shape.noise and generator is not None:
            x, deviation = self._with_noise(x, generator)
        _, state = self._walk(0).forward(x, None, training, output[:teacher], truncate)
        if deviation is not None and keep:
            output[:teacher] += deviation
        for number in range(1, free + 1):
            now = teacher + number - 1
            deviation = output[now - 1] - batch.target[now - 1]
            x = self._reading(number, batch.x[now : now + 1])
            x[0, :, :channels] += self.step_size * deviation
            _, state = self._walk(number).forward(x, state, training, output[now : now + 1])
            if keep:
                output[now] += deviation
        return output

    def backward_batch(self, d_output: Array) -> None:
        """Adds the gradient of every parameter, after :meth:`forward_batch` in training."""
        steps, _ = self._batch_shape
        teacher, channels = steps - self._free, self.shape.channels
        d_state = None
        for number in range(self._free, 0, -1):
            now = teacher + number - 1
            d_out = d_output[now : now + 1]
            d_x, d_state = self._walk(number).backward(d_out, d_state, not self.shape.cut)
            if d_x is not None:  # v_t = y_t + s d_t, and d_t is what the step before put out
                d_output[now - 1] += self.step_size * d_x[0, :, :channels]
                if self.shape.increments:
                    d_output[now - 1] += d_out[0]
        self._walk(0).backward(d_output[:teacher], d_state, False)

    def _with_noise(self, x: Array, generator: np.random.Generator) -> tuple[Array, Array]:
        """The states with noise, and the deviation that it is, in units of ``s``."""
        channels = self.shape.channels
        noise = self._noise((*x.shape[:2], channels))
        generator.standard_normal(noise.shape, self.dtype.type, out=noise)
        noise *= self.shape.noise
        read = self._reading(0, x)
        read[:, :, :channels] += noise
        noise /= self.step_size
        return read, noise

    def _reading(self, number: int, x: Array) -> Array:
        """A copy of inputs that lives until the backward pass."""
        while len(self._read) <= number:
            self._read.append(Buffer(self.dtype))
        read = self._read[number](x.shape)
        np.copyto(read, x)
        return read

    def _walk(self, number: int) -> Walker:
        while len(self._walks) <= number:
            self._walks.append(Walker(self, self._cells, self._backend))
        return self._walks[number]

    # -------------------------------------------------------------------------------- running

    def walker(self) -> Walker:
        """What takes :meth:`advance` from step to step, as long as the parameters stay."""
        return Walker(self, self._cells, self._backend, version=0)

    def advance(self, x: Array, state: Any, walker: Walker | None = None) -> tuple[Array, Any]:
        """The outputs ``o`` of the steps ``[T, B, C]``, and the hidden state after them.

        Args:
            x: States and what is read beside them, ``[T, B, C + others]``.
            state: Hidden state of every level, or ``None`` at the beginning.
            walker: Of a rollout of many calls, which is quicker.
        """
        output = np.empty((*x.shape[:2], self.shape.channels), self.dtype)
        _, after = (walker or self._walk(0)).forward(x, state, False, output)
        return output, [tuple([part.copy() for part in level]) for level in after]

    def following(self, value: Array, output: Array) -> Array:
        """The next state, of the state read and the network's output: float64, scaled."""
        if not self.shape.increments:
            return output.astype(np.float64)
        return value + self.step_size.astype(np.float64) * output

    def in_double(self) -> EmulatorNetwork:
        """A copy that computes in double precision."""
        copy = EmulatorNetwork(
            self.shape, self.step_size, np.random.default_rng(0), np.float64, self._backend
        )
        copy.flat.values[...] = self.flat.values
        return copy

    def packed(self, state: Any) -> Array:
        """The hidden state of all levels side by side, ``(B, D)``."""
        return np.concatenate([part for level in state for part in level], axis=1)

    def unpacked(self, flat: Array) -> Any:
        """The hidden state back from :meth:`packed`."""
        each = len(CELLS[self.shape.cell].states)
        parts = np.split(flat.astype(self.dtype), each * self.shape.num_layers, axis=1)
        parts = [np.ascontiguousarray(part) for part in parts]
        return [tuple(parts[at : at + each]) for at in range(0, len(parts), each)]


class Walker:
    """Some steps through all levels and the head, with what their backward pass needs."""

    def __init__(
        self, network: EmulatorNetwork, cells: list[Any], backend: str, version: int = -1
    ) -> None:
        shape = network.shape
        self._flat, self._cells, self._shape = network.flat, cells, shape
        self._version = version  # of the parameters, see elman.sequence
        sizes = [shape.channels + shape.others] + [shape.hidden_size] * (shape.num_layers - 1)
        self._levels = [
            Recurrence(shape.cell, size, shape.hidden_size, dtype=network.dtype, backend=backend)
            for size in sizes
        ]
        self._d_hidden = Buffer(network.dtype)

    def forward(
        self,
        x: Array,
        state: Any,
        training: bool,
        output: Array,
        truncate: int | None = None,
    ) -> tuple[Array, list[tuple[Array, ...]]]:
        """Writes ``W h + b`` to ``output`` ``[T, B, C]``; the hidden state of every level."""
        self._truncate, self._inputs = truncate, []
        finals, value = [], x
        for level, recurrence in enumerate(self._levels):
            self._inputs.append(value)
            before = None if state is None else state[level]
            parameters = self._cells[level][0]
            value, final = recurrence.forward(
                parameters, value, before, None, training, version=self._version
            )
            finals.append(final)
        self._hidden = value
        rows = output.reshape(-1, self._shape.channels)
        units = value.reshape(len(rows), -1)
        kernels.dense_forward(units, self._flat["head.weight"], self._flat["head.bias"], rows)
        return output, finals

    def backward(
        self, d_output: Array, d_state: Any, need_d_x: bool
    ) -> tuple[Array | None, list[tuple[Array, ...]]]:
        """Adds to the gradients; those of the inputs and of the hidden state before."""
        flat = self._flat
        d_hidden = self._d_hidden(self._hidden.shape)
        kernels.dense_backward(
            self._hidden.reshape(-1, self._shape.hidden_size),
            flat["head.weight"],
            d_output.reshape(-1, self._shape.channels),
            d_hidden.reshape(-1, self._shape.hidden_size),
            flat.gradient("head.weight"),
            flat.gradient("head.bias"),
        )
        d_value: Array | None = d_hidden
        d_before: list[tuple[Array, ...]] = [()] * len(self._levels)
        for level in range(len(self._levels) - 1, -1, -1):
            parameters, gradients = self._cells[level]
            d_value, d_before[level] = self._levels[level].backward(
                parameters,
                self._inputs[level],
                d_value,
                None if d_state is None else d_state[level],
                gradients,
                need_d_x or level > 0,
                self._truncate,
            )
        return d_value, d_before
