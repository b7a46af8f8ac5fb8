"""A small plot of a series and its forecast in characters, for the command line."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elman.errors import InputError

__all__ = ["terminal_line"]

_BRAILLE = 0x2800
# The bit of each dot of a braille character, by row and column.
_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], dtype=np.int64)
_LEAST_WIDTH, _LEAST_HEIGHT = 24, 3
_FORECAST_SHARE = 0.25  # of the plot's width, at least, where the history is long

Floats = NDArray[np.float64]


def terminal_line(
    values: ArrayLike,
    forecast: ArrayLike,
    intervals: tuple[ArrayLike, ArrayLike] | None = None,
    width: int = 72,
    height: int = 12,
    labels: Sequence[str] | None = None,
    unicode: bool | None = None,
    colour: bool = False,
) -> str:
    """Draw the end of a series, its forecast and one interval.

    Lines are drawn with braille dots, the interval as its two dotted edges; without Unicode the
    history is ``*``, the forecast ``o`` and the edges ``.``. A column marks where the forecast
    begins. A missing value is a gap. So much of the history is shown that the forecast takes at
    least a quarter of the width.

    Args:
        values: the history, ``(T,)``, NaN where missing.
        forecast: the forecast, ``(H,)``.
        intervals: lower and upper ends, each ``(H,)``.
        width: characters in a line, at least 24.
        height: lines of the plot itself, at least 3.
        labels: the time of every history value and forecast step, ``T + H`` texts; the first
            shown, the last observed and the last forecast one are written below.
        unicode: whether the terminal can show braille; default: whether standard output's encoding
            is UTF-8.
        colour: whether to colour forecast and interval with ANSI codes.

    Returns:
        The lines, joined, without a line end after the last.

    Raises:
        InputError: the shapes do not fit, or the plot is too small.
    """
    history, future = _vector(values, "values"), _vector(forecast, "forecast")
    ends = None if intervals is None else tuple(_vector(end, "intervals") for end in intervals)
    if ends is not None and any(len(end) != len(future) for end in ends):
        raise InputError(f"intervals: expected {len(future)} steps like the forecast")
    if width < _LEAST_WIDTH or height < _LEAST_HEIGHT:
        raise InputError(
            f"width, height: expected at least {_LEAST_WIDTH} x {_LEAST_HEIGHT}, "
            f"got {width} x {height}"
        )
    if labels is not None and len(labels) != len(history) + len(future):
        raise InputError(
            f"labels: expected {len(history) + len(future)}, one a step, got {len(labels)}"
        )
    dropped = max(0, len(history) - max(24, int(len(future) * (1 / _FORECAST_SHARE - 1))))
    history = history[dropped:]
    everything = np.concatenate([history, future, *(ends or ())])
    if not np.isfinite(everything).any():
        return "(nothing to draw: every value is missing)"
    bottom, top = float(np.nanmin(everything)), float(np.nanmax(everything))
    if bottom == top:
        bottom, top = bottom - 1, top + 1
    if unicode is None:
        unicode = "utf" in (getattr(sys.stdout, "encoding", None) or "").lower()
    scale = _axis_labels(bottom, top, height)
    margin = max(len(text) for text in scale) + 2
    canvas = _Canvas(width - margin, height, bottom, top, len(history) + len(future), unicode)
    _draw(canvas, history, future, ends)
    lines = [
        f"{label:>{margin - 2}} {'┤' if unicode else '|'}{row}"
        for label, row in zip(scale, canvas.rows(len(history), colour), strict=True)
    ]
    if labels is not None:
        shown = list(labels[dropped:])
        lines.append(" " * margin + _time_labels(shown, len(history), canvas))
    return "\n".join(line.rstrip() for line in lines)


class _Canvas:
    """A grid of characters, each of 2 x 4 dots in Unicode and one dot without."""

    def __init__(
        self, width: int, height: int, bottom: float, top: float, steps: int, unicode: bool
    ) -> None:
        self.width, self.height, self.unicode = width, height, unicode
        across, down = (2, 4) if unicode else (1, 1)
        self._size = (height * down, width * across)
        self._bottom, self._top, self._steps = bottom, top, steps
        self._layers = {
            name: np.zeros(self._size, dtype=bool) for name in ("history", "edge", "forecast")
        }

    def column(self, step: float) -> int:
        """The dot column of a time step."""
        return round(step / max(self._steps - 1, 1) * (self._size[1] - 1))

    def cell(self, step: float) -> int:
        """The character column of a time step."""
        return self.column(step) * self.width // self._size[1]

    def line(self, layer: str, start: int, values: Floats) -> None:
        """Draw values from step ``start`` on as a line."""
        dots = self._layers[layer]
        for offset, value in enumerate(values):
            if not np.isfinite(value):
                continue
            column, row = self.column(start + offset), self._row(value)
            before = values[offset - 1] if offset else np.nan
            if np.isfinite(before):
                self._stroke(dots, self.column(start + offset - 1), self._row(before), column, row)
            dots[row, column] = True

    def thin(self, layer: str, every: int) -> None:
        """Keep every n-th dot column of a layer, so that a line looks dotted."""
        dots = self._layers[layer]
        dots[:, np.arange(dots.shape[1]) % every != 0] = False

    def _row(self, value: float) -> int:
        share = (self._top - value) / (self._top - self._bottom)
        return round(share * (self._size[0] - 1))

    @staticmethod
    def _stroke(dots: NDArray[np.bool_], x0: int, y0: int, x1: int, y1: int) -> None:
        count = max(abs(x1 - x0), abs(y1 - y0), 1) + 1
        columns = np.linspace(x0, x1, count).round().astype(int)
        dots[np.linspace(y0, y1, count).round().astype(int), columns] = True

    def rows(self, divider: int, colour: bool) -> list[str]:
        """The lines of characters, with a rule before the step ``divider``."""
        texts = self._braille() if self.unicode else self._ascii()
        front = self._cells("forecast"), self._cells("edge"), self._cells("history")
        rule = self.cell(divider - 0.5) if 0 < divider < self._steps else -1
        lines = []
        for row in range(self.height):
            cells = list(texts[row])
            if 0 <= rule < self.width and cells[rule] in (" ", chr(_BRAILLE)):
                cells[rule] = "┊" if self.unicode else ":"
            cells = [" " if cell == chr(_BRAILLE) else cell for cell in cells]
            if colour:
                for column in range(self.width):
                    is_forecast, is_edge, is_history = (one[row, column] for one in front)
                    if is_forecast and not is_history:
                        cells[column] = f"\x1b[1;34m{cells[column]}\x1b[0m"
                    elif is_edge and not is_history:
                        cells[column] = f"\x1b[34m{cells[column]}\x1b[0m"
            lines.append("".join(cells))
        return lines

    def _cells(self, layer: str) -> NDArray[np.bool_]:
        """Whether each character holds any dot of a layer."""
        return np.asarray(self._by_character(self._layers[layer]).any(axis=(1, 3)))

    def _by_character(self, dots: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return dots.reshape(
            self.height, self._size[0] // self.height, self.width, self._size[1] // self.width
        )

    def _braille(self) -> list[list[str]]:
        dots = np.logical_or.reduce(list(self._layers.values()))
        bits = (self._by_character(dots) * _DOTS[None, :, None, :]).sum(axis=(1, 3))
        return [[chr(_BRAILLE + int(bit)) for bit in row] for row in bits]

    def _ascii(self) -> list[list[str]]:
        text = np.full(self._size, " ")
        for layer, mark in (("edge", "."), ("forecast", "o"), ("history", "*")):
            text[self._layers[layer]] = mark
        return [list(row) for row in text.tolist()]


def _draw(
    canvas: _Canvas, history: Floats, future: Floats, ends: tuple[Floats, ...] | None
) -> None:
    canvas.line("history", 0, history)
    last = history[-1:] if len(history) else history
    for end in ends or ():
        canvas.line("edge", len(history), end)
    canvas.thin("edge", 2)
    # The forecast's line sets out from the last observed value.
    canvas.line("forecast", len(history) - len(last), np.concatenate([last, future]))


def _vector(values: ArrayLike, name: str) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise InputError(f"{name}: expected one dimension, got shape {array.shape}")
    return np.where(np.isfinite(array), array, np.nan)


def _axis_labels(bottom: float, top: float, height: int) -> list[str]:
    """A label for the top, middle and bottom line, empty for the others."""
    digits = max(0, min(8, 2 - int(np.floor(np.log10(top - bottom)))))
    wide = max(abs(bottom), abs(top)) >= 1e7 or top - bottom < 1e-6
    labels = [""] * height
    for row in (0, (height - 1) // 2, height - 1):
        value = top - (top - bottom) * row / (height - 1)
        labels[row] = f"{value:.3g}" if wide else f"{value:,.{digits}f}"
    return labels


def _time_labels(labels: list[str], history: int, canvas: _Canvas) -> str:
    """The first, the last observed and the last time, each under its place if there is room."""
    line = [" "] * canvas.width
    last = len(labels) - 1
    wanted = [(last, labels[last]), (0, labels[0])] if labels else []
    if 0 < history - 1 < last:
        wanted.append((history - 1, labels[history - 1]))
    for step, text in wanted:
        text = text[: canvas.width // 3]
        start = min(max(0, canvas.cell(step) - len(text) // 2), canvas.width - len(text))
        reach = line[max(0, start - 1) : start + len(text) + 1]
        if all(cell == " " for cell in reach):
            line[start : start + len(text)] = text
    return "".join(line)
