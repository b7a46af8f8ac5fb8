"""Optimizers: how a gradient moves the parameters, and how the learning rate runs.

Semantics, defaults and order of operations are those of ``torch.optim``. An optimizer is a
description; :meth:`Optimizer.start` makes the :class:`Updater` that holds the moments of one
training, so that an optimizer can be used again without carrying anything over.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.backends import kernels
from elman.checks import real
from elman.errors import InputError

__all__ = [
    "OPTIMIZERS",
    "SGD",
    "Adam",
    "AdamW",
    "Optimizer",
    "RMSprop",
    "Updater",
    "make_optimizer",
]

Array: TypeAlias = NDArray[Any]


class Updater(ABC):
    """The moments of one training.

    Attributes:
        steps: How many updates were made.
    """

    steps: int = 0

    @abstractmethod
    def update(self, parameters: Array, gradient: Array, rate: float) -> None:
        """Moves ``parameters`` along ``gradient`` at the learning rate ``rate``, in place."""


class Optimizer(ABC):
    """What every optimizer offers.

    Attributes:
        learning_rate: The rate that a schedule multiplies.
    """

    fields: ClassVar[tuple[str, ...]]

    learning_rate: float

    @abstractmethod
    def start(self, size: int, dtype: Any) -> Updater:
        """Fresh moments for ``size`` parameters of a dtype."""

    def config(self) -> dict[str, Any]:
        """Name and options."""
        return {
            "name": type(self).__name__,
            **{field: getattr(self, field) for field in self.fields},
        }

    def __repr__(self) -> str:
        listed = ", ".join(f"{field}={getattr(self, field)!r}" for field in self.fields)
        return f"{type(self).__name__}({listed})"


class SGD(Optimizer):
    """Stochastic gradient descent.

    Args:
        learning_rate: Step size, above 0.
        momentum: Share of the last step kept, in [0, 1).
        nesterov: Look ahead along the momentum; needs momentum.
        weight_decay: Share of the parameters added to the gradient.

    Raises:
        InputError: If a value is out of range.

    Source: I. Sutskever et al., "On the importance of initialization and momentum in deep
    learning", ICML 2013.
    """

    fields = ("learning_rate", "momentum", "nesterov", "weight_decay")

    def __init__(
        self,
        learning_rate: float = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        self.learning_rate = _rate("SGD", learning_rate)
        self.momentum = real("SGD: momentum", momentum, 0.0, 1.0, open_above=True)
        self.nesterov = bool(nesterov)
        if self.nesterov and not self.momentum:
            raise InputError("SGD: nesterov needs a momentum above 0, got momentum 0")
        self.weight_decay = real("SGD: weight_decay", weight_decay, 0.0)

    def start(self, size: int, dtype: Any) -> Updater:
        """Fresh moments, see :class:`Optimizer`."""
        return _SGDUpdater(self, size, dtype)


class _SGDUpdater(Updater):
    def __init__(self, options: SGD, size: int, dtype: Any) -> None:
        self._options = (options.momentum, options.nesterov, options.weight_decay)
        self._velocity = np.zeros(size, dtype)

    def update(self, parameters: Array, gradient: Array, rate: float) -> None:
        self.steps += 1
        kernels.sgd(parameters, gradient, self._velocity, self.steps, rate, *self._options)


class RMSprop(Optimizer):
    """Steps divided by a running root mean square of the gradient.

    Args:
        learning_rate: Step size, above 0.
        alpha: Memory of the mean square, in [0, 1).
        epsilon: Added to the root.
        momentum: Share of the last step kept, in [0, 1).
        weight_decay: Share of the parameters added to the gradient.

    Raises:
        InputError: If a value is out of range.

    Source: G. Hinton, "Neural networks for machine learning", lecture 6e (2012).
    """

    fields = ("learning_rate", "alpha", "epsilon", "momentum", "weight_decay")

    def __init__(
        self,
        learning_rate: float = 0.01,
        alpha: float = 0.99,
        epsilon: float = 1e-8,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        self.learning_rate = _rate("RMSprop", learning_rate)
        self.alpha = real("RMSprop: alpha", alpha, 0.0, 1.0, open_above=True)
        self.epsilon = real("RMSprop: epsilon", epsilon, 0.0, open_below=True)
        self.momentum = real("RMSprop: momentum", momentum, 0.0, 1.0, open_above=True)
        self.weight_decay = real("RMSprop: weight_decay", weight_decay, 0.0)

    def start(self, size: int, dtype: Any) -> Updater:
        """Fresh moments, see :class:`Optimizer`."""
        return _RMSpropUpdater(self, size, dtype)


class _RMSpropUpdater(Updater):
    def __init__(self, options: RMSprop, size: int, dtype: Any) -> None:
        self._options = (options.alpha, options.epsilon, options.momentum, options.weight_decay)
        self._square, self._velocity = np.zeros(size, dtype), np.zeros(size, dtype)

    def update(self, parameters: Array, gradient: Array, rate: float) -> None:
        self.steps += 1
        kernels.rmsprop(parameters, gradient, self._square, self._velocity, rate, *self._options)


class Adam(Optimizer):
    """Steps from running means of the gradient and of its square, both corrected for bias.

    Args:
        learning_rate: Step size, above 0.
        betas: Memory of the mean and of the mean square, each in [0, 1).
        epsilon: Added to the root of the mean square.
        weight_decay: Share of the parameters added to the gradient.

    Raises:
        InputError: If a value is out of range.

    Source: D. P. Kingma and J. Ba, "Adam", ICLR 2015, algorithm 1.
    """

    fields = ("learning_rate", "betas", "epsilon", "weight_decay")
    decoupled: ClassVar[bool] = False

    def __init__(
        self,
        learning_rate: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        name = type(self).__name__
        self.learning_rate = _rate(name, learning_rate)
        if not isinstance(betas, (tuple, list)) or len(betas) != 2:
            raise InputError(f"{name}: betas: expected two numbers, got {betas!r}")
        first, second = (real(f"{name}: betas", b, 0.0, 1.0, open_above=True) for b in betas)
        self.betas = (first, second)
        self.epsilon = real(f"{name}: epsilon", epsilon, 0.0, open_below=True)
        self.weight_decay = real(f"{name}: weight_decay", weight_decay, 0.0)

    def start(self, size: int, dtype: Any) -> Updater:
        """Fresh moments, see :class:`Optimizer`."""
        return _AdamUpdater(self, size, dtype)


class _AdamUpdater(Updater):
    def __init__(self, options: Adam, size: int, dtype: Any) -> None:
        self._options = (
            *options.betas,
            options.epsilon,
            options.weight_decay,
            options.decoupled,
        )
        self._mean, self._square = np.zeros(size, dtype), np.zeros(size, dtype)

    def update(self, parameters: Array, gradient: Array, rate: float) -> None:
        self.steps += 1
        kernels.adam(
            parameters, gradient, self._mean, self._square, self.steps, rate, *self._options
        )


class AdamW(Adam):
    """Adam whose weight decay shrinks the parameters themselves, not through the gradient.

    Args:
        learning_rate: Step size, above 0.
        betas: Memory of the mean and of the mean square, each in [0, 1).
        epsilon: Added to the root of the mean square.
        weight_decay: Share by which parameters shrink at a learning rate of 1.

    Raises:
        InputError: If a value is out of range.

    Source: I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", ICLR 2019.
    """

    decoupled = True

    def __init__(
        self,
        learning_rate: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(learning_rate, betas, epsilon, weight_decay)


OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "rmsprop": RMSprop,
    "adam": Adam,
    "adamw": AdamW,
}
"""Every optimizer by its short name."""


def make_optimizer(optimizer: str | Optimizer) -> Optimizer:
    """An optimizer from its short name, or the optimizer itself.

    Raises:
        InputError: If there is none of that name.
    """
    if isinstance(optimizer, Optimizer):
        return optimizer
    if not isinstance(optimizer, str) or optimizer.lower() not in OPTIMIZERS:
        raise InputError(
            f"optimizer: expected one of {', '.join(OPTIMIZERS)} or an optimizer such as "
            f"elman.Adam(0.01), got {optimizer!r}"
        )
    return OPTIMIZERS[optimizer.lower()]()


def _rate(name: str, value: float) -> float:
    return real(f"{name}: learning_rate", value, 0.0, open_below=True)
