"""What a translator leaves behind: its run folder and the content of its report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from elman.counting import counted
from elman.data.pair_files import PairData
from elman.data.pairs import LISTS, Tokens, join_tokens
from elman.layers import Layer, RecurrentLayer
from elman.plots.translation import attention_figure, length_figure
from elman.report.content import LayerView, NetworkView
from elman.report.task import ChartView, Section, TableView, TaskReport
from elman.report.wording import Fact, Verdict, share_text
from elman.tasks.run_folder import RunWriter, task_report
from elman.tasks.settings_report import with_chosen
from elman.tasks.translation import Translator
from elman.tasks.translation_rows import Pairs
from elman.tasks.translation_scores import NETWORK
from elman.tasks.verdicts import not_judged

__all__ = ["MEASURES", "translation_columns", "verdict", "write_translation"]

MEASURES = (
    ("exact_match", "Exactly right"),
    ("token_accuracy", "Tokens in place"),
    ("token_error_rate", "Edits a token"),
    ("bleu", "BLEU"),
    ("chrf", "chrF"),
)
_EXAMPLES = 12
_MAPS = 4
_LONGEST_MAP = 60


def translation_columns(translator: Translator, data: PairData) -> dict[str, Any]:
    """What the translator says of sources: the source, the answer, its log probability."""
    answers = [one[0] for one in translator.translate(data.sources)]
    return {
        "source": [_plain(one) for one in data.sources],
        "answer": [_plain(one.output) for one in answers],
        "log_probability": [round(one.log_probability, 6) for one in answers],
    }


def verdict(scores: Mapping[str, Any] | None) -> str:
    """Whether the network beats the baselines, in a sentence."""
    return _verdict(scores).sentence


def _verdict(scores: Mapping[str, Any] | None) -> Verdict:
    """By what is exactly right, else by the edits that are needed."""
    if scores is None:
        return not_judged("Too few pairs to hold some out: nothing was scored.")
    table = scores["table"]
    own = table[NETWORK]
    rivals = {name: row for name, row in table.items() if name != NETWORK}
    near = min(rivals, key=lambda name: rivals[name]["token_error_rate"])
    best = max(rivals, key=lambda name: (rivals[name]["exact_match"], name == near))
    exact, other = own["exact_match"], rivals[best]["exact_match"]
    error, other_error = own["token_error_rate"], rivals[near]["token_error_rate"]
    text = f"{_percent(exact)} of {scores['rows']:,} held-out sources are answered exactly right"
    if exact > other and error <= other_error:
        tail = f"the best baseline ({best}) has {_percent(other)}"
        return Verdict("good", "Beats every baseline", f"{text}; {tail}.")
    if exact == other and error == other_error:
        return Verdict("mixed", "Level with a baseline", f"{text}, level with a baseline ({best}).")
    if exact <= other and error >= other_error:
        tail = f"no more than a baseline ({best}: {_percent(other)})"
        return Verdict("bad", "Does not beat every baseline", f"{text}, {tail}.")
    if exact < other or error > other_error:
        tail = (
            f"{_percent(other)} by a baseline ({best}); it needs {error:.2f} edits a token, "
            f"{other_error:.2f} with a baseline ({near})"
        )
        return Verdict("mixed", "Does not beat every baseline in every way", f"{text}, {tail}.")
    tail = (
        f"{error:.2f} edits a token would put the answers right, {other_error:.2f} those of the "
        f"best baseline ({near})"
    )
    return Verdict("mixed", "Nearer than every baseline, not oftener right", f"{text}; {tail}.")


def _tables(translator: Translator, data: PairData) -> dict[str, dict[str, Any]]:
    held = translator.held_out_
    if held is None:
        return {}
    pairs: Pairs = held["pairs"]
    answers, truth = held["answers"], pairs.targets
    columns = {
        "source": _texts(pairs.sources, translator.units_[0]),
        "target": _texts(truth, translator.units_[1]),
        "answer": _texts(answers, translator.units_[1]),
        "right": [int(a == t) for a, t in zip(answers, truth, strict=True)],
        "log_probability": np.round(held["log_probabilities"], 6),
    }
    return {"held_out.csv": columns}


def _report(translator: Translator, data: PairData, title: str, command: str) -> TaskReport:
    scores = translator.scores_
    attention = translator.attention or "no"
    cell = type(translator.model_.network.decoder).__name__
    report = task_report(
        translator,
        title=title,
        kind="translation",
        subtitle=f"{cell} encoder and decoder, {attention} attention",
        source=f"{data.describe()}.",
        verdict=_verdict(scores),
        facts=_facts(translator),
        sections=[] if scores is None else _sections(translator),
        network=_network(translator),
        notes=data.notes,
        command=command,
    )
    return with_chosen(report, translator)


def _facts(translator: Translator) -> list[Fact]:
    scores = translator.scores_
    if scores is None:
        return []
    own = scores["table"][NETWORK]
    return [
        Fact(
            "Exactly right", _percent(own["exact_match"]), counted(scores["rows"], "held-out pair")
        ),
        Fact("Tokens in place", _percent(own["token_accuracy"]), "of answer and target"),
        Fact("Perplexity", f"{scores['perplexity']:.3g}", "a token of the true target; 1 is best"),
    ]


def _sections(translator: Translator) -> list[Section]:
    scores: Any = translator.scores_
    table = scores["table"]
    shown = [one for one in MEASURES if table[NETWORK].get(one[0]) is not None]
    rows = [[name, *(_cell(key, row[key]) for key, _ in shown)] for name, row in table.items()]
    caption = (
        f"On {counted(scores['rows'], 'held-out pair')} that trained nothing. Tokens are "
        f"{'characters' if translator.units_[1] == 'characters' else 'words'}; edits are "
        "insertions, deletions and replacements over the number of true tokens, lower is better."
    )
    good = Section(
        "How good it is",
        tables=[TableView("", caption, ["", *(head for _, head in shown)], rows, 0)],
        charts=[
            ChartView(
                "By length",
                "How many sources of such a length are answered exactly right.",
                length_figure(scores["by_length"]),
            )
        ],
    )
    found = [good, _examples(translator)]
    if translator.attention is not None:
        found.append(_maps(translator))
    return found


def _examples(translator: Translator) -> Section:
    """Some held-out pairs: those mistaken, surest first, and those that are right, least sure."""
    held: Any = translator.held_out_
    rows = []
    for row in _chosen(translator, _EXAMPLES):
        pair: Pairs = held["pairs"].select([row])
        answer = held["answers"][row]
        right = answer == pair.targets[0]
        rows.append(
            [
                _text(pair.sources[0], translator.units_[0]),
                _text(answer, translator.units_[1]),
                "right" if right else _text(pair.targets[0], translator.units_[1]),
                f"{100 * np.exp(held['log_probabilities'][row]):.1f} %",
            ]
        )
    heads = ["Source", "Answer", "In truth", "Probability"]
    caption = (
        "First the mistakes that it was surest of, then right answers, those first that it was "
        "least sure of."
    )
    return Section("Right and wrong", tables=[TableView("", caption, heads, rows)])


def _maps(translator: Translator) -> Section:
    held: Any = translator.held_out_
    pairs: Pairs = held["pairs"]
    fit = [
        row
        for row, (source, answer) in enumerate(zip(pairs.sources, held["answers"], strict=True))
        if 0 < len(source) <= _LONGEST_MAP and len(answer) <= _LONGEST_MAP
    ]
    wrong = [row for row in fit if held["answers"][row] != pairs.targets[row]][:1]
    right = [row for row in fit if held["answers"][row] == pairs.targets[row]]
    right.sort(key=lambda row: len(pairs.sources[row]))
    places = np.linspace(0.5, 1.0, _MAPS - len(wrong))  # longer ones show more
    chosen = [right[int(place * (len(right) - 1))] for place in places] if right else []
    shown = [*dict.fromkeys(chosen), *wrong]
    section = Section(
        "What it reads as it writes",
        "Each row a token of the answer: the stronger the colour of a cell, the more of the "
        "source's token was read before it was written. Attention says where the network looked, "
        "not why.",
    )
    if not shown:
        return section
    sources = [pairs.sources[row] for row in shown]
    answers = [held["answers"][row] for row in shown]
    maps = translator.model_.attention(Pairs(sources, answers))
    for row, source, answer, weights in zip(shown, sources, answers, maps, strict=True):
        wrong_note = ", which is wrong" if row in wrong else ""
        section.charts.append(
            ChartView(
                f"{_text(source, translator.units_[0])} → {_text(answer, translator.units_[1])}"
                f"{wrong_note}",
                "Rows: the answer and its end. Columns: the source.",
                attention_figure(
                    np.round(weights.astype(float), 3).tolist(),
                    [str(token) for token in source],
                    [str(token) for token in answer],
                ),
                "",
            )
        )
    return section


def _chosen(translator: Translator, most: int) -> list[int]:
    """Rows held out: up to half of them mistakes, surest first; then right ones, least sure."""
    held: Any = translator.held_out_
    right = np.array(
        [a == t for a, t in zip(held["answers"], held["pairs"].targets, strict=True)], bool
    )
    logs = np.array(held["log_probabilities"])
    order = np.argsort(-logs, kind="stable")
    wrong = [int(row) for row in order if not right[row]][: most // 2]
    others = [int(row) for row in order[::-1] if right[row]]
    return [*wrong, *others[: most - len(wrong)]]


def _network(translator: Translator) -> NetworkView:
    network = translator.model_.network
    shape, bridges, attention = network.shape, network.bridges, network.attention
    units = f"{shape.num_layers} x " if shape.num_layers > 1 else ""
    units += f"{shape.hidden_size} units"
    both = ", both ways" if shape.bidirectional else ""
    kind = type(network.decoder).__name__
    layers = [
        _layer("Source embedding", "", [network.source_embedding]),
        _layer("Encoder", f"{kind}, {units}{both}", [network.encoder]),
        *([_layer("Bridge", "final state to first", bridges)] if bridges else []),
        _layer("Target embedding", "", [network.target_embedding]),
        _layer("Decoder", f"{kind}, {units}", [network.decoder]),
        *(
            []
            if attention is None
            else [_layer("Attention", f"{attention.kind} score", [attention])]
        ),
        _layer("Dense", "", [network.head]),
    ]
    source, target = translator.units_
    return NetworkView(f"{source} of the source", "S x 1", layers, f"{target}, one by one")


def _layer(name: str, detail: str, layers: Sequence[Layer]) -> LayerView:
    size = sum(prod(s) for layer in layers for s in layer.parameter_shapes().values())
    output = str(getattr(layers[0], "output_size", "") or "")
    return LayerView(name, detail, output, size, isinstance(layers[0], RecurrentLayer))


def _texts(rows: Sequence[Tokens], unit: str) -> list[str]:
    return [_text(row, unit) for row in rows]


def _text(tokens: Tokens, unit: str) -> str:
    return " ".join(map(str, tokens)) if unit == LISTS else str(join_tokens(tokens, unit))


def _plain(row: Any) -> str:
    return row if isinstance(row, str) else " ".join(map(str, row))


def _percent(share: float) -> str:
    return share_text(share)


def _cell(measure: str, value: float | None) -> str:
    if value is None:
        return "–"
    if measure in ("exact_match", "token_accuracy"):
        return _percent(value)
    return f"{value:.3f}" if measure == "token_error_rate" else f"{value:.1f}"


write_translation = RunWriter(_tables, _report)
