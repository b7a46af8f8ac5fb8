"""elman.torch in the hands of people and tools: what is refused, what is shown, what is written."""

from __future__ import annotations

import copy
import inspect
import io
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

import elman.torch as ours
from elman.errors import InputError


def pair(kind: str, *sizes: int, **options: Any) -> tuple[nn.Module, nn.Module]:
    """PyTorch's layer and ours with the same weights."""
    torch.manual_seed(0)
    theirs, mine = getattr(nn, kind)(*sizes, **options), getattr(ours, kind)(*sizes, **options)
    mine.load_state_dict(theirs.state_dict())
    return theirs, mine


# ---------------------------------------------------------------------------------- errors


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_errors_are_torchs(kind: str) -> None:
    theirs, mine = pair(kind, 3, 5, dtype=torch.float32)
    wrong = [
        (torch.randn(4, 2, 2), None),
        (torch.randn(4, 2, 3, 1), None),
        (torch.randn(4, 2, 3, dtype=torch.float64), None),
        (torch.randn(4, 2, 3), torch.randn(1, 3, 5)),
        (torch.randn(4, 2, 3), torch.randn(3, 5)),
        (torch.randn(4, 3), torch.randn(1, 1, 5)),
        (torch.randn(0, 2, 3), None),
    ]
    for x, h in wrong:
        state = h if h is None or kind != "LSTM" else (h, h)
        messages = []
        for module in (theirs, mine):
            with pytest.raises((RuntimeError, ValueError)) as caught:
                module(x, state)
            messages.append(str(caught.value))
        assert messages[0] == messages[1]


@pytest.mark.parametrize("lengths", [[1, 2, 3], [5, 1], [-1, 2]])
def test_lengths_that_do_not_fit_are_refused(lengths: list[int]) -> None:
    with pytest.raises(RuntimeError, match="lengths: expected"):
        ours.GRU(2, 3)(torch.randn(4, 2, 2), lengths=lengths)


def test_a_batch_of_no_rows_has_no_lengths() -> None:
    output, final = ours.GRU(2, 3)(torch.zeros(4, 0, 2), lengths=[])
    assert output.shape == (4, 0, 3) and final.shape == (1, 0, 3)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_constructors_take_and_refuse_what_torchs_do(kind: str) -> None:
    nonlinearity = ["relu"] if kind == "RNN" else []
    given = [3, 5, 2, *nonlinearity, False, True, 0.25, True]
    theirs, mine = getattr(nn, kind)(*given), getattr(ours, kind)(*given)
    assert mine.load_state_dict(theirs.state_dict())
    for name in ("mode", "num_layers", "bias", "batch_first", "dropout", "bidirectional"):
        assert getattr(mine, name) == getattr(theirs, name)
    wrong: list[dict[str, Any]] = [
        {"hidden_size": 0},
        {"hidden_size": 2.0},
        {"num_layers": 0},
        {"dropout": 1.5},
        {"proj_size": 5 if kind == "LSTM" else 2},
    ]
    for options in wrong:
        messages = []
        for module in (nn, ours):
            with pytest.raises((ValueError, TypeError)) as caught:
                getattr(module, kind)(**{"input_size": 3, "hidden_size": 5, **options})
            messages.append((type(caught.value), str(caught.value)))
        assert messages[0] == messages[1]
    if nonlinearity:
        with pytest.raises(ValueError, match="Unknown nonlinearity 'gelu'"):
            ours.RNN(3, 5, nonlinearity="gelu")


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_states_may_be_a_list_where_torchs_may(kind: str) -> None:
    theirs, mine = pair(kind, 3, 5)
    for x, shape in ((torch.randn(4, 2, 3), (1, 2, 5)), (torch.randn(4, 3), (1, 5))):
        state = [torch.randn(shape), torch.randn(shape)]
        if kind == "LSTM":
            torch.testing.assert_close(mine(x, state), mine(x, tuple(state)))
            # torch.nn leaves the third out in silence if there is no batch
            with pytest.raises((RuntimeError, InputError), match=r"two hidden states|expected 2"):
                mine(x, (*state, state[0]))
        else:
            for module in (theirs, mine):
                with pytest.raises(AttributeError, match="'list' object has no attribute 'dim'"):
                    module(x, state)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_no_tensor_is_refused_by_name(kind: str) -> None:
    _, layer = pair(kind, 3, 5)
    _, cell = pair(f"{kind}Cell", 3, 5)
    for run in (layer, layer.trace, cell):
        with pytest.raises(InputError, match=r"input: expected a torch\.Tensor, got ndarray"):
            run(np.zeros((4, 2, 3), np.float32))
    packed = pack_padded_sequence(torch.randn(4, 2, 3), torch.tensor([4, 2]))
    with pytest.raises(RuntimeError, match="lengths: a PackedSequence has its own"):
        layer(packed, lengths=[4, 2])


