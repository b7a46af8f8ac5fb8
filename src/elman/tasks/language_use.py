"""What a fitted language model does: it reads, says what it expects, and writes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.checks import real, whole
from elman.data.symbols import Writer
from elman.errors import InputError
from elman.tasks.estimator import SavedEstimator
from elman.tasks.language_model import Choice, Reading, SymbolModel

__all__ = ["FittedLanguage", "measures"]

Array: TypeAlias = NDArray[Any]


class FittedLanguage(SavedEstimator):
    """What :class:`elman.LanguageModel` can do once it is fitted."""

    model_: SymbolModel
    unit: str
    unseen: str
    seed: int

    # ------------------------------------------------------------------------- what it thinks

    def log_likelihood(self, text: str) -> Array:
        """The natural logarithm of the probability of each symbol of a text, ``(T,)``.

        Args:
            text: Read from its beginning, a symbol at a time. Where training met one text alone,
                the end of that is read before.

        Raises:
            InputError: If it is no text, or holds what training has not seen.
            NotFittedError: Before :meth:`fit`.
        """
        numbers = self._numbers(text)
        opening = self.model_.opening
        logs = self.model_.log_likelihood(np.concatenate([opening, numbers]))
        return logs[len(opening) - 1 :]

    def score(self, X: str, y: Any = None) -> float:
        """The mean of :meth:`log_likelihood`, in nats a symbol: the higher, the less surprised.

        Args:
            X: A text of at least one symbol.
            y: Ignored; there for scikit-learn.

        Raises:
            InputError: As :meth:`log_likelihood`, or if the text is empty.
        """
        return -self.evaluate(X)["nats"]

    def evaluate(self, text: str) -> dict[str, float]:
        """All measures on a text.

        Args:
            text: At least one symbol.

        Returns:
            ``"bits_per_character"``, ``"perplexity"`` (of a symbol) and ``"nats"`` (a symbol).

        Raises:
            InputError: As :meth:`log_likelihood`, or if the text is empty.
        """
        logs = self.log_likelihood(text)
        if not len(logs):
            raise InputError("text: expected at least one symbol, got none")
        return measures(logs, len(text))

    def symbols(self, text: str) -> list[str]:
        """The symbols of a text as a reader is shown them, one for each of its log likelihoods.

        Args:
            text: The text.

        Raises:
            InputError: As :meth:`log_likelihood`.
        """
        numbers = self._numbers(text)
        return [self.model_.symbols.shown(int(one)) for one in numbers]

    def next_symbols(
        self, prompt: str = "", k: int = 5, *, state: Reading | None = None
    ) -> list[tuple[str, float]]:
        """The ``k`` symbols most likely to be next, with their probabilities.

        Args:
            prompt: What was read before.
            k: How many.
            state: Where to read on from, see :meth:`read`.

        Raises:
            InputError: As :meth:`read`, or if ``k`` does not fit.
        """
        whole("k", k)
        reading = self.read(prompt, state)
        logits = self.model_.allowed(reading.logits)
        shares = Choice().probabilities(logits)[0]
        order = np.argsort(-shares, kind="stable")[:k]
        return [(self.model_.symbols.shown(int(one)), float(shares[one])) for one in order]

    def read(self, text: str, state: Reading | None = None) -> Reading:
        """The state after a text, from which :meth:`sample` or another :meth:`read` goes on.

        Args:
            text: What is read; may be empty.
            state: What an earlier call returned; ``None`` begins a text.

        Raises:
            InputError: If it is no text, or holds what training has not seen.
            NotFittedError: Before :meth:`fit`.
        """
        if state is not None and not isinstance(state, Reading):
            raise InputError(f"state: expected what read returned, got {type(state).__name__}")
        numbers = self._numbers(text)
        return self.model_.read(numbers, state)

    # ------------------------------------------------------------------------ what it writes

    def sample(
        self,
        prompt: str = "",
        length: int = 200,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        count: int | None = None,
        state: Reading | None = None,
    ) -> Any:
        """Text that goes on from the prompt, drawn symbol by symbol.

        Args:
            prompt: What was written before; it is not repeated in the answer. Empty: a text begins;
                where training met one text alone, it goes on from a line of that.
            length: Symbols to write; fewer if a text ends, where training met ends of texts.
            temperature: Below 1 likelier symbols are drawn even more often; 0 draws the likeliest.
            top_k: Only the ``k`` likeliest symbols are drawn.
            top_p: Only the fewest symbols that together are at least this likely.
            seed: Of the drawing; default: that of the model.
            count: How many to write side by side, each drawn by itself; ``None`` for one.
            state: Where to go on from, see :meth:`read`.

        Returns:
            A text; a list of ``count`` texts if that is given.

        Raises:
            InputError: If an argument does not fit.
            NotFittedError: Before :meth:`fit`.
        """
        rows = 1 if count is None else whole("count", count)
        choice, reading, spaced = self._prepare(prompt, length, temperature, top_k, top_p, state)
        generator = self._generator(seed)
        written = self.model_.write(reading.repeated(rows), choice, generator)
        drawn = np.empty((length, rows), np.int64)
        ended, edge = np.zeros(rows, bool), self.model_.symbols.edge
        for step in range(length):
            numbers, _ = next(written)
            ended |= numbers == edge
            drawn[step] = np.where(ended, edge, numbers)
            if ended.all():
                drawn[step:] = edge
                break
        texts = [self.model_.symbols.decode(column) for column in drawn.T]
        texts = [text.removeprefix(" ") for text in texts] if spaced else texts
        return texts[0] if count is None else texts

    def stream(
        self,
        prompt: str = "",
        length: int | None = None,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        state: Reading | None = None,
    ) -> Iterator[str]:
        """The same as :meth:`sample`, handed out symbol by symbol as it is written.

        Args:
            prompt: As in :meth:`sample`.
            length: Symbols to write; ``None``: until a text ends, or for ever.
            temperature: As in :meth:`sample`.
            top_k: As in :meth:`sample`.
            top_p: As in :meth:`sample`.
            seed: As in :meth:`sample`.
            state: As in :meth:`sample`.

        Returns:
            An iterator of pieces of text. Arguments are checked before it is returned.

        Raises:
            InputError: If an argument does not fit.
            NotFittedError: Before :meth:`fit`.
        """
        choice, reading, spaced = self._prepare(prompt, length, temperature, top_k, top_p, state)
        written = self.model_.write(reading, choice, self._generator(seed))
        return self._pieces(written, length, spaced)

    def _pieces(self, written: Iterator[Any], length: int | None, spaced: bool) -> Iterator[str]:
        symbols = self.model_.symbols
        writer = Writer(symbols)
        for numbers, _ in islice(written, length):
            if numbers[0] == symbols.edge:
                break
            text = writer.text(int(numbers[0]))
            text, spaced = text.removeprefix(" ") if spaced else text, False
            if text:
                yield text
        rest = writer.rest()
        if rest:
            yield rest

    def _prepare(
        self,
        prompt: str,
        length: int | None,
        temperature: float,
        top_k: int | None,
        top_p: float | None,
        state: Reading | None,
    ) -> tuple[Choice, Reading, bool]:
        """How symbols are drawn, where it goes on, and whether the prompt has a word's space."""
        choice = self.check_drawing(length, temperature, top_k, top_p)
        spaced = self.unit == "words" and str(prompt).endswith(" ")
        return choice, self.read(prompt[:-1] if spaced else prompt, state), spaced

    @staticmethod
    def check_drawing(
        length: int | None, temperature: float, top_k: int | None, top_p: float | None
    ) -> Choice:
        """How symbols are drawn; the arguments of :meth:`sample`, checked.

        Args:
            length: As there.
            temperature: As there.
            top_k: As there.
            top_p: As there.

        Raises:
            InputError: If one does not fit.
        """
        if length is not None:
            whole("length", length)
        if top_k is not None:
            whole("top_k", top_k)
        if top_p is not None:
            real("top_p", top_p, 0.0, 1.0, open_below=True)
        return Choice(real("temperature", temperature, 0.0), top_k, top_p)

    def _generator(self, seed: int | None) -> np.random.Generator:
        return np.random.default_rng(self.seed if seed is None else whole("seed", seed, 0))

    def checked(self, text: Any) -> str:
        """A text that the model can read.

        Args:
            text: What may be none.

        Raises:
            InputError: If it is no text, or holds what training has not seen.
            NotFittedError: Before :meth:`fit`.
        """
        self._require_fitted()
        if self.unseen == "error" or not isinstance(text, str):
            self.model_.symbols.check("text", text)
        return str(text)

    def _numbers(self, text: Any) -> Array:
        text = self.checked(text)
        return self.model_.symbols.encode(text)


def measures(logs: Array, characters: int) -> dict[str, float]:
    """What the log likelihoods of symbols, natural logarithms, come to.

    Args:
        logs: One for each symbol.
        characters: Of the text that they are symbols of.
    """
    nats = -float(logs.mean())
    return {
        "bits_per_character": -float(logs.sum()) / math.log(2.0) / max(characters, 1),
        "perplexity": math.exp(min(nats, 700.0)),
        "nats": nats,
    }
