"""Small series for the tests of forecasting, and options that make training quick."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl

FAST: dict[str, Any] = {"horizon": 4, "window": 12, "epochs": 2, "folds": 2, "hidden_size": 8}


def wave(length: int = 120, period: int = 12) -> np.ndarray:
    rng = np.random.default_rng(0)
    time = np.arange(length)
    return 10 + 3 * np.sin(2 * np.pi * time / period) + 0.3 * rng.standard_normal(length)


def monthly(length: int = 120) -> pd.DataFrame:
    stamps = pd.date_range("2010-01-31", periods=length, freq="ME")
    return pd.DataFrame({"ds": stamps, "y": wave(length)})


def several(lengths: tuple[int, ...] = (90, 110, 70)) -> pl.DataFrame:
    parts = []
    for number, length in enumerate(lengths):
        stamps = pl.datetime_range(
            pl.datetime(2024, 1, 1), pl.datetime(2025, 1, 1), "1h", eager=True
        )[:length]
        parts.append(
            pl.DataFrame(
                {"unique_id": f"s{number}", "ds": stamps, "y": wave(length) * (number + 1)}
            )
        )
    return pl.concat(parts)


def covariate_table(length: int = 160, ahead: int = 6) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    stamps = pd.date_range("2024-01-01", periods=length, freq="D")
    promotion = (rng.random(length) < 0.3).astype(float)
    y = 5 + 4 * promotion + 0.1 * rng.standard_normal(length)
    y[length - ahead :] = np.nan
    return pd.DataFrame({"ds": stamps, "y": y, "promotion": promotion, "other": rng.random(length)})
