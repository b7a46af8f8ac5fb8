"""Addition: sums of numbers of up to three digits, read backwards, answered character by character.

Protocol: 50,000 different questions, drawn as in the addition example of Keras, anew for each seed;
5,000 of them are the test part. Of the other 45,000 the translator holds 2,000 out to pick its best
epoch and 2,000 to score itself. One LSTM of 128 units reads the question from its end, another
writes the answer; no attention. Greedy search; right is what is right as a whole.

The settings were chosen on the validation part of other draws, never on a test part.
"""

from __future__ import annotations

import time
from typing import Any

import elman
from benchmarks.skills.common import Options, goal
from benchmarks.tables import Table
from elman.datasets.translations import addition

ROWS, TEST = 50_000, 5_000
GOAL = 0.99
SETTINGS: dict[str, Any] = {
    "cell": "lstm",
    "hidden_size": 128,
    "attention": None,
    "bidirectional": False,
    "reverse_source": True,
    "dropout": 0.0,
    "epochs": 40,
    "batch_size": 128,
    "learning_rate": 0.004,
    "patience": None,
}
REFERENCE = "addition example of Keras, the same cells (published)"


def run(options: Options) -> dict[str, Any] | None:
    """One training for each seed."""
    runs = [one_seed(seed) for seed in options.seeds]
    exact = [100 * one["network"]["exact_match"] for one in runs]
    reached = sum(exact) / len(exact) >= 100 * GOAL
    target = f"at least {100 * GOAL:.0f} % exactly right"
    what = "answers of the test part"
    goals = [goal("addition, 3 digits, 50,000 examples", what, target, exact, reached, ".2f")]
    return {"runs": runs, "goals": goals}


def tables(content: dict[str, Any]) -> list[Table]:
    """The table of the seeds, beside the baselines."""
    rows = [[REFERENCE, "", "99", "", "100 epochs"]]
    for one in content["runs"]:
        epochs = f"{one['epochs']} epochs, best {one['best_epoch']}"
        rows.append(
            [
                f"elman, seed {one['seed']}",
                *_shares(one["network"]),
                f"{one['seconds']:.0f}",
                epochs,
            ]
        )
    for name, row in content["runs"][0]["baselines"].items():
        rows.append([name, *_shares(row), "", "held-out questions of the first seed"])
    title = (
        "Addition of numbers of up to three digits, read backwards, LSTM-128, 5,000 test questions "
        "(settings chosen without them)"
    )
    heads = ["answered by", "exactly right, %", "tokens in place, %", "seconds", ""]
    return [Table(title, heads, rows)]


def _shares(measures: dict[str, float]) -> list[str]:
    return [f"{100 * measures[name]:.2f}" for name in ("exact_match", "token_accuracy")]


def one_seed(seed: int) -> dict[str, Any]:
    """A draw of its own, a training, and the test part."""
    questions, answers = addition(ROWS, 3, seed=seed)
    seen = ROWS - TEST
    translator = elman.Translator(seed=seed, **SETTINGS)
    started = time.perf_counter()
    translator.fit(questions[:seen], answers[:seen])
    seconds = time.perf_counter() - started
    table = dict(translator.scores_["table"])
    table.pop("network")
    return {
        "seed": seed,
        "network": translator.evaluate(questions[seen:], answers[seen:], bleu=False),
        "baselines": table,
        "seconds": seconds,
        "best_epoch": translator.history_.best_epoch,
        "epochs": len(translator.history_),
    }
