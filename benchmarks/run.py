"""The benchmarks: `python benchmarks/run.py speed`, `... skill`, `... results`.

`speed` measures training steps beside PyTorch, JAX and Keras, and the other figures of speed;
`skill` trains on real data and prints errors beside published references; `results` rewrites the
tables of RESULTS.md and README.md from the JSON files that the two have left, so that no figure
there is typed by hand.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import speed, tables

FOLDER = Path(__file__).resolve().parent
SPEED_FILE = FOLDER / "results" / "speed.json"
PAGES = [FOLDER / "RESULTS.md", FOLDER.parent / "README.md"]


def main(arguments: list[str] | None = None) -> int:
    """Dispatch to the sub-command; `skill` reads its own options."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["skill"]:
        from benchmarks import skill

        return skill.main(arguments[1:]) or 0
    options = parser().parse_args(arguments)
    if options.command == "results":
        from benchmarks import skill

        return tables.rewrite(PAGES, FOLDER / "results", {"skill": skill.page()})
    return speed.main(options, SPEED_FILE)


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="benchmarks/run.py", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    one = commands.add_parser("speed", help="time elman beside the other frameworks")
    one.add_argument(
        "--only",
        nargs="+",
        metavar="TEXT",
        help="cases whose name contains one of these, e.g. training/gru, 32,20,1,16, latency",
    )
    one.add_argument(
        "--peers", nargs="+", help=f"columns of the training table (all: {', '.join(speed.PEERS)})"
    )
    one.add_argument("--rounds", type=int, default=9, help="interleaved rounds (default 9)")
    one.add_argument(
        "--seconds", type=float, default=0.1, help="time of one peer in one round (default 0.1)"
    )
    one.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="where the records go; a run of all cases writes results/speed.json by itself",
    )
    commands.add_parser("skill", help="train on real data; `skill --help` lists its options")
    commands.add_parser(
        "results", help="rewrite the tables of RESULTS.md and README.md from results/"
    )
    return top


if __name__ == "__main__":
    sys.exit(main())
