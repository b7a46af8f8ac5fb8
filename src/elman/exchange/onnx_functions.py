"""The layers that are no operator of the ONNX standard, as functions of the model that uses them.

Each is written out in standard operators, so that any runtime with model-local functions runs it;
its name, in the domain ``elman``, is what a reader sees and what comes back as the layer. Values
are time-major ``(T, N, C)``, ``lengths`` int64 ``(N,)``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import helper, numpy_helper

from elman.exchange.onnx_build import OPSET

__all__ = ["FUNCTIONS"]

_LIVE = (  # live (T, N, 1), bool
    "count = Shape<start=0, end=1>(x); steps = Squeeze(count); order = Range(zero, steps, one)",
    "times = Unsqueeze(order, one1); here = Less(times, lengths); live = Unsqueeze(here, two1)",
    "factor = CastLike(live, x); alive = Greater(lengths, zero); alive1 = Unsqueeze(alive, one1)",
    "any = CastLike(alive1, x)",
)
_LAST = (
    "end = Sub(lengths, one); at = Equal(times, end); at1 = Unsqueeze(at, two1)",
    "pick = CastLike(at1, x)",
)
_BODIES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "Masked": (("x", "lengths"), (*_LIVE, "y = Mul(x, factor)")),
    "Last": (
        ("x", "lengths"),
        (*_LIVE, *_LAST, "kept = Mul(x, pick); y = ReduceSum<keepdims=0>(kept, zero1)"),
    ),
    "First": (("x", "lengths"), (*_LIVE, "begin = Gather<axis=0>(x, zero); y = Mul(begin, any)")),
    "Ends": (
        ("x", "lengths"),
        (
            *_LIVE,
            *_LAST,
            "ahead, back = Split<axis=2, num_outputs=2>(x); kept = Mul(ahead, pick)",
            "last = ReduceSum<keepdims=0>(kept, zero1); begin = Gather<axis=0>(back, zero)",
            "first = Mul(begin, any); y = Concat<axis=1>(last, first)",
        ),
    ),
    "MeanPool": (
        ("x", "lengths"),
        (
            *_LIVE,
            "kept = Mul(x, factor); total = ReduceSum<keepdims=0>(kept, zero1)",
            "number = Max(lengths, one); number1 = Unsqueeze(number, one1)",
            "divisor = CastLike(number1, x); y = Div(total, divisor)",
        ),
    ),
    "MaxPool": (
        ("x", "lengths"),
        (
            *_LIVE,
            "low = CastLike(lowest, x); kept = Where(live, x, low)",
            "top = ReduceMax<keepdims=0>(kept, zero1); none = CastLike(zero, x)",
            "y = Where(alive1, top, none)",
        ),
    ),
    "AttentionPool": (
        ("x", "lengths", "weight", "bias", "score"),
        (
            *_LIVE,
            "product = MatMul(x, weight); shifted = Add(product, bias); hidden = Tanh(shifted)",
            "scores = MatMul(hidden, score); low = CastLike(lowest, x)",
            "seen = Where(live, scores, low); shares = Softmax<axis=0>(seen)",
            "weights = Mul(shares, factor); parts = Mul(weights, x)",
            "y = ReduceSum<keepdims=0>(parts, zero1)",
        ),
    ),
    "MarkMissing": (
        ("x",),
        (
            "missing = IsNaN(x); none = CastLike(zero, x); kept = Where(missing, none, x)",
            "marks = CastLike(missing, x); y = Concat<axis=2>(kept, marks)",
        ),
    ),
    # steps: how many the network reads, a vector of one number; order: 1 ... positions, float64
    "Repeat": (
        ("x", "lengths", "order", "steps"),
        (
            "count = Squeeze(steps); range = Range(zero, count, one)",
            "times = CastLike(range, order); middle = Add(times, half)",
            "middle1 = Unsqueeze(middle, one1)",
            "number = Max(lengths, one); divisor = CastLike(number, order)",
            "share = Div(middle1, divisor); share1 = Unsqueeze(share, two1)",
            "angle = Mul(share1, order); turned = Mul(angle, pi); cosines = Cos(turned)",
            "told = CastLike(cosines, x); shape = Shape(x); whole = Concat<axis=0>(steps, shape)",
            "said = Expand(x, whole); y = Concat<axis=2>(said, told)",
        ),
    ),
}
_CONSTANTS: dict[str, Any] = {
    "zero": np.int64(0),
    "one": np.int64(1),
    "zero1": np.array([0]),
    "one1": np.array([1]),
    "two1": np.array([2]),
    "half": np.float64(0.5),
    "pi": np.float64(np.pi),
    "lowest": np.float64(-1e30),
}


def _statement(text: str) -> Any:
    """One operator, written ``a, b = Op<axis=1>(x, y)``."""
    outputs, call = text.split(" = ", 1)
    head, inputs = call.rstrip(")").split("(", 1)
    kind, _, given = head.partition("<")
    options: dict[str, Any] = {}
    for one in filter(None, given.rstrip(">").split(", ")):
        name, value = one.split("=")
        options[name] = int(value)
    return helper.make_node(kind, inputs.split(", "), outputs.split(", "), **options)


def _function(name: str) -> Any:
    inputs, lines = _BODIES[name]
    nodes = [_statement(one.strip()) for line in lines for one in line.split("; ")]
    used = {value for node in nodes for value in node.input}
    constants = [
        helper.make_node(
            "Constant", [], [known], value=numpy_helper.from_array(np.asarray(value), known)
        )
        for known, value in _CONSTANTS.items()
        if known in used
    ]
    return helper.make_function(
        "elman",
        name,
        list(inputs),
        ["y"],
        [*constants, *nodes],
        [helper.make_opsetid("", OPSET)],
    )


FUNCTIONS: dict[str, Any] = {name: _function(name) for name in _BODIES}
"""Every function by its name."""
