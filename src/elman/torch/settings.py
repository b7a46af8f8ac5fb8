"""What a level of a recurrent layer is, beside its weights: one direction of it, or both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from elman.backends.regularization import PLAIN, Regularization
from elman.cells import CELLS

__all__ = ["Level"]


class Level(NamedTuple):
    """What a level is, beside its weights.

    Attributes:
        cell: A name in :data:`elman.cells.CELLS`.
        input_size: Channels read, ``D``.
        hidden_size: Units, ``H``.
        bias: Whether there are biases.
        directions: 1 or 2; the second walks each row from its end.
        regularization: Recurrent dropout, zoneout and layer normalisation.
    """

    cell: str
    input_size: int
    hidden_size: int
    bias: bool
    directions: int = 1
    regularization: Regularization = PLAIN

    @property
    def states(self) -> int:
        """How many arrays are carried from step to step."""
        return len(CELLS[self.cell].states)

    @property
    def weights(self) -> int:
        """How many weights a direction has."""
        names = CELLS[self.cell].parameter_names(self.regularization.layer_norm)
        return len(names) - (0 if self.bias else 2)

    def split(self, tensors: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
        """The initial states, if there are any, and the weights that come after them."""
        states = len(tensors) - self.directions * self.weights
        return tensors[:states], tensors[states:]
