"""Schedules: how the learning rate runs over a training.

A schedule is a description; :meth:`Schedule.start` gives the function of one training. Time is
counted in epochs and their parts: 0 at the first step, 1.5 in the middle of the second epoch.
"""

from __future__ import annotations

import math
from typing import ClassVar

from elman.checks import real, whole
from elman.errors import InputError

__all__ = [
    "SCHEDULES",
    "ConstantRate",
    "CosineDecay",
    "ReduceOnPlateau",
    "Run",
    "Schedule",
    "StepDecay",
    "make_schedule",
]


class Run:
    """A schedule in the course of one training.

    Attributes:
        every_step: Whether the rate changes within an epoch.
    """

    every_step: bool = False

    def factor(self, time: float) -> float:
        """What the optimizer's learning rate is multiplied with at ``time``, in epochs."""
        return 1.0

    def observe(self, loss: float) -> None:
        """Takes note of the loss watched, at the end of each epoch."""


class Schedule:
    """What every schedule offers."""

    fields: ClassVar[tuple[str, ...]] = ()

    def start(self, epochs: int) -> Run:
        """The schedule of a training of so many epochs."""
        return Run()

    def __repr__(self) -> str:
        listed = ", ".join(f"{field}={getattr(self, field)!r}" for field in self.fields)
        return f"{type(self).__name__}({listed})"


class ConstantRate(Schedule):
    """The optimizer's learning rate throughout."""


class StepDecay(Schedule):
    """The rate is multiplied by ``factor`` after every ``epochs`` epochs.

    Args:
        epochs: Length of a step, at least 1.
        factor: In (0, 1].
    """

    fields = ("epochs", "factor")

    def __init__(self, epochs: int, factor: float = 0.1) -> None:
        self.epochs = whole("StepDecay: epochs", epochs)
        self.factor = real("StepDecay: factor", factor, 0.0, 1.0, open_below=True)

    def start(self, epochs: int) -> Run:
        """See :class:`Schedule`."""
        return _StepRun(self)


class _StepRun(Run):
    def __init__(self, options: StepDecay) -> None:
        self._options = options

    def factor(self, time: float) -> float:
        return float(self._options.factor ** int(time // self._options.epochs))


class CosineDecay(Schedule):
    """The rate climbs linearly for ``warmup`` epochs and falls along half a cosine.

    Args:
        warmup: Epochs, or parts of one, of the climb; less than the training has.
        final: Share of the rate left at the end, in [0, 1].

    Source: I. Loshchilov and F. Hutter, "SGDR", ICLR 2017, equation 5; the warm-up: P. Goyal et
    al., "Accurate, large minibatch SGD" (2017), section 2.2.
    """

    fields = ("warmup", "final")

    def __init__(self, warmup: float = 0.0, final: float = 0.0) -> None:
        self.warmup = real("CosineDecay: warmup", warmup, 0.0)
        self.final = real("CosineDecay: final", final, 0.0, 1.0)

    def start(self, epochs: int) -> Run:
        """See :class:`Schedule`.

        Raises:
            InputError: If the warm-up is no shorter than the training.
        """
        if self.warmup >= epochs:
            raise InputError(
                f"schedule: expected a warm-up shorter than the {epochs} epochs of the training, "
                f"got {self.warmup:g}"
            )
        return _CosineRun(self, epochs)


class _CosineRun(Run):
    every_step = True

    def __init__(self, options: CosineDecay, epochs: int) -> None:
        self._warmup, self._final, self._epochs = options.warmup, options.final, epochs

    def factor(self, time: float) -> float:
        if time < self._warmup:
            return time / self._warmup
        share = (time - self._warmup) / (self._epochs - self._warmup)
        return self._final + (1.0 - self._final) * 0.5 * (1.0 + math.cos(math.pi * share))


class ReduceOnPlateau(Schedule):
    """The rate is multiplied by ``factor`` when the loss has stopped falling.

    The loss watched is the validation loss, or without validation data the training loss.

    Args:
        factor: In (0, 1).
        patience: Epochs without improvement that are let pass.
        min_delta: Share of the best loss by which a new one must be lower.
        minimum: Least share of the first rate.
    """

    fields = ("factor", "patience", "min_delta", "minimum")

    def __init__(
        self,
        factor: float = 0.1,
        patience: int = 10,
        min_delta: float = 1e-4,
        minimum: float = 0.0,
    ) -> None:
        self.factor = real(
            "ReduceOnPlateau: factor", factor, 0.0, 1.0, open_below=True, open_above=True
        )
        self.patience = whole("ReduceOnPlateau: patience", patience, 0)
        self.min_delta = real("ReduceOnPlateau: min_delta", min_delta, 0.0, 1.0)
        self.minimum = real("ReduceOnPlateau: minimum", minimum, 0.0, 1.0)

    def start(self, epochs: int) -> Run:
        """See :class:`Schedule`."""
        return _PlateauRun(self)


class _PlateauRun(Run):
    def __init__(self, options: ReduceOnPlateau) -> None:
        self._options = options
        self._factor, self._best, self._waited = 1.0, math.inf, 0

    def factor(self, time: float) -> float:
        return self._factor

    def observe(self, loss: float) -> None:
        options = self._options
        if loss < self._best * (1.0 - options.min_delta):
            self._best, self._waited = loss, 0
            return
        self._waited += 1
        if self._waited > options.patience:
            self._factor = max(self._factor * options.factor, options.minimum)
            self._waited = 0


SCHEDULES: dict[str, type[Schedule]] = {
    "constant": ConstantRate,
    "cosine": CosineDecay,
    "plateau": ReduceOnPlateau,
}
"""The schedules that need no argument, by short name."""


def make_schedule(schedule: str | Schedule | None) -> Schedule:
    """A schedule from its short name, or the schedule itself; ``None`` is constant.

    Raises:
        InputError: If there is none of that name.
    """
    if schedule is None:
        return ConstantRate()
    if isinstance(schedule, Schedule):
        return schedule
    if not isinstance(schedule, str) or schedule not in SCHEDULES:
        raise InputError(
            f"schedule: expected one of {', '.join(SCHEDULES)} or a schedule such as "
            f"elman.StepDecay(10), got {schedule!r}"
        )
    return SCHEDULES[schedule]()
