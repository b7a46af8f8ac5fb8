import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from elman import evaluate
from elman.errors import InputError

POINT_MEASURES = [evaluate.mae, evaluate.mse, evaluate.rmse, evaluate.smape, evaluate.bias]


@pytest.fixture
def pair():
    generator = np.random.default_rng(0)
    y = generator.normal(size=(40, 6))
    forecast = y + generator.normal(size=y.shape)
    return y, forecast


def test_point_measures_agree_with_sklearn(pair):
    y, forecast = (one.ravel() for one in pair)
    assert evaluate.mae(y, forecast) == pytest.approx(
        sklearn_metrics.mean_absolute_error(y, forecast)
    )
    assert evaluate.mse(y, forecast) == pytest.approx(
        sklearn_metrics.mean_squared_error(y, forecast)
    )
    assert evaluate.rmse(y, forecast) == pytest.approx(
        sklearn_metrics.root_mean_squared_error(y, forecast)
    )


@pytest.mark.parametrize("quantile", [0.025, 0.1, 0.5, 0.9])
def test_pinball_agrees_with_sklearn(pair, quantile):
    y, forecast = (one.ravel() for one in pair)
    expected = sklearn_metrics.mean_pinball_loss(y, forecast, alpha=quantile)
    assert evaluate.pinball(y, forecast, quantile) == pytest.approx(expected)


@pytest.mark.parametrize("measure", POINT_MEASURES)
def test_missing_values_are_as_if_removed(pair, measure):
    y, forecast = pair
    keep = np.random.default_rng(1).random(y.shape) < 0.7
    expected = measure(y[keep], forecast[keep])
    assert measure(np.where(keep, y, np.nan), forecast) == pytest.approx(expected)
    assert measure(y, forecast, mask=keep) == pytest.approx(expected)
    # What is forecast for a missing value is nobody's business, not even when it is NaN.
    holes = np.where(keep, forecast, np.nan)
    assert measure(np.where(keep, y, np.nan), holes) == pytest.approx(expected)


@pytest.mark.parametrize("measure", POINT_MEASURES)
def test_nothing_observed_gives_none(measure):
    assert measure(np.full(3, np.nan), np.zeros(3)) is None
    assert measure(np.zeros(0), np.zeros(0)) is None


@pytest.mark.parametrize("measure", POINT_MEASURES)
def test_a_forecast_that_is_not_finite_is_refused(measure):
    with pytest.raises(InputError, match="1 of 2 values are not finite"):
        measure([1.0, 2.0], [1.0, np.nan])
    with pytest.raises(InputError, match=r"expected shape \(2,\) like y, got \(3,\)"):
        measure([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(InputError, match="infinity"):
        measure([1.0, np.inf], [1.0, 1.0])
    with pytest.raises(InputError, match="mask: expected shape"):
        measure([1.0, 2.0], [1.0, 1.0], mask=[True])


def test_smape_by_hand():
    # 200 * 1/3, 0/0 counted as a perfect forecast, and the ceiling of 200.
    assert evaluate.smape([1.0, 0.0, 0.0], [2.0, 0.0, 5.0]) == pytest.approx((200 / 3 + 200) / 3)


def test_bias_is_positive_when_the_forecast_is_too_high():
    assert evaluate.bias([1.0, 1.0], [2.0, 4.0]) == 2.0


def test_naive_scale_and_mase_by_hand():
    training = [1.0, 2.0, 4.0, np.nan, 5.0, 9.0]
    assert evaluate.naive_scale(training) == pytest.approx((1 + 2 + 4) / 3)
    assert evaluate.naive_scale(training, season=2) == pytest.approx((3 + 1) / 2)
    assert evaluate.mase([1.0, 2.0], [2.0, 4.0], scale=3.0) == pytest.approx(0.5)


def test_mase_of_a_constant_training_series_is_undefined():
    assert evaluate.naive_scale(np.ones(20)) is None
    assert evaluate.naive_scale([1.0, 2.0], season=4) is None
    assert evaluate.mase([1.0], [2.0], scale=None) is None
    assert evaluate.mase([1.0], [2.0], scale=0.0) is None
    assert evaluate.mase([np.nan], [2.0], scale=1.0) is None


def test_owa_is_one_for_the_reference_and_none_where_undefined():
    assert evaluate.owa(12.0, 1.5, 12.0, 1.5) == 1.0
    assert evaluate.owa(6.0, 1.5, 12.0, 1.0) == 1.0
    assert evaluate.owa(None, 1.0, 1.0, 1.0) is None
    assert evaluate.owa(1.0, 1.0, 0.0, 1.0) is None


def test_coverage_and_width():
    y = [0.0, 1.0, 2.0, 3.0, np.nan]
    lower, upper = np.full(5, 1.0), np.array([2.0, 2.0, 2.0, 2.0, np.nan])
    assert evaluate.coverage(y, lower, upper) == 0.5  # both ends are inside
    assert evaluate.interval_width(y, lower, upper) == 1.0
    assert evaluate.coverage([np.nan], [0.0], [1.0]) is None


def test_by_horizon_means_columns_and_marks_empty_ones():
    terms = [[1.0, np.nan, 3.0], [2.0, np.nan, np.nan]]
    assert evaluate.by_horizon(terms) == [1.5, None, 3.0]


@pytest.mark.parametrize("quantile", [0.0, 1.0, -1.0])
def test_impossible_quantiles_are_refused(quantile):
    with pytest.raises(InputError, match="quantile"):
        evaluate.pinball([1.0], [1.0], quantile)


def test_naive_scale_refuses_what_is_no_series():
    with pytest.raises(InputError, match="training"):
        evaluate.naive_scale(np.ones((3, 2)))
    with pytest.raises(InputError, match="season"):
        evaluate.naive_scale(np.ones(3), season=0)
