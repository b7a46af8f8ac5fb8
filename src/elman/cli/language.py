"""``elman generate``."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from elman.cli.common import Job, model_of_run, request_of, stem
from elman.cli.options import Json, NoReport, Out, Quiet, Seed
from elman.cli.sources import check_exists
from elman.counting import counted
from elman.errors import InputError

if TYPE_CHECKING:
    from elman.runs import Run
    from elman.tasks.language import LanguageModel

__all__ = ["generate", "predict_surprise"]

BUILT_IN = ("primer",)
_TEMPERATURE = 0.8


def generate(
    source: Annotated[
        str,
        typer.Argument(
            help="A text file, a folder of them (.txt), a built-in text (primer), or the run "
            "folder of an earlier `elman generate`, to write with.",
            show_default=True,
        ),
    ] = "primer",
    prompt: Annotated[
        str, typer.Option("--prompt", metavar="TEXT", help="What the sample goes on from.")
    ] = "",
    length: Annotated[
        int, typer.Option("--length", metavar="N", help="Symbols of the sample.")
    ] = 400,
    temperature: Annotated[
        float,
        typer.Option(
            "--temperature", metavar="T", help="How daring it is; 0: the likeliest symbol always."
        ),
    ] = _TEMPERATURE,
    top_k: Annotated[
        int | None,
        typer.Option("--top-k", metavar="N", help="Draw from the N likeliest symbols alone."),
    ] = None,
    top_p: Annotated[
        float | None,
        typer.Option(
            "--top-p", metavar="P", help="Draw from the fewest symbols that are P likely together."
        ),
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option("--unit", metavar="NAME", help="characters (default), bytes or words."),
    ] = None,
    cell: Annotated[
        str | None, typer.Option("--cell", metavar="NAME", help="lstm (default), gru, rnn, ...")
    ] = None,
    hidden: Annotated[
        int | None, typer.Option("--hidden", metavar="N", help="Units of the cell.")
    ] = None,
    layers: Annotated[
        int | None, typer.Option("--layers", metavar="N", help="Cells stacked; default: 1.")
    ] = None,
    dropout: Annotated[
        float | None, typer.Option("--dropout", metavar="P", help="Share of units dropped.")
    ] = None,
    chunk: Annotated[
        int | None,
        typer.Option("--chunk", metavar="N", help="Symbols the gradient reaches back; default 64."),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option("--epochs", metavar="N", help="Passes over the text.")
    ] = None,
    unseen: Annotated[
        str | None,
        typer.Option(
            "--unseen", metavar="NAME", help="Symbols of a prompt not met: error, unknown."
        ),
    ] = None,
    seed: Seed = 0,
    out: Out = None,
    no_report: NoReport = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Learn to write like a text, score beside n-grams, write a sample, and leave a run folder."""
    from elman.tasks.language import LanguageModel

    drawn: dict[str, Any] = {
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "seed": seed,
    }
    trained: dict[str, Any] = {
        "unit": unit,
        "cell": cell,
        "hidden_size": hidden,
        "num_layers": layers,
        "dropout": dropout,
        "chunk": chunk,
        "epochs": epochs,
        "unseen": unseen,
    }
    trained = {name: value for name, value in trained.items() if value is not None}
    if _is_run(source):
        unseen = trained.pop("unseen", None)
        _refuse_training(trained, out, no_report)
        _write_on(source, prompt, length, drawn, unseen, as_json)
        return
    request = request_of(locals(), ("source", "prompt", "length", "temperature", "top_k", "top_p"))
    job = Job("language", stem(source), out, not no_report, as_json, quiet)
    model = LanguageModel(**trained, seed=seed, verbose=job.verbose)
    _check_drawing(model, length, drawn)
    text, described = _read(source)
    if prompt:
        model.check_prompt(text, prompt.rstrip(" ") if unit == "words" else prompt)
    job.voice.source(source, described)
    model.fit(text)
    _leave(model, described, request, drawn, job)


