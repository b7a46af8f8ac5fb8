"""How a network does beside its baselines, as the headline of a report says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from elman.report.wording import Verdict

__all__ = ["Beside", "not_judged"]


@dataclass(frozen=True)
class Beside:
    """A network beside the best of its baselines.

    Attributes:
        own: The network's measure.
        name: The baseline.
        other: The baseline's measure.
        lower: Whether lower is better.
    """

    own: float
    name: str
    other: float
    lower: bool = False

    @classmethod
    def best(
        cls, table: Mapping[str, Mapping[str, Any]], measure: str, lower: bool = False
    ) -> Beside:
        """The network of a table of scores beside the best other row.

        Args:
            table: Name -> measures; the network's name is ``"network"``.
            measure: Which of them.
            lower: Whether lower is better.
        """
        values = {name: row[measure] for name, row in table.items()}
        own = values.pop("network")
        name = (min if lower else max)(values, key=lambda one: values[one])
        return cls(own, name, values[name], lower)

    @property
    def level(self) -> bool:
        """Whether both measures are the same."""
        return self.own == self.other

    @property
    def better(self) -> bool:
        """Whether the network's measure is the better one."""
        return self.own < self.other if self.lower else self.own > self.other

    def verdict(self, sentence: str, clearly: bool = True) -> Verdict:
        """The headline, in a few words and in a sentence.

        Args:
            sentence: What it says.
            clearly: Whether the rows are enough to tell the two apart.
        """
        if self.level:
            return Verdict("mixed", "Level with a baseline", sentence)
        if not self.better:
            return Verdict("bad", "Does not beat every baseline", sentence)
        if not clearly:
            return Verdict("mixed", "Too close to a baseline to tell", sentence)
        return Verdict("good", "Beats every baseline", sentence)


def not_judged(sentence: str) -> Verdict:
    """The headline where nothing was held out to judge by."""
    return Verdict("none", "Not judged", sentence)
