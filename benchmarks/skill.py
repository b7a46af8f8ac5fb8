"""Skill: what elman reaches on data, beside published references and simple baselines.

`python benchmarks/run.py skill` trains on each data set in turn (three seeds each, minutes in all
but a few) and writes one record for each to `results/skill/`; `--only NAME` does so for some.
Data that are not part of this repository are read from the folder that `ELMAN_DATA` names, by
default `../shared/data` beside the repository, and skipped, saying so, when they are not there.
"""

from __future__ import annotations

import argparse
import json
from datetime import datetime, timezone
from importlib import import_module
from pathlib import Path
from typing import Any

import elman
from benchmarks import machine
from benchmarks.skills.common import Options
from benchmarks.tables import Table

RESULTS = Path(__file__).resolve().parent / "results" / "skill"
MODULES = (
    "etth1",
    "coverage",
    "vowels",
    "names",
    "mnist1d",
    "mnist",
    "adding",
    "shakespeare",
    "nab",
    "addition",
    "atis",
    "lorenz",
    "mackey_glass",
)
"""The modules of `benchmarks.skills`, in the order of the page."""


def main(arguments: list[str] | None = None) -> int:
    """Runs what is asked for, prints the tables and writes the records."""
    options = parser().parse_args(arguments)
    elman.set_num_threads(options.threads)
    missed = 0
    for name in options.only:
        module = import_module(f"benchmarks.skills.{name}")
        content = module.run(Options(tuple(options.seeds), options.threads))
        if content is None:
            continue
        for table in module.tables(content):
            print(table.text(), flush=True)
        missed += sum(not one["reached"] for one in content["goals"])
        content = {
            "machine": machine.describe(),
            "threads": options.threads,
            "measured": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            **content,
        }
        options.results.mkdir(parents=True, exist_ok=True)
        target = options.results / f"{name}.json"
        target.write_text(json.dumps(content, indent=1, default=float) + "\n")
        print(f"written: {target.name}")
    return 1 if missed else 0


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="benchmarks/run.py skill", description=__doc__)
    top.add_argument("--only", nargs="+", choices=MODULES, default=list(MODULES), metavar="NAME")
    top.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    top.add_argument("--threads", type=int, default=1)
    top.add_argument(
        "--results", type=Path, default=RESULTS, metavar="FOLDER", help="where the records go"
    )
    return top


def page(folder: Path = RESULTS) -> str:
    """All records as Markdown: the overview of the goals, then the tables of each."""
    contents: dict[str, dict[str, Any]] = {}
    for name in MODULES:
        file = folder / f"{name}.json"
        if file.exists():
            contents[name] = json.loads(file.read_text())
    blocks = [overview(contents).markdown()] if contents else []
    for name, content in contents.items():
        for table in import_module(f"benchmarks.skills.{name}").tables(content):
            blocks.append(f"{table.title}:\n\n{table.markdown()}")
    return "\n\n".join(blocks)


def overview(contents: dict[str, dict[str, Any]]) -> Table:
    """Every goal with what was reached."""
    rows = [
        [
            one["data"],
            one["what"],
            one["target"],
            one["got"],
            "reached" if one["reached"] else "**missed**",
        ]
        for content in contents.values()
        for one in content["goals"]
    ]
    return Table("Overview", ["data", "measure", "must reach", "reached", ""], rows)
