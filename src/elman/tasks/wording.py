"""What a forecaster says of itself: what it read and chose, and how that came out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elman.counting import counted
from elman.data.panel import Panel
from elman.tasks.calibration import HeldOut
from elman.tasks.plan import Plan

if TYPE_CHECKING:
    from elman.tasks.forecasting import Forecaster

__all__ = ["counted", "describe_end", "describe_plan", "describe_start", "why_uncalibrated"]


def describe_start(panel: Panel, plan: Plan) -> str:
    """What was read and chosen, in lines."""
    lines = [f"read     {line}" for line in (repr(panel), *panel.notes)]
    return "\n".join([*lines, f"chosen   {describe_plan(plan)}"])


def describe_plan(plan: Plan) -> str:
    """What was chosen, in one sentence."""
    segment = f" in segments of {plan.segment}" if plan.segment > 1 else ""
    season = f"season {plan.season}" if plan.season > 1 else "no season"
    linear = " beside a linear forecast" if plan.shortcut else ""
    folds = f"{counted(plan.folds, 'held-out fold')} over {counted(plan.calibration, 'step')}"
    return (
        f"{plan.strategy} forecast of {counted(plan.horizon, 'step')} from windows of "
        f"{plan.window}{segment}, {season}; {plan.cell} of {counted(plan.hidden_size, 'unit')}"
        f"{linear}; {counted(plan.epochs, 'epoch')} in batches of {plan.batch_size}; "
        f"{folds if plan.folds else 'nothing held out'}"
    )


def describe_end(forecaster: Forecaster) -> str:
    """How long it took and how good it is, in lines."""
    lines = [f"trained  in {forecaster.seconds_['total']:.2f} s"]
    if forecaster.scores_ is not None:
        lines.append(f"scores   {forecaster.scores_.verdict}")
    return "\n".join(lines + [f"note     {note}" for note in forecaster.notes_])


def why_uncalibrated(held_out: HeldOut, folds: int | str) -> str:
    """Why there are no intervals."""
    if held_out.interrupted is not None:
        return "intervals were not calibrated, since training was interrupted"
    if folds == 0:
        return "without folds nothing calibrates intervals; none are given"
    return "the data are too short to calibrate intervals; none are given"
