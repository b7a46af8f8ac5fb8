"""What all commands do: find a free folder, name the run, leave it behind, hand out answers."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elman.cli import printing
from elman.errors import InputError

if TYPE_CHECKING:
    from elman.runs import Run

__all__ = ["answer", "check_free", "command_line", "finish", "request_of", "stem"]


def request_of(arguments: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Of a command's arguments those that stand in the run's configuration, as plain values."""
    return {
        name: str(value) if isinstance(value, Path) else value
        for name, value in arguments.items()
        if name in names
    }


def check_free(out: Path | None) -> None:
    """Refuses a folder that cannot be the run's, before an hour of training."""
    from elman.runs import DEFAULT_ROOT

    if out is not None and out.exists():
        if not out.is_dir():
            raise InputError(f"--out: {out} exists and is no folder; choose another name")
        if any(out.iterdir()):
            raise InputError(f"--out: {out} exists and is not empty; choose another folder")
    wanted = Path(DEFAULT_ROOT) if out is None else out
    within = next(one for one in (wanted, *wanted.absolute().parents) if one.exists())
    if not within.is_dir() or not os.access(within, os.W_OK | os.X_OK):
        why = "it is no folder" if not within.is_dir() else "no permission"
        raise InputError(f"--out: nothing can be written in {within} ({why}); choose another place")


def stem(source: str) -> str:
    """The name of a file or of a built-in set, which a run is called after."""
    return Path(source).name.split(".")[0] or "series"


def command_line() -> str:
    """The command as it was typed, for the report."""
    import shlex

    return shlex.join(["elman", *sys.argv[1:]])


def finish(
    run: Run,
    voice: printing.Voice,
    document: Mapping[str, Any],
    *,
    report: bool,
    as_json: bool,
    quiet: bool,
    model: bool = True,
) -> None:
    """The last words of a command that leaves a run.

    Args:
        run: The folder, complete.
        voice: Of the command.
        document: What ``--json`` prints, beside the folder.
        report: Whether there is a report page.
        as_json: Whether the document is printed.
        quiet: Whether the folder is printed alone.
        model: Whether the run holds a model to predict with.
    """
    if as_json:
        print(json.dumps({"run": str(run.path), **document}, default=str))
    elif quiet:
        print(run.path)
    else:
        voice.left(run, report=report, model=model)


def answer(columns: Any, out: Path | None, as_json: bool) -> None:
    """Columns to a file, or to standard output."""
    if out is not None:
        from elman.data.frames import write_table

        write_table(columns, out)
    elif as_json:
        print(json.dumps(printing.columns_document(columns), default=str))
    else:
        printing.print_csv(columns)
