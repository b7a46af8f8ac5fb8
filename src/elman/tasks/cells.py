"""The cells that the tasks offer, and what regularises them from within."""

from __future__ import annotations

from functools import partial
from typing import Any

from elman.checks import one_of, real
from elman.layers import GRU, LSTM, RNN

__all__ = ["CELLS", "check_inner_options", "inner_options"]

CELLS: dict[str, Any] = {
    "gru": GRU,
    "lstm": LSTM,
    "rnn": RNN,
    "rnn_relu": partial(RNN, nonlinearity="relu"),
    "gru_reset_before": partial(GRU, reset_after=False),
}
"""Layer by the name of the cell that an estimator takes."""

_INNER = ("recurrent_dropout", "zoneout", "layer_norm")


def inner_options(holder: Any) -> dict[str, Any]:
    """Of an estimator, or of the shape of its network, what regularises the cells from within."""
    return {name: getattr(holder, name) for name in _INNER}


def check_inner_options(estimator: Any) -> None:
    """Refuses what a layer would refuse, before any work is done.

    Raises:
        InputError: If a rate is not in [0, 1), or ``layer_norm`` is neither true nor false.
    """
    for name in _INNER[:2]:
        real(name, getattr(estimator, name), 0.0, 1.0, open_above=True)
    one_of("layer_norm", estimator.layer_norm, (True, False))
