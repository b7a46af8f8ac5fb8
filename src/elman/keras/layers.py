"""The recurrent layers: ``SimpleRNN``, ``LSTM`` and ``GRU`` as those of ``keras.layers``."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from elman.errors import InputError
from elman.keras.bridges import bridge
from elman.keras.plan import Plan

__all__ = ["GRU", "LSTM", "SimpleRNN"]

_BRIDGE = bridge()  # Keras keeps its backend from its import on


class _Walked:
    """What the three layers share: Keras's own layer, but for the walk over time.

    Arguments, weights, masks, states, random numbers and files are Keras's. Where an option is none
    of the kernels', Keras's own code runs, and :attr:`path` says why.
    """

    cell: Any

    @property
    def path(self) -> str:
        """Which code runs, and why if it is not elman's: ``"elman"``, ``"keras (why)"``."""
        reason = self._why_not()
        return "elman" if reason is None else f"keras ({reason})"

    @property
    def supports_jit(self) -> bool:
        """Whether ``jit_compile`` may be: XLA of TensorFlow knows nothing of the core."""
        return self._supports_jit and not (
            keras.backend.backend() == "tensorflow" and self.path.startswith("elman")
        )

    @supports_jit.setter
    def supports_jit(self, value: bool) -> None:
        self._supports_jit = value

    def _cell_name(self) -> str | None:
        """A name in :data:`elman.cells.CELLS`, or ``None`` if the activations are none of its."""
        raise NotImplementedError

    def _why_not(self) -> str | None:
        if self._cell_name() is None:
            return "these activations"
        if self.cell.compute_dtype not in ("float32", "float64"):
            return str(self.cell.compute_dtype)
        kernel = getattr(self.cell, "kernel", None)  # a layer has none before it is built
        return None if kernel is None else _BRIDGE.why_not(kernel.value)

    def inner_loop(
        self, sequences: Any, initial_state: Any, mask: Any, training: bool = False
    ) -> Any:
        """The walk; what it takes and gives is Keras's business."""
        if self._why_not() is not None:
            return super().inner_loop(sequences, initial_state, mask, training)  # type: ignore[misc]
        state = list(initial_state) if isinstance(initial_state, (list, tuple)) else [initial_state]
        mask = _steps_mask(mask[0] if isinstance(mask, (list, tuple)) else mask, sequences)
        cell = self.cell
        factors = None
        if training:
            sequences, factors = self._dropped(sequences, state[0])
        plan = self._plan(mask is not None, factors)
        weights = [cell.kernel, cell.recurrent_kernel, *([cell.bias] if cell.use_bias else [])]
        tensors = [
            ops.convert_to_tensor(sequences, dtype=cell.compute_dtype),
            *state,  # which Keras has converted
            *[one.value for one in weights],
            *([] if factors is None else [factors]),
            *([] if mask is None else [mask]),
        ]
        outputs, *states = _BRIDGE.run(plan, tensors)
        if plan.all_outputs:
            return outputs[:, -1], outputs, states
        return outputs, ops.expand_dims(outputs, 1), states

    def _dropped(self, x: Any, state: Any) -> tuple[Any, Any]:
        """What is left of ``x`` in training, and the factors that the plan has, if any."""
        cell = self.cell
        gated = hasattr(cell, "implementation")  # whose masks act below 1 alone, as Keras has it
        rates = cell.dropout, cell.recurrent_dropout
        of_x, of_state = (0 < rate < 1 or (rate == 1 and not gated) for rate in rates)
        x_mask: Any = cell.get_dropout_mask(x[:, 0, :]) if of_x else None
        factors: Any = cell.get_recurrent_dropout_mask(state) if of_state else None
        if gated and cell.implementation == 1 and (of_x or of_state):  # a list, one for each gate
            some = factors or x_mask
            x_mask = x_mask or [ops.ones_like(x[:, 0, :]) for _ in some]
            factors = factors or [ops.ones_like(state) for _ in some]
            pairs = zip(x_mask, factors, strict=True)
            return x, ops.stack([ops.concatenate(pair, axis=1) for pair in pairs])
        return (x * ops.expand_dims(x_mask, axis=1) if of_x else x), factors

    def _plan(self, masked: bool, factors: Any) -> Plan:
        return Plan(
            self._cell_name() or "",
            self.cell.use_bias,
            bool(self.go_backwards),  # type: ignore[attr-defined]
            bool(self.return_sequences),  # type: ignore[attr-defined]
            masked,
            bool(self.zero_output_for_mask),  # type: ignore[attr-defined]
            keras.backend.backend() == "jax",
            factors is not None,
            factors is not None and len(factors.shape) == 3,
        )


def _steps_mask(mask: Any, sequences: Any) -> Any:
    """A mask as booleans ``(B, T)``; Keras takes ``(B, T, 1)`` too.

    Raises:
        InputError: If its shape is another.
    """
    if mask is None:
        return None
    mask = ops.cast(mask, "bool")
    shape, expected = tuple(mask.shape), tuple(sequences.shape[:2])
    if len(shape) == 3 and shape[2] == 1:
        mask, shape = ops.squeeze(mask, -1), shape[:2]
    known = zip(shape, expected, strict=False)
    if len(shape) != 2 or any(None not in pair and pair[0] != pair[1] for pair in known):
        raise InputError(
            f"mask: expected the shape {expected} of the inputs' rows and steps, got"
            f" {tuple(mask.shape)}: give one boolean for each step"
        )
    return mask


_ACTIVATIONS = {name: keras.activations.get(name) for name in ("tanh", "relu", "sigmoid")}


def _activation(function: Any) -> str | None:
    """The name of an activation of Keras, which a function of that name need not be."""
    return next((name for name, one in _ACTIVATIONS.items() if function is one), None)


@keras.saving.register_keras_serializable(package="elman")
class SimpleRNN(_Walked, keras.layers.SimpleRNN):  # type: ignore[misc]
    """``keras.layers.SimpleRNN`` over elman's kernels; the arguments are those of Keras.

    Served are the activations ``"tanh"`` and ``"relu"``.
    """

    def _cell_name(self) -> str | None:
        name = _activation(self.cell.activation)
        return f"rnn_{name}" if name in ("tanh", "relu") else None


@keras.saving.register_keras_serializable(package="elman")
class LSTM(_Walked, keras.layers.LSTM):  # type: ignore[misc]
    """``keras.layers.LSTM`` over elman's kernels; the arguments are those of Keras.

    Served are the activations ``"tanh"`` and ``"sigmoid"``.
    """

    def _cell_name(self) -> str | None:
        own = (_activation(self.cell.activation), _activation(self.cell.recurrent_activation))
        return "lstm" if own == ("tanh", "sigmoid") else None


@keras.saving.register_keras_serializable(package="elman")
class GRU(_Walked, keras.layers.GRU):  # type: ignore[misc]
    """``keras.layers.GRU`` over elman's kernels, both variants; the arguments are those of Keras.

    Served are the activations ``"tanh"`` and ``"sigmoid"``.
    """

    def _cell_name(self) -> str | None:
        own = (_activation(self.cell.activation), _activation(self.cell.recurrent_activation))
        if own != ("tanh", "sigmoid"):
            return None
        return "gru" if self.cell.reset_after else "gru_reset_before"
