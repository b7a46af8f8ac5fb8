"""The random numbers of recurrent dropout and zoneout, as a function of where they are used.

There is no generator with a state that would have to be walked through in order: each number is
a hash of the pass's seed, the row, a stream number and the unit, so that the core can make it
where it needs it, again on the way back, in any order and on any number of threads::

    row key     = mix(seed + (row + 1) golden)
    stream key  = mix(row key + (stream + 1) golden)         stream 0: recurrent dropout
                                                             stream 1 + 2 t + k: zoneout of
    x = high(stream key) + unit 0x9e3779b9                   state k at time t
    x = (x xor x >> 16) 0x21f0aaad  xor  low(stream key)
    x = (x xor x >> 15) 0x735a2d97

``mix`` is the finaliser of SplitMix64 (G. L. Steele, D. Lea, C. H. Flood, "Fast splittable
pseudorandom number generators", OOPSLA 2014, doi:10.1145/2660193.2660195) and golden its
constant, both in 64 bits; ``x`` has 32 bits and is mixed by two multiplications, with constants
of T. Ettinger's search for hashes of low bias. An event of probability p happens where ``x``, read
as a signed number, is below p 2^32 - 2^31: so p is kept to 2^-32.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["dropout_mask", "happens", "zoned_out"]

Array: TypeAlias = NDArray[Any]

_GOLDEN = 0x9E3779B97F4A7C15
_DROPOUT_STREAM = 0
_MOST_STATES = 2


def dropout_mask(seed: int, rows: Array, hidden_size: int, rate: float) -> Array:
    """Factors ``(B, H)`` of recurrent dropout: 0, or ``1 / (1 - rate)``.

    One mask for all steps, and for all gates. Source: Y. Gal, Z. Ghahramani, "A theoretically
    grounded application of dropout in recurrent neural networks", NIPS 2016, arXiv:1512.05287.
    """
    dropped = happens(seed, rows, _DROPOUT_STREAM, hidden_size, rate)
    return np.where(dropped, 0.0, 1.0 / (1.0 - rate))


def zoned_out(
    seed: int, rows: Array, time: int, state: int, hidden_size: int, rate: float
) -> Array:
    """Which units ``(B, H)`` of a state keep their value of the step before.

    Source: D. Krueger et al., "Zoneout: regularizing RNNs by randomly preserving hidden
    activations", ICLR 2017, arXiv:1606.01305.
    """
    return happens(seed, rows, 1 + _MOST_STATES * time + state, hidden_size, rate)


def happens(seed: int, rows: Array, stream: int, units: int, probability: float) -> Array:
    """Booleans ``(B, units)``, true with the probability, see the module."""
    with np.errstate(over="ignore"):
        golden = np.uint64(_GOLDEN)
        row_keys = _mix(np.uint64(seed) + (rows.astype(np.uint64) + np.uint64(1)) * golden)
        keys = _mix(row_keys + np.uint64((stream + 1) * _GOLDEN & 0xFFFFFFFFFFFFFFFF))
        high = (keys >> np.uint64(32)).astype(np.uint32)[:, None]
        low = keys.astype(np.uint32)[:, None]
        x = high + np.arange(units, dtype=np.uint32) * np.uint32(0x9E3779B9)
        x = (x ^ (x >> np.uint32(16))) * np.uint32(0x21F0AAAD) ^ low
        x = (x ^ (x >> np.uint32(15))) * np.uint32(0x735A2D97)
    below: Array = x.view(np.int32) < int(probability * 2.0**32) - 2**31
    return below


def _mix(z: Array) -> Array:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Array = z ^ (z >> np.uint64(31))
    return mixed