def _leave(
    model: LanguageModel,
    described: str,
    request: Mapping[str, Any],
    drawn: Mapping[str, Any],
    job: Job,
) -> None:
    """Says what came of the training, writes the sample, and leaves the run."""
    from elman.tasks.language_report import MEASURES, verdict, write_language
    from elman.tasks.run_folder import task_metrics

    voice, scores = job.voice, model.scores_
    voice.trained(model.model_.parameter_count, model.seconds_["total"])
    table = None if scores is None else scores["table"]
    voice.scored(table, MEASURES, verdict(scores), model.notes_)
    prompt, length = request["prompt"], request["length"]
    if not voice.silent:
        print()
        _speak(model, prompt, length, drawn)
        print()

    sample = model.sample(prompt, length, **drawn) if job.as_json else ""
    document = {**task_metrics(model), "prompt": prompt, "sample": sample}
    job.leave(write_language, model, described=described, request=request, document=document)


def _write_on(
    source: str,
    prompt: str,
    length: int,
    drawn: Mapping[str, Any],
    unseen: str | None,
    as_json: bool,
) -> None:
    """A sample from the model of a run."""
    from elman.runs import Run

    run = Run.open(source)
    if run.kind != "language":
        raise InputError(
            f"SOURCE: {source} is a run of another kind, a {run.kind}; expected one of "
            "`elman generate`"
        )
    model = model_of_run(run, {"unseen": unseen})
    if as_json:
        sample = model.sample(prompt, length, **drawn)
        print(json.dumps({"run": str(run.path), "prompt": prompt, "sample": sample}))
    else:
        _speak(model, prompt, length, drawn)


def _speak(model: LanguageModel, prompt: str, length: int, drawn: Mapping[str, Any]) -> None:
    """The prompt and what follows it, shown as it is written."""
    pieces = model.stream(prompt, length, **drawn)
    last = prompt
    sys.stdout.write(prompt)
    for piece in pieces:
        sys.stdout.write(piece)
        sys.stdout.flush()
        last = piece
    if not last.endswith("\n"):
        sys.stdout.write("\n")
    sys.stdout.flush()


def _is_run(source: str) -> bool:
    return source not in BUILT_IN and (Path(source) / "config.json").is_file()


def _refuse_training(trained: Mapping[str, Any], out: Path | None, no_report: bool) -> None:
    options = {"hidden_size": "hidden", "num_layers": "layers"}
    given = [options.get(name, name) for name in trained]
    given += ["out"] * (out is not None) + ["no-report"] * no_report
    if given:
        raise InputError(
            f"--{given[0]}: a run is trained already and only written with; name a text to train on"
        )


def _check_drawing(model: LanguageModel, length: int, drawn: Mapping[str, Any]) -> None:
    """Refuses what a sample cannot be drawn with, before minutes of training."""
    model.check_drawing(length, **{k: v for k, v in drawn.items() if k != "seed"})


def _read(source: str) -> tuple[Any, str]:
    """The text or the files of a source, and what they are in words."""
    from elman.data.files import similar_file

    path = Path(source)
    if source in BUILT_IN and not path.exists():
        from elman.datasets.primer import primer

        text = primer()
        return text, f"{counted(len(text), 'character')} in {text.count(chr(10)):,} lines"
    if path.is_dir():
        files = sorted(path.glob("*.txt"))
        if not files:
            raise InputError(f"SOURCE: there is no text file (.txt) in the folder {source}")
        size = sum(one.stat().st_size for one in files)
        return files, f"{counted(len(files), 'text')}, {counted(size, 'byte')}"
    check_exists(source, BUILT_IN, "file, folder or run")
    if not path.exists():
        near = similar_file(path)
        hint = "" if near is None else f" Did you mean {str(near)!r}?"
        raise InputError(f"SOURCE: there is no file {source!r}.{hint}")
    return path, f"{counted(path.stat().st_size, 'byte')} of text"


def predict_surprise(run: Run, file: str | None, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that a language model gives for a text: how surprised it is by each symbol."""
    from elman.data.corpus import Corpus
    from elman.tasks.language_report import surprise_columns

    source = run.configuration["request"]["source"] if file is None else file
    model = model_of_run(run, asked)
    text, _ = _read(source)
    if isinstance(text, Path) and not text.stat().st_size:
        raise InputError(f"FILE: {text} is empty; expected a text to answer for")
    corpus = Corpus(text, binary=model.unit == "bytes")
    return surprise_columns(model, model.checked("".join(corpus.parts())))
