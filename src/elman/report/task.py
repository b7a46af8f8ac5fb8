"""What the report of any other task shows, as data: sections of tables and charts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from elman.errors import InputError
from elman.report.content import NetworkView, _record
from elman.report.wording import Fact, Verdict

__all__ = ["ChartView", "Passage", "Quote", "Section", "TableView", "TaggedPassage", "TaskReport"]

CONTENT_VERSION = 1


@dataclass
class ChartView:
    """One chart: a plotly dict with named colours, and what it shows in words."""

    title: str
    caption: str
    figure: dict[str, Any]
    size: str = "low"


@dataclass
class TableView:
    """One table. The first column names its rows.

    Attributes:
        title: Of the table.
        caption: What it shows.
        columns: Heads, that of the first column included.
        rows: Cells as text.
        judged: Number of the row that is set off, or -1.
    """

    title: str
    caption: str
    columns: list[str]
    rows: list[list[str]]
    judged: int = -1


@dataclass
class Passage:
    """A sequence of tokens, each with how much it spoke for (above 0) or against, -1 to 1."""

    title: str
    tokens: list[str]
    weights: list[float]


@dataclass
class TaggedPassage:
    """A sequence of tokens, each with the label that it was given.

    Attributes:
        title: Of the passage.
        tokens: The tokens.
        labels: What is shown under each; empty for nothing.
        colours: The number of its colour, from 0, the same for the same kind of label; -1: none.
        truths: The right label of each that was mistaken, else empty.
    """

    title: str
    tokens: list[str]
    labels: list[str]
    colours: list[int]
    truths: list[str]


@dataclass
class Quote:
    """A text, shown as it is, with its ends of lines."""

    title: str
    text: str


@dataclass
class Section:
    """A part of the page under one heading."""

    title: str
    lead: str = ""
    tables: list[TableView] = field(default_factory=list)
    charts: list[ChartView] = field(default_factory=list)
    passages: list[Passage] = field(default_factory=list)
    tagged: list[TaggedPassage] = field(default_factory=list)
    quotes: list[Quote] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tables = [
            one if isinstance(one, TableView) else TableView(**one) for one in self.tables
        ]
        self.charts = [
            one if isinstance(one, ChartView) else ChartView(**one) for one in self.charts
        ]
        self.passages = [
            one if isinstance(one, Passage) else Passage(**one) for one in self.passages
        ]
        self.tagged = [
            one if isinstance(one, TaggedPassage) else TaggedPassage(**one) for one in self.tagged
        ]
        self.quotes = [one if isinstance(one, Quote) else Quote(**one) for one in self.quotes]


@dataclass
class TaskReport:
    """Everything that the page of a task shows.

    Attributes:
        title: What was worked on.
        kind: What was done: ``"classification"``.
        subtitle: Under the title.
        source: What was read, in one sentence.
        verdict: The headline's judgement.
        facts: The figures under it.
        sections: In order.
        history: One record an epoch.
        network: The network, or ``None``.
        configuration: Name -> value, in the order to show.
        notes: What the reader should know, a sentence each.
        timings: What took how long, name -> seconds.
        versions: Name -> version.
        created: When, in ISO 8601.
        command: The command that made it, or empty.
    """

    title: str
    kind: str
    subtitle: str
    source: str
    verdict: Verdict
    facts: list[Fact] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)
    network: NetworkView | None = None
    configuration: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    timings: dict[str, float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    created: str = ""
    command: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.verdict, Mapping):
            self.verdict = Verdict(**self.verdict)
        self.facts = [one if isinstance(one, Fact) else Fact(**one) for one in self.facts]
        self.sections = [
            one if isinstance(one, Section) else Section(**one) for one in self.sections
        ]
        if isinstance(self.network, Mapping):
            self.network = NetworkView(**self.network)

    def to_dict(self) -> dict[str, Any]:
        """The same as nested dicts and lists of plain values, ready for ``json.dumps``."""
        return {"task_content_version": CONTENT_VERSION, **_record(self)}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> TaskReport:
        """A report from :meth:`to_dict`.

        Raises:
            InputError: The record is of another version, or lacks or has a field too many.
        """
        version = record.get("task_content_version")
        if version != CONTENT_VERSION:
            raise InputError(f"report: expected content version {CONTENT_VERSION}, got {version!r}")
        given = {name: value for name, value in record.items() if name != "task_content_version"}
        try:
            return cls(**given)
        except TypeError as problem:
            odd = sorted(set(given) - {one.name for one in fields(cls)}) or problem
            raise InputError(f"report: its fields are not those of a report: {odd}") from problem
