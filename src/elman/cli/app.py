"""The commands, their options and what each of them calls."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from elman.cli import printing
from elman.errors import InputError

__all__ = ["app"]


class _PlainHelpOption:
    """Lists ``--help`` as the flag it is, without the type of a value."""

    def get_help_option(self, ctx: Any) -> Any:
        option = super().get_help_option(ctx)  # type: ignore[misc]
        if option is not None:
            option.metavar = ""
        return option


class _Command(_PlainHelpOption, TyperCommand):
    pass


class _Group(_PlainHelpOption, TyperGroup):
    pass


app = typer.Typer(
    name="elman",
    cls=_Group,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Recurrent networks for sequences: forecasts from a file of series, with their report.",
)

Source = Annotated[
    str,
    typer.Argument(
        help="A file (CSV, TSV, Parquet, Arrow, JSON lines) or a built-in record; see "
        "`elman datasets`.",
        show_default=True,
    ),
]
RunFolder = Annotated[Path, typer.Argument(help="The folder that `elman forecast` left behind.")]
Target = Annotated[
    list[str] | None,
    typer.Option(
        "--target", metavar="NAME", help="Column to forecast; may be given several times."
    ),
]
Time = Annotated[str | None, typer.Option("--time", metavar="NAME", help="Column of time stamps.")]
Id = Annotated[
    str | None, typer.Option("--id", metavar="NAME", help="Column that names the series.")
]
Past = Annotated[
    list[str] | None,
    typer.Option(
        "--past", metavar="NAME", help="Covariate known up to now; may be given several times."
    ),
]
Future = Annotated[
    list[str] | None,
    typer.Option(
        "--future", metavar="NAME", help="Covariate known ahead; may be given several times."
    ),
]
Static = Annotated[
    list[str] | None,
    typer.Option(
        "--static", metavar="NAME", help="Column constant in a series; may be given several times."
    ),
]
Frequency = Annotated[
    str | None,
    typer.Option(
        "--frequency",
        metavar="TEXT",
        help="Distance from row to row, such as 'day', if not inferred.",
    ),
]
TimeFormat = Annotated[
    str | None,
    typer.Option(
        "--time-format", metavar="TEXT", help="How time is written, such as '%d/%m/%Y', if unclear."
    ),
]
TimeZone = Annotated[
    str | None,
    typer.Option(
        "--time-zone", metavar="NAME", help="Where it was written, such as Europe/Amsterdam."
    ),
]
Horizon = Annotated[int | None, typer.Option("--horizon", metavar="N", help="Steps ahead.")]
Window = Annotated[
    int | None, typer.Option("--window", metavar="N", help="Steps that the network reads.")
]
Cell = Annotated[
    str, typer.Option("--cell", metavar="NAME", help="gru, lstm, rnn, rnn_relu, gru_reset_before.")
]
Hidden = Annotated[int | None, typer.Option("--hidden", metavar="N", help="Units of the cell.")]
Segment = Annotated[
    str,
    typer.Option(
        "--segment", metavar="N", help="Steps fed to the cell at once: a number, or auto."
    ),
]
Strategy = Annotated[str, typer.Option("--strategy", metavar="NAME", help="direct or recursive.")]
Levels = Annotated[
    str,
    typer.Option(
        "--levels", metavar="A,B", help="Intervals in percent, such as 80,95; 'none' for none."
    ),
]
Season = Annotated[
    str, typer.Option("--season", metavar="N", help="Steps in one season: a number, none, or auto.")
]
Scaling = Annotated[
    str, typer.Option("--scaling", metavar="NAME", help="standard, minmax, log1p or none.")
]
Epochs = Annotated[int | None, typer.Option("--epochs", metavar="N", help="Passes over the data.")]
Seed = Annotated[
    int, typer.Option("--seed", metavar="N", help="Of all randomness: same seed, same bits.")
]
NewSeries = Annotated[
    bool,
    typer.Option(
        "--new-series", metavar="", help="Train so that `predict` also takes series not seen here."
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="FOLDER", help="Folder of the run; default: elman-runs/<name>-<number>."
    ),
]
NoReport = Annotated[
    bool, typer.Option("--no-report", metavar="", help="Do not write the report page.")
]
Json = Annotated[
    bool, typer.Option("--json", metavar="", help="Print one JSON document and nothing else.")
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", metavar="", help="Print the run folder alone.")
]


def _version(wanted: bool) -> None:
    if wanted:
        from elman import __version__

        print(f"elman {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option(
            "--version", metavar="", callback=_version, is_eager=True, help="Print the version."
        ),
    ] = False,
    debug: Annotated[
        bool,
        typer.Option(
            "--debug", metavar="", help="Show the traceback of an error (also ELMAN_DEBUG=1)."
        ),
    ] = False,
) -> None:
    pass


@app.command(cls=_Command)
def forecast(
    source: Source = "sunspots",
    target: Target = None,
    time: Time = None,
    id: Id = None,
    past: Past = None,
    future: Future = None,
    static: Static = None,
    frequency: Frequency = None,
    time_format: TimeFormat = None,
    time_zone: TimeZone = None,
    horizon: Horizon = None,
    window: Window = None,
    cell: Cell = "gru",
    hidden: Hidden = None,
    segment: Segment = "auto",
    strategy: Strategy = "direct",
    levels: Levels = "80,95",
    season: Season = "auto",
    scaling: Scaling = "standard",
    epochs: Epochs = None,
    seed: Seed = 0,
    new_series: NewSeries = False,
    out: Out = None,
    no_report: NoReport = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train on a file of series, forecast beyond its end, and leave a run folder with a report."""
    from elman.runs import Run
    from elman.tasks.forecasting import Forecaster
    from elman.tasks.reporting import write_forecast

    request = dict(locals())
    request = {name: value for name, value in request.items() if name in _REQUEST}
    forecaster = Forecaster(
        horizon=horizon,
        window=window,
        cell=cell,
        hidden_size=hidden,
        segment=_number(segment, "--segment"),
        strategy=strategy,
        levels=_levels(levels),
        season=_season(season),
        scaling=scaling,
        epochs=epochs,
        seed=seed,
        series_vectors=not new_series,
    )
    _check_free(out)
    panel = _read(source, target, time, id, past, future, static, frequency, time_format, time_zone)
    voice = printing.Voice(silent=quiet or as_json)
    voice.read(source, panel)
    forecaster.fit(panel)
    answer = forecaster.forecast()
    voice.chosen(forecaster)
    voice.scores(forecaster.scores_)
    voice.plot(forecaster, answer)
    run = Run.create(out, kind="forecast", name=_stem(source))
    write_forecast(
        run,
        forecaster,
        answer,
        title=_stem(source),
        request=request,
        command=_command(),
        report=not no_report,
    )
    if as_json:
        print(json.dumps(printing.forecast_document(run, forecaster, answer), default=str))
    elif quiet:
        print(run.path)
    else:
        voice.notes(forecaster.notes_, panel)
        voice.left(run, forecaster.seconds_["total"], report=not no_report)


