"""elman.torch: the same numbers, the same names and the same manners as torch.nn."""

from __future__ import annotations

import copy
import io
import itertools
import threading
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import elman.torch as ours
from elman.errors import InputError

KINDS = {
    "RNN": {},
    "RNN relu": {"nonlinearity": "relu"},
    "LSTM": {},
    "GRU": {},
}
OPTIONS = [
    {"num_layers": layers, "bidirectional": both, "batch_first": first, "bias": bias}
    for layers, both, first, bias in itertools.product((1, 3), (False, True), (False, True), (1, 0))
    for bias in (bool(bias),)
]


def pair(kind: str, *sizes: int, **options: Any) -> tuple[nn.Module, nn.Module]:
    """PyTorch's layer and ours with the same weights."""
    torch.manual_seed(0)
    options = {"dtype": torch.float64, **KINDS[kind], **options}
    name = kind.split()[0]
    theirs = getattr(nn, name)(*sizes, **options)
    mine = getattr(ours, name)(*sizes, **options)
    mine.load_state_dict(theirs.state_dict())
    return theirs, mine


def parts(hidden: Any) -> list[torch.Tensor]:
    return [] if hidden is None else list(hidden) if isinstance(hidden, tuple) else [hidden]


def everything(module: nn.Module, x: Any, hidden: Any, **options: Any) -> list[torch.Tensor]:
    """Outputs, final states and all gradients of a sum that weighs each value differently."""
    output, final = module(x, hidden, **options)
    flat = output.data if hasattr(output, "batch_sizes") else output
    results = [flat, *parts(final)]
    total = sum(
        (torch.sin(torch.arange(1.0, 1.0 + r.numel()).view(r.shape)) * r).sum() for r in results
    )
    inputs = [x.data if hasattr(x, "batch_sizes") else x, *parts(hidden), *module.parameters()]
    return [*results, *torch.autograd.grad(total, inputs)]


def assert_same(
    first: list[torch.Tensor], second: list[torch.Tensor], bound: float = 1e-10
) -> None:
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        assert one.shape == other.shape
        torch.testing.assert_close(one, other, rtol=bound, atol=bound)


def a_state(kind: str, layers: int, rows: int, size: int) -> Any:
    h = torch.randn(layers, rows, size, dtype=torch.float64, requires_grad=True)
    return (h, torch.randn_like(h).requires_grad_()) if kind == "LSTM" else h


# ------------------------------------------------------------------------------- the same numbers


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_outputs_states_and_gradients_are_torchs(kind: str, options: dict[str, Any]) -> None:
    theirs, mine = pair(kind, 3, 5, **options)
    x = torch.randn(4, 7, 3, dtype=torch.float64, requires_grad=True)
    rows = 4 if options["batch_first"] else 7
    layers = options["num_layers"] * (2 if options["bidirectional"] else 1)
    for hidden in (None, a_state(kind, layers, rows, 5)):
        assert_same(everything(mine, x, hidden), everything(theirs, x, hidden))


@pytest.mark.parametrize("kind", KINDS)
def test_a_single_sequence_needs_no_batch(kind: str) -> None:
    theirs, mine = pair(kind, 3, 5, num_layers=2, bidirectional=True)
    x = torch.randn(6, 3, dtype=torch.float64, requires_grad=True)
    hidden = a_state(kind, 4, 1, 5)
    hidden = tuple(h.detach()[:, 0].requires_grad_() for h in parts(hidden))
    hidden = hidden if kind == "LSTM" else hidden[0]
    for state in (None, hidden):
        assert_same(everything(mine, x, state), everything(theirs, x, state))


