"""What a report shows of the settings: those that came of it, in place of those left open."""

from __future__ import annotations

import numpy as np

import elman
from elman.data.labelled import Labelled
from elman.data.rows import Rows
from elman.tasks.classification_report import _report


def test_what_was_left_open_is_shown_as_it_was_chosen() -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal((8, 1)) for _ in range(60)]
    labels = np.array(["a", "b"])[np.arange(60) % 2]
    data = Labelled(Rows(arrays, None, 1), labels, [str(n) for n in range(60)], ["x"])
    made = elman.SequenceClassifier(epochs=2, refit=False).fit(data.rows, data.labels)
    shown = _report(made, data, "two kinds", "").configuration
    assert made.hidden_size is None and shown["hidden_size"] == 32
    assert shown["epochs"] == 2 and shown["batch_size"] == 16
    assert shown["dropout"] is not None and shown["input_dropout"] is not None
    assert "verbose" not in shown and shown["seed"] == 0
