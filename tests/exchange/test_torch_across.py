"""Networks to PyTorch and back, and PyTorch's own modules in."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from networks_across import LENGTHS, further_layers, inputs_of, make, shared_layers
from torch import nn

from elman import Dense, ElmanWarning, InputError, Last, Network, OnnxRecurrent
from elman.exchange import torch_modules

torch.set_num_threads(1)
ALL = {**shared_layers(), **further_layers()}


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ALL)
def test_the_module_computes_the_same(name: str, dtype: str, lengths: Any) -> None:
    network = make(ALL[name], dtype)
    module = network.to_torch()
    x = inputs_of(network)
    told = None if lengths is None else torch.from_numpy(lengths)
    with torch.no_grad():
        found = module(torch.from_numpy(x), told).numpy()
    expected = network.predict(x, lengths=lengths)
    assert found.dtype == expected.dtype
    assert np.abs(found - expected).max() < (2e-6 if dtype == "float32" else 1e-13)


@pytest.mark.parametrize("name", ALL)
def test_there_and_back_is_the_same_network(name: str) -> None:
    network = make(ALL[name])
    back = Network.from_torch(network.to_torch())
    assert [repr(one) for one in back.layers] == [repr(one) for one in network.layers]
    for key, value in network.state_dict().items():
        assert (back.state_dict()[key] == value).all()


def test_the_module_bears_the_names_of_the_network_and_trains() -> None:
    network = make(shared_layers()["gru_ends"])
    module = network.to_torch()
    assert {*module.state_dict()} == {*network.state_dict()}
    assert not module.training
    x = torch.from_numpy(inputs_of(network))
    before = network.predict(x.numpy())
    optimizer = torch.optim.SGD(module.parameters(), 0.1)
    module.train()
    (module(x) - 1.0).square().mean().backward()
    optimizer.step()
    network.load_state_dict(module.state_dict())
    after = module.eval()(x).detach().numpy()
    assert np.abs(network.predict(x.numpy()) - after).max() < 1e-6
    assert np.abs(before - after).max() > 1e-4


@pytest.mark.parametrize(
    "module",
    [
        nn.RNN(3, 4, 2, nonlinearity="relu", dropout=0.1),
        nn.LSTM(3, 4, bidirectional=True, batch_first=True),
        nn.GRU(3, 4, bias=False),
        nn.LSTM(3, 4).double(),
    ],
    ids=["rnn", "lstm", "gru", "double"],
)
def test_modules_of_torch(module: Any) -> None:
    network = Network.from_torch(module)
    x = np.random.default_rng(0).standard_normal((2, 5, 3)).astype(network.dtype)
    given = torch.from_numpy(x if module.batch_first else x.swapaxes(0, 1).copy())
    with torch.no_grad():
        found = module.eval()(given)[0].numpy()
    found = found if module.batch_first else found.swapaxes(0, 1)
    assert np.abs(network.predict(x) - found).max() < 1e-6


def test_a_sequential_is_its_modules_in_order() -> None:
    module = nn.Sequential(
        nn.Embedding(9, 4),
        nn.LSTM(4, 5, bidirectional=True),
        torch_modules.Ends(),
        nn.Dropout(0.5),
        nn.Sequential(nn.Linear(10, 3), nn.ReLU()),
        nn.Identity(),
        nn.Linear(3, 2),
        nn.Softmax(dim=-1),
    )
    network = Network.from_torch(module)
    kinds = [type(layer).__name__ for layer in network.layers]
    assert kinds == ["Embedding", "LSTM", "Ends", "Dropout", "Dense", "Dense"]
    assert [one.activation for one in network.layers if isinstance(one, Dense)] == [
        "relu",
        "softmax",
    ]


def test_a_softmax_over_the_second_axis_is_over_the_channels_of_a_vector() -> None:
    walk, head = nn.GRU(2, 3), nn.Linear(3, 2)
    pooled = nn.Sequential(walk, torch_modules.Last(), head, nn.Softmax(dim=1))
    assert Network.from_torch(pooled).layers[-1].activation == "softmax"
    with pytest.raises(InputError, match="expected dim=-1"):
        Network.from_torch(nn.Sequential(walk, head, nn.Softmax(dim=1)))


class OfTheirOwn(nn.Module):
    """As users write them: what is done with the steps stands in ``forward`` alone."""

    def __init__(self, what: str, batch_first: bool = True, both: bool = False) -> None:
        super().__init__()
        self.what = what
        self.walk = nn.GRU(3, 4, batch_first=batch_first, bidirectional=both)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(8 if both else 4, 2)

    def forward(self, x: torch.Tensor) -> Any:
        y, _ = self.walk(x)
        if self.what == "last":
            y = y[:, -1] if self.walk.batch_first else y[-1]
        elif self.what == "ends":
            y = torch.cat([y[:, -1, :4], y[:, 0, 4:]], -1)
        elif self.what == "mean":
            y = y.mean(1)
        elif self.what == "strange":
            y = y[:, 1]
        elif self.what == "sine":
            y = torch.sin(y)
        return self.head(self.drop(y))


@pytest.mark.parametrize(
    ("module", "kinds"),
    [
        (OfTheirOwn("all"), ["GRU", "Dropout", "Dense"]),
        (OfTheirOwn("last"), ["GRU", "Last", "Dropout", "Dense"]),
        (OfTheirOwn("last", batch_first=False), ["GRU", "Last", "Dropout", "Dense"]),
        (OfTheirOwn("ends", both=True), ["GRU", "Ends", "Dropout", "Dense"]),
        (OfTheirOwn("mean"), ["GRU", "MeanPool", "Dropout", "Dense"]),
    ],
    ids=["all", "last", "time_first", "ends", "mean"],
)
def test_what_a_forward_does_with_the_steps_is_found_out(module: Any, kinds: list[str]) -> None:
    assert module.training
    network = Network.from_torch(module)
    assert [type(layer).__name__ for layer in network.layers] == kinds
    assert module.training  # as it was


class Functional(nn.Module):
    """Activations and the end of the walk in ``forward`` alone."""

    def __init__(self) -> None:
        super().__init__()
        self.walk = nn.LSTM(3, 4, bidirectional=True, batch_first=True)
        self.first, self.second = nn.Linear(8, 5), nn.Linear(5, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        _, (h, _) = self.walk(x)
        y = torch.relu(self.first(torch.cat([h[-2], h[-1]], -1)))
        return torch.softmax(self.second(y), -1)


def test_activations_of_a_forward_are_found_out() -> None:
    torch.manual_seed(0)
    module = Functional()
    module.walk.eval()  # in another mode than the whole
    network = Network.from_torch(module)
    assert [type(one).__name__ for one in network.layers] == ["LSTM", "Ends", "Dense", "Dense"]
    assert [one.activation for one in network.layers[2:]] == ["relu", "softmax"]
    assert module.training and not module.walk.training


def test_a_forward_that_cannot_be_run_is_refused_with_its_reason() -> None:
    class Needy(OfTheirOwn):
        def forward(self, x: torch.Tensor) -> Any:
            raise ValueError("expected a mask")

    with pytest.raises(InputError, match=r"forward of Needy reads neither .*: expected a mask"):
        Network.from_torch(Needy("all"))


def test_a_forward_that_can_be_read_in_two_ways_is_refused() -> None:
    module = Functional()
    with torch.no_grad():
        module.first.bias.fill_(4.0)  # so that the rectifier never shows
    with pytest.raises(InputError, match="can be read in 2 ways"):
        Network.from_torch(module)


@pytest.mark.parametrize("what", ["strange", "sine"])
def test_a_forward_that_does_something_else_is_refused(what: str) -> None:
    with pytest.raises(InputError, match="forward of OfTheirOwn gives something else"):
        Network.from_torch(OfTheirOwn(what))


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.LSTM(3, 4, proj_size=2), "proj_size=2"),
        (nn.Sequential(nn.Conv1d(1, 1, 1)), r"Sequential.0 is a Conv1d"),
        (nn.Sequential(nn.RNN(3, 4), nn.Linear(5, 1)), "expected a sequence or a vector of 5"),
        (nn.RNN(3, 4).half(), "call module.float"),
        (nn.Sequential(nn.RNN(3, 4), nn.Softmax(dim=0)), "expected dim=-1"),
        (nn.Sequential(nn.Embedding(3, 4, max_norm=1.0)), "max_norm"),
        (nn.Sequential(), "expected recurrent"),
        ("rnn.pt", "expected a torch.nn.Module"),
    ],
)
def test_what_has_no_counterpart_is_refused_by_name(module: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Network.from_torch(module)


def test_layers_that_torch_has_not_are_refused() -> None:
    with pytest.raises(InputError, match="layer 0, OnnxRecurrent: PyTorch has none"):
        Network([OnnxRecurrent("gru", 2, 3), Last()]).to_torch()


def test_a_module_that_stands_twice_is_run_twice() -> None:
    shared = nn.Linear(3, 3)
    theirs = nn.Sequential(shared, nn.Tanh(), shared)
    network = Network.from_torch(theirs)
    assert [type(layer).__name__ for layer in network.layers] == ["Dense", "Dense"]
    x = np.random.default_rng(0).standard_normal((2, 5, 3)).astype(np.float32)
    with torch.no_grad():
        expected = theirs(torch.from_numpy(x)).numpy()
    assert np.abs(network.predict(x) - expected).max() < 1e-6


def test_that_a_module_reads_time_first_is_said() -> None:
    with pytest.warns(ElmanWarning, match=r"LSTM reads time first .* the network rows first"):
        Network.from_torch(nn.LSTM(3, 5))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Network.from_torch(nn.LSTM(3, 5, batch_first=True))


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.LSTM(3, 5, batch_first=True).bfloat16(), "float32 or float64, got torch.bfloat16"),
        (nn.LSTM(3, 5, device="meta"), "on the meta device and hold no values"),
        (
            nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(3, 4))),
            r"Sequential\.0 has parametrized weights \(weight\).*remove_parametrizations",
        ),
        (
            nn.utils.parametrizations.weight_norm(nn.GRU(3, 4), "weight_hh_l0"),
            r"parametrized weights \(weight_hh_l0\)",
        ),
        (nn.GRU(3, 5).state_dict(), "got a mapping of 4 entries$"),
    ],
)
def test_modules_whose_weights_cannot_be_read_are_refused(module: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Network.from_torch(module)


def test_lengths_may_be_a_list() -> None:
    network = make(shared_layers()["gru_ends"])
    x = inputs_of(network)
    found = network.to_torch()(torch.from_numpy(x), LENGTHS.tolist()).detach().numpy()
    assert np.abs(found - network.predict(x, lengths=LENGTHS)).max() < 1e-6
