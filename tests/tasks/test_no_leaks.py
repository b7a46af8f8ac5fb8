"""Nothing from the future moves a forecast, and no series moves another's.

Every value that is not known at the origin is changed: targets, covariates of the past, covariates
ahead of the horizon. The season and the held-out folds have their tests in test_forecasting.py.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import elman
from elman.tasks.calibration import judge_windows

ORIGIN, HORIZON = 60, 6


def shops() -> pd.DataFrame:
    """Eleven series with gaps, covariates of every kind, and six days ahead that are to come."""
    rng = np.random.default_rng(0)
    parts = []
    for number in range(11):
        known = 110 - 9 * (number % 5)
        values = rng.standard_normal(known).cumsum()
        values[1:-1][rng.random(known - 2) < 0.1] = np.nan
        rows = known + HORIZON
        parts.append(
            pd.DataFrame(
                {
                    "unique_id": f"s{number:02}",
                    "ds": pd.date_range("2020-01-01", periods=rows),
                    "price": rng.standard_normal(rows),
                    "visits": rng.standard_normal(rows),
                    "area": float(number),
                    "kind": "ab"[number % 2],
                    "y": np.append(values, [np.nan] * HORIZON),
                }
            )
        )
    return pd.concat(parts)


def fitted(**options: Any) -> elman.Forecaster:
    forecaster = elman.Forecaster(
        horizon=HORIZON, window=24, hidden_size=19, epochs=2, folds=1, **options
    )
    past = () if options.get("strategy") == "recursive" else "visits"
    return forecaster.fit(shops(), target="y", future="price", past=past, static=["area", "kind"])


NETWORKS = pytest.mark.parametrize(
    "options",
    [{}, {"segment": 6}, {"cell": "lstm", "num_layers": 2}, {"strategy": "recursive"}],
)


@NETWORKS
def test_no_value_after_the_origin_moves_a_forecast(options: dict[str, Any]) -> None:
    forecaster = fitted(**options)
    panel = forecaster.training_panel
    series = np.arange(panel.n_series)
    origin = np.full(panel.n_series, ORIGIN)

    def forecast(known: Any) -> np.ndarray:
        return judge_windows(forecaster.model_, known, series, origin, origin).values

    values, past, ahead = panel.values.copy(), panel.past.copy(), panel.future.copy()
    for number in range(panel.n_series):
        rows = panel.rows(number)
        values[rows][ORIGIN:] = 50.0
        past[rows][ORIGIN:] = 99.0
        ahead[rows][ORIGIN + HORIZON :] = 77.0
    changed = replace(panel, values=values, past=past, future=ahead)
    np.testing.assert_array_equal(forecast(changed), forecast(panel))
    # ... and what is known does.
    values[panel.offsets[:-1] + ORIGIN - 1] += 1.0
    assert not np.array_equal(forecast(replace(changed, values=values)), forecast(panel))


@NETWORKS
def test_a_series_is_forecast_alone_as_among_others(options: dict[str, Any]) -> None:
    forecaster, table = fitted(**options), shops()
    whole = forecaster.predict(table)
    for names in (["s03"], ["s05", "s10"], ["s00", "s02", "s04", "s06", "s08"]):
        part = forecaster.predict(table[table["unique_id"].isin(names)])
        among = whole[whole["unique_id"].isin(names)].reset_index(drop=True)
        pd.testing.assert_frame_equal(part, among, check_exact=True)
