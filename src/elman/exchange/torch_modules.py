"""PyTorch modules that compute what elman's layers compute, under the same parameter names.

All are batch first and take ``lengths`` beside the values; rows are zero past their length.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

__all__ = [
    "ACTIVATIONS",
    "GRU",
    "LSTM",
    "RNN",
    "AttentionPool",
    "Dense",
    "Ends",
    "First",
    "Last",
    "MarkMissing",
    "MaxPool",
    "MeanPool",
    "Noise",
    "OneHot",
    "Repeat",
    "ResetBeforeGRU",
    "Stack",
    "TiedDense",
]

ACTIVATIONS: dict[str, nn.Module] = {
    "tanh": nn.Tanh(),
    "relu": nn.ReLU(),
    "sigmoid": nn.Sigmoid(),
    "softmax": nn.Softmax(-1),
}


def live_steps(x: Tensor, lengths: Tensor | None) -> Tensor | None:
    """Whether each step lives, ``(N, T, 1)``; ``None`` if all do."""
    if lengths is None:
        return None
    steps = torch.arange(x.shape[1], device=x.device)
    return (steps < lengths.to(x.device)[:, None])[:, :, None]


class SequenceModule(nn.Module):
    """A module that is told the lengths of the rows."""


class Stack(nn.Sequential):
    """Modules in a row, as :class:`elman.Network` runs its layers."""

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """The outputs.

        Args:
            x: ``(N, T, C)``, or whole numbers ``(N, T)`` for an embedding.
            lengths: How many steps of each row are live, a tensor or a list ``(N,)``; ``None``
                for all.

        Returns:
            ``(N, T, K)``, zero past a row's length, or ``(N, K)``.
        """
        if lengths is not None and not isinstance(lengths, Tensor):
            lengths = torch.as_tensor(lengths)
        live, steps = live_steps(x, lengths), x.shape[1]
        for module in self:
            if isinstance(module, Repeat):
                x = module(x, steps, lengths)
            else:
                x = module(x, lengths) if isinstance(module, SequenceModule) else module(x)
            if live is not None and x.ndim == 3:
                x = x * live
        return x


class _Recurrent(SequenceModule):
    """What the recurrent modules share; beside it stands torch's own."""

    def learn_state(self, names: Sequence[str], suffixes: Sequence[str], size: int) -> None:
        """Adds ``initial_h_l0`` ...: the state that every row begins in."""
        self.learned_state = True
        self.state_names = tuple(names)
        self.state_suffixes = tuple(suffixes)
        for suffix in suffixes:
            for name in names:
                vector = nn.Parameter(torch.zeros(size))
                self.register_parameter(f"initial_{name}_{suffix}", vector)

    def initial(self, rows: int) -> Any:
        """The state to begin in, as torch takes it; ``None`` for zeros."""
        names = getattr(self, "state_names", ())
        parts = []
        for name in names:
            vectors = [getattr(self, f"initial_{name}_{one}") for one in self.state_suffixes]
            parts.append(torch.stack(vectors)[:, None].repeat(1, rows, 1))
        return None if not parts else parts[0] if len(parts) == 1 else tuple(parts)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """``(N, T, input_size)`` to ``(N, T, output_size)``."""
        walk: Any = super().forward  # torch's, by the order of the bases
        state = self.initial(x.shape[0])
        if lengths is None:
            output: Tensor = walk(x, state)[0]
            return output
        # a packed row has at least one step; the stack sets that of an empty one to zero
        packed = pack_padded_sequence(
            x, lengths.cpu().clamp(min=1), batch_first=True, enforce_sorted=False
        )
        padded, _ = pad_packed_sequence(
            walk(packed, state)[0], batch_first=True, total_length=x.shape[1]
        )
        return padded


class RNN(_Recurrent, nn.RNN):  # type: ignore[misc]  # its outputs alone come out
    """``torch.nn.RNN``, its outputs alone."""


class LSTM(_Recurrent, nn.LSTM):  # type: ignore[misc]
    """``torch.nn.LSTM``, its outputs alone."""


class GRU(_Recurrent, nn.GRU):  # type: ignore[misc]
    """``torch.nn.GRU``, its outputs alone."""


