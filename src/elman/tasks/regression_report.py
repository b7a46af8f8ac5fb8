"""What a regression leaves behind: its run folder and the content of its report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.counting import counted
from elman.data.labelled import Labelled
from elman.plots.numbers import estimates_figure, residuals_figure
from elman.report.task import ChartView, Section, TableView, TaskReport
from elman.report.wording import Fact, Verdict
from elman.tasks.regression import SequenceRegressor
from elman.tasks.relevance_section import steps_section
from elman.tasks.run_folder import RunWriter, network_view, task_report
from elman.tasks.settings_report import with_chosen
from elman.tasks.verdicts import Beside, not_judged

__all__ = ["MEASURES", "prediction_columns", "verdict", "write_regression"]

Array: TypeAlias = NDArray[Any]

MEASURES = (
    ("mae", "Mean absolute error"),
    ("rmse", "Root mean squared error"),
    ("r2", "R2"),
)
_EXAMPLES = 4


def prediction_columns(regressor: SequenceRegressor, data: Labelled) -> dict[str, Any]:
    """What the regressor says of sequences: name, estimate, and the ends of each interval."""
    return {"id": data.names, **_columns(regressor, regressor.predict(data.rows))}


def verdict(scores: Mapping[str, Any] | None) -> str:
    """Whether the network beats the baselines, in a sentence."""
    return _verdict(scores).sentence


def _columns(regressor: SequenceRegressor, estimates: Array) -> dict[str, Any]:
    columns: dict[str, Any] = {"estimate": _rounded(estimates)}
    for level, reach in regressor.intervals_.items():
        columns[f"low-{level:g}"] = _rounded(estimates - reach[0])
        columns[f"high-{level:g}"] = _rounded(estimates + reach[0])
    return columns


def _rounded(values: Array) -> list[float]:
    """To seven significant digits, which single precision has."""
    return [float(f"{value:.7g}") for value in values.tolist()]


def _tables(regressor: SequenceRegressor, data: Labelled) -> dict[str, dict[str, Any]]:
    if regressor.held_out_ is None:
        return {}
    _, truth, estimates, _ = regressor.held_out_
    return {"held_out.csv": {"truth": truth[:, 0], **_columns(regressor, estimates[:, 0])}}


def _report(regressor: SequenceRegressor, data: Labelled, title: str, command: str) -> TaskReport:
    text = regressor.model_.encoder.vocabulary is not None
    source = f"{regressor.unit} of a text" if text else "the steps, scaled"
    report = task_report(
        regressor,
        title=title,
        kind="regression",
        subtitle="One number for each sequence",
        source=f"{data.describe()}.",
        verdict=_verdict(regressor.scores_),
        facts=_facts(regressor.scores_),
        sections=_sections(regressor, data),
        network=network_view(regressor.model_.networks[0], source, "1 number"),
        notes=data.notes,
        command=command,
    )
    return with_chosen(report, regressor)


def _verdict(scores: Mapping[str, Any] | None) -> Verdict:
    if scores is None:
        return not_judged("Too few rows to hold some out: nothing was scored.")
    found = Beside.best(scores["table"], "mae", lower=True)
    clearly = scores["clearly"][found.name]
    rival = f"those of a baseline ({found.name}: {found.other:.4g})"
    if found.level:
        tail = f", level with {rival}"
    elif found.better:
        told = "" if clearly else ", which so few rows cannot tell apart"
        tail = f"; those of the best baseline ({found.name}) by {found.other:.4g}{told}"
    else:
        tail = f", no less than {rival}"
    rows = counted(scores["rows"], "held-out sequence")
    text = f"Estimates of {rows} are off by {found.own:.4g} on average{tail}."
    return found.verdict(text, clearly)


def _facts(scores: Mapping[str, Any] | None) -> list[Fact]:
    if scores is None:
        return []
    own = scores["table"]["network"]
    held_out = counted(scores["rows"], "held-out row")
    facts = [Fact("Mean absolute error", f"{own['mae']:.4g}", held_out)]
    if own["r2"] is not None:
        facts.append(Fact("R2", f"{own['r2']:.3f}", "share of the variance explained"))
    for level, one in list(scores["intervals"].items())[-1:]:
        reach = f"within {one['width'] / 2:.4g} of the estimate"
        facts.append(Fact(f"{level} % interval", f"{100 * one['coverage']:.0f} % inside", reach))
    return facts


def _sections(regressor: SequenceRegressor, data: Labelled) -> list[Section]:
    scores = regressor.scores_
    if scores is None:
        return []
    _, truth, estimates, _ = regressor.held_out_
    rows = [
        [name, *(_cell(row[key]) for key, _ in MEASURES)] for name, row in scores["table"].items()
    ]
    caption = f"On {counted(scores['rows'], 'held-out sequence')} that trained nothing."
    tables = [TableView("", caption, ["", *(head for _, head in MEASURES)], rows, 0)]
    if scores["intervals"]:
        tables.append(_interval_table(scores["intervals"]))
    bands = [
        (f"{level:g} % interval", float(one[0])) for level, one in regressor.intervals_.items()
    ]
    good = Section(
        "How good it is",
        tables=tables,
        charts=[
            ChartView(
                "Estimates",
                "Each held-out sequence: on the dashed line the estimate is right.",
                estimates_figure(_rounded(truth[:, 0]), _rounded(estimates[:, 0]), bands),
                "",
            ),
            ChartView(
                "Errors",
                "Estimate less truth of the held-out sequences: to the right of 0 too much.",
                residuals_figure(_rounded(estimates[:, 0] - truth[:, 0])),
                "",
            ),
        ],
    )
    return [good, _examples(regressor, data)]


def _interval_table(intervals: Mapping[str, Any]) -> TableView:
    rows = [
        [f"{level} %", f"{100 * one['coverage']:.1f} %", f"{one['width']:.4g}"]
        for level, one in intervals.items()
    ]
    caption = (
        "Calibrated on the rows that watched the training, counted on the held-out ones: how many "
        "lie inside, and how wide it is."
    )
    return TableView("Intervals", caption, ["", "Inside", "Width"], rows)


def _examples(regressor: SequenceRegressor, data: Labelled) -> Section:
    """A few held-out sequences, the worst estimates first, with what raised or lowered them."""
    rows, truth, estimates, model = regressor.held_out_
    order = np.argsort(-np.abs(estimates - truth)[:, 0], kind="stable")
    chosen = np.concatenate([order[: _EXAMPLES // 2], order[_EXAMPLES // 2 :][-_EXAMPLES // 2 :]])
    # those answers are of the network that was scored, which a refit has replaced since
    some = rows.select(chosen)
    titles = [f"{estimates[row, 0]:.4g}, in truth {truth[row, 0]:.4g}" for row in chosen]
    return steps_section(
        "Gradient times input, for some held-out sequences (the two worst estimates, then the two "
        "best). Blue raised the estimate, orange lowered it.",
        titles,
        some,
        regressor.relevance(model, some),
        regressor.unit,
        data.channels,
        "raised (or lowered) it",
    )


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


write_regression = RunWriter(_tables, _report)
