"""What a classification leaves behind: its run folder and the content of its report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.data.labelled import Labelled
from elman.data.rows import Rows
from elman.data.text import split_text
from elman.plots.classes import confusion_figure, relevance_figure, reliability_figure
from elman.report.content import NetworkView
from elman.report.task import ChartView, Passage, Section, TableView, TaskReport
from elman.report.wording import Fact, Verdict
from elman.runs import Run
from elman.tasks.classification import SequenceClassifier, relevance_of_named
from elman.tasks.run_folder import network_view, task_report, write_task_run

__all__ = ["MEASURES", "prediction_columns", "verdict", "write_classification"]

Array: TypeAlias = NDArray[Any]

MEASURES = (
    ("accuracy", "Accuracy"),
    ("macro_recall", "Macro recall"),
    ("macro_f1", "Macro F1"),
    ("top_3", "In the first 3"),
    ("log_loss", "Log loss"),
    ("calibration_error", "Calibration error"),
)
_EXAMPLES = 6
_MOST_CHANNELS = 3
_MOST_STEPS = 400


def write_classification(
    run: Run,
    classifier: SequenceClassifier,
    data: Labelled,
    *,
    title: str,
    request: Mapping[str, Any],
    command: str = "",
    report: bool = True,
) -> None:
    """Fills a run folder: configuration, metrics, history, model, held-out answers and report.

    Args:
        run: The folder.
        classifier: Fitted on the data.
        data: What was read.
        title: What was classified.
        request: What was asked for, for ``config.json``.
        command: The command line, for the report.
        report: Whether the report is written too.
    """
    tables = {}
    if classifier.held_out_ is not None:
        _, truth, probabilities, _ = classifier.held_out_
        labels = classifier.classes_[truth].tolist()
        tables["held_out.csv"] = {"truth": labels, **_columns(classifier, probabilities)}
    content = partial(_report, classifier, data, title, command) if report else None
    write_task_run(run, classifier, request=request, tables=tables, report=content)


def prediction_columns(classifier: SequenceClassifier, data: Labelled) -> dict[str, Any]:
    """What the classifier says of sequences: name, class, and the probability of each class."""
    return {"id": data.names, **_columns(classifier, classifier.predict_proba(data.rows))}


def verdict(scores: Mapping[str, Any] | None) -> str:
    """Whether the network beats the baselines, in a sentence."""
    if scores is None:
        return "Too few rows to hold some out: nothing was scored."
    own = scores["table"]["network"]["accuracy"]
    rivals = {name: row["accuracy"] for name, row in scores["table"].items() if name != "network"}
    best = max(rivals, key=lambda name: rivals[name])
    text = f"{own:.1%} of {scores['rows']:,} held-out sequences are given the right class"
    if own > rivals[best]:
        return f"{text}; the best baseline ({best}) has {rivals[best]:.1%}.".replace("%", " %")
    return f"{text}, no more than a baseline ({best}: {rivals[best]:.1%}).".replace("%", " %")


def _columns(classifier: SequenceClassifier, probabilities: Array) -> dict[str, Any]:
    named = classifier.classes_[probabilities.argmax(axis=1)].tolist()
    each = {
        f"p-{one}": np.round(probabilities[:, number], 6)
        for number, one in enumerate(classifier.classes_.tolist())
    }
    return {"class": named, **each}


def _report(classifier: SequenceClassifier, data: Labelled, title: str, command: str) -> TaskReport:
    scores = classifier.scores_
    labels, counts = np.unique(np.asarray(data.labels), return_counts=True)
    common = f"{labels[counts.argmax()]} ({counts.max():,} of {counts.sum():,})"
    return task_report(
        classifier,
        title=title,
        kind="classification",
        subtitle=f"{len(classifier.classes_)} classes",
        source=f"{data.describe()}; the most frequent class is {common}.",
        verdict=_verdict(scores),
        facts=_facts(scores, classifier.temperature_),
        sections=_sections(classifier, data),
        network=_network(classifier),
        notes=data.notes,
        command=command,
    )


def _verdict(scores: Mapping[str, Any] | None) -> Verdict:
    sentence = verdict(scores)
    if scores is None:
        return Verdict("none", "Not judged", sentence)
    if "no more than" in sentence:
        return Verdict("bad", "Does not beat every baseline", sentence)
    return Verdict("good", "Beats every baseline", sentence)


def _facts(scores: Mapping[str, Any] | None, temperature: float) -> list[Fact]:
    if scores is None:
        return []
    own = scores["table"]["network"]
    return [
        Fact("Accuracy", _cell("accuracy", own["accuracy"]), f"{scores['rows']} held-out rows"),
        Fact("Macro recall", _cell("accuracy", own["macro_recall"]), "mean over the classes"),
        Fact("Temperature", f"{temperature:.2f}", "above 1: it was too sure"),
    ]


def _sections(classifier: SequenceClassifier, data: Labelled) -> list[Section]:
    scores = classifier.scores_
    if scores is None:
        return []
    table = scores["table"]
    shown = [one for one in MEASURES if table["network"][one[0]] is not None]
    rows = [[name, *(_cell(key, row[key]) for key, _ in shown)] for name, row in table.items()]
    caption = f"On {scores['rows']:,} held-out sequences that trained nothing."
    good = Section(
        "How good it is",
        tables=[TableView("", caption, ["", *(head for _, head in shown)], rows, 0)],
        charts=[
            ChartView(
                "Confusion",
                "Each row a true class: the darker a cell, the more of the row was named so.",
                confusion_figure(scores["confusion"], scores["classes"]),
                "",
            ),
            ChartView(
                "Reliability",
                "Of the answers that were so sure, how many were right. On the dashed line the "
                f"probabilities mean what they say. Temperature {scores['temperature']:.2f}.",
                reliability_figure(scores["reliability"], scores["reliability_uncalibrated"]),
                "",
            ),
        ],
    )
    return [good, _by_class(scores), _examples(classifier, data)]


def _by_class(scores: Mapping[str, Any]) -> Section:
    matrix, classes = np.array(scores["confusion"]), scores["classes"]
    rows = []
    for number, name in enumerate(classes):
        actual, named = int(matrix[number].sum()), int(matrix[:, number].sum())
        right = int(matrix[number, number])
        rows.append(
            [
                str(name),
                str(actual),
                f"{100 * right / actual:.0f} %" if actual else "–",
                f"{100 * right / named:.0f} %" if named else "–",
            ]
        )
    caption = "Recall: share of the class that was found. Precision: share of those named."
    return Section(
        "Class by class", tables=[TableView("", caption, ["", "Rows", "Recall", "Precision"], rows)]
    )


def _examples(classifier: SequenceClassifier, data: Labelled) -> Section:
    """A few held-out sequences, wrong answers first, with what spoke for the class named."""
    rows, truth, probabilities, model = classifier.held_out_
    named = probabilities.argmax(axis=1)
    order = np.lexsort((-probabilities.max(axis=1), named == truth))
    wrong = [int(one) for one in order if named[one] != truth[one]][: _EXAMPLES // 2]
    right = [int(one) for one in order if named[one] == truth[one]]
    chosen = np.array([*wrong, *right[: _EXAMPLES - len(wrong)]])
    # those answers are of the network that was scored, which a refit has replaced since
    some, answers = rows.select(chosen), probabilities[chosen]
    relevance = relevance_of_named(model, some)
    titles = [
        f"{classifier.classes_[answer.argmax()]} ({100 * answer.max():.0f} %), in truth "
        f"{classifier.classes_[truth[row]]}"
        for row, answer in zip(chosen, answers, strict=True)
    ]
    section = Section(
        "Which steps mattered",
        "Gradient times input, for some held-out sequences (those mistaken first). Blue spoke for "
        "the class named, orange against it.",
    )
    _draw(section, classifier, some, titles, relevance, data.channels)
    return section


def _draw(
    section: Section,
    classifier: SequenceClassifier,
    rows: Rows,
    titles: Sequence[str],
    relevance: Sequence[Array],
    channels: Sequence[str],
) -> None:
    for number, (title, weights) in enumerate(zip(titles, relevance, strict=True)):
        top = float(np.abs(weights).max(initial=0.0)) or 1.0
        if rows.texts is not None:
            tokens = split_text(rows.texts[number], classifier.unit)[:_MOST_STEPS]
            section.passages.append(
                Passage(title, tokens, [round(float(w) / top, 3) for w in weights[:_MOST_STEPS]])
            )
            continue
        values = (rows.arrays or [])[number][:_MOST_STEPS, :_MOST_CHANNELS].T
        shown = [[None if np.isnan(v) else float(f"{v:.5g}") for v in one] for one in values]
        each = np.round(weights[:_MOST_STEPS].T / top, 4).tolist()
        caption = "Lines: the first channels. Bars: all channels of a step together."
        figure = relevance_figure(shown, each, channels)
        section.charts.append(ChartView(title, caption, figure))


def _network(classifier: SequenceClassifier) -> NetworkView:
    text = classifier.model_.encoder.vocabulary is not None
    source = f"{classifier.unit} of a text" if text else "the steps, scaled"
    answer = f"{len(classifier.classes_)} classes"
    return network_view(classifier.model_.networks[0], source, answer)


def _cell(measure: str, value: float | None) -> str:
    if value is None:
        return "–"
    if measure in ("log_loss", "calibration_error"):
        return f"{value:.3f}"
    return f"{100 * value:.1f} %"
