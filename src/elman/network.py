"""Networks: layers in a row over one flat parameter vector."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.checks import describe, one_of, real, whole
from elman.data.arrays import as_labels, as_sequences, as_targets, as_tokens, as_weights
from elman.data.batches import Batch, Batches, Sequences
from elman.errors import InputError
from elman.layers import LAYERS, Context, Dense, Embedding, Last, Layer, RecurrentLayer
from elman.layers.base import Signal, bind_layers
from elman.losses import LOSSES, Loss, loss_from_config, make_loss
from elman.optimizers import Optimizer, make_optimizer
from elman.saving import read_model, write_model
from elman.schedules import Schedule, make_schedule
from elman.state import NetworkState, check_state
from elman.training import EarlyStopping, EpochRecord, History, Options, mean_loss, train

__all__ = ["Network"]

Array: TypeAlias = NDArray[Any]


class Network:
    """Layers in a row, from sequences to sequences or to one vector for each sequence.

    Inputs are arrays ``(N, T, C)``, or lists of arrays ``(T_i, C)`` of unequal lengths, or
    arrays with ``lengths``; the last axis may be left out where there is one channel. A result
    never depends on padding, on the other rows or on the batch size.

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
        self.layers = _clones(layers)
        self.dtype = np.dtype(one_of("dtype", np.dtype(dtype).name, ("float32", "float64")))
        self.backend = backend
        self.loss: Loss | None = None
        self._signal_in, self._signal_out = _connect(self.layers)
        self._generator = np.random.default_rng(seed)
        self._parameters, self._gradients, self._views, self._gradient_views = bind_layers(
            self.layers, self.dtype, self._generator, backend
        )
        self._state_sizes: dict[str, int] = {}
        for index, layer in enumerate(self.layers):
            layer.state_offset = len(self._state_sizes)
            sizes = layer.state_sizes()
            self._state_sizes |= {f"{index}.{name}": size for name, size in sizes.items()}
        self._state_names = tuple(self._state_sizes)
        self._pipeline = _fuse(self.layers)
        self._first_trained = next(
            (i for i, layer in enumerate(self._pipeline) if layer.parameter_shapes()),
            len(self._pipeline),
        )
        self._context = Context()

    # --- what the network is -----------------------------------------------------------------

    @property
    def input_size(self) -> int | None:
        """Channels read; 1 for tokens; ``None`` if any number will do."""
        return 1 if self.reads_tokens else self._signal_in.size

    @property
    def output_size(self) -> int | None:
        """Channels given."""
        return self._signal_out.size

    @property
    def reads_tokens(self) -> bool:
        """Whether inputs are whole numbers, for an :class:`~elman.Embedding`."""
        return self._signal_in.kind == "tokens"

    @property
    def per_step(self) -> bool:
        """Whether there is an output for every step, not one for each row."""
        return self._signal_out.kind == "sequence"

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
        """Copies a flat vector of all parameters into the network.

        Raises:
            InputError: If it has another size.
        """
        vector = np.asarray(vector)
        if vector.shape != self._parameters.shape:
            raise InputError(
                f"vector: expected shape {self._parameters.shape}, got {describe(vector)}"
            )
        self._parameters[...] = vector

    def state_dict(self) -> dict[str, Array]:
        """Every parameter by its name, ``"0.weight_ih_l0"``: views, not copies.

        The number is that of the layer; the rest is PyTorch's name.
        """
        return dict(self._views)

    def gradient_dict(self) -> dict[str, Array]:
        """The latest gradient of every parameter by its name: views, not copies."""
        return dict(self._gradient_views)

    def load_state_dict(self, values: Mapping[str, Any]) -> None:
        """Copies parameters in by name; PyTorch tensors on the CPU will do.

        Raises:
            InputError: If a name is missing or unknown, or a shape differs; nothing is changed.
        """
        missing = [name for name in self._views if name not in values]
        unknown = [name for name in values if name not in self._views]
        if missing or unknown:
            raise InputError(
                f"values: expected {', '.join(self._views)}; missing: "
                f"{', '.join(missing) or 'none'}; unknown: {', '.join(unknown) or 'none'}"
            )
        arrays = {name: np.asarray(value) for name, value in values.items()}
        for name, array in arrays.items():
            if array.shape != self._views[name].shape:
                raise InputError(
                    f"values: expected {name} of shape {self._views[name].shape}, got {array.shape}"
                )
        for name, array in arrays.items():
            self._views[name][...] = array

    def summary(self) -> str:
        """The network as a table: layers, what they give, parameters."""
        rows, signal = [], self._signal_in
        for index, layer in enumerate(self.layers):
            signal = layer.connect(signal)
            shapes = layer.parameter_shapes().values()
            count = sum(int(np.prod(shape)) for shape in shapes)
            rows.append((str(index), _short(layer), _shape_text(signal), f"{count:,}"))
        return _table(("", "layer", "gives", "parameters"), rows) + (
            f"\nreads {_shape_text(self._signal_in)}; {self.parameter_count:,} parameters, "
            f"{self.dtype.name}"
        )

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
        description = {
            "layers": [{"type": type(layer).__name__, **layer.config()} for layer in self.layers],
            "dtype": self.dtype.name,
            "loss": None if self.loss is None else self.loss.config(),
            "generator": _plain(self._generator.bit_generator.state),
        }
        write_model(path, "network", description, self._views, overwrite)

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
        except (KeyError, TypeError) as error:
            raise InputError(f"path: the description in {path} is damaged: {error}") from error
        try:
            network.load_state_dict(tensors)
        except InputError as error:
            raise InputError(f"path: the weights in {path} do not fit: {error}") from error
        return network

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

    def predict(self, X: Any, *, lengths: Any = None, batch_size: int = 256) -> Any:
        """The outputs.

        Args:
            X: Inputs, see the class.
            lengths: How many steps of each row are live, ``(N,)``, or ``None`` for all.
            batch_size: Rows at a time: decides about memory, not about results.

        Returns:
            ``(N, K)`` if the network ends in one vector a row; else ``(N, T, K)``, zero past a
            row's length, or a list of ``(T_i, K)`` if ``X`` is a list.

        Raises:
            InputError: If ``X`` does not fit the network, or is not finite.
        """
        sequences = self._inputs(X, lengths)
        output, _ = self._run(sequences, None, whole("batch_size", batch_size), False)
        return self._as_came(output, sequences, X)

    def forward(
        self,
        X: Any,
        state: NetworkState | None = None,
        lengths: Any = None,
        *,
        batch_size: int = 256,
    ) -> tuple[Any, NetworkState]:
        """The outputs, and the state after each row's last live step.

        A sequence in chunks, each given the state that the last one returned, gives what the
        whole sequence gives (unless a layer is bidirectional).

        Args:
            X: Inputs, see the class.
            state: Where to begin, ``None`` for the initial state.
            lengths: How many steps of each row are live, ``(N,)``, or ``None`` for all.
            batch_size: Rows at a time: decides about memory, not about results.

        Returns:
            The outputs as :meth:`predict` gives them, and the new state.

        Raises:
            InputError: If ``X`` or ``state`` does not fit the network, or ``X`` is not finite.
        """
        sequences = self._inputs(X, lengths)
        if state is not None:
            state = check_state(state, self._state_sizes, len(sequences), self.dtype)
        output, final = self._run(sequences, state, whole("batch_size", batch_size), True)
        return self._as_came(output, sequences, X), final

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
        single = np.ndim(x_t) == (0 if self.reads_tokens else 1)
        rows = np.asarray(x_t)[None] if single else np.asarray(x_t)
        for layer in self.layers:
            if isinstance(layer, RecurrentLayer) and layer.bidirectional:
                raise InputError(
                    "step: a bidirectional layer needs the whole sequence; call predict instead"
                )
        output, state = self.forward(rows[:, None], state)
        output = output[:, 0] if self.per_step else output
        return (output[0] if single else output), state

    def initial_state(self, rows: int = 1) -> NetworkState:
        """The state that sequences begin in: zeros, or what was learned."""
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
        y: Any,
        *,
        loss: str | Loss = "mse",
        optimizer: str | Optimizer = "adam",
        epochs: int = 10,
        batch_size: int = 32,
        validation_split: float = 0.0,
        validation_data: tuple[Any, ...] | None = None,
        validation_rows: str = "last",
        sample_weight: Any = None,
        lengths: Any = None,
        schedule: str | Schedule | None = None,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        early_stopping: EarlyStopping | int | None = None,
        keep_best: bool = True,
        shuffle: bool = True,
        truncate: int | None = None,
        progress: bool | None = None,
        on_epoch: Callable[[EpochRecord], bool | None] | None = None,
    ) -> History:
        """Trains the network, from the weights it has.

        Args:
            X: Inputs, see the class.
            y: Targets: ``(N, K)``, or ``(N, T, K)`` or a list of ``(T_i, K)`` if the network
                gives an output for every step. The last axis may be left out where there is
                one channel, and numbers of classes have none.
            loss: ``"mse"``, ``"mae"``, ``"huber"``, ``"pinball"``, ``"cross_entropy"``,
                ``"binary_cross_entropy"``, or a :class:`~elman.losses.Loss`.
            optimizer: ``"sgd"``, ``"rmsprop"``, ``"adam"``, ``"adamw"``, or an optimizer; its
                moments start afresh in every call.
            epochs: How often all rows are seen.
            batch_size: Rows of an update.
            validation_split: Share of the rows held out to watch the loss.
            validation_data: ``(X, y)`` or ``(X, y, sample_weight)`` to watch instead.
            validation_rows: Which rows ``validation_split`` holds out: ``"last"`` (the default,
                right when rows follow each other in time) or ``"random"``.
            sample_weight: Weights of rows ``(N,)``, of steps ``(N, T)``, or shaped as ``y``.
                The loss is the weighted mean. Where a weight is 0, ``y`` may be NaN.
            lengths: How many steps of each row are live, ``(N,)``, or ``None`` for all.
            schedule: ``"constant"``, ``"cosine"``, ``"plateau"``, or a schedule.
            clip_norm: Greatest Euclidean norm of a gradient.
            clip_value: Greatest absolute value of an element of a gradient, after
                ``clip_norm``.
            early_stopping: An :class:`~elman.EarlyStopping`, or its patience in epochs.
            keep_best: Whether to end with the weights of the epoch of the lowest validation
                loss. Without validation data the last weights stay.
            shuffle: Whether rows come in a new random order in every epoch.
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
        batch_size = whole("batch_size", batch_size)
        one_of("validation_rows", validation_rows, ("last", "random"))
        part = real("validation_split", validation_split, 0.0, 1.0, open_above=True)
        if part and validation_data is not None:
            raise InputError("validation_split: expected 0 beside validation_data, got both")
        data = self._data(X, y, sample_weight, lengths, loss)
        validation = None
        if validation_data is not None:
            validation = self._validation(validation_data, loss, batch_size)
        elif part:
            data, held_out = self._split(data, part, validation_rows)
            validation = self._batches(held_out, batch_size)
        if not len(data[0]):
            raise InputError("X: expected at least one row to train on, got none")
        self.loss = loss
        batches = self._batches(data, batch_size)
        return train(self, batches, loss, options, self._generator, validation)

    def evaluate(
        self,
        X: Any,
        y: Any,
        *,
        loss: str | Loss | None = None,
        sample_weight: Any = None,
        lengths: Any = None,
        batch_size: int = 256,
    ) -> dict[str, float]:
        """The loss, and the measures that go with it.

        Args:
            X: Inputs.
            y: Targets, as :meth:`fit` takes them.
            loss: By default that of the last training, or the mean squared error.
            sample_weight: As :meth:`fit` takes them.
            lengths: As :meth:`fit` takes them.
            batch_size: Rows at a time: decides about memory, not about results.

        Returns:
            ``"loss"``; for a regression also ``"mse"`` and ``"mae"``, for a classification
            ``"accuracy"``: means over live steps, weighted as the loss.

        Raises:
            InputError: If an argument does not fit.
        """
        chosen = self._check_loss(make_loss(loss if loss is not None else self.loss or "mse"))
        data = self._data(X, y, sample_weight, lengths, chosen)
        batches = self._batches(data, whole("batch_size", batch_size))
        measures = {"loss": mean_loss(self, batches, chosen)}
        if chosen.labels or chosen.name == "binary_cross_entropy":
            measures["accuracy"] = mean_loss(self, batches, _Accuracy(chosen))
        elif chosen.target_size(2) == 2:
            for name in ("mse", "mae"):
                same = chosen.name == name
                measures[name] = (
                    measures["loss"] if same else mean_loss(self, batches, LOSSES[name]())
                )
        return measures

    # --- what the training loop asks for -----------------------------------------------------

    def vectors(self) -> tuple[Array, Array]:
        """The flat parameters and the flat gradient themselves, see :class:`Model`."""
        return self._parameters, self._gradients

    def forward_batch(
        self,
        batch: Batch,
        training: bool,
        generator: np.random.Generator | None = None,
        truncate: int | None = None,
    ) -> Array:
        """The output of a batch, time-major, see :class:`Model`."""
        context = self._context
        context.training, context.generator, context.truncate = training, generator, truncate
        context.live, context.lengths = batch.live, batch.lengths
        context.state = context.final_state = None
        return self._pass(batch.x, context)

    def backward_batch(self, d_output: Array) -> None:
        """Adds to the gradient, see :class:`Model`."""
        d_y: Any = d_output
        pipeline, first = self._pipeline, self._first_trained
        for index in range(len(pipeline) - 1, first - 1, -1):
            d_y = pipeline[index].backward(d_y, index > first)

    def _pass(self, x: Array, context: Context) -> Array:
        for layer in self._pipeline:
            x = layer.forward(x, context)
        return x

    def _run(
        self, sequences: Sequences, state: NetworkState | None, batch_size: int, want_state: bool
    ) -> tuple[Array, NetworkState]:
        """The outputs of all rows, batch first, and their final states."""
        rows = len(sequences)
        size = self._output_size(sequences)
        shape = (rows, sequences.padded_steps, size) if self.per_step else (rows, size)
        output = np.zeros(shape, self.dtype)
        sizes = self._state_sizes.values() if want_state else ()
        finals = tuple(np.empty((rows, size), self.dtype) for size in sizes)
        for batch in Batches(sequences, batch_size=batch_size, tokens=self.reads_tokens).epoch():
            chosen = batch.rows
            parts = None if state is None else [part[chosen] for part in state.parts]
            final = [np.empty((len(chosen), part.shape[1]), self.dtype) for part in finals]
            context = Context(False, batch.live, batch.lengths, parts, final or None)
            y = self._pass(batch.x, context)
            if self.per_step:
                output[chosen, : y.shape[0]] = y.transpose(1, 0, 2)
            else:
                output[chosen] = y
            for target, part in zip(finals, final, strict=True):
                target[chosen] = part
        return output, NetworkState.of_parts(self._state_names if want_state else (), finals)

    # --- arguments ---------------------------------------------------------------------------

    def _inputs(self, X: Any, lengths: Any) -> Sequences:
        if self.reads_tokens:
            number = self._signal_in.size
            return as_tokens("X", X, number or 1, lengths)
        return as_sequences("X", X, self._signal_in.size, self.dtype, lengths)

    def _output_size(self, sequences: Sequences) -> int:
        return sequences.channels if self.output_size is None else self.output_size

    def _as_came(self, output: Array, sequences: Sequences, X: Any) -> Any:
        if not self.per_step or not isinstance(X, (list, tuple)):
            return output
        lengths = sequences.lengths
        steps = [sequences.steps] * len(output) if lengths is None else lengths
        return [row[:length] for row, length in zip(output, steps, strict=True)]

    def _data(
        self, X: Any, y: Any, weight: Any, lengths: Any, loss: Loss
    ) -> tuple[Sequences, Sequences, Sequences | None]:
        inputs = self._inputs(X, lengths)
        size = self._output_size(inputs)
        channels = loss.target_size(size)
        weights = None
        if weight is not None:
            weights = as_weights(
                "sample_weight", weight, inputs, channels, self.dtype, self.per_step
            )
        if loss.labels:
            targets = as_labels("y", y, inputs, size, self.per_step, weights)
        else:
            targets = as_targets("y", y, inputs, channels, self.dtype, self.per_step, weights)
        return inputs, targets, weights

    def _batches(
        self, data: tuple[Sequences, Sequences, Sequences | None], batch_size: int
    ) -> Batches:
        return Batches(*data, batch_size, self.per_step, self.reads_tokens)

    def _split(self, data: Any, part: float, which: str) -> tuple[Any, Any]:
        rows = len(data[0])
        kept = int(rows * (1.0 - part))
        if not 0 < kept < rows:
            raise InputError(
                f"validation_split: expected a share that leaves rows on both sides, got {part:g} "
                f"of {rows} rows"
            )
        order = np.arange(rows) if which == "last" else self._generator.permutation(rows)
        halves = (order[:kept], np.sort(order[kept:]))
        first, second = (
            tuple(None if s is None else s.select(half) for s in data) for half in halves
        )
        return first, second

    def _validation(self, data: Any, loss: Loss, batch_size: int) -> Batches:
        if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
            raise InputError(
                f"validation_data: expected (X, y) or (X, y, sample_weight), got {describe(data)}"
            )
        weight = data[2] if len(data) == 3 else None
        return self._batches(self._data(data[0], data[1], weight, None, loss), batch_size)

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


class _Accuracy(Loss):
    """Share of live steps at which the most likely class is the right one."""

    name = "accuracy"

    def __init__(self, loss: Loss) -> None:
        self._many = loss.labels

    def __call__(
        self,
        output: Array,
        target: Array,
        weight: Array | None = None,
        live: Array | None = None,
        gradient: Array | None = None,
    ) -> tuple[float, float]:
        if self._many:
            right = output.argmax(axis=-1)[..., None] == target
        else:
            right = (output > 0.0) == (target > 0.5)
        share = np.ones(right.shape) if weight is None else np.broadcast_to(weight, right.shape)
        if live is not None:
            share = share * (np.arange(right.shape[1]) < live[:, None])[..., None]
        total = float(share.sum())
        return (float((right * share).sum()) / total if total else 0.0), total


def _clones(layers: Any) -> tuple[Layer, ...]:
    if isinstance(layers, Layer) or not isinstance(layers, Sequence) or not len(layers):
        raise InputError(f"layers: expected a list of at least one layer, got {layers!r}")
    for layer in layers:
        if not isinstance(layer, Layer):
            raise InputError(f"layers: expected layers such as elman.LSTM(1, 16), got {layer!r}")
    if len({id(layer) for layer in layers}) < len(layers):
        raise InputError(
            "layers: expected a different object for each layer, got one of them twice; layers "
            "do not share weights, use layer.clone()"
        )
    return tuple(layer.clone() for layer in layers)


def _connect(layers: Sequence[Layer]) -> tuple[Signal, Signal]:
    """What the network reads and gives; each layer checks its neighbour."""
    first = layers[0]
    if isinstance(first, Embedding):
        incoming = Signal("tokens", first.num)
    else:
        size = next((layer.input_size for layer in layers if layer.input_size is not None), None)
        incoming = Signal("sequence", size)
    signal = incoming
    for layer in layers:
        signal = layer.connect(signal)
    return incoming, signal


def _fuse(layers: Sequence[Layer]) -> list[Layer]:
    """The layers to run: a recurrent layer before ``Last`` gives its final output alone."""
    pipeline: list[Layer] = []
    for layer in layers:
        before = pipeline[-1] if pipeline else None
        if (
            isinstance(layer, Last)
            and isinstance(before, RecurrentLayer)
            and not before.bidirectional
        ):
            before.last_only = True
        else:
            pipeline.append(layer)
    return pipeline


def _read_only(vector: Array) -> Array:
    view = vector.view()
    view.flags.writeable = False
    return view


def _limit(name: str, value: float | None) -> float | None:
    return None if value is None else real(name, value, 0.0, open_below=True)


def _stopping(value: EarlyStopping | int | None) -> EarlyStopping | None:
    if value is None or isinstance(value, EarlyStopping):
        return value
    return EarlyStopping(whole("early_stopping", value, 0))


def _plain(value: Any) -> Any:
    """Without NumPy's types, for JSON."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def _short(layer: Layer) -> str:
    """The layer as its constructor call, defaults left out."""
    plain = {name: value for name, value in layer.config().items()}
    numbers = [str(v) for v in plain.values() if isinstance(v, int) and not isinstance(v, bool)]
    return f"{type(layer).__name__}({', '.join(numbers)})"


def _shape_text(signal: Signal) -> str:
    if signal.kind == "tokens":
        return f"(rows, steps) of {signal.size} tokens"
    size = "channels" if signal.size is None else signal.size
    return f"(rows, steps, {size})" if signal.kind == "sequence" else f"(rows, {size})"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    lines = []
    for row in (head, *rows):
        cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False)]
        lines.append("  ".join([*cells, row[-1].rjust(widths[-1])]).rstrip())
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])
