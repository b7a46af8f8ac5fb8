"""What the commands print: for people, and as JSON or CSV for programs."""

from __future__ import annotations

import csv
import math
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from elman.counting import counted

if TYPE_CHECKING:
    from rich.console import Console

    from elman.data.panel import Panel
    from elman.datasets import Description
    from elman.datasets.catalogue import BuiltIn
    from elman.evaluate import Scores
    from elman.runs import Run
    from elman.tasks.answers import Answer
    from elman.tasks.backtest import Backtest
    from elman.tasks.forecasting import Forecaster

__all__ = [
    "Voice",
    "backtest_document",
    "columns_document",
    "forecast_document",
    "print_csv",
    "print_datasets",
]

_LABEL_WIDTH = 9
_WIDE = 120
"""Columns of a terminal in which the list of built-in data has room for one more."""
_COLUMNS = (("mae", "MAE"), ("rmse", "RMSE"), ("smape", "sMAPE"), ("mase", "MASE"), ("owa", "OWA"))


class Voice:
    """Speaks to a person on standard output; plain text where that is no terminal.

    Args:
        silent: Say nothing at all.
    """

    translators: ClassVar[list[Callable[[str], str]]] = []
    """What puts options in the place of arguments in a note: the whole command line knows them."""

    def __init__(self, silent: bool = False) -> None:
        self.silent = silent
        self._console: Console | None = None

    @property
    def console(self) -> Console:
        """Where it speaks; made when it first does."""
        if self._console is None:
            self._console = _make_console(soft_wrap=not sys.stdout.isatty(), width_in_pipe=100)
        return self._console

    def read(self, source: str, panel: Panel) -> None:
        """What was read."""
        if self.silent:
            return
        from elman.tasks.reporting import describe_source

        self.line("read", f"{source}: {describe_source(panel)}")
        for note in panel.notes:
            self.line("", note)

    def chosen(self, forecaster: Forecaster) -> None:
        """What was chosen."""
        if self.silent:
            return
        from elman.tasks.reporting import network_view
        from elman.tasks.wording import describe_plan

        parameters = network_view(forecaster.model_).parameters
        seconds = forecaster.seconds_
        self.line("chosen", describe_plan(forecaster.plan_))
        trained = seconds["training"] + seconds["held-out folds"]
        self.line("trained", f"{counted(parameters, 'parameter')} in {trained:.2f} s")

    def source(self, name: str, described: str, notes: Sequence[str] = ()) -> None:
        """What was read, in words, with what should be known of it."""
        self.line("read", f"{name}: {described}")
        for note in notes:
            self.line("", note)

    def trained(self, parameters: int, seconds: float) -> None:
        """How large the model is and how long it took."""
        self.line("trained", f"{counted(parameters, 'parameter')} in {seconds:.2f} s")

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[str]], bold: str = "") -> None:
        """A table; ``bold`` is the first cell of the row that is set off."""
        if self.silent:
            return
        from rich import box
        from rich.table import Table

        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for number, head in enumerate(heads):
            table.add_column(head, justify="right" if number else "left", no_wrap=not number)
        for row in rows:
            table.add_row(*row, style="bold" if row[0] == bold else None)
        self.console.print()
        self.console.print(table)

    def scored(
        self,
        table: Mapping[str, Mapping[str, float | None]] | None,
        measures: Sequence[tuple[str, str]],
        verdict: str,
        notes: Sequence[str] = (),
        bold: str = "network",
    ) -> None:
        """Scores beside the baselines, what to make of them, and what else should be known.

        Args:
            table: Name of a method -> name of a measure -> value; ``None`` if none was scored.
            measures: Those shown, with their titles; one that no method has is left out.
            verdict: One sentence.
            notes: A sentence each.
            bold: The method that is set off.
        """
        if table is not None:
            known = [(key, title) for key, title in measures if _is_known(table, key)]
            rows = [
                [name, *("-" if row[key] is None else f"{row[key]:.3f}" for key, _ in known)]
                for name, row in table.items()
            ]
            self.table(["", *(title for _, title in known)], rows, bold)
        self.line("verdict", verdict)
        for note in notes:
            self.line("note", note)

    def backtest(self, result: Backtest) -> None:
        """How a backtest was made."""
        if self.silent:
            return
        fits = "a network for each" if result.refits > 1 else "one network"
        self.line(
            "tested",
            f"{counted(result.cutoffs, 'cutoff')}, {fits}, "
            f"{counted(result.scores.horizon, 'step')} ahead, in {result.seconds:.2f} s",
        )

    def scores(self, scores: Scores | None) -> None:
        """The table of scores beside the baselines, coverage, and the verdict."""
        if self.silent or scores is None:
            return
        from rich import box
        from rich.table import Table

        from elman.evaluate import LABELS

        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        table.add_column("", no_wrap=True)
        for _, title in _COLUMNS:
            table.add_column(title, justify="right")
        best = {measure: _lowest(scores, measure) for measure, _ in _COLUMNS}
        for name, row in scores.table.items():
            cells = [_cell(row[measure], best[measure]) for measure, _ in _COLUMNS]
            style = "bold" if name == scores.model else None
            table.add_row(LABELS.get(name, name), *cells, style=style)
        self.console.print()
        self.console.print(table)
        covered = [
            f"{100 * one['coverage']:.0f} % inside the {level} % interval"
            for level, one in scores.intervals.items()
            if one["coverage"] is not None
        ]
        self.line("verdict", scores.verdict)
        if covered:
            self.line("coverage", f"of the held-out values {', '.join(covered)}")

    def plot(self, forecaster: Forecaster, answer: Answer) -> None:
        """The end of the first series and its forecast."""
        if self.silent:
            return
        from elman.plots import terminal_line
        from elman.runs import iso_times
        from elman.tasks.calibration import series_names
        from elman.tasks.reporting import shown_stamps

        panel = forecaster.training_panel
        known = panel.series(0)[: answer.counts[0], 0]
        level = max(answer.intervals, default=None)
        interval = None
        if level is not None:
            low, high = answer.intervals[level]
            interval = (low[0, :, 0], high[0, :, 0])
        past = shown_stamps(panel, panel.stamps[: answer.counts[0]])
        ahead = shown_stamps(panel, answer.stamps[0])
        labels = [
            *(iso_times(past) if past.dtype.kind == "M" else map(str, past)),
            *(iso_times(ahead) if ahead.dtype.kind == "M" else map(str, ahead)),
        ]
        width = min(shutil.get_terminal_size((80, 24)).columns - 2, 100)
        names = series_names(panel)
        suffix = f" (the first of {len(names)} series)" if len(names) > 1 else ""
        self.console.print()
        self.console.print(f"{names[0]}{suffix}", markup=False)
        colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        print(
            terminal_line(
                known, answer.point[0, :, 0], interval, max(width, 40), 10, labels, colour=colour
            )
        )
        print()

    def notes(self, notes: Sequence[str], panel: Panel) -> None:
        """What else should be known, beside what was said when the data were read."""
        said = {note.lower() for note in panel.notes}
        for note in notes:
            if note.lower().rstrip(".") not in said:
                self.line("note", note)

    def left(self, run: Run, report: bool, model: bool = True) -> None:
        """Where the rest lies."""
        self.line("left in", str(run.path))
        if report:
            self.line("report", str(run.page_path))
        if model:
            self.line("again", f"elman predict {run.path}")

    def line(self, label: str, text: str) -> None:
        """One line: what it is about, and what there is to say."""
        if self.silent:
            return
        from rich.markup import escape

        if label in ("", "note") and "=" in text:
            for translate in self.translators:
                text = translate(text)
        head = f"[bold cyan]{label:<{_LABEL_WIDTH}}[/]"
        if self.console.is_terminal:
            from rich.padding import Padding
            from rich.table import Table

            row = Table.grid(padding=(0, 0))
            row.add_column(width=_LABEL_WIDTH)
            row.add_column()
            row.add_row(f"[bold cyan]{label}[/]", escape(text))
            self.console.print(Padding(row, 0))
        else:
            self.console.print(f"{head}{escape(text)}")


