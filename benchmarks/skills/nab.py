"""Anomalies: the seven real series with known causes of the Numenta Anomaly Benchmark.

Protocol. The rows of each file as they stand. The first 15 % of them, the benchmark's own
probationary period, is taken as normal: 70 % of it is trained on, the rest calibrates. Isolation
forest gets the same windows for the same two purposes, and its windows' scores are averaged over
each step as the network's are. Then every later step is scored, and

- with the threshold for a stated false alarm rate of 1 %, kept as it was calibrated or following
  what comes (`threshold="adaptive"`), the same for all detectors: how many of the labelled windows
  hold an alarm, and how many of the steps outside them do;
- without a threshold: how many labelled windows hold an alarm if just 1 % or 5 % of the normal
  steps gave one, and how many of them the same alarms would meet by chance, turned round in time at
  random; how many if there were no more than one, or four, stretches of false alarms for each
  labelled window (alarms no more than a window apart are one stretch); and the area under the ROC
  curve of the steps.

The settings are the estimator's defaults but for the window, 64 steps or an eighth of the normal
part, in whole segments. Defaults were chosen by faults put into the probationary periods (spikes,
shifts, noise, frozen values, drifts, damped and reversed stretches) and by built-in data, not by
the labels; some (segments, how fast a threshold follows) after a first result with labels was
known. How fast a threshold follows was chosen by how near the share of all alarms, labels aside,
comes to the stated one.
"""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import elman
from benchmarks.skills.common import Options, data_file, goal
from benchmarks.tables import Table
from elman.data.cuts import cut, join
from elman.evaluate.anomalies import (
    calibrate,
    find_intervals,
    label_steps,
    ranking_quality,
    recall_at_rate,
)
from elman.evaluate.detectors import simple_detectors
from elman.tasks.reconstruction_parts import split_rows

Array = NDArray[Any]

FOLDER = "realKnownCause"
PROBATION = 0.15
HELD_OUT = 0.3
WINDOW = 64
STATED = 0.01
RATES = (0.01, 0.05)
STRETCHES = (1, 4)
TURNS = 200
NETWORK, DENSE, FOREST = "elman, gru", "elman, dense", "isolation forest"


def run(options: Options) -> dict[str, Any] | None:
    """One record for each file."""
    labels = data_file("nab", "combined_windows.json")
    folder = data_file("nab", FOLDER)
    if labels is None or folder is None:
        return None
    windows = json.loads(labels.read_text())
    records = []
    for file in sorted(folder.glob("*.csv")):
        stamps, values = read_series(file)
        spans = [span_of(stamps, *one) for one in windows[f"{FOLDER}/{file.name}"]]
        records.append(one_file(file.stem, values, spans, options))
        print(describe(records[-1]), flush=True)
    return {"records": records, "goals": goals(records, options)}


def read_series(file: Path) -> tuple[Array, Array]:
    """Time stamps and values in the order of the file."""
    with file.open(newline="") as text:
        rows = list(csv.reader(text))[1:]
    stamps = np.array([np.datetime64(row[0].replace(" ", "T")) for row in rows])
    return stamps, np.array([float(row[1]) for row in rows])


def span_of(stamps: Array, start: str, end: str) -> tuple[int, int]:
    """The steps of a labelled window, the end one past the last."""
    first, last = (np.datetime64(one.replace(" ", "T")) for one in (start, end))
    inside = np.flatnonzero((stamps >= first) & (stamps <= last))
    return int(inside[0]), int(inside[-1]) + 1


