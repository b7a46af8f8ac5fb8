"""Sequences with a label at every step: lists of tokens, or sequences of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.checks import describe
from elman.data.rows import Rows, as_rows
from elman.errors import InputError

__all__ = ["Sentences", "Steps", "as_step_labels", "as_steps"]

Array: TypeAlias = NDArray[Any]


@dataclass(frozen=True)
class Sentences:
    """``N`` lists of tokens."""

    tokens: list[list[str]]

    def __len__(self) -> int:
        return len(self.tokens)

    def select(self, rows: Array) -> Sentences:
        """Some of the rows."""
        return Sentences([self.tokens[row] for row in rows])


Steps: TypeAlias = Sentences | Rows
"""What is labelled: tokens, or steps of numbers."""


def lengths_of(steps: Steps) -> Array:
    """How many steps each row has, int64 ``(N,)``."""
    rows: Sequence[Any] = steps.tokens if isinstance(steps, Sentences) else steps.arrays or []
    return np.array([len(one) for one in rows], np.int64)


def as_steps(
    data: Any, lengths: Any = None, words: bool | None = None, channels: int | None = None
) -> Steps:
    """The sequences a user passed, checked.

    Args:
        data: Lists of tokens; or numbers as :func:`elman.data.rows.as_rows` takes them.
        lengths: ``None``, or how many steps of each row of an array are live.
        words: Whether they must be tokens (``None``: they say so themselves).
        channels: How many there must be of numbers, or ``None``.

    Raises:
        InputError: If it is neither, or both.
    """
    if isinstance(data, (Sentences, Rows)):
        steps: Steps = data
    elif isinstance(data, str):
        raise InputError(f"X: expected lists of tokens, got one text {data!r:.40}; {_SPLIT}")
    elif words if words is not None and _says_nothing(data) else _has_tokens(data):
        if lengths is not None:
            raise InputError("lengths: expected None beside lists of tokens")
        steps = Sentences([_tokens(row, one) for row, one in enumerate(data)])
    else:
        steps = as_rows(data, lengths, channels=channels)
    if words is not None and words != isinstance(steps, Sentences):
        expected, found = ("tokens", "numbers") if words else ("numbers", "tokens")
        raise InputError(f"X: expected {expected}, as in fit, got {found}")
    return steps


def as_step_labels(y: Any, steps: Steps, name: str = "y") -> list[list[Any]]:
    """A label for every step, as plain values.

    Args:
        y: A list of lists or arrays of labels, or an array ``(N, T)`` beside an array of inputs,
            which may be longer than the rows.
        steps: What is labelled.
        name: What the message calls it.

    Raises:
        InputError: If labels are missing, too many, or of several types.
    """
    if hasattr(y, "to_numpy"):
        y = y.to_numpy()
    if y is None or isinstance(y, str) or not hasattr(y, "__len__"):
        raise InputError(f"{name}: expected a list of labels for each sequence, got {describe(y)}")
    lengths = lengths_of(steps)
    if len(y) != len(lengths):
        raise InputError(
            f"{name}: expected labels for each of {len(lengths)} sequences, got {len(y)}"
        )
    padded = isinstance(y, np.ndarray) and y.ndim == 2
    labels: list[list[Any]] = []
    for row, (one, length) in enumerate(zip(y, lengths, strict=True)):
        if isinstance(one, str) or not hasattr(one, "__len__"):
            raise InputError(f"{name}[{row}]: expected a list of labels, got {one!r:.40}")
        values = one.tolist() if hasattr(one, "tolist") else list(one)
        values = [value.item() if isinstance(value, np.generic) else value for value in values]
        if padded and len(values) > length:
            values = values[:length]
        if len(values) != length:
            raise InputError(
                f"{name}[{row}]: expected a label for each of {length} steps, got {len(values)}"
            )
        labels.append(values)
    _check_labels(name, labels)
    return labels


_SPLIT = "split it into tokens, for one with text.split()"


def _check_labels(name: str, labels: list[list[Any]]) -> None:
    kinds: dict[type, str] = {}
    for row, one in enumerate(labels):
        for step, value in enumerate(one):
            if value is None or value != value:
                raise InputError(f"{name}[{row}][{step}]: expected a label, got a missing one")
            if not isinstance(value, (str, bool, int)):
                raise InputError(
                    f"{name}[{row}][{step}]: expected a text, a whole number or a boolean, got "
                    f"{type(value).__name__} {value!r:.40}"
                )
            kinds.setdefault(type(value), f"{value!r:.20} in row {row}")
    if len(kinds) > 1:
        raise InputError(f"{name}: expected labels of one type, got {' and '.join(kinds.values())}")


def _has_tokens(data: Any) -> bool:
    return isinstance(data, (list, tuple, np.ndarray)) and any(
        isinstance(one, str)
        or (isinstance(one, (list, tuple, np.ndarray)) and len(one) and isinstance(one[0], str))
        for one in data
    )


def _says_nothing(data: Any) -> bool:
    """Whether no row has a step that could tell what they are."""
    if not isinstance(data, (list, tuple)):
        return False
    return not any(isinstance(one, str) or not hasattr(one, "__len__") or len(one) for one in data)


def _tokens(row: int, one: Any) -> list[str]:
    if isinstance(one, str):
        raise InputError(f"X[{row}]: expected a list of tokens, got the text {one!r:.40}; {_SPLIT}")
    if not isinstance(one, (list, tuple, np.ndarray)):
        raise InputError(f"X[{row}]: expected a list of tokens, got {describe(one)}")
    for step, token in enumerate(one):
        if not isinstance(token, str):
            raise InputError(
                f"X[{row}][{step}]: expected a token (a text), as in the others, got "
                f"{type(token).__name__} {token!r:.40}"
            )
    return [str(token) for token in one]
