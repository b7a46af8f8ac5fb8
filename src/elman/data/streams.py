"""Streams: long records side by side in lanes, walked chunk by chunk, their states carried on.

This is truncated back-propagation through time for records longer than memory. A lane walks one
record at a time: each batch holds the next chunk of every lane, begins in the states in which the
last one ended, and cuts the gradient there. Where a record ends, its lane goes on with the next
record, in a fresh state, at the next chunk. What is held in memory is one chunk.

Source: R. J. Williams and J. Peng, "An efficient gradient-based algorithm for on-line training of
recurrent network trajectories", Neural Computation 2 (1990) 490-501.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.buffers import Buffer
from elman.checks import describe, one_of, whole
from elman.data.batches import Batch
from elman.data.records import ArrayRecord, Column, Reader, Record, open_records, side_by_side
from elman.errors import InputError

__all__ = ["Lanes", "Stream", "refuse_beside_stream"]

Array: TypeAlias = NDArray[Any]
Start: TypeAlias = Callable[[], Sequence[Array]]


class Stream:
    """Long records for :meth:`elman.Network.fit` and :meth:`~elman.Network.evaluate`.

    The network walks them chunk by chunk and carries its state from each chunk to the next, so
    memory is bounded by ``lanes`` times ``chunk`` steps however long a record is. The gradient
    reaches back to the beginning of a chunk; with a chunk as long as the records the result is that
    of :meth:`~elman.Network.fit` on whole sequences. Keras calls this ``stateful``.

    A record is a tuple ``(x, y)`` of inputs ``(T, C)`` and targets ``(T, K)``, or ``(x, y,
    weight)`` with weights of the steps ``(T,)``; or ``x`` alone, where the target of each step is
    the next step. One-channel arrays, tokens and numbers of classes are ``(T,)``. Each may be

    * an array, or a ``numpy.memmap``;
    * the path of a ``.npy`` file, which is mapped, not loaded;

    and a whole record may be a function without arguments that gives an iterator of parts, such as
    a generator function: tuples as above, of any number of steps. All numbers are looked at once
    before training begins, so that what does not fit is refused at once.

    Args:
        records: A record, or a list of them.
        chunk: Steps walked at a time, and how far back the gradient reaches.
        lanes: How many records are walked side by side: the rows of a batch.
        split: Whether records are cut into pieces of equal length, each of which begins afresh, so
            that few long records keep all lanes busy: as a long text is trained on.

    Raises:
        InputError: If ``chunk``, ``lanes`` or ``split`` does not fit; what is wrong with a record
            is said when it is used.

    Example:
        >>> stream = Stream([("x.npy", "y.npy")], chunk=200, lanes=16, split=True)
        >>> network.fit(stream, epochs=5, validation_data=Stream([(x_late, y_late)]))
    """

    def __init__(
        self, records: Any, *, chunk: int = 100, lanes: int = 32, split: bool = False
    ) -> None:
        self.records = records
        self.chunk = whole("Stream: chunk", chunk)
        self.lanes = whole("Stream: lanes", lanes)
        self.split = bool(one_of("Stream: split", split, (True, False)))

    def __repr__(self) -> str:
        return f"Stream(chunk={self.chunk}, lanes={self.lanes}, split={self.split})"

    def open(self, columns: Sequence[Column], start: Start, tokens: bool) -> Lanes:
        """The records in lanes.

        Args:
            columns: What inputs, targets and weights must be.
            start: Gives the state that a record begins in, one array ``(H,)`` for each state.
            tokens: Whether inputs are tokens.

        Raises:
            InputError: If a record does not fit.
        """
        records = open_records(self.records, columns)
        used = columns[: records[0].width]
        if not self.split:
            return Lanes(records, used, self.chunk, self.lanes, start, tokens)
        pieces = self._pieces(records)
        table = side_by_side(pieces) if len(records) == 1 else None
        return Lanes(pieces, used, self.chunk, self.lanes, start, tokens, table)

    def _pieces(self, records: Sequence[Record]) -> list[ArrayRecord]:
        """All records cut to the length at which they fill the lanes."""
        pieces: list[ArrayRecord] = []
        length = -(-sum(record.steps for record in records) // self.lanes)
        for record in records:
            if not isinstance(record, ArrayRecord):
                raise InputError(
                    "records: expected arrays or files beside split=True, got a function, whose "
                    "parts come in order; give a function for each piece instead"
                )
            pieces += record.pieces(length)
        return pieces


class Lanes:
    """Batches of chunks, see :class:`Stream`; a :class:`elman.training.BatchSource`.

    A batch says in which states its rows begin, and takes note of those in which they end once the
    next batch is asked for.

    Args:
        records: At least one, each of at least one step.
        columns: Of the records: inputs, targets and maybe weights.
        chunk: Steps of a batch.
        lanes: Rows of a batch.
        start: The state that a record begins in, one array ``(H,)`` for each state.
        tokens: Whether inputs are tokens.
        table: The columns of all records, where these are pieces of one, see
            :func:`elman.data.records.side_by_side`: then a chunk is a single copy.
    """

    def __init__(
        self,
        records: Sequence[Record],
        columns: Sequence[Column],
        chunk: int,
        lanes: int,
        start: Start,
        tokens: bool,
        table: Sequence[Array] | None = None,
    ) -> None:
        self.records, self.columns = list(records), list(columns)
        self.chunk, self.lanes = chunk, min(lanes, len(records))
        self._start, self._tokens, self._table = start, tokens, table
        self._buffers = [Buffer(column.dtype) for column in columns]
        states = start()
        self._states = [np.zeros((self.lanes, len(one)), one.dtype) for one in states]
        self._before = [Buffer(one.dtype) for one in states]
        self._after = [Buffer(one.dtype) for one in states]
        self._full: Batch | None = None

    def __len__(self) -> int:
        """Number of batches of an epoch in which records come in the order they were given."""
        until = np.zeros(self.lanes, np.int64)
        for record in self.records:
            until[until.argmin()] += -(-record.steps // self.chunk)
        return int(until.max())

    def epoch(self, generator: np.random.Generator | None = None) -> Iterator[Batch]:
        """Every step of every record once, chunk by chunk; records shuffled by ``generator``."""
        number = len(self.records)
        shuffled = generator is not None and self._table is None  # pieces begin all at once
        order = generator.permutation(number) if generator and shuffled else np.arange(number)
        waiting = iter(order)
        readers: list[Reader | None] = [None] * self.lanes
        while True:
            begins = self._open(readers, waiting)
            running = [reader for reader in readers if reader is not None]
            if not running:
                return
            whole = min(reader.remaining for reader in running) // self.chunk
            if whole and len(running) == self.lanes:
                yield from self._whole_chunks(running, whole, begins)
            else:
                yield from self._uneven_chunk(readers, begins)

    def _open(self, readers: list[Reader | None], waiting: Iterator[int]) -> Array:
        """Gives lanes whose record has ended the next one; which lanes begin one."""
        begins = np.zeros(self.lanes, bool)
        for lane, reader in enumerate(readers):
            if reader is None or not reader.remaining:
                following = next(waiting, None)
                begins[lane] = following is not None
                readers[lane] = None if following is None else self.records[following].open()
        if begins.any():
            for state, fresh in zip(self._states, self._start(), strict=True):
                state[begins] = fresh
        return begins

    def _whole_chunks(
        self, readers: Sequence[Reader], number: int, begins: Array
    ) -> Iterator[Batch]:
        """So many chunks in which every lane lives to the end: always the same batch."""
        chunk = self.chunk
        if self._full is None:
            self._full = self._batch(np.arange(self.lanes), np.full(self.lanes, chunk))
            self._full.state, self._full.stays = tuple(self._states), True
        batch, arrays = self._full, self._arrays((chunk, self.lanes))
        rows = [[array[:, row] for array in arrays] for row in range(self.lanes)]
        place = 0
        if self._table is not None:
            place = self._table[0].shape[1] - min(reader.remaining for reader in readers)
        for index in range(number):
            if self._table is None:
                for reader, own in zip(readers, rows, strict=True):
                    reader.read(chunk, own)
            else:
                first = place + index * chunk
                for array, column in zip(arrays, self._table, strict=True):
                    np.copyto(array, column[:, first : first + chunk].swapaxes(0, 1), "unsafe")
            batch.begins = np.zeros(self.lanes, bool) if index else begins
            yield batch
            for state, after in zip(self._states, batch.final_state or (), strict=True):
                np.copyto(state, after)
        if self._table is not None:
            for reader in readers:
                reader.skip(number * chunk)

    def _uneven_chunk(self, readers: Sequence[Reader | None], begins: Array) -> Iterator[Batch]:
        """A chunk in which lanes end, or have ended: the rows that live, longest first."""
        steps = np.array([min(self.chunk, one.remaining) if one else 0 for one in readers])
        rows = np.argsort(-steps, kind="stable")[: np.count_nonzero(steps)]
        batch = self._batch(rows, steps[rows])
        arrays = self._arrays(batch.x.shape[:2])
        for row, (lane, own) in enumerate(zip(rows, steps[rows].tolist(), strict=True)):
            reader = readers[lane]
            for array in arrays:
                array[own:, row] = 0
            if reader is not None:
                reader.read(own, [array[:own, row] for array in arrays])
        for state, before in zip(self._states, batch.state or (), strict=True):
            np.take(state, rows, axis=0, out=before)
        batch.begins = begins[rows]
        yield batch
        for state, after in zip(self._states, batch.final_state or (), strict=True):
            state[rows] = after

    def _batch(self, rows: Array, lengths: Array) -> Batch:
        """A batch of so many steps of each row, yet to be filled."""
        most, number = int(lengths[0]), len(rows)
        arrays = self._arrays((most, number))
        batch = Batch(rows, arrays[0][:, :, 0] if self._tokens else arrays[0])
        batch.target = arrays[1]
        if len(arrays) > 2:
            batch.weight = arrays[2]
        if lengths[-1] < most:
            batch.lengths = lengths
            batch.live = np.count_nonzero(lengths > np.arange(most)[:, None], axis=1)
        states = [(number, state.shape[1]) for state in self._states]
        batch.state = tuple([make(one) for make, one in zip(self._before, states, strict=True)])
        batch.final_state = tuple(
            [make(one) for make, one in zip(self._after, states, strict=True)]
        )
        return batch

    def _arrays(self, shape: tuple[int, int]) -> list[Array]:
        return [
            buffer((*shape, column.channels))
            for buffer, column in zip(self._buffers, self.columns, strict=True)
        ]


def refuse_beside_stream(**given: Any) -> None:
    """Refuses arguments that belong to arrays of rows.

    Raises:
        InputError: If one of them is not ``None``.
    """
    for name, value in given.items():
        if value is not None:
            raise InputError(
                f"{name}: expected none beside a Stream, which has targets, weights, lanes and a "
                f"chunk of its own, got {describe(value)}"
            )
