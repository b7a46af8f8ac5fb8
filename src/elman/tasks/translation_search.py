"""From logits to sequences: greedy and beam search, many sources at a time.

A hypothesis is a target so far, with the exact sum of the log probabilities of its tokens, that of
its end included; one that reaches the longest length allowed is ended there, at the price of that
end. Beam search keeps the ``beam`` likeliest unfinished hypotheses of each source; what ends is set
aside, and ranked by its log probability over ``((5 + length) / 6) ** length_penalty``. A source is
done once no unfinished hypothesis can still beat the worst of the ``beam`` best that ended.

Source: Y. Wu et al., "Google's neural machine translation system", arXiv:1609.08144, section 7,
equation 14, for the length penalty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.data.pairs import END, UNKNOWN, PairBatches, source_batches
from elman.tasks.translation_network import Encoded, EncoderDecoder

__all__ = ["Hypothesis", "attention_maps", "beam_search", "greedy_search", "log_probabilities"]

Array: TypeAlias = NDArray[Any]


@dataclass(order=True)
class Hypothesis:
    """A finished target.

    Attributes:
        score: Its log probability over the length penalty: what hypotheses are ranked by.
        log_probability: Natural logarithm of its probability, the end included.
        numbers: Of its tokens, without the end.
    """

    score: float
    log_probability: float
    numbers: tuple[int, ...] = field(compare=False)


def penalty(length: Any, power: float) -> Any:
    """What the log probability of so many tokens, the end included, is divided by."""
    return ((5.0 + length) / 6.0) ** power


def log_softmax(logits: Array) -> Array:
    """Over the last axis, in double precision."""
    exact = logits.astype(np.float64)
    exact -= exact.max(axis=-1, keepdims=True)
    return np.asarray(exact - np.log(np.exp(exact).sum(axis=-1, keepdims=True)))


def _answers(logits: Array, last: bool) -> Array:
    """Log probabilities of what may be answered: never the unknown token, at last only the end."""
    logs = log_softmax(logits)
    logs[..., UNKNOWN] = -np.inf
    if last:
        end = logs[..., END].copy()
        logs[...] = -np.inf
        logs[..., END] = end
    return logs


def greedy_search(
    model: EncoderDecoder, sources: Sequence[Array], max_length: int, batch_size: int = 256
) -> list[Hypothesis]:
    """The likeliest next token, again and again, for each source.

    Args:
        model: The network.
        sources: Numbers of the tokens of each source.
        max_length: Most tokens of a target, without the end.
        batch_size: Sources at a time: decides about memory, not about results.

    Returns:
        One hypothesis for each source.
    """
    found: list[Any] = [None] * len(sources)
    for batch in source_batches(sources, batch_size).epoch():
        encoded = model.encode(batch)
        rows, total = batch.rows, np.zeros(len(batch.rows))
        said: list[list[int]] = [[] for _ in range(len(rows))]
        place = np.arange(len(rows))
        tokens = np.full((1, len(rows)), model.shape.start, np.int64)
        for step in range(max_length + 1):
            logits, state = model.advance(tokens, encoded.state, encoded.memory, encoded.lengths)
            logs = _answers(logits[0], step == max_length)
            best = logs.argmax(axis=1)
            total[place] += logs[np.arange(len(best)), best]
            for row, number in zip(place, best.tolist(), strict=True):
                if number != END:
                    said[row].append(number)
            going = np.flatnonzero(best != END)
            encoded = Encoded(encoded.memory, encoded.lengths, state)
            if not len(going):
                break
            if len(going) < len(place):
                place, best, encoded = place[going], best[going], encoded.select(going)
            tokens = best[None]
        for source, logarithm, numbers in zip(rows.tolist(), total.tolist(), said, strict=True):
            found[source] = Hypothesis(logarithm, logarithm, tuple(numbers))
    return found


def beam_search(
    model: EncoderDecoder,
    sources: Sequence[Array],
    beam: int,
    max_length: int,
    length_penalty: float,
    batch_size: int = 128,
) -> list[list[Hypothesis]]:
    """The best ``beam`` hypotheses of each source, best first.

    Args:
        model: The network.
        sources: Numbers of the tokens of each source.
        beam: Hypotheses kept.
        max_length: Most tokens of a target, without the end.
        length_penalty: Exponent of the penalty, at least 0: the greater, the longer the targets.
        batch_size: Sources at a time: decides about memory, not about results.

    Returns:
        At least one and at most ``beam`` hypotheses for each source.
    """
    found: list[Any] = [None] * len(sources)
    for batch in source_batches(sources, batch_size).epoch():
        search = _Beams(model, model.encode(batch), beam, max_length, length_penalty)
        for row, hypotheses in zip(batch.rows.tolist(), search.run(), strict=True):
            found[row] = hypotheses
    return found


class _Beams:
    """The beams of a batch of sources."""

    def __init__(
        self,
        model: EncoderDecoder,
        encoded: Encoded,
        beam: int,
        max_length: int,
        length_penalty: float,
    ) -> None:
        self.model, self.beam = model, beam
        self.max_length, self.length_penalty = max_length, length_penalty
        rows = encoded.memory.shape[1]
        self.memory, self.lengths = encoded.memory, encoded.lengths
        # [1, B] hypotheses at first: the start; [beam, B] from the first step on
        self.state = encoded.state
        self.tokens = np.full((1, rows), model.shape.start, np.int64)
        self.total = np.zeros((1, rows))
        self.said = np.zeros((1, rows, 0), np.int64)
        self.rows = np.arange(rows)  # which source each column is
        self.done: list[list[Hypothesis]] = [[] for _ in range(rows)]

    def run(self) -> list[list[Hypothesis]]:
        """Searches to the end; the hypotheses of each source, best first."""
        for step in range(self.max_length + 1):
            logits, state = self.model.advance(self.tokens, self.state, self.memory, self.lengths)
            logs = self.total[:, :, None] + _answers(logits, step == self.max_length)
            self._choose(logs, state, step)
            if not len(self.rows):
                break
        return self.done

    def _choose(self, logs: Array, state: tuple[Array, ...], step: int) -> None:
        """Sets aside what ends; keeps the likeliest of what goes on."""
        self._end(logs[:, :, END], step)
        logs[:, :, END] = -np.inf
        hypotheses, rows, tokens = logs.shape
        flat = logs.transpose(1, 0, 2).reshape(rows, hypotheses * tokens)
        best = _greatest(flat, min(self.beam, flat.shape[1])).T
        before, token = np.divmod(best, tokens)
        column = np.arange(rows)
        self.total = flat[column, best]
        self.said = np.concatenate([self.said[before, column], token[:, :, None]], axis=2)
        self.tokens = token
        self.state = tuple(part.reshape(hypotheses, rows, -1)[before, column] for part in state)
        going = np.flatnonzero([self._may_improve(one, step) for one in range(rows)])
        self._keep(going)

    def _end(self, logs: Array, step: int) -> None:
        """Every hypothesis that could end here, among the best that have: ``logs`` ``[K, B]``."""
        scores = logs / penalty(step + 1, self.length_penalty)
        for column, row in enumerate(self.rows.tolist()):
            done = self.done[row]
            worst = done[-1].score if len(done) == self.beam else -np.inf
            for one in np.flatnonzero(scores[:, column] > worst).tolist():
                numbers = tuple(self.said[one, column].tolist())
                done.append(
                    Hypothesis(float(scores[one, column]), float(logs[one, column]), numbers)
                )
            done.sort(reverse=True)
            del done[self.beam :]

    def _may_improve(self, column: int, step: int) -> bool:
        """Whether an unfinished hypothesis can still come among the best of its source."""
        best = float(self.total[:, column].max())
        if best == -np.inf:
            return False
        done = self.done[self.rows[column]]
        if len(done) < self.beam:
            return True
        # more tokens only lower the log probability; the penalty is greatest at the greatest length
        longest = float(penalty(self.max_length + 1, self.length_penalty))
        return bool(best / longest > done[-1].score)

    def _keep(self, going: Array) -> None:
        """Goes on with some of the columns alone."""
        if len(going) < len(self.rows):
            self.rows = self.rows[going]
            self.total, self.tokens = self.total[:, going], self.tokens[:, going]
            self.said = self.said[:, going]
            self.state = tuple(part[:, going] for part in self.state)
            self.memory = np.ascontiguousarray(self.memory[:, going])
            self.lengths = None if self.lengths is None else self.lengths[going]
        self.state = tuple(
            np.ascontiguousarray(part).reshape(-1, part.shape[-1]) for part in self.state
        )


def _greatest(values: Array, number: int) -> Array:
    """Where the greatest values of each row stand, in order, the first of equals first."""
    chosen = np.argpartition(-values, number - 1, axis=1)[:, :number]
    chosen.sort(axis=1)
    order = np.argsort(-np.take_along_axis(values, chosen, axis=1), axis=1, kind="stable")
    return np.take_along_axis(chosen, order, axis=1)


def log_probabilities(
    model: EncoderDecoder,
    sources: Sequence[Array],
    targets: Sequence[Array],
    batch_size: int = 256,
) -> Array:
    """The log probability of each target, its end included, given its source: ``(N,)``."""
    found = np.zeros(len(sources))
    for batch in PairBatches(sources, targets, model.shape.start, batch_size).epoch():
        logs = log_softmax(model.forward_batch(batch))
        assert batch.target is not None
        own = np.take_along_axis(logs, batch.target, axis=2)[:, :, 0]
        if batch.live is not None:
            own = np.where(np.arange(own.shape[1]) < batch.live[:, None], own, 0.0)
        for step in own:  # in order: the sum is the same in any batch
            found[batch.rows] += step
    return found


def attention_maps(
    model: EncoderDecoder, sources: Sequence[Array], targets: Sequence[Array]
) -> list[Array]:
    """How much each token of a target, and its end, read each token of its source.

    Returns:
        For each pair ``(T_i + 1, S_i)``; each row sums to 1.
    """
    assert model.attention is not None
    found: list[Any] = [None] * len(sources)
    for batch in PairBatches(sources, targets, model.shape.start, 256).epoch():
        model.forward_batch(batch)
        for place, row in enumerate(batch.rows.tolist()):
            own = model.attention.weights[: len(targets[row]) + 1, place, : len(sources[row])]
            found[row] = own.copy()
    return found
