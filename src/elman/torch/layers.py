"""The recurrent layers: ``RNN``, ``LSTM`` and ``GRU`` as those of ``torch.nn``."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from elman.torch.recurrent import Recurrent

__all__ = ["GRU", "LSTM", "RNN"]


class RNN(Recurrent):
    """``torch.nn.RNN`` over elman's kernels.

    Args:
        input_size: Channels read, ``D``.
        hidden_size: Units, ``H``.
        num_layers: How many levels are stacked.
        nonlinearity: ``"tanh"`` or ``"relu"``.
        others: ``bias`` and all that follows it, see :class:`LSTM`.
    """

    _theirs = nn.RNN

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        *others: Any,
        **options: Any,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(
                f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'."
            )
        self.nonlinearity = nonlinearity
        super().__init__(input_size, hidden_size, num_layers, *others, **options)

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
        proj_size: Of the projection of the hidden state, 0 for none; of an LSTM alone. PyTorch's
            own code runs then.
        device: Of the parameters.
        dtype: Of the parameters.
        learned_state: Whether the initial state is a parameter: ``initial_h_l0`` ...
        recurrent_dropout: Probability of hiding a unit of the state from the recurrent weights, at
            all steps of a sequence alike, in training.
        zoneout: Probability with which a unit keeps its value of the step before, in training; of
            an LSTM also a pair, for the memory and the output.
        layer_norm: Whether the products inside the cell are normalised: ``weight_ln_ih_l0`` ...
    """

    _cell = "lstm"
    _theirs = nn.LSTM

    # what PyTorch's own forward calls
    get_expected_cell_size = nn.LSTM.get_expected_cell_size
    check_forward_args = nn.LSTM.check_forward_args  # type: ignore[assignment]
    permute_hidden = nn.LSTM.permute_hidden  # type: ignore[assignment]

    def _given(self, input: Tensor, hx: Any, counts: Tensor | None) -> tuple[Tensor, ...]:
        nn.LSTM.check_forward_args(self, input, hx, counts)  # type: ignore[arg-type]
        return tuple(hx)

    def _as_hidden(self, final: tuple[Tensor, ...]) -> Any:
        return final


class GRU(Recurrent):
    """``torch.nn.GRU`` over elman's kernels, and the variant of Cho et al. 2014.

    Args:
        others: All but ``proj_size``, see :class:`LSTM`.
        reset_after: Whether the reset gate comes after the recurrent product, as ``torch.nn.GRU``
            has it; ``False`` as in K. Cho et al., 2014, and ONNX's default.
    """

    _theirs = nn.GRU

    def __init__(self, *others: Any, reset_after: bool = True, **options: Any) -> None:
        self.reset_after = reset_after
        super().__init__(*others, **options)

    @property
    def _cell(self) -> str:  # type: ignore[override]
        return "gru" if self.reset_after else "gru_reset_before"
