"""The long short-term memory cell with a forget gate and no peepholes.

    i  = sigmoid(W_ii x + b_ii + W_hi h + b_hi)    input gate
    f  = sigmoid(W_if x + b_if + W_hf h + b_hf)    forget gate
    g  = tanh   (W_ig x + b_ig + W_hg h + b_hg)    candidate
    o  = sigmoid(W_io x + b_io + W_ho h + b_ho)    output gate
    c' = f * c + i * g
    h' = o * tanh(c')

Sources: S. Hochreiter and J. Schmidhuber, "Long short-term memory", Neural Computation 9
(1997) 1735-1780; the forget gate: F. A. Gers, J. Schmidhuber, F. Cummins, "Learning to
forget: continual prediction with LSTM", Neural Computation 12 (2000) 2451-2471. Gates are
stacked i, f, g, o, as in PyTorch.

Layer normalisation (J. L. Ba, J. R. Kiros, G. E. Hinton, arXiv:1607.06450, equations 20 to 22)
normalises the two products, each over all four gates, and the memory where the output reads it:
h' = o * tanh(norm(c')), while c' itself is carried on as it is.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from elman.cells.base import Array, Cell, Parameters, State, products, sigmoid, state_norms

__all__ = ["LSTMCell"]

_Cache = tuple[Any, ...]


class LSTMCell(Cell):
    """Long short-term memory: a gated memory ``c`` beside the output ``h``."""

    name = "lstm"
    gates = ("i", "f", "g", "o")
    states = ("h", "c")
    normalized = ("c",)

    def step(
        self, x: Array, state: State, parameters: Parameters, mask: Array | None = None
    ) -> tuple[State, _Cache]:
        """One step of the equations at the top of the module."""
        from_input, from_state = products(parameters, mask)
        h, c = state
        a_x, kept_x = from_input.forward(x)
        a_h, kept_h = from_state.forward(h)
        a_i, a_f, a_g, a_o = np.split(a_x + a_h, 4, axis=1)
        i, f, g, o = sigmoid(a_i), sigmoid(a_f), np.tanh(a_g), sigmoid(a_o)
        c_new = f * c + i * g
        seen, kept_c = c_new, None
        for norm in state_norms(parameters):
            seen, kept_c = norm.forward(c_new)
        tanh_seen = np.tanh(seen)
        h_new = o * tanh_seen
        return (h_new, c_new), (kept_x, kept_h, kept_c, c, i, f, g, o, tanh_seen)

    def adjoint(
        self,
        d_state: State,
        cache: _Cache,
        parameters: Parameters,
        gradients: Parameters,
        mask: Array | None = None,
    ) -> tuple[Array, State]:
        """The adjoint of :meth:`step`, each line below the one it derives from."""
        from_input, from_state = products(parameters, mask)
        d_from_input, d_from_state = products(gradients)
        kept_x, kept_h, kept_c, c, i, f, g, o, tanh_seen = cache
        d_h_new, d_c_new = d_state

        # h_new = o * tanh_seen
        d_o = d_h_new * tanh_seen
        # tanh_seen = tanh(seen)
        d_seen = d_h_new * o * (1.0 - tanh_seen * tanh_seen)
        # seen = norm(c_new), or c_new itself
        for norm, d_norm in zip(state_norms(parameters), state_norms(gradients), strict=True):
            d_seen = norm.adjoint(d_seen, kept_c, d_norm)
        # the next step's share of c_new's gradient is d_c_new
        d_c_new = d_c_new + d_seen
        # c_new = f * c + i * g
        d_f, d_c = d_c_new * c, d_c_new * f
        d_i, d_g = d_c_new * g, d_c_new * i
        # i, f, g, o = sigmoid(a_i), sigmoid(a_f), tanh(a_g), sigmoid(a_o)
        d_a_i, d_a_f = d_i * i * (1.0 - i), d_f * f * (1.0 - f)
        d_a_g, d_a_o = d_g * (1.0 - g * g), d_o * o * (1.0 - o)
        # a_i, a_f, a_g, a_o = split(a_x + a_h, 4)
        d_a = np.concatenate([d_a_i, d_a_f, d_a_g, d_a_o], axis=1)
        # a_h = from_state(h)
        d_h = from_state.adjoint(d_a, kept_h, d_from_state)
        # a_x = from_input(x)
        d_x = from_input.adjoint(d_a, kept_x, d_from_input)
        return d_x, (d_h, d_c)
