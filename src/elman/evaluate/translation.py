"""Measures of translations, and what they must beat: copying, guessing, looking up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.errors import InputError

__all__ = [
    "NearestSource",
    "by_length",
    "can_score_text",
    "edit_distance",
    "most_frequent",
    "text_measures",
    "token_measures",
]

Array: TypeAlias = NDArray[Any]
Tokens: TypeAlias = Sequence[Any]


def edit_distance(one: Tokens, other: Tokens) -> int:
    """Fewest insertions, deletions and replacements of a token that make one of the other.

    Source: V. I. Levenshtein, "Binary codes capable of correcting deletions, insertions and
    reversals", Soviet Physics Doklady 10 (1966) 707-710; the table is that of R. A. Wagner and
    M. J. Fischer, Journal of the ACM 21 (1974) 168-173, a row at a time: where insertions lead from
    place ``k`` to place ``j``, ``row_j = min over k <= j of (row_k - k) + j``.
    """
    if list(one) == list(other):
        return 0
    number: dict[Any, int] = {}
    first, second = (
        np.array([number.setdefault(token, len(number)) for token in side], np.int64)
        for side in (one, other)
    )
    places = np.arange(len(second) + 1)
    row = places
    for token in first:
        after = row + 1
        np.minimum(after[1:], row[:-1] + (second != token), out=after[1:])
        row = np.minimum.accumulate(after - places) + places
    return int(row[-1])


def token_measures(answers: Sequence[Tokens], truth: Sequence[Tokens]) -> dict[str, float]:
    """How right answers are, token by token.

    Args:
        answers: Tokens of each answer.
        truth: Tokens of each true target; at least one row.

    Returns:
        ``exact_match``, the share of answers that are right as a whole; ``token_accuracy``, the
        share of places, over the longer of answer and target, that hold the right token;
        ``token_error_rate``, edits over the number of true tokens (0 is best, above 1 is possible).
    """
    exact = right = places = edits = tokens = 0
    for answer, target in zip(answers, truth, strict=True):
        exact += list(answer) == list(target)
        right += sum(a == t for a, t in zip(answer, target, strict=False))
        places += max(len(answer), len(target))
        edits += edit_distance(answer, target)
        tokens += len(target)
    return {
        "exact_match": exact / len(truth),
        "token_accuracy": right / max(places, 1),
        "token_error_rate": edits / max(tokens, 1),
    }


def can_score_text() -> bool:
    """Whether sacrebleu is installed."""
    return find_spec("sacrebleu") is not None


def text_measures(
    answers: Sequence[str], truth: Sequence[str], unit: str
) -> dict[str, float | None]:
    """BLEU and chrF of the whole corpus, from 0 to 100, by sacrebleu.

    Args:
        answers: The answers, as texts.
        truth: The true target of each.
        unit: ``"characters"`` counts n-grams of characters; else those of words, as sacrebleu's
            own splitting (13a) has them.

    Returns:
        ``bleu``, ``None`` where no target has the four tokens of its longest n-grams, and ``chrf``.

    Raises:
        InputError: If sacrebleu is not installed.

    Source: M. Post, "A call for clarity in reporting BLEU scores", WMT 2018; M. Popović, "chrF",
    WMT 2015.
    """
    if not can_score_text():
        raise InputError(
            "bleu: BLEU and chrF need sacrebleu, which is not installed; "
            'pip install "elman[translate]", or ask for bleu=False'
        )
    from sacrebleu.metrics.bleu import BLEU  # type: ignore[import-not-found, unused-ignore]
    from sacrebleu.metrics.chrf import CHRF  # type: ignore[import-not-found, unused-ignore]

    split = "char" if unit == "characters" else "13a"
    score = BLEU(tokenize=split, force=True).corpus_score(list(answers), [list(truth)])
    return {
        "bleu": float(score.score) if _longest(truth, split) >= len(score.counts) else None,
        "chrf": float(CHRF().corpus_score(list(answers), [list(truth)]).score),
    }


def _longest(truth: Sequence[str], split: str) -> int:
    """Tokens of the longest target, roughly."""
    counts = (
        len(text.replace(" ", "")) if split == "char" else len(text.split()) for text in truth
    )
    return max(counts, default=0)


def by_length(exact: Array, lengths: Array, most: int = 8) -> list[dict[str, Any]]:
    """The share of right answers by the length of the source.

    Args:
        exact: Whether each answer is right, ``(N,)``.
        lengths: Tokens of each source, ``(N,)``.
        most: Most groups; lengths that lie together share one, of about equal numbers of rows.

    Returns:
        For each group ``from``, ``to`` (lengths), ``rows`` and ``exact_match``.
    """
    distinct = np.unique(lengths)
    ends = distinct
    if len(distinct) > most:
        ends = np.unique(np.quantile(lengths, np.arange(1, most + 1) / most, method="higher"))
    groups = []
    low = int(distinct[0])
    for high in ends.astype(int).tolist():
        chosen = (lengths >= low) & (lengths <= high)
        if chosen.any():
            share = float(exact[chosen].mean())
            low_seen, high_seen = int(lengths[chosen].min()), int(lengths[chosen].max())
            rows = int(chosen.sum())
            groups.append({"from": low_seen, "to": high_seen, "rows": rows, "exact_match": share})
        low = high + 1
    return groups


def most_frequent(targets: Sequence[Tokens]) -> list[Any]:
    """The target that occurs most often; the first of equals."""
    return list(Counter(tuple(target) for target in targets).most_common(1)[0][0])


class NearestSource:
    """Answers with the target of the training source that is most alike.

    Alike is the Dice coefficient of the multisets of one to three tokens in a row, the ends
    marked: twice what both have, over what each has.

    Args:
        sources: Tokens of the training sources.
        targets: Their targets.
        most: Rows kept, the first ones, so that a look-up stays short.

    Source: L. R. Dice, "Measures of the amount of ecologic association between species", Ecology
    26 (1945) 297-302; for n-grams of letters: G. W. Adamson and J. Boreham, Information Storage and
    Retrieval 10 (1974) 253-260.
    """

    _ORDER = 3

    def __init__(
        self, sources: Sequence[Tokens], targets: Sequence[Tokens], most: int = 20000
    ) -> None:
        self._targets = list(targets[:most])
        found: dict[Any, list[int]] = {}
        sizes = np.zeros(len(self._targets))
        for row, source in enumerate(sources[:most]):
            for gram, number in self._grams(source).items():
                # of a gram that is there twice, the second is another gram
                for copy in range(number):
                    found.setdefault((gram, copy), []).append(row)
                sizes[row] += number
        self._rows = {gram: np.array(rows, np.int64) for gram, rows in found.items()}
        self._sizes = sizes

    def _grams(self, tokens: Tokens) -> Counter[Any]:
        marked = (None, *tokens, None)
        return Counter(
            marked[start : start + size]
            for size in range(1, self._ORDER + 1)
            for start in range(len(marked) - size + 1)
        )

    def answer(self, source: Tokens) -> list[Any]:
        """The target of the most similar source; the first of equals."""
        shared = np.zeros(len(self._targets))
        total = 0
        for gram, number in self._grams(source).items():
            total += number
            for copy in range(number):
                rows = self._rows.get((gram, copy))
                if rows is not None:
                    shared[rows] += 1.0
        return list(self._targets[int(np.argmax(2.0 * shared / (self._sizes + total)))])
