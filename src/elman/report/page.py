"""The report page: one HTML file that holds its styles, its script, its data and plotly.js."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elman.errors import InputError
from elman.evaluate import LABELS, Scores
from elman.plots import (
    THEMES,
    autocorrelation_figure,
    coverage_figure,
    forecast_figure,
    horizon_figure,
    residual_figure,
    residual_histogram,
    training_figure,
)
from elman.report import wording
from elman.report.content import ForecastReport, SeriesView
from elman.report.diagram import network_svg
from elman.report.task import TaskReport
from elman.runs import Run

__all__ = ["redraw", "render", "write_report"]

_PLOTLY_HERE = "/* plotly.js */"
_LEAST_RESIDUALS = 8
"""Fewer of them show no distribution and no pattern."""
_COLUMNS = (
    ("mae", "MAE", "mean absolute error, in the unit of the data"),
    ("rmse", "RMSE", "root mean squared error, in the unit of the data: large misses weigh more"),
    ("smape", "sMAPE", "symmetric mean absolute percentage error, 0 to 200"),
    ("mase", "MASE", "mean absolute error over that of seasonal-naive on the training part"),
    ("owa", "OWA", "mean of sMAPE and MASE, each relative to naive2 (the M4 competition's index)"),
    ("bias", "Bias", "mean of forecast minus truth: positive is too high"),
)
_BASELINE_MEANINGS = {
    "repeat_last": "the last value, repeated",
    "seasonal_naive": "the value one season before",
    "drift": "the line through the first and the last value, continued",
    "mean": "the mean of all values so far",
    "naive2": "the last value, seasonally adjusted (the reference of OWA)",
    "linear": "the network's linear part alone: a ridge regression on the window",
}


def write_report(run: Run, report: ForecastReport | TaskReport) -> Path:
    """Write ``report.json`` and ``report.html`` into a run folder; returns the page's path."""
    limited = report.limited() if isinstance(report, ForecastReport) else report
    run.write_report_content(limited.to_dict())
    return run.write_page(render(limited))


def redraw(run: Run) -> Path:
    """Draw a run's page again from its ``report.json``; returns the page's path.

    Raises:
        InputError: the run has no ``report.json`` or one that cannot be read.
    """
    content = run.report_content
    if "task_content_version" in content:
        return run.write_page(render(TaskReport.from_dict(content)))
    return run.write_page(render(ForecastReport.from_dict(content)))


def render(report: ForecastReport | TaskReport) -> str:
    """The page as HTML text. It fetches nothing: plotly.js is inside."""
    import jinja2
    from plotly.offline import get_plotlyjs  # type: ignore[import-untyped,unused-ignore]

    here = Path(__file__).parent
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(here),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=wording.number,
        seconds=wording.seconds,
        shown=_shown,
        stamp=wording.stamp,
        signed=_signed,
    )
    environment.filters["unbroken"] = _unbroken
    if isinstance(report, TaskReport):
        name, parts = "task.html.j2", _task_parts(report)
    else:
        name, parts = "page.html.j2", _forecast_parts(report)
    page = environment.get_template(name).render(
        report=report,
        **parts,
        drawings=[network_svg(report.network, down) for down in (False, True)]
        if report.network
        else [],
        themes=THEMES,
        style=(here / "page.css").read_text("utf-8"),
        script=(here / "page.js").read_text("utf-8"),
        plotly=_PLOTLY_HERE,
    )
    # Put in last, so that the template engine need not walk through megabytes of script, and at
    # the last such mark, since a title may hold the same text.
    before, _, after = page.rpartition(_PLOTLY_HERE)
    return f"{before}{get_plotlyjs()}{after}"


def _forecast_parts(report: ForecastReport) -> dict[str, Any]:
    return {
        "verdict": wording.verdict(report),
        "facts": wording.facts(report),
        "captions": wording.captions(report),
        "scores": _score_table(report.scores) if report.scores else None,
        "series_rows": _series_rows(report),
        "figures": _script_json(_figures(report)),
    }


def _task_parts(report: TaskReport) -> dict[str, Any]:
    whole = {
        f"section-{number}-{place}": chart.figure
        for number, section in enumerate(report.sections)
        for place, chart in enumerate(section.charts)
    }
    if report.history:
        whole["training"] = training_figure(report.history)
    return {
        "verdict": report.verdict,
        "facts": report.facts,
        "captions": {"training": wording.training_caption(report.history, report.timings)},
        "figures": _script_json({"whole": whole, "series": []}),
    }


