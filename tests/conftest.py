"""Fixtures of the whole suite."""

from __future__ import annotations

import pytest

from elman import _core


@pytest.fixture
def poison():
    """Fill every buffer of the native core with NaN before each use.

    What a kernel reads before it has been written then shows up in the results. For the tests
    of results; those that measure time are better off without it.
    """
    _core.set_poison(True)
    yield
    _core.set_poison(False)


def pytest_terminal_summary(terminalreporter):
    """Prints what tests recorded as "printed": an ordinary print is swallowed when they pass."""
    for report in terminalreporter.getreports("passed"):
        for name, text in getattr(report, "user_properties", ()):
            if name == "printed" and report.when == "call":
                terminalreporter.write_line(text)
