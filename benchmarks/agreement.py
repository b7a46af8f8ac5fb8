"""Do two peers compute the same thing? No time is reported before they do."""

from __future__ import annotations

import numpy as np

TOLERANCE = 1e-3
"""Largest difference allowed, in units of the array's largest value: float32 after 1000 steps."""


class Disagreement(RuntimeError):
    """Two peers differ from the same weights and data, so their times mean nothing."""


def largest_difference(
    case: str,
    peer: str,
    output: np.ndarray,
    gradients: dict[str, np.ndarray],
    reference_peer: str,
    reference_output: np.ndarray,
    reference_gradients: dict[str, np.ndarray],
) -> float:
    """The largest relative difference of outputs and gradients.

    Raises `Disagreement`, naming the array, when it is above `TOLERANCE` or not a number, or
    when one of the peers has no gradient for a parameter.
    """
    if gradients.keys() != reference_gradients.keys():
        odd = sorted(gradients.keys() ^ reference_gradients.keys())
        raise Disagreement(f"{case}: {peer} and {reference_peer} do not share the gradients {odd}")
    pairs = {"output": (output, reference_output)}
    for name, gradient in gradients.items():
        pairs[f"gradient of {name}"] = gradient, reference_gradients[name]
    worst = 0.0
    for name, (one, other) in pairs.items():
        if one.shape != other.shape:
            raise Disagreement(
                f"{case}: {name} has shape {one.shape} in {peer}, {other.shape} in {reference_peer}"
            )
        difference = float(np.abs(one - other).max() / np.abs(other).max())
        if not difference <= TOLERANCE:
            raise Disagreement(
                f"{case}: {name} of {peer} and {reference_peer} differ by {difference:.1e} of its "
                f"largest value (allowed {TOLERANCE:.0e}); no time is reported"
            )
        worst = max(worst, difference)
    return worst
