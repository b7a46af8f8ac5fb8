"""Messages of the Python interface in the words of the command line.

Errors name arguments, such as ``hidden_size``; who typed a command knows options, ``--hidden``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["as_options", "known_parameters"]

# What an argument is called in commands that have no parameter of that name, first come.
_CALLED = {
    "X": ("file", "source"),
    "code_size": ("code",),
    "file": ("out",),
    "data": ("file", "source"),
    "hidden_size": ("hidden",),
    "label": ("target",),
    "labels": ("targets",),
    "num_layers": ("layers",),
    "path": ("run", "out"),
    "scheduled_sampling": ("sampling",),
    "text": ("file", "source"),
    "y": ("label", "target", "source"),
}
# Arguments that the command line turns round.
_SWITCHES = {
    "series_vectors=False": "--new-series",
    "missing='cut'": "--cut",
}
_VALUE = r"""('[^']*'|"[^"]*"|\([^()]*\)|[\w.]+|(?=`))"""


def as_options(message: str, command: str, parameters: Mapping[str, Mapping[str, Any]]) -> str:
    """A message with options in the place of arguments.

    Args:
        message: Of an error; an argument that it is about stands first, before a colon.
        command: The one that was called.
        parameters: Name of a command -> name of a parameter -> the parameter as click has it.
    """
    own = parameters.get(command, {})
    every = {name: one for each in parameters.values() for name, one in each.items()} | dict(own)
    for argument, option in _SWITCHES.items():
        message = message.replace(argument, option)
    if "file" in own and "source" not in own:
        message = _about_the_file(message, own)
    head = re.match(r"(\w+): ", message)
    if head is not None and (named := _named(head[1], own)) is not None:
        message = f"{_shown(named)}: {message[head.end() :]}"
        message = message.replace("'auto', None", "auto, none")

    def replaced(found: re.Match[str]) -> str:
        one = _named(found[1], own) or _named(found[1], every)
        if one is None or not _is_option(one):
            return found[0]
        if getattr(one, "is_flag", False):
            return _shown(one) if found[2] == "True" else found[0]
        return f"{_shown(one)} {_as_typed(found[2])}".rstrip(" ")

    return re.sub(rf"(?<![\w.-])(\w+)={_VALUE}", replaced, message)


_READING = (
    *("channel", "forcing", "future", "id", "label", "parameters", "past", "source", "SOURCE"),
    *("state", "static", "target", "text", "time", "token"),
)


def _about_the_file(message: str, own: Mapping[str, Any]) -> str:
    """A message about the columns of a file, where the run has named them, and no option can."""
    from elman.data.named_columns import VALUES_HINT

    reading = "|".join(name for name in _READING if name not in own)
    message = re.sub(rf"^({reading}): ", "FILE: ", message)
    message = message.replace(VALUES_HINT, " Leave out columns that are none of the values.")
    missing = rf"^({reading})=('[^']*'|\"[^\"]*\"): there is no such column in"
    return re.sub(missing, r"FILE: there is no column \2, which the run reads, in", message)


def known_parameters(commands: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Name of a command -> name of a parameter, or of its option -> the parameter.

    Args:
        commands: By name, as click has them.
    """
    parameters: dict[str, dict[str, Any]] = {}
    for name, one in commands.items():
        parameters[name] = {str(each.name): each for each in one.params}
        for each in one.params:  # what it is called on the command line goes first
            long = max(each.opts, key=len)
            if long.startswith("--"):
                parameters[name][long[2:].replace("-", "_")] = each
    return parameters


def _named(argument: str, parameters: Mapping[str, Any]) -> Any:
    """The parameter that an argument is given by, or ``None``."""
    for name in (argument, *_CALLED.get(argument, ())):
        if name in parameters:
            return parameters[name]
    return None


def _is_option(parameter: Any) -> bool:
    return bool(parameter.opts[0].startswith("-"))


def _shown(parameter: Any) -> str:
    """``--hidden``, or ``SOURCE``."""
    if _is_option(parameter):
        return str(max(parameter.opts, key=len))
    return str(parameter.name).upper()


def _as_typed(value: str) -> str:
    """A Python value as it is typed in a shell."""
    if value == "None":
        return "none"
    if value.startswith("("):
        return ",".join(part.strip() for part in value[1:-1].split(",") if part.strip())
    bare = value[1:-1] if value[:1] in ("'", '"') else value
    return bare if re.fullmatch(r"[\w.-]+", bare) else value
