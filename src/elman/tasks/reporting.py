"""What a forecast or a backtest leaves behind: the content of its report, and its run folder."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from elman.data.calendar import to_wall
from elman.data.panel import Panel
from elman.digits import resolved
from elman.report.content import ForecastReport, HeldOut, LayerView, NetworkView, SeriesView
from elman.runs import Run, versions
from elman.tasks.answers import Answer
from elman.tasks.backtest import Backtest
from elman.tasks.calibration import level_name, series_names
from elman.tasks.direct import DirectNetwork
from elman.tasks.forecasting import Forecaster
from elman.tasks.model import ForecastModel
from elman.tasks.parameters import Array
from elman.tasks.wording import counted, describe_plan

__all__ = [
    "describe_source",
    "forecast_columns",
    "forecast_report",
    "network_view",
    "shown_stamps",
    "write_backtest",
    "write_forecast",
]

_MOST_SERIES = 40
_MOST_HELD_OUT = 4
_NOT_SHOWN = ("quantiles", "asked")
"""What of a plan is no news beside its levels."""


def write_forecast(
    run: Run,
    forecaster: Forecaster,
    answer: Answer,
    *,
    title: str,
    request: Mapping[str, Any],
    command: str = "",
    report: bool = True,
) -> None:
    """Fills a run folder: configuration, metrics, history, forecast, model and report.

    Args:
        run: The folder.
        forecaster: Fitted.
        answer: Its forecast, from :meth:`elman.Forecaster.forecast`.
        title: What was forecast.
        request: What was asked for, for ``config.json``.
        command: The command line, for the report.
        report: Whether the report is written too.
    """
    plan = forecaster.plan_.to_dict()
    parameters = forecaster.get_params()
    run.write_config({"request": dict(request), "parameters": parameters, "chosen": plan})
    run.write_metrics(metrics(forecaster))
    run.write_history(forecaster.history_.records())
    run.write_forecast(forecast_columns(answer))
    forecaster.save(run.model_path)
    if report:
        from elman.report import write_report

        write_report(run, forecast_report(forecaster, answer, title, command))


def metrics(forecaster: Forecaster) -> dict[str, Any]:
    """The contents of ``metrics.json``."""
    scores = forecaster.scores_
    return {
        "scores": None if scores is None else scores.to_dict(),
        "notes": forecaster.notes_,
        "seconds": forecaster.seconds_,
        "parameters": network_view(forecaster.model_).parameters,
    }


def forecast_columns(answer: Answer) -> dict[str, Any]:
    """The columns of ``forecast.csv``: ``unique_id``, ``ds``, ``forecast``, ``lo-80`` ...

    With several target columns there is a column ``target`` as well. Numbers have the digits that
    single precision resolves of the range of their series.
    """
    panel, horizon = answer.panel, answer.horizon
    targets = panel.names.targets
    named: dict[str, list[Any]] = {"unique_id": [], "ds": []}
    if len(targets) > 1:
        named["target"] = []
    numbers: dict[str, list[Array]] = {"forecast": []}
    stamps = shown_stamps(panel, answer.stamps)
    for series in range(panel.n_series):
        for channel, target in enumerate(targets):
            named["unique_id"] += [str(panel.ids[series])] * horizon
            named["ds"].append(stamps[series])
            if len(targets) > 1:
                named["target"] += [str(target)] * horizon
            shown = partial(resolved, known=panel.series(series)[:, channel])
            numbers["forecast"].append(shown(answer.point[series, :, channel]))
            for level, (low, high) in answer.intervals.items():
                name = level_name(level)
                numbers.setdefault(f"lo-{name}", []).append(shown(low[series, :, channel]))
                numbers.setdefault(f"hi-{name}", []).append(shown(high[series, :, channel]))
            for quantile, values in answer.quantiles.items():
                numbers.setdefault(f"q-{quantile:g}", []).append(shown(values[series, :, channel]))
    named["ds"] = np.concatenate(named["ds"])  # type: ignore[assignment]
    return {**named, **{name: np.concatenate(parts) for name, parts in numbers.items()}}


def forecast_report(
    forecaster: Forecaster, answer: Answer, title: str, command: str = ""
) -> ForecastReport:
    """Everything that the report of a forecast shows."""
    panel, plan = forecaster.training_panel, forecaster.plan_
    views = _views(forecaster, panel, answer)
    total = panel.n_series * panel.n_targets
    return ForecastReport(
        title=title,
        source=describe_source(panel),
        horizon=answer.horizon,
        series=views,
        step=step_name(panel),
        series_total=total,
        scores=forecaster.scores_,
        history=forecaster.history_.records(),
        network=network_view(forecaster.model_),
        configuration=_configuration(forecaster),
        notes=[*forecaster.notes_, f"Chosen: {describe_plan(plan)}."],
        timings=dict(forecaster.seconds_),
        versions=versions(),
        value_label=", ".join(map(str, panel.names.targets)) if total == 1 else "",
        time_label=str(panel.names.time or ""),
        command=command,
        created=_now(),
    )


def write_backtest(
    run: Run,
    backtest: Backtest,
    *,
    title: str,
    request: Mapping[str, Any],
    command: str = "",
    report: bool = True,
) -> None:
    """Fills a run folder with a backtest: configuration, metrics, forecasts and report."""
    run.write_config({"request": dict(request), "chosen": backtest.plan}, kind="backtest")
    run.write_metrics(
        {
            "scores": backtest.scores.to_dict(),
            "notes": backtest.notes,
            "cutoffs": backtest.cutoffs,
            "refits": backtest.refits,
            "seconds": {"total": backtest.seconds},
        }
    )
    run.write_forecast(_backtest_columns(backtest))
    if report:
        from elman.report import write_report

        write_report(run, _backtest_report(backtest, title, command))


def describe_source(panel: Panel) -> str:
    """What was read, in one sentence."""
    summary = panel.summary()
    series = f"{summary['series']:,} series" if summary["series"] > 1 else "one series"
    targets = ", ".join(map(str, summary["targets"]))
    every = f", every {summary['frequency']}" if summary["frequency"] else ""
    rows = counted(summary["rows"], "row")
    return f"{series} of {targets}{every}: {rows} from {summary['first']} to {summary['last']}"


def step_name(panel: Panel) -> str:
    """What one step is called: ``"month"``, or ``"step"`` where it has no single word."""
    if panel.frequency is None:
        return "step"
    word = panel.frequency.name.split(" end")[0]
    return word if word.replace(" ", "").isalpha() and "integer" not in word else "step"


def network_view(model: ForecastModel) -> NetworkView:
    """The network as the report draws it."""
    plan = model.plan
    cell = {"rnn_tanh": "RNN", "rnn_relu": "RNN"}.get(plan.cell, plan.cell.split("_")[0].upper())
    if not isinstance(model.network, DirectNetwork):
        sizes = _sizes(model.network.views())
        width = model.network.shape.inputs
        return NetworkView(
            input=f"the last {plan.window} values",
            input_shape=f"{plan.window} x {width}",
            layers=[
                LayerView(
                    cell,
                    f"{plan.hidden_size} units, {_layers(plan.num_layers)}",
                    f"{plan.window} x {plan.hidden_size}",
                    sizes["0"],
                    True,
                ),
                LayerView("Dense", "change to the next value", f"{model.channels}", sizes["1"]),
            ],
            output=f"one step, fed back {plan.horizon} times",
        )
    shape, sizes = model.network.shape, _sizes(model.network.flat.state_dict())
    queries = sum(sizes.get(name, 0) for name in ("position", "channel", "series", "static"))
    queries += sizes.get("future", 0)
    ahead, units = shape.segments_out, plan.hidden_size
    layers = [
        LayerView(
            "Embedding",
            f"segments of {counted(plan.segment, 'step')}, relu",
            f"{shape.segments_in} x {units}",
            sizes["embed"],
        ),
        LayerView(
            cell,
            f"{units} units, {_layers(plan.num_layers)}",
            f"{units}",
            sum(size for name, size in sizes.items() if name.startswith("cell")),
            True,
        ),
        LayerView("Positions", f"one step of the {cell} for each", f"{ahead} x {units}", queries),
        LayerView(
            "Dense",
            counted(len(model.trained_quantiles), "quantile"),
            f"{plan.horizon} x {shape.outputs}",
            sizes["head"],
        ),
    ]
    if model.network.shortcut is not None:
        layers.append(
            LayerView(
                "Linear", "ridge regression, added", f"{plan.horizon}", model.network.shortcut.size
            )
        )
    return NetworkView(
        input=f"the last {plan.window} values, normalised",
        input_shape=f"{plan.window} x {shape.inputs}",
        layers=layers,
        output=f"{counted(plan.horizon, 'step')} x {counted(shape.outputs, 'quantile')}",
    )


def _layers(number: int) -> str:
    return "one layer" if number == 1 else f"{number} layers"


def _sizes(views: Mapping[str, Array]) -> dict[str, int]:
    """Parameters by the first part of their names."""
    sizes: dict[str, int] = {}
    for name, view in views.items():
        first = name.split(".")[0]
        sizes[first] = sizes.get(first, 0) + int(view.size)
    return sizes


def _configuration(forecaster: Forecaster) -> dict[str, Any]:
    plan = forecaster.plan_.to_dict()
    shown = {name: value for name, value in plan.items() if name not in _NOT_SHOWN}
    shown["seed"] = forecaster.seed
    if forecaster.model_.penalty is not None:
        shown["shortcut_penalty"] = forecaster.model_.penalty
    return shown


def _views(forecaster: Forecaster, panel: Panel, answer: Answer) -> list[SeriesView]:
    names, channels = series_names(panel), panel.n_targets
    stamps = shown_stamps(panel, panel.stamps)
    ahead = shown_stamps(panel, answer.stamps)
    views = []
    for number, name in enumerate(names[:_MOST_SERIES]):
        series, channel = divmod(number, channels)
        known = slice(
            int(panel.offsets[series]), int(panel.offsets[series] + answer.counts[series])
        )
        view = SeriesView(
            id=name,
            times=stamps[known],  # type: ignore[arg-type]
            values=panel.values[known, channel],  # type: ignore[arg-type]
            forecast_times=ahead[series],
            forecast=answer.point[series, :, channel],  # type: ignore[arg-type]
            intervals={
                level_name(level): (low[series, :, channel], high[series, :, channel])  # type: ignore[misc]
                for level, (low, high) in answer.intervals.items()
            },
        )
        views.append(_with_held_out(view, forecaster, panel, series, channel, stamps))
    return views


def _with_held_out(
    view: SeriesView,
    forecaster: Forecaster,
    panel: Panel,
    series: int,
    channel: int,
    stamps: Array,
) -> SeriesView:
    """Adds a few earlier forecasts, and the errors one step ahead."""
    held_out = forecaster.held_out_
    if held_out is None or not held_out.folds:
        return view
    horizon, first = forecaster.plan_.horizon, int(panel.offsets[series])
    points, origins = [], []
    for fold in held_out.folds:
        chosen = fold.series == series
        median = fold.model.trained_quantiles.index(0.5)
        points.append(fold.values[chosen, channel, :, median])
        origins.append(fold.origin[chosen])
    point, origin = np.concatenate(points), np.concatenate(origins)
    order = np.argsort(origin, kind="stable")
    point, origin = point[order], origin[order]
    truth = panel.values[first + origin, channel]
    view.residual_times = SeriesView("", stamps[first + origin], truth).times
    view.residuals = SeriesView("", list(range(len(truth))), truth - point[:, 0]).values
    length = int(panel.lengths[series])
    last = length - horizon
    for wanted in range(last, last - _MOST_HELD_OUT * horizon, -horizon):
        found = np.flatnonzero(origin == wanted)
        if len(found):
            rows = slice(first + wanted, first + wanted + horizon)
            view.held_out.append(HeldOut(stamps[rows], point[found[0]]))  # type: ignore[arg-type]
    view.held_out.reverse()
    return view


def _backtest_report(backtest: Backtest, title: str, command: str) -> ForecastReport:
    panel = backtest.panel
    assert panel is not None
    names, channels = series_names(panel), panel.n_targets
    stamps = shown_stamps(panel, panel.stamps)
    views = []
    for number, name in enumerate(names[:_MOST_SERIES]):
        series, channel = divmod(number, channels)
        rows = panel.rows(series)
        view = SeriesView(name, stamps[rows], panel.values[rows, channel])  # type: ignore[arg-type]
        for chosen, point in backtest.windows_of(series, channel):
            times = panel.stamps_after(
                panel.stamps[panel.offsets[series] + np.array([chosen]) - 1], len(point)
            )[0]
            view.held_out.append(HeldOut(shown_stamps(panel, times), point))  # type: ignore[arg-type]
        views.append(view)
    shown = {name: value for name, value in backtest.plan.items() if name not in _NOT_SHOWN}
    return ForecastReport(
        title=title,
        source=describe_source(panel),
        horizon=backtest.scores.horizon,
        series=views,
        step=step_name(panel),
        series_total=len(names),
        scores=backtest.scores,
        configuration={**shown, "cutoffs": backtest.cutoffs, "refits": backtest.refits},
        notes=list(backtest.notes),
        timings={"total": backtest.seconds},
        versions=versions(),
        value_label=", ".join(map(str, panel.names.targets)) if len(names) == 1 else "",
        time_label=str(panel.names.time or ""),
        command=command,
        created=_now(),
        kind="backtest",
    )


def _backtest_columns(backtest: Backtest) -> dict[str, Any]:
    """The table of a backtest, its forecasts with the digits that they resolve."""
    columns, panel = _frame_columns(backtest.frame), backtest.panel
    if panel is None:  # put together by hand
        return columns
    names = columns.get(str(panel.names.id))
    each: Any = [slice(None)]
    if names is not None:
        each = [np.array(names, object) == one for one in panel.ids.tolist()]
    for channel, target in enumerate(map(str, panel.names.targets)):
        answers = tuple(f"{target}-{what}" for what in ("forecast", "lo-", "hi-"))
        for name in [one for one in columns if one.startswith(answers)]:
            values = np.asarray(columns[name], np.float64)
            for series, chosen in enumerate(each):
                known = panel.series(series)[:, channel]
                values[chosen] = resolved(values[chosen], known)
            columns[name] = values
    return columns


def _frame_columns(frame: Any) -> dict[str, Any]:
    """A table of any kind as columns."""
    if isinstance(frame, dict):
        return frame
    import narwhals as nw

    table = nw.from_native(frame, eager_only=True)
    return {name: table[name].to_list() for name in table.columns}


def shown_stamps(panel: Panel, stamps: Array) -> Array:
    """Stamps on the wall clock of the panel's time zone."""
    if panel.time_zone is None or stamps.dtype.kind != "M":
        return stamps
    return to_wall(stamps, panel.time_zone)


def _now() -> str:
    from datetime import datetime

    return datetime.now().astimezone().isoformat(timespec="seconds")
