"""What an emulation leaves behind: its run folder and the content of its report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.data.trajectories import Trajectories
from elman.digits import resolved
from elman.errors import InputError
from elman.evaluate.dynamics import normalised_error, power_spectrum, successive_maxima
from elman.plots.dynamics import (
    attractor_figure,
    growth_figure,
    histogram_figure,
    return_map_figure,
    rollout_figure,
    spectrum_figure,
    valid_time_figure,
)
from elman.report.content import LayerView, NetworkView
from elman.report.task import ChartView, Section, TableView, TaskReport
from elman.report.wording import Fact, Verdict
from elman.tasks.emulation import Emulator
from elman.tasks.emulation_data import check_same_kind
from elman.tasks.emulation_scores import Judged
from elman.tasks.run_folder import RunWriter, task_report
from elman.tasks.settings_report import with_chosen
from elman.tasks.verdicts import not_judged
from elman.tasks.wording import counted

__all__ = ["MEASURES", "rollout_columns", "score_rows", "verdict", "write_emulation"]

Array: TypeAlias = NDArray[Any]

MEASURES = (
    ("valid_time", "Valid time"),
    ("valid_median", "Median"),
    ("one_step", "Error of a step"),
    ("rollout_error", "Of the rollout"),
    ("climate", "Climate distance"),
)
_MOST_CHANNELS = 3
_MOST_POINTS = 400
_MOST_PATH = 4000
_STEPS = 100


def rollout_columns(
    emulator: Emulator, data: Trajectories, steps: int | None, replay: bool
) -> dict[str, Any]:
    """Every trajectory gone on beyond its last state, as columns: name, lead time and states.

    Args:
        emulator: Fitted.
        data: Histories; with forcing, the rows after the last state (where states are missing)
            hold the forcing known ahead.
        steps: How many; default: as many as there is forcing ahead, 100 without forcing.
        replay: Whether, with forcing, the last ``steps`` of the trajectories are emulated,
            because their forcing is known.

    Raises:
        InputError: If no or too little forcing is known ahead, or the trajectories are of another
            kind than those trained on.
    """
    check_same_kind(data, emulator.model_.scales.widths, emulator.model_.dt)
    history, forcing = data.states, data.forcing
    if forcing is None:
        steps = _STEPS if steps is None else steps
    elif replay:
        steps = min([_STEPS if steps is None else steps, *(len(one) // 2 for one in history)])
        history = [one[:-steps] for one in history]
    else:
        known = [
            int((~np.isnan(one).any(axis=1)).nonzero()[0].max(initial=-1)) + 1 for one in history
        ]
        ahead = min(len(one) - end for one, end in zip(history, known, strict=True))
        if ahead < (steps or 1):
            raise InputError(
                "forcing: expected rows after the last state of every trajectory that hold the "
                f"forcing of the {steps or 'steps'} wanted and leave the state empty, got {ahead}"
            )
        steps = steps or ahead
        history = [one[:end] for one, end in zip(history, known, strict=True)]
        forcing = [one[: end + steps] for one, end in zip(forcing, known, strict=True)]
    states = emulator.rollout(history, steps, forcing, data.parameters)
    lead = emulator.model_.dt * np.arange(1, steps + 1)
    seen = np.concatenate(data.states)
    return {
        "id": np.repeat(np.array(data.names), steps),
        "lead": np.tile(np.round(lead, 12), len(data)),
        **{
            name: resolved(states[:, :, at].reshape(-1), seen[:, at])
            for at, name in enumerate(data.channels)
        },
    }


def score_rows(scores: Mapping[str, Any]) -> list[list[str]]:
    """The table of scores as text, a row for each method."""
    return [
        [name, *(f"{row[key]:.3g}" for key, _ in MEASURES)] for name, row in scores["table"].items()
    ]


def verdict(scores: Mapping[str, Any] | None) -> str:
    """Whether the network beats the baselines, in a sentence."""
    if scores is None:
        return (
            "Nothing was scored: no part long enough to be judged was held out; lower the history "
            "(--history), or give longer trajectories."
        )
    table, unit = scores["table"], scores["unit"]
    own = table["network"]
    best = best_rival(scores)
    bound = "at least " if scores["whole"] == 1.0 else ""
    text = (
        f"rollouts are right for {bound}{own['valid_time']:.3g} {unit} on average (normalised "
        f"error up to {scores['threshold']:g})"
    )
    rival = table[best]["valid_time"]
    if beats(scores):
        return f"{text}; the best baseline ({best}) for {rival:.3g}."
    if level(scores):
        return f"{text}, level with a baseline ({best})."
    if own["valid_time"] == rival:
        return f"{text}; a baseline ({best}) as long, and nearer to the truth."
    return f"{text}, no more than a baseline ({best}: {rival:.3g})."


def best_rival(scores: Mapping[str, Any]) -> str:
    """The baseline that is right for longest."""
    rivals = {name: row for name, row in scores["table"].items() if name != "network"}

    def merit(name: str) -> tuple[float, float]:
        return rivals[name]["valid_time"], -rivals[name]["rollout_error"]

    return str(max(rivals, key=merit))


def level(scores: Mapping[str, Any]) -> bool:
    """Whether network and best baseline are right for as long, and as near to the truth."""
    own, rival = scores["table"]["network"], scores["table"][best_rival(scores)]
    return all(own[name] == rival[name] for name in ("valid_time", "rollout_error"))


def beats(scores: Mapping[str, Any]) -> bool:
    """Whether the network is right for longer; where both are to the end, nearer to the truth."""
    own, rival = scores["table"]["network"], scores["table"][best_rival(scores)]
    if own["valid_time"] == rival["valid_time"]:
        return bool(own["rollout_error"] < rival["rollout_error"])
    return bool(own["valid_time"] > rival["valid_time"])


def _held_out(judged: Judged, data: Trajectories) -> dict[str, Any]:
    """Truth and rollout of the held-out starts, one row a start and step."""
    number, steps, _ = judged.truth.shape
    columns: dict[str, Any] = {
        "start": np.repeat(np.arange(number), steps),
        "step": np.tile(np.arange(1, steps + 1), number),
    }
    own = judged.rollouts["network"]
    for at, name in enumerate(data.channels):
        columns[name] = judged.truth[:, :, at].reshape(-1)
        columns[f"{name}-emulated"] = own[:, :, at].reshape(-1)
    return columns


def _tables(emulator: Emulator, data: Trajectories) -> dict[str, dict[str, Any]]:
    judged = emulator.judged_
    return {} if judged is None else {"held_out.csv": _held_out(judged, data)}


def _report(emulator: Emulator, data: Trajectories, title: str, command: str) -> TaskReport:
    scores = emulator.scores_
    sections = []
    if emulator.judged_ is not None and scores is not None:
        judged = emulator.judged_
        sections = [_quality(scores), _rollouts(emulator, judged, data), _climate(judged, data)]
    report = task_report(
        emulator,
        title=title,
        kind="emulation",
        subtitle=f"{counted(data.width, 'state')}, steps of {data.dt:g}",
        source=f"{data.describe()}.",
        verdict=_verdict(scores),
        facts=_facts(scores),
        sections=sections,
        network=_network(emulator, data),
        notes=data.notes,
        command=command,
    )
    return with_chosen(report, emulator)


def _verdict(scores: Mapping[str, Any] | None) -> Verdict:
    sentence = verdict(scores)
    sentence = sentence[0].upper() + sentence[1:]
    if scores is None:
        return not_judged(sentence)
    if beats(scores):
        return Verdict("good", "Beats every baseline", sentence)
    if level(scores):
        return Verdict("mixed", "Level with a baseline", sentence)
    return Verdict("bad", "Does not beat every baseline", sentence)


def _facts(scores: Mapping[str, Any] | None) -> list[Fact]:
    if scores is None:
        return []
    own = scores["table"]["network"]
    facts = [
        Fact(
            "Valid time",
            f"{own['valid_time']:.3g}",
            f"{scores['unit']}, {counted(scores['starts'], 'start')}",
        ),
        Fact("Error of a step", f"{own['one_step']:.2g}", "normalised"),
    ]
    if scores["emulated_lyapunov"] is not None:
        exponent, error = scores["emulated_lyapunov"]
        known = scores["lyapunov"]
        hint = f"the emulator's own, ± {error:.1g}"
        hint += f"; the system's: {known:.4g}" if known is not None else ""
        facts.append(Fact("Lyapunov exponent", f"{exponent:.3g}", hint))
    return facts


def _quality(scores: Mapping[str, Any]) -> Section:
    rows = score_rows(scores)
    unit = scores["unit"]
    caption = (
        f"{counted(scores['starts'], 'rollout')} of {counted(scores['horizon'], 'step')} "
        f"({scores['horizon_time']:.3g} {unit}) over what was held out. Valid time: {unit} until "
        f"the normalised error exceeds {scores['threshold']:g}; the climate distance is 0 where "
        "histograms agree, 1 where they share nothing."
    )
    charts = [
        ChartView(
            "Error growth",
            "Median over the starts at each lead time; the band holds eight of ten of the "
            "network's. A straight climb is chaos at work; the dotted line is the threshold, 1 "
            "the error of the mean state.",
            growth_figure(scores["lead"], scores["growth"], scores["threshold"], unit),
            "",
        )
    ]
    if scores["whole"] < 1.0:
        times = np.array(scores["valid"])
        edges = np.linspace(0.0, max(float(times.max()), 1e-9), 16)
        counts = np.histogram(times, edges)[0]
        share = f" {100 * scores['whole']:.0f} % of them to the end." if scores["whole"] else ""
        charts.append(
            ChartView(
                "Valid times",
                f"How many of the network's rollouts were right for how long.{share}",
                valid_time_figure(edges.tolist(), counts.tolist(), unit),
                "",
            )
        )
    table = TableView("", caption, ["", *(head for _, head in MEASURES)], rows, 0)
    return Section("How long it is right", tables=[table], charts=charts)


def _rollouts(emulator: Emulator, judged: Judged, data: Trajectories) -> Section:
    """The worst start, the best, and two between."""
    scale_of = emulator.model_.scales.deviation
    errors = normalised_error(judged.rollouts["network"], judged.truth, scale_of)
    order = np.lexsort((-(errors**2).mean(axis=1), judged.valid))
    picks = np.unique(np.linspace(0, len(order) - 1, 4).round().astype(np.int64))
    scores = judged.scores
    scale = scores["horizon_time"] / scores["horizon"]
    shown = np.unique(np.linspace(0, scores["horizon"] - 1, _MOST_POINTS).astype(np.int64))
    names = data.channels[:_MOST_CHANNELS]
    section = Section(
        "Rollouts beside the truth",
        "Free-running from held-out states: from the start that was hardest to the easiest. The "
        "dotted line: where the normalised error exceeds the threshold.",
    )
    for number, pick in enumerate(picks):
        start = int(order[pick])
        valid = float(judged.valid[start]) * scale
        true, own = (
            _rounded(values[start][shown, :_MOST_CHANNELS].T)
            for values in (judged.truth, judged.rollouts["network"])
        )
        whole = judged.valid[start] == scores["horizon"]
        ranks = {0: "The hardest", len(picks) - 1: "The easiest"}
        times = _rounded((shown + 1) * scale)
        end = None if whole else valid
        figure = rollout_figure(times, true, own, names, end, scores["unit"])
        words = "right to the end" if whole else f"right for {valid:.3g} {scores['unit']}"
        caption = (
            f"The first channels; a normalised error of {errors[start].mean():.2g} on average."
        )
        title = f"{ranks.get(number, 'Between')}: {words}"
        section.charts.append(ChartView(title, caption, figure, ""))
    return section


def _climate(judged: Judged, data: Trajectories) -> Section:
    """What the emulator does in the long run, beside what the system does."""
    truth, own = judged.long_truth, judged.long_run
    free = data.forcing is None and data.parameters is None
    lead = (
        "Free-running long after every rollout has parted from the truth: right in its statistics, "
        "if not in its course."
        if free
        else "All held-out rollouts together, beside the truth under the same forcing."
    )
    section = Section("Its climate", lead)
    names = data.channels
    pairs = [(0, data.width - 1)] if data.width > 1 else []
    if data.width > 2:
        pairs.append((0, 1))
    views = [(names[a], names[b], 0, a, b) for a, b in pairs]
    if data.width == 1:
        lag = _lag(truth)
        views = [(f"{names[0]}, {lag} steps before", names[0], lag, 0, 0)]
    for before, now, lag, a, b in views:
        figure = attractor_figure(_path(truth, a, b, lag), _path(own, a, b, lag), (before, now))
        caption = "Left the truth, right the emulator."
        section.charts.append(ChartView(f"{before} and {now}", caption, figure, ""))
    shortest = min(min(map(len, truth)), min(map(len, own)))
    segment = 2 ** int(np.log2(max(4, min(512, shortest))))
    if segment <= shortest:
        frequency, true = power_spectrum(truth, data.dt, segment)
        _, emulated = power_spectrum(own, data.dt, segment)
        figure = spectrum_figure(
            _rounded(frequency), _rounded(true[:, 0]), _rounded(emulated[:, 0]), names[0]
        )
        section.charts.append(
            ChartView(f"Spectrum of {names[0]}", "Welch's method, Hann windows.", figure, "")
        )
    last = data.width - 1
    if free:
        maps = [successive_maxima(one, last)[:1500] for one in (truth, own)]
        if all(len(one) > 20 for one in maps):
            figure = return_map_figure(_rounded(maps[0]), _rounded(maps[1]), names[last])
            text = "Each maximum and the next; where they form a curve, one decides the other."
            section.charts.append(ChartView(f"Return map of {names[last]}", text, figure, ""))
    every, emulated_all = np.concatenate(truth), np.concatenate(own)
    for at in sorted({0, last}):
        figure = _histogram(every[:, at], emulated_all[:, at], names[at])
        section.charts.append(
            ChartView(f"Histogram of {names[at]}", "Share of the time at each value.", figure, "")
        )
    return section


def _histogram(truth: Array, own: Array, name: str) -> dict[str, Any]:
    edges = np.linspace(truth.min(), max(truth.max(), truth.min() + 1e-12), 41)
    shares = [
        np.histogram(np.clip(one, edges[0], edges[-1]), edges)[0] / len(one) for one in (truth, own)
    ]
    return histogram_figure(
        _rounded(0.5 * (edges[1:] + edges[:-1])), _rounded(shares[0]), _rounded(shares[1]), name
    )


def _path(stretches: list[Array], a: int, b: int, lag: int) -> tuple[list[Any], list[Any]]:
    """Stretches one after the other, with a gap between, up to as many points as can be drawn.

    Channel ``a`` is ``lag`` steps behind channel ``b``.
    """
    x: list[Any] = []
    y: list[Any] = []
    for one in stretches:
        if len(x) >= _MOST_PATH:
            break
        part = one[: _MOST_PATH + lag]
        x += [*_rounded(part[: len(part) - lag, a]), None]
        y += [*_rounded(part[lag:, b]), None]
    return x, y


def _lag(stretches: list[Array]) -> int:
    """Steps after which a channel has little to do with itself: its first fall below 1 / e."""
    longest = max(stretches, key=len)[:, 0]
    value = longest - longest.mean()
    total = float(value @ value) or 1.0
    for lag in range(1, len(value) // 2):
        if float(value[lag:] @ value[:-lag]) < total / np.e:
            return lag
    return 1


def _network(emulator: Emulator, data: Trajectories) -> NetworkView:
    network = emulator.model_.networks[0]
    shape = network.shape
    sizes = {"cell": 0, "head": 0}
    for name, size in shape.parameter_shapes().items():
        sizes[name[:4]] += int(np.prod(size))
    deep = f"{shape.num_layers} x " if shape.num_layers > 1 else ""
    layers = [
        LayerView(
            emulator.cell.upper().replace("_", " "),
            f"{deep}{shape.hidden_size} units",
            str(shape.hidden_size),
            sizes["cell"],
            True,
        ),
        LayerView("Dense", "", str(shape.channels), sizes["head"]),
    ]
    read = "the state, scaled" if not shape.others else "state, forcing and parameters, scaled"
    answer = "the increment of the state" if shape.increments else "the next state"
    return NetworkView(read, f"T x {shape.channels + shape.others}", layers, answer)


def _rounded(values: Any) -> list[Any]:
    array = np.asarray(values, np.float64)
    if array.ndim > 1:
        return [_rounded(one) for one in array]
    return [float(f"{one:.5g}") for one in array.tolist()]


write_emulation = RunWriter(_tables, _report)
