"""Networks: the same results however the data come, saved to the bit, errors in plain words."""

from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import elman
from elman.errors import InputError
from networks import LOSSES, NETWORKS, inputs, network, targets

pytestmark = pytest.mark.usefixtures("poison")

CAUSAL = sorted(
    name
    for name in NETWORKS
    if not name.startswith(("pool", "repeat", "bidirectional")) and name != "learned"
)


def assert_equal(first, second):
    if isinstance(first, list):
        assert len(first) == len(second)
        for a, b in zip(first, second, strict=True):
            np.testing.assert_array_equal(a, b)
    else:
        np.testing.assert_array_equal(first, second)


class TestSameResults:
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    @pytest.mark.parametrize("name", NETWORKS)
    def test_whatever_the_batch_size(self, name, dtype):
        made = network(name, dtype)
        X = inputs(made, rows=37, steps=9)
        lengths = np.random.default_rng(0).integers(0, 10, 37)
        whole = made.predict(X, lengths=lengths)
        for size in (1, 2, 5, 16, 36):
            assert_equal(made.predict(X, lengths=lengths, batch_size=size), whole)

    @pytest.mark.parametrize("name", ["dense_big", "gru_big"])
    def test_whatever_the_batch_size_of_big_layers(self, name):
        layers = {
            "dense_big": [elman.RNN(3, 5), elman.Dense(5, 70, "tanh"), elman.Dense(70, 33)],
            "gru_big": [elman.GRU(3, 70), elman.Last(), elman.Dense(70, 5, "softmax")],
        }
        made = elman.Network(layers[name])
        X = inputs(made, rows=70, steps=7)
        whole = made.predict(X)
        for size in (1, 3, 64):
            assert_equal(made.predict(X, batch_size=size), whole)

    @pytest.mark.parametrize("name", NETWORKS)
    def test_whatever_the_padding(self, name):
        made = network(name, "float32")
        X = inputs(made, rows=6, steps=8)
        lengths = np.array([8, 3, 0, 5, 8, 1])
        plain = made.predict(X, lengths=lengths)
        filled = X.copy()
        longer = np.concatenate([X, X], axis=1)
        for row, length in enumerate(lengths):
            filled[row, length:] = -9 if made.reads_tokens else np.nan
            longer[row, length:] = 99 if made.reads_tokens else np.inf
        assert_equal(made.predict(filled, lengths=lengths), plain)
        padded = made.predict(longer, lengths=lengths)
        if made.per_step:
            assert not padded[:, 8:].any()
            for row, length in enumerate(lengths):
                assert not padded[row, length:].any()
            padded = padded[:, :8]
        assert_equal(padded, plain)

    @pytest.mark.parametrize("name", NETWORKS)
    def test_whatever_the_other_rows(self, name):
        made = network(name, "float32")
        X = inputs(made, rows=6, steps=8)
        lengths = np.array([8, 3, 0, 5, 8, 1])
        plain = made.predict(X, lengths=lengths)
        for row, length in enumerate(lengths):
            alone = made.predict(X[row : row + 1, :length])
            assert_equal(alone[0], plain[row][:length] if made.per_step else plain[row])

    @pytest.mark.parametrize("name", NETWORKS)
    def test_for_a_list_and_in_its_order(self, name):
        made = network(name, "float32")
        X = inputs(made, rows=6, steps=8)
        lengths = np.array([2, 8, 0, 5, 8, 1])
        rows = [row[:length] for row, length in zip(X, lengths, strict=True)]
        plain, got = made.predict(X, lengths=lengths), made.predict(rows)
        if made.per_step:
            assert [len(row) for row in got] == list(lengths)
            plain = [row[:length] for row, length in zip(plain, lengths, strict=True)]
        assert_equal(got, plain)
        order = [3, 1, 5, 0, 4, 2]
        turned = made.predict([rows[i] for i in order])
        assert_equal(list(turned), [got[i] for i in order])

    @pytest.mark.parametrize("name", ["lstm", "two_kinds", "embedding", "bidirectional"])
    def test_on_both_backends(self, name):
        native = network(name)
        assert native.backend == "native"
        reference = elman.Network(NETWORKS[name](), dtype="float64", backend="reference")
        assert reference.backend == "reference"
        reference.set_parameters(native.parameters)
        X, lengths = inputs(native), [4, 0, 6, 6, 1]
        np.testing.assert_allclose(
            native.predict(X, lengths=lengths),
            reference.predict(X, lengths=lengths),
            rtol=1e-12,
            atol=1e-14,
        )