def _figures(report: ForecastReport) -> dict[str, Any]:
    """Every figure of the page: those of the whole, and those of each series."""
    whole: dict[str, Any] = {}
    scores = report.scores
    if scores is not None:
        first = {scores.model: scores.by_horizon["mae"][scores.model]}
        label = "mean absolute error"
        whole["horizon"] = horizon_figure(
            {**first, **scores.by_horizon["mae"]}, label, step=report.step
        )
        if scores.intervals:
            whole["coverage"] = coverage_figure(scores.intervals, step=report.step)
    if report.history:
        whole["training"] = training_figure(report.history)
    return {"whole": whole, "series": [_series_figures(one, report) for one in report.series]}


def _series_figures(series: SeriesView, report: ForecastReport) -> dict[str, Any]:
    held_out = [{"times": one.times, "forecast": one.forecast} for one in series.held_out]
    figures = {
        "forecast": forecast_figure(
            series.times,
            series.values,
            series.forecast_times,
            series.forecast,
            series.intervals,
            held_out,
            value_label=report.value_label,
            time_label=report.time_label,
        )
    }
    if sum(one is not None for one in series.residuals) >= _LEAST_RESIDUALS:
        figures["residuals"] = residual_figure(
            series.residual_times, series.residuals, "truth − forecast", report.time_label
        )
        figures["histogram"] = residual_histogram(series.residuals, "truth − forecast")
        figures["autocorrelation"] = autocorrelation_figure(series.residuals, report.step)
    return {"id": series.id, "figures": figures}


@dataclass
class _ScoreTable:
    """The score table as text, with what it does not say in numbers."""

    columns: list[tuple[str, str]]
    rows: list[dict[str, Any]]
    meanings: list[tuple[str, str]]
    remarks: list[str]


def _score_table(scores: Scores) -> _ScoreTable:
    shown = [one for one in _COLUMNS if any(one[0] in row for row in scores.table.values())]
    best = {key: _best(scores, key) for key, _, _ in shown}
    rows = []
    for name, row in scores.table.items():
        cells = [
            {"text": wording.number(row.get(key)), "best": name == best[key] is not None}
            for key, _, _ in shown
        ]
        rows.append(
            {
                "name": LABELS.get(name, name),
                "judged": name == scores.model,
                "meaning": _BASELINE_MEANINGS.get(name, ""),
                "cells": cells,
            }
        )
    meanings = [(title, meaning) for _, title, meaning in shown]
    titles = {key: title for key, title, _ in _COLUMNS}
    remarks = [f"{titles.get(key, key)}: {why}." for key, why in scores.undefined.items()]
    return _ScoreTable([(t, m) for _, t, m in shown], rows, meanings, [*remarks, *scores.notes])


def _best(scores: Scores, measure: str) -> str | None:
    """Who has the lowest error, None for a measure that is undefined or cannot be ranked."""
    if measure == "bias":
        return None
    values = {name: row.get(measure) for name, row in scores.table.items()}
    present = {name: value for name, value in values.items() if value is not None}
    return min(present, key=lambda name: present[name]) if present else None


def _series_rows(report: ForecastReport) -> list[dict[str, Any]]:
    """A row for each series where there are several, the hardest first."""
    scores = report.scores
    if scores is None or len(scores.by_series) < 2:
        return []
    rows = []
    for name, table in scores.by_series.items():
        own = table[scores.model]
        rivals = {
            rival: row["mae"]
            for rival, row in table.items()
            if rival != scores.model and row["mae"] is not None
        }
        best = min(rivals, key=lambda rival: rivals[rival] or 0.0) if rivals else None
        least = rivals[best] if best else None
        ratio = own["mae"] / least if own["mae"] is not None and least else None
        rows.append(
            {
                "name": name,
                "mae": own["mae"],
                "mase": own["mase"],
                "smape": own["smape"],
                "rival": LABELS.get(best, best) if best else "",
                "rival_mae": least,
                "ratio": ratio,
                "beaten": own["mae"] is not None and least is not None and own["mae"] < least,
            }
        )
    return sorted(rows, key=lambda row: -(row["ratio"] if row["ratio"] is not None else -1.0))


def _shown(value: Any) -> str:
    """A configuration value as a person would write it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_shown(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_shown(item) for item in value)
    return str(value)


def _signed(cell: str) -> str:
    """A cell of a table: a number below 0 with the sign that is as wide as a plus."""
    return f"−{cell[1:]}" if cell[:1] == "-" and cell[1:2].isdigit() else cell


def _unbroken(sentence: str) -> str:
    """A sentence in which no line breaks between a number and its per cent sign."""
    return sentence.replace(" %", "\u00a0%")


def _script_json(record: Any) -> str:
    """JSON that can stand inside a script element whatever texts it holds."""
    try:
        text = json.dumps(record, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    except ValueError as problem:
        raise InputError("report: expected finite numbers or None in every figure") from problem
    for character, escape in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(character, escape)
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
