"""Keras on a backend that is installed: its own choice, or torch where that is missing."""

from __future__ import annotations

import os
from importlib.util import find_spec

if find_spec("tensorflow") is None:
    os.environ.setdefault("KERAS_BACKEND", "torch")
