"""From a panel to what the networks read: scaled targets, covariates and statics as numbers.

Everything is fitted on the training part of each series alone (the first ``counts`` rows), and
applied to all of it. A series that was not there in training is scaled by its own past.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from elman.data.panel import Panel
from elman.data.scaling import SeriesScaler, StaticEncoder
from elman.errors import InputError
from elman.saving import tensor_of
from elman.tasks.parameters import Array
from elman.tasks.recursive import SeriesRows
from elman.tasks.samples import Rows

__all__ = ["Encoder"]


@dataclass
class Encoder:
    """What was fitted on the training part.

    Attributes:
        scaler: Of the targets of each series.
        ids: The series seen, as text.
        deviation: ``(S, C)``: deviation of the scaled training part, 0 where it is constant.
        past: Mean and deviation of each past covariate, ``(2, P)``.
        future: The same of those known ahead, ``(2, F)``.
        static: Of the static columns.
    """

    scaler: SeriesScaler
    ids: list[str]
    deviation: Array
    past: Array
    future: Array
    static: StaticEncoder

    @classmethod
    def fit(cls, panel: Panel, counts: Array, scaling: str) -> Encoder:
        """Fits on the first ``counts`` rows of each series.

        Raises:
            InputError: If ``log1p`` meets values of -1 and below.
        """
        training = panel.take(counts)
        scaler = SeriesScaler(scaling).fit(training)
        return cls(
            scaler=scaler,
            ids=[str(one) for one in panel.ids],
            deviation=_deviations(scaler.transform(training)),
            past=_fit_columns(training.past),
            future=_fit_columns(training.future),
            static=StaticEncoder().fit(panel),
        )

    def tensors(self) -> dict[str, Array]:
        """All numbers that were fitted, by name."""
        state = self.scaler.to_dict()
        return {
            "scaler.center": state["center"],
            "scaler.scale": state["scale"],
            "deviation": self.deviation,
            "past": self.past,
            "future": self.future,
        }

    def description(self) -> dict[str, Any]:
        """Everything else, as plain values."""
        return {"scaling": self.scaler.name, "ids": self.ids, "static": self.static.to_dict()}

    @classmethod
    def from_saved(
        cls,
        record: Mapping[str, Any],
        tensors: Mapping[str, Array],
        channels: int,
        widths: tuple[int, int],
    ) -> Encoder:
        """The encoder that :meth:`description` and :meth:`tensors` described.

        Args:
            record: The description.
            tensors: The numbers.
            channels: How many targets there are.
            widths: How many past covariates there are, and how many known ahead.

        Raises:
            InputError: If a tensor is missing or of another shape.
        """

        def tensor(name: str, *shape: int) -> Array:
            return np.array(tensor_of(tensors, name, shape))

        each_series = (len(record["ids"]), channels)
        state = {
            "name": record["scaling"],
            "center": tensor("scaler.center", *each_series),
            "scale": tensor("scaler.scale", *each_series),
        }
        return cls(
            SeriesScaler.from_dict(state),
            list(record["ids"]),
            tensor("deviation", *each_series),
            tensor("past", 2, widths[0]),
            tensor("future", 2, widths[1]),
            StaticEncoder.from_dict(record["static"]),
        )

    @property
    def statics(self) -> int:
        """Numbers that the static columns become."""
        return self.static.width

    def numbers(self, panel: Panel) -> Array:
        """For each series of a panel its number here, or -1 if it was not seen."""
        known = {name: number for number, name in enumerate(self.ids)}
        if len(self.ids) == 1 and panel.n_series == 1:
            return np.zeros(1, np.int64)
        return np.array([known.get(str(one), -1) for one in panel.ids], np.int64)

    def scaler_for(self, panel: Panel, counts: Array) -> tuple[SeriesScaler, Array]:
        """Scaler and deviations ``(S, C)`` of a panel's series; new ones by their past.

        Args:
            panel: The series.
            counts: ``(S,)``: how many leading rows of each are its past.
        """
        numbers = self.numbers(panel)
        scaler, deviation = self.scaler.select(numbers), self.deviation[numbers]
        unseen = np.flatnonzero(numbers < 0)
        if len(unseen):
            past = panel.select(unseen).take(np.asarray(counts)[unseen])
            fitted = SeriesScaler(scaler.name).fit(past)
            assert scaler.center is not None and scaler.scale is not None
            assert fitted.center is not None and fitted.scale is not None
            scaler.center[unseen], scaler.scale[unseen] = fitted.center, fitted.scale
            deviation[unseen] = _deviations(fitted.transform(past))
        return scaler, deviation

    def rows(self, panel: Panel, counts: Array, dtype: Any = np.float32) -> Rows:
        """All series of a panel as rows of a direct network, one a target column.

        Args:
            panel: The series.
            counts: ``(S,)``: how many leading rows of each are known where it must be scaled by
                its own past.
            dtype: float32 or float64.
        """
        scaler, deviation = self.scaler_for(panel, counts)
        rows = Rows.from_series(list(scaler.transform(panel)), deviation, dtype)
        starts = panel.offsets[:-1].astype(np.int64)
        if panel.past.shape[1]:
            rows.past, rows.past_starts = _apply_columns(panel.past, self.past, dtype), starts
        if panel.future.shape[1]:
            rows.future = _apply_columns(panel.future, self.future, dtype)
            rows.future_starts = starts
        rows.static = self.static_numbers(panel, dtype)
        return rows

    def series_rows(self, panel: Panel, counts: Array, dtype: Any = np.float32) -> SeriesRows:
        """All series of a panel as a recursive network reads them; arguments as :meth:`rows`."""
        if panel.past.shape[1]:
            raise InputError(
                "past: a recursive forecaster runs on its own outputs and knows no past covariates "
                "of the future; expected none, got "
                f"{', '.join(panel.names.past)}. Make them targets, or use strategy='direct'"
            )
        scaler, deviation = self.scaler_for(panel, counts)
        direct = Rows.from_series(list(scaler.transform(panel)), deviation, dtype)
        rows = SeriesRows(
            values=_beside(direct.values, direct, panel.n_targets),
            observed=None
            if direct.observed is None
            else _beside(direct.observed, direct, panel.n_targets),
            starts=panel.offsets[:-1].astype(np.int64),
            lengths=panel.lengths,
        )
        if panel.future.shape[1]:
            rows.future = _apply_columns(panel.future, self.future, dtype)
            rows.future_starts = rows.starts
        rows.static = self.static_numbers(panel, dtype)
        return rows

    def static_numbers(self, panel: Panel, dtype: Any) -> Array | None:
        """``(S, K)``, see :class:`elman.data.scaling.StaticEncoder`; ``None`` without any."""
        return self.static.transform(panel).astype(dtype) if self.static.width else None


def _beside(values: Array, rows: Rows, channels: int) -> Array:
    """Rows one after the other as columns beside each other, ``(L, C)``."""
    parts = []
    for first in range(0, len(rows), channels):
        columns = [
            values[rows.starts[r] : rows.starts[r] + rows.lengths[r]]
            for r in range(first, first + channels)
        ]
        parts.append(np.stack(columns, axis=1))
    return np.ascontiguousarray(np.concatenate(parts))


def _deviations(panel: Panel) -> Array:
    """Standard deviation of each series' targets ``(S, C)``, 0 where they are constant."""
    found = np.zeros((panel.n_series, panel.n_targets))
    for series, one in enumerate(panel):
        for column in range(one.shape[1]):
            present = one[~np.isnan(one[:, column]), column]
            rounding = 1e-9 * np.abs(present).max(initial=0.0)
            deviation = float(present.std()) if len(present) else 0.0
            found[series, column] = deviation if deviation > rounding else 0.0
    return found


def _fit_columns(values: Array) -> Array:
    """Mean and deviation of each column, missing values left out."""
    width = values.shape[1]
    fitted = np.stack([np.zeros(width), np.ones(width)])
    for column in range(width):
        present = values[~np.isnan(values[:, column]), column]
        if len(present):
            fitted[0, column] = present.mean()
            fitted[1, column] = present.std() or 1.0
    return fitted


def _apply_columns(values: Array, fitted: Array, dtype: Any) -> Array:
    """Standardised covariates; a missing one is at its mean."""
    scaled = (values - fitted[0]) / fitted[1]
    standard: Array = np.nan_to_num(scaled, nan=0.0).astype(dtype)
    return standard
