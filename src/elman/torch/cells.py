"""The cells of a single step: ``RNNCell``, ``LSTMCell``, ``GRUCell`` as those of ``torch.nn``."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from elman.levels import Level
from elman.torch.level import Call
from elman.torch.operator import level as run
from elman.torch.paths import path_of, why_not

__all__ = ["GRUCell", "LSTMCell", "RNNCell"]


class _OneStep:
    """What the three cells share; they are PyTorch's own modules but for the arithmetic."""

    _states = 1

    @property
    def path(self) -> str:
        """Which code runs, and why if it is not elman's."""
        return path_of(self, self.weight_ih, True)  # type: ignore[attr-defined]

    def extra_repr(self) -> str:
        """The arguments that are not the default, and the code that runs."""
        return f"{super().extra_repr()}, path={self.path}"  # type: ignore[misc]

    def forward(self, input: Tensor, hx: Any = None) -> Any:
        """The new state, from the input of one step and the state before it.

        Args:
            input: ``(B, D)``, or ``(D,)`` without a batch.
            hx: The state ``(B, H)`` or ``(H,)``, for an LSTM a pair; ``None`` for zeros.
        """
        if why_not(self, input) is not None or not self._fits(input, hx):
            return super().forward(input, hx)  # type: ignore[misc]
        parts = () if hx is None else tuple(hx) if self._states == 2 else (hx,)
        single = input.dim() == 1
        if single:
            input, parts = input[None], tuple(one[None] for one in parts)
        own = (self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)  # type: ignore[attr-defined]
        weights = tuple([one for one in own if one is not None])
        described = Level(
            self._cell,  # type: ignore[attr-defined]
            self.input_size,  # type: ignore[attr-defined]
            self.hidden_size,  # type: ignore[attr-defined]
            len(weights) == 4,
        )
        before = tuple([one[None] for one in parts])
        _, *final = run(Call(described), (input[None], *before, *weights))
        state = tuple(one[0, 0] if single else one[0] for one in final)
        return state if self._states == 2 else state[0]

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


class RNNCell(_OneStep, nn.RNNCell):
    """``torch.nn.RNNCell`` over elman's kernels; the arguments are those of PyTorch's."""

    @property
    def _cell(self) -> str:
        return f"rnn_{self.nonlinearity}"


class LSTMCell(_OneStep, nn.LSTMCell):
    """``torch.nn.LSTMCell`` over elman's kernels; the arguments are those of PyTorch's."""

    _cell = "lstm"
    _states = 2


class GRUCell(_OneStep, nn.GRUCell):
    """``torch.nn.GRUCell`` over elman's kernels; the arguments are those of PyTorch's."""

    _cell = "gru"
