"""The walk for Keras on PyTorch: calls of the core on the tensors' own memory.

In a compiled graph (``compile(jit_compile=True)``) it is a registered operator, whose gradient is
another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from elman import _core
from elman.cells import CELLS
from elman.errors import InputError
from elman.keras import torch_reference
from elman.keras.plan import Plan
from elman.torch import paths
from elman.torch.level import are_many, gradients_of

__all__ = ["run", "why_not"]

_PLAIN = torch.nn.Module()  # with nothing of its own that stands against the kernels


def why_not(x: Tensor) -> str | None:
    """``None`` if the kernels serve such an input; else what stands against it."""
    return paths.why_not(_PLAIN, x)


def run(plan: Plan, tensors: Sequence[Tensor]) -> Sequence[Tensor]:
    """The outputs and the final states."""
    if torch.compiler.is_compiling():
        cell, *flags = plan
        found: Sequence[Tensor] = torch.ops.elman.keras_walk(list(tensors), cell, flags)[:-1]
    elif torch.is_grad_enabled() and any(one.requires_grad for one in tensors):
        found = _Walk.apply(plan, *tensors)  # type: ignore[no-untyped-call]
    else:
        found = forward(plan, tensors, False)[:-1]
    return found


class _Walk(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, plan: Plan, *tensors: Tensor) -> tuple[Tensor, ...]:
        *results, kept = forward(plan, tensors, True)
        ctx.plan, ctx.kept = plan, [kept]
        ctx.set_materialize_grads(False)
        x, *others = tensors
        state, others = others[: plan.states], others[plan.states :]
        # A stateful layer assigns to the state that came in before the backward pass.
        state = [one if one.requires_grad else one.clone() for one in state]
        ctx.save_for_backward(x, *state, *others)
        return tuple(results)

    @staticmethod
    def backward(ctx: Any, *d_results: Tensor | None) -> Any:
        """By the kernels; or, if the derivative is to be differentiated or many are asked for at
        once (``is_grads_batched``), by PyTorch's own."""
        plan, wanted = ctx.plan, ctx.needs_input_grad[1:]
        tensors = ctx.saved_tensors
        if torch.is_grad_enabled() or are_many(d_results):
            return None, *_differentiable(plan, tensors, d_results, wanted)
        mask, units = tensors[-1] if plan.masked else None, tensors[1].shape[1]
        try:
            kept = ctx.kept.pop()  # which is for one pass; two threads may come for it
        except IndexError:
            *_, kept = forward(plan, tensors, True)
        return None, *backward(plan, tensors[0], mask, kept, d_results, units, wanted, True)


def _differentiable(
    plan: Plan,
    tensors: Sequence[Tensor],
    d_results: Sequence[Tensor | None],
    wanted: Sequence[bool],
) -> list[Tensor | None]:
    """Gradients made of PyTorch's own operations, so that they have gradients too."""
    create_graph = torch.is_grad_enabled()
    with torch.enable_grad():
        # in tensors of their own: one that came in twice has two gradients, which PyTorch adds
        own = [one.view_as(one) for one in tensors]
        results = torch_reference.walk(plan, own)
    return gradients_of(results, d_results, own, wanted, create_graph)


def forward(
    plan: Plan, tensors: Sequence[Tensor], training: bool, block: Any = torch.empty
) -> list[Tensor]:
    """The outputs, the final states, and what :func:`backward` needs, if ``training``.

    Raises:
        InputError: If the tensors are not those of the plan, on the CPU and of one dtype.
    """
    x, sizes = tensors[0], _sizes(tensors)
    _check(plan, tensors, sizes)
    given = [_as_read(one) for one in tensors]
    results = [x.new_empty(shape) for shape in _result_shapes(plan, sizes)]
    kept = block(_kept_elements(plan, x, sizes) if training else 0, dtype=x.dtype)
    call = _core.keras_forward64 if x.dtype == torch.float64 else _core.keras_forward32
    addresses = [one.data_ptr() for one in (*given, *results)]
    call(plan, sizes, addresses, kept.data_ptr() if training else 0)
    return [*results, kept]


def backward(
    plan: Plan,
    x: Tensor,
    mask: Tensor | None,
    kept: Tensor,
    d_results: Sequence[Tensor | None],
    units: int,
    wanted: Sequence[bool],
    over: bool = False,
) -> list[Tensor | None]:
    """The gradient of each tensor of :func:`forward`, as far as it is wanted and has one.

    Args:
        plan: That of the forward pass.
        x: As it was there.
        mask: As it was there.
        kept: What the forward pass gave.
        d_results: The gradients of its results; ``None`` for zeros.
        units: ``H``.
        wanted: Of each tensor of the forward pass.
        over: Whether nobody needs ``kept`` any more, so that its memory may be written to.
    """
    sizes = [*x.shape, units]
    given = [x, *([] if mask is None else [mask]), *d_results]
    given = [None if one is None else _as_read(one) for one in given]
    found = [
        x.new_empty(shape) if wish else None
        for shape, wish in zip(_gradient_shapes(plan, sizes), wanted, strict=False)
    ]
    call = _core.keras_backward64 if x.dtype == torch.float64 else _core.keras_backward32
    addresses = [0 if one is None else one.data_ptr() for one in (*given, *found)]
    call(plan, sizes, addresses, kept.data_ptr(), over)
    return [*found, *[None] * (len(wanted) - len(found))]


