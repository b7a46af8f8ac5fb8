"""``elman classify``."""

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
    NoReport,
    Out,
    Quiet,
    Seed,
    Separator,
    Thousands,
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

__all__ = ["classify", "predict_classes"]


def classify(
    source: Annotated[
        str,
        typer.Argument(
            help="A table, a folder (one sub-folder or text file a class), .npz, .ts, or a "
            "built-in set: surnames, toy.",
            show_default=True,
        ),
    ] = "surnames",
    label: Annotated[
        str | None, typer.Option("--label", metavar="NAME", help="Column of classes.")
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option("--labels", metavar="FILE", help="A table of the classes, if apart."),
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
    balanced: Annotated[
        bool,
        typer.Option("--balanced", metavar="", help="Rare classes count as much as common ones."),
    ] = False,
    prior_adjustment: Annotated[
        float,
        typer.Option(
            "--prior-adjustment",
            metavar="A",
            help="0 names the most likely class, 1 as if all were equally common.",
        ),
    ] = 0.0,
    dropout: Dropout = None,
    ensemble: Ensemble = 1,
    epochs: Epochs = None,
    seed: Seed = 0,
    out: Out = None,
    no_report: NoReport = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train on sequences with a class each, score and calibrate, and leave a run folder."""
    from elman.tasks.classification import SequenceClassifier
    from elman.tasks.classification_report import (
        MEASURES,
        verdict,
        write_classification,
    )
    from elman.tasks.run_folder import task_metrics

    request = request_of(locals(), REQUEST)
    job = Job("classification", stem(source), out, not no_report, as_json, quiet)
    dialect = dialect_of(request)
    data = read_sequences(source, "classify", request, dialect, request["labels"])
    request = reading_of(request, data)
    classifier = SequenceClassifier(
        cell=cell,
        hidden_size=hidden,
        pooling=pooling,
        unit=unit,
        lowercase=lowercase,
        unseen=unseen,
        class_weight="balanced" if balanced else None,
        prior_adjustment=prior_adjustment,
        dropout=dropout,
        ensemble=ensemble,
        epochs=epochs,
        seed=seed,
        verbose=job.verbose,
    )
    voice = job.voice
    voice.source(source, data.describe(), data.notes)
    classifier.fit(data.rows, data.labels)
    voice.trained(classifier.model_.parameter_count, classifier.seconds_["total"])
    scores = classifier.scores_
    table = None if scores is None else scores["table"]
    voice.scored(table, MEASURES, verdict(scores), classifier.notes_)
    job.leave(
        write_classification,
        classifier,
        data,
        request=request,
        document=task_metrics(classifier),
    )


def predict_classes(run: Run, file: str | None, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that a classification's model gives for a file."""
    from elman.tasks.classification_report import prediction_columns

    return prediction_columns(
        model_of_run(run, asked), sequences_of_run(run, file, asked, "classify")
    )
