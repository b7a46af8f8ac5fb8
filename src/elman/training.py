"""The training loop: epochs of batches, the best weights kept, and a record of each epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.backends import kernels
from elman.bptt import Backpropagation, Model
from elman.checks import real, whole
from elman.data.batches import Batch, Batches
from elman.errors import InputError, TrainingError
from elman.history import EpochRecord, History
from elman.losses import Loss
from elman.optimizers import Optimizer, Updater
from elman.progress import Progress
from elman.recording import RecordedBatches, RecordedPasses, Report
from elman.schedules import Run, Schedule

__all__ = [
    "BatchSource",
    "EarlyStopping",
    "EpochRecord",
    "History",
    "Options",
    "mean_loss",
    "mean_losses",
    "train",
]

Array: TypeAlias = NDArray[Any]


class BatchSource(Protocol):
    """Where batches come from; :class:`elman.data.batches.Batches` is one."""

    def __len__(self) -> int:
        """Number of batches in an epoch; about, if their order decides about it."""

    def epoch(self, generator: np.random.Generator | None = None) -> Iterator[Batch]:
        """The batches of one epoch, shuffled by the generator if there is one."""


class EarlyStopping:
    """Ends training when the loss has stopped falling.

    The loss watched is that of the validation part, or without one the training loss.

    Args:
        patience: Epochs without improvement that are let pass.
        min_delta: By how much a loss must be lower to count as an improvement.
    """

    def __init__(self, patience: int = 10, min_delta: float = 0.0) -> None:
        self.patience = whole("EarlyStopping: patience", patience, 0)
        self.min_delta = real("EarlyStopping: min_delta", min_delta, 0.0)

    def __repr__(self) -> str:
        return f"EarlyStopping(patience={self.patience}, min_delta={self.min_delta})"


@dataclass
class Options:
    """How to train, see :meth:`elman.Network.fit` for what each option means."""

    optimizer: Optimizer
    schedule: Schedule
    epochs: int = 1
    clip_norm: float | None = None
    clip_value: float | None = None
    early_stopping: EarlyStopping | None = None
    keep_best: bool = True
    shuffle: bool = True
    truncate: int | None = None
    progress: bool | None = None
    on_epoch: Callable[[EpochRecord], bool | None] | None = None

    def __post_init__(self) -> None:
        self.schedule.start(self.epochs)  # refuses what does not fit before any work is done


def train(
    model: Model,
    batches: BatchSource,
    loss: Loss,
    options: Options,
    generator: np.random.Generator,
    validation: BatchSource | None = None,
) -> History:
    """Trains a model in place.

    With validation batches the weights of the best epoch are put back at the end (unless
    ``keep_best`` is off); without, the last ones stay. Ctrl-C ends the training with the best
    weights so far.

    Args:
        model: See :class:`elman.bptt.Model`.
        batches: The training part.
        loss: What is minimised.
        options: See :class:`Options`.
        generator: Source of all randomness: the order of rows and dropout.
        validation: The validation part, if any.

    Returns:
        The record of the training.

    Raises:
        TrainingError: If a loss or a gradient is not finite; the weights are those of the best
            epoch so far, or those before the training.
    """
    return _Training(model, batches, loss, options, generator, validation).run()


def mean_loss(model: Model, batches: BatchSource, loss: Loss) -> float:
    """The loss over all batches, without training; 0 if there is nothing to average."""
    return mean_losses(model, batches, [loss])[0]


def mean_losses(model: Model, batches: BatchSource, losses: Sequence[Loss]) -> list[float]:
    """Several losses over all batches, from one pass; 0 if there is nothing to average."""
    totals, weights = [0.0] * len(losses), [0.0] * len(losses)
    for batch in batches.epoch():
        output = model.forward_batch(batch, False, None, None)
        if batch.target is None:
            raise InputError("batches: expected targets to compare with, got none")
        live = batch.live if output.ndim == 3 else None
        for index, loss in enumerate(losses):
            mean, weight = loss(output, batch.target, batch.weight, live)
            totals[index] += mean * weight
            weights[index] += weight
    return [
        total / weight if weight else 0.0 for total, weight in zip(totals, weights, strict=True)
    ]


class _Training:
    """The state of one training: see :func:`train`."""

    def __init__(
        self,
        model: Model,
        batches: BatchSource,
        loss: Loss,
        options: Options,
        generator: np.random.Generator,
        validation: BatchSource | None,
    ) -> None:
        self.model, self.batches, self.loss = model, batches, loss
        self.options, self.generator, self.validation = options, generator, validation
        self.parameters, self.gradient = model.vectors()
        self.gradients = Backpropagation(model, loss, options.truncate, generator)
        self.updater: Updater = options.optimizer.start(self.parameters.size, self.parameters.dtype)
        self.schedule: Run = options.schedule.start(options.epochs)
        self.recorded: tuple[RecordedPasses, Batches] | None = None
        self.pass_over: Callable[[Batch], Report] = self.run_batch
        if loss.recordable and getattr(model, "recordable", False):
            drawn = getattr(model, "redraw", None)
            redraw = None if drawn is None else partial(drawn, generator)
            if not isinstance(batches, Batches):
                self.pass_over = RecordedBatches(self.run_batch, redraw)
            elif batches.equal:
                self.recorded = RecordedPasses(batches, self.run_batch, redraw), batches
        self.history = History()
        self.best = self.to_beat = math.inf
        self.waited = 0
        self.kept = self.parameters.copy()
        self.rate = options.optimizer.learning_rate

    def run(self) -> History:
        progress = Progress(self.options.epochs, len(self.batches), self.options.progress)
        try:
            for epoch in range(1, self.options.epochs + 1):
                if self.run_epoch(epoch, progress):
                    break
        except KeyboardInterrupt:
            self.history.interrupted = True
        finally:
            progress.close()
        if self.history.interrupted and not self.history.best_epoch:
            return self.history  # no epoch to go back to: the weights are the latest
        restore = self.options.keep_best and self.validation is not None
        if restore or self.history.interrupted:
            self.restore()
        return self.history

    def run_epoch(self, epoch: int, progress: Progress) -> bool:
        """One epoch; whether it was the last."""
        started = time.perf_counter()
        loss, norm = self.run_batches(epoch, progress)
        validation = None
        if self.validation is not None:
            validation = mean_loss(self.model, self.validation, self.loss)
        watched = loss if validation is None else validation
        if not math.isfinite(watched):
            self.fail(epoch, None, watched, norm)
        record = EpochRecord(
            epoch, loss, validation, norm, self.rate, time.perf_counter() - started
        )
        self.history.epochs.append(record)
        self.schedule.observe(watched)
        stop = self.watch(epoch, watched)
        progress.epoch_done(record)
        if self.options.on_epoch is not None and self.options.on_epoch(record):
            stop = True
        return stop

    def run_batches(self, epoch: int, progress: Progress) -> tuple[float, float]:
        """All updates of an epoch; the mean loss and the mean gradient norm."""
        options, schedule, update = self.options, self.schedule, self.updater.update
        parameters, gradient = self.parameters, self.gradient
        base, number = options.optimizer.learning_rate, len(self.batches)
        self.rate = rate = base * schedule.factor(epoch - 1 + 0.5 / max(number, 1))
        total = weights = norms = 0.0
        index = -1
        for index, (mean, weight, norm) in enumerate(self.passes()):
            if schedule.every_step:
                done = min(1.0, (index + 0.5) / number)  # the number of a stream is an estimate
                self.rate = rate = base * schedule.factor(epoch - 1 + done)
            if not (abs(mean) < math.inf and norm < math.inf):  # NaN compares false
                self.fail(epoch, index + 1, mean, norm)
            update(parameters, gradient, rate)
            total += mean * weight
            weights += weight
            norms += norm
            if progress.wanted:
                progress.batch_done(epoch, index)
        return total / weights if weights else 0.0, norms / max(index + 1, 1)

    def passes(self) -> Iterator[Report]:
        """The gradient of each batch of an epoch in turn; what each pass came to."""
        shuffler = self.generator if self.options.shuffle else None
        if self.recorded is None:
            for batch in self.batches.epoch(shuffler):
                yield self.pass_over(batch)
        else:
            recorded, batches = self.recorded
            for rows in batches.epoch_rows(shuffler):
                yield recorded(rows)

    def run_batch(self, batch: Batch) -> Report:
        """The clipped gradient of a batch; loss, weight, and the norm before clipping."""
        mean, weight = self.gradients(batch)
        clip_norm, clip_value = self.options.clip_norm or 0.0, self.options.clip_value or 0.0
        return mean, weight, kernels.clip_gradient(self.gradient, clip_norm, clip_value)

    def watch(self, epoch: int, watched: float) -> bool:
        """Keeps the best weights; whether to stop early."""
        if watched < self.best or not self.history.best_epoch:
            self.best, self.history.best_epoch = watched, epoch
            np.copyto(self.kept, self.parameters)
        stopping = self.options.early_stopping
        if stopping is None:
            return False
        self.waited += 1
        if watched < self.to_beat - stopping.min_delta:
            self.to_beat, self.waited = watched, 0
        self.history.stopped_early = self.waited > stopping.patience
        return self.history.stopped_early

    def restore(self) -> None:
        """Puts the best weights back."""
        np.copyto(self.parameters, self.kept)

    def fail(self, epoch: int, batch: int | None, loss: float, norm: float) -> None:
        """Puts the best weights back and says what happened."""
        self.restore()
        kept = (
            f"those of epoch {self.history.best_epoch}"
            if self.history.best_epoch
            else "those from before the training"
        )
        where = f"batch {batch} of {len(self.batches)}" if batch else "the validation part"
        what = "loss" if not math.isfinite(loss) else "gradient"
        advice = ["a lower learning rate"]
        if self.options.clip_norm is None:
            advice.append("clip_norm=1.0")
        advice.append("inputs and targets scaled to about unit variance")
        raise TrainingError(
            f"the {what} is not finite in epoch {epoch}, {where}: loss {loss:g}, gradient norm "
            f"{norm:g}, learning rate {self.rate:g}. Try {', '.join(advice)}. "
            f"The weights are {kept}."
        )
