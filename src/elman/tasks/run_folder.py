"""What every task leaves behind: its run folder, and the parts of a report that all have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from elman.layers import Layer, RecurrentLayer
from elman.network import Network
from elman.report.content import LayerView, NetworkView
from elman.report.task import Section, TaskReport
from elman.report.wording import Fact, Verdict
from elman.runs import Run, versions
from elman.tasks.estimator import SavedEstimator
from elman.tasks.settings_report import chosen_settings

__all__ = ["RunWriter", "layer_views", "network_view", "task_metrics", "task_report"]

_Estimator = TypeVar("_Estimator", bound=SavedEstimator)
_Data = TypeVar("_Data")


@dataclass(frozen=True)
class RunWriter(Generic[_Estimator, _Data]):
    """Fills the run folder of a kind of task: what each leaves behind, and its own tables.

    Args:
        tables: Of a fitted estimator and what it was fitted on (or found): name of a file, such
            as ``held_out.csv`` -> its columns by name.
        report: Of these two, the title and the command line: the content of the report.
    """

    tables: Callable[[_Estimator, _Data], Mapping[str, Mapping[str, Any]]]
    report: Callable[[_Estimator, _Data, str, str], TaskReport]

    def __call__(
        self,
        run: Run,
        estimator: _Estimator,
        data: _Data,
        *,
        title: str,
        request: Mapping[str, Any],
        command: str = "",
        report: bool = True,
    ) -> None:
        """Writes configuration, metrics, history, tables, model and report.

        Args:
            run: The folder.
            estimator: Fitted.
            data: What it was fitted on, or what it found.
            title: What was worked on.
            request: What was asked for, for ``config.json``.
            command: The command line, for the report.
            report: Whether the report is written too.
        """
        run.write_config(
            {
                "request": dict(request),
                "parameters": estimator.get_params(),
                "chosen": chosen_settings(estimator),
            }
        )
        run.write_metrics(task_metrics(estimator))
        run.write_history(estimator.history_.records())
        for name, columns in self.tables(estimator, data).items():
            run.write_table(name, columns)
        estimator.save(run.model_path)
        if report:
            from elman.report import write_report

            write_report(run, self.report(estimator, data, title, command))


def task_metrics(estimator: SavedEstimator) -> dict[str, Any]:
    """The contents of ``metrics.json``, and what ``--json`` prints."""
    return {
        "scores": estimator.scores_,
        "notes": estimator.notes_,
        "seconds": estimator.seconds_,
        "parameters": estimator.model_.parameter_count,
    }


def task_report(
    estimator: SavedEstimator,
    *,
    title: str,
    kind: str,
    subtitle: str,
    source: str,
    verdict: Verdict,
    facts: Sequence[Fact],
    sections: Sequence[Section],
    network: NetworkView | None,
    notes: Sequence[str] = (),
    command: str = "",
) -> TaskReport:
    """A report, its common parts taken from the fitted estimator.

    Args:
        estimator: Fitted.
        title: What was worked on.
        kind: What was done, as the run's kind.
        subtitle: Under the title.
        source: What was read, in one sentence.
        verdict: The headline's judgement.
        facts: The figures under it; the number of parameters comes last by itself.
        sections: In order.
        network: The network, or ``None``.
        notes: What should be known of the data, before the estimator's own notes.
        command: The command line.
    """
    total = estimator.model_.parameter_count
    several = estimator.get_params().get("ensemble", 1) > 1
    together = "of all networks together" if several else "of the network"
    return TaskReport(
        title=title,
        kind=kind,
        subtitle=subtitle,
        source=source,
        verdict=verdict,
        facts=[*facts, Fact("Parameters", f"{total:,}", together)],
        sections=list(sections),
        history=estimator.history_.records(),
        network=network,
        configuration=estimator.get_params(),
        notes=[*notes, *estimator.notes_],
        timings=dict(estimator.seconds_),
        versions=versions(),
        created=datetime.now().astimezone().isoformat(timespec="seconds"),
        command=command,
    )


def network_view(network: Network, source: str, answer: str) -> NetworkView:
    """A network as its diagram shows it.

    Args:
        network: The network.
        source: What it reads, in words.
        answer: What it gives, in words.
    """
    return NetworkView(source, f"T x {network.input_size}", layer_views(network), answer)


class Layered(Protocol):
    """A network with layers whose parameters bear their numbers, such as ``0.weight``."""

    @property
    def layers(self) -> Sequence[Layer]:
        """The layers in order."""

    def state_dict(self) -> Mapping[str, Any]:
        """Every parameter by its name."""


def layer_views(network: Layered) -> list[LayerView]:
    """The layers of a network as its diagram shows them."""
    sizes = [0] * len(network.layers)
    for name, value in network.state_dict().items():
        sizes[int(name.split(".")[0])] += value.size
    views = []
    for layer, size in zip(network.layers, sizes, strict=True):
        recurrent, detail = isinstance(layer, RecurrentLayer), ""
        if isinstance(layer, RecurrentLayer):
            deep = f"{layer.num_layers} x " if layer.num_layers > 1 else ""
            both = ", both ways" if layer.bidirectional else ""
            detail = f"{deep}{layer.hidden_size} units{both}"
        output = str(getattr(layer, "output_size", "") or "")
        views.append(LayerView(type(layer).__name__, detail, output, size, recurrent))
    return views
