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
    "EPSILON",
    "PARAMETER_NAMES",
    "Affine",
    "Array",
    "Cell",
    "LayerNorm",
    "Parameters",
    "State",
    "affine",
    "affine_adjoint",
    "products",
    "sigmoid",
    "state_norms",
]

Array: TypeAlias = NDArray[Any]
State: TypeAlias = tuple[Array, ...]
Parameters: TypeAlias = tuple[Any, ...]

PARAMETER_NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
"""The order in which a cell's parameters, and their gradients, stand in a tuple."""

NORM_NAMES = ("weight_ln_ih", "bias_ln_ih", "weight_ln_hh", "bias_ln_hh")
"""What follows them with layer normalisation; then comes a pair for each normalised state."""

EPSILON = 1e-5
"""Added to the variance in layer normalisation, as in PyTorch."""


class Cell(ABC):
    """One recurrent cell: its parameters, one step forward and the adjoint of that step.

    Shapes, throughout: ``B`` rows, ``D = input_size``, ``H = hidden_size``, ``G`` gates. A
    parameter tuple is ``(weight_ih, weight_hh, bias_ih, bias_hh)`` of shapes ``(G*H, D)``,
    ``(G*H, H)``, ``(G*H,)`` and ``(G*H,)``, gates stacked in the order of :attr:`gates`
    (PyTorch's order); both biases are ``None`` in a cell without bias. With layer normalisation
    (see :class:`LayerNorm`) four vectors ``(G*H,)`` follow, the gain and the shift of the
    normalised product with the input, ``weight_ln_ih`` and ``bias_ln_ih``, and of that with the
    state, ``weight_ln_hh`` and ``bias_ln_hh``; then a gain and a shift ``(H,)`` for each state in
    :attr:`normalized`, ``weight_ln_c`` and ``bias_ln_c``.

    Attributes:
        name: The key of the cell in :data:`elman.cells.CELLS`.
        gates: One letter for each block of ``H`` rows in the parameters.
        states: Names of the arrays carried from step to step; the first is the output.
        normalized: The states that layer normalisation normalises where the output reads them.
    """

    name: ClassVar[str]
    gates: ClassVar[tuple[str, ...]]
    states: ClassVar[tuple[str, ...]] = ("h",)
    normalized: ClassVar[tuple[str, ...]] = ()

    def parameter_names(self, layer_norm: bool = False) -> tuple[str, ...]:
        """The names of the parameter tuple."""
        if not layer_norm:
            return PARAMETER_NAMES
        of_states = [f"{kind}_ln_{name}" for name in self.normalized for kind in ("weight", "bias")]
        return (*PARAMETER_NAMES, *NORM_NAMES, *of_states)

    def parameter_shapes(
        self, input_size: int, hidden_size: int, bias: bool = True, layer_norm: bool = False
    ) -> dict[str, tuple[int, ...]]:
        """Name and shape of every parameter, in the order of the parameter tuple."""
        rows = len(self.gates) * hidden_size
        shapes: dict[str, tuple[int, ...]] = {
            "weight_ih": (rows, input_size),
            "weight_hh": (rows, hidden_size),
        }
        if bias:
            shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
        for name in self.parameter_names(layer_norm)[len(PARAMETER_NAMES) :]:
            shapes[name] = (rows if name in NORM_NAMES else hidden_size,)
        return shapes

    def initialize(
        self, shapes: Mapping[str, tuple[int, ...]], generator: np.random.Generator
    ) -> dict[str, Array]:
        """Draw every parameter from U(-1/sqrt(H), 1/sqrt(H)), as PyTorch does.

        The gains of layer normalisation are ones and its shifts zeros.

        Args:
            shapes: What :meth:`parameter_shapes` returned.
            generator: The source of all randomness; parameters are drawn in order.

        Returns:
            One float64 array for each name in ``shapes``.
        """
        bound = 1.0 / np.sqrt(shapes["weight_hh"][1])
        values = {}
        for name, shape in shapes.items():
            if "_ln_" in name:
                values[name] = np.full(shape, float(name.startswith("weight")))
            else:
                values[name] = generator.uniform(-bound, bound, shape)
        return values

    @abstractmethod
    def step(
        self, x: Array, state: State, parameters: Parameters, mask: Array | None = None
    ) -> tuple[State, Any]:
        """Advance by one time step.

        Args:
            x: Input of the step, ``(B, D)``, of any floating dtype.
            state: One ``(B, H)`` array for each name in :attr:`states`.
            parameters: The parameter tuple, see the class.
            mask: ``None``, or factors ``(B, H)`` of what the recurrent matrix multiplies:
                recurrent dropout. The state itself is not touched.

        Returns:
            The new state, shaped as ``state``, and what :meth:`adjoint` needs.
        """

    @abstractmethod
    def adjoint(
        self,
        d_state: State,
        cache: Any,
        parameters: Parameters,
        gradients: Parameters,
        mask: Array | None = None,
    ) -> tuple[Array, State]:
        """Carry a gradient backwards through one :meth:`step`.

        Args:
            d_state: Gradient of the loss in the state that ``step`` returned.
            cache: The second value that ``step`` returned.
            parameters: The parameters that ``step`` was given.
            gradients: Arrays shaped as ``parameters``; this step's share is added to them.
            mask: What ``step`` was given.

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


class LayerNorm:
    """Layer normalisation, ``y = gain * (x - mean(x)) / sqrt(var(x) + EPSILON) + shift``.

    Mean and variance are those of each row. Source: J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer
    normalization", arXiv:1607.06450, equations 3 and 4.

    Args:
        gain: ``(C,)``, or its gradient.
        shift: ``(C,)``, or its gradient.
    """

    def __init__(self, gain: Array, shift: Array) -> None:
        self.gain, self.shift = gain, shift

    def forward(self, x: Array) -> tuple[Array, tuple[Array, Array]]:
        """``y`` of ``x`` ``(B, C)``, and what :meth:`adjoint` needs."""
        centred = x - x.mean(axis=1, keepdims=True)
        scale = 1.0 / np.sqrt((centred * centred).mean(axis=1, keepdims=True) + EPSILON)
        normal = centred * scale
        return self.gain * normal + self.shift, (normal, scale)

    def adjoint(self, d_y: Array, cache: tuple[Array, Array], gradients: LayerNorm) -> Array:
        """Adds to ``gradients``, returns the gradient in ``x``."""
        normal, scale = cache
        # y = gain * normal + shift
        gradients.gain += (d_y * normal).sum(axis=0)
        gradients.shift += d_y.sum(axis=0)
        d_normal = d_y * self.gain
        # normal = (x - mean(x)) / sqrt(var(x) + EPSILON)
        along = (d_normal * normal).mean(axis=1, keepdims=True)
        d_x: Array = scale * (d_normal - d_normal.mean(axis=1, keepdims=True) - normal * along)
        return d_x


class Affine:
    """A cell's product with its input or its state, ``y = norm((mask * x) W^T + b)``.

    Args:
        weight: ``(rows, C)``, or its gradient.
        bias: ``(rows,)``, its gradient, or ``None``.
        norm: Layer normalisation of the product, or ``None``.
        mask: Factors ``(B, C)`` of recurrent dropout, or ``None``.
    """

    def __init__(
        self, weight: Array, bias: Array | None, norm: LayerNorm | None, mask: Array | None = None
    ) -> None:
        self.weight, self.bias, self.norm, self.mask = weight, bias, norm, mask

    def rows(self, rows: slice) -> Affine:
        """Some rows of it, over the same memory: the products with some of the gates."""
        norm = self.norm
        return Affine(
            self.weight[rows],
            None if self.bias is None else self.bias[rows],
            None if norm is None else LayerNorm(norm.gain[rows], norm.shift[rows]),
            self.mask,
        )

    def forward(self, x: Array) -> tuple[Array, Any]:
        """``y`` of ``x`` ``(B, C)``, and what :meth:`adjoint` needs."""
        if self.mask is not None:
            x = self.mask * x
        y = affine(x, self.weight, self.bias)
        if self.norm is None:
            return y, (x, None)
        y, kept = self.norm.forward(y)
        return y, (x, kept)

    def adjoint(self, d_y: Array, cache: Any, gradients: Affine) -> Array:
        """Adds to ``gradients``, returns the gradient in ``x``."""
        x, kept = cache
        if self.norm is not None and gradients.norm is not None:
            d_y = self.norm.adjoint(d_y, kept, gradients.norm)
        d_x = affine_adjoint(d_y, x, self.weight, gradients.weight, gradients.bias)
        return d_x if self.mask is None else self.mask * d_x


def products(parameters: Parameters, mask: Array | None = None) -> tuple[Affine, Affine]:
    """The products with the input and with the state, of a parameter tuple or of its gradients."""
    weight_ih, weight_hh, bias_ih, bias_hh, *norms = parameters
    of_input = of_state = None
    if norms:
        of_input, of_state = LayerNorm(norms[0], norms[1]), LayerNorm(norms[2], norms[3])
    return Affine(weight_ih, bias_ih, of_input), Affine(weight_hh, bias_hh, of_state, mask)


def state_norms(parameters: Parameters) -> list[LayerNorm]:
    """The normalisations of the states, of a parameter tuple or of its gradients."""
    pairs = parameters[len(PARAMETER_NAMES) + len(NORM_NAMES) :]
    return [LayerNorm(*pair) for pair in zip(pairs[::2], pairs[1::2], strict=True)]


def sigmoid(a: Array) -> Array:
    """``1 / (1 + exp(-a))``, exactly 0 where the exponential overflows."""
    with np.errstate(over="ignore"):
        value: Array = 1.0 / (1.0 + np.exp(-a))
    return value
