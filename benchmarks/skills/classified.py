"""What the benchmarks that count right answers share: their goal and their table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.skills.common import goal
from benchmarks.tables import Table

__all__ = ["accuracy_goal", "accuracy_table"]


def accuracy_goal(
    data: str, runs: Sequence[dict[str, Any]], least: float, seconds: float
) -> dict[str, Any]:
    """One line of the overview: accuracy in percent, reached in time by every run.

    Args:
        data: What was learnt from.
        runs: With ``accuracy`` and ``seconds`` each.
        least: What the mean must reach.
        seconds: What no run may take longer than.
    """
    values = [one["accuracy"] for one in runs]
    slowest = max(one["seconds"] for one in runs)
    reached = bool(np.mean(values) >= least and slowest < seconds)
    target = f"at least {least:.1f}, under {seconds:.0f} s"
    return goal(data, f"accuracy, slowest in {slowest:.0f} s", target, values, reached, ".2f")


def accuracy_table(
    title: str,
    references: Sequence[tuple[str, float]],
    runs: Sequence[dict[str, Any]],
    network: str,
) -> Table:
    """Accuracy beside published figures.

    Args:
        title: Of the table, with the protocol.
        references: Name and accuracy in percent.
        runs: As for :func:`accuracy_goal`.
        network: What was trained, in words.
    """
    values = [one["accuracy"] for one in runs]
    seconds = [one["seconds"] for one in runs]
    rows = [[name, f"{value:.1f}", ""] for name, value in references]
    rows.append(
        [
            f"elman, {network}, mean of {len(runs)} seeds",
            f"{np.mean(values):.2f} ± {np.std(values):.2f}",
            f"{max(seconds):.0f}",
        ]
    )
    return Table(title, ["classifier", "accuracy", "seconds (slowest)"], rows)
