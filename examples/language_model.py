"""Learn to write like a child's primer, letter by letter, and see whether it has learnt to add."""

import elman
from elman.datasets.primer import primer

model = elman.LanguageModel(cell="gru", seed=0).fit(primer())
for name, row in model.scores_["table"].items():
    print(f"{name}: {row['bits_per_character']:.3f} bits for a held-out character")

for prompt in ("The day after Tuesday is", "Four and three make", "The duck in the field says"):
    print(prompt + model.sample(prompt, 12, temperature=0.0).split("\n")[0])
    likeliest = model.next_symbols(prompt + " ", 3)
    print("   first letter:", ", ".join(f"{letter} {share:.0%}" for letter, share in likeliest))

print("\nA page of its own:")
for piece in model.stream(length=200, temperature=0.6, seed=1):  # as it is written
    print(piece, end="", flush=True)
