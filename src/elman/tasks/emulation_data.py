"""What an emulator is given: trajectories to learn from, in parts, and histories to go on from."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.checks import describe
from elman.data.rows import as_rows
from elman.data.trajectories import Trajectories, cut_at_gaps
from elman.errors import InputError

__all__ = ["check_same_kind", "forcing_ahead", "histories", "own_parameters", "parts", "usable"]

Array: TypeAlias = NDArray[Any]
Pieces: TypeAlias = list[tuple[int, int, int]]

_SHORTEST = 4
_FEWEST_TRAJECTORIES = 5
_FEWEST_JUDGED = 15  # steps after the history, of which two thirds make a rollout
_ENOUGH_JUDGED = 30
_MOST_JUDGED = 5  # no more than a fifth of a short trajectory


def usable(data: Trajectories, missing: str, window: int, notes: list[str]) -> Trajectories:
    """Without gaps, and without trajectories too short to learn from.

    Args:
        data: What came.
        missing: ``"error"`` or ``"cut"``.
        window: Steps of a stretch; trajectories shorter than that are left out if there are
            longer ones.
        notes: What was done is added.

    Raises:
        InputError: If states are missing and that is an error, or nothing is left.
    """
    gaps = [number for number, one in enumerate(data.states) if np.isnan(one).any()]
    if gaps and missing == "error":
        step = int(np.isnan(data.states[gaps[0]]).any(axis=1).argmax())
        raise InputError(
            f"trajectories: expected every state, {data.names[gaps[0]]!r} lacks one (NaN) at step "
            f"{step}; fill it in, or cut the trajectories at such gaps with missing='cut'"
        )
    before = len(data.notes)
    data = cut_at_gaps(data, _SHORTEST)
    notes += data.notes[before:]
    longest = max(map(len, data.states), default=0)
    least = max(_SHORTEST, min(window, longest - 1) + 1)
    kept = [(n, 0, len(one)) for n, one in enumerate(data.states) if len(one) >= least]
    if not kept:
        raise InputError(
            f"trajectories: expected one of {_SHORTEST} steps or more, the longest has {longest}"
        )
    if len(kept) < len(data):
        notes.append(
            f"{len(data) - len(kept)} of {len(data)} trajectories have fewer than {least} steps "
            "and were left out."
        )
        data = data.take(kept)
    return data


def parts(
    data: Trajectories, held_out: float, split: str, history: int, seed: np.random.SeedSequence
) -> tuple[str, tuple[Trajectories, Trajectories, Trajectories] | None]:
    """To train on, to watch and to judge by, and how they were parted; ``None``: too short.

    What is judged by has 15 steps or more after its history, else a rollout says nothing.

    Args:
        data: Everything.
        held_out: The share of the last two together.
        split: ``"trajectories"``, ``"time"`` or ``"auto"``.
        history: Steps that are read before a rollout, which those judged by must have.
        seed: Of the order of the trajectories.
    """
    if split == "auto":
        split = "trajectories" if len(data) >= _FEWEST_TRAJECTORIES else "time"
    pieces = (
        _whole_pieces(data, held_out, history, seed)
        if split == "trajectories"
        else _late_pieces(data, held_out, history)
    )
    if pieces is None:
        return split, None
    train, watched, judged = (data.take(part) for part in pieces)
    return split, (train, watched, judged)


def _whole_pieces(
    data: Trajectories, held_out: float, history: int, seed: np.random.SeedSequence
) -> tuple[Pieces, Pieces, Pieces] | None:
    number, least = len(data), history + _FEWEST_JUDGED
    held = max(2, round(held_out * number))
    order = np.random.default_rng(seed).permutation(number).tolist()
    judged = [one for one in order if len(data.states[one]) >= least][: held - held // 2]
    rest = [one for one in order if one not in judged]
    watched, train = rest[: held // 2], sorted(rest[held // 2 :])
    if not (train and watched and judged):
        return None

    def pieces(chosen: list[int]) -> Pieces:
        return [(one, 0, len(data.states[one])) for one in chosen]

    return pieces(train), pieces(watched), pieces(judged)


def _late_pieces(
    data: Trajectories, held_out: float, history: int
) -> tuple[Pieces, Pieces, Pieces] | None:
    train: Pieces = []
    watched: Pieces = []
    judged: Pieces = []
    for number, one in enumerate(data.states):
        length = len(one)
        begin, late = round((1.0 - held_out) * length), round((1.0 - 0.5 * held_out) * length)
        lacking = max(0, min(_ENOUGH_JUDGED, length // _MOST_JUDGED) - (length - late))
        begin, late = begin - lacking, late - lacking
        for part, first, end in ((train, 0, begin), (watched, begin, late)):
            if end - first >= _SHORTEST:
                part.append((number, first, end))
        # a short part is read up to from before it: what is scored is still its own steps alone
        short = length - late < history + _ENOUGH_JUDGED
        first = max(0, late - history) if short else late
        if length - first >= history + _FEWEST_JUDGED:
            judged.append((number, first, length))
    return (train, watched, judged) if train and watched and judged else None


# ------------------------------------------------------------------------------------- rollouts


def histories(history: Any, channels: int) -> tuple[list[Array], bool]:
    """Histories ``(k_i, C)``, and whether a single one came.

    Raises:
        InputError: If they are no such arrays, or hold NaN.
    """
    single = isinstance(history, np.ndarray) and history.ndim in (1, 2)
    if single:
        history = [history[:, None] if history.ndim == 1 else history]
    try:
        rows = as_rows(history, channels=channels)
    except InputError as error:
        raise InputError(f"history: {error}") from error
    if rows.arrays is None or not rows.arrays:
        raise InputError(f"history: expected states, got {describe(history)}")
    for number, one in enumerate(rows.arrays):
        if not len(one):
            raise InputError(f"history[{number}]: expected at least one state, got none")
        if one.shape[1] != channels:
            raise InputError(
                f"history[{number}]: expected {channels} channels, as in fit, got {one.shape[1]}"
            )
        if not np.isfinite(one).all():
            raise InputError(f"history[{number}]: expected finite states, got NaN")
    return rows.arrays, single


def forcing_ahead(
    forcing: Any, history: list[Array], steps: int, width: int, single: bool
) -> list[Array] | None:
    """The forcing of histories and of the steps wanted.

    Raises:
        InputError: If it is missing, not wanted, or of another length.
    """
    if not width:
        if forcing is not None:
            raise InputError("forcing: expected None, as in fit, got some")
        return None
    if forcing is None:
        raise InputError(
            f"forcing: expected {width} channels of the history and of the {steps} steps wanted, "
            "as there were in fit, got None"
        )
    if single:
        forcing = np.asarray(forcing)
        forcing = [forcing[:, None] if forcing.ndim == 1 else forcing]
    try:
        rows = as_rows(forcing, channels=width).arrays
    except InputError as error:
        raise InputError(f"forcing: {error}") from error
    if rows is None or len(rows) != len(history):
        raise InputError(
            f"forcing: expected one for each of {len(history)} histories, got {describe(forcing)}"
        )
    for number, (one, drive) in enumerate(zip(history, rows, strict=True)):
        wanted = (len(one) + steps, width)
        if drive.shape != wanted:
            raise InputError(
                f"forcing[{number}]: expected shape {wanted}, the history and the steps wanted, "
                f"got {drive.shape}"
            )
        if not np.isfinite(drive).all():
            raise InputError(f"forcing[{number}]: expected finite numbers, got NaN")
    return rows


def own_parameters(parameters: Any, number: int, width: int, single: bool) -> Array | None:
    """The parameters of histories, ``(N, P)``.

    Raises:
        InputError: If they are missing, not wanted, or of another shape.
    """
    if not width:
        if parameters is not None:
            raise InputError("parameters: expected None, as in fit, got some")
        return None
    if parameters is None:
        raise InputError(f"parameters: expected {width}, as in fit, got None")
    try:
        values = np.asarray(parameters, np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"parameters: expected numbers, got {describe(parameters)}") from error
    if values.ndim == 1 and width == 1 and not single:
        values = values[:, None]
    if single:
        values = np.atleast_2d(values)
    if values.shape != (number, width):
        raise InputError(f"parameters: expected shape {(number, width)}, got {values.shape}")
    if not np.isfinite(values).all():
        raise InputError("parameters: expected finite numbers, got NaN or infinity")
    return values


def check_same_kind(data: Trajectories, widths: tuple[int, int, int], dt: float) -> None:
    """Refuses trajectories of another kind than those trained on.

    Raises:
        InputError: If channels, forcing, parameters or the time of a step differ.
    """
    own = (data.width, data.forcing_width, data.parameter_width)
    names = ("trajectories: channels", "forcing: channels", "parameters")
    for name, has, wanted in zip(names, own, widths, strict=True):
        if has != wanted:
            raise InputError(f"{name}: expected {wanted}, as in fit, got {has}")
    if abs(data.dt - dt) > 1e-6 * dt:
        raise InputError(f"dt: expected {dt:g}, as in fit, got {data.dt:g}")
