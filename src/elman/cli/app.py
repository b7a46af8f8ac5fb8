"""The command line as a whole: every command is listed here and has a module of its own."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from elman.cli import (
    classification,
    detection,
    emulation,
    exchange,
    forecasting,
    labelling,
    language,
    regression,
    runs,
    translation,
)

__all__ = ["Passed", "app"]


class _PlainHelpOption:
    """Lists ``--help`` as the flag it is, without the type of a value."""

    def get_help_option(self, ctx: Any) -> Any:
        option = super().get_help_option(ctx)  # type: ignore[misc]
        if option is not None:
            option.metavar = ""
        return option


class Passed(Exception):
    """Carries past typer what it would take for its own: Ctrl-C, and the end of a damaged file.

    Attributes:
        error: What was raised.
    """

    def __init__(self, error: BaseException) -> None:
        super().__init__(str(error))
        self.error = error


class _Command(_PlainHelpOption, TyperCommand):
    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, EOFError, OSError) as error:
            raise Passed(error) from error


class _Group(_PlainHelpOption, TyperGroup):
    pass


app = typer.Typer(
    name="elman",
    cls=_Group,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Recurrent networks for sequences: trained on a file, scored, and left with a report.",
)


def _version(wanted: bool) -> None:
    if wanted:
        from elman import __version__

        print(f"elman {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option(
            "--version", metavar="", callback=_version, is_eager=True, help="Print the version."
        ),
    ] = False,
    debug: Annotated[
        bool,
        typer.Option(
            "--debug", metavar="", help="Show the traceback of an error (also ELMAN_DEBUG=1)."
        ),
    ] = False,
) -> None:
    pass


for _verb in (
    forecasting.forecast,
    forecasting.backtest,
    classification.classify,
    regression.regress,
    detection.detect,
    emulation.emulate,
    labelling.label,
    language.generate,
    translation.translate,
    runs.predict,
    runs.report,
    exchange.export,
    exchange.import_,
    runs.datasets,
):
    app.command(_verb.__name__.rstrip("_"), cls=_Command)(_verb)
