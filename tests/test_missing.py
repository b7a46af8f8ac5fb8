"""Steps that were not observed (masks), and values that are missing (NaN, declared)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import elman

RNG = np.random.default_rng(5)
X = RNG.standard_normal((6, 9, 2)).astype(np.float32)
MASK = RNG.random((6, 9)) < 0.6
MASK[2] = False  # nothing observed at all
MASK[3] = True
HOLES = np.where(MASK[:, :, None], X, np.nan).astype(np.float32)
SHORT = [row[seen] for row, seen in zip(X, MASK, strict=True)]


def per_step(seed: int = 0) -> elman.Network:
    return elman.Network([elman.GRU(2, 5, bidirectional=True), elman.Dense(10, 3)], seed=seed)


def per_row(seed: int = 0) -> elman.Network:
    return elman.Network([elman.LSTM(2, 5), elman.Last(), elman.Dense(5, 1)], seed=seed)


# ------------------------------------------------------------------------------------- masks


def test_unobserved_steps_are_as_if_they_were_not_there() -> None:
    output = per_step().predict(HOLES, mask=MASK)
    assert output.shape == (6, 9, 3)
    for row, short in enumerate(per_step().predict(SHORT)):
        assert np.array_equal(output[row, MASK[row]], short)
    assert not output[~MASK].any()
    assert np.array_equal(per_row().predict(HOLES, mask=MASK), per_row().predict(SHORT))


def test_a_mask_at_the_end_is_a_length() -> None:
    lengths = np.array([9, 4, 0, 7, 1, 9])
    mask = np.arange(9) < lengths[:, None]
    for made in (per_step(), per_row()):
        assert np.array_equal(made.predict(X, mask=mask), made.predict(X, lengths=lengths))
    both = per_step().predict(X, mask=MASK, lengths=lengths)
    assert np.array_equal(both, per_step().predict(X, mask=MASK & mask))


def test_the_state_passes_by_what_was_not_observed() -> None:
    network = elman.Network([elman.LSTM(2, 4), elman.Dense(4, 1)], seed=1)
    first, state = network.forward(HOLES[:, :5], mask=MASK[:, :5])
    second, _ = network.forward(HOLES[:, 5:], state, mask=MASK[:, 5:])
    whole = network.predict(HOLES, mask=MASK)
    np.testing.assert_allclose(np.concatenate([first, second], axis=1), whole, atol=1e-6)


def test_training_with_a_mask_is_training_on_what_was_observed() -> None:
    y = RNG.standard_normal((6, 9, 3)).astype(np.float32)
    masked, listed = per_step(), per_step()
    options = {"epochs": 3, "batch_size": 2}
    holes = np.where(MASK[:, :, None], y, np.nan)
    watched = {"X": HOLES, "y": holes, "mask": MASK}
    history = masked.fit(HOLES, holes, mask=MASK, validation_data=watched, **options)
    short = [row[seen] for row, seen in zip(y, MASK, strict=True)]
    same = listed.fit(SHORT, short, validation_data=(SHORT, short), **options)
    assert np.array_equal(masked.parameters, listed.parameters)
    assert [one.validation_loss for one in history.epochs] == [
        one.validation_loss for one in same.epochs
    ]
    assert masked.evaluate(HOLES, holes, mask=MASK) == listed.evaluate(SHORT, short)


def test_gradients_of_the_inputs_stand_where_the_inputs_stood() -> None:
    network = per_step()
    weights = RNG.standard_normal((6, 9, 3)).astype(np.float32)
    gradient = network.input_gradients(HOLES, weights, mask=MASK)
    assert gradient.shape == X.shape and not gradient[~MASK].any()
    row, step = 3, 4
    bumped = []
    for change in (1e-2, -1e-2):
        moved = X.astype(np.float32).copy()
        moved[row, step, 1] += change
        bumped.append((network.predict(moved, mask=MASK) * weights).sum())
    assert gradient[row, step, 1] == pytest.approx((bumped[0] - bumped[1]) / 2e-2, rel=2e-2)


def test_keras_passes_by_masked_steps_too() -> None:
    keras = pytest.importorskip("keras")
    pytest.importorskip("tensorflow")
    layer = keras.layers.LSTM(4, return_sequences=True)
    layer.build((None, 9, 2))
    kernel, recurrent, bias = (np.array(one) for one in layer.get_weights())
    network = elman.Network([elman.LSTM(2, 4)], seed=0)
    network.load_state_dict(
        {
            "0.weight_ih_l0": kernel.T,
            "0.weight_hh_l0": recurrent.T,
            "0.bias_ih_l0": bias,
            "0.bias_hh_l0": np.zeros_like(bias),
        }
    )
    theirs = np.asarray(layer(X, mask=MASK))
    ours = network.predict(HOLES, mask=MASK)
    np.testing.assert_allclose(ours[MASK], theirs[MASK], atol=1e-5)


@pytest.mark.parametrize("mask", [MASK[:, :5], np.ones((6, 9)), "all"])
def test_a_mask_that_does_not_fit_is_refused(mask: object) -> None:
    with pytest.raises(elman.InputError, match="mask: expected booleans"):
        per_row().predict(X, mask=mask)


def test_lists_have_no_mask() -> None:
    with pytest.raises(elman.InputError, match="mask: expected None beside a list"):
        per_row().predict(SHORT, mask=MASK)


def test_validation_data_of_another_kind_are_refused() -> None:
    with pytest.raises(elman.InputError, match="validation_data: expected"):
        per_row().fit(X, np.zeros(6), validation_data={"X": X, "target": np.zeros(6)})


# ------------------------------------------------------------------------------ missing values


def marked() -> elman.Network:
    return elman.Network([elman.MarkMissing(2), elman.GRU(4, 5), elman.Dense(5, 1)], seed=0)


def test_missing_values_are_read_as_zero_and_marked() -> None:
    gone = RNG.random(X.shape) < 0.3
    data = np.where(gone, np.nan, X).astype(np.float32)
    plain = elman.Network([elman.GRU(4, 5), elman.Dense(5, 1)], seed=0)
    weights = {f"{int(n[0]) - 1}{n[1:]}": v for n, v in marked().state_dict().items()}
    plain.load_state_dict(weights)
    told = np.concatenate([np.where(gone, 0, X), gone], axis=2).astype(np.float32)
    assert np.array_equal(marked().predict(data), plain.predict(told))
    lengths = np.array([9, 4, 0, 7, 1, 9])
    assert np.array_equal(
        marked().predict(data, lengths=lengths), plain.predict(told, lengths=lengths)
    )


def test_it_learns_saves_and_steps_with_missing_values(tmp_path: Path) -> None:
    data = X.copy()
    data[RNG.random(X.shape) < 0.3] = np.nan
    network = marked()
    history = network.fit(data, np.nansum(data, axis=2), epochs=30)
    assert history.epochs[-1].loss < history.epochs[0].loss
    network.save(tmp_path / "model")
    loaded = elman.load(tmp_path / "model")
    whole = loaded.predict(data)
    assert np.array_equal(whole, network.predict(data))
    state = None
    for step in range(9):
        y, state = loaded.step(data[:, step], state)
        np.testing.assert_allclose(y, whole[:, step], atol=1e-6)


def test_gradients_of_missing_values_are_zero() -> None:
    data = X.copy()
    data[1, 2, 0] = np.nan
    gradient = marked().input_gradients(data, np.ones((6, 9, 1), np.float32))
    assert gradient[1, 2, 0] == 0.0 and np.isfinite(gradient).all() and gradient[1, 2, 1] != 0.0


def test_infinite_values_are_no_missing_ones() -> None:
    data = X.copy()
    data[0, 0, 0] = np.inf
    with pytest.raises(elman.InputError, match="expected finite numbers, got inf"):
        marked().predict(data)
    with pytest.raises(elman.InputError, match="expected finite numbers"):
        marked().step(data[0, 0])
    data[0, 0, 0] = np.nan
    with pytest.raises(elman.InputError, match="MarkMissing"):
        per_row().predict(data)


def test_it_must_be_the_first_layer() -> None:
    with pytest.raises(elman.InputError, match="MarkMissing as the first layer"):
        elman.Network([elman.GRU(2, 3), elman.MarkMissing(3)])
    with pytest.raises(elman.InputError, match="MarkMissing as the first layer"):
        elman.Network([elman.Embedding(4, 2), elman.MarkMissing(2)])
