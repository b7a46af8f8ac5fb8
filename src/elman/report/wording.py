"""The sentences and figures of the report that are worked out from its content."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from elman.counting import counted
from elman.evaluate import LABELS, Scores
from elman.plots import best_epoch
from elman.report.content import ForecastReport

__all__ = [
    "Fact",
    "Verdict",
    "captions",
    "facts",
    "number",
    "seconds",
    "share_text",
    "stamp",
    "training_caption",
    "verdict",
]

_FEW_WINDOWS = 10
_COVERAGE_TOLERANCE = 0.05


@dataclass
class Fact:
    """One of the figures under the headline: its name, its value, and what to make of it."""

    name: str
    value: str
    hint: str = ""


@dataclass
class Verdict:
    """The headline's judgement: ``good``, ``mixed``, ``bad`` or ``none``, in a few words."""

    tone: str
    label: str
    sentence: str


def verdict(report: ForecastReport) -> Verdict:
    """Whether the forecaster beats the baselines, for the headline."""
    scores = report.scores
    if scores is None or not any(one is not None for one in scores.beats.values()):
        sentence = scores.verdict if scores else "No part of the data was held out to judge it on."
        return Verdict("none", "Not judged", sentence)
    beaten = [one for one in scores.beats.values() if one]
    if "level with" in scores.verdict:
        return Verdict("mixed", "No better than a baseline", scores.verdict)
    if len(beaten) == len(scores.beats):
        if scores.few:
            return Verdict("mixed", "Too few windows to tell", scores.verdict)
        return Verdict("good", "Beats every baseline", scores.verdict)
    return Verdict("bad", "Does not beat every baseline", scores.verdict)


def facts(report: ForecastReport) -> list[Fact]:
    """The figures under the headline, most telling first."""
    found = [*_score_facts(report.scores)] if report.scores else []
    if report.network is not None:
        layers = counted(len(report.network.layers), "layer")
        found.append(Fact("Parameters", f"{report.network.parameters:,}", layers))
    if "training" in report.timings:
        last = seconds(report.timings["training"])
        epochs = f" for {counted(len(report.history), 'epoch')}" if report.history else ""
        whole = report.timings.get("total", report.timings["training"])
        hint = f"held-out folds included; {last}{epochs} of the last fit"
        if whole == report.timings["training"]:
            hint = epochs.removeprefix(" for ")
        found.append(Fact("Training time", seconds(whole), hint))
    return found


def _score_facts(scores: Scores) -> list[Fact]:
    own = scores.table[scores.model][scores.basis]
    if own is None:
        return []
    name = "Scaled error (MASE)" if scores.basis == "mase" else "Mean absolute error"
    found = [Fact(name, number(own), _against_best(scores, own))]
    for level, interval in sorted(scores.intervals.items(), key=lambda item: float(item[0])):
        observed = interval["coverage"]
        if observed is not None:
            hint = f"of {scores.values:,} held-out values"
            found.append(Fact(f"Inside the {level} % interval", percent(observed), hint))
    return found


def _against_best(scores: Scores, own: float) -> str:
    rivals = {
        name: row[scores.basis]
        for name, row in scores.table.items()
        if name != scores.model and row[scores.basis] is not None
    }
    if not rivals:
        return ""
    best = min(rivals, key=lambda name: rivals[name] or 0.0)
    least = rivals[best] or 0.0
    if least == 0:
        return f"{LABELS.get(best, best)}: 0"
    change = own / least - 1
    direction = "below" if change < 0 else "above"
    return f"{abs(change):.0%} {direction} {LABELS.get(best, best)}".replace("%", " %")


def captions(report: ForecastReport) -> dict[str, str]:
    """What each chart shows, in words; also what a screen reader says for it."""
    texts = {
        "forecast": _forecast_caption(report),
        "training": training_caption(report.history, report.timings),
    }
    scores = report.scores
    if scores is not None:
        texts["horizon"] = _horizon_caption(scores, report.step)
        texts["coverage"] = _coverage_caption(scores)
    texts["residuals"] = f"Truth minus forecast, {report.residual_label}."
    texts["histogram"] = (
        "How often residuals of each size occur. Centred on zero: no bias; long tails: rare large "
        "misses."
    )
    texts["autocorrelation"] = (
        "How far one residual tells the next. Bars beyond the dashed lines (95 % limits of white "
        "noise): a pattern that the network left unused."
    )
    return texts


