"""``elman emulate``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from elman.cli.common import Job, request_of, stem
from elman.cli.options import (
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
from elman.cli.sources import DIALECT, check_exists, dialect_of, dialect_of_run, is_built_in
from elman.errors import InputError

if TYPE_CHECKING:
    from elman.data.dialect import Dialect
    from elman.data.trajectories import Trajectories
    from elman.runs import Run

__all__ = ["emulate", "predict_rollout"]

_COLUMNS = ("state", "forcing", "parameters", "id", "time")


def emulate(
    source: Annotated[
        str,
        typer.Argument(
            help="A table, one row a step, or a built-in system: lorenz, oscillator, mackey-glass.",
            show_default=True,
        ),
    ] = "lorenz",
    state: Annotated[
        list[str] | None,
        typer.Option("--state", metavar="NAME", help="Column of the state; may be given again."),
    ] = None,
    forcing: Annotated[
        list[str] | None,
        typer.Option("--forcing", metavar="NAME", help="Column of forcing; may be given again."),
    ] = None,
    parameters: Annotated[
        list[str] | None,
        typer.Option(
            "--parameters",
            metavar="NAME",
            help="Column constant in a trajectory; may be given again.",
        ),
    ] = None,
    id: Annotated[
        str | None, typer.Option("--id", metavar="NAME", help="Column that names trajectories.")
    ] = None,
    time: Annotated[
        str | None, typer.Option("--time", metavar="NAME", help="Column of times, equal steps.")
    ] = None,
    separator: Separator = None,
    decimal: Decimal = None,
    thousands: Thousands = None,
    cell: Annotated[
        str, typer.Option("--cell", metavar="NAME", help="lstm, gru, rnn, ...")
    ] = "lstm",
    hidden: Hidden = None,
    history: Annotated[
        int | None,
        typer.Option("--history", metavar="N", help="Steps read before it runs free; default: 20."),
    ] = None,
    window: Annotated[
        int | None,
        typer.Option("--window", metavar="N", help="Steps of a stretch in training; default: 40."),
    ] = None,
    noise: Annotated[
        float, typer.Option("--noise", metavar="X", help="On states read in training.")
    ] = 0.0,
    rollout_steps: Annotated[
        int | None,
        typer.Option(
            "--rollout-steps", metavar="N", help="Steps run free in training; default: 20."
        ),
    ] = None,
    lyapunov: Annotated[
        str | None,
        typer.Option(
            "--lyapunov",
            metavar="X",
            help="Largest Lyapunov exponent of the system, or estimate; known of built-in ones.",
        ),
    ] = None,
    cut: Annotated[
        bool, typer.Option("--cut", metavar="", help="Cut trajectories where states are missing.")
    ] = False,
    ensemble: Annotated[
        int, typer.Option("--ensemble", metavar="N", help="Networks that go on from their mean.")
    ] = 1,
    epochs: Epochs = None,
    seed: Seed = 0,
    out: Out = None,
    no_report: NoReport = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Learn a dynamical system from its trajectories, run free beside the truth, and score it."""
    from elman.tasks.emulation import Emulator
    from elman.tasks.emulation_report import MEASURES, score_rows, verdict, write_emulation
    from elman.tasks.run_folder import task_metrics

    request = request_of(locals(), ("source", *_COLUMNS, *DIALECT))
    job = Job("emulation", stem(source), out, not no_report, as_json, quiet)
    data = _read(source, request, dialect_of(request))
    request |= {"state": data.channels, "forcing": data.forces, "parameters": data.constants}
    emulator = Emulator(
        cell=cell,
        hidden_size=64 if hidden is None else hidden,
        noise=noise,
        **_steps(source, history=history, window=window, rollout_steps=rollout_steps),
        ensemble=ensemble,
        epochs=epochs,
        missing="cut" if cut else "error",
        lyapunov=_exponent(lyapunov, source),
        seed=seed,
        verbose=job.verbose,
    )
    voice = job.voice
    voice.source(source, data.describe(), data.notes)
    kinds = {"state": data.channels, "forcing": data.forces, "parameters": data.constants}
    named = [f"{kind} {', '.join(map(str, names))}" for kind, names in kinds.items() if names]
    voice.line("", "; ".join(named))
    emulator.fit(data)
    voice.trained(emulator.model_.parameter_count, emulator.seconds_["total"])
    scores = emulator.scores_
    if scores is not None:
        heads = ["", *(title for _, title in MEASURES)]
        voice.table(heads, score_rows(scores), "network")
    voice.scored(None, (), verdict(scores), emulator.notes_)
    job.leave(write_emulation, emulator, data, request=request, document=task_metrics(emulator))


def predict_rollout(run: Run, file: str | None, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a rollout from the end of every trajectory of a file."""
    from elman.saving import load
    from elman.tasks.emulation_report import rollout_columns

    request = run.configuration["request"]
    steps = asked.get("horizon")
    if steps is not None and steps < 1:
        raise InputError(f"--horizon: expected a whole number, at least 1, got {steps}")
    source = request["source"] if file is None else file
    columns = {} if _is_system(source) else request  # its names stand in the request too
    data = _read(source, columns, dialect_of_run(request, asked, file))
    return rollout_columns(load(run.model_path), data, steps, replay=file is None)


def _read(source: str, columns: Mapping[str, Any], dialect: Dialect) -> Trajectories:
    from elman.data.trajectories import read_trajectories
    from elman.datasets.systems import DESCRIPTIONS, load_system

    names = [one.name for one in DESCRIPTIONS]
    state, forcing, parameters, id, time = (columns.get(name) for name in _COLUMNS)
    given = {name: columns.get(name) for name in _COLUMNS}
    if is_built_in(source, names, {**given, **vars(dialect)}):
        return load_system(source)
    check_exists(source, names)
    return read_trajectories(source, state, forcing or (), parameters or (), id, time, dialect)


def _is_system(source: str) -> bool:
    """Whether it is a built-in system; a file of that name goes first."""
    from elman.datasets.systems import DESCRIPTIONS

    return source in [one.name for one in DESCRIPTIONS] and not Path(source).exists()


def _steps(source: str, **given: int | None) -> dict[str, Any]:
    """How many steps are read and trained on: as asked for, else what suits a built-in system."""
    from elman.datasets.systems import SETTINGS

    own = SETTINGS.get(source, {}) if _is_system(source) else {}
    return {**own, **{name: value for name, value in given.items() if value is not None}}


def _exponent(text: str | None, source: str) -> float | str | None:
    from elman.datasets.systems import LYAPUNOV

    if text is None:
        return LYAPUNOV.get(source) if _is_system(source) else None
    if text == "estimate":
        return text
    try:
        return float(text)
    except ValueError:
        raise InputError(f"--lyapunov: expected a number or estimate, got {text!r}") from None
