"""Inputs, targets and weights that belong together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from elman.data.arrays import as_labels, as_sequences, as_targets, as_tokens, as_weights
from elman.data.batches import Batches, Sequences
from elman.data.records import Column
from elman.errors import InputError

__all__ = ["DataSet", "Form"]


@dataclass(frozen=True)
class Form:
    """What a network reads and gives.

    Attributes:
        dtype: Of its arithmetic.
        tokens: Whether it reads whole numbers.
        size_in: Number of input channels, or of different tokens.
        size_out: Number of output channels.
        per_step: Whether it gives an output for every step, not one for each row.
        missing: Whether it reads NaN as a missing value.
    """

    dtype: Any
    tokens: bool
    size_in: int
    size_out: int
    per_step: bool
    missing: bool = False

    def inputs(self, X: Any, lengths: Any, mask: Any = None) -> Sequences:
        """The inputs a user passed, checked.

        Raises:
            InputError: If they do not fit, or a live value is not finite.
        """
        if self.tokens:
            return as_tokens("X", X, self.size_in, lengths, mask)
        return as_sequences("X", X, self.size_in, self.dtype, lengths, mask, self.missing)

    def columns(self, target_size: int | None) -> list[Column]:
        """What the inputs, targets and weights of a :class:`elman.Stream` must be.

        Args:
            target_size: Channels of a target; ``None`` if targets are the numbers of classes.
        """
        inputs = Column("inputs", self.dtype, self.size_in, missing=self.missing)
        if self.tokens:
            inputs = Column("inputs", np.int64, 1, number=self.size_in)
        targets = Column("targets", np.int64, 1, number=self.size_out)
        if target_size is not None:
            targets = Column("targets", self.dtype, target_size)
        return [inputs, targets, Column("weights", self.dtype, 1, positive=True)]


@dataclass(frozen=True)
class DataSet:
    """Rows to train on or to be judged by.

    Attributes:
        form: Of the network they are for.
        inputs: The inputs.
        targets: One step for each row, or as many as the inputs have if ``form.per_step``.
        weights: ``None``, or like the targets.
    """

    form: Form
    inputs: Sequences
    targets: Sequences
    weights: Sequences | None = None

    @classmethod
    def of_arrays(
        cls,
        form: Form,
        X: Any,
        y: Any,
        weight: Any,
        lengths: Any,
        target_size: int | None,
        mask: Any = None,
    ) -> DataSet:
        """What a user passed, checked.

        Args:
            form: Of the network.
            X: Inputs.
            y: Targets.
            weight: Sample weights or ``None``.
            lengths: Of the rows, or ``None``.
            target_size: Channels of a target; ``None`` if targets are the numbers of classes.
            mask: True where a step was observed, or ``None``.

        Raises:
            InputError: If something does not fit or is not finite.
        """
        inputs = form.inputs(X, lengths, mask)
        channels = 1 if target_size is None else target_size
        weights = None
        if weight is not None:
            weights = as_weights(
                "sample_weight", weight, inputs, channels, form.dtype, form.per_step
            )
        if target_size is None:
            targets = as_labels("y", y, inputs, form.size_out, form.per_step, weights)
        else:
            targets = as_targets("y", y, inputs, channels, form.dtype, form.per_step, weights)
        return cls(form, inputs, targets, weights)

    def __len__(self) -> int:
        return len(self.inputs)

    def select(self, rows: Any) -> DataSet:
        """Some of the rows."""
        weights = None if self.weights is None else self.weights.select(rows)
        return replace(
            self,
            inputs=self.inputs.select(rows),
            targets=self.targets.select(rows),
            weights=weights,
        )

    def split(
        self, share: float, held_out: str, generator: np.random.Generator
    ) -> tuple[DataSet, DataSet]:
        """A part to train on and a part held out, each in its old order.

        Args:
            share: Of the rows held out.
            held_out: ``"last"`` or ``"random"``.
            generator: Draws the random ones.

        Raises:
            InputError: If a part would be empty.
        """
        rows = len(self)
        kept = rows - round(rows * share)
        if not 0 < kept < rows:
            raise InputError(
                "validation_split: expected a share that leaves rows on both sides, got "
                f"{share:g} of {rows} rows"
            )
        order = np.arange(rows) if held_out == "last" else generator.permutation(rows)
        return self.select(np.sort(order[:kept])), self.select(np.sort(order[kept:]))

    def batches(self, size: int, by_length: bool = False) -> Batches:
        """The rows in batches of ``size``; ``by_length`` as :class:`Batches` has it."""
        form = self.form
        return Batches(
            self.inputs, self.targets, self.weights, size, form.per_step, form.tokens, by_length
        )