@pytest.mark.parametrize("sorted_already", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_packed_sequences_go_in_and_come_out(kind: str, sorted_already: bool) -> None:
    theirs, mine = pair(kind, 3, 5, num_layers=2, bidirectional=True)
    lengths = [7, 5, 5, 1] if sorted_already else [3, 7, 1, 5]
    x = torch.randn(7, 4, 3, dtype=torch.float64)
    for hidden in (None, a_state(kind, 4, 4, 5)):
        found = []
        for module in (mine, theirs):
            packed = pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=sorted_already)
            packed = packed._replace(data=packed.data.detach().requires_grad_())
            found.append(everything(module, packed, hidden))
            output, _ = module(packed, hidden)
            padded, back = pad_packed_sequence(output)
            assert back.tolist() == lengths and padded.shape == (7, 4, 10)
        assert_same(*found)


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_lengths_need_no_packing(kind: str, batch_first: bool) -> None:
    theirs, mine = pair(kind, 3, 5, num_layers=2, bidirectional=True, batch_first=batch_first)
    x = torch.randn(4, 8, 3, dtype=torch.float64)
    x = (x if batch_first else x.transpose(0, 1)).requires_grad_()
    lengths = torch.tensor([3, 7, 1, 5])
    hidden = a_state(kind, 4, 4, 5)
    packed = pack_padded_sequence(x, lengths, batch_first=batch_first, enforce_sorted=False)
    output, final = theirs(packed, hidden)
    padded, _ = pad_packed_sequence(output, batch_first=batch_first, total_length=8)
    with_lengths, own_final = mine(x, hidden, lengths=lengths)
    assert_same([with_lengths, *parts(own_final)], [padded, *parts(final)])
    inputs = [x, *parts(hidden)]
    assert_same(
        list(torch.autograd.grad(with_lengths.sin().sum(), [*inputs, *mine.parameters()])),
        list(torch.autograd.grad(padded.sin().sum(), [*inputs, *theirs.parameters()])),
    )


def test_a_row_of_no_steps_keeps_its_state() -> None:
    mine = ours.GRU(2, 3)
    state = torch.randn(1, 2, 3)
    output, final = mine(torch.randn(4, 2, 2), state, lengths=[0, 4])
    assert not output[:, 0].any() and torch.equal(final[:, 0], state[:, 0])


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_cells_are_torchs(kind: str, bias: bool) -> None:
    torch.manual_seed(0)
    name = f"{kind.split()[0]}Cell"
    options = {"bias": bias, "dtype": torch.float64, **KINDS[kind]}
    theirs, mine = getattr(nn, name)(3, 5, **options), getattr(ours, name)(3, 5, **options)
    mine.load_state_dict(theirs.state_dict())
    for shape in ((4, 3), (3,)):
        x = torch.randn(*shape, dtype=torch.float64, requires_grad=True)
        h = torch.randn(*shape[:-1], 5, dtype=torch.float64, requires_grad=True)
        for hidden in (None, (h, torch.randn_like(h).requires_grad_()) if kind == "LSTM" else h):
            found = []
            for cell in (mine, theirs):
                results = parts(cell(x, hidden))
                total = sum(one.sin().sum() * (k + 1) for k, one in enumerate(results))
                inputs = [x, *parts(hidden), *cell.parameters()]
                found.append([*results, *torch.autograd.grad(total, inputs)])
            assert_same(*found)


def test_reset_before_is_keras_and_onnxs_variant() -> None:
    import numpy as np

    import elman

    layer = ours.GRU(3, 4, reset_after=False, dtype=torch.float64, batch_first=True)
    network = elman.Network([elman.GRU(3, 4, reset_after=False)], dtype="float64")
    network.load_state_dict({f"0.{k}": v.numpy() for k, v in layer.state_dict().items()})
    x = torch.randn(2, 6, 3, dtype=torch.float64)
    np.testing.assert_allclose(layer(x)[0].detach().numpy(), network.predict(x.numpy()), atol=1e-12)


# --------------------------------------------------------------------------------- derivatives


