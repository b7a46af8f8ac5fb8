import json

import numpy as np
import pytest

from elman.errors import InputError
from elman.plots import (
    THEMES,
    autocorrelation_figure,
    best_epoch,
    coloured,
    coverage_figure,
    forecast_figure,
    horizon_figure,
    residual_figure,
    residual_histogram,
    training_figure,
)

INTERVALS = {"95": ([1.0, 1.0], [5.0, 6.0]), "80": ([2.0, 2.0], [4.0, 5.0])}


def forecast():
    return forecast_figure(
        [1, 2, 3, 4, 5, 6],
        [1.0, 2.0, None, 3.0, None, 4.0],
        [7, 8],
        [3.0, 3.5],
        INTERVALS,
        held_out=[{"times": [3, 4], "forecast": [2.5, 2.6]}, {"times": [5], "forecast": [2.0]}],
        value_label="<b>@unit",
    )


def figures():
    return [
        forecast(),
        horizon_figure({"network": [1.0, 2.0], "drift": [2.0, None], "naive2": [1.0, 1.0]}),
        horizon_figure({"network": [1.0], "drift": [2.0]}),
        coverage_figure({"80": {"nominal": 0.8, "coverage_by_horizon": [0.7, None]}}),
        residual_figure([1, 2], [0.1, None]),
        residual_histogram([0.1, -0.2, None, 0.4]),
        autocorrelation_figure([0.1, -0.2, 0.3, -0.1, 0.2, None, 0.1]),
        training_figure([{"loss": 9.0, "validation_loss": 8.0}, {"loss": 0.1}]),
    ]


@pytest.mark.parametrize("theme", THEMES)
def test_figures_are_plain_json_that_plotly_accepts(theme):
    from plotly.graph_objects import Figure

    for figure in figures():
        text = json.dumps(coloured(figure, theme), allow_nan=False)
        plain = json.loads(text)
        drawn = Figure({"data": plain["data"], "layout": plain["layout"]})  # plotly validates
        assert len(drawn.data) == len(figure["data"]) > 0


def test_themes_have_the_same_colours_and_every_name_used_has_one():
    light, dark = (set(colours) for colours in THEMES.values())
    assert light == dark

    def names(value):
        if isinstance(value, dict):
            return set().union(*map(names, value.values()))
        if isinstance(value, list):
            return set().union(*map(names, value), set())
        return {value[1:]} if isinstance(value, str) and value.startswith("@") else set()

    assert set().union(*(names(figure) for figure in figures())) <= light
    with pytest.raises(InputError, match="light, dark"):
        coloured({}, "sepia")


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", THEMES)
def test_text_and_lines_stand_out_from_their_ground(theme):
    colours = THEMES[theme]

    def contrast(name, ground):
        light, dark = sorted((luminance(colours[name]), luminance(colours[ground])), reverse=True)
        return (light + 0.05) / (dark + 0.05)

    for ground in ("paper", "surface"):
        for name in ("ink", "muted", "network", "good", "bad"):
            assert contrast(name, ground) >= 4.5, (name, ground)  # WCAG AA for text
        for name in ("repeat-last", "seasonal-naive", "drift", "mean", "naive2"):
            assert contrast(name, ground) >= 3, (name, ground)  # and for graphics


def test_what_a_user_wrote_names_no_colour_and_no_markup():
    title = forecast()["layout"]["yaxis"]["title"]["text"]
    assert title == "&lt;b&gt;@unit"
    assert horizon_figure({"network": [1.0, 2.0]}, "@ink")["layout"]["yaxis"]["title"]["text"] == (
        "&#64;ink"
    )


def test_the_forecast_sets_out_from_the_last_value_and_gaps_stay_gaps():
    figure = forecast()
    traces = {}
    for one in figure["data"]:
        traces.setdefault(one["name"], one)
    assert traces["forecast"]["x"] == [6, 7, 8]
    assert traces["forecast"]["y"] == [4.0, 3.0, 3.5]
    assert traces["observed"]["y"][2] is None
    alone = [
        one for one in figure["data"] if one["mode"] == "markers" and one["name"] == "observed"
    ]
    assert alone[0]["x"] == [4, 6]
    assert figure["views"]["All"] == [1, 8]
    assert figure["views"]["Forecast"] == [5, 8]
    assert figure["layout"]["xaxis"]["tickformat"] == "d"
    # Wide bands are drawn first, so that narrow ones lie over them.
    bands = [one["name"] for one in figure["data"] if one.get("fill")]
    assert bands == ["95 % interval", "80 % interval"]


