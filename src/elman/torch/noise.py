"""The random numbers of recurrent dropout and zoneout in PyTorch's own operations.

The same bits as the core's, on every device and under every transform: the hash that
:mod:`elman.backends.reference_noise` writes down, in 64-bit integers with signs, which are what all
of PyTorch's devices have. Sums and products wrap there as they do without signs; what shifts to
the right must have its new leading bits cleared.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Noise"]

_GOLDEN = 0x9E3779B97F4A7C15
_LOW = 0xFFFFFFFF
_DROPOUT_STREAM = 0
_MOST_STATES = 2


class Noise(NamedTuple):
    """The source of one direction's random numbers.

    Attributes:
        seed: int64, no axes.
        rows: The number by which each row is known, int64 ``(B,)``.
    """

    seed: Tensor
    rows: Tensor

    def dropped(self, units: int, rate: float) -> Tensor:
        """Which units ``(B, units)`` recurrent dropout hides, at all steps alike."""
        return self._happens(_DROPOUT_STREAM, units, rate)

    def zoned_out(self, time: int, state: int, units: int, rate: float) -> Tensor:
        """Which units ``(B, units)`` of a state keep their value of the step before."""
        return self._happens(1 + _MOST_STATES * time + state, units, rate)

    def _happens(self, stream: int, units: int, probability: float) -> Tensor:
        """Booleans, true with the probability."""
        row_keys = _mixed(self.seed + (self.rows + 1) * _signed(_GOLDEN))
        keys = _mixed(row_keys + _signed((stream + 1) * _GOLDEN))[:, None]
        unit = torch.arange(units, device=self.rows.device)
        x = (_shifted(keys, 32) + unit * 0x9E3779B9) & _LOW
        x = (((x ^ (x >> 16)) * 0x21F0AAAD) & _LOW) ^ (keys & _LOW)
        x = ((x ^ (x >> 15)) * 0x735A2D97) & _LOW
        # read as a signed number it is below p 2^32 - 2^31
        return (x ^ 0x80000000) < int(probability * 2.0**32)


def _mixed(z: Tensor) -> Tensor:
    """The finaliser of SplitMix64."""
    z = (z ^ _shifted(z, 30)) * _signed(0xBF58476D1CE4E5B9)
    z = (z ^ _shifted(z, 27)) * _signed(0x94D049BB133111EB)
    return z ^ _shifted(z, 31)


def _shifted(z: Tensor, bits: int) -> Tensor:
    """To the right, with zeros from the left."""
    return (z >> bits) & ((1 << (64 - bits)) - 1)


def _signed(number: int) -> int:
    """The lowest 64 bits of a number, as PyTorch's integers read them."""
    number &= 0xFFFFFFFFFFFFFFFF
    return number - (1 << 64) if number >> 63 else number
