"""Pictures: figures for plotly as plain dicts, their colours, and a plot for the terminal."""

from elman.plots.colours import DASHES, SYMBOLS, THEMES, coloured
from elman.plots.errors import (
    autocorrelation_figure,
    coverage_figure,
    horizon_figure,
    residual_figure,
    residual_histogram,
)
from elman.plots.forecasts import forecast_figure
from elman.plots.terminal import terminal_line
from elman.plots.training import best_epoch, training_figure

__all__ = [
    "DASHES",
    "SYMBOLS",
    "THEMES",
    "autocorrelation_figure",
    "best_epoch",
    "coloured",
    "coverage_figure",
    "forecast_figure",
    "horizon_figure",
    "residual_figure",
    "residual_histogram",
    "terminal_line",
    "training_figure",
]
