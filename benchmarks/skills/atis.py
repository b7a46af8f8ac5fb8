"""Parts of speech of UD English ATIS: a label for every word of questions about flights.

Protocol: the given parts, gold tokens, UPOS; accuracy over all words of the test part. Trained on
the training part alone, with a softmax at each word and with a CRF over all of them.

Sizes, regularisation and the number of epochs were chosen by the accuracy on the development part;
the test part was not looked at.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

import elman
from benchmarks.skills.common import Options, data_file, goal
from benchmarks.tables import Table
from elman.data.conll import StepFile, read_steps
from elman.evaluate.labels import label_measures
from elman.evaluate.taggers import FrequentLabel, most_frequent

GOAL = 0.985
SETTINGS: dict[str, Any] = {
    "cell": "lstm",
    "hidden_size": 96,
    "embedding_size": 64,
    "character_size": 32,
    "weight_decay": 0.1,
    "epochs": 5,
    "batch_size": 32,
    "held_out": 0.0,
}
HEADS = {"softmax": False, "CRF": True}


def run(options: Options) -> dict[str, Any] | None:
    """Both heads, one training for each seed."""
    files = [
        data_file("ud_english_atis", f"en_atis-ud-{part}.conllu") for part in ("train", "test")
    ]
    if any(file is None for file in files):
        return None
    train, test = (read_steps(str(file)) for file in files)
    content: dict[str, Any] = {
        "settings": SETTINGS,
        "baselines": baselines(train, test),
        "runs": [one(train, test, head, seed) for head in HEADS for seed in options.seeds],
    }
    content["goals"] = [goal_of(content["runs"], head) for head in HEADS]
    return content


def one(train: StepFile, test: StepFile, head: str, seed: int) -> dict[str, Any]:
    """A training, and the test part."""
    labeller = elman.SequenceLabeller(crf=HEADS[head], seed=seed, **SETTINGS)
    started = time.perf_counter()
    labeller.fit(train.steps, train.labels)
    seconds = time.perf_counter() - started
    found = labeller.evaluate(test.steps, test.labels)
    return {"head": head, "seed": seed, "seconds": seconds, **measures(found)}


def baselines(train: StepFile, test: StepFile) -> dict[str, dict[str, float]]:
    """What costs nothing."""
    assert train.labels is not None and test.labels is not None
    common = most_frequent(train.labels)
    rival = FrequentLabel(train.steps.tokens, train.labels)  # type: ignore[union-attr]
    named = {
        "most frequent tag": [[common] * len(row) for row in test.labels],
        "most frequent tag of the word": rival.predict(test.steps.tokens),  # type: ignore[union-attr]
    }
    return {name: measures(label_measures(test.labels, row)) for name, row in named.items()}


def measures(found: dict[str, Any]) -> dict[str, float]:
    return {name: found[name] for name in ("accuracy", "macro_f1", "sequences")}


def goal_of(runs: Sequence[dict[str, Any]], head: str) -> dict[str, Any]:
    values = [row["accuracy"] for row in runs if row["head"] == head]
    reached = float(np.mean(values)) >= GOAL
    what = f"UPOS accuracy, {head}"
    return goal("UD English ATIS", what, f"at least {GOAL}", values, reached, ".4f")


def tables(content: dict[str, Any]) -> list[Table]:
    """The table of the heads, beside the baselines."""
    rows = [
        [name, *(f"{100 * row[key]:.2f}" for key in ("accuracy", "macro_f1", "sequences")), ""]
        for name, row in content["baselines"].items()
    ]
    for head in HEADS:
        runs = [row for row in content["runs"] if row["head"] == head]
        cells = []
        for key in ("accuracy", "macro_f1", "sequences"):
            values = [100 * row[key] for row in runs]
            cells.append(f"{np.mean(values):.2f} ± {np.std(values):.2f}")
        seconds = f"{max(row['seconds'] for row in runs):.0f}"
        rows.append([f"elman, {head}, mean of {len(runs)} seeds", *cells, seconds])
    title = (
        "UD English ATIS, parts of speech (UPOS), test part, gold tokens (settings chosen on the "
        "development part)"
    )
    heads = [
        "labelled by",
        "words right, %",
        "macro F1, %",
        "sentences right, %",
        "seconds (slowest)",
    ]
    return [Table(title, heads, rows)]