def one_file(
    name: str, values: Array, spans: list[tuple[int, int]], options: Options
) -> dict[str, Any]:
    """All detectors on one file."""
    begin = round(PROBATION * len(values))
    window = min(WINDOW, begin // 8 // 4 * 4)
    series = values[:, None]
    parts = split_rows([series[:begin]], window, HELD_OUT, np.random.default_rng(0))
    learnt, quiet = parts.train[0], parts.calibrate[0]  # as the network has it: nothing is drawn
    found: dict[str, list[dict[str, float]]] = {}
    for seed in options.seeds:
        for cell, title in (("gru", NETWORK), ("dense", DENSE)):
            started = time.perf_counter()
            fitted = elman.SequenceAutoencoder(
                cell=cell, window=window, held_out=HELD_OUT, seed=seed
            ).fit([series[:begin]])
            scores = fitted.score_steps([series])[0]
            seconds = time.perf_counter() - started
            one = judge(scores, fitted.calibration_["steps"], spans, begin, seed)
            found.setdefault(title, []).append({**one, "seconds": seconds})
        started = time.perf_counter()
        forest = forest_detector(learnt, window, seed, options.threads)
        scores = forest(series)
        one = judge(scores, forest(quiet), spans, begin, seed)
        found.setdefault(FOREST, []).append({**one, "seconds": time.perf_counter() - started})
    simple = simple_detectors([learnt], window, 8, stride=max(1, window // 16))
    for title, detector in simple.items():
        scores, normal = detector([series])[0], detector([quiet])[0]
        found[title] = [judge(scores, normal, spans, begin, 0)]
    return {
        "file": name,
        "steps": len(values),
        "normal": begin,
        "window": window,
        "labelled": len(spans),
        "labelled_steps": int(label_steps(spans, len(values)).sum()),
        "detectors": found,
    }


def forest_detector(
    learnt: Array, window: int, seed: int, threads: int
) -> Callable[[Array], Array]:
    """Scores of the steps of a series ``(T, 1)`` by an isolation forest on windows."""
    from sklearn.ensemble import IsolationForest

    stride = max(1, window // 16)
    known = np.stack(cut([len(learnt)], window, 1).of([learnt]))[:, :, 0]
    forest = IsolationForest(random_state=seed, n_jobs=threads).fit(known)

    def scored(values: Array) -> Array:
        cuts = cut([len(values)], window, stride)
        each = -forest.score_samples(np.stack(cuts.of([values]))[:, :, 0])
        return join([np.full(window, one) for one in each], cuts, [len(values)])[0]

    return scored


def judge(
    scores: Array, normal: Array, spans: list[tuple[int, int]], begin: int, seed: int
) -> dict[str, float]:
    """The measures of one detector on one file; ``normal`` are the scores that calibrate it."""
    truth = label_steps(spans, len(scores))
    later = np.arange(len(scores)) >= begin
    clean = np.nan_to_num(scores, nan=-np.inf)
    measures = {"auc": ranking_quality(scores[later], truth[later]) or 0.0}
    generator = np.random.default_rng(seed)
    for method, key in (("conformal", ""), ("adaptive", "_adaptive")):
        flags = np.zeros(len(scores), bool)
        flags[begin:] = clean[begin:] > calibrate(normal, STATED, method).along(scores[begin:])
        measures[f"found{key}"] = float(np.mean([flags[a:b].any() for a, b in spans]))
        measures[f"false_alarms{key}"] = float(flags[later & ~truth].mean())
    for rate in RATES:
        measures[f"found_at_{rate:g}"] = recall_at_rate(scores, spans, rate, begin)
        level = np.quantile(clean[later & ~truth], 1.0 - rate, method="higher")
        measures[f"chance_at_{rate:g}"] = by_chance(clean[later] > level, spans, begin, generator)
    for number in STRETCHES:
        measures[f"found_with_{number}"] = found_with(clean, spans, begin, number)
    return measures


def found_with(scores: Array, spans: list[tuple[int, int]], begin: int, stretches: int) -> float:
    """Share of the windows found with at most so many false stretches for each of them."""
    truth = label_steps(spans, len(scores))
    known = scores[begin:][np.isfinite(scores[begin:])]
    best = 0.0
    for level in np.unique(np.quantile(known, 1.0 - np.geomspace(1e-4, 0.3, 80)))[::-1]:
        found = find_intervals(scores[begin:], float(level), WINDOW)
        false = sum(not truth[begin + one.start : begin + one.end].any() for one in found)
        if false > stretches * len(spans):
            break
        best = max(best, float(np.mean([(scores[a:b] > level).any() for a, b in spans])))
    return best


def by_chance(
    flags: Array, spans: list[tuple[int, int]], begin: int, generator: np.random.Generator
) -> float:
    """Share of the windows that the same alarms meet when they are turned round in time."""
    shares = []
    for turn in generator.integers(1, len(flags), TURNS):
        turned = np.roll(flags, turn)
        shares.append(np.mean([turned[a - begin : b - begin].any() for a, b in spans]))
    return float(np.mean(shares))


# --------------------------------------------------------------------------------- tables


MEASURES = (
    ("found", "stated 1 %: found"),
    ("false_alarms", "false alarms"),
    ("found_adaptive", "adaptive 1 %: found"),
    ("false_alarms_adaptive", "false alarms"),
    ("found_at_0.01", "true 1 %: found"),
    ("chance_at_0.01", "by chance"),
    ("found_at_0.05", "true 5 %: found"),
    ("chance_at_0.05", "by chance"),
    ("found_with_1", "1 false stretch each"),
    ("found_with_4", "4 each"),
    ("auc", "AUC"),
)


def mean_over_files(records: list[dict[str, Any]], detector: str, measure: str) -> list[float]:
    """The mean over the files that have it, for each seed."""
    having = [one["detectors"][detector] for one in records if detector in one["detectors"]]
    number = max(len(one) for one in having)
    return [
        float(np.mean([one[min(seed, len(one) - 1)][measure] for one in having]))
        for seed in range(number)
    ]


def goals(records: list[dict[str, Any]], options: Options) -> list[dict[str, Any]]:
    """Better than isolation forest on average: more found, with fewer false alarms; ranking."""
    lines = []
    for measure, what, sign in (
        ("found", "labelled windows found at a stated 1 %, fixed threshold", 1),
        ("false_alarms", "false alarms at a stated 1 %, fixed threshold", -1),
        ("found_adaptive", "labelled windows found at a stated 1 %, adaptive threshold", 1),
        ("false_alarms_adaptive", "false alarms at a stated 1 %, adaptive threshold", -1),
        ("found_at_0.01", "labelled windows found at a true 1 %", 1),
        ("found_at_0.05", "labelled windows found at a true 5 %", 1),
        ("found_with_1", "labelled windows found with one false stretch each", 1),
        ("found_with_4", "labelled windows found with four false stretches each", 1),
        ("auc", "AUC of the steps", 1),
    ):
        own = mean_over_files(records, NETWORK, measure)
        rival = float(np.mean(mean_over_files(records, FOREST, measure)))
        target = f"{'above' if sign > 0 else 'below'} isolation forest, {rival:.3f}"
        reached = sign * float(np.mean(own)) > sign * rival
        lines.append(goal("NAB realKnownCause", what, target, own, reached))
    return lines


def describe(record: dict[str, Any]) -> str:
    """One line while it runs."""
    own, forest = (record["detectors"][name] for name in (NETWORK, FOREST))
    at = "found_at_0.01"
    return (
        f"{record['file']}: at 1 % of normal steps {np.mean([one[at] for one in own]):.2f}, "
        f"isolation forest {np.mean([one[at] for one in forest]):.2f} of {record['labelled']} "
        f"windows; AUC {np.mean([one['auc'] for one in own]):.2f}, "
        f"{np.mean([one['auc'] for one in forest]):.2f}"
    )


def tables(content: dict[str, Any]) -> list[Table]:
    """All detectors on average, and the network beside isolation forest file by file."""
    records = content["records"]
    names = list(dict.fromkeys(name for one in records for name in one["detectors"]))
    rows = []
    for name in names:
        having = sum(name in one["detectors"] for one in records)
        head = name if having == len(records) else f"{name} (in {having} files that have one)"
        rows.append([head, *(_cell(records, name, measure) for measure, _ in MEASURES)])
    labelled = sum(one["labelled"] for one in records)
    average = Table(
        f"NAB realKnownCause, {len(records)} files, {labelled} labelled windows, mean over files "
        "and seeds (settings chosen by faults put in, not by the labels)",
        ["detector", *(head for _, head in MEASURES)],
        rows,
    )
    return [average, _by_file(records)]


def _cell(records: list[dict[str, Any]], name: str, measure: str) -> str:
    values = mean_over_files(records, name, measure)
    spread = f" ± {np.std(values):.2f}" if len(values) > 1 else ""
    return f"{np.mean(values):.2f}{spread}"


def _by_file(records: list[dict[str, Any]]) -> Table:
    rows = []
    for record in records:
        cells = [record["file"], str(record["normal"]), str(record["window"])]
        cells.append(str(record["labelled"]))
        for measure in (
            *("found", "false_alarms", "found_adaptive", "false_alarms_adaptive"),
            *("found_at_0.01", "auc"),
        ):
            pair = [
                float(np.mean([one[measure] for one in record["detectors"][name]]))
                for name in (NETWORK, FOREST)
            ]
            cells.append(f"{pair[0]:.2f} / {pair[1]:.2f}")
        cells.append(f"{max(one['seconds'] for one in record['detectors'][NETWORK]):.1f}")
        rows.append(cells)
    heads = ["file", "normal steps", "window", "labelled", "found, stated 1 %", "false alarms"]
    heads += ["found, adaptive 1 %", "false alarms", "found, true 1 %", "AUC", "seconds"]
    return Table("NAB file by file: elman, gru / isolation forest", heads, rows)
