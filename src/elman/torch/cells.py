"""The cells of a single step: ``RNNCell``, ``LSTMCell``, ``GRUCell`` as those of ``torch.nn``."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NoReturn

import torch
from torch import Tensor, nn

from elman.torch.level import Call
from elman.torch.operator import level as run
from elman.torch.paths import refuse_input, refuse_reading, why_not, why_not_step
from elman.torch.settings import Level

__all__ = ["Cell", "GRUCell", "LSTMCell", "RNNCell"]

_WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class Cell:
    """What the three cells share; they are PyTorch's own modules but for the arithmetic."""

    _states = 1

    @property
    def path(self) -> str:
        """Which code runs, and why if it is not elman's."""
        weights = self._weights()
        reason = why_not(self, weights[0]) or why_not_step(*weights[:2])
        return "elman" if reason is None else f"torch ({reason})"

    def own_settings(self) -> list[str]:
        """The settings that ``torch.nn`` has not, and that are not the default: none of them."""
        return []

    def __prepare_scriptable__(self) -> NoReturn:
        refuse_reading("torch.jit.script")

    def extra_repr(self) -> str:
        """The arguments that are not the default, and the code that runs."""
        return f"{super().extra_repr()}, path={self.path}"  # type: ignore[misc]

    def forward(self, input: Tensor, hx: Any = None) -> Any:
        """The new state, from the input of one step and the state before it.

        Args:
            input: ``(B, D)``, or ``(D,)`` without a batch.
            hx: The state ``(B, H)`` or ``(H,)``, for an LSTM a pair; ``None`` for zeros.
        """
        if not isinstance(input, Tensor):
            refuse_input(input)
        weights = self._weights()
        if (
            why_not(self, input) is not None
            or why_not_step(weights[0], weights[1]) is not None
            or not self._fits(input, hx)
        ):
            return super().forward(input, hx)  # type: ignore[misc]
        parts = () if hx is None else hx if self._states == 2 else (hx,)
        single = input.dim() == 1
        if single:
            input, parts = input[None], [one[None] for one in parts]
        bias = weights[2] is not None
        call = _call_of(self._cell, self.input_size, self.hidden_size, bias)  # type: ignore[attr-defined]
        state = run(call, (input, *parts, *weights[: 4 if bias else 2]))
        if single:
            state = tuple([one[0] for one in state])
        return state if self._states == 2 else state[0]

    def _weights(self) -> list[Any]:
        """The weights; also those that something has put in the place of parameters."""
        own = self._parameters  # type: ignore[attr-defined]
        return [own[name] if name in own else getattr(self, name) for name in _WEIGHTS]

    def _fits(self, input: Tensor, hx: Any) -> bool:
        """Whether shapes are right; if not, PyTorch's own code says what is wrong."""
        parts = () if hx is None else hx if isinstance(hx, (tuple, list)) else (hx,)
        shape = (*input.shape[:-1], self.hidden_size)  # type: ignore[attr-defined]
        return (
            input.dim() in (1, 2)
            and input.shape[-1] == self.input_size  # type: ignore[attr-defined]
            and input.dtype == self.weight_ih.dtype  # type: ignore[attr-defined]
            and (hx is None or len(parts) == self._states)
            and all(tuple(one.shape) == shape and one.dtype == input.dtype for one in parts)
        )


def _make_call(cell: str, input_size: int, hidden_size: int, bias: bool) -> Call:
    return Call(Level(cell, input_size, hidden_size, bias))


_known_call = lru_cache(maxsize=1024)(_make_call)


def _call_of(cell: str, input_size: int, hidden_size: int, bias: bool) -> Call:
    """The walk of one step; a compiler traces what it meets, and warns of caches."""
    find = _make_call if torch.compiler.is_compiling() else _known_call
    return find(cell, input_size, hidden_size, bias)


class RNNCell(Cell, nn.RNNCell):
    """``torch.nn.RNNCell`` over elman's kernels; the arguments are those of PyTorch's."""

    @property
    def _cell(self) -> str:
        return f"rnn_{self.nonlinearity}"


class LSTMCell(Cell, nn.LSTMCell):
    """``torch.nn.LSTMCell`` over elman's kernels; the arguments are those of PyTorch's."""

    _cell = "lstm"
    _states = 2


class GRUCell(Cell, nn.GRUCell):
    """``torch.nn.GRUCell`` over elman's kernels; the arguments are those of PyTorch's."""

    _cell = "gru"
