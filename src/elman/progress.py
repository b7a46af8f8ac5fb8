"""A progress bar for what takes longer than a second, where somebody is looking."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from elman.history import EpochRecord

__all__ = ["Progress", "stage"]

_STAGES: ContextVar[tuple[tuple[str, float], ...]] = ContextVar("stages", default=())
"""What the training at hand is part of: its name, and when the whole began; outermost first."""


@contextmanager
def stage(name: str, begun: float) -> Iterator[None]:
    """Says what the trainings inside are part of, where one after the other is short.

    Args:
        name: Such as ``"held-out fold 2 of 5"``, shown before the bar; may be empty.
        begun: When all the stages together began, by :func:`time.perf_counter`: the bar comes
            once those have taken a second.
    """
    token = _STAGES.set((*_STAGES.get(), (name, begun)))
    try:
        yield
    finally:
        _STAGES.reset(token)


class Progress:
    """A progress bar on the terminal, once training has taken a second.

    Attributes:
        wanted: Whether there is, or may yet be, anything to show.
    """

    _DELAY = 1.0

    def __init__(self, epochs: int, batches: int, wanted: bool | None) -> None:
        terminal = sys.stderr is not None and sys.stderr.isatty()
        self.wanted = terminal if wanted is None else wanted
        self._epochs, self._batches = epochs, batches
        stages = _STAGES.get()
        self._started = min((begun for _, begun in stages), default=time.perf_counter())
        self._stage = ", ".join(name for name, _ in stages if name)
        self._shown = 0.0
        self._bar: Any = None
        self._task: Any = None
        self._text = ""

    def batch_done(self, epoch: int, index: int) -> None:
        """Moves the bar, at most ten times a second."""
        now = time.perf_counter()
        if now - self._started < self._DELAY or now - self._shown < 0.1:
            return
        self._shown = now
        self._show(epoch - 1 + (index + 1) / self._batches)

    def epoch_done(self, record: EpochRecord) -> None:
        """Shows the losses of an epoch."""
        self._text = f"loss {record.loss:.4g}"
        if record.validation_loss is not None:
            self._text += f"  validation {record.validation_loss:.4g}"
        if self._bar is not None:
            self._show(record.epoch)

    def close(self) -> None:
        """Takes the bar away."""
        if self._bar is not None:
            self._bar.stop()

    def _show(self, done: float) -> None:
        if self._bar is None:
            self._open()
        self._bar.update(self._task, completed=done, losses=self._text)

    def _open(self) -> None:
        import rich.progress
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn

        self._bar = rich.progress.Progress(
            TextColumn("{task.description}"),
            TextColumn("epoch {task.completed:.0f}/{task.total:.0f}"),
            BarColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[losses]}"),
            console=Console(stderr=True),
            transient=True,
        )
        self._bar.start()
        self._task = self._bar.add_task(
            self._stage or "training", total=self._epochs, losses=self._text
        )
