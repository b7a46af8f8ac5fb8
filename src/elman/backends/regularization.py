"""What regularises a recurrence from within, as every backend takes it.

Recurrent dropout, zoneout and layer normalisation act inside the walk over time; their equations
stand in :mod:`elman.backends.reference_noise` and :class:`elman.cells.base.LayerNorm`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from numpy.typing import NDArray

__all__ = ["PLAIN", "Noise", "Regularization"]

Array: TypeAlias = NDArray[Any]


@dataclass(frozen=True)
class Regularization:
    """How a recurrence is regularised.

    Attributes:
        recurrent_dropout: Probability with which a unit of the state is hidden from the recurrent
            matrix, for a whole sequence.
        zoneout: Probability, for each state of the cell in its order, with which a unit keeps its
            value of the step before; empty for none at all.
        layer_norm: Whether the products inside the cell are normalised.
    """

    recurrent_dropout: float = 0.0
    zoneout: tuple[float, ...] = ()
    layer_norm: bool = False

    @property
    def random(self) -> bool:
        """Whether training draws random numbers."""
        return self.recurrent_dropout > 0.0 or any(self.zoneout)


PLAIN = Regularization()
"""Nothing of the kind."""


class Noise(NamedTuple):
    """The source of the random numbers of one pass.

    They depend on nothing but the seed, the row, the step and the unit: neither on the other rows
    of the batch nor on padding, threads or instruction sets.

    Attributes:
        seed: uint64 ``(1,)``: read when the pass is made, so a recorded pass draws anew if its
            owner writes a new one.
        rows: ``None``, or int64 ``(B,)``: the number of each row, by which its random numbers are
            known; by default its place in the batch.
    """

    seed: Array
    rows: Array | None = None
