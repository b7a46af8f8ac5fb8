"""The recurrent layers: ``RNN``, ``LSTM`` and ``GRU`` as those of ``torch.nn``."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout
from torch.nn.utils.rnn import PackedSequence

from elman.backends.regularization import PLAIN
from elman.cells import CELLS
from elman.checks import real
from elman.layers.recurrent_layer import zoneout_rates
from elman.torch.level import run_level
from elman.torch.operator import level as run
from elman.torch.operator import modes
from elman.torch.paths import why_not, why_not_now
from elman.torch.reference import trace_level
from elman.torch.stack import Stack, make_stack, regularization_of, stack_of

__all__ = ["GRU", "LSTM", "RNN"]


class Recurrent(nn.RNNBase):
    """What the three layers share: everything but the cell.

    They are PyTorch's own modules but for the walk over time: constructors, parameters, the names
    in ``state_dict``, initial values, shapes and errors are those of ``torch.nn``.
    """

    _cell: str
    _theirs: Any
    learned_state: bool
    recurrent_dropout: float
    zoneout: float | tuple[float, float]
    layer_norm: bool

    def _regularize(
        self,
        recurrent_dropout: float,
        zoneout: float | tuple[float, float],
        layer_norm: bool,
        device: Any,
        dtype: Any,
    ) -> None:
        """Takes what regularises the cell from within, and checks it as elman's layers do."""
        memory = len(CELLS[self._cell].states) > 1
        self.recurrent_dropout = real(
            "recurrent_dropout", recurrent_dropout, 0.0, 1.0, open_above=True
        )
        self.zoneout = zoneout_rates("zoneout", zoneout, memory)
        self.layer_norm = bool(layer_norm)
        inner = regularization_of(self._cell, self.recurrent_dropout, self.zoneout, layer_norm)
        if self.proj_size and inner != PLAIN:
            raise ValueError(
                "proj_size: torch.nn's own code runs with a projection, which has neither "
                "recurrent_dropout nor zoneout nor layer_norm"
            )
        shapes = CELLS[self._cell].parameter_shapes(1, self.hidden_size, layer_norm=self.layer_norm)
        for names in self._all_weights:
            end = names[0].removeprefix("weight_ih")
            own = [f"{name}{end}" for name in shapes if "_ln_" in name]
            for name in own:
                shape = shapes[name.removesuffix(end)]
                self.register_parameter(
                    name, nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
                )
        self.reset_norms()

    def reset_norms(self) -> None:
        """Gains of layer normalisation to ones, shifts and learned initial states to zeros."""
        for name, parameter in self.named_parameters():
            if "_ln_" in name or name.startswith("initial_"):
                nn.init.constant_(parameter, float(name.startswith("weight")))

    def _learn_states(self, wanted: bool, device: Any, dtype: Any) -> None:
        """Makes the initial state of each walk a parameter, zero at first."""
        self.learned_state = wanted
        if wanted:
            for name in self._initial_names():
                zeros = torch.zeros(self.hidden_size, device=device, dtype=dtype)
                self.register_parameter(name, nn.Parameter(zeros))

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
        """Which code runs, and why if it is not elman's: ``"elman"``, ``"torch (on cuda)"``."""
        reason = why_not(self, next(self.parameters()))
        return "elman" if reason is None else f"torch ({reason})"

    def extra_repr(self) -> str:
        """The arguments that are not the default, and the code that runs."""
        names = ("learned_state", "recurrent_dropout", "zoneout", "layer_norm")
        own = [f"{name}={getattr(self, name)}" for name in names if getattr(self, name)]
        return ", ".join([super().extra_repr(), *own, f"path={self.path}"])

    def forward(self, input: Any, hx: Any = None, *, lengths: Any = None) -> Any:
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
        reference = input.data if isinstance(input, PackedSequence) else input
        reason = why_not(self, reference)
        if reason is not None:
            return self._by_torch(input, hx, lengths, reason)
        if isinstance(input, PackedSequence):
            return self._packed(input, hx, lengths)
        if input.dim() not in (2, 3):
            return self._theirs.forward(self, input, hx)  # which says what is wrong
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

    def _find_short(self) -> tuple[Any, ...]:
        """The walk of the short way, what gives its weights, and what says if it takes them; or
        ``None`` for a walk if the settings have none."""
        stack = self._stack()
        call = stack.calls[0]
        ordinary = (
            self.num_layers == 1
            and not self.learned_state
            and not self.proj_size
            and not (stack.random and self.training)
        )
        short = (call, stack.first, call.core.takes) if ordinary else (None, None, None)
        self.__dict__["_short"] = short
        return short

    def __setattr__(self, name: str, value: Any) -> None:
        self.__dict__.pop("_short", None)  # which follows from the settings
        super().__setattr__(name, value)

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()  # type: ignore[no-untyped-call]
        return {name: value for name, value in state.items() if name != "_short"}

    # ------------------------------------------------------------------------ forms of the input

    def _with_batch(self, input: Tensor, hx: Any) -> tuple[Tensor, Any]:
        """A single sequence as a batch of one."""
        parts = () if hx is None else hx if isinstance(hx, tuple) else (hx,)
        if any(one.dim() != 2 for one in parts):
            raise RuntimeError(
                "For unbatched 2-D input, hx should also be 2-D but got "
                f"{', '.join(f'{one.dim()}-D' for one in parts)} tensor"
            )
        wide = tuple(one.unsqueeze(1) for one in parts)
        state = None if hx is None else wide if isinstance(hx, tuple) else wide[0]
        return input.unsqueeze(0 if self.batch_first else 1), state

    def _packed(self, input: PackedSequence, hx: Any, lengths: Any) -> Any:
        """A packed sequence: its rows are sorted already, and live as long as it says."""
        if lengths is not None:
            raise RuntimeError("lengths: a PackedSequence has its own, expected None beside it")
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
        batch, time = (0, 1) if self.batch_first else (1, 0)
        lengths = torch.as_tensor(lengths, device="cpu")
        if lengths.is_floating_point() or lengths.is_complex() or lengths.dtype == torch.bool:
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
        counts = (lengths > torch.arange(steps)[:, None]).sum(dim=1)
        output, final = self._walk(
            input.index_select(batch, order),
            tuple(one.index_select(1, order) for one in state),
            counts,
            rows=order,
        )
        return output.index_select(batch, back), tuple(one.index_select(1, back) for one in final)

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
        finals = []
        for depth, call in enumerate(stack.calls):
            if depth and self.dropout and self.training:
                x = dropout(x, self.dropout)
            if live is not None or seeds is not None:
                call = call.among(live, None if seeds is None else seeds[depth], rows)
            before = self._before(state, depth)
            x, *final = run(call, (x, *before, *self._weights(stack.names[depth])))
            finals.append(final)
        if len(finals) == 1:
            return x, tuple(finals[0])
        return x, tuple([torch.cat(parts) for parts in zip(*finals, strict=True)])

    def trace(self, input: Tensor, hx: Any = None) -> list[dict[str, Tensor]]:
        """Every state and every gate of every step, by PyTorch's own operations: to look at.

        Args:
            input: ``(T, B, D)``, or ``(B, T, D)`` with ``batch_first``.
            hx: As in :meth:`forward`.

        Returns:
            For each level, and each direction of it, a dict: ``"h"``, for an LSTM ``"c"``, and the
            gates (``"i", "f", "g", "o"``; ``"r", "z", "n"``), each shaped as the outputs of one
            direction. They have gradients. Nothing is dropped between levels.
        """
        state, traced = self._checked(input, hx, None), []
        stack = self._stack()
        for depth, call in enumerate(stack.calls):
            own, before = self._weights(stack.names[depth]), self._before(state, depth)
            walked = trace_level(call.level, input, before, own, None, self.batch_first)
            found = [one for _, _, one in walked]
            if self.batch_first:
                found = [{n: v.transpose(0, 1) for n, v in one.items()} for one in found]
            traced += found
            input = torch.cat([one["h"] for one in found], dim=2)
        return traced

    def _seeds(self) -> Tensor:
        """Of the random numbers of every walk, drawn by PyTorch: ``[levels, directions]``."""
        shape = (self.num_layers, 2 if self.bidirectional else 1)
        return torch.randint(2**62, shape, dtype=torch.int64)

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
        )

    def _before(self, state: tuple[Tensor, ...], depth: int) -> tuple[Tensor, ...]:
        """The states of a level among those of all."""
        if self.num_layers == 1 or not state:
            return state
        directions = 2 if self.bidirectional else 1
        first = depth * directions
        return tuple([one[first : first + directions] for one in state])

    def _weights(self, names: tuple[str, ...]) -> list[Any]:
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
            if part.dtype != input.dtype or part.device != input.device:
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
        parts = torch.stack([getattr(self, name) for name in self._initial_names()])
        walks = len(self._all_weights)
        wide = parts[:, None].expand(-1, rows, -1)
        return tuple(wide[first : first + walks] for first in range(0, len(wide), walks))

    def _as_hidden(self, final: tuple[Tensor, ...]) -> Any:
        return final[0]

    def _by_torch(self, input: Any, hx: Any, lengths: Any, reason: str) -> Any:
        """PyTorch's own walk over the same parameters."""
        if lengths is not None:
            raise RuntimeError(
                f"lengths: torch.nn has no such argument, and elman's kernels do not serve this "
                f"call ({reason}); pack the sequence instead"
            )
        return self._theirs.forward(self, input, hx)


