"""Options that several commands share, and what their texts mean."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from elman.errors import InputError

Source = Annotated[
    str,
    typer.Argument(
        help="A file (CSV, TSV, Parquet, Arrow, JSON lines) or a built-in record; see "
        "`elman datasets`.",
        show_default=True,
    ),
]
RunFolder = Annotated[
    Path, typer.Argument(help="The folder that a command such as `elman forecast` left behind.")
]
Target = Annotated[
    list[str] | None,
    typer.Option(
        "--target", metavar="NAME", help="Column to forecast; may be given several times."
    ),
]
Time = Annotated[str | None, typer.Option("--time", metavar="NAME", help="Column of time stamps.")]
Id = Annotated[
    str | None, typer.Option("--id", metavar="NAME", help="Column that names the series.")
]
Past = Annotated[
    list[str] | None,
    typer.Option(
        "--past", metavar="NAME", help="Covariate known up to now; may be given several times."
    ),
]
Future = Annotated[
    list[str] | None,
    typer.Option(
        "--future", metavar="NAME", help="Covariate known ahead; may be given several times."
    ),
]
Static = Annotated[
    list[str] | None,
    typer.Option(
        "--static", metavar="NAME", help="Column constant in a series; may be given several times."
    ),
]
Frequency = Annotated[
    str | None,
    typer.Option(
        "--frequency",
        metavar="TEXT",
        help="Distance from row to row, such as 'day', if not inferred.",
    ),
]
TimeFormat = Annotated[
    str | None,
    typer.Option(
        "--time-format", metavar="TEXT", help="How time is written, such as '%d/%m/%Y', if unclear."
    ),
]
TimeZone = Annotated[
    str | None,
    typer.Option(
        "--time-zone", metavar="NAME", help="Where it was written, such as Europe/Amsterdam."
    ),
]
Separator = Annotated[
    str | None,
    typer.Option(
        "--separator",
        metavar="CHAR",
        help="Between the fields of a CSV file: a character, or tab; default: found.",
    ),
]
Decimal = Annotated[
    str | None,
    typer.Option(
        "--decimal", metavar="CHAR", help="Decimal mark of a CSV file: . or , ; default: found."
    ),
]
Thousands = Annotated[
    str | None,
    typer.Option(
        "--thousands",
        metavar="CHAR",
        help="Between the thousands of a CSV file: . , ' or space; default: nothing.",
    ),
]
Horizon = Annotated[int | None, typer.Option("--horizon", metavar="N", help="Steps ahead.")]
Window = Annotated[
    int | None, typer.Option("--window", metavar="N", help="Steps that the network reads.")
]
Cell = Annotated[
    str, typer.Option("--cell", metavar="NAME", help="gru, lstm, rnn, rnn_relu, gru_reset_before.")
]
Hidden = Annotated[
    int | None, typer.Option("--hidden", metavar="N", max=100_000, help="Units of the cell.")
]
Segment = Annotated[
    str,
    typer.Option(
        "--segment", metavar="N", help="Steps fed to the cell at once: a number, or auto."
    ),
]
Strategy = Annotated[str, typer.Option("--strategy", metavar="NAME", help="direct or recursive.")]
Levels = Annotated[
    str,
    typer.Option(
        "--levels", metavar="A,B", help="Intervals in percent, such as 80,95; 'none' for none."
    ),
]
Season = Annotated[
    str, typer.Option("--season", metavar="N", help="Steps in one season: a number, none, or auto.")
]
Scaling = Annotated[
    str, typer.Option("--scaling", metavar="NAME", help="standard, minmax, log1p or none.")
]
Epochs = Annotated[
    int | None, typer.Option("--epochs", metavar="N", max=10_000_000, help="Passes over the data.")
]
Seed = Annotated[
    int, typer.Option("--seed", metavar="N", help="Of all randomness: same seed, same bits.")
]
NewSeries = Annotated[
    bool,
    typer.Option(
        "--new-series", metavar="", help="Train so that `predict` also takes series not seen here."
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="FOLDER", help="Folder of the run; default: elman-runs/<name>-<number>."
    ),
]
NoReport = Annotated[
    bool, typer.Option("--no-report", metavar="", help="Do not write the report page.")
]
Json = Annotated[
    bool, typer.Option("--json", metavar="", help="Print one JSON document and nothing else.")
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", metavar="", help="Print the run folder alone.")
]


def number(text: str, option: str) -> int | str:
    """A whole number, or ``auto``."""
    if text == "auto":
        return text
    try:
        return int(text)
    except ValueError:
        raise InputError(f"{option}: expected a whole number or auto, got {text!r}") from None


def season_of(text: str) -> int | str | None:
    """The steps of a season, ``auto``, or ``None`` where there is none."""
    return None if text.lower() == "none" else number(text, "--season")


def levels_of(text: str) -> tuple[float, ...]:
    """Percents between commas."""
    if text.strip().lower() in ("none", ""):
        return ()
    try:
        return tuple(float(part) for part in text.replace(" ", "").rstrip(",").split(","))
    except ValueError:
        raise InputError(
            f"--levels: expected percents such as 80,95, or none, got {text!r}"
        ) from None
