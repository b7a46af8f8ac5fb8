"""``elman regress``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from elman.cli.common import Job, model_of_run, request_of, stem
from elman.cli.options import (
    Cell,
    Decimal,
    Epochs,
    Hidden,
    Json,
    Levels,
    NoReport,
    Out,
    Quiet,
    Seed,
    Separator,
    Thousands,
    levels_of,
)
from elman.cli.sequences import (
    REQUEST,
    Channels,
    Dropout,
    Ensemble,
    Lowercase,
    Pooling,
    SequenceId,
    StepTime,
    TextColumn,
    Unit,
    Unseen,
    read_sequences,
    reading_of,
    sequences_of_run,
)
from elman.cli.sources import dialect_of

if TYPE_CHECKING:
    from elman.runs import Run

__all__ = ["predict_numbers", "regress"]


def regress(
    source: Annotated[
        str,
        typer.Argument(
            help="A table, .npz, .ts, or the built-in set: pendulums.", show_default=True
        ),
    ] = "pendulums",
    target: Annotated[
        str | None, typer.Option("--target", metavar="NAME", help="Column of numbers to estimate.")
    ] = None,
    targets: Annotated[
        Path | None,
        typer.Option("--targets", metavar="FILE", help="A table of the numbers, if apart."),
    ] = None,
    id: SequenceId = None,
    time: StepTime = None,
    text: TextColumn = None,
    channels: Channels = None,
    separator: Separator = None,
    decimal: Decimal = None,
    thousands: Thousands = None,
    unit: Unit = "characters",
    lowercase: Lowercase = False,
    unseen: Unseen = None,
    cell: Cell = "gru",
    pooling: Pooling = "last",
    hidden: Hidden = None,
    loss: Annotated[str, typer.Option("--loss", metavar="NAME", help="mse, mae or huber.")] = "mse",
    levels: Levels = "80,95",
    dropout: Dropout = None,
    ensemble: Ensemble = 1,
    epochs: Epochs = None,
    seed: Seed = 0,
    out: Out = None,
    no_report: NoReport = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train on sequences with a number each, score with intervals, and leave a run folder."""
    from elman.tasks.regression import SequenceRegressor
    from elman.tasks.regression_report import MEASURES, verdict, write_regression
    from elman.tasks.run_folder import task_metrics

    request = request_of({**locals(), "label": target, "labels": targets}, REQUEST)
    job = Job("regression", stem(source), out, not no_report, as_json, quiet)
    dialect = dialect_of(request)
    data = read_sequences(source, "regress", request, dialect, request["labels"])
    request = reading_of(request, data)
    regressor = SequenceRegressor(
        cell=cell,
        hidden_size=hidden,
        pooling=pooling,
        unit=unit,
        lowercase=lowercase,
        unseen=unseen,
        loss=loss,
        levels=levels_of(levels),
        dropout=dropout,
        ensemble=ensemble,
        epochs=epochs,
        seed=seed,
        verbose=job.verbose,
    )
    voice = job.voice
    voice.source(source, data.describe(), data.notes)
    regressor.fit(data.rows, data.labels)
    voice.trained(regressor.model_.parameter_count, regressor.seconds_["total"])
    scores = regressor.scores_
    table = None if scores is None else scores["table"]
    voice.scored(table, MEASURES, verdict(scores))
    for level, one in ({} if scores is None else scores["intervals"]).items():
        inside = f"{100 * one['coverage']:.0f} % of the held-out truths lie inside"
        voice.line(f"{level} %", f"{inside} an interval of width {one['width']:.4g}")
    for note in regressor.notes_:
        voice.line("note", note)
    job.leave(write_regression, regressor, data, request=request, document=task_metrics(regressor))


def predict_numbers(run: Run, file: str | None, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that a regression's model gives for a file."""
    from elman.tasks.regression_report import prediction_columns

    return prediction_columns(
        model_of_run(run, asked), sequences_of_run(run, file, asked, "regress")
    )
