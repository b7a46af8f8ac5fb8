"""What runs here, and how it is overridden."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

import elman
from elman import _core
from elman.cells import CELLS


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture
def threads():
    before = elman.get_num_threads()
    yield
    elman.set_num_threads(before)


@pytest.mark.usefixtures("threads")
def test_threads_are_set_and_read():
    elman.set_num_threads(3)
    assert elman.get_num_threads() == 3
    elman.set_num_threads(np.int64(1))
    assert elman.get_num_threads() == 1


@pytest.mark.parametrize("wrong", [0, -1, 257, 2.0, "2", True, None])
def test_a_wrong_number_of_threads_is_refused(wrong):
    before = elman.get_num_threads()
    with pytest.raises(elman.InputError, match="threads: expected a whole number from 1 to 256"):
        elman.set_num_threads(wrong)
    assert elman.get_num_threads() == before


def test_the_environment_sets_the_threads():
    done = run_python("import elman; print(elman.get_num_threads())", ELMAN_NUM_THREADS="5")
    assert done.stdout.strip() == "5"


def test_threads_default_to_the_processors_of_the_process():
    environment = {key: value for key, value in os.environ.items() if key != "ELMAN_NUM_THREADS"}
    code = "import elman; print(elman.get_num_threads())"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120
    )
    expected = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert int(done.stdout) == expected


def test_show_config_says_what_runs(capsys):
    elman.show_config()
    text = capsys.readouterr().out
    for part in (elman.__version__, np.__version__, _core.isa(), "threads", *CELLS):
        assert part in text


@pytest.mark.parametrize("isa", _core.available_isas())
def test_the_environment_chooses_the_instruction_set(isa):
    done = run_python("from elman import _core; print(_core.isa())", ELMAN_ISA=isa)
    assert done.stdout.strip() == isa


def test_an_instruction_set_that_is_not_here_is_refused_by_name():
    done = run_python("from elman import _core; _core.isa()", ELMAN_ISA="altivec")
    assert done.returncode != 0
    assert "BackendUnavailable: ELMAN_ISA names 'altivec'" in done.stderr
    assert "baseline" in done.stderr


@pytest.mark.parametrize("wrong", ["many", "0", "-3", "2.5", "257"])
def test_a_wrong_number_of_threads_in_the_environment_is_refused(wrong):
    done = run_python("import elman; elman.get_num_threads()", ELMAN_NUM_THREADS=wrong)
    assert done.returncode != 0
    assert (
        f"InputError: ELMAN_NUM_THREADS: expected a whole number from 1 to 256, got '{wrong}'"
        in (done.stderr)
    )


def test_an_empty_environment_variable_says_nothing():
    done = run_python("import elman; elman.show_config()", ELMAN_NUM_THREADS="", ELMAN_ISA="")
    assert done.returncode == 0, done.stderr


def test_the_core_has_every_cell_of_the_registry():
    assert sorted(_core.cells()) == sorted(CELLS)


def test_import_is_light():
    """`import elman` brings in none of the libraries that only some features need."""
    code = (
        "import sys, elman; "
        "heavy = {'polars', 'pandas', 'torch', 'plotly', 'typer', 'rich', 'jinja2', 'sklearn', "
        "'narwhals', 'numpy'}; print(sorted(heavy & set(sys.modules)))"
    )
    assert run_python(code).stdout.strip() == "[]"


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="no attribute 'Transformer'"):
        elman.Transformer  # noqa: B018
    assert set(elman.__all__) <= set(dir(elman))
