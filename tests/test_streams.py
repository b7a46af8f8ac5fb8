"""Training on streams: truncated BPTT with the state carried, held against three other ways.

Against full BPTT where a chunk holds a whole record; against PyTorch's loop of ``detach``; and
against itself with records that go on otherwise later.
"""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

import elman
from elman import InputError, Stream

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.usefixtures("poison")

LAYERS = {
    "rnn": lambda **k: [elman.RNN(3, 5, **k), elman.Dense(5, 2)],
    "gru": lambda **k: [elman.GRU(3, 5, 2, **k), elman.Dense(5, 2)],
    "lstm": lambda **k: [elman.LSTM(3, 5, 2, **k), elman.Dense(5, 2)],
}


def network(kind="lstm", dtype="float64", **options):
    return elman.Network(LAYERS[kind](**options), seed=0, dtype=dtype)


def some_records(*steps, seed=0):
    rng = np.random.default_rng(seed)
    return [(rng.normal(size=(n, 3)), rng.normal(size=(n, 2))) for n in steps]


@pytest.mark.parametrize("learned", [False, True])
@pytest.mark.parametrize("kind", LAYERS)
def test_a_chunk_as_long_as_the_records_is_full_bptt(kind, learned):
    records = some_records(37, 20, 37, 9)
    options = {"epochs": 3, "clip_norm": 1.0, "shuffle": False}
    whole, streamed = network(kind, learned_state=learned), network(kind, learned_state=learned)
    X, y = ([one[i] for one in records] for i in (0, 1))
    first = whole.fit(X, y, batch_size=4, **options)
    second = streamed.fit(Stream(records, chunk=40, lanes=4), **options)
    np.testing.assert_array_equal(whole.parameters, streamed.parameters)
    assert first.loss == second.loss
    assert not learned or np.abs(streamed.state_dict()["0.initial_h_l0"]).min() > 0


class Loop:
    """The loop that a PyTorch user writes: lanes, chunks, ``detach``."""

    def __init__(self, kind, made, learned=False):
        name = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}[kind]
        number = 1 if kind == "rnn" else 2
        self.body = getattr(torch.nn, name)(3, 5, number).double()
        self.head = torch.nn.Linear(5, 2).double()
        values = {k: torch.tensor(np.array(v)) for k, v in made.state_dict().items()}
        kept = {k[2:]: v for k, v in values.items() if k[0] == "0" and "initial" not in k}
        self.body.load_state_dict(kept)
        self.head.load_state_dict({k[2:]: v for k, v in values.items() if k[0] == "1"})
        states = ("h", "c") if kind == "lstm" else ("h",)
        self.initial = [torch.zeros(number, 1, 5, dtype=torch.float64) for _ in states]
        if learned:
            self.initial = [torch.nn.Parameter(one) for one in self.initial]
        self.states = states
        learnt = self.initial if learned else []
        self.optimizer = torch.optim.SGD(
            [*self.body.parameters(), *self.head.parameters(), *learnt], 0.3
        )

    def epoch(self, records, chunk, lanes):
        waiting, running = list(range(len(records))), [None] * lanes
        while True:
            for lane in range(lanes):
                if running[lane] is None and waiting:
                    running[lane] = [records[waiting.pop(0)], 0, self.initial]
            if not any(running):
                return
            total, number = 0.0, 0
            for lane, one in enumerate(running):
                if one is None:
                    continue
                (x, y), at, state = one
                given = tuple(state) if len(state) == 2 else state[0]
                out, after = self.body(torch.tensor(x[at : at + chunk])[:, None], given)
                after = after if isinstance(after, tuple) else (after,)
                error = self.head(out)[:, 0] - torch.tensor(y[at : at + chunk])
                total, number = total + (error**2).sum(), number + error.numel()
                ended = at + chunk >= len(x)
                running[lane] = None if ended else [one[0], at + chunk, [s.detach() for s in after]]
            self.optimizer.zero_grad()
            (total / number).backward()
            self.optimizer.step()

    def values(self):
        found = {f"0.{k}": v for k, v in self.body.named_parameters()}
        found |= {f"1.{k}": v for k, v in self.head.named_parameters()}
        for name, part in zip(self.states, self.initial, strict=True):
            found |= {f"0.initial_{name}_l{i}": part[i, 0] for i in range(len(part))}
        return {name: value.detach().numpy() for name, value in found.items()}