class TestState:
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    @pytest.mark.parametrize("name", CAUSAL)
    def test_chunked_is_whole(self, name, dtype):
        made = network(name, dtype)
        X = inputs(made, rows=5, steps=11)
        whole, after = made.forward(X)
        state, outputs = None, []
        for start, stop in ((0, 1), (1, 5), (5, 5), (5, 11)):
            output, state = made.forward(X[:, start:stop], state)
            outputs.append(output)
        if made.per_step:
            assert_equal(np.concatenate(outputs, axis=1), whole)
        else:
            assert_equal(outputs[-1], whole)
        for name in after:
            assert_equal(state[name], after[name])
        assert_equal(made.predict(X), whole)

    @pytest.mark.parametrize("name", ["lstm", "stacked", "learned_last", "gru_before"])
    def test_chunks_of_unequal_lengths(self, name):
        made = network(name)
        X = inputs(made, rows=5, steps=8)
        lengths = np.array([8, 0, 5, 3, 6])
        _, after = made.forward(X, lengths=lengths)
        _, state = made.forward(X[:, :4], lengths=np.minimum(lengths, 4))
        _, state = made.forward(X[:, 4:], state, lengths=np.maximum(lengths - 4, 0))
        for name in after:
            assert_equal(state[name], after[name])

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    @pytest.mark.parametrize("name", CAUSAL)
    def test_steps_are_the_whole(self, name, dtype):
        made = network(name, dtype)
        X = inputs(made, rows=4, steps=6)
        whole, after = made.forward(X)
        state = None
        for t in range(6):
            y, state = made.step(X[:, t], state)
            if made.per_step:
                assert_equal(y, whole[:, t])
        if not made.per_step:
            assert_equal(y, whole)
        for name in after:
            assert_equal(state[name], after[name])

    @pytest.mark.parametrize("name", ["lstm", "rnn", "embedding"])
    def test_a_step_of_a_single_row_needs_no_row_axis(self, name):
        made = network(name, "float32")
        X = inputs(made, rows=1, steps=4)
        state = None
        for t in range(4):
            y, state = made.step(X[0, t], state)
            assert y.shape == (made.output_size,)
        whole = made.predict(X)
        assert_equal(y, whole[0, -1] if made.per_step else whole[0])

    def test_a_branch_goes_its_own_way(self):
        made = network("lstm")
        X = inputs(made, rows=3, steps=6)
        _, state = made.forward(X[:, :4])
        branch = state.select([1, 1])
        twins, _ = made.forward(X[[1, 2], 4:], branch)
        assert_equal(twins[0], made.forward(X[1:2])[0][0, 4:])
        assert np.abs(twins[1] - twins[0]).max() > 1e-6

    def test_results_outlive_the_next_call(self):
        made = network("lstm")
        X = inputs(made)
        first, state = made.forward(X)
        y, after = made.step(X[:, 0], state)
        kept = first.copy(), y.copy(), after.copy()
        made.forward(X + 1.0)
        made.step(X[:, 1], after)
        assert_equal(first, kept[0])
        assert_equal(y, kept[1])
        for name in after:
            assert_equal(after[name], kept[2][name])

    def test_the_step_sees_new_weights(self):
        """Backends keep what they made of the weights; not beyond a change."""
        made = network("lstm")
        x = inputs(made)[:, 0]
        first, _ = made.step(x)
        for change in (
            lambda: made.set_parameters(made.parameters * 1.5),
            lambda: made.load_state_dict({k: v + 0.1 for k, v in made.state_dict().items()}),
            lambda: made.fit(inputs(made), targets(made, LOSSES["mse"], inputs(made)), epochs=1),
            lambda: made.vectors()[0].__imul__(0.5),
        ):
            change()
            second, _ = made.step(x)
            assert np.abs(second - first).max() > 1e-6
            fresh = elman.Network(NETWORKS["lstm"](), dtype="float64")
            fresh.set_parameters(made.parameters)
            assert_equal(second, fresh.step(x)[0])
            first = second

    @pytest.mark.parametrize(
        ("x", "message"),
        [
            (
                np.zeros((5, 2)),
                r"x_t: expected \(rows, 3\) or \(3,\), got .*\(5, 2\)",
            ),
            (np.zeros(2), "x_t: expected"),
            (np.zeros((5, 1, 3)), "x_t: expected"),
            (0.5, "x_t: expected"),
            ([0.0, np.nan, 0.0], "x_t: expected finite numbers"),
        ],
    )
    def test_a_step_that_does_not_fit_is_refused(self, x, message):
        with pytest.raises(InputError, match=message):
            network("lstm").step(x)

    def test_tokens_that_do_not_fit_are_refused(self):
        made = network("embedding")
        for x in (6, -1, 1.0, [[1]], [0, 7], np.nan):
            with pytest.raises(InputError, match="x_t: expected a token"):
                made.step(x)

    def test_a_bidirectional_layer_cannot_stream(self):
        made = network("bidirectional")
        with pytest.raises(InputError, match="needs the whole sequence"):
            made.step(np.zeros(2))


