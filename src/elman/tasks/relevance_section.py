"""The part of a report that shows which steps of some sequences mattered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.data.rows import Rows
from elman.data.text import split_text
from elman.plots.classes import relevance_figure
from elman.report.task import ChartView, Passage, Section

__all__ = ["steps_section"]

Array: TypeAlias = NDArray[Any]

_MOST_CHANNELS = 3
_MOST_STEPS = 400


def steps_section(
    lead: str,
    titles: Sequence[str],
    rows: Rows,
    relevance: Sequence[Array],
    unit: str,
    channels: Sequence[str],
    bars: str,
) -> Section:
    """Some sequences, each with what every step said for the answer or against it.

    Args:
        lead: What is shown, in words.
        titles: Of each sequence.
        rows: The sequences.
        relevance: Of each ``(T_i, C)``, or ``(T_i,)`` for the tokens of a text.
        unit: Of texts: characters or words.
        channels: Names of the channels.
        bars: What the weights are called: "spoke for (or against)".
    """
    section = Section("Which steps mattered", lead)
    for number, (title, weights) in enumerate(zip(titles, relevance, strict=True)):
        top = float(np.abs(weights).max(initial=0.0)) or 1.0
        if rows.texts is not None:
            tokens = split_text(rows.texts[number], unit)[:_MOST_STEPS]
            section.passages.append(
                Passage(title, tokens, [round(float(w) / top, 3) for w in weights[:_MOST_STEPS]])
            )
            continue
        values = (rows.arrays or [])[number][:_MOST_STEPS, :_MOST_CHANNELS].T
        shown = [[None if np.isnan(v) else float(f"{v:.5g}") for v in one] for one in values]
        each = np.round(weights[:_MOST_STEPS].T / top, 4).tolist()
        caption = "Lines: the first channels. Bars: all channels of a step together."
        figure = relevance_figure(shown, each, channels, bars)
        section.charts.append(ChartView(title, caption, figure))
    return section
