"""The records as tables, for the terminal and for RESULTS.md."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Record = dict[str, Any]


@dataclass
class Table:
    """A title, the heads of the columns, and rows of text."""

    title: str
    heads: list[str]
    rows: list[list[str]]

    def text(self) -> str:
        """With aligned columns, for a terminal."""
        widths = [max(map(len, column)) for column in zip(self.heads, *self.rows, strict=True)]
        lines = [self.title]
        for row in (self.heads, *self.rows):
            cells = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
            lines.append("  ".join(cells))
        return "\n".join(lines)

    def markdown(self) -> str:
        """As a Markdown table, without its title."""
        lines = [self.heads, ["---"] + ["---:"] * (len(self.heads) - 1), *self.rows]
        return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def microseconds(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def times(value: float) -> str:
    return f"{value:.1f}x" if value < 99.5 else f"{value:.0f}x"


def mark(goal: dict[str, Any]) -> str:
    if goal["reached"]:
        return "reached"
    return "**missed**" if goal.get("judged", True) else "not judged: no two cores free"


def training(records: list[Record]) -> Table:
    heads = "batch,steps,inputs,hidden; cell; elman us; torch us; ratio; goal; ; torch tuned; "
    heads += "JAX us; ratio; Keras us; ratio; GFLOP/s; of sgemm"
    rows = []
    for record in records:
        peers, ratio = record["peers"], record.get("ratio", {})
        goal = next((g for g in record.get("goals", ()) if "torch" in g["what"]), None)
        elman = peers.get("elman")
        rows.append(
            [
                record["size"],
                record["cell"],
                microseconds(elman["us"]) if elman else "-",
                _us(peers, "torch"),
                _ratio(ratio, "torch"),
                times(goal["target"]) if goal else "-",
                mark(goal) if goal else "-",
                _ratio(ratio, "torch tuned"),
                _us(peers, "jax"),
                _ratio(ratio, "jax"),
                _us(peers, "keras"),
                _ratio(ratio, "keras"),
                f"{elman['gflops']:.1f}" if elman else "-",
                f"{elman['share_of_sgemm']:.0%}" if elman else "-",
            ]
        )
    return Table("One training step (one thread)", heads.split("; "), rows)


def training_goals(records: list[Record]) -> Table:
    """The goals of the training cases other than the ratio to torch.nn."""
    rows = []
    for record in records:
        for goal in record.get("goals", ()):
            if "torch" in goal["what"]:
                continue
            show = (lambda v: f"{v:.0%}") if "share" in goal["what"] else times
            rows.append(
                [
                    record["size"],
                    record["cell"],
                    goal["what"],
                    show(goal["got"]),
                    show(goal["target"]),
                    mark(goal),
                ]
            )
    heads = ["batch,steps,inputs,hidden", "cell", "what", "got", "goal", ""]
    return Table("Other goals of the training step", heads, rows)


def parts(records: list[Record]) -> Table:
    """Where elman's time goes in a training step."""
    rows = []
    for record in records:
        if "elman_parts_us" not in record:
            continue
        forward, backward, rest = (
            record["elman_parts_us"][name] for name in ("forward", "backward", "rest")
        )
        rate = record["sgemm_gflops"]
        floor = record["flops"] / max(rate.values()) / 1e3
        step = record["peers"]["elman"]["us"]
        measured = (step, forward, backward, rest, floor)
        rows.append([record["size"], record["cell"], *map(microseconds, measured)])
    heads = "batch,steps,inputs,hidden; cell; step us; forward us; backward us; the rest us; "
    heads += "at the rate of sgemm us"
    return Table("Where the time goes", heads.split("; "), rows)


def missed(records: list[Record]) -> Table:
    """Every goal that was not reached, and how far it is."""
    rows = []
    for record in records:
        for goal in record.get("goals", ()):
            if goal["reached"] or not goal.get("judged", True):
                continue
            target, got = goal["target"], goal["got"]
            share = target / got if goal["at_most"] else got / target
            bound = "at most" if goal["at_most"] else "at least"
            rows.append(
                [
                    record["case"],
                    goal["what"],
                    f"{bound} {target:.3g}",
                    f"{got:.3g}",
                    f"{share:.0%}",
                ]
            )
    return Table("Missed", ["case", "what", "goal", "got", "of the goal"], rows)


def latency(records: list[Record]) -> Table:
    rows = []
    for record in records:
        for name, entry in record["peers"].items():
            goal = record["goals"][0] if name == "elman" else None
            ratio = "" if name == "elman" else times(record["ratio"][name]["median"])
            rows.append(
                [name, f"{entry['us']:.2f}", f"{entry['us_fastest']:.2f}", ratio]
                + ([f"{goal['target']:.0f}", mark(goal)] if goal else ["", ""])
            )
    heads = ["one streaming step, LSTM 8 -> 32", "us", "fastest round", "over elman", "goal", ""]
    return Table("Latency of one step called from Python", heads, rows)


