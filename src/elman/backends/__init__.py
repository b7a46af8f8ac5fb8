"""The backends: modules that walk a cell over time, all with the same functions.

:class:`Backend` states what those functions are and what they promise. A backend trusts its
caller: shapes, dtypes and memory order are checked once, in :mod:`elman.sequence`.

Arrays are time-major, ``[T, B, C]``, the rows of a batch sorted by length, longest first.
``live`` is ``None`` (every row lives at every step) or a non-increasing int64 array ``(T,)``:
how many of the leading rows live at each step. Values at dead positions are never read (they
may be NaN), and outputs there are written as zero.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

from numpy.typing import DTypeLike, NDArray

from elman.backends.regularization import PLAIN, Noise, Regularization
from elman.cells import Parameters, State

__all__ = ["Backend"]

_Array: TypeAlias = NDArray[Any]


class Backend(Protocol):
    """What a backend module offers. ``T`` steps, ``B`` rows, ``D`` inputs, ``H`` units.

    Attributes:
        RECORDABLE: Whether walks only call the core, see :mod:`elman.recording`.
    """

    RECORDABLE: bool

    @staticmethod
    def create_workspace(
        cell: str,
        input_size: int,
        hidden_size: int,
        bias: bool,
        dtype: DTypeLike,
        reverse: bool,
        regularization: Regularization = PLAIN,
    ) -> Any:
        """Everything a walk keeps between calls, for one cell of one size.

        Args:
            cell: A name in :data:`elman.cells.CELLS`.
            input_size: Number of inputs, ``D``, at least 1.
            hidden_size: Number of units, ``H``, at least 1.
            bias: Whether the cell has biases.
            dtype: float32 or float64, of every array that passes the border.
            reverse: Walk each row from its last live step to step 0.
            regularization: Recurrent dropout, zoneout and layer normalisation.
        """

    @staticmethod
    def forward(
        workspace: Any,
        parameters: Parameters,
        x: _Array,
        state: State | None,
        live: _Array | None,
        output: _Array,
        final_state: State,
        training: bool,
        version: int = -1,
        noise: Noise | None = None,
    ) -> None:
        """Walk the cell over time.

        Args:
            workspace: From :meth:`create_workspace`.
            parameters: ``(weight_ih, weight_hh, bias_ih, bias_hh)``, C-contiguous; biases
                ``None`` in a cell without bias. With layer normalisation its gains and shifts
                follow, see :class:`elman.cells.Cell`.
            x: ``[T, B, D]``, last axis contiguous.
            state: The initial state, a tuple of ``[B, H]``; ``None`` means zeros.
            live: See the module.
            output: ``[T, B, H]``, written; may be a strided view, last axis contiguous.
            final_state: Tuple of ``[B, H]``, written: the state of each row after its last
                live step, and the initial state of a row of length zero.
            training: Keep in the workspace what :meth:`backward` needs.
            version: A number that changes whenever the parameters do: while it stays the same a
                backend may use what it derived from them in an earlier call; -1 forbids that.
            noise: Source of the random numbers of recurrent dropout and zoneout. ``None`` means
                that nothing is random: nothing is dropped, and in place of zoneout's choice
                stands its expectation, in training too.
        """

    @staticmethod
    def step(
        workspace: Any,
        parameters: Parameters,
        x: _Array,
        state: State,
        new_state: State,
        version: int,
    ) -> None:
        """Walk a single step forward, as often as a stream has steps; never in training.

        Args:
            workspace: From :meth:`create_workspace`.
            parameters: As in :meth:`forward`.
            x: ``[B, D]``, C-contiguous.
            state: Tuple of ``[B, H]``, C-contiguous.
            new_state: Shaped as ``state``, written; other memory than ``state``.
            version: As in :meth:`forward`.
        """

    @staticmethod
    def backward(
        workspace: Any,
        parameters: Parameters,
        x: _Array,
        d_output: _Array | None,
        d_final_state: State | None,
        d_x: _Array | None,
        d_state: State | None,
        gradients: Parameters,
        truncate: int | None,
    ) -> None:
        """Back-propagate through time; consumes what ``forward(training=True)`` kept.

        Args:
            workspace: The one that went through ``forward``, with the same ``parameters``
                and ``x``.
            parameters: As in :meth:`forward`.
            x: As in :meth:`forward`.
            d_output: Gradient of the loss in ``output``; ``None`` means zero.
            d_final_state: Gradient in ``final_state``; ``None`` means zero.
            d_x: ``[T, B, D]``, written; ``None`` when not wanted.
            d_state: Tuple of ``[B, H]``, written with the gradient in the initial state;
                ``None`` when not wanted.
            gradients: Shaped as ``parameters``; added to.
            truncate: ``None``, or tau, the length of a chunk of time: chunk k holds the steps
                k tau to (k+1) tau - 1, in both directions. No gradient flows through the
                state from one chunk into another; it does flow into the initial state.
        """
