"""A recurrent layer with every option of the ONNX standard, computed in NumPy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from elman.cells.standard import NONLINEARITIES, STANDARD_CELLS, State
from elman.checks import one_of, real, whole
from elman.errors import InputError
from elman.layers.base import Array, Context, Layer, Signal

__all__ = ["OnnxRecurrent"]

_DIRECTIONS = {
    "forward": ("l0",),
    "reverse": ("l0_reverse",),
    "bidirectional": ("l0", "l0_reverse"),
}


class OnnxRecurrent(Layer):
    """One RNN, LSTM or GRU as ONNX has them, with the options that the compiled cells do not serve.

    The equations stand in :mod:`elman.cells.standard`. They run in NumPy and float64, step by
    step: this layer is there to be exact, and is a hundred times slower than :class:`elman.LSTM`.
    It trains, but neither streams nor truncates.

    Args:
        cell: ``"rnn"``, ``"lstm"`` or ``"gru"``.
        input_size: Number of input channels.
        hidden_size: Number of units.
        direction: ``"forward"``, ``"reverse"`` (from the last live step to the first) or
            ``"bidirectional"``.
        activations: Names among tanh, sigmoid and relu, as many for each direction as the cell
            has: one (``f``), for an LSTM three (``f, g, h``), for a GRU two; ``None``: the
            usual ones.
        bias: Whether there are biases.
        clip: Bound of what each activation reads, or ``None``.
        input_forget: Of an LSTM: whether the forget gate is one minus the input gate.
        peepholes: Of an LSTM: whether the gates read the memory.
        reset_after: Of a GRU: as in :class:`elman.GRU`.
        learned_state: Whether the initial states are parameters (else zeros).

    Raises:
        InputError: If an option is not one of those above, or not one of the cell's.

    Source: ONNX operators RNN-14, LSTM-14, GRU-14.
    """

    fields = (
        "cell",
        "input_size",
        "hidden_size",
        "direction",
        "activations",
        "bias",
        "clip",
        "input_forget",
        "peepholes",
        "reset_after",
        "learned_state",
    )

    def __init__(
        self,
        cell: str,
        input_size: int,
        hidden_size: int,
        direction: str = "forward",
        activations: Sequence[str] | None = None,
        bias: bool = True,
        clip: float | None = None,
        input_forget: bool = False,
        peepholes: bool = False,
        reset_after: bool = True,
        learned_state: bool = False,
    ) -> None:
        self.cell = str(one_of("OnnxRecurrent: cell", cell, STANDARD_CELLS))
        self.input_size: int = whole("OnnxRecurrent: input_size", input_size)
        self.hidden_size = whole("OnnxRecurrent: hidden_size", hidden_size)
        self.direction = str(one_of("OnnxRecurrent: direction", direction, _DIRECTIONS))
        kind = STANDARD_CELLS[self.cell]
        self._suffixes = _DIRECTIONS[self.direction]
        wanted = kind.defaults * len(self._suffixes)
        self.activations = list(wanted if activations is None else activations)
        for name in self.activations:
            one_of("OnnxRecurrent: activations", name, NONLINEARITIES)
        if len(self.activations) != len(wanted):
            raise InputError(
                f"OnnxRecurrent: activations: expected {len(wanted)}, got {self.activations}"
            )
        for name, given in (("input_forget", input_forget), ("peepholes", peepholes)):
            if given and cell != "lstm":
                raise InputError(f"OnnxRecurrent: {name}: expected False but in an lstm, got True")
        self.bias = bool(bias)
        self.clip = (
            None if clip is None else real("OnnxRecurrent: clip", clip, 0.0, open_below=True)
        )
        self.input_forget, self.peepholes = bool(input_forget), bool(peepholes)
        self.reset_after, self.learned_state = bool(reset_after), bool(learned_state)
        number = len(kind.defaults)
        self._cells = [
            kind(
                self.activations[first : first + number],
                self.clip,
                self.input_forget,
                self.reset_after,
            )
            for first in range(0, len(self.activations), number)
        ]

    @property
    def output_size(self) -> int:
        """Channels that come out."""
        return self.hidden_size * len(self._suffixes)

    @property
    def bidirectional(self) -> bool:
        """Whether any direction walks backwards, so that no stream can be read."""
        return self.direction != "forward"

    def connect(self, incoming: Signal) -> Signal:
        """A sequence of ``output_size`` channels."""
        if incoming.kind != "sequence":
            raise self._refuse(incoming, f"a sequence of {self.input_size} channels")
        self._check_size(incoming)
        return Signal("sequence", self.output_size)

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """As in :class:`elman.LSTM`; ``weight_peephole_l0`` ``(3 H,)`` of i, f, o."""
        kind, size = STANDARD_CELLS[self.cell], self.hidden_size
        rows = kind.gates * size
        shapes: dict[str, tuple[int, ...]] = {}
        for suffix in self._suffixes:
            shapes[f"weight_ih_{suffix}"] = (rows, self.input_size)
            shapes[f"weight_hh_{suffix}"] = (rows, size)
            if self.bias:
                shapes |= {f"bias_ih_{suffix}": (rows,), f"bias_hh_{suffix}": (rows,)}
            if self.peepholes:
                shapes[f"weight_peephole_{suffix}"] = (3 * size,)
            if self.learned_state:
                shapes |= {f"initial_{state}_{suffix}": (size,) for state in kind.states}
        return shapes

    def initialize(self, generator: np.random.Generator) -> dict[str, Array]:
        """U(-1/sqrt(H), 1/sqrt(H)); peepholes and learned states start at zero."""
        bound = 1.0 / np.sqrt(self.hidden_size)
        return {
            name: generator.uniform(-bound, bound, shape)
            for name, shape in self.parameter_shapes().items()
            if not name.startswith(("initial", "weight_peephole"))
        }

    def state_sizes(self) -> dict[str, int]:
        """``h_l0``, ``c_l0``, ``h_l0_reverse`` ..., each as wide as the layer."""
        states = STANDARD_CELLS[self.cell].states
        return {f"{s}_{suffix}": self.hidden_size for suffix in self._suffixes for s in states}

    def bind(
        self,
        parameters: Mapping[str, Array],
        gradients: Mapping[str, Array],
        dtype: Any,
        backend: str = "auto",
    ) -> None:
        """Takes its place, see :class:`Layer`."""
        self._dtype = np.dtype(dtype)
        self._parameters, self._gradients = parameters, gradients

    def forward(self, x: Array, context: Context) -> Array:
        """``[T, B, input_size]`` to ``[T, B, output_size]``; zero at dead positions."""
        steps, rows, _ = x.shape
        self._context = context
        self._live = np.full(steps, rows) if context.live is None else context.live.copy()
        self._tapes: list[list[tuple[int, Any]]] = []
        number = len(STANDARD_CELLS[self.cell].states)
        output = np.zeros((steps, rows, self.output_size), self._dtype)
        for way, suffix in enumerate(self._suffixes):
            first = self.state_offset + way * number
            state = self._initial(suffix, rows, context, first)
            columns = slice(way * self.hidden_size, (way + 1) * self.hidden_size)
            final = self._walk(way, x, state, output[:, :, columns], context.training)
            if context.final_state is not None:
                for target, part in zip(context.final_state[first:], final, strict=False):
                    target[...] = part
        return output

    def backward(self, d_y: Array, need_d_x: bool = True) -> Array | None:
        """Back-propagation through time, adjoint by adjoint."""
        context = self._context
        if context.truncate is not None:
            raise InputError("truncate: OnnxRecurrent has no truncated back-propagation")
        d_x = np.zeros((*d_y.shape[:2], self.input_size))
        for way, suffix in enumerate(self._suffixes):
            columns = slice(way * self.hidden_size, (way + 1) * self.hidden_size)
            d_state = self._walk_back(way, d_y[:, :, columns], d_x)
            if self.learned_state and (context.state is None or context.begins is not None):
                for name, part in zip(STANDARD_CELLS[self.cell].states, d_state, strict=True):
                    own = part if context.state is None else part[context.begins]
                    self._gradients[f"initial_{name}_{suffix}"][...] += own.sum(axis=0)
        return d_x.astype(self._dtype) if need_d_x else None

    def step(self, x: Array) -> Array:
        """Refused."""
        raise InputError("step: OnnxRecurrent does not stream; call forward with the state instead")

    def _initial(self, suffix: str, rows: int, context: Context, first: int) -> State:
        names = STANDARD_CELLS[self.cell].states
        if context.state is not None:
            given = context.state[first : first + len(names)]
            return tuple(np.array(part, np.float64) for part in given)
        state = []
        for name in names:
            part = np.zeros((rows, self.hidden_size))
            if self.learned_state:
                part[...] = self._parameters[f"initial_{name}_{suffix}"]
            state.append(part)
        return tuple(state)

    def _walk(self, way: int, x: Array, state: State, output: Array, training: bool) -> State:
        """The outputs of one direction, written; returns the final state."""
        cell, values = self._cells[way], self._values(way)
        tape: list[tuple[int, Any]] = []
        order = range(len(x))
        for t in reversed(order) if self._backwards(way) else order:
            rows = int(self._live[t])
            before = tuple(part[:rows] for part in state)
            after, cache = cell.step(x[t, :rows].astype(np.float64), before, values)
            # a row that is not live keeps its state
            state = tuple(
                np.concatenate([new, old[rows:]]) for new, old in zip(after, state, strict=True)
            )
            output[t, :rows] = after[0]
            if training:
                tape.append((t, cache))
        self._tapes.append(tape)
        return state

    def _walk_back(self, way: int, d_y: Array, d_x: Array) -> State:
        """Adds to the gradients and to ``d_x``; returns the gradient of the initial state."""
        cell, values, suffix = self._cells[way], self._values(way), self._suffixes[way]
        sums = {name: np.zeros_like(value) for name, value in values.items()}
        shape = (d_y.shape[1], self.hidden_size)
        d_state: State = tuple(np.zeros(shape) for _ in cell.states)
        for t, cache in reversed(self._tapes[way]):
            rows = int(self._live[t])
            d_after = tuple(part[:rows] for part in d_state)
            d_after = (d_after[0] + d_y[t, :rows], *d_after[1:])
            d_input, d_before = cell.adjoint(d_after, cache, values, sums)
            d_x[t, :rows] += d_input
            for part, new in zip(d_state, d_before, strict=True):
                part[:rows] = new
        for name, total in sums.items():
            self._gradients[f"{name}_{suffix}"][...] += total.astype(self._dtype)
        return d_state

    def _backwards(self, way: int) -> bool:
        return self._suffixes[way].endswith("reverse")

    def _values(self, way: int) -> dict[str, Array]:
        """The parameters of one direction by the cell's names, float64."""
        ending = f"_{self._suffixes[way]}"
        return {
            name.removesuffix(ending): value.astype(np.float64)
            for name, value in self._parameters.items()
            if name.endswith(ending) and not name.startswith("initial")
        }
