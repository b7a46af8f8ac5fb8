"""What an autoencoder's arguments mean, and how the rows it is given are read and cut."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.checks import one_of, real, whole
from elman.data.cuts import AGGREGATES, Cuts, cut
from elman.data.panel import Panel
from elman.data.rows import as_rows
from elman.errors import InputError
from elman.evaluate.anomalies import THRESHOLDS, Threshold
from elman.losses import make_loss
from elman.tasks.cells import check_inner_options, inner_options
from elman.tasks.estimator import SavedEstimator
from elman.tasks.reconstruction_model import AUTOENCODERS, Autoencoder, Shape, Training

__all__ = ["AutoencoderBase"]

Array: TypeAlias = NDArray[Any]

FOCUS = ("both", "step", "window")
LOSSES = ("mse", "mae", "huber")
_UPDATES = 1600
_SEGMENT = 4
_BLOCK = 2048  # windows scored at once


class AutoencoderBase(SavedEstimator):
    """Arguments, rows, windows and saving of :class:`elman.SequenceAutoencoder`."""

    _kind = "autoencoder"

    model_: Autoencoder
    threshold_: Threshold
    window_threshold_: Threshold
    calibration_: dict[str, Array]
    channel_errors_: Array
    _length_: int | None

    # the arguments, which the estimator declares and documents in its constructor
    cell: str
    code_size: int
    hidden_size: int | None
    num_layers: int
    window: int | None
    stride: int | None
    segment: int | None
    dropout: float
    recurrent_dropout: float
    zoneout: float
    layer_norm: bool
    noise: float
    noise_kind: str
    focus: str
    aggregate: str
    threshold: str
    false_alarm: float
    loss: str
    epochs: int | None
    batch_size: int
    learning_rate: float | None
    weight_decay: float
    held_out: float
    seed: int
    verbose: bool
    backend: str

    # ----------------------------------------------------------------------------------- rows

    def _arrays(self, X: Any, lengths: Any, mask: Any) -> list[Array]:
        if isinstance(X, Panel):
            return [np.asarray(one, np.float64) for one in X]
        if isinstance(X, np.ndarray) and X.ndim == 1 and self.window is not None:
            X = [X]
        rows = as_rows(X, lengths, mask)
        if rows.texts is not None:
            raise InputError("X: expected sequences of numbers, got texts")
        if isinstance(X, np.ndarray) and X.ndim == 2 and not X.shape[1]:
            raise InputError(
                f"X: expected steps to read: 0 feature(s) (shape={X.shape}) while a minimum of 1 "
                "is required."
            )
        return rows.arrays or []

    def _known(self, X: Any, lengths: Any, mask: Any) -> list[Array]:
        """The rows, which must be like those of fit."""
        self._require_fitted()
        wanted = getattr(self, "n_features_in_", None)
        if isinstance(X, np.ndarray) and X.ndim == 2 and wanted not in (None, X.shape[1]):
            raise InputError(
                f"X has {X.shape[1]} features, but {type(self).__name__} is expecting {wanted} "
                "features as input, the steps of the matrix in fit; pass sequences of another "
                "length as a list"
            )
        arrays = self._arrays(X, lengths, mask)
        channels = self.model_.channels
        for row, one in enumerate(arrays):
            if one.shape[1] != channels and len(one):
                raise InputError(
                    f"X[{row}]: expected {channels} channels, as in fit, got {one.shape[1]}"
                )
        empty = sum(not bool((~np.isnan(one)).any()) for one in arrays)
        if empty:
            self._warn(
                f"{empty} of {len(arrays)} rows are empty or fully missing; they get no score, and "
                "their codes say nothing"
            )
        gaps = any(bool(np.isnan(one).any() and (~np.isnan(one)).any()) for one in arrays)
        if gaps and not self.model_.encoder.marked:
            self._warn(
                "values are missing, which fit saw none of; they are read as the mean of their "
                "channel"
            )
        return [one if len(one) else np.zeros((0, channels)) for one in arrays]

    @property
    def _stride(self) -> int:
        if self.aggregate == "newest":
            return 1
        return self.stride or max(1, (self.window or 1) // 16)

    def _cuts(self, arrays: Sequence[Array]) -> Cuts:
        lengths = [len(one) for one in arrays]
        cuts = cut(lengths, self.window, self._stride)
        if hasattr(self, "model_"):
            self.model_.check(np.unique(cuts.ends - cuts.starts).tolist())
        return cuts

    @staticmethod
    def _blocks(cuts: Cuts) -> list[slice]:
        return [slice(first, first + _BLOCK) for first in range(0, len(cuts), _BLOCK)]

    # ------------------------------------------------------------------------------ arguments

    def _shape(self, windows: int) -> Shape:
        hidden, segment = self.hidden_size, self.segment
        if hidden is None:
            hidden = 64 if self.cell == "dense" else 32
        if segment is None:
            segment = _SEGMENT if self.window is not None and self.window >= 4 * _SEGMENT else 1
        return Shape(
            self.cell,
            self.code_size,
            hidden,
            self.num_layers,
            1 if self.cell == "dense" else segment,
            self.dropout,
            self.noise,
            self.noise_kind,
            **inner_options(self),
        )

    def _training(self, windows: int) -> Training:
        epochs = self.epochs
        if epochs is None:
            updates = 2 * _UPDATES if self.cell == "dense" else _UPDATES
            epochs = min(200, max(8, math.ceil(updates / math.ceil(windows / self.batch_size))))
        rate = self.learning_rate or (0.005 if self.cell == "dense" else 0.01)
        self.chosen_ = {"stride": self._stride, "learning_rate": rate}
        return Training(make_loss(self.loss), epochs, self.batch_size, rate, self.weight_decay)

    def _check_options(self) -> None:
        one_of("cell", self.cell, AUTOENCODERS)
        one_of("noise_kind", self.noise_kind, ("gaussian", "masking"))
        one_of("focus", self.focus, FOCUS)
        one_of("aggregate", self.aggregate, AGGREGATES)
        one_of("threshold", self.threshold, THRESHOLDS)
        one_of("loss", self.loss, LOSSES)
        one_of("backend", self.backend, ("auto", "native", "reference"))
        for name in ("hidden_size", "segment", "stride", "epochs"):
            if getattr(self, name) is not None:
                whole(name, getattr(self, name))
        if self.window is not None:
            whole("window", self.window, 2)
        for name in ("code_size", "num_layers", "batch_size"):
            whole(name, getattr(self, name))
        whole("seed", self.seed, 0)
        real("dropout", self.dropout, 0.0, 1.0, open_above=True)
        check_inner_options(self)
        real("noise", self.noise, 0.0)
        real("false_alarm", self.false_alarm, 0.0, 1.0, open_below=True, open_above=True)
        real("held_out", self.held_out, 0.0, 0.5)
        if self.learning_rate is not None:
            real("learning_rate", self.learning_rate, 0.0, open_below=True)
        real("weight_decay", self.weight_decay, 0.0)
        if self.noise_kind == "masking":
            real("noise", self.noise, 0.0, 1.0, open_above=True)
        if self.aggregate == "newest" and self.stride not in (None, 1):
            raise InputError(f"stride: expected 1 with aggregate='newest', got {self.stride}")
        if self.stride is not None and self.window is not None and self.stride > self.window:
            raise InputError(
                f"stride: expected at most the window, {self.window}, got {self.stride}: steps "
                "between windows would never be seen"
            )

    # --------------------------------------------------------------------------------- saving

    def _load_model(self, record: Mapping[str, Any], tensors: Mapping[str, Array]) -> Autoencoder:
        return Autoencoder.from_saved(record, tensors, self.backend)

    def _state(self) -> dict[str, Any]:
        return {
            "threshold": asdict(self.threshold_),
            "window_threshold": asdict(self.window_threshold_),
            "calibration": {name: one.tolist() for name, one in self.calibration_.items()},
            "channel_errors": self.channel_errors_.tolist(),
            "length": self._length_,
        }

    def _set_state(self, record: dict[str, Any]) -> None:
        self.threshold_ = Threshold(**record["threshold"])
        self.window_threshold_ = Threshold(**record["window_threshold"])
        self.calibration_ = {
            name: np.array(one, np.float64) for name, one in record["calibration"].items()
        }
        self.channel_errors_ = np.array(record["channel_errors"], np.float64)
        self._length_ = record["length"]
