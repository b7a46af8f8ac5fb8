"""Scaling: per series, fitted on the training part only, and per window.

A series scaler is fitted once on the training rows of every series and stored with the model. The
normalisation of a window is taken from the window itself, so that it follows level and spread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elman.data.panel import Panel
from elman.data.parts import shown
from elman.errors import InputError, NotFittedError

__all__ = ["SCALERS", "SeriesScaler", "StaticEncoder", "WindowScale", "normalize_window"]

Array = NDArray[Any]

SCALERS = ("standard", "minmax", "log1p", "none")
"""The names of the series scalers."""


class SeriesScaler:
    """Scales every target of every series on its own.

        standard   z = (y - mean) / standard deviation
        minmax     z = (y - smallest) / (largest - smallest)
        log1p      z = log(1 + y)
        none       z = y

    Missing values count for nothing. A constant series is divided by 1; one without any value
    keeps its values as they are.

    Args:
        name: One of `SCALERS`.

    Attributes:
        name: The name.
        center: float64 `(series, targets)`: what is subtracted, once fitted.
        scale: float64 `(series, targets)`: what is divided by.
    """

    def __init__(self, name: str = "standard") -> None:
        if name not in SCALERS:
            raise InputError(f"The scaler must be one of {', '.join(SCALERS)}, got {name!r}.")
        self.name = name
        self.center: NDArray[np.float64] | None = None
        self.scale: NDArray[np.float64] | None = None

    def fit(self, panel: Panel, counts: Array | int | None = None) -> SeriesScaler:
        """Fit on the first `counts` rows of every series (all rows if None).

        Raises:
            InputError: For log1p, a value in those rows is -1 or less; names the series.
        """
        training = panel if counts is None else panel.take(counts)
        size = (panel.n_series, panel.n_targets)
        self.center, self.scale = np.zeros(size), np.ones(size)
        if self.name == "log1p":
            _refuse_log1p(panel, training.values, training.offsets)
        elif self.name == "standard":
            mean, deviation = _moments(training.values, training.offsets)
            self.center, self.scale = mean, _nonzero(deviation, mean)
        elif self.name == "minmax":
            low, high = _extremes(training.values, training.offsets)
            self.center, self.scale = low, _nonzero(high - low, low)
        return self

    def transform(self, panel: Panel) -> Panel:
        """The panel with scaled targets.

        Raises:
            InputError: The panel has other series or targets than the one fitted on, or, for
                log1p, a value of -1 or less.
            NotFittedError: The scaler was not fitted.
        """
        center, scale = self._state()
        if center.shape != (panel.n_series, panel.n_targets):
            raise InputError(
                f"The scaler was fitted on {center.shape[0]} series with {center.shape[1]} "
                f"targets, got {panel.n_series} with {panel.n_targets}."
            )
        if self.name == "log1p":
            _refuse_log1p(panel, panel.values, panel.offsets)
            return panel.with_values(np.log1p(panel.values))
        series = np.repeat(np.arange(panel.n_series), panel.lengths)
        return panel.with_values((panel.values - center[series]) / scale[series])

    def inverse_transform(self, values: Array, series: Array, channel_axis: int = -1) -> Array:
        """Scaled values back in the unit of the series.

        Args:
            values: `(n, ..., targets)`; rows, forecasts `(n, horizon, targets)`, or quantiles
                `(n, horizon, targets, quantiles)` with `channel_axis=2`.
            series: int64 `(n,)`: number of the series of each.
            channel_axis: The axis of the targets.
        """
        center, scale = self._state()
        values = np.asarray(values, dtype=np.float64)
        if self.name == "log1p":
            return np.asarray(np.expm1(values))
        shape = [1] * values.ndim
        shape[0], shape[channel_axis] = len(series), center.shape[1]
        return values * scale[series].reshape(shape) + center[series].reshape(shape)

    def select(self, series: Array) -> SeriesScaler:
        """The scaler of some of the series, by number, in this order."""
        center, scale = self._state()
        chosen = SeriesScaler(self.name)
        chosen.center, chosen.scale = center[series], scale[series]
        return chosen

    def to_dict(self) -> dict[str, Any]:
        """Name and arrays, to be saved."""
        center, scale = self._state()
        return {"name": self.name, "center": center, "scale": scale}

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> SeriesScaler:
        """Rebuild a scaler from `to_dict`; the arrays may be nested lists.

        Raises:
            InputError: The state is not one of a scaler.
        """
        if set(state) != {"name", "center", "scale"}:
            raise InputError(f"A scaler's state has name, center and scale, got {sorted(state)}.")
        scaler = cls(state["name"])
        scaler.center = np.array(state["center"], dtype=np.float64, ndmin=2)
        scaler.scale = np.array(state["scale"], dtype=np.float64, ndmin=2)
        if scaler.center.shape != scaler.scale.shape:
            raise InputError(
                f"center and scale differ in shape: {scaler.center.shape}, {scaler.scale.shape}."
            )
        return scaler

    def _state(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if self.center is None or self.scale is None:
            raise NotFittedError("The scaler is not fitted: call `fit` first.")
        return self.center, self.scale


def _refuse_log1p(panel: Panel, values: Array, offsets: Array) -> None:
    low = values <= -1
    if low.any():
        row, target = (int(i) for i in np.argwhere(low)[0])
        series = int(np.searchsorted(offsets, row, side="right")) - 1
        raise InputError(
            f"scaler='log1p' needs values above -1, but series {shown(panel.ids[series])} has "
            f"{values[row, target]:g} in row {row - int(offsets[series]) + 1}. Use 'standard'."
        )


def _nonzero(spread: Array, level: Array) -> Array:
    """The spread, or 1 where it is no more than rounding of the level."""
    negligible = 10 * np.finfo(np.float64).eps * np.abs(level)
    return np.where(spread > negligible, spread, 1.0)


def _sums(values: Array, offsets: Array) -> Array:
    """Sum of each series' rows, `(series, columns)`."""
    # reduceat gives an empty series the row after it: those are set to 0.
    padded = np.concatenate([values, np.zeros((1, values.shape[1]))])
    sums = np.add.reduceat(padded, offsets[:-1], axis=0)
    sums[np.diff(offsets) == 0] = 0.0
    return np.asarray(sums)


