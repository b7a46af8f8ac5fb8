"""The progress bar: what it is named after, and when it comes."""

from __future__ import annotations

import io
import time

import pytest

from elman.progress import Progress, stage


class Terminal(io.StringIO):
    """A terminal that keeps what it was told."""

    def isatty(self) -> bool:
        return True


def test_short_trainings_in_stages_show_a_bar_once_all_have_taken_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stderr", screen := Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    long_ago = time.perf_counter() - 5
    for begun in (time.perf_counter(), long_ago):
        with stage("cutoff 1 of 3", begun), stage("held-out fold 2 of 5", time.perf_counter()):
            progress = Progress(3, 1, None)
        progress.batch_done(1, 0)
        progress.close()
        assert ("cutoff 1 of 3, held-out fold 2 of 5" in screen.getvalue()) == (begun == long_ago)
    assert Progress(3, 1, None)._stage == ""
