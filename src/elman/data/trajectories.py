"""Trajectories of dynamical systems: states at equal steps of time, what drove them, and in what.

A trajectory is an array ``(T, C)`` of states; beside it there may be forcing ``(T, F)``, known at
the same instants (ahead of time too), and parameters ``(P,)`` that stay the same throughout.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.checks import describe
from elman.counting import counted
from elman.data.columns import Column
from elman.data.dialect import PLAIN, Dialect
from elman.data.files import read_file, with_words
from elman.data.named_columns import check_numeric, ids_of, numbers_of
from elman.data.rows import as_rows
from elman.data.timestamps import plain_stamps
from elman.errors import InputError

__all__ = ["Trajectories", "as_trajectories", "cut_at_gaps", "read_trajectories"]

Array: TypeAlias = NDArray[Any]

_IDS = ("id", "unique_id", "trajectory")
_TIMES = ("time", "t", "step", "ds")


@dataclass
class Trajectories:
    """``N`` trajectories.

    Attributes:
        states: ``(T_i, C)`` float64 each.
        forcing: ``(T_i, F)`` each, or ``None``.
        parameters: ``(N, P)``, or ``None``.
        dt: Time from step to step.
        names: What each trajectory is called.
        channels: Names of the states.
        forces: Names of the forcing.
        constants: Names of the parameters.
        notes: What should be known of the reading, in words.
    """

    states: list[Array]
    forcing: list[Array] | None = None
    parameters: Array | None = None
    dt: float = 1.0
    names: list[str] = field(default_factory=list)
    channels: list[str] = field(default_factory=list)
    forces: list[str] = field(default_factory=list)
    constants: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.channels = self.channels or _numbered("state", self.width)
        self.forces = self.forces or _numbered("force", self.forcing_width)
        self.constants = self.constants or _numbered("parameter", self.parameter_width)
        self.names = self.names or _numbered("trajectory", len(self.states))

    def __len__(self) -> int:
        return len(self.states)

    @property
    def width(self) -> int:
        """``C``."""
        return int(self.states[0].shape[1]) if self.states else 0

    @property
    def forcing_width(self) -> int:
        """``F``, 0 without forcing."""
        return int(self.forcing[0].shape[1]) if self.forcing else 0

    @property
    def parameter_width(self) -> int:
        """``P``, 0 without parameters."""
        return 0 if self.parameters is None else int(self.parameters.shape[1])

    @property
    def steps(self) -> int:
        """Steps of all trajectories together."""
        return sum(map(len, self.states))

    def take(self, pieces: Sequence[tuple[int, int, int]]) -> Trajectories:
        """Pieces ``(trajectory, first step, step after the last)`` as trajectories."""
        return replace(
            self,
            states=[self.states[i][a:b] for i, a, b in pieces],
            forcing=None if self.forcing is None else [self.forcing[i][a:b] for i, a, b in pieces],
            parameters=None
            if self.parameters is None
            else self.parameters[[i for i, _, _ in pieces]],
            names=[self.names[i] for i, _, _ in pieces],
        )

    def describe(self) -> str:
        """What there is, in one sentence."""
        lengths = sorted({len(one) for one in self.states})
        span = "" if len(lengths) == 1 else f"{lengths[0]:,} to "
        words = counted(len(self), "trajectory", "trajectories")
        words += f" of {span}{counted(lengths[-1], 'step')}"
        words += f" of {self.dt:g}, {counted(self.width, 'state')}"
        if self.forcing_width:
            words += f", {counted(self.forcing_width, 'forcing', 'forcing')}"
        if self.parameter_width:
            words += f", {counted(self.parameter_width, 'parameter')}"
        return words


def as_trajectories(
    states: Any,
    forcing: Any = None,
    parameters: Any = None,
    dt: float = 1.0,
    lengths: Any = None,
) -> Trajectories:
    """The trajectories a user passed, checked; NaN is let through in the states alone.

    Args:
        states: ``(N, T, C)``, a list of ``(T_i, C)`` or ``(T_i,)``, or one ``(T, C)``.
        forcing: Like the states, with as many steps, or ``None``.
        parameters: ``(N, P)``, or ``(N,)`` of one parameter, or ``None``.
        dt: Time from step to step.
        lengths: How many steps of each trajectory of an array ``(N, T, C)`` are live, ``(N,)``, and
            so with the forcing; ``None`` for all.

    Raises:
        InputError: If something does not fit.
    """
    if isinstance(states, Trajectories):
        if any(one is not None for one in (forcing, parameters, lengths)):
            raise InputError("forcing, parameters, lengths: expected None beside Trajectories")
        return states
    from elman.checks import real

    dt = real("dt", dt, 0.0, open_below=True)
    rows = _arrays("trajectories", states, lengths)
    if not rows or not any(map(len, rows)):
        raise InputError("trajectories: expected at least one trajectory with steps, got none")
    driven = None
    if forcing is not None:
        driven = _arrays("forcing", forcing, lengths)
        _same_lengths(rows, driven)
        _finite("forcing", driven)
    return Trajectories(rows, driven, _parameters(parameters, len(rows)), dt)


def cut_at_gaps(data: Trajectories, least: int) -> Trajectories:
    """Trajectories cut where a state is missing, pieces shorter than ``least`` steps dropped."""
    pieces = []
    gaps = 0
    for number, states in enumerate(data.states):
        seen = np.concatenate([[False], ~np.isnan(states).any(axis=1), [False]])
        edges = np.flatnonzero(seen[1:] != seen[:-1])
        gaps += int((~seen[1:-1]).sum())
        pieces += [
            (number, int(a), int(b))
            for a, b in zip(edges[::2], edges[1::2], strict=True)
            if b - a >= least
        ]
    if not gaps:
        return data
    cut = data.take(pieces)
    note = (
        f"{counted(gaps, 'step lacks', 'steps lack')} a state; the trajectories were cut there "
        f"into {counted(len(cut), 'piece')} of {counted(least, 'step')} or more."
    )
    return replace(cut, notes=[*data.notes, note])


def read_trajectories(
    source: str | Path,
    state: Sequence[str] | None = None,
    forcing: Sequence[str] = (),
    parameters: Sequence[str] = (),
    id: str | None = None,
    time: str | None = None,
    dialect: Dialect = PLAIN,
) -> Trajectories:
    """Reads a table, one row a step.

    Args:
        source: The file.
        state: Columns of the state; default: every column that is nothing else.
        forcing: Columns of forcing.
        parameters: Columns of parameters, the same in every row of a trajectory.
        id: Column that names the trajectories; default: ``id``, ``unique_id`` or
            ``trajectory``, else the table is one trajectory.
        time: Column that orders the steps and says their distance, numbers or dates (then in
            seconds); default: ``time``, ``t``, ``step`` or ``ds``, else they stay as they come, 1
            apart.
        dialect: How a delimited file writes its numbers, where that is not found.

    Raises:
        InputError: If it cannot be read, a column is not there or holds no numbers, steps are
            not equally far apart, or a parameter changes.
    """
    frame = read_file(source, dialect=dialect)
    name = Path(source).name
    if not frame.height:
        raise InputError(f"The file {name} has a header and no rows.")
    id = _column(frame, name, "id", id, _IDS)
    time = _column(frame, name, "time", time, _TIMES)
    frame = with_words(frame, source, [id], dialect)
    state = list(state or [])
    for option, given in (("state", state), ("forcing", forcing), ("parameters", parameters)):
        for one in given:
            _column(frame, name, option, one, ())
    roles = [*state, *forcing, *parameters, *(one for one in (id, time) if one)]
    twice = sorted({one for one in roles if roles.count(one) > 1})
    if twice:
        raise InputError(f"state: column {twice[0]!r} is named for two things; name it once")
    state = state or [one for one in frame.columns if one not in roles]
    if not state:
        raise InputError(f"The file {name} has no column of numbers that could be the state.")
    keys = ["0"] * frame.height if id is None else ids_of(frame, id, name)
    number: dict[str, int] = {}
    row_of = np.array([number.setdefault(key, len(number)) for key in keys], np.int64)
    stamps = np.arange(frame.height, dtype=np.float64)
    if time is not None:
        stamps = _stamps(frame, time, name)
    order = np.lexsort((stamps, row_of))
    cuts = np.searchsorted(row_of[order], np.arange(1, len(number)))
    dt = 1.0 if time is None else _distance(np.split(stamps[order], cuts), list(number), time)

    def parted(names: Sequence[str]) -> list[Array]:
        return list(np.split(_numbers(frame, list(names), name)[order], cuts))

    driven = parted(forcing) if forcing else None
    if driven is not None:
        _finite("forcing", driven, list(number))
    constant = None
    if parameters:
        constant = _constant(parted(parameters), list(number), parameters)
    return Trajectories(
        parted(state),
        driven,
        constant,
        dt,
        list(number),
        list(state),
        list(forcing),
        list(parameters),
    )


def _arrays(name: str, data: Any, lengths: Any = None) -> list[Array]:
    """One array ``(T, C)`` for each trajectory; a single one may come alone."""
    if hasattr(data, "to_numpy"):
        data = data.to_numpy()
    if isinstance(data, np.ndarray) and data.ndim in (1, 2):
        data = [data]
    try:
        rows = as_rows(data, lengths)
    except InputError as error:
        raise InputError(str(error).replace("X[", f"{name}[").replace("X:", f"{name}:")) from error
    if rows.arrays is None:
        raise InputError(f"{name}: expected numbers, got texts")
    return rows.arrays


def _same_lengths(states: list[Array], forcing: list[Array]) -> None:
    if len(states) != len(forcing):
        raise InputError(
            f"forcing: expected one for each of {len(states)} trajectories, got {len(forcing)}"
        )
    for number, (one, driven) in enumerate(zip(states, forcing, strict=True)):
        if len(one) != len(driven):
            raise InputError(
                f"forcing[{number}]: expected {len(one)} steps, as the trajectory has, got "
                f"{len(driven)}"
            )


def _finite(name: str, arrays: list[Array], names: Sequence[str] | None = None) -> None:
    for number, one in enumerate(arrays):
        bad = ~np.isfinite(one).all(axis=1)
        if bad.any():
            where = number if names is None else repr(names[number])
            raise InputError(
                f"{name}: expected finite numbers, trajectory {where} has none at step "
                f"{int(np.argmax(bad))}"
            )


def _parameters(parameters: Any, number: int) -> Array | None:
    if parameters is None:
        return None
    try:
        values = np.asarray(parameters, np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"parameters: expected numbers, got {describe(parameters)}") from error
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim != 2 or len(values) != number or not values.shape[1]:
        raise InputError(
            f"parameters: expected an array ({number}, P), one row a trajectory, got "
            f"{describe(parameters)}"
        )
    if not np.isfinite(values).all():
        raise InputError("parameters: expected finite numbers, got NaN or infinity")
    return values


def _column(
    frame: Any, file: str, option: str, named: str | None, guesses: Sequence[str]
) -> str | None:
    if named is not None:
        if named not in frame.columns:
            raise InputError(
                f"{option}: there is no column {named!r} in {file}; it has "
                f"{', '.join(frame.columns)}"
            )
        return named
    return next((one for one in guesses if one in frame.columns), None)


def _numbers(frame: Any, names: list[str], file: str) -> Array:
    for name in names:
        hint = ""
        if 1 < frame[name].n_unique() <= frame.height // 2:
            hint = f" If it names the trajectories, say so with id={name!r}."
        check_numeric(frame[name], file, hint)
    return numbers_of(frame, names, file)


def _stamps(frame: Any, column: str, file: str) -> Array:
    """The times of all rows as numbers; of dates the seconds."""
    import polars

    stamps = frame[column]
    if stamps.dtype == polars.String:
        dates = Column(column, "text", np.array(stamps.to_list(), dtype=object))
        stamps = polars.Series(plain_stamps(dates))
    if stamps.dtype.is_temporal():
        stamps = stamps.cast(polars.Datetime("us")).dt.epoch("us") / 1e6
    values = _numbers(stamps.alias(column).to_frame(), [column], file)[:, 0]
    _finite("time", [values[:, None]])
    return values


def _distance(stamps: list[Array], names: list[str], column: str) -> float:
    """The distance from step to step, the same in every trajectory."""
    first = next((np.diff(one) for one in stamps if len(one) > 1), None)
    if first is None:
        raise InputError(f"time: expected more than one step, column {column!r} has one a row")
    dt = float(np.median(first))
    for name, one in zip(names, stamps, strict=True):
        gaps = np.diff(one)
        odd = np.abs(gaps - dt) > 1e-3 * abs(dt) + 1e-12
        if (gaps == 0).any():
            raise InputError(
                f"time: expected one row for each time, trajectory {name!r} has two at "
                f"{one[int(np.argmax(gaps == 0))]:g} in column {column!r}; name the column that "
                "tells the trajectories apart with id=NAME"
            )
        if dt <= 0 or odd.any():
            step = int(np.argmax(odd))
            raise InputError(
                f"time: expected equal steps, in column {column!r} of trajectory {name!r} the "
                f"step after {one[step]:g} is {gaps[step]:g} where others are {dt:g}; leave rows "
                "that are missing empty, or interpolate"
            )
    return dt


def _constant(parts: list[Array], names: list[str], columns: Sequence[str]) -> Array:
    for name, one in zip(names, parts, strict=True):
        changed = (one != one[0]).any(axis=0)
        if changed.any():
            column = columns[int(np.argmax(changed))]
            raise InputError(
                f"parameters: expected one value of {column!r} for each trajectory, {name!r} has "
                "several; name it as forcing if it changes in time"
            )
    values = np.stack([one[0] for one in parts])
    if not np.isfinite(values).all():
        raise InputError("parameters: expected finite numbers, got missing ones")
    return values


def _numbered(stem: str, count: int) -> list[str]:
    return [f"{stem} {number + 1}" for number in range(count)]
