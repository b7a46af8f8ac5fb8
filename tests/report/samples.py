"""Reports as a forecaster would fill them, small but with everything that can go wrong in them."""

import numpy as np

from elman.evaluate import Baselines, score_forecasts
from elman.report import ForecastReport, HeldOut, LayerView, NetworkView, SeriesView

HORIZON = 6
LEVELS = {80: 1.3, 95: 2.0}
NASTY_IDS = [
    "plain",
    "</script><script>throw 'escaped'</script>",
    'a "quoted" & <b>bold</b> name',
    "@ink",
    "a name that goes on and on, region / store / product / channel, and then some more of it",
    "mostly missing",
]


def network(recurrent=True):
    layers = [
        LayerView("GRU", "16 units", "8 x 16", 912, recurrent),
        LayerView("Dense", "5 quantiles x 6 steps", "6 x 5", 510),
    ]
    return NetworkView("the last 24 values", "8 x 3", layers, "6 steps x 5 quantiles")


def history(epochs=30, validation=True):
    records = []
    for epoch in range(1, epochs + 1):
        record = {"epoch": epoch, "loss": 40 * 0.8**epoch + 0.1}
        if validation:
            record["validation_loss"] = 40 * 0.8**epoch + 0.15 + 0.004 * epoch
        records.append(record)
    return records


def series_values(number=0, length=160, season=12):
    generator = np.random.default_rng(number)
    wave = np.sin(2 * np.pi * np.arange(length) / season)
    return 10.0 ** (number - 1) * (5 + 2 * wave + generator.normal(size=length) * 0.3)


def judged(values, times, name, error=0.3, horizon=HORIZON):
    """A series' view and its windows, forecast with an error relative to its deviation."""
    generator = np.random.default_rng(7)
    cut = len(values) - 40
    baselines = Baselines([values], season=12, training=[cut])
    origins = np.arange(cut, len(values) - horizon + 1)
    zeros = np.zeros(len(origins), dtype=int)
    y = baselines.targets(zeros, origins, horizon)
    deviation = np.nanstd(values)
    truth = np.where(np.isnan(y), np.nanmean(values), y)
    forecast = truth + error * deviation * generator.normal(size=y.shape)
    ends = {
        level: (forecast - z * error * deviation, forecast + z * error * deviation)
        for level, z in LEVELS.items()
    }
    ahead = baselines.forecast("seasonal_naive", [0], [len(values)], horizon)[0]
    step = times[1] - times[0]
    view = SeriesView(
        id=name,
        times=times,
        values=values,
        forecast_times=times[-1] + step * np.arange(1, horizon + 1),
        forecast=ahead,
        intervals={
            level: (ahead - z * deviation, ahead + z * deviation) for level, z in LEVELS.items()
        },
        held_out=[
            HeldOut(times[one : one + horizon], forecast[one - cut]) for one in origins[::horizon]
        ],
        residual_times=times[origins],
        residuals=(y - forecast)[:, 0],
    )
    return view, origins, forecast, ends


def single(error=0.3, horizon=HORIZON, **changes):
    """One yearly series, whole-number times."""
    values = series_values()
    view, origins, forecast, ends = judged(
        values, np.arange(1850, 1850 + len(values)), "sunspots", error, horizon
    )
    baselines = Baselines([values], season=12, training=[len(values) - 40])
    scores = score_forecasts(
        forecast, baselines, np.zeros(len(origins), int), origins, ids=["sunspots"], intervals=ends
    )
    fields = {
        "title": "sunspots",
        "source": "The built-in record sunspots: 1 series, 160 values from 1850 to 2009.",
        "horizon": horizon,
        "step": "year",
        "series": [view],
        "scores": scores,
        "history": history(),
        "network": network(),
        "configuration": {"horizon": horizon, "window": 24, "levels": (80, 95), "seed": 0},
        "notes": ["The season of 12 years was found from the autocorrelation."],
        "timings": {"reading": 0.02, "training": 0.41},
        "versions": {"elman": "0.1.0", "numpy": "2.0"},
        "value_label": "sunspots",
        "time_label": "year",
        "created": "2026-01-31T12:00:00+00:00",
        "command": "elman forecast sunspots --seed 0",
    }
    return ForecastReport(**{**fields, **changes})


def several():
    """Daily series of unlike size with names that try to break the page, and with gaps."""
    views, everything, numbers, starts = [], [], [], []
    ends = {level: ([], []) for level in LEVELS}
    panel = []
    for number, name in enumerate(NASTY_IDS):
        values = series_values(number)
        if name == "mostly missing":
            values[np.random.default_rng(1).random(len(values)) < 0.7] = np.nan
        times = np.datetime64("2022-12-20") + np.arange(len(values))
        view, origins, forecast, interval = judged(values, times, name, error=0.3 + 0.2 * number)
        views.append(view)
        panel.append(values)
        everything.append(forecast)
        numbers.append(np.full(len(origins), number))
        starts.append(origins)
        for level, (lower, upper) in interval.items():
            ends[level][0].append(lower)
            ends[level][1].append(upper)
    scores = score_forecasts(
        np.concatenate(everything),
        Baselines(panel, season=12, training=[len(one) - 40 for one in panel]),
        np.concatenate(numbers),
        np.concatenate(starts),
        ids=NASTY_IDS,
        intervals={level: tuple(map(np.concatenate, both)) for level, both in ends.items()},
    )
    return ForecastReport(
        title="sales <all> & {{ more }}.csv",
        source="sales <all> & {{ more }}.csv: 6 series of 160 daily values.",
        horizon=HORIZON,
        step="day",
        series=views,
        series_total=1214,
        scores=scores,
        history=history(validation=False),
        network=network(),
        configuration={"past_covariates": ["price", "<i>weather</i>"], "season": None},
        notes=["Series 'mostly missing' has 112 missing values."],
        value_label="sales <b>EUR</b>",
    )


def bare():
    """The least that a report may hold."""
    view = SeriesView("0", [0, 1, 2, 3], [1.0, None, 2.0, 3.0], [4, 5, 6], [3.0, 3.0, 3.0])
    return ForecastReport(title="least", source="an array", horizon=3, series=[view])
