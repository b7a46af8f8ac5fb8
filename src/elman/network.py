"""Networks: layers in a row over one flat parameter vector."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.checks import describe, one_of, real, whole
from elman.crossing import Crossing
from elman.data.batches import Batch, Batches, Sequences
from elman.data.dataset import DataSet, Form
from elman.data.streams import Lanes, Stream, refuse_beside_stream
from elman.errors import InputError
from elman.layers import LAYERS, Context, Dense, Dropout, Layer, MarkMissing, RecurrentLayer
from elman.layers.chain import clone_layers, connect, fuse
from elman.losses import Loss, loss_from_config, make_loss
from elman.measures import measures_beside
from elman.optimizers import Optimizer, make_optimizer
from elman.parameters import FlatParameters
from elman.saving import read_model, write_model
from elman.schedules import Schedule, make_schedule
from elman.sequence import BACKENDS
from elman.state import NetworkState, check_state
from elman.streaming import Stepper
from elman.summary import summarize
from elman.training import (
    BatchSource,
    EarlyStopping,
    EpochRecord,
    History,
    Options,
    mean_losses,
    train,
)

__all__ = ["Network"]

Array: TypeAlias = NDArray[Any]


class Network(FlatParameters, Crossing):
    """Layers in a row, from sequences to sequences or to one vector for each sequence.

    Inputs are arrays ``(N, T, C)``, or lists of arrays ``(T_i, C)`` of unequal lengths, or
    arrays with ``lengths``; the last axis may be left out where there is one channel. Where a
    ``mask`` says that a step was not observed, the network goes from the step before it to the
    step after it, as if it were not there. Missing values (NaN) are refused, unless the network
    begins with :class:`~elman.MarkMissing`. A result never depends on padding, on the other rows
    or on the batch size. A network works in buffers of its own: use it in one thread at a time,
    and copies (``copy.deepcopy``) in others.

    Args:
        layers: The layers in order; the network works on copies of them.
        seed: Of the one generator that draws initial weights, the order of rows in training
            and dropout: an int, a ``numpy.random.Generator`` or ``None`` for a fresh one.
        dtype: ``"float32"`` or ``"float64"``, of all arithmetic.
        backend: What computes the recurrent layers: ``"auto"``, ``"native"`` or
            ``"reference"``.

    Attributes:
        layers: The layers, a tuple.
        dtype: The dtype.
        loss: The loss of the last training, or ``None``.
        backend: The backend that runs: ``"native"`` or ``"reference"``.

    Raises:
        InputError: If two neighbouring layers do not fit.

    Example:
        >>> network = Network([RNN(1, 16), Last(), Dense(16, 1)], seed=0)
        >>> history = network.fit(X, y, epochs=50)
        >>> network.predict(X)
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        *,
        seed: int | np.random.Generator | None = 0,
        dtype: Any = "float32",
        backend: str = "auto",
    ) -> None:
        self.layers = clone_layers(layers)
        self.dtype = _float_type(dtype)
        self.loss: Loss | None = None
        self._signals = connect(self.layers)
        first, last = self._signals[0], self._signals[-1]
        self._form = Form(
            self.dtype,
            tokens=first.kind == "tokens",
            size_in=first.size or 0,
            size_out=last.size or 0,
            per_step=last.kind == "sequence",
            missing=isinstance(self.layers[0], MarkMissing),
        )
        self._generator = _generator_of(seed)
        super().__init__(self.layers, self.dtype, self._generator, backend)
        recurrent = (layer for layer in self.layers if isinstance(layer, RecurrentLayer))
        self.backend = next((layer.backend for layer in recurrent), BACKENDS[0])
        self._state_sizes: dict[str, int] = {}
        for index, layer in enumerate(self.layers):
            layer.state_offset = len(self._state_sizes)
            sizes = layer.state_sizes()
            self._state_sizes |= {f"{index}.{name}": size for name, size in sizes.items()}
        self._state_names = tuple(self._state_sizes)
        self._pipeline = fuse(self.layers)
        trained = [i for i, layer in enumerate(self._pipeline) if layer.parameter_shapes()]
        self._first_trained = trained[0] if trained else len(self._pipeline)
        self._context = Context()
        self._stepper = Stepper(self._pipeline, self._form, self._state_sizes, self.initial_state)

    # --- what the network is -----------------------------------------------------------------

    @property
    def input_size(self) -> int:
        """Channels read; 1 for tokens."""
        return 1 if self._form.tokens else self._form.size_in

    @property
    def output_size(self) -> int:
        """Channels given."""
        return self._form.size_out

    @property
    def reads_tokens(self) -> bool:
        """Whether inputs are whole numbers, for an :class:`~elman.Embedding`."""
        return self._form.tokens

    @property
    def per_step(self) -> bool:
        """Whether there is an output for every step, not one for each row."""
        return self._form.per_step

    def summary(self) -> str:
        """The network as a table: layers, what they give, parameters."""
        return summarize(self.layers, self._signals, self.dtype.name)

    def __repr__(self) -> str:
        return f"Network\n{self.summary()}"

    # --- saving ------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str], overwrite: bool = False) -> None:
        """Writes a folder: ``network.json`` and ``weights.safetensors``.

        The state of the generator is saved too, so that training a loaded network goes on
        exactly as training the saved one would.

        Args:
            path: The folder; its parent must exist.
            overwrite: Whether a model that elman saved there may be replaced.

        Raises:
            InputError: If something stands there that must not be replaced.
        """
        write_model(path, "network", self._description(), self._views, overwrite)

    @classmethod
    def from_saved(cls, path: str | os.PathLike[str], *, backend: str = "auto") -> Network:
        """Reads what :meth:`save` wrote; :func:`elman.load` does so for every kind of model.

        Args:
            path: The folder.
            backend: As for a new network.

        Raises:
            InputError: If there is no saved network, or it is damaged, or of a later format.
        """
        description, tensors = read_model(path, "network")
        try:
            network = cls._from_description(description, backend)
        except InputError:
            raise
        except (KeyError, OverflowError, TypeError, ValueError) as error:
            raise InputError(f"path: the description in {path} is damaged: {error}") from error
        try:
            network.load_state_dict(tensors)
        except InputError as error:
            raise InputError(f"path: the weights in {path} do not fit: {error}") from error
        return network

    def _description(self) -> dict[str, Any]:
        """All but the parameters, as plain values."""
        return {
            "layers": [{"type": type(layer).__name__, **layer.config()} for layer in self.layers],
            "dtype": self.dtype.name,
            "loss": None if self.loss is None else self.loss.config(),
            "generator": self._generator.bit_generator.state,
        }

    def __reduce__(self) -> Any:
        """For copies, and for other processes: the compiled workspaces are made anew."""
        return _rebuild, (type(self), self._description(), self.backend, self._parameters.copy())

    @classmethod
    def _from_description(cls, description: dict[str, Any], backend: str) -> Network:
        layers = []
        for entry in description["layers"]:
            options = dict(entry)
            kind = one_of("layers: type", options.pop("type"), LAYERS)
            layers.append(LAYERS[kind](**options))
        network = cls(layers, dtype=description["dtype"], backend=backend)
        if description["loss"] is not None:
            network.loss = loss_from_config(description["loss"])
        state = description["generator"]
        if state["bit_generator"] != "PCG64":
            raise InputError(f"generator: expected a PCG64, got {state['bit_generator']!r}")
        network._generator = np.random.Generator(np.random.PCG64())
        network._generator.bit_generator.state = state
        return network

    # --- passes ------------------------------------------------------------------------------

    def predict(
        self, X: Any, *, lengths: Any = None, mask: Any = None, batch_size: int = 256
    ) -> Any:
        """The outputs.

        Args:
            X: Inputs, see the class.
            lengths: How many steps of each row are live, ``(N,)``, or ``None`` for all.
            mask: True where a step was observed, ``(N, T)``, or ``None`` for all.
            batch_size: Rows at a time: decides about memory, not about results.

        Returns:
            ``(N, K)`` if the network ends in one vector a row; else ``(N, T, K)``, zero past a
            row's length and at steps not observed, or a list of ``(T_i, K)`` if ``X`` is a list.

        Raises:
            InputError: If ``X`` does not fit the network, or is not finite.
        """
        sequences = self._form.inputs(X, lengths, mask)
        output, _ = self._run(sequences, None, whole("batch_size", batch_size))
        return _as_came(output, sequences, self.per_step and isinstance(X, (list, tuple)))

    def forward(
        self,
        X: Any,
        state: NetworkState | None = None,
        lengths: Any = None,
        *,
        mask: Any = None,
        batch_size: int = 256,
    ) -> tuple[Any, NetworkState]:
        """The outputs, and the state after each row's last live step.

        A sequence in chunks, each given the state that the last one returned, gives what the
        whole sequence gives (unless a layer is bidirectional).

        Args:
            X: Inputs, see the class.
            state: Where to begin, ``None`` for the initial state.
            lengths: How many steps of each row are live, ``(N,)``, or ``None`` for all.
            mask: True where a step was observed, ``(N, T)``, or ``None`` for all.
            batch_size: Rows at a time: decides about memory, not about results.

        Returns:
            The outputs as :meth:`predict` gives them, and the new state.

        Raises:
            InputError: If ``X`` or ``state`` does not fit the network, or ``X`` is not finite.
        """
        sequences = self._form.inputs(X, lengths, mask)
        if state is None:
            state = self.initial_state(len(sequences))
        else:
            state = check_state(state, self._state_sizes, len(sequences), self.dtype)
        output, final = self._run(sequences, state, whole("batch_size", batch_size))
        came = _as_came(output, sequences, self.per_step and isinstance(X, (list, tuple)))
        return came, NetworkState.of_parts(self._state_names, final)

    def step(self, x_t: Any, state: NetworkState | None = None) -> tuple[Array, NetworkState]:
        """One time step, for streams.

        Args:
            x_t: Inputs of the step, ``(N, C)``, or ``(C,)`` for a single row; tokens ``(N,)``
                or a number.
            state: What the last step returned; ``None`` at the beginning.

        Returns:
            The outputs, ``(N, K)``, or ``(K,)`` for a single row, and the new state.

        Raises:
            InputError: If ``x_t`` or ``state`` does not fit, or a layer is bidirectional.
        """
        return self._stepper(x_t, state, self._version)

    def initial_state(self, rows: int = 1) -> NetworkState:
        """The state that ``rows`` sequences begin in: zeros, or what was learned."""
        whole("rows", rows, 0)
        parts = {}
        for name, size in self._state_sizes.items():
            part = parts[name] = np.zeros((rows, size), self.dtype)
            index, state = name.split(".", 1)
            learned = self._views.get(f"{index}.initial_{state}")
            if learned is not None:
                part[...] = learned
        return NetworkState(parts)

    # --- training ----------------------------------------------------------------------------

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

    def input_gradients(
        self,
        X: Any,
        d_output: Any,
        *,
        lengths: Any = None,
        mask: Any = None,
        batch_size: int = 256,
    ) -> Array:
        """How a weighted sum of the outputs changes with the inputs: ``sum_k d_output_k y_k``.

        Args:
            X: Inputs, see the class.
            d_output: The weights, shaped as :meth:`predict`'s array.
            lengths: How many steps of each row are live, ``(N,)``, or ``None`` for all.
            mask: True where a step was observed, ``(N, T)``, or ``None`` for all.
            batch_size: Rows at a time: decides about memory, not about results.

        Returns:
            ``(N, T, C)``, zero past a row's length and at steps not observed. For tokens it is the
            gradient of the vectors that the :class:`~elman.Embedding` gives, times those vectors:
            what each channel of each token adds to the sum, to first order.

        Raises:
            InputError: If an argument does not fit.
        """
        sequences = self._form.inputs(X, lengths, mask)
        weights = np.asarray(d_output, self.dtype)
        rows, steps = len(sequences), sequences.padded_steps
        wanted = (rows, steps, self.output_size) if self.per_step else (rows, self.output_size)
        if weights.shape != wanted:
            raise InputError(f"d_output: expected shape {wanted}, got {describe(d_output)}")
        if self.per_step and sequences.mask is not None:
            chosen = Sequences.from_masked(weights, sequences.mask)
            weights = np.zeros((rows, sequences.steps, self.output_size), self.dtype)
            live = np.arange(sequences.steps) < np.asarray(sequences.lengths)[:, None]
            weights[live] = chosen.values
        first = 1 if self.reads_tokens else 0
        result = np.zeros((rows, sequences.steps, self._signals[first].size or 1), self.dtype)
        batches = Batches(
            sequences, batch_size=whole("batch_size", batch_size), tokens=self.reads_tokens
        )
        gradient = self._gradients.copy()
        for batch in batches.epoch():
            context = Context(training=True, live=batch.live, lengths=batch.lengths)
            seeds = weights[batch.rows]
            if self.per_step:
                seeds = seeds[:, : len(batch.x)]
            slope, read = self._input_gradient(batch, seeds, context, first)
            if self.reads_tokens:
                slope = slope * read
            result[batch.rows, : slope.shape[0]] = slope.transpose(1, 0, 2)
        self._gradients[...] = gradient  # passes of one's own leave no trace there
        return sequences.spread(result)

    def _input_gradient(
        self, batch: Batch, weights: Array, context: Context, first: int
    ) -> tuple[Array, Array]:
        """The gradient of what the layer number ``first`` reads, and what it reads."""
        pipeline = self._pipeline
        value: Any = batch.x
        context.steps = len(batch.x)
        for layer in pipeline[:first]:
            value = layer.forward(value, context)
        read = value
        active = [one for one in pipeline[first:] if not isinstance(one, Dropout)]
        for layer in active:
            value = layer.forward(value, context)
        d_value: Any = weights.transpose(1, 0, 2) if self.per_step else weights
        d_value = np.ascontiguousarray(d_value)
        for layer in reversed(active):
            d_value = layer.backward(d_value, True)
        return d_value, read

    # --- what the training loop asks for -----------------------------------------------------

    @property
    def recordable(self) -> bool:
        """Whether training on rows of one length is replayed, see :mod:`elman.recording`."""
        return all(layer.recordable for layer in self._pipeline)

    def forward_batch(
        self,
        batch: Batch,
        training: bool,
        generator: np.random.Generator | None = None,
        truncate: int | None = None,
    ) -> Array:
        """The output of a batch, time-major, see :class:`elman.bptt.Model`."""
        context = self._context
        context.training, context.generator, context.truncate = training, generator, truncate
        context.live, context.lengths = batch.live, batch.lengths
        context.state, context.final_state = batch.state, batch.final_state
        context.begins, context.rows = batch.begins, batch.rows
        return self._pass(batch.x, context)

    def redraw(self, generator: np.random.Generator) -> None:
        """Draws anew what a recorded pass reads, see :class:`elman.bptt.Model`."""
        for layer in self._pipeline:
            layer.redraw(generator)

    def backward_batch(self, d_output: Array) -> None:
        """Adds to the gradient, see :class:`elman.bptt.Model`."""
        d_y: Any = d_output
        pipeline, first = self._pipeline, self._first_trained
        for index in range(len(pipeline) - 1, first - 1, -1):
            d_y = pipeline[index].backward(d_y, index > first)

    def _pass(self, x: Array, context: Context) -> Array:
        context.steps = len(x)
        for layer in self._pipeline:
            x = layer.forward(x, context)
        return x

    def _run(
        self, sequences: Sequences, state: NetworkState | None, batch_size: int
    ) -> tuple[Array, tuple[Array, ...]]:
        """The outputs of all rows, batch first, and, if a state is given, the final states."""
        rows, size = len(sequences), self.output_size
        shape = (rows, sequences.steps, size) if self.per_step else (rows, size)
        output = np.zeros(shape, self.dtype)
        parts = () if state is None else state.parts
        finals = tuple([np.empty_like(part) for part in parts])
        for batch in Batches(sequences, batch_size=batch_size, tokens=self.reads_tokens).epoch():
            chosen = batch.rows
            context = Context(live=batch.live, lengths=batch.lengths, version=self._version)
            if parts:
                context.state = tuple(part[chosen] for part in parts)
                context.final_state = tuple(np.empty_like(part) for part in context.state)
            y = self._pass(batch.x, context)
            if self.per_step:
                output[chosen, : y.shape[0]] = y.transpose(1, 0, 2)
            else:
                output[chosen] = y
            for final, part in zip(finals, context.final_state or (), strict=True):
                final[chosen] = part
        return (sequences.spread(output) if self.per_step else output), finals

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


