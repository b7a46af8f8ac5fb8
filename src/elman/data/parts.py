"""What a panel is made of, while it is being put together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elman.data.calendar import Frequency

__all__ = ["Names", "Parts", "shown"]


@dataclass(frozen=True)
class Names:
    """The names the columns bore in the source, and bear again in answers.

    `id` is None where the source told no series apart, `time` where it had no time stamps.
    `stacked` says that every series was a column of a wide table, named as its id, and
    `time_format` how time stamps were said to be written.
    """

    id: str | None = None
    time: str | None = None
    targets: tuple[str, ...] = ("y",)
    past: tuple[str, ...] = ()
    future: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    stacked: bool = False
    time_format: str | None = None


@dataclass
class Parts:
    """The arrays a panel is made of; see `Panel` for their meaning."""

    values: NDArray[np.float64]
    past: NDArray[np.float64]
    future: NDArray[np.float64]
    static: dict[str, NDArray[Any]]
    stamps: NDArray[Any]
    offsets: NDArray[np.int64]
    ids: NDArray[Any]
    frequency: Frequency | None
    names: Names
    kind: str
    time_zone: str | None = None
    resolution: str = "us"
    notes: list[str] = field(default_factory=list)


def shown(value: Any) -> str:
    """A name or value as messages show it: `'a'`, `7`, without NumPy's wrapping."""
    return repr(value.item() if isinstance(value, np.generic) else value)
