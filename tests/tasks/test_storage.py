"""Saved forecasters: the same forecast again, and clear refusals of what is damaged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import elman
from elman.errors import InputError
from sample_series import FAST, covariate_table, monthly, several, wave


@pytest.mark.parametrize(
    "options", [{}, {"strategy": "recursive"}, {"loss": "mae", "segment": 3}, {"ensemble": 2}]
)
def test_a_loaded_forecaster_forecasts_the_same(options: dict[str, Any], tmp_path: Path) -> None:
    forecaster = elman.Forecaster(**FAST, **options).fit(monthly())
    forecaster.save(tmp_path / "model")
    loaded = elman.load(tmp_path / "model")
    pd.testing.assert_frame_equal(loaded.predict(), forecaster.predict())
    pd.testing.assert_frame_equal(loaded.predict(monthly(118)), forecaster.predict(monthly(118)))
    assert loaded.scores_.to_dict() == forecaster.scores_.to_dict()
    assert loaded.history_.to_dict() == forecaster.history_.to_dict()
    assert loaded.history_.seconds == [None] * len(forecaster.history_)
    assert loaded.get_params()["horizon"] == 4
    assert loaded.score() == forecaster.score()


def test_arrays_several_series_and_covariates_round_trip(tmp_path: Path) -> None:
    arrays = elman.Forecaster(**FAST).fit(wave())
    arrays.save(tmp_path / "arrays")
    np.testing.assert_array_equal(elman.load(tmp_path / "arrays").predict(), arrays.predict())
    many = elman.Forecaster(**FAST).fit(several())
    many.save(tmp_path / "many")
    assert elman.load(tmp_path / "many").predict().equals(many.predict())
    table = covariate_table()
    ahead = elman.Forecaster(**FAST).fit(table, target="y", past="other", future="promotion")
    ahead.save(tmp_path / "ahead")
    pd.testing.assert_frame_equal(elman.load(tmp_path / "ahead").predict(), ahead.predict())


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("saved") / "model"
    elman.Forecaster(**FAST).fit(monthly()).save(path)
    return path


def test_nothing_is_overwritten_unasked(saved: Path, tmp_path: Path) -> None:
    forecaster = elman.load(saved)
    forecaster.save(tmp_path / "model")
    with pytest.raises(InputError, match="overwrite=True"):
        forecaster.save(tmp_path / "model")
    forecaster.save(tmp_path / "model", overwrite=True)


def damaged(saved: Path, tmp_path: Path, **changes: Any) -> Path:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(saved, copy)
    file = copy / "forecaster.json"
    record = json.loads(file.read_text())
    for name, value in changes.items():
        if value is None:
            del record[name]
        else:
            record[name] = value
    file.write_text(json.dumps(record))
    return copy


@pytest.mark.parametrize("name", ["model", "panel", "parameters", "levels", "scores"])
def test_a_missing_part_is_said(saved: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=f"damaged or of another version.*{name}"):
        elman.load(damaged(saved, tmp_path, **{name: None}))


def test_a_later_format_is_refused(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected format version 1, got 99"):
        elman.load(damaged(saved, tmp_path, format=99))


def test_a_missing_tensor_is_named(saved: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    copy = damaged(saved, tmp_path)
    tensors = load_file(copy / "weights.safetensors")
    del tensors["model.network0.head.bias"]
    save_file(tensors, copy / "weights.safetensors")
    with pytest.raises(InputError, match=r"missing: head\.bias; unknown: none"):
        elman.load(copy)


def test_a_named_backend_is_named_again(tmp_path: Path) -> None:
    elman.Forecaster(**FAST, backend="reference").fit(wave()).save(tmp_path / "model")
    assert elman.load(tmp_path / "model").model_.network._encoders[0].backend == "reference"


def test_weights_that_are_not_finite_are_refused(saved: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    copy = damaged(saved, tmp_path)
    tensors = load_file(copy / "weights.safetensors")
    for name in ("network0.head.bias", "shortcut"):
        wrong = tensors[f"model.{name}"].copy()
        wrong[0] = np.nan
        save_file({**tensors, f"model.{name}": wrong}, copy / "weights.safetensors")
        part = name.removeprefix("network0.")
        with pytest.raises(InputError, match=rf"damaged: .*finite numbers in .*{part}"):
            elman.load(copy)


@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_a_gap_where_the_window_begins_is_filled_as_before(strategy: str, tmp_path: Path) -> None:
    table = several()
    y = table["y"].to_numpy().copy()
    y[90 - 14 : 90 - 10] = np.nan  # the window of the first series is its last 12 rows
    table = table.with_columns(y=y)
    forecaster = elman.Forecaster(**FAST, strategy=strategy).fit(table)
    forecaster.save(tmp_path / "model")
    assert elman.load(tmp_path / "model").predict().equals(forecaster.predict())


def test_every_tensor_of_a_wrong_shape_or_missing_is_refused(saved: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    copy = damaged(saved, tmp_path)
    tensors = load_file(copy / "weights.safetensors")
    for name, tensor in tensors.items():
        others = {one: value for one, value in tensors.items() if one != name}
        for wrong in (tensor[None], tensor[:-1], None):
            changed = others if wrong is None else {**others, name: np.ascontiguousarray(wrong)}
            save_file(changed, copy / "weights.safetensors")
            with pytest.raises(InputError, match=name.removeprefix("model.").rpartition("0.")[2]):
                elman.load(copy)


@pytest.mark.parametrize(
    ("part", "value"),
    [("parameters", "x"), ("model", []), ("panel", {}), ("levels", [80]), ("source_shape", [])],
)
def test_a_description_that_makes_no_sense_is_refused(
    saved: Path, tmp_path: Path, part: str, value: Any
) -> None:
    with pytest.raises(InputError, match="damaged"):
        elman.load(damaged(saved, tmp_path, **{part: value}))


def test_the_same_training_leaves_the_same_files(tmp_path: Path) -> None:
    for name in "ab":
        elman.Forecaster(**FAST).fit(wave()).save(tmp_path / name)
    for file in sorted((tmp_path / "a").iterdir()):
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes(), file.name
