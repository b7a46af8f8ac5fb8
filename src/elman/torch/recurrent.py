"""What the recurrent layers share: forms of the input, states, and the walk through the levels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn

import torch
from torch import Tensor, nn
from torch._compile import _disable_dynamo
from torch.nn.functional import dropout
from torch.nn.utils.rnn import PackedSequence

from elman.backends.regularization import PLAIN, Regularization
from elman.cells import CELLS
from elman.checks import real
from elman.errors import InputError
from elman.layers.recurrent_layer import zoneout_rates
from elman.torch.level import run_level
from elman.torch.operator import level as run
from elman.torch.operator import modes
from elman.torch.paths import VMAP, path_of, refuse_input, refuse_reading, why_not, why_not_now
from elman.torch.reference import reference_level, trace_level
from elman.torch.stack import Stack, make_stack, regularization_of, stack_of

__all__ = ["Recurrent"]


class Recurrent(nn.RNNBase):
    """What the three layers share: everything but the cell.

    They are PyTorch's own modules but for the walk over time: constructors, parameters, the names
    in ``state_dict``, initial values, shapes and errors are those of ``torch.nn``.
    """

    _cell: str
    _theirs: Any
    OWN = ("learned_state", "recurrent_dropout", "zoneout", "layer_norm", "reset_after")
    """The settings that ``torch.nn`` has not."""

    # a module that once was torch.nn's has these and none of its own
    learned_state: bool = False
    recurrent_dropout: float = 0.0
    zoneout: float | tuple[float, float] = 0.0
    layer_norm: bool = False
    reset_after: bool = True

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
        *,
        learned_state: bool = False,
        recurrent_dropout: float = 0.0,
        zoneout: float | tuple[float, float] = 0.0,
        layer_norm: bool = False,
    ) -> None:
        states = len(CELLS[self._cell].states)
        if proj_size and states == 1:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        super().__init__(
            self._cell.removesuffix("_reset_before").upper(),
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            proj_size,
            device,
            dtype,
        )
        self.learned_state, self.layer_norm = bool(learned_state), bool(layer_norm)
        self.recurrent_dropout = real(
            "recurrent_dropout", recurrent_dropout, 0.0, 1.0, open_above=True
        )
        self.zoneout = zoneout_rates("zoneout", zoneout, states > 1)
        if proj_size and self._inner(self.recurrent_dropout) != PLAIN:
            raise ValueError(
                "proj_size: a projection goes neither with recurrent_dropout nor with zoneout nor "
                "with layer_norm"
            )
        for name, shape in self._own_shapes().items():
            empty = torch.empty(shape, device=device, dtype=dtype)
            self.register_parameter(name, nn.Parameter(empty))
        self.reset_norms()

    def _inner(self, recurrent_dropout: float) -> Regularization:
        return regularization_of(self._cell, recurrent_dropout, self.zoneout, self.layer_norm)

    def _own_shapes(self) -> dict[str, tuple[int, ...]]:
        """The parameters that ``torch.nn`` has not, by name."""
        sizes: dict[str, tuple[int, ...]] = {}
        if self.learned_state:
            for name in self._initial_names():
                projected = self.proj_size and name.startswith("initial_h")
                sizes[name] = (self.proj_size if projected else self.hidden_size,)
        shapes = CELLS[self._cell].parameter_shapes(1, self.hidden_size, layer_norm=self.layer_norm)
        for names in self._all_weights:
            end = names[0].removeprefix("weight_ih")
            sizes |= {f"{name}{end}": one for name, one in shapes.items() if "_ln_" in name}
        return sizes

    def reset_norms(self) -> None:
        """Gains of layer normalisation to ones, shifts and learned initial states to zeros."""
        for name, parameter in self.named_parameters():
            if "_ln_" in name or name.startswith("initial_"):
                nn.init.constant_(parameter, float(name.startswith("weight")))

    def _initial_names(self) -> list[str]:
        """Names as elman's own layers have them: ``initial_h_l0``, ``initial_h_l0_reverse``."""
        ends = [one[0].removeprefix("weight_ih") for one in self._all_weights]
        return [f"initial_{state}{end}" for state in CELLS[self._cell].states for end in ends]

    def reset_parameters(self) -> None:
        """Fresh weights as ``torch.nn`` draws them; see :meth:`reset_norms` for the others."""
        super().reset_parameters()
        self.reset_norms()

    @property
    def path(self) -> str:
        """Which code runs as things stand, and why if it is not elman's kernels.

        ``"elman"``; ``"torch (on cuda)"`` if ``torch.nn``'s own, over the same parameters;
        ``"reference (bfloat16)"`` if the layer has what ``torch.nn`` lacks, and so goes a step at
        a time in PyTorch's own operations: the same mathematics, and slow. A call with
        ``lengths=`` goes that way, too, wherever this is not ``"elman"``.
        """
        (weight,) = self._weights(["weight_ih_l0"])
        return path_of(why_not(self, weight), self._is_theirs)

    @property
    def _is_theirs(self) -> bool:
        """Whether ``torch.nn`` computes the same as this layer does in its present mode."""
        rate = self.recurrent_dropout if self.training else 0.0
        return self.reset_after and self._inner(rate) == PLAIN

    def extra_repr(self) -> str:
        """The arguments that are not the default, and the code that runs."""
        return ", ".join([super().extra_repr(), *self.own_settings(), f"path={self.path}"])

    def own_settings(self) -> list[str]:
        """The settings that ``torch.nn`` has not, where not the default: ``"zoneout=0.1"``."""
        return [
            f"{name}={getattr(self, name)}"
            for name in self.OWN
            if getattr(self, name) != getattr(Recurrent, name)
        ]

    def __prepare_scriptable__(self) -> NoReturn:
        refuse_reading("torch.jit.script")

    def forward(self, input: Any, hx: Any = None, lengths: Any = None) -> Any:
        """The outputs, and the states after the last step.

        Args:
            input: ``(T, B, D)``; ``(B, T, D)`` with ``batch_first``; ``(T, D)`` without a batch;
                or a ``PackedSequence``.
            hx: The initial state ``(num_layers * directions, B, H)``, for an LSTM a pair of them;
                ``None`` for zeros.
            lengths: How many steps of each row are live, ``(B,)`` in any order: no need to sort
                or to pack. Outputs past them are zero.

        Returns:
            ``output, h_n``, for an LSTM ``output, (h_n, c_n)``, as ``torch.nn`` has them.
        """
        if hx is None and lengths is None and not torch.compiler.is_compiling():
            results = self._shortly(input)
            if results is not None:
                return results
        packed = isinstance(input, PackedSequence)
        if packed and lengths is not None:
            raise RuntimeError("lengths: a PackedSequence has its own, expected None beside it")
        hx = self._fitting(input, hx)
        reason = why_not(self, input.data if packed else input)
        if reason not in (None, VMAP) and lengths is None and self._is_theirs:
            return self._by_torch(input, hx)
        if packed:
            return self._packed(input, hx)
        single = input.dim() == 2
        if single:
            input, hx = self._with_batch(input, hx)
        state = self._checked(input, hx, None)
        if lengths is None:
            output, final = self._walk(input, state, None)
        else:
            output, final = self._with_lengths(input, state, lengths)
        if single:
            output = output.squeeze(0 if self.batch_first else 1)
            final = tuple([one.squeeze(1) for one in final])
        return output, self._as_hidden(final)

    def _shortly(self, input: Any) -> Any:
        """The short way of most calls: a batch of whole rows through one level, from zeros.

        ``None`` if this is none, or if anything is left to be checked.
        """
        call, weights_of, takes = self.__dict__.get("_short") or self._find_short()
        if call is None:
            return None
        try:
            inputs = (input, *weights_of(self._parameters))
        except KeyError:  # something has been put in the place of parameters
            return None
        if not takes(inputs) or why_not_now() is not None or modes():
            return None
        results = run_level(call, inputs)
        return results[0], self._as_hidden(results[1:])

    def _find_short(self) -> _Short:
        stack = self._stack()
        call = stack.calls[0]
        ordinary = (
            self.num_layers == 1
            and not self.learned_state
            and not self.proj_size
            and not (stack.random and self.training)
        )
        short = _Short(call, stack.first, call.core.takes) if ordinary else _Short(None, None, None)
        self.__dict__["_short"] = short
        return short

    def __setattr__(self, name: str, value: Any) -> None:
        self.__dict__.pop("_short", None)  # which follows from the settings
        super().__setattr__(name, value)

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()  # type: ignore[no-untyped-call]
        return {name: value for name, value in state.items() if name != "_short"}

    # ------------------------------------------------------------------------ forms of the input

    def _fitting(self, input: Any, hx: Any) -> Any:
        """The state, if it has as many parts and axes as goes with the input."""
        if isinstance(input, PackedSequence):
            return hx
        if not isinstance(input, Tensor):
            refuse_input(input)
        states = len(CELLS[self._cell].states)
        if states > 1 and isinstance(hx, list):
            hx = tuple(hx)
        parts = () if hx is None else hx if states > 1 else (hx,)
        if (
            input.dim() not in (2, 3)
            or (hx is not None and len(parts) != states)
            or any(not isinstance(one, Tensor) or one.dim() != input.dim() for one in parts)
        ):
            self._theirs.forward(self, input, hx)  # says what is wrong in PyTorch's words
            raise InputError(
                f"hx: expected {states} tensors, {input.dim()} axes each, got {len(parts)}"
            )
        return hx

    def _with_batch(self, input: Tensor, hx: Any) -> tuple[Tensor, Any]:
        """A single sequence as a batch of one."""
        input = input.unsqueeze(0 if self.batch_first else 1)
        if hx is None:
            return input, None
        if isinstance(hx, tuple):
            return input, tuple([one.unsqueeze(1) for one in hx])
        return input, hx.unsqueeze(1)

    def _packed(self, input: PackedSequence, hx: Any) -> Any:
        """A packed sequence: its rows are sorted already, and live as long as it says."""
        data, counts, order, back = input
        state = self._checked(data, hx, counts)
        state = tuple(_permuted(one, order) for one in state)
        rows = int(counts[0])
        alive = torch.arange(rows) < counts[:, None]
        padded = data.new_zeros((len(counts), rows, data.shape[1]))
        padded[alive] = data
        output, final = self._walk(padded, state, counts, batch_first=False, rows=order)
        final = tuple(_permuted(one, back) for one in final)
        return PackedSequence(output[alive], counts, order, back), self._as_hidden(final)

    def _with_lengths(
        self, input: Tensor, state: tuple[Tensor, ...], lengths: Any
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Rows of unequal lengths: sorted for the walk, and put back."""
        batch = 0 if self.batch_first else 1
        order, back, live = self._order(input, lengths)
        output, final = self._walk(
            input.index_select(batch, order),
            tuple(one.index_select(1, order) for one in state),
            live,
            rows=order,
        )
        return output.index_select(batch, back), tuple(one.index_select(1, back) for one in final)

    def _order(self, input: Tensor, lengths: Any) -> tuple[Tensor, Tensor, Tensor]:
        """Rows by their lengths: their order, the way back, and how many live at each step."""
        batch, time = (0, 1) if self.batch_first else (1, 0)
        lengths = torch.as_tensor(lengths, device="cpu")
        wrong = lengths.is_floating_point() or lengths.is_complex() or lengths.dtype == torch.bool
        if wrong and lengths.numel():  # an empty list is of floating point
            raise RuntimeError(f"lengths: expected whole numbers, got {lengths.dtype}")
        lengths = lengths.to(torch.int64)
        rows, steps = input.shape[batch], input.shape[time]
        if lengths.shape != (rows,):
            raise RuntimeError(f"lengths: expected shape ({rows},), got {tuple(lengths.shape)}")
        fits = ((lengths >= 0) & (lengths <= steps)).all()
        if torch.compiler.is_compiling():  # a graph can check it only when it runs
            torch._assert_async(fits, f"lengths: expected whole numbers from 0 to {steps}")
        elif not fits:
            raise RuntimeError(
                f"lengths: expected whole numbers from 0 to {steps}, got {lengths.tolist()}"
            )
        order = torch.argsort(lengths, descending=True, stable=True)
        back = torch.argsort(order, stable=True)
        live = (lengths > torch.arange(steps)[:, None]).sum(dim=1)
        return order.to(input.device), back.to(input.device), live

    # ---------------------------------------------------------------------------------- the walk

    def _walk(
        self,
        x: Tensor,
        state: tuple[Tensor, ...],
        live: Tensor | None,
        batch_first: bool | None = None,
        rows: Tensor | None = None,
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """All levels; rows sorted by length, longest first."""
        stack = self._stack(batch_first)
        seeds = self._seeds() if stack.random and self.training else None
        served = why_not(self, x) is None
        finals = []
        for depth, call in enumerate(stack.calls):
            if depth and self.dropout and self.training:
                x = dropout(x, self.dropout)
            if live is not None or seeds is not None:
                call = call.among(live, None if seeds is None else seeds[depth], rows)
            own, before = self._weights(stack.names[depth]), self._before(state, depth)
            if served:
                x, *final = run(call, (x, *before, *own))
            else:
                given = call.live, call.batch_first, call.seeds, call.rows
                x, *final = reference_level(call.level, x, before, own, *given)
            finals.append(final)
        if len(finals) == 1:
            return x, tuple(finals[0])
        return x, tuple([torch.cat(parts) for parts in zip(*finals, strict=True)])

    def trace(self, input: Tensor, hx: Any = None, lengths: Any = None) -> list[dict[str, Tensor]]:
        """Every state and every gate of every step, by PyTorch's own operations: to look at.

        Args:
            input: ``(T, B, D)``; ``(B, T, D)`` with ``batch_first``; ``(T, D)`` without a batch.
            hx: As in :meth:`forward`.
            lengths: As in :meth:`forward`.

        Returns:
            For each level, and each direction of it, a dict: ``"h"``, for an LSTM ``"c"``, and the
            gates (``"i", "f", "g", "o"``; ``"r", "z", "n"``), each shaped as the outputs of one
            direction. They have gradients. Nothing is dropped, neither between levels nor within
            the cell, as in evaluation.

        Raises:
            InputError: If ``input`` is no tensor.
        """
        if isinstance(input, PackedSequence):
            raise InputError("input: a PackedSequence has no steps to show; pad it, give lengths")
        hx = self._fitting(input, hx)
        single = input.dim() == 2
        if single:
            input, hx = self._with_batch(input, hx)
        state, live, back = self._checked(input, hx, None), None, None
        x = input.transpose(0, 1) if self.batch_first else input
        if lengths is not None:
            order, back, live = self._order(input, lengths)
            x, state = x.index_select(1, order), tuple(one.index_select(1, order) for one in state)
        traced, stack = [], self._stack()
        for depth, call in enumerate(stack.calls):
            own, before = self._weights(stack.names[depth]), self._before(state, depth)
            found = [one for _, _, one in trace_level(call.level, x, before, own, live, False)]
            traced += found
            x = torch.cat([one["h"] for one in found], dim=2)

        def placed(value: Tensor) -> Tensor:
            value = _permuted(value, back)
            if single:
                return value.squeeze(1)
            return value.transpose(0, 1) if self.batch_first else value

        return [{name: placed(value) for name, value in one.items()} for one in traced]

    def _seeds(self) -> Tensor:
        """Of the random numbers of every walk, drawn by PyTorch: ``[levels, directions]``."""
        shape = (self.num_layers, 2 if self.bidirectional else 1)
        return torch.randint(2**62, shape, dtype=torch.int64, device="cpu")

    def _stack(self, batch_first: bool | None = None) -> Stack:
        """The levels, with the batch first as the module has it if nothing else is said."""
        # a compiler traces what it meets, and warns of caches
        find = make_stack if torch.compiler.is_compiling() else stack_of
        return find(
            self._cell,
            self.input_size,
            self.hidden_size,
            self.bias,
            self.num_layers,
            self.bidirectional,
            self.recurrent_dropout,
            self.zoneout,
            self.layer_norm,
            self.batch_first if batch_first is None else batch_first,
            self.proj_size,
        )

    def _before(self, state: tuple[Tensor, ...], depth: int) -> tuple[Tensor, ...]:
        """The states of a level among those of all."""
        if self.num_layers == 1 or not state:
            return state
        directions = 2 if self.bidirectional else 1
        first = depth * directions
        return tuple([one[first : first + directions] for one in state])

    def _weights(self, names: Sequence[str]) -> list[Any]:
        """Weights by name; also those that something has put in the place of parameters."""
        own = self._parameters
        return [own[name] if name in own else getattr(self, name) for name in names]

    def _checked(self, input: Tensor, hx: Any, counts: Tensor | None) -> tuple[Tensor, ...]:
        """The initial state as a tuple, empty for zeros; PyTorch's errors if it does not fit."""
        self.check_input(input, counts)
        if counts is None and input.shape[1 if self.batch_first else 0] == 0:
            raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
        if hx is None:
            return self._learned(self.get_expected_hidden_size(input, counts)[1])
        state = self._given(input, hx, counts)
        for part in state:
            same = part.dtype == input.dtype or torch.is_autocast_enabled(input.device.type)
            if not same or part.device != input.device:
                raise RuntimeError(
                    f"hx: expected {input.dtype} on {input.device}, as the input is, got "
                    f"{part.dtype} on {part.device}"
                )
        return state

    def _given(self, input: Tensor, hx: Any, counts: Tensor | None) -> tuple[Tensor, ...]:
        self.check_hidden_size(hx, self.get_expected_hidden_size(input, counts))
        return (hx,)

    def _learned(self, rows: int) -> tuple[Tensor, ...]:
        """The initial state that is learned, or none, which is zeros."""
        if not self.learned_state:
            return ()
        parts, walks = self._weights(self._initial_names()), len(self._all_weights)
        return tuple(
            [
                torch.stack(parts[first : first + walks])[:, None].expand(-1, rows, -1)
                for first in range(0, len(parts), walks)
            ]
        )

    def _as_hidden(self, final: tuple[Tensor, ...]) -> Any:
        return final[0]

    def _by_torch(self, input: Any, hx: Any) -> Any:
        """PyTorch's own walk over the same parameters; it takes a learned state as a given one."""
        if hx is None and self.learned_state:
            single = not isinstance(input, PackedSequence) and input.dim() == 2
            if isinstance(input, PackedSequence):
                rows = int(input.batch_sizes[0])
            else:
                rows = 1 if single else input.shape[0 if self.batch_first else 1]
            state = [one.contiguous() for one in self._learned(rows)]
            hx = self._as_hidden(tuple([one.squeeze(1) if single else one for one in state]))
        if torch.compiler.is_compiling():
            return _outside(self._theirs.forward, self, input, hx)
        return self._theirs.forward(self, input, hx)


class _Short(NamedTuple):
    """The short way through a layer.

    Attributes:
        call: The walk; ``None`` if the layer's settings have no short way.
        weights_of: Gives its weights.
        takes: Says if it takes these inputs and weights.
    """

    call: Any
    weights_of: Any
    takes: Any

    def __deepcopy__(self, memo: Any) -> None:
        """A copy of the layer finds its own."""


@_disable_dynamo  # that of torch.compiler would import the compiler here and now
def _outside(forward: Any, *arguments: Any) -> Any:
    """A call outside of the compiled graph, which breaks at ``torch.nn``'s own layers as well."""
    return forward(*arguments)


def _permuted(part: Tensor, order: Tensor | None) -> Tensor:
    """A state, or a value of every step, with its rows in another order."""
    return part if order is None else part.index_select(1, order)
