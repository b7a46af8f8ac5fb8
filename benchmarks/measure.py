"""Interleaved measuring: A B C, A B C, ... so that a disturbance of the machine hits all alike."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from statistics import median

import numpy as np

Run = Callable[[int], tuple[float, float]]
"""Does so many steps; answers wall and processor seconds."""


UNDISTURBED = 0.95
"""Processor time over wall time of a process that has its processor to itself."""


@dataclass
class Timing:
    """Microseconds per step of one peer, one number per round."""

    microseconds: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Of the rounds, in microseconds per step."""
        return median(self.microseconds)

    def record(self) -> dict[str, float]:
        """The numbers that are kept: median, fastest round, processor time over wall time."""
        return {
            "us": self.median,
            "us_fastest": min(self.microseconds),
            "processors_busy": median(self.busy),
        }


def interleaved(
    runs: Mapping[str, Run],
    rounds: int,
    seconds: float,
    multiple: int = 1,
    beside: Callable[[], None] | None = None,
    watched: Collection[str] = (),
) -> dict[str, Timing]:
    """Time every run in turn, `rounds` times over, each for about `seconds`.

    Each run is warmed up first (compilation, first touch of memory), and its number of steps, a
    multiple of `multiple`, is fixed from a trial. `beside` is called once a round.

    A round in which one of the `watched` runs was kept off its processor for more than a twentieth
    of its time (another process had it) is taken back and repeated, as long as fewer than twice
    `rounds` were taken back.
    """
    counts = {name: _count(run, seconds, multiple) for name, run in runs.items()}
    timings = {name: Timing() for name in runs}
    patience = 2 * rounds
    while len(next(iter(timings.values())).microseconds) < rounds:
        spent = {name: run(counts[name]) for name, run in runs.items()}
        if patience and any(spent[name][1] < UNDISTURBED * spent[name][0] for name in watched):
            patience -= 1
            continue
        for name, (wall, processor) in spent.items():
            timings[name].microseconds.append(1e6 * wall / counts[name])
            timings[name].busy.append(processor / wall)
        if beside is not None:
            beside()
    return timings


def _count(run: Run, seconds: float, multiple: int) -> int:
    run(multiple)
    wall, _ = run(multiple)
    count = multiple
    if wall < seconds / 4:  # too short a trial to go by
        count = multiple * max(1, int(seconds / 4 / wall))
        wall, _ = run(count)
    return multiple * max(1, round(count / multiple * seconds / wall))


def ratio(timing: Timing, base: Timing) -> dict[str, float]:
    """How many times longer `timing` takes than `base`: median of the rounds' ratios, quartiles."""
    ratios = np.array(timing.microseconds) / np.array(base.microseconds)
    low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75])
    return {"median": float(middle), "low": float(low), "high": float(high)}
