"""elman: recurrent networks for sequences, at the speed of the machine."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# Public name -> the module that defines it. Modules are imported on first use, so that
# `import elman` costs little more than `import numpy`.
_PUBLIC = {
    "BackendUnavailable": "errors",
    "ElmanError": "errors",
    "ElmanWarning": "errors",
    "InputError": "errors",
    "NotFittedError": "errors",
    "TrainingError": "errors",
    "RNN": "layers",
    "LSTM": "layers",
    "GRU": "layers",
    "Bidirectional": "layers",
    "Activation": "layers",
    "Dense": "layers",
    "Dropout": "layers",
    "Embedding": "layers",
    "OneHot": "layers",
    "TiedDense": "layers",
    "MarkMissing": "layers",
    "Last": "layers",
    "Ends": "layers",
    "First": "layers",
    "MeanPool": "layers",
    "MaxPool": "layers",
    "AttentionPool": "layers",
    "Repeat": "layers",
    "OnnxRecurrent": "layers",
    "Noise": "layers",
    "Network": "network",
    "Stream": "data.streams",
    "load": "saving",
    "NetworkState": "state",
    "MeanSquaredError": "losses",
    "MeanAbsoluteError": "losses",
    "Huber": "losses",
    "Pinball": "losses",
    "CrossEntropy": "losses",
    "BinaryCrossEntropy": "losses",
    "ConstantRate": "schedules",
    "StepDecay": "schedules",
    "CosineDecay": "schedules",
    "ReduceOnPlateau": "schedules",
    "History": "history",
    "EarlyStopping": "training",
    "SGD": "optimizers",
    "RMSprop": "optimizers",
    "Adam": "optimizers",
    "AdamW": "optimizers",
    "Forecaster": "tasks.forecasting",
    "SequenceClassifier": "tasks.classification",
    "SequenceRegressor": "tasks.regression",
    "SequenceLabeller": "tasks.labelling",
    "LanguageModel": "tasks.language",
    "Emulator": "tasks.emulation",
    "SequenceAutoencoder": "tasks.reconstruction",
    "Translator": "tasks.translation",
    "Panel": "data.panel",
    "Windows": "data.windows",
    "datasets": "",  # a module of its own
    "get_num_threads": "config",
    "set_num_threads": "config",
    "show_config": "config",
}

__all__ = ["__version__", *sorted(_PUBLIC)]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'elman' has no attribute {name!r}")
    module = import_module(f"elman.{_PUBLIC[name] or name}")
    value = getattr(module, name) if _PUBLIC[name] else module
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
