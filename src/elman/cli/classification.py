"""``elman classify``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from elman.cli import printing
from elman.cli.common import check_free, command_line, finish, request_of, stem
from elman.cli.options import Cell, Epochs, Hidden, Json, NoReport, Out, Quiet, Seed
from elman.errors import InputError

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
    id: Annotated[
        str | None, typer.Option("--id", metavar="NAME", help="Column that names the sequences.")
    ] = None,
    time: Annotated[
        str | None, typer.Option("--time", metavar="NAME", help="Column that orders the steps.")
    ] = None,
    text: Annotated[
        str | None, typer.Option("--text", metavar="NAME", help="Column of texts.")
    ] = None,
    unit: Annotated[
        str, typer.Option("--unit", metavar="NAME", help="Of texts: characters or words.")
    ] = "characters",
    cell: Cell = "gru",
    pooling: Annotated[
        str, typer.Option("--pooling", metavar="NAME", help="last, mean, max or attention.")
    ] = "last",
    hidden: Hidden = None,
    balanced: Annotated[
        bool,
        typer.Option("--balanced", metavar="", help="Rare classes count as much as common ones."),
    ] = False,
    epochs: Epochs = None,
    seed: Seed = 0,
    out: Out = None,
    no_report: NoReport = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train on sequences with a class each, score and calibrate, and leave a run folder."""
    from elman.runs import Run
    from elman.tasks.classification import SequenceClassifier
    from elman.tasks.classification_report import (
        MEASURES,
        verdict,
        write_classification,
    )
    from elman.tasks.run_folder import task_metrics

    request = request_of(locals(), ("source", "label", "labels", "id", "time", "text"))
    check_free(out)
    data = _read_classes(source, label, labels, id, time, text)
    request["label"] = data.label
    classifier = SequenceClassifier(
        cell=cell,
        hidden_size=hidden,
        pooling=pooling,
        unit=unit,
        class_weight="balanced" if balanced else None,
        epochs=epochs,
        seed=seed,
        verbose=not (quiet or as_json),
    )
    voice = printing.Voice(silent=quiet or as_json)
    voice.source(source, data.describe(), data.notes)
    classifier.fit(data.rows, data.labels)
    voice.trained(classifier.model_.parameter_count, classifier.seconds_["total"])
    scores = classifier.scores_
    table = None if scores is None else scores["table"]
    voice.scored(table, MEASURES, verdict(scores), classifier.notes_)
    run = Run.create(out, kind="classification", name=stem(source))
    write_classification(
        run,
        classifier,
        data,
        title=stem(source),
        request=request,
        command=command_line(),
        report=not no_report,
    )
    document = task_metrics(classifier)
    finish(run, voice, document, report=not no_report, as_json=as_json, quiet=quiet)


def _read_classes(
    source: str,
    label: str | None,
    labels: Path | None,
    id: str | None,
    time: str | None,
    text: str | None,
    required: bool = True,
) -> Any:
    """Sequences, with their classes where they are required."""
    from elman.data.labelled import read_labelled, read_labels
    from elman.datasets.labelled import LABELLED, load_labelled

    if source in LABELLED and not Path(source).exists():
        return load_labelled(source)
    if not Path(source).exists() and not Path(source).suffix:
        raise InputError(
            f"SOURCE: there is no file or folder {source!r}, and no built-in set of that name; "
            f"there are {', '.join(LABELLED)}"
        )
    data = read_labelled(source, label, id, time, text, required and labels is None)
    if labels is not None:
        data.labels = read_labels(labels, data, label, None)
    if required and data.labels is None:
        raise InputError(f"label: {source} holds no classes; name a file of them with --labels")
    return data


def predict_classes(run: Run, file: str | None, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that a classification's model gives for a file."""
    from elman.saving import load
    from elman.tasks.classification_report import prediction_columns

    request = run.configuration["request"]
    source = request["source"] if file is None else file
    label = request["label"] if _has_column(source, request["label"]) else None
    data = _read_classes(
        source, label, None, request["id"], request["time"], request["text"], required=False
    )
    return prediction_columns(load(run.model_path), data)


def _has_column(source: str, name: str | None) -> bool:
    """Whether a table has the column of classes too, which must not be read as numbers."""
    from elman.data.files import read_file

    path = Path(source)
    if name is None or not path.is_file():
        return False
    return path.suffix == ".npz" or (path.suffix != ".ts" and name in read_file(path).columns)
