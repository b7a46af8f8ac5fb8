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
"""

from __future__ import annotations

import numpy as np

from elman.cells.base import Array, Cell, Parameters, State, affine, affine_adjoint, sigmoid

__all__ = ["GRUCell", "GRUResetBeforeCell"]

_Cache = tuple[Array, Array, Array, Array, Array, Array]


class GRUCell(Cell):
    """Gated recurrent unit that resets after the recurrent product (cuDNN, PyTorch)."""

    name = "gru"
    gates = ("r", "z", "n")

    def step(self, x: Array, state: State, parameters: Parameters) -> tuple[State, _Cache]:
        """One step of the equations at the top of the module."""
        weight_ih, weight_hh, bias_ih, bias_hh = parameters
        (h,) = state
        x_r, x_z, x_n = np.split(affine(x, weight_ih, bias_ih), 3, axis=1)
        h_r, h_z, h_n = np.split(affine(h, weight_hh, bias_hh), 3, axis=1)
        r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
        n = np.tanh(x_n + r * h_n)
        h_new = (1.0 - z) * n + z * h
        return (h_new,), (x, h, r, z, n, h_n)

    def adjoint(
        self, d_state: State, cache: _Cache, parameters: Parameters, gradients: Parameters
    ) -> tuple[Array, State]:
        """The adjoint of :meth:`step`, each line below the one it derives from."""
        weight_ih, weight_hh, _, _ = parameters
        d_weight_ih, d_weight_hh, d_bias_ih, d_bias_hh = gradients
        x, h, r, z, n, h_n = cache
        (d_h_new,) = d_state

        # h_new = (1 - z) * n + z * h
        d_z, d_n, d_h = d_h_new * (h - n), d_h_new * (1.0 - z), d_h_new * z
        # n = tanh(x_n + r * h_n)
        d_x_n = d_n * (1.0 - n * n)
        d_r, d_h_n = d_x_n * h_n, d_x_n * r
        # r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
        d_a_r, d_a_z = d_r * r * (1.0 - r), d_z * z * (1.0 - z)
        # h_r, h_z, h_n = split(affine(h, weight_hh, bias_hh), 3)
        d_a_h = np.concatenate([d_a_r, d_a_z, d_h_n], axis=1)
        d_h = d_h + affine_adjoint(d_a_h, h, weight_hh, d_weight_hh, d_bias_hh)
        # x_r, x_z, x_n = split(affine(x, weight_ih, bias_ih), 3)
        d_a_x = np.concatenate([d_a_r, d_a_z, d_x_n], axis=1)
        d_x = affine_adjoint(d_a_x, x, weight_ih, d_weight_ih, d_bias_ih)
        return d_x, (d_h,)


class GRUResetBeforeCell(Cell):
    """Gated recurrent unit that resets before the recurrent product (Cho 2014, ONNX)."""

    name = "gru_reset_before"
    gates = ("r", "z", "n")

    def step(self, x: Array, state: State, parameters: Parameters) -> tuple[State, _Cache]:
        """One step of the equations at the top of the module."""
        weight_ih, _, bias_ih, _ = parameters
        (w_rz, w_n), (b_rz, b_n) = _split_recurrent(parameters)
        (h,) = state
        x_r, x_z, x_n = np.split(affine(x, weight_ih, bias_ih), 3, axis=1)
        h_r, h_z = np.split(affine(h, w_rz, b_rz), 2, axis=1)
        r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
        r_h = r * h
        n = np.tanh(x_n + affine(r_h, w_n, b_n))
        h_new = (1.0 - z) * n + z * h
        return (h_new,), (x, h, r, z, n, r_h)

    def adjoint(
        self, d_state: State, cache: _Cache, parameters: Parameters, gradients: Parameters
    ) -> tuple[Array, State]:
        """The adjoint of :meth:`step`, each line below the one it derives from."""
        weight_ih = parameters[0]
        (w_rz, w_n), _ = _split_recurrent(parameters)
        d_weight_ih, _, d_bias_ih, _ = gradients
        (d_w_rz, d_w_n), (d_b_rz, d_b_n) = _split_recurrent(gradients)
        x, h, r, z, n, r_h = cache
        (d_h_new,) = d_state

        # h_new = (1 - z) * n + z * h
        d_z, d_n, d_h = d_h_new * (h - n), d_h_new * (1.0 - z), d_h_new * z
        # n = tanh(x_n + affine(r_h, w_n, b_n))
        d_x_n = d_n * (1.0 - n * n)
        d_r_h = affine_adjoint(d_x_n, r_h, w_n, d_w_n, d_b_n)
        # r_h = r * h
        d_r, d_h = d_r_h * h, d_h + d_r_h * r
        # r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
        d_a_r, d_a_z = d_r * r * (1.0 - r), d_z * z * (1.0 - z)
        # h_r, h_z = split(affine(h, w_rz, b_rz), 2)
        d_a_h = np.concatenate([d_a_r, d_a_z], axis=1)
        d_h = d_h + affine_adjoint(d_a_h, h, w_rz, d_w_rz, d_b_rz)
        # x_r, x_z, x_n = split(affine(x, weight_ih, bias_ih), 3)
        d_a_x = np.concatenate([d_a_r, d_a_z, d_x_n], axis=1)
        d_x = affine_adjoint(d_a_x, x, weight_ih, d_weight_ih, d_bias_ih)
        return d_x, (d_h,)


def _split_recurrent(
    parameters: Parameters,
) -> tuple[tuple[Array, Array], tuple[Array | None, Array | None]]:
    """Views of the recurrent weight and bias: rows of the gates r and z, and those of n."""
    _, weight_hh, _, bias_hh = parameters
    split = 2 * weight_hh.shape[1]
    weights = weight_hh[:split], weight_hh[split:]
    if bias_hh is None:
        return weights, (None, None)
    return weights, (bias_hh[:split], bias_hh[split:])