def _permuted(part: Tensor, order: Tensor | None) -> Tensor:
    """A state with its rows in another order."""
    return part if order is None else part.index_select(1, order)


class RNN(Recurrent):
    """``torch.nn.RNN`` over elman's kernels.

    Args:
        input_size: Channels read, ``D``.
        hidden_size: Units, ``H``.
        num_layers: How many levels are stacked.
        nonlinearity: ``"tanh"`` or ``"relu"``.
        bias: Whether there are biases.
        batch_first: Whether inputs and outputs are ``(B, T, C)``.
        dropout: Probability of dropping an output between levels, in training.
        bidirectional: Whether sequences are also read from their end.
        device: Of the parameters.
        dtype: Of the parameters.
        learned_state: Whether the initial state is a parameter: ``initial_h_l0`` ...
        recurrent_dropout: Probability of hiding a unit of the state from the recurrent weights, at
            all steps of a sequence alike, in training.
        zoneout: Probability with which a unit keeps its value of the step before, in training.
        layer_norm: Whether the products inside the cell are normalised: ``weight_ln_ih_l0`` ...
    """

    _theirs = nn.RNN

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        learned_state: bool = False,
        recurrent_dropout: float = 0.0,
        zoneout: float = 0.0,
        layer_norm: bool = False,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(
                f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'."
            )
        self.nonlinearity = nonlinearity
        super().__init__(
            f"RNN_{nonlinearity.upper()}",
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            device=device,
            dtype=dtype,
        )
        self._learn_states(learned_state, device, dtype)
        self._regularize(recurrent_dropout, zoneout, layer_norm, device, dtype)

    @property
    def _cell(self) -> str:  # type: ignore[override]
        return f"rnn_{self.nonlinearity}"