# ------------------------------------------------------------------------------------- shown


def test_what_is_not_the_default_is_shown() -> None:
    assert repr(ours.GRU(3, 5)) == "GRU(3, 5, path=elman)"
    shown = repr(ours.GRU(3, 5, 2, reset_after=False, zoneout=0.1, layer_norm=True))
    assert shown == "GRU(3, 5, num_layers=2, zoneout=0.1, layer_norm=True, reset_after=False, " + (
        "path=elman)"
    )
    assert "zoneout=(0.2, 0.1)" in repr(ours.LSTM(3, 5, zoneout=(0.2, 0.1)))


def test_a_replica_of_a_parallel_model_runs_and_is_shown() -> None:
    layer = ours.LSTM(3, 4, 2, learned_state=True)
    replica = layer._replicate_for_data_parallel()
    for name, parameter in layer.named_parameters():  # as torch.nn.parallel.replicate leaves it
        setattr(replica, name, parameter.detach().clone())
    assert not list(replica.parameters())
    x = torch.randn(4, 2, 3)
    assert torch.equal(replica(x)[0], layer(x)[0])
    assert repr(replica) == repr(layer)


def test_forward_names_its_arguments_as_torchs_does() -> None:
    for kind in ("RNN", "LSTM", "GRU"):
        mine = list(inspect.signature(getattr(ours, kind).forward).parameters)
        assert mine == ["self", "input", "hx", "lengths"]


# ----------------------------------------------------------------------------------- written


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("settings", [{}, {"layer_norm": True, "zoneout": 0.2}], ids=str)
@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_files_of_onnx_run_as_the_layer_does(kind: str, settings: dict[str, Any]) -> None:
    runtime = pytest.importorskip("onnxruntime")
    torch.manual_seed(0)
    layer = getattr(ours, kind)(3, 5, 2, bidirectional=True, batch_first=True, **settings).eval()
    memory, x = io.BytesIO(), torch.randn(4, 6, 3)
    torch.onnx.export(layer, (x,), memory, dynamo=False, input_names=["x"])
    session = runtime.InferenceSession(memory.getvalue(), providers=["CPUExecutionProvider"])
    other = torch.randn(4, 6, 3)
    output, final = layer(other)
    states = list(final) if isinstance(final, tuple) else [final]
    found = session.run(None, {"x": other.numpy()})
    for one, expected in zip(found, [output, *states], strict=True):
        np.testing.assert_allclose(one, expected.detach().numpy(), atol=1e-5)


def test_what_is_exported_for_onnx_holds_no_operator_of_elmans(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    layer, x = ours.GRU(3, 5).eval(), torch.randn(6, 4, 3)
    monkeypatch.setattr(torch.onnx, "is_in_onnx_export", lambda: True)
    program = torch.export.export(layer, (x,))
    assert not [node for node in program.graph.nodes if "elman" in str(node.target)]
    torch.testing.assert_close(program.module()(x), layer(x))


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_a_parametrized_layer_is_copied_after_a_call(kind: str) -> None:
    layer, x = getattr(ours, kind)(3, 5), torch.randn(6, 4, 3)
    layer(x)
    nn.utils.parametrizations.weight_norm(layer, "weight_hh_l0")
    expected = layer(x)[0]
    assert torch.equal(copy.deepcopy(layer)(x)[0], expected)
