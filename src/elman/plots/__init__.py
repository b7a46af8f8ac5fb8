"""Pictures: figures for plotly as plain dicts, their colours, and a plot for the terminal."""

from elman.plots.colours import DASHES, SYMBOLS, THEMES, coloured
from elman.plots.figures import (
    autocorrelation_figure,
    best_epoch,
    coverage_figure,
    forecast_figure,
    horizon_figure,
    residual_figure,
    residual_histogram,
    training_figure,
)
from elman.plots.terminal import terminal_line

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
