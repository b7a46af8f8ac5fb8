"""A model's parameters: one flat vector, and names for its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.checks import describe
from elman.errors import InputError
from elman.layers.base import Layer, bind_layers

__all__ = ["FlatParameters", "copy_in"]

Array: TypeAlias = NDArray[Any]


class FlatParameters:
    """Parameters and gradients of layers, each in one flat vector.

    Args:
        layers: The layers, which are bound to their parts.
        dtype: float32 or float64.
        generator: Source of the initial values.
        backend: Of the recurrent layers.
    """

    def __init__(
        self, layers: Sequence[Layer], dtype: Any, generator: np.random.Generator, backend: str
    ) -> None:
        self._parameters, self._gradients, self._views, self._gradient_views = bind_layers(
            layers, dtype, generator, backend
        )
        # A number that changes with the parameters, so that backends may keep what they made of
        # them; -1 once someone outside holds the parameters and may change them unseen.
        self._version = 0

    @property
    def parameters(self) -> Array:
        """All parameters in one flat vector, a read-only view."""
        return _read_only(self._parameters)

    @property
    def gradients(self) -> Array:
        """The latest gradient, laid out as :attr:`parameters`, a read-only view."""
        return _read_only(self._gradients)

    @property
    def parameter_count(self) -> int:
        """Number of parameters."""
        return int(self._parameters.size)

    def set_parameters(self, vector: Any) -> None:
        """Copies ``vector``, all parameters in one, into the network.

        Raises:
            InputError: If it has another size.
        """
        vector = np.asarray(vector)
        if vector.shape != self._parameters.shape:
            raise InputError(
                f"vector: expected shape {self._parameters.shape}, got {describe(vector)}"
            )
        self._parameters[...] = vector
        self._parameters_changed()

    def state_dict(self) -> dict[str, Array]:
        """Every parameter by its name, ``"0.weight_ih_l0"``: read-only views, not copies.

        The number is that of the layer; the rest is PyTorch's name.
        """
        return {name: _read_only(view) for name, view in self._views.items()}

    def gradient_dict(self) -> dict[str, Array]:
        """The latest gradient of every parameter by its name: read-only views, not copies."""
        return {name: _read_only(view) for name, view in self._gradient_views.items()}

    def load_state_dict(self, values: Mapping[str, Any]) -> None:
        """Copies ``values`` in by name; PyTorch tensors on the CPU will do.

        Raises:
            InputError: If a name is missing or unknown, a shape differs or a number is not finite;
                nothing is changed.
        """
        copy_in(self._views, values)
        self._parameters_changed()

    def vectors(self) -> tuple[Array, Array]:
        """The flat parameters and the flat gradient themselves, writeable, for training."""
        self._version = -1
        return self._parameters, self._gradients

    def _parameters_changed(self) -> None:
        if self._version >= 0:
            self._version += 1


def copy_in(views: Mapping[str, Array], values: Mapping[str, Any]) -> None:
    """Copies values into the views of the same names, all of them or none.

    Raises:
        InputError: If a name is missing or unknown, a shape differs, or a number is not finite.
    """
    missing = [name for name in views if name not in values]
    unknown = [name for name in values if name not in views]
    if missing or unknown:
        raise InputError(
            f"values: expected {', '.join(views)}; missing: "
            f"{', '.join(missing) or 'none'}; unknown: {', '.join(unknown) or 'none'}"
        )
    arrays = {name: np.asarray(values[name]) for name in views}
    for name, array in arrays.items():
        if array.shape != views[name].shape:
            raise InputError(
                f"values: expected {name} of shape {views[name].shape}, got {array.shape}"
            )
        if not np.isfinite(array).all():
            raise InputError(f"values: expected finite numbers in {name}, got NaN or infinity")
    for name, array in arrays.items():
        views[name][...] = array


def _read_only(view: Array) -> Array:
    view = view.view()
    view.flags.writeable = False
    return view
