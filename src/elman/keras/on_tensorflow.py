"""The walk for Keras on TensorFlow, eager and inside ``tf.function``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from elman.keras import walk
from elman.keras.walk import Plan

__all__ = ["run"]


def run(plan: Plan, tensors: Sequence[Any]) -> Sequence[Any]:
    """The outputs and the final states."""

    @tf.custom_gradient  # type: ignore[untyped-decorator, unused-ignore]
    def walked(*inputs: Any) -> Any:
        kinds = [inputs[0].dtype] * (1 + plan.states) + [tf.int32]
        *results, ticket = tf.numpy_function(
            lambda *arrays: walk.forward(plan, True, *arrays), inputs, kinds
        )
        rows, steps = inputs[0].shape[:2]
        units = inputs[1].shape[1]
        results[0].set_shape((rows, steps, units) if plan.all_outputs else (rows, units))
        for one in results[1:]:
            one.set_shape((rows, units))

        def gradient(*d_results: Any) -> Any:
            number = len(inputs) - (1 if plan.masked else 0)
            found = tf.numpy_function(
                lambda number_, *arrays: walk.backward(plan, number_, *arrays),
                (ticket, *inputs, *d_results),
                [inputs[0].dtype] * number,
            )
            for one, like in zip(found, inputs, strict=False):
                one.set_shape(like.shape)
            return [*found, None] if plan.masked else found

        return results, gradient

    found: Sequence[Any] = walked(*map(tf.convert_to_tensor, tensors))  # variables are read
    return found
