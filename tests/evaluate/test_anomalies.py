"""Thresholds, intervals and measures of anomalies."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from elman.errors import InputError
from elman.evaluate.anomalies import (
    calibrate,
    conformal_p_values,
    detection_measures,
    find_intervals,
    ranking_quality,
    recall_at_rate,
    step_scores,
)


class TestThreshold:
    @pytest.mark.parametrize("rate", [0.01, 0.05, 0.2])
    def test_new_normal_scores_pass_it_no_more_often_than_stated(self, rate):
        """Over many draws: the mean rate of the conformal threshold is at most the stated one."""
        generator = np.random.default_rng(0)
        rates = []
        for _ in range(400):
            scores = generator.gamma(2.0, size=150)
            threshold = calibrate(scores, rate)
            assert threshold.sufficient
            rates.append((generator.gamma(2.0, size=500) > threshold.value).mean())
        assert np.mean(rates) <= rate + 0.005  # three times the spread of this mean
        assert np.mean(rates) >= rate - 0.012

    def test_it_is_the_rank_that_theory_says(self):
        threshold = calibrate(np.arange(1.0, 100.0), 0.1)
        assert threshold.value == 90.0 and threshold.count == 99
        assert calibrate(np.arange(1.0, 100.0), 0.1, "quantile").value == pytest.approx(89.2)

    def test_too_few_scores_are_said_to_be_so(self):
        threshold = calibrate(np.array([3.0, np.nan, 1.0]), 0.01)
        assert not threshold.sufficient and threshold.value == 3.0 and threshold.count == 2
        with pytest.raises(InputError, match="expected scores of normal data"):
            calibrate(np.array([np.nan]), 0.01)

    def test_p_values_and_threshold_agree(self):
        generator = np.random.default_rng(1)
        normal, scores = generator.normal(size=199), generator.normal(size=1000)
        threshold = calibrate(normal, 0.05).value
        np.testing.assert_array_equal(
            conformal_p_values(scores, normal) <= 0.05, scores > threshold
        )
        assert np.isnan(conformal_p_values(np.array([np.nan]), normal))[0]


class TestFollowing:
    def test_the_share_of_alarms_is_the_stated_one_whatever_comes(self):
        generator = np.random.default_rng(0)
        threshold = calibrate(generator.gamma(2.0, size=500), 0.02, "adaptive")
        drifting = generator.gamma(2.0, size=60_000) * np.linspace(1, 9, 60_000)
        levels = threshold.along(drifting)
        assert (drifting > levels).mean() == pytest.approx(0.02, abs=0.004)
        fixed = calibrate(generator.gamma(2.0, size=500), 0.02)
        assert (drifting > fixed.along(drifting)).mean() > 0.2
        # proposition 1: no further from the rate than the way the threshold went
        way = abs(np.log(levels[-1] / levels[0]))
        gap = abs((drifting[:-1] > levels[:-1]).mean() - 0.02)
        assert gap == pytest.approx(way / threshold.pace / (len(levels) - 1), rel=1e-6)

    def test_a_threshold_depends_on_what_came_before_alone(self):
        threshold = calibrate(np.linspace(1, 2, 300), 0.05, "adaptive")
        scores = np.array([1.0, 5.0, np.nan, 1.0, 1.0])
        levels = threshold.along(scores)
        assert levels[0] == levels[1] * np.exp(0.05 * threshold.pace) == threshold.value
        assert levels[2] == levels[3] > levels[1]
        scores[3:] = 99.0
        np.testing.assert_array_equal(threshold.along(scores)[:4], levels[:4])


class TestScores:
    def test_focus_on_the_step_the_window_or_both(self):
        errors = np.array([[3.0, 4.0], [0.0, 0.0], [np.nan, 1.0], [np.nan, np.nan]])
        own, window = step_scores(errors, "step")
        np.testing.assert_allclose(own, [np.sqrt(12.5), 0.0, 1.0, np.nan])
        assert window == pytest.approx(np.sqrt(13.5 / 3))
        np.testing.assert_allclose(step_scores(errors, "window")[0], [window] * 3 + [np.nan])
        np.testing.assert_allclose(step_scores(errors, "both")[0], np.sqrt(own * window))


class TestIntervals:
    def test_runs_near_each_other_are_one(self):
        scores = np.array([0, 2, 3, 0, 2, 0, 0, 0, 5, np.nan, 0.0])
        apart = find_intervals(scores, 1.0, row=4)
        assert [(one.start, one.end, one.peak) for one in apart] == [
            (1, 3, 2),
            (4, 5, 4),
            (8, 9, 8),
        ]
        assert {one.row for one in apart} == {4}
        merged = find_intervals(scores, 1.0, merge=1)
        assert [(one.start, one.end, one.score) for one in merged] == [(1, 5, 3.0), (8, 9, 5.0)]
        assert find_intervals(scores, 9.0) == []


class TestMeasures:
    def test_against_counting(self):
        scores = [np.array([0, 0, 2, 2, 0, 0.0]), np.array([2, 0, 0, np.nan])]
        found = detection_measures(scores, 1.0, [[(3, 5)], [(2, 4)]])
        assert found["found"] == 0.5
        assert found["precision"] == pytest.approx(1 / 3)
        assert found["recall"] == 0.25
        assert found["f1"] == pytest.approx(2 / 7)
        assert found["false_alarms"] == pytest.approx(2 / 6)

    def test_nothing_to_count_is_none(self):
        found = detection_measures([np.zeros(3)], 1.0, [[]])
        assert found["found"] is found["recall"] is found["precision"] is found["auc"] is None
        assert found["false_alarms"] == 0.0

    def test_ranking_is_that_of_sklearn_with_ties(self):
        generator = np.random.default_rng(0)
        scores = generator.integers(0, 8, 200).astype(float)
        truth = generator.random(200) < 0.3
        assert ranking_quality(scores, truth) == pytest.approx(roc_auc_score(truth, scores))

    def test_recall_at_a_rate(self):
        scores = np.arange(100.0)
        scores[10:12] = 500.0
        assert recall_at_rate(scores, [(10, 12)], 0.01) == 1.0
        assert recall_at_rate(scores, [(20, 22)], 0.01) == 0.0
        assert recall_at_rate(scores, [(10, 12), (20, 22)], 0.1, begin=50) == 0.5
