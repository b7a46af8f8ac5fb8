"""Read dates as people write them and write them as ISO 8601 has them, character by character."""

import elman
from elman.datasets.translations import dates

written, iso = dates(2500, seed=0)
translator = elman.Translator(hidden_size=64, epochs=15, seed=0).fit(written, iso)
for name, row in translator.scores_["table"].items():
    print(f"{name}: {row['exact_match']:.1%} of the held-out dates exactly right")

asked = ["the 3rd of October, 1990", "Feb. 29th, 2024", "14.7.1989"]
for source, answers in zip(asked, translator.translate(asked, beam=4, n_best=2), strict=True):
    listed = ", ".join(f"{one.output} (log p {one.log_probability:.2f})" for one in answers)
    print(f"{source}: {listed}")

weights = translator.attention_maps(asked)[0]
month = weights[5:7].sum(axis=0)  # the two characters of the month in the answer
print("the month was read at", repr(asked[0][month.argmax()]), "in", asked[0])
