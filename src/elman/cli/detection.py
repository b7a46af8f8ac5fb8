"""``elman detect``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from elman.cli import printing
from elman.cli.common import Job, request_of, stem
from elman.cli.options import (
    Decimal,
    Epochs,
    Frequency,
    Hidden,
    Id,
    Json,
    NoReport,
    Out,
    Quiet,
    Seed,
    Separator,
    Thousands,
    Time,
    TimeFormat,
    TimeZone,
    Window,
)
from elman.cli.sources import DIALECT, check_exists, dialect_of, dialect_of_run, is_built_in
from elman.counting import counted
from elman.errors import InputError

if TYPE_CHECKING:
    from elman.data.dialect import Dialect
    from elman.data.panel import Panel
    from elman.runs import Run

__all__ = ["detect", "predict_anomalies"]

_READING = ("target", "time", "id", "frequency", "time_format", "time_zone")
_REQUEST = ("source", *_READING, *DIALECT, "train_until", "labels", "window")


def detect(
    source: Annotated[
        str,
        typer.Argument(
            help="A file of series (CSV, TSV, Parquet, Arrow, JSON lines), or a built-in one: "
            "pump.",
            show_default=True,
        ),
    ] = "pump",
    target: Annotated[
        list[str] | None,
        typer.Option(
            "--target",
            metavar="NAME",
            help="Column to watch; may be given several times. Default: all numeric ones, as "
            "channels of one series.",
        ),
    ] = None,
    time: Time = None,
    id: Id = None,
    frequency: Frequency = None,
    time_format: TimeFormat = None,
    time_zone: TimeZone = None,
    separator: Separator = None,
    decimal: Decimal = None,
    thousands: Thousands = None,
    train_until: Annotated[
        str | None,
        typer.Option(
            "--train-until",
            metavar="TIME",
            help="Last time of the part that is normal, or its share such as 0.3; default: half.",
        ),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            "--labels",
            metavar="FILE",
            help="Known anomalies, to be scored by: columns start and end, or time.",
        ),
    ] = None,
    window: Window = None,
    cell: Annotated[
        str,
        typer.Option("--cell", metavar="NAME", help="gru, lstm, rnn, rnn_relu, dense ..."),
    ] = "gru",
    code: Annotated[int, typer.Option("--code", metavar="N", help="Numbers in the code.")] = 8,
    hidden: Hidden = None,
    noise: Annotated[
        float, typer.Option("--noise", metavar="X", help="On the inputs in training.")
    ] = 0.0,
    false_alarm: Annotated[
        float,
        typer.Option("--false-alarm", metavar="X", help="Share of normal steps with an alarm."),
    ] = 0.01,
    threshold: Annotated[
        str,
        typer.Option(
            "--threshold", metavar="NAME", help="conformal, quantile, or adaptive: it follows."
        ),
    ] = "conformal",
    epochs: Epochs = None,
    seed: Seed = 0,
    out: Out = None,
    no_report: NoReport = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Learn what is normal in series, find what is not, and leave a run folder."""
    from elman.tasks.detection import choose_window, detect_anomalies, verdict
    from elman.tasks.reconstruction import SequenceAutoencoder
    from elman.tasks.reconstruction_report import anomaly_columns, write_detection
    from elman.tasks.reporting import describe_source
    from elman.tasks.run_folder import task_metrics

    request = request_of(locals(), _REQUEST)
    job = Job("detection", stem(source), out, not no_report, as_json, quiet)
    panel, normal, known = _read(source, request, train_until, labels, dialect_of(request))
    autoencoder = SequenceAutoencoder(
        cell=cell,
        code_size=code,
        hidden_size=hidden,
        window=choose_window(normal.tolist()) if window is None else window,
        noise=noise,
        false_alarm=false_alarm,
        threshold=threshold,
        epochs=epochs,
        seed=seed,
        verbose=job.verbose,
    )
    request["window"] = autoencoder.window
    if panel.kind == "path":  # so that a new file may hold other columns too, in any order
        request["target"] = [str(one) for one in panel.names.targets]
        request["time"], request["id"] = panel.names.time, panel.names.id
    voice = job.voice
    voice.source(source, describe_source(panel), panel.notes)
    _check(source, panel, normal, autoencoder.window)
    voice.line("normal", _describe_normal(panel, normal, autoencoder.window or 0))
    detection = detect_anomalies(autoencoder, panel, normal, known)
    voice.trained(autoencoder.model_.parameter_count, autoencoder.seconds_["total"])
    said = verdict(detection, false_alarm)
    voice.scored(detection.table, detection.measures, said, autoencoder.notes_)
    _tell(voice, anomaly_columns(panel, detection.anomalies))
    columns = printing.columns_document(anomaly_columns(panel, detection.anomalies))
    job.leave(
        write_detection,
        autoencoder,
        detection,
        request=request,
        document={**task_metrics(autoencoder), "verdict": said, "anomalies": columns},
    )


