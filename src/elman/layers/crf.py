"""A linear-chain conditional random field: whole sequences of labels, scored together.

    s(y | x) = start[y_1] + sum_t e_t[y_t] + sum_t transitions[y_t-1, y_t] + end[y_T]
    log p(y | x) = s(y | x) - log Z,    Z = sum over all y' of exp s(y' | x)

The emissions ``e`` are what the network below gives. ``Z`` and the marginals are exact, by the
forward-backward recursions in the logarithm (double precision, whatever the network's):

    alpha_t[j] = e_t[j] + log sum_i exp(alpha_t-1[i] + transitions[i, j])
    beta_t[i]  = log sum_j exp(transitions[i, j] + e_t+1[j] + beta_t+1[j])

Sources: J. Lafferty, A. McCallum and F. Pereira, "Conditional random fields", ICML 2001; L. R.
Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77 (1989), section III;
Z. Huang, W. Xu and K. Yu, "Bidirectional LSTM-CRF models for sequence tagging",
arXiv:1508.01991, section 2.5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from elman.backends import kernels
from elman.checks import whole
from elman.layers.base import Array, Context, Layer, Signal

__all__ = ["CRF", "Lattice", "Potentials", "reference_loss"]

_TINY = 1e-200
"""Below it a sum of exponentials may have lost terms to underflow, and is made anew."""
_HUGE = 600.0
"""Above it an exponential may overflow."""


@dataclass(frozen=True)
class Potentials:
    """What a chain of labels adds to the emissions, in float64.

    Attributes:
        transitions: ``(K, K)``: of a label (row) followed by another (column).
        start: ``(K,)``: of the first label.
        end: ``(K,)``: of the last.
    """

    transitions: Array
    start: Array
    end: Array

    def lattice(self, emissions: Array, live: Array | None) -> Lattice:
        """Forward and backward over a batch.

        Args:
            emissions: ``[T, B, K]``, rows longest first.
            live: ``None``, or int64 ``(T,)``: how many leading rows live at each step.
        """
        return Lattice(self, np.asarray(emissions, np.float64), live)

    def best(self, emissions: Array, live: Array | None) -> tuple[Array, Array]:
        """The most likely labels of each row (Viterbi), and their score ``s``.

        Args:
            emissions: ``[T, B, K]``, rows longest first.
            live: ``None``, or int64 ``(T,)``.

        Returns:
            int64 ``[T, B]``, 0 at dead positions, and ``(B,)``. Of several equally good ones, that
            of the lower numbers at the end.
        """
        emissions = np.asarray(emissions, np.float64)
        steps, rows, labels = emissions.shape
        counts = _counts(live, steps, rows)
        paths = np.zeros((steps, rows), np.int64)
        if not steps:
            return paths, np.zeros(rows)
        back = np.zeros((steps, rows, labels), np.int64)
        score = self.start + emissions[0]
        for t in range(1, steps):
            n = counts[t]
            through = score[:n, :, None] + self.transitions
            back[t, :n] = through.argmax(axis=1)
            score[:n] = (
                np.take_along_axis(through, back[t, :n, None], axis=1)[:, 0] + emissions[t, :n]
            )
        score += self.end
        last = score.argmax(axis=1)
        for t in range(steps - 1, -1, -1):
            n = counts[t]
            paths[t, :n] = last[:n]
            last[:n] = np.take_along_axis(back[t, :n], last[:n, None], axis=1)[:, 0]
            if t == 0:
                break
        total = np.where(np.arange(rows) < counts[0], score.max(axis=1), 0.0)
        return paths, total

    def score(self, emissions: Array, labels: Array, live: Array | None) -> Array:
        """``s`` of given labels, ``(B,)``; 0 for rows without a step.

        Args:
            emissions: ``[T, B, K]``, rows longest first.
            labels: int64 ``[T, B]``; anything at dead positions.
            live: ``None``, or int64 ``(T,)``.
        """
        steps, rows, _ = emissions.shape
        if not steps:
            return np.zeros(rows)
        alive = np.arange(rows) < _counts(live, steps, rows)[:, None]
        labels = np.where(alive, labels, 0)
        own = np.take_along_axis(emissions, labels[:, :, None], axis=2)[:, :, 0]
        total = np.where(alive, own, 0.0).sum(axis=0, dtype=np.float64)
        follows = self.transitions[labels[:-1], labels[1:]]
        total += np.where(alive[1:], follows, 0.0).sum(axis=0)
        last = labels[np.maximum(alive.sum(axis=0) - 1, 0), np.arange(rows)]
        return np.asarray(total + np.where(alive[0], self.start[labels[0]] + self.end[last], 0.0))


class Lattice:
    """The forward and backward numbers of a batch, and what follows from them.

    Args:
        potentials: Of the chain.
        emissions: float64 ``[T, B, K]``, rows longest first.
        live: ``None``, or int64 ``(T,)``.

    Attributes:
        alpha: ``[T, B, K]``; anything at dead positions.
        beta: The same.
        log_partition: ``log Z`` of each row, ``(B,)``; 0 for rows without a step.
    """

    def __init__(self, potentials: Potentials, emissions: Array, live: Array | None) -> None:
        self._potentials, self._emissions = potentials, emissions
        steps, rows, labels = emissions.shape
        self._counts = _counts(live, steps, rows)
        self._alive = np.arange(rows) < self._counts[:, None]
        self.alpha = np.zeros((steps, rows, labels))
        self.beta = np.zeros((steps, rows, labels))
        self.log_partition = np.zeros(rows)
        if steps:
            self._forward()
            self._backward()

    def _forward(self) -> None:
        alpha, emissions, follow = (
            self.alpha,
            self._emissions,
            _Product(self._potentials.transitions),
        )
        np.add(self._potentials.start, emissions[0], out=alpha[0])
        for t in range(1, len(alpha)):
            n = self._counts[t]
            np.add(follow(alpha[t - 1, :n]), emissions[t, :n], out=alpha[t, :n])
        lengths = self._alive.sum(axis=0)
        last = alpha[np.maximum(lengths - 1, 0), np.arange(len(lengths))] + self._potentials.end
        top = last.max(axis=1)
        total = top + np.log(np.exp(last - top[:, None]).sum(axis=1))
        self.log_partition = np.where(lengths > 0, total, 0.0)

    def _backward(self) -> None:
        beta, emissions = self.beta, self._emissions
        precede = _Product(self._potentials.transitions.T)
        beta[...] = self._potentials.end
        for t in range(len(beta) - 2, -1, -1):
            n = self._counts[t + 1]
            beta[t, :n] = precede(emissions[t + 1, :n] + beta[t + 1, :n])

    def marginals(self) -> Array:
        """The probability of each label at each step, ``[T, B, K]``; zero at dead positions."""
        log = self.alpha + self.beta
        log -= self.log_partition[:, None]
        log[~self._alive] = -np.inf
        return np.exp(log, out=log)

    def expected_transitions(self) -> Array:
        """How often each label (row) is expected before each (column), over all rows, ``(K, K)``.

        ``sum_t exp(alpha_t-1[i] + transitions[i, j] + e_t[j] + beta_t[j] - log Z)``, as a product
        of matrices: each factor is scaled by the largest of its row or column.
        """
        labels = self.alpha.shape[2]
        following = self._alive[1:]
        before = self.alpha[:-1][following]
        if not len(before):
            return np.zeros((labels, labels))
        after = (self._emissions + self.beta - self.log_partition[:, None])[1:][following]
        top = before.max(axis=1, keepdims=True)
        column = self._potentials.transitions.max(axis=0)
        before, after = before - top, after + top + column
        extreme = after.max(axis=1) > _HUGE
        factor = self._potentials.transitions - column
        expected: Array = np.exp(before[~extreme]).T @ np.exp(after[~extreme]) * np.exp(factor)
        for left, right in zip(before[extreme], after[extreme], strict=True):
            expected += np.exp(left[:, None] + right + factor)
        return expected


class _Product:
    """``log sum_i exp(a[i] + matrix[i, j])`` for rows ``a``: a matrix product in the logarithm.

    Largest elements are taken out of rows and columns before, so nothing overflows; where the sum
    of the rest comes near underflow, which takes differences of hundreds, it is made one by one.
    """

    def __init__(self, matrix: Array) -> None:
        self._matrix, self._top = matrix, matrix.max(axis=0)
        self._factor = np.exp(matrix - self._top)

    def __call__(self, a: Array) -> Array:
        top = a.max(axis=1, keepdims=True)
        sums = np.exp(a - top) @ self._factor
        faint = sums < _TINY
        if not faint.any():
            np.log(sums, out=sums)
            sums += top
            sums += self._top
            return np.asarray(sums)
        rows = faint.any(axis=1)
        result = np.log(np.maximum(sums, _TINY)) + top + self._top
        result[rows] = np.logaddexp.reduce(a[rows, :, None] + self._matrix, axis=1)
        return np.asarray(result)


class CRF(Layer):
    """The potentials of a linear chain over the emissions of the layers below.

    In a network it is the last layer and hands the emissions on as they are;
    :meth:`negative_log_likelihood` is the loss to train with, :meth:`potentials` what decodes.

    Args:
        labels: How many labels there are, ``K``.

    Raises:
        InputError: If that is below 1.
    """

    fields = ("labels",)

    def __init__(self, labels: int) -> None:
        self.labels = whole("CRF: labels", labels)
        self.input_size: int = self.labels

    @property
    def output_size(self) -> int:
        """As many as labels."""
        return self.labels

    def connect(self, incoming: Signal) -> Signal:
        """What came in: a sequence of ``labels`` channels."""
        if incoming.kind != "sequence":
            raise self._refuse(incoming, f"a sequence of {self.labels} channels")
        self._check_size(incoming)
        return incoming

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """``transitions`` (from, to), ``start`` and ``end``."""
        size = self.labels
        return {"transitions": (size, size), "start": (size,), "end": (size,)}

    def initialize(self, generator: np.random.Generator) -> dict[str, Array]:
        """U(-0.1, 0.1)."""
        return {
            name: generator.uniform(-0.1, 0.1, shape)
            for name, shape in self.parameter_shapes().items()
        }

    def bind(
        self,
        parameters: Mapping[str, Array],
        gradients: Mapping[str, Array],
        dtype: Any,
        backend: str = "auto",
    ) -> None:
        """Takes its place, see :class:`Layer`."""
        self._parameters, self._gradients = dict(parameters), dict(gradients)
        self._pending: dict[str, Array] = {}

    def forward(self, x: Array, context: Context) -> Array:
        """The emissions as they are."""
        return x

    def backward(self, d_y: Array, need_d_x: bool = True) -> Array | None:
        """Adds what the loss found for the potentials; the emissions' gradient goes on."""
        for name, value in self._pending.items():
            self._gradients[name] += value
        self._pending = {}
        return d_y

    def potentials(self) -> Potentials:
        """The potentials as they stand now."""
        values = {name: value.astype(np.float64) for name, value in self._parameters.items()}
        return Potentials(**values)

    def negative_log_likelihood(
        self, emissions: Array, labels: Array, live: Array | None, gradient: Array | None
    ) -> tuple[float, int]:
        """``-log p(labels | emissions)`` of all rows, as a mean over their steps.

        The core does it; :func:`reference_loss` is the same in NumPy.

        Args:
            emissions: ``[T, B, K]``, rows longest first.
            labels: int64 ``[T, B]``; anything at dead positions.
            live: ``None``, or int64 ``(T,)``: how many leading rows live at each step.
            gradient: ``None``, or shaped as the emissions: written, zero at dead positions; the
                gradient in the potentials is then added by the next :meth:`backward`.

        Returns:
            The mean and the number of live steps.
        """
        potentials = self.potentials()
        number = int(_counts(live, *emissions.shape[:2]).sum())
        share = 1.0 / max(number, 1)
        pending: dict[str, Array] = {}
        if gradient is not None:
            pending = {name: np.zeros(one.shape) for name, one in self._parameters.items()}
        total = kernels.crf_loss(
            emissions,
            labels,
            live,
            potentials.transitions,
            potentials.start,
            potentials.end,
            share,
            gradient,
            pending.get("transitions"),
            pending.get("start"),
            pending.get("end"),
        )
        self._pending = pending
        return float(total * share), number


