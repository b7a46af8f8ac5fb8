"""The contract of a layer, and what a pass through the layers carries along.

A layer is a description (sizes, options) until a network binds it to its place in the flat
parameter vector. Values are time-major: a *sequence* ``[T, B, C]``, a *vector* ``[B, C]`` for
each row, or *tokens* ``[T, B]``, whole numbers. Rows are sorted by length, longest first, and
values at dead positions (past a row's length) are zero, in every value and every gradient.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from elman.errors import InputError

__all__ = ["Array", "Context", "Layer", "Signal", "bind_layers", "named_views"]

Array: TypeAlias = NDArray[Any]

_Layer = TypeVar("_Layer", bound="Layer")


class Signal(NamedTuple):
    """What flows between two layers.

    Attributes:
        kind: ``"tokens"``, ``"sequence"`` or ``"vector"``.
        size: Number of channels; ``None`` where nothing has said it yet.
    """

    kind: str
    size: int | None

    def __str__(self) -> str:
        return self.kind if self.size is None else f"{self.kind} of {self.size}"


class Context:
    """What a pass carries beside the values.

    Attributes:
        training: Whether a backward pass follows, and dropout drops.
        live: ``None`` or int64 ``(T,)``: how many leading rows live at each step.
        lengths: ``None`` (every row lives at every step) or int64 ``(B,)``, descending.
        state: ``None`` or the initial states, one ``[B, H]`` array for each named state of the
            network, in order.
        final_state: ``None`` or arrays like ``state``, to be written.
        begins: ``None`` or bool ``(B,)``: the rows whose state is the network's own initial state,
            which learns from them.
        generator: Source of the randomness of dropout.
        truncate: Length of a chunk of truncated back-propagation, or ``None``.
        version: A number that changes with the parameters, or -1, see :mod:`elman.sequence`.
        rows: ``None``, or int64 ``(B,)``: the number of each row, by which a recurrent layer's
            random numbers are its own, whatever batch it is in.
        steps: Steps of the pass, ``T``, which a vector alone no longer tells.
    """

    __slots__ = (
        "begins",
        "final_state",
        "generator",
        "lengths",
        "live",
        "rows",
        "state",
        "steps",
        "training",
        "truncate",
        "version",
    )

    def __init__(
        self,
        training: bool = False,
        live: Array | None = None,
        lengths: Array | None = None,
        state: Sequence[Array] | None = None,
        final_state: Sequence[Array] | None = None,
        generator: np.random.Generator | None = None,
        truncate: int | None = None,
        version: int = -1,
        begins: Array | None = None,
        rows: Array | None = None,
    ) -> None:
        self.training = training
        self.live = live
        self.lengths = lengths
        self.state = state
        self.final_state = final_state
        self.generator = generator
        self.truncate = truncate
        self.version = version
        self.begins = begins
        self.rows = rows
        self.steps = 0

    @property
    def randomness(self) -> np.random.Generator | None:
        """What layers draw random numbers from: in training, the generator, if there is one."""
        return self.generator if self.training else None


class Layer(ABC):
    """One layer of a network.

    Attributes:
        input_size: Channels the layer reads, or ``None`` if it takes what comes.
        state_offset: Where this layer's states begin among those of the network.
    """

    #: Names of the constructor's arguments, each an attribute too.
    fields: ClassVar[tuple[str, ...]] = ()

    input_size: int | None = None
    state_offset: int = 0

    @property
    def recordable(self) -> bool:
        """Whether, with all rows live, passes in training only call the core.

        They may then be replayed, see :mod:`elman.recording`: nothing between those calls may
        change an array, and nothing may be new in every pass but what :meth:`redraw` draws.
        """
        return False

    def redraw(self, generator: np.random.Generator) -> None:  # noqa: B027 - most draw nothing
        """Draws anew from ``generator`` what a recorded pass reads, as ``forward`` does."""

    @abstractmethod
    def connect(self, incoming: Signal) -> Signal:
        """What comes out when ``incoming`` goes in.

        Raises:
            InputError: If the layer cannot read it.
        """

    @abstractmethod
    def forward(self, x: Array, context: Context) -> Array:
        """What the layer makes of ``x``, in memory of its own that lives until its next call.

        Args:
            x: A sequence ``[T, B, C]``, a vector ``[B, C]`` or tokens ``[T, B]``.
            context: What the pass carries beside it.
        """

    @abstractmethod
    def backward(self, d_y: Array, need_d_x: bool = True) -> Array | None:
        """Adds to the gradients of the parameters and returns that of the input.

        Follows one ``forward`` with ``context.training``.

        Args:
            d_y: The gradient of what ``forward`` gave; may be overwritten.
            need_d_x: Whether the gradient of the input is wanted.
        """

    def step(self, x: Array) -> Array:
        """What the layer makes of the values ``x`` ``[B, C]`` of one step, outside training.

        Recurrent layers have :meth:`RecurrentLayer.walk_step` instead.
        """
        return x

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every parameter, in the order they are stored."""
        return {}

    def initialize(self, generator: np.random.Generator) -> dict[str, Array]:
        """Fresh values for every parameter, drawn from ``generator``."""
        return {}

    def state_sizes(self) -> dict[str, int]:
        """Name and width of every state carried from step to step."""
        return {}

    def bind(  # noqa: B027 - a layer without parameters has nothing to take
        self,
        parameters: Mapping[str, Array],
        gradients: Mapping[str, Array],
        dtype: Any,
        backend: str = "auto",
    ) -> None:
        """Takes its place among the layers of a network.

        Args:
            parameters: Views of the flat parameter vector, by name.
            gradients: Views of the flat gradient vector, by name.
            dtype: float32 or float64.
            backend: Of recurrent layers, see :mod:`elman.sequence`.
        """

    def config(self) -> dict[str, Any]:
        """The constructor's arguments by name."""
        return {name: getattr(self, name) for name in self.fields}

    def clone(self: _Layer, **changes: Any) -> _Layer:
        """A new, unbound layer of the same description, but for ``changes`` by name."""
        return type(self)(**{**self.config(), **changes})

    def __repr__(self) -> str:
        listed = ", ".join(f"{name}={value!r}" for name, value in self.config().items())
        return f"{type(self).__name__}({listed})"

    def _refuse(self, incoming: Signal, expected: str, advice: str = "") -> InputError:
        return InputError(
            f"layers: {type(self).__name__} expected {expected}, got {incoming}"
            + (f"; {advice}" if advice else "")
        )

    def _check_size(self, incoming: Signal, kind: str = "a sequence") -> None:
        if incoming.size is not None and incoming.size != self.input_size:
            raise self._refuse(incoming, f"{kind} of {self.input_size} channels")


