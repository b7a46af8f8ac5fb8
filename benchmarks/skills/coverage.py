"""Coverage: how many of the values lie inside the intervals, from a rolling origin."""

from __future__ import annotations

import time
from typing import Any

import elman
from benchmarks.skills.common import Options, goal
from benchmarks.tables import Table

# Steps from one cutoff to the next over the second half of each record.
RECORDS = {"sunspots": 2, "co2": 6, "airline": 1, "sine": 6}


def run(options: Options) -> dict[str, Any] | None:
    """One record for each built-in record of the forecaster."""
    records = [one_record(name) for name in RECORDS]
    goals = [
        goal(
            f"{one['record']}, {level} % interval",
            "coverage",
            f"within 5 points of {level} %",
            [100 * covered],
            one["within"][level],
            ".1f",
        )
        for one in records
        for level, covered in one["coverage"].items()
    ]
    return {"records": records, "goals": goals}


def tables(content: dict[str, Any]) -> list[Table]:
    """The table of the coverage."""
    return [table(content["records"])]


def one_record(name: str) -> dict[str, Any]:
    """Coverage on one built-in record, with its defaults.

    A rolling origin over the second half of the record. For every cutoff everything is done anew
    on what lies before it: choosing, training, calibrating.
    """
    panel = elman.datasets.load(name)
    rows = int(panel.lengths[0])
    horizon = elman.Forecaster().plan(panel).horizon
    step = RECORDS[name]
    windows = (rows // 2 - horizon) // step + 1
    started = time.perf_counter()
    result = elman.Forecaster().backtest(panel, step=step, windows=windows, refit=True)
    scores = result.scores
    rivals = {key: row["mae"] for key, row in scores.table.items() if key != scores.model}
    best = min(rivals, key=lambda key: rivals[key])
    return {
        "record": name,
        "horizon": horizon,
        "cutoffs": result.cutoffs,
        "coverage": {level: one["coverage"] for level, one in scores.intervals.items()},
        "within": {
            level: abs(one["coverage"] - one["nominal"]) <= 0.05
            for level, one in scores.intervals.items()
        },
        "mae": scores.table[scores.model]["mae"],
        "best_baseline": best,
        "best_baseline_mae": rivals[best],
        "seconds": time.perf_counter() - started,
    }


def table(records: list[dict[str, Any]]) -> Table:
    rows = []
    for record in records:
        cells = [record["record"], str(record["horizon"]), str(record["cutoffs"])]
        for level, covered in record["coverage"].items():
            mark = "" if record["within"][level] else " (**off**)"
            cells.append(f"{100 * covered:.1f} %{mark}")
        cells.append(f"{record['mae']:.4g}")
        cells.append(f"{record['best_baseline_mae']:.4g} ({record['best_baseline']})")
        rows.append(cells)
    heads = ["record", "horizon", "cutoffs", "inside 80 %", "inside 95 %", "MAE", "best baseline"]
    return Table("Intervals on the built-in records, refitted at every cutoff", heads, rows)
