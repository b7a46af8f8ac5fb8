"""`run.py speed`: choose the cases, measure, print, write JSON."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from benchmarks import machine, tables
from benchmarks.agreement import Disagreement
from benchmarks.cases import latency, linear, memory, processes, regularized, threads, training
from benchmarks.worker import Worker

PEERS = tuple(training.PEERS)
PROCESS_ROUNDS = 5


def main(options: argparse.Namespace, default_file: Path) -> int:
    """Measure what is asked; 1 when a peer disagrees (nothing is then reported for the case)."""
    peers = list(PEERS) if options.peers is None else options.peers
    if unknown := set(peers) - set(PEERS):
        print(f"unknown peers {sorted(unknown)}; there are {list(PEERS)}")
        return 2
    file = options.json or (default_file if options.only is None else None)
    records: list[dict[str, Any]] = []
    description = {"machine": machine.describe(), "versions": versions(peers)}
    print(tables.machine_text(description), flush=True)
    try:
        for record in measured(options, peers):
            record["measured"] = datetime.now(timezone.utc).isoformat(timespec="minutes")
            records.append(record)
            print(tables.one_line(record), flush=True)
            if file is not None:  # at once: a later case may fail
                write(file, description, records)
    except Disagreement as error:
        print(f"refused: {error}")
        return 1
    if not records:
        print(f"no case matches {options.only}")
        return 2
    print()
    print(tables.text(records))
    return 0


def measured(options: argparse.Namespace, peers: list[str]) -> Iterator[dict[str, Any]]:
    """The records of the chosen cases, in the order of the table."""
    rounds, seconds = options.rounds, options.seconds

    def wanted(name: str) -> bool:
        return options.only is None or any(text in name for text in options.only)

    yield from training.run(wanted, peers, rounds, seconds)
    yield from regularized.run(wanted, rounds, seconds)
    yield from latency.run(wanted, rounds, seconds)
    yield from threads.run(wanted, rounds, seconds)
    yield from linear.run(wanted, max(3, rounds // 2), seconds)
    yield from memory.run(wanted)
    yield from processes.run_sine(wanted, PROCESS_ROUNDS)
    yield from processes.run_forecast(wanted, PROCESS_ROUNDS)
    yield from processes.run_import(wanted, 2 * rounds)


def versions(peers: list[str]) -> dict[str, str]:
    """The versions of everything that is measured, as each peer's process reports them."""
    answer: dict[str, str] = {}
    for name in [*peers, "sgemm"]:
        peer = training.PEERS.get(name, training.Peer("sgemm"))
        with Worker(peer.module, **peer.variables) as worker:
            answer.update(worker.call("versions"))
    return answer


def write(file: Path, description: dict[str, Any], records: list[dict[str, Any]]) -> None:
    """Write the records; those of other cases in a file from the same machine are kept."""
    kept: list[dict[str, Any]] = []
    if file.exists():
        old = json.loads(file.read_text())
        if old["machine"]["processor"] == description["machine"]["processor"]:
            new = {record["case"] for record in records}
            kept = [record for record in old["records"] if record["case"] not in new]
    file.parent.mkdir(parents=True, exist_ok=True)
    content = {**description, "records": kept + records}
    file.write_text(json.dumps(content, indent=1) + "\n")
