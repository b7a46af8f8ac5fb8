"""The recurrent operators of the ONNX standard in all their options, one step and its adjoint.

They are not among :data:`elman.cells.CELLS`: no compiled core serves them. With ``f``, ``g`` and
``h`` each tanh, sigmoid or the rectifier, what ``f`` and ``g`` read clipped to [-clip, clip] where
that is given, and ``*`` between vectors element by element:

    RNN   h' = f(W x + b + U h)

    LSTM  i  = f(W_i x + U_i h + p_i * c + b_i)
          k  = f(W_f x + U_f h + p_f * c + b_f), or 1 - i with input_forget
          n  = g(W_g x + U_g h + b_g)
          c' = k * c + i * n
          o  = f(W_o x + U_o h + p_o * c' + b_o)
          h' = o * h(c')

    GRU   z  = f(W_z x + U_z h + b_z),  r = f(W_r x + U_r h + b_r)
          n  = g(W_n x + b_n + r * (U_n h + b_hn))     reset after (linear_before_reset=1)
          n  = g(W_n x + b_n + U_n (r * h) + b_hn)     reset before
          h' = (1 - z) * n + z * h

The standard says that clip acts on "the input of activations". ONNX Runtime leaves out what ``h``
reads, the memory, and so do these cells: the tests hold them against it.

Source: ONNX operators RNN-14, LSTM-14 and GRU-14; the peepholes: F. A. Gers and J. Schmidhuber,
"Recurrent nets that time and count", IJCNN 2000. Gates are stacked as in PyTorch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

import numpy as np

from elman.cells.base import Array, affine, affine_adjoint, sigmoid

__all__ = ["NONLINEARITIES", "STANDARD_CELLS", "StandardCell"]

Values: TypeAlias = Mapping[str, Array]
State: TypeAlias = tuple[Array, ...]


def _relu(a: Array) -> Array:
    value: Array = np.maximum(a, 0.0)
    return value


def _tanh(a: Array) -> Array:
    value: Array = np.tanh(a)
    return value


# Each with its derivative, written in its value.
NONLINEARITIES: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "tanh": (_tanh, lambda y: 1.0 - y * y),
    "sigmoid": (sigmoid, lambda y: y * (1.0 - y)),
    "relu": (_relu, lambda y: (y > 0.0).astype(y.dtype)),
}


@dataclass(frozen=True)
class StandardCell(ABC):
    """One recurrent operator, one direction of it.

    Attributes:
        activations: Names in :data:`NONLINEARITIES`, as many as the operator has.
        clip: Bound of what the first two read, or ``None``.
        input_forget: Of an LSTM: whether the forget gate is one minus the input gate.
        reset_after: Of a GRU: whether the reset gate is applied after the recurrent product.
    """

    activations: Sequence[str] = field()
    clip: float | None = None
    input_forget: bool = False
    reset_after: bool = True

    gates: ClassVar[int]
    states: ClassVar[tuple[str, ...]] = ("h",)
    defaults: ClassVar[tuple[str, ...]]

    @abstractmethod
    def step(self, x: Array, state: State, values: Values) -> tuple[State, Any]:
        """The state after a step, and what :meth:`adjoint` needs.

        Args:
            x: ``(B, D)``.
            state: One ``(B, H)`` for each of :attr:`states`.
            values: ``weight_ih``, ``weight_hh``, and if there are any ``bias_ih``, ``bias_hh``
                and ``weight_peephole`` ``(3 H,)`` of i, f, o.
        """

    @abstractmethod
    def adjoint(
        self, d_state: State, cache: Any, values: Values, gradients: Values
    ) -> tuple[Array, State]:
        """Adds to the gradients; returns those of ``x`` and of the state before the step."""

    def act(self, which: int, a: Array) -> Array:
        """An activation of what is clipped, but for the third, which reads the memory."""
        if self.clip is not None and which < 2:
            a = np.clip(a, -self.clip, self.clip)
        return NONLINEARITIES[self.activations[which]][0](a)

    def slope(self, which: int, a: Array, y: Array) -> Array:
        """The derivative of :meth:`act` at ``a``, where its value is ``y``."""
        slope = NONLINEARITIES[self.activations[which]][1](y)
        if self.clip is None or which == 2:
            return slope
        return slope * (np.abs(a) < self.clip)


class StandardRNN(StandardCell):
    """RNN-14."""

    gates = 1
    defaults = ("tanh",)

    def step(self, x: Array, state: State, values: Values) -> tuple[State, Any]:
        """The equation at the top of the module."""
        (h,) = state
        a = _read(x, values) + _recur(h, values)
        h_new = self.act(0, a)
        return (h_new,), (x, h, a, h_new)

    def adjoint(
        self, d_state: State, cache: Any, values: Values, gradients: Values
    ) -> tuple[Array, State]:
        """The adjoint of :meth:`step`."""
        x, h, a, h_new = cache
        # h_new = f(a)
        d_a = d_state[0] * self.slope(0, a, h_new)
        # a = W x + b + U h
        return _read_adjoint(d_a, x, values, gradients), (
            _recur_adjoint(d_a, h, values, gradients),
        )


class StandardLSTM(StandardCell):
    """LSTM-14."""

    gates = 4
    states = ("h", "c")
    defaults = ("sigmoid", "tanh", "tanh")

    def step(self, x: Array, state: State, values: Values) -> tuple[State, Any]:
        """The equations at the top of the module."""
        h, c = state
        p_i, p_f, p_o = _peepholes(values, h.shape[1])
        a_i, a_f, a_g, a_o = np.split(_read(x, values) + _recur(h, values), 4, axis=1)
        a_i, a_f = a_i + p_i * c, a_f + p_f * c
        i, g = self.act(0, a_i), self.act(1, a_g)
        f = 1.0 - i if self.input_forget else self.act(0, a_f)
        c_new = f * c + i * g
        a_o = a_o + p_o * c_new
        o, seen = self.act(0, a_o), self.act(2, c_new)
        return (o * seen, c_new), (x, h, c, (a_i, a_f, a_g, a_o), (i, f, g, o), c_new, seen)

    def adjoint(
        self, d_state: State, cache: Any, values: Values, gradients: Values
    ) -> tuple[Array, State]:
        """The adjoint of :meth:`step`, each line below the one it derives from."""
        x, h, c, (a_i, a_f, a_g, a_o), (i, f, g, o), c_new, seen = cache
        d_h_new, d_c_new = d_state
        p_i, p_f, p_o = _peepholes(values, h.shape[1])
        # h_new = o * seen, seen = h(c_new)
        d_a_o = d_h_new * seen * self.slope(0, a_o, o)
        d_c_new = d_c_new + d_h_new * o * self.slope(2, c_new, seen)
        # a_o = ... + p_o * c_new
        d_c_new = d_c_new + d_a_o * p_o
        # c_new = f * c + i * g
        d_c, d_f, d_i = d_c_new * f, d_c_new * c, d_c_new * g
        d_a_g = d_c_new * i * self.slope(1, a_g, g)
        # f = 1 - i, or f(a_f)
        d_a_f = np.zeros_like(d_f) if self.input_forget else d_f * self.slope(0, a_f, f)
        d_a_i = (d_i - d_f if self.input_forget else d_i) * self.slope(0, a_i, i)
        # a_i, a_f = ... + p_i * c, ... + p_f * c
        d_c = d_c + d_a_i * p_i + d_a_f * p_f
        if "weight_peephole" in gradients:
            products = (d_a_i * c, d_a_f * c, d_a_o * c_new)
            gradients["weight_peephole"][...] += np.concatenate([p.sum(axis=0) for p in products])
        d_a = np.concatenate([d_a_i, d_a_f, d_a_g, d_a_o], axis=1)
        d_h = _recur_adjoint(d_a, h, values, gradients)
        return _read_adjoint(d_a, x, values, gradients), (d_h, d_c)


class StandardGRU(StandardCell):
    """GRU-14."""

    gates = 3
    defaults = ("sigmoid", "tanh")

    def step(self, x: Array, state: State, values: Values) -> tuple[State, Any]:
        """The equations at the top of the module."""
        (h,) = state
        split = 2 * h.shape[1]
        weight, bias = values["weight_hh"], values.get("bias_hh")
        x_rz, x_n = np.split(_read(x, values), [split], axis=1)
        a_rz = x_rz + affine(h, weight[:split], None if bias is None else bias[:split])
        gates = self.act(0, a_rz)
        r, z = np.split(gates, 2, axis=1)
        read = h if self.reset_after else r * h
        h_n = affine(read, weight[split:], None if bias is None else bias[split:])
        a_n = x_n + (r * h_n if self.reset_after else h_n)
        n = self.act(1, a_n)
        return ((1.0 - z) * n + z * h,), (x, h, a_rz, gates, read, h_n, a_n, n)

    def adjoint(
        self, d_state: State, cache: Any, values: Values, gradients: Values
    ) -> tuple[Array, State]:
        """The adjoint of :meth:`step`, each line below the one it derives from."""
        x, h, a_rz, gates, read, h_n, a_n, n = cache
        (d_h_new,) = d_state
        split = 2 * h.shape[1]
        r, z = np.split(gates, 2, axis=1)
        weight, d_weight = values["weight_hh"], gradients["weight_hh"]
        d_bias = gradients.get("bias_hh")
        # h_new = (1 - z) * n + z * h
        d_z, d_h = d_h_new * (h - n), d_h_new * z
        d_a_n = d_h_new * (1.0 - z) * self.slope(1, a_n, n)
        # a_n = x_n + r * h_n, or x_n + h_n
        d_h_n = d_a_n * r if self.reset_after else d_a_n
        # h_n = U_n read + b_hn
        own = None if d_bias is None else d_bias[split:]
        d_read = affine_adjoint(d_h_n, read, weight[split:], d_weight[split:], own)
        # read = h, or r * h
        d_r = d_a_n * h_n if self.reset_after else d_read * h
        d_h = d_h + (d_read if self.reset_after else d_read * r)
        # r, z = f(a_rz)
        d_a_rz = np.concatenate([d_r, d_z], axis=1) * self.slope(0, a_rz, gates)
        own = None if d_bias is None else d_bias[:split]
        d_h = d_h + affine_adjoint(d_a_rz, h, weight[:split], d_weight[:split], own)
        d_a = np.concatenate([d_a_rz, d_a_n], axis=1)
        return _read_adjoint(d_a, x, values, gradients), (d_h,)


def _read(x: Array, values: Values) -> Array:
    return affine(x, values["weight_ih"], values.get("bias_ih"))


def _recur(h: Array, values: Values) -> Array:
    return affine(h, values["weight_hh"], values.get("bias_hh"))


def _read_adjoint(d_a: Array, x: Array, values: Values, gradients: Values) -> Array:
    return affine_adjoint(
        d_a, x, values["weight_ih"], gradients["weight_ih"], gradients.get("bias_ih")
    )


def _recur_adjoint(d_a: Array, h: Array, values: Values, gradients: Values) -> Array:
    return affine_adjoint(
        d_a, h, values["weight_hh"], gradients["weight_hh"], gradients.get("bias_hh")
    )


def _peepholes(values: Values, size: int) -> tuple[Array, Array, Array]:
    """Those of i, f and o; zeros where there are none."""
    given = values.get("weight_peephole")
    p_i, p_f, p_o = np.split(np.zeros(3 * size) if given is None else given, 3)
    return p_i, p_f, p_o


STANDARD_CELLS: dict[str, type[StandardCell]] = {
    "rnn": StandardRNN,
    "lstm": StandardLSTM,
    "gru": StandardGRU,
}
"""The operators by name."""
