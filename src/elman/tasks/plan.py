"""What a forecaster resolves to on given data: every "auto" and None turned into a number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from elman.data.panel import Panel
from elman.errors import InputError
from elman.evaluate import infer_season

__all__ = [
    "Plan",
    "default_horizon",
    "held_out_rows",
    "known_lengths",
    "make_plan",
    "resolve_season",
]

# Training windows up to which a series counts as short: several fits cost little, and a linear
# autoregression is the better part of what can be learnt.
FEW_WINDOWS = 4_000
# Recurrent steps that a window is cut into when the segment is chosen.
_MOST_STEPS = 64
_LEAST_STEPS = 12
# Windows that the first fold must have to learn from.
_LEAST_WINDOWS = 4
# Share of the longest series that the folds are spread over: of few windows, and of many.
_HELD_OUT, _HELD_OUT_OF_MANY = 0.25, 0.2
# Passes over the data after which a network learns them by heart.
_MOST_EPOCHS = 50
# At most so many training windows: units, batch, learning rate, dropout, updates.
_SIZES = (
    (1_000, 16, 32, 5e-3, 0.0, 400),
    (FEW_WINDOWS, 32, 32, 4e-3, 0.0, 800),
    (20_000, 64, 128, 3e-3, 0.2, 1_500),
    (float("inf"), 128, 448, 2e-3, 0.3, 750),
)


@dataclass(frozen=True)
class Plan:
    """Every number that training and forecasting depend on.

    Attributes:
        horizon: Steps ahead.
        season: Steps in one season; 1 for none.
        window: Steps that are read before the origin.
        segment: Steps fed to the cell at once.
        strategy: ``"direct"`` or ``"recursive"``.
        cell: A name in :data:`elman.cells.CELLS`.
        hidden_size: Units of the cell.
        num_layers: How many cells are stacked.
        dropout: Probability of dropping a unit before the head.
        normalize: How each window is normalised, or ``None``.
        scaling: How each series is scaled.
        shortcut: Whether a linear forecast is fitted first and the network adds to it.
        series_vectors: Whether every series has a learned vector.
        epochs: Passes over the training windows.
        batch_size: Windows of a batch.
        learning_rate: Of Adam, at its highest.
        loss: ``"pinball"``, ``"mae"``, ``"mse"`` or ``"huber"``.
        quantiles: What the network forecasts, ascending, the median among them; only the point
            forecast is trained where ``loss`` is not the pinball loss.
        levels: Intervals in percent, ascending.
        folds: How many times a network is trained on a shorter past to score and calibrate.
        calibration: Steps at the end of the series over which the folds are spread.
        refit: Whether the final network is trained on everything (else it is the last fold's).
        ensemble: How many networks are trained from different initial values and averaged.
        asked: The quantiles given out as columns of their own, ascending.
    """

    horizon: int
    season: int
    window: int
    segment: int
    strategy: str
    cell: str
    hidden_size: int
    num_layers: int
    dropout: float
    normalize: str | None
    scaling: str
    shortcut: bool
    series_vectors: bool
    epochs: int
    batch_size: int
    learning_rate: float
    loss: str
    quantiles: tuple[float, ...]
    levels: tuple[float, ...]
    folds: int
    calibration: int
    refit: bool
    ensemble: int = 1
    asked: tuple[float, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {name: _plain(value) for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Plan:
        """The plan that :meth:`to_dict` described."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in record.items()
        }
        try:
            return cls(**values)
        except TypeError as error:
            raise InputError(f"plan: {error}") from error


