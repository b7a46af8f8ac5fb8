"""Networks: layers in a row over one flat parameter vector."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from elman.checks import describe, one_of, whole
from elman.crossing import Crossing
from elman.errors import InputError
from elman.fitting import Trainable
from elman.layers import LAYERS, Layer
from elman.losses import loss_from_config
from elman.pipeline import Array
from elman.prediction import Predictor, as_came
from elman.saving import read_model, write_model
from elman.sensitivity import input_gradients
from elman.state import NetworkState, check_state
from elman.streaming import Stepper

__all__ = ["Network"]


class Network(Trainable, Crossing):
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
        super().__init__(layers, seed, dtype, backend)
        self._predictor = Predictor(self._pipeline, self._form, self._pass)
        self._stepper = Stepper(self._pipeline, self._form, self._state_sizes, self.initial_state)

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
        size = whole("batch_size", batch_size)
        output, _ = self._predictor(sequences, (), size, self._version)
        return as_came(output, sequences, self.per_step and isinstance(X, (list, tuple)))

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
        size = whole("batch_size", batch_size)
        output, final = self._predictor(sequences, state.parts, size, self._version)
        came = as_came(output, sequences, self.per_step and isinstance(X, (list, tuple)))
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
        channels = self._signals[1 if self.reads_tokens else 0].size or 1
        size = whole("batch_size", batch_size)
        gradient = self._gradients.copy()
        result = input_gradients(self._pipeline, self._form, channels, sequences, weights, size)
        self._gradients[...] = gradient  # passes of one's own leave no trace there
        return result


def _rebuild(
    kind: type[Network], description: dict[str, Any], backend: str, parameters: Array
) -> Network:
    network = kind._from_description(description, backend)
    network.set_parameters(parameters)
    return network
