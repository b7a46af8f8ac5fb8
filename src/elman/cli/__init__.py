"""The command line: ``elman``. Nothing heavy is imported before a command runs."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence

__all__ = ["main"]

USAGE_ERROR = 2
"""Exit code when the user's input is at fault, as ``argparse`` and ``click`` have it."""
BUG = 1
INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""
_ABOUT_THE_MACHINE = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EFBIG)
"""No room to write, or a broken disk: nothing that a command could help."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code.

    Args:
        arguments: What stands behind ``elman``; default: those of the process.

    Returns:
        0, or 2 when the input is at fault (the message is on standard error), 130 after Ctrl-C,
        1 for an error of elman's own. A traceback is shown with ``--debug`` or ``ELMAN_DEBUG=1``
        only.
    """
    if arguments is not None:
        return _answer_to(list(arguments))
    _open_streams()
    try:
        code = _answer_to(sys.argv[1:])
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = _interrupted()
    except OSError as error:
        code = _explain(error, sys.argv[1:])
    _leave_in_peace()
    return code


def _answer_to(arguments: list[str]) -> int:
    """Runs the command line of these arguments; see :func:`main`."""
    debug = "--debug" in arguments or os.environ.get("ELMAN_DEBUG", "") not in ("", "0")
    arguments = [one for one in arguments if one != "--debug"]
    try:
        if arguments == ["--version"]:
            from elman import __version__

            print(f"elman {__version__}")
            return 0
        if not arguments:
            _run(["--help"])
            return USAGE_ERROR
        return _run(arguments)
    except KeyboardInterrupt:
        return _interrupted()
    except BrokenPipeError:
        # Whoever read our output has gone, as `head` does; that is no error.
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115
        return 0
    except Exception as error:
        if debug:
            raise
        return _explain(error, arguments)


def _open_streams() -> None:
    """Makes the streams of the process fit to be written to, whatever they are.

    One that was closed (``>&-``) swallows what is written. Where the encoding is narrower than
    what is said, as ``latin-1`` is, the odd character is spelt out instead of ending the command.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _leave_in_peace() -> None:
    """What is left is to end: Ctrl-C, or a reader that has gone, shall not change the exit code."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        sys.stdout.flush()
    except (OSError, ValueError):  # said already, or nobody listens: the rest goes nowhere
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115


def _interrupted() -> int:
    print("elman: interrupted", file=sys.stderr)
    return INTERRUPTED


def _run(arguments: list[str]) -> int:
    import warnings

    from elman.cli.app import Passed, app
    from elman.cli.printing import Voice
    from elman.errors import ElmanWarning

    Voice.translators[:] = [lambda note: _as_options(note, [])]

    def show(message: Warning | str, category: type[Warning], *where: object) -> None:
        print(f"elman: {_as_options(str(message), arguments)}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("always", ElmanWarning)
        warnings.showwarning = show  # type: ignore[assignment]
        try:
            result = app(arguments, prog_name="elman", standalone_mode=False)
        except Passed as passed:
            raise passed.error from passed
    if result == INTERRUPTED:  # typer's own answer to Ctrl-C, while it reads the options
        raise KeyboardInterrupt
    return result if isinstance(result, int) else 0


def _explain(error: Exception, arguments: list[str]) -> int:
    """Says in a line what went wrong; returns the exit code."""
    from elman.errors import ElmanError

    if isinstance(error, ElmanError):
        print(f"elman: {_as_options(str(error), arguments)}", file=sys.stderr)
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
        return _interrupted()
    if isinstance(error, OSError) and error.errno in _ABOUT_THE_MACHINE:
        where = error.filename or "standard output"
        print(f"elman: cannot write to {where}: {error.strerror}", file=sys.stderr)
        return USAGE_ERROR
    print(
        f"elman: an error that elman did not foresee: {type(error).__name__}: {error}\n"
        "Run the command again with --debug for the details, and please report it.",
        file=sys.stderr,
    )
    return BUG


def _as_options(message: str, arguments: list[str]) -> str:
    """A message of the Python interface as a user of the command line knows it."""
    from typer.main import get_command

    from elman.cli.app import app
    from elman.cli.messages import as_options, known_parameters

    parameters = known_parameters(getattr(get_command(app), "commands", {}))
    called = next((one for one in arguments if one in parameters), "")
    return as_options(message, called, parameters)
