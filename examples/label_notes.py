"""Find persons, places, dates and times in notes, though "May" may be any of three of them."""

import elman
from elman.datasets.stepwise import load_stepwise
from elman.evaluate.labels import spans_of

notes = load_stepwise("appointments")
labeller = elman.SequenceLabeller(crf=True, epochs=8, seed=0)
labeller.fit(notes.steps.tokens[:800], notes.labels[:800])
for name, row in labeller.scores_["table"].items():
    print(f"{name}: {row['accuracy']:.1%} of the words, F1 of spans {row['span_f1']:.1%}")

strangers = [
    "May Lincoln may come on 4 May or march over from Lincoln",
    "meet Dr. Tervosson in 12 Victoria Square tomorrow at half past 9",
]
words = [text.split() for text in strangers]
for tokens, labels in zip(words, labeller.predict(words), strict=True):
    found = [f"{kind} {' '.join(tokens[start:end])!r}" for start, end, kind in spans_of(labels)]
    print(" ".join(tokens), "->", ", ".join(found))
