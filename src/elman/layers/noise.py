"""Noise on what comes in, in training alone: what makes an autoencoder a denoising one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from elman.backends import kernels
from elman.buffers import Buffer
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
    def recordable(self) -> bool:
        """Only if nothing is disturbed: every pass draws new numbers."""
        return self.level == 0.0

    def bind(
        self,
        parameters: Mapping[str, Array],
        gradients: Mapping[str, Array],
        dtype: Any,
        backend: str = "auto",
    ) -> None:
        """Makes its buffers."""
        self._dtype = np.dtype(dtype)
        self._kept, self._y = Buffer(dtype), Buffer(dtype)

    def forward(self, x: Array, context: Context) -> Array:
        """``x`` itself outside training; zero at dead positions."""
        generator = context.randomness
        self._active = generator is not None and self.level > 0.0
        if generator is None or not self._active:
            return x
        y = self._y(x.shape)
        if self.kind == "masking":
            kept = self._kept((*x.shape[:-1], 1))
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
            d_y *= self._kept((*d_y.shape[:-1], 1))
        return d_y
