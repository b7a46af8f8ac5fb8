"""What all commands do: find a free folder, name the run, leave it behind, hand out answers."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elman.cli import printing
from elman.errors import InputError

if TYPE_CHECKING:
    from elman.runs import Run

__all__ = ["Job", "answer", "model_of_run", "request_of", "stem"]


def request_of(arguments: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Of a command's arguments those that stand in the run's configuration, as plain values.

    Files stand there from the root of the file system, so that ``elman predict`` finds them from
    any folder.
    """
    request = {}
    for name in (one for one in arguments if one in names):
        value = arguments[name]
        is_path = isinstance(value, Path) or (name == "source" and isinstance(value, str))
        if is_path and Path(value).exists():
            value = Path(value).absolute()
        request[name] = str(value) if isinstance(value, Path) else value
    return request


def _check_free(out: Path | None) -> None:
    """Refuses a folder that cannot be the run's, before an hour of training."""
    from elman.places import check_writable
    from elman.runs import DEFAULT_ROOT

    if out is not None and out.exists():
        if not out.is_dir():
            raise InputError(f"--out: {out} exists and is no folder; choose another name")
        if any(out.iterdir()):
            raise InputError(f"--out: {out} exists and is not empty; choose another folder")
    wanted = Path(DEFAULT_ROOT) if out is None else out
    try:
        check_writable(wanted)
    except OSError as problem:
        why = (problem.strerror or "it cannot be written").lower()
        raise InputError(
            f"--out: nothing can be written in {problem.filename} ({why}); choose another place"
        ) from problem


def stem(source: str) -> str:
    """The name of a file or of a built-in set, which a run is called after."""
    return Path(source).name.split(".")[0] or "series"


def _command_line() -> str:
    """The command as it was typed, for the report."""
    import shlex

    return shlex.join(["elman", *sys.argv[1:]])


class Job:
    """A command that trains: how it speaks, and the run that it leaves.

    Args:
        kind: Of the run.
        title: What it is called after.
        out: The run's folder, or ``None`` for the next free one. One that cannot be the run's is
            refused at once, before an hour of training.
        report: Whether the report page is written.
        as_json: Whether nothing but a JSON document is printed.
        quiet: Whether nothing but the run's folder is printed.

    Attributes:
        voice: Silent where nothing but that is printed.
        verbose: Whether training shows its progress.
        as_json: As given.

    Raises:
        InputError: If ``out`` cannot be the run's.
    """

    def __init__(
        self, kind: str, title: str, out: Path | None, report: bool, as_json: bool, quiet: bool
    ) -> None:
        _check_free(out)
        self.voice = printing.Voice(silent=quiet or as_json)
        self.verbose = not (quiet or as_json)
        self._kind, self._title, self._out = kind, title, out
        self.as_json = as_json
        self._report, self._quiet = report, quiet

    def leave(
        self,
        write: Callable[..., None],
        *content: Any,
        request: Mapping[str, Any],
        document: Mapping[str, Any],
        model: bool = True,
        **more: Any,
    ) -> Run:
        """Writes the run and says where it is.

        Args:
            write: Fills the folder: of the run and ``content``, then ``title``, ``request``,
                ``command``, ``report`` and ``more`` by name.
            content: What the run is about.
            request: What was asked for.
            document: What ``--json`` prints, beside the folder.
            model: Whether the run holds a model to predict with.
            more: What else ``write`` takes.

        Returns:
            The run.
        """
        from elman.runs import Run

        with Run.draft(self._out, kind=self._kind, name=self._title) as run:
            write(
                run,
                *content,
                title=self._title,
                request=request,
                command=_command_line(),
                report=self._report,
                **more,
            )
        if self.as_json:
            print(json.dumps({"run": str(run.path), **document}, default=str))
        elif self._quiet:
            print(run.path)
        else:
            self.voice.left(run, report=self._report, model=model)
        return run


def model_of_run(run: Run, asked: Mapping[str, Any]) -> Any:
    """The model of a run, which reads what training has not met as asked for, if it was.

    Args:
        run: The run.
        asked: The options of ``elman predict``, of which ``unseen`` is looked at.

    Raises:
        InputError: ``unseen`` is neither ``error`` nor ``unknown``.
    """
    from elman.checks import one_of
    from elman.saving import load

    model = load(run.model_path)
    unseen = asked.get("unseen")
    if unseen is not None:
        model.set_params(unseen=one_of("--unseen", unseen, ("error", "unknown")))
    return model


def answer(columns: Any, out: Path | None, as_json: bool) -> None:
    """Columns to a file, and to standard output as JSON if asked for, or as CSV without a file."""
    if out is not None:
        from elman.data.frames import write_table

        write_table(columns, out)
    if as_json:
        print(json.dumps(printing.columns_document(columns), default=str))
    elif out is None:
        printing.print_csv(columns)