def resolve_season(season: Any, panel: Panel, held_back: int = 0) -> int:
    """The steps in one season: as given, from the frequency, or from the data.

    Args:
        season: The forecaster's argument.
        panel: The series.
        held_back: Steps at the end of the longest series, and the same share of the others, that
            must not be looked at.

    Raises:
        InputError: If ``season`` is neither ``"auto"``, ``None`` nor a whole number from 1.
    """
    if season is None:
        return 1
    if season != "auto":
        if isinstance(season, bool) or not isinstance(season, (int, np.integer)) or season < 1:
            raise InputError(
                f"season: expected 'auto', None or a whole number of steps, got {season!r}"
            )
        return int(season)
    known = known_lengths(panel)
    longest = int(known.max())
    for steps in () if panel.frequency is None else panel.frequency.seasons:
        if steps > 1 and 2 * steps <= longest:
            return int(steps)
    kept = known - held_out_rows(known, min(held_back, longest))
    columns = [
        one[:rows, c] for one, rows in zip(panel, kept, strict=True) for c in range(one.shape[1])
    ]
    # A season is of use when three of them fit.
    return infer_season(columns, longest=max(2, (longest - held_back) // 3))


def make_plan(options: dict[str, Any], panel: Panel) -> Plan:
    """Resolves a forecaster's arguments on a panel.

    What is read from values, the season, is read from those before the held-out part alone, so
    that the held-out scores owe nothing to it.

    Args:
        options: The constructor's arguments, checked.
        panel: The training data.

    Raises:
        InputError: If no series is long enough, or window and segment do not fit.
    """
    # Values that are really there count, not rows that only hold covariates of the future.
    lengths = known_lengths(panel)
    held_back = _first_held_back(options, int(lengths.max()))
    while True:
        season = resolve_season(options["season"], panel, held_back)
        plan = _plan_of(options, panel, lengths, season)
        if plan.calibration <= held_back:
            return plan
        held_back = plan.calibration


def _first_held_back(options: dict[str, Any], longest: int) -> int:
    """Steps that are held out at least, before anything else is known."""
    steps = _HELD_OUT if options["calibration"] == "auto" else options["calibration"]
    if options["folds"] == 0:
        return 0
    return int(steps * longest) if isinstance(steps, float) else int(steps)


def _plan_of(options: dict[str, Any], panel: Panel, lengths: Any, season: int) -> Plan:
    longest = int(lengths.max())
    horizon = options["horizon"]
    if horizon is None:
        horizon = default_horizon(season, longest)
    window, segment = _window(options, season, horizon, longest)
    _check_length(panel, lengths, window, horizon, segment, options["window"] is not None)
    rows = panel.n_targets if options["strategy"] == "direct" else 1
    windows = rows * int(np.maximum(lengths - window - horizon + 1, 0).sum())
    sizes = _sizes(windows)
    recursive = options["strategy"] == "recursive"
    quantiles = _quantiles(options["levels"], options["quantiles"])
    folds, calibration = _folds(options, windows, longest, window, horizon)
    shortcut = options["shortcut"]
    batch_size = options["batch_size"] or sizes["batch_size"]
    return Plan(
        horizon=horizon,
        season=season,
        window=window,
        segment=segment,
        strategy=options["strategy"],
        cell=options["cell"],
        hidden_size=options["hidden_size"] or sizes["hidden_size"],
        num_layers=options["num_layers"],
        dropout=_dropout(options["dropout"], sizes["dropout"], recursive),
        normalize=_normalize(options["normalize"], recursive),
        scaling=options["scaling"],
        shortcut=not recursive and (windows <= 20_000 if shortcut == "auto" else bool(shortcut)),
        series_vectors=not recursive and panel.n_series > 1 and options["series_vectors"],
        epochs=options["epochs"] or _epochs(windows, batch_size, sizes["steps"]),
        batch_size=batch_size,
        learning_rate=options["learning_rate"] or sizes["learning_rate"],
        loss="mse" if recursive and options["loss"] == "pinball" else options["loss"],
        quantiles=quantiles,
        levels=tuple(sorted(float(level) for level in options["levels"])),
        folds=folds,
        calibration=calibration,
        refit=folds != 1 or windows <= FEW_WINDOWS
        if options["refit"] == "auto"
        else bool(options["refit"]),
        ensemble=options["ensemble"],
        asked=_rounded(options["quantiles"]),
    )


def known_lengths(panel: Panel) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Rows of each series up to its last observed target, ``(series,)``."""
    known = np.zeros(panel.n_series, np.int64)
    for number, one in enumerate(panel):
        present = np.flatnonzero(~np.isnan(one).all(axis=1))
        known[number] = present[-1] + 1 if len(present) else 0
    return known


def held_out_rows(known: Any, steps: int) -> Any:
    """How many of the ``known`` rows of each series are held out, both ``(series,)``.

    As many as ``steps`` of the longest; a shorter one gives up the same share of itself.
    """
    share = steps / max(int(known.max()), 1)
    return np.minimum(steps, np.floor(share * known)).astype(np.int64)


def default_horizon(season: int, longest: int) -> int:
    """One season where there is one, a tenth of the longest series at most."""
    return max(1, min(season if season > 1 else 12, longest // 8))


def _window(options: dict[str, Any], season: int, horizon: int, longest: int) -> tuple[int, int]:
    recursive = options["strategy"] == "recursive"
    segment = options["segment"]
    window = options["window"]
    if window is None:
        window = _auto_window(season, horizon, longest)
        if segment not in ("auto", None) and not recursive:
            window = max(1, round(window / segment)) * segment
    if recursive:
        if segment not in ("auto", 1):
            raise InputError(
                f"segment: strategy='recursive' feeds one step at a time, expected 'auto' or 1, "
                f"got {segment!r}"
            )
        return window, 1
    if segment == "auto":
        segment = _auto_segment(window, horizon, season)
        if options["window"] is None:
            window = max(1, window // segment) * segment
    if window % segment:
        raise InputError(
            f"segment: expected a divisor of the window ({window} steps), got {segment}; "
            f"window={window // segment * segment or segment} would fit"
        )
    return window, segment


def _auto_window(season: int, horizon: int, longest: int) -> int:
    """Two seasons at least, as many as an eighth of the series holds, fourteen at most."""
    if season > 1:
        window = season * int(np.clip(longest // 8 // season, 2, 14))
    else:
        window = int(np.clip(longest // 8, 8, 64))
    window = max(window, min(horizon, longest // 8))
    # Leave as much again to learn from.
    return max(1, min(window, (longest - horizon) // 2))


def _auto_segment(window: int, horizon: int, season: int) -> int:
    """The longest divisor of the window, best one of the season, that leaves enough steps."""
    if window <= _MOST_STEPS:
        return 1
    divisors = [s for s in range(1, window // _LEAST_STEPS + 1) if window % s == 0]
    fitting = [s for s in divisors if s <= max(1, horizon)]
    seasonal = [s for s in fitting if season > 1 and season % s == 0]
    return max(seasonal or fitting or [1])


def _check_length(
    panel: Panel, lengths: Any, window: int, horizon: int, segment: int, given: bool
) -> None:
    longest = int(lengths.max())
    if longest >= max(horizon + 2, 4) and (longest >= window + horizon or not given):
        return
    which = "" if panel.n_series == 1 else f" (the longest, {panel.label(int(lengths.argmax()))})"
    needed = max(horizon + 2, 4, window + horizon if given else 0)
    advice = "give more data, or a shorter horizon" + (" or window" if given else "")
    if panel.kind == "numpy" and panel.n_series > longest:
        advice += (
            f". An array is (steps, series), here {longest} steps of {panel.n_series} series: "
            "transpose it if that is wrong"
        )
    raise InputError(
        f"data: expected a series of at least {needed} observed steps for horizon={horizon}"
        + (f" and window={window}" if given else "")
        + f", got {longest}{which}; {advice}"
    )


def _sizes(windows: int) -> dict[str, Any]:
    """Network and training by the number of training windows."""
    fitting = next(row for row in _SIZES if windows <= row[0])
    names = ("hidden_size", "batch_size", "learning_rate", "dropout", "steps")
    return dict(zip(names, fitting[1:], strict=True))


def _epochs(windows: int, batch_size: int, steps: int) -> int:
    """Passes that come to about the given number of updates, from 3 to 50."""
    each = max(1, -(-windows // batch_size))
    return int(np.clip(round(steps / each), 3, _MOST_EPOCHS))


def _normalize(normalize: Any, recursive: bool) -> str | None:
    if normalize == "auto":
        return None if recursive else "last-std"
    if recursive and normalize is not None:
        raise InputError(
            "normalize: a recursive forecaster reads the series as scaled, without looking at the "
            f"window's end, expected 'auto' or None, got {normalize!r}"
        )
    return None if normalize is None else str(normalize)


def _quantiles(levels: Sequence[float], quantiles: Sequence[float] | None) -> tuple[float, ...]:
    """The ends of the intervals, the quantiles asked for, and the median."""
    chosen = {0.5, *_rounded(quantiles)}
    for level in levels:
        tail = (1 - float(level) / 100) / 2
        chosen |= {round(tail, 6), round(1 - tail, 6)}
    return tuple(sorted(chosen))


def _rounded(quantiles: Sequence[float] | None) -> tuple[float, ...]:
    """Quantiles ascending, as they are compared and named."""
    return tuple(sorted(round(float(q), 6) for q in quantiles or ()))


def _dropout(dropout: float | None, fitting: float, recursive: bool) -> float:
    """As given, else by the number of windows; a recursive network has none."""
    if recursive:
        return 0.0
    return fitting if dropout is None else float(dropout)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _folds(
    options: dict[str, Any], windows: int, longest: int, window: int, horizon: int
) -> tuple[int, int]:
    """How many folds, and over how many steps at the end; none where the data are too short."""
    folds, steps = options["folds"], options["calibration"]
    if folds == "auto":
        folds = 5 if windows <= FEW_WINDOWS else 1
    if folds == 0:
        return 0, 0
    # Every step ahead must be met, and the first fold needs windows to learn from.
    most = longest - window - horizon - _LEAST_WINDOWS
    if steps == "auto":
        share = _HELD_OUT if windows <= FEW_WINDOWS else _HELD_OUT_OF_MANY
        steps = min(max(int(share * longest), horizon + horizon // 2), most)
        return (min(folds, steps), steps) if steps >= max(horizon, 2) else (0, 0)
    if isinstance(steps, float):
        steps = int(steps * longest)
    if not max(horizon, 2) <= steps <= longest - horizon - 2:
        raise InputError(
            f"calibration: expected from {max(horizon, 2)} (the horizon) to "
            f"{longest - horizon - 2} steps of a series of {longest}, got {steps}"
        )
    return min(folds, int(steps)), int(steps)
