"""The report: what it shows (:class:`ForecastReport`) and the page that shows it."""

from .content import ForecastReport, HeldOut, LayerView, NetworkView, SeriesView
from .page import redraw, render, write_report

__all__ = [
    "ForecastReport",
    "HeldOut",
    "LayerView",
    "NetworkView",
    "SeriesView",
    "redraw",
    "render",
    "write_report",
]
