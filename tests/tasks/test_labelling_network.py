"""The labelling network: gradients, and that nothing depends on padding or on other rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from elman.data.batches import Batches, Sequences
from elman.data.words import WordBatches, WordEncoder
from elman.losses import CrossEntropy
from elman.tasks.labelling_network import LabellingNetwork, LabellingShape

SENTENCES = [
    ["The", "cat", "sat", "on", "the", "mat"],
    ["A", "cat"],
    ["Sat", "the", "cat", "2", "times", "?"],
    ["mat"],
]
LABELS = 3


def word_batches(batch_size: int = 4) -> tuple[LabellingShape, WordBatches]:
    encoder = WordEncoder.fit(SENTENCES, min_count=1)
    rows, forms = encoder.encode(SENTENCES)
    rng = np.random.default_rng(0)
    targets = [rng.integers(0, LABELS, (len(one), 1)) for one in SENTENCES]
    wanted = Sequences.from_list(targets, 1, np.int64)
    shape = LabellingShape(
        cell="lstm",
        hidden_size=5,
        num_layers=1,
        bidirectional=True,
        labels=LABELS,
        crf=False,
        words=len(encoder.words) + 1,
        characters=len(encoder.characters) + 1,
        embedding_size=4,
        shape_size=2,
        character_size=3,
    )
    return shape, WordBatches(forms, rows, wanted, batch_size)


def number_batches() -> tuple[LabellingShape, Batches]:
    rng = np.random.default_rng(1)
    lengths = [5, 2, 5, 1]
    inputs = Sequences.from_list([rng.standard_normal((one, 2)) for one in lengths], 2, np.float64)
    targets = [rng.integers(0, LABELS, (one, 1)) for one in lengths]
    wanted = Sequences.from_list(targets, 1, np.int64)
    shape = LabellingShape("gru", 4, 2, True, LABELS, False, channels=2)
    return shape, Batches(inputs, wanted, None, 4, per_step=True)


def loss_of(network: LabellingNetwork, batch: Any, gradient: bool) -> float:
    loss = network.loss() or CrossEntropy()
    output = network.forward_batch(batch, True, np.random.default_rng(0))
    d_output = np.empty_like(output) if gradient else None
    mean, _ = loss(output, batch.target, None, batch.live, d_output)
    if d_output is not None:
        _, vector = network.vectors()
        vector[...] = 0.0
        network.backward_batch(d_output)
    return mean


@pytest.mark.usefixtures("poison")
@pytest.mark.parametrize("crf", [False, True])
@pytest.mark.parametrize("kind", ["words", "words alone", "numbers"])
def test_gradients_are_those_of_finite_differences(kind: str, crf: bool) -> None:
    shape, batches = number_batches() if kind == "numbers" else word_batches()
    changes: dict[str, Any] = {"crf": crf}
    if kind == "words alone":
        changes |= {"shape_size": 0, "character_size": 0}
    shape = LabellingShape(**{**vars(shape), **changes})
    network = LabellingNetwork(shape, np.random.default_rng(3), dtype=np.float64)
    (batch,) = batches.epoch()
    loss_of(network, batch, True)
    values, gradient = network.vectors()
    expected = gradient.copy()
    assert np.abs(expected).max() > 1e-3
    for place in np.random.default_rng(4).permutation(values.size)[:150]:
        kept, losses = values[place], []
        for step in (1e-5, -1e-5):
            values[place] = kept + step
            losses.append(loss_of(network, batch, False))
        values[place] = kept
        assert (losses[0] - losses[1]) / 2e-5 == pytest.approx(expected[place], abs=1e-7)


def test_every_part_learns() -> None:
    shape, batches = word_batches()
    network = LabellingNetwork(
        LabellingShape(**{**vars(shape), "crf": True}), np.random.default_rng(3), dtype=np.float64
    )
    (batch,) = batches.epoch()
    loss_of(network, batch, True)
    for name, part in network.gradient_dict().items():
        assert part.any(), name


def test_a_row_depends_on_no_other() -> None:
    shape, together = word_batches()
    network = LabellingNetwork(shape, np.random.default_rng(3))
    (batch,) = together.epoch()
    rows = batch.rows.copy()
    whole = network.forward_batch(batch, False).copy()
    _, alone = word_batches(1)
    for one in alone.epoch():
        place = int(np.flatnonzero(rows == one.rows[0])[0])
        np.testing.assert_array_equal(
            network.forward_batch(one, False)[:, 0], whole[: one.x.shape[0], place]
        )


def test_dropped_words_are_read_as_unknown_in_training_alone() -> None:
    shape, batches = word_batches()
    plain = LabellingShape(**{**vars(shape), "shape_size": 0, "character_size": 0})
    network = LabellingNetwork(plain, np.random.default_rng(3))
    assert network.reader is not None
    (batch,) = batches.epoch()
    before = network.forward_batch(batch, False).copy()
    network.reader.chance = np.ones(plain.words)
    np.testing.assert_array_equal(network.forward_batch(batch, False), before)
    dropped = network.forward_batch(batch, True, np.random.default_rng(0)).copy()
    batch.words[...] = 0
    np.testing.assert_array_equal(network.forward_batch(batch, False), dropped)
