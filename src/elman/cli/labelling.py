"""``elman label``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from elman.cli.sequences import Channels, source_of
from elman.cli.sources import DIALECT, check_exists, dialect_of, dialect_of_run, is_built_in

if TYPE_CHECKING:
    from elman.data.conll import StepFile
    from elman.data.dialect import Dialect
    from elman.runs import Run

__all__ = ["label", "predict_labels", "write_labels"]

_COLUMNS = ("label", "token", "id", "time")


def label(
    source: Annotated[
        str,
        typer.Argument(
            help="CoNLL-U, CoNLL, JSON lines, a table, or a built-in set: appointments, machine.",
            show_default=True,
        ),
    ] = "appointments",
    label: Annotated[
        str | None,
        typer.Option("--label", metavar="COLUMN", help="Of labels: a name, or a number from 1."),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option("--token", metavar="COLUMN", help="Of tokens: a name, or a number from 1."),
    ] = None,
    id: Annotated[
        str | None, typer.Option("--id", metavar="NAME", help="Column that names the sequences.")
    ] = None,
    time: Annotated[
        str | None, typer.Option("--time", metavar="NAME", help="Column that orders the steps.")
    ] = None,
    channels: Channels = None,
    separator: Separator = None,
    decimal: Decimal = None,
    thousands: Thousands = None,
    validation: Annotated[
        Path | None,
        typer.Option("--validation", metavar="FILE", help="Watches the training; default: a part."),
    ] = None,
    test: Annotated[
        Path | None,
        typer.Option("--test", metavar="FILE", help="Is scored on; default: a part held out."),
    ] = None,
    crf: Annotated[
        bool, typer.Option("--crf", metavar="", help="Choose the labels of a sequence together.")
    ] = False,
    unseen_labels: Annotated[
        str,
        typer.Option(
            "--unseen-labels",
            metavar="NAME",
            help="In the test file: error, or wrong to count them as mistakes.",
        ),
    ] = "error",
    unseen: Annotated[
        str,
        typer.Option(
            "--unseen",
            metavar="NAME",
            help="Words that training has not met: unknown reads them by their letters, error "
            "refuses them.",
        ),
    ] = "unknown",
    cell: Cell = "lstm",
    hidden: Hidden = None,
    ensemble: Annotated[
        int, typer.Option("--ensemble", metavar="N", help="Networks trained and averaged.")
    ] = 1,
    epochs: Epochs = None,
    seed: Seed = 0,
    out: Out = None,
    no_report: NoReport = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train on sequences with a label at every step, score them, and leave a run folder."""
    from elman.tasks.labelling import SequenceLabeller
    from elman.tasks.labelling_report import verdict, write_labelling
    from elman.tasks.labelling_scores import MEASURES
    from elman.tasks.run_folder import task_metrics

    request = request_of(locals(), ("source", *_COLUMNS, *DIALECT, "validation", "test"))
    job = Job("labelling", stem(source), out, not no_report, as_json, quiet)
    columns = {name: request[name] for name in _COLUMNS}
    dialect = dialect_of(request)
    data = _read(source, columns, dialect, channels=channels)
    request = _reading_of(request, data)
    wanted = request["channels"] or None
    others = {
        f"{name}_data": None if one is None else _read(str(one), columns, dialect, channels=wanted)
        for name, one in (("validation", validation), ("test", test))
    }
    labeller = SequenceLabeller(
        cell=cell,
        hidden_size=hidden,
        crf=crf,
        unseen=unseen,
        unseen_labels=unseen_labels,
        ensemble=ensemble,
        epochs=epochs,
        seed=seed,
        verbose=job.verbose,
    )
    voice = job.voice
    voice.source(source, data.describe(), data.notes)
    for name, one in others.items():
        if one is not None:
            voice.line("", f"{name.removesuffix('_data')}: {one.describe()}")
    parts = {name: (one.steps, one.labels) for name, one in others.items() if one is not None}
    labeller.fit(data.steps, data.labels, **parts)
    voice.trained(labeller.model_.parameter_count, labeller.seconds_["total"])
    scores = labeller.scores_
    table = None if scores is None else scores["table"]
    voice.scored(table, MEASURES, verdict(scores), labeller.notes_)
    job.leave(write_labelling, labeller, data, request=request, document=task_metrics(labeller))


def predict_labels(run: Run, file: str | None, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that a labelling's model gives for a file, one row a step."""
    from elman.tasks.labelling_report import label_columns

    data, labeller = _to_label(run, file, asked), model_of_run(run, asked)
    return label_columns(labeller, data.steps, data.names, labeller.answers(data.steps))


def write_labels(run: Run, file: str | None, asked: Mapping[str, Any], out: Path) -> None:
    """A file of sequences with the labels that the model gives, in the form that it has."""
    from elman.data.conll import check_writable, write_steps

    data = _to_label(run, file, asked)
    check_writable(data, out)
    write_steps(data, model_of_run(run, asked).predict(data.steps), out)


def _reading_of(request: Mapping[str, Any], data: StepFile) -> dict[str, Any]:
    """What was asked for with what was found, so that another file is read the same way."""
    found = {"token": data.token, "id": data.id, "time": data.time}
    return {
        **request,
        **{name: value for name, value in found.items() if value is not None},
        "label": data.label,
        "channels": data.channels if data.form == "table" else [],
        "width": data.width,
        "form": data.form,
    }


def _to_label(run: Run, file: str | None, asked: Mapping[str, Any]) -> StepFile:
    from elman.data.conll import form_of

    request = run.configuration["request"]
    source = source_of(run, file)
    columns = {name: request[name] for name in _COLUMNS}
    if request.get("form") not in (None, form_of(source)):
        columns = dict.fromkeys(_COLUMNS)  # names of one form mean nothing in another
    channels, width = request.get("channels") or None, request.get("width")
    dialect = dialect_of_run(request, asked, file)
    return _read(source, columns, dialect, required=False, channels=channels, width=width)


def _read(
    source: str,
    columns: Mapping[str, Any],
    dialect: Dialect,
    required: bool = True,
    channels: Sequence[str] | None = None,
    width: int | None = None,
) -> StepFile:
    from elman.data.conll import read_steps
    from elman.datasets.stepwise import STEPWISE, load_stepwise

    given = {**columns, **vars(dialect)} if required else vars(dialect)
    if is_built_in(source, STEPWISE, given):
        return load_stepwise(source)
    check_exists(source, STEPWISE)
    return read_steps(
        source, **columns, required=required, channels=channels, width=width, dialect=dialect
    )
