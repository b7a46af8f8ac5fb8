"""A cell over time: picks the backend and keeps the buffers that its walks reuse.

Nothing above this module knows which backend runs.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from elman.backends.regularization import PLAIN, Noise, Regularization
from elman.buffers import Buffer
from elman.cells import CELLS, Parameters, State
from elman.errors import BackendUnavailable, InputError

__all__ = ["BACKENDS", "Recurrence"]

Array: TypeAlias = NDArray[Any]

BACKENDS = ("native", "reference")
"""The backends by name, the one that ``auto`` takes first."""


def _backend(name: str) -> ModuleType:
    chosen = BACKENDS[0] if name == "auto" else name
    if chosen not in BACKENDS:
        raise InputError(f"backend: expected 'auto' or one of {', '.join(BACKENDS)}, got {name!r}")
    try:
        return import_module(f"elman.backends.{chosen}")
    except ImportError as error:
        raise BackendUnavailable(
            f"backend: {chosen!r} cannot run here ({error}); reinstall elman, or name "
            f"backend='reference', which is slow"
        ) from error


class Recurrence:
    """One cell of one size, walked over time in one direction.

    The arrays it returns are its own: the next call of the same kind overwrites them.

    Args:
        cell: A name in :data:`elman.cells.CELLS`.
        input_size: Number of inputs, ``D``, at least 1.
        hidden_size: Number of units, ``H``, at least 1.
        bias: Whether the cell has biases.
        reverse: Walk each row from its last live step to step 0.
        dtype: float32 or float64, of every array that passes.
        backend: ``"auto"`` or a name in :data:`BACKENDS`. A named backend is never replaced by
            another; ``self.backend`` says which one runs.
        regularization: Recurrent dropout, zoneout and layer normalisation.

    Raises:
        InputError: If the cell, a size, the dtype or the backend is none of these.
        BackendUnavailable: If the backend cannot run here.
    """

    def __init__(
        self,
        cell: str,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        reverse: bool = False,
        dtype: DTypeLike = np.float32,
        backend: str = "auto",
        regularization: Regularization = PLAIN,
    ) -> None:
        if cell not in CELLS:
            raise InputError(f"cell: expected one of {', '.join(CELLS)}, got {cell!r}")
        for name, size in (("input_size", input_size), ("hidden_size", hidden_size)):
            if size < 1:
                raise InputError(f"{name}: expected a whole number, at least 1, got {size!r}")
        if np.dtype(dtype) not in (np.float32, np.float64):
            raise InputError(f"dtype: expected float32 or float64, got {np.dtype(dtype)}")
        module = _backend(backend)
        self.backend = module.__name__.rpartition(".")[2]
        self.recordable: bool = module.RECORDABLE
        self._forward = module.forward
        self._backward = module.backward
        self._step = module.step
        self._workspace = module.create_workspace(
            cell, input_size, hidden_size, bias, dtype, reverse, regularization
        )
        states = range(len(CELLS[cell].states))
        self._hidden_size = hidden_size
        self._output = Buffer(dtype)
        self._d_x = Buffer(dtype)
        self._final_state = [Buffer(dtype) for _ in states]
        self._d_state = [Buffer(dtype) for _ in states]

    def forward(
        self,
        parameters: Parameters,
        x: Array,
        state: State | None = None,
        live: Array | None = None,
        training: bool = False,
        output: Array | None = None,
        version: int = -1,
        final_state: State | None = None,
        noise: Noise | None = None,
    ) -> tuple[Array, State]:
        """Outputs and the final state.

        Args:
            parameters: The tuple of :class:`elman.cells.Cell`, in PyTorch's layout.
            x: ``[T, B, D]``, last axis contiguous.
            state: The initial state, a tuple of ``[B, H]``; ``None`` means zeros.
            live: ``None``, or how many of the leading rows live at each step.
            training: Keep what :meth:`backward` needs.
            output: Where to write the outputs; ``None`` means memory of this object.
            version: A number that changes whenever the parameters do, which lets a backend keep
                its own copy of them from call to call; -1 makes none of that.
            final_state: Where to write the final state; ``None`` means memory of this object.
            noise: Source of the random numbers of the regularisation; ``None``: none are drawn.

        Returns:
            ``[T, B, H]``, zero at dead positions, and a tuple of ``[B, H]``.
        """
        steps, rows, _ = x.shape
        shape = (rows, self._hidden_size)
        if output is None:
            output = self._output((steps, *shape))
        if final_state is None:
            final_state = tuple([buffer(shape) for buffer in self._final_state])
        self._forward(
            self._workspace,
            parameters,
            x,
            state,
            live,
            output,
            final_state,
            training,
            version,
            noise,
        )
        return output, final_state

    def step(self, parameters: Parameters, x: Array, state: State, version: int = -1) -> State:
        """The state after a single step; its first part is the output.

        Args:
            parameters: As in :meth:`forward`.
            x: ``[B, D]``, C-contiguous.
            state: Tuple of ``[B, H]``, C-contiguous.
            version: As in :meth:`forward`.

        Returns:
            Tuple of ``[B, H]``, new arrays.
        """
        new_state = tuple([part.copy() for part in state])
        self._step(self._workspace, parameters, x, state, new_state, version)
        return new_state

    def backward(
        self,
        parameters: Parameters,
        x: Array,
        d_output: Array | None,
        d_final_state: State | None,
        gradients: Parameters,
        need_d_x: bool = True,
        truncate: int | None = None,
    ) -> tuple[Array | None, State]:
        """Gradients of the inputs and of the initial state; adds those of the parameters.

        Args:
            parameters: Those of the ``forward(training=True)`` just before.
            x: Its inputs.
            d_output: ``[T, B, H]``; ``None`` means zero.
            d_final_state: Tuple of ``[B, H]``; ``None`` means zero.
            gradients: Shaped as ``parameters``; added to.
            need_d_x: Whether the gradient of ``x`` is wanted.
            truncate: ``None``, or the steps of a chunk: no gradient flows back from one chunk
                of time into another.

        Returns:
            ``[T, B, D]`` or ``None``, and a tuple of ``[B, H]``.
        """
        d_x = self._d_x(x.shape) if need_d_x else None
        shape = (x.shape[1], self._hidden_size)
        d_state = tuple([buffer(shape) for buffer in self._d_state])
        self._backward(
            self._workspace,
            parameters,
            x,
            d_output,
            d_final_state,
            d_x,
            d_state,
            gradients,
            truncate,
        )
        return d_x, d_state
