"""What the skill benchmarks share: where data lie, seeds, and goals beside what was reached."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Options:
    """How a benchmark of skill is run.

    Attributes:
        seeds: One training each.
        threads: Of elman, and of what it is compared with.
    """

    seeds: Sequence[int] = (0, 1, 2)
    threads: int = 1


def data_file(*parts: str) -> Path | None:
    """A file of the data that are not part of this repository; None, with a word, if absent.

    They are looked for in the folder that `ELMAN_DATA` names, by default `../shared/data`.
    """
    folder = Path(os.environ.get("ELMAN_DATA") or REPOSITORY.parent / "shared" / "data")
    path = folder.joinpath(*parts)
    if path.exists():
        return path
    print(
        f"{parts[0]} is skipped: there is no {'/'.join(parts)} in the folder that ELMAN_DATA "
        "names, nor in ../shared/data"
    )
    return None


def goal(
    data: str, what: str, target: str, values: Sequence[float], reached: bool, form: str = ".3f"
) -> dict[str, Any]:
    """One line of the overview.

    Args:
        data: What was learnt from.
        what: The measure.
        target: What must be reached, in words: "at least 97.5".
        values: What was measured, one for each seed.
        reached: Whether it was reached.
        form: How the numbers are written.
    """
    mean, spread = float(np.mean(values)), float(np.std(values))
    got = f"{mean:{form}} ± {spread:{form}}" if len(values) > 1 else f"{mean:{form}}"
    return {"data": data, "what": what, "target": target, "got": got, "reached": bool(reached)}
