"""What a detection leaves behind: its run folder and the content of its report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.counting import counted
from elman.evaluate.anomalies import Anomaly
from elman.plots.anomalies import close_up_figure, code_figure, score_histogram, watch_figure
from elman.report.task import ChartView, Section, TableView, TaskReport
from elman.report.wording import Fact, Verdict
from elman.runs import iso_times
from elman.tasks.detection import Detection, verdict
from elman.tasks.reconstruction import SequenceAutoencoder
from elman.tasks.reporting import describe_source, shown_stamps
from elman.tasks.run_folder import RunWriter, network_view, task_report
from elman.tasks.settings_report import with_chosen

__all__ = ["anomaly_columns", "score_columns", "write_detection"]

Array: TypeAlias = NDArray[Any]

_CLOSE_UPS = 6
_MOST_SERIES = 3
_MOST_CHANNELS = 4
_MOST_POINTS = 3000
_MOST_CODES = 700


def score_columns(panel: Any, scores: Sequence[Array], levels: Sequence[Array]) -> dict[str, Any]:
    """The score of every step: ``unique_id``, ``ds``, ``score``, ``threshold``, ``alarm``."""
    joined, level = np.concatenate(list(scores)), np.concatenate(list(levels))
    ids = np.repeat([str(one) for one in panel.ids], panel.lengths).tolist()
    stamps = shown_stamps(panel, panel.stamps)
    alarm = (np.nan_to_num(joined, nan=-np.inf) > level).astype(np.int64)
    shown = {"score": _rounded(joined), "threshold": _rounded(level), "alarm": alarm}
    return {"unique_id": ids, "ds": stamps, **shown}


def anomaly_columns(panel: Any, anomalies: Sequence[Anomaly]) -> dict[str, Any]:
    """The stretches: ``unique_id``, ``start``, ``end`` (the last step), ``peak``, ``score``."""
    rows = [int(panel.offsets[one.row]) for one in anomalies]
    stamps = shown_stamps(panel, panel.stamps)

    def at(steps: Sequence[int]) -> Array:
        places = [row + step for row, step in zip(rows, steps, strict=True)]
        return np.asarray(stamps[np.array(places, np.int64)])

    return {
        "unique_id": [str(panel.ids[one.row]) for one in anomalies],
        "start": at([one.start for one in anomalies]),
        "end": at([one.end - 1 for one in anomalies]),
        "peak": at([one.peak for one in anomalies]),
        "steps": [one.end - one.start for one in anomalies],
        "score": [float(f"{one.score:.6g}") for one in anomalies],
    }


def _tables(autoencoder: SequenceAutoencoder, found: Detection) -> dict[str, dict[str, Any]]:
    return {
        "scores.csv": score_columns(found.panel, found.scores, found.levels),
        "anomalies.csv": anomaly_columns(found.panel, found.anomalies),
    }


def _report(
    autoencoder: SequenceAutoencoder, detection: Detection, title: str, command: str
) -> TaskReport:
    panel = detection.panel
    window = autoencoder.window or 0
    report = task_report(
        autoencoder,
        title=title,
        kind="detection",
        subtitle=f"anomalies, in windows of {window} steps",
        source=f"{describe_source(panel)}.",
        verdict=_verdict(detection, autoencoder.false_alarm),
        facts=_facts(autoencoder, detection),
        sections=[
            _overview(detection),
            _close_ups(autoencoder, detection),
            _scores(autoencoder, detection),
            _codes(autoencoder, detection),
        ],
        network=network_view(
            autoencoder.model_.network, f"windows of {window} steps", "the window again"
        ),
        notes=list(panel.notes),
        command=command,
    )
    return with_chosen(report, autoencoder)


def _verdict(detection: Detection, false_alarm: float) -> Verdict:
    sentence = verdict(detection, false_alarm)
    if detection.labels is None:
        return Verdict("none", "Not judged: no labels", sentence)
    if "level with" in sentence:
        return Verdict("mixed", "Level with a simple detector", sentence)
    if "more than it should" in sentence:
        return Verdict("mixed", "Finds most, with more false alarms than stated", sentence)
    if "no simple detector finds more" in sentence:
        return Verdict("good", "No simple detector does better", sentence)
    return Verdict("bad", "A simple detector does better", sentence)


def _facts(autoencoder: SequenceAutoencoder, detection: Detection) -> list[Fact]:
    number = len(detection.anomalies)
    facts = [Fact("Looks odd", f"{number:,}", "stretch" if number == 1 else "stretches")]
    if detection.labels is not None:
        hits = detection.found
        facts.append(Fact("Found", f"{sum(hits)} of {len(hits)}", "labelled anomalies"))
    scores = autoencoder.scores_ or {}
    if "table" in scores:
        share = scores["table"]["network"]["explained"]
        if share is not None:
            facts.append(Fact("Given back", f"{100 * share:.0f} %", "of held-out variance"))
    return facts


def _overview(detection: Detection) -> Section:
    section = Section(
        "What looks odd",
        "Orange: what the network found. Green, above the sensors: what is labelled. Left of "
        "the dotted line lies the part taken as normal, which it was trained on.",
    )
    if detection.labels is None:
        section.lead = (
            "Orange: what the network found. Left of the dotted line lies the part taken as "
            "normal, which it was trained on."
        )
    for row in _oddest(detection):
        section.charts.append(_watched(detection, row))
    if detection.panel.n_series > _MOST_SERIES:
        section.lead += f" The oddest {_MOST_SERIES} of {detection.panel.n_series} series."
    heads = ["", *(head for _, head in detection.measures)]
    rows = [
        [name, *(_cell(measure, row[measure]) for measure, _ in detection.measures)]
        for name, row in detection.table.items()
    ]
    caption = (
        "Over the steps after the normal part, each detector with a threshold calibrated on the "
        "same held-out normal steps at the same rate."
    )
    section.tables.append(TableView("Beside simple detectors", caption, heads, rows, 0))
    return section


def _oddest(detection: Detection) -> list[int]:
    """The few series to show: those of the highest scores, in their order."""
    highest = np.zeros(detection.panel.n_series)
    for one in detection.anomalies:
        highest[one.row] = max(highest[one.row], one.score)
    return sorted(np.argsort(-highest, kind="stable")[:_MOST_SERIES].tolist())


def _watched(detection: Detection, row: int) -> ChartView:
    panel = detection.panel
    where = panel.rows(row)
    times = _times(detection, row)
    values, scores = panel.values[where], detection.scores[row]
    kept = _thinned(np.column_stack([values, scores]))
    names = [str(one) for one in panel.names.targets][:_MOST_CHANNELS]
    channels = {name: _plain(values[kept, number]) for number, name in enumerate(names)}
    found = [
        (times[one.start], times[one.end - 1]) for one in detection.anomalies if one.row == row
    ]
    labelled = [(times[a], times[b - 1]) for a, b in (detection.labels or [[]] * (row + 1))[row]]
    count = int(detection.normal[row])
    figure = watch_figure(
        [times[one] for one in kept],
        channels,
        _plain(scores[kept]),
        _plain(detection.levels[row][kept]),
        found,
        labelled,
        times[count] if count < len(times) else None,
        _time_label(times),
    )
    name = str(panel.ids[row]) if panel.n_series > 1 else "The series"
    caption = (
        "Sensor under sensor; at the bottom the score of each step: its error beside what "
        "held-out normal data have. Dashed: the threshold."
    )
    if len(panel.names.targets) > _MOST_CHANNELS:
        caption += f" The first {_MOST_CHANNELS} of {len(panel.names.targets)} channels."
    return ChartView(name, caption, figure, "tall")


def _close_ups(autoencoder: SequenceAutoencoder, detection: Detection) -> Section:
    section = Section(
        "Measured, and given back",
        "Around the highest scores, in the channel that is furthest off at the peak: what the "
        "network gives back is what it would expect.",
    )
    panel, window = detection.panel, autoencoder.window or 1
    highest = sorted(detection.anomalies, key=lambda one: -one.score)[:_CLOSE_UPS]
    for one in highest:
        values = panel.series(one.row)
        begin, end = max(0, one.start - window), min(len(values), one.end + window)
        # cut so that windows reach beyond what is shown, as they did when it was scored
        low, high = max(0, begin - window), min(len(values), end + window)
        given = autoencoder.reconstruct([values[low:high]])[0][begin - low : end - low]
        truth = values[begin:end]
        near = slice(max(0, one.peak - begin - 2), one.peak - begin + 3)
        usual = autoencoder.channel_errors_ * _spread(panel, detection.normal)
        off = np.nan_to_num(np.abs(given[near] - truth[near])) / usual
        channel = int(off.mean(axis=0).argmax())
        name = str(panel.names.targets[channel])
        times = _times(detection, one.row)
        series = f"{panel.ids[one.row]}, " if panel.n_series > 1 else ""
        section.charts.append(
            ChartView(
                f"{series}{_moment(times[one.peak])}",
                f"Score {one.score:.3g} at its peak, the threshold is "
                f"{detection.levels[one.row][one.peak]:.3g}; "
                f"{counted(one.end - one.start, 'step')}.",
                close_up_figure(
                    times[begin:end],
                    _plain(truth[:, channel]),
                    _plain(given[:, channel]),
                    (times[one.start], times[one.end - 1]),
                    name,
                    _time_label(times),
                ),
            )
        )
    if not highest:
        section.lead = "No step scores above the threshold."
    return section


def _scores(autoencoder: SequenceAutoencoder, detection: Detection) -> Section:
    later = np.concatenate(
        [
            one[count:]
            for one, count in zip(detection.scores, detection.normal.tolist(), strict=True)
        ]
    )
    stated = f"{100 * autoencoder.false_alarm:g} %"
    section = Section(
        "How the threshold came about",
        charts=[
            ChartView(
                "Scores",
                f"Grey: {len(detection.calibrated):,} held-out normal steps. The line: the "
                f"threshold that {stated} of normal steps should pass.",
                score_histogram(
                    _plain(detection.calibrated), _plain(later), autoencoder.threshold_.value
                ),
            )
        ],
    )
    scores = autoencoder.scores_ or {}
    if "table" in scores:
        rows = [
            [name, f"{one['rmse']:.3f}", _cell("share", one["explained"])]
            for name, one in scores["table"].items()
        ]
        caption = (
            f"{scores['windows']:,} held-out normal windows, in standard deviations of each "
            "channel. Principal components are the best that straight lines can do."
        )
        heads = ["", "Error", "Variance given back"]
        section.tables.append(TableView("How well windows are given back", caption, heads, rows, 0))
    return section


def _codes(autoencoder: SequenceAutoencoder, detection: Detection) -> Section:
    """Codes in the plane of their two leading principal components, those of normal windows."""
    series = [np.asarray(one, np.float64) for one in detection.panel]
    cuts = autoencoder.windows(series)
    kept = np.unique(np.linspace(0, len(cuts) - 1, min(len(cuts), _MOST_CODES)).astype(np.int64))
    odd = np.zeros(len(cuts), bool)
    for one in detection.anomalies:
        odd |= (cuts.rows == one.row) & (cuts.starts <= one.peak) & (cuts.ends > one.peak)
    kept = np.union1d(kept, np.flatnonzero(odd)[:_MOST_CODES])
    cuts, odd = cuts.take(kept), odd[kept]
    codes = autoencoder.model_.codes(cuts.of(series))
    normal = cuts.ends <= detection.normal[cuts.rows]
    usual = codes[normal] if normal.sum() > 2 else codes
    center = usual.mean(axis=0)
    _, sizes, axes = np.linalg.svd(usual - center, full_matrices=False)
    share = sizes**2 / max(float((sizes**2).sum()), 1e-12)
    plane = (codes - center) @ axes[:2].T
    if plane.shape[1] < 2:
        plane = np.column_stack([plane, np.zeros(len(plane))])
    groups = {}
    for name, chosen in (("normal", normal), ("later", ~normal & ~odd), ("odd", ~normal & odd)):
        if chosen.any():
            groups[name] = (_plain(plane[chosen, 0]), _plain(plane[chosen, 1]))
    titles = [
        f"component {number + 1} ({100 * share[number]:.0f} %)" if number < len(share) else ""
        for number in range(2)
    ]
    return Section(
        "The codes",
        "Each point is a window, placed by its code. What lies apart is unlike anything seen; what "
        "is odd may also lie in the middle, where its code is usual but does not fit.",
        charts=[
            ChartView(
                "Codes of windows",
                f"The plane in which the {codes.shape[1]} numbers of normal codes spread most.",
                code_figure(groups, (titles[0], titles[1])),
                "",
            )
        ],
    )


def _times(detection: Detection, row: int) -> list[Any]:
    panel = detection.panel
    stamps = shown_stamps(panel, panel.stamps[panel.rows(row)])
    return iso_times(stamps) if stamps.dtype.kind == "M" else list(stamps.tolist())


def _time_label(times: Sequence[Any]) -> str:
    return "" if len(times) and isinstance(times[0], str) else "step"


def _moment(time: Any) -> str:
    """A time for people: ``2024-01-21 13:50``."""
    text = str(time).replace("T", " ") if isinstance(time, str) else str(time)
    return text.removesuffix(" 00:00:00").removesuffix(":00") if " " in text else text


def _rounded(values: Array) -> Array:
    return np.array([float(f"{one:.6g}") for one in values])


def _spread(panel: Any, normal: Array) -> Array:
    """The deviation of each channel over the normal parts."""
    parts = [panel.series(row)[:count] for row, count in enumerate(normal.tolist())]
    found = np.nanstd(np.concatenate(parts), axis=0)
    return np.where(found > 0.0, found, 1.0)


def _thinned(table: Array) -> Array:
    """Steps that keep the highest and lowest value of each column in each short stretch."""
    if len(table) <= _MOST_POINTS:
        return np.arange(len(table))
    edges = np.linspace(0, len(table), _MOST_POINTS // 4 + 1).astype(np.int64)
    kept = [edges[:-1]]
    for column in table.T:
        low = np.nan_to_num(column, nan=np.inf)
        high = np.nan_to_num(column, nan=-np.inf)
        for begin, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            kept.append(
                np.array([begin + low[begin:end].argmin(), begin + high[begin:end].argmax()])
            )
    return np.unique(np.concatenate(kept))


def _plain(values: Array) -> list[float | None]:
    return [None if np.isnan(one) else float(f"{one:.5g}") for one in np.asarray(values, float)]


def _cell(measure: str, value: float | None) -> str:
    if value is None:
        return "–"
    if measure == "alarms":
        return f"{value:.0f}"
    if measure in ("f1", "auc"):
        return f"{value:.2f}"
    return f"{100 * value:.1f} %"


write_detection = RunWriter(_tables, _report)
