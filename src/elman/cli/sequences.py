"""What the commands of one answer for each sequence share: their options, and reading."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from elman.errors import InputError

if TYPE_CHECKING:
    from elman.data.labelled import Labelled
    from elman.runs import Run

__all__ = [
    "REQUEST",
    "Dropout",
    "Ensemble",
    "Lowercase",
    "Pooling",
    "SequenceId",
    "StepTime",
    "TextColumn",
    "Unit",
    "read_sequences",
    "sequences_of_run",
]

REQUEST = ("source", "label", "labels", "id", "time", "text")
"""Which options of reading stand in the run's configuration."""

SequenceId = Annotated[
    str | None, typer.Option("--id", metavar="NAME", help="Column that names the sequences.")
]
StepTime = Annotated[
    str | None, typer.Option("--time", metavar="NAME", help="Column that orders the steps.")
]
TextColumn = Annotated[str | None, typer.Option("--text", metavar="NAME", help="Column of texts.")]
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
    label: str | None,
    labels: Path | None,
    id: str | None,
    time: str | None,
    text: str | None,
    required: bool = True,
) -> Labelled:
    """Sequences from a file, a folder or a built-in set.

    Args:
        source: Which.
        verb: Of the command: ``"classify"``, or ``"regress"``, whose answers are numbers.
        label: Column of the answers.
        labels: A file of the answers, if apart.
        id: Column that names the sequences.
        time: Column that orders the steps.
        text: Column of texts.
        required: Whether there must be answers.

    Raises:
        InputError: If there is no such source, or it cannot be read so.
    """
    from elman.data.labelled import read_labelled, read_labels
    from elman.datasets.labelled import labelled_names, load_labelled

    names = labelled_names(verb)
    if source in names and not Path(source).exists():
        return load_labelled(source)
    if not Path(source).exists() and not Path(source).suffix:
        raise InputError(
            f"SOURCE: there is no file or folder {source!r}, and no built-in set of that name; "
            f"there are {', '.join(names)}"
        )
    own, wanted = (label, required) if labels is None else (None, False)
    data = read_labelled(source, own, id, time, text, wanted, numeric=verb == "regress")
    if labels is not None:
        data.labels = read_labels(labels, data, label, None)
    if required and data.labels is None:
        what, option = ("targets", "--targets") if data.numeric else ("classes", "--labels")
        raise InputError(f"label: {source} holds no {what}; name a file of them with {option}")
    return data


def sequences_of_run(run: Run, file: str | None, verb: str) -> Labelled:
    """The sequences of a file, read as those that a run was trained on, or those themselves.

    Args:
        run: The run.
        file: A file of the same form, with or without answers; ``None``: the run's own.
        verb: As for :func:`read_sequences`.
    """
    request = run.configuration["request"]
    source = request["source"] if file is None else file
    label = request["label"] if _has_column(source, request["label"]) else None
    columns = (request["id"], request["time"], request["text"])
    return read_sequences(source, verb, label, None, *columns, required=False)


def _has_column(source: str, name: str | None) -> bool:
    """Whether a table has the column of answers too, which must not be read as numbers."""
    from elman.data.files import read_file

    path = Path(source)
    if name is None or not path.is_file():
        return False
    return path.suffix == ".npz" or (path.suffix != ".ts" and name in read_file(path).columns)