def threads(records: list[Record]) -> Table:
    rows = []
    for record in records:
        gain, peers = record["gain"], record["peers"]
        rows.append(
            [record["size"], record["cell"]]
            + [microseconds(peers[f"elman {n}"]["us"]) for n in (1, 2)]
            + [f"{gain['elman']['median']:.2f}x", f"{record['goals'][0]['target']}x"]
            + [mark(record["goals"][0])]
            + [f"{gain['torch']['median']:.2f}x", f"{record['sgemm_gain']:.2f}x"]
        )
    heads = "batch,steps,inputs,hidden; cell; one thread us; two threads us; gain; goal; ; "
    heads += "torch's gain; two processes"
    return Table("Two threads over one", heads.split("; "), rows)


def regularized(records: list[Record]) -> Table:
    names = [name for name in records[0]["peers"] if name != "plain"]
    rows = []
    for record in records:
        shares = [
            f"{record['ratio'][name]['median']:.2f} ({record['kernels_ratio'][name]:.2f})"
            for name in names
        ]
        missed = [goal for goal in record["goals"] if not goal["reached"]]
        verdict = f"**{len(missed)} missed**" if missed else "reached"
        plain = microseconds(record["peers"]["plain"]["us"])
        rows.append([record["size"], record["cell"], plain, *shares, verdict])
    target = records[0]["goals"][0]["target"]
    heads = ["batch,steps,inputs,hidden", "cell", "plain us", *names, f"at most {target}"]
    return Table(
        "Training step with regularisation inside the cell, over the plain step", heads, rows
    )


def linear(records: list[Record]) -> Table:
    lengths = list(records[0]["us"])
    rows = [
        [record["cell"]]
        + [microseconds(record["us"][steps]) for steps in lengths]
        + [f"{record['exponent']:.3f}", f"{record['goals'][0]['target']}", mark(record["goals"][0])]
        for record in records
    ]
    heads = ["cell", *(f"T={steps} us" for steps in lengths), "exponent of T", "at most", ""]
    return Table("Training step over the length of the sequence (8,T,4,32)", heads, rows)


def memory(records: list[Record]) -> Table:
    rows = [
        [record["size"], record["cell"]]
        + [f"{record['mebibytes'][name]:.1f}" for name in ("elman", "torch")]
        + [mark(record["goals"][0])]
        for record in records
    ]
    heads = ["batch,steps,inputs,hidden", "cell", "elman MiB", "torch MiB", "no more than torch"]
    return Table("Growth of the peak of resident memory in training", heads, rows)


def processes(records: list[Record]) -> Table:
    rows = []
    for record in records:
        goal = record["goals"][0]
        if record["case"] == "process/import":
            for name, ms in record["over_numpy_ms"].items():
                aim = [f"{goal['target']:.0f} ms", mark(goal)] if name == "elman" else ["", ""]
                rows.append([f"import of {name}, over import numpy", f"{ms:.0f} ms", *aim])
            continue
        job = {"process/sine": "sine job", "process/forecast": "elman forecast, with report"}
        for name, seconds in record["seconds"].items():
            aim = [f"{goal['target']:.1f} s", mark(goal)] if name == "elman" else ["", ""]
            what = f"{job[record['case']]}" + (f" in {name}" if "sine" in record["case"] else "")
            rows.append([what, f"{seconds:.2f} s", *aim])
    return Table("Whole processes", ["process", "time", "goal", ""], rows)


def _us(peers: Record, name: str) -> str:
    return microseconds(peers[name]["us"]) if name in peers else "-"


def _ratio(ratio: Record, name: str) -> str:
    return times(ratio[name]["median"]) if name in ratio else "-"


SPEED_TABLES: dict[str, tuple[str, Callable[[list[Record]], Table]]] = {
    "training": ("training/", training),
    "training-goals": ("training/", training_goals),
    "parts": ("training/", parts),
    "regularized": ("regularized/", regularized),
    "latency": ("latency/", latency),
    "threads": ("threads/", threads),
    "linear": ("linear/", linear),
    "memory": ("memory/", memory),
    "processes": ("process/", processes),
    "missed": ("", missed),
}


def speed_tables(records: list[Record]) -> dict[str, Table]:
    """The tables that these records fill, by name."""
    answer = {}
    for name, (prefix, build) in SPEED_TABLES.items():
        chosen = [record for record in records if record["case"].startswith(prefix)]
        if chosen:
            answer[name] = build(chosen)
    return answer


def text(records: list[Record]) -> str:
    tables = [table for table in speed_tables(records).values() if table.rows]
    return "\n\n".join(table.text() for table in tables)


