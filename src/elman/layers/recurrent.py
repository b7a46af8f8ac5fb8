"""The recurrent layers: RNN, LSTM and GRU."""

from __future__ import annotations

from elman.cells import CELLS
from elman.checks import one_of
from elman.errors import InputError
from elman.layers.recurrent_layer import RecurrentLayer, Zoneout

__all__ = ["GRU", "LSTM", "RNN", "Bidirectional", "CellLayer", "RecurrentLayer"]


class RNN(RecurrentLayer):
    """Elman's simple recurrent network, ``h' = phi(W_ih x + b_ih + W_hh h + b_hh)``.

    Arguments, names, order and initial values are those of ``torch.nn.RNN``. Reads sequences
    ``(N, T, input_size)`` and gives sequences ``(N, T, hidden_size)``, twice as many channels
    when bidirectional (forward first).

    Args:
        input_size: Number of input channels.
        hidden_size: Number of units.
        num_layers: How many levels are stacked, each reading the outputs of the one below.
        nonlinearity: ``"tanh"`` or ``"relu"``.
        bias: Whether there are biases.
        dropout: Probability with which an output between two levels is dropped in training.
        bidirectional: Whether each level also walks from the last live step to the first.
        learned_state: Whether the initial state is a parameter (else zeros).
        recurrent_dropout: Probability, in [0, 1), with which a unit of the state is hidden from the
            recurrent weights in training, the same units in all steps of a sequence and for all
            gates; the others are scaled up by 1/(1-p). Y. Gal, Z. Ghahramani, "A theoretically
            grounded application of dropout in recurrent neural networks", NIPS 2016.
        zoneout: Probability, in [0, 1), with which a unit keeps its value of the step before, drawn
            at every step in training; outside training the new value is the expectation. D.
            Krueger et al., "Zoneout: regularizing RNNs by randomly preserving hidden
            activations", ICLR 2017.
        layer_norm: Whether the products with the input and with the state are each normalised over
            their gates and units, with gains and shifts that are learned. J. L. Ba, J. R. Kiros,
            G. E. Hinton, "Layer normalization", arXiv:1607.06450.

    Raises:
        InputError: If a size is below 1, or an option is not one of those above.

    Source: J. L. Elman, "Finding structure in time", Cognitive Science 14 (1990) 179-211.
    """

    fields = (
        "input_size",
        "hidden_size",
        "num_layers",
        "nonlinearity",
        "bias",
        "dropout",
        "bidirectional",
        "learned_state",
        "recurrent_dropout",
        "zoneout",
        "layer_norm",
    )

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        dropout: float = 0.0,
        bidirectional: bool = False,
        learned_state: bool = False,
        recurrent_dropout: float = 0.0,
        zoneout: Zoneout = 0.0,
        layer_norm: bool = False,
    ) -> None:
        super().__init__(
            input_size,
            hidden_size,
            num_layers,
            bias,
            dropout,
            bidirectional,
            learned_state,
            recurrent_dropout,
            zoneout,
            layer_norm,
        )
        self.nonlinearity = one_of("RNN: nonlinearity", nonlinearity, ("tanh", "relu"))

    @property
    def cell(self) -> str:
        """``rnn_tanh`` or ``rnn_relu``."""
        return f"rnn_{self.nonlinearity}"


class LSTM(RecurrentLayer):
    """Long short-term memory; the equations stand in :mod:`elman.cells.lstm`.

    Arguments, names, order and initial values are those of ``torch.nn.LSTM`` (gates i, f, g,
    o). Shapes and arguments as in :class:`RNN`.

    Args:
        input_size: Number of input channels.
        hidden_size: Number of units.
        num_layers: How many levels are stacked.
        bias: Whether there are biases.
        dropout: Probability with which an output between two levels is dropped in training.
        bidirectional: Whether each level also walks backwards.
        learned_state: Whether the initial ``h`` and ``c`` are parameters (else zeros).
        recurrent_dropout: As in :class:`RNN`; the state that the weights see is ``h``.
        zoneout: As in :class:`RNN`; one probability for both states, or ``(c, h)``.
        layer_norm: As in :class:`RNN`; ``c`` is normalised too where the output reads it.

    Raises:
        InputError: If a size is below 1, or a probability is not in [0, 1).
    """

    has_memory = True

    @property
    def cell(self) -> str:
        """``lstm``."""
        return "lstm"


class GRU(RecurrentLayer):
    """Gated recurrent unit; the equations stand in :mod:`elman.cells.gru`.

    Arguments, names, order and initial values are those of ``torch.nn.GRU`` (gates r, z, n).
    Shapes and arguments as in :class:`RNN`.

    Args:
        input_size: Number of input channels.
        hidden_size: Number of units.
        num_layers: How many levels are stacked.
        bias: Whether there are biases.
        dropout: Probability with which an output between two levels is dropped in training.
        bidirectional: Whether each level also walks backwards.
        learned_state: Whether the initial state is a parameter (else zeros).
        reset_after: ``True`` applies the reset gate after the product with ``W_hn``, as
            PyTorch, cuDNN and Keras do; ``False`` before it, as Cho et al. (2014) and ONNX's
            default.
        recurrent_dropout: As in :class:`RNN`; the update gate carries on the whole state.
        zoneout: As in :class:`RNN`.
        layer_norm: As in :class:`RNN`.

    Raises:
        InputError: If a size is below 1, or a probability is not in [0, 1).
    """

    fields = (*RecurrentLayer.fields, "reset_after")

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        dropout: float = 0.0,
        bidirectional: bool = False,
        learned_state: bool = False,
        reset_after: bool = True,
        recurrent_dropout: float = 0.0,
        zoneout: Zoneout = 0.0,
        layer_norm: bool = False,
    ) -> None:
        super().__init__(
            input_size,
            hidden_size,
            num_layers,
            bias,
            dropout,
            bidirectional,
            learned_state,
            recurrent_dropout,
            zoneout,
            layer_norm,
        )
        self.reset_after = bool(reset_after)

    @property
    def cell(self) -> str:
        """``gru`` or ``gru_reset_before``."""
        return "gru" if self.reset_after else "gru_reset_before"


class CellLayer(RecurrentLayer):
    """A cell of :data:`elman.cells.CELLS` by its name, for whoever takes any of them.

    Args:
        cell: The cell's name.
        input_size: Number of input channels.
        hidden_size: Number of units.
        num_layers: How many levels are stacked.

    Raises:
        InputError: If there is no such cell, or a size is below 1.
    """

    fields = ("cell", "input_size", "hidden_size", "num_layers")

    def __init__(self, cell: str, input_size: int, hidden_size: int, num_layers: int = 1) -> None:
        super().__init__(input_size, hidden_size, num_layers)
        self._cell = str(one_of("cell", cell, CELLS))

    @property
    def cell(self) -> str:
        """The name given."""
        return self._cell


def Bidirectional(layer: RecurrentLayer) -> RecurrentLayer:
    """The same layer, also walking each row from its last live step to its first.

    ``Bidirectional(LSTM(3, 8))`` is ``LSTM(3, 8, bidirectional=True)``: its outputs are those
    of the forward walk and, after them, those of the reverse walk, ``2 * hidden_size`` channels.

    Args:
        layer: An :class:`RNN`, :class:`LSTM` or :class:`GRU`; it is not changed.

    Returns:
        A new layer of the same kind.

    Raises:
        InputError: If ``layer`` is anything else.
    """
    if not isinstance(layer, RecurrentLayer):
        raise InputError(f"Bidirectional: layer: expected an RNN, LSTM or GRU, got {layer!r}")
    return layer.clone(bidirectional=True)
