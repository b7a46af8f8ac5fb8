"""What a classification leaves behind: its run folder and the content of its report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.counting import counted
from elman.data.labelled import Labelled
from elman.plots.classes import confusion_figure, reliability_figure
from elman.report.content import NetworkView
from elman.report.task import ChartView, Section, TableView, TaskReport
from elman.report.wording import Fact, Verdict, share_text
from elman.tasks.classification import SequenceClassifier
from elman.tasks.relevance_section import steps_section
from elman.tasks.run_folder import RunWriter, network_view, task_report
from elman.tasks.settings_report import with_chosen
from elman.tasks.verdicts import Beside, not_judged

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


def prediction_columns(classifier: SequenceClassifier, data: Labelled) -> dict[str, Any]:
    """What the classifier says of sequences: name, class, and the probability of each class."""
    return {"id": data.names, **_columns(classifier, classifier.predict_proba(data.rows))}


def verdict(scores: Mapping[str, Any] | None) -> str:
    """Whether the network beats the baselines, in a sentence."""
    return _verdict(scores).sentence


def _columns(classifier: SequenceClassifier, probabilities: Array) -> dict[str, Any]:
    named = classifier.classes_[classifier.ranking(probabilities).argmax(axis=1)].tolist()
    each = {
        f"p-{one}": np.round(probabilities[:, number], 6)
        for number, one in enumerate(classifier.classes_.tolist())
    }
    return {"class": named, **each}


def _tables(classifier: SequenceClassifier, data: Labelled) -> dict[str, dict[str, Any]]:
    if classifier.held_out_ is None:
        return {}
    _, truth, probabilities, _ = classifier.held_out_
    labels = classifier.classes_[truth].tolist()
    return {"held_out.csv": {"truth": labels, **_columns(classifier, probabilities)}}


def _report(classifier: SequenceClassifier, data: Labelled, title: str, command: str) -> TaskReport:
    scores = classifier.scores_
    labels, counts = np.unique(np.asarray(data.labels), return_counts=True)
    common = f"{labels[counts.argmax()]} ({counts.max():,} of {counts.sum():,})"
    report = task_report(
        classifier,
        title=title,
        kind="classification",
        subtitle=counted(len(classifier.classes_), "class", "classes"),
        source=f"{data.describe()}; the most frequent class is {common}.",
        verdict=_verdict(scores),
        facts=_facts(scores, classifier.temperature_),
        sections=_sections(classifier, data),
        network=_network(classifier),
        notes=data.notes,
        command=command,
    )
    return with_chosen(report, classifier)


def _verdict(scores: Mapping[str, Any] | None) -> Verdict:
    if scores is None:
        return not_judged("Too few rows to hold some out: nothing was scored.")
    found = Beside.best(scores["table"], "accuracy")
    clearly = scores["clearly"][found.name]
    rival = f"({found.name}: {found.other:.1%})"
    if found.level:
        tail = f", level with a baseline {rival}"
    elif found.better:
        told = "" if clearly else ", which so few rows cannot tell apart"
        tail = f"; the best baseline ({found.name}) has {found.other:.1%}{told}"
    else:
        tail = f", no more than a baseline {rival}"
    rows = counted(scores["rows"], "held-out sequence")
    text = f"{found.own:.1%} of {rows} are given the right class{tail}."
    return found.verdict(text.replace("%", " %"), clearly)


def _facts(scores: Mapping[str, Any] | None, temperature: float) -> list[Fact]:
    if scores is None:
        return []
    own = scores["table"]["network"]
    return [
        Fact(
            "Accuracy", _cell("accuracy", own["accuracy"]), counted(scores["rows"], "held-out row")
        ),
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
    caption = f"On {counted(scores['rows'], 'held-out sequence')} that trained nothing."
    good = Section(
        "How good it is",
        tables=[TableView("", caption, ["", *(head for _, head in shown)], rows, 0)],
        charts=[
            ChartView(
                "Confusion",
                "Each row a true class: the stronger the colour of a cell, the more of the row was "
                "named so.",
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
    named = classifier.ranking(probabilities).argmax(axis=1)
    sure = probabilities[np.arange(len(truth)), named]
    order = np.lexsort((-sure, named == truth))
    wrong = [int(one) for one in order if named[one] != truth[one]][: _EXAMPLES // 2]
    right = [int(one) for one in order if named[one] == truth[one]]
    firsts = [one for at, one in enumerate(right) if named[one] not in named[right[:at]]]
    right = [*firsts, *(one for one in right if one not in firsts)]  # of several classes
    chosen = np.array([*wrong, *right[: _EXAMPLES - len(wrong)]])
    # those answers are of the network that was scored, which a refit has replaced since
    some = rows.select(chosen)
    relevance = classifier.relevance(model, some)
    titles = []
    for row in chosen:
        share = f"{100 * sure[row]:.0f} %" if sure[row] < 0.995 else "over 99 %"
        right = named[row] == truth[row]
        told = "which is right" if right else f"in truth {classifier.classes_[truth[row]]}"
        titles.append(f"{classifier.classes_[named[row]]} ({share}), {told}")
    return steps_section(
        "Gradient times input, for some held-out sequences (those mistaken first). Blue spoke for "
        "the class named, orange against it.",
        titles,
        some,
        relevance,
        classifier.unit,
        data.channels,
        "spoke for (or against)",
    )


def _network(classifier: SequenceClassifier) -> NetworkView:
    text = classifier.model_.encoder.vocabulary is not None
    source = f"{classifier.unit} of a text" if text else "the steps, scaled"
    answer = counted(len(classifier.classes_), "class", "classes")
    return network_view(classifier.model_.networks[0], source, answer)


def _cell(measure: str, value: float | None) -> str:
    if value is None:
        return "–"
    if measure in ("log_loss", "calibration_error"):
        return f"{value:.3f}"
    return share_text(value)


write_classification = RunWriter(_tables, _report)
