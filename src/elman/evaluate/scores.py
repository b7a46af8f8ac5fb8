"""The score table: one forecaster beside the simple ones, on the same values, with a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elman.errors import InputError
from elman.evaluate.baselines import BASELINES, Baselines
from elman.evaluate.metrics import (
    by_horizon,
    coverage,
    errors,
    inside,
    interval_width,
    mean_of,
    owa,
    percentage_errors,
    pinball,
)

__all__ = ["LABELS", "METRICS", "Scores", "score_forecasts"]

METRICS = ("mae", "rmse", "mse", "smape", "mase", "owa", "bias")
"""The measures of the score table. MAE, RMSE, MSE and bias are means over all values; sMAPE and
MASE are means over the series of each series' own mean, as in M4; OWA is made of the two."""

LABELS = {
    "network": "network",
    "repeat_last": "repeat-last",
    "seasonal_naive": "seasonal-naive",
    "drift": "drift",
    "mean": "mean",
    "naive2": "naive2",
    "linear": "linear",
}
"""What a person reads for each forecaster's name."""

_FEW_WINDOWS = 10
_TIE = 0.01  # errors this close, relative to the baseline's, are called level
_REFERENCE = "naive2"

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Measures = dict[str, float | None]


@dataclass(repr=False)
class Scores:
    """Scores of one forecaster and of the baselines on the same held-out values; JSON-able.

    Attributes:
        model: the name of the forecaster judged; the other names are baselines.
        horizon: steps ahead.
        season: steps in one season, as used by seasonal-naive, MASE and OWA.
        windows: how many windows were scored.
        values: how many observed values they hold.
        table: forecaster -> measure (:data:`METRICS`; the model also has ``pinball`` when it
            gives intervals) -> value. None where the measure is not defined.
        by_horizon: measure (``mae``, ``rmse``, ``smape``) -> forecaster -> one value a step ahead.
        by_series: series -> forecaster -> measure (``mae``, ``rmse``, ``smape``, ``mase``).
        intervals: level, as text -> ``nominal`` and observed ``coverage`` (0 to 1), mean ``width``,
            ``pinball`` loss, and ``coverage_by_horizon``.
        undefined: measure -> why it is None, or over which series it could not be taken.
        notes: what else a reader should know.
        basis: the measure that the verdict compares (``mae``, or ``mase`` for several series).
        beats: baseline -> whether the model's error is lower; None when that is not known.
        verdict: the comparison in plain words.
    """

    model: str
    horizon: int
    season: int
    windows: int
    values: int
    table: dict[str, Measures]
    by_horizon: dict[str, dict[str, list[float | None]]]
    by_series: dict[str, dict[str, Measures]]
    intervals: dict[str, dict[str, Any]] = field(default_factory=dict)
    undefined: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    basis: str = "mae"
    beats: dict[str, bool | None] = field(default_factory=dict)
    verdict: str = ""

    def __repr__(self) -> str:
        """The table as text, and the verdict; everything is in :meth:`to_dict`."""
        columns = [name for name in METRICS if name != "mse"]
        rows = [["", *columns]]
        for name, row in self.table.items():
            values = [row.get(column) for column in columns]
            cells = ["-" if value is None else f"{value:.4g}" for value in values]
            rows.append([_label(name), *cells])
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])])
            for row in rows
        ]
        return "\n".join([*lines, self.verdict])

    @property
    def few(self) -> bool:
        """Whether there were so few windows that chance may have decided."""
        return self.windows < _FEW_WINDOWS

    def to_dict(self) -> dict[str, Any]:
        """The same as nested dicts and lists of plain values, ready for ``json.dumps``."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Scores:
        """Scores from :meth:`to_dict`.

        Raises:
            InputError: a field is missing.
        """
        required = {one.name for one in fields(cls)}
        missing = required - set(record)
        if missing:
            raise InputError(f"scores: expected the fields of Scores, missing {sorted(missing)}")
        return cls(**{name: record[name] for name in required})


def score_forecasts(
    forecast: ArrayLike,
    baselines: Baselines,
    series: ArrayLike,
    origins: ArrayLike,
    ids: Sequence[str] | None = None,
    intervals: Mapping[float, tuple[ArrayLike, ArrayLike]] | None = None,
    model: str = "network",
    rivals: Mapping[str, ArrayLike] | None = None,
) -> Scores:
    """Score a forecaster and the baselines on the same windows.

    A value counts when it is observed and any value before its window's origin is, so that every
    forecaster has something to go by; windows without history are left out with a note.

    Args:
        forecast: point forecasts in the unit of the series, ``(W, H)``.
        baselines: the series and their simple forecasts.
        series: the number of each window's series, ``(W,)``.
        origins: the number of each window's first forecast step in its series, ``(W,)``.
        ids: the names of the series; default: their numbers.
        intervals: level in percent (such as 80) -> lower and upper ends, each ``(W, H)``.
        model: what to call the forecaster.
        rivals: forecasts of others, ``(W, H)`` by name, to stand among the baselines.

    Raises:
        InputError: shapes do not fit, a forecast is not finite where its target is known, or a
            level is not between 0 and 100.
    """
    point = np.asarray(forecast, dtype=np.float64)
    if point.ndim != 2 or len(point) != np.size(series):
        raise InputError(
            f"forecast: expected shape (windows, horizon) with {np.size(series)} windows, "
            f"got {point.shape}"
        )
    names = [str(one) for one in ids] if ids is not None else None
    panel = _Panel.of(baselines, series, origins, point.shape[1], names)
    reports = {model: panel.judge(point)}
    simple = [*BASELINES, _REFERENCE] if baselines.naive2_differs() else list(BASELINES)
    for name in simple:
        guess = baselines.forecast(name, series, origins, panel.horizon)
        reports[name] = panel.judge(np.where(panel.known[:, None], guess, 0.0))
    for name, given in (rivals or {}).items():
        reports[name] = panel.judge(np.asarray(given, dtype=np.float64))
    scores = Scores(
        model=model,
        horizon=panel.horizon,
        season=baselines.season,
        windows=int(panel.known.sum()),
        values=int((~np.isnan(panel.y)).sum()),
        table={name: report.total for name, report in reports.items()},
        by_horizon={
            measure: {name: report.steps[measure] for name, report in reports.items()}
            for measure in ("mae", "rmse", "smape")
        },
        by_series={
            one: {name: report.each[number] for name, report in reports.items()}
            for number, one in panel.scored()
        },
        notes=panel.notes(),
    )
    _add_owa(scores)
    _add_intervals(scores, panel.y, intervals or {})
    _add_reasons(scores, panel)
    _add_verdict(scores)
    return scores


@dataclass
class _Report:
    """One forecaster: over all values, each step ahead, and each series."""

    total: Measures
    steps: dict[str, list[float | None]]
    each: list[Measures]


@dataclass
class _Panel:
    """The values to score against: the truth of each window and what its series is."""

    y: Floats
    known: NDArray[np.bool_]
    series: Indices
    ids: list[str]
    scales: list[float | None]
    horizon: int

    @classmethod
    def of(
        cls,
        baselines: Baselines,
        series: ArrayLike,
        origins: ArrayLike,
        horizon: int,
        ids: list[str] | None,
    ) -> _Panel:
        scales = baselines.scales()
        names = ids if ids is not None else [str(number) for number in range(len(scales))]
        if len(names) != len(scales):
            raise InputError(
                f"ids: expected one for each of {len(scales)} series, got {len(names)}"
            )
        known = baselines.has_history(series, origins)
        y = baselines.targets(series, origins, horizon)
        y = np.where(known[:, None], y, np.nan)
        numbers = np.asarray(series, dtype=np.int64).reshape(-1)
        return cls(y, known, numbers, names, scales, horizon)

    def judge(self, guess: Floats) -> _Report:
        error = errors(self.y, guess)
        absolute, square = np.abs(error), np.square(error)
        percentage = percentage_errors(self.y, guess)
        series_mae = self._series_means(absolute)
        series_mse = self._series_means(square)
        series_smape = self._series_means(percentage)
        each = [
            {
                "mae": m,
                "rmse": None if s is None else float(np.sqrt(s)),
                "smape": p,
                "mase": None if m is None or scale is None else m / scale,
            }
            for m, s, p, scale in zip(
                series_mae, series_mse, series_smape, self.scales, strict=True
            )
        ]
        mean_square = _mean(square)
        total: Measures = {
            "mae": _mean(absolute),
            "rmse": None if mean_square is None else float(np.sqrt(mean_square)),
            "mse": mean_square,
            "smape": mean_of(series_smape),
            "mase": mean_of([one["mase"] for one in each]),
            "owa": None,
            "bias": _mean(error),
        }
        steps = {
            "mae": by_horizon(absolute),
            "rmse": [None if v is None else float(np.sqrt(v)) for v in by_horizon(square)],
            "smape": by_horizon(percentage),
        }
        return _Report(total, steps, each)

    def scored(self) -> list[tuple[int, str]]:
        """Number and name of each series that has windows."""
        return [(int(number), self.ids[number]) for number in np.unique(self.series)]

    def notes(self) -> list[str]:
        without = int((~self.known).sum())
        if not without:
            return []
        return [f"{without} of {len(self.known)} windows have no observed value before them."]

    def _series_means(self, terms: Floats) -> list[float | None]:
        present = ~np.isnan(terms)
        size = len(self.ids)
        totals = np.bincount(self.series, np.where(present, terms, 0).sum(axis=1), size)
        counts = np.bincount(self.series, present.sum(axis=1), size)
        return [float(t / n) if n else None for t, n in zip(totals, counts, strict=True)]


def _mean(terms: Floats) -> float | None:
    count = int((~np.isnan(terms)).sum())
    return float(np.nansum(terms) / count) if count else None


def _add_owa(scores: Scores) -> None:
    reference = scores.table.get(_REFERENCE, scores.table["repeat_last"])
    for row in scores.table.values():
        row["owa"] = owa(row["smape"], row["mase"], reference["smape"], reference["mase"])


def _add_intervals(
    scores: Scores, y: Floats, intervals: Mapping[float, tuple[ArrayLike, ArrayLike]]
) -> None:
    for level in sorted(intervals):
        if not 0 < level < 100:
            raise InputError(f"intervals: expected levels in percent, 0 to 100, got {level}")
        lower, upper = intervals[level]
        tail = (1 - level / 100) / 2
        losses = (pinball(y, lower, tail), pinball(y, upper, 1 - tail))
        scores.intervals[f"{level:g}"] = {
            "nominal": level / 100,
            "coverage": coverage(y, lower, upper),
            "width": interval_width(y, lower, upper),
            "pinball": mean_of(losses),
            "coverage_by_horizon": by_horizon(inside(y, lower, upper)),
        }
    if scores.intervals:
        parts = [one["pinball"] for one in scores.intervals.values()]
        scores.table[scores.model]["pinball"] = mean_of(parts)


def _add_reasons(scores: Scores, panel: _Panel) -> None:
    if not scores.values:
        scores.undefined.update(
            dict.fromkeys((*METRICS, "pinball"), "no value was observed in the scored windows")
        )
        return
    scored = panel.scored()
    without = [name for number, name in scored if panel.scales[number] is None]
    if without:
        which = "every series" if len(without) == len(scored) else f"{len(without)} series"
        example = f" (such as {without[0]!r})" if len(scored) > 1 else ""
        scores.undefined["mase"] = (
            f"undefined for {which}{example}: the training part is constant over a season or "
            f"has fewer than {2 * scores.season} values, so its seasonal-naive error is no scale"
        )
    if scores.table[scores.model]["owa"] is None:
        scores.undefined["owa"] = (
            "MASE is undefined" if len(without) == len(scored) else "the reference makes no error"
        )


def _add_verdict(scores: Scores) -> None:
    """Say which baselines are beaten, by the error that is comparable over the series."""
    rows = scores.table
    several = len(scores.by_series) > 1
    if several and "mase" not in scores.undefined:
        scores.basis = "mase"
    own = rows[scores.model][scores.basis]
    rivals = {name: rows[name][scores.basis] for name in rows if name != scores.model}
    if own is None:
        scores.beats = dict.fromkeys(rivals)
        scores.verdict = (
            f"The {scores.model} cannot be judged: no value was observed in the scored windows."
        )
        return
    others = {name: value for name, value in rivals.items() if value is not None}
    scores.beats = {name: own < value for name, value in others.items()}
    if scores.season == 1:
        scores.notes.append(
            "No season was found or given, so seasonal-naive is the same as repeat-last."
        )
    scores.verdict = _verdict(scores, own, others)
    if scores.few:
        scores.verdict += " So few windows may mislead."


def _verdict(scores: Scores, own: float, others: dict[str, float]) -> str:
    measure = "mean absolute scaled error" if scores.basis == "mase" else "mean absolute error"
    where = f"on {scores.windows:,} held-out window{'s' if scores.windows != 1 else ''}"
    best = min(others, key=lambda name: others[name])
    better = [name for name in others if others[name] < own]
    figures = f"its {measure} is {_short(own)}"
    if not better:
        gap = 1 - own / others[best] if others[best] else 0.0
        rival = f"{_label(best)}, {_short(others[best])}"
        if gap < _TIE:
            return (
                f"The {scores.model} is no better than the best baseline {where}: {figures}, "
                f"level with {rival}."
            )
        return (
            f"The {scores.model} beats every baseline {where}: {figures}, {_percent(gap)} % below "
            f"the best of them ({rival})."
        )
    excess = own / others[best] - 1 if others[best] else np.inf
    rival = f"{_short(others[best])} for {_label(best)}"
    if excess < _TIE:
        return (
            f"The {scores.model} is no better than the best baseline {where}: {figures}, level "
            f"with {rival}."
        )
    beaten = [_label(name) for name in others if name not in better]
    rest = f" The {scores.model} does beat {_listed(beaten)}." if beaten else ""
    return (
        f"The {scores.model} does not beat {_listed([_label(name) for name in better])} {where}: "
        f"{figures} against {rival}. The simple forecast is the better one here.{rest}"
    )


def _percent(share: float) -> str:
    """Whole percent; what is not all of it is not called so."""
    text = f"{100 * share:.0f}"
    return "more than 99" if text == "100" and share < 1 else text


def _label(name: str) -> str:
    return LABELS.get(name, name)


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _short(value: float) -> str:
    """Three significant digits or whole thousands, without an exponent in the common range."""
    if value == 0 or not 1e-3 <= abs(value) < 1e7:
        return f"{value:.3g}"
    digits = max(0, 2 - int(np.floor(np.log10(abs(value)))))
    return f"{value:,.{digits}f}"
