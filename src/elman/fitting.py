"""Training and judging a network: its arguments, and the data that they become."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from elman.checks import describe, one_of, real, whole
from elman.data.dataset import DataSet
from elman.data.streams import Lanes, Stream, refuse_beside_stream
from elman.errors import InputError
from elman.layers import Dense
from elman.losses import Loss, make_loss
from elman.measures import measures_beside
from elman.optimizers import Optimizer, make_optimizer
from elman.pipeline import Array, Pipeline
from elman.schedules import Schedule, make_schedule
from elman.training import (
    BatchSource,
    EarlyStopping,
    EpochRecord,
    History,
    Options,
    mean_losses,
    train,
)

__all__ = ["Trainable"]


class Trainable(Pipeline):
    """What of a network learns and is judged, see :class:`elman.Network`."""

    loss: Loss | None = None

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        loss: str | Loss = "mse",
        optimizer: str | Optimizer = "adam",
        epochs: int = 10,
        batch_size: int | None = None,
        validation_split: float = 0.0,
        validation_data: tuple[Any, ...] | Stream | None = None,
        validation_rows: str = "last",
        sample_weight: Any = None,
        lengths: Any = None,
        mask: Any = None,
        schedule: str | Schedule | None = None,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        early_stopping: EarlyStopping | int | None = None,
        keep_best: bool = True,
        shuffle: bool = True,
        by_length: bool = False,
        truncate: int | None = None,
        progress: bool | None = None,
        on_epoch: Callable[[EpochRecord], bool | None] | None = None,
    ) -> History:
        """Trains the network, from the weights it has.

        Args:
            X: Inputs, see the class; or a :class:`~elman.Stream` of records longer than memory,
                which brings its own targets, weights and rows of a batch (its lanes).
            y: Targets: ``(N, K)``, or ``(N, T, K)`` or a list of ``(T_i, K)`` if the network
                gives an output for every step. The last axis may be left out where there is
                one channel, and numbers of classes have none.
            loss: ``"mse"``, ``"mae"``, ``"huber"``, ``"pinball"``, ``"cross_entropy"``,
                ``"binary_cross_entropy"``, or a :class:`~elman.losses.Loss`.
            optimizer: ``"sgd"``, ``"rmsprop"``, ``"adam"``, ``"adamw"``, or an optimizer; its
                moments start afresh in every call.
            epochs: How often all rows are seen.
            batch_size: Rows of an update; default: 32.
            validation_split: Share of the rows held out to watch the loss.
            validation_data: ``(X, y)`` or ``(X, y, sample_weight)`` to watch instead; lists
                where lengths are unequal. Beside a stream: a :class:`~elman.Stream`.
            validation_rows: Which rows ``validation_split`` holds out: ``"last"`` (the default,
                right when rows follow each other in time) or ``"random"``. Windows of a series
                that overlap share steps across the cut; hold out windows that begin after the
                last target trained on (``validation_data``) where that matters.
            sample_weight: Weights of rows ``(N,)``, of steps ``(N, T)``, or shaped as ``y``.
                The loss is the weighted mean. Where a weight is 0, ``y`` may be NaN.
            lengths: How many steps of each row are live, ``(N,)``, or ``None`` for all.
            mask: True where a step was observed, ``(N, T)``, or ``None`` for all.
            schedule: ``"constant"``, ``"cosine"``, ``"plateau"``, or a schedule.
            clip_norm: Greatest Euclidean norm of a gradient.
            clip_value: Greatest absolute value of an element of a gradient, after
                ``clip_norm``.
            early_stopping: An :class:`~elman.EarlyStopping`, or its patience in epochs.
            keep_best: Whether to end with the weights of the epoch of the lowest validation
                loss. Without validation data the last weights stay.
            shuffle: Whether rows, or the records of a stream, come in a new random order in
                every epoch.
            by_length: Whether, when shuffled, rows of like length share a batch, so that little
                is padded.
            truncate: Cut the gradient of the state at every multiple of so many steps
                (truncated BPTT); ``None`` for none.
            progress: Whether to show a progress bar on standard error once a second has
                passed; by default if that is a terminal.
            on_epoch: Called with the record of every epoch; training ends if it returns true.

        Returns:
            What every epoch came to. ``interrupted`` is set if Ctrl-C ended the training; the
            network then has the best weights so far.

        Raises:
            InputError: If an argument does not fit; nothing is changed.
            TrainingError: If the loss is no longer finite; the network has the best weights so
                far.
        """
        loss = self._check_loss(make_loss(loss))
        options = Options(
            optimizer=make_optimizer(optimizer),
            schedule=make_schedule(schedule),
            epochs=whole("epochs", epochs),
            clip_norm=_limit("clip_norm", clip_norm),
            clip_value=_limit("clip_value", clip_value),
            early_stopping=_stopping(early_stopping),
            keep_best=bool(keep_best),
            shuffle=bool(shuffle),
            truncate=None if truncate is None else whole("truncate", truncate),
            progress=progress,
            on_epoch=on_epoch,
        )
        one_of("validation_rows", validation_rows, ("last", "random"))
        part = real("validation_split", validation_split, 0.0, 1.0, open_above=True)
        if part and validation_data is not None:
            raise InputError("validation_split: expected 0 beside validation_data, got both")
        if isinstance(X, Stream):
            refuse_beside_stream(
                y=y,
                sample_weight=sample_weight,
                lengths=lengths,
                mask=mask,
                batch_size=batch_size,
                truncate=truncate,
                by_length=by_length or None,
                validation_split=part or None,
            )
            lanes, watched = self._lanes("X", X, loss), None
            if validation_data is not None:
                watched = self._lanes("validation_data", validation_data, loss)
            return self._train(lanes, watched, loss, options)
        batch_size = whole("batch_size", 32 if batch_size is None else batch_size)
        data = self._data(X, y, sample_weight, lengths, loss, mask)
        held_out = None
        if validation_data is not None:
            held_out = self._validation(validation_data, loss)
        elif part:
            data, held_out = data.split(part, validation_rows, self._generator)
        if not len(data):
            raise InputError("X: expected at least one row to train on, got none")
        validation = None if held_out is None else held_out.batches(batch_size)
        return self._train(data.batches(batch_size, bool(by_length)), validation, loss, options)

    def _train(
        self, batches: BatchSource, validation: BatchSource | None, loss: Loss, options: Options
    ) -> History:
        self.loss = loss
        version = self._version
        try:
            return train(self, batches, loss, options, self._generator, validation)
        finally:
            self._version = version  # training has let go of the parameters
            self._parameters_changed()

    def evaluate(
        self,
        X: Any,
        y: Any = None,
        *,
        loss: str | Loss | None = None,
        sample_weight: Any = None,
        lengths: Any = None,
        mask: Any = None,
        batch_size: int = 256,
    ) -> dict[str, float]:
        """The loss, and the measures that go with it.

        Args:
            X: Inputs, or a :class:`~elman.Stream`.
            y: Targets, as :meth:`fit` takes them.
            loss: By default that of the last training, or the mean squared error.
            sample_weight: As :meth:`fit` takes them.
            lengths: As :meth:`fit` takes them.
            mask: As :meth:`fit` takes it.
            batch_size: Rows at a time: decides about memory, not about results.

        Returns:
            ``"loss"``; for a regression also ``"mse"`` and ``"mae"``, for a classification
            ``"accuracy"``: means over live steps, weighted as the loss.

        Raises:
            InputError: If an argument does not fit.
        """
        chosen = self._check_loss(make_loss(loss if loss is not None else self.loss or "mse"))
        batches: BatchSource
        if isinstance(X, Stream):
            refuse_beside_stream(y=y, sample_weight=sample_weight, lengths=lengths, mask=mask)
            batches = self._lanes("X", X, chosen)
        else:
            data = self._data(X, y, sample_weight, lengths, chosen, mask)
            batches = data.batches(whole("batch_size", batch_size))
        measures = {"loss": chosen, **measures_beside(chosen)}
        means = mean_losses(self, batches, list(measures.values()))
        return dict(zip(measures, means, strict=True))

    # --- arguments ---------------------------------------------------------------------------

    def _data(
        self, X: Any, y: Any, weight: Any, lengths: Any, loss: Loss, mask: Any = None
    ) -> DataSet:
        size = None if loss.labels else loss.target_size(self.output_size)
        return DataSet.of_arrays(self._form, X, y, weight, lengths, size, mask)

    def _lanes(self, name: str, stream: Any, loss: Loss) -> Lanes:
        """The lanes of a stream whose states this network carries."""
        if not isinstance(stream, Stream):
            raise InputError(f"{name}: expected a Stream beside a Stream, got {describe(stream)}")
        for layer, signal in zip(self.layers, self._signals[1:], strict=True):
            if signal.kind == "vector" or getattr(layer, "bidirectional", False):
                raise InputError(
                    f"{name}: expected a network that walks forwards and gives an output at every "
                    f"step, as a stream needs, got one with {layer!r}, which waits for the end"
                )
        columns = self._form.columns(None if loss.labels else loss.target_size(self.output_size))
        return stream.open(columns, self._start_state, self.reads_tokens)

    def _start_state(self) -> list[Array]:
        return [part[0] for part in self.initial_state().parts]

    def _validation(self, data: Any, loss: Loss) -> DataSet:
        names = ("X", "y", "sample_weight", "lengths", "mask")
        if isinstance(data, (tuple, list)) and len(data) in (2, 3):
            data = dict(zip(names, data, strict=False))
        if not isinstance(data, Mapping) or not {"X", "y"} <= set(data) <= set(names):
            raise InputError(
                "validation_data: expected (X, y), (X, y, sample_weight) or a mapping of "
                f"{', '.join(names)}, got {describe(data)}"
            )
        X, y, weight, lengths, mask = (data.get(name) for name in names)
        return self._data(X, y, weight, lengths, loss, mask)

    def _check_loss(self, loss: Loss) -> Loss:
        last = self.layers[-1]
        refused = loss.refused_activation
        if refused is not None and isinstance(last, Dense) and last.activation == refused:
            raise InputError(
                f"loss: {loss.name} takes logits and applies {refused} itself, but the network's "
                f"last layer does so already; make it Dense({last.input_size}, "
                f"{last.output_size})"
            )
        return loss


def _limit(name: str, value: float | None) -> float | None:
    return None if value is None else real(name, value, 0.0, open_below=True)


def _stopping(value: EarlyStopping | int | None) -> EarlyStopping | None:
    if value is None or isinstance(value, EarlyStopping):
        return value
    return EarlyStopping(whole("early_stopping", value, 0))
