"""Recurrent layers for Keras 3, with its arguments, weights and files, over elman's kernels.

``SimpleRNN``, ``LSTM`` and ``GRU`` take the place of those of ``keras.layers`` on all three of
Keras's backends. This module needs Keras, which elman itself does not:
``pip install "elman[keras]"`` and TensorFlow, JAX or PyTorch.
"""

from __future__ import annotations

from elman.errors import BackendUnavailable

try:
    import keras  # noqa: F401
except ImportError as error:  # pragma: no cover - the tests have it
    raise BackendUnavailable(
        f'elman.keras needs Keras 3, which is not installed ({error}): pip install "elman[keras]"'
    ) from error

from elman.keras.layers import GRU, LSTM, SimpleRNN

__all__ = ["GRU", "LSTM", "SimpleRNN"]
