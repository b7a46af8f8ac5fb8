"""What a language model leaves behind: its run folder and the content of its report."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.plots.language import learning_figure, next_symbol_figure, surprise_figure
from elman.report.task import ChartView, Passage, Quote, Section, TableView, TaskReport
from elman.report.wording import Fact, Verdict
from elman.runs import Run
from elman.tasks.language import LanguageModel
from elman.tasks.language_model import Choice
from elman.tasks.run_folder import RunWriter, network_view, task_report
from elman.tasks.settings_report import with_chosen
from elman.tasks.verdicts import Beside, not_judged

__all__ = ["MEASURES", "surprise_columns", "verdict", "write_language"]

Array: TypeAlias = NDArray[Any]

MEASURES = (
    ("bits_per_character", "Bits a character"),
    ("perplexity", "Perplexity of a symbol"),
    ("nats", "Nats a symbol"),
)
_TEMPERATURES = (0.3, 0.6, 0.8, 1.0)
_SAMPLE = {"words": 130}
_MOST_SAMPLED = 500
_PLACES = {"words": 16}
_MOST_PLACES = 48
_PASSAGE = 240
_RANKS = 5


def surprise_columns(model: LanguageModel, text: str) -> dict[str, Any]:
    """How surprised the model is by each symbol of a text, and what it held for likeliest."""
    symbols = model.model_.symbols
    opening = model.model_.opening
    numbers = np.concatenate([opening, symbols.encode(text)])
    bits, likeliest, place = [np.empty(0)], [np.empty(0, np.int64)], 1
    for z in model.model_.log_probabilities(numbers):  # chunk by chunk: a text may be long
        actual = numbers[place : place + len(z)]
        bits.append(-z[np.arange(len(z)), actual] / math.log(2.0))
        likeliest.append(model.model_.allowed(z).argmax(axis=1))
        place += len(z)
    before = len(opening) - 1
    return {
        "symbol": [symbols.shown(int(one)) for one in numbers[len(opening) :]],
        "bits": np.round(np.concatenate(bits)[before:], 5),
        "likeliest": [symbols.shown(int(one)) for one in np.concatenate(likeliest)[before:]],
    }


def verdict(scores: Mapping[str, Any] | None) -> str:
    """Whether the network beats the n-grams, in a sentence."""
    return _verdict(scores).sentence


def _verdict(scores: Mapping[str, Any] | None) -> Verdict:
    if scores is None:
        return not_judged("Nothing was held out: nothing was scored.")
    found = Beside.best(scores["table"], "bits_per_character", lower=True)
    text = f"The network needs {found.own:.3f} bits for a held-out character"
    rival = f"an n-gram ({found.name}: {found.other:.3f})"
    if found.level:
        return Verdict("mixed", "Level with the n-grams", f"{text}, level with {rival}.")
    if found.better:
        told = f"{text}; the best n-gram ({found.name}) needs {found.other:.3f}."
        return Verdict("good", "Beats the n-grams", told)
    return Verdict("bad", "Does not beat the n-grams", f"{text}, no fewer than {rival}.")


class _Told(NamedTuple):
    """What is told of a text beside its model: what was read, and what the model writes."""

    described: str
    samples: dict[float, str]


def _tables(model: LanguageModel, told: _Told) -> dict[str, dict[str, Any]]:
    samples = told.samples
    return {"samples.csv": {"temperature": list(samples), "text": list(samples.values())}}


def _report(model: LanguageModel, told: _Told, title: str, command: str) -> TaskReport:
    scores = model.scores_
    report = task_report(
        model,
        title=title,
        kind="language",
        subtitle=f"next {model.unit.rstrip('s')}, {model.model_.symbols.size} symbols",
        source=f"{told.described}.",
        verdict=_verdict(scores),
        facts=_facts(model),
        sections=[*_judged(model), _samples(model, told.samples), *_passage(model)],
        network=network_view(
            model.model_.network, f"{model.unit} of a text", "how likely each symbol is next"
        ),
        command=command,
    )
    return with_chosen(report, model)


def _facts(model: LanguageModel) -> list[Fact]:
    scores = model.scores_
    if scores is None:
        return []
    own = scores["table"]["network"]
    return [
        Fact("Bits a character", f"{own['bits_per_character']:.3f}", "held out; lower is better"),
        Fact(
            "Perplexity",
            f"{own['perplexity']:.3g}",
            "as unsure as between so many equally likely symbols",
        ),
    ]


def _judged(model: LanguageModel) -> list[Section]:
    scores = model.scores_
    if scores is None:
        return []
    table = scores["table"]
    rows = [[name, *(f"{row[key]:.3f}" for key, _ in MEASURES)] for name, row in table.items()]
    caption = (
        f"On the last {scores['characters']:,} characters ({scores['symbols']:,} symbols), which "
        "trained and chose nothing. An n-gram counts what followed the symbols just before."
    )
    bits = [loss / math.log(2.0) for loss in model.history_.validation_loss if loss is not None]
    training = [loss / math.log(2.0) for loss in model.history_.loss]
    return [
        Section(
            "How good it is",
            tables=[TableView("", caption, ["", *(head for _, head in MEASURES)], rows, 0)],
            charts=[
                ChartView(
                    "Learning",
                    "Bits for a symbol of the part that watched the training, by epoch. The "
                    "n-grams, dashed, have counted the same text.",
                    learning_figure(bits, training, scores["watched"]),
                )
            ],
        )
    ]


def _samples(model: LanguageModel, samples: Mapping[float, str]) -> Section:
    quotes = [Quote(f"Temperature {t:g}", text) for t, text in samples.items()]
    return Section(
        "What it writes",
        "Samples from an empty page, drawn symbol by symbol. The lower the temperature, the safer "
        "the choice.",
        quotes=quotes,
    )


def _passage(model: LanguageModel) -> list[Section]:
    """What was thought at each place of a held-out passage."""
    if not model.held_out_:
        return []
    text = max(model.held_out_, key=len)
    numbers = np.asarray(text[-(4 * _PASSAGE) :], np.int64)  # read on from the middle
    z = np.concatenate(list(model.model_.log_probabilities(numbers)))
    first = max(0, len(z) - _PASSAGE)
    z, actual = z[first:], numbers[1 + first :]
    symbols = model.model_.symbols
    shown = [symbols.shown(int(one)) for one in actual]
    bits = -z[np.arange(len(z)), actual] / math.log(2.0)
    name, rival = next(iter(model.rivals_.items()))
    theirs = -rival.log_probabilities(numbers)[first:] / math.log(2.0)
    few = slice(_PLACES.get(model.unit, _MOST_PLACES))
    shares = Choice().probabilities(z[few])
    order = np.argsort(-shares, axis=1, kind="stable")[:, :_RANKS]
    right = (order == actual[few, None]).tolist()
    likeliest = [[symbols.shown(int(one)) for one in row] for row in order]
    expected = Section(
        "What it expects",
        "A held-out passage. Before each symbol the network says how likely every symbol is.",
        charts=[
            ChartView(
                "What may come next",
                "Below: the symbols that came. Above each: what was held for likeliest, in bold "
                "what it was; the stronger the colour, the likelier.",
                next_symbol_figure(
                    shown[few], likeliest, np.take_along_axis(shares, order, 1).tolist(), right
                ),
                "",
            )
        ],
    )
    surprising = Section(
        "What surprises it",
        "Bits for each symbol of the same passage: 1 bit is the surprise of a fair coin.",
        charts=[
            ChartView(
                "Surprise",
                f"Of the network, and of the {name}, which has counted the same text.",
                surprise_figure(shown[few], bits[few].tolist(), theirs[few].tolist(), name),
            ),
        ],
        passages=[
            _weighed("Where the network is surprised", shown, bits),
            _weighed(
                f"Where it knows more than the {name} (blue), and less (orange)",
                shown,
                theirs - bits,
                1,
            ),
        ],
    )
    return [expected, surprising]


def _weighed(title: str, shown: list[str], values: Array, sign: int = -1) -> Passage:
    top = max(float(np.abs(values).max(initial=0.0)), 1.0)
    return Passage(title, shown, [round(sign * float(one) / top, 3) for one in values])


_write = RunWriter(_tables, _report)


def write_language(run: Run, model: LanguageModel, *, described: str, **rest: Any) -> None:
    """Fills a run folder, samples of what the model writes among it.

    Args:
        run: The folder.
        model: Fitted.
        described: What was read, in words.
        **rest: ``title``, ``request``, ``command`` and ``report`` of :class:`RunWriter`.
    """
    length = _SAMPLE.get(model.unit, _MOST_SAMPLED)
    samples = {t: model.sample(length=length, temperature=t) for t in _TEMPERATURES}
    _write(run, model, _Told(described, samples), **rest)
