"""elman.torch where its kernels do not serve: every setting keeps its meaning, on every path."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.autograd import forward_ad
from torch.nn.utils.rnn import pack_padded_sequence

import elman.torch as ours
from elman.backends import reference_noise
from elman.torch.noise import Noise

KINDS = ["RNN", "LSTM", "GRU"]
SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "layer_norm": {"layer_norm": True},
    "learned_state": {"learned_state": True},
    "zoneout": {"zoneout": 0.4},
    "recurrent_dropout": {"recurrent_dropout": 0.4},
    "all": {"layer_norm": True, "learned_state": True, "zoneout": 0.2, "recurrent_dropout": 0.2},
    "reset_before": {"reset_after": False},
    "reset_before, all": {"reset_after": False, "zoneout": 0.2, "layer_norm": True},
}
CASES = [
    (kind, name)
    for kind in KINDS
    for name in SETTINGS
    if kind == "GRU" or "reset_before" not in name
]
SAYS_TORCH = ("plain", "learned_state")
LENGTHS = [3, 6, 0, 4]


def a_layer(kind: str, setting: str, **options: Any) -> Any:
    torch.manual_seed(0)
    layer = getattr(ours, kind)(3, 5, 2, bidirectional=True, **SETTINGS[setting], **options)
    with torch.no_grad():  # so that nothing is at a value where it has no effect
        for parameter in layer.parameters():
            parameter.add_(0.5 * torch.randn_like(parameter))
    return layer


def an_input(dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(6, 4, 3, generator=torch.Generator().manual_seed(1)).to(dtype)


def flat(layer: Any, x: torch.Tensor, lengths: Any = None) -> torch.Tensor:
    """Outputs and final states in one vector, with the same random numbers each time."""
    torch.manual_seed(7)
    output, final = layer(x, lengths=lengths)
    states = final if isinstance(final, tuple) else (final,)
    return torch.cat([output.reshape(-1), *(one.reshape(-1) for one in states)])


def said(layer: Any, setting: str, reason: str) -> bool:
    code = "torch" if setting in SAYS_TORCH else "reference"
    return bool(layer.path == f"{code} ({reason})" and f"path={layer.path}" in repr(layer))


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
@pytest.mark.parametrize("training", [True, False], ids=["training", "eval"])
@pytest.mark.parametrize(("kind", "setting"), CASES)
class TestEverySetting:
    """What each setting does in float32 or float64 on the kernels, it does everywhere."""

    @pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
    def test_in_half_the_precision(
        self, kind: str, setting: str, training: bool, lengths: Any, dtype: torch.dtype
    ) -> None:
        layer = a_layer(kind, setting).to(dtype).train(training)
        x = an_input(dtype)
        found = flat(layer, x, lengths)
        assert found.dtype == dtype
        if training or "dropout" not in setting:
            assert said(layer, setting, str(dtype).removeprefix("torch."))
        layer.float()
        assert layer.path == "elman"
        expected = flat(layer, x.float(), lengths)
        bound = 0.08 if dtype == torch.bfloat16 else 0.01
        torch.testing.assert_close(found.float(), expected, rtol=bound, atol=bound)

    def test_under_autocast(self, kind: str, setting: str, training: bool, lengths: Any) -> None:
        layer, x = a_layer(kind, setting).train(training), an_input(torch.float32)
        expected = flat(layer, x, lengths)
        with torch.autocast("cpu", torch.bfloat16):
            found = flat(layer, x, lengths)
            if training:
                assert said(layer, setting, "autocast")
        torch.testing.assert_close(found.float(), expected, rtol=0.08, atol=0.08)
        found.float().sum().backward()
        assert all(one.grad is not None for one in layer.parameters())

    def test_in_the_transforms_of_torch_func(
        self, kind: str, setting: str, training: bool, lengths: Any
    ) -> None:
        layer = a_layer(kind, setting, dtype=torch.float64).train(training)
        x = an_input().requires_grad_()
        value = flat(layer, x, lengths)
        weigh = torch.sin(torch.arange(1.0, 1.0 + value.numel(), dtype=torch.float64))
        inputs = [x, *layer.parameters()]
        expected = torch.autograd.grad((weigh * value).sum(), inputs)
        names = [name for name, _ in layer.named_parameters()]

        def run(x: torch.Tensor, *weights: torch.Tensor) -> torch.Tensor:
            given = dict(zip(names, weights, strict=True))
            torch.manual_seed(7)
            output, final = torch.func.functional_call(layer, given, (x, None, lengths))
            states = final if isinstance(final, tuple) else (final,)
            return torch.cat([output.reshape(-1), *(one.reshape(-1) for one in states)])

        plain = [one.detach() for one in inputs]
        numbers = tuple(range(len(plain)))
        found = torch.func.grad(lambda *a: (weigh * run(*a)).sum(), argnums=numbers)(*plain)
        torch.testing.assert_close(found, expected)
        result, pull = torch.func.vjp(run, *plain)
        torch.testing.assert_close(result, value)
        torch.testing.assert_close(pull(weigh), expected)
        tangents = tuple(torch.cos(one * 3) for one in plain)
        result, pushed = torch.func.jvp(run, tuple(plain), tangents)
        torch.testing.assert_close(result, value)
        along = sum((one * t).sum() for one, t in zip(expected, tangents, strict=True))
        torch.testing.assert_close((weigh * pushed).sum(), along)

    def test_in_forward_mode(self, kind: str, setting: str, training: bool, lengths: Any) -> None:
        layer = a_layer(kind, setting, dtype=torch.float64).train(training)
        x = an_input().requires_grad_()
        value = flat(layer, x, lengths)
        (expected,) = torch.autograd.grad(value.sum(), x)
        with forward_ad.dual_level():
            if training:
                assert said(layer, setting, "forward-mode differentiation")
            dual = forward_ad.make_dual(x.detach(), torch.ones_like(x))
            result, tangent = forward_ad.unpack_dual(flat(layer, dual, lengths))
        torch.testing.assert_close(result, value)
        torch.testing.assert_close(tangent.sum(), expected.sum())

    def test_over_a_batch_of_inputs(
        self, kind: str, setting: str, training: bool, lengths: Any
    ) -> None:
        layer = a_layer(kind, setting, dtype=torch.float64).train(training)
        many = torch.stack([an_input(), an_input() * 2])
        expected = torch.stack([flat(layer, one, lengths) for one in many])
        found = torch.func.vmap(lambda one: flat(layer, one, lengths), randomness="same")(many)
        torch.testing.assert_close(found, expected)

    def test_on_a_device_without_memory(
        self, kind: str, setting: str, training: bool, lengths: Any
    ) -> None:
        layer = a_layer(kind, setting, device="meta").train(training)
        if training:
            assert said(layer, setting, "on meta")
        output, final = layer(an_input(torch.float32).to("meta"), lengths=lengths)
        assert output.device.type == "meta" and output.shape == (6, 4, 10)
        states = final if isinstance(final, tuple) else (final,)
        assert all(one.is_meta and one.shape == (4, 4, 5) for one in states)


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
@pytest.mark.parametrize(("kind", "setting"), CASES)
def test_written_down_by_jit_trace(kind: str, setting: str, lengths: Any) -> None:
    layer = a_layer(kind, setting).eval()  # in training a trace draws its random numbers anew
    traced = torch.jit.trace(Flat(layer, lengths), an_input(torch.float32), check_trace=False)
    memory = io.BytesIO()
    torch.jit.save(traced, memory)
    memory.seek(0)
    other = an_input(torch.float32) * 2
    torch.testing.assert_close(torch.jit.load(memory)(other), flat(layer, other, lengths))


@pytest.mark.parametrize("reason", ["bfloat16", "autocast"])
def test_in_a_compiled_graph(reason: str) -> None:
    torch.manual_seed(0)
    layer = ours.GRU(3, 5, reset_after=False, recurrent_dropout=0.4, layer_norm=True)
    dtype = torch.bfloat16 if reason == "bfloat16" else torch.float32
    layer.to(dtype)
    torch._dynamo.reset()  # which compiles a function so many times and no more
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    x = torch.randn(2, 4, 3, dtype=dtype)
    with torch.autocast("cpu", torch.bfloat16, enabled=reason == "autocast"):
        found, expected = (flat(one, x, [1, 2, 0, 2]) for one in (compiled, layer))
    assert torch.equal(found, expected)
    found.float().sum().backward()
    assert all(one.grad is not None for one in layer.parameters())


class Flat(nn.Module):
    """A layer of which :func:`flat` is the output."""

    def __init__(self, layer: nn.Module, lengths: Any) -> None:
        super().__init__()
        self.layer, self.lengths = layer, lengths

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return flat(self.layer, x, self.lengths)


# ------------------------------------------------------------------------- forms of the input


@pytest.mark.parametrize("setting", ["plain", "learned_state", "all"])
@pytest.mark.parametrize("kind", KINDS)
def test_packed_and_single_sequences_in_half_the_precision(kind: str, setting: str) -> None:
    layer, x = a_layer(kind, setting).eval(), an_input(torch.float32)
    packed = pack_padded_sequence(x, torch.tensor([3, 6, 1, 4]), enforce_sorted=False)
    expected = [layer(packed)[0].data, layer(x[:, 0])[0]]
    layer.to(torch.bfloat16)
    found = [layer(packed.to(torch.bfloat16))[0].data, layer(x[:, 0].bfloat16())[0]]
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one.float(), other, rtol=0.08, atol=0.08)


@pytest.mark.parametrize("bias", [True, False])
def test_a_projection_with_lengths_and_with_a_learned_state(bias: bool) -> None:
    sizes = {"num_layers": 2, "bidirectional": True, "proj_size": 2, "bias": bias}
    theirs = nn.LSTM(3, 5, **sizes, dtype=torch.float64)
    mine = ours.LSTM(3, 5, **sizes, dtype=torch.float64, learned_state=True)
    assert mine.path == "torch (projection)"
    mine.load_state_dict(theirs.state_dict(), strict=False)
    assert mine.initial_h_l0.shape == (2,) and mine.initial_c_l0.shape == (5,)
    with torch.no_grad():
        for name, parameter in mine.named_parameters():
            if name.startswith("initial_"):
                parameter.normal_()
    ends = ("l0", "l0_reverse", "l1", "l1_reverse")
    state = tuple(
        torch.stack([getattr(mine, f"initial_{s}_{end}") for end in ends])[:, None].repeat(1, 4, 1)
        for s in "hc"
    )
    x = an_input()
    torch.testing.assert_close(mine(x), theirs(x, state))
    lengths = torch.tensor([3, 6, 1, 4])
    packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
    output, final = theirs(packed, state)
    padded, _ = nn.utils.rnn.pad_packed_sequence(output)
    torch.testing.assert_close(mine(x, lengths=lengths), (padded, final))
    mine(x, lengths=lengths)[0].sum().backward()
    assert mine.weight_hr_l1_reverse.grad.abs().sum() > 0


def test_evaluation_with_recurrent_dropout_is_torchs_own() -> None:
    layer = ours.GRU(2, 3, recurrent_dropout=0.5, dtype=torch.bfloat16)
    assert layer.path == "reference (bfloat16)" and layer.eval().path == "torch (bfloat16)"


# --------------------------------------------------------------------------- random numbers


@pytest.mark.parametrize("seed", [0, 1, 2**62 - 1])
def test_noise_has_the_bits_of_the_core(seed: int) -> None:
    rows = np.array([0, 3, 1, 1000, 2**40])
    noise = Noise(torch.tensor(seed), torch.from_numpy(rows))
    key = np.uint64(seed)
    for rate in (0.1, 0.5, 0.9):
        mask = reference_noise.dropout_mask(int(key), rows, 77, rate)
        assert torch.equal(noise.dropped(77, rate), torch.from_numpy(mask == 0))
        for time, state in ((0, 0), (5, 1), (10**6, 0)):
            held = reference_noise.zoned_out(int(key), rows, time, state, 77, rate)
            assert torch.equal(noise.zoned_out(time, state, 77, rate), torch.from_numpy(held))


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
@pytest.mark.parametrize("reason", ["bfloat16", "autocast"])
def test_a_plain_layer_in_a_compiled_graph(kind: str, reason: str) -> None:
    torch.manual_seed(0)
    layer = getattr(ours, kind)(3, 5, learned_state=True)
    dtype = torch.bfloat16 if reason == "bfloat16" else torch.float32
    layer.to(dtype)
    torch._dynamo.reset()
    compiled = torch.compile(layer, backend="aot_eager")
    x = torch.randn(2, 4, 3, dtype=dtype)
    with torch.autocast("cpu", torch.bfloat16, enabled=reason == "autocast"):
        found, expected = (one(x)[0] for one in (compiled, layer))
    assert torch.equal(found, expected)
    found.float().sum().backward()
    assert all(one.grad is not None for one in layer.parameters())
