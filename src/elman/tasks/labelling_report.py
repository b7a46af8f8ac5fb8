"""What a labelling leaves behind: its run folder and the content of its report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.counting import counted
from elman.data.conll import StepFile
from elman.data.tokens import Sentences, Steps
from elman.evaluate.labels import scheme_of
from elman.plots.classes import confusion_figure
from elman.plots.labels import segments_figure
from elman.report.content import LayerView, NetworkView
from elman.report.task import ChartView, Section, TableView, TaggedPassage, TaskReport
from elman.report.wording import Fact, Verdict, share_text
from elman.tasks.labelling import SequenceLabeller
from elman.tasks.labelling_model import Answer
from elman.tasks.labelling_network import LabellingShape
from elman.tasks.labelling_scores import MEASURES
from elman.tasks.run_folder import RunWriter, layer_views, task_report
from elman.tasks.settings_report import with_chosen
from elman.tasks.verdicts import Beside, not_judged

__all__ = ["label_columns", "verdict", "write_labelling"]

Array: TypeAlias = NDArray[Any]

_EXAMPLES = 8
_MOST_ROWS = 40
_MOST_STEPS = 300
_MOST_CHANNELS = 3


def label_columns(
    labeller: SequenceLabeller, steps: Steps, names: list[str], answers: list[Answer]
) -> dict[str, Any]:
    """Answers as a table, one row a step: sequence, step, token, label and its probability."""
    lengths = [len(answer.labels) for answer in answers]
    classes = labeller.classes_
    columns: dict[str, Any] = {
        "sequence": [name for name, one in zip(names, lengths, strict=True) for _ in range(one)],
        "step": [step for one in lengths for step in range(1, one + 1)],
    }
    if isinstance(steps, Sentences):
        columns["token"] = [word for words in steps.tokens for word in words]
    columns["label"] = [one for answer in answers for one in classes[answer.labels].tolist()]
    sure = [
        answer.probabilities[np.arange(len(answer.labels)), answer.labels] for answer in answers
    ]
    columns["probability"] = np.round(np.concatenate(sure), 6) if sure else []
    return columns


def verdict(scores: Mapping[str, Any] | None) -> str:
    """Whether the network beats the baselines, in a sentence."""
    return _verdict(scores).sentence


def _verdict(scores: Mapping[str, Any] | None) -> Verdict:
    if scores is None:
        return not_judged("Too few sequences to hold some out: nothing was scored.")
    spans = scores["table"]["network"]["span_f1"] is not None
    found = Beside.best(scores["table"], "span_f1" if spans else "accuracy")
    rival = f"({found.name}: {found.other:.1%})"
    if found.level:
        tail = f", level with a baseline {rival}"
    elif found.better:
        tail = f"; the best baseline ({found.name}) has {found.other:.1%}"
    else:
        tail = f", no more than a baseline {rival}"
    if spans:
        rows = counted(scores["rows"], "unseen sequence")
        text = f"Spans are found with an F1 of {found.own:.1%} in {rows}"
    else:
        steps = f"{counted(scores['steps'], 'step')} that trained nothing"
        text = f"{found.own:.1%} of {steps} are labelled right"
    return found.verdict(f"{text}{tail}.".replace("%", " %"))


def _tables(labeller: SequenceLabeller, data: StepFile) -> dict[str, dict[str, Any]]:
    if labeller.held_out_ is None:
        return {}
    steps, truth, answers = labeller.held_out_
    names = [str(row + 1) for row in range(len(steps))]
    columns = label_columns(labeller, steps, names, answers)
    return {"held_out.csv": {**columns, "truth": [one for row in truth for one in row]}}


def _report(labeller: SequenceLabeller, data: StepFile, title: str, command: str) -> TaskReport:
    scores = labeller.scores_
    chosen = "all labels of a sequence together (CRF)" if labeller.crf else "each label for itself"
    report = task_report(
        labeller,
        title=title,
        kind="labelling",
        subtitle=f"{counted(len(labeller.classes_), 'label')}, one a step; {chosen}",
        source=f"{data.describe()}.",
        verdict=_verdict(scores),
        facts=_facts(scores),
        sections=[] if scores is None else _sections(labeller, scores, data),
        network=_network(labeller),
        notes=data.notes,
        command=command,
    )
    return with_chosen(report, labeller)


def _facts(scores: Mapping[str, Any] | None) -> list[Fact]:
    if scores is None:
        return []
    own = scores["table"]["network"]
    found = [Fact("Accuracy", _share(own["accuracy"]), f"of {counted(scores['steps'], 'step')}")]
    if own["span_f1"] is not None:
        support = scores["spans"]["support"]
        found.append(Fact("Span F1", _share(own["span_f1"]), f"of {support:,} spans"))
    unmet = scores["unmet"]
    if unmet is not None:
        whole = f"of {scores['rows']:,} without a mistake"
        found.append(Fact("Whole sentences", _share(own["sequences"]), whole))
    if unmet is not None and unmet["words"]:
        share = _share(unmet["right"] / unmet["words"])
        found.append(Fact("Words never met", share, f"of {unmet['words']:,} labelled right"))
    return found


def _sections(
    labeller: SequenceLabeller, scores: Mapping[str, Any], data: StepFile
) -> list[Section]:
    shown = [one for one in MEASURES if scores["table"]["network"][one[0]] is not None]
    rows = [
        [name, *(_share(row[key]) for key, _ in shown)] for name, row in scores["table"].items()
    ]
    caption = (
        f"On {counted(scores['steps'], 'step')} of {counted(scores['rows'], 'sequence')} that "
        "trained nothing. "
        "Macro F1 counts rare labels as much as common ones."
    )
    good = Section(
        "How good it is",
        tables=[TableView("", caption, ["", *(head for _, head in shown)], rows, 0)],
        charts=[
            ChartView(
                "Confusion",
                "Each row a true label: the stronger the colour of a cell, the more of the row was "
                "named so.",
                confusion_figure(scores["confusion"], scores["classes"]),
                "",
            )
        ],
    )
    return [good, _by_label(scores), _examples(labeller, data)]


def _by_label(scores: Mapping[str, Any]) -> Section:
    lead = (
        "Precision: share of those named so that are. Recall: share of those that are so which "
        "were named. F1: their harmonic mean."
    )
    tables = [_rates("Labels", "Step by step.", scores["labels"])]
    if scores["spans"] is not None:
        caption = "Right only with the right beginning, end and type, as conlleval counts."
        rows = [*scores["spans"]["types"], {"label": "all", **scores["spans"]}]
        tables.insert(0, _rates("Spans", caption, rows))
    return Section("Label by label", lead, tables=tables)


def _rates(title: str, caption: str, rows: list[dict[str, Any]]) -> TableView:
    shown = sorted(rows, key=lambda row: -int(row["support"]))[:_MOST_ROWS]
    if len(rows) > _MOST_ROWS:
        caption = f"{caption} The {_MOST_ROWS} most frequent of {len(rows)}."
    cells = [
        [
            str(row["label"]),
            f"{row['support']:,}",
            f"{row['named']:,}",
            *(_share(row[key]) for key in ("precision", "recall", "f1")),
        ]
        for row in shown
    ]
    return TableView(title, caption, ["", "In truth", "Named", "Precision", "Recall", "F1"], cells)


def _examples(labeller: SequenceLabeller, data: StepFile) -> Section:
    """A few scored sequences: those with most mistakes, then others."""
    assert labeller.held_out_ is not None
    steps, truth, answers = labeller.held_out_
    wrong = [
        sum(a != b for a, b in zip(labeller.classes_[answer.labels].tolist(), row, strict=True))
        for answer, row in zip(answers, truth, strict=True)
    ]
    order = [int(row) for row in np.argsort([-one for one in wrong], kind="stable")]
    mistaken = [row for row in order if wrong[row]][: _EXAMPLES // 2]
    fewest = sorted(range(len(wrong)), key=lambda row: (wrong[row], row))
    others = [row for row in fewest if row not in mistaken]
    chosen = [*mistaken, *others[: _EXAMPLES - len(mistaken)]]
    lead = "Sequences that trained nothing: those with most mistakes first, then those with fewest."
    if isinstance(steps, Sentences):
        lead += " A frame marks a mistake, with the right label."
    section = Section("Examples", lead)
    for row in chosen:
        named = labeller.classes_[answers[row].labels].tolist()[:_MOST_STEPS]
        number = counted(wrong[row], "mistake") if wrong[row] else "right"
        title = f"Sequence {row + 1}: {number}"
        if isinstance(steps, Sentences):
            words = steps.tokens[row][:_MOST_STEPS]
            section.tagged.append(_passage(labeller, title, words, named, truth[row][:_MOST_STEPS]))
        else:
            values = (steps.arrays or [])[row]
            section.charts.append(_chart(labeller, title, values, named, truth[row], data))
    return section


def _passage(
    labeller: SequenceLabeller, title: str, words: list[str], named: list[Any], truth: list[Any]
) -> TaggedPassage:
    spans = scheme_of(labeller.classes_.tolist()) is not None
    kinds = sorted({_kind(one, spans) for one in labeller.classes_.tolist()} - {""})
    colours = [kinds.index(_kind(one, spans)) if _kind(one, spans) else -1 for one in named]
    truths = ["" if a == b else str(b) for a, b in zip(named, truth, strict=True)]
    shown = [
        "" if spans and label == "O" and not right else str(label)
        for label, right in zip(named, truths, strict=True)
    ]
    return TaggedPassage(title, words, shown, colours, truths)


def _kind(label: Any, spans: bool) -> str:
    """What a label is coloured by: the type of its span."""
    if not spans:
        return str(label)
    return "" if label == "O" else str(label).partition("-")[2]


def _chart(
    labeller: SequenceLabeller,
    title: str,
    values: Array,
    named: list[Any],
    truth: list[Any],
    data: StepFile,
) -> ChartView:
    classes = list(dict.fromkeys([*labeller.classes_.tolist(), *truth]))
    number = {one: place for place, one in enumerate(classes)}
    shown = values[:_MOST_STEPS, :_MOST_CHANNELS].T
    figure = segments_figure(
        [[None if np.isnan(v) else float(f"{v:.5g}") for v in one] for one in shown],
        [number[one] for one in truth[:_MOST_STEPS]],
        [number[one] for one in named],
        classes,
        data.channels or [f"channel {c + 1}" for c in range(len(shown))],
    )
    caption = "Above: the labels that are true, and those that were named."
    return ChartView(title, caption, figure, "")


def _network(labeller: SequenceLabeller) -> NetworkView:
    """The layers in a row; what is made of words, side by side in the network, is one of them."""
    network = labeller.model_.networks[0]
    views, shape = layer_views(network), network.shape
    if network.reader is None:
        return NetworkView("the steps, scaled", f"T x {shape.channels}", views, _answer(shape))
    number = len(network.reader.layers)
    parts = ["vectors"]
    parts += ["shapes"] if shape.shape_size else []
    parts += [f"{shape.cell} over the letters"] if shape.character_size else []
    total = sum(view.parameters for view in views[:number])
    words = LayerView("Words", ", ".join(parts), str(network.reader.width), total)
    return NetworkView("words", "T words", [words, *views[number:]], _answer(shape))


def _answer(shape: LabellingShape) -> str:
    return f"T labels of {shape.labels}"


def _share(value: float) -> str:
    return share_text(value)


write_labelling = RunWriter(_tables, _report)
