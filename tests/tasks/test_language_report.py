"""What a language model leaves behind, whatever it was trained on."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

import elman
from elman.datasets.primer import primer
from elman.runs import Run
from elman.tasks.language_report import surprise_columns, verdict, write_language

TEXT = primer(120)
QUICK = {"hidden_size": 8, "epochs": 2, "lanes": 2, "chunk": 16}
CASES = {
    "one text": ({}, TEXT),
    "bytes": ({"unit": "bytes"}, TEXT + "é" * 20),
    "words": ({"unit": "words"}, TEXT),
    "many texts": ({}, TEXT.splitlines()),
    "nothing held out": ({"held_out": 0.0}, TEXT),
}


@pytest.mark.parametrize("case", CASES)
def test_every_kind_of_model_leaves_a_whole_run(case, tmp_path):
    options, text = CASES[case]
    model = elman.LanguageModel(**QUICK, **options).fit(text)
    run = Run.create(tmp_path / "run", kind="language", name="text")
    write_language(run, model, title="text", described="a text", request={"source": "text"})
    for name in ("config.json", "metrics.json", "history.csv", "samples.csv", "report.html"):
        assert (run.path / name).stat().st_size
    with (run.path / "samples.csv").open(encoding="utf-8", newline="") as file:
        assert [row["temperature"] for row in csv.DictReader(file)] == ["0.3", "0.6", "0.8", "1.0"]
    content = json.loads((run.path / "report.json").read_text(encoding="utf-8"))
    titles = [section["title"] for section in content["sections"]]
    judged = ["How good it is", "What it writes", "What it expects", "What surprises it"]
    assert titles == (["What it writes"] if case == "nothing held out" else judged)


def test_the_verdict_names_the_best_n_gram_and_owns_a_defeat():
    table = {
        "network": {"bits_per_character": 2.0},
        "5-gram": {"bits_per_character": 2.2},
        "unigram": {"bits_per_character": 4.4},
    }
    assert "needs 2.000 bits" in verdict({"table": table})
    assert "the best n-gram (5-gram) needs 2.200" in verdict({"table": table})
    table["network"]["bits_per_character"] = 2.2
    assert "level with an n-gram (5-gram: 2.200)" in verdict({"table": table})
    table["network"]["bits_per_character"] = 2.3
    assert "no fewer than an n-gram (5-gram: 2.200)" in verdict({"table": table})
    assert "nothing was scored" in verdict(None)


def test_surprise_is_the_log_likelihood_in_bits():
    model = elman.LanguageModel(**QUICK).fit(TEXT)
    columns = surprise_columns(model, TEXT[:1500])
    wanted = -model.log_likelihood(TEXT[:1500]) / np.log(2.0)
    np.testing.assert_allclose(columns["bits"], wanted, atol=1e-4)
    assert columns["symbol"] == model.symbols(TEXT[:1500])
    assert surprise_columns(model, "")["symbol"] == []