def reference_loss(
    potentials: Potentials, emissions: Array, labels: Array, live: Array | None
) -> tuple[float, dict[str, Array]]:
    """``-log p(labels | emissions)``, summed over all rows, and its gradients, in NumPy.

    The excess of what is expected over what is the case: of labels at each step, of transitions.

    Args:
        potentials: Of the chain.
        emissions: ``[T, B, K]``, rows longest first.
        labels: int64 ``[T, B]``; anything at dead positions.
        live: ``None``, or int64 ``(T,)``.

    Returns:
        The sum, and gradients by name: ``emissions``, ``transitions``, ``start``, ``end``.
    """
    steps, rows, size = emissions.shape
    alive = np.arange(rows) < _counts(live, steps, rows)[:, None]
    lattice = potentials.lattice(emissions, live)
    loss = lattice.log_partition.sum() - potentials.score(emissions, labels, live).sum()
    excess = lattice.marginals()
    excess -= (labels[:, :, None] == np.arange(size)) & alive[:, :, None]
    follows = (labels[:-1] * size + labels[1:])[alive[1:]]
    seen = np.bincount(follows, minlength=size * size).reshape(size, size)
    lengths = alive.sum(axis=0)
    some = np.flatnonzero(lengths)
    return float(loss), {
        "emissions": excess,
        "transitions": lattice.expected_transitions() - seen,
        "start": excess[0].sum(axis=0) if steps else np.zeros(size),
        "end": excess[lengths[some] - 1, some].sum(axis=0),
    }


def _counts(live: Array | None, steps: int, rows: int) -> Array:
    return np.full(steps, rows, np.int64) if live is None else live
