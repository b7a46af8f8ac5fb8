"""Commands on what others left behind: ``elman predict``, ``elman report``, ``elman datasets``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from elman.cli import printing
from elman.cli.classification import predict_classes
from elman.cli.common import answer
from elman.cli.detection import predict_anomalies
from elman.cli.emulation import predict_rollout
from elman.cli.exchange import predict_network
from elman.cli.forecasting import predict_forecast
from elman.cli.labelling import predict_labels, write_labels
from elman.cli.language import predict_surprise
from elman.cli.options import Decimal, Horizon, Json, RunFolder, Separator, Thousands
from elman.cli.regression import predict_numbers
from elman.cli.sources import DIALECT
from elman.cli.translation import predict_translation
from elman.errors import InputError

if TYPE_CHECKING:
    from elman.runs import Run

__all__ = ["datasets", "predict", "report"]


class Predictor(NamedTuple):
    """How the model of one kind of run answers for a file.

    Attributes:
        columns: From the run, the file (``None``: what the run was trained on) and the options
            of ``elman predict`` by name, to the columns of the answer.
        options: Which of those options it takes.
        writer: Writes the answers for a file into another of the same form, where there are such
            forms beside CSV and Parquet.
        folders: Whether a folder can be answered for too.
        reads_again: Whether what the run was trained on is read again to answer for it; else the
            model holds it.
    """

    columns: Callable[[Run, str | None, Mapping[str, Any]], dict[str, Any]]
    options: tuple[str, ...] = ()
    writer: Callable[[Run, str | None, Mapping[str, Any], Path], None] | None = None
    folders: bool = False
    reads_again: bool = True


PREDICTORS = {
    "forecast": Predictor(
        predict_forecast, ("horizon", "future", "levels", *DIALECT), reads_again=False
    ),
    "classification": Predictor(predict_classes, ("unseen", *DIALECT), folders=True),
    "regression": Predictor(predict_numbers, ("unseen", *DIALECT), folders=True),
    "detection": Predictor(predict_anomalies, DIALECT),
    "translation": Predictor(predict_translation, ("unseen", "separator")),
    "labelling": Predictor(predict_labels, ("unseen", *DIALECT), writer=write_labels),
    "language": Predictor(predict_surprise, ("unseen",), folders=True),
    "emulation": Predictor(predict_rollout, ("horizon", *DIALECT)),
    "network": Predictor(predict_network, DIALECT, reads_again=False),
}
"""By the kind of run."""
_TABLES = (".csv", ".tsv", ".parquet", ".pq")


def predict(
    run: RunFolder,
    file: Annotated[
        str | None,
        typer.Argument(help="What to answer for; default: what the run was trained on."),
    ] = None,
    horizon: Horizon = None,
    future: Annotated[
        Path | None,
        typer.Option("--future", metavar="FILE", help="File with the covariates known ahead."),
    ] = None,
    unseen: Annotated[
        str | None,
        typer.Option(
            "--unseen",
            metavar="NAME",
            help="Symbols or words that training has not met: error or unknown; default: as the "
            "run.",
        ),
    ] = None,
    levels: Annotated[
        str | None, typer.Option("--levels", metavar="A,B", help="Which intervals; default: all.")
    ] = None,
    separator: Separator = None,
    decimal: Decimal = None,
    thousands: Thousands = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="CSV or Parquet file, or one of FILE's own form; default: print CSV.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Answer with the model of a run: for a file, or for what it was trained on."""
    from elman.runs import Run

    asked: dict[str, Any] = {"horizon": horizon, "future": future, "levels": levels}
    asked |= {"unseen": unseen}
    asked |= {"separator": separator, "decimal": decimal, "thousands": thousands}
    opened = Run.open(run)
    predictor = PREDICTORS.get(opened.kind)
    if predictor is None:
        raise InputError(
            f"run: {run} is a {opened.kind} and holds no model to predict with; expected a run "
            f"of {', '.join(PREDICTORS)}"
        )
    odd = [name for name, value in asked.items() if value is not None]
    odd = [name for name in odd if name not in predictor.options]
    if odd:
        raise InputError(
            f"--{odd[0]}: a {opened.kind} has none to choose, and {run} is one: it answers as it "
            "was trained; leave the option out"
        )
    if file is not None and Path(file).is_dir() and not predictor.folders:
        raise InputError(f"FILE: {file} is a folder, expected a file; name one in it")
    if file is None and predictor.reads_again:
        _check_training_files(opened)
    if out is not None and out.exists():
        raise InputError(f"--out: {out} exists already; choose another name")
    if out is not None and predictor.writer is not None and out.suffix not in _TABLES:
        predictor.writer(opened, file, asked, out)
        if not as_json:
            return
        out = None
    answer(predictor.columns(opened, file, asked), out, as_json)


def _check_training_files(run: Run) -> None:
    """Refuses to answer for what a run was trained on where that is gone."""
    request = run.configuration.get("request", {})
    given = [request.get(name) for name in ("source_file", "target_file")]
    named = [one for one in given if one] or [request.get("source")]
    for one in named:
        if one and Path(one).is_absolute() and not Path(one).exists():
            raise InputError(
                f"FILE: {run.path} was trained on {one}, which is not there any more; name the "
                "file to answer for"
            )


def report(
    run: RunFolder,
    open_page: Annotated[
        bool, typer.Option("--open", metavar="", help="Open it in the browser.")
    ] = False,
) -> None:
    """Print where the report of a run lies, drawing it again if it is missing."""
    from elman.report import redraw
    from elman.runs import Run

    opened = Run.open(run)
    page = opened.page_path if opened.page_path.is_file() else redraw(opened)
    print(page)
    if open_page:
        import webbrowser

        if not webbrowser.open(page.resolve().as_uri()):
            raise InputError(f"--open: no browser could be opened; open {page} yourself")


def datasets(as_json: Json = False) -> None:
    """List the built-in data."""
    from elman.datasets import describe, names
    from elman.datasets.catalogue import built_in

    records = [describe(name) for name in names()]
    if as_json:
        print(json.dumps([vars(one) for one in (*records, *built_in())]))
    else:
        printing.print_datasets(records, built_in())
