"""Batches: rows gathered into time-major buffers, longest first, in a seeded order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.backends import kernels
from elman.buffers import Buffer
from elman.errors import InputError

__all__ = ["Batch", "Batches", "Sequences"]

Array: TypeAlias = NDArray[Any]


class Sequences:
    """``N`` sequences in one flat array, without copies where windows overlap.

    Row ``i`` is ``values[starts[i] : starts[i] + lengths[i]]``.

    Args:
        values: ``(L, C)``, C-contiguous: all steps of all rows.
        starts: int64 ``(N,)``: where each row begins.
        lengths: How many steps each row has: int64 ``(N,)``, or one int for all.

    Attributes:
        array: ``(N, T, C)``, if these are the whole rows of one array, in order; else ``None``.
        steps: The most steps that a row has.
        padded_steps: Steps of the array ``(N, T, C)`` that the rows came as; else ``steps``.
        mask: ``None``; or, if only some steps of that array were observed, which, ``(N, T)``:
            a row holds those alone, one after the other.

    Raises:
        InputError: If a row reaches beyond the values.
    """

    __slots__ = ("array", "lengths", "mask", "padded_steps", "starts", "steps", "values")

    def __init__(self, values: Array, starts: Array, lengths: Array | int) -> None:
        if values.ndim != 2:
            raise InputError(f"values: expected an array (steps, channels), got {values.shape}")
        self.values = np.ascontiguousarray(values)
        self.starts = np.ascontiguousarray(starts, np.int64)
        self.array: Array | None = None
        self.lengths: Array | None = None
        self.mask: Array | None = None
        if isinstance(lengths, (int, np.integer)):
            self.steps = int(lengths)
            ends = self.starts + self.steps
        else:
            self.lengths = np.ascontiguousarray(lengths, np.int64)
            self.steps = int(self.lengths.max(initial=0))
            ends = self.starts + self.lengths
        self.padded_steps = self.steps
        if len(ends) and (self.starts.min() < 0 or ends.max() > len(self.values)):
            raise InputError(
                f"starts, lengths: expected rows within {len(self.values)} steps, got rows from "
                f"{self.starts.min()} to {ends.max()}"
            )

    @classmethod
    def from_array(cls, array: Array, lengths: Array | None = None) -> Sequences:
        """The rows of ``(N, T, C)``, each whole or of its own length."""
        rows, steps, channels = array.shape
        array = np.ascontiguousarray(array)
        values = array.reshape(rows * steps, channels)
        starts = np.arange(rows, dtype=np.int64)
        starts *= steps
        if lengths is not None:
            sequences = cls(values, starts, lengths)
        else:
            sequences = cls.__new__(cls)  # whole rows of an array lie in it: nothing to check
            sequences.array, sequences.values, sequences.starts = array, values, starts
            sequences.steps = steps
            sequences.lengths = sequences.mask = None
        sequences.padded_steps = steps
        return sequences

    @classmethod
    def from_masked(cls, array: Array, mask: Array) -> Sequences:
        """Of the rows of ``(N, T, C)`` the steps where ``mask`` ``(N, T)`` is true."""
        lengths = mask.sum(axis=1).astype(np.int64)
        starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]) if len(lengths) else lengths
        sequences = cls(array[mask], starts, lengths)
        sequences.padded_steps, sequences.mask = array.shape[1], mask
        return sequences

    @classmethod
    def from_list(cls, rows: Sequence[Array], channels: int, dtype: Any) -> Sequences:
        """Arrays ``(T_i, C)``, one a row."""
        lengths = np.array([len(row) for row in rows], np.int64)
        starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]) if len(rows) else lengths
        values = np.empty((int(lengths.sum()), channels), dtype)
        if len(rows):
            np.concatenate(rows, out=values, casting="unsafe")
        return cls(values, starts, lengths)

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def channels(self) -> int:
        """Channels of a step."""
        return int(self.values.shape[1])

    def select(self, rows: slice | Array) -> Sequences:
        """Some of the rows, over the same values."""
        lengths = self.steps if self.lengths is None else self.lengths[rows]
        chosen = Sequences(self.values, self.starts[rows], lengths)
        chosen.padded_steps = self.padded_steps
        chosen.mask = None if self.mask is None else self.mask[rows]
        return chosen

    def spread(self, output: Array) -> Array:
        """What was given for each step ``(N, steps, K)``, where the steps stood in the array.

        Zero at steps past a row's length, and at those that were not observed. ``output`` itself
        if its steps stand there already.
        """
        if self.mask is None and output.shape[1] == self.padded_steps:
            return output
        wide = np.zeros((len(self), self.padded_steps, output.shape[2]), output.dtype)
        if self.mask is None:
            wide[:, : output.shape[1]] = output
        else:
            live = np.arange(output.shape[1]) < np.asarray(self.lengths)[:, None]
            wide[self.mask] = output[live]
        return wide

    def gather(self, rows: Array, out: Array) -> None:
        """Writes the rows into ``out`` ``[T, B, C]``, zero past each row's length."""
        kernels.gather(self.values, self.starts, self.lengths, rows, out)


