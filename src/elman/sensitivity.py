"""How the outputs of layers change with their inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.data.batches import Batch, Batches, Sequences
from elman.data.dataset import Form
from elman.layers import Context, Layer

__all__ = ["input_gradients"]

Array: TypeAlias = NDArray[Any]


def input_gradients(
    layers: Sequence[Layer],
    form: Form,
    channels: int,
    sequences: Sequences,
    weights: Array,
    batch_size: int,
) -> Array:
    """The gradient of a weighted sum of the outputs, see :meth:`elman.Network.input_gradients`.

    The gradients of the parameters are overwritten on the way.

    Args:
        layers: The layers as they run.
        form: What they read and give.
        channels: Of the result: those read, or of tokens those of their vectors.
        sequences: The inputs.
        weights: Of the outputs, shaped as they.
        batch_size: Rows at a time.
    """
    rows = len(sequences)
    if form.per_step and sequences.mask is not None:
        chosen = Sequences.from_masked(weights, sequences.mask)
        weights = np.zeros((rows, sequences.steps, form.size_out), form.dtype)
        live = np.arange(sequences.steps) < np.asarray(sequences.lengths)[:, None]
        weights[live] = chosen.values
    result = np.zeros((rows, sequences.steps, channels), form.dtype)
    for batch in Batches(sequences, batch_size=batch_size, tokens=form.tokens).epoch():
        seeds = weights[batch.rows]
        if form.per_step:
            seeds = seeds[:, : len(batch.x)].transpose(1, 0, 2)
        slope = _batch_gradient(layers, form, batch, seeds)
        result[batch.rows, : slope.shape[0]] = slope.transpose(1, 0, 2)
    return sequences.spread(result)


def _batch_gradient(layers: Sequence[Layer], form: Form, batch: Batch, seeds: Array) -> Array:
    """The same for a batch, time-major."""
    # of training, whose passes can be walked back, but without a source of randomness
    context = Context(training=True, live=batch.live, lengths=batch.lengths)
    context.steps = len(batch.x)
    value: Any = batch.x
    if form.tokens:
        value = layers[0].forward(value, context)
        layers = layers[1:]
    read = value
    for layer in layers:
        value = layer.forward(value, context)
    slope: Any = np.ascontiguousarray(seeds)
    for layer in reversed(layers):
        slope = layer.backward(slope, True)
    if form.tokens:
        slope = slope * read
    return np.asarray(slope)
