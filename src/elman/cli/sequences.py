"""What the commands of one answer for each sequence share: their options, and reading."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from elman.cli.sources import DIALECT, check_exists, dialect_of_run, is_built_in
from elman.errors import ElmanWarning, InputError

if TYPE_CHECKING:
    from elman.data.dialect import Dialect
    from elman.data.labelled import Labelled
    from elman.runs import Run

__all__ = [
    "REQUEST",
    "Channels",
    "Dropout",
    "Ensemble",
    "Lowercase",
    "Pooling",
    "SequenceId",
    "StepTime",
    "TextColumn",
    "Unit",
    "Unseen",
    "read_sequences",
    "reading_of",
    "sequences_of_run",
    "source_of",
]

REQUEST = ("source", "label", "labels", "id", "time", "text", "channels", *DIALECT)
"""Which options of reading stand in the run's configuration."""

SequenceId = Annotated[
    str | None, typer.Option("--id", metavar="NAME", help="Column that names the sequences.")
]
StepTime = Annotated[
    str | None, typer.Option("--time", metavar="NAME", help="Column that orders the steps.")
]
TextColumn = Annotated[str | None, typer.Option("--text", metavar="NAME", help="Column of texts.")]
Channels = Annotated[
    list[str] | None,
    typer.Option(
        "--channel",
        metavar="NAME",
        help="Column of values; may be given several times; default: all that are left.",
    ),
]
Unseen = Annotated[
    str | None,
    typer.Option(
        "--unseen",
        metavar="NAME",
        help="Of texts, what training has not seen: unknown reads it as one unknown, error "
        "refuses it; default: unknown for words, error for characters.",
    ),
]
Unit = Annotated[str, typer.Option("--unit", metavar="NAME", help="Of texts: characters or words.")]
Lowercase = Annotated[
    bool, typer.Option("--lowercase", metavar="", help="Read capitals as small letters.")
]
Pooling = Annotated[
    str, typer.Option("--pooling", metavar="NAME", help="last, mean, max or attention.")
]
Dropout = Annotated[
    float | None,
    typer.Option("--dropout", metavar="P", help="Probability of dropping a unit in training."),
]
Ensemble = Annotated[
    int, typer.Option("--ensemble", metavar="N", help="How many networks are averaged.")
]


def read_sequences(
    source: str,
    verb: str,
    request: Mapping[str, Any],
    dialect: Dialect,
    labels: str | None = None,
    required: bool = True,
) -> Labelled:
    """Sequences from a file, a folder or a built-in set.

    Args:
        source: Which.
        verb: Of the command: ``"classify"``, or ``"regress"``, whose answers are numbers.
        request: The columns by their part: ``label`` of the answers, ``id`` that names the
            sequences, ``time`` that orders the steps, ``text``, ``channels`` of the values.
        dialect: How delimited files are written, where that is not found.
        labels: A file of the answers, if apart.
        required: Whether there must be answers.

    Raises:
        InputError: If there is no such source, or it cannot be read so.
    """
    from elman.data.files import is_delimited
    from elman.data.labelled import read_labelled, read_labels
    from elman.datasets.labelled import labelled_names, load_labelled

    names = labelled_names(verb)
    label, channels = request["label"], request.get("channels") or None
    columns = {name: request[name] for name in ("id", "time", "text")}
    given = {"label": label, "labels": labels, **columns, "channel": channels, **vars(dialect)}
    if is_built_in(source, names, given if required else vars(dialect)):
        return load_labelled(source)
    check_exists(source, names, "file or folder")
    own, wanted = (label, required) if labels is None else (None, False)
    data = read_labelled(
        source,
        own,
        **columns,
        required=wanted,
        numeric=verb == "regress",
        channels=channels,
        dialect=dialect,
    )
    if labels is not None:
        beside = {"dialect": dialect} if is_delimited(labels) else {}
        data.labels = read_labels(labels, data, label, None, **beside)
    if required and data.labels is None:
        what, option = ("targets", "--targets") if data.numeric else ("classes", "--labels")
        raise InputError(f"label: {source} holds no {what}; name a file of them with {option}")
    return data


def source_of(run: Run, file: str | None) -> str:
    """What a run is to answer for; a warning says so where it is what it was trained on.

    Args:
        run: The run.
        file: What was named, or ``None``.
    """
    if file is not None:
        return file
    source = str(run.configuration["request"]["source"])
    warnings.warn(
        f"no FILE is named: these are answers for {source}, which the run was trained on",
        ElmanWarning,
        stacklevel=2,
    )
    return source


def reading_of(request: dict[str, Any], data: Labelled) -> dict[str, Any]:
    """What was asked for with what was found, so that another file is read the same way.

    Args:
        request: From the command.
        data: What was read.
    """
    text = data.columns[0] if data.rows.texts is not None and data.columns else request["text"]
    found = {"label": data.label, "id": data.id, "time": data.time, "text": text}
    numbers = data.rows.texts is None
    return {
        **request,
        **{name: value for name, value in found.items() if value is not None},
        "label": data.label,
        "channels": data.columns if numbers else [],
    }


def sequences_of_run(run: Run, file: str | None, asked: Mapping[str, Any], verb: str) -> Labelled:
    """The sequences of a file, read as those that a run was trained on, or those themselves.

    Columns are found by their names: their order, and others beside them, mean nothing.

    Args:
        run: The run.
        file: A file of the same form, with or without answers; ``None``: the run's own.
        asked: The options of ``elman predict``.
        verb: As for :func:`read_sequences`.
    """
    request = run.configuration["request"]
    source = source_of(run, file)
    dialect = dialect_of_run(request, asked, file)
    named = bool(request.get("channels")) or request["text"] is not None
    kept = not named and _has_column(source, request["label"], dialect)
    label = request["label"] if kept else None
    return read_sequences(source, verb, {**request, "label": label}, dialect, required=False)


def _has_column(source: str, name: str | None, dialect: Dialect) -> bool:
    """Whether a table has the column of answers too, which must not be read as numbers."""
    from elman.data.files import read_file

    path = Path(source)
    if name is None or not path.is_file():
        return False
    if path.suffix in (".npz", ".ts"):
        return path.suffix == ".npz"
    return name in read_file(path, dialect=dialect).columns