class ResetBeforeGRU(_Recurrent):
    """The GRU that resets before the recurrent product, which torch has not: a loop over time.

    Parameters are named and stacked as in ``torch.nn.GRU``; the equations stand in
    :mod:`elman.cells.gru`.
    """

    _cell = "gru_reset_before"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        dropout: float = 0.0,
        bidirectional: bool = False,
    ) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.dropout, self.bidirectional = bias, dropout, bidirectional
        bound = 1.0 / math.sqrt(hidden_size)
        for level in range(num_layers):
            size = input_size if not level else hidden_size * (2 if bidirectional else 1)
            for suffix in self._suffixes(level):
                shapes: dict[str, tuple[int, ...]] = {"weight_ih": (size,)}
                shapes["weight_hh"] = (hidden_size,)
                if bias:
                    shapes |= {"bias_ih": (), "bias_hh": ()}
                for name, rest in shapes.items():
                    value = nn.Parameter(torch.empty(3 * hidden_size, *rest))
                    nn.init.uniform_(value, -bound, bound)
                    self.register_parameter(f"{name}_{suffix}", value)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """``(N, T, input_size)`` to ``(N, T, output_size)``."""
        state = self.initial(x.shape[0])
        if state is None:
            ways = self.num_layers * (2 if self.bidirectional else 1)
            state = x.new_zeros(ways, x.shape[0], self.hidden_size)
        live = live_steps(x, lengths)
        walk = 0
        for level in range(self.num_layers):
            if level and self.dropout:
                x = nn.functional.dropout(x, self.dropout, self.training)
            outputs = []
            for suffix in self._suffixes(level):
                outputs.append(self._walk(x, state[walk], suffix, live))
                walk += 1
            x = torch.cat(outputs, -1)
        return x

    def _suffixes(self, level: int) -> list[str]:
        return [f"l{level}", f"l{level}_reverse"][: 2 if self.bidirectional else 1]

    def _walk(self, x: Tensor, h: Tensor, suffix: str, live: Tensor | None) -> Tensor:
        linear, split = nn.functional.linear, 2 * self.hidden_size
        weight = getattr(self, f"weight_hh_{suffix}")
        bias = getattr(self, f"bias_hh_{suffix}", None)
        own = getattr(self, f"bias_ih_{suffix}", None)
        read = linear(x, getattr(self, f"weight_ih_{suffix}"), own)
        steps = range(x.shape[1])
        outputs = [h] * len(steps)
        for t in reversed(steps) if suffix.endswith("reverse") else steps:
            gates = linear(h, weight[:split], None if bias is None else bias[:split])
            r, z = torch.sigmoid(read[:, t, :split] + gates).chunk(2, -1)
            recurrent = linear(r * h, weight[split:], None if bias is None else bias[split:])
            n = torch.tanh(read[:, t, split:] + recurrent)
            new = (1.0 - z) * n + z * h
            h = new if live is None else torch.where(live[:, t], new, h)
            outputs[t] = h
        return torch.stack(outputs, 1)


class Dense(nn.Linear):
    """``torch.nn.Linear`` with the activation that follows it."""

    def __init__(
        self, input_size: int, output_size: int, activation: str | None, bias: bool
    ) -> None:
        super().__init__(input_size, output_size, bias)
        self.activation = activation

    def forward(self, input: Tensor) -> Tensor:
        """``phi(x W^T + b)``."""
        y = super().forward(input)
        return y if self.activation is None else ACTIVATIONS[self.activation](y)

    def extra_repr(self) -> str:
        """Sizes and activation."""
        return f"{super().extra_repr()}, activation={self.activation}"