@pytest.mark.parametrize("learned", [False, True])
@pytest.mark.parametrize("kind", LAYERS)
def test_chunks_are_pytorchs_loop_of_detach(kind, learned):
    """Unequal records, more of them than lanes, ends within chunks and right at their end."""
    records = some_records(23, 41, 7, 30, 10, 10)
    made = network(kind, learned_state=learned)
    loop = Loop(kind, made, learned)
    made.fit(Stream(records, chunk=10, lanes=3), epochs=2, shuffle=False, optimizer=elman.SGD(0.3))
    for _ in range(2):
        loop.epoch(records, 10, 3)
    wanted = loop.values()
    for name, value in made.state_dict().items():
        np.testing.assert_allclose(value, wanted[name], rtol=1e-9, atol=1e-12, err_msg=name)


REGULARIZED = {"recurrent_dropout": 0.2, "zoneout": 0.1, "layer_norm": True}


@pytest.mark.parametrize("options", [{}, REGULARIZED], ids=["plain", "regularized"])
@pytest.mark.parametrize("split", [False, True])
def test_replayed_passes_give_the_same_bits(split, options, monkeypatch):
    records = some_records(50, 53, 50, 20)
    records = [(x.astype("f4"), y.astype("f4")) for x, y in records][: 1 if split else 4]
    results = []
    for recordable in (True, False):
        made = network(dtype="float32", **options)
        with monkeypatch.context() as patch:
            if not recordable:
                patch.setattr(elman.Network, "recordable", False)
            stream = Stream(records, chunk=10, lanes=3, split=split)
            history = made.fit(stream, epochs=3, clip_norm=0.5)
        results.append((made.parameters.copy(), history.loss, history.gradient_norm))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    assert results[0][1:] == results[1][1:]


def test_evaluate_is_the_loss_of_the_whole_whatever_the_chunk():
    records = some_records(23, 41, 7, 30)
    made = network()
    X, y = ([one[i] for one in records] for i in (0, 1))
    whole = made.evaluate(X, y)
    for chunk, lanes in ((100, 4), (10, 3), (1, 1), (7, 2)):
        streamed = made.evaluate(Stream(records, chunk=chunk, lanes=lanes))
        assert streamed == pytest.approx(whole, rel=1e-12)


def test_validation_is_a_stream_too_and_keeps_the_best_epoch():
    made = network()
    watched = Stream(some_records(40, 22, seed=1), chunk=8, lanes=2)
    seen = []
    history = made.fit(
        Stream(some_records(90, 70), chunk=10, lanes=2),
        epochs=6,
        optimizer=elman.Adam(0.05),
        validation_data=watched,
        on_epoch=lambda record: seen.append(made.evaluate(watched)["loss"]),
    )
    assert history.validation_loss == pytest.approx(seen, rel=1e-12)
    assert made.evaluate(watched)["loss"] == min(seen)
    assert history.best_epoch == 1 + seen.index(min(seen)) < 6


def test_what_comes_later_in_a_record_moves_nothing_earlier():
    """One epoch stopped by a first record's end: only its own chunks were learnt from."""
    losses = []
    for seed in (1, 2):
        (x, y), (later, after) = some_records(40)[0], some_records(30, seed=seed)[0]
        made, reports = network(), []
        lanes = made._lanes(
            "X", Stream((np.r_[x, later], np.r_[y, after]), chunk=10), elman.MeanSquaredError()
        )
        for batch in lanes.epoch():
            reports.append(made.forward_batch(batch, False).copy())
        losses.append(np.concatenate(reports))
    np.testing.assert_array_equal(losses[0][:40], losses[1][:40])
    assert np.abs(losses[0][40:] - losses[1][40:]).max() > 0.01


def test_rows_do_not_depend_on_the_other_lanes():
    records = some_records(23, 41, 7, 30)
    made, loss = network(), elman.MeanSquaredError()

    def outputs(chosen, lanes):
        found = {}
        source = made._lanes("X", Stream([records[i] for i in chosen], chunk=9, lanes=lanes), loss)
        for batch in source.epoch():
            out = made.forward_batch(batch, False)
            for row, lane in enumerate(batch.rows.tolist()):
                own = len(out) if batch.live is None else batch.lengths[row]
                found.setdefault(lane, []).append(out[:own, row].copy())
        return {lane: np.concatenate(parts) for lane, parts in found.items()}

    together = outputs(range(4), 4)
    for index in range(4):
        np.testing.assert_allclose(together[index], outputs([index], 1)[0], rtol=0, atol=1e-15)
        np.testing.assert_allclose(
            together[index], made.predict(records[index][0][None])[0], atol=1e-12
        )


