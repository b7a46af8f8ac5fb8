"""The gated recurrent unit, with the reset gate after or before the recurrent product.

    r  = sigmoid(W_ir x + b_ir + W_hr h + b_hr)          reset gate
    z  = sigmoid(W_iz x + b_iz + W_hz h + b_hz)          update gate
    n  = tanh(W_in x + b_in + r * (W_hn h + b_hn))       candidate, "gru" (reset after)
    n  = tanh(W_in x + b_in + W_hn (r * h) + b_hn)       candidate, "gru_reset_before"
    h' = (1 - z) * n + z * h

Sources: K. Cho et al., "Learning phrase representations using RNN encoder-decoder for
statistical machine translation", EMNLP 2014, arXiv:1406.1078, equations 5 to 8, resets the
state before the product (so does ONNX with ``linear_before_reset=0``). Resetting after the
product is cuDNN's variant (J. Appleyard, T. Kocisky, P. Blunsom, "Optimizing performance of
recurrent neural networks on GPUs", arXiv:1604.01946), as in PyTorch and Keras: all three
recurrent products are then one. Gates are stacked r, z, n, as in PyTorch.

Layer normalisation normalises every product by itself, over all the gates in it: W_i x over
three; W_h h over three, or over r and z and over n in the variant that has two such products.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from elman.cells.base import Affine, Array, Cell, Parameters, State, products, sigmoid

__all__ = ["GRUCell", "GRUResetBeforeCell"]

_Cache = tuple[Any, ...]


class GRUCell(Cell):
    """Gated recurrent unit that resets after the recurrent product (cuDNN, PyTorch)."""

    name = "gru"
    gates = ("r", "z", "n")

    def step(
        self, x: Array, state: State, parameters: Parameters, mask: Array | None = None
    ) -> tuple[State, _Cache]:
        """One step of the equations at the top of the module."""
        from_input, from_state = products(parameters, mask)
        (h,) = state
        a_x, kept_x = from_input.forward(x)
        a_h, kept_h = from_state.forward(h)
        x_r, x_z, x_n = np.split(a_x, 3, axis=1)
        h_r, h_z, h_n = np.split(a_h, 3, axis=1)
        r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
        n = np.tanh(x_n + r * h_n)
        h_new = (1.0 - z) * n + z * h
        return (h_new,), (kept_x, kept_h, h, r, z, n, h_n)

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
        kept_x, kept_h, h, r, z, n, h_n = cache
        (d_h_new,) = d_state

        # h_new = (1 - z) * n + z * h
        d_z, d_n, d_h = d_h_new * (h - n), d_h_new * (1.0 - z), d_h_new * z
        # n = tanh(x_n + r * h_n)
        d_x_n = d_n * (1.0 - n * n)
        d_r, d_h_n = d_x_n * h_n, d_x_n * r
        # r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
        d_a_r, d_a_z = d_r * r * (1.0 - r), d_z * z * (1.0 - z)
        # h_r, h_z, h_n = split(from_state(h), 3)
        d_a_h = np.concatenate([d_a_r, d_a_z, d_h_n], axis=1)
        d_h = d_h + from_state.adjoint(d_a_h, kept_h, d_from_state)
        # x_r, x_z, x_n = split(from_input(x), 3)
        d_a_x = np.concatenate([d_a_r, d_a_z, d_x_n], axis=1)
        d_x = from_input.adjoint(d_a_x, kept_x, d_from_input)
        return d_x, (d_h,)


class GRUResetBeforeCell(Cell):
    """Gated recurrent unit that resets before the recurrent product (Cho 2014, ONNX)."""

    name = "gru_reset_before"
    gates = ("r", "z", "n")

    def step(
        self, x: Array, state: State, parameters: Parameters, mask: Array | None = None
    ) -> tuple[State, _Cache]:
        """One step of the equations at the top of the module."""
        from_input, from_state = products(parameters, mask)
        to_gates, to_candidate = _split_gates(from_state)
        (h,) = state
        a_x, kept_x = from_input.forward(x)
        x_r, x_z, x_n = np.split(a_x, 3, axis=1)
        a_rz, kept_rz = to_gates.forward(h)
        h_r, h_z = np.split(a_rz, 2, axis=1)
        r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
        h_n, kept_n = to_candidate.forward(r * h)
        n = np.tanh(x_n + h_n)
        h_new = (1.0 - z) * n + z * h
        return (h_new,), (kept_x, kept_rz, kept_n, h, r, z, n)

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
        to_gates, to_candidate = _split_gates(from_state)
        d_from_input, d_from_state = products(gradients)
        d_to_gates, d_to_candidate = _split_gates(d_from_state)
        kept_x, kept_rz, kept_n, h, r, z, n = cache
        (d_h_new,) = d_state

        # h_new = (1 - z) * n + z * h
        d_z, d_n, d_h = d_h_new * (h - n), d_h_new * (1.0 - z), d_h_new * z
        # n = tanh(x_n + to_candidate(r * h))
        d_x_n = d_n * (1.0 - n * n)
        d_r_h = to_candidate.adjoint(d_x_n, kept_n, d_to_candidate)
        d_r, d_h = d_r_h * h, d_h + d_r_h * r
        # r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
        d_a_r, d_a_z = d_r * r * (1.0 - r), d_z * z * (1.0 - z)
        # h_r, h_z = split(to_gates(h), 2)
        d_a_h = np.concatenate([d_a_r, d_a_z], axis=1)
        d_h = d_h + to_gates.adjoint(d_a_h, kept_rz, d_to_gates)
        # x_r, x_z, x_n = split(from_input(x), 3)
        d_a_x = np.concatenate([d_a_r, d_a_z, d_x_n], axis=1)
        d_x = from_input.adjoint(d_a_x, kept_x, d_from_input)
        return d_x, (d_h,)


def _split_gates(from_state: Affine) -> tuple[Affine, Affine]:
    """The recurrent product's rows of the gates r and z, and those of n."""
    split = 2 * from_state.weight.shape[1]
    return from_state.rows(slice(None, split)), from_state.rows(slice(split, None))
