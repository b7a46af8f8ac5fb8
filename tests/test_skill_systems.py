"""The skill benchmarks of emulated systems: elman and PyTorch learn alike; records and tables."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import skill
from benchmarks.skills import emulators, lorenz, mackey_glass
from benchmarks.skills.common import Options

from elman.datasets.systems import lorenz as trajectories

pytest.importorskip("torch")


def test_both_learn_the_same_from_the_same_weights_in_the_same_order():
    data = trajectories(6, 200, 0.02, seed=1)
    training = replace(lorenz.TRAINING, epochs=4, rollout_share=0.5, rollout_steps=6)
    pair = emulators.train_pair(data, 16, training, seed=0)
    own, other = (pair.models[name].networks[0].flat.values for name in ("elman", "torch"))
    assert pair.updates == 4 and not np.array_equal(own, other)  # it was computed twice
    assert np.allclose(own, other, atol=2e-4)
    assert pair.loss["elman"] == pytest.approx(pair.loss["torch"], rel=1e-3)
    assert all(seconds > 0 for seconds in pair.seconds.values())


@pytest.mark.parametrize("module", [lorenz, mackey_glass], ids=["lorenz", "mackey_glass"])
def test_records_goals_and_tables(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert module.__name__.rpartition(".")[2] in skill.MODULES
    dt = {"dt": 0.02} if module is lorenz else {}
    monkeypatch.setattr(module, "TRAINED_ON", {"trajectories": 3, "steps": 240, "seed": 1, **dt})
    monkeypatch.setattr(module, "JUDGED_BY", {"trajectories": 2, "steps": 260, "seed": 2, **dt})
    monkeypatch.setattr(module, "TRAINING", replace(module.TRAINING, epochs=2, rollout_steps=5))
    monkeypatch.setattr(module, "HIDDEN", 8)
    monkeypatch.setattr(module, "STARTS", 5)
    monkeypatch.setattr(module, "HORIZON", 120)
    content = module.run(Options(seeds=(0, 1)))
    assert [one["seed"] for one in content["runs"]] == [0, 1] and len(content["goals"]) == 2
    (table,) = module.tables(content)
    names = [row[0] for row in table.rows]
    assert names[:2] == [f"LSTM in {name}, mean of 2 seeds" for name in ("elman", "torch")]
    assert names[2:] == ["persistence", "mean state", "linear", "analog"]
    assert {len(row) for row in table.rows} == {len(table.heads)}
