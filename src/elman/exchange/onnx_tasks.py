"""Which module writes which estimator as an ONNX file."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from elman.errors import InputError
from elman.exchange.onnx_files import write_certified

__all__ = ["task_to_onnx"]

_WRITERS = {
    "Emulator": "onnx_emulator",
    "LanguageModel": "onnx_language",
    "SequenceAutoencoder": "onnx_autoencoder",
    "SequenceLabeller": "onnx_labeller",
    "Translator": "onnx_translator",
}
"""Estimators, and the modules whose ``told`` says what their file is to be."""


def task_to_onnx(
    estimator: Any, file: str | os.PathLike[str], *, certificate: bool, overwrite: bool
) -> dict[str, Any]:
    """Writes the file and its certificate, see :meth:`elman.crossing.TaskCrossing.to_onnx`."""
    estimator._require_fitted()
    kind = next((one.__name__ for one in type(estimator).__mro__ if one.__name__ in _WRITERS), "")
    if not kind:
        raise InputError(f"estimator: a {type(estimator).__name__} cannot be told in ONNX")
    told = import_module(f"elman.exchange.{_WRITERS[kind]}").told(estimator)
    return write_certified(file, told, certificate=certificate, overwrite=overwrite)
