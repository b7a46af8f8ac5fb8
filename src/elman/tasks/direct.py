"""The direct network: the whole horizon at once, all its segments decoded in parallel.

    e_i = relu(W_e [x of segment i] + b_e)                       one input for each segment
    h   = cell over e_1 ... e_n                                  the window, read once
    q_j = position_j + channel + series + W_s static + W_f [future covariates of segment j]
    g_j = one step of the same cell from h with input q_j        for every j at once
    y_j = W_y dropout(g_j) + b_y                                 all quantiles of segment j

Source: S. Lin, W. Lin, W. Wu, F. Zhao, R. Mo and H. Zhang, "SegRNN: segment recurrent neural
network for long-term time series forecasting", arXiv:2308.11200, sections 3.2 and 3.3. There the
position and channel vectors are concatenated; added, as here, they can do all that and more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from elman.backends import kernels
from elman.buffers import Buffer
from elman.cells import CELLS
from elman.data.batches import Batch
from elman.sequence import Recurrence
from elman.tasks.parameters import Array, FlatParameters, draw_dense
from elman.tasks.samples import ForecastBatch

__all__ = ["DirectNetwork", "DirectShape"]

_RELU = kernels.ACTIVATIONS["relu"]


@dataclass(frozen=True)
class DirectShape:
    """All sizes of a direct network.

    Attributes:
        cell: A name in :data:`elman.cells.CELLS`.
        hidden_size: Units, ``H``; also the size of the cell's inputs.
        num_layers: How many cells are stacked.
        segment: Steps fed at once, ``s``.
        inputs: Channels of one step of the window.
        segments_in: Segments of the window.
        segments_out: Segments of the horizon, ``J``.
        outputs: Numbers for each step of the horizon, such as quantiles, ``Q``.
        channels: Target columns; a channel vector is learned when there are several.
        series: How many series have a vector of their own; 0 for none.
        statics: Static numbers of a series.
        futures: Covariates known ahead.
        dropout: Probability of dropping a unit before the head, in training.
    """

    cell: str
    hidden_size: int
    num_layers: int
    segment: int
    inputs: int
    segments_in: int
    segments_out: int
    outputs: int
    channels: int = 1
    series: int = 0
    statics: int = 0
    futures: int = 0
    dropout: float = 0.0

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every parameter."""
        size = self.hidden_size
        shapes: dict[str, tuple[int, ...]] = {}
        shapes["embed.weight"] = (size, self.segment * self.inputs)
        shapes["embed.bias"] = (size,)
        for level in range(self.num_layers):
            drawn = CELLS[self.cell].parameter_shapes(size, size, True)
            shapes |= {f"cell{level}.{name}": shape for name, shape in drawn.items()}
        shapes["position"] = (self.segments_out, size)
        if self.channels > 1:
            shapes["channel"] = (self.channels, size)
        if self.series:
            shapes["series"] = (self.series, size)
        if self.statics:
            shapes["static.weight"] = (size, self.statics)
        if self.futures:
            shapes["future.weight"] = (size, self.segment * self.futures)
        shapes["head.weight"] = (self.segment * self.outputs, size)
        shapes["head.bias"] = (self.segment * self.outputs,)
        return shapes


