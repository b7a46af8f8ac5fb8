"""elman.torch's way into the core and back: bits, memory, threads, compiled graphs, odd tensors."""

from __future__ import annotations

import copy
import gc
import subprocess
import sys
import threading
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import elman.torch as ours
from elman import _core
from elman.backends.regularization import Noise
from elman.sequence import Recurrence

KINDS = ["RNN", "LSTM", "GRU"]
LEVELS = {
    "plain": {},
    "both directions": {"bidirectional": True},
    "no bias": {"bias": False},
    "layer norm": {"layer_norm": True, "bidirectional": True},
    "zoneout": {"zoneout": 0.2, "recurrent_dropout": 0.3},
}


def states_of(kind: str, final: Any) -> list[torch.Tensor]:
    return list(final) if kind == "LSTM" else [final]


def loss_of(output: torch.Tensor, finals: list[torch.Tensor]) -> torch.Tensor:
    """A sum that weighs each value differently."""
    return sum(
        (torch.arange(1.0, 1.0 + one.numel(), dtype=one.dtype).view(one.shape).cos() * one).sum()
        for one in (output, *finals)
    )


# ---------------------------------------------------------------------------------- the same bits


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("options", LEVELS, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_its_bits_are_those_of_elmans_own_walk(kind: str, options: str, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    steps, rows, inputs, size = 7, 5, 3, 17
    layer = getattr(ours, kind)(inputs, size, dtype=dtype, **LEVELS[options])
    walk = layer._stack()
    level = walk.calls[0].level
    x = torch.randn(steps, rows, inputs, dtype=dtype, requires_grad=True)
    lengths = torch.tensor([7, 6, 6, 2, 1])
    torch.manual_seed(4)
    output, final = layer(x, lengths=lengths)
    loss_of(output, states_of(kind, final)).backward()

    torch.manual_seed(4)
    seeds = layer._seeds()[0].numpy().view(np.uint64)
    live = (lengths > torch.arange(steps)[:, None]).sum(dim=1).numpy()
    weights = [w.detach().numpy() for w in layer._weights(walk.names[0])]
    own = [
        weights[first : first + level.weights] for first in range(0, len(weights), level.weights)
    ]
    d_outputs = torch.arange(1.0, 1.0 + output.numel(), dtype=dtype).view(output.shape).cos()
    for direction, parameters in enumerate(own):
        if not level.bias:
            parameters[2:2] = [None, None]
        recurrence = Recurrence(
            level.cell,
            inputs,
            size,
            level.bias,
            bool(direction),
            str(dtype).removeprefix("torch."),
            regularization=level.regularization,
        )
        part = slice(direction * size, (direction + 1) * size)
        noise = Noise(seeds[direction : direction + 1]) if walk.random else None
        found, states = recurrence.forward(
            tuple(parameters), x.detach().numpy(), None, live, True, noise=noise
        )
        np.testing.assert_array_equal(output[:, :, part].detach().numpy(), found)
        finals = states_of(kind, final)
        for one, other in zip(finals, states, strict=True):
            np.testing.assert_array_equal(one[direction].detach().numpy(), other)
        gradients = tuple(None if p is None else np.zeros_like(p) for p in parameters)
        d_finals = tuple(
            torch.arange(1.0, 1.0 + one.numel(), dtype=dtype).view(one.shape).cos()[direction]
            for one in finals
        )
        recurrence.backward(
            tuple(parameters),
            x.detach().numpy(),
            np.ascontiguousarray(d_outputs[:, :, part].numpy()),
            tuple(np.ascontiguousarray(one.numpy()) for one in d_finals),
            gradients,
        )
        names = walk.names[0][direction * level.weights :]
        wanted = [one for one in gradients if one is not None]
        for name, gradient in zip(names, wanted, strict=False):
            np.testing.assert_array_equal(getattr(layer, name).grad.numpy(), gradient)


def test_memory_that_nobody_wrote_is_never_read() -> None:
    layer, x = ours.LSTM(3, 5, bidirectional=True), torch.randn(6, 4, 3, requires_grad=True)

    def step() -> list[torch.Tensor]:
        output, _ = layer(x, lengths=[6, 1, 4, 2])
        return [output, *torch.autograd.grad(output.sin().sum(), [x, *layer.parameters()])]

    expected = step()
    _core.set_poison(True)
    try:
        found = step()
    finally:
        _core.set_poison(False)
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


# ------------------------------------------------------------------------------------ gradients


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_tensors_of_their_own(kind: str) -> None:
    layer, x = getattr(ours, kind)(3, 4), torch.randn(5, 2, 3)
    layer(x)[0].sum().backward()
    first = {name: one.grad for name, one in layer.named_parameters()}
    storages = {one.untyped_storage().data_ptr() for one in first.values()}
    assert len(storages) == len(first)
    for one in first.values():
        assert one.untyped_storage().nbytes() == one.numel() * one.element_size()
        assert one.is_contiguous() and type(one) is torch.Tensor
    kept = {name: one.clone() for name, one in first.items()}
    layer(x)[0].sum().backward()  # accumulates in place
    for name, parameter in layer.named_parameters():
        assert parameter.grad is first[name]
        torch.testing.assert_close(parameter.grad, 2 * kept[name])
    layer.zero_grad(set_to_none=False)
    layer(x)[0].sum().backward()
    assert all(torch.equal(p.grad, kept[name]) for name, p in layer.named_parameters())
    twin = copy.deepcopy(layer).to(torch.float64)
    for optimizer in (torch.optim.Adam, torch.optim.SGD):
        optimizer(twin.parameters(), lr=0.1).step()


def test_gradients_are_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    from elman.torch.level import Call

    layer, made, backward = ours.GRU(3, 4), [], Call.backward

    def watched(self: Call, *given: Any) -> Any:
        gradients = backward(self, *given)
        made.extend(one.data_ptr() for one in gradients if one is not None)
        return gradients

    monkeypatch.setattr(Call, "backward", watched)
    layer(torch.randn(5, 2, 3))[0].sum().backward()
    assert [one.grad.data_ptr() for one in layer.parameters()] == made


@pytest.mark.parametrize("kind", KINDS)
def test_a_tensor_that_comes_in_twice_has_one_gradient(kind: str) -> None:
    torch.manual_seed(0)
    theirs = getattr(nn, kind)(3, 3, dtype=torch.float64)
    mine = getattr(ours, kind)(3, 3, dtype=torch.float64)
    mine.load_state_dict(theirs.state_dict())
    x = torch.randn(4, 2, 3, dtype=torch.float64)
    h = torch.randn(1, 2, 3, dtype=torch.float64, requires_grad=True)
    found = []
    for module in (theirs, mine):
        module.weight_hh_l0 = module.weight_ih_l0
        module._flat_weights[1] = module.weight_ih_l0
        output, _ = module(x, (h, h) if kind == "LSTM" else h)
        inputs = [h, module.weight_ih_l0]
        first = torch.autograd.grad(output.sin().sum(), inputs, create_graph=True)
        second = torch.autograd.grad(sum(one.square().sum() for one in first), inputs)
        found.append([*first, *second])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("kind", KINDS)
def test_many_gradients_at_once(kind: str) -> None:
    layer = getattr(ours, kind)(3, 4, dtype=torch.float64)
    x = torch.randn(5, 2, 3, dtype=torch.float64, requires_grad=True)
    output, _ = layer(x)
    d_outputs = torch.randn(3, *output.shape, dtype=torch.float64)
    inputs = [x, *layer.parameters()]
    found = torch.autograd.grad(output, inputs, d_outputs, True, is_grads_batched=True)
    for number, d_output in enumerate(d_outputs):
        expected = torch.autograd.grad(output, inputs, d_output, retain_graph=True)
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one[number], other)


def test_threads_may_walk_back_through_one_graph() -> None:
    layer, x = ours.LSTM(4, 16), torch.randn(50, 8, 4, requires_grad=True)
    loss = layer(x)[0].sin().sum()
    inputs = [x, *layer.parameters()]
    expected = torch.autograd.grad(loss, inputs, retain_graph=True)
    wrong: list[Any] = []

    def work() -> None:
        for _ in range(10):
            found = torch.autograd.grad(loss, inputs, retain_graph=True)
            if not all(torch.equal(a, b) for a, b in zip(found, expected, strict=True)):
                wrong.append(found)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# ------------------------------------------------------------------------------------ odd tensors


@pytest.mark.parametrize("batch_first", [True, False])
def test_any_strides_will_do(batch_first: bool) -> None:
    torch.manual_seed(0)
    layer = ours.LSTM(3, 4, batch_first=batch_first)
    steps_first = (lambda t: t.transpose(0, 1)) if batch_first else (lambda t: t)
    x, h = torch.randn(5, 2, 3), torch.randn(1, 2, 4)
    reversed_axes = torch.randn(3, 2, 5).permute(2, 1, 0).copy_(x)
    every_other = torch.zeros(5, 2, 6)[:, :, ::2].copy_(x)
    state = torch.zeros(4, 2, 1).permute(2, 1, 0).copy_(h)
    turned = torch.complex(torch.zeros_like(x), -x).conj().imag
    assert turned.is_neg()
    expected = None
    for value in (x, reversed_axes, every_other, turned):
        given = steps_first(value).detach().requires_grad_()
        output, _ = layer(given, (state, state))
        (gradient,) = torch.autograd.grad(output.sum(), given)
        if expected is None:
            expected = output, gradient
        assert torch.equal(output, expected[0]) and torch.equal(gradient, expected[1])
    with torch.no_grad():
        layer.weight_hh_l0.set_(layer.weight_hh_l0.t().contiguous().t())
    assert torch.equal(layer(steps_first(x), (h, h))[0], expected[0])
    layer(steps_first(x))[0].sum().backward()
    assert layer.weight_hh_l0.grad.shape == layer.weight_hh_l0.shape


def test_a_class_of_tensors_keeps_its_manners() -> None:
    class Counting(torch.Tensor):
        calls = 0

        @classmethod
        def __torch_function__(
            cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            cls.calls += "elman" in str(func)
            return super().__torch_function__(func, types, args, kwargs or {})

    layer, x = ours.GRU(3, 4), torch.randn(5, 2, 3)
    found = layer(x.as_subclass(Counting))[0]
    assert Counting.calls == 1 and type(found) is Counting
    assert torch.equal(found.as_subclass(torch.Tensor), layer(x)[0])


def test_fake_tensors_never_reach_the_core() -> None:
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode() as mode:
        layer = ours.LSTM(3, 4, bidirectional=True, batch_first=True)
        x = mode.from_tensor(torch.randn(5, 2, 3))
        output, (h, _) = layer(x)
        assert output.shape == (5, 2, 8) and h.shape == (2, 5, 4)
        output.sum().backward()
        assert layer.weight_hh_l0.grad.shape == (16, 4)


def test_the_core_refuses_what_does_not_fit() -> None:
    core = _core.Level(torch.Tensor, "gru", 3, 4, True, 1, 0.0, [], False)
    weights = tuple(one.detach() for one in nn.GRU(3, 4).parameters())
    x = torch.randn(5, 2, 3)
    forward = (None, None, None, False, False)
    assert core.forward((x, *weights), *forward)[0][0].shape == (5, 2, 4)
    wrong = {
        "expected float32": (x, weights[0].double(), *weights[1:]),
        "expected shape": (x[:, :, :2], *weights),
        "memory of the processor": (x.to("meta"), *weights),
        "a tensor of PyTorch's": (x.numpy(), *weights),
        "the states of the cell or none": (x, *weights[:3]),
        "float32 or float64": (x.to(torch.int32), *weights),
    }
    for message, inputs in wrong.items():
        with pytest.raises(ValueError, match=message):
            core.forward(inputs, *forward)
    for live in ([2, 2, 1, 2, 0], [3, 2, 2, 2, 2], [2, 2, 2, 2, -1]):
        with pytest.raises(ValueError, match="live: expected"):
            core.forward((x, *weights), torch.tensor(live), *forward[1:])


def test_tensors_of_older_pytorch_are_read_as_well() -> None:
    """Before 2.10 their class has no table of C functions."""

    class Old(torch.Tensor):
        __dlpack_c_exchange_api__ = None

    x, d_output = torch.randn(5, 2, 3), torch.randn(5, 2, 4)
    weights = [one.detach() for one in nn.GRU(3, 4).parameters()]
    found = []
    for kind in (torch.Tensor, Old):
        core = _core.Level(kind, "gru", 3, 4, True, 1, 0.0, [], False)
        own = tuple(one.as_subclass(kind).requires_grad_() for one in (x, *weights))
        (output, final), kept = core.forward(own, None, None, None, False, True)
        d_results = (d_output.as_subclass(kind), None)
        gradients = core.backward(own, None, None, None, False, d_results, kept, True)
        found.append([one.as_subclass(torch.Tensor) for one in (output, final, *gradients)])
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_of_another_dtype_and_no_steps_are_refused(kind: str) -> None:
    layer, h = getattr(ours, kind)(3, 5), torch.zeros(1, 4, 5)
    for dtype in (torch.float64, torch.float16, torch.int64):
        wrong = h.to(dtype)
        with pytest.raises(RuntimeError, match=r"hx: expected torch\.float32"):
            layer(torch.randn(6, 4, 3), (wrong, wrong) if kind == "LSTM" else wrong)
    with pytest.raises(RuntimeError) as theirs:
        getattr(nn, kind)(3, 5)(torch.zeros(0, 4, 3))
    with pytest.raises(RuntimeError) as mine:
        layer(torch.zeros(0, 4, 3))
    assert str(mine.value) == str(theirs.value)
    assert layer(torch.zeros(6, 0, 3))[0].shape == (6, 0, 5)


@pytest.mark.parametrize("lengths", [[1.5, 2.0], torch.ones(2), torch.tensor([True, True])])
def test_lengths_are_whole_numbers(lengths: Any) -> None:
    with pytest.raises(RuntimeError, match="lengths: expected whole numbers, got torch"):
        ours.GRU(2, 3)(torch.randn(4, 2, 2), lengths=lengths)


def test_settings_may_change_at_any_time() -> None:
    torch.manual_seed(0)
    layer, x = ours.GRU(3, 4, batch_first=True), torch.randn(5, 2, 3)
    first = layer(x)[0]
    layer.batch_first = False
    turned = layer(x.transpose(0, 1))[0].transpose(0, 1)
    assert torch.equal(turned, first)
    layer.zoneout = 0.5
    assert not torch.equal(layer(x)[0], layer(x)[0])
    layer.eval()
    mean = layer(x)[0]
    assert torch.equal(layer(x)[0], mean)
    layer.train().zoneout = 0.0
    assert torch.equal(layer(x.transpose(0, 1))[0].transpose(0, 1), first)
    layer.register_parameter("weight_hh_l0", nn.Parameter(torch.zeros(12, 4)))
    without = layer(x.transpose(0, 1))[0]
    assert not torch.equal(without.transpose(0, 1), first)
    with torch.no_grad():
        given = {name: 2 * one for name, one in layer.named_parameters()}
    called = torch.func.functional_call(layer, given, (x.transpose(0, 1),))[0]
    assert not torch.equal(called, without)
    assert torch.equal(layer(x.transpose(0, 1))[0], without)
    assert "_short" in layer.__dict__ and "_short" not in layer.__getstate__()
    assert torch.equal(copy.copy(layer)(x.transpose(0, 1))[0], without)


# ----------------------------------------------------------------------------------- memory


def test_what_a_walk_keeps_goes_with_the_walk_back() -> None:
    layer, x = ours.LSTM(8, 64), torch.randn(200, 16, 8)
    gc.collect()
    held, before = [], 0
    for number in range(6):
        loss = layer(x)[0].sum()
        loss.backward()
        held.append(loss)  # as a history of losses does
        if number == 1:
            before = _core.pooled_bytes()
    assert _core.pooled_bytes() == before > 0


def test_the_pool_has_a_bound() -> None:
    layer, x = ours.LSTM(4, 64), torch.randn(300, 64, 4)
    losses = [layer(x)[0].sum() for _ in range(12)]
    del losses
    gc.collect()
    assert _core.pooled_bytes() <= 2 * 256 * 2**20


def test_nothing_is_kept_where_no_gradient_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    from elman.torch.level import Call

    layer, x = ours.GRU(3, 4), torch.randn(5, 2, 3)
    asked: list[bool] = []
    forward = Call.forward

    def watched(self: Call, inputs: Any, training: bool) -> Any:
        asked.append(training)
        return forward(self, inputs, training)

    monkeypatch.setattr(Call, "forward", watched)
    layer(x)
    with torch.no_grad():
        layer(x)
    with torch.inference_mode():
        layer(x)
    layer.requires_grad_(False)(x)
    assert asked == [True, False, False, False]


def test_a_program_may_end_with_a_graph_alive() -> None:
    program = "import torch, elman.torch as et; y = et.GRU(3, 5)(torch.randn(6, 4, 3))[0]"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.returncode == 0 and not ran.stderr


# ------------------------------------------------------------------------------ compiled graphs


def everything(module: Any, kind: str, x: torch.Tensor, h: torch.Tensor) -> list[torch.Tensor]:
    output, final = module(x, (h, h) if kind == "LSTM" else h)
    finals = states_of(kind, final)
    own = getattr(module, "_orig_mod", module)
    gradients = torch.autograd.grad(loss_of(output, finals), [x, h, *own.parameters()])
    return [output, *finals, *gradients]


@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_compiled_with_any_strides(kind: str, backend: str) -> None:
    torch._dynamo.reset()
    layer = getattr(ours, kind)(3, 5, num_layers=2, bidirectional=True)
    x = torch.randn(3, 4, 6).permute(2, 1, 0).detach().requires_grad_()
    h = torch.randn(5, 4, 4).permute(2, 1, 0).detach().requires_grad_()
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*lru_cache.*")
        compiled = torch.compile(layer, fullgraph=True, backend=backend)
        found = everything(compiled, kind, x, h)
    for one, other in zip(found, everything(layer, kind, x, h), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


def test_a_compiled_graph_walks_forward_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """But for a second walk back, or one whose reserve is a copy."""
    torch._dynamo.reset()
    layer, x = ours.LSTM(3, 5, dtype=torch.float64), torch.randn(6, 4, 3, dtype=torch.float64)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    own = list(layer.parameters())
    expected = torch.autograd.grad(layer(x)[0].sin().sum(), own)
    loss = compiled(x)[0].sin().sum()
    first = torch.autograd.grad(loss, own, retain_graph=True)
    again = torch.autograd.grad(loss, own)

    output, _, reserve = torch.ops.elman.level_training(
        x, [], own, None, None, None, "lstm", 1, False, 0.0, [], False
    )
    d_output = output.cos()
    rest = (True, "lstm", 1, False, 0.0, [], False)
    given = (x, [], own, None, None, None, d_output, [None, None])
    from_copy = torch.ops.elman.level_backward(*given, reserve.clone(), *rest)
    from_first = torch.ops.elman.level_backward(*given, reserve, *rest)
    from_again = torch.ops.elman.level_backward(*given, reserve, *rest)
    assert not reserve.any()  # nothing that PyTorch sees has changed
    for found in (first, again, from_copy[1:], from_first[1:], from_again[1:]):
        assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("name", ["level", "level_training"])
def test_every_operator_keeps_pytorchs_rules(name: str) -> None:
    x, h = torch.randn(5, 2, 3, requires_grad=True), torch.randn(1, 2, 4, requires_grad=True)
    weights = [p.detach().clone().requires_grad_() for p in nn.GRU(3, 4).parameters()]
    options = ("gru", 1, False, 0.2, [0.1], False)
    operator = getattr(torch.ops.elman, name).default
    for seeds in (None, torch.tensor([3])):
        torch.library.opcheck(operator, (x, [h], weights, None, seeds, None, *options))


def test_the_operator_that_walks_back_keeps_them_too() -> None:
    x, d_output = torch.randn(5, 2, 3), torch.randn(5, 2, 4)
    weights = [p.detach() for p in nn.GRU(3, 4).parameters()]
    options = ("gru", 1, False, 0.0, [], False)
    given = (x, [], weights, None, None, None)
    for need_d_x in (True, False):
        reserve = torch.ops.elman.level_training(*given, *options)[2]
        torch.library.opcheck(
            torch.ops.elman.level_backward.default,
            (*given, d_output, [None], reserve, need_d_x, *options),
        )


def test_an_exported_program_can_be_trained_and_has_free_sizes() -> None:
    layer, x = ours.GRU(3, 5, batch_first=True), torch.randn(4, 6, 3)
    sizes = {0: torch.export.Dim("rows", min=2, max=64), 1: torch.export.Dim("steps", min=2)}
    program = torch.export.export(layer, (x,), dynamic_shapes={"input": sizes}).module()
    for rows, steps in ((4, 6), (7, 11)):
        x = torch.randn(rows, steps, 3)
        torch.testing.assert_close(program(x)[0], layer(x)[0])
    program(x)[0].sum().backward()
    assert all(one.grad.abs().sum() > 0 for one in program.parameters())


def test_device_and_dtype_are_looked_at_in_compiled_graphs() -> None:
    torch._dynamo.reset()
    layer, x = ours.GRU(3, 5).to(torch.bfloat16), torch.randn(6, 4, 3, dtype=torch.bfloat16)
    assert torch.compile(layer, backend="aot_eager")(x)[0].dtype == torch.bfloat16
    rnn, x = ours.RNN(3, 5), torch.randn(6, 4, 3)
    with torch.autocast("cpu", torch.bfloat16):
        found = torch.compile(rnn, backend="aot_eager")(x)[0]
        assert found.dtype == rnn(x)[0].dtype == torch.bfloat16


# ------------------------------------------------------------------------------------- cells


def test_cells_take_the_kernels_where_they_gain() -> None:
    assert "path=elman" in repr(ours.GRUCell(8, 16)) and "path=elman" in repr(ours.RNNCell(2, 8))
    large = ours.LSTMCell(64, 128)
    assert large.path == "torch (a single step with so many weights)"
    torch.manual_seed(0)
    theirs = nn.LSTMCell(64, 128)
    large.load_state_dict(theirs.state_dict())
    x = torch.randn(3, 64)
    assert torch.equal(large(x)[0], theirs(x)[0])
    model = nn.Sequential(nn.LSTMCell(64, 128), nn.LSTMCell(4, 8))
    assert [one.changed for one in ours.accelerate(model)] == [False, True]
    assert ours.GRUCell(3, 0)(torch.randn(2, 3)).shape == (2, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_second_derivatives_of_cells_and_compiled_cells(kind: str) -> None:
    torch._dynamo.reset()
    torch.manual_seed(0)
    cell = getattr(ours, f"{kind}Cell")(3, 4, dtype=torch.float64)
    x, h = torch.randn(2, 3, dtype=torch.float64), torch.randn(2, 4, dtype=torch.float64)

    def run(x: torch.Tensor, h: torch.Tensor) -> Any:
        return cell(x, (h, h.sin()) if kind == "LSTM" else h)

    inputs = x.requires_grad_(), h.requires_grad_()
    assert torch.autograd.gradcheck(run, inputs)
    assert torch.autograd.gradgradcheck(run, inputs)
    compiled = torch.compile(run, fullgraph=True, backend="aot_eager")
    for one, other in zip(states_of(kind, compiled(x, h)), states_of(kind, run(x, h)), strict=True):
        assert torch.equal(one, other)
