"""Messages name what was typed: options, not the arguments of the Python interface."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from elman.cli import main


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["forecast", "--hidden", "0"], "elman: --hidden: expected a whole number"),
        (["forecast", "--horizon", "0"], "elman: --horizon: expected"),
        (["forecast", "--segment", "3", "--strategy", "recursive"], "--strategy recursive feeds"),
        (["detect", "--code", "0"], "elman: --code: expected"),
        (["detect", "--false-alarm", "2"], "elman: --false-alarm: expected"),
        (["translate", "--sampling", "3"], "elman: --sampling: expected"),
        (["translate", "--layers", "0"], "elman: --layers: expected"),
        (["generate", "--top-k", "0"], "elman: --top-k: expected"),
        (["predict", "nowhere"], "elman: RUN: expected a run folder"),
    ],
)
def test_options_are_named_as_typed(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert expected in capsys.readouterr().err


def test_numbers_beyond_any_machine_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("--epochs", "--hidden"):
        assert main(["forecast", option, "99999999999999999999"]) == 2
        assert option in capsys.readouterr().err


def test_the_short_form_of_help(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["-h"], ["forecast", "-h"]):
        assert main(arguments) == 0
        assert "Usage" in capsys.readouterr().out


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize(
    ("shell", "code", "said"),
    [
        ("> /dev/full", 2, "elman: cannot write to standard output: No space left on device\n"),
        (">&-", 0, ""),
    ],
)
def test_streams_that_cannot_be_written_to(shell: str, code: int, said: str) -> None:
    done = subprocess.run(
        f"{shlex.quote(sys.executable)} -m elman datasets {shell}",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (code, said)