@pytest.mark.parametrize("kind", [*KINDS, "GRU before"])
def test_first_and_second_derivatives_are_those_of_differences(kind: str) -> None:
    torch.manual_seed(1)
    options = {"reset_after": False} if kind == "GRU before" else KINDS[kind]
    layer = getattr(ours, kind.split()[0])(
        2, 3, num_layers=2, bidirectional=True, dtype=torch.float64, **options
    )
    x = torch.randn(3, 2, 2, dtype=torch.float64, requires_grad=True)
    hidden = a_state(kind.split()[0], 4, 2, 3)
    names = [name for name, _ in layer.named_parameters()]

    def run(x: torch.Tensor, *others: torch.Tensor) -> Any:
        state = others[: len(parts(hidden))]
        weights = dict(zip(names, others[len(state) :], strict=True))
        given = (x, tuple(state) if len(state) == 2 else state[0])
        output, final = torch.func.functional_call(layer, weights, given, {"lengths": [3, 2]})
        return (output, *parts(final))

    inputs = (x, *parts(hidden), *layer.parameters())
    if kind != "RNN relu":  # whose second derivative is zero but for its kink
        assert torch.autograd.gradgradcheck(run, inputs, fast_mode=True)
    assert torch.autograd.gradcheck(run, inputs, fast_mode=True)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_every_derivative_is_that_of_differences(kind: str) -> None:
    torch.manual_seed(2)
    layer = getattr(ours, kind)(2, 2, dtype=torch.float64)
    x = torch.randn(2, 2, 2, dtype=torch.float64, requires_grad=True)
    names = [name for name, _ in layer.named_parameters()]

    def run(x: torch.Tensor, *weights: torch.Tensor) -> torch.Tensor:
        given = dict(zip(names, weights, strict=True))
        return torch.func.functional_call(layer, given, (x,))[0]

    # each number by itself, not one direction among all as in the fast mode
    assert torch.autograd.gradcheck(run, (x, *layer.parameters()))
    assert torch.autograd.gradgradcheck(run, (x, *layer.parameters()))


def test_a_graph_can_be_walked_back_twice() -> None:
    layer = ours.LSTM(2, 3)
    x = torch.randn(4, 2, 2, requires_grad=True)
    output, _ = layer(x)
    first = torch.autograd.grad(output.sum(), x, retain_graph=True)[0]
    assert torch.equal(first, torch.autograd.grad(output.sum(), x)[0])


def test_unused_and_expanded_gradients() -> None:
    theirs, mine = pair("LSTM", 2, 3)
    x = torch.randn(4, 2, 2, dtype=torch.float64, requires_grad=True)
    found = []
    for module in (mine, theirs):
        _, (_, c) = module(x)
        found.append([torch.autograd.grad(c.sum(), x)[0]])
    assert_same(*found)


def test_frozen_weights_get_no_gradient() -> None:
    layer = ours.GRU(2, 3)
    layer.weight_hh_l0.requires_grad_(False)
    layer(torch.randn(4, 2, 2))[0].sum().backward()
    assert layer.weight_hh_l0.grad is None and layer.weight_ih_l0.grad is not None
    with torch.no_grad():
        assert not layer(torch.randn(4, 2, 2))[0].requires_grad


