"""The pages of a classification and a regression in a real browser."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from test_browser import CHROMIUM, assert_drawn, look_at

import elman
from elman.data.labelled import Labelled
from elman.data.rows import Rows
from elman.datasets.labelled import load_labelled
from elman.datasets.pendulums import pendulums
from elman.runs import Run
from elman.tasks.classification_report import write_classification
from elman.tasks.regression_report import write_regression

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")

QUICK = {"hidden_size": 8, "epochs": 3, "refit": False}


def page_of(folder, write, estimator, data, title):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator.fit(data.rows, data.labels)
    run = Run.create(folder / "run", kind="task", name="page")
    write(run, estimator, data, title=title, request={}, command="elman <b>")
    return run.page_path.read_text("utf-8")


def test_names_are_shown_letter_by_letter(tmp_path):
    data = load_labelled("surnames")
    estimator = elman.SequenceClassifier(**QUICK)
    page = page_of(tmp_path, write_classification, estimator, data, "names & <languages>")
    probe, console = look_at(page, tmp_path)
    # a heat map has neither lines nor bars
    confusion = probe["charts"].pop(0)
    assert confusion["drawn"] and "Polish" in confusion["texts"]
    assert_drawn(probe, console, ["section-0-1", "training"])
    assert "names & <languages>" in probe["text"]
    for part in ("Class by class", "Which steps mattered", "trigram naive Bayes"):
        assert part in probe["text"]


def test_sequences_of_numbers_with_gaps_narrow_and_dark(tmp_path):
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal((int(rng.integers(3, 30)), 2)) for _ in range(60)]
    for one in arrays[::3]:
        one[1] = np.nan
    labels = np.array(["<i>", "b & c"])[np.arange(60) % 2]
    names = [str(number) for number in range(60)]
    data = Labelled(Rows(arrays, None, 2), labels, names, ["<x>", "y"])
    estimator = elman.SequenceClassifier(**QUICK)
    page = page_of(tmp_path, write_classification, estimator, data, "gaps")
    probe, console = look_at(page, tmp_path, width=500, dark=True)
    confusion = probe["charts"].pop(0)
    assert confusion["drawn"] and "<i>" in confusion["texts"]
    shown = [f"section-2-{number}" for number in range(len(probe["charts"]) - 2)]
    assert_drawn(probe, console, ["section-0-1", *shown, "training"])
    assert len(shown) >= 5


def test_estimates_errors_and_steps_of_a_regression(tmp_path):
    data = pendulums(120)
    estimator = elman.SequenceRegressor(**QUICK, levels=(60,))
    page = page_of(tmp_path, write_regression, estimator, data, "pendulums")
    probe, console = look_at(page, tmp_path)
    steps = [f"section-1-{number}" for number in range(4)]
    assert_drawn(probe, console, ["section-0-0", "section-0-1", *steps, "training"])
    texts = {chart["name"]: chart["texts"] for chart in probe["charts"]}
    assert {"60 % interval", "held-out sequences"} <= set(texts["section-0-0"])
    assert {"raised it", "lowered it"} & set(texts["section-1-0"])
    assert "Intervals" in probe["text"]


def test_a_page_without_scores_is_whole(tmp_path):
    data = load_labelled("toy")
    estimator = elman.SequenceClassifier(**QUICK)
    page = page_of(tmp_path, write_classification, estimator, data, "toy")
    probe, console = look_at(page, tmp_path)
    assert_drawn(probe, console, ["training"])
    assert "Not judged" in probe["text"]