def bind_layers(
    layers: Sequence[Layer],
    dtype: Any,
    generator: np.random.Generator,
    backend: str = "auto",
) -> tuple[Array, Array, dict[str, Array], dict[str, Array]]:
    """Gives the layers fresh parameters in one flat vector, and gradients in another.

    Args:
        layers: The layers, in order; each is bound to its views.
        dtype: float32 or float64.
        generator: Source of the initial values, drawn layer by layer.
        backend: The backend of the recurrent layers, see :mod:`elman.sequence`.

    Returns:
        The two vectors, and their named views: ``"{index}.{name}"``.
    """
    shapes = {
        f"{index}.{name}": shape
        for index, layer in enumerate(layers)
        for name, shape in layer.parameter_shapes().items()
    }
    total = sum(int(np.prod(shape)) for shape in shapes.values())
    parameters, gradients = np.zeros(total, dtype), np.zeros(total, dtype)
    views, gradient_views = named_views(parameters, shapes), named_views(gradients, shapes)
    for index, layer in enumerate(layers):
        for name, value in layer.initialize(generator).items():
            views[f"{index}.{name}"][...] = value
        names = layer.parameter_shapes()
        layer.bind(
            {name: views[f"{index}.{name}"] for name in names},
            {name: gradient_views[f"{index}.{name}"] for name in names},
            dtype,
            backend,
        )
    return parameters, gradients, views, gradient_views


def named_views(vector: Array, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Array]:
    """Parts of a flat vector, one after the other, by name and in their shapes."""
    views, offset = {}, 0
    for name, shape in shapes.items():
        size = int(np.prod(shape))
        views[name] = vector[offset : offset + size].reshape(shape)
        offset += size
    return views
