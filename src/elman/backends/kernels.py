"""The compiled operations of training beside the recurrence: losses, updates, batches.

Each has a twin in NumPy, in :mod:`elman.backends.reference_losses`,
:mod:`elman.backends.reference_optimizers` and :mod:`elman.backends.reference_batches`, which is
what it does in so many words, and what the tests hold it against.
"""

from __future__ import annotations

from elman import _core

__all__ = [
    "ACTIVATIONS",
    "LOSSES",
    "Recording",
    "activate",
    "activation_adjoint",
    "adam",
    "add",
    "arrange",
    "clip_gradient",
    "crf_loss",
    "dense_backward",
    "dense_forward",
    "embed",
    "embed_adjoint",
    "fill_zero",
    "first_not_finite",
    "gather",
    "last_adjoint",
    "loss",
    "rmsprop",
    "sgd",
    "zero_dead",
]

LOSSES: dict[str, int] = {name: index for index, name in enumerate(_core.losses)}
"""The number under which the core knows each loss."""

ACTIVATIONS: dict[str, int] = {name: index for index, name in enumerate(_core.activations)}
"""The number under which the core knows each activation."""

Recording = _core.Recording

activate = _core.activate
activation_adjoint = _core.activation_adjoint
adam = _core.adam
add = _core.add
arrange = _core.arrange
clip_gradient = _core.clip_gradient
crf_loss = _core.crf_loss
dense_backward = _core.dense_backward
dense_forward = _core.dense_forward
embed = _core.embed
embed_adjoint = _core.embed_adjoint
fill_zero = _core.fill_zero
first_not_finite = _core.first_not_finite
gather = _core.gather
last_adjoint = _core.last_adjoint
loss = _core.loss
rmsprop = _core.rmsprop
sgd = _core.sgd
zero_dead = _core.zero_dead
