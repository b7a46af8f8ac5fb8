"""Swings of pendulums of known length: a generated set to try the regression of sequences on."""

from __future__ import annotations

import numpy as np

from elman.data.labelled import Labelled
from elman.data.rows import Rows

__all__ = ["pendulums"]

GRAVITY = 9.81
STEP = 0.1
"""Seconds from one reading to the next."""


def pendulums(rows: int = 800, seed: int = 0) -> Labelled:
    """Records of the angle of a swinging pendulum, and the pendulum's length.

    ``angle(t) = a exp(-d t) cos(sqrt(g / L) t + p) + noise``, read every 0.1 s for 3 to 6 s, in
    degrees: amplitude ``a`` from 5 to 15, damping ``d`` from 0 to 0.3 per second, any phase ``p``,
    noise of deviation 1, and the length ``L`` from 0.2 to 2 metres.

    Args:
        rows: How many pendulums.
        seed: Of all that is drawn.
    """
    rng = np.random.default_rng(seed)
    lengths = np.round(rng.uniform(0.2, 2.0, rows), 4)
    records = []
    for length in lengths:
        time = STEP * np.arange(rng.integers(30, 61))
        swing = np.cos(np.sqrt(GRAVITY / length) * time + rng.uniform(0.0, 2.0 * np.pi))
        swing *= rng.uniform(5.0, 15.0) * np.exp(-rng.uniform(0.0, 0.3) * time)
        records.append(np.round(swing + rng.standard_normal(len(time)), 2)[:, None])
    names = [f"pendulum {number + 1}" for number in range(rows)]
    return Labelled(Rows(records, None, 1), lengths, names, ["angle"], numeric=True)
