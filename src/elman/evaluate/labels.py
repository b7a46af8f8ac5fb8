"""Measures of labels at every step: of single labels, and of the spans that they mark out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["label_measures", "scheme_of", "span_measures", "spans_of"]

Labels = Sequence[Sequence[Any]]
Span = tuple[int, int, str]

_MARKED = re.compile(r"([BIESLU])-(.+)", re.DOTALL)
_AS_BIOES = {"L": "E", "U": "S"}  # the names of BILOU


def scheme_of(labels: Iterable[Any]) -> str | None:
    """How labels mark out spans, if they do.

    Args:
        labels: All labels that occur.

    Returns:
        ``"IOB"`` (of either kind) if each is ``O``, ``B-type`` or ``I-type``; ``"BIOES"`` if there
        are ``E-`` and ``S-`` (or, as in BILOU, ``L-`` and ``U-``) too; else ``None``.
    """
    found = set(labels) - {"O"}
    if not found or not all(isinstance(one, str) and _MARKED.fullmatch(one) for one in found):
        return None
    marks = {one[0] for one in found}
    return "BIOES" if marks - {"B", "I"} else "IOB"


def spans_of(labels: Sequence[str]) -> list[Span]:
    """The spans that the labels of one sequence mark out, as ``conlleval`` reads them.

    A span begins at ``B`` or ``S``, after the end of another, after ``O``, and where the type
    changes; it ends before ``B``, ``S`` and ``O``, after ``E`` and ``S``, where the type changes,
    and with the sequence. So IOB1, IOB2 and BIOES are all understood, and what breaks their rules
    is read in one way. Whatever is neither ``O`` nor marked counts as ``O``.

    Returns:
        ``(start, end, type)`` of each, ``end`` exclusive.

    Source: E. F. Tjong Kim Sang and S. Buchholz, "Introduction to the CoNLL-2000 shared task:
    chunking", CoNLL 2000, and its script ``conlleval``.
    """
    spans: list[Span] = []
    start = -1
    before, kind_before = "O", ""
    for step, label in enumerate([*labels, "O"]):
        mark, kind = _parse(label)
        changed = kind != kind_before
        if start >= 0 and (before in "ES" or mark in "BSO" or changed):
            spans.append((start, step, kind_before))
            start = -1
        if mark != "O" and (start < 0 or mark in "BS"):
            start = step
        before, kind_before = mark, kind
    return spans


def span_measures(truth: Labels, named: Labels) -> dict[str, Any]:
    """Precision, recall and F1 of whole spans: right are those of the same place and type.

    Args:
        truth: The labels of each sequence.
        named: Those that were given, of the same lengths.

    Returns:
        ``precision``, ``recall``, ``f1`` (0 where there is nothing to divide by, as ``conlleval``
        has it), ``support`` (spans in the truth), ``named`` and ``right``; and ``types``: the same
        for each type, sorted, with its ``label``.
    """
    actual: Counter[str] = Counter()
    given: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for one, other in zip(truth, named, strict=True):
        expected, found = set(spans_of(one)), set(spans_of(other))
        actual.update(kind for _, _, kind in expected)
        given.update(kind for _, _, kind in found)
        right.update(kind for _, _, kind in expected & found)
    types = sorted(actual.keys() | given.keys())
    return {
        **_rates(right.total(), actual.total(), given.total()),
        "types": [{"label": one, **_rates(right[one], actual[one], given[one])} for one in types],
    }


def label_measures(truth: Labels, named: Labels) -> dict[str, Any]:
    """Measures of the labels step by step, and of spans where the labels mark some out.

    Args:
        truth: The labels of each sequence; at least one step in all.
        named: Those that were given, of the same lengths.

    Returns:
        ``accuracy`` (share of steps), ``macro_f1`` (mean over the labels that occur in the truth),
        ``sequences`` (share of sequences without a mistake, of those with a step), ``span_f1``
        (``None`` without spans), ``labels`` (precision, recall, F1, support, named and right of
        each label) and ``spans`` (see :func:`span_measures`, or ``None``).
    """
    pairs = [
        pair
        for one, other in zip(truth, named, strict=True)
        for pair in zip(one, other, strict=True)
    ]
    actual, given = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    right = Counter(one for one, other in pairs if one == other)
    known = sorted(actual.keys() | given.keys())
    labels = [{"label": one, **_rates(right[one], actual[one], given[one])} for one in known]
    present = [one["f1"] for one in labels if one["support"]]
    whole = [list(one) == list(other) for one, other in zip(truth, named, strict=True) if len(one)]
    spans = span_measures(truth, named) if scheme_of(known) else None
    return {
        "accuracy": right.total() / len(pairs),
        "macro_f1": sum(present) / len(present),
        "sequences": sum(whole) / len(whole),
        "span_f1": None if spans is None else spans["f1"],
        "labels": labels,
        "spans": spans,
    }


def _parse(label: str) -> tuple[str, str]:
    marked = _MARKED.fullmatch(label)
    if marked is None:
        return "O", ""
    return _AS_BIOES.get(marked[1], marked[1]), marked[2]


def _rates(right: int, actual: int, given: int) -> dict[str, Any]:
    precision = right / given if given else 0.0
    recall = right / actual if actual else 0.0
    total = precision + recall
    return {
        "precision": precision,
        "recall": recall,
        "f1": 2.0 * precision * recall / total if total else 0.0,
        "support": actual,
        "named": given,
        "right": right,
    }
