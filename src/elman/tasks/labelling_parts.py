"""Sequences with labels: checked, cut to a length to train on, and parted in those that train,
those that watch the training, and those that judge it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.data.rows import Rows
from elman.data.tokens import Sentences, Steps, as_step_labels, as_steps, lengths_of
from elman.errors import InputError

__all__ = ["Labels", "Part", "Split", "beside", "labels_of", "readable", "select", "split"]

Array: TypeAlias = NDArray[Any]
Labels: TypeAlias = list[list[Any]]
Part: TypeAlias = tuple[Steps, Labels]
"""Sequences and their labels."""

_FEWEST = 40
"""Of sequences, below which none is held out."""
_FEWEST_PIECES = 10
"""Of pieces of fewer sequences, below which none is held out."""


@dataclass(frozen=True)
class Split:
    """Sequences by what they are for.

    Attributes:
        train: To train on, no longer than what was asked for.
        watch: Whose loss picks the best epoch, or ``None``.
        judge: To score on, or ``None``.
        everything: All, as ``train`` has them.
        in_time: Whether the ends of the sequences are held out, not some of the sequences.
    """

    train: Part
    watch: Part | None
    judge: Part | None
    everything: Part
    in_time: bool = False


def split(
    part: Part,
    held_out: float,
    longest: int | None,
    generator: np.random.Generator,
    watched: bool,
    judged: bool,
) -> Split:
    """Draws which sequences are held out; of too few of them, their last pieces are.

    Args:
        part: All sequences.
        held_out: Share to hold out; half of it watches and half judges.
        longest: Steps of a piece to train on, or ``None`` for whole sequences.
        generator: Draws the sequences.
        watched: Whether others watch already, so that what is held out judges alone.
        judged: Whether others judge already, so that what is held out watches alone.
    """
    pieces, origin, place = _cut(part, longest)
    number = len(part[0])
    enough = number >= _FEWEST or len(origin) >= _FEWEST_PIECES
    if (watched and judged) or not held_out or not enough:
        return Split(pieces, None, None, pieces)
    in_time = number < _FEWEST
    if in_time:
        first, second = place >= 1.0 - held_out, place >= 1.0 - held_out / 2.0
        held, late = np.flatnonzero(first), np.flatnonzero(second)
        groups = (np.setdiff1d(held, late), late)
        kept, source = np.flatnonzero(~first), pieces
    else:
        order = generator.permutation(number)
        wanted = max(4, round(held_out * number))
        held = np.sort(order[:wanted])
        groups = (np.sort(order[:wanted:2]), np.sort(order[1:wanted:2]))
        kept, source = np.flatnonzero(~np.isin(origin, held)), part
    if not all(map(len, (*groups, kept))):  # short sequences are pieces without an end
        return Split(pieces, None, None, pieces)
    watch = None if watched else select(source, held if judged else groups[0])
    judge = None if judged else select(source, held if watched else groups[1])
    return Split(select(pieces, kept), watch, judge, pieces, in_time)


def select(part: Part, rows: Array) -> Part:
    """Some of the sequences."""
    return part[0].select(rows), [part[1][row] for row in rows]


def readable(part: Part) -> tuple[Part, int]:
    """The sequences that have a step, and how many have none.

    Raises:
        InputError: If none has.
    """
    kept = np.flatnonzero(lengths_of(part[0]))
    missing = len(part[0]) - len(kept)
    if not len(kept):
        raise InputError("X: expected steps to learn from, every sequence is empty")
    return (select(part, kept) if missing else part), missing


def beside(name: str, data: Any, steps: Steps) -> Part | None:
    """Data given beside those trained on, which must be of the same kind.

    Args:
        name: What messages call it.
        data: ``(X, y)``, or ``None``.
        steps: Those trained on.

    Raises:
        InputError: If they are no such data, or hold no step.
    """
    if data is None:
        return None
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        raise InputError(f"{name}: expected (X, y), got {type(data).__name__}")
    channels = None if isinstance(steps, Sentences) else steps.channels
    try:
        found = as_steps(data[0], None, isinstance(steps, Sentences), channels)
        part, _ = readable((found, as_step_labels(data[1], found)))
    except InputError as error:
        raise InputError(f"{name}: {error}") from error
    return part


def labels_of(part: Part, watched: Part | None) -> tuple[list[Any], list[str]]:
    """All labels, sorted, and those of ``watched`` that the part lacks, for a message.

    Raises:
        InputError: If there is one label alone, or labels differ in type.
    """
    seen = {one for row in part[1] for one in row}
    if len(seen) < 2:
        raise InputError(f"y: expected at least two labels, got one label alone: {sorted(seen)}")
    others = {one for row in watched[1] for one in row} if watched else set()
    kinds = sorted({type(one).__name__ for one in seen | others})
    if len(kinds) > 1:
        raise InputError(
            f"validation_data: expected labels of the type of y, got {' and '.join(kinds)}"
        )
    return sorted(seen | others), [repr(one) for one in sorted(others - seen)]


def _cut(part: Part, longest: int | None) -> tuple[Part, Array, Array]:
    """The sequences in pieces of like length, of which sequence each is, and where it begins.

    Returns:
        The pieces; the number of the sequence of each; and where in it the piece begins, as a
        share of its steps.
    """
    steps, labels = part
    lengths = lengths_of(steps)
    if longest is None or lengths.max() <= longest:
        return part, np.arange(len(lengths)), np.zeros(len(lengths))
    bounds = [
        (row, int(edges[piece]), int(edges[piece + 1]))
        for row, length in enumerate(lengths)
        for edges in [np.linspace(0, length, -(-length // longest) + 1).astype(np.int64)]
        for piece in range(len(edges) - 1)
    ]
    rows: Sequence[Any] = steps.tokens if isinstance(steps, Sentences) else steps.arrays or []
    found = [rows[row][first:last] for row, first, last in bounds]
    cut: Steps = Sentences(found)
    if not isinstance(steps, Sentences):
        cut = Rows(found, None, steps.channels)
    origin = np.array([row for row, _, _ in bounds])
    place = np.array([first / lengths[row] for row, first, _ in bounds])
    return (cut, [labels[row][first:last] for row, first, last in bounds]), origin, place
