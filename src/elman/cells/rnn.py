"""The simple recurrent cell, with tanh or a rectifier as its nonlinearity.

    a  = W_ih x + b_ih + W_hh h + b_hh
    h' = phi(a),    phi = tanh or max(0, .)

Sources: J. L. Elman, "Finding structure in time", Cognitive Science 14 (1990) 179-211; the
rectified form: Q. V. Le, N. Jaitly, G. E. Hinton, "A simple way to initialize recurrent
networks of rectified linear units", arXiv:1504.00941. Two biases, as in PyTorch and cuDNN.
With layer normalisation each of the two products, biases included, is normalised.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from elman.cells.base import Array, Cell, Parameters, State, products

__all__ = ["RNNReluCell", "RNNTanhCell"]

_Cache = tuple[Any, Any, Array]


class _RNNCell(Cell):
    gates = ("h",)

    @staticmethod
    @abstractmethod
    def phi(a: Array) -> Array:
        """The nonlinearity."""

    @staticmethod
    @abstractmethod
    def phi_slope(h_new: Array) -> Array:
        """Derivative of the nonlinearity, written in its value ``h_new = phi(a)``."""

    def step(
        self, x: Array, state: State, parameters: Parameters, mask: Array | None = None
    ) -> tuple[State, _Cache]:
        from_input, from_state = products(parameters, mask)
        (h,) = state
        a_x, kept_x = from_input.forward(x)
        a_h, kept_h = from_state.forward(h)
        h_new = self.phi(a_x + a_h)
        return (h_new,), (kept_x, kept_h, h_new)

    def adjoint(
        self,
        d_state: State,
        cache: _Cache,
        parameters: Parameters,
        gradients: Parameters,
        mask: Array | None = None,
    ) -> tuple[Array, State]:
        from_input, from_state = products(parameters, mask)
        d_from_input, d_from_state = products(gradients)
        kept_x, kept_h, h_new = cache
        (d_h_new,) = d_state

        # h_new = phi(a_x + a_h)
        d_a = d_h_new * self.phi_slope(h_new)
        # a_h = from_state(h)
        d_h = from_state.adjoint(d_a, kept_h, d_from_state)
        # a_x = from_input(x)
        d_x = from_input.adjoint(d_a, kept_x, d_from_input)
        return d_x, (d_h,)


class RNNTanhCell(_RNNCell):
    """Elman's cell: ``h' = tanh(W_ih x + b_ih + W_hh h + b_hh)``."""

    name = "rnn_tanh"

    @staticmethod
    def phi(a: Array) -> Array:
        """The hyperbolic tangent."""
        h_new: Array = np.tanh(a)
        return h_new

    @staticmethod
    def phi_slope(h_new: Array) -> Array:
        """``tanh' = 1 - tanh^2``."""
        slope: Array = 1.0 - h_new * h_new
        return slope


class RNNReluCell(_RNNCell):
    """Elman's cell with a rectifier: ``h' = max(0, W_ih x + b_ih + W_hh h + b_hh)``."""

    name = "rnn_relu"

    @staticmethod
    def phi(a: Array) -> Array:
        """The rectifier."""
        h_new: Array = np.maximum(a, 0.0)
        return h_new

    @staticmethod
    def phi_slope(h_new: Array) -> Array:
        """1 above zero, else 0: also 0 at the kink, as in PyTorch."""
        slope: Array = (h_new > 0.0).astype(h_new.dtype)
        return slope
