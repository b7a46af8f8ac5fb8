"""Layers in a row, bound to their parameters: one batch through them, and back again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.checks import one_of, whole
from elman.data.batches import Batch
from elman.data.dataset import Form
from elman.errors import InputError
from elman.layers import Context, Layer, MarkMissing, RecurrentLayer
from elman.layers.chain import clone_layers, connect, fuse
from elman.parameters import FlatParameters
from elman.sequence import BACKENDS
from elman.state import NetworkState
from elman.summary import summarize

__all__ = ["Pipeline"]

Array: TypeAlias = NDArray[Any]


class Pipeline(FlatParameters):
    """What a network is made of, and a batch's way through it, see :class:`elman.Network`.

    It is a :class:`elman.bptt.Model`.

    Args:
        layers: The layers in order; the pipeline works on copies of them.
        seed: Of the generator that draws initial weights.
        dtype: ``"float32"`` or ``"float64"``.
        backend: ``"auto"``, ``"native"`` or ``"reference"``.

    Raises:
        InputError: If two neighbouring layers do not fit, or another argument is none of these.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        seed: int | np.random.Generator | None,
        dtype: Any,
        backend: str,
    ) -> None:
        self.layers = clone_layers(layers)
        self.dtype = _float_type(dtype)
        self._signals = connect(self.layers)
        first, last = self._signals[0], self._signals[-1]
        self._form = Form(
            self.dtype,
            tokens=first.kind == "tokens",
            size_in=first.size or 0,
            size_out=last.size or 0,
            per_step=last.kind == "sequence",
            missing=isinstance(self.layers[0], MarkMissing),
        )
        self._generator = _generator_of(seed)
        super().__init__(self.layers, self.dtype, self._generator, backend)
        recurrent = (layer for layer in self.layers if isinstance(layer, RecurrentLayer))
        self.backend = next((layer.backend for layer in recurrent), BACKENDS[0])
        self._state_sizes: dict[str, int] = {}
        for index, layer in enumerate(self.layers):
            layer.state_offset = len(self._state_sizes)
            sizes = layer.state_sizes()
            self._state_sizes |= {f"{index}.{name}": size for name, size in sizes.items()}
        self._state_names = tuple(self._state_sizes)
        self._pipeline = fuse(self.layers)
        trained = [i for i, layer in enumerate(self._pipeline) if layer.parameter_shapes()]
        self._first_trained = trained[0] if trained else len(self._pipeline)
        self._context = Context()

    # --- what it is --------------------------------------------------------------------------

    @property
    def input_size(self) -> int:
        """Channels read; 1 for tokens."""
        return 1 if self._form.tokens else self._form.size_in

    @property
    def output_size(self) -> int:
        """Channels given."""
        return self._form.size_out

    @property
    def reads_tokens(self) -> bool:
        """Whether inputs are whole numbers, for an :class:`~elman.Embedding`."""
        return self._form.tokens

    @property
    def per_step(self) -> bool:
        """Whether there is an output for every step, not one for each row."""
        return self._form.per_step

    def summary(self) -> str:
        """The network as a table: layers, what they give, parameters."""
        return summarize(self.layers, self._signals, self.dtype.name)

    def initial_state(self, rows: int = 1) -> NetworkState:
        """The state that ``rows`` sequences begin in: zeros, or what was learned."""
        whole("rows", rows, 0)
        parts = {}
        for name, size in self._state_sizes.items():
            part = parts[name] = np.zeros((rows, size), self.dtype)
            index, state = name.split(".", 1)
            learned = self._views.get(f"{index}.initial_{state}")
            if learned is not None:
                part[...] = learned
        return NetworkState(parts)

    # --- what the training loop asks for -----------------------------------------------------

    @property
    def recordable(self) -> bool:
        """Whether training on rows of one length is replayed, see :mod:`elman.recording`."""
        return all(layer.recordable for layer in self._pipeline)

    def forward_batch(
        self,
        batch: Batch,
        training: bool,
        generator: np.random.Generator | None = None,
        truncate: int | None = None,
    ) -> Array:
        """The output of a batch, time-major, see :class:`elman.bptt.Model`."""
        context = self._context
        context.training, context.generator, context.truncate = training, generator, truncate
        context.live, context.lengths = batch.live, batch.lengths
        context.state, context.final_state = batch.state, batch.final_state
        context.begins, context.rows = batch.begins, batch.rows
        return self._pass(batch.x, context)

    def redraw(self, generator: np.random.Generator) -> None:
        """Draws anew what a recorded pass reads, see :class:`elman.bptt.Model`."""
        for layer in self._pipeline:
            layer.redraw(generator)

    def backward_batch(self, d_output: Array) -> None:
        """Adds to the gradient, see :class:`elman.bptt.Model`."""
        d_y: Any = d_output
        pipeline, first = self._pipeline, self._first_trained
        for index in range(len(pipeline) - 1, first - 1, -1):
            d_y = pipeline[index].backward(d_y, index > first)

    def _pass(self, x: Array, context: Context) -> Array:
        context.steps = len(x)
        for layer in self._pipeline:
            x = layer.forward(x, context)
        return x


def _generator_of(seed: Any) -> np.random.Generator:
    """The generator of a seed, or the generator itself; one whose state can be saved."""
    try:
        generator = np.random.default_rng(seed)
    except (TypeError, ValueError):
        generator = None
    if generator is None or not isinstance(generator.bit_generator, np.random.PCG64):
        raise InputError(
            "seed: expected a whole number from 0 up, None or a generator as "
            f"numpy.random.default_rng makes them, got {seed!r}"
        )
    return generator


def _float_type(dtype: Any) -> np.dtype[Any]:
    try:
        name = np.dtype(dtype).name
    except TypeError:
        name = dtype
    chosen: np.dtype[Any] = np.dtype(one_of("dtype", name, ("float32", "float64")))
    return chosen
