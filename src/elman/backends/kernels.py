"""The fused operations of training beside the recurrence: losses and updates."""

from __future__ import annotations

from elman.backends.reference_losses import loss
from elman.backends.reference_optimizers import adam, clip_gradient, rmsprop, sgd

__all__ = ["adam", "clip_gradient", "loss", "rmsprop", "sgd"]