@app.command(cls=_Command)
def predict(
    run: RunFolder,
    file: Annotated[
        str | None,
        typer.Argument(help="Series up to now; default: those that the run was trained on."),
    ] = None,
    horizon: Horizon = None,
    future: Annotated[
        Path | None,
        typer.Option("--future", metavar="FILE", help="File with the covariates known ahead."),
    ] = None,
    levels: Annotated[
        str | None, typer.Option("--levels", metavar="A,B", help="Which intervals; default: all.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="CSV or Parquet file; default: print CSV."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Forecast with the model of a run, beyond the end of a file or of its training data."""
    from elman.runs import Run
    from elman.saving import load
    from elman.tasks.reporting import forecast_columns

    opened = Run.open(run)
    if opened.kind not in ("forecast", "classification"):
        raise InputError(f"run: {run} is a {opened.kind} and holds no model; expected a forecast")
    if out is not None and out.exists():
        raise InputError(f"--out: {out} exists already; choose another name")
    if opened.kind == "classification":
        given = {"--horizon": horizon, "--future": future, "--levels": levels}
        odd = [name for name, value in given.items() if value is not None]
        if odd:
            raise InputError(f"{odd[0]}: a classification has none; {run} holds a classifier")
        _answer(_predict_classes(opened, file), out, as_json)
        return
    forecaster = load(opened.model_path)
    answer = forecaster.forecast(
        None if file is None else _resolve(file),
        horizon,
        future=future,
        levels=None if levels is None else _levels(levels),
    )
    _answer(forecast_columns(answer), out, as_json)


def _answer(columns: Any, out: Path | None, as_json: bool) -> None:
    """Columns to a file, or to standard output."""
    if out is not None:
        from elman.data.frames import write_table

        write_table(columns, out)
    elif as_json:
        print(json.dumps(printing.columns_document(columns), default=str))
    else:
        printing.print_csv(columns)


@app.command(cls=_Command)
def backtest(
    source: Source = "sunspots",
    target: Target = None,
    time: Time = None,
    id: Id = None,
    past: Past = None,
    future: Future = None,
    static: Static = None,
    frequency: Frequency = None,
    time_format: TimeFormat = None,
    time_zone: TimeZone = None,
    horizon: Horizon = None,
    window: Window = None,
    cell: Cell = "gru",
    hidden: Hidden = None,
    segment: Segment = "auto",
    strategy: Strategy = "direct",
    levels: Levels = "80,95",
    season: Season = "auto",
    scaling: Scaling = "standard",
    epochs: Epochs = None,
    seed: Seed = 0,
    new_series: NewSeries = False,
    windows: Annotated[
        int | None,
        typer.Option("--windows", metavar="N", help="How many cutoffs; default: at most 10."),
    ] = None,
    step: Annotated[
        int | None,
        typer.Option("--step", metavar="N", help="Steps between cutoffs; default: the horizon."),
    ] = None,
    cutoff: Annotated[
        list[str] | None,
        typer.Option(
            "--cutoff", metavar="TIME", help="A last known time; may be given several times."
        ),
    ] = None,
    refit: Annotated[
        bool, typer.Option("--refit", metavar="", help="Train anew at every cutoff.")
    ] = False,
    out: Out = None,
    no_report: NoReport = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Forecast the past as it would have been forecast then, and score it."""
    from elman.runs import Run
    from elman.tasks.forecasting import Forecaster
    from elman.tasks.reporting import write_backtest

    request = dict(locals())
    request = {name: value for name, value in request.items() if name in _REQUEST}
    forecaster = Forecaster(
        horizon=horizon,
        window=window,
        cell=cell,
        hidden_size=hidden,
        segment=_number(segment, "--segment"),
        strategy=strategy,
        levels=_levels(levels),
        season=_season(season),
        scaling=scaling,
        epochs=epochs,
        seed=seed,
        series_vectors=not new_series,
    )
    _check_free(out)
    panel = _read(source, target, time, id, past, future, static, frequency, time_format, time_zone)
    voice = printing.Voice(silent=quiet or as_json)
    voice.read(source, panel)
    result = forecaster.backtest(
        panel, cutoffs=_cutoffs(cutoff, panel), step=step, windows=windows, refit=refit
    )
    voice.backtest(result)
    voice.scores(result.scores)
    run = Run.create(out, kind="backtest", name=_stem(source))
    write_backtest(
        run,
        result,
        title=_stem(source),
        request=request,
        command=_command(),
        report=not no_report,
    )
    if as_json:
        print(json.dumps(printing.backtest_document(run, result), default=str))
    elif quiet:
        print(run.path)
    else:
        voice.notes(result.notes, panel)
        voice.left(run, result.seconds, report=not no_report, model=False)


@app.command(cls=_Command)
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
    cell: Annotated[
        str, typer.Option("--cell", metavar="NAME", help="gru, lstm, rnn, ...")
    ] = "gru",
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
    from elman.tasks.classification_report import classification_metrics, write_classification

    request = {
        name: None if value is None else str(value) if isinstance(value, Path) else value
        for name, value in dict(locals()).items()
        if name in ("source", "label", "labels", "id", "time", "text")
    }
    _check_free(out)
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
    voice.read_labelled(source, data)
    classifier.fit(data.rows, data.labels)
    voice.classified(classifier)
    run = Run.create(out, kind="classification", name=_stem(source))
    write_classification(
        run,
        classifier,
        data,
        title=_stem(source),
        request=request,
        command=_command(),
        report=not no_report,
    )
    if as_json:
        print(json.dumps({"run": str(run.path), **classification_metrics(classifier)}))
    elif quiet:
        print(run.path)
    else:
        voice.left(run, 0.0, report=not no_report)


@app.command(cls=_Command)
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


@app.command(cls=_Command)
def datasets(as_json: Json = False) -> None:
    """List the built-in records."""
    from elman.datasets import describe, names
    from elman.datasets.labelled import LABELLED

    records = [describe(name) for name in names()]
    if as_json:
        print(json.dumps([vars(record) for record in records]))
    else:
        printing.print_datasets(records, list(LABELLED.values()))


_REQUEST = (
    *("source", "target", "time", "id", "past", "future", "static", "frequency", "time_format"),
    *("time_zone", "horizon", "window", "cell", "hidden", "segment", "strategy", "levels"),
    *("season", "scaling", "epochs", "seed", "new_series", "windows", "step", "cutoff", "refit"),
)
"""The options that stand in a run's configuration."""


def _resolve(source: str) -> Any:
    """A built-in record as a panel, or the path of a file. A file of that name goes first."""
    from elman.datasets import load, names

    if source in names() and not Path(source).exists():
        return load(source)
    if not Path(source).exists() and not Path(source).suffix:
        raise InputError(
            f"SOURCE: there is no file {source!r}, and no built-in record of that name; there are "
            f"{', '.join(names())}"
        )
    return source


def _read(
    source: str,
    target: list[str] | None,
    time: str | None,
    id: str | None,
    past: list[str] | None,
    future: list[str] | None,
    static: list[str] | None,
    frequency: str | None,
    time_format: str | None,
    time_zone: str | None,
) -> Any:
    from elman.data.panel import Panel

    data = _resolve(source)
    if isinstance(data, Panel):
        given = {
            "--target": target,
            "--time": time,
            "--id": id,
            "--past": past,
            "--future": future,
            "--static": static,
            "--frequency": frequency,
            "--time-format": time_format,
            "--time-zone": time_zone,
        }
        named = [option for option, value in given.items() if value]
        if named:
            raise InputError(
                f"{named[0]}: the built-in record {source!r} has one column and needs no names"
            )
        return data
    return Panel.from_any(
        data,
        target=target or None,
        time=time,
        id=id,
        past=past or (),
        future=future or (),
        static=static or (),
        frequency=frequency,
        time_format=time_format,
        time_zone=time_zone,
    )


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


def _predict_classes(run: Any, file: str | None) -> Any:
    """The columns that a classification's model gives for a file."""
    from elman.saving import load
    from elman.tasks.classification_report import prediction_columns

    asked = run.configuration["request"]
    source = asked["source"] if file is None else file
    label = asked["label"] if _has_column(source, asked["label"]) else None
    data = _read_classes(
        source, label, None, asked["id"], asked["time"], asked["text"], required=False
    )
    return prediction_columns(load(run.model_path), data)


def _has_column(source: str, name: str | None) -> bool:
    """Whether a table has the column of classes too, which must not be read as numbers."""
    from elman.data.files import read_file

    path = Path(source)
    if name is None or not path.is_file():
        return False
    return path.suffix == ".npz" or (path.suffix != ".ts" and name in read_file(path).columns)


def _check_free(out: Path | None) -> None:
    """Refuses a folder that cannot be the run's, before an hour of training."""
    from elman.runs import DEFAULT_ROOT

    if out is not None and out.exists():
        if not out.is_dir():
            raise InputError(f"--out: {out} exists and is no folder; choose another name")
        if any(out.iterdir()):
            raise InputError(f"--out: {out} exists and is not empty; choose another folder")
    wanted = Path(DEFAULT_ROOT) if out is None else out
    within = next(one for one in (wanted, *wanted.absolute().parents) if one.exists())
    if not within.is_dir() or not os.access(within, os.W_OK | os.X_OK):
        why = "it is no folder" if not within.is_dir() else "no permission"
        raise InputError(f"--out: nothing can be written in {within} ({why}); choose another place")


def _number(text: str, option: str) -> int | str:
    if text == "auto":
        return text
    try:
        return int(text)
    except ValueError:
        raise InputError(f"{option}: expected a whole number or auto, got {text!r}") from None


def _season(text: str) -> int | str | None:
    return None if text.lower() == "none" else _number(text, "--season")


def _levels(text: str) -> tuple[float, ...]:
    if text.strip().lower() in ("none", ""):
        return ()
    try:
        return tuple(float(part) for part in text.replace(" ", "").rstrip(",").split(","))
    except ValueError:
        raise InputError(
            f"--levels: expected percents such as 80,95, or none, got {text!r}"
        ) from None


def _cutoffs(texts: list[str] | None, panel: Any) -> list[Any] | None:
    if not texts:
        return None
    if panel.stamps.dtype.kind == "M":
        return list(texts)
    try:
        return [int(text) for text in texts]
    except ValueError:
        raise InputError(
            f"--cutoff: expected whole numbers, as the data's time is, got {', '.join(texts)}"
        ) from None


def _stem(source: str) -> str:
    return Path(source).name.split(".")[0] or "series"


def _command() -> str:
    import shlex

    return shlex.join(["elman", *sys.argv[1:]])