def _generator_of(seed: Any) -> np.random.Generator:
    """The generator of a seed, or the generator itself; one whose state can be saved."""
    try:
        generator = np.random.default_rng(seed)
    except (TypeError, ValueError):
        generator = None
    if generator is None or not isinstance(generator.bit_generator, np.random.PCG64):
        raise InputError(
            "seed: expected a whole number from 0 up, None or a generator as "
            f"numpy.random.default_rng makes them, got {seed!r}"
        )
    return generator


def _as_came(output: Array, sequences: Sequences, as_list: bool) -> Any:
    """The outputs ``(N, T, K)``, or a list of ``(T_i, K)``."""
    if not as_list:
        return output
    lengths = sequences.lengths
    steps = [sequences.steps] * len(output) if lengths is None else lengths
    return [row[:length] for row, length in zip(output, steps, strict=True)]


def _float_type(dtype: Any) -> np.dtype[Any]:
    try:
        name = np.dtype(dtype).name
    except TypeError:
        name = dtype
    chosen: np.dtype[Any] = np.dtype(one_of("dtype", name, ("float32", "float64")))
    return chosen


def _limit(name: str, value: float | None) -> float | None:
    return None if value is None else real(name, value, 0.0, open_below=True)


def _stopping(value: EarlyStopping | int | None) -> EarlyStopping | None:
    if value is None or isinstance(value, EarlyStopping):
        return value
    return EarlyStopping(whole("early_stopping", value, 0))


def _rebuild(
    kind: type[Network], description: dict[str, Any], backend: str, parameters: Array
) -> Network:
    network = kind._from_description(description, backend)
    network.set_parameters(parameters)
    return network
