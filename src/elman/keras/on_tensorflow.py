"""The walk for Keras on TensorFlow, eager and inside ``tf.function``: operations of the core.

A program that loads a ``SavedModel`` with such a layer imports this module, which makes the
operations known to TensorFlow.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import tensorflow as tf

from elman import _core
from elman.errors import BackendUnavailable, InputError
from elman.keras.plan import Plan

__all__ = ["run", "why_not"]

_LIBRARIES = {"linux": "libtensorflow_framework.so.2", "darwin": "libtensorflow_framework.2.dylib"}
"""The library of TensorFlow that has its C interface, by :data:`sys.platform`."""


def why_not(x: Any) -> str | None:
    """``None`` if the kernels serve such an input; else what stands against it."""
    return _registered()


@cache
def _registered() -> str | None:
    """Makes the operations known to TensorFlow; says what stands against it, else ``None``."""
    if sys.platform not in _LIBRARIES:
        return f"TensorFlow on {sys.platform}"
    try:
        _core.register_tensorflow(str(Path(tf.sysconfig.get_lib()) / _LIBRARIES[sys.platform]))
    except BackendUnavailable as error:
        return str(error)
    return None


def run(plan: Plan, tensors: Sequence[Any]) -> Sequence[Any]:
    """The outputs and the final states."""
    found: Sequence[Any] = _walk(plan)(*map(tf.convert_to_tensor, tensors))  # variables are read
    return found


@cache
def _walk(plan: Plan) -> Any:
    """The walk as a function of its own, which a tape records wherever it is called."""
    return tf.function(lambda *tensors: _traced(plan, tensors), reduce_retracing=True)


def _traced(plan: Plan, tensors: Sequence[Any]) -> Sequence[Any]:
    """The walk in the graph that is being built."""
    mask = tensors[-1:] if plan.masked else ()
    arrays = tensors[: len(tensors) - len(mask)]
    value = tf.compat.v1.AttrValue
    attributes = {
        "T": value(type=arrays[0].dtype.as_datatype_enum),
        "N": value(i=len(arrays)),
        "M": value(i=len(mask)),
        "cell": value(s=plan.cell.encode()),
        **{name: value(b=flag) for name, flag in zip(plan._fields[1:], plan[1:], strict=True)},
    }
    *results, _ = _operation("ElmanWalk", [*arrays, *mask], 2 + plan.states, attributes)
    rows, steps, _ = arrays[0].shape
    units = arrays[1].shape[1]
    results[0].set_shape((rows, steps, units) if plan.all_outputs else (rows, units))
    for one in results[1:]:
        one.set_shape((rows, units))
    return results


def _operation(name: str, inputs: Any, results: int, attributes: dict[str, Any]) -> list[Any]:
    """The outputs of one of the core's operations, added to the graph that is being built."""
    number = tf.compat.v1.AttrValue(i=results)
    graph = tf.compat.v1.get_default_graph()
    dtypes = [inputs[0].dtype] * results
    operation = graph.create_op(name, inputs, dtypes, attrs={**attributes, "R": number})
    return list(operation.outputs)


@tf.RegisterGradient("ElmanWalk")  # type: ignore[untyped-decorator, unused-ignore]
def _gradient(walk: Any, *d_results: Any) -> list[Any]:
    """The gradients of the inputs; a mask has none."""
    *results, kept = walk.outputs
    given = [
        tf.zeros_like(one) if d_one is None else d_one
        for one, d_one in zip(results, d_results, strict=False)
    ]
    attributes = {name: walk.node_def.attr[name] for name in walk.node_def.attr}
    attributes["K"] = tf.compat.v1.AttrValue(i=1 + len(given))
    number = walk.get_attr("N") - walk.get_attr("recurrent_dropout")  # factors have no gradient
    found = _operation("ElmanWalkGradient", [*walk.inputs, kept, *given], number, attributes)
    for one, like in zip(found, walk.inputs, strict=False):
        one.set_shape(like.shape)
    return [*found, *[None] * (len(walk.inputs) - number)]


@tf.RegisterGradient("ElmanWalkGradient")  # type: ignore[untyped-decorator, unused-ignore]
def _no_second_derivatives(*_: Any) -> list[Any]:
    raise InputError(
        "elman.keras on TensorFlow has no second derivatives; take the layer from keras.layers"
    )


_registered()
