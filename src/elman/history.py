"""The record of a training, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from elman.counting import counted

__all__ = ["EpochRecord", "History"]


@dataclass(frozen=True)
class EpochRecord:
    """What one epoch came to.

    Attributes:
        epoch: Its number, from 1.
        loss: Mean training loss of the batches, each before its update.
        validation_loss: Loss on the validation part after the epoch, or ``None``.
        gradient_norm: Mean Euclidean norm of the gradients, before clipping.
        learning_rate: Of the last update.
        seconds: Wall-clock time, validation included; ``None`` in a model that was read back.
    """

    epoch: int
    loss: float
    validation_loss: float | None
    gradient_norm: float
    learning_rate: float
    seconds: float | None = None


@dataclass(repr=False)
class History:
    """The record of a training.

    Attributes:
        epochs: One record for each epoch that was completed.
        best_epoch: Number of the epoch of the lowest loss: of the validation part if there is
            one. 0 before the first epoch is complete.
        interrupted: Whether Ctrl-C ended the training.
        stopped_early: Whether early stopping did.
    """

    epochs: list[EpochRecord] = field(default_factory=list)
    best_epoch: int = 0
    interrupted: bool = False
    stopped_early: bool = False

    def __len__(self) -> int:
        return len(self.epochs)

    def __repr__(self) -> str:
        if not self.epochs:
            return f"History(no epoch complete, interrupted={self.interrupted})"
        last = self.epochs[-1]
        words = [counted(len(self.epochs), "epoch"), f"loss {last.loss:.4g}"]
        if last.validation_loss is not None:
            words.append(f"validation loss {last.validation_loss:.4g}")
        words.append(f"best epoch {self.best_epoch}")
        words += ["interrupted"] * self.interrupted + ["stopped early"] * self.stopped_early
        return f"History({', '.join(words)})"

    @property
    def loss(self) -> list[float]:
        """Training loss by epoch."""
        return [record.loss for record in self.epochs]

    @property
    def validation_loss(self) -> list[float | None]:
        """Validation loss by epoch; ``None`` without validation data."""
        return [record.validation_loss for record in self.epochs]

    @property
    def gradient_norm(self) -> list[float]:
        """Mean gradient norm by epoch."""
        return [record.gradient_norm for record in self.epochs]

    @property
    def learning_rate(self) -> list[float]:
        """Learning rate by epoch."""
        return [record.learning_rate for record in self.epochs]

    @property
    def seconds(self) -> list[float | None]:
        """Wall-clock seconds by epoch; ``None`` in a model that was read back."""
        return [record.seconds for record in self.epochs]

    def records(self) -> list[dict[str, Any]]:
        """One plain dictionary for each epoch, as a data frame or a CSV file wants them."""
        return [asdict(record) for record in self.epochs]

    def to_dict(self) -> dict[str, Any]:
        """What a saved model keeps, as plain Python values: all but the wall-clock times.

        So that the same training leaves the same file, byte for byte.
        """
        names = [name for name in EpochRecord.__dataclass_fields__ if name != "seconds"]
        return {
            "epochs": [{name: getattr(one, name) for name in names} for one in self.epochs],
            "best_epoch": self.best_epoch,
            "interrupted": self.interrupted,
            "stopped_early": self.stopped_early,
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> History:
        """The history that :meth:`to_dict` described."""
        return cls(**{**record, "epochs": [EpochRecord(**one) for one in record["epochs"]]})