def _as_read(tensor: Tensor) -> Tensor:
    """The same without gaps, and not kept with its sign turned: as its memory is read."""
    return tensor.contiguous().resolve_neg()


def _sizes(tensors: Sequence[Tensor]) -> list[int]:
    """Rows, steps, inputs and units."""
    return [*tensors[0].shape, tensors[1].shape[1]]


def _check(plan: Plan, tensors: Sequence[Tensor], sizes: Sequence[int]) -> None:
    x, (rows, steps, inputs, units) = tensors[0], sizes
    expected = [(shape, x.dtype) for shape in _gradient_shapes(plan, sizes)]
    factors = (len(CELLS[plan.cell].gates), rows, inputs + units) if plan.by_gate else (rows, units)
    expected += [(factors, x.dtype)] * plan.recurrent_dropout
    expected += [((rows, steps), torch.bool)] * plan.masked
    found = [(one.shape, one.dtype) for one in tensors]
    if found == expected and all(one.is_cpu for one in tensors):
        return
    described = [f"{list(one.shape)} {one.dtype} on {one.device}" for one in tensors]
    raise InputError(
        f"the tensors of a layer: expected {[(list(a), str(b)) for a, b in expected]} on the CPU,"
        f" got {described}: give inputs and states of the layer's own sizes, dtype and device"
    )


def _kept_elements(plan: Plan, x: Tensor, sizes: Sequence[int]) -> int:
    count = _core.keras_kept64 if x.dtype == torch.float64 else _core.keras_kept32
    return count(plan, sizes)


def _result_shapes(plan: Plan, sizes: Sequence[int]) -> list[tuple[int, ...]]:
    rows, steps, _, units = sizes
    output = (rows, steps, units) if plan.all_outputs else (rows, units)
    return [output, *[(rows, units)] * plan.states]


def _gradient_shapes(plan: Plan, sizes: Sequence[int]) -> list[tuple[int, ...]]:
    rows, steps, inputs, units = sizes
    columns = len(CELLS[plan.cell].gates) * units
    kernels: list[tuple[int, ...]] = [(inputs, columns), (units, columns)]
    biases: list[tuple[int, ...]] = [(2, columns) if plan.cell == "gru" else (columns,)]
    states: list[tuple[int, ...]] = [(rows, units)] * plan.states
    return [(rows, steps, inputs), *states, *kernels, *(biases if plan.bias else [])]


# --- In compiled graphs, where a plan is a cell and flags ----------------------------------------


@torch.library.custom_op("elman::keras_walk", mutates_args=())
def _walk(tensors: Sequence[Tensor], cell: str, flags: Sequence[bool]) -> list[Tensor]:
    # an operator gives the same for the same, also where nobody reads
    return forward(Plan(cell, *flags), tensors, True, torch.zeros)


@_walk.register_fake
def _(tensors, cell, flags):  # type: ignore[no-untyped-def]
    plan, x, sizes = Plan(cell, *flags), tensors[0], _sizes(tensors)
    kept = _kept_elements(plan, x, [int(size) for size in sizes])
    return [x.new_empty(shape) for shape in (*_result_shapes(plan, sizes), (kept,))]


@torch.library.custom_op("elman::keras_walk_backward", mutates_args=())
def _walk_backward(
    x: Tensor,
    mask: Tensor | None,
    kept: Tensor,
    d_results: Sequence[Tensor],
    units: int,
    cell: str,
    flags: Sequence[bool],
) -> list[Tensor]:
    plan = Plan(cell, *flags)
    number = len(_gradient_shapes(plan, [*x.shape, units]))
    found = backward(plan, x, mask, kept, d_results, units, [True] * number)
    return [one for one in found if one is not None]


@_walk_backward.register_fake
def _(x, mask, kept, d_results, units, cell, flags):  # type: ignore[no-untyped-def]
    shapes = _gradient_shapes(Plan(cell, *flags), [*x.shape, units])
    return [x.new_empty(shape) for shape in shapes]


def _keep(ctx: Any, inputs: tuple[Any, ...], output: list[Tensor]) -> None:
    tensors, cell, flags = inputs
    ctx.plan, ctx.number, ctx.units = Plan(cell, *flags), len(tensors), tensors[1].shape[1]
    mask = tensors[-1] if ctx.plan.masked else None
    ctx.save_for_backward(tensors[0], mask, *output)


def _differentiate(ctx: Any, d_output: Sequence[Tensor | None]) -> Any:
    x, mask, *results, kept = ctx.saved_tensors
    full = [
        torch.zeros_like(result) if one is None else one
        for one, result in zip(d_output[:-1], results, strict=True)
    ]
    cell, *flags = ctx.plan
    found = torch.ops.elman.keras_walk_backward(x, mask, kept, full, ctx.units, cell, flags)
    none = [None] * (ctx.number - len(found))
    return [*found, *none], None, None


_walk.register_autograd(_differentiate, setup_context=_keep)
