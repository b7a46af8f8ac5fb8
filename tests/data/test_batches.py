"""Batches: gathered as NumPy gathers, sorted, masked, shuffled by seed; arrays checked."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.backends import kernels, reference_batches
from elman.data.arrays import as_labels, as_sequences, as_targets, as_tokens, as_weights
from elman.data.batches import Batches, Sequences
from elman.errors import InputError


@st.composite
def ragged(draw):
    """Rows in a flat array, overlapping perhaps, and a choice among them."""
    channels = draw(st.integers(1, 4))
    total = draw(st.integers(1, 30))
    number = draw(st.integers(1, 6))
    starts = [draw(st.integers(0, total)) for _ in range(number)]
    lengths = [draw(st.integers(0, total - start)) for start in starts]
    rows = draw(st.lists(st.integers(0, number - 1), max_size=8))
    return channels, total, starts, lengths, rows


@settings(max_examples=60, deadline=None)
@given(ragged(), st.sampled_from(["float32", "float64", "int64"]), st.integers(0, 40))
def test_gather_is_the_numpy_twin(case, dtype, steps):
    channels, total, starts, lengths, rows = case
    values = np.arange(1, total * channels + 1).reshape(total, channels).astype(dtype)
    arguments = values, np.array(starts), np.array(lengths), np.array(rows, np.int64)
    got = np.full((steps, len(rows), channels), 77, dtype)
    expected = got.copy()
    kernels.gather(*arguments, got)
    reference_batches.gather(*arguments, expected)
    np.testing.assert_array_equal(got, expected)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=9),
    st.lists(st.integers(0, 8), max_size=12),
    st.integers(0, 3),
)
def test_arranging_is_the_numpy_twin(lengths, rows, room):
    lengths = np.array(lengths)
    rows = np.array(rows, np.int64) % len(lengths)
    results = []
    for module in (kernels, reference_batches):
        out = [np.full(len(rows), -1), np.full(len(rows), -1), np.full(max(lengths) + room, -1)]
        steps = module.arrange(lengths, rows, *out)
        results.append((steps, *(array.tolist() for array in out)))
    assert results[0] == results[1]


def test_gather_refuses_what_does_not_exist():
    values, out = np.zeros((5, 1)), np.zeros((3, 1, 1))
    for starts, lengths, rows in (([0], None, [1]), ([3], None, [0]), ([4], [2], [0])):
        with pytest.raises(IndexError):
            kernels.gather(
                values,
                np.array(starts),
                None if lengths is None else np.array(lengths),
                np.array(rows),
                out,
            )


def test_dead_positions_are_zeroed_as_the_twin_does():
    live = np.array([4, 2, 2, 0])
    got = np.full((4, 5, 3), np.nan, np.float32)
    expected = got.copy()
    got[0, 0, 0] = expected[0, 0, 0] = 3.0
    kernels.zero_dead(got, live)
    reference_batches.zero_dead(expected, live)
    np.testing.assert_array_equal(got, expected)


def test_embedding_is_the_numpy_twin():
    generator = np.random.default_rng(0)
    weight, tokens = generator.normal(size=(7, 3)), generator.integers(0, 7, 20)
    got, expected = np.empty((20, 3)), np.empty((20, 3))
    kernels.embed(weight, tokens, got)
    reference_batches.embed(weight, tokens, expected)
    np.testing.assert_array_equal(got, expected)
    d_weight, d_expected = np.ones((7, 3)), np.ones((7, 3))
    kernels.embed_adjoint(d_weight, tokens, got)
    reference_batches.embed_adjoint(d_expected, tokens, got)
    np.testing.assert_allclose(d_weight, d_expected, rtol=1e-14)
    with pytest.raises(IndexError):
        kernels.embed(weight, np.array([7]), np.empty((1, 3)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (4, 17), (3, 64), (0, 4)], ids=str)
@pytest.mark.parametrize("name", kernels.ACTIVATIONS)
def test_activations_are_the_numpy_twins(name, shape, dtype):
    generator = np.random.default_rng(0)
    got = (4.0 * generator.normal(size=shape)).astype(dtype)
    d_got = generator.normal(size=shape).astype(dtype)
    expected, d_expected = got.copy(), d_got.copy()
    number = kernels.ACTIVATIONS[name]
    kernels.activate(number, got)
    reference_batches.activate(name, expected)
    tolerance = 2e-6 if dtype == "float32" else 1e-14
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance / 10)
    kernels.activation_adjoint(number, got, d_got)
    reference_batches.activation_adjoint(name, expected, d_expected)
    np.testing.assert_allclose(d_got, d_expected, rtol=5 * tolerance, atol=5 * tolerance)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_small_probabilities_keep_their_digits(dtype):
    logits = np.linspace(-80.0, 80.0, 161).astype(dtype)[None]
    got = logits.copy()
    kernels.activate(kernels.ACTIVATIONS["sigmoid"], got)
    expected = 1.0 / (1.0 + np.exp(-logits.astype(np.float64)))
    np.testing.assert_allclose(got, expected, rtol=10 * np.finfo(dtype).eps)


def test_the_first_value_that_is_not_finite_is_found():
    values = np.zeros((3, 5000), np.float32)
    assert kernels.first_not_finite(values) == -1
    values[2, 4999] = -np.inf
    assert kernels.first_not_finite(values) == 14999
    values[1, 7] = np.nan
    assert kernels.first_not_finite(values) == 5007


class TestBatches:
    def test_equal_lengths_need_no_mask(self):
        X = np.arange(24.0).reshape(4, 3, 2)
        y = np.arange(4.0)[:, None]
        source = Batches(Sequences.from_array(X), Sequences.from_array(y[:, None]), batch_size=3)
        assert len(source) == 2
        first, second = ((b.x.copy(), b.target.copy(), b.live, b.lengths) for b in source.epoch())
        np.testing.assert_array_equal(first[0], X[:3].transpose(1, 0, 2))
        np.testing.assert_array_equal(first[1], y[:3])
        np.testing.assert_array_equal(second[0], X[3:].transpose(1, 0, 2))
        assert first[2:] == (None, None)

    def test_unequal_lengths_are_sorted_and_counted(self):
        X = np.arange(1.0, 25.0).reshape(4, 6, 1)
        source = Batches(Sequences.from_array(X, np.array([2, 5, 0, 5])), batch_size=4)
        batch = source.take(np.arange(4))
        assert list(batch.rows) == [1, 3, 0, 2]  # longest first, else in the old order
        assert list(batch.lengths) == [5, 5, 2, 0]
        assert list(batch.live) == [3, 3, 2, 2, 2]
        assert batch.x.shape == (5, 4, 1)
        np.testing.assert_array_equal(batch.x[:, 2, 0], [*X[0, :2, 0], 0, 0, 0])
        assert not batch.x[:, 3].any()

    def test_rows_of_one_length_need_no_mask_though_others_differ(self):
        source = Batches(Sequences.from_array(np.ones((3, 4, 1)), np.array([2, 2, 4])))
        batch = source.take(np.array([0, 1]))
        assert batch.live is None
        assert batch.x.shape == (2, 2, 1)

    def test_rows_without_steps_are_legal(self):
        for sequences in (
            Sequences.from_array(np.ones((2, 0, 3))),
            Sequences.from_array(np.ones((2, 4, 3)), np.zeros(2, np.int64)),
        ):
            batch = next(iter(Batches(sequences).epoch()))
            assert batch.x.shape == (0, 2, 3)
            assert list(batch.lengths) == [0, 0]
            assert batch.live.shape == (0,)

    def test_targets_and_weights_go_with_their_rows(self):
        lengths = np.array([1, 3, 2])
        inputs = Sequences.from_list([np.full((n, 1), n) for n in lengths], 1, float)
        targets = Sequences.from_list([np.full((n, 2), 10 * n) for n in lengths], 2, float)
        weights = Sequences.from_list([np.full((n, 1), 100 * n) for n in lengths], 1, float)
        source = Batches(inputs, targets, weights, per_step=True)
        batch = source.take(np.array([2, 0, 1]))
        assert list(batch.rows) == [1, 2, 0]
        for b, length in enumerate([3, 2, 1]):
            for array, value in ((batch.x, 1), (batch.target, 10), (batch.weight, 100)):
                assert set(array[:length, b].ravel()) == {value * length}
                assert not array[length:, b].any()

    def test_order_is_seeded_and_every_row_comes_once(self):
        source = Batches(Sequences.from_array(np.arange(50.0).reshape(50, 1, 1)), batch_size=8)

        def order(seed):
            batches = source.epoch(np.random.default_rng(seed))
            return np.concatenate([batch.x[0, :, 0].copy() for batch in batches])

        np.testing.assert_array_equal(order(1), order(1))
        assert (order(1) != order(2)).any()
        np.testing.assert_array_equal(np.sort(order(1)), np.arange(50.0))
        plain = np.concatenate([batch.rows for batch in source.epoch()])
        np.testing.assert_array_equal(plain, np.arange(50))

    def test_windows_overlap_without_copies(self):
        series = np.arange(10.0)[:, None]
        windows = Sequences(series, np.arange(7), 4)
        assert windows.values.base is series or windows.values is series
        batch = Batches(windows).take(np.array([6, 0]))
        np.testing.assert_array_equal(batch.x[:, :, 0].T, [[6, 7, 8, 9], [0, 1, 2, 3]])

    def test_rows_beyond_the_values_are_refused(self):
        with pytest.raises(InputError, match="expected rows within 10 steps"):
            Sequences(np.zeros((10, 1)), np.array([7]), 4)
        with pytest.raises(InputError, match="expected rows within 10 steps"):
            Sequences(np.zeros((10, 1)), np.array([-1]), np.array([2]))


class TestArrays:
    def sequences(self, X, channels=2, lengths=None):
        return as_sequences("X", X, channels, np.float32, lengths)

    @pytest.mark.parametrize(
        ("X", "channels", "shape"),
        [
            (np.zeros((3, 4, 2)), 2, (3, 4)),
            (np.zeros((3, 4)), 1, (3, 4)),
            (np.zeros(4), 1, (1, 4)),
            ([np.zeros((4, 2)), np.zeros((1, 2))], 2, (2, 4)),
            ([np.zeros(4), [1.0, 2.0]], 1, (2, 4)),
            ([[[1, 2], [3, 4]]], 2, (1, 2)),
            ([], 2, (0, 0)),
        ],
    )
    def test_what_is_plain_is_accepted(self, X, channels, shape):
        got = self.sequences(X, channels)
        assert (len(got), got.steps) == shape
        assert got.values.dtype == np.float32
        assert got.channels == channels

    @pytest.mark.parametrize(
        ("X", "message"),
        [
            (np.zeros((3, 4, 3)), r"X: expected an array \(rows, steps, 2\).*shape \(3, 4, 3\)"),
            (np.zeros((4, 2)), r"for a single sequence pass X\[None\]"),
            (np.zeros(3), "X: expected an array"),
            (np.array([["a"]]), "X: expected numbers"),
            ([np.zeros((3, 2)), np.zeros((3, 1))], r"X\[1\]: expected an array \(steps, 2\)"),
            ([np.zeros((3, 2)), ["a", "b"]], r"X\[1\]: expected numbers"),
            (None, "X: expected"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, X, message):
        with pytest.raises(InputError, match=message):
            self.sequences(X)

    @pytest.mark.parametrize("value", [np.nan, np.inf, 1e60])
    def test_values_that_are_not_finite_are_named(self, value):
        X = np.zeros((3, 4, 2))
        X[1, 2, 1] = value
        with pytest.raises(InputError, match="row 1, step 2, channel 1"):
            self.sequences(X)
        with pytest.raises(InputError, match="row 1, step 2, channel 1"):
            self.sequences(list(X))
        self.sequences(X, lengths=[4, 2, 4])  # it is padding

    @pytest.mark.parametrize(
        ("lengths", "message"),
        [
            ([1, 2], "lengths: expected 3 numbers"),
            ([1, 2, 5], "lengths: expected numbers from 0 to 4, got 1 to 5"),
            ([1, -1, 2], "lengths: expected numbers from 0 to 4, got -1 to 2"),
            ([1.0, 2.0, 3.0], "lengths: expected whole numbers"),
        ],
    )
    def test_lengths_that_do_not_fit_are_refused(self, lengths, message):
        with pytest.raises(InputError, match=message):
            self.sequences(np.zeros((3, 4, 2)), lengths=lengths)

    def test_lengths_beside_a_list_are_refused(self):
        with pytest.raises(InputError, match="lengths: expected None beside a list"):
            self.sequences([np.zeros((3, 2))], lengths=[2])

    def test_tokens(self):
        assert as_tokens("X", [[0, 1, 2], [3]], 4, None).steps == 3
        assert as_tokens("X", np.array([[0, 1]], np.uint8), 4, None).values.dtype == np.int64
        padded = np.array([[1, 2, -1], [3, -7, 99]])
        assert len(as_tokens("X", padded, 4, [2, 1])) == 2
        with pytest.raises(InputError, match="tokens from 0 to 3, got -1 in row 0, step 2"):
            as_tokens("X", padded, 4, None)
        with pytest.raises(InputError, match="expected whole numbers"):
            as_tokens("X", np.zeros((2, 3)), 4, None)
        with pytest.raises(InputError, match="expected tokens, an array"):
            as_tokens("X", np.zeros((2, 3, 2), int), 4, None)
        np.testing.assert_array_equal(padded, [[1, 2, -1], [3, -7, 99]])

    def test_targets_a_row(self):
        inputs = self.sequences(np.zeros((3, 4, 2)))
        get = lambda y, k: as_targets("y", y, inputs, k, np.float32, per_step=False)  # noqa: E731
        assert get([1, 2, 3], 1).values.shape == (3, 1)
        assert get(np.zeros((3, 2)), 2).channels == 2
        with pytest.raises(InputError, match=r"an array \(3, 1\) or \(3,\), got ndarray of shape"):
            get(np.zeros((2, 1)), 1)
        with pytest.raises(InputError, match="got nan in row 1"):
            get([1.0, np.nan, 2.0], 1)

    def test_targets_a_step(self):
        inputs = self.sequences(np.zeros((3, 4, 2)), lengths=[4, 0, 2])
        get = lambda y: as_targets("y", y, inputs, 1, np.float32, per_step=True)  # noqa: E731
        y = np.full((3, 4), np.nan)
        y[0], y[2, :2] = 1.0, 2.0
        assert get(y).values.shape == (12, 1)
        assert get([np.ones(4), np.ones(0), np.ones((2, 1))]).steps == 4
        with pytest.raises(InputError, match=r"for one target a row add elman.Last\(\)"):
            get(np.zeros((3, 1)))
        with pytest.raises(InputError, match="row 2 has 2, got 3"):
            get([np.ones(4), np.ones(0), np.ones(3)])
        with pytest.raises(InputError, match="y: expected 3 rows, got 2"):
            get([np.ones(4), np.ones(0)])
        y[2, 1] = np.nan
        with pytest.raises(InputError, match="got nan in row 2, step 1"):
            get(y)

    def test_targets_of_an_array_beside_inputs_of_a_list(self):
        inputs = self.sequences([np.zeros((3, 2)), np.zeros((1, 2))])
        got = as_targets("y", np.arange(6.0).reshape(2, 3), inputs, 1, np.float32, per_step=True)
        assert list(got.lengths) == [3, 1]

    def test_labels(self):
        inputs = self.sequences(np.zeros((3, 4, 2)))
        assert as_labels("y", [0, 2, 1], inputs, 3, False).values.dtype == np.int64
        assert as_labels("y", [[0] * 4] * 3, inputs, 3, True).channels == 1
        with pytest.raises(InputError, match="classes from 0 to 2, got 3 in row 1"):
            as_labels("y", [0, 3, 1], inputs, 3, False)
        weights = as_weights("w", [1.0, 0.0, 1.0], inputs, 1, np.float32, False)
        assert as_labels("y", [0, -100, 1], inputs, 3, False, weights) is not None
        with pytest.raises(InputError, match="y: expected whole numbers"):
            as_labels("y", [0.0, 1.0, 2.0], inputs, 3, False)

    @pytest.mark.parametrize(
        ("weight", "per_step", "width"),
        [
            (np.ones(3), False, 1),
            ([1, 2, 3], False, 1),
            (np.ones((3, 2)), False, 2),
            (np.ones(3), True, 1),
            (np.ones((3, 4)), True, 1),
            (np.ones((3, 4, 2)), True, 2),
            ([np.ones(4)] * 3, True, 1),
            ([np.ones((4, 2))] * 3, True, 2),
        ],
    )
    def test_weights(self, weight, per_step, width):
        inputs = self.sequences(np.zeros((3, 4, 2)))
        got = as_weights("w", weight, inputs, 2, np.float32, per_step)
        assert got.channels == width
        assert got.steps == (4 if per_step else 1)

    @pytest.mark.parametrize(
        ("weight", "message"),
        [
            ([1.0, -1.0, 1.0], "expected weights of at least 0, got -1"),
            ([1.0, np.nan, 1.0], "expected finite numbers"),
            (np.ones((3, 5)), "w: expected"),
            (np.ones(4), "w: expected"),
        ],
    )
    def test_weights_that_do_not_fit_are_refused(self, weight, message):
        inputs = self.sequences(np.zeros((3, 4, 2)))
        with pytest.raises(InputError, match=message):
            as_weights("w", weight, inputs, 2, np.float32, False)


def test_rows_of_like_length_share_a_batch_in_a_seeded_order():
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 60, 400)
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    inputs = Sequences(np.zeros((int(lengths.sum()), 1)), starts, lengths)

    def epoch(by_length):
        batches = Batches(inputs, batch_size=16, by_length=by_length)
        return list(batches.epoch_rows(np.random.default_rng(1)))

    near, far = epoch(True), epoch(False)
    assert sorted(np.concatenate(near).tolist()) == list(range(400))
    padded = [sum(lengths[rows].max() * len(rows) for rows in one) for one in (near, far)]
    assert padded[0] < 1.1 * lengths.sum() < padded[1]
    assert all((a == b).all() for a, b in zip(near, epoch(True), strict=True))
    tops = [lengths[rows].max() for rows in near]
    assert tops != sorted(tops)  # short and long batches in turn
