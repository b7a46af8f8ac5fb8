"""The walk for Keras on TensorFlow, eager and inside ``tf.function``: operations of the core's own."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import tensorflow as tf

from elman import _core
from elman.errors import BackendUnavailable
from elman.keras.walk import Plan

__all__ = ["run"]


def run(plan: Plan, tensors: Sequence[Any]) -> Sequence[Any]:
    """The outputs and the final states."""
    _register()
    tensors = [tf.convert_to_tensor(one) for one in tensors]  # variables are read
    found: Sequence[Any] = _walk(plan)(*tensors) if tf.executing_eagerly() else _traced(plan, tensors)
    return found


@cache
def _register() -> None:
    """Makes the operations known to TensorFlow.

    Raises:
        BackendUnavailable: If this TensorFlow cannot take them.
    """
    folder, name = tf.sysconfig.get_link_flags()
    _core.register_tensorflow(str(Path(folder.removeprefix("-L")) / name.removeprefix("-l:")))


@cache
def _walk(plan: Plan) -> Any:
    """The walk outside of a graph."""
    return tf.function(lambda *tensors: _traced(plan, tensors), reduce_retracing=True)


def _traced(plan: Plan, tensors: Sequence[Any]) -> Sequence[Any]:
    """The operations in the graph that is being built."""

    @tf.custom_gradient  # type: ignore[untyped-decorator, unused-ignore]
    def walked(*inputs: Any) -> Any:
        arrays, mask = (inputs[:-1], inputs[-1:]) if plan.masked else (inputs, ())
        *results, kept = _operation("ElmanWalk", plan, arrays, mask, (), 2 + plan.states)
        rows, steps, _ = arrays[0].shape
        units = arrays[1].shape[1]
        results[0].set_shape((rows, steps, units) if plan.all_outputs else (rows, units))
        for one in results[1:]:
            one.set_shape((rows, units))

        def gradient(*d_results: Any) -> Any:
            after = (kept, *d_results)
            found = _operation("ElmanWalkGradient", plan, arrays, mask, after, len(arrays))
            for one, like in zip(found, arrays, strict=True):
                one.set_shape(like.shape)
            return [*found, None] if plan.masked else found

        return results, gradient

    found: Sequence[Any] = walked(*tensors)
    return found


def _operation(
    name: str,
    plan: Plan,
    arrays: Sequence[Any],
    mask: Sequence[Any],
    after: Sequence[Any],
    results: int,
) -> list[Any]:
    """The outputs of one of the core's operations, added to the graph that is being built."""
    dtype = arrays[0].dtype
    numbers = {"N": len(arrays), "M": len(mask), "K": len(after), "R": results}
    flags = {
        "use_bias": plan.bias,
        "go_backwards": plan.go_backwards,
        "all_outputs": plan.all_outputs,
        "masked": plan.masked,
        "zero_masked": plan.zero_masked,
        "begins": plan.begins,
    }
    value = tf.compat.v1.AttrValue
    attributes = {
        "T": value(type=dtype.as_datatype_enum),
        "cell": value(s=plan.cell.encode()),
        **{name: value(i=number) for name, number in numbers.items()},
        **{name: value(b=flag) for name, flag in flags.items()},
    }
    graph = tf.compat.v1.get_default_graph()
    inputs = [*arrays, *mask, *after]
    operation = graph.create_op(name, inputs, [dtype] * results, attrs=attributes)
    return list(operation.outputs)
