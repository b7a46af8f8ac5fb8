"""``elman translate``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from elman.cli.common import Job, model_of_run, request_of, stem
from elman.cli.options import Cell, Epochs, Hidden, Json, NoReport, Out, Quiet, Seed, Separator
from elman.cli.sources import check_exists, dialect_of, dialect_of_run, is_built_in
from elman.errors import InputError

if TYPE_CHECKING:
    from elman.data.dialect import Dialect
    from elman.data.pair_files import PairData
    from elman.runs import Run

__all__ = ["predict_translation", "translate"]

# Of the built-in sets: settings that come far in seconds. Those of a file are the translator's own.
_QUICK: dict[str, dict[str, Any]] = {
    "dates": {"hidden_size": 64, "epochs": 15},
    "addition": {
        "attention": None,
        "bidirectional": False,
        "reverse_source": True,
        "dropout": 0.0,
        "batch_size": 128,
        "epochs": 18,
        "held_out": 0.1,
    },
}
_REQUEST = ("source", "source_column", "target_column", "source_file", "target_file", "separator")
_ATTENTION = ("dot", "additive", "none")


def translate(
    source: Annotated[
        str | None,
        typer.Argument(
            help="A table with a column of sources and one of targets (CSV, TSV, Parquet, Arrow, "
            "JSON lines), or a built-in set: dates, addition.",
            show_default="dates",
        ),
    ] = None,
    source_column: Annotated[
        str | None, typer.Option("--source", metavar="NAME", help="Column of sources.")
    ] = None,
    target_column: Annotated[
        str | None, typer.Option("--target", metavar="NAME", help="Column of targets.")
    ] = None,
    source_file: Annotated[
        Path | None,
        typer.Option("--source-file", metavar="FILE", help="A text file, one source a line."),
    ] = None,
    target_file: Annotated[
        Path | None,
        typer.Option("--target-file", metavar="FILE", help="Another, the target of each line."),
    ] = None,
    separator: Separator = None,
    unit: Annotated[
        str, typer.Option("--unit", metavar="NAME", help="Of texts: characters or words.")
    ] = "characters",
    attention: Annotated[
        str | None,
        typer.Option("--attention", metavar="NAME", help="dot (default), additive or none."),
    ] = None,
    reverse_source: Annotated[
        bool,
        typer.Option("--reverse-source", metavar="", help="Read sources from their end."),
    ] = False,
    cell: Cell = "lstm",
    hidden: Hidden = None,
    layers: Annotated[int, typer.Option("--layers", metavar="N", help="Cells stacked.")] = 1,
    sampling: Annotated[
        float,
        typer.Option(
            "--sampling", metavar="P", help="Scheduled sampling: its rate in the last epoch."
        ),
    ] = 0.0,
    beam: Annotated[
        int, typer.Option("--beam", metavar="N", help="Hypotheses of the search; 1: greedy.")
    ] = 1,
    unseen: Annotated[
        str,
        typer.Option(
            "--unseen", metavar="NAME", help="Tokens not seen in training: error or unknown."
        ),
    ] = "error",
    epochs: Epochs = None,
    seed: Seed = 0,
    out: Out = None,
    no_report: NoReport = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train on sources and their targets, score beside baselines, and leave a run folder."""
    from elman.tasks.run_folder import task_metrics
    from elman.tasks.translation import Translator
    from elman.tasks.translation_report import MEASURES, verdict, write_translation

    if source is not None and (source_file is not None or target_file is not None):
        raise InputError(
            f"SOURCE: expected either a table or --source-file and --target-file, got {source!r} "
            "beside them"
        )
    source = "dates" if source is None else source
    request = request_of(locals(), _REQUEST)
    title = stem(source if source_file is None else str(source_file))
    job = Job("translation", title, out, not no_report, as_json, quiet)
    if attention is not None and attention not in _ATTENTION:
        raise InputError(f"--attention: expected {', '.join(_ATTENTION)}, got {attention!r}")
    data, built_in = _read(request, dialect_of(request))
    given: dict[str, Any] = {"hidden_size": hidden, "epochs": epochs, "attention": attention}
    given["reverse_source"] = reverse_source or None
    options = {**(_QUICK[source] if built_in else {})}
    options |= {name: value for name, value in given.items() if value is not None}
    if attention == "none":
        options["attention"] = None
    translator = Translator(
        cell=cell,
        num_layers=layers,
        unit=unit,
        scheduled_sampling=sampling,
        beam=beam,
        unseen=unseen,
        seed=seed,
        verbose=job.verbose,
        **options,
    )
    voice = job.voice
    read = source if source_file is None else f"{source_file}, {target_file}"
    voice.source(read, data.describe(), data.notes)
    translator.fit(data.sources, data.targets)
    voice.trained(translator.model_.parameter_count, translator.seconds_["total"])
    scores = translator.scores_
    table = None if scores is None else scores["table"]
    voice.scored(table, MEASURES, verdict(scores), translator.notes_)
    request |= {"source_column": data.columns[0], "target_column": data.columns[1]}
    job.leave(
        write_translation,
        translator,
        data,
        request=request,
        document=task_metrics(translator),
    )


def _read(request: Mapping[str, Any], dialect: Dialect) -> tuple[PairData, bool]:
    """The pairs, and whether they are a built-in set."""
    from elman.data.files import refuse_dialect
    from elman.data.pair_files import read_pairs, read_parallel
    from elman.datasets.translations import TRANSLATIONS, load_translations

    source, sources, targets = (request[one] for one in ("source", "source_file", "target_file"))
    if (sources is None) != (targets is None):
        missing = "--source-file" if sources is None else "--target-file"
        raise InputError(f"{missing}: expected both files, of sources and of targets, got one")
    if sources is not None:
        refuse_dialect(dialect, Path(sources))
        return read_parallel(sources, targets), False
    names = {"source": request["source_column"], "target": request["target_column"]}
    if is_built_in(source, TRANSLATIONS, {**names, **vars(dialect)}):
        return load_translations(source), True
    check_exists(source, TRANSLATIONS)
    return read_pairs(source, names["source"], names["target"], dialect), False


def predict_translation(run: Run, file: str | None, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that a translation's model gives for a file."""
    from elman.data.pair_files import read_sources
    from elman.tasks.translation_report import translation_columns

    request = run.configuration["request"]
    dialect = dialect_of_run(request, asked, file)
    if file is None:
        data, _ = _read(request, dialect)
    else:
        data = read_sources(file, request["source_column"], dialect)
    return translation_columns(model_of_run(run, asked), data)