class TestShapes:
    @pytest.mark.parametrize("name", NETWORKS)
    def test_nothing_in_nothing_out(self, name):
        made = network(name)
        X = inputs(made, rows=3, steps=4)
        width = made.output_size
        no_rows, no_steps = made.predict(X[:0]), made.predict(X[:, :0])
        assert no_rows.shape == ((0, 4, width) if made.per_step else (0, width))
        assert no_steps.shape == ((3, 0, width) if made.per_step else (3, width))
        assert made.predict([]) == [] if made.per_step else len(made.predict([])) == 0

    @settings(max_examples=25, deadline=None)
    @given(
        st.sampled_from(sorted(NETWORKS)),
        st.lists(st.integers(0, 7), min_size=1, max_size=6),
        st.integers(1, 4),
        st.sampled_from(sorted(LOSSES)),
    )
    def test_any_lengths_train(self, name, lengths, batch_size, loss):
        made, loss = network(name), LOSSES[loss]
        last = made.layers[-1]
        if loss.name == "pinball" and made.output_size % 2:
            return
        if isinstance(last, elman.Dense) and last.activation in ("softmax", "sigmoid"):
            return
        X = inputs(made, len(lengths), 7)
        y = targets(made, loss, X)
        history = made.fit(
            X, y, loss=loss, lengths=lengths, batch_size=batch_size, epochs=1, clip_norm=1.0
        )
        assert np.isfinite(history.loss[0])
        assert np.isfinite(made.parameters).all()

    def test_one_channel_needs_no_axis(self):
        made = elman.Network([elman.RNN(1, 3), elman.Dense(3, 1)])
        X = np.random.default_rng(0).normal(size=(4, 5, 1))
        assert_equal(made.predict(X[:, :, 0]), made.predict(X))
        assert_equal(made.predict(X[0, :, 0]), made.predict(X[:1]))
        made.fit(X[:, :, 0], X[:, :, 0], epochs=1)

    def test_what_array_converts_is_taken(self):
        made = network("lstm_last", "float32")
        X = inputs(made)[:, :, 0]
        plain = made.predict(X)
        assert_equal(made.predict(pd.DataFrame(X)), plain)
        assert_equal(made.predict(torch.tensor(X)), plain)
        assert_equal(made.predict(np.asfortranarray(X)), plain)
        assert_equal(made.predict(X.astype(np.float64)), plain)
        assert_equal(made.predict(X[::2]), plain[::2])

    def test_inputs_are_left_alone(self):
        made = network("lstm")
        X, y = inputs(made), targets(made, LOSSES["mse"], inputs(made))
        X.flags.writeable = y.flags.writeable = False
        before = X.copy(), y.copy()
        made.fit(X, y, epochs=1)
        made.predict(X)
        assert_equal(X, before[0])
        assert_equal(y, before[1])


