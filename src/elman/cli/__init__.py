"""The command line: ``elman``. Nothing heavy is imported before a command runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

__all__ = ["main"]

USAGE_ERROR = 2
"""Exit code when the user's input is at fault, as ``argparse`` and ``click`` have it."""
BUG = 1
INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code.

    Args:
        arguments: What stands behind ``elman``; default: those of the process.

    Returns:
        0, or 2 when the input is at fault (the message is on standard error), 130 after Ctrl-C,
        1 for an error of elman's own. A traceback is shown with ``--debug`` or ``ELMAN_DEBUG=1``
        only.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if arguments == ["--version"]:
        from elman import __version__

        print(f"elman {__version__}")
        return 0
    debug = "--debug" in arguments or os.environ.get("ELMAN_DEBUG", "") not in ("", "0")
    arguments = [one for one in arguments if one != "--debug"]
    try:
        if not arguments:
            _run(["--help"])
            return USAGE_ERROR
        return _run(arguments)
    except KeyboardInterrupt:
        print("elman: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone, as `head` does; that is no error.
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115
        return 0
    except Exception as error:
        if debug:
            raise
        return _explain(error)


def _run(arguments: list[str]) -> int:
    import warnings

    from elman.cli.app import app
    from elman.errors import ElmanWarning

    def show(message: Warning | str, category: type[Warning], *where: object) -> None:
        print(f"elman: {message}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("always", ElmanWarning)
        warnings.showwarning = show  # type: ignore[assignment]
        result = app(arguments, prog_name="elman", standalone_mode=False)
    return result if isinstance(result, int) else 0


def _explain(error: Exception) -> int:
    """Says in a line what went wrong; returns the exit code."""
    from elman.errors import ElmanError

    if isinstance(error, ElmanError):
        print(f"elman: {_as_options(str(error))}", file=sys.stderr)
        return USAGE_ERROR
    if isinstance(error, MemoryError):
        reason = f": {error}" if str(error) else ""
        print(
            f"elman: not enough memory{reason}; choose a smaller --hidden, --window or --horizon, "
            "or give fewer rows",
            file=sys.stderr,
        )
        return USAGE_ERROR
    described = getattr(error, "format_message", None)
    if described is not None:  # a usage error of the command line itself
        context = getattr(error, "ctx", None)
        path = "elman" if context is None else context.command_path
        if described():  # without a message the help was printed
            print(f"{path}: {described()} (try '{path} --help')", file=sys.stderr)
        return int(getattr(error, "exit_code", USAGE_ERROR))
    if type(error).__name__ == "Abort":
        print("elman: interrupted", file=sys.stderr)
        return INTERRUPTED
    print(
        f"elman: an error that elman did not foresee: {type(error).__name__}: {error}\n"
        "Run the command again with --debug for the details, and please report it.",
        file=sys.stderr,
    )
    return BUG


def _as_options(message: str) -> str:
    """Arguments of the Python interface as a user of the command line gives them."""
    import re

    names = "target|time|id|past|future|static|frequency|time_format|time_zone|horizon|window"
    names += "|levels|strategy|season|label|text"

    def option(found: re.Match[str]) -> str:
        return f"--{found[1].replace('_', '-')}"

    message = re.sub(rf"\b({names})=(?=`)", option, message)
    message = message.replace("series_vectors=False", "--new-series")
    message = message.replace("missing='cut'", "--cut")
    message = re.sub(r"\b(levels)=\(([\d.]+),\)", r"--\1 \2", message)
    return re.sub(rf"\b({names})=(?=[\w'\"])", lambda found: f"{option(found)} ", message)