def _is_known(table: Mapping[str, Mapping[str, float | None]], measure: str) -> bool:
    return any(row[measure] is not None for row in table.values())


def forecast_document(forecaster: Forecaster, answer: Answer) -> dict[str, Any]:
    """One JSON document for a forecast."""
    from elman.tasks.reporting import forecast_columns, metrics

    return {
        "read": forecaster.training_panel.summary(),
        "chosen": forecaster.plan_.to_dict(),
        **metrics(forecaster),
        "forecast": columns_document(forecast_columns(answer)),
    }


def backtest_document(result: Backtest) -> dict[str, Any]:
    """One JSON document for a backtest."""
    return {
        "chosen": result.plan,
        "cutoffs": result.cutoffs,
        "refits": result.refits,
        "scores": result.scores.to_dict(),
        "notes": result.notes,
        "seconds": {"total": result.seconds},
    }


def columns_document(columns: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Columns as one mapping a row, times in ISO 8601, None where a value is missing."""
    plain = {name: _plain(values) for name, values in columns.items()}
    return [dict(zip(plain, row, strict=True)) for row in zip(*plain.values(), strict=True)]


def print_csv(columns: Mapping[str, Any]) -> None:
    """Columns as CSV on standard output."""
    plain = {name: _plain(values) for name, values in columns.items()}
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(plain)
    writer.writerows(zip(*plain.values(), strict=True))


def print_datasets(records: Sequence[Description], sets: Sequence[BuiltIn] = ()) -> None:
    """The built-in records, and the built-in sets of the other tasks, as a table."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    console = _make_console(soft_wrap=False, width_in_pipe=160)
    beside = console.width >= _WIDE  # else the source stands below what it is of
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title in ("name", "for", "what", "rows", "source")[: 5 if beside else 4]:
        whole = title != "what" and title != "source"
        table.add_column(title, justify="right" if title == "rows" else "left", no_wrap=whole)
    rows = [
        (one.name, "forecast", f"{one.title}, every {one.frequency}", one.rows, one.source)
        for one in records
    ]
    for name, verb, what, size, source in [
        *rows,
        *((each.name, each.verb, each.title, each.rows, each.source) for each in sets),
    ]:
        if beside:
            table.add_row(name, verb, what, f"{size}", source)
        else:
            table.add_row(name, verb, f"{what}\n[dim]{escape(source)}[/]", f"{size}")
    console.print(table)


def _make_console(soft_wrap: bool, width_in_pipe: int) -> Console:
    """A console that goes on in silence when its reader has gone, as ``head`` does.

    The run folder is worth more than the rest of the words; rich would end the process.
    """
    from rich.console import Console

    class Unheard(Console):
        def on_broken_pipe(self) -> None:
            self.quiet = True
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    width = None if sys.stdout.isatty() else width_in_pipe
    return Unheard(highlight=False, soft_wrap=soft_wrap, width=width)


def _plain(values: Any) -> list[Any]:
    import numpy as np

    from elman.runs import iso_times

    if isinstance(values, np.ndarray):
        values = iso_times(values) if values.dtype.kind == "M" else values.tolist()
    return [None if isinstance(one, float) and math.isnan(one) else one for one in values]


def _lowest(scores: Scores, measure: str) -> float | None:
    found = [value for row in scores.table.values() if (value := row[measure]) is not None]
    return min(found, default=None)


def _cell(value: float | None, best: float | None) -> str:
    if value is None:
        return "-"
    text = f"{value:,.0f}" if 1e4 <= abs(value) < 1e9 else f"{value:.4g}"
    return f"[green]{text}[/]" if value == best else text