class TestEvaluate:
    def test_regression(self):
        made = network("lstm")
        X = inputs(made)
        y = targets(made, LOSSES["mse"], X)
        lengths = [6, 2, 0, 5, 1]
        error = np.concatenate(
            [(a - b)[:n] for a, b, n in zip(made.predict(X), y, lengths, strict=True)]
        )
        got = made.evaluate(X, y, loss="huber", lengths=lengths)
        assert set(got) == {"loss", "mse", "mae"}
        assert got["mse"] == pytest.approx((error**2).mean(), rel=1e-12)
        assert got["mae"] == pytest.approx(np.abs(error).mean(), rel=1e-12)

    def test_classification(self):
        made = network("rnn_relu")
        X = inputs(made)
        labels = made.predict(X).argmax(-1)
        wrong = labels.copy()
        wrong[:, 0] = (wrong[:, 0] + 1) % 3
        assert made.evaluate(X, labels, loss="cross_entropy")["accuracy"] == 1.0
        got = made.evaluate(X, wrong, loss="cross_entropy")
        assert got["accuracy"] == pytest.approx(5 / 6)
        assert set(got) == {"loss", "accuracy"}

    def test_yes_and_no(self):
        made = network("lstm_last")
        X = inputs(made)
        y = (made.predict(X) > 0).astype(float)
        y[0] = 1.0 - y[0]
        got = made.evaluate(X, y, loss="binary_cross_entropy")
        assert got["accuracy"] == pytest.approx(0.8)

    def test_takes_the_loss_of_the_training(self):
        made = network("lstm")
        X = inputs(made)
        y = targets(made, LOSSES["mse"], X)
        made.fit(X, y, loss="mae", epochs=1)
        got = made.evaluate(X, y)
        assert got["loss"] == got["mae"]
        assert made.evaluate(X, y, loss="mse")["loss"] == got["mse"]

    @pytest.mark.parametrize("size", [1, 2, 256])
    def test_whatever_the_batch_size(self, size):
        made = network("stacked")
        X = inputs(made, rows=9)
        y = targets(made, LOSSES["mse"], X)
        got = made.evaluate(X, y, lengths=[1, 2, 3, 4, 5, 6, 0, 6, 6], batch_size=size)
        expected = made.evaluate(X, y, lengths=[1, 2, 3, 4, 5, 6, 0, 6, 6])
        assert got["loss"] == pytest.approx(expected["loss"], rel=1e-12)


class TestParameters:
    def test_names_are_those_of_torch(self):
        made = elman.Network(
            [elman.Embedding(5, 3), elman.LSTM(3, 4, 2, bidirectional=True), elman.Dense(8, 2)]
        )
        lstm = torch.nn.LSTM(3, 4, 2, bidirectional=True)
        expected = {f"1.{name}": tuple(p.shape) for name, p in lstm.named_parameters()}
        got = {name: value.shape for name, value in made.state_dict().items()}
        assert got == {"0.weight": (5, 3), **expected, "2.weight": (2, 8), "2.bias": (2,)}

    def test_views_cannot_be_written_to(self):
        made = network("lstm")
        for view in (
            made.parameters,
            made.gradients,
            *made.state_dict().values(),
            *made.gradient_dict().values(),
        ):
            with pytest.raises(ValueError, match="read-only"):
                view[...] = 0.0

    def test_loading_is_all_or_nothing(self):
        made = network("rnn")
        before, good = made.parameters.copy(), made.state_dict()
        for change, message in (
            (lambda d: d.pop("0.weight_hh_l0"), "missing: 0.weight_hh_l0; unknown: none"),
            (lambda d: d.update(extra=np.zeros(2)), "missing: none; unknown: extra"),
            (lambda d: d.update({"2.bias": np.zeros(3)}), r"2.bias of shape \(2,\), got \(3,\)"),
            (lambda d: d.update({"2.bias": np.array([0, np.nan])}), "finite numbers in 2.bias"),
        ):
            values = {name: value + 1.0 for name, value in good.items()}
            change(values)
            with pytest.raises(InputError, match=message):
                made.load_state_dict(values)
            assert_equal(made.parameters, before)
        made.load_state_dict({name: torch.tensor(value + 1.0) for name, value in good.items()})
        np.testing.assert_allclose(made.parameters, before + 1.0, rtol=1e-12)

    def test_a_vector_of_the_wrong_size_is_refused(self):
        with pytest.raises(InputError, match=r"vector: expected shape \(.*got ndarray of shape"):
            network("rnn").set_parameters(np.zeros(3))

    def test_networks_share_nothing(self):
        layers = NETWORKS["lstm"]()
        first, second = elman.Network(layers), elman.Network(layers)
        assert_equal(first.parameters, second.parameters)
        second.set_parameters(second.parameters * 2.0)
        assert (first.parameters != second.parameters).any()

    @pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))])
    def test_copies_are_independent_and_equal(self, duplicate):
        made = network("two_kinds")
        X = inputs(made)
        y = targets(made, LOSSES["mse"], X)
        made.fit(X, y, epochs=1)
        again = duplicate(made)
        assert_equal(again.predict(X), made.predict(X))
        made.fit(X, y, epochs=2)
        assert (again.parameters != made.parameters).any()
        again.fit(X, y, epochs=2)
        assert_equal(again.parameters, made.parameters)