class LSTM(Recurrent):
    """``torch.nn.LSTM`` over elman's kernels.

    Args:
        input_size: Channels read, ``D``.
        hidden_size: Units, ``H``.
        num_layers: How many levels are stacked.
        bias: Whether there are biases.
        batch_first: Whether inputs and outputs are ``(B, T, C)``.
        dropout: Probability of dropping an output between levels, in training.
        bidirectional: Whether sequences are also read from their end.
        proj_size: Of the projection of the hidden state, 0 for none. PyTorch's own code runs then.
        device: Of the parameters.
        dtype: Of the parameters.
        learned_state: Whether the initial state is a parameter: ``initial_h_l0`` ...
        recurrent_dropout: Probability of hiding a unit of the state from the recurrent weights, at
            all steps of a sequence alike, in training.
        zoneout: Probability with which a unit keeps its value of the step before, in training; a
            pair for the memory and the output.
        layer_norm: Whether the products inside the cell are normalised: ``weight_ln_ih_l0`` ...
    """

    _cell = "lstm"
    _theirs = nn.LSTM

    # what PyTorch's own forward calls
    get_expected_cell_size = nn.LSTM.get_expected_cell_size
    check_forward_args = nn.LSTM.check_forward_args  # type: ignore[assignment]
    permute_hidden = nn.LSTM.permute_hidden  # type: ignore[assignment]

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
        super().__init__(
            "LSTM",
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
        self._learn_states(learned_state, device, dtype)
        self._regularize(recurrent_dropout, zoneout, layer_norm, device, dtype)

    def _given(self, input: Tensor, hx: Any, counts: Tensor | None) -> tuple[Tensor, ...]:
        nn.LSTM.check_forward_args(self, input, hx, counts)  # type: ignore[arg-type]
        return tuple(hx)

    def _as_hidden(self, final: tuple[Tensor, ...]) -> Any:
        return final


class GRU(Recurrent):
    """``torch.nn.GRU`` over elman's kernels, and the variant of Cho et al. 2014.

    Args:
        input_size: Channels read, ``D``.
        hidden_size: Units, ``H``.
        num_layers: How many levels are stacked.
        bias: Whether there are biases.
        batch_first: Whether inputs and outputs are ``(B, T, C)``.
        dropout: Probability of dropping an output between levels, in training.
        bidirectional: Whether sequences are also read from their end.
        device: Of the parameters.
        dtype: Of the parameters.
        learned_state: Whether the initial state is a parameter: ``initial_h_l0`` ...
        recurrent_dropout: Probability of hiding a unit of the state from the recurrent weights, at
            all steps of a sequence alike, in training.
        zoneout: Probability with which a unit keeps its value of the step before, in training.
        layer_norm: Whether the products inside the cell are normalised: ``weight_ln_ih_l0`` ...
        reset_after: Whether the reset gate comes after the recurrent product, as ``torch.nn.GRU``
            has it; ``False`` as in K. Cho et al., 2014, and ONNX's default.
    """

    _theirs = nn.GRU

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        learned_state: bool = False,
        recurrent_dropout: float = 0.0,
        zoneout: float = 0.0,
        layer_norm: bool = False,
        reset_after: bool = True,
    ) -> None:
        self.reset_after = reset_after
        super().__init__(
            "GRU",
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            device=device,
            dtype=dtype,
        )
        self._learn_states(learned_state, device, dtype)
        self._regularize(recurrent_dropout, zoneout, layer_norm, device, dtype)

    @property
    def _cell(self) -> str:  # type: ignore[override]
        return "gru" if self.reset_after else "gru_reset_before"
