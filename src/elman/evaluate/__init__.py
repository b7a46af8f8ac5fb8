"""Judging forecasts: measures of error, simple baselines, seasons, calibration, the score table."""

from elman.evaluate.baselines import BASELINES, Baselines
from elman.evaluate.conformal import (
    ConformalAdjustment,
    apply_adjustment,
    conformal_adjustment,
    nest_intervals,
)
from elman.evaluate.metrics import (
    bias,
    by_horizon,
    coverage,
    interval_width,
    mae,
    mase,
    mse,
    naive_scale,
    owa,
    pinball,
    rmse,
    smape,
)
from elman.evaluate.scores import LABELS, METRICS, Scores, score_forecasts
from elman.evaluate.season import autocorrelation, infer_season

__all__ = [
    "BASELINES",
    "LABELS",
    "METRICS",
    "Baselines",
    "ConformalAdjustment",
    "Scores",
    "apply_adjustment",
    "autocorrelation",
    "bias",
    "by_horizon",
    "conformal_adjustment",
    "coverage",
    "infer_season",
    "interval_width",
    "mae",
    "mase",
    "mse",
    "naive_scale",
    "nest_intervals",
    "owa",
    "pinball",
    "rmse",
    "score_forecasts",
    "smape",
]
