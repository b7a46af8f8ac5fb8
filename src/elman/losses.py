"""Losses: one number for how far outputs lie from targets, and its gradient.

Every loss is the mean over live steps and channels, weighted if weights are given; padding
counts nothing. The arithmetic is native; :mod:`elman.backends.reference_losses` is the same in
NumPy, for reading and for the tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.backends import kernels
from elman.checks import real
from elman.errors import InputError

__all__ = [
    "LOSSES",
    "BinaryCrossEntropy",
    "CrossEntropy",
    "Huber",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "Pinball",
    "make_loss",
]

Array: TypeAlias = NDArray[Any]


class Loss:
    """What every loss offers.

    Attributes:
        name: Its short name, for ``fit(loss=...)``.
        labels: Whether targets are the numbers of classes, one channel of whole numbers.
        refused_activation: An activation that must not stand before this loss, because the
            loss applies it itself.
    """

    name: ClassVar[str]
    kind: ClassVar[str]
    fields: ClassVar[tuple[str, ...]] = ()
    labels: ClassVar[bool] = False
    refused_activation: ClassVar[str | None] = None

    def __init__(self) -> None:
        self._number = kernels.LOSSES[self.kind]
        constants = [np.ravel(getattr(self, field)) for field in self.fields]
        self._constants = np.concatenate([*constants, ()]).astype(np.float64)

    @property
    def recordable(self) -> bool:
        """Whether it only calls the core, see :mod:`elman.recording`."""
        return type(self).__call__ is Loss.__call__

    def target_size(self, output_size: int) -> int:
        """Channels of a target for ``output_size`` channels of output."""
        return output_size

    def __call__(
        self,
        output: Array,
        target: Array,
        weight: Array | None = None,
        live: Array | None = None,
        gradient: Array | None = None,
    ) -> tuple[float, float]:
        """The mean loss, and its gradient.

        Args:
            output: ``[T, B, K]`` or ``[B, K]``, time-major.
            target: ``[T, B, C]`` or ``[B, C]``; whole numbers (int64) if :attr:`labels`.
            weight: ``None``, or like the target, or like it with one channel; not negative.
            live: ``None`` or int64 ``(T,)``: how many leading rows live at each step.
            gradient: ``None``, or shaped as ``output``: written, zero at dead positions.

        Returns:
            The mean, and the sum of the weights it is a mean over: without weights the number
            of live elements. Both are 0 where there is nothing to average.
        """
        value: tuple[float, float] = kernels.loss(
            self._number, output, target, weight, live, self._constants, gradient
        )
        return value

    def config(self) -> dict[str, Any]:
        """Name and options, for a saved model."""
        return {"name": self.name, **{field: getattr(self, field) for field in self.fields}}

    def __repr__(self) -> str:
        listed = ", ".join(f"{field}={getattr(self, field)!r}" for field in self.fields)
        return f"{type(self).__name__}({listed})"


class MeanSquaredError(Loss):
    """``(y - t)^2``, the mean over live steps and channels. Short name ``"mse"``."""

    name = "mse"
    kind = "squared"


class MeanAbsoluteError(Loss):
    """``|y - t|``, the mean over live steps and channels. Short name ``"mae"``."""

    name = "mae"
    kind = "absolute"


class Huber(Loss):
    """Squared near zero, absolute beyond ``delta``. Short name ``"huber"``.

    ``e^2 / 2`` for ``|e| <= delta``, else ``delta (|e| - delta / 2)``, as ``torch.nn.HuberLoss``.

    Args:
        delta: Where the two meet, above 0.

    Source: P. J. Huber, "Robust estimation of a location parameter", Annals of Mathematical
    Statistics 35 (1964) 73-101.
    """

    name = "huber"
    kind = "huber"
    fields = ("delta",)

    def __init__(self, delta: float = 1.0) -> None:
        self.delta = real("Huber: delta", delta, 0.0, open_below=True)
        super().__init__()


class Pinball(Loss):
    """The loss that quantiles minimise, the mean over several. Short name ``"pinball"``.

    ``max(q (t - y), (q - 1) (t - y))``. The network needs ``C * Q`` outputs for targets of
    ``C`` channels: the ``Q`` quantiles of the first channel, then those of the second ...

    Args:
        quantiles: One or more, each strictly between 0 and 1.

    Source: R. Koenker and G. Bassett, "Regression quantiles", Econometrica 46 (1978) 33-50.
    """

    name = "pinball"
    kind = "pinball"
    fields = ("quantiles",)

    def __init__(self, quantiles: Sequence[float] = (0.1, 0.5, 0.9)) -> None:
        if isinstance(quantiles, str) or not np.iterable(quantiles) or not len(list(quantiles)):
            raise InputError(
                f"Pinball: quantiles: expected numbers between 0 and 1, got {quantiles!r}"
            )
        self.quantiles = tuple(
            real("Pinball: quantiles", float(q), 0.0, 1.0, open_below=True, open_above=True)
            for q in quantiles
        )
        super().__init__()

    def target_size(self, output_size: int) -> int:
        """Outputs for each target: as many as quantiles.

        Raises:
            InputError: If ``output_size`` is no multiple of their number.
        """
        number = len(self.quantiles)
        if output_size % number:
            raise InputError(
                f"loss: Pinball of {number} quantiles needs a multiple of {number} outputs, the "
                f"network has {output_size}; give its last layer {number} outputs a target"
            )
        return output_size // number


class CrossEntropy(Loss):
    """Softmax and negative log likelihood of a class. Short name ``"cross_entropy"``.

    Outputs are logits, one channel a class; targets are the classes' numbers, from 0.

    Args:
        smoothing: Share of the target that is spread evenly over all ``K`` classes, so that the
            right one has ``1 - smoothing + smoothing / K``; in [0, 1).

    Source: C. Szegedy et al., "Rethinking the Inception architecture", CVPR 2016, section 7, for
    the smoothing.
    """

    name = "cross_entropy"
    kind = "cross_entropy"
    labels = True
    refused_activation = "softmax"

    def __init__(self, smoothing: float = 0.0) -> None:
        self.smoothing = real("CrossEntropy: smoothing", smoothing, 0.0, 1.0, open_above=True)
        super().__init__()

    @property
    def recordable(self) -> bool:
        """Unless it is smoothed, which NumPy does."""
        return super().recordable and not self.smoothing

    def config(self) -> dict[str, Any]:
        """Name and options, for a saved model."""
        return {"name": self.name, **({"smoothing": self.smoothing} if self.smoothing else {})}

    def __call__(
        self,
        output: Array,
        target: Array,
        weight: Array | None = None,
        live: Array | None = None,
        gradient: Array | None = None,
    ) -> tuple[float, float]:
        """The mean loss, and its gradient, see :meth:`Loss.__call__`."""
        mean, total = super().__call__(output, target, weight, live, gradient)
        if not self.smoothing or not total:
            return mean, total
        # -log p_t becomes -log p_t + s (z_t - mean z): the rest of both terms is the same
        share = np.ones(target.shape) if weight is None else np.broadcast_to(weight, target.shape)
        if live is not None:
            share = share * (np.arange(target.shape[1]) < live[:, None])[..., None]
        share = np.asarray(share, output.dtype) * (self.smoothing / total)
        right = np.where(share > 0.0, target, 0)  # where a weight is 0 a label may be anything
        away = output.mean(axis=-1, keepdims=True)
        away = np.take_along_axis(output, right, axis=-1) - away
        away = np.where(share > 0.0, away, 0.0)
        if gradient is not None:
            gradient -= share / output.shape[-1]
            picked = np.take_along_axis(gradient, right, axis=-1) + share
            np.put_along_axis(gradient, right, picked, axis=-1)
        return mean + float((share * away).sum()), total

    def target_size(self, output_size: int) -> int:
        """One: the number of the class."""
        return 1


class BinaryCrossEntropy(Loss):
    """Sigmoid and negative log likelihood. Short name ``"binary_cross_entropy"``.

    Outputs are logits; targets are 0 or 1, or probabilities between.
    """

    name = "binary_cross_entropy"
    kind = "binary_cross_entropy"
    refused_activation = "sigmoid"


LOSSES: dict[str, type[Loss]] = {
    loss.name: loss
    for loss in (
        MeanSquaredError,
        MeanAbsoluteError,
        Huber,
        Pinball,
        CrossEntropy,
        BinaryCrossEntropy,
    )
}
"""Every loss by its short name."""


def make_loss(loss: str | Loss) -> Loss:
    """A loss from its short name, or the loss itself.

    Raises:
        InputError: If there is none of that name.
    """
    if isinstance(loss, Loss):
        return loss
    if not isinstance(loss, str) or loss not in LOSSES:
        raise InputError(
            f"loss: expected one of {', '.join(LOSSES)} or a Loss such as elman.Huber(0.5), "
            f"got {loss!r}"
        )
    return LOSSES[loss]()


def loss_from_config(config: dict[str, Any]) -> Loss:
    """The loss that :meth:`Loss.config` described."""
    options = dict(config)
    return LOSSES[options.pop("name")](**options)
