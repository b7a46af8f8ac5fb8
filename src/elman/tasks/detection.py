"""Anomalies in series: an autoencoder of what is normal, beside simple detectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.counting import counted
from elman.data.panel import Panel
from elman.errors import InputError
from elman.evaluate.anomalies import (
    MEASURES,
    Anomaly,
    Threshold,
    calibrate,
    detection_measures,
    find_intervals,
)
from elman.evaluate.detectors import simple_detectors
from elman.tasks.reconstruction import SequenceAutoencoder
from elman.tasks.reconstruction_parts import split_rows

__all__ = ["Detection", "choose_window", "detect_anomalies", "levels_of", "verdict"]

Array: TypeAlias = NDArray[Any]
Spans: TypeAlias = list[list[tuple[int, int]]]

NETWORK = "network"
UNLABELLED = (("alarms", "Alarms"), ("share", "Share of steps"))
"""The measures shown where nothing is labelled."""
_WINDOW = 48
_FEWEST_WINDOWS = 8
_CLEARLY = 2.0


@dataclass
class Detection:
    """What was found in series.

    Attributes:
        panel: The series.
        normal: Leading steps of each that were taken as normal, ``(series,)``.
        scores: Of every step, ``(T_i,)`` for each series.
        anomalies: What was found after the normal part.
        labels: The labelled stretches, or ``None``.
        table: Name of a detector -> measure -> value, over the steps after the normal part.
        calibrated: Scores of the held-out normal steps that the threshold rests on.
        levels: The threshold at every step, ``(T_i,)`` for each series; it begins to follow, if it
            does, where the normal part ends.
    """

    panel: Panel
    normal: Array
    scores: list[Array]
    anomalies: list[Anomaly]
    labels: Spans | None
    table: dict[str, dict[str, float | None]]
    calibrated: Array
    levels: list[Array]

    @property
    def measures(self) -> tuple[tuple[str, str], ...]:
        """The measures of the table and their heads."""
        return UNLABELLED if self.labels is None else MEASURES

    @property
    def found(self) -> list[bool]:
        """Of each labelled stretch after the normal part, in order, whether there is an alarm."""
        flags = [
            np.nan_to_num(one, nan=-np.inf) > level
            for one, level in zip(self.scores, self.levels, strict=True)
        ]
        return [
            bool(flags[row][start:end].any())
            for row, spans in enumerate(_later(self.labels or [], self.normal))
            for start, end in spans
        ]


def choose_window(lengths: Sequence[int]) -> int:
    """48 steps, or an eighth of the longest normal part where that is less: a multiple of 4.

    Raises:
        InputError: That is less than 2.
    """
    longest = max(lengths, default=0)
    window = min(_WINDOW, longest // _FEWEST_WINDOWS)
    window -= window % 4 if window >= 8 else 0  # whole segments
    if window < 2:
        raise InputError(
            f"train_until: expected at least {2 * _FEWEST_WINDOWS} normal steps to learn from, got "
            f"{longest}"
        )
    return window


def detect_anomalies(
    autoencoder: SequenceAutoencoder, panel: Panel, normal: Array, labels: Spans | None = None
) -> Detection:
    """Trains on the normal beginning of every series and looks for anomalies in what follows.

    The table goes into ``autoencoder.scores_["detection"]`` too.

    Args:
        autoencoder: With a ``window``; it is fitted here.
        panel: The series.
        normal: How many leading steps of each are normal, ``(series,)``.
        labels: For each series its anomalies, ``(start, end)``; they score, they train nothing.

    Raises:
        InputError: If nothing is left to look at, or the data do not fit.
    """
    if not (panel.lengths > normal).any():
        raise InputError(
            "train-until: expected steps after the normal part to look for anomalies in, got none"
        )
    series = [np.asarray(one, np.float64) for one in panel]
    learnt = [one[:count] for one, count in zip(series, normal, strict=True) if count]
    autoencoder.fit(learnt)
    scores = autoencoder.score_steps(series)
    levels = levels_of(autoencoder.threshold_, scores, normal)
    table = _table(autoencoder, panel, learnt, scores, normal, labels)
    autoencoder.scores_ = {**(autoencoder.scores_ or {}), "detection": table}
    found = Detection(
        panel,
        normal,
        scores,
        _intervals(scores, levels, normal, (autoencoder.window or 0) // 2),
        labels,
        table,
        autoencoder.calibration_["steps"],
        levels,
    )
    if labels is not None:
        autoencoder.notes_.append(_note_strays(found, autoencoder.window or 0))
    return found


def _note_strays(detection: Detection, window: int) -> str:
    """How much of what was found has nothing to do with a label, in words."""
    labels = _later(detection.labels or [], detection.normal)
    stray = sum(
        not any(start < one.end and end > one.start for start, end in labels[one.row])
        for one in detection.anomalies
    )
    alarms = steps = 0
    for row, one in enumerate(detection.scores):
        far = np.ones(len(one), bool)
        far[: detection.normal[row]] = False
        for start, end in labels[row]:
            far[max(0, start - window) : end + window] = False
        flags = np.nan_to_num(one, nan=-np.inf) > detection.levels[row]
        alarms, steps = alarms + int((flags & far).sum()), steps + int(far.sum())
    found = counted(len(detection.anomalies), "stretch", "stretches")
    text = f"{stray} of {found} found met no labelled anomaly"
    if not steps:
        return f"{text}."
    return (
        f"{text}; further than a window from any, {_percent(alarms / steps)} of the steps give an "
        "alarm (nearer, a fault shows in every window that holds it)."
    )


def levels_of(threshold: Threshold, scores: Sequence[Array], normal: Array) -> list[Array]:
    """The threshold at every step of every series, see :class:`Detection`."""
    return [
        np.concatenate([np.full(count, threshold.value), threshold.along(one[count:])])
        for one, count in zip(scores, normal.tolist(), strict=True)
    ]


def verdict(detection: Detection, false_alarm: float) -> str:
    """What was found, and whether a simple detector does as well, in a sentence."""
    own = detection.table[NETWORK]
    number = len(detection.anomalies)
    if detection.labels is None:
        stretches = counted(number, "stretch looks", "stretches look")
        return (
            f"{stretches} odd: {_percent(own['share'])} of the steps after the normal part, at "
            f"a stated false alarm rate of {_percent(false_alarm)}; nothing is labelled, so "
            "nothing says which are real."
        )
    hits = detection.found
    text = (
        f"{sum(hits)} of {len(hits)} labelled anomalies found, with alarms at "
        f"{_percent(own['false_alarms'])} of the normal steps, where {_percent(false_alarm)} was "
        "stated"
    )
    finds, sharpest = (best_rival(detection.table, one) for one in ("found", "f1"))
    if finds is None or sharpest is None:
        return f"{text}."
    more, f1 = detection.table[finds]["found"] or 0.0, detection.table[sharpest]["f1"] or 0.0
    rival = f"{sharpest}: F1 {f1:.2f}, the network {own['f1'] or 0.0:.2f}"
    if more > (own["found"] or 0.0):
        found = f"{finds}: {round(more * len(hits))} of {len(hits)}"
        return f"{text}; no better than a simple detector, which finds more ({found})."
    if f1 > (own["f1"] or 0.0):
        return f"{text}; no better than a simple detector ({rival})."
    if f1 == (own["f1"] or 0.0):
        return f"{text}; level with a simple detector ({rival})."
    if exceeds_stated(detection, false_alarm):
        calmer = detection.table[sharpest]["false_alarms"]
        rival = f"{rival}, with alarms at {_percent(calmer)} of the normal steps"
        text += ": more than it should"
    return f"{text}; no simple detector finds more or is sharper ({rival})."


def exceeds_stated(detection: Detection, false_alarm: float) -> bool:
    """Whether normal steps give clearly more alarms than stated: over twice as many."""
    return (detection.table[NETWORK].get("false_alarms") or 0.0) > _CLEARLY * false_alarm


def best_rival(table: dict[str, dict[str, float | None]], measure: str) -> str | None:
    """The simple detector that is best by a measure."""
    rivals = {name: row.get(measure) or 0.0 for name, row in table.items() if name != NETWORK}
    return max(rivals, key=lambda name: rivals[name], default=None)


def _table(
    autoencoder: SequenceAutoencoder,
    panel: Panel,
    learnt: Sequence[Array],
    scores: Sequence[Array],
    normal: Array,
    labels: Spans | None,
) -> dict[str, dict[str, float | None]]:
    """The network and the simple detectors, each with a threshold of its own."""
    window = autoencoder.window or 1
    generator = np.random.default_rng(0)  # of series nothing is drawn
    parts = split_rows(learnt, window, autoencoder.held_out, generator)
    frequency = None if panel.frequency is None else panel.frequency.name
    simple = simple_detectors(
        parts.train, window, autoencoder.code_size, frequency, max(1, window // 16)
    )
    merge = window // 2
    table = {
        NETWORK: _measures(scores, autoencoder.threshold_, normal, labels, merge),
    }
    series = [np.asarray(one, np.float64) for one in panel]
    for name, detector in simple.items():
        quiet = np.concatenate(detector(parts.calibrate or parts.train))
        threshold = calibrate(quiet, autoencoder.false_alarm, autoencoder.threshold)
        table[name] = _measures(detector(series), threshold, normal, labels, merge)
    return table


def _measures(
    scores: Sequence[Array], threshold: Threshold, normal: Array, labels: Spans | None, merge: int
) -> dict[str, float | None]:
    levels = levels_of(threshold, scores, normal)
    later, after = (
        [one[count:] for one, count in zip(each, normal, strict=True)] for each in (scores, levels)
    )
    if labels is not None:
        spans = [
            [(start - count, end - count) for start, end in each]
            for each, count in zip(_later(labels, normal), normal.tolist(), strict=True)
        ]
        return detection_measures(later, after, spans)
    flags = np.nan_to_num(np.concatenate(later), nan=-np.inf) > np.concatenate(after)
    alarms = len(_intervals(scores, levels, normal, merge))
    return {"alarms": float(alarms), "share": float(flags.mean())}


def _later(labels: Spans, normal: Array) -> Spans:
    """What of the labelled stretches lies after the normal part."""
    return [
        [(max(start, count), end) for start, end in spans if end > count]
        for spans, count in zip(labels, normal.tolist(), strict=True)
    ]


def _intervals(
    scores: Sequence[Array], levels: Sequence[Array], normal: Array, merge: int
) -> list[Anomaly]:
    found = []
    for row, (one, count) in enumerate(zip(scores, normal.tolist(), strict=True)):
        for anomaly in find_intervals(one[count:], levels[row][count:], merge, row):
            found.append(
                Anomaly(
                    row,
                    anomaly.start + count,
                    anomaly.end + count,
                    anomaly.peak + count,
                    anomaly.score,
                )
            )
    return found


def _percent(share: float | None) -> str:
    if share is None:
        return "–"
    return f"{100 * share:.0f} %" if share >= 0.0995 else f"{100 * share:.2g} %"