def one_line(record: Record) -> str:
    """What is printed as soon as a case is done."""
    peers = "  ".join(
        f"{name} {microseconds(entry['us'])}us" for name, entry in record.get("peers", {}).items()
    )
    goals = "  ".join(
        f"[{goal['what']} {goal['got']:.3g}, goal {goal['target']:.3g}: {mark(goal)}]"
        for goal in record.get("goals", ())
    )
    return f"{record['case']}  {peers}  {goals}"


def machine_text(description: dict[str, Any]) -> str:
    """Processor, memory and versions in a few lines."""
    machine = description["machine"]
    versions = ", ".join(f"{name} {value}" for name, value in description["versions"].items())
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB, "
        f"{machine['system']}\n"
        f"instruction sets: {', '.join(machine['instruction_sets'])}; "
        f"caches: {', '.join(machine['caches'])}\n"
        f"Python {machine['python']}, {versions}; load at the start {machine['load']}"
    )


def agreement_text(records: list[Record]) -> str:
    """The largest difference that was found between peers."""
    found = [d for r in records for d in r.get("largest_difference", {}).values()]
    return f"largest relative difference of an output or gradient to torch's: {max(found):.1e}"


def sgemm_text(records: list[Record]) -> str:
    """The range of the matrix product's rate over the run."""
    lines = []
    for library in ("numpy", "torch"):
        rates = [r["sgemm_gflops"][library] for r in records if "sgemm_gflops" in r]
        if rates:
            lines.append(f"{library} {min(rates):.0f} to {max(rates):.0f} GFLOP/s")
    return "sgemm, 1024 x 1024, one thread, over the cases: " + "; ".join(lines)


def overview(records: list[Record]) -> Table:
    """The training table in short: elman's time, and how many times longer torch.nn takes."""
    cells = {"rnn_tanh": "RNN", "gru": "GRU", "lstm": "LSTM"}
    sizes = dict.fromkeys(record["size"] for record in records)
    rows = []
    for size in sizes:
        found = {record["cell"]: record for record in records if record["size"] == size}
        rows.append([size.replace(",", ", ")] + [_short(found.get(cell)) for cell in cells])
    return Table("Training steps", ["batch, steps, inputs, hidden", *cells.values()], rows)


def _short(record: Record | None) -> str:
    if record is None or "torch" not in record.get("ratio", {}):
        return "-"
    elman = record["peers"]["elman"]["us"]
    return f"{microseconds(elman)} µs, {times(record['ratio']['torch']['median'])}"


def rewrite(pages: list[Path], folder: Path, more: dict[str, str] | None = None) -> int:
    """Put fresh tables between the markers `<!-- name -->` ... `<!-- end -->` of the pages.

    Args:
        pages: The pages.
        folder: Of the records of the benchmarks of speed.
        more: Markdown of other benchmarks, by the name of its marker.
    """
    blocks = fresh_blocks(folder) | (more or {})

    def fresh(match: re.Match[str]) -> str:
        name = match["name"]
        inner = blocks.get(name, match["inner"].strip())
        return f"<!-- {name} -->\n{inner}\n<!-- end -->"

    marked = re.compile(r"<!-- (?P<name>[\w-]+) -->\n(?P<inner>.*?)<!-- end -->", re.DOTALL)
    for page in pages:
        page.write_text(marked.sub(fresh, page.read_text()))
    print(f"{', '.join(page.name for page in pages)}: {', '.join(blocks)}")
    return 0


def fresh_blocks(folder: Path) -> dict[str, str]:
    """Markdown by the name of its marker, from the records that the benchmarks left."""
    blocks: dict[str, str] = {}
    speed = folder / "speed.json"
    if speed.exists():
        content = json.loads(speed.read_text())
        blocks = {name: t.markdown() for name, t in speed_tables(content["records"]).items()}
        about = [machine_text(content), sgemm_text(content["records"])]
        about.append(f"measured (UTC): {_measured(content['records'])}")
        training_records = [r for r in content["records"] if r["case"].startswith("training/")]
        if training_records:
            blocks["agreement"] = agreement_text(training_records)
            blocks["readme-speed"] = _readme_speed(content, training_records)
        blocks["machine"] = "```\n" + "\n".join(about) + "\n```"
    return blocks


def _readme_speed(content: Record, records: list[Record]) -> str:
    processor = content["machine"]["processor"]
    torch = content["versions"]["torch"]
    return (
        "One training step (gathering the batch, forward, back-propagation through time, Adam) on "
        f"one thread of an {processor}: elman's time, and how many times longer "
        f"`torch.nn` {torch} takes for the same.\n\n{overview(records).markdown()}"
    )


def _measured(records: list[Record]) -> str:
    stamps = sorted({record["measured"] for record in records})
    return stamps[0] if len(stamps) == 1 else f"{stamps[0]} to {stamps[-1]}"