class TestSaving:
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    @pytest.mark.parametrize("name", NETWORKS)
    def test_loaded_is_saved_to_the_bit(self, name, dtype, tmp_path):
        made = network(name, dtype)
        made.save(tmp_path / "model")
        again = elman.load(tmp_path / "model")
        assert repr(again) == repr(made)
        assert again.dtype == made.dtype
        X = inputs(made)
        assert_equal(again.predict(X), made.predict(X))

    def test_what_is_written(self, tmp_path):
        made = network("lstm")
        X = inputs(made)
        made.fit(X, targets(made, LOSSES["pinball"], X), loss=LOSSES["pinball"], epochs=1)
        made.save(tmp_path / "model")
        assert sorted(file.name for file in tmp_path.iterdir()) == ["model"]
        assert sorted(file.name for file in (tmp_path / "model").iterdir()) == [
            "network.json",
            "weights.safetensors",
        ]
        description = json.loads((tmp_path / "model" / "network.json").read_text())
        assert description["kind"] == "network"
        assert description["format"] == 1
        assert description["elman"] == elman.__version__
        assert description["loss"] == {"name": "pinball", "quantiles": [0.1, 0.6]}
        assert elman.load(tmp_path / "model").loss.quantiles == (0.1, 0.6)

    def test_training_goes_on_as_it_would_have(self, tmp_path):
        made = elman.Network([elman.GRU(1, 4), elman.Dropout(0.2), elman.Last()], seed=3)
        X = inputs(made, rows=20)
        y = targets(made, LOSSES["mse"], X)
        made.fit(X, y, epochs=2, batch_size=4)
        made.save(tmp_path / "model")
        again = elman.load(tmp_path / "model")
        assert (
            made.fit(X, y, epochs=2, batch_size=4).loss
            == again.fit(X, y, epochs=2, batch_size=4).loss
        )
        assert_equal(made.parameters, again.parameters)

    def test_a_saved_network_is_replaced_only_on_request(self, tmp_path):
        first, second = network("lstm", seed=1), network("rnn", seed=2)
        path = tmp_path / "model"
        first.save(path)
        with pytest.raises(InputError, match="pass overwrite=True"):
            second.save(path)
        assert repr(elman.load(path)) == repr(first)
        second.save(path, overwrite=True)
        assert repr(elman.load(path)) == repr(second)
        assert [file.name for file in tmp_path.iterdir()] == ["model"]

    @pytest.mark.parametrize("overwrite", [False, True])
    def test_other_things_are_never_replaced(self, overwrite, tmp_path):
        made = network("rnn")
        file, folder = tmp_path / "file", tmp_path / "folder"
        file.write_text("precious")
        folder.mkdir()
        (folder / "notes.txt").write_text("precious")
        for path in (file, folder):
            with pytest.raises(InputError, match="is not a model that elman saved"):
                made.save(path, overwrite=overwrite)
        assert file.read_text() == (folder / "notes.txt").read_text() == "precious"
        (tmp_path / "model").mkdir()
        made.save(tmp_path / "model", overwrite)  # an empty folder is no loss
        (tmp_path / "model" / "notes.txt").write_text("precious")
        with pytest.raises(InputError, match=r"notes.txt|overwrite=True"):
            made.save(tmp_path / "model", overwrite=overwrite)
        assert (tmp_path / "model" / "notes.txt").read_text() == "precious"

    def test_a_link_is_not_followed(self, tmp_path):
        network("rnn").save(tmp_path / "model")
        (tmp_path / "link").symlink_to(tmp_path / "model")
        with pytest.raises(InputError, match="never replaced"):
            network("rnn").save(tmp_path / "link", overwrite=True)

    def test_a_missing_parent_is_named(self, tmp_path):
        with pytest.raises(InputError, match="expected an existing folder to save in"):
            network("rnn").save(tmp_path / "no" / "model")

    def test_a_failed_save_leaves_the_old_one(self, tmp_path, monkeypatch):
        path = tmp_path / "model"
        made = network("rnn")
        made.save(path)
        monkeypatch.setattr("elman.saving._tensor_bytes", lambda tensors: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            network("lstm").save(path, overwrite=True)
        assert repr(elman.load(path)) == repr(made)
        assert [file.name for file in tmp_path.iterdir()] == ["model"]

    def damaged(self, tmp_path, change):
        path = tmp_path / "model"
        network("rnn").save(path)
        description = json.loads((path / "network.json").read_text())
        change(path, description)
        if (path / "network.json").exists():
            (path / "network.json").write_text(json.dumps(description))
        return path

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda p, d: d.update(format=2), r"expected format version 1, got 2 .*by elman"),
            (lambda p, d: d.pop("format"), "expected format version 1, got None"),
            (lambda p, d: d.update(kind="forecaster"), "does not describe a network"),
            (lambda p, d: d.pop("layers"), "the description in .* is damaged"),
            (lambda p, d: d["layers"][0].update(type="Conv"), "layers: type: expected one of"),
            (lambda p, d: d["layers"][0].update(heads=2), "is damaged"),
            (lambda p, d: d["layers"][0].update(hidden_size=6), "Dense expected"),
            (lambda p, d: d["layers"][0].update(bias=False), "do not fit.*unknown: 0.bias"),
            (lambda p, d: d["layers"][2].update(output_size=3), "do not fit.*2.weight of shape"),
            (lambda p, d: d.update(dtype="float16"), "dtype: expected one of"),
            (lambda p, d: d["generator"].update(bit_generator="MT"), "expected a PCG64"),
            (lambda p, d: d["generator"].update(uinteger=-1), "the description in .* is damaged"),
            (lambda p, d: d.update(layers="RNN"), "the description in .* is damaged"),
            (lambda p, d: (p / "weights.safetensors").unlink(), "weights.safetensors.*is missing"),
            (lambda p, d: (p / "weights.safetensors").write_bytes(b"x"), "is not a safetensors"),
            (lambda p, d: (p / "network.json").unlink(), "which has none"),
        ],
    )
    def test_damage_is_named(self, change, message, tmp_path):
        with pytest.raises(InputError, match=message):
            elman.load(self.damaged(tmp_path, change))

    def test_text_that_is_not_json(self, tmp_path):
        network("rnn").save(tmp_path / "model")
        (tmp_path / "model" / "network.json").write_text("{")
        with pytest.raises(InputError, match="is not valid JSON"):
            elman.load(tmp_path / "model")

    def test_no_such_folder(self, tmp_path):
        with pytest.raises(InputError, match="which does not exist"):
            elman.load(tmp_path / "none")