def _moments(values: Array, offsets: Array) -> tuple[Array, Array]:
    """Mean and standard deviation of each series, missing values left out."""
    present = ~np.isnan(values)
    count = np.maximum(_sums(present.astype(np.float64), offsets), 1.0)
    mean = _sums(np.where(present, values, 0.0), offsets) / count
    centered = np.where(present, values - np.repeat(mean, np.diff(offsets), axis=0), 0.0)
    return mean, np.sqrt(_sums(centered**2, offsets) / count)


def _extremes(values: Array, offsets: Array) -> tuple[Array, Array]:
    """Smallest and largest value of each series; 0 and 1 where there is none."""
    end = np.full((1, values.shape[1]), np.nan)
    padded = np.concatenate([values, end])
    low = np.fmin.reduceat(padded, offsets[:-1], axis=0)
    high = np.fmax.reduceat(padded, offsets[:-1], axis=0)
    none = np.isnan(low) | (np.diff(offsets) == 0)[:, None]
    return np.where(none, 0.0, low), np.where(none, 1.0, high)


# --------------------------------------------------------------------------------- windows


@dataclass(frozen=True)
class WindowScale:
    """What was taken out of windows: level and spread, one for each window and channel.

    Attributes:
        level: The last observed value, the time axis kept with length 1: `[1, B, C]`.
        spread: The deviation, likewise.
    """

    level: Array
    spread: Array

    def invert(self, values: Array) -> Array:
        """Normalised forecasts back in the unit of the windows.

        Args:
            values: Forecasts with the windows' axes, any number of steps: `[H, B, C]`; or with
                one axis more for quantiles, `[H, B, C, Q]`.
        """
        more = (1,) * (values.ndim - self.level.ndim)
        level = self.level.reshape(self.level.shape + more)
        return np.asarray(values * self.spread.reshape(self.spread.shape + more) + level)

    def apply(self, values: Array) -> Array:
        """The same normalisation for other values of these windows, such as their targets."""
        return np.asarray((values - self.level) / self.spread)