class DirectNetwork:
    """The network of the module's equations, with its own backward pass.

    Args:
        shape: All sizes.
        rng: Source of the initial values.
        dtype: float32 or float64.
        backend: See :mod:`elman.sequence`.

    Attributes:
        flat: The parameters by name.
        shortcut: ``None``, or fixed weights ``(window, segments_out * segment)`` of a linear
            forecast that the network's outputs are added to
            (:func:`elman.tasks.linear.fit_shortcut`). Training does not move them.
    """

    def __init__(
        self,
        shape: DirectShape,
        rng: np.random.Generator,
        dtype: object = np.float32,
        backend: str = "auto",
    ) -> None:
        self.shape = shape
        self.dtype = np.dtype(dtype)  # type: ignore[call-overload]
        self.flat = FlatParameters(shape.parameter_shapes(), self.dtype)
        self._shortcut_weight: Array | None = None
        self._initialize(rng)
        size, levels = shape.hidden_size, range(shape.num_layers)
        self._cells = [self.flat.cell(f"cell{level}") for level in levels]
        self._encoders = [
            Recurrence(shape.cell, size, size, dtype=self.dtype, backend=backend) for _ in levels
        ]
        self._decoders = [
            Recurrence(shape.cell, size, size, dtype=self.dtype, backend=backend) for _ in levels
        ]
        self._buffers: dict[str, Buffer] = {}

    @property
    def shortcut(self) -> Array | None:
        """The fixed weights of the linear forecast, see the class."""
        return None if self._shortcut_weight is None else self._shortcut_weight.T

    @shortcut.setter
    def shortcut(self, weights: Array | None) -> None:
        self._shortcut_weight = (
            None if weights is None else np.ascontiguousarray(weights.T, self.dtype)
        )

    def vectors(self) -> tuple[Array, Array]:
        """The flat vector of all parameters, and that of their gradients."""
        return self.flat.values, self.flat.gradients

    def forward_batch(
        self,
        batch: Batch,
        training: bool = False,
        generator: np.random.Generator | None = None,
        truncate: int | None = None,
    ) -> Array:
        """All outputs ``[segments_out, B, segment * outputs]``.

        The array is the network's own and lives until the next call.

        Args:
            batch: The windows, a :class:`~elman.tasks.samples.ForecastBatch`.
            training: Whether :meth:`backward_batch` follows, and dropout drops.
            generator: Source of the dropout.
            truncate: Length of a chunk of truncated back-propagation through the window.
        """
        assert isinstance(batch, ForecastBatch)
        shape = self.shape
        rows, size, ahead = batch.x.shape[1], shape.hidden_size, shape.segments_out
        self._batch, self._truncate = batch, truncate
        value: Array = self._embed(batch.x)
        finals = []
        self._encoder_inputs, self._decoder_inputs, self._rows = [], [], rows
        for (parameters, _), encoder in zip(self._cells, self._encoders, strict=True):
            self._encoder_inputs.append(value)
            value, final = encoder.forward(parameters, value, None, None, training)
            finals.append(final)
        value = self._queries(batch).reshape(1, ahead * rows, size)
        for level, decoder in enumerate(self._decoders):
            state = tuple(
                self._repeat(f"state{level}{number}", part, ahead)
                for number, part in enumerate(finals[level])
            )
            self._decoder_inputs.append(value)
            value, _ = decoder.forward(self._cells[level][0], value, state, None, training)
        units = value.reshape(ahead * rows, size)
        self._units = self._drop(units, generator) if training and shape.dropout else units
        output = self._buffer("output", (ahead * rows, shape.segment * shape.outputs))
        kernels.dense_forward(self._units, self.flat["head.weight"], self.flat["head.bias"], output)
        if self._shortcut_weight is not None:
            self._add_shortcut(output.reshape(ahead, rows, shape.segment, shape.outputs), batch)
        return output.reshape(ahead, rows, -1)

    def backward_batch(self, d_output: Array) -> None:
        """Adds the gradient of every parameter, after ``forward_batch`` in training.

        Args:
            d_output: Gradient of the loss in what ``forward_batch`` returned, same shape.
        """
        shape = self.shape
        size, ahead, rows = shape.hidden_size, shape.segments_out, self._rows
        d_units = self._buffer("d_units", (ahead * rows, size))
        self._dense_adjoint("head", self._units, d_output.reshape(ahead * rows, -1), d_units)
        if shape.dropout:
            d_units *= self._kept
        d_value: Array | None = d_units.reshape(1, ahead * rows, size)
        d_finals = []
        for level in range(shape.num_layers - 1, -1, -1):
            parameters, gradients = self._cells[level]
            d_value, d_state = self._decoders[level].backward(
                parameters, self._decoder_inputs[level], d_value, None, gradients=gradients
            )
            d_finals.append(
                tuple(
                    np.add.reduce(
                        part.reshape(ahead, rows, size),
                        axis=0,
                        out=self._buffer(f"d_final{level}{number}", (rows, size)),
                    )
                    for number, part in enumerate(d_state)
                )
            )
        assert d_value is not None
        self._queries_adjoint(d_value.reshape(ahead, rows, size))
        d_value = None
        for level in range(shape.num_layers - 1, -1, -1):
            parameters, gradients = self._cells[level]
            encoder = self._encoders[level]
            d_value, _ = encoder.backward(
                parameters,
                self._encoder_inputs[level],
                d_value,
                d_finals[shape.num_layers - 1 - level],
                gradients=gradients,
                truncate=self._truncate,
            )
        assert d_value is not None
        self._embed_adjoint(d_value)

    def linear_batch(self, batch: ForecastBatch) -> Array:
        """What the linear forecast says alone: shaped as the outputs, the same in all quantiles."""
        ahead, rows = self.shape.segments_out, batch.x.shape[1]
        output = self._buffer("alone", (ahead, rows, self.shape.segment, self.shape.outputs))
        output[...] = 0.0
        self._add_shortcut(output, batch)
        return output.reshape(ahead, rows, -1)

    def _add_shortcut(self, output: Array, batch: ForecastBatch) -> None:
        """Adds the fixed linear forecast of the window's values to every quantile."""
        assert self._shortcut_weight is not None
        steps, rows, _ = batch.x.shape
        shape = self.shape
        values = batch.x.reshape(steps, rows, shape.segment, shape.inputs)[:, :, :, 0]
        window = self._buffer("window", (rows, steps, shape.segment))
        np.copyto(window, values.transpose(1, 0, 2))
        linear = self._buffer("linear", (rows, len(self._shortcut_weight)))
        kernels.dense_forward(window.reshape(rows, -1), self._shortcut_weight, None, linear)
        ahead = linear.reshape(rows, shape.segments_out, shape.segment).transpose(1, 0, 2)
        output += ahead[:, :, :, None]

    def _embed(self, x: Array) -> Array:
        # e = relu(W_e x + b_e)
        steps, rows, width = x.shape
        embedded = self._buffer("embedded", (steps * rows, self.shape.hidden_size))
        inputs = x.reshape(steps * rows, width)
        kernels.dense_forward(inputs, self.flat["embed.weight"], self.flat["embed.bias"], embedded)
        kernels.activate(_RELU, embedded)
        self._embedded = embedded.reshape(steps, rows, -1)
        return self._embedded

    def _embed_adjoint(self, d_embedded: Array) -> None:
        # e = relu(W_e x + b_e)
        kernels.activation_adjoint(_RELU, self._embedded, d_embedded)
        x = self._batch.x
        d_sum = d_embedded.reshape(-1, self.shape.hidden_size)
        self._dense_adjoint("embed", x.reshape(-1, x.shape[2]), d_sum, None)

    def _queries(self, batch: ForecastBatch) -> Array:
        """``q_j`` for every segment of the horizon and row, ``[J, B, H]``."""
        shape, flat = self.shape, self.flat
        queries = self._buffer("queries", (shape.segments_out, batch.x.shape[1], shape.hidden_size))
        queries[...] = flat["position"][:, None]
        if shape.channels > 1:
            queries += flat["channel"][batch.channel]
        if shape.series:
            queries += flat["series"][batch.series]
        if shape.statics:
            assert batch.static is not None
            queries += self._linear("static", batch.static)
        if shape.futures:
            assert batch.future is not None
            queries += self._linear("future", batch.future)
        return queries

    def _queries_adjoint(self, d_queries: Array) -> None:
        # q_j = position_j + channel + series + W_s static + W_f future_j
        shape, flat, batch = self.shape, self.flat, self._batch
        flat.gradient("position")[...] += d_queries.sum(axis=1)
        if shape.channels > 1 or shape.series or shape.statics:
            d_rows = d_queries.sum(axis=0)
            if shape.channels > 1:
                np.add.at(flat.gradient("channel"), batch.channel, d_rows)
            if shape.series:
                np.add.at(flat.gradient("series"), batch.series, d_rows)
            if shape.statics:
                assert batch.static is not None
                self._linear_adjoint("static", batch.static, d_rows)
        if shape.futures:
            assert batch.future is not None
            self._linear_adjoint("future", batch.future, d_queries)

    def _linear(self, name: str, x: Array) -> Array:
        """``W x`` for the last axis of ``x``."""
        values = self._buffer(name, (*x.shape[:-1], self.shape.hidden_size))
        rows = values.reshape(-1, self.shape.hidden_size)
        inputs = np.ascontiguousarray(x.reshape(len(rows), -1))
        kernels.dense_forward(inputs, self.flat[f"{name}.weight"], None, rows)
        return values

    def _linear_adjoint(self, name: str, x: Array, d_y: Array) -> None:
        """Adds the gradient of ``W`` in ``y = W x``."""
        d_rows = np.ascontiguousarray(d_y.reshape(-1, self.shape.hidden_size))
        inputs = np.ascontiguousarray(x.reshape(len(d_rows), -1))
        weight, d_weight = self.flat[f"{name}.weight"], self.flat.gradient(f"{name}.weight")
        kernels.dense_backward(inputs, weight, d_rows, None, d_weight, None)

    def _repeat(self, name: str, final: Array, times: int) -> Array:
        """The final state of each row, once for every segment of the horizon."""
        rows, size = final.shape
        repeated = self._buffer(name, (times, rows, size))
        repeated[...] = final
        return repeated.reshape(times * rows, size)

    def _drop(self, units: Array, rng: np.random.Generator | None) -> Array:
        assert rng is not None
        probability = self.shape.dropout
        kept = self._kept = self._buffer("kept", units.shape)
        rng.random(out=kept, dtype=self.dtype.type)
        np.greater_equal(kept, probability, out=kept)
        kept *= 1.0 / (1.0 - probability)
        return np.multiply(units, kept, out=self._buffer("dropped", units.shape))

    def _dense_adjoint(self, name: str, x: Array, d_y: Array, d_x: Array | None) -> None:
        """Adds the gradients of ``y = W x + b`` and writes that of ``x``, where it is wanted."""
        flat = self.flat
        kernels.dense_backward(
            x,
            flat[f"{name}.weight"],
            d_y,
            d_x,
            flat.gradient(f"{name}.weight"),
            flat.gradient(f"{name}.bias"),
        )

    def _buffer(self, name: str, shape: tuple[int, ...]) -> Array:
        buffer = self._buffers.get(name)
        if buffer is None:
            buffer = self._buffers[name] = Buffer(self.dtype)
        return buffer(shape)

    def _initialize(self, rng: np.random.Generator) -> None:
        flat, shape = self.flat, self.shape
        draw_dense(flat["embed.weight"], flat["embed.bias"], rng)
        for level in range(shape.num_layers):
            size = shape.hidden_size
            flat.initialize_cell(f"cell{level}", shape.cell, size, size, rng)
        flat["position"][...] = rng.standard_normal(flat["position"].shape)
        for name in ("channel", "series"):
            if name in flat:
                flat[name][...] = rng.standard_normal(flat[name].shape)
        for name in ("static.weight", "future.weight"):
            if name in flat:
                draw_dense(flat[name], None, rng)
        draw_dense(flat["head.weight"], flat["head.bias"], rng)
