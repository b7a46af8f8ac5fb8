"""What a walk in Keras's layout is, for its bridges."""

from __future__ import annotations

from typing import NamedTuple

from elman.cells import CELLS

__all__ = ["Plan"]


class Plan(NamedTuple):
    """What a walk is, beside its arrays; the core reads it as it is.

    The arrays come in this order: ``x (B, T, D)``; each state ``(B, H)``; ``kernel (D, G H)``;
    ``recurrent_kernel (H, G H)``; with ``bias`` that of Keras; with ``recurrent_dropout`` the
    factors ``(B, H)``; with ``masked`` the mask ``(B, T)``. A walk gives ``(B, T, H)``, or ``(B,
    H)`` for the last output alone, and each state.

    Attributes:
        cell: A name in :data:`elman.cells.CELLS`.
        bias: Whether there is a bias.
        go_backwards: Whether the last step is the first one read; outputs come in that order.
        all_outputs: Whether there is an output for every step, not the last alone.
        masked: Whether a mask comes with the inputs: true where a step is observed.
        zero_masked: Whether the output of a masked step is zero, not that of the step before it.
        begins: Whether a masked step before all others gives the initial state, as Keras has it on
            JAX, and not zeros, as it has it elsewhere.
        recurrent_dropout: Whether the recurrent kernel reads the state times given factors.
        by_gate: Whether these are each gate's own, of the inputs as well as of the state: ``(G, B,
            D + H)``, in the order of Keras's gates.
    """

    cell: str
    bias: bool
    go_backwards: bool
    all_outputs: bool
    masked: bool
    zero_masked: bool
    begins: bool
    recurrent_dropout: bool = False
    by_gate: bool = False

    @property
    def states(self) -> int:
        """How many arrays are carried from step to step."""
        return len(CELLS[self.cell].states)
