"""What SOURCE may be: a file, in whatever dialect its numbers are written, or a built-in set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elman.errors import InputError

if TYPE_CHECKING:
    from elman.data.dialect import Dialect

__all__ = ["DIALECT", "check_exists", "dialect_of", "dialect_of_run", "is_built_in"]

DIALECT = ("separator", "decimal", "thousands")
"""The options that say how a delimited file is written; they stand in a run's configuration."""


def dialect_of(options: Mapping[str, Any]) -> Dialect:
    """How a delimited file is written, of what was asked for by name.

    Raises:
        InputError: An option says nothing that can be.
    """
    from elman.data.dialect import Dialect

    return Dialect(**{name: options.get(name) for name in DIALECT})


def dialect_of_run(
    request: Mapping[str, Any], asked: Mapping[str, Any], file: str | None
) -> Dialect:
    """How the file that a run is to answer for is written.

    Args:
        request: The run's, which holds where nothing else is said.
        asked: The options of ``elman predict``; one of them is enough to leave the run's aside.
        file: The file, or ``None`` for what the run was trained on.
    """
    from elman.data.dialect import PLAIN
    from elman.data.files import is_delimited

    if any(asked.get(name) is not None for name in DIALECT):
        return dialect_of(asked)
    if file is not None and not is_delimited(file):
        return PLAIN
    return dialect_of(request)


def is_built_in(source: str, names: Sequence[str], options: Mapping[str, Any]) -> bool:
    """Whether a source is a built-in set; a file of that name goes first.

    Args:
        source: As it was typed.
        names: Of the built-in sets.
        options: By name, what says how a file is read.

    Raises:
        InputError: It is one, and there is an option, which could only be passed over.
    """
    if source not in names or Path(source).exists():
        return False
    given = [name for name, value in options.items() if value]
    if given:
        raise InputError(
            f"--{given[0].replace('_', '-')}: the built-in {source!r} is read as it is; leave the "
            "option out"
        )
    return True


def check_exists(source: str, names: Sequence[str], what: str = "file") -> None:
    """Refuses what is neither a file nor a built-in set, with the nearest name that there is.

    A name with a suffix is that of a file, which its reader misses by itself.

    Args:
        source: As it was typed.
        names: Of the built-in sets of this command.
        what: What a source may be beside them.

    Raises:
        InputError: There is no such thing.
    """
    if Path(source).exists() or Path(source).suffix:
        return
    listed = "there is" if len(names) == 1 else "there are"
    raise InputError(
        f"SOURCE: there is no {what} {source!r}, and no built-in set of that name; "
        f"{listed} {', '.join(names)}.{_instead(source, names)}"
    )


def _instead(source: str, names: Sequence[str]) -> str:
    """What was meant, most likely: a set of another command, one near in spelling, or a file."""
    from difflib import get_close_matches

    from elman.data.files import similar_file
    from elman.datasets import names as record_names
    from elman.datasets.catalogue import built_in

    verbs = dict.fromkeys(record_names(), "forecast") | {one.name: one.verb for one in built_in()}
    if source in verbs:
        return f" {source!r} is for `elman {verbs[source]}`."
    near = get_close_matches(source.lower(), names, n=1)
    file = similar_file(Path(source))
    if near and (file is None or file.stem != source):
        return f" Did you mean {near[0]!r}?"
    if file is not None:
        return f" Did you mean the file {str(file)!r}?"
    elsewhere = get_close_matches(source.lower(), list(verbs), n=1)
    if elsewhere:
        return f" Did you mean `elman {verbs[elsewhere[0]]} {elsewhere[0]}`?"
    return ""
