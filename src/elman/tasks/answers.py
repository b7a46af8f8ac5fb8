"""A forecast in the unit of the series, and the tables and arrays it is given out as."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from elman.data.panel import Panel
from elman.tasks.calibration import Calibration, level_name, unscale
from elman.tasks.model import ForecastModel, RawForecast
from elman.tasks.parameters import Array
from elman.tasks.plan import Plan

__all__ = ["Answer", "source_shape"]


@dataclass
class Answer:
    """The forecast of every series of a panel, beyond what is known of it.

    Attributes:
        panel: The series.
        counts: int64 ``(S,)``: rows of each that are known.
        point: ``(S, horizon, C)``.
        intervals: Level -> lower and upper ends, each ``(S, horizon, C)``.
        quantiles: Quantile -> ``(S, horizon, C)``: those asked for, uncalibrated.
    """

    panel: Panel
    counts: Array
    point: Array
    intervals: dict[float, tuple[Array, Array]]
    quantiles: dict[float, Array]

    @classmethod
    def of(
        cls,
        model: ForecastModel,
        panel: Panel,
        counts: Array,
        raw: RawForecast,
        calibration: Calibration | None,
        levels: tuple[float, ...],
        plan: Plan,
        horizon: int,
    ) -> Answer:
        """From a network's scaled forecast of one window for each series, in order."""
        scaler, _ = model.encoder.scaler_for(panel, counts)
        series = np.arange(panel.n_series)
        trained = model.trained_quantiles

        def natural(values: Array) -> Array:
            steps: Array = unscale(scaler, values, series).transpose(0, 2, 1)[:, :horizon]
            return steps

        found = {} if calibration is None else calibration.intervals(raw, trained)
        intervals = {
            level: (natural(found[level][0]), natural(found[level][1])) for level in levels
        }
        return cls(
            panel,
            counts,
            natural(raw.quantiles[..., trained.index(0.5)]),
            intervals,
            {q: natural(raw.quantiles[..., trained.index(q)]) for q in plan.asked},
        )

    @property
    def horizon(self) -> int:
        """Steps ahead."""
        return int(self.point.shape[1])

    @property
    def stamps(self) -> Array:
        """Time of each step, ``(S, horizon)``."""
        last = self.panel.stamps[self.panel.offsets[:-1] + self.counts - 1]
        return self.panel.stamps_after(last, self.horizon)

    def columns(self, targets: tuple[str, ...] | None = None) -> dict[str, Array]:
        """Forecast, interval ends and quantiles of each target, series after series.

        Args:
            targets: What to call the targets; default: as the source did.
        """
        names = self.panel.names.targets if targets is None else targets
        columns: dict[str, Array] = {}
        for channel, name in enumerate(names):
            columns[str(name)] = self.point[:, :, channel].reshape(-1)
            for level, (low, high) in self.intervals.items():
                columns[f"{name}-lo-{level_name(level)}"] = low[:, :, channel].reshape(-1)
                columns[f"{name}-hi-{level_name(level)}"] = high[:, :, channel].reshape(-1)
            for quantile, values in self.quantiles.items():
                columns[f"{name}-q-{quantile:g}"] = values[:, :, channel].reshape(-1)
        return columns

    def frame(self, kind: str | None = None) -> Any:
        """One row for each series and step, as the kind of table that came in (or ``kind``)."""
        series = np.repeat(np.arange(self.panel.n_series), self.horizon)
        return self.panel.frame(series, self.stamps.reshape(-1), self.columns(), kind)

    def array(self, shape: tuple[str, int] | None, values: Array | None = None) -> Any:
        """Values (default: the point forecast) shaped as the arrays that came in.

        Args:
            shape: ``None`` for ``(S, horizon, C)``; else ``"array"`` and its number of axes, or
                ``"list"`` and that of its items.
            values: ``(S, horizon, C)``.
        """
        values = self.point if values is None else values
        if shape is None:
            return values
        kind, axes = shape
        if kind == "list":
            return [one[:, 0] if axes == 1 else one for one in values]
        if axes == 1:
            return values[0, :, 0]
        if axes == 2:
            # Columns were series, or targets of one series.
            return values[:, :, 0].T if values.shape[2] == 1 else values[0]
        return values


def source_shape(data: Any) -> tuple[str, int]:
    """How an answer to arrays is shaped: ``"array"`` and its axes, or ``"list"``."""
    if isinstance(data, np.ndarray):
        return "array", data.ndim
    if isinstance(data, (list, tuple)):
        nested = bool(len(data)) and np.ndim(data[0]) > 0
        return ("list", np.ndim(data[0])) if nested else ("array", 1)
    return "array", 3
