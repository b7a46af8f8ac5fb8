"""Rows as a network reads them: scaled channels with marks of what is missing, or tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.data.rows import Rows
from elman.data.text import Vocabulary
from elman.errors import InputError

__all__ = ["Encoder"]

Array: TypeAlias = NDArray[Any]


@dataclass(frozen=True)
class Encoder:
    """What training has learnt of its inputs, fitted on the rows trained on alone.

    Attributes:
        vocabulary: Of texts, else ``None``.
        mean: Of each channel over all observed values, ``(C,)``.
        deviation: The same way, 1 where a channel is constant.
        marked: Whether values were missing: then each channel is followed by one that is 1 where
            its value is missing, ``2 C`` in all.
    """

    vocabulary: Vocabulary | None
    mean: Array
    deviation: Array
    marked: bool

    @classmethod
    def fit(cls, rows: Rows, unit: str, lowercase: bool = False) -> Encoder:
        """Learns scaling and marks, or the vocabulary."""
        if rows.texts is not None:
            words = Vocabulary.fit(rows.texts, unit, lowercase)
            return cls(words, np.zeros(0), np.ones(0), False)
        arrays = [one for one in rows.arrays or [] if len(one)]
        values = np.concatenate(arrays) if arrays else np.zeros((0, rows.channels))
        seen = ~np.isnan(values)
        count = np.maximum(seen.sum(axis=0), 1)
        mean = np.where(seen, values, 0.0).sum(axis=0) / count
        spread = np.where(seen, values - mean, 0.0)
        scale = np.abs(spread).max(axis=0, initial=0.0)
        safe = np.where(scale > 0.0, scale, 1.0)  # squares of large values overflow
        deviation = safe * np.sqrt(((spread / safe) ** 2).sum(axis=0) / count)
        constant = deviation <= 1e-12 * np.abs(mean)
        deviation = np.where(constant | (deviation == 0.0), 1.0, deviation)
        return cls(None, mean, deviation, bool((~seen).any()))

    @property
    def width(self) -> int:
        """Channels that the network reads, or tokens that there are."""
        if self.vocabulary is not None:
            return self.vocabulary.size
        return len(self.mean) * (2 if self.marked else 1)

    def check(self, rows: Rows, unseen: str = "unknown") -> None:
        """Refuses rows of another kind than those trained on.

        Args:
            rows: The rows.
            unseen: ``"error"`` refuses tokens that training has not seen.

        Raises:
            InputError: If they are of the other kind, or have more or fewer channels.
        """
        texts = self.vocabulary is not None
        if texts != (rows.texts is not None):
            raise InputError(
                f"X: expected {'texts' if texts else 'numbers'}, as in fit, got "
                f"{'numbers' if texts else 'texts'}"
            )
        if not texts and rows.channels != len(self.mean) and any(map(len, rows.arrays or [])):
            raise InputError(
                f"X: expected {len(self.mean)} channels, as in fit, got {rows.channels}"
            )
        if self.vocabulary is not None and unseen == "error":
            strange = self.vocabulary.unseen(rows.texts or [])
            if strange:
                named = ", ".join(map(repr, strange[:5])) + (" ..." if len(strange) > 5 else "")
                raise InputError(
                    f"X: expected {self.vocabulary.unit} seen in fit, got {named}; "
                    "unseen='unknown' reads them all as one unknown"
                )

    def known(self, rows: Rows) -> Array:
        """Which rows have anything to read: a step, and one value in it, ``(N,)``."""
        if self.vocabulary is not None:
            return np.array(
                [len(one) > 0 for one in self.vocabulary.encode(rows.texts or [])], bool
            )
        return np.array([bool((~np.isnan(one)).any()) for one in rows.arrays or []], bool)

    def encode(self, rows: Rows) -> Any:
        """An array ``(N, T, K)`` if all rows are of one length, else a list of ``(T_i, K)``."""
        if self.vocabulary is not None:
            encoded = self.vocabulary.encode(rows.texts or [])
        else:
            encoded = [self._scaled(one) for one in rows.arrays or []]
        lengths = {len(one) for one in encoded}
        if len(lengths) == 1 and lengths != {0}:
            return np.stack(encoded)
        return encoded

    def _scaled(self, values: Array) -> Array:
        if not len(values):
            return np.zeros((0, self.width), np.float32)
        scaled = (values - self.mean) / self.deviation
        missing = np.isnan(scaled)
        scaled[missing] = 0.0
        np.clip(scaled, -1e6, 1e6, out=scaled)  # finite in single precision, whatever comes
        if self.marked:
            scaled = np.concatenate([scaled, missing], axis=1)
        return scaled.astype(np.float32)

    def description(self) -> dict[str, Any]:
        """As plain values, for a saved model."""
        words = self.vocabulary
        return {
            "vocabulary": None
            if words is None
            else {
                "tokens": words.tokens,
                "unit": words.unit,
                "rare": words.rare,
                "lowercase": words.lowercase,
            },
            "mean": self.mean.tolist(),
            "deviation": self.deviation.tolist(),
            "marked": self.marked,
        }

    @classmethod
    def of_description(cls, record: dict[str, Any]) -> Encoder:
        """Back from :meth:`description`."""
        words = record["vocabulary"]
        return cls(
            None if words is None else Vocabulary(**words),
            np.array(record["mean"], np.float64),
            np.array(record["deviation"], np.float64),
            bool(record["marked"]),
        )
