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
"""

from __future__ import annotations

import numpy as np

from elman.cells.base import Array, Cell, Parameters, State, affine, affine_adjoint, sigmoid

__all__ = ["LSTMCell"]

_Cache = tuple[Array, Array, Array, Array, Array, Array, Array, Array]


class LSTMCell(Cell):
    """Long short-term memory: a gated memory ``c`` beside the output ``h``."""

    name = "lstm"
    gates = ("i", "f", "g", "o")
    states = ("h", "c")

    def step(self, x: Array, state: State, parameters: Parameters) -> tuple[State, _Cache]:
        """One step of the equations at the top of the module."""
        weight_ih, weight_hh, bias_ih, bias_hh = parameters
        h, c = state
        a = affine(x, weight_ih, bias_ih) + affine(h, weight_hh, bias_hh)
        a_i, a_f, a_g, a_o = np.split(a, 4, axis=1)
        i, f, g, o = sigmoid(a_i), sigmoid(a_f), np.tanh(a_g), sigmoid(a_o)
        c_new = f * c + i * g
        tanh_c_new = np.tanh(c_new)
        h_new = o * tanh_c_new
        return (h_new, c_new), (x, h, c, i, f, g, o, tanh_c_new)

    def adjoint(
        self, d_state: State, cache: _Cache, parameters: Parameters, gradients: Parameters
    ) -> tuple[Array, State]:
        """The adjoint of :meth:`step`, each line below the one it derives from."""
        weight_ih, weight_hh, _, _ = parameters
        d_weight_ih, d_weight_hh, d_bias_ih, d_bias_hh = gradients
        x, h, c, i, f, g, o, tanh_c_new = cache
        d_h_new, d_c_new = d_state

        # h_new = o * tanh_c_new
        d_o = d_h_new * tanh_c_new
        d_tanh_c_new = d_h_new * o
        # tanh_c_new = tanh(c_new); the next step's share of c_new's gradient is d_c_new
        d_c_new = d_c_new + d_tanh_c_new * (1.0 - tanh_c_new * tanh_c_new)
        # c_new = f * c + i * g
        d_f, d_c = d_c_new * c, d_c_new * f
        d_i, d_g = d_c_new * g, d_c_new * i
        # i, f, g, o = sigmoid(a_i), sigmoid(a_f), tanh(a_g), sigmoid(a_o)
        d_a_i, d_a_f = d_i * i * (1.0 - i), d_f * f * (1.0 - f)
        d_a_g, d_a_o = d_g * (1.0 - g * g), d_o * o * (1.0 - o)
        # a_i, a_f, a_g, a_o = split(a, 4)
        d_a = np.concatenate([d_a_i, d_a_f, d_a_g, d_a_o], axis=1)
        # a = affine(x, weight_ih, bias_ih) + affine(h, weight_hh, bias_hh)
        d_h = affine_adjoint(d_a, h, weight_hh, d_weight_hh, d_bias_hh)
        d_x = affine_adjoint(d_a, x, weight_ih, d_weight_ih, d_bias_ih)
        return d_x, (d_h, d_c)
