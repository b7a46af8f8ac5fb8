"""What a report shows, as data: filled by a task, stored in the run folder, drawn by the page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from elman.errors import InputError
from elman.evaluate import Scores
from elman.runs import iso_times

__all__ = ["ForecastReport", "HeldOut", "LayerView", "NetworkView", "SeriesView"]

CONTENT_VERSION = 1
MOST_SERIES = 40
MOST_POINTS = 4000
_KEPT_WHOLE = 1000  # of a long series, so many of the last points are never thinned

Interval = tuple[list[float | None], list[float | None]]


@dataclass
class HeldOut:
    """A forecast of values that are known: made at a cutoff, drawn over what came.

    Attributes:
        times: the forecast's times, ``(H,)``.
        forecast: the forecast, ``(H,)``.
    """

    times: list[Any]
    forecast: list[float | None]

    def __post_init__(self) -> None:
        self.times, self.forecast = plain_times(self.times), plain_values(self.forecast)
        _same_length("held_out", times=self.times, forecast=self.forecast)


@dataclass
class SeriesView:
    """One series with its forecast. Arrays and lists are taken; lists of plain values are kept.

    Attributes:
        id: the series' name.
        times: times of the history, ``(T,)``: ``datetime64``, numbers, or ISO 8601 texts.
        values: the history, ``(T,)``, NaN or None where missing.
        forecast_times: times of the forecast, ``(H,)``.
        forecast: the point forecast, ``(H,)``.
        intervals: level in percent -> lower and upper ends, each ``(H,)``.
        held_out: earlier forecasts of known values, a few of them.
        residual_times: times of the one-step-ahead held-out forecasts, in order, ``(N,)``.
        residuals: truth minus those forecasts, ``(N,)``.
    """

    id: str
    times: list[Any]
    values: list[float | None]
    forecast_times: list[Any] = field(default_factory=list)
    forecast: list[float | None] = field(default_factory=list)
    intervals: dict[str, Interval] = field(default_factory=dict)
    held_out: list[HeldOut] = field(default_factory=list)
    residual_times: list[Any] = field(default_factory=list)
    residuals: list[float | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.id = str(self.id)
        self.times, self.values = plain_times(self.times), plain_values(self.values)
        self.forecast_times = plain_times(self.forecast_times)
        self.forecast = plain_values(self.forecast)
        self.intervals = {
            _level(level): (plain_values(lower), plain_values(upper))
            for level, (lower, upper) in self.intervals.items()
        }
        self.held_out = [
            one if isinstance(one, HeldOut) else HeldOut(**one) for one in self.held_out
        ]
        self.residual_times = plain_times(self.residual_times)
        self.residuals = plain_values(self.residuals)
        _same_length(f"series {self.id!r}", times=self.times, values=self.values)
        ends = {
            f"intervals[{level}][{number}]": end
            for level, both in self.intervals.items()
            for number, end in enumerate(both)
        }
        _same_length(
            f"series {self.id!r}",
            forecast_times=self.forecast_times,
            forecast=self.forecast,
            **ends,
        )
        _same_length(
            f"series {self.id!r}", residual_times=self.residual_times, residuals=self.residuals
        )

    def thinned(self, most: int = MOST_POINTS) -> SeriesView:
        """The same with at most about ``most`` points of history, extremes kept.

        The older part keeps the lowest and the highest value of each stretch, which draws the
        same picture at that size; the end of the series stays whole.
        """
        if len(self.values) <= most:
            return self
        whole = min(_KEPT_WHOLE, most // 2)
        older = np.array([np.nan if one is None else one for one in self.values[:-whole]])
        kept: list[int] = []
        for stretch in np.array_split(np.arange(len(older)), (most - whole) // 2):
            present = stretch[np.isfinite(older[stretch])]
            if not len(present):
                kept.append(int(stretch[0]))  # a gap stays a gap
                continue
            low, high = present[older[present].argmin()], present[older[present].argmax()]
            kept += sorted({int(low), int(high)})
        kept += range(len(older), len(self.values))
        return replace(
            self, times=[self.times[k] for k in kept], values=[self.values[k] for k in kept]
        )


@dataclass
class LayerView:
    """One layer of the network, for the drawing.

    Attributes:
        kind: its name, such as ``"GRU"``.
        detail: what a reader should know of it, such as ``"16 units"``.
        output: the shape of what it hands on, such as ``"24 x 16"``.
        parameters: how many it has.
        recurrent: whether its output feeds back into it.
    """

    kind: str
    detail: str = ""
    output: str = ""
    parameters: int = 0
    recurrent: bool = False


@dataclass
class NetworkView:
    """The network, for the drawing: what goes in, the layers in order, what comes out.

    Attributes:
        input: what goes in, such as ``"the last 48 values, scaled"``.
        input_shape: its shape, such as ``"48 x 1"``.
        layers: the layers in order.
        output: what comes out, such as ``"12 steps x 5 quantiles"``.
    """

    input: str
    input_shape: str
    layers: list[LayerView]
    output: str = ""

    def __post_init__(self) -> None:
        self.layers = [
            one if isinstance(one, LayerView) else LayerView(**one) for one in self.layers
        ]

    @property
    def parameters(self) -> int:
        """How many parameters the layers have together."""
        return sum(one.parameters for one in self.layers)


@dataclass
class ForecastReport:
    """Everything that the page of a forecast or a backtest shows.

    Attributes:
        title: what was forecast, such as ``"sunspots"``.
        source: what was read, in one sentence.
        horizon: steps ahead.
        step: what one step is called, in the singular: ``"month"``, ``"year"``, ``"step"``.
        series: the series with their forecasts.
        series_total: how many series there are, when not all are in ``series``.
        scores: the score table, or None when nothing could be held out.
        history: one record an epoch: ``epoch``, ``loss``, ``validation_loss``, ...
        network: the network, or None.
        configuration: the resolved configuration, name -> value, in the order to show.
        notes: what the reader should know of the data and of what was done, a sentence each.
        timings: what took how long, name -> seconds, such as ``{"training": 0.41}``.
        versions: name -> version, :func:`elman.runs.versions`.
        value_label: what is measured, with its unit, for the axes.
        time_label: what the time axis shows; empty where the ticks say it.
        residual_label: of which forecasts the residuals are.
        created: when, in ISO 8601, such as ``"2026-01-31T12:00:00+00:00"``.
        command: the command that made it, or empty.
        kind: ``"forecast"`` or ``"backtest"``.
    """

    title: str
    source: str
    horizon: int
    series: list[SeriesView]
    step: str = "step"
    series_total: int = 0
    scores: Scores | None = None
    history: list[dict[str, Any]] = field(default_factory=list)
    network: NetworkView | None = None
    configuration: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    timings: dict[str, float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    value_label: str = ""
    time_label: str = ""
    residual_label: str = "held-out forecasts one step ahead"
    created: str = ""
    command: str = ""
    kind: str = "forecast"

    def __post_init__(self) -> None:
        self.series = [
            one if isinstance(one, SeriesView) else SeriesView(**one) for one in self.series
        ]
        self.series_total = max(self.series_total, len(self.series))
        if isinstance(self.scores, Mapping):
            self.scores = Scores.from_dict(self.scores)
        if isinstance(self.network, Mapping):
            self.network = NetworkView(**self.network)

    def limited(
        self, most_series: int = MOST_SERIES, most_points: int = MOST_POINTS
    ) -> ForecastReport:
        """The same at a size that a page can hold, with notes on what was left out."""
        notes = list(self.notes)
        if self.series_total > min(most_series, len(self.series)):
            shown = min(most_series, len(self.series))
            notes.append(
                f"The page shows the first {shown:,} of {self.series_total:,} series; the scores "
                "are those of all."
            )
        series = self.series[:most_series]
        if any(len(one.values) > most_points for one in series):
            notes.append(
                "Long histories are drawn with fewer points (the extremes of each stretch)."
            )
        scores = self.scores
        if scores is not None and len(scores.by_series) > most_series:
            kept = {one.id for one in series} & set(scores.by_series)
            by_series = {name: scores.by_series[name] for name in scores.by_series if name in kept}
            scores = replace(scores, by_series=by_series)
        thinned = [one.thinned(most_points) for one in series]
        return replace(self, notes=notes, series=thinned, scores=scores)

    def to_dict(self) -> dict[str, Any]:
        """The same as nested dicts and lists of plain values, ready for ``json.dumps``."""
        return {"content_version": CONTENT_VERSION, **_record(self)}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> ForecastReport:
        """A report from :meth:`to_dict`.

        Raises:
            InputError: the record is of another version, or lacks or has a field too many.
        """
        version = record.get("content_version")
        if version != CONTENT_VERSION:
            raise InputError(
                f"report: expected content version {CONTENT_VERSION}, got {version!r}; use the "
                "elman that wrote it"
            )
        given = {name: value for name, value in record.items() if name != "content_version"}
        try:
            return cls(**given)
        except TypeError as problem:
            known = {one.name for one in fields(cls)}
            odd = sorted(set(given) - known) or problem
            raise InputError(f"report: its fields are not those of a report: {odd}") from problem


def _record(value: Any) -> Any:
    """Nested dataclasses as dicts; unlike ``dataclasses.asdict`` it copies no list of numbers."""
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: _record(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, list) and value and is_dataclass(value[0]):
        return [_record(one) for one in value]
    return value


def plain_values(values: Iterable[float | None]) -> list[float | None]:
    """Numbers at single precision's seven digits, None where missing or not finite."""
    if isinstance(values, list) and all(
        one is None or (type(one) is float and math.isfinite(one)) for one in values
    ):
        return values
    given = values.tolist() if isinstance(values, np.ndarray) else list(values)
    numbers = (np.nan if one is None else float(one) for one in given)
    return [float(f"{one:.7g}") if math.isfinite(one) else None for one in numbers]


def plain_times(times: ArrayLike | Sequence[Any]) -> list[Any]:
    """Times as ISO 8601 texts or plain numbers."""
    if isinstance(times, list) and all(type(one) in (str, int, float) for one in times):
        return times
    array = np.asarray(times)
    if array.dtype.kind == "M":
        return list(iso_times(array))
    return [one.isoformat() if hasattr(one, "isoformat") else one for one in array.tolist()]


def _level(level: Any) -> str:
    return f"{float(level):g}"


def _same_length(owner: str, **columns: Sequence[Any]) -> None:
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise InputError(f"report: {owner} has columns of unlike length: {lengths}")
