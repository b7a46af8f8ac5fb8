"""The benchmarks run, agree, refuse when they must, and their tables come from the records."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
torch = pytest.importorskip("torch")
if not (ROOT / "benchmarks" / "run.py").exists():
    pytest.skip("the benchmarks are not installed with the package", allow_module_level=True)
sys.path.insert(0, str(ROOT))

from benchmarks import agreement, measure, registry, tables  # noqa: E402
from benchmarks.cases import regularized, training  # noqa: E402
from benchmarks.peers import elman_peer, torch_peer  # noqa: E402
from benchmarks.worker import Worker, WorkerError  # noqa: E402


@pytest.fixture(scope="module")
def workers():
    with Worker("elman") as elman, Worker("torch") as torch, Worker("sgemm") as gauge:
        yield {"elman": elman, "torch": torch}, gauge


@pytest.mark.parametrize("case", registry.SMALLEST, ids=lambda case: case.name)
def test_smallest_case_is_measured_in_processes_of_their_own(case, workers):
    peers, gauge = workers
    record = training.measured(case, peers, gauge, rounds=2, seconds=0.002)
    assert record["largest_difference"]["elman"] < 1e-5
    assert record["peers"]["elman"]["us"] > 0 and record["peers"]["torch"]["us"] > 0
    assert 0 < record["peers"]["elman"]["share_of_sgemm"] < 1
    assert record["ratio"]["torch"]["median"] > 0
    json.dumps(record)


def test_regularized_steps_are_held_against_the_reference_and_the_plain_step():
    with Worker("elman") as first, Worker("elman") as second:
        workers = {"plain": first, "all three": second}
        record = regularized.measured("lstm", registry.TINY, workers, rounds=2, seconds=0.002)
    assert record["ratio"]["plain"]["median"] == 1.0
    assert [goal["what"] for goal in record["goals"]] == ["all three over plain"]
    assert max(record["difference_to_reference"].values()) < 1e-4
    assert tables.regularized([record]).rows[0][:2] == [registry.TINY.label, "lstm"]


@pytest.fixture
def one_thread():
    """Tiny steps on many threads that wait for each other take forever on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("spoiled", ["weight_hh_l0", "head.bias"])
def test_disagreeing_peers_are_refused(spoiled):
    case = registry.SMALLEST[1]
    right = torch_peer.build(case, case.weights)
    wrong_weights = {name: weight.copy() for name, weight in case.weights.items()}
    wrong_weights[spoiled].flat[0] += 0.1
    wrong = elman_peer.build(case, wrong_weights)
    reference = "torch", torch_peer.forward(right), torch_peer.gradients(right)
    with pytest.raises(agreement.Disagreement, match=r"elman and torch differ by .*no time"):
        agreement.largest_difference(
            case.name, "elman", elman_peer.forward(wrong), elman_peer.gradients(wrong), *reference
        )


def test_wrong_gradient_or_missing_one_is_refused():
    output, gradients = np.ones((2, 1)), {"weight_hh_l0": np.ones(3), "head.bias": np.ones(1)}
    for spoiled in ({**gradients, "head.bias": np.array([np.nan])}, {"head.bias": np.ones(1)}):
        with pytest.raises(agreement.Disagreement):
            agreement.largest_difference("case", "one", output, spoiled, "other", output, gradients)


@pytest.mark.usefixtures("one_thread")
def test_training_does_the_same_work_in_both_peers():
    case = registry.TrainingCase("lstm", registry.TINY, learning_rate=1e-3)
    losses = []
    for peer in (elman_peer, torch_peer):
        model = peer.build(case, case.weights)
        peer.train_steps(model, registry.BATCHES_PER_EPOCH)
        before = peer.forward(model)
        losses.append(peer.train_steps(model, 20 * registry.BATCHES_PER_EPOCH))
        assert np.abs(peer.forward(model) - before).max() > 0.05
    # Rows are shuffled differently, so the paths differ a little, but not how far they lead.
    assert losses[0] == pytest.approx(losses[1], rel=0.02)


def test_failure_of_a_peer_comes_with_its_traceback():
    with Worker("elman") as worker, pytest.raises(WorkerError, match="no_such_function"):
        worker.call("no_such_function")


def test_operations_are_counted_by_hand():
    # 1 row, 1 step, 1 input, 1 unit, 1 gate: W x, U h, dh, dW, dU are two operations each, and
    # so are the dense layer's product and its two gradients.
    case = registry.TrainingCase("rnn_tanh", registry.Size(1, 1, 1, 1))
    assert case.flops == 5 * 2 + 3 * 2


def test_interleaving_visits_every_run_in_every_round():
    calls = []

    def run(name, seconds):
        def do(count):
            calls.append(name)
            return seconds * count, seconds * count

        return do

    timings = measure.interleaved(
        {"a": run("a", 1e-3), "b": run("b", 4e-3)}, rounds=3, seconds=0.1, multiple=5
    )
    assert calls[-6:] == ["a", "b"] * 3
    assert timings["a"].median == pytest.approx(1000)
    assert measure.ratio(timings["b"], timings["a"])["median"] == pytest.approx(4)


def test_a_round_that_was_disturbed_is_repeated():
    busy = iter([1, 1, 1, 1, 0.5, 1, 0.5, 1])

    def run(count):
        return count * 1e-3, count * 1e-3 * next(busy)

    timings = measure.interleaved({"a": run}, rounds=3, seconds=0.005, watched=["a"])
    assert timings["a"].busy == [1, 1, 1]
    always = measure.interleaved(
        {"a": lambda count: (count * 1e-3, 0.0)}, rounds=3, seconds=0.005, watched=["a"]
    )
    assert len(always["a"].microseconds) == 3


def test_tables_of_the_page_are_written_from_the_records(tmp_path):
    record = {
        "case": "latency/lstm/8,32",
        "peers": {"elman": {"us": 4.0, "us_fastest": 3.5, "processors_busy": 1.0}},
        "ratio": {},
        "goals": [training.goal("us per step", 5.0, 4.0, at_most=True)],
        "measured": "2026-01-01T00:00+00:00",
    }
    machine = {
        "processor": "A",
        "instruction_sets": [],
        "cores": 2,
        "caches": [],
        "memory_gib": 1.0,
        "system": "S",
        "python": "3",
        "load": 0.0,
    }
    content = {"machine": machine, "versions": {}, "records": [record]}
    (tmp_path / "speed.json").write_text(json.dumps(content))
    page = tmp_path / "RESULTS.md"
    page.write_text("before\n<!-- latency -->\nold\n<!-- end -->\nafter\n")
    tables.rewrite([page], tmp_path)
    text = page.read_text()
    assert "| elman | 4.00 | 3.50 |" in text and "reached" in text and "old" not in text
    assert text.startswith("before\n") and text.endswith("after\n")