def _forecast_caption(report: ForecastReport) -> str:
    levels = sorted({level for one in report.series for level in one.intervals}, key=float)
    ahead = report.step if report.horizon == 1 else counted(report.horizon, report.step)
    text = "History and held-out forecasts"
    if report.kind == "forecast":
        text = f"History and the next {ahead}"
    if levels:
        listed = " and ".join(f"{level} %" for level in levels)
        text += f", with {listed} intervals: the truth should fall inside that often"
    text += "."
    if any(one.held_out for one in report.series):
        text += " Dotted: earlier forecasts of values that the training never saw."
    return text


def _horizon_caption(scores: Scores, step: str) -> str:
    own = scores.by_horizon["mae"][scores.model]
    present = [(ahead, value) for ahead, value in enumerate(own, start=1) if value is not None]
    if len(present) < 2:
        return f"Mean absolute error over {counted(scores.windows, 'held-out window')}."
    (_, first), (last_ahead, last) = present[0], present[-1]
    return (
        f"Mean absolute error over {counted(scores.windows, 'held-out window')}: "
        f"{number(first)} one {step} ahead, {number(last)} at {last_ahead} {step}s."
    )


def _coverage_caption(scores: Scores) -> str:
    parts, off = [], False
    for level, interval in sorted(scores.intervals.items(), key=lambda item: float(item[0])):
        if interval["coverage"] is None:
            continue
        parts.append(f"the {level} % interval held {percent(interval['coverage'])}")
        off |= abs(interval["coverage"] - interval["nominal"]) > _COVERAGE_TOLERANCE
    if not parts:
        return "No held-out value was observed to check the intervals on."
    text = " and ".join(parts)
    text = f"{text[0].upper()}{text[1:]} of the held-out values (dashed: the stated share)."
    if off:
        text += " That is more than 5 points off: read the intervals with care."
    if scores.windows < _FEW_WINDOWS:
        text += f" With {counted(scores.windows, 'window')} this is a rough check."
    return text


def training_caption(history: Sequence[Mapping[str, Any]], timings: Mapping[str, float]) -> str:
    """What the training curve shows."""
    if not history:
        return ""
    text = f"Loss over {counted(len(history), 'epoch')}"
    if "training" in timings:
        text += f", {seconds(timings['training'])} in all"
    best = best_epoch(history)
    if best is None:
        return f"{text}; no part was held out for validation."
    return f"{text}; the weights of epoch {best}, the lowest validation loss, were kept."


def number(value: float | None) -> str:
    """Three significant digits (whole thousands whole), or a dash for what is undefined."""
    if value is None:
        return "–"
    if value == 0 or not 1e-3 <= abs(value) < 1e7:
        return f"{value:.3g}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}".replace("-", "−")


def percent(share: float) -> str:
    """A share as a percentage."""
    return f"{100 * share:.0f} %"


def share_text(share: float) -> str:
    """A share with one digit, ``97.5 %``; what is not all is never written ``100.0 %``."""
    shown = f"{100 * share:.1f}"
    if share < 1.0 and shown == "100.0":
        return "over 99.9 %"
    return f"{shown} %"


def seconds(duration: float) -> str:
    """A duration that a person can read."""
    if duration < 1:
        return f"{1000 * duration:.0f} ms"
    if duration < 120:
        return f"{duration:.1f} s"
    minutes, rest = divmod(round(duration), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def stamp(created: str) -> str:
    """A time in ISO 8601 as ``2026-01-31 12:00 UTC``; any other text as it is."""
    try:
        moment = datetime.fromisoformat(created)
    except ValueError:
        return created
    zone = moment.tzname() or ""
    return f"{moment:%Y-%m-%d %H:%M} {zone}".strip()


def listed(names: Sequence[str]) -> str:
    """``a, b and c``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