def predict_anomalies(run: Run, file: str | None, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The score of every step of a file, or of the series that the run watched."""
    from elman.saving import load
    from elman.tasks.detection import levels_of
    from elman.tasks.reconstruction_report import score_columns

    request = run.configuration["request"]
    autoencoder = load(run.model_path)
    source = request["source"] if file is None else file
    until = request["train_until"] if file is None else None
    panel, normal, _ = _read(source, request, until, None, dialect_of_run(request, asked, file))
    if file is not None:
        normal = 0 * normal  # a new file: the threshold follows from its first step
    scores = autoencoder.score_steps(panel)
    return score_columns(panel, scores, levels_of(autoencoder.threshold_, scores, normal))


def _read(
    source: str,
    request: Mapping[str, Any],
    train_until: str | None,
    labels: Path | None,
    dialect: Dialect,
) -> tuple[Any, Any, Any]:
    """The series, how much of each is normal, and where the known anomalies are."""
    import numpy as np

    from elman.data.panel import Panel
    from elman.data.spans import read_spans
    from elman.datasets.faults import FAULTY, load_faulty

    given: dict[str, Any] = {name: request.get(name) for name in _READING}
    spans: list[list[tuple[int, int]]] | None
    if is_built_in(source, FAULTY, {**given, **vars(dialect)}):
        known = load_faulty(source)
        normal = np.array([known.normal])
        if train_until is not None:
            normal = _normal(known.panel, train_until)
        spans = known.spans if labels is None else read_spans(labels, known.panel)
        return known.panel, normal, spans
    check_exists(source, FAULTY)
    targets = given.pop("target")
    panel = Panel.from_any(
        source, target=targets or None, wide=_wide(given), dialect=dialect, **given
    )
    spans = None if labels is None else read_spans(labels, panel, _dialect_beside(dialect, labels))
    return panel, _normal(panel, train_until), spans


def _dialect_beside(dialect: Dialect, labels: Path) -> Dialect:
    """That of a table of labels: the data's, where it is delimited text at all."""
    from elman.data.dialect import PLAIN
    from elman.data.files import is_delimited

    return dialect if is_delimited(labels) else PLAIN


def _wide(given: Mapping[str, Any]) -> str | None:
    """Without an id, numeric columns are channels that are watched together."""
    return None if given.get("id") else "targets"


def _normal(panel: Any, train_until: str | None) -> Any:
    """How many leading steps of each series are normal."""
    import numpy as np

    from elman.data.spans import stamp_of

    if train_until is None:
        return panel.lengths // 2
    try:
        share = float(train_until)
    except ValueError:
        share = 1.0
    if 0.0 < share < 1.0:
        return np.round(share * panel.lengths).astype(np.int64)
    counts = panel.counts_until(stamp_of(panel, train_until, "--train-until"))
    if not counts.any():
        raise InputError(
            f"--train-until: expected a time after the first, {panel.show(panel.stamps.min())}, "
            f"got {train_until}"
        )
    return counts


def _check(source: str, panel: Panel, normal: Any, window: Any) -> None:
    """Refuses what nothing can be learnt from, and what cannot be reckoned with."""
    from elman.data.rows import check_magnitude

    for channel, name in enumerate(panel.names.targets):
        check_magnitude(f"The column {str(name)!r} of {source}:", panel.values[:, channel])
    longest = int(normal.max())
    if isinstance(window, int) and longest < 2 * window:
        raise InputError(
            f"SOURCE: expected a normal part of at least {2 * window} steps, two windows, got "
            f"{counted(longest, 'step')} of {counted(int(panel.lengths.max()), 'row')}; give "
            "longer data, a shorter --window or a later --train-until"
        )


def _describe_normal(panel: Any, normal: Any, window: int) -> str:
    first = panel.show(panel.stamps[panel.rows(0)][max(int(normal[0]) - 1, 0)])
    many = " (of the first series)" if panel.n_series > 1 else ""
    steps = counted(int(normal[0]), "step")
    return f"the first {steps}, until {first}{many}; windows of {counted(window, 'step')}"


def _tell(voice: printing.Voice, columns: Mapping[str, Any]) -> None:
    """The highest of what was found."""
    import numpy as np

    number = len(columns["score"])
    if not number:
        return
    order = np.argsort(-np.array(columns["score"]), kind="stable")[:8]
    plain = printing.columns_document(columns)
    several = len(set(columns["unique_id"])) > 1
    names = ["unique_id"] * several + ["start", "end", "steps", "score"]
    rows = [[str(plain[one][name]) for name in names] for one in sorted(order.tolist())]
    said = counted(number, "stretch", "stretches")
    voice.line("odd", f"{said}, the highest {len(rows)}" if number > len(rows) else said)
    heads = ["series"] * several + ["start", "end", "steps", "peak score"]
    voice.table(heads, rows)