def normalize_window(
    values: Array,
    observed: Array | None = None,
    *,
    axis: int = 0,
    floor: Array | float = 0.0,
    out: Array | None = None,
) -> tuple[Array, WindowScale]:
    """Subtract each window's last observed value and divide by its deviation.

    Args:
        values: Windows `[T, B, C]` (or `(N, T, C)` with `axis=1`), floating point.
        observed: 1 where a value was observed, 0 where it was not, of the same shape; those are
            left out and become 0, the last value itself. NaN are left out in any case.
        axis: The axis of time.
        floor: The least deviation, a number or an array that broadcasts to `[B, C]`, in the unit
            of the values. A window whose deviation is no more than rounding is divided by 1, or
            by the floor if there is one.
        out: Where to write the result; `values` itself is allowed.

    Returns:
        The normalised windows and the `WindowScale` that takes forecasts back. A window without
        any observed value gets level 0 and spread 1.
    """
    seen = ~np.isnan(values)
    if observed is not None:
        seen &= observed > 0
    clean = np.where(seen, values, 0)
    count = np.maximum(seen.sum(axis=axis, keepdims=True), 1)
    steps = values.shape[axis]
    shape = [1] * values.ndim
    shape[axis] = steps
    position = np.where(seen, np.arange(steps).reshape(shape), -1)
    last = position.max(axis=axis, keepdims=True)
    level = np.take_along_axis(clean, np.maximum(last, 0), axis=axis)
    mean = clean.sum(axis=axis, keepdims=True, dtype=np.float64) / count
    squares = np.where(seen, clean - mean, 0.0) ** 2
    deviation = np.sqrt(squares.sum(axis=axis, keepdims=True) / count)
    rounding = 4 * np.finfo(values.dtype).eps * np.abs(mean)
    least = np.expand_dims(np.broadcast_to(floor, _without(values.shape, axis)), axis)
    spread = np.where(deviation > rounding, np.maximum(deviation, least), 0.0)
    spread = np.where(spread > 0, spread, np.where(least > 0, least, 1.0)).astype(values.dtype)
    normal = np.subtract(clean, level, out=out)
    normal /= spread
    normal *= seen
    return normal, WindowScale(level, spread)


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    axis %= len(shape)
    return shape[:axis] + shape[axis + 1 :]


# ---------------------------------------------------------------------------------- static


class StaticEncoder:
    """Turns the static columns of a panel into numbers.

    Numbers are standardised over the series; text becomes one column for each category seen when
    fitting, 1 for the series' own (a category not seen then is 0 in all of them).

    Attributes:
        columns: What was fitted, by column name: `{"center", "scale"}` or `{"categories"}`.
    """

    def __init__(self) -> None:
        self.columns: dict[str, dict[str, Any]] = {}

    @property
    def width(self) -> int:
        """How many numbers a series gets."""
        return sum(len(fitted.get("categories", [0])) for fitted in self.columns.values())

    def fit(self, panel: Panel) -> StaticEncoder:
        """Learn the centres, scales and categories of the panel's static columns."""
        self.columns = {}
        for name, values in panel.static.items():
            if values.dtype == object:
                self.columns[name] = {"categories": sorted(set(values.tolist()))}
            else:
                center, spread = np.mean(values), np.std(values)
                scale = _nonzero(np.asarray(spread), np.asarray(center))
                self.columns[name] = {"center": float(center), "scale": float(scale)}
        return self

    def transform(self, panel: Panel) -> NDArray[np.float64]:
        """The static columns as numbers, `(series, width)`.

        Raises:
            InputError: A column is missing, or is text where it was a number, or the reverse.
        """
        blocks = [np.empty((panel.n_series, 0))]
        for name, fitted in self.columns.items():
            values = panel.static.get(name)
            wanted = "text" if "categories" in fitted else "numbers"
            if values is None or (values.dtype == object) != (wanted == "text"):
                got = "no such column" if values is None else f"{values.dtype} values"
                raise InputError(f"static: expected {name!r} to hold {wanted}, got {got}.")
            if wanted == "text":
                categories = np.array(fitted["categories"], dtype=object)
                blocks.append((values[:, None] == categories).astype(np.float64))
            else:
                blocks.append((values[:, None] - fitted["center"]) / fitted["scale"])
        return np.concatenate(blocks, axis=1)

    def to_dict(self) -> dict[str, Any]:
        """What was fitted, as plain values."""
        return {"columns": self.columns}

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> StaticEncoder:
        """Rebuild an encoder from `to_dict`."""
        encoder = cls()
        encoder.columns = {name: dict(fitted) for name, fitted in state["columns"].items()}
        return encoder
