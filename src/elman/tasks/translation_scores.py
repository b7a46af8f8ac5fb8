"""How a translator does on pairs held out, beside answers that cost nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from elman.data.pairs import LISTS, Tokens, join_tokens
from elman.evaluate.translation import (
    NearestSource,
    by_length,
    most_frequent,
    text_measures,
    token_measures,
)
from elman.tasks.translation_model import TranslationModel
from elman.tasks.translation_rows import Pairs

__all__ = ["NETWORK", "held_out_scores", "measures"]

NETWORK = "network"


def held_out_scores(
    model: TranslationModel,
    answers: Sequence[Tokens],
    judged: Pairs,
    seen: Pairs,
    unit: str,
    text: bool,
) -> dict[str, Any]:
    """The table of scores, the perplexity, and the share of right answers by length.

    Args:
        model: Trained on ``seen``.
        answers: Its answers to the sources of ``judged``.
        judged: Pairs that had no part in the training.
        seen: Pairs trained on, of which the baselines learn.
        unit: Of the targets.
        text: Whether BLEU and chrF are measured too.
    """
    nearest = NearestSource(seen.sources, seen.targets)
    common = most_frequent(seen.targets)
    given = {
        NETWORK: answers,
        "copy of the source": judged.sources,
        "most frequent target": [common] * len(judged),
        "nearest source's target": [nearest.answer(source) for source in judged.sources],
    }
    exact = np.array([a == t for a, t in zip(answers, judged.targets, strict=True)])
    tokens = sum(len(target) + 1 for target in judged.targets)
    mean_log = model.log_probabilities(judged).sum() / tokens
    return {
        "rows": len(judged),
        "table": {name: measures(one, judged.targets, unit, text) for name, one in given.items()},
        "perplexity": float(np.exp(min(-mean_log, 700.0))),
        "by_length": by_length(exact, np.array([len(source) for source in judged.sources])),
    }


def measures(
    answers: Sequence[Tokens], targets: Sequence[Tokens], unit: str, text: bool
) -> dict[str, float | None]:
    """Measures of tokens, and of texts where they are wanted, else ``None``."""
    found: dict[str, float | None] = {**token_measures(answers, targets)}
    found |= {"bleu": None, "chrf": None}
    if text:
        texts = [[_as_text(one, unit) for one in side] for side in (answers, targets)]
        found |= text_measures(texts[0], texts[1], unit)
    return found


def _as_text(tokens: Tokens, unit: str) -> str:
    if unit == LISTS:
        return " ".join(map(str, tokens))
    # a copied source may hold numbers where targets are texts
    return str(join_tokens([str(token) for token in tokens], unit))
