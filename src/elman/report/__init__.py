"""The report: what it shows (:class:`ForecastReport`) and the page that shows it."""

from elman.report.content import ForecastReport, HeldOut, LayerView, NetworkView, SeriesView
from elman.report.page import redraw, render, write_report

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
