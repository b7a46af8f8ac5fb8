"""Guess the language of a surname from its letters, and see which letters spoke for it."""

import numpy as np

import elman
from elman.datasets.labelled import load_labelled

names = load_labelled("surnames")
classifier = elman.SequenceClassifier(hidden_size=32, ensemble=3, unseen="unknown", seed=0)
classifier.fit(names.rows.texts, names.labels)
for name, row in classifier.scores_["table"].items():
    print(f"{name}: {row['accuracy']:.0%} of the held-out names")

strangers = ["Kowalewski", "Yamanaka", "Bernardini", "Petrenkov"]
for name, best, letters in zip(
    strangers, classifier.top_k(strangers, 2), classifier.explain(strangers), strict=True
):
    listed = ", ".join(f"{language} {share:.0%}" for language, share in best)
    print(f"{name}: {listed}; most telling letter: {name[np.argmax(letters)]!r}")