class TiedDense(nn.Module):
    """A linear map whose weight is that of an embedding, see :class:`elman.TiedDense`."""

    def __init__(self, embedding: nn.Embedding, bias: bool) -> None:
        super().__init__()
        self._shared = (embedding,)  # its owner is the stack
        self.bias = nn.Parameter(torch.zeros(embedding.num_embeddings)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """``x E^T + b``."""
        return nn.functional.linear(x, self._shared[0].weight, self.bias)


class OneHot(nn.Module):
    """A channel for each token, see :class:`elman.OneHot`."""

    def __init__(self, number: int, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.register_buffer("rows", torch.eye(number, dtype=dtype), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Whole numbers ``(N, T)`` to ``(N, T, number)``."""
        rows: Tensor = self.get_buffer("rows")
        return rows[x]


class Noise(nn.Module):
    """Disturbs values in training, see :class:`elman.layers.noise.Noise`."""

    def __init__(self, level: float, kind: str) -> None:
        super().__init__()
        self.level, self.kind = level, kind

    def forward(self, x: Tensor) -> Tensor:
        """``x`` itself outside training."""
        if not self.training or not self.level:
            return x
        if self.kind == "gaussian":
            return x + self.level * torch.randn_like(x)
        return x * (torch.rand_like(x[..., :1]) >= self.level)


class Last(SequenceModule):
    """The value at the last live step of each row, ``(N, T, C)`` to ``(N, C)``."""

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Zeros for a row without a step."""
        if lengths is None:
            return x[:, -1]
        own = lengths.to(x.device)
        rows = torch.arange(x.shape[0], device=x.device)
        return x[rows, (own - 1).clamp(min=0)] * (own > 0)[:, None]


class Ends(SequenceModule):
    """Where both walks of a bidirectional module end, ``(N, T, 2 H)`` to ``(N, 2 H)``."""

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """The forward half of the last live step, the reverse half of the first."""
        half = x.shape[2] // 2
        return torch.cat([Last()(x[..., :half], lengths), First()(x[..., half:], lengths)], -1)


class First(SequenceModule):
    """The value at the first step of each row, ``(N, T, C)`` to ``(N, C)``."""

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Zeros for a row without a step."""
        first = x[:, 0]
        return first if lengths is None else first * (lengths.to(x.device) > 0)[:, None]


class MeanPool(SequenceModule):
    """The mean over the live steps."""

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """``(N, T, C)`` to ``(N, C)``."""
        live = live_steps(x, lengths)
        if lengths is None or live is None:
            return x.mean(1)
        return (x * live).sum(1) / lengths.to(x).clamp(min=1)[:, None]


class MaxPool(SequenceModule):
    """The greatest value of each channel over the live steps."""

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """``(N, T, C)`` to ``(N, C)``."""
        live = live_steps(x, lengths)
        if live is None:
            return x.amax(1)
        top = x.masked_fill(~live, -math.inf).amax(1)
        return top.masked_fill(~live.any(1), 0.0)


class AttentionPool(SequenceModule):
    """A learned weighted mean over the live steps, see :class:`elman.AttentionPool`."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(hidden_size, input_size))
        self.bias = nn.Parameter(torch.zeros(hidden_size))
        self.score = nn.Parameter(torch.empty(1, hidden_size))
        for value in (self.weight, self.score):
            nn.init.uniform_(value, -1 / math.sqrt(value.shape[1]), 1 / math.sqrt(value.shape[1]))

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """``(N, T, C)`` to ``(N, C)``."""
        hidden = torch.tanh(nn.functional.linear(x, self.weight, self.bias))
        scores = nn.functional.linear(hidden, self.score)
        live = live_steps(x, lengths)
        if live is None:
            return (torch.softmax(scores, 1) * x).sum(1)
        scores = scores.masked_fill(~live, -math.inf)
        weights = torch.nan_to_num(torch.softmax(scores, 1))  # rows without a step
        return (weights * x).sum(1)


class MarkMissing(nn.Module):
    """NaN becomes zero, and a channel beside says where that was."""

    def __init__(self, input_size: int) -> None:
        super().__init__()
        self.input_size = input_size

    def forward(self, x: Tensor) -> Tensor:
        """``(N, T, C)`` to ``(N, T, 2 C)``."""
        missing = torch.isnan(x)
        return torch.cat([x.masked_fill(missing, 0.0), missing.to(x.dtype)], -1)


class Repeat(nn.Module):
    """A row's vector again at each of its steps, see :class:`elman.Repeat`."""

    def __init__(self, positions: int) -> None:
        super().__init__()
        self.positions = positions

    def forward(self, x: Tensor, steps: int, lengths: Tensor | None = None) -> Tensor:
        """``(N, C)`` to ``(N, steps, C + positions)``."""
        said = x[:, None].expand(-1, steps, -1)
        own = torch.full((x.shape[0],), steps) if lengths is None else lengths
        own = own.to(x.device).clamp(min=1)
        places = torch.arange(steps, device=x.device, dtype=torch.float64) + 0.5
        share = places / own[:, None]
        order = torch.arange(1, self.positions + 1, device=x.device)
        cosines = torch.cos(math.pi * share[:, :, None] * order).to(x.dtype)
        return torch.cat([said, cosines], -1)
