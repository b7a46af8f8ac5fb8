"""ONNX Runtime as another program uses it: a file, and arrays by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime


def session_of(file: Path) -> Any:
    """The file on one thread, without warnings."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def run(session: Any, **inputs: np.ndarray) -> dict[str, np.ndarray]:
    """All outputs by name."""
    names = [one.name for one in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


def metadata(session: Any) -> dict[str, Any]:
    """What the model says of itself."""
    said = session.get_modelmeta().custom_metadata_map
    return {name: json.loads(text) for name, text in said.items()}