def test_a_forecast_after_a_missing_value_stands_alone():
    figure = forecast_figure(["2020-01-01"], [None], ["2020-01-02"], [1.0], {"80": ([0.0], [2.0])})
    line = next(one for one in figure["data"] if one["name"] == "forecast")
    assert (line["x"], line["mode"]) == (["2020-01-02"], "lines+markers")


def test_a_long_history_starts_with_its_recent_part():
    times = list(range(1000))
    figure = forecast_figure(times, [1.0] * 1000, [1000, 1001], [1.0, 1.0], {})
    assert figure["views"]["Recent"] == [920, 1001]
    assert figure["layout"]["xaxis"]["range"] == [920, 1001]


def test_without_a_forecast_the_earlier_ones_are_what_is_recent():
    times = list(range(1000))
    earlier = [{"times": [start, start + 1], "forecast": [1.0, 1.0]} for start in (940, 960)]
    figure = forecast_figure(times, [1.0] * 1000, [], [], {}, earlier)
    assert figure["views"] == {"All": [0, 999], "Recent": [920, 999]}
    assert list(forecast_figure(times[:99], [1.0] * 99, [], [], {}, earlier[:0])["views"]) == [
        "All"
    ]


def test_forecasters_that_coincide_are_drawn_once_and_the_judged_one_on_top():
    figure = horizon_figure(
        {"network": [1.0, 2.0], "repeat_last": [3.0, 3.0], "seasonal_naive": [3.0, 3.0]}
    )
    assert [one["name"] for one in figure["data"]] == ["repeat-last", "network"]


def test_histogram_counts_every_residual_once():
    residuals = np.random.default_rng(0).normal(size=5000)
    residuals[0] = 500.0  # would ask for thousands of bins
    bars = residual_histogram([*residuals.tolist(), None])["data"][0]
    assert sum(bars["y"]) == 5000
    assert len(bars["x"]) <= 40
    assert residual_histogram([None])["data"] == []
    assert sum(residual_histogram([2.0, 2.0])["data"][0]["y"]) == 2


def test_autocorrelation_shows_a_season_and_the_limits_of_noise():
    values = np.sin(2 * np.pi * np.arange(96) / 6)
    bars, low, high = autocorrelation_figure(values.tolist())["data"]
    assert int(np.argmax(bars["y"])) + 1 == 6
    assert high["y"][0] == -low["y"][0] == pytest.approx(1.96 / np.sqrt(96))
    assert autocorrelation_figure([1.0, 1.0, 1.0])["data"] == []
    assert autocorrelation_figure([])["data"] == []


def test_training_marks_the_epoch_that_was_kept():
    history = [
        {"epoch": n, "loss": 1 + 1 / n, "validation_loss": abs(n - 7) + 1.0} for n in range(1, 11)
    ]
    assert best_epoch(history) == 7
    layout = training_figure(history)["layout"]
    assert layout["shapes"][0]["x0"] == 7
    assert "type" not in layout["yaxis"]
    assert best_epoch([{"loss": 1.0}]) is None
    steep = training_figure([{"loss": 10.0}, {"loss": 0.1}])["layout"]
    assert steep["yaxis"]["type"] == "log"


@pytest.mark.parametrize(("times", "title"), [([1, 2], "year"), (["2020-01-01", "2020-01-02"], "")])
def test_only_an_axis_of_numbers_is_named(times, title):
    for figure in (
        forecast_figure(times, [1.0, 2.0], [], [], {}, time_label="year"),
        residual_figure(times, [1.0, 2.0], time_label="year"),
    ):
        assert figure["layout"]["xaxis"]["title"]["text"] == title
