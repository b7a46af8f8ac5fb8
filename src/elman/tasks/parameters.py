"""Named parameters of a composed model over one flat vector, with their gradients."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.cells import CELLS, PARAMETER_NAMES, Parameters
from elman.layers.base import named_views
from elman.parameters import copy_in

__all__ = ["Array", "FlatParameters", "draw_dense"]

Array: TypeAlias = NDArray[Any]


class FlatParameters:
    """Named arrays that are views of one flat vector, and the same for the gradients.

    Args:
        shapes: Name and shape of every parameter, in the order they are stored.
        dtype: float32 or float64.

    Attributes:
        values: The flat vector.
        gradients: The flat vector of gradients.
    """

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], dtype: Any) -> None:
        total = sum(prod(shape) for shape in shapes.values())
        self.values: Array = np.zeros(total, dtype)
        self.gradients: Array = np.zeros(total, dtype)
        self._views = named_views(self.values, shapes)
        self._gradient_views = named_views(self.gradients, shapes)

    def __getitem__(self, name: str) -> Array:
        return self._views[name]

    def __contains__(self, name: str) -> bool:
        return name in self._views

    def gradient(self, name: str) -> Array:
        """Where the gradient of a parameter is added up."""
        return self._gradient_views[name]

    def cell(self, prefix: str) -> tuple[Parameters, Parameters]:
        """The parameter tuple of a cell stored under ``prefix``, and that of its gradients."""
        values = [self._views[f"{prefix}.{name}"] for name in PARAMETER_NAMES]
        gradients = [self._gradient_views[f"{prefix}.{name}"] for name in PARAMETER_NAMES]
        return (
            (values[0], values[1], values[2], values[3]),
            (gradients[0], gradients[1], gradients[2], gradients[3]),
        )

    def state_dict(self) -> dict[str, Array]:
        """Copies of all parameters by name."""
        return {name: view.copy() for name, view in self._views.items()}

    def load_state_dict(self, state: Mapping[str, Array]) -> None:
        """Takes over all parameters, see :func:`elman.parameters.copy_in`."""
        copy_in(self._views, state)

    def initialize_cell(
        self, prefix: str, cell: str, input_size: int, hidden_size: int, rng: np.random.Generator
    ) -> None:
        """Draws a cell's own initial values."""
        shapes = CELLS[cell].parameter_shapes(input_size, hidden_size, True)
        for name, value in CELLS[cell].initialize(shapes, rng).items():
            self._views[f"{prefix}.{name}"][...] = value


def draw_dense(weight: Array, bias: Array | None, rng: np.random.Generator) -> None:
    """U(-1/sqrt(inputs), 1/sqrt(inputs)), as ``torch.nn.Linear``."""
    bound = 1.0 / np.sqrt(weight.shape[1])
    weight[...] = rng.uniform(-bound, bound, weight.shape)
    if bias is not None:
        bias[...] = rng.uniform(-bound, bound, bias.shape)
