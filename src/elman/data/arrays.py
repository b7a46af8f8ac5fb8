"""What users pass as arrays, checked once and turned into :class:`Sequences`.

Accepted are arrays ``(N, T, C)``, with or without ``lengths`` or a ``mask``, and lists of arrays
``(T_i, C)``. The channel axis may be left out where there is one channel.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.backends.kernels import first_not_finite
from elman.checks import describe
from elman.data.batches import Sequences
from elman.errors import InputError

__all__ = ["as_labels", "as_sequences", "as_targets", "as_tokens", "as_weights"]

Array: TypeAlias = NDArray[Any]


def as_sequences(
    name: str,
    data: Any,
    channels: int | None,
    dtype: Any,
    lengths: Any,
    mask: Any = None,
    missing: bool = False,
) -> Sequences:
    """Real numbers, finite at every live position.

    Args:
        name: What messages call the data.
        data: ``(N, T, C)``; ``(N, T)`` or ``(T,)`` if ``C`` is 1; or a list of ``(T_i, C)``.
        channels: ``C``, or ``None`` for whatever comes.
        dtype: Of the result.
        lengths: ``None``, or how many steps of each row are live, ``(N,)``.
        mask: ``None``, or true where a step was observed, ``(N, T)``.
        missing: Whether a value may be NaN, which says that it is missing.

    Raises:
        InputError: If shapes do not fit, or a live value is missing or infinite.
    """
    if isinstance(data, (list, tuple)):
        sequences = _from_list(name, data, channels, dtype, lengths, mask)
    else:
        array = _numbers(name, data, dtype)
        if channels == 1 and array.ndim == 1:
            array = array[None, :, None]
        elif channels == 1 and array.ndim == 2:
            array = array[:, :, None]
        if array.ndim != 3 or (channels is not None and array.shape[2] != channels):
            raise InputError(_expected(name, channels, data))
        sequences = _of_array(array, lengths, mask)
    _check_finite(name, sequences, missing=missing)
    return sequences


def as_tokens(name: str, data: Any, number: int, lengths: Any, mask: Any = None) -> Sequences:
    """Whole numbers from 0 to ``number - 1``, one channel, int64.

    Args:
        name: What messages call the data.
        data: ``(N, T)``, ``(N, T, 1)``, ``(T,)``, or a list of ``(T_i,)``.
        number: How many different tokens there are.
        lengths: ``None``, or how many steps of each row are live, ``(N,)``.
        mask: ``None``, or true where a step was observed, ``(N, T)``.

    Raises:
        InputError: If shapes do not fit, or a live value is no such number.
    """
    if isinstance(data, (list, tuple)):
        rows = [_whole_numbers(f"{name}[{index}]", row) for index, row in enumerate(data)]
        sequences = _from_list(name, rows, 1, np.int64, lengths, mask)
    else:
        array = _whole_numbers(name, data)
        if array.ndim == 1:
            array = array[None, :]
        if array.ndim == 2:
            array = array[:, :, None]
        if array.ndim != 3 or array.shape[2] != 1:
            raise InputError(
                f"{name}: expected tokens, an array (rows, steps) of whole numbers or a list of "
                f"arrays (steps,), got {describe(data)}"
            )
        sequences = _of_array(array, lengths, mask)
    _check_range(name, sequences, number, "tokens")
    return sequences


def as_targets(
    name: str,
    data: Any,
    inputs: Sequences,
    channels: int,
    dtype: Any,
    per_step: bool,
    weights: Sequences | None = None,
) -> Sequences:
    """Targets that fit the inputs: one for each row, or one for each live step.

    Args:
        name: What messages call the data.
        data: ``(N, C)``, or ``(N,)`` if ``C`` is 1; if ``per_step``, ``(N, T, C)``, or
            ``(N, T)`` if ``C`` is 1, or a list of such rows.
        inputs: The inputs, already checked.
        channels: ``C``.
        dtype: Of the result.
        per_step: Whether there is a target for every step.
        weights: Where they are 0 a target may be missing.

    Raises:
        InputError: If shapes do not fit, or a target that counts is missing or infinite.
    """
    targets = _shaped_targets(name, data, inputs, channels, dtype, per_step)
    _check_finite(name, targets, weights)
    return targets


def as_labels(
    name: str,
    data: Any,
    inputs: Sequences,
    classes: int,
    per_step: bool,
    weights: Sequences | None = None,
) -> Sequences:
    """Numbers of classes, from 0 to ``classes - 1``, shaped as :func:`as_targets` of 1 channel.

    Args:
        name: What messages call the data.
        data: See :func:`as_targets`.
        inputs: The inputs, already checked.
        classes: How many classes there are.
        per_step: Whether there is a label for every step.
        weights: Where they are 0 a label may be anything.

    Raises:
        InputError: If shapes do not fit, or a label that counts is no such number.
    """
    if isinstance(data, (list, tuple)) and per_step:
        data = [_whole_numbers(f"{name}[{index}]", row) for index, row in enumerate(data)]
    else:
        data = _whole_numbers(name, data)
    labels = _shaped_targets(name, data, inputs, 1, np.int64, per_step)
    _check_range(name, labels, classes, "classes", weights)
    return labels


def as_weights(
    name: str, data: Any, inputs: Sequences, channels: int, dtype: Any, per_step: bool
) -> Sequences:
    """Weights of rows, of steps or of single targets; finite and not negative.

    Args:
        name: What messages call the data.
        data: ``(N,)``; or ``(N, C)``; or, if ``per_step``, ``(N, T)``, ``(N, T, C)`` or a list.
        inputs: The inputs, already checked.
        channels: ``C``, the channels of the targets.
        dtype: Of the result.
        per_step: Whether there is a target for every step.

    Raises:
        InputError: If shapes do not fit, or a weight is negative, missing or infinite.
    """
    if isinstance(data, (list, tuple)) and not (data and np.ndim(data[0])):
        data = np.asarray(data)
    if not isinstance(data, (list, tuple)):
        data = _numbers(name, data, dtype)
        if data.ndim == 1 and per_step:
            data = np.broadcast_to(data[:, None], (len(data), inputs.padded_steps))
        if data.ndim == (2 if per_step else 1):
            data = data[..., None]
    width = channels
    if not isinstance(data, (list, tuple)):
        width = data.shape[-1] if data.shape[-1:] == (channels,) else 1
    elif all(np.ndim(row) == 1 for row in data):
        width = 1
    weights = _shaped_targets(name, data, inputs, width, dtype, per_step)
    _check_finite(name, weights)
    if weights.values.size and weights.values.min() < 0.0:
        raise InputError(f"{name}: expected weights of at least 0, got {weights.values.min():g}")
    return weights


def _shaped_targets(
    name: str, data: Any, inputs: Sequences, channels: int, dtype: Any, per_step: bool
) -> Sequences:
    if not per_step:
        array = _numbers(name, data, dtype)
        if channels == 1 and array.ndim == 1:
            array = array[:, None]
        if array.shape != (len(inputs), channels):
            listed = f"({len(inputs)}, {channels})" + (
                f" or ({len(inputs)},)" if channels == 1 else ""
            )
            raise InputError(
                f"{name}: expected one target for each of {len(inputs)} rows, an array {listed}, "
                f"got {describe(data)}"
            )
        return Sequences.from_array(array[:, None, :])
    lengths = inputs.lengths
    if isinstance(data, (list, tuple)):
        targets = _from_list(name, data, channels, dtype, None)
    else:
        array = _numbers(name, data, dtype)
        if channels == 1 and array.ndim == 2:
            array = array[:, :, None]
        expected = (len(inputs), inputs.padded_steps, channels)
        if array.shape != expected:
            raise InputError(
                f"{name}: expected a target for every step, an array {expected}, got "
                f"{describe(data)}; for one target a row add elman.Last() to the network"
            )
        if inputs.mask is not None:
            return Sequences.from_masked(array, inputs.mask)
        return Sequences.from_array(array, lengths)
    if len(targets) != len(inputs):
        raise InputError(f"{name}: expected {len(inputs)} rows, got {len(targets)}")
    wanted = np.full(len(inputs), inputs.steps) if lengths is None else lengths
    got = targets.lengths
    if got is not None and (got != wanted).any():
        row = int(np.flatnonzero(got != wanted)[0])
        raise InputError(
            f"{name}: expected as many steps as the inputs have, row {row} has {wanted[row]}, "
            f"got {got[row]}"
        )
    return targets


def _of_array(array: Array, lengths: Any, mask: Any) -> Sequences:
    """The rows of ``(N, T, C)``, up to their lengths and without the steps not observed."""
    rows, steps = array.shape[:2]
    checked = _lengths(lengths, rows, steps)
    if mask is None:
        return Sequences.from_array(array, checked)
    observed = np.asarray(mask)
    if observed.shape != (rows, steps) or observed.dtype.kind not in "biu":
        raise InputError(
            f"mask: expected booleans ({rows}, {steps}), true where a step was observed, got "
            f"{describe(mask)}"
        )
    observed = observed.astype(bool)
    if checked is not None:
        observed = observed & (np.arange(steps) < checked[:, None])
    return Sequences.from_masked(array, observed)


def _from_list(
    name: str, data: Any, channels: int | None, dtype: Any, lengths: Any, mask: Any = None
) -> Sequences:
    for what, value in (("lengths", lengths), ("mask", mask)):
        if value is not None:
            raise InputError(
                f"{what}: expected None beside a list of sequences, whose lengths are their own, "
                f"got {describe(value)}"
            )
    rows = []
    for index, row in enumerate(data):
        array = _numbers(f"{name}[{index}]", row, dtype)
        if channels == 1 and array.ndim == 1:
            array = array[:, None]
        if channels is None and array.ndim == 2:
            channels = array.shape[1]
        if array.ndim != 2 or array.shape[1] != channels:
            width = "channels" if channels is None else channels
            raise InputError(
                f"{name}[{index}]: expected an array (steps, {width}), got {describe(row)}"
            )
        rows.append(array)
    return Sequences.from_list(rows, channels or 1, dtype)


def _numbers(name: str, data: Any, dtype: Any) -> Array:
    try:
        array = np.asarray(data)
        if array.dtype == dtype:
            return array
        if array.dtype.kind not in "fiub" and array.dtype != object:
            raise ValueError(f"values of type {array.dtype}")
        with np.errstate(over="ignore"):
            return array.astype(dtype, copy=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: expected numbers, got {describe(data)}: {error}") from error


def _whole_numbers(name: str, data: Any) -> Array:
    array = np.asarray(data)
    if array.size == 0:
        return array.astype(np.int64)
    if array.dtype.kind not in "iub":
        raise InputError(
            f"{name}: expected whole numbers (an integer dtype), got {describe(data)} of dtype "
            f"{array.dtype}"
        )
    return array.astype(np.int64, copy=False)


def _lengths(lengths: Any, rows: int, steps: int) -> Array | None:
    if lengths is None:
        return None
    array = _whole_numbers("lengths", lengths)
    if array.shape != (rows,):
        raise InputError(f"lengths: expected {rows} numbers, got {describe(lengths)}")
    if rows and (array.min() < 0 or array.max() > steps):
        raise InputError(
            f"lengths: expected numbers from 0 to {steps}, got {array.min()} to {array.max()}"
        )
    return array


def _expected(name: str, channels: int | None, data: Any) -> str:
    width = "channels" if channels is None else channels
    text = (
        f"{name}: expected an array (rows, steps, {width}) or a list of arrays (steps, {width}), "
        f"got {describe(data)}"
    )
    shape = np.shape(data)
    if len(shape) == 2 and shape[1] == channels:
        text += f"; for a single sequence pass {name}[None]"
    return text


def _check_finite(
    name: str, sequences: Sequences, weights: Sequences | None = None, missing: bool = False
) -> None:
    """Refuses missing and infinite values, but at padding and where weights are 0."""
    if first_not_finite(sequences.values) < 0:
        return
    finite = np.isfinite(sequences.values)
    if missing:
        finite |= np.isnan(sequences.values)
    for row, start in enumerate(sequences.starts):
        length = sequences.steps if sequences.lengths is None else sequences.lengths[row]
        bad = ~finite[start : start + length]
        if weights is not None:
            first = weights.starts[row]
            bad = bad & (weights.values[first : first + length] > 0.0)
        if bad.any():
            step, channel = np.argwhere(bad)[0]
            value = sequences.values[start + step, channel]
            raise InputError(
                f"{name}: expected finite numbers, got {value} in row {row}, step {step}, channel "
                f"{channel}; fill missing values, begin the network with elman.MarkMissing, or "
                "end the row before them (lengths)"
            )


def _check_range(
    name: str, sequences: Sequences, number: int, what: str, weights: Sequences | None = None
) -> None:
    """Refuses numbers out of range, but at padding and where weights are 0."""
    values = sequences.values[:, 0]
    bad = (values < 0) | (values >= number)
    if not bad.any():
        return
    for row, start in enumerate(sequences.starts):
        length = sequences.steps if sequences.lengths is None else sequences.lengths[row]
        here = bad[start : start + length]
        if weights is not None:
            first = weights.starts[row]
            here = here & (weights.values[first : first + length, 0] > 0.0)
        wrong = np.flatnonzero(here)
        if wrong.size:
            value = values[start + wrong[0]]
            raise InputError(
                f"{name}: expected {what} from 0 to {number - 1}, got {value} in row {row}, "
                f"step {wrong[0]}"
            )