def test_dropout_draws_from_the_seed():
    results = []
    for _ in range(2):
        made = elman.Network(
            [elman.LSTM(3, 5, 2, dropout=0.3), elman.Dropout(0.2), elman.Dense(5, 2)], seed=4
        )
        made.fit(Stream(some_records(40, 30, 20), chunk=10, lanes=2), epochs=2)
        results.append(made.parameters.copy())
    np.testing.assert_array_equal(*results)


def test_a_carried_state_learns_what_lies_beyond_the_chunk():
    """The sign told once at a record's beginning decides its targets 30 steps on, chunk 5."""
    rng = np.random.default_rng(0)

    def record():
        sign = rng.choice([-1.0, 1.0])
        x = np.zeros((40, 1))
        x[0] = sign
        return x, np.full((40, 1), sign)

    records = [record() for _ in range(60)]
    made = elman.Network([elman.GRU(1, 8), elman.Dense(8, 1)], seed=0)
    made.fit(Stream(records, chunk=5, lanes=10), epochs=40, optimizer=elman.Adam(0.01))
    X, y = np.array([one[0] for one in records]), np.array([one[1] for one in records])
    assert np.abs(made.predict(X) - y)[:, 30:].max() < 0.2


def test_memory_is_bounded_by_the_chunk(tmp_path):
    """A record of 32 MB on disk: training on it takes a fraction of one."""
    steps = 2_000_000
    mapped = np.memmap(tmp_path / "x.raw", "f4", "w+", shape=(steps, 4))
    mapped[:] = np.random.default_rng(0).normal(size=(1000, 4)).astype("f4").repeat(2000, axis=0)
    mapped.flush()
    made = elman.Network([elman.RNN(4, 4), elman.Dense(4, 4)], seed=0)
    stream = Stream([mapped], chunk=1000, lanes=8, split=True)
    tracemalloc.start()
    try:
        made.fit(stream, epochs=1)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2e6 < mapped.nbytes / 10


def test_missing_values_are_read_by_a_network_that_is_told_of_them():
    (x, y) = some_records(40)[0]
    x[3:7, 1] = np.nan
    layers = [elman.MarkMissing(3), elman.GRU(6, 5), elman.Dense(5, 2)]
    whole, streamed = (elman.Network(layers, seed=0, dtype="float64") for _ in range(2))
    whole.fit(x[None], y[None], epochs=2)
    streamed.fit(Stream((x, y), chunk=40), epochs=2)
    np.testing.assert_array_equal(whole.parameters, streamed.parameters)
    with pytest.raises(InputError, match="inputs: expected finite numbers, got nan at step 3"):
        network().fit(Stream((x, y)))


@pytest.mark.parametrize(
    "layers, message",
    [
        (
            [elman.Bidirectional(elman.GRU(3, 4)), elman.Dense(8, 2)],
            "walks forwards.*bidirectional",
        ),
        ([elman.GRU(3, 4), elman.Last(), elman.Dense(4, 2)], "waits for the end"),
        ([elman.GRU(3, 4), elman.Last(), elman.Repeat()], "waits for the end"),
    ],
)
def test_networks_that_need_the_end_are_refused(layers, message):
    with pytest.raises(InputError, match=message):
        elman.Network(layers).fit(Stream(some_records(9)))


@pytest.mark.parametrize(
    "options",
    [
        {"y": np.zeros(3)},
        {"batch_size": 4},
        {"lengths": [3]},
        {"sample_weight": [1.0]},
        {"truncate": 5},
        {"by_length": True},
        {"validation_split": 0.1},
        {"validation_data": (np.zeros((1, 3, 3)), np.zeros((1, 3, 2)))},
    ],
    ids=lambda options: next(iter(options)),
)
def test_what_belongs_to_arrays_is_refused_beside_a_stream(options):
    made = network()
    before = made.parameters.copy()
    with pytest.raises(InputError, match=f"{next(iter(options))}: expected"):
        made.fit(Stream(some_records(9)), **options)
    np.testing.assert_array_equal(made.parameters, before)


def test_other_targets_than_the_loss_needs_are_refused():
    with pytest.raises(InputError, match=r"records\[0\]: targets: expected whole numbers"):
        network().fit(Stream(some_records(9)), loss="cross_entropy")
