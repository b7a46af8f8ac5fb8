"""Recurrent layers for PyTorch, with its constructors, names and shapes, over elman's kernels.

``RNN``, ``LSTM``, ``GRU`` and their cells take the place of those of ``torch.nn``: change the
import, or let :func:`accelerate` change a model. This module needs PyTorch, which elman itself
does not: ``pip install "elman[torch]"``.
"""

from __future__ import annotations

from elman.errors import BackendUnavailable

try:
    import torch  # noqa: F401
except ImportError as error:  # pragma: no cover - the tests have it
    raise BackendUnavailable(
        f'elman.torch needs PyTorch, which is not installed ({error}): pip install "elman[torch]"'
    ) from error

from elman.torch.accelerate import accelerate, restore
from elman.torch.cells import GRUCell, LSTMCell, RNNCell
from elman.torch.layers import GRU, LSTM, RNN

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNCell", "accelerate", "restore"]
