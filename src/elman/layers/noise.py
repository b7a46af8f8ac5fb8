"""Noise on what comes in, in training alone: what makes an autoencoder a denoising one."""

from __future__ import annotations

import numpy as np

from elman.backends import kernels
from elman.checks import one_of, real
from elman.layers.base import Array, Context
from elman.layers.feedforward import Disturbance

__all__ = ["Noise"]

KINDS = ("gaussian", "masking")


class Noise(Disturbance):
    """Disturbs a sequence or a vector in training, anew in every pass; does nothing otherwise.

    ``"gaussian"`` adds N(0, level^2) to every value. ``"masking"`` sets all channels of a step
    (or of a row's vector) to zero with probability ``level`` and leaves the rest as it is, unlike
    :class:`~elman.Dropout`, which drops single channels and scales the others up.

    Args:
        level: Standard deviation, or probability below 1; 0 for none.
        kind: ``"gaussian"`` or ``"masking"``.

    Raises:
        InputError: If the level is out of range, or there is no such kind.

    Source: P. Vincent et al., "Extracting and composing robust features with denoising
    autoencoders", ICML 2008, section 2.3.
    """

    fields = ("level", "kind")

    def __init__(self, level: float = 0.1, kind: str = "gaussian") -> None:
        self.kind = str(one_of("Noise: kind", kind, KINDS))
        if kind == "masking":
            self.level = real("Noise: level", level, 0.0, 1.0, open_above=True)
        else:
            self.level = real("Noise: level", level, 0.0)

    @property
    def strength(self) -> float:
        """``level``."""
        return self.level

    def disturb(self, x: Array, context: Context, generator: np.random.Generator) -> Array:
        """With noise added, or steps left out; zero at dead positions."""
        y = self._y(x.shape)
        if self.kind == "masking":
            kept = self._factor((*x.shape[:-1], 1))
            generator.random(out=kept, dtype=self._dtype.type)
            np.greater_equal(kept, self.level, out=kept)
            np.multiply(x, kept, out=y)
            return y
        generator.standard_normal(out=y, dtype=self._dtype.type)
        y *= self.level
        y += x
        if x.ndim == 3 and context.live is not None:
            kernels.zero_dead(y, context.live)
        return y

    def backward(self, d_y: Array, need_d_x: bool = True) -> Array | None:
        """The gradient of what was let through."""
        if self._active and self.kind == "masking":
            d_y *= self._factor((*d_y.shape[:-1], 1))
        return d_y
