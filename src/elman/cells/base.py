"""The contract of a recurrent cell: what every cell declares, and how one step is written.

A cell is a pure function of one time step, ``(x, state) -> new state``, and its adjoint. It
holds no numbers: the parameters come in and the gradients go out through arguments. Walking
over time is the business of :mod:`elman.sequence`, depth that of :mod:`elman.layers`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "PARAMETER_NAMES",
    "Array",
    "Cell",
    "Parameters",
    "State",
    "affine",
    "affine_adjoint",
    "sigmoid",
]

Array: TypeAlias = NDArray[Any]
State: TypeAlias = tuple[Array, ...]
Parameters: TypeAlias = tuple[Array, Array, Array | None, Array | None]

PARAMETER_NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
"""The order in which a cell's parameters, and their gradients, stand in a tuple."""


class Cell(ABC):
    """One recurrent cell: its parameters, one step forward and the adjoint of that step.

    Shapes, throughout: ``B`` rows, ``D = input_size``, ``H = hidden_size``, ``G`` gates. A
    parameter tuple is ``(weight_ih, weight_hh, bias_ih, bias_hh)`` of shapes ``(G*H, D)``,
    ``(G*H, H)``, ``(G*H,)`` and ``(G*H,)``, gates stacked in the order of :attr:`gates`
    (PyTorch's order); both biases are ``None`` in a cell without bias.

    Attributes:
        name: The key of the cell in :data:`elman.cells.CELLS`.
        gates: One letter for each block of ``H`` rows in the parameters.
        states: Names of the arrays carried from step to step; the first is the output.
    """

    name: ClassVar[str]
    gates: ClassVar[tuple[str, ...]]
    states: ClassVar[tuple[str, ...]] = ("h",)

    def parameter_shapes(
        self, input_size: int, hidden_size: int, bias: bool = True
    ) -> dict[str, tuple[int, ...]]:
        """Name and shape of every parameter, in the order of the parameter tuple."""
        rows = len(self.gates) * hidden_size
        shapes: dict[str, tuple[int, ...]] = {
            "weight_ih": (rows, input_size),
            "weight_hh": (rows, hidden_size),
        }
        if bias:
            shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
        return shapes

    def initialize(
        self, shapes: Mapping[str, tuple[int, ...]], generator: np.random.Generator
    ) -> dict[str, Array]:
        """Draw every parameter from U(-1/sqrt(H), 1/sqrt(H)), as PyTorch does.

        Args:
            shapes: What :meth:`parameter_shapes` returned.
            generator: The source of all randomness; parameters are drawn in order.

        Returns:
            One float64 array for each name in ``shapes``.
        """
        bound = 1.0 / np.sqrt(shapes["weight_hh"][1])
        return {name: generator.uniform(-bound, bound, shape) for name, shape in shapes.items()}

    @abstractmethod
    def step(self, x: Array, state: State, parameters: Parameters) -> tuple[State, Any]:
        """Advance by one time step.

        Args:
            x: Input of the step, ``(B, D)``, of any floating dtype.
            state: One ``(B, H)`` array for each name in :attr:`states`.
            parameters: The parameter tuple, see the class.

        Returns:
            The new state, shaped as ``state``, and what :meth:`adjoint` needs.
        """

    @abstractmethod
    def adjoint(
        self, d_state: State, cache: Any, parameters: Parameters, gradients: Parameters
    ) -> tuple[Array, State]:
        """Carry a gradient backwards through one :meth:`step`.

        Args:
            d_state: Gradient of the loss in the state that ``step`` returned.
            cache: The second value that ``step`` returned.
            parameters: The parameters that ``step`` was given.
            gradients: Arrays shaped as ``parameters``; this step's share is added to them.

        Returns:
            The gradients in ``x``, ``(B, D)``, and in the state that ``step`` was given.
        """


def affine(x: Array, weight: Array, bias: Array | None) -> Array:
    """``y = x W^T + b``, or without ``b`` when there is none."""
    y: Array = x @ weight.T
    return y if bias is None else y + bias


def affine_adjoint(
    d_y: Array, x: Array, weight: Array, d_weight: Array, d_bias: Array | None
) -> Array:
    """Adjoint of :func:`affine`: adds to ``d_weight`` and ``d_bias``, returns ``d_x``."""
    # y = x W^T + b
    d_weight += d_y.T @ x
    if d_bias is not None:
        d_bias += d_y.sum(axis=0)
    d_x: Array = d_y @ weight
    return d_x


def sigmoid(a: Array) -> Array:
    """``1 / (1 + exp(-a))``, exactly 0 where the exponential overflows."""
    with np.errstate(over="ignore"):
        value: Array = 1.0 / (1.0 + np.exp(-a))
    return value
