"""Back-propagation through time: one batch forward, its loss, and the gradient back again.

A batch goes through the whole model once. Full BPTT carries the gradient back to the first
step; truncated BPTT carries the *state* through the whole sequence as well but cuts the
*gradient* of the state at every multiple of ``truncate`` steps, so that a step is credited only
for what follows within its chunk.

Sources: P. J. Werbos, "Backpropagation through time", Proceedings of the IEEE 78 (1990)
1550-1560; R. J. Williams and J. Peng, "An efficient gradient-based algorithm for on-line
training of recurrent network trajectories", Neural Computation 2 (1990) 490-501.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.backends import kernels
from elman.buffers import Buffer
from elman.data.batches import Batch
from elman.errors import InputError
from elman.losses import Loss

__all__ = ["Backpropagation", "Model"]

Array: TypeAlias = NDArray[Any]


class Model(Protocol):
    """What the training loop needs of a model; :class:`elman.Network` is one.

    A model may also have a true attribute ``recordable``, see :mod:`elman.recording`, and then a
    method ``redraw(generator)`` that draws what its passes read as ``forward_batch`` would.
    """

    def vectors(self) -> tuple[Array, Array]:
        """The flat parameters and the flat gradient, both writeable."""

    def forward_batch(
        self,
        batch: Batch,
        training: bool,
        generator: np.random.Generator | None,
        truncate: int | None,
    ) -> Array:
        """The output of a batch, time-major: ``[T, B, K]``, or ``[B, K]``."""

    def backward_batch(self, d_output: Array) -> None:
        """Adds to the gradient, after one ``forward_batch`` in training. May overwrite."""


class Backpropagation:
    """The gradient of a loss in a model's parameters, batch by batch.

    Args:
        model: Its gradient vector is written.
        loss: Of the model's outputs and the batch's targets.
        truncate: Length of a chunk, or ``None`` for full back-propagation.
        generator: Source of the randomness of dropout.
    """

    def __init__(
        self,
        model: Model,
        loss: Loss,
        truncate: int | None = None,
        generator: np.random.Generator | None = None,
    ) -> None:
        self._model, self._loss = model, loss
        self._truncate, self._generator = truncate, generator
        _, self._gradient = model.vectors()
        self._d_output = Buffer(self._gradient.dtype)

    def __call__(self, batch: Batch) -> tuple[float, float]:
        """The mean loss of a batch and the sum of its weights; the gradient is overwritten."""
        output = self._model.forward_batch(batch, True, self._generator, self._truncate)
        d_output = self._d_output(output.shape)
        if batch.target is None:
            raise InputError("batch: expected targets to learn from, got none")
        live = batch.live if output.ndim == 3 else None
        mean, weight = self._loss(output, batch.target, batch.weight, live, d_output)
        kernels.fill_zero(self._gradient)
        self._model.backward_batch(d_output)
        return mean, weight
