"""Networks to and from other libraries, which are imported only when they are asked for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from typing import Any

__all__ = ["Crossing", "TaskCrossing"]


class Crossing:
    """What a network can become, and what it can be made of, in PyTorch, Keras and ONNX."""

    @classmethod
    def from_torch(cls, module: Any) -> Any:
        """A network of the weights of a PyTorch module.

        Args:
            module: An ``RNN``, ``LSTM`` or ``GRU`` of ``torch.nn``, or modules in order:
                ``Sequential`` or any module whose children are these, ``Linear``, ``Embedding``,
                ``Dropout``, ``Tanh``, ``ReLU``, ``Sigmoid`` and ``Softmax``. A class with a
                ``forward`` of its own is run on random inputs and must give what the network
                gives; a last step taken or an activation applied there is found out so.

        Raises:
            InputError: If a module or one of its options has no counterpart, naming it.
            BackendUnavailable: If torch is not installed.
        """
        _require("torch")
        return import_module("elman.exchange.from_torch").from_torch(module)

    def to_torch(self) -> Any:
        """A ``torch.nn.Module`` that computes the same, batch first, parameters under their names.

        Called as ``module(x, lengths=None)``; in evaluation mode, with copies of the weights.

        Raises:
            InputError: If a layer has no counterpart, naming it.
            BackendUnavailable: If torch is not installed.
        """
        _require("torch")
        return import_module("elman.exchange.to_torch").to_torch(self)

    @classmethod
    def from_keras(cls, model: Any) -> Any:
        """A network of the weights of a Keras 3 model, layers in a row.

        Args:
            model: A ``keras.Sequential``, or any model that is a chain: of ``SimpleRNN``,
                ``LSTM``, ``GRU``, ``Bidirectional`` around them, ``Dense``, ``Embedding``,
                ``Dropout``, ``Activation``, and the global pools over time. Dropout inside
                recurrent layers acts in training only and is left out, with a warning.

        Raises:
            InputError: If a layer or one of its options has no counterpart, naming it.
            BackendUnavailable: If Keras is not installed.
        """
        _require("keras")
        return import_module("elman.exchange.from_keras").from_keras(model)

    def to_keras(self) -> Any:
        """A built ``keras.Sequential`` that computes the same, without lengths.

        Raises:
            InputError: If a layer has no counterpart, naming it.
            BackendUnavailable: If Keras is not installed.
        """
        _require("keras")
        return import_module("elman.exchange.to_keras").to_keras(self)

    @classmethod
    def from_onnx(cls, file: Any, *, constants: Mapping[str, Any] | None = None) -> Any:
        """A network of an ONNX model that is a chain of recurrent, dense and like layers.

        Nodes ``RNN``, ``LSTM`` and ``GRU`` may have any option of the standard but activations
        other than tanh, sigmoid and relu. Those that the compiled cells do not serve (a reverse
        direction alone, peepholes, clip, input_forget, other places of the activations) become
        :class:`elman.OnnxRecurrent`, which computes in NumPy, slowly.

        Args:
            file: A path, the file's bytes, or an ``onnx.ModelProto``.
            constants: Values of graph inputs that are weights, by name.

        Raises:
            InputError: If a node or one of its attributes has no counterpart, naming it.
            BackendUnavailable: If onnx is not installed.
        """
        _require("onnx")
        reader = import_module("elman.exchange.onnx_graph")
        return reader.from_onnx(file, constants or {})

    def to_onnx(
        self,
        file: str | os.PathLike[str],
        *,
        states: bool = True,
        lengths: bool = True,
        certificate: bool = True,
        overwrite: bool = False,
    ) -> dict[str, Any]:
        """Writes the network as an ONNX model, and beside it a certificate of how exact it is.

        Its inputs are ``x`` ``(N, T, C)`` (tokens ``(N, T)``), with ``N`` and ``T`` left open, and
        if wanted, each of which may be left out when it is run: ``lengths`` int64 ``(N,)``, and the
        initial states by the names of :class:`~elman.NetworkState`, ``(N, H)``. Its outputs are
        ``y`` and the states after each row's last live step, ``final_`` before their names.

        Args:
            file: Where to.
            states: Whether states are inputs and outputs.
            lengths: Whether lengths are an input.
            certificate: Whether the file is run in ONNX Runtime on random inputs and compared;
                the result is written to ``<file>.certificate.json``.
            overwrite: Whether files already there may be replaced.

        Returns:
            The certificate, empty if none was asked for.

        Raises:
            InputError: If a layer has no counterpart, naming it, or the file exists.
            BackendUnavailable: If onnx, or ONNX Runtime for the certificate, is not installed.
        """
        _require("onnx")
        writer = import_module("elman.exchange.onnx_files")
        written: dict[str, Any] = writer.to_onnx(
            self, file, states=states, lengths=lengths, certificate=certificate, overwrite=overwrite
        )
        return written


class TaskCrossing:
    """What an estimator can become that is more than its network."""

    def to_onnx(
        self, file: str | os.PathLike[str], *, certificate: bool = True, overwrite: bool = False
    ) -> dict[str, Any]:
        """Writes the estimator as an ONNX model that reads what the estimator reads, as numbers.

        Its inputs and outputs are those of ``docs/neighbours/onnx.md``; scaling, thresholds and
        the like are in the graph, vocabularies and settings in its metadata.

        Args:
            file: Where to.
            certificate: Whether the file is run in ONNX Runtime on random inputs and compared;
                the result is written to ``<file>.certificate.json``.
            overwrite: Whether files already there may be replaced.

        Returns:
            The certificate, empty if none was asked for.

        Raises:
            InputError: If an option has no counterpart in ONNX, or the file exists.
            NotFittedError: Before ``fit``.
            BackendUnavailable: If onnx, or ONNX Runtime for the certificate, is not installed.
        """
        _require("onnx")
        writer = import_module("elman.exchange.onnx_tasks")
        written: dict[str, Any] = writer.task_to_onnx(
            self, file, certificate=certificate, overwrite=overwrite
        )
        return written


def _require(package: str) -> None:
    """Makes sure of an optional package, whose extra bears its name, in the words of a person."""
    import_module("elman.exchange.parts").package(package, package)