class Batch:
    """Some rows, ready for a pass through a network.

    The arrays belong to the batches they came from and are overwritten by the next batch.

    Attributes:
        rows: int64 ``(B,)``: which rows these are, longest first.
        x: ``[T, B, C]``, or ``[T, B]`` of tokens.
        target: ``[T, B, K]`` or ``[B, K]``; ``None`` when predicting.
        weight: ``None``, or shaped as the target, or with one channel.
        live: ``None`` or int64 ``(T,)``: how many leading rows live at each step.
        lengths: ``None`` or int64 ``(B,)``, descending.
        state: ``None``, or where the rows begin: ``[B, H]`` for each state of the model, in order.
        final_state: ``None``, or arrays like ``state``, for a pass to write where they end.
        begins: ``None`` or bool ``(B,)``: the rows that begin in the model's own initial state,
            which ``state`` holds; the others go on from an earlier batch.
        stays: Whether this object comes again, its arrays in the same memory: a pass over it may
            be recorded.
    """

    __slots__ = (
        "begins",
        "final_state",
        "lengths",
        "live",
        "rows",
        "state",
        "stays",
        "target",
        "weight",
        "x",
    )

    def __init__(self, rows: Array, x: Any) -> None:
        self.rows = rows
        self.x = x
        self.target: Array | None = None
        self.weight: Array | None = None
        self.live: Array | None = None
        self.lengths: Array | None = None
        self.state: tuple[Array, ...] | None = None
        self.final_state: tuple[Array, ...] | None = None
        self.begins: Array | None = None
        self.stays = False


class Batches:
    """All batches of a data set, gathered into buffers that are reused.

    Args:
        inputs: The inputs, ``C`` channels.
        targets: ``None``; or as many sequences, with the inputs' lengths if ``per_step`` is
            set, else of one step each.
        weights: ``None``, or like the targets.
        batch_size: Rows of a batch; the last one may have fewer.
        per_step: Whether there is a target for every step.
        tokens: Whether the inputs are tokens, one channel of whole numbers.
        by_length: Whether rows of like length share a batch when they are shuffled, so that
            little is padded.
    """

    _STRETCH = 50
    """So many batches of rows drawn at random are sorted by length together."""

    def __init__(
        self,
        inputs: Sequences,
        targets: Sequences | None = None,
        weights: Sequences | None = None,
        batch_size: int = 32,
        per_step: bool = False,
        tokens: bool = False,
        by_length: bool = False,
    ) -> None:
        self.by_length = by_length
        self.inputs, self.targets, self.weights = inputs, targets, weights
        self.batch_size = batch_size
        self.per_step = per_step
        self.tokens = tokens
        self._x = Buffer(inputs.values.dtype)
        self._target = Buffer(np.float32 if targets is None else targets.values.dtype)
        self._weight = Buffer(np.float32 if weights is None else weights.values.dtype)
        self._live = np.empty(inputs.steps, np.int64)
        self._order = np.arange(len(inputs), dtype=np.int64)

    def __len__(self) -> int:
        """Number of batches."""
        return -(-len(self.inputs) // self.batch_size)

    @property
    def equal(self) -> bool:
        """Whether all rows have the same number of steps, at least one."""
        return self.inputs.lengths is None and self.inputs.steps > 0

    def epoch(self, generator: np.random.Generator | None = None) -> Iterator[Batch]:
        """Every row once: shuffled by ``generator``, or in order without one."""
        for rows in self.epoch_rows(generator):
            yield self.take(rows)

    def epoch_rows(self, generator: np.random.Generator | None = None) -> Iterator[Array]:
        """The rows of each batch of :meth:`epoch`."""
        rows, size = len(self.inputs), self.batch_size
        order = self._order if generator is None else generator.permutation(rows)
        starts: Any = range(0, rows, size)
        if self.by_length and generator is not None and self.inputs.lengths is not None:
            stretch = self._STRETCH * size
            for begin in range(0, rows, stretch):
                part = order[begin : begin + stretch]
                order[begin : begin + stretch] = part[
                    np.argsort(self.inputs.lengths[part], kind="stable")
                ]
            starts = np.arange(0, rows, size)
            generator.shuffle(starts)
        for start in starts:
            yield order[start : start + size]

    def take(self, rows: Array) -> Batch:
        """The batch of the given rows, int64 ``(B,)``."""
        inputs = self.inputs
        if inputs.lengths is None:
            batch, steps = Batch(rows, None), inputs.steps
            if steps == 0:
                batch.live = np.empty(0, np.int64)
                batch.lengths = np.zeros(len(rows), np.int64)
        else:
            batch, steps = self._arrange(rows, inputs.lengths)
        size = len(rows)
        x = self._x((steps, size, inputs.channels))
        inputs.gather(batch.rows, x)
        batch.x = x[:, :, 0] if self.tokens else x
        if self.targets is not None:
            batch.target = self._gather(self.targets, batch.rows, steps, self._target)
        if self.weights is not None:
            batch.weight = self._gather(self.weights, batch.rows, steps, self._weight)
        return batch

    def _arrange(self, rows: Array, all_lengths: Array) -> tuple[Batch, int]:
        """Sorts the rows, longest first, and counts who lives when."""
        rows = np.ascontiguousarray(rows, np.int64)
        batch = Batch(np.empty_like(rows), None)
        lengths = np.empty_like(rows)
        steps: int = kernels.arrange(all_lengths, rows, batch.rows, lengths, self._live)
        if not len(rows) or lengths[-1] < steps or steps == 0:
            batch.live, batch.lengths = self._live[:steps], lengths
        return batch, steps

    def _gather(self, source: Sequences, rows: Array, steps: int, buffer: Buffer) -> Array:
        if self.per_step:
            out = buffer((steps, len(rows), source.channels))
            source.gather(rows, out)
            return out
        out = buffer((1, len(rows), source.channels))
        source.gather(rows, out)
        single: Array = out[0]
        return single
