"""``elman forecast`` and ``elman backtest``."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from elman.cli import printing
from elman.cli.common import Job, request_of, stem
from elman.cli.options import (
    Cell,
    Decimal,
    Epochs,
    Frequency,
    Future,
    Hidden,
    Horizon,
    Id,
    Json,
    Levels,
    NewSeries,
    NoReport,
    Out,
    Past,
    Quiet,
    Scaling,
    Season,
    Seed,
    Segment,
    Separator,
    Source,
    Static,
    Strategy,
    Target,
    Thousands,
    Time,
    TimeFormat,
    TimeZone,
    Window,
    levels_of,
    number,
    season_of,
)
from elman.cli.sources import DIALECT, check_exists, dialect_of, dialect_of_run, is_built_in
from elman.errors import InputError

if TYPE_CHECKING:
    from elman.runs import Run

__all__ = ["backtest", "forecast", "predict_forecast"]


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
    separator: Separator = None,
    decimal: Decimal = None,
    thousands: Thousands = None,
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
    from elman.tasks.forecasting import Forecaster
    from elman.tasks.plan import known_lengths
    from elman.tasks.reporting import write_forecast

    request = request_of(locals(), _REQUEST)
    forecaster = Forecaster(
        horizon=horizon,
        window=window,
        cell=cell,
        hidden_size=hidden,
        segment=number(segment, "--segment"),
        strategy=strategy,
        levels=levels_of(levels),
        season=season_of(season),
        scaling=scaling,
        epochs=epochs,
        seed=seed,
        series_vectors=not new_series,
    )
    job = Job("forecast", stem(source), out, not no_report, as_json, quiet)
    panel = _read(source, request)
    voice = job.voice
    voice.read(source, panel)
    if panel.names.future:  # else it would be missed after the training
        panel.future_covariates(horizon or 1, counts=known_lengths(panel))
    forecaster.fit(panel)
    answer = forecaster.forecast()
    voice.chosen(forecaster)
    voice.scores(forecaster.scores_)
    voice.plot(forecaster, answer)
    voice.notes(forecaster.notes_, panel)
    job.leave(
        write_forecast,
        forecaster,
        answer,
        request=request,
        document=printing.forecast_document(forecaster, answer),
    )


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
    separator: Separator = None,
    decimal: Decimal = None,
    thousands: Thousands = None,
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
    from elman.tasks.forecasting import Forecaster
    from elman.tasks.reporting import write_backtest

    request = request_of(locals(), _REQUEST)
    forecaster = Forecaster(
        horizon=horizon,
        window=window,
        cell=cell,
        hidden_size=hidden,
        segment=number(segment, "--segment"),
        strategy=strategy,
        levels=levels_of(levels),
        season=season_of(season),
        scaling=scaling,
        epochs=epochs,
        seed=seed,
        series_vectors=not new_series,
    )
    job = Job("backtest", stem(source), out, not no_report, as_json, quiet)
    panel = _read(source, request)
    voice = job.voice
    voice.read(source, panel)
    result = forecaster.backtest(
        panel, cutoffs=_cutoffs(cutoff, panel), step=step, windows=windows, refit=refit
    )
    voice.backtest(result)
    voice.scores(result.scores)
    voice.notes(result.notes, panel)
    job.leave(
        write_backtest,
        result,
        request=request,
        document=printing.backtest_document(result),
        model=False,
    )


def predict_forecast(run: Run, file: str | None, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a forecast beyond the end of a file, or of what the run was trained on."""
    from elman.saving import load
    from elman.tasks.reporting import forecast_columns

    levels, ahead = asked["levels"], asked["future"]
    request = run.configuration["request"]
    answer = load(run.model_path).forecast(
        None if file is None else _series(file, request, asked),
        asked["horizon"],
        future=None if ahead is None else _series(str(ahead), request, asked),
        levels=None if levels is None else levels_of(levels),
    )
    return forecast_columns(answer)


_READING = (
    *("target", "time", "id", "past", "future", "static", "frequency", "time_format", "time_zone"),
    *DIALECT,
)
"""The options that say how a file is read."""
_REQUEST = (
    *("source", *_READING, "horizon", "window", "cell", "hidden", "segment", "strategy", "levels"),
    *("season", "scaling", "epochs", "seed", "new_series", "windows", "step", "cutoff", "refit"),
)
"""The options that stand in a run's configuration."""


def _series(file: str, request: Mapping[str, Any], asked: Mapping[str, Any]) -> Any:
    """The table of a file that a run is asked about, or a built-in record."""
    from elman.data.frames import read_table
    from elman.datasets import load, names

    if is_built_in(file, names(), {name: asked.get(name) for name in DIALECT}):
        return load(file)
    check_exists(file, names())
    return read_table(file, dialect_of_run(request, asked, file))


def _read(source: str, request: Mapping[str, Any]) -> Any:
    """A built-in record, or the series of a file."""
    from elman.data.frames import read_table
    from elman.data.panel import Panel
    from elman.datasets import load, names

    if is_built_in(source, names(), {name: request[name] for name in _READING}):
        return load(source)
    check_exists(source, names())
    given = {name: request[name] for name in _READING if name not in DIALECT}
    for name in ("past", "future", "static"):
        given[name] = given[name] or ()
    given["target"] = given["target"] or None
    panel = Panel.from_any(read_table(source, dialect_of(request)), **given)
    _warn_of_header(source, panel)
    return panel


def _warn_of_header(source: str, panel: Any) -> None:
    """Says so where the names of columns are numbers: most likely there is no header."""
    names = [str(one) for one in panel.names.targets]
    if not all(re.fullmatch(r"[+-]?\d+([.,]\d+)?([eE][+-]?\d+)?", one) for one in names):
        return
    from elman.errors import ElmanWarning

    text = (
        f"{source} was read as a table whose first row, with {', '.join(names[:3])}, names the "
        "columns; if that row holds values, put a row of names above it"
    )
    warnings.warn(text, ElmanWarning, stacklevel=2)


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
