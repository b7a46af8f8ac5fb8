"""A machine with sensors, normal at first and then with faults of several kinds: generated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elman.data.panel import Panel
from elman.datasets.catalogue import BuiltIn
from elman.errors import InputError

__all__ = ["DESCRIPTIONS", "FAULTY", "FaultySeries", "load_faulty"]

Array = NDArray[Any]

DESCRIPTIONS = (
    BuiltIn(
        "pump",
        "40 days of a pump every ten minutes, three sensors, eight faults after the first 20 days",
        "detect",
        5760,
        "computed: a daily load drives temperature, pressure and vibration, with noise; "
        "numpy.random.default_rng(seed)",
        "none needed",
    ),
)
FAULTY = tuple(one.name for one in DESCRIPTIONS)
"""The names of the built-in series with faults."""

SENSORS = ("temperature", "pressure", "vibration")
_DAY = 144  # steps of ten minutes


@dataclass(frozen=True)
class FaultySeries:
    """Series with faults, and where these are.

    Attributes:
        panel: One series of three channels.
        normal: Leading steps without a fault.
        faults: First step, one past the last, and what is wrong, of each fault.
    """

    panel: Panel
    normal: int
    faults: tuple[tuple[int, int, str], ...]

    @property
    def spans(self) -> list[list[tuple[int, int]]]:
        """The faults of each series, ``(start, end)``."""
        return [[(start, end) for start, end, _ in self.faults]]


def load_faulty(name: str = "pump", seed: int = 0, days: int = 40) -> FaultySeries:
    """Load a built-in series with faults.

    Args:
        name: ``"pump"``.
        seed: Of the noise.
        days: Its length; the first half is normal.

    Raises:
        InputError: There is none of this name, or the days are fewer than 8.
    """
    if name not in FAULTY:
        raise InputError(f"There is no built-in series {name!r}. There are {', '.join(FAULTY)}.")
    if days < 8:
        raise InputError(f"days: expected at least 8, got {days!r}")
    generator = np.random.default_rng(seed)
    values = _normal(generator, days * _DAY)
    normal = days // 2 * _DAY
    faults = _break(values, normal, generator)
    start = np.datetime64("2024-01-01T00:00", "s")
    times = start + np.arange(len(values)) * np.timedelta64(600, "s")
    columns = {"time": times, **dict(zip(SENSORS, values.T, strict=True))}
    panel = Panel.from_any(columns, target=list(SENSORS), time="time")
    return FaultySeries(panel.as_kind("polars"), normal, faults)


def _normal(generator: np.random.Generator, steps: int) -> Array:
    """Temperature in degrees, pressure in bar, vibration in mm/s, of a machine in order."""
    t = np.arange(steps)
    hour = t / 6.0
    weekday = (t // _DAY) % 7 < 5
    load = 0.5 + 0.35 * np.sin(2 * np.pi * (hour - 8) / 24) + 0.12 * np.sin(4 * np.pi * hour / 24)
    load = np.where(weekday, load, 0.6 * load) + _smooth(generator.standard_normal(steps), 12, 0.05)
    warmth = _lagged(load, 18)
    temperature = 60 + 18 * warmth + 0.35 * generator.standard_normal(steps)
    cycle = np.sin(2 * np.pi * t / 9)  # the compressor's, every hour and a half
    pressure = 4 + 1.6 * load + 0.5 * load * cycle + 0.05 * generator.standard_normal(steps)
    vibration = 1.2 + 1.1 * load**2 + 0.08 * (0.5 + load) * generator.standard_normal(steps)
    return np.stack([temperature, pressure, vibration], axis=1)


def _smooth(noise: Array, steps: int, deviation: float) -> Array:
    smooth = np.convolve(noise, np.ones(steps) / steps, mode="same")
    return np.asarray(deviation * smooth / smooth.std())


def _lagged(values: Array, steps: int) -> Array:
    """A first-order lag of so many steps."""
    lagged = np.empty_like(values)
    level = values[0]
    for step, value in enumerate(values):
        level += (value - level) / steps
        lagged[step] = level
    return lagged


def _break(
    values: Array, begin: int, generator: np.random.Generator
) -> tuple[tuple[int, int, str], ...]:
    """Puts the faults in, evenly over what comes after ``begin``; says where."""
    temperature, pressure, vibration = values.T
    kinds: list[tuple[str, int, Callable[[slice], None]]] = [
        ("temperature spike", 2, lambda s: _add(temperature, s, 9.0)),
        ("pressure drop", 40, lambda s: _add(pressure, s, -0.7)),
        ("vibration sensor frozen", 72, lambda s: _set(vibration, s, vibration[s.start])),
        (
            "vibration too rough",
            48,
            lambda s: _add(vibration, s, 0.35 * generator.standard_normal(48)),
        ),
        ("temperature drifting up", 120, lambda s: _add(temperature, s, np.linspace(0, 6, 120))),
        ("compressor cycle lost", 60, lambda s: _set(pressure, s, _averaged(pressure[s], 9))),
        ("load without warmth", 72, lambda s: _set(temperature, s, temperature[s.start] - 2.0)),
        ("pressure spike", 1, lambda s: _add(pressure, s, 1.4)),
    ]
    room = (len(values) - begin) // len(kinds)
    faults = []
    for number, (name, length, wrong) in enumerate(kinds):
        length = min(length, room // 2)
        slack = room - length - room // 4
        start = begin + number * room + room // 8 + int(generator.integers(0, max(1, slack)))
        where = slice(start, start + length)
        wrong(where)
        faults.append((start, start + length, name))
    return tuple(faults)


def _add(values: Array, where: slice, more: Any) -> None:
    values[where] += more if np.isscalar(more) else np.resize(more, where.stop - where.start)


def _set(values: Array, where: slice, new: Any) -> None:
    values[where] = new


def _averaged(values: Array, steps: int) -> Array:
    padded = np.pad(values, (steps // 2, steps - 1 - steps // 2), mode="edge")
    return np.convolve(padded, np.ones(steps) / steps, mode="valid")
