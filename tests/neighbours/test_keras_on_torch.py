"""The walk in Keras's layout on PyTorch: values and gradients against PyTorch's own operations."""

from __future__ import annotations

import itertools
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import keras_backend  # noqa: F401  # before Keras itself is imported

pytest.importorskip("keras")
torch = pytest.importorskip("torch")

from elman.cells import CELLS  # noqa: E402
from elman.keras import torch_reference  # noqa: E402
from elman.keras.on_torch import run  # noqa: E402
from elman.keras.plan import Plan  # noqa: E402

SCRIPT = Path(__file__).with_name("keras_on_torch.py")


def tensors(plan: Plan, batch: int = 5, steps: int = 7, inputs: int = 3, units: int = 6) -> Any:
    """Of float64, which need their gradients; factors and masks do not."""
    torch.manual_seed(0)
    columns = len(CELLS[plan.cell].gates) * units
    shapes: list[tuple[int, ...]] = [(batch, steps, inputs), *[(batch, units)] * plan.states]
    shapes += [(inputs, columns), (units, columns)]
    if plan.bias:
        shapes.append((2, columns) if plan.cell == "gru" else (columns,))
    made = [(0.5 * torch.randn(shape, dtype=torch.float64)).requires_grad_() for shape in shapes]
    if plan.recurrent_dropout:
        gates = len(CELLS[plan.cell].gates)
        shape = (gates, batch, inputs + units) if plan.by_gate else (batch, units)
        made.append((torch.rand(shape) < 0.6).double() / 0.6)
    if plan.masked:
        mask = torch.rand(batch, steps) < 0.6
        mask[0], mask[1] = False, True
        made.append(mask)
    return made


DROPPED = [(cell, what) for cell in CELLS for what in ("nothing", "state")]
DROPPED += [(cell, "by gate") for cell in CELLS if len(CELLS[cell].gates) > 1]


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("cell", "dropped"), DROPPED)
def test_results_and_gradients(poison: None, cell: str, dropped: str, masked: bool) -> None:
    by_gate = dropped == "by gate"
    for back, every, zero, begins in itertools.product((False, True), repeat=4):
        plan = Plan(
            cell, not back, back, every, masked, zero, begins, dropped != "nothing", by_gate
        )
        given = tensors(plan, units=6 if back else 21)
        wanted = [one for one in given if one.requires_grad]
        both = []
        for walk in (torch_reference.walk, run):
            results = walk(plan, given)
            loss = sum(((k + 1) * one.sin()).sum() for k, one in enumerate(results))
            both.append([*results, *torch.autograd.grad(loss, wanted)])
        for first, second in zip(*both, strict=True):
            torch.testing.assert_close(first, second, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("cell", CELLS)
def test_second_derivatives(cell: str) -> None:
    plan = Plan(cell, True, True, True, True, False, False, True, len(CELLS[cell].gates) > 1)
    *given, factors, mask = tensors(plan, 3, 4, 2, 2)

    def walk(*some: Any) -> Any:
        return run(plan, [*some, factors, mask])

    assert torch.autograd.gradcheck(walk, given)
    assert torch.autograd.gradgradcheck(walk, given)


def test_many_gradients_at_once() -> None:
    plan = Plan("gru", True, False, False, True, False, False)
    given = tensors(plan)
    wanted = [one for one in given if one.requires_grad]
    output = run(plan, given)[0]
    d_outputs = torch.randn(3, *output.shape, dtype=output.dtype)
    many = torch.autograd.grad(output, wanted, d_outputs, is_grads_batched=True, retain_graph=True)
    for number, d_output in enumerate(d_outputs):
        single = torch.autograd.grad(output, wanted, d_output, retain_graph=True)
        for one, all_of_them in zip(single, many, strict=True):
            torch.testing.assert_close(all_of_them[number], one, rtol=1e-10, atol=1e-10)


def test_a_graph_may_be_walked_back_twice_and_in_part() -> None:
    plan = Plan("lstm", True, False, True, False, False, False)
    given = tensors(plan)
    results = run(plan, given)
    first = torch.autograd.grad(results[2].sum(), given, retain_graph=True)
    again = torch.autograd.grad(results[2].sum(), given[3], retain_graph=True)
    assert torch.equal(first[3], again[0])
    expected = torch.autograd.grad(torch_reference.walk(plan, given)[2].sum(), given)
    torch.testing.assert_close(first, expected, rtol=1e-10, atol=1e-10)


def test_tensors_with_gaps() -> None:
    plan = Plan("gru", True, False, True, True, False, False)
    given = tensors(plan)
    gaps = [one.detach().transpose(0, -1).contiguous().transpose(0, -1) for one in given]
    assert not gaps[0].is_contiguous()
    for first, second in zip(run(plan, given), run(plan, gaps), strict=True):
        assert torch.equal(first, second)


def test_tensors_kept_with_their_sign_turned() -> None:
    plan = Plan("lstm", True, False, True, False, False, False)
    x, *others = tensors(plan)
    turned = torch._neg_view(x)
    first, second = (run(plan, [one, *others])[0] for one in (turned, -x))
    assert turned.is_neg() and torch.equal(first, second)
    d_output = torch.randn_like(first)
    found = [torch.autograd.grad(first, x, torch._neg_view(d_output), retain_graph=True)]
    found.append(torch.autograd.grad(first, x, -d_output))
    assert torch.equal(found[0][0], found[1][0])


@pytest.mark.parametrize("masked", [False, True])
def test_the_operator_of_compiled_graphs(masked: bool) -> None:
    plan = Plan("gru", True, True, True, masked, False, False)
    cell, *flags = plan
    given = [one.detach().requires_grad_(one.requires_grad) for one in tensors(plan)]
    torch.library.opcheck(torch.ops.elman.keras_walk, (given, cell, flags))


def test_compiled_exported_stateful_and_unserved_models() -> None:
    if find_spec("keras") is None:
        pytest.skip("keras is not installed")
    ran = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0 and "leaked" not in ran.stderr, ran.stderr[-3000:]
