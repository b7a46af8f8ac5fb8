"""The recurrent cells, one a file, and the registry that everything iterates over.

A new cell is one file here, one in each backend, and one line in :data:`CELLS`: tests,
benchmarks, the command line's choices and the documentation follow from the registry.
"""

from __future__ import annotations

from elman.cells.base import PARAMETER_NAMES, Cell, Parameters, State
from elman.cells.gru import GRUCell, GRUResetBeforeCell
from elman.cells.lstm import LSTMCell
from elman.cells.rnn import RNNReluCell, RNNTanhCell

__all__ = [
    "CELLS",
    "PARAMETER_NAMES",
    "Cell",
    "GRUCell",
    "GRUResetBeforeCell",
    "LSTMCell",
    "Parameters",
    "RNNReluCell",
    "RNNTanhCell",
    "State",
]

CELLS: dict[str, Cell] = {
    cell.name: cell
    for cell in (RNNTanhCell(), RNNReluCell(), LSTMCell(), GRUCell(), GRUResetBeforeCell())
}
"""Every cell by its name."""