def test_summary_is_a_table():
    made = elman.Network([elman.Embedding(9, 4), elman.GRU(4, 3, num_layers=2), elman.Dense(3, 9)])
    assert made.summary().splitlines() == [
        "   layer                    gives             parameters",
        "-  -----------------------  ----------------  ----------",
        "0  Embedding(9, 4)          (rows, steps, 4)          36",
        "1  GRU(4, 3, num_layers=2)  (rows, steps, 3)         153",
        "2  Dense(3, 9)              (rows, steps, 9)          36",
        "reads (rows, steps) of 9 tokens; 225 parameters, float32",
    ]
    assert repr(made) == "Network\n" + made.summary()


def test_losses_after_the_activation_they_apply_are_refused():
    X = np.zeros((4, 3, 2))
    with pytest.raises(InputError, match=r"cross_entropy takes logits.*make it Dense\(3, 4\)"):
        network("softmax").fit(X, np.zeros((4, 3), int), loss="cross_entropy")
    with pytest.raises(InputError, match="binary_cross_entropy takes logits"):
        network("sigmoid").evaluate(X, np.zeros((4, 2)), loss="binary_cross_entropy")


@pytest.mark.parametrize("dtype", ["float16", "int32", "float33", str])
def test_other_dtypes_are_refused(dtype):
    with pytest.raises(InputError, match="dtype: expected one of 'float32', 'float64'"):
        elman.Network([elman.RNN(1, 2)], dtype=dtype)


@pytest.mark.parametrize("seed", [np.random.Generator(np.random.Philox(0)), "one", -1, 0.5])
def test_other_seeds_and_generators_are_refused(seed):
    with pytest.raises(InputError, match=r"seed: expected .*default_rng"):
        elman.Network([elman.RNN(1, 2)], seed=seed)


def test_other_backends_are_refused():
    with pytest.raises(InputError, match="backend: expected"):
        elman.Network([elman.RNN(1, 2)], backend="quantum")