def test_a_weight_changed_in_place_before_backward_is_noticed() -> None:
    layer = ours.GRU(2, 3)
    output, _ = layer(torch.randn(4, 2, 2))
    with torch.no_grad():
        layer.weight_hh_l0.add_(1.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        output.sum().backward()


@pytest.mark.parametrize("kind", KINDS)
def test_ten_steps_of_adam_land_on_the_same_weights(kind: str) -> None:
    theirs, mine = pair(kind, 3, 8, num_layers=2, batch_first=True, dtype=torch.float32)
    assert mine.path == "elman"
    x, y = torch.randn(16, 12, 3), torch.randn(16, 12, 8)
    begin = [one.detach().clone() for one in theirs.parameters()]
    for module in (theirs, mine):
        optimizer = torch.optim.Adam(module.parameters(), lr=1e-2)
        for _ in range(10):
            optimizer.zero_grad()
            nn.functional.mse_loss(module(x)[0], y).backward()
            optimizer.step()
    for one, other, before in zip(mine.parameters(), theirs.parameters(), begin, strict=True):
        assert (other - before).abs().max() > 0.05  # so 1e-4 is little beside what was learned
        torch.testing.assert_close(one, other, rtol=0, atol=1e-4)


# ------------------------------------------------------------------------------- good manners


@pytest.mark.parametrize("options", OPTIONS[::3], ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_checkpoints_go_to_torch_as_they_come_from_it(kind: str, options: dict[str, Any]) -> None:
    theirs, mine = pair(kind, 3, 5, **options)
    for parameter in mine.parameters():
        nn.init.normal_(parameter)
    assert list(mine.state_dict()) == list(theirs.state_dict())
    memory = io.BytesIO()
    torch.save(mine.state_dict(), memory)
    memory.seek(0)
    theirs.load_state_dict(torch.load(memory, weights_only=True))
    x = torch.randn(4, 6, 3, dtype=torch.float64)
    torch.testing.assert_close(theirs(x), mine(x))


@pytest.mark.parametrize("kind", KINDS)
def test_compiled_and_exported_it_is_one_operator(kind: str) -> None:
    _, layer = pair(kind, 3, 5, bidirectional=True, dtype=torch.float32, batch_first=True)
    x = torch.randn(4, 6, 3)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    found = []
    for module in (compiled, layer):
        one = x.clone().requires_grad_()
        output, final = module(one, lengths=torch.tensor([6, 2, 5, 1]))
        (output.sin().sum() + sum(part.sum() for part in parts(final))).backward()
        gradients = [p.grad.clone() for p in layer.parameters()]
        layer.zero_grad()
        found.append([output, *parts(final), one.grad, *gradients])
    assert_same(*found, bound=1e-6)
    program = torch.export.export(layer, (x,))
    called = [node for node in program.graph.nodes if "elman.level" in str(node.target)]
    assert len(called) == 1
    torch.testing.assert_close(program.module()(x)[0], layer(x)[0])


def test_the_operators_keep_pytorchs_rules() -> None:
    x, h = torch.randn(5, 2, 3, requires_grad=True), torch.randn(1, 2, 4, requires_grad=True)
    weights = [p.detach().clone().requires_grad_() for p in nn.GRU(3, 4).parameters()]
    options = ("gru", 1, False, 0.2, [0.1], False)
    torch.library.opcheck(
        torch.ops.elman.level.default, (x, [h], weights, None, torch.tensor([3]), None, *options)
    )


def test_copies_pickles_dtypes_and_hooks() -> None:
    layer = ours.LSTM(2, 3, num_layers=2)
    x = torch.randn(5, 1, 2)
    expected = layer(x)[0]
    twin = copy.deepcopy(layer)
    assert torch.equal(twin(x)[0], expected)
    memory = io.BytesIO()
    torch.save(layer, memory)
    memory.seek(0)
    assert torch.equal(torch.load(memory, weights_only=False)(x)[0], expected)
    seen: list[str] = []
    layer.register_forward_hook(lambda *_: seen.append("forward"))
    layer.register_full_backward_hook(lambda *_: seen.append("backward"))
    layer(x.requires_grad_())[0].sum().backward()
    assert seen == ["forward", "backward"]
    double = layer.to(torch.float64)
    assert double(x.double())[0].dtype == torch.float64
    torch.testing.assert_close(double(x.double())[0].float(), expected, atol=1e-6, rtol=1e-5)


def test_many_threads_at_once() -> None:
    layer = ours.GRU(4, 8)
    inputs = [torch.randn(20, 3, 4) for _ in range(8)]
    expected = []
    for x in inputs:
        layer.zero_grad()
        layer(x)[0].sum().backward()
        expected.append(layer(x)[0].detach())
    found: list[Any] = [None] * len(inputs)

    def work(number: int) -> None:
        for _ in range(20):
            found[number] = layer(inputs[number])[0]
            torch.autograd.grad(found[number].sum(), layer.weight_hh_l0)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(inputs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


@pytest.mark.parametrize("rate", [0.1, 0.5])
@pytest.mark.parametrize("kind", KINDS)
def test_dropout_between_levels_is_torchs_to_the_last_mask(kind: str, rate: float) -> None:
    theirs, mine = pair(kind, 2, 8, num_layers=3, bidirectional=True, dropout=rate)
    x = torch.randn(6, 3, 2, dtype=torch.float64, requires_grad=True)
    found = []
    for module in (mine, theirs):
        torch.manual_seed(3)
        found.append(everything(module, x, None))
    assert_same(*found)
    assert not torch.equal(mine(x)[0], mine(x)[0])
    assert_same(everything(mine.eval(), x, None), everything(theirs.eval(), x, None))


def test_what_the_kernels_do_not_serve_is_torchs_own_and_said() -> None:
    theirs, mine = pair("LSTM", 3, 6, proj_size=2)
    assert "path=torch (projection)" in repr(mine) and "path=elman" in repr(ours.GRU(1, 2))
    x = torch.randn(4, 2, 3, dtype=torch.float64, requires_grad=True)
    assert_same(everything(mine, x, None), everything(theirs, x, None))
    half = ours.GRU(2, 3).to(torch.bfloat16)
    assert half.path == "torch (bfloat16)"
    assert half(torch.randn(4, 2, 2, dtype=torch.bfloat16))[0].dtype == torch.bfloat16
    with torch.autocast("cpu", torch.bfloat16):
        assert ours.GRU(2, 3).path == "torch (autocast)"
    assert ours.LSTM(2, 3, device="meta").path == "torch (on meta)"


def test_transforms_of_torch_func_take_torchs_path() -> None:
    theirs, mine = pair("GRU", 3, 5)
    x = torch.randn(4, 2, 3, dtype=torch.float64)
    found = [torch.func.jacrev(lambda x, m=m: m(x)[0])(x) for m in (mine, theirs)]
    torch.testing.assert_close(*found)
    tangent = torch.randn_like(x)
    found = [torch.func.jvp(lambda x, m=m: m(x)[0], (x,), (tangent,))[1] for m in (mine, theirs)]
    torch.testing.assert_close(*found)


def test_a_learned_initial_state_is_a_parameter() -> None:
    layer = ours.LSTM(2, 3, num_layers=2, bidirectional=True, learned_state=True)
    names = [name for name in layer.state_dict() if name.startswith("initial_")]
    assert names[0] == "initial_h_l0" and "initial_c_l1_reverse" in names and len(names) == 8
    x = torch.randn(5, 4, 2)
    with torch.no_grad():
        for name in names:
            getattr(layer, name).normal_()
    parts_of = [
        torch.stack(
            [getattr(layer, f"initial_{s}_l{k}{r}") for k in (0, 1) for r in ("", "_reverse")]
        )
        for s in "hc"
    ]
    given = tuple(one[:, None].expand(-1, 4, -1).contiguous() for one in parts_of)
    assert torch.equal(layer(x)[0], layer(x, given)[0])
    layer(x)[0].sum().backward()
    assert all(getattr(layer, name).grad.abs().sum() > 0 for name in names)
    layer.reset_parameters()
    assert not layer.initial_h_l0.any() and layer.weight_hh_l0.any()


def steps_of(kind: str, layer: nn.Module, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """States and gates of one level, one direction, as the equations in torch.nn's pages go."""
    h = c = x.new_zeros(x.shape[1], layer.hidden_size)
    w_ih, w_hh = layer.weight_ih_l0, layer.weight_hh_l0
    kept: dict[str, list[torch.Tensor]] = {}
    for x_t in x:
        own, state = x_t @ w_ih.T + layer.bias_ih_l0, h @ w_hh.T + layer.bias_hh_l0
        if kind.startswith("RNN"):
            h = (torch.relu if "relu" in kind else torch.tanh)(own + state)
            found = {"h": h}
        elif kind == "LSTM":
            i, f, g, o = (own + state).chunk(4, dim=1)
            i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
            c = f * c + i * g
            h = o * c.tanh()
            found = {"h": h, "c": c, "i": i, "f": f, "g": g, "o": o}
        else:
            (x_r, x_z, x_n), (h_r, h_z, h_n) = own.chunk(3, dim=1), state.chunk(3, dim=1)
            r, z = (x_r + h_r).sigmoid(), (x_z + h_z).sigmoid()
            n = (x_n + r * h_n).tanh()
            h = (1 - z) * n + z * h
            found = {"h": h, "r": r, "z": z, "n": n}
        for name, value in found.items():
            kept.setdefault(name, []).append(value)
    return {name: torch.stack(values) for name, values in kept.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_every_state_and_gate_can_be_looked_at(kind: str) -> None:
    _, layer = pair(kind, 3, 5)
    x = torch.randn(6, 2, 3, dtype=torch.float64)
    (traced,) = layer.trace(x)
    torch.testing.assert_close(traced, steps_of(kind, layer, x))
    (single,) = layer.trace(x[:, 0])
    torch.testing.assert_close(single, {name: one[:, 0] for name, one in traced.items()})
    (short,) = layer.trace(x, lengths=[2, 5])
    for name, one in traced.items():
        torch.testing.assert_close(short[name][:2], one[:2])
        torch.testing.assert_close(short[name][2:5, 1], one[2:5, 1])
        assert not short[name][2:, 0].any() and not short[name][5:].any()


@pytest.mark.parametrize("kind", KINDS)
def test_traced_levels_and_directions_are_those_of_forward(kind: str) -> None:
    _, layer = pair(kind, 3, 5, num_layers=2, bidirectional=True, batch_first=True)
    x = torch.randn(2, 6, 3, dtype=torch.float64)
    hidden = a_state(kind, 4, 2, 5)
    for lengths in (None, [6, 3]):
        traced = layer.trace(x, hidden, lengths)
        output, _ = layer(x, hidden, lengths)
        assert len(traced) == 4
        torch.testing.assert_close(torch.cat([traced[2]["h"], traced[3]["h"]], dim=2), output)
    with pytest.raises(InputError, match="PackedSequence"):
        layer.trace(pack_padded_sequence(x, torch.tensor([6, 3]), batch_first=True))


# --------------------------------------------------------------------- regularised from within

INNER = [
    {"layer_norm": True},
    {"zoneout": 0.3},
    {"recurrent_dropout": 0.4},
    {"recurrent_dropout": 0.2, "zoneout": 0.1, "layer_norm": True},
]


@pytest.mark.parametrize("options", INNER, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_regularised_cells_are_elmans_own(kind: str, options: dict[str, Any]) -> None:
    import elman

    torch.manual_seed(0)
    sizes = {"num_layers": 2, "bidirectional": True}
    name = kind.split()[0]
    layer = getattr(ours, name)(
        3, 5, batch_first=True, dtype=torch.float64, **sizes, **KINDS[kind], **options
    )
    network = elman.Network(
        [getattr(elman, name)(3, 5, **sizes, **KINDS[kind], **options)], dtype="float64"
    )
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    network.load_state_dict({f"0.{k}": v.numpy() for k, v in layer.state_dict().items()})
    x = torch.randn(4, 6, 3, dtype=torch.float64)
    found = network.predict(x.numpy(), lengths=[6, 2, 0, 4])
    output, _ = layer.eval()(x, lengths=[6, 2, 0, 4])
    torch.testing.assert_close(output.detach(), torch.from_numpy(found))


@pytest.mark.parametrize("options", INNER, ids=str)
@pytest.mark.parametrize("kind", [*KINDS, "GRU before"])
def test_regularised_gradients_are_those_of_differences(kind: str, options: dict[str, Any]) -> None:
    torch.manual_seed(1)
    more = {"reset_after": False} if kind == "GRU before" else KINDS[kind]
    layer = getattr(ours, kind.split()[0])(
        2, 4, bidirectional=True, dtype=torch.float64, **more, **options
    )
    x = torch.randn(3, 2, 2, dtype=torch.float64, requires_grad=True)
    names = [name for name, _ in layer.named_parameters()]

    def run(x: torch.Tensor, *weights: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(7)  # the same random numbers each time
        given = dict(zip(names, weights, strict=True))
        return torch.func.functional_call(layer, given, (x,), {"lengths": [1, 3]})[0]

    inputs = (x, *layer.parameters())
    assert torch.autograd.gradcheck(run, inputs, fast_mode=True)
    if kind != "RNN relu":
        assert torch.autograd.gradgradcheck(run, inputs, fast_mode=True)


def test_random_numbers_are_torchs_and_of_the_row() -> None:
    layer = ours.LSTM(2, 6, recurrent_dropout=0.5, zoneout=(0.2, 0.1))
    x = torch.randn(5, 3, 2)
    torch.manual_seed(5)
    first = layer(x)[0]
    torch.manual_seed(5)
    assert torch.equal(layer(x)[0], first) and not torch.equal(layer(x)[0], first)
    torch.manual_seed(5)
    assert torch.equal(layer(x, lengths=[3, 5, 4])[0][:, 1], first[:, 1])
    assert torch.equal(layer.eval()(x)[0], layer(x)[0])


def test_regularised_layers_compile_to_one_operator() -> None:
    layer = ours.GRU(3, 5, recurrent_dropout=0.3, zoneout=0.1, layer_norm=True)
    x = torch.randn(6, 4, 3)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    torch.manual_seed(2)
    expected = layer(x)[0]
    torch.manual_seed(2)
    output = compiled(x)[0]
    torch.testing.assert_close(output, expected)
    output.sum().backward()
    assert layer.weight_ln_hh_l0.grad.abs().sum() > 0


@pytest.mark.parametrize(
    "options", [{"zoneout": 1.0}, {"recurrent_dropout": -1}, {"zoneout": (0.1, 0.1)}]
)
def test_rates_that_are_none_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        ours.GRU(2, 3, **options)
    with pytest.raises(ValueError, match="proj_size"):
        ours.LSTM(2, 4, proj_size=2, layer_norm=True)
