"""Detection in series: the normal part, the table beside simple detectors, labels."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

import elman
from elman.datasets.faults import SENSORS, load_faulty
from elman.errors import InputError
from elman.tasks.detection import choose_window, detect_anomalies, verdict
from elman.tasks.reconstruction_report import _verdict


@pytest.fixture(scope="module")
def pump():
    return load_faulty(days=16)


@pytest.fixture(scope="module")
def detection(pump):
    made = elman.SequenceAutoencoder(window=36, epochs=12)
    return made, detect_anomalies(made, pump.panel, np.array([pump.normal]), pump.spans)


def test_the_pump_is_normal_and_then_is_not(pump):
    assert pump.panel.values.shape == (16 * 144, 3)
    assert tuple(pump.panel.names.targets) == SENSORS
    assert len(pump.faults) == 8 and pump.faults[0][0] >= pump.normal
    ends = [(start, end) for start, end, _ in pump.faults]
    assert all(a[1] < b[0] for a, b in pairwise(ends))
    again = load_faulty(days=16)
    np.testing.assert_array_equal(again.panel.values, pump.panel.values)
    assert (load_faulty(seed=1, days=16).panel.values != pump.panel.values).any()
    with pytest.raises(InputError, match="no built-in series 'fan'"):
        load_faulty("fan")
    with pytest.raises(InputError, match="days: expected at least 8"):
        load_faulty(days=3)


def test_most_faults_are_found_beside_simple_detectors(pump, detection):
    made, found = detection
    assert set(found.table) == {
        "network",
        "distance from the mean",
        "moving average",
        "last season",
        "principal components",
    }
    assert sum(found.found) >= 5
    own = found.table["network"]
    assert own["found"] == pytest.approx(np.mean(found.found))
    assert own["auc"] > max(found.table[one]["auc"] for one in ("moving average",)) + 0.1
    assert all(one.start >= pump.normal for one in found.anomalies)
    assert made.scores_["detection"] == found.table
    strays = sum(
        not any(a < one.end and b > one.start for a, b, _ in pump.faults) for one in found.anomalies
    )
    assert f"{strays} of {len(found.anomalies)} stretches found met no" in made.notes_[-1]
    sentence = verdict(found, 0.01)
    assert f"{sum(found.found)} of 8 labelled anomalies found" in sentence


def test_labels_train_nothing(pump, detection):
    made, found = detection
    blind = elman.SequenceAutoencoder(**made.get_params())
    other = detect_anomalies(blind, pump.panel, np.array([pump.normal]))
    np.testing.assert_array_equal(other.scores[0], found.scores[0])
    assert other.anomalies == found.anomalies
    assert set(other.table["network"]) == {"alarms", "share"}
    assert "nothing is labelled" in verdict(other, 0.01)


def test_a_verdict_says_when_a_simple_detector_does_as_well(detection):
    _, found = detection
    table = {name: dict(row) for name, row in found.table.items()}
    table["moving average"]["f1"], table["network"]["found"] = 0.99, 1.0
    worse = type(found)(**{**vars(found), "table": table})
    assert "no better than a simple detector (moving average: F1 0.99" in verdict(worse, 0.01)
    table["network"]["found"], table["last season"]["found"] = 0.5, 1.0
    assert "which finds more (last season: 8 of 8)" in verdict(worse, 0.01)


def test_more_false_alarms_than_stated_are_no_clean_win(detection):
    _, found = detection
    table = {name: dict(row) for name, row in found.table.items()}
    table["network"].update(found=1.0, f1=0.95, false_alarms=0.084)
    other = type(found)(**{**vars(found), "table": table})
    assert "where 1 % was stated: more than it should" in verdict(other, 0.01)
    assert _verdict(other, 0.01).tone == "mixed"
    table["network"]["false_alarms"] = 0.012
    assert _verdict(other, 0.01).tone == "good"
    table["moving average"].update(f1=0.95)
    assert _verdict(other, 0.01).label == "Level with a simple detector"


def test_window_and_normal_part_must_make_sense(pump):
    assert choose_window([5000]) == 48
    assert choose_window([187]) == 20 and choose_window([40]) == 5
    assert choose_window([160, 100]) == 20
    with pytest.raises(InputError, match="at least 16 normal steps"):
        choose_window([15])
    made = elman.SequenceAutoencoder(window=36, epochs=1)
    with pytest.raises(InputError, match="expected steps after the normal part"):
        detect_anomalies(made, pump.panel, pump.panel.lengths)
